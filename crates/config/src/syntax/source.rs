//! The source texts of a configuration, and locations in them.
//!
//! Any sequence of bytes can be decoded. Bytes that are not UTF-8 are read as Latin-1, so that a file can always be written
//! back unchanged. Locations are byte offsets into the decoded text; lines and columns are computed when they are shown.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// A range of bytes within one line of a text.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
}

impl Span {
    pub(crate) fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }

    /// The same span in a text that begins `bytes` earlier.
    pub(crate) fn shifted(self, bytes: u32) -> Self {
        Self { start: self.start + bytes, end: self.end + bytes }
    }

    /// The span as a range.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The part of `text` in this span.
    pub fn of(self, text: &str) -> &str {
        &text[self.range()]
    }

    /// Whether the span has no bytes.
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }
}

/// The longest text that is read, in bytes. Offsets have 32 bits.
pub(crate) const MAX_BYTES: usize = 1 << 30;

/// The encoding of a file.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Encoding {
    /// UTF-8.
    Utf8,
    /// One byte per character, as old editors write umlauts.
    Latin1,
}

/// A decoded file.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SourceText {
    text: String,
    encoding: Encoding,
    /// The first byte that is not UTF-8, as an offset into the decoded text.
    first_invalid: usize,
}

impl SourceText {
    /// Decodes any bytes. [`encode`](Self::encode) returns the same bytes.
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

    /// Encodes the text as it was decoded.
    pub(crate) fn encode(&self) -> Vec<u8> {
        match self.encoding {
            Encoding::Utf8 => self.text.clone().into_bytes(),
            Encoding::Latin1 => self.text.chars().map(|c| c as u32 as u8).collect(),
        }
    }

    /// Replaces the text in `span`. A character that Latin-1 does not have changes the encoding to UTF-8.
    pub(crate) fn replace(&mut self, span: Span, new: &str) {
        self.text.replace_range(span.range(), new);
        if new.chars().any(|c| c > '\u{ff}') {
            self.encoding = Encoding::Utf8;
        }
    }

    /// The decoded text.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The first character that was not UTF-8, if there is one.
    pub(crate) fn first_invalid(&self) -> Option<Span> {
        let c = self.text[self.first_invalid..].chars().next()?;
        let span = Span::new(self.first_invalid, self.first_invalid + c.len_utf8());
        (self.encoding == Encoding::Latin1).then_some(span)
    }

    /// Why this cannot be the text of a configuration, if so.
    pub(crate) fn unreadable(&self) -> Option<Unreadable> {
        let head: Vec<char> = self.text.chars().take(4096).collect();
        let marked = matches!(head[..], ['\u{ff}', '\u{fe}', ..] | ['\u{fe}', '\u{ff}', ..]);
        let every_other_is_zero = |first: usize| {
            let is_zero = |c: &char| *c == '\0';
            head.len() >= 4
                && head.iter().skip(first).step_by(2).take(32).all(is_zero)
                && !head.iter().skip(1 - first).step_by(2).take(32).all(is_zero)
        };
        if self.encoding == Encoding::Latin1 && marked || every_other_is_zero(0) || every_other_is_zero(1) {
            return Some(Unreadable::Utf16);
        }
        let is_odd = |c: &char| c.is_ascii_control() && !matches!(c, '\t' | '\n' | '\r' | '\x0c');
        let odd = head.iter().filter(|c| is_odd(c)).count();
        (self.text.contains('\0') || odd * 8 > head.len()).then_some(Unreadable::Binary)
    }
}

impl fmt::Debug for SourceText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({:?}, {} bytes)", self.encoding, self.text.len())
    }
}

/// Why a file cannot be a configuration.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    Utf16,
    Binary,
}

/// Takes the place of a file name for overrides.
pub(crate) const COMMAND_LINE: &str = "command line";

/// A text with its file name.
#[derive(Debug)]
pub(crate) struct SourceFile {
    pub(crate) path: PathBuf,
    pub(crate) text: Arc<SourceText>,
    /// Values that must not be shown.
    pub(crate) secrets: Vec<Span>,
    line_starts: OnceLock<Vec<u32>>,
}

impl SourceFile {
    pub(crate) fn new(path: &Path, text: SourceText) -> Self {
        Self {
            path: path.to_owned(),
            text: Arc::new(text),
            secrets: Vec::new(),
            line_starts: OnceLock::new(),
        }
    }

    /// A file whose text somebody else has as well.
    pub(crate) fn with_text(path: &Path, text: Arc<SourceText>) -> Self {
        Self { path: path.to_owned(), text, secrets: Vec::new(), line_starts: OnceLock::new() }
    }

    fn line_starts(&self) -> &[u32] {
        self.line_starts.get_or_init(|| {
            let feeds = self.text.as_str().bytes().zip(1..).filter(|(byte, _)| *byte == b'\n');
            std::iter::once(0).chain(feeds.map(|(_, next)| next)).collect()
        })
    }

    /// The line of a byte, counted from 1.
    pub(crate) fn line_of(&self, offset: u32) -> usize {
        self.line_starts().partition_point(|&start| start <= offset)
    }

    /// The span of a line, counted from 1, without its line end.
    pub(crate) fn line(&self, number: usize) -> Span {
        let starts = self.line_starts();
        let text = self.text.as_str();
        let start = starts[number - 1] as usize;
        let end = starts.get(number).map_or(text.len(), |&next| next as usize);
        let line = text[start..end].trim_end_matches(['\n', '\r']);
        Span::new(start, start + line.len())
    }

    /// The column of a byte, in characters from 1. A byte order mark does not count.
    pub(crate) fn column_of(&self, offset: u32) -> usize {
        let line = self.line(self.line_of(offset));
        let before = &self.text.as_str()[line.start as usize..offset as usize];
        before.trim_start_matches('\u{feff}').chars().count() + 1
    }
}

/// The index of a source within one compilation.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SourceId(pub(crate) u32);

/// A location in one of the sources.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Location {
    pub(crate) source: SourceId,
    pub(crate) span: Span,
}

impl Location {
    /// A part of this location. `bytes` counts from its start.
    pub(crate) fn part(self, bytes: &std::ops::Range<usize>) -> Self {
        let start = self.span.start as usize;
        Self { span: Span::new(start + bytes.start, start + bytes.end), ..self }
    }
}

/// All sources of one compilation, in the order in which they were first read.
#[derive(Debug, Default)]
pub(crate) struct SourceFiles(Vec<SourceFile>);

impl SourceFiles {
    pub(crate) fn add(&mut self, source: SourceFile) -> SourceId {
        self.0.push(source);
        SourceId(self.0.len() as u32 - 1)
    }

    pub(crate) fn find(&self, path: &Path) -> Option<SourceId> {
        self.0.iter().position(|source| source.path == path).map(|at| SourceId(at as u32))
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (SourceId, &SourceFile)> {
        (0..).map(SourceId).zip(&self.0)
    }

    pub(crate) fn get(&self, id: SourceId) -> &SourceFile {
        &self.0[id.0 as usize]
    }

    pub(crate) fn text(&self, id: SourceId) -> Arc<SourceText> {
        Arc::clone(&self.get(id).text)
    }

    pub(crate) fn at(&self, location: Location) -> &str {
        location.span.of(self.get(location.source).text.as_str())
    }

    /// Hides a value wherever this source is shown.
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

    fn decode(bytes: &[u8]) -> SourceText {
        SourceText::decode(bytes.to_vec())
    }

    #[test]
    fn any_bytes_survive_decoding_and_encoding() {
        for bytes in [&b""[..], b"a\r\n", "B\u{fc}hne".as_bytes(), b"B\xfchne \x00\xff", b"\xff\xfea\0"] {
            assert_eq!(decode(bytes).encode(), bytes);
        }
    }

    #[test]
    fn the_first_invalid_character_is_found_after_valid_ones() {
        let text = decode("ä".as_bytes().iter().chain(b"\xfc").copied().collect::<Vec<_>>().as_slice());
        let span = text.first_invalid().expect("an invalid character");
        assert_eq!(span.of(text.as_str()), "\u{fc}");
        assert_eq!(decode("ä".as_bytes()).first_invalid(), None);
    }

    #[test]
    fn utf16_and_binary_files_are_recognised() {
        assert_eq!(decode(b"\xff\xfe[\0m\0").unreadable(), Some(Unreadable::Utf16));
        assert_eq!(decode(b"[\0m\0a\0p\0").unreadable(), Some(Unreadable::Utf16));
        assert_eq!(decode(b"\0[\0m\0a\0p").unreadable(), Some(Unreadable::Utf16));
        assert_eq!(decode(b"\x7fELF\x02\x01\x01\0\0").unreadable(), Some(Unreadable::Binary));
        assert_eq!(decode(b"; B\xfchne\n[map]\n").unreadable(), None);
        assert_eq!(decode(b"").unreadable(), None);
    }

    #[test]
    fn lines_and_columns_are_counted_in_characters() {
        let source = SourceFile::new(Path::new("a"), decode("\u{feff}ab\r\n\tü=x".as_bytes()));
        let at = |needle: &str| source.text.as_str().find(needle).expect("it is there") as u32;
        assert_eq!((source.line_of(at("b")), source.column_of(at("b"))), (1, 2));
        assert_eq!((source.line_of(at("=")), source.column_of(at("="))), (2, 3));
        assert_eq!(source.line(1).of(source.text.as_str()), "\u{feff}ab");
        assert_eq!(source.line(2).of(source.text.as_str()), "\tü=x");
    }
}
