//! Cuts a text into lines and a line into the pieces that have a meaning of their own.
//!
//! The language is made of lines, and what a piece means depends on the section a line stands in (an option may contain
//! `>`, an address may contain `=`). So there is no list of tokens: the parser asks for the next piece of the kind that it
//! expects there. Whatever lies between pieces is layout.

use crate::source::Span;

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
/// again before it is closed, hides nothing.
pub(crate) fn operator(text: &str, part: Span) -> Option<(Span, Operator)> {
    let bytes = part.of(text).as_bytes();
    let mut at = 0;
    // Behind this place there is no closing brace, so that looking for one is not repeated.
    let mut unclosed = false;
    while at < bytes.len() {
        match bytes[at] {
            b'{' if !unclosed => match bytes[at + 1..].iter().position(|byte| matches!(byte, b'{' | b'}')) {
                Some(len) if bytes[at + 1 + len] == b'}' => at += 1 + len,
                Some(_) => {}
                None => unclosed = true,
            },
            first @ (b'<' | b'>') => {
                let second = bytes.get(at + 1).copied();
                let start = part.start as usize + at;
                return Some(match (first, second) {
                    (b'<', Some(b'>')) | (b'>', Some(b'<')) => (Span::new(start, start + 2), Operator::Both),
                    (b'<', _) => (Span::new(start, start + 1), Operator::Left),
                    _ => (Span::new(start, start + 1), Operator::Right),
                });
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// Cuts one side of a mapping line at each ` | `.
pub(crate) fn stages(text: &str, side: Span) -> impl Iterator<Item = Span> {
    let mut rest = Some(side);
    std::iter::from_fn(move || {
        let part = rest?;
        let bar = part.of(text).as_bytes().windows(3).position(|bytes| bytes == b" | ");
        let end = bar.map_or(part.end as usize, |bar| part.start as usize + bar);
        rest = bar.map(|_| Span::new(end + 3, part.end as usize));
        Some(trim(text, Span::new(part.start as usize, end)))
    })
}

#[cfg(test)]
mod tests {
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
}
