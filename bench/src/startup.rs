//! How long a show of many mappings takes to begin, and to take up a change, and how much memory it has.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::BenchOptions;
use crate::bare::{self, Calls};
use crate::forward::free_address;
use crate::load::{Lane, Traffic};
use crate::process::Process;
use crate::report::{ReportTable, Row};
use crate::wire::{FIRST_ADDRESS, Wire};
use crate::works::{ShowPorts, artnet_to_sacn};

const PATIENCE: Duration = Duration::from_secs(60);
const TRAFFIC: Traffic = Traffic { source: Wire::Osc(1), sink: Wire::Osc(1), copies: 1, merges: false };

/// Starts shows of more and more mappings, and changes each of them once.
pub(crate) fn measure(options: &BenchOptions) -> Result<ReportTable> {
    let mut rows = Vec::new();
    let (at, mut lane) = lane()?;
    let start = Instant::now();
    let bare = bare::start(Calls::Single, (Wire::Osc(1), Wire::Osc(1)), 1, at, lane.sink()?)?;
    ensure!(lane.wake(PATIENCE)?, "the bare program does not begin");
    let took = start.elapsed();
    let usage = bare.usage();
    rows.push(Row {
        name: "bare program".into(),
        cells: vec![Some(millis(took)), None, Some(mib(usage.resident)), Some(mib(usage.peak))],
    });
    for (mappings, written) in [
        (1_000, MappingForm::Lines),
        (10_000, MappingForm::Lines),
        (100_000, MappingForm::Lines),
        (1_000_000, MappingForm::Lines),
        (1_000_000, MappingForm::Range),
    ]
    .into_iter()
    .filter(|(mappings, _)| *mappings <= options.largest)
    {
        rows.push(show(options, mappings, written)?);
    }
    if u32::from(UNIVERSES) * 512 <= options.largest {
        rows.push(universes(options)?);
    }
    Ok(ReportTable {
        title: "Start and reload",
        note: "From the start of the program, and from the signal that the file has changed, until a value comes through the \
               last mapping; milliseconds and MiB. A line has one mapping.",
        columns: &["start", "reload", "memory", "peak"],
        rows,
    })
}

#[derive(Copy, Clone, PartialEq, Eq)]
enum MappingForm {
    Lines,
    Range,
}

/// Universes of 512 mappings each, about a million in all.
const UNIVERSES: u16 = 1_954;

fn universes(options: &BenchOptions) -> Result<Row> {
    let traffic = Traffic { source: Wire::ArtDmx(UNIVERSES), sink: Wire::E131, copies: 1, merges: false };
    let input = free_address()?;
    let mut lane = Lane::new(traffic, input)?;
    let ports = ShowPorts { input, output: lane.sink()?, spare: free_address()?.port() };
    let text = artnet_to_sacn(ports, 0..UNIVERSES, "");
    let start = Instant::now();
    let show = Process::show(&options.program, &text)?;
    ensure!(lane.wake(PATIENCE)?, "a show of {UNIVERSES} universes does not begin");
    let (started, usage) = (start.elapsed(), show.usage());
    let cells = [Some(millis(started)), None, Some(mib(usage.resident)), Some(mib(usage.peak))];
    let name = format!("{} mappings, {UNIVERSES} universes", u32::from(UNIVERSES) * 512);
    Ok(Row { name, cells: cells.into() })
}

fn show(options: &BenchOptions, mappings: u32, written: MappingForm) -> Result<Row> {
    let (at, mut lane) = lane()?;
    let text = configuration(mappings, written, at, lane.sink()?, "");
    let start = Instant::now();
    let show = Process::show(&options.program, &text)?;
    ensure!(lane.wake(PATIENCE)?, "a show of {mappings} mappings does not begin");
    let started = start.elapsed();

    let file = show.file().context("a show has a file")?;
    let (elsewhere, mut next) = self::lane()?;
    // The last mapping moves to another place.
    let end = format!("[osc in2]\nbind = {} {}\n/* = f 0 1\n", elsewhere.ip(), elsewhere.port());
    std::fs::write(file, configuration(mappings, written, at, next.sink()?, &end))?;
    let start = Instant::now();
    #[cfg(unix)]
    show.signal(rustix::process::Signal::HUP)?;
    ensure!(next.wake(PATIENCE)?, "a show of {mappings} mappings does not take up a change");
    let reloaded = start.elapsed();

    let usage = show.usage();
    let name =
        format!("{mappings} mappings, {}", if written == MappingForm::Lines { "lines" } else { "one range" });
    Ok(Row::new(name, [millis(started), millis(reloaded), mib(usage.resident), mib(usage.peak)]))
}

/// The last mapping is that of the address of the traffic.
fn configuration(mappings: u32, written: MappingForm, at: SocketAddr, to: SocketAddr, end: &str) -> String {
    let mut text = format!(
        "[osc in]\nbind = {} {}\n/* = f 0 1\n[osc out]\ndestination = {} {}\n/* = f 0 1\n{end}[map]\n",
        at.ip(),
        at.port(),
        to.ip(),
        to.port()
    );
    let others = FIRST_ADDRESS + 1..FIRST_ADDRESS + mappings;
    match written {
        MappingForm::Lines => others.for_each(|number| {
            // A string takes everything.
            let _ = writeln!(text, "in./f/{number} > out./f/{number}");
        }),
        MappingForm::Range => {
            let range = format!("{{{}..{}}}", others.start, others.end - 1);
            let _ = writeln!(text, "in./f/{range} > out./f/{range}");
        }
    }
    let source = if end.is_empty() { "in" } else { "in2" };
    let _ = writeln!(text, "{source}./f/{FIRST_ADDRESS} > out./f/{FIRST_ADDRESS}");
    text
}

fn lane() -> Result<(SocketAddr, Lane)> {
    let at = free_address()?;
    Ok((at, Lane::new(TRAFFIC, at)?))
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}
