//! Ranges and lists in addresses: `fader{1..8}`, `{red,green,blue}`. An address may have several; the rightmost one varies
//! fastest. They also work within quotes, where `\{` is a literal brace.
//!
//! A pattern is never expanded as a whole. It knows the number of its addresses and writes one of them on request, so that
//! `{0..99999999999}` takes no memory and is reported as too large.

use crosspatch_core::address::closing_quote;

use crate::syntax::lexer;
use crate::syntax::source::Span;
use crate::syntax::tree::Fault;
use crate::wording::quote;

/// An address with its ranges and lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern<'t> {
    segments: Vec<PatternSegment<'t>>,
    size: u128,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum PatternSegment<'t> {
    Literal(&'t str),
    /// Braces. `stride` is the number of consecutive addresses with the same element.
    Choice {
        elements: Vec<Element<'t>>,
        size: u128,
        stride: u128,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Element<'t> {
    Word(&'t str),
    Range { from: u64, to: u64 },
}

impl Element<'_> {
    fn size(&self) -> u128 {
        match self {
            Self::Word(_) => 1,
            Self::Range { from, to } => u128::from(from.abs_diff(*to)) + 1,
        }
    }
}

impl<'t> Pattern<'t> {
    /// Parses the address at `span`. Adds mistakes to `faults`.
    pub(crate) fn parse(text: &'t str, span: Span, faults: &mut Vec<Fault>) -> Self {
        let mut segments = Vec::new();
        let mut at = span.start as usize;
        let end = span.end as usize;
        let quotes_end = at + closing_quote(span.of(text), 0).unwrap_or(0);
        while at < end {
            let rest = &text[at..end];
            let quoted = quotes_end.saturating_sub(at);
            let Some(brace) = unescaped(rest, quoted).find(|(_, byte)| matches!(byte, b'{' | b'}')) else {
                segments.push(PatternSegment::Literal(rest));
                break;
            };
            let (brace, _) = brace;
            if brace > 0 {
                segments.push(PatternSegment::Literal(&rest[..brace]));
            }
            at += brace;
            if rest.as_bytes()[brace] == b'}' {
                let message = "expected `{` before this `}`";
                faults.push(fault(Span::new(at, at + 1), message.into(), None));
                at += 1;
                continue;
            }
            let Some(len) = closing(&text[at..end], quotes_end.saturating_sub(at)) else {
                let message = format!("expected `}}` after {}", quote(&text[at..end]));
                faults.push(fault(Span::new(at, end), message, None));
                break;
            };
            let inner = Span::new(at + 1, at + len - 1);
            segments.push(choice(text, inner, faults));
            at += len;
        }
        let size = set_strides(&mut segments);
        Self { segments, size }
    }

    /// The number of addresses; saturates.
    pub(crate) fn size(&self) -> u128 {
        self.size
    }

    /// Writes the address with the given number, counted from 0, into `out`.
    pub(crate) fn write_nth(&self, number: u128, out: &mut String) {
        out.clear();
        for segment in &self.segments {
            match segment {
                PatternSegment::Literal(text) => out.push_str(text),
                PatternSegment::Choice { elements, size, stride } => {
                    // A shortcut: few patterns have more than 2^64 addresses, and 128-bit division is slow.
                    let index = match (u64::try_from(number), u64::try_from(*stride), u64::try_from(*size)) {
                        (Ok(number), Ok(stride), Ok(size)) => u128::from(number / stride % size),
                        _ => number / stride % size,
                    };
                    write_element(elements, index, out);
                }
            }
        }
    }
}

fn write_element(elements: &[Element<'_>], mut index: u128, out: &mut String) {
    for element in elements {
        let size = element.size();
        if index >= size {
            index -= size;
            continue;
        }
        match element {
            Element::Word(word) => out.push_str(word),
            Element::Range { from, to } if from <= to => push_number(from + index as u64, out),
            Element::Range { from, .. } => push_number(from - index as u64, out),
        }
        return;
    }
}

/// Writes a number in decimal. `format!` is slower, and a large file has a million numbers.
fn push_number(mut number: u64, out: &mut String) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend(digits[at..].iter().map(|&digit| char::from(digit)));
}

/// Sets the stride of every choice. Returns the number of addresses.
fn set_strides(segments: &mut [PatternSegment<'_>]) -> u128 {
    let mut total = 1_u128;
    for segment in segments.iter_mut().rev() {
        if let PatternSegment::Choice { size, stride, .. } = segment {
            *stride = total;
            total = total.saturating_mul(*size);
        }
    }
    total
}

/// The bytes of `text` with their positions, except those that are escaped by a backslash within the first `quoted` bytes.
fn unescaped(text: &str, quoted: usize) -> impl Iterator<Item = (usize, u8)> {
    let mut is_escaped = false;
    text.bytes().enumerate().filter(move |&(at, byte)| {
        let is_sign = !is_escaped;
        is_escaped = at < quoted && byte == b'\\' && !is_escaped;
        is_sign
    })
}

/// The length of the braces at the start of `text`, including nested ones.
fn closing(text: &str, quoted: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in unescaped(text, quoted) {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at + 1);
        }
    }
    None
}

fn fault(span: Span, message: String, help: Option<String>) -> Fault {
    Fault::error(span, "range", message, help.as_deref())
}

const FORMS: &str = "a range is written `{1..8}`, a list `{red,green,blue}`";

/// Parses the content of braces. `inner` excludes the braces themselves.
fn choice<'t>(text: &'t str, inner: Span, faults: &mut Vec<Fault>) -> PatternSegment<'t> {
    let before = faults.len();
    let whole = Span::new(inner.start as usize - 1, inner.end as usize + 1);
    let content = inner.of(text);
    let mut elements = Vec::new();
    if content.contains('{') {
        let message = format!("expected a range or a list, found nested braces in {}", quote(whole.of(text)));
        faults.push(fault(whole, message, Some(FORMS.to_owned())));
    } else if lexer::trim(text, inner).is_empty() {
        faults.push(fault(
            whole,
            "expected a range or a list, found `{}`".to_owned(),
            Some(FORMS.to_owned()),
        ));
    } else if !content.contains(',') && !content.contains("..") {
        let message = format!("expected a range or a list, found {}", quote(whole.of(text)));
        faults.push(fault(whole, message, Some(meant_range(content).unwrap_or_else(|| FORMS.to_owned()))));
    } else {
        let mut start = inner.start as usize;
        for piece in content.split(',') {
            let span = lexer::trim(text, Span::new(start, start + piece.len()));
            start += piece.len() + 1;
            elements.extend(element(text, span, whole, faults));
        }
    }
    if faults.len() > before || elements.is_empty() {
        // A single placeholder, so that the count of the remaining addresses is still useful.
        elements = vec![Element::Word("")];
    }
    let size = elements.iter().map(Element::size).sum();
    PatternSegment::Choice { elements, size, stride: 1 }
}

fn element<'t>(text: &'t str, span: Span, whole: Span, faults: &mut Vec<Fault>) -> Option<Element<'t>> {
    let piece = span.of(text);
    if piece.is_empty() {
        let message = format!("expected a word between commas in {}, found nothing", quote(whole.of(text)));
        faults.push(fault(Span::new(span.start as usize, span.end as usize + 1), message, None));
        return None;
    }
    let Some((from, to)) = piece.split_once("..") else { return Some(Element::Word(piece)) };
    match (read_number(from), read_number(to)) {
        (Ok(from), Ok(to)) => Some(Element::Range { from, to }),
        (Err(message), _) | (_, Err(message)) => {
            let help = piece
                .contains("...")
                .then(|| format!("did you mean {}?", quote(&format!("{{{}}}", piece.replace("...", "..")))));
            faults.push(fault(span, message, help));
            None
        }
    }
}

fn read_number(digits: &str) -> Result<u64, String> {
    let digits = digits.trim();
    if digits.is_empty() {
        return Err("expected a number on both sides of `..`, found nothing".to_owned());
    }
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("expected a number on both sides of `..`, found {}", quote(digits)));
    }
    digits.parse().map_err(|_| format!("the number {} is too large", quote(digits)))
}

/// A suggestion for `{1-8}`, `{1:8}` and similar.
fn meant_range(content: &str) -> Option<String> {
    let (from, rest) = content.split_at(content.find(|c: char| !c.is_ascii_digit())?);
    let to = rest.trim_start_matches(['.', '-', ':', ' ', '~', '–', '/', ';']);
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    (is_number(from) && is_number(to))
        .then(|| format!("did you mean {}?", quote(&format!("{{{from}..{to}}}"))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(address: &str) -> (Pattern<'_>, Vec<Fault>) {
        let mut faults = Vec::new();
        let pattern = Pattern::parse(address, Span::new(0, address.len()), &mut faults);
        (pattern, faults)
    }

    fn all(address: &str) -> Vec<String> {
        let (pattern, faults) = parse(address);
        assert_eq!(faults, [], "{address}");
        (0..pattern.size())
            .map(|number| {
                let mut out = String::from("rubbish");
                pattern.write_nth(number, &mut out);
                out
            })
            .collect()
    }

    #[test]
    fn ranges_run_either_way_and_the_rightmost_varies_fastest() {
        assert_eq!(all("fader{1..3}"), ["fader1", "fader2", "fader3"]);
        assert_eq!(all("{3..1}"), ["3", "2", "1"]);
        assert_eq!(all("{5..5}x"), ["5x"]);
        assert_eq!(all("{08..10}"), ["8", "9", "10"]);
        assert_eq!(all("{red, green}{1..2}"), ["red1", "red2", "green1", "green2"]);
        assert_eq!(all("{1..2,9}"), ["1", "2", "9"]);
        assert_eq!(all("plain"), ["plain"]);
        assert_eq!(all(r#""a {1..2}":{3,4}"#), [r#""a 1":3"#, r#""a 1":4"#, r#""a 2":3"#, r#""a 2":4"#]);
        assert_eq!(all(r#""\{x\}\\{1..2}""#), [r#""\{x\}\\1""#, r#""\{x\}\\2""#]);
    }

    #[test]
    fn mistakes_are_reported_with_suggestions() {
        for (address, message) in [
            ("{}", "expected a range or a list, found `{}`"),
            ("{a..b}", "expected a number on both sides of `..`, found `a`"),
            ("{1..", "expected `}` after `{1..`"),
            ("{1..}", "expected a number on both sides of `..`, found nothing"),
            ("{-1..3}", "expected a number on both sides of `..`, found `-1`"),
            ("{0x1..3}", "expected a number on both sides of `..`, found `0x1`"),
            ("{1,{2,3}}", "expected a range or a list, found nested braces in `{1,{2,3}}`"),
            ("x}", "expected `{` before this `}`"),
            ("{1,,2}", "expected a word between commas in `{1,,2}`, found nothing"),
            ("{1..99999999999999999999}", "the number `99999999999999999999` is too large"),
            ("{7..14]}", "expected a number on both sides of `..`, found `14]`"),
        ] {
            let (_, faults) = parse(address);
            assert_eq!(faults.first().map(|fault| &*fault.message), Some(message), "{address}");
        }
        for (address, help) in [
            ("{1-8}", "did you mean `{1..8}`?"),
            ("{1.8}", "did you mean `{1..8}`?"),
            ("{1...8}", "did you mean `{1..8}`?"),
            ("{5}", FORMS),
        ] {
            assert_eq!(parse(address).1[0].help.as_deref(), Some(help), "{address}");
        }
    }

    #[test]
    fn a_huge_range_takes_no_memory() {
        assert_eq!(parse("{0..99999999999}").0.size(), 100_000_000_000);
        let (pattern, _) = parse("{0..18446744073709551615}{0..18446744073709551615}{1..2}");
        assert_eq!(pattern.size(), u128::MAX);
        let mut out = String::new();
        pattern.write_nth(5, &mut out);
        assert_eq!(out, "022");
    }

    /// Expands everything in the simplest way.
    fn naive(segments: &[Vec<String>]) -> Vec<String> {
        segments.iter().fold(vec![String::new()], |heads, segment| {
            heads.iter().flat_map(|head| segment.iter().map(move |tail| format!("{head}{tail}"))).collect()
        })
    }

    /// A segment as written, and its elements.
    fn segment() -> impl Strategy<Value = (String, Vec<String>)> {
        prop_oneof![
            "[a-z./]{1,4}".prop_map(|text| (text.clone(), vec![text])),
            (0_u64..200, 0_u64..12, any::<bool>()).prop_map(|(low, more, up)| {
                let mut numbers: Vec<_> = (low..=low + more).map(|number| number.to_string()).collect();
                if !up {
                    numbers.reverse();
                }
                (format!("{{{}..{}}}", numbers[0], numbers[numbers.len() - 1]), numbers)
            }),
            prop::collection::vec("[a-z0-9]{1,3}", 2..5)
                .prop_map(|words| (format!("{{{}}}", words.join(",")), words)),
        ]
    }

    proptest! {
        #[test]
        fn writes_the_same_addresses_as_the_full_expansion(segments in prop::collection::vec(segment(), 1..4)) {
            let written: String = segments.iter().map(|(text, _)| text.as_str()).collect();
            let words: Vec<_> = segments.into_iter().map(|(_, words)| words).collect();
            prop_assert_eq!(all(&written), naive(&words));
        }

        #[test]
        fn parses_any_input_without_panic(address in "[{}.,0-9a-b]{0,30}") {
            let (pattern, faults) = parse(&address);
            let mut out = String::new();
            pattern.write_nth(0, &mut out);
            prop_assert!(faults.iter().all(|fault| address.get(fault.span.range()).is_some()));
        }
    }
}
