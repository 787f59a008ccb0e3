//! Checks of the program before the soak: whether it accepts the configurations, and which backends it has.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Has the program check a configuration, because a show with an invalid one would end without a message.
pub(super) fn check(program: &Path, text: &str) -> Result<()> {
    let file = tempfile::Builder::new().suffix(".cfg").tempfile().context("cannot make a file")?;
    std::fs::write(file.path(), text).context("cannot write a configuration")?;
    let output = Command::new(program).arg("check").arg(file.path()).output();
    let output = output.context("cannot start the program")?;
    let said = [output.stdout, output.stderr].concat();
    ensure!(output.status.success(), "a configuration has mistakes:\n{}", String::from_utf8_lossy(&said));
    Ok(())
}

/// The names of its backends, from the list that `help` prints: a line for each, indented, until an empty one.
pub(super) fn backends(program: &Path) -> Result<Vec<String>> {
    let output = Command::new(program).arg("help").output().context("cannot start the program")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines = text.lines().skip_while(|line| *line != "Backends:").skip(1);
    let names = lines.map_while(|line| line.split_ascii_whitespace().next()).map(str::to_owned);
    let names: Vec<String> = names.collect();
    ensure!(!names.is_empty(), "the program lists no backends");
    Ok(names)
}
