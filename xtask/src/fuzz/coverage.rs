//! What the targets have come to in all nights, as a table in a file of the repository.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context, Result};

/// How many inputs all targets are to have survived in sum.
const GOAL: u64 = 1_000_000_000;

const HEAD: &str = "\
| target | last run | inputs | inputs/s | cov | ft | corpus | KiB | inputs in sum |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
";

/// The table.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Coverage(Vec<CoverageRow>);

/// A line of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CoverageRow {
    pub target: String,
    /// The day of the last run, as `2026-11-30`.
    pub date: String,
    /// Inputs of the last run, in all and in a second.
    pub inputs: u64,
    pub per_second: u64,
    /// Edges and features that libFuzzer has counted at its end.
    pub cov: u64,
    pub ft: u64,
    /// The committed corpus.
    pub files: u64,
    pub kibibytes: u64,
    /// Inputs of all runs.
    pub sum: u64,
}

impl Coverage {
    /// Adds a run to what there is of its target.
    pub(super) fn add(&mut self, run: CoverageRow) {
        match self.0.binary_search_by(|row| row.target.cmp(&run.target)) {
            Ok(at) => self.0[at] = CoverageRow { sum: self.0[at].sum + run.sum, ..run },
            Err(at) => self.0.insert(at, run),
        }
    }

    /// The inputs of all targets in all runs.
    pub(super) fn inputs(&self) -> u64 {
        self.0.iter().map(|row| row.sum).sum()
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "# Fuzzing so far\n\n\
             All targets together have survived {} inputs; the goal is {GOAL}. `cargo xtask fuzz` writes this file: for each target\n\
             its last run, the edges (`cov`) and features (`ft`) that libFuzzer has counted in the end, the committed corpus, and the inputs\n\
             of all runs.\n",
            self.inputs()
        )?;
        write!(f, "{HEAD}")?;
        self.0.iter().try_for_each(|row| writeln!(f, "{row}"))
    }
}

impl fmt::Display for CoverageRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target, date, inputs, per_second, cov, ft, files, kibibytes, sum } = self;
        write!(
            f,
            "| {target} | {date} | {inputs} | {per_second} | {cov} | {ft} | {files} | {kibibytes} | {sum} |"
        )
    }
}

impl FromStr for Coverage {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (_, rows) = text.split_once(HEAD).context("expected the head of the table")?;
        let mut coverage = Self::default();
        for line in rows.lines() {
            coverage.add(line.parse()?);
        }
        Ok(coverage)
    }
}

impl FromStr for CoverageRow {
    type Err = anyhow::Error;

    fn from_str(line: &str) -> Result<Self> {
        let wrong = || format!("expected a line of the table, found `{line}`");
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [target, date, numbers @ ..] = &cells[..] else { anyhow::bail!(wrong()) };
        let numbers = numbers.iter().map(|cell| cell.parse()).collect::<Result<Vec<u64>, _>>();
        let numbers = numbers.with_context(wrong)?;
        let [inputs, per_second, cov, ft, files, kibibytes, sum] = numbers[..] else {
            anyhow::bail!(wrong())
        };
        let (target, date) = ((*target).to_owned(), (*date).to_owned());
        Ok(Self { target, date, inputs, per_second, cov, ft, files, kibibytes, sum })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(target: &str, inputs: u64) -> CoverageRow {
        let date = "2026-11-30".to_owned();
        CoverageRow {
            target: target.to_owned(),
            date,
            inputs,
            sum: inputs,
            cov: 7,
            ft: 9,
            ..CoverageRow::default()
        }
    }

    #[test]
    fn runs_of_a_target_add_up_in_its_line() {
        let mut coverage = Coverage::default();
        for run in [row("sacn", 100), row("config", 20), row("sacn", 3)] {
            coverage.add(run);
        }
        assert_eq!(coverage.0, [row("config", 20), CoverageRow { sum: 103, ..row("sacn", 3) }]);
        assert_eq!(coverage.inputs(), 123);
    }

    #[test]
    fn a_table_is_read_as_it_was_written() {
        let written = Coverage(vec![row("config", 20), row("sacn", 103)]);
        assert_eq!(written.to_string().parse::<Coverage>().expect("a table"), written);
        for bad in ["", &format!("{HEAD}| sacn |"), &format!("{HEAD}| sacn | 2026-11-30 | many |")] {
            assert!(bad.parse::<Coverage>().is_err(), "{bad:?}");
        }
    }
}
