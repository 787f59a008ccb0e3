//! `crosspatch completions SHELL`: prints a completion script, generated from `args.rs`.

use anyhow::Result;
use clap::CommandFactory;
use clap::builder::PossibleValuesParser;
use crosspatch_core::Registry;

use crate::args::{Args, Completions};
use crate::commands::help;
use crate::output;

/// Prints the script.
pub(crate) fn run(registry: &Registry, completions: &Completions) -> Result<()> {
    let mut script = Vec::new();
    let topics = PossibleValuesParser::new(help::topics(registry));
    let mut command = Args::command()
        .mut_subcommand("help", |help| help.mut_arg("topic", |topic| topic.value_parser(topics)));
    clap_complete::generate(completions.shell, &mut command, "crosspatch", &mut script);
    output::print(&String::from_utf8_lossy(&script))
}
