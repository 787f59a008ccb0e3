//! `crosspatch web-password`: a hash of a password, for the section `[web]`.

use std::io::{self, BufRead, IsTerminal, Write};

use anyhow::{Context, Result, anyhow, bail};

use crate::output;

/// Reads a password from standard input, and prints its hash.
pub(crate) fn run() -> Result<()> {
    let mut input = io::stdin().lock();
    if input.is_terminal() {
        let mut error = io::stderr().lock();
        // A prompt that cannot be shown changes nothing.
        let _ = write!(error, "password (it is shown while you type): ").and_then(|()| error.flush());
    }
    let mut line = String::new();
    input.read_line(&mut line).context("cannot read a password from standard input")?;
    let password = line.trim_end_matches(['\n', '\r']);
    if password.is_empty() {
        bail!("expected a password on standard input, found nothing");
    }
    let hash = crosspatch_web::hash_password(password).map_err(|error| anyhow!("cannot hash it: {error}"))?;
    output::print(&format!("{hash}\n"))
}
