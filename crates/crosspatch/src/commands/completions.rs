//! `crosspatch completions SHELL`: a script for the shell, from the same description of the command line.

use anyhow::Result;
use clap::CommandFactory;

use crate::args::{Args, Completions};
use crate::output;

/// Prints the script.
pub(crate) fn run(completions: &Completions) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(completions.shell, &mut Args::command(), "crosspatch", &mut script);
    output::print(&String::from_utf8_lossy(&script))
}
