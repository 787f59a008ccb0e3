//! `crosspatch replay RECORDING FILE`: replays a recording without sockets.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use crosspatch_core::Plain;

use crate::args::{ColorChoice, Replay};
use crate::files::{Disk, Helpers};
use crate::output;
use crate::source::{ConfigSource, usable};

/// Prints the transcript. A configuration with errors is exit status 1, as in `check`.
pub(crate) fn run(replay: &Replay, color: ColorChoice) -> Result<ExitCode> {
    if !begins_like_a_recording(&replay.recording) && begins_like_a_recording(&replay.file) {
        bail!(
            "the recording comes first: `crosspatch replay {} {}`",
            replay.file.display(),
            replay.recording.display()
        );
    }
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
    // The recording contains the time of a new configuration, but not its text: the given one is used.
    let mut plan = Some(plan);
    let transcript = crosspatch_io::replay(BufReader::new(recording), &mut |_| plan.take())
        .with_context(|| format!("`{name}` is not a recording of this program"))?;
    let shown: String = transcript.lines().map(|line| format!("{}\n", Plain(line))).collect();
    output::print(&shown)?;
    Ok(ExitCode::SUCCESS)
}

/// Whether a file begins with an event of a recording. Only files are looked at: a pipe can be read only once.
fn begins_like_a_recording(path: &Path) -> bool {
    let mut start = [0; 6];
    let is_file = path.metadata().is_ok_and(|found| found.is_file());
    is_file
        && File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok()
        && start == *b"{\"at\":"
}
