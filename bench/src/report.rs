//! Figures as tables and plots: for a terminal, for a document and for programs.

use std::fmt::Write as _;

use serde::Serialize;

/// How to write figures down.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum ReportFormat {
    /// For people at a terminal.
    Text,
    /// For a document.
    Markdown,
    /// One JSON object.
    Json,
}

/// Everything that was measured.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Report {
    /// What the machine and the program are.
    pub(crate) about: Vec<(&'static str, String)>,
    pub(crate) tables: Vec<ReportTable>,
    pub(crate) plots: Vec<Plot>,
}

/// Rows of figures.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ReportTable {
    pub(crate) title: &'static str,
    /// What the columns mean, in a sentence or two.
    pub(crate) note: &'static str,
    pub(crate) columns: &'static [&'static str],
    pub(crate) rows: Vec<Row>,
}

/// A row; without cells it is the heading of those below it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    /// Figures; `None` where there is no value.
    pub(crate) cells: Vec<Option<f64>>,
}

/// Bars beside each other.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Plot {
    pub(crate) title: &'static str,
    pub(crate) bars: Vec<(String, f64)>,
}

impl Row {
    pub(crate) fn heading(name: impl Into<String>) -> Self {
        Self { name: name.into(), cells: Vec::new() }
    }

    pub(crate) fn new(name: impl Into<String>, cells: impl IntoIterator<Item = f64>) -> Self {
        Self { name: name.into(), cells: cells.into_iter().map(Some).collect() }
    }

    /// How many times the figures of `bare` these are, in the columns where that says something.
    pub(crate) fn ratio(&self, bare: &Self, columns: &[usize]) -> Self {
        let ratio = |at: usize| Some(self.cells[at]? / bare.cells[at].filter(|bare| *bare > 0.0)?);
        let cells = (0..self.cells.len()).map(|at| columns.contains(&at).then(|| ratio(at)).flatten());
        Self { name: "times bare".into(), cells: cells.collect() }
    }
}

impl Report {
    /// All of it.
    pub(crate) fn write(&self, format: ReportFormat) -> serde_json::Result<String> {
        let mut text = String::new();
        match format {
            ReportFormat::Json => return serde_json::to_string_pretty(self).map(|json| json + "\n"),
            ReportFormat::Text => {
                self.about.iter().for_each(|(what, value)| line(&mut text, format_args!("{what}: {value}")));
                self.tables.iter().for_each(|table| table.as_text(&mut text));
                self.plots.iter().for_each(|plot| line(&mut text, format_args!("\n{}", plot.as_text())));
            }
            ReportFormat::Markdown => {
                line(&mut text, format_args!("| | |\n| --- | --- |"));
                for (what, value) in &self.about {
                    line(&mut text, format_args!("| {what} | {value} |"));
                }
                self.tables.iter().for_each(|table| table.as_markdown(&mut text));
                for plot in &self.plots {
                    line(&mut text, format_args!("\n```text\n{}```", plot.as_text()));
                }
            }
        }
        Ok(text)
    }
}

impl ReportTable {
    fn as_text(&self, text: &mut String) {
        let widest = self.rows.iter().map(|row| row.name.chars().count() + 2).max().unwrap_or(0);
        let width = |column: &str| column.chars().count().max(7) + 1;
        line(text, format_args!("\n{}\n{}\n", self.title, self.note));
        let head: String = self.columns.iter().map(|name| format!("{name:>0$}", width(name))).collect();
        line(text, format_args!("{:widest$}{head}", ""));
        for row in &self.rows {
            let cells = row.cells.iter().zip(self.columns);
            let cells: String =
                cells.map(|(cell, name)| format!("{:>1$}", shown(*cell), width(name))).collect();
            let name = if cells.is_empty() { row.name.clone() } else { format!("  {}", row.name) };
            line(text, format_args!("{name:widest$}{cells}"));
        }
    }

    fn as_markdown(&self, text: &mut String) {
        line(text, format_args!("\n## {}\n\n{}\n", self.title, self.note));
        line(text, format_args!("| | {} |", self.columns.join(" | ")));
        line(text, format_args!("| --- |{}", " ---: |".repeat(self.columns.len())));
        for row in &self.rows {
            let cells = (0..self.columns.len()).map(|at| shown(row.cells.get(at).copied().flatten()));
            let name = if row.cells.is_empty() { format!("**{}**", row.name) } else { row.name.clone() };
            line(text, format_args!("| {name} | {} |", cells.collect::<Vec<_>>().join(" | ")));
        }
    }
}

/// How many characters the longest bar has.
const LONGEST_BAR: f64 = 60.0;

impl Plot {
    fn as_text(&self) -> String {
        let widest = self.bars.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        let most = self.bars.iter().map(|(_, bar)| *bar).fold(1.0, f64::max);
        let mut text = format!("{}\n", self.title);
        for (name, value) in &self.bars {
            let length = value / most * LONGEST_BAR;
            let eighths =
                ['\u{258f}', '\u{258e}', '\u{258d}', '\u{258c}', '\u{258b}', '\u{258a}', '\u{2589}'];
            let rest = ((length.fract() * 8.0) as usize).checked_sub(1).map(|at| eighths[at]);
            let bar: String = "\u{2588}".repeat(length as usize).chars().chain(rest).collect();
            line(&mut text, format_args!("{name:widest$}  {bar} {}", shown(Some(*value))));
        }
        text
    }
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // A string takes everything.
    let _ = writeln!(text, "{arguments}");
}

/// A figure with three digits that count.
fn shown(figure: Option<f64>) -> String {
    match figure {
        None => String::new(),
        Some(0.0) => "0".into(),
        Some(figure) if figure < 0.995 => format!("{figure:.3}"),
        Some(figure) if figure < 9.995 => format!("{figure:.2}"),
        Some(figure) if figure < 99.95 => format!("{figure:.1}"),
        Some(figure) => format!("{figure:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let bare = Row::new("bare", [2.0, 0.0, 1234.5]);
        let ours = Row::new("crosspatch", [3.0, 1.0, 12.34]);
        let ratio = ours.ratio(&bare, &[0, 1]);
        let rows = vec![Row::heading("one work"), bare, ours, ratio];
        let table = ReportTable { title: "Title", note: "Note.", columns: &["time", "lost", "rate"], rows };
        let bars = vec![("one".into(), 0.5), ("other".into(), 2.0)];
        Report {
            about: vec![("machine", "two cores".into())],
            tables: vec![table],
            plots: vec![Plot { title: "Times bare", bars }],
        }
    }

    #[test]
    fn a_terminal_gets_columns_and_bars() {
        let text = report().write(ReportFormat::Text).unwrap();
        let lines: Vec<_> = text.lines().map(str::trim_end).collect();
        assert_eq!(
            lines[5..10],
            [
                "                time    lost    rate",
                "one work",
                "  bare          2.00       0    1234",
                "  crosspatch    3.00    1.00    12.3",
                "  times bare    1.50",
            ]
        );
        assert!(lines[12].ends_with("0.500") && lines[13].contains(&"\u{2588}".repeat(60)), "{text}");
    }

    #[test]
    fn a_document_gets_a_table_and_programs_get_json() {
        let text = report().write(ReportFormat::Markdown).unwrap();
        assert!(text.contains("| **one work** |  |  |  |\n| bare | 2.00 | 0 | 1234 |\n"), "{text}");
        let json: serde_json::Value =
            serde_json::from_str(&report().write(ReportFormat::Json).unwrap()).unwrap();
        assert_eq!(json["tables"][0]["rows"][2]["cells"][2], 12.34);
    }
}
