//! Diagnostics: the mistakes of a configuration and their locations.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use crate::syntax::source::{Location, SourceFiles, SourceId};
use crate::syntax::tree::Fault;
use crate::wording::sanitized;

/// The severity of a diagnostic.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DiagnosticSeverity {
    /// The configuration has no plan.
    Error,
    /// The configuration works, but perhaps not as intended.
    Warning,
}

/// A mistake, or something that is probably one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// A stable id such as `unknown-option`.
    pub id: &'static str,
    /// Whether it is an error or a warning.
    pub severity: DiagnosticSeverity,
    /// What was expected and what was found, in lower case and without a full stop.
    pub message: String,
    /// The file; `command line` for an override.
    #[serde(serialize_with = "lossy")]
    pub file: PathBuf,
    /// The line, counted from 1. 0 if the diagnostic concerns the whole file.
    pub line: usize,
    /// The column, in characters from 1. 0 if the diagnostic concerns the whole file.
    pub column: usize,
    /// The column after the last character.
    pub end_column: usize,
    /// Advice on how to correct it, one way per entry.
    pub help: Vec<String>,
    #[serde(skip)]
    pub(crate) labels: Vec<Label>,
}

/// Serializes a path, even if it is not UTF-8.
fn lossy<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

/// A location that a diagnostic points at. The first label of a diagnostic is the location of the mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Label {
    pub(crate) location: Location,
    pub(crate) text: String,
}

/// A diagnostic that is being built.
#[derive(Debug)]
pub(crate) struct Draft(Diagnostic);

impl Draft {
    pub(crate) fn error(id: &'static str, message: impl Into<String>) -> Self {
        Self::new(id, DiagnosticSeverity::Error, message.into())
    }

    pub(crate) fn warning(id: &'static str, message: impl Into<String>) -> Self {
        Self::new(id, DiagnosticSeverity::Warning, message.into())
    }

    fn new(id: &'static str, severity: DiagnosticSeverity, message: String) -> Self {
        Self(Diagnostic {
            id,
            severity,
            message: sanitized(&message),
            file: PathBuf::new(),
            line: 0,
            column: 0,
            end_column: 0,
            help: Vec::new(),
            labels: Vec::new(),
        })
    }

    /// A syntax error in `source`.
    pub(crate) fn of_fault(fault: Fault, source: SourceId) -> Self {
        let Fault { span, id, message, help, is_warning } = fault;
        let new = if is_warning { Self::warning } else { Self::error };
        new(id, message).at(Location { source, span }).help_if(help)
    }

    /// Points at a location.
    pub(crate) fn at(self, location: Location) -> Self {
        self.label(location, "")
    }

    /// Points at a location with a comment.
    pub(crate) fn label(mut self, location: Location, text: impl Into<String>) -> Self {
        self.0.labels.push(Label { location, text: sanitized(&text.into()) });
        self
    }

    /// Points at a whole file.
    pub(crate) fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.0.file = path.into();
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help.push(sanitized(&help.into()));
        self
    }

    pub(crate) fn help_if(self, help: Option<impl Into<String>>) -> Self {
        match help {
            Some(help) => self.help(help),
            None => self,
        }
    }
}

/// The most diagnostics that are kept. Further ones are counted.
const MAX_KEPT: usize = 1000;

/// Collects diagnostics without duplicates.
#[derive(Debug, Default)]
pub(crate) struct Diagnostics {
    kept: Vec<Diagnostic>,
    seen: BTreeSet<(Option<Location>, &'static str, String)>,
    pub(crate) errors: usize,
    pub(crate) warnings: usize,
}

impl Diagnostics {
    /// Whether further diagnostics are kept. If not, their wording does not matter.
    pub(crate) fn has_room(&self) -> bool {
        self.kept.len() < MAX_KEPT
    }

    /// Adds the result of a check. Returns whether there is no mistake.
    pub(crate) fn check(&mut self, mistake: Option<Draft>) -> bool {
        let is_right = mistake.is_none();
        mistake.into_iter().for_each(|mistake| self.add(mistake));
        is_right
    }

    pub(crate) fn add(&mut self, Draft(diagnostic): Draft) {
        let keep = self.has_room();
        if keep {
            let location = diagnostic.labels.first().map(|label| label.location);
            if !self.seen.insert((location, diagnostic.id, diagnostic.message.clone())) {
                return;
            }
        }
        match diagnostic.severity {
            DiagnosticSeverity::Error => self.errors += 1,
            DiagnosticSeverity::Warning => self.warnings += 1,
        }
        if keep {
            self.kept.push(diagnostic);
        }
    }

    /// All diagnostics by file and line, with files, lines and columns filled in.
    pub(crate) fn finish(self, sources: &SourceFiles) -> Vec<Diagnostic> {
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
    fn duplicates_are_dropped_and_the_excess_is_counted() {
        let mut diagnostics = Diagnostics::default();
        for number in 0..MAX_KEPT + 5 {
            diagnostics.add(Draft::error("a", number.to_string()));
            diagnostics.add(Draft::error("a", "0"));
        }
        assert!(diagnostics.errors >= MAX_KEPT + 5);
        assert_eq!(diagnostics.kept.len(), MAX_KEPT);
    }
}
