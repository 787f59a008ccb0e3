//! A file as an editor sees it.
//!
//! A document holds the decoded text and nothing else, and parses lines when they are asked for. A file with a million
//! lines therefore costs no more memory than its bytes, and comments and layout stay as they are. An editor changes a
//! file by replacing the text of a [`Span`].

use crate::syntax::lexer::Lines;
use crate::syntax::parser;
use crate::syntax::source::{SourceText, Span};
use crate::syntax::tree::{Line, SectionKind};

/// A file as an editor sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    text: SourceText,
}

impl Document {
    /// Decodes any bytes.
    pub fn parse(bytes: impl Into<Vec<u8>>) -> Self {
        Self { text: SourceText::decode(bytes.into()) }
    }

    /// The decoded text. Every [`Span`] refers to it.
    pub fn text(&self) -> &str {
        self.text.as_str()
    }

    /// The bytes of the file: those that were decoded, with all replacements.
    pub fn print(&self) -> Vec<u8> {
        self.text.encode()
    }

    /// All lines. An `[include ...]` is not followed and does not change the context of the following lines.
    pub fn lines(&self) -> impl Iterator<Item = Line> + '_ {
        let mut section = SectionKind::Start;
        Lines::new(self.text()).map(move |span| {
            let line = parser::parse_line(self.text(), span, section);
            section = line.item.context().unwrap_or(section);
            line
        })
    }

    /// Replaces the text of `span` by `new`. Later spans of the document become invalid.
    ///
    /// # Panics
    ///
    /// If the span does not belong to the current text.
    pub fn replace(&mut self, span: Span, new: &str) {
        self.text.replace(span, new);
    }
}
