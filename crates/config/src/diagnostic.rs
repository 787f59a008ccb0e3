//! What is wrong with a configuration, and where.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::PathBuf;

use crosspatch_core::is_plain;

use crate::source::{Place, Sources};

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
    pub(crate) place: Place,
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

    /// Points at a place.
    pub(crate) fn at(self, place: Place) -> Self {
        self.label(place, "")
    }

    /// Points at a place and says something about it.
    pub(crate) fn label(mut self, place: Place, text: impl Into<String>) -> Self {
        self.0.labels.push(Label { place, text: fit(&text.into()) });
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
pub(crate) struct Book {
    kept: Vec<Diagnostic>,
    said: BTreeSet<(Option<Place>, &'static str, String)>,
    pub(crate) errors: usize,
    pub(crate) warnings: usize,
}

impl Book {
    /// Whether what is added is still kept. If not, it need not be worded well.
    pub(crate) fn has_room(&self) -> bool {
        self.kept.len() < MAX_KEPT
    }

    pub(crate) fn add(&mut self, Draft(diagnostic): Draft) {
        let keep = self.has_room();
        if keep {
            let place = diagnostic.labels.first().map(|label| label.place);
            if !self.said.insert((place, diagnostic.id, diagnostic.message.clone())) {
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
        kept.sort_by_key(|diagnostic| diagnostic.labels.first().map(|label| label.place));
        for diagnostic in &mut kept {
            let Some(Label { place, .. }) = diagnostic.labels.first() else { continue };
            let source = sources.get(place.source);
            diagnostic.file.clone_from(&source.path);
            diagnostic.line = source.line_of(place.span.start);
            diagnostic.column = source.column_of(place.span.start);
            diagnostic.end_column = source.column_of(place.span.end);
        }
        kept
    }
}

/// Something that a person typed, in backticks, fit to be shown: short and without control characters.
pub(crate) fn quote(typed: &str) -> String {
    const LONGEST: usize = 60;
    format!("`{}`", shortened(typed, LONGEST))
}

/// A sentence, which may contain anything that a person typed, fit to be shown.
fn fit(sentence: &str) -> String {
    const LONGEST: usize = 400;
    shortened(sentence, LONGEST)
}

fn shortened(text: &str, longest: usize) -> String {
    let mut shown = String::new();
    let mut letters = text.chars();
    for letter in letters.by_ref().take(longest) {
        match letter {
            '\t' => shown.push(' '),
            letter if is_plain(letter) => shown.push(letter),
            letter => shown.extend(letter.escape_default()),
        }
    }
    if letters.next().is_some() {
        shown.push_str("...");
    }
    shown
}

/// `1 channel`, `2 channels`.
pub(crate) fn count(number: u128, what: &str) -> String {
    let plural: Cow<'_, str> = if number == 1 { what.into() } else { format!("{what}s").into() };
    format!("{number} {plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_is_made_fit_to_be_shown() {
        assert_eq!(quote("a\tb\u{1b}[31m"), "`a b\\u{1b}[31m`");
        assert_eq!(quote(&"x".repeat(100)).len(), 65);
    }

    #[test]
    fn the_same_is_said_once_and_the_rest_is_counted() {
        let mut book = Book::default();
        for number in 0..MAX_KEPT + 5 {
            book.add(Draft::error("a", number.to_string()));
            book.add(Draft::error("a", "0"));
        }
        assert!(book.errors >= MAX_KEPT + 5);
        assert_eq!(book.kept.len(), MAX_KEPT);
    }
}
