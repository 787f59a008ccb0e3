//! The parsed form of a line. Its parts are spans of the text.

use crate::syntax::lexer::Operator;
use crate::syntax::source::Span;

/// The kind of section that a line belongs to. It decides how the line is parsed.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum SectionKind {
    /// Before the first section.
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
    /// Its content.
    pub item: Item,
    /// Its syntax errors.
    pub faults: Vec<Fault>,
}

/// The content of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// No content.
    Blank,
    /// A comment, from the semicolon on.
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
    /// `[web]`; the span of the word.
    Web(Span),
    /// `[chain NAME] STAGES`.
    Chain {
        /// The name of the chain; empty if it is missing.
        name: Span,
        /// The stages after the bracket, split at each ` | `.
        stages: Vec<Span>,
    },
    /// `NAME = VALUE`.
    Option {
        /// The name as written.
        name: Span,
        /// The value without surrounding white space; may be empty.
        value: Span,
    },
    /// A mapping.
    Mapping(MappingLine),
    /// Stages of a named chain, split at each ` | `.
    Stages(Vec<Span>),
    /// None of these. The faults of the line explain why.
    Invalid(Span),
}

impl Item {
    /// The context of the following lines, if this is a section header.
    pub(crate) fn context(&self) -> Option<SectionKind> {
        match self {
            Self::Backend { .. } | Self::Instance { .. } | Self::Web(_) => Some(SectionKind::Options),
            Self::Map => Some(SectionKind::Map),
            Self::Chain { .. } => Some(SectionKind::Chain),
            Self::Blank
            | Self::Comment(_)
            | Self::Include { .. }
            | Self::Option { .. }
            | Self::Mapping(_)
            | Self::Stages(_)
            | Self::Invalid(_) => None,
        }
    }
}

/// A mapping line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappingLine {
    /// The side to the left of the operator.
    pub left: Side,
    /// The direction.
    pub operator: Operator,
    /// The span of the operator.
    pub operator_at: Span,
    /// The side to the right of the operator.
    pub right: Side,
}

impl MappingLine {
    /// The same in a text that begins `bytes` earlier.
    pub(crate) fn shifted(self, bytes: u32) -> Self {
        Self {
            left: self.left.shifted(bytes),
            operator_at: self.operator_at.shifted(bytes),
            right: self.right.shifted(bytes),
            ..self
        }
    }
}

/// One side of a mapping line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// `instance.address`, with ranges and lists as written; empty if it is missing.
    pub channels: Span,
    /// The transforms, split at each ` | `, without empty ones.
    pub transforms: Vec<Span>,
}

impl Side {
    fn shifted(mut self, bytes: u32) -> Self {
        self.channels = self.channels.shifted(bytes);
        self.transforms.iter_mut().for_each(|stage| *stage = stage.shifted(bytes));
        self
    }
}

/// A syntax error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its location.
    pub span: Span,
    /// The id of the diagnostic.
    pub id: &'static str,
    /// What was expected and what was found.
    pub message: String,
    /// Advice on how to correct it.
    pub help: Option<String>,
    /// Whether the line has a clear meaning nevertheless.
    pub is_warning: bool,
}

impl Fault {
    pub(crate) fn error(
        span: Span,
        id: &'static str,
        message: impl Into<String>,
        help: Option<&str>,
    ) -> Self {
        Self { span, id, message: message.into(), help: help.map(str::to_owned), is_warning: false }
    }

    pub(crate) fn warning(
        span: Span,
        id: &'static str,
        message: impl Into<String>,
        help: Option<&str>,
    ) -> Self {
        Self { is_warning: true, ..Self::error(span, id, message, help) }
    }

    /// The same in a text that begins `bytes` earlier.
    pub(crate) fn shifted(self, bytes: u32) -> Self {
        Self { span: self.span.shifted(bytes), ..self }
    }
}
