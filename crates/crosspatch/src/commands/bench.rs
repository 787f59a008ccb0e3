//! `crosspatch bench`: the program measured from outside, and for a long time.

use std::process::ExitCode;

use anyhow::Result;

use crate::args::{Bench, BenchCommand};

/// Runs the part that was asked for.
pub(crate) fn run(bench: &Bench) -> Result<ExitCode> {
    match &bench.command {
        BenchCommand::Soak(arguments) => soak(arguments),
    }
}

#[cfg(unix)]
fn soak(arguments: &crate::args::Soak) -> Result<ExitCode> {
    use anyhow::Context;
    use crosspatch_bench::soak;
    let program = std::env::current_exe().context("cannot find this program")?;
    let options = soak::Options {
        program,
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
