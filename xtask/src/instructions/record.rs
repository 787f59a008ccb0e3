//! What was counted, as a file of the repository, and what has changed since.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context, Result};

/// A change that is not worth a word, either way.
///
/// With one compiler and on one processor the counts are the same to the last digit each time, also after building anew. What
/// differs elsewhere are the variants of functions that the C library takes for a processor: one without AVX makes up to two
/// percent by `memcmp`, and four by `pow` in `engine/gamma`. Whatever is lost step by step within the tolerance shows at last,
/// since the record stays.
pub(super) const TOLERANCE_PERCENT: f64 = 5.0;

const HEAD: &str =
    "# Instructions an event of each hot path; `cargo xtask instructions --accept` writes this file.";

/// The instructions of all paths.
#[derive(Debug, Default, PartialEq)]
pub(super) struct InstructionRecord {
    /// Who compiled, and for which machine: `rustc 1.95.0 (59807616e 2026-04-14) for x86_64-unknown-linux-gnu`.
    pub compiler: String,
    /// The name of each path, and its instructions an event.
    pub counts: Vec<(String, f64)>,
}

impl InstructionRecord {
    /// The kind of machine. Counts of another kind cannot be compared.
    pub(super) fn machine(&self) -> &str {
        machine(&self.compiler)
    }

    fn count(&self, name: &str) -> Option<f64> {
        self.counts.iter().find(|(other, _)| other == name).map(|(_, count)| *count)
    }
}

/// The kind of machine that a compiler, written as in a record, compiles for.
pub(super) fn machine(compiler: &str) -> &str {
    compiler.rsplit_once(" for ").map_or("", |(_, machine)| machine)
}

impl FromStr for InstructionRecord {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        let compiler = lines.next().context("expected a line with the compiler")?.to_owned();
        let count = |line: &str| {
            let (name, count) = line.split_once(' ').with_context(|| format!("no count in `{line}`"))?;
            let count = count.trim().parse().with_context(|| format!("no number in `{line}`"))?;
            Ok((name.to_owned(), count))
        };
        Ok(Self { compiler, counts: lines.map(count).collect::<Result<_>>()? })
    }
}

impl fmt::Display for InstructionRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEAD}\n{}", self.compiler)?;
        self.counts.iter().try_for_each(|(name, count)| writeln!(f, "{name:28} {count:12.1}"))
    }
}

/// A path that is not as it was.
#[derive(Debug, PartialEq)]
pub(super) enum Deviation {
    /// It takes more instructions.
    Dearer(String, f64, f64),
    /// It takes fewer, which the record should know, so that they are not lost again.
    Cheaper(String, f64, f64),
    /// The record does not have it.
    New(String, f64),
    /// Only the record has it.
    Gone(String),
}

impl Deviation {
    /// Whether something has to be done about it.
    pub(super) fn is_wrong(&self) -> bool {
        !matches!(self, Self::Cheaper(..))
    }
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dearer(name, before, after) | Self::Cheaper(name, before, after) => {
                let percent = (after / before - 1.0) * 100.0;
                write!(
                    f,
                    "{name}: {before:.1} instructions an event before, {after:.1} at present ({percent:+.1} %)"
                )?;
                if self.is_wrong() { Ok(()) } else { write!(f, "; accept that, so that it lasts") }
            }
            Self::New(name, count) => {
                write!(f, "{name}: {count:.1} instructions an event, and not in the record")
            }
            Self::Gone(name) => write!(f, "{name}: in the record, and there is no such path"),
        }
    }
}

/// What is worth a word of `counted`, compared with the record.
pub(super) fn compare(record: &InstructionRecord, counted: &InstructionRecord) -> Vec<Deviation> {
    let gone = record.counts.iter().filter(|(name, _)| counted.count(name).is_none());
    let gone = gone.map(|(name, _)| Deviation::Gone(name.clone()));
    let changed = counted.counts.iter().filter_map(|(name, after)| {
        let Some(before) = record.count(name) else { return Some(Deviation::New(name.clone(), *after)) };
        let margin = before * TOLERANCE_PERCENT / 100.0;
        if *after > before + margin {
            Some(Deviation::Dearer(name.clone(), before, *after))
        } else if *after < before - margin {
            Some(Deviation::Cheaper(name.clone(), before, *after))
        } else {
            None
        }
    });
    changed.chain(gone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(counts: &[(&str, f64)]) -> InstructionRecord {
        let counts = counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        InstructionRecord {
            compiler: "rustc 1.95.0 (5980 2026-04-14) for x86_64-unknown-linux-gnu".into(),
            counts,
        }
    }

    #[test]
    fn what_is_dearer_new_or_gone_is_wrong_and_what_is_cheaper_is_told() {
        let before = record(&[("a", 100.0), ("b", 100.0), ("c", 100.0), ("d", 100.0), ("e", 100.0)]);
        let after = record(&[("a", 106.0), ("b", 104.9), ("c", 95.1), ("d", 90.0), ("f", 7.0)]);
        let found = compare(&before, &after);
        assert_eq!(
            found,
            [
                Deviation::Dearer("a".into(), 100.0, 106.0),
                Deviation::Cheaper("d".into(), 100.0, 90.0),
                Deviation::New("f".into(), 7.0),
                Deviation::Gone("e".into()),
            ]
        );
        assert_eq!(found.iter().map(Deviation::is_wrong).collect::<Vec<_>>(), [true, false, true, true]);
        assert_eq!(found[0].to_string(), "a: 100.0 instructions an event before, 106.0 at present (+6.0 %)");
        assert_eq!(compare(&before, &before), []);
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let written = record(&[("osc/in-1", 86.5), ("a-name-that-is-longer-than-the-column", 1_234_567.0)]);
        let read: InstructionRecord = written.to_string().parse().expect("a record");
        assert_eq!(read, written);
        assert_eq!(read.machine(), "x86_64-unknown-linux-gnu");
        for bad in ["", "# only a comment", "rustc 1\nname", "rustc 1\nname many"] {
            assert!(bad.parse::<InstructionRecord>().is_err(), "{bad:?}");
        }
    }
}
