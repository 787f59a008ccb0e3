//! The program: command line, configuration files, signals, log.
//!
//! Each command has a file in `commands`. Those that run a show combine four independent parts: the source of the
//! configuration, the shell of `crosspatch-io`, the reloader, and the signals.

mod args;
mod commands;
mod files;
mod line_limit;
mod log;
mod output;
mod page;
mod reload;
mod reminder;
mod show;
mod signals;
mod source;
mod values;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use crosspatch_core::Registry;
use crosspatch_transforms::FAMILIES;

use args::{Args, Command};

/// The names that configurations can use: every backend and every transform.
const REGISTRY: Registry = crosspatch_backends::registry(FAMILIES);

fn main() -> ExitCode {
    let args = read(std::env::args_os().collect::<Vec<_>>()).unwrap_or_else(|error| error.exit());
    match run(args) {
        Ok(status) => status,
        Err(error) => {
            // If standard error is closed, the exit status is all that is left.
            use std::io::Write;
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Parses the command line. A configuration or its options before a command would be ignored, so they are refused.
fn read<W: Into<OsString> + Clone>(words: impl IntoIterator<Item = W> + Clone) -> Result<Args, clap::Error> {
    let args = Args::try_parse_from(words.clone()).map_err(|error| explain_misspelt(words, error))?;
    if args.command.is_some() && args.run != args::RunArgs::default() {
        let message = "options of a command must follow it; only options of the log may precede it";
        return Err(Args::command().error(ErrorKind::ArgumentConflict, message));
    }
    Ok(args)
}

/// A misspelt command is parsed as a configuration file, and its arguments are refused: the error suggests the intended
/// command.
fn explain_misspelt<W: Into<OsString>>(
    words: impl IntoIterator<Item = W>,
    error: clap::Error,
) -> clap::Error {
    let first: Option<OsString> = words.into_iter().nth(1).map(Into::into);
    let advice = first.filter(|_| error.kind() == ErrorKind::UnknownArgument).and_then(|word| {
        let word = std::path::PathBuf::from(word);
        Some((word.display().to_string(), source::misspelt_command(&word)?))
    });
    match advice {
        Some((word, advice)) => Args::command().error(
            ErrorKind::InvalidSubcommand,
            format!("there is no file and no command `{word}`; {advice}"),
        ),
        None => error,
    }
}

fn run(args: Args) -> Result<ExitCode> {
    let done = |result: Result<()>| result.map(|()| ExitCode::SUCCESS);
    match args.command.unwrap_or(Command::Run(args.run)) {
        Command::Run(run) => commands::run::run(&run, &args.log),
        Command::Check(check) => commands::check::run(&check, args.log.color),
        Command::Sim(sim) => commands::sim::run(&sim, &args.log),
        Command::Demo(demo) => commands::demo::run(&demo, &args.log),
        Command::Help(help) => done(commands::help::run(&REGISTRY, &help)),
        Command::Replay(replay) => commands::replay::run(&replay, args.log.color),
        Command::Bench(bench) => commands::bench::run(&bench),
        Command::WebPassword => done(commands::web_password::run()),
        Command::Man(man) => done(commands::man::run(&man)),
        Command::Version => done(output::print(&Args::command().render_version())),
        Command::Completions(completions) => done(commands::completions::run(&REGISTRY, &completions)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_a_show_before_a_command_are_refused() {
        let read = |words: &str| read(std::iter::once("crosspatch").chain(words.split_whitespace()));
        for words in ["-i ma.host=::1 run show.cfg", "show.cfg run", "--values demo"] {
            assert_eq!(read(words).unwrap_err().kind(), ErrorKind::ArgumentConflict, "{words}");
        }
        assert!(read("-v run show.cfg").is_ok());
    }
}
