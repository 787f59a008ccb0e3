//! Chores of the repository that no other tool does: `cargo xtask tidy` checks the rules of the project,
//! `cargo xtask instructions` what the hot paths cost, and `cargo xtask fuzz` runs all fuzz targets for hours.

mod fuzz;
mod instructions;
mod tidy;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

const USAGE: &str =
    "usage: cargo xtask tidy | cargo xtask instructions [--accept] | cargo xtask fuzz HOURS [TARGET...]";

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Result<()> {
    match words {
        ["tidy"] => tidy::run(root()?),
        ["instructions"] => instructions::run(root()?, false),
        ["instructions", "--accept"] => instructions::run(root()?, true),
        ["fuzz", hours, targets @ ..] => fuzz::run(root()?, hours, targets),
        _ => bail!("{USAGE}"),
    }
}

/// The folder of the workspace.
fn root() -> Result<&'static Path> {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the folder of the workspace")
}
