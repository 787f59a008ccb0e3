//! The texts that a configuration is made of, and places in them.
//!
//! Any sequence of bytes is a text: what is not UTF-8 is read as Latin-1, byte for byte, so that a file always goes back
//! to the bytes it came from. Places are byte offsets into the decoded text; lines and columns are worked out only when
//! somebody wants to see them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// Some bytes of a text, none of them a line feed.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// The byte behind the last.
    pub end: u32,
}

impl Span {
    pub(crate) fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }

    /// The same bytes of a text that begins `bytes` earlier.
    pub(crate) fn behind(self, bytes: u32) -> Self {
        Self { start: self.start + bytes, end: self.end + bytes }
    }

    /// The bytes as a range.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The part of `text` that is meant.
    pub fn of(self, text: &str) -> &str {
        &text[self.range()]
    }

    /// Whether nothing is meant but a place between two bytes.
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }
}

/// The longest text that is read; offsets have 32 bits.
pub(crate) const MAX_BYTES: usize = 1 << 30;

/// How the bytes of a file stand for letters.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Encoding {
    /// UTF-8.
    Utf8,
    /// One byte a letter, as old editors write umlauts.
    Latin1,
}

/// A decoded file.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Text {
    text: String,
    encoding: Encoding,
    /// The first byte that is not UTF-8, as an offset into the decoded text.
    first_invalid: usize,
}

impl Text {
    /// Decodes any bytes; [`encode`](Self::encode) gives the same ones back.
    pub(crate) fn decode(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self { text, encoding: Encoding::Utf8, first_invalid: 0 },
            Err(error) => {
                let first_invalid = error.utf8_error().valid_up_to();
                let bytes = error.as_bytes();
                let text: String = bytes.iter().map(|&byte| char::from(byte)).collect();
                let before = bytes[..first_invalid].iter().map(|&byte| char::from(byte).len_utf8()).sum();
                Self { text, encoding: Encoding::Latin1, first_invalid: before }
            }
        }
    }

    /// The bytes that were decoded.
    pub(crate) fn encode(&self) -> Vec<u8> {
        match self.encoding {
            Encoding::Utf8 => self.text.clone().into_bytes(),
            Encoding::Latin1 => self.text.chars().map(|letter| letter as u32 as u8).collect(),
        }
    }

    /// Puts `new` in the place of `span`. A letter that Latin-1 does not have makes the text UTF-8.
    pub(crate) fn replace(&mut self, span: Span, new: &str) {
        self.text.replace_range(span.range(), new);
        if new.chars().any(|letter| letter > '\u{ff}') {
            self.encoding = Encoding::Utf8;
        }
    }

    /// The letters.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The first letter that was not UTF-8, if there is one.
    pub(crate) fn first_invalid(&self) -> Option<Span> {
        let letter = self.text[self.first_invalid..].chars().next()?;
        let span = Span::new(self.first_invalid, self.first_invalid + letter.len_utf8());
        (self.encoding == Encoding::Latin1).then_some(span)
    }

    /// Why this is no text to read a configuration from, if it is none.
    pub(crate) fn unreadable(&self) -> Option<Unreadable> {
        let head: Vec<char> = self.text.chars().take(4096).collect();
        let marked = matches!(head[..], ['\u{ff}', '\u{fe}', ..] | ['\u{fe}', '\u{ff}', ..]);
        let every_other_is_zero = |first: usize| {
            let is_zero = |letter: &char| *letter == '\0';
            head.len() >= 4
                && head.iter().skip(first).step_by(2).take(32).all(is_zero)
                && !head.iter().skip(1 - first).step_by(2).take(32).all(is_zero)
        };
        if self.encoding == Encoding::Latin1 && marked || every_other_is_zero(0) || every_other_is_zero(1) {
            return Some(Unreadable::Utf16);
        }
        let is_odd =
            |letter: &char| letter.is_ascii_control() && !matches!(letter, '\t' | '\n' | '\r' | '\x0c');
        let odd = head.iter().filter(|letter| is_odd(letter)).count();
        (self.text.contains('\0') || odd * 8 > head.len()).then_some(Unreadable::Binary)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({:?}, {} bytes)", self.encoding, self.text.len())
    }
}

/// Why a file is not a configuration at all.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    Utf16,
    Binary,
}

/// What stands for the name of a file where an override is meant.
pub(crate) const COMMAND_LINE: &str = "command line";

/// A text with its name.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    pub(crate) text: Arc<Text>,
    /// Values that are not to be shown.
    pub(crate) secrets: Vec<Span>,
    line_starts: OnceLock<Vec<u32>>,
}

impl Source {
    pub(crate) fn new(path: &Path, text: Text) -> Self {
        Self {
            path: path.to_owned(),
            text: Arc::new(text),
            secrets: Vec::new(),
            line_starts: OnceLock::new(),
        }
    }

    fn line_starts(&self) -> &[u32] {
        self.line_starts.get_or_init(|| {
            let feeds = self.text.as_str().bytes().zip(1..).filter(|(byte, _)| *byte == b'\n');
            std::iter::once(0).chain(feeds.map(|(_, next)| next)).collect()
        })
    }

    /// The line that a byte belongs to, counted from 1.
    pub(crate) fn line_of(&self, offset: u32) -> usize {
        self.line_starts().partition_point(|&start| start <= offset)
    }

    /// The letters of a line, counted from 1, without its end.
    pub(crate) fn line(&self, number: usize) -> Span {
        let starts = self.line_starts();
        let text = self.text.as_str();
        let start = starts[number - 1] as usize;
        let end = starts.get(number).map_or(text.len(), |&next| next as usize);
        let line = text[start..end].trim_end_matches(['\n', '\r']);
        Span::new(start, start + line.len())
    }

    /// The column of a byte, counted in letters from 1. A byte order mark is no letter.
    pub(crate) fn column_of(&self, offset: u32) -> usize {
        let line = self.line(self.line_of(offset));
        let before = &self.text.as_str()[line.start as usize..offset as usize];
        before.trim_start_matches('\u{feff}').chars().count() + 1
    }
}

/// The number of a text within one compilation.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SourceId(pub(crate) u32);

/// A place in one of the texts.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Location {
    pub(crate) source: SourceId,
    pub(crate) span: Span,
}

impl Location {
    /// A part of it, as a range of its bytes.
    pub(crate) fn part(self, bytes: &std::ops::Range<usize>) -> Self {
        let start = self.span.start as usize;
        Self { span: Span::new(start + bytes.start, start + bytes.end), ..self }
    }
}

/// All texts of one compilation, in the order in which they were first read.
#[derive(Debug, Default)]
pub(crate) struct Sources(Vec<Source>);

impl Sources {
    pub(crate) fn add(&mut self, source: Source) -> SourceId {
        self.0.push(source);
        SourceId(self.0.len() as u32 - 1)
    }

    pub(crate) fn find(&self, path: &Path) -> Option<SourceId> {
        self.0.iter().position(|source| source.path == path).map(|at| SourceId(at as u32))
    }

    pub(crate) fn get(&self, id: SourceId) -> &Source {
        &self.0[id.0 as usize]
    }

    pub(crate) fn text(&self, id: SourceId) -> Arc<Text> {
        Arc::clone(&self.get(id).text)
    }

    pub(crate) fn at(&self, location: Location) -> &str {
        location.span.of(self.get(location.source).text.as_str())
    }

    /// Keeps a value out of everything that is shown.
    pub(crate) fn hide(&mut self, location: Location) {
        let secrets = &mut self.0[location.source.0 as usize].secrets;
        if !secrets.contains(&location.span) {
            secrets.push(location.span);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8]) -> Text {
        Text::decode(bytes.to_vec())
    }

    #[test]
    fn any_bytes_come_back_as_they_were() {
        for bytes in [&b""[..], b"a\r\n", "B\u{fc}hne".as_bytes(), b"B\xfchne \x00\xff", b"\xff\xfea\0"] {
            assert_eq!(decode(bytes).encode(), bytes);
        }
    }

    #[test]
    fn the_first_letter_that_is_not_utf8_is_found_behind_those_that_are() {
        let text = decode("ä".as_bytes().iter().chain(b"\xfc").copied().collect::<Vec<_>>().as_slice());
        let span = text.first_invalid().expect("a foreign letter");
        assert_eq!(span.of(text.as_str()), "\u{fc}");
        assert_eq!(decode("ä".as_bytes()).first_invalid(), None);
    }

    #[test]
    fn what_is_no_text_is_told_apart() {
        assert_eq!(decode(b"\xff\xfe[\0m\0").unreadable(), Some(Unreadable::Utf16));
        assert_eq!(decode(b"[\0m\0a\0p\0").unreadable(), Some(Unreadable::Utf16));
        assert_eq!(decode(b"\0[\0m\0a\0p").unreadable(), Some(Unreadable::Utf16));
        assert_eq!(decode(b"\x7fELF\x02\x01\x01\0\0").unreadable(), Some(Unreadable::Binary));
        assert_eq!(decode(b"; B\xfchne\n[map]\n").unreadable(), None);
        assert_eq!(decode(b"").unreadable(), None);
    }

    #[test]
    fn lines_and_columns_are_counted_in_letters() {
        let source = Source::new(Path::new("a"), decode("\u{feff}ab\r\n\tü=x".as_bytes()));
        let at = |needle: &str| source.text.as_str().find(needle).expect("it is there") as u32;
        assert_eq!((source.line_of(at("b")), source.column_of(at("b"))), (1, 2));
        assert_eq!((source.line_of(at("=")), source.column_of(at("="))), (2, 3));
        assert_eq!(source.line(1).of(source.text.as_str()), "\u{feff}ab");
        assert_eq!(source.line(2).of(source.text.as_str()), "\tü=x");
    }
}
