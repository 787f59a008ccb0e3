//! `crosspatch bench`: the program measured from outside, beside the bare limit, and for a long time.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use crosspatch_bench::{Format, Options};

use crate::args::{Bench, BenchCommand, Figures};
use crate::output;

/// Runs the part that was asked for.
pub(crate) fn run(bench: &Bench) -> Result<ExitCode> {
    match (&bench.command, &bench.bare) {
        (Some(BenchCommand::Soak(arguments)), _) => return soak(arguments),
        (None, Some(words)) => crosspatch_bench::bare::run(words)?,
        (None, None) => measure(bench)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Measures, and prints the figures. What is being measured is told on standard error.
fn measure(bench: &Bench) -> Result<()> {
    let options = Options {
        program: std::env::current_exe().context("cannot find this program")?,
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

#[cfg(unix)]
fn soak(arguments: &crate::args::Soak) -> Result<ExitCode> {
    use crosspatch_bench::soak;
    let options = soak::Options {
        program: std::env::current_exe().context("cannot find this program")?,
        duration: arguments.duration,
        seed: arguments.seed,
        logs: arguments.logs.clone(),
    };
    let holds = soak::run(&options, &mut std::io::stdout())?;
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[cfg(not(unix))]
fn soak(_: &crate::args::Soak) -> Result<ExitCode> {
    anyhow::bail!("the soak needs signals, which this system does not have")
}
