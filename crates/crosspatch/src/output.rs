//! Prints the result of a command to standard output. A closed pipe (`| head`) is not an error.

use std::io::{self, ErrorKind, IsTerminal, Write};

use anyhow::{Context, Result};

use crate::args::ColorChoice;

/// Prints a text.
///
/// # Errors
///
/// Fails if standard output cannot be written, unless its reader has closed it.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result.context("cannot write to standard output"),
    }
}

/// Whether to print in colour.
pub(crate) fn color(wanted: ColorChoice) -> bool {
    wants_color(wanted, io::stdout().is_terminal())
}

/// Whether to write in colour to something that is or is not a terminal.
pub(crate) fn wants_color(wanted: ColorChoice, is_terminal: bool) -> bool {
    match wanted {
        ColorChoice::Auto => is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        ColorChoice::Always => true,
        ColorChoice::Never => false,
    }
}
