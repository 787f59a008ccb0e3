//! The command line, as data: parser, `--help`, completions and man page all follow from these types.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

const AFTER_HELP: &str = "\
Examples:
  crosspatch demo                     a complete show without any hardware
  crosspatch show.cfg                 runs show.cfg, and reloads it when the file changes
  crosspatch check show.cfg           reports every mistake in it
  crosspatch show.cfg -i ma.host=10.0.0.5
  crosspatch help maweb               the manual of a backend
  crosspatch help transforms          what a mapping line can do to a value

Signals: INT and TERM end the show cleanly, HUP reloads the configuration.
Exit status: 0 after a clean end, 1 after an error, 2 if the command line is wrong.";

/// Translates any show-control protocol into any other, as mapped in a text file.
#[derive(Debug, Parser)]
#[command(
    name = "crosspatch",
    version,
    after_help = AFTER_HELP,
    disable_help_subcommand = true,
    infer_long_args = true
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    #[command(flatten)]
    pub(crate) run: RunArgs,

    #[command(flatten)]
    pub(crate) log: LogArgs,
}

/// A command of the program.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a show (the default command)
    Run(RunArgs),
    /// Report every mistake in a configuration, without running it
    Check(Check),
    /// Run a simulated console for a show or another client
    Sim(Sim),
    /// Run a complete show without any hardware
    Demo(Demo),
    /// Print the manual of a backend or of a transform, or list all backends
    Help(Help),
    /// Replay a recording of `run --record` with a configuration and print the transcript
    Replay(Replay),
    /// Measure this program on this machine, compared with programs that only receive and send
    Bench(Bench),
    /// Read a password, and print a hash of it for the section `[web]`
    WebPassword,
    /// Print a shell completion script
    Completions(Completions),
    /// Print the man page, or write the pages of all commands into a folder
    Man(Man),
    /// Print the version
    Version,
}

/// Options on the command line, which override those of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
pub(crate) struct Overrides {
    /// Set a global option of a backend; may be repeated
    #[arg(short = 'b', long = "backend", value_name = "BACKEND.OPTION=VALUE")]
    pub(crate) backend: Vec<String>,

    /// Set an option of an instance; may be repeated
    #[arg(short = 'i', long = "instance", value_name = "INSTANCE.OPTION=VALUE")]
    pub(crate) instance: Vec<String>,
}

/// Arguments of `run`.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
pub(crate) struct RunArgs {
    /// The configuration [default: crosspatch.cfg, or monster.cfg where there is none]
    pub(crate) file: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) overrides: Overrides,

    /// Leave out instances whose backends are missing, and their mappings, with a warning for each
    #[arg(long)]
    pub(crate) skip_missing: bool,

    /// Record all input to a file, for `replay`
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,

    /// Overwrite a recording that exists
    #[arg(long, requires = "record")]
    pub(crate) force: bool,

    /// Print the values of the channels as they change
    #[arg(long)]
    pub(crate) values: bool,

    /// Serve the page, on `127.0.0.1:8100` or on this address [default: as in the section `[web]`]
    #[arg(long, value_name = "ADDRESS:PORT", num_args = 0..=1)]
    pub(crate) web: Option<Option<String>>,

    /// Reload on SIGHUP only, not when a file of the configuration changes
    #[arg(long)]
    pub(crate) no_watch: bool,

    /// Run with this real-time priority, 1 to 99, and with locked memory, for a machine that has other work (Linux)
    #[arg(long, value_name = "PRIORITY", value_parser = clap::value_parser!(u8).range(1..=99))]
    pub(crate) realtime: Option<u8>,
}

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// The configuration [default: crosspatch.cfg, or monster.cfg where there is none]
    pub(crate) file: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) overrides: Overrides,

    /// Leave out instances whose backends are missing, and their mappings, with a warning for each
    #[arg(long)]
    pub(crate) skip_missing: bool,

    /// The output format of the diagnostics
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,

    /// The same as `--format json`
    #[arg(long, conflicts_with = "format")]
    pub(crate) json: bool,
}

/// Arguments of `sim`.
#[derive(Debug, clap::Args)]
pub(crate) struct Sim {
    /// The console to simulate
    pub(crate) console: Console,

    /// The port, or the address and port, to listen on [default: 127.0.0.1:8080, for gma3 127.0.0.1:8000]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<String>,

    /// Omit executors that are several numbers wide from the show
    #[arg(long)]
    pub(crate) no_wide: bool,

    /// Omit executors with a macro from the show
    #[arg(long)]
    pub(crate) no_macros: bool,

    /// Set another option of the simulator (see `crosspatch help masim`, for gma3 `crosspatch help gma3sim`); may be repeated
    #[arg(short = 'o', long = "option", value_name = "OPTION=VALUE")]
    pub(crate) options: Vec<String>,
}

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
pub(crate) struct Demo {
    #[command(flatten)]
    pub(crate) overrides: Overrides,

    /// Print the configuration of the demo, without running it
    #[arg(long)]
    pub(crate) print: bool,
}

/// Arguments of `help`.
#[derive(Debug, clap::Args)]
pub(crate) struct Help {
    /// A backend, a transform, the id of a diagnostic, `transforms` for a list of all transforms, or a chapter of the guide
    /// such as `language`
    pub(crate) topic: Option<String>,

    /// Search all manuals for a word
    #[arg(long, value_name = "WORD", conflicts_with = "topic")]
    pub(crate) search: Option<String>,
}

/// Arguments of `man`.
#[derive(Debug, clap::Args)]
pub(crate) struct Man {
    /// Write the pages into this folder, such as `/usr/local/share/man/man1`
    #[arg(long, value_name = "FOLDER")]
    pub(crate) install: Option<PathBuf>,
}

/// Arguments of `replay`.
#[derive(Debug, clap::Args)]
pub(crate) struct Replay {
    /// The recording, written by `run --record`
    pub(crate) recording: PathBuf,

    /// The configuration to run it with, usually the recorded one
    pub(crate) file: PathBuf,

    #[command(flatten)]
    pub(crate) overrides: Overrides,

    /// Leave out instances whose backends are missing, and their mappings, with a warning for each
    #[arg(long)]
    pub(crate) skip_missing: bool,
}

/// Arguments of `bench`.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Bench {
    /// The arguments of the benchmark; `crosspatch bench --help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
    pub(crate) arguments: Vec<OsString>,
}

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: Shell,
}

/// Options of the log, which is written to standard error.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Log")]
pub(crate) struct LogArgs {
    /// Print more; `-vv` prints every message on the wire
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub(crate) verbose: u8,

    /// The log level: error, warn, info, debug or trace, optionally per crate, as in `info,crosspatch_io=trace`
    #[arg(long = "log", value_name = "LEVEL", global = true)]
    pub(crate) filter: Option<String>,

    /// The output format of the log
    #[arg(long, value_name = "FORMAT", default_value = "text", global = true)]
    pub(crate) log_format: Format,

    /// When to use colours; `auto` respects NO_COLOR
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true)]
    pub(crate) color: ColorChoice,
}

/// An output format.
#[derive(Copy, Clone, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// One JSON object per line
    Json,
}

/// When to use colours.
#[derive(Copy, Clone, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal
    Auto,
    /// Always, even to a file
    Always,
    /// Never
    Never,
}

/// A console to simulate.
#[derive(Copy, Clone, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Console {
    /// grandMA2
    Gma2,
    /// dot2
    Dot2,
    /// grandMA3, by OSC
    Gma3,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(words: &str) -> Args {
        Args::try_parse_from(std::iter::once("crosspatch").chain(words.split_whitespace())).unwrap()
    }

    #[test]
    fn the_description_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_bare_file_means_run() {
        let bare = parse("show.cfg -i ma.host=::1 -b maweb.interval=5 -i ma.user=a -v");
        assert!(bare.command.is_none());
        assert_eq!(bare.run.file, Some("show.cfg".into()));
        assert_eq!(bare.run.overrides.instance, ["ma.host=::1", "ma.user=a"]);
        assert_eq!(bare.log.verbose, 1);
        assert_eq!(parse("").run.file, None);
    }

    #[test]
    fn the_log_is_set_up_before_or_after_the_command() {
        for words in [
            "run show.cfg --log-format json -vv",
            "--log-format json -vv run show.cfg",
            "--log-format json check -vv",
            "--log-format json -vv show.cfg",
        ] {
            let args = parse(words);
            assert_eq!((args.log.log_format, args.log.verbose), (Format::Json, 2), "{words}");
        }
    }

    #[test]
    fn every_command_and_argument_has_a_word_of_help() {
        let mut root = Args::command();
        root.build();
        for command in root.get_subcommands().chain([&root]) {
            assert!(command.get_about().is_some(), "{} has no help", command.get_name());
            for argument in command.get_arguments() {
                assert!(
                    argument.get_help().is_some(),
                    "{} of {} has no help",
                    argument.get_id(),
                    command.get_name()
                );
            }
        }
    }
}
