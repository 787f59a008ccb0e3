//! JSON errors that are tolerated. Each of these is sent by a web remote in use.

use std::fmt;

/// A kind of JSON error.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// A quotation mark after a number: `"session":1","maxRequests":0`.
    StrayQuote,
    /// A text without quotation marks: `"command":LUA "...","session":1`.
    BareText,
    /// `True` or `False`.
    CapitalBoolean,
    /// A missing value, or a word that is not a value: `"password":,`, `[undefined]`.
    NoValue,
    /// Data after the last bracket.
    Rest,
}

impl Flaw {
    const ALL: [Self; 5] =
        [Self::StrayQuote, Self::BareText, Self::CapitalBoolean, Self::NoValue, Self::Rest];
}

/// The error in words, with what was expected.
impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StrayQuote => "expected `,` or `}` after a number, found `\"`",
            Self::BareText => "expected quotation marks around a text, found none",
            Self::CapitalBoolean => "expected `true` or `false`, found a capital letter",
            Self::NoValue => "expected a value, found none",
            Self::Rest => "expected nothing after the last `}`, found more",
        })
    }
}

/// The kinds of errors in a message, each with the byte offset where it was found first.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Flaws {
    found: [Option<u32>; Flaw::ALL.len()],
}

impl Flaws {
    /// All errors.
    pub fn iter(&self) -> impl Iterator<Item = (Flaw, u32)> {
        Flaw::ALL.into_iter().zip(self.found).filter_map(|(flaw, at)| Some((flaw, at?)))
    }

    /// Adds the errors of `other`, and returns the kinds that were new.
    pub fn add(&mut self, other: &Self) -> Self {
        let mut new = Self::default();
        for (flaw, at) in other.iter().filter(|(flaw, _)| self.found[*flaw as usize].is_none()) {
            new.note(flaw, at as usize);
        }
        new.iter().for_each(|(flaw, at)| self.note(flaw, at as usize));
        new
    }

    #[cold]
    pub(super) fn note(&mut self, flaw: Flaw, at: usize) {
        self.found[flaw as usize].get_or_insert(at.try_into().unwrap_or(u32::MAX));
    }
}

/// The end of the text without quotation marks that begins at `start`: before the next key of its object, or before the
/// last bracket of the message. The text may contain quotation marks, commas and brackets.
#[cold]
pub(super) fn bare_text_end(text: &str, start: usize) -> Option<usize> {
    /// The limit of a command line. Searching further for each word of an invalid message would take too long.
    const LONGEST: usize = 2_000;
    let bytes = text.as_bytes();
    let end = bytes.len().min(start + LONGEST);
    (start..end).find(|&at| match bytes[at] {
        b',' => begins_key(&bytes[at + 1..]),
        b'}' => !bytes[at + 1..].iter().take(LONGEST).any(|byte| matches!(byte, b'}' | b'"')),
        _ => false,
    })
}

/// Whether a key and its colon come next.
fn begins_key(bytes: &[u8]) -> bool {
    let Some(key) = bytes.trim_ascii_start().strip_prefix(b"\"") else { return false };
    let len = key.iter().take_while(|letter| letter.is_ascii_alphanumeric() || **letter == b'_').count();
    let rest = key[len..].strip_prefix(b"\"").filter(|_| len > 0);
    rest.is_some_and(|rest| rest.trim_ascii_start().starts_with(b":"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_text_ends_before_the_next_key_or_the_last_bracket() {
        for (text, bare) in [
            (r#"LUA "gma.x(0,4,pressed)","session":1}"#, Some(r#"LUA "gma.x(0,4,pressed)""#)),
            (r#"LUA "a{},b[1]" , "session" :1}"#, Some(r#"LUA "a{},b[1]" "#)),
            (r#"LUA "a", "session":1}"#, Some(r#"LUA "a""#)),
            ("Off Page Thru}", Some("Off Page Thru")),
            (r#"LUA "f({1},{2})"}'"#, Some(r#"LUA "f({1},{2})""#)),
            ("STORE", None),
        ] {
            assert_eq!(bare_text_end(text, 0).map(|end| &text[..end]), bare, "{text}");
        }
        let long = format!("x{}}}", " ".repeat(3_000));
        assert_eq!(bare_text_end(&long, 0), None);
    }

    #[test]
    fn each_kind_is_new_once() {
        let (mut reported, mut found) = (Flaws::default(), Flaws::default());
        found.note(Flaw::BareText, 10);
        found.note(Flaw::BareText, 20);
        assert_eq!(reported.add(&found).iter().collect::<Vec<_>>(), [(Flaw::BareText, 10)]);
        found.note(Flaw::Rest, 30);
        assert_eq!(reported.add(&found).iter().collect::<Vec<_>>(), [(Flaw::Rest, 30)]);
        assert_eq!(reported.add(&found), Flaws::default());
    }
}
