//! Cuts a text into lines and a line into the pieces that have a meaning of their own.
//!
//! The language is made of lines, and what a piece means depends on the section a line stands in (an option may contain
//! `>`, an address may contain `=`). So there is no list of tokens: the parser asks for the next piece of the kind that it
//! expects there. Whatever lies between pieces is layout.

use std::borrow::Cow;

use crosspatch_core::address::{closing_quote, quotes_of_channel};

use crate::syntax::source::Span;

/// The lines of a text, or of a part of it, without their ends.
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

/// Which way a mapping goes.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `>`: from left to right.
    Right,
    /// `<`: from right to left.
    Left,
    /// `<>`: both ways.
    Both,
}

/// What may surround a piece: blanks, the `\r` of a line end, a byte order mark, stray control characters.
fn is_layout(letter: char) -> bool {
    letter.is_whitespace() || letter.is_control() || matches!(letter, '\u{feff}' | '\u{200b}')
}

/// A part of a text without the layout around it.
pub(crate) fn trim(text: &str, part: Span) -> Span {
    let piece = part.of(text);
    // Nearly always there is nothing to do, and the two outermost bytes say so.
    if let [first, .., last] = piece.as_bytes()
        && first.is_ascii_graphic()
        && last.is_ascii_graphic()
    {
        return part;
    }
    let behind = piece.trim_start_matches(is_layout);
    let start = part.end as usize - behind.len();
    Span::new(start, start + behind.trim_end_matches(is_layout).len())
}

/// The first word of a part, and the rest of it without the layout between them.
pub(crate) fn word(text: &str, part: Span) -> (Span, Span) {
    let piece = part.of(text);
    let len = piece.find(char::is_whitespace).unwrap_or(piece.len());
    let end = part.start as usize + len;
    (Span::new(part.start as usize, end), trim(text, Span::new(end, part.end as usize)))
}

/// The first operator of a mapping line that stands outside of braces. A brace that is never closed, or that is opened
/// again before it is closed, hides nothing. Where the line has stages, `text` is what [`signs`] makes of it.
pub(crate) fn operator(text: &str, part: Span) -> Option<(Span, Operator)> {
    let bytes = part.of(text).as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'{' => at = behind_braces(bytes, at),
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

/// The place behind the braces that open at `open`, or behind that brace alone where they hide nothing. Looks no further
/// than to the next brace, so that looking is not repeated.
fn behind_braces(bytes: &[u8], open: usize) -> usize {
    let next = bytes[open + 1..].iter().position(|byte| matches!(byte, b'{' | b'}'));
    let close = next.map(|len| open + 1 + len).filter(|&next| bytes[next] == b'}');
    close.unwrap_or(open) + 1
}

/// The place of the next bar at `from` or behind it: a `|` between blanks, or at an end of `text`.
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
    let (before, behind) = (text[..at].chars().next_back(), text[at + 1..].chars().next());
    before.is_none_or(is_layout) && behind.is_none_or(is_layout)
}

/// A mapping line in which each `|`, `<`, `>`, `;` and brace is a sign of the line itself. What only looks like one within
/// a quoted address or a stage (in a quoted text, in `range 0..1 -> 1..0`, in `when a.x > 0.5`) is veiled, byte for byte, so
/// that places stay the same. A line without a bar and without quotes is returned as it is.
pub(crate) fn mask_line(line: &str) -> Cow<'_, str> {
    if bar(line, 0).is_none() && !line.contains(".\"") {
        return line.into();
    }
    let mut mask = Mask::new(line);
    let bytes = line.as_bytes();
    let mut at = mask.address(0);
    while at < bytes.len() {
        match bytes[at] {
            b'{' => at = behind_braces(bytes, at),
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

/// The same for a line of stages, which no channel stands in front of.
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
    /// Whether there was a quote that nothing closes. Those behind it are not closed, either, so that looking for an end
    /// is not repeated.
    is_unclosed: bool,
}

/// What stands in the place of what is veiled.
const MASK: u8 = b'_';

impl<'t> Mask<'t> {
    fn new(line: &'t str) -> Self {
        Self { line, masked: line.as_bytes().to_vec(), is_unclosed: false }
    }

    fn done(self) -> Cow<'t, str> {
        String::from_utf8(self.masked).expect("whole letters have been veiled").into()
    }

    /// Veils the quoted address of the channel that begins behind `start`, if it has one. Returns the place behind that.
    fn address(&mut self, start: usize) -> usize {
        let part = trim(self.line, Span::new(start, self.line.len()));
        let Some(quotes) = quotes_of_channel(part.of(self.line)) else { return start };
        let begin = part.start as usize;
        self.masked[begin + quotes.start..begin + quotes.end].fill(MASK);
        begin + quotes.end
    }

    /// Veils the stage that begins at `start`. Returns its end: the place of the next bar or operator.
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
                b'{' => at = behind_braces(bytes, at),
                b'|' if is_bar(self.line, at) => return at,
                b'<' | b'>' => {
                    let behind = &self.line[at + 1..];
                    let is_shaft = bytes[at] == b'>' && bytes[..at].ends_with(b"-") && is_number_next(behind);
                    let limit = behind.strip_prefix('=').unwrap_or(behind);
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

/// Whether the next word is made of digits and what belongs to numbers: `0.5`, `-20%`, `0..1`.
fn is_number_next(text: &str) -> bool {
    let word = text.split_whitespace().next().unwrap_or_default();
    let is_of_number = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+' | b'%');
    word.bytes().all(is_of_number) && word.bytes().any(|byte| byte.is_ascii_digit())
}

/// Cuts one side of a mapping line at each bar: the channel, and the stages behind it.
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
    fn operators_are_found_outside_of_braces_even_behind_broken_ones() {
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
    fn a_bar_between_blanks_separates_stages_and_a_bare_one_does_not() {
        let line = "a.x|y | invert | curve 2.2";
        let stages: Vec<_> = stages(line, all(line)).map(|span| span.of(line)).collect();
        assert_eq!(stages, ["a.x|y", "invert", "curve 2.2"]);
    }

    #[test]
    fn what_only_looks_like_a_sign_is_veiled() {
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
        fn signs_are_as_long_as_their_line_and_the_line_itself_without_a_bar_or_quotes(line in "[ |<>\"\\\\{}a0.ü;-]{0,30}") {
            let found = mask_line(&line);
            prop_assert_eq!(found.len(), line.len());
            let has_bar = line.split(is_layout).any(|word| word == "|");
            prop_assert!(has_bar || line.contains('"') || found == line);
            prop_assert_eq!(mask_stages(&line).len(), line.len());
            for (veiled, byte) in found.bytes().zip(line.bytes()) {
                prop_assert!(veiled == byte || veiled == b'_');
            }
        }
    }
}
