//! Splits a text into lines, and a line into pieces.
//!
//! The meaning of a piece depends on the section of its line: an option may contain `>`, and an address may contain `=`.
//! There is therefore no list of tokens. The parser asks for the next piece of the kind that it expects. Everything between
//! pieces is layout.

use std::borrow::Cow;

use crosspatch_core::address::{closing_quote, quotes_of_channel};

use crate::syntax::source::Span;

/// The lines of a text, or of a part of it, without their line feeds.
#[derive(Clone, Debug)]
pub(crate) struct Lines<'t> {
    text: &'t str,
    at: usize,
    end: usize,
}

impl<'t> Lines<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, at: 0, end: text.len() }
    }

    pub(crate) fn within(text: &'t str, part: Span) -> Self {
        Self { text, at: part.start as usize, end: part.end as usize }
    }
}

impl Iterator for Lines<'_> {
    type Item = Span;

    fn next(&mut self) -> Option<Span> {
        if self.at >= self.end {
            return None;
        }
        let start = self.at;
        let rest = &self.text.as_bytes()[start..self.end];
        let len = rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
        self.at = start + len + 1;
        Some(Span::new(start, start + len))
    }
}

/// The direction of a mapping.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `>`: from left to right.
    Right,
    /// `<`: from right to left.
    Left,
    /// `<>`: in both directions.
    Both,
}

/// Whether a character may surround a piece: white space, a byte order mark or a control character.
fn is_layout(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '\u{feff}' | '\u{200b}')
}

/// A part of a text without the layout around it.
pub(crate) fn trim(text: &str, part: Span) -> Span {
    let piece = part.of(text);
    // A shortcut: most parts begin and end with an ASCII character that is not layout.
    if let [first, .., last] = piece.as_bytes()
        && first.is_ascii_graphic()
        && last.is_ascii_graphic()
    {
        return part;
    }
    let rest = piece.trim_start_matches(is_layout);
    let start = part.end as usize - rest.len();
    Span::new(start, start + rest.trim_end_matches(is_layout).len())
}

/// The first word of a part, and the rest of it without the layout between them.
pub(crate) fn word(text: &str, part: Span) -> (Span, Span) {
    let piece = part.of(text);
    let len = piece.find(char::is_whitespace).unwrap_or(piece.len());
    let end = part.start as usize + len;
    (Span::new(part.start as usize, end), trim(text, Span::new(end, part.end as usize)))
}

/// The first operator of a mapping line outside braces. Braces that are not closed before the next `{` are ignored. If the
/// line has stages or quotes, `text` is the result of [`mask_line`].
pub(crate) fn operator(text: &str, part: Span) -> Option<(Span, Operator)> {
    let bytes = part.of(text).as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'{' => at = after_braces(bytes, at),
            first @ (b'<' | b'>') => {
                let second = bytes.get(at + 1).copied();
                let start = part.start as usize + at;
                return Some(match (first, second) {
                    (b'<', Some(b'>')) | (b'>', Some(b'<')) => (Span::new(start, start + 2), Operator::Both),
                    (b'<', _) => (Span::new(start, start + 1), Operator::Left),
                    _ => (Span::new(start, start + 1), Operator::Right),
                });
            }
            _ => at += 1,
        }
    }
    None
}

/// The position after the braces that open at `open`, or after that brace alone if they are ignored. Searches up to the next
/// brace only, so that the lexer takes linear time.
fn after_braces(bytes: &[u8], open: usize) -> usize {
    let next = bytes[open + 1..].iter().position(|byte| matches!(byte, b'{' | b'}'));
    let close = next.map(|len| open + 1 + len).filter(|&next| bytes[next] == b'}');
    close.unwrap_or(open) + 1
}

/// The position of the next bar from `from` on. A bar is a `|` with layout or an end of `text` on both sides.
fn bar(text: &str, mut from: usize) -> Option<usize> {
    loop {
        let at = from + text.as_bytes()[from..].iter().position(|&byte| byte == b'|')?;
        if is_bar(text, at) {
            return Some(at);
        }
        from = at + 1;
    }
}

/// Whether the `|` at `at` is a bar.
fn is_bar(text: &str, at: usize) -> bool {
    let (before, after) = (text[..at].chars().next_back(), text[at + 1..].chars().next());
    before.is_none_or(is_layout) && after.is_none_or(is_layout)
}

/// A mapping line in which every `|`, `<`, `>`, `;` and brace belongs to the syntax of the line.
///
/// The same characters within a quoted address or a stage (in a quoted text, in `range 0..1 -> 1..0`, in `when a.x > 0.5`)
/// are masked byte for byte, so that positions stay valid. A line without bars and quotes is returned unchanged.
pub(crate) fn mask_line(line: &str) -> Cow<'_, str> {
    if bar(line, 0).is_none() && !line.contains(".\"") {
        return line.into();
    }
    let mut mask = Mask::new(line);
    let bytes = line.as_bytes();
    let mut at = mask.address(0);
    while at < bytes.len() {
        match bytes[at] {
            b'{' => at = after_braces(bytes, at),
            b'|' if is_bar(line, at) => at = mask.stage(at + 1),
            b'<' | b'>' => {
                at += 1 + usize::from(matches!(bytes.get(at + 1), Some(b'<' | b'>')));
                at = mask.address(at);
            }
            _ => at += 1,
        }
    }
    mask.done()
}

/// The same for a line that consists of stages only.
pub(crate) fn mask_stages(line: &str) -> Cow<'_, str> {
    let mut mask = Mask::new(line);
    let mut at = mask.stage(0);
    while let Some(next) = bar(line, at) {
        at = mask.stage(next + 1);
    }
    mask.done()
}

struct Mask<'t> {
    line: &'t str,
    masked: Vec<u8>,
    /// Whether an unclosed quote was found. All quotes after it are unclosed too, so the lexer stops searching for an end.
    is_unclosed: bool,
}

/// Replaces masked bytes.
const MASK: u8 = b'_';

impl<'t> Mask<'t> {
    fn new(line: &'t str) -> Self {
        Self { line, masked: line.as_bytes().to_vec(), is_unclosed: false }
    }

    fn done(self) -> Cow<'t, str> {
        String::from_utf8(self.masked).expect("only whole characters have been masked").into()
    }

    /// Masks the address of the channel after `start` if it is quoted. Returns the position after it.
    fn address(&mut self, start: usize) -> usize {
        let part = trim(self.line, Span::new(start, self.line.len()));
        let Some(quotes) = quotes_of_channel(part.of(self.line)) else { return start };
        let begin = part.start as usize;
        self.masked[begin + quotes.start..begin + quotes.end].fill(MASK);
        begin + quotes.end
    }

    /// Masks the stage that begins at `start`. Returns the position of the bar or operator that ends it.
    fn stage(&mut self, start: usize) -> usize {
        let bytes = self.line.as_bytes();
        let compares = self.line[start..].split_whitespace().next() == Some("when");
        let mut at = start;
        while at < bytes.len() {
            match bytes[at] {
                b'"' if !self.is_unclosed => match closing_quote(self.line, at) {
                    Some(close) => {
                        self.masked[at..=close].fill(MASK);
                        at = close + 1;
                    }
                    None => self.is_unclosed = true,
                },
                b'{' => at = after_braces(bytes, at),
                b'|' if is_bar(self.line, at) => return at,
                b'<' | b'>' => {
                    let rest = &self.line[at + 1..];
                    let is_shaft = bytes[at] == b'>' && bytes[..at].ends_with(b"-") && is_number_next(rest);
                    let limit = rest.strip_prefix('=').unwrap_or(rest);
                    let is_comparison = compares && (is_number_next(limit) || is_text_next(limit));
                    if !is_shaft && !is_comparison {
                        return at;
                    }
                    self.masked[at] = MASK;
                    at += 1;
                }
                _ => at += 1,
            }
        }
        at
    }
}

fn is_text_next(text: &str) -> bool {
    text.trim_start().starts_with('"')
}

/// Whether the next word is a number or a range of numbers: `0.5`, `-20%`, `0..1`.
fn is_number_next(text: &str) -> bool {
    let word = text.split_whitespace().next().unwrap_or_default();
    let is_of_number = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+' | b'%');
    word.bytes().all(is_of_number) && word.bytes().any(|byte| byte.is_ascii_digit())
}

/// Splits one side of a mapping line at each bar, into the channels and the stages after them.
pub(crate) fn stages(masked: &str, side: Span) -> impl Iterator<Item = Span> {
    let mut rest = Some(side);
    std::iter::from_fn(move || {
        let part = rest?;
        let bar = bar(part.of(masked), 0);
        let end = bar.map_or(part.end as usize, |bar| part.start as usize + bar);
        rest = bar.map(|_| Span::new(end + 1, part.end as usize));
        Some(trim(masked, Span::new(part.start as usize, end)))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(text: &str) -> Span {
        Span::new(0, text.len())
    }

    #[test]
    fn lines_end_at_line_feeds_and_the_last_needs_none() {
        let lines = |text| Lines::new(text).map(|span| span.of(text)).collect::<Vec<_>>();
        assert_eq!(lines("a\r\n\nb"), ["a\r", "", "b"]);
        assert_eq!(lines("a\n"), ["a"]);
        assert_eq!(lines(""), [""; 0]);
    }

    #[test]
    fn layout_is_trimmed_on_both_sides() {
        for text in ["\u{feff}\t a b \r", "a b", " \u{a0}a b\0"] {
            assert_eq!(trim(text, all(text)).of(text), "a b");
        }
        assert!(trim(" \t", all(" \t")).is_empty());
    }

    #[test]
    fn operators_are_found_outside_braces_and_after_unclosed_ones() {
        for (line, operator_is) in [
            ("a.x > b.y", Some((4, Operator::Right))),
            ("a.x<b.y", Some((3, Operator::Left))),
            ("a.x <> b.y", Some((4, Operator::Both))),
            ("a.x >< b.y", Some((4, Operator::Both))),
            ("a.{<,>} > b", Some((8, Operator::Right))),
            ("a.{1.. > b.{1..4}", Some((7, Operator::Right))),
            ("a.{1,{2,3}} > b", Some((12, Operator::Right))),
            ("a.{1.. > b", Some((7, Operator::Right))),
            ("a.x b.y", None),
        ] {
            let found = operator(line, all(line)).map(|(span, operator)| (span.start, operator));
            assert_eq!(found, operator_is, "{line}");
        }
    }

    #[test]
    fn a_bar_between_spaces_separates_stages_and_a_bare_one_does_not() {
        let line = "a.x|y | invert | curve 2.2";
        let stages: Vec<_> = stages(line, all(line)).map(|span| span.of(line)).collect();
        assert_eq!(stages, ["a.x|y", "invert", "curve 2.2"]);
    }

    #[test]
    fn characters_within_quotes_and_stages_are_masked() {
        for (line, expected) in [
            (r#"a."x | y > z" > b"#, "a.___________ > b"),
            (r#"a."x\"{<" | t <> b."ü ;":2 | u"#, "a._______ | t <> b.______:2 | u"),
            (r#"a.{<} > b."x > y""#, "a.{<} > b._______"),
            (r#"a."x > b.y"#, r#"a."x > b.y"#),
            (r#"a.x | t "<|>" > b."y""#, "a.x | t _____ > b.___"),
            ("a.x | range 0..1 -> 1..0 > b", "a.x | range 0..1 -_ 1..0 > b"),
            ("a.x | when b.y >= 5% > c | when d < \"ü\"", "a.x | when b.y _= 5% > c | when d _ ____"),
            ("a.x\u{a0}|\u{a0}when b > 5 > c", "a.x\u{a0}|\u{a0}when b _ 5 > c"),
            ("a.x | not b.y > 5", "a.x | not b.y > 5"),
            (r#"a.x | "\" > b | c""#, r#"a.x | ____________"#),
        ] {
            assert_eq!(mask_line(line), expected, "{line}");
        }
    }

    proptest! {
        #[test]
        fn masking_keeps_the_length_and_leaves_lines_without_bars_and_quotes_alone(line in "[ |<>\"\\\\{}a0.ü;-]{0,30}") {
            let found = mask_line(&line);
            prop_assert_eq!(found.len(), line.len());
            let has_bar = line.split(is_layout).any(|word| word == "|");
            prop_assert!(has_bar || line.contains('"') || found == line);
            prop_assert_eq!(mask_stages(&line).len(), line.len());
            for (masked, byte) in found.bytes().zip(line.bytes()) {
                prop_assert!(masked == byte || masked == b'_');
            }
        }
    }
}
