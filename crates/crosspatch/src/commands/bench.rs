//! `crosspatch bench`: measures this program on this machine.

use std::io::Write as _;
use std::time::Duration;

use anyhow::{Context, Result};
use crosspatch_bench::{Format, Options};

use crate::args::{Bench, Figures};
use crate::output;

/// Measures, and prints the figures. What is being measured is told on standard error.
pub(crate) fn run(bench: &Bench) -> Result<()> {
    if let Some(words) = &bench.bare {
        return crosspatch_bench::bare::run(words);
    }
    let options = Options {
        program: std::env::current_exe().context("this program cannot be found")?,
        only: bench.only.clone(),
        rounds: bench.rounds,
        measure: Duration::from_millis(bench.measure),
    };
    let format = match bench.format {
        Figures::Text => Format::Text,
        Figures::Markdown => Format::Markdown,
        Figures::Json => Format::Json,
    };
    let figures = crosspatch_bench::run(&options, format, &mut |name| {
        // Whoever does not see what is measured sees the figures.
        let _ = writeln!(std::io::stderr(), "measuring: {name}");
    })?;
    output::print(&figures)
}
