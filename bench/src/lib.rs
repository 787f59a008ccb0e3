//! The benchmark of crosspatch, measured from outside and compared with the bare limit in the same run.
//!
//! The program is measured as users run it, in a separate process, with real sockets on loopback. It is compared with
//! programs that only receive and send over the same kind of sockets (`bare`). All receive the same events in turn (A B
//! A B), so that other load on the machine affects all of them. The relevant result is the ratio.

mod alone;
pub mod bare;
mod console;
mod figures;
pub mod floods;
mod forward;
mod halves;
mod hop;
mod idle;
mod limits;
mod load;
mod paced;
mod peers;
mod probe;
mod process;
mod program;
mod reload;
mod report;
#[cfg(unix)]
pub mod soak;
mod startup;
mod wire;
mod works;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use forward::Forwarded;
use report::{Report, ReportTable};
use works::Forwarding;

pub use report::ReportFormat;

/// What to measure, and how long.
#[derive(Clone, Debug)]
pub struct BenchOptions {
    /// The program, which knows the command `bench --bare WORDS` as well.
    pub program: PathBuf,
    /// Only works whose name contains this, ignoring case.
    pub only: Option<String>,
    /// How often everybody has a turn.
    pub rounds: u32,
    /// How long each measurement takes.
    pub measure: Duration,
    /// Shows with more peers, consoles, universes or mappings than this are left out of the tables with several sizes.
    pub largest: u32,
}

impl BenchOptions {
    /// The sizes that are not too large.
    fn sizes(&self, sizes: &[u32]) -> impl Iterator<Item = u32> + use<> {
        let (sizes, largest) = (sizes.to_vec(), self.largest);
        sizes.into_iter().filter(move |size| *size <= largest)
    }
}

type Measure = fn(&BenchOptions) -> Result<ReportTable>;

/// What is measured besides forwarding.
const OTHERS: [(&str, Measure); 11] = [
    ("OSC alone", alone::measure),
    ("a loopback hop", hop::measure),
    ("universes at 44 Hz with the default options", paced::measure),
    ("universes in one process and in two", halves::measure),
    ("a fader to the console and back", console::measure),
    ("a poll of a console", console::polls::measure),
    ("many consoles", console::many::measure),
    ("many OSC peers", peers::measure),
    ("start and reload", startup::measure),
    ("reloads of many lines", reload::measure),
    ("idle", idle::measure),
];

/// Measures, reports the next step to `progress`, and returns the figures.
///
/// # Errors
///
/// If no work has the requested name, if a program cannot be started, or if a program forwards nothing.
pub fn run(options: &BenchOptions, format: ReportFormat, progress: &mut dyn FnMut(&str)) -> Result<String> {
    ensure!(options.rounds > 0 && !options.measure.is_zero(), "nothing is measured in no time");
    let only = options.only.as_deref().unwrap_or_default().to_lowercase();
    let is_wanted = |name: &str| name.to_lowercase().contains(&only);
    let works: Vec<_> = works::all().into_iter().filter(|work| is_wanted(&work.name)).collect();
    let others: Vec<_> = OTHERS.into_iter().filter(|(name, _)| is_wanted(name)).collect();
    let is_flooded = floods::names().any(|name| is_wanted(&name));
    ensure!(
        !works.is_empty() || !others.is_empty() || is_flooded,
        "nothing is called {only:?}; there are {}",
        names()
    );

    // Programs that are started inherit it.
    limits::room_for_peers();
    let mut report = Report { about: about(options), ..Report::default() };
    let mut forwarded = Forwarded::default();
    for work in &works {
        progress(&work.name);
        forwarded.measure(work, options).with_context(|| format!("while measuring {}", work.name))?;
    }
    if !works.is_empty() {
        forwarded.report(&mut report);
    }
    for (name, measure) in others {
        progress(name);
        report.tables.push(measure(options).with_context(|| format!("while measuring {name}"))?);
    }
    if is_flooded {
        report.tables.push(floods::measure(options, is_wanted, progress)?);
    }
    Ok(report.write(format)?)
}

fn names() -> String {
    let works = works::all();
    let works = works.into_iter().map(|Forwarding { name, .. }| name);
    let others = OTHERS.into_iter().map(|(name, _)| name.to_owned());
    works.chain(others).chain(floods::names()).collect::<Vec<_>>().join("; ")
}

fn about(options: &BenchOptions) -> Vec<(&'static str, String)> {
    let system = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let processor = model.map_or(std::env::consts::ARCH, |(_, model)| model);
    vec![
        (
            "version",
            format!("{} {}", env!("CARGO_PKG_VERSION"), commit(&options.program).unwrap_or_default()),
        ),
        ("machine", format!("{cores} cores, {processor}")),
        ("system", format!("{} {}", std::env::consts::OS, system.trim())),
        ("load before", load.split(' ').take(3).collect::<Vec<_>>().join(" ")),
        ("rounds", format!("{} of {} ms each", options.rounds, options.measure.as_millis())),
    ]
}

/// The commit of the checkout in which the program was built, if it is still there.
fn commit(program: &Path) -> Option<String> {
    let mut git = Command::new("git");
    git.arg("-C").arg(program.parent()?).args(["describe", "--always", "--dirty"]).stderr(Stdio::null());
    let output = git.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
