//! The soak: every backend under the load of a normal show, while its peers are killed, stopped and restarted, for any
//! duration.
//!
//! One show is the subject. It has a path through every backend to a peer, which is a show that is killed, ended,
//! stopped and started again at times derived from a seed. A control link (OSC over TCP) connects the soak to each of
//! them, so that nothing is lost between the soak and the shows. Meanwhile the subject reads changed and broken
//! configurations, receives invalid data and is attacked (`attacks`). Events are counted all the time where they enter
//! and leave: none may be lost while both ends are undisturbed, and none repeated. In the end every target has to equal
//! its source, and the subject may have neither more memory nor more descriptors than in the beginning.

mod attacks;
mod channel;
mod count;
mod disturb;
mod families;
mod family;
mod fuzz_traffic;
mod jack;
mod link;
mod pairs;
mod peer;
mod ping;
mod ports;
mod program;
mod random;
mod report;
mod rig;
mod round;
mod rows;
mod speakers;
mod subject;
mod tallies;

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::process::Usage;
use report::{Figures, print_end, print_progress, print_start};
use rig::{Rig, RoundMode};

/// How long all paths may take to come up, and to come to rest in the end. A console may keep the places of sessions that died for
/// half a minute, and so may a session of RTP-MIDI.
const PATIENCE: Duration = Duration::from_secs(45);

/// The interval of progress reports.
const TELLS: Duration = Duration::from_secs(10);

/// A command of the program.
#[derive(Clone, Debug)]
pub struct SoakOptions {
    /// The program whose shows are run: `PROGRAM run FILE`.
    pub program: PathBuf,
    /// How long everything is disturbed.
    pub duration: Duration,
    /// Determines all disturbances and the movements of the faders.
    pub seed: u64,
    /// A folder for the logs of the shows.
    pub logs: Option<PathBuf>,
}

impl SoakOptions {
    /// The log file of a show, appended to what earlier shows of that name have written.
    fn log(&self, name: &str) -> Result<Stdio> {
        let Some(folder) = &self.logs else { return Ok(Stdio::null()) };
        let path = folder.join(format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&path);
        Ok(file.with_context(|| format!("cannot write {}", path.display()))?.into())
    }
}

/// Runs a soak, reports its progress to `out`, and returns whether all checks passed.
///
/// # Errors
///
/// Fails if shows cannot be started, if the subject ends, or if `out` cannot be written.
pub fn run(options: &SoakOptions, out: &mut dyn io::Write) -> Result<bool> {
    let mut rig = Rig::start(options)?;
    print_start(out, options, &rig)?;
    let is_open = wait(&mut rig, RoundMode::Rests, |rig| rig.is_up() && rig.agrees())?;
    if !is_open {
        rig.faults.push("not every path came up in the beginning".into());
        return print_end(out, &rig, &Figures::default());
    }
    let descriptors = rig.subject.descriptors();
    let mut figures = Figures { before: rig.subject.usage(), ..Figures::default() };

    rig.begin();
    let pinger = rig.pinger()?;
    suffer(&mut rig, options, &mut figures, out)?;

    // All peers return while values still change, then the values rest, and everything has time to arrive.
    rig.restore()?;
    wait(&mut rig, RoundMode::Plays, Rig::is_up)?;
    // Longer than the rests of a fader that moves all the time.
    let plays_until = Instant::now() + Duration::from_secs(4);
    wait(&mut rig, RoundMode::Plays, |_| Instant::now() >= plays_until)?;
    wait(&mut rig, RoundMode::Plays, Rig::has_counted)?;
    wait(&mut rig, RoundMode::Plays, |rig| rig.attacks.rest())?;
    figures.pings = pinger.findings();
    figures.took = rig.now();
    rig.lets_go();
    let stopped = Instant::now();
    wait(&mut rig, RoundMode::Rests, |rig| {
        rig.is_up() && rig.agrees() && rig.rests() && rig.subject.descriptors() == descriptors
    })?;
    figures.settled = stopped.elapsed();
    // Values that agree must stay so: no old value may arrive afterwards.
    let rests_until = Instant::now() + Duration::from_secs(2);
    wait(&mut rig, RoundMode::Rests, |_| Instant::now() >= rests_until)?;
    figures.after = rig.subject.usage();
    figures.descriptors = [descriptors, rig.subject.descriptors()];
    if let Some(folder) = &options.logs {
        tallies::keep(&folder.join("messages.tsv"), &rig.counts)?;
    }
    print_end(out, &rig, &figures)
}

/// Runs all disturbances for the requested time.
fn suffer(
    rig: &mut Rig,
    options: &SoakOptions,
    figures: &mut Figures,
    out: &mut dyn io::Write,
) -> Result<()> {
    let mut tells_at = TELLS;
    let mut before: Usage = rig.subject.usage();
    let mut told = Duration::ZERO;
    while rig.now() < options.duration {
        rig.round(RoundMode::Suffers)?;
        let now = rig.now();
        if figures.warm.is_none() && now >= options.duration / 5 && rig.attacks.were_all_made() {
            figures.warm = Some(rig.subject.usage());
        }
        if now >= tells_at {
            let usage = rig.subject.usage();
            let share = (usage.cpu - before.cpu).as_secs_f64() / (now - told).as_secs_f64();
            print_progress(out, rig, now, &usage, share).context("cannot tell how it goes")?;
            (before, told) = (usage, now);
            tells_at += TELLS;
        }
    }
    Ok(())
}

/// Goes on until something holds; not for ever.
fn wait(rig: &mut Rig, mode: RoundMode, mut holds: impl FnMut(&Rig) -> bool) -> Result<bool> {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        rig.round(mode)?;
        if holds(rig) {
            return Ok(true);
        }
    }
    Ok(false)
}
