//! What is wrong with a configuration, and where.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::syntax::source::{Location, SourceId, Sources};
use crate::syntax::tree::Fault;
use crate::wording::fit;

/// How bad it is.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// No plan comes of this configuration.
    Error,
    /// The configuration works, though perhaps not as it was meant.
    Warning,
}

impl Severity {
    /// `error` or `warning`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One mistake, or something doubtful.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// A short name that never changes, such as `unknown-option`.
    pub id: &'static str,
    /// Whether a plan comes of it all the same.
    pub severity: Severity,
    /// What was expected and what was found, in lower case without a full stop.
    pub message: String,
    /// The file; `command line` for an override.
    pub file: PathBuf,
    /// The line, counted from 1; 0 if the whole file is meant.
    pub line: usize,
    /// The column, counted in letters from 1; 0 if the whole file is meant.
    pub column: usize,
    /// The column behind the last letter that is meant.
    pub end_column: usize,
    /// What helps, one thing each.
    pub help: Vec<String>,
    pub(crate) labels: Vec<Label>,
}

/// A place that a diagnostic points at; the first one of a diagnostic is the place of the mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Label {
    pub(crate) location: Location,
    pub(crate) text: String,
}

/// A diagnostic in the making.
#[derive(Debug)]
pub(crate) struct Draft(Diagnostic);

impl Draft {
    pub(crate) fn error(id: &'static str, message: impl Into<String>) -> Self {
        Self::new(id, Severity::Error, message.into())
    }

    pub(crate) fn warning(id: &'static str, message: impl Into<String>) -> Self {
        Self::new(id, Severity::Warning, message.into())
    }

    fn new(id: &'static str, severity: Severity, message: String) -> Self {
        Self(Diagnostic {
            id,
            severity,
            message: fit(&message),
            file: PathBuf::new(),
            line: 0,
            column: 0,
            end_column: 0,
            help: Vec::new(),
            labels: Vec::new(),
        })
    }

    /// The mistake in how a line of `source` is written.
    pub(crate) fn of_fault(fault: Fault, source: SourceId) -> Self {
        let Fault { span, id, message, help, is_warning } = fault;
        let new = if is_warning { Self::warning } else { Self::error };
        new(id, message).at(Location { source, span }).help_if(help)
    }

    /// Points at a place.
    pub(crate) fn at(self, location: Location) -> Self {
        self.label(location, "")
    }

    /// Points at a place and says something about it.
    pub(crate) fn label(mut self, location: Location, text: impl Into<String>) -> Self {
        self.0.labels.push(Label { location, text: fit(&text.into()) });
        self
    }

    /// Means a file as a whole.
    pub(crate) fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.0.file = path.into();
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help.push(fit(&help.into()));
        self
    }

    pub(crate) fn help_if(self, help: Option<impl Into<String>>) -> Self {
        match help {
            Some(help) => self.help(help),
            None => self,
        }
    }
}

/// How many diagnostics are kept; the rest is only counted.
pub(crate) const MAX_KEPT: usize = 1000;

/// Collects diagnostics and drops those that say the same of the same place.
#[derive(Debug, Default)]
pub(crate) struct Diagnostics {
    kept: Vec<Diagnostic>,
    said: BTreeSet<(Option<Location>, &'static str, String)>,
    pub(crate) errors: usize,
    pub(crate) warnings: usize,
}

impl Diagnostics {
    /// Whether what is added is still kept. If not, it need not be worded well.
    pub(crate) fn has_room(&self) -> bool {
        self.kept.len() < MAX_KEPT
    }

    pub(crate) fn add(&mut self, Draft(diagnostic): Draft) {
        let keep = self.has_room();
        if keep {
            let location = diagnostic.labels.first().map(|label| label.location);
            if !self.said.insert((location, diagnostic.id, diagnostic.message.clone())) {
                return;
            }
        }
        match diagnostic.severity {
            Severity::Error => self.errors += 1,
            Severity::Warning => self.warnings += 1,
        }
        if keep {
            self.kept.push(diagnostic);
        }
    }

    /// Everything by file and line, with files, lines and columns filled in.
    pub(crate) fn finish(self, sources: &Sources) -> Vec<Diagnostic> {
        let mut kept = self.kept;
        kept.sort_by_key(|diagnostic| diagnostic.labels.first().map(|label| label.location));
        for diagnostic in &mut kept {
            let Some(Label { location, .. }) = diagnostic.labels.first() else { continue };
            let source = sources.get(location.source);
            diagnostic.file.clone_from(&source.path);
            diagnostic.line = source.line_of(location.span.start);
            diagnostic.column = source.column_of(location.span.start);
            diagnostic.end_column = source.column_of(location.span.end);
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_said_once_and_the_rest_is_counted() {
        let mut diagnostics = Diagnostics::default();
        for number in 0..MAX_KEPT + 5 {
            diagnostics.add(Draft::error("a", number.to_string()));
            diagnostics.add(Draft::error("a", "0"));
        }
        assert!(diagnostics.errors >= MAX_KEPT + 5);
        assert_eq!(diagnostics.kept.len(), MAX_KEPT);
    }
}
