//! The tree of a file: what each line says, as places in its text.
//!
//! The tree holds the decoded text and nothing beside it, and works out lines when they are asked for: a file with a
//! million lines costs no more than its letters, and comments and layout cannot get lost, because they are never taken
//! apart. An editor changes a file by replacing the text of a [`Span`].

use crate::lexer::{Lines, Operator};
use crate::parser;
use crate::source::{Span, Text};

/// A file as a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    text: Text,
}

impl Document {
    /// Reads any bytes.
    pub fn parse(bytes: impl Into<Vec<u8>>) -> Self {
        Self { text: Text::decode(bytes.into()) }
    }

    /// The decoded text, which every [`Span`] refers to.
    pub fn text(&self) -> &str {
        self.text.as_str()
    }

    /// The file's bytes: those that were read, but for what has been replaced.
    pub fn print(&self) -> Vec<u8> {
        self.text.encode()
    }

    /// All lines. An `[include ...]` is not followed, and does not change what the lines behind it mean.
    pub fn lines(&self) -> impl Iterator<Item = Line> + '_ {
        let mut section = Context::Start;
        Lines::new(self.text()).map(move |span| {
            let line = parser::parse_line(self.text(), span, section);
            section = line.item.context().unwrap_or(section);
            line
        })
    }

    /// Puts `new` in the place of `span`; everything else stays as it is. Spans of what stands behind it move.
    ///
    /// # Panics
    ///
    /// If the span is not one of this document as it is.
    pub fn replace(&mut self, span: Span, new: &str) {
        self.text.replace(span, new);
    }
}

/// What kind of section a line stands in, which decides how it is read.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Context {
    /// In front of the first section.
    Start,
    /// Options of a backend or an instance.
    Options,
    /// Mappings.
    Map,
    /// Stages of a named chain.
    Chain,
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The whole line without its line feed.
    pub span: Span,
    /// What it says.
    pub item: Item,
    /// What is wrong with how it is written.
    pub faults: Vec<Fault>,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// Nothing.
    Blank,
    /// A remark, from the semicolon on.
    Comment(Span),
    /// `[include FILE]`.
    Include {
        /// The file as written.
        file: Span,
    },
    /// `[backend NAME]`.
    Backend {
        /// The name of the backend.
        name: Span,
    },
    /// `[BACKEND NAME]`.
    Instance {
        /// The name of the backend.
        backend: Span,
        /// The name of the instance; empty if it is missing.
        name: Span,
    },
    /// `[map]`.
    Map,
    /// `[chain NAME] STAGES`.
    Chain {
        /// The name of the chain; empty if it is missing.
        name: Span,
        /// What stands behind the bracket, cut at each ` | `.
        stages: Vec<Span>,
    },
    /// `NAME = VALUE`.
    Option {
        /// The name as written.
        name: Span,
        /// The value without surrounding blanks; may be empty.
        value: Span,
    },
    /// A mapping.
    Mapping(Mapping),
    /// Stages of a named chain, cut at each ` | `.
    Stages(Vec<Span>),
    /// A line that is none of these; its faults say why.
    Stray(Span),
}

impl Item {
    /// The context of the lines behind this one, if it is a section header.
    pub(crate) fn context(&self) -> Option<Context> {
        match self {
            Self::Backend { .. } | Self::Instance { .. } => Some(Context::Options),
            Self::Map => Some(Context::Map),
            Self::Chain { .. } => Some(Context::Chain),
            Self::Blank
            | Self::Comment(_)
            | Self::Include { .. }
            | Self::Option { .. }
            | Self::Mapping(_)
            | Self::Stages(_)
            | Self::Stray(_) => None,
        }
    }
}

/// A mapping line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// What stands left of the operator.
    pub left: Side,
    /// Which way it goes.
    pub operator: Operator,
    /// Where that is written.
    pub operator_at: Span,
    /// What stands right of it.
    pub right: Side,
}

impl Mapping {
    /// The same in a text that begins `bytes` earlier.
    pub(crate) fn behind(self, bytes: u32) -> Self {
        Self {
            left: self.left.behind(bytes),
            operator_at: self.operator_at.behind(bytes),
            right: self.right.behind(bytes),
            ..self
        }
    }
}

/// One side of a mapping line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// `instance.address`, with ranges and lists as written; empty if it is missing.
    pub channels: Span,
    /// What stands behind each ` | `, but for what is empty.
    pub transforms: Vec<Span>,
}

impl Side {
    fn behind(mut self, bytes: u32) -> Self {
        self.channels = self.channels.behind(bytes);
        self.transforms.iter_mut().for_each(|stage| *stage = stage.behind(bytes));
        self
    }
}

/// A mistake in how a line is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub span: Span,
    /// The name of the mistake.
    pub id: &'static str,
    /// What was expected and what was found.
    pub message: String,
    /// What helps.
    pub help: Option<String>,
    /// Whether the line is clear all the same.
    pub is_warning: bool,
}

impl Fault {
    /// The same in a text that begins `bytes` earlier.
    pub(crate) fn behind(self, bytes: u32) -> Self {
        Self { span: self.span.behind(bytes), ..self }
    }
}
