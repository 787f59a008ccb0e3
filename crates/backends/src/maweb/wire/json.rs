//! JSON in the format of these consoles and their clients: a lenient reader that copies nothing, and a writer.
//!
//! A JSON library cannot be used, because the input is not always valid JSON. Web remotes in use send `True`,
//! `[undefined]`, `"password":,` and data after the last bracket, and consoles tolerate it; consoles send a key twice
//! in one object, texts for numbers and numbers for texts. A JSON parser rejects the whole message for any of these;
//! here each costs one value. Errors that the sender should fix are recorded in [`Flaws`]. Skipping is a loop that
//! counts brackets, so any nesting depth needs no stack. Reading a message of 22 KB takes a quarter of the time of
//! building a tree of values.

mod writer;

use std::borrow::Cow;

pub(super) use writer::Writer;

use super::flaws::{Flaw, Flaws, bare_text_end};
use super::{Color, DecodeError, Wanted};

/// Reads one message, value by value. If a value is not of the requested kind, nothing is returned and the value is
/// skipped.
#[derive(Copy, Clone, Debug)]
pub(super) struct JsonReader<'a> {
    /// The parts of executors to read.
    pub(super) wanted: Wanted,
    /// The tolerated errors.
    pub(super) flaws: Flaws,
    text: &'a str,
    at: usize,
    /// Whether the value of the last key has not been read.
    is_unread: bool,
}

/// A value that is neither a list nor an object.
enum Scalar<'a> {
    Text(Cow<'a, str>),
    /// Any value that begins like a number, as written.
    Number(&'a str),
    Bool(bool),
    /// `null`, a missing value, or an unknown word (`undefined`, `NaN`).
    Nothing,
}

impl<'a> JsonReader<'a> {
    /// A reader at the beginning of a message.
    ///
    /// # Errors
    ///
    /// If it is not UTF-8.
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let text = std::str::from_utf8(bytes).map_err(|_| DecodeError::NotText)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Ok(Self { wanted: Wanted::ALL, flaws: Flaws::default(), text, at: 0, is_unread: false })
    }

    /// The number of bytes before the next value.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// Continues at the value with so many bytes before it.
    pub(super) fn seek(&mut self, position: usize) {
        (self.at, self.is_unread) = (position, false);
    }

    /// Whether an object comes next.
    pub(super) fn is_object(&mut self) -> bool {
        self.peek() == Some(b'{')
    }

    /// Whether a list comes next.
    pub(super) fn is_list(&mut self) -> bool {
        self.peek() == Some(b'[')
    }

    /// Reads an object into a value, which begins as its default. Calls `entry` for every key; `entry` reads the value
    /// or skips it.
    ///
    /// # Errors
    ///
    /// If the message is incomplete or its brackets do not match.
    pub(super) fn read<T: Default>(
        &mut self,
        mut entry: impl FnMut(&mut T, &mut Self, &str) -> Result<(), DecodeError>,
    ) -> Result<T, DecodeError> {
        let mut value = T::default();
        self.object(|reader, key| entry(&mut value, reader, key))?;
        Ok(value)
    }

    /// Reads an object. Calls `entry` for every key; `entry` reads the value or skips it. Other values are skipped.
    ///
    /// # Errors
    ///
    /// If the message is incomplete or its brackets do not match.
    pub(super) fn object(
        &mut self,
        mut entry: impl FnMut(&mut Self, &str) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        if !self.enter(b'{')? {
            return Ok(());
        }
        loop {
            match self.peek().ok_or(DecodeError::Truncated)? {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Ok(());
                }
                b'"' => {
                    let key = self.string()?;
                    if self.peek().ok_or(DecodeError::Truncated)? != b':' {
                        return Err(DecodeError::Malformed(self.at));
                    }
                    self.at += 1;
                    self.is_unread = true;
                    entry(self, &key)?;
                    if self.is_unread {
                        self.skip()?;
                    }
                }
                _ => return Err(DecodeError::Malformed(self.at)),
            }
        }
    }

    /// Reads a list. Calls `item` for each value; `item` reads exactly one. Other values are skipped.
    ///
    /// # Errors
    ///
    /// If the message is incomplete or its brackets do not match.
    pub(super) fn list(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        if !self.enter(b'[')? {
            return Ok(());
        }
        loop {
            match self.peek().ok_or(DecodeError::Truncated)? {
                b',' => self.at += 1,
                b']' => {
                    self.at += 1;
                    return Ok(());
                }
                b'}' | b':' => return Err(DecodeError::Malformed(self.at)),
                _ => {
                    let before = self.at;
                    item(self)?;
                    // Every item must advance the reader; otherwise this loop would never end.
                    if self.at == before {
                        return Err(DecodeError::Malformed(before));
                    }
                }
            }
        }
    }

    /// Enters an object or a list, or skips any other value.
    fn enter(&mut self, open: u8) -> Result<bool, DecodeError> {
        if self.peek() != Some(open) {
            self.skip()?;
            return Ok(false);
        }
        self.is_unread = false;
        self.at += 1;
        Ok(true)
    }

    /// Reads a text; a number is returned as written.
    ///
    /// # Errors
    ///
    /// If the message is incomplete.
    pub(super) fn text(&mut self) -> Result<Option<Cow<'a, str>>, DecodeError> {
        Ok(match self.scalar()? {
            Scalar::Text(text) => Some(text),
            Scalar::Number(number) => Some(number.into()),
            Scalar::Bool(_) | Scalar::Nothing => None,
        })
    }

    /// Reads a finite number, or a text that contains one.
    ///
    /// # Errors
    ///
    /// If the message is incomplete.
    pub(super) fn number(&mut self) -> Result<Option<f64>, DecodeError> {
        Ok(match self.scalar()? {
            Scalar::Text(text) => text.trim().parse().ok(),
            Scalar::Number(number) => number.parse().ok(),
            Scalar::Bool(on) => Some(f64::from(u8::from(on))),
            Scalar::Nothing => None,
        }
        .filter(|number: &f64| number.is_finite()))
    }

    /// Reads an integer, or a text that contains one; digits after a decimal point are dropped.
    ///
    /// # Errors
    ///
    /// If the message is incomplete.
    pub(super) fn integer(&mut self) -> Result<Option<i64>, DecodeError> {
        Ok(match self.scalar()? {
            Scalar::Text(text) => whole(text.trim()),
            Scalar::Number(number) => whole(number),
            Scalar::Bool(on) => Some(i64::from(on)),
            Scalar::Nothing => None,
        })
    }

    /// Reads an integer within the range of `u32`.
    ///
    /// # Errors
    ///
    /// If the message is incomplete.
    pub(super) fn unsigned(&mut self) -> Result<Option<u32>, DecodeError> {
        Ok(self.integer()?.and_then(|number| number.try_into().ok()))
    }

    /// Reads a boolean: `true`, `True`, `1`, `"1"`, and their opposites.
    ///
    /// # Errors
    ///
    /// If the message is incomplete.
    pub(super) fn boolean(&mut self) -> Result<Option<bool>, DecodeError> {
        Ok(match self.scalar()? {
            Scalar::Text(text) => match &*text {
                "true" | "True" => Some(true),
                "false" | "False" => Some(false),
                number => whole(number).map(|number| number != 0),
            },
            Scalar::Number("0") => Some(false),
            Scalar::Number("1") => Some(true),
            Scalar::Number(number) => number.parse().ok().map(|number: f64| number != 0.0),
            Scalar::Bool(on) => Some(on),
            Scalar::Nothing => None,
        })
    }

    /// Reads a colour.
    ///
    /// # Errors
    ///
    /// If the message is incomplete.
    pub(super) fn color(&mut self) -> Result<Option<Color>, DecodeError> {
        Ok(match self.scalar()? {
            Scalar::Text(text) => Color::parse(&text),
            Scalar::Number(_) | Scalar::Bool(_) | Scalar::Nothing => None,
        })
    }

    /// Skips the next value, at any nesting depth.
    ///
    /// # Errors
    ///
    /// If the message is incomplete.
    pub(super) fn skip(&mut self) -> Result<(), DecodeError> {
        if !self.is_object() && !self.is_list() {
            return self.scalar().map(|_| ());
        }
        self.is_unread = false;
        let bytes = self.text.as_bytes();
        let (mut at, mut depth) = (self.at, 0_usize);
        loop {
            let byte = *bytes.get(at).ok_or(DecodeError::Truncated)?;
            at += 1;
            match byte {
                b'{' | b'[' => depth += 1,
                b'}' | b']' => {
                    depth -= 1;
                    if depth == 0 {
                        self.at = at;
                        return Ok(());
                    }
                }
                b'"' => at = behind_text(bytes, at)?,
                _ => {}
            }
        }
    }

    /// Records data after the message.
    pub(super) fn end(&mut self) {
        if self.peek().is_some() {
            self.flaws.note(Flaw::Rest, self.at);
        }
    }

    fn scalar(&mut self) -> Result<Scalar<'a>, DecodeError> {
        self.is_unread = false;
        let first = self.peek().ok_or(DecodeError::Truncated)?;
        match first {
            b'"' => return self.string().map(Scalar::Text),
            b'{' | b'[' => {
                self.skip()?;
                return Ok(Scalar::Nothing);
            }
            _ => {}
        }
        let start = self.at;
        let rest = &self.text.as_bytes()[start..];
        let len = rest.iter().position(|byte| ends_word(*byte)).ok_or(DecodeError::Truncated)?;
        self.at += len;
        let word = &self.text[start..self.at];
        let value = match (first, word) {
            // A word may be empty; then it ends at its first byte.
            (b'0'..=b'9' | b'-', _) => Scalar::Number(word),
            (_, "true") => Scalar::Bool(true),
            (_, "false") => Scalar::Bool(false),
            _ => self.odd_word(start, word),
        };
        if rest[len] == b'"' {
            self.pass_stray_quote(start);
        }
        Ok(value)
    }

    /// Continues from a word that is not a JSON value: the first of a text without quotation marks, if it has a key.
    #[cold]
    #[inline(never)]
    fn odd_word(&mut self, start: usize, word: &'a str) -> Scalar<'a> {
        let flaw = match word {
            "null" => return Scalar::Nothing,
            "True" | "False" => Flaw::CapitalBoolean,
            "undefined" | "NaN" | "nan" | "None" => Flaw::NoValue,
            _ if self.has_key(start) && word.starts_with(|first: char| first.is_ascii_alphabetic()) => {
                match bare_text_end(self.text, start) {
                    Some(end) => {
                        self.flaws.note(Flaw::BareText, start);
                        self.at = end;
                        return Scalar::Text(self.text[start..end].trim_end().into());
                    }
                    None => Flaw::NoValue,
                }
            }
            _ => Flaw::NoValue,
        };
        self.flaws.note(flaw, start);
        match word {
            "True" => Scalar::Bool(true),
            "False" => Scalar::Bool(false),
            _ => Scalar::Nothing,
        }
    }

    /// Steps over a stray quotation mark after a number. It does not open the next key if the object goes on or ends after it.
    #[cold]
    #[inline(never)]
    fn pass_stray_quote(&mut self, start: usize) {
        let rest = self.text.as_bytes()[self.at..].strip_prefix(b"\"");
        if let Some(b',' | b'}') = rest.and_then(|rest| rest.trim_ascii_start().first())
            && self.has_key(start)
        {
            self.flaws.note(Flaw::StrayQuote, self.at);
            self.at += 1;
        }
    }

    /// Whether the value at this position has a key and is not an item of a list.
    fn has_key(&self, start: usize) -> bool {
        self.text.as_bytes()[..start].trim_ascii_end().ends_with(b":")
    }

    /// Reads the text at this position.
    fn string(&mut self) -> Result<Cow<'a, str>, DecodeError> {
        let start = self.at + 1;
        let bytes = self.text.as_bytes();
        let end = quote_or_backslash(bytes, start).ok_or(DecodeError::Truncated)?;
        let plain = &self.text[start..end];
        self.at = end;
        if bytes[end] == b'"' {
            self.at += 1;
            return Ok(Cow::Borrowed(plain));
        }
        self.escaped(plain).map(Cow::Owned)
    }

    /// Continues from the first backslash of a text. This is rare, and kept separate so that the common path stays
    /// small.
    #[cold]
    #[inline(never)]
    fn escaped(&mut self, plain: &str) -> Result<String, DecodeError> {
        let mut text = plain.to_owned();
        loop {
            let mut rest = self.text[self.at..].chars();
            let Some(next) = rest.next() else { return Err(DecodeError::Truncated) };
            self.at += next.len_utf8();
            match next {
                '"' => return Ok(text),
                '\\' => {
                    let escape = rest.next().ok_or(DecodeError::Truncated)?;
                    self.at += escape.len_utf8();
                    text.push(match escape {
                        'b' => '\u{8}',
                        'f' => '\u{c}',
                        'n' => '\n',
                        'r' => '\r',
                        't' => '\t',
                        'u' => self.code_point(),
                        other => other,
                    });
                }
                other => text.push(other),
            }
        }
    }

    /// Reads the four digits after `\u`, and the second half of a pair; an invalid one becomes U+FFFD.
    fn code_point(&mut self) -> char {
        let Some(first) = self.four_digits() else { return char::REPLACEMENT_CHARACTER };
        if !(0xD800..0xDC00).contains(&first) || !self.text[self.at..].starts_with("\\u") {
            return char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER);
        }
        let before = self.at;
        self.at += 2;
        match self.four_digits() {
            Some(second) if (0xDC00..0xE000).contains(&second) => {
                let code = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
                char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            Some(_) | None => {
                self.at = before;
                char::REPLACEMENT_CHARACTER
            }
        }
    }

    fn four_digits(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }

    /// The next non-blank byte.
    fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(self.at).copied()? {
                byte @ b'!'.. => return Some(byte),
                blank if is_blank(blank) => self.at += 1,
                byte => return Some(byte),
            }
        }
    }
}

/// Skips the rest of a text.
fn behind_text(bytes: &[u8], mut at: usize) -> Result<usize, DecodeError> {
    loop {
        at = quote_or_backslash(bytes, at).ok_or(DecodeError::Truncated)?;
        if bytes[at] == b'"' {
            return Ok(at + 1);
        }
        // A character after a backslash does not end the text.
        at += 2;
    }
}

/// The position of the next quote or backslash. Half of an answer is texts of mostly up to seven letters; eight bytes
/// are examined together, where a loop over bytes would take as many steps.
fn quote_or_backslash(bytes: &[u8], from: usize) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    // Contains the highest bit of each zero byte, and perhaps of some bytes above the first of them.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & (ONES << 7);
    let mut at = from;
    let mut rest = bytes.get(from..)?;
    while let Some((chunk, after)) = rest.split_first_chunk() {
        let word = u64::from_le_bytes(*chunk);
        let found = zeros(word ^ (ONES * u64::from(b'"'))) | zeros(word ^ (ONES * u64::from(b'\\')));
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        (at, rest) = (at + chunk.len(), after);
    }
    rest.iter().position(|byte| matches!(byte, b'"' | b'\\')).map(|more| at + more)
}

fn ends_word(byte: u8) -> bool {
    matches!(byte, b',' | b':' | b']' | b'}' | b'[' | b'{' | b'"') || is_blank(byte)
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

fn whole(text: &str) -> Option<i64> {
    text.parse().ok().or_else(|| {
        let number: f64 = text.parse().ok()?;
        // Beyond 2^53 not every integer can be represented.
        (number.abs() < 9e15).then_some(number as i64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(text: &str) -> JsonReader<'_> {
        JsonReader::new(text.as_bytes()).expect("text")
    }

    #[test]
    fn texts_are_read_with_every_escape_and_every_broken_one() {
        for (written, read) in [
            (r#""plain""#, "plain"),
            (r#""a\"b\\c\/d\n\t\r\b\f""#, "a\"b\\c/d\n\t\r\u{8}\u{c}"),
            (r#""\u00e4\ud83d\ude00""#, "\u{e4}\u{1f600}"),
            (r#""\ud83d""#, "\u{fffd}"),
            (r#""\ud83dx\ude00""#, "\u{fffd}x\u{fffd}"),
            (r#""\ud83d\u0041""#, "\u{fffd}A"),
            (r#""\u12""#, "\u{fffd}12"),
            (r#""\q""#, "q"),
            ("12.5,", "12.5"),
        ] {
            assert_eq!(reader(written).text(), Ok(Some(read.into())), "{written}");
        }
        for broken in ["\"", "\"\\", "\"a\\u00", ""] {
            assert_eq!(reader(broken).text(), Err(DecodeError::Truncated), "{broken}");
        }
    }

    #[test]
    fn a_text_ends_at_its_quote_wherever_that_stands() {
        for len in 0..40 {
            for letter in ["a", "!", "#", "[", "]", "\u{a2}", "\u{1f600}"] {
                let plain = letter.repeat(len);
                let text = format!("\"{plain}\"");
                assert_eq!(reader(&text).text(), Ok(Some(plain.as_str().into())), "{text}");
                let text = format!("[{{\"{plain}\\\"]\":\"{plain}\\\\\"}}],");
                let mut reader = reader(&text);
                assert_eq!((reader.skip(), reader.peek()), (Ok(()), Some(b',')), "{text}");
            }
        }
    }

    #[test]
    fn numbers_are_read_out_of_whatever_holds_one() {
        for (written, read) in [
            ("0.424,", Some(0.424)),
            ("\"0.5\",", Some(0.5)),
            ("true,", Some(1.0)),
            ("1e400,", None),
            ("NaN,", None),
            ("undefined,", None),
            ("null,", None),
            ("[1],", None),
            ("{\"a\":\"}\"},", None),
            ("5xyz,", None),
            (",", None),
        ] {
            let mut reader = reader(written);
            assert_eq!(reader.number(), Ok(read), "{written}");
            assert_eq!(reader.peek(), Some(b','), "stands behind {written}");
        }
        assert_eq!(reader("\"8\"}").unsigned(), Ok(Some(8)));
        assert_eq!(reader("3.0}").unsigned(), Ok(Some(3)));
        assert_eq!(reader("-1}").unsigned(), Ok(None));
        assert_eq!(reader("1e30}").integer(), Ok(None));
        assert_eq!(reader("True}").boolean(), Ok(Some(true)));
        assert_eq!(reader("\"0\"}").boolean(), Ok(Some(false)));
    }

    #[test]
    fn a_byte_that_is_neither_blank_nor_value_ends_no_list_and_holds_up_none() {
        for odd in ["\u{c}", "\u{b}", "\u{0}", "\u{a0}", "\u{2028}", "'", "\u{85}"] {
            let text = format!("[{odd},1{odd},{odd} 2]");
            let mut numbers = Vec::new();
            let result = reader(&text).list(|reader| {
                numbers.push(reader.number()?);
                Ok(())
            });
            assert_eq!((result, numbers.last()), (Ok(()), Some(&Some(2.0))), "{text:?}");
        }
    }

    #[test]
    fn skips_sixty_thousand_lists_and_tells_an_unended_one() {
        let deep = "[".repeat(60_000) + &"]".repeat(60_000);
        let mut reader = JsonReader::new(deep.as_bytes()).expect("text");
        assert_eq!(reader.skip(), Ok(()));
        assert_eq!(reader.at, deep.len());
        assert_eq!(
            JsonReader::new(&deep.as_bytes()[..90_000]).expect("text").skip(),
            Err(DecodeError::Truncated)
        );
    }
}
