//! `crosspatch replay RECORDING FILE`: replays a recording without sockets.

use std::fs::File;
use std::io::BufReader;
use std::process::ExitCode;

use anyhow::{Context, Result};
use crosspatch_core::Plain;

use crate::args::{ColorChoice, Replay};
use crate::files::{Disk, Helpers};
use crate::output;
use crate::source::{ConfigSource, usable};

/// Prints the transcript. A configuration with errors is exit status 1, as in `check`.
pub(crate) fn run(replay: &Replay, color: ColorChoice) -> Result<ExitCode> {
    let source = ConfigSource::file(Some(&replay.file), &replay.overrides)?.skip_missing(replay.skip_missing);
    let compiled = source.compile(&Disk::new(Helpers::default()), None);
    let diagnostics = compiled.render(output::color(color));
    let plan = match usable(compiled) {
        Ok(plan) => plan,
        Err(refusal) => {
            output::print(&format!("{diagnostics}{}: {refusal}\n", source.name()))?;
            return Ok(ExitCode::FAILURE);
        }
    };
    let name = replay.recording.display();
    let recording = File::open(&replay.recording).with_context(|| format!("cannot read `{name}`"))?;
    // The recording knows when a configuration was taken up, and not what it said: there is this one.
    let mut plan = Some(plan);
    let transcript = crosspatch_io::replay(BufReader::new(recording), &mut |_| plan.take())
        .with_context(|| format!("`{name}` is not a recording of this program"))?;
    let shown: String = transcript.lines().map(|line| format!("{}\n", Plain(line))).collect();
    output::print(&shown)?;
    Ok(ExitCode::SUCCESS)
}
