//! `docs/compatibility.md` is true: each row of its tables gives the result that it states.
//!
//! A block ` ```config ` is the show for the tables after it; `...` in it is replaced by the first cell of a row,
//! which has a code span per line. The third cell is `accepted`, `warning` or `refused`; the message after it is what the
//! program says, which `ACCEPT=1` writes there.

#![expect(clippy::disallowed_methods, reason = "the table is a file, and `ACCEPT` is for people")]

use std::path::Path;

use crosspatch_backends::registry;
use crosspatch_config::{DiagnosticSeverity, compile_text};
use crosspatch_transforms::FAMILIES;

#[path = "support/markdown.rs"]
mod markdown;

use markdown::{Piece, first_difference, pieces};

#[test]
fn every_row_of_the_table_is_true() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/compatibility.md");
    let text = std::fs::read_to_string(&path).expect("the table is in the repository");
    let (mut found, mut show, mut rows, mut wrong) = (String::new(), String::new(), 0, String::new());
    for piece in pieces(&text) {
        match piece {
            Piece::Block(info, body) => {
                if info == "config" {
                    show = body.clone();
                }
                found.push_str(&format!("```{info}\n{body}```\n"));
            }
            Piece::Prose(line) if line.starts_with("| `") => {
                rows += 1;
                found.push_str(&answered(line, &show, &mut wrong));
                found.push('\n');
            }
            Piece::Prose(line) => {
                found.push_str(line);
                found.push('\n');
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(rows > 60, "only {rows} lines were found");
    if std::env::var_os("ACCEPT").is_some() {
        std::fs::write(&path, &found).expect("a writable file");
    } else {
        assert!(found == text, "{}\n`ACCEPT=1` accepts these messages", first_difference(&text, &found));
    }
}

/// A row with the message that its first cell really gets. A wrong claim is noted in `wrong`.
fn answered(row: &str, show: &str, wrong: &mut String) -> String {
    let cells: Vec<_> = row.trim_matches('|').split(" | ").map(str::trim).collect();
    let [written, there, answer, why] = cells[..] else { panic!("expected four cells in {row}") };
    let lines: Vec<_> = written.split('`').skip(1).step_by(2).map(|line| line.replace("\\|", "|")).collect();
    let compiled = compile_text(&show.replace("...", &lines.join("\n")), registry(FAMILIES));
    let first = compiled.diagnostics.iter().min_by_key(|diagnostic| match diagnostic.severity {
        DiagnosticSeverity::Error => 0,
        DiagnosticSeverity::Warning => 1,
    });
    let (real, message) = match first {
        None => ("accepted", String::new()),
        Some(first) => {
            let word =
                if matches!(first.severity, DiagnosticSeverity::Error) { "refused" } else { "warning" };
            (word, format!(": {}", first.message.replace('|', "\\|")))
        }
    };
    let claimed = answer.split(':').next().unwrap_or_default();
    if claimed != real {
        wrong.push_str(&format!("{row}\nis really {real}{message}\n"));
    }
    format!("| {written} | {there} | {real}{message} | {why} |").replace("|  |", "| |")
}
