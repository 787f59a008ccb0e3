//! Renders diagnostics, as text for people and as JSON for programs.

use std::borrow::Cow;
use std::fmt::Write as _;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde::Serialize;

use crate::report::compiled::Compiled;
use crate::report::diagnostic::{Diagnostic, DiagnosticSeverity, Label};
use crate::syntax::source::{SourceFile, Span};

/// A line with more bytes is not shown, only its location. The renderer truncates shorter lines itself.
const MAX_LINE: usize = 2000;

impl Compiled {
    /// All diagnostics as text, each with the lines that it points at.
    pub fn render(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let renderer = renderer.decor_style(DecorStyle::Ascii);
        let mut out = String::new();
        for diagnostic in &self.diagnostics {
            if !out.is_empty() {
                out.push('\n');
            }
            out.push_str(&renderer.render(&[self.group(diagnostic)]));
            out.push('\n');
        }
        let hidden = self.errors + self.warnings - self.diagnostics.len();
        if hidden > 0 {
            let _ = writeln!(out, "\n{hidden} more errors and warnings are not shown");
        }
        out
    }

    /// All diagnostics as one JSON object with the members `errors`, `warnings` and `diagnostics`.
    pub fn to_json(&self) -> String {
        let report = JsonReport {
            errors: self.errors,
            warnings: self.warnings,
            diagnostics: self.diagnostics.iter().map(|diagnostic| self.json(diagnostic)).collect(),
        };
        serde_json::to_string_pretty(&report).expect("strings and numbers are valid JSON")
    }

    fn group<'d>(&'d self, diagnostic: &'d Diagnostic) -> Group<'d> {
        let level = match diagnostic.severity {
            DiagnosticSeverity::Error => Level::ERROR,
            DiagnosticSeverity::Warning => Level::WARNING,
        };
        let mut group = Group::with_title(level.primary_title(diagnostic.message.as_str()).id(diagnostic.id));
        if diagnostic.labels.is_empty() {
            group = group.element(Origin::path(diagnostic.file.to_string_lossy()));
        }
        // All labels of a line share one excerpt.
        let mut shown = Vec::new();
        for (at, label) in diagnostic.labels.iter().enumerate() {
            let source = self.sources.get(label.location.source);
            let line = source.line_of(label.location.span.start);
            if shown.contains(&(label.location.source, line)) {
                continue;
            }
            shown.push((label.location.source, line));
            let here = diagnostic.labels[at..].iter().enumerate().filter(|(_, other)| {
                other.location.source == label.location.source
                    && source.line_of(other.location.span.start) == line
            });
            let here: Vec<_> = here.map(|(offset, other)| (at + offset == 0, other)).collect();
            group = match excerpt(source, line, &here) {
                Some(excerpt) => group.element(excerpt),
                None => {
                    let column = source.column_of(label.location.span.start);
                    group.element(Origin::path(source.path.to_string_lossy()).line(line).char_column(column))
                }
            };
        }
        for help in &diagnostic.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        group
    }

    fn json<'d>(&'d self, diagnostic: &'d Diagnostic) -> JsonDiagnostic<'d> {
        let location = |label: &'d Label| {
            let source = self.sources.get(label.location.source);
            JsonLabel {
                file: source.path.to_string_lossy(),
                line: source.line_of(label.location.span.start),
                column: source.column_of(label.location.span.start),
                end_column: source.column_of(label.location.span.end),
                text: &label.text,
            }
        };
        JsonDiagnostic { diagnostic, labels: diagnostic.labels.iter().map(location).collect() }
    }
}

/// One line of a source with its labels underlined. None if the line is too long to be shown.
fn excerpt<'a>(
    source: &'a SourceFile,
    number: usize,
    labels: &[(bool, &'a Label)],
) -> Option<Snippet<'a, annotate_snippets::Annotation<'a>>> {
    let line = source.line(number);
    let text = line.of(source.text.as_str());
    if text.len() > MAX_LINE {
        return None;
    }
    // A byte order mark is not shown.
    let start = line.end as usize - text.trim_start_matches('\u{feff}').len();
    let within = |offset: u32| (offset.min(line.end) as usize).saturating_sub(start);
    let annotations = labels.iter().map(|(is_primary, label)| {
        let kind = if *is_primary { AnnotationKind::Primary } else { AnnotationKind::Context };
        let annotation = kind.span(within(label.location.span.start)..within(label.location.span.end));
        if label.text.is_empty() { annotation } else { annotation.label(label.text.as_str()) }
    });
    let snippet = Snippet::source(shown(source, start, line.end as usize)).line_start(number);
    Some(snippet.path(source.path.to_string_lossy()).annotations(annotations))
}

/// A part of a source with its secrets replaced by asterisks.
fn shown(source: &SourceFile, from: usize, to: usize) -> Cow<'_, str> {
    let text = source.text.as_str();
    let is_inside = |span: &&Span| (span.start as usize) < to && span.end as usize > from;
    let mut out = Cow::Borrowed(&text[from..to]);
    for secret in source.secrets.iter().filter(is_inside) {
        let (start, end) = ((secret.start as usize).max(from), (secret.end as usize).min(to));
        // The length in bytes stays the same, so that the spans of labels stay valid.
        out.to_mut().replace_range(start - from..end - from, &"*".repeat(end - start));
    }
    out
}

#[derive(Serialize)]
struct JsonReport<'a> {
    errors: usize,
    warnings: usize,
    diagnostics: Vec<JsonDiagnostic<'a>>,
}

#[derive(Serialize)]
struct JsonDiagnostic<'a> {
    #[serde(flatten)]
    diagnostic: &'a Diagnostic,
    labels: Vec<JsonLabel<'a>>,
}

#[derive(Serialize)]
struct JsonLabel<'a> {
    file: Cow<'a, str>,
    line: usize,
    column: usize,
    end_column: usize,
    text: &'a str,
}
