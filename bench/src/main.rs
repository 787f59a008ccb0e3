//! The benchmark and the soak as a program: `crosspatch bench` starts it.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand, ValueEnum};
use crosspatch_bench::{BenchOptions, ReportFormat, bare};

/// Measure crosspatch on this machine, beside programs that only receive and send
#[derive(Debug, Parser)]
#[command(
    name = "crosspatch bench",
    bin_name = "crosspatch bench",
    version,
    args_conflicts_with_subcommands = true
)]
struct BenchArgs {
    #[command(subcommand)]
    command: Option<BenchCommand>,

    /// Measure only works whose name contains this, in upper or lower case
    only: Option<String>,

    /// How often each program has a turn
    #[arg(long, value_name = "COUNT", default_value_t = 5)]
    rounds: u32,

    /// The length of each measurement in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 500)]
    measure: u64,

    /// Leave out shows with more peers, consoles, universes or mappings than this
    #[arg(long, value_name = "COUNT", default_value_t = u32::MAX, hide_default_value = true)]
    largest: u32,

    /// The output format of the figures
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: FiguresFormat,

    /// The program to measure [default: crosspatch, beside this program]
    #[arg(long, value_name = "FILE", global = true)]
    program: Option<PathBuf>,

    /// Run as a program that only receives and sends
    #[arg(long, value_name = "WORDS", hide = true)]
    bare: Option<String>,
}

/// A command of `bench`.
#[derive(Debug, Subcommand)]
enum BenchCommand {
    /// Run every backend under load, restart its peers, and compare all states at the end
    Soak(Soak),
}

/// Arguments of `bench soak`.
#[derive(Debug, clap::Args)]
struct Soak {
    /// The duration: a number with ms, s, m or h
    #[arg(long = "for", value_name = "TIME", default_value = "1m", value_parser = duration)]
    duration: Duration,

    /// The seed of the random actions; the same seed gives the same actions
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,

    /// Keep the logs of the shows in this folder
    #[arg(long, value_name = "FOLDER")]
    logs: Option<PathBuf>,
}

/// The output format of figures.
#[derive(Copy, Clone, Debug, PartialEq, Eq, ValueEnum)]
enum FiguresFormat {
    /// For people at a terminal
    Text,
    /// For a document
    Markdown,
    /// One JSON object with all measurements
    Json,
}

fn main() -> ExitCode {
    match run(BenchArgs::parse()) {
        Ok(status) => status,
        Err(error) => {
            // Without standard error there is no one to report this to.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: BenchArgs) -> Result<ExitCode> {
    if let Some(words) = &args.bare {
        bare::run(words)?;
        return Ok(ExitCode::SUCCESS);
    }
    let program = match args.program {
        Some(program) => program,
        None => {
            let own = std::env::current_exe().context("cannot find this program")?;
            own.with_file_name(format!("crosspatch{}", std::env::consts::EXE_SUFFIX))
        }
    };
    if let Some(BenchCommand::Soak(arguments)) = args.command {
        return soak(program, arguments);
    }
    let options = BenchOptions {
        program,
        only: args.only,
        rounds: args.rounds,
        measure: Duration::from_millis(args.measure),
        largest: args.largest,
    };
    let format = match args.format {
        FiguresFormat::Text => ReportFormat::Text,
        FiguresFormat::Markdown => ReportFormat::Markdown,
        FiguresFormat::Json => ReportFormat::Json,
    };
    let figures = crosspatch_bench::run(&options, format, &mut |name| {
        // Progress is not worth an error: the figures name what was measured.
        let _ = writeln!(std::io::stderr(), "measuring: {name}");
    })?;
    std::io::stdout().write_all(figures.as_bytes()).context("cannot write to standard output")?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(unix)]
fn soak(program: PathBuf, arguments: Soak) -> Result<ExitCode> {
    use crosspatch_bench::soak;
    let Soak { duration, seed, logs } = arguments;
    let holds = soak::run(&soak::SoakOptions { program, duration, seed, logs }, &mut std::io::stdout())?;
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[cfg(not(unix))]
fn soak(_: PathBuf, _: Soak) -> Result<ExitCode> {
    anyhow::bail!("the soak needs signals, which this system does not have")
}

/// Reads a time such as `90s`.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = match unit {
        "ms" => Duration::from_millis(1),
        "s" => Duration::from_secs(1),
        "m" => Duration::from_secs(60),
        "h" => Duration::from_secs(3600),
        _ => Duration::ZERO,
    };
    let time = number.parse().ok().and_then(|number| unit.checked_mul(number));
    time.filter(|time| !time.is_zero())
        .ok_or_else(|| "expected a time such as `90s`, `10m` or `2h`".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_description_is_sound() {
        BenchArgs::command().debug_assert();
    }

    #[test]
    fn a_time_is_a_number_with_a_unit() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("2h"), Ok(Duration::from_secs(7200)));
        for text in ["", "5", "m", "0s", "1d", "-1s", "1.5m", "99999999999h"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
