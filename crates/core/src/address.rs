//! Quoted addresses: names that contain characters with a meaning in the language, quoted as a whole or in part.
//!
//! The opening quote follows the dot after the instance: `tablet."/my layer/opacity":2`. Inside the quotes, `"`, `\`,
//! `{` and `}` are escaped with a backslash; everything else is literal. Text after the closing quote also belongs to
//! the address. Backends and sessions see the names without quotes.

use std::borrow::Cow;
use std::ops::Range;

/// An address that begins with a quote, in its two parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quoted<'a> {
    /// The text between the quotes, without its backslashes.
    pub name: Cow<'a, str>,
    /// The text after the closing quote.
    pub rest: &'a str,
}

impl<'a> Quoted<'a> {
    /// Takes an address apart; none if it does not begin with a quote, or if no other closes it.
    pub fn parse(address: &'a str) -> Option<Self> {
        let close = closing_quote(address, 0)?;
        let inside = &address[1..close];
        let name = match inside.contains('\\') {
            true => unescaped(inside).into(),
            false => inside.into(),
        };
        Some(Self { name, rest: &address[close + 1..] })
    }

    /// Both parts as one.
    pub fn joined(&self) -> String {
        format!("{}{}", self.name, self.rest)
    }
}

/// The position of the quote that closes the one at `open`.
pub fn closing_quote(text: &str, open: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    if bytes.get(open) != Some(&b'"') {
        return None;
    }
    let mut at = open + 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// The position of the quotes, both included, in the channel that `text` begins with: 5 to 11 in `desk."/a b":2`.
pub fn quotes_of_channel(text: &str) -> Option<Range<usize>> {
    let is_end = |letter: char| letter.is_whitespace() || ".<>{}|;\"".contains(letter);
    let dot = text.find(is_end).filter(|&end| end > 0 && text.as_bytes()[end] == b'.')?;
    let close = closing_quote(text, dot + 1)?;
    Some(dot + 1..close + 1)
}

/// Returns an address without its quotes.
pub fn unquoted(address: &str) -> Cow<'_, str> {
    match Quoted::parse(address) {
        Some(quoted) => quoted.joined().into(),
        None => address.into(),
    }
}

/// A name between quotes.
pub fn quoted(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 2);
    out.push('"');
    for letter in name.chars() {
        if matches!(letter, '"' | '\\' | '{' | '}') {
            out.push('\\');
        }
        out.push(letter);
    }
    out.push('"');
    out
}

/// Whether the language would take the name apart if it stood without quotes.
pub fn needs_quotes(name: &str) -> bool {
    let is_sign = |letter: char| matches!(letter, '"' | '<' | '>' | '{' | '}' | '\u{feff}' | '\u{200b}');
    // Nearly all names are plain, which shows in their bytes.
    let is_doubtful = |byte: u8| !byte.is_ascii_graphic() || matches!(byte, b'"' | b'<' | b'>' | b'{' | b'}');
    name.bytes().any(is_doubtful)
        && name.chars().any(|letter| letter.is_whitespace() || letter.is_control() || is_sign(letter))
}

fn unescaped(inside: &str) -> String {
    let mut letters = inside.chars();
    let next = || match letters.next()? {
        '\\' => letters.next(),
        letter => Some(letter),
    };
    std::iter::from_fn(next).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quotes_protect_a_name_and_leave_the_rest() {
        for (address, name, rest) in [
            (r#""/a b""#, "/a b", ""),
            (r#""/a b":2"#, "/a b", ":2"),
            (r#""a\"\\\{1\}".ch0"#, r#"a"\{1}"#, ".ch0"),
            (r#""""#, "", ""),
        ] {
            assert_eq!(Quoted::parse(address), Some(Quoted { name: name.into(), rest }), "{address}");
        }
        for plain in ["", "/a", r#"a"b""#, r#"""#, r#""a\""#, "\"a"] {
            assert_eq!(Quoted::parse(plain), None, "{plain}");
        }
    }

    #[test]
    fn the_quotes_of_a_channel_stand_behind_its_first_dot() {
        for (text, quotes) in [
            (r#"desk."/a > b":2 > x"#, Some(5..13)),
            (r#"desk.a."b""#, None),
            (r#"desk.x "b""#, None),
            (r#"."b""#, None),
            (r#"desk."b"#, None),
            ("desk.", None),
            ("desk", None),
        ] {
            assert_eq!(quotes_of_channel(text), quotes, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_quoted_is_read_again(name in "\\PC{0,12}", rest in "[a-z:0-9]{0,3}") {
            let written = format!("{}{rest}", quoted(&name));
            let parsed = Quoted::parse(&written).expect("both quotes");
            prop_assert_eq!((&*parsed.name, parsed.rest), (&*name, &*rest));
            prop_assert_eq!(unquoted(&written), format!("{name}{rest}"));
            let needs = name.chars().any(|c| c.is_whitespace() || c.is_control() || "\"<>{}\u{feff}\u{200b}".contains(c));
            prop_assert_eq!(needs_quotes(&name), needs);
        }
    }
}
