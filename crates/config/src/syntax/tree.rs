//! What a line says, as spans of its text.

use crate::syntax::lexer::Operator;
use crate::syntax::source::Span;

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
