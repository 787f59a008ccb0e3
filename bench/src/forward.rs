//! Measures a show that forwards events, in turn with bare programs that do only that.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::BenchOptions;
use crate::bare::{self, Calls};
use crate::figures::{Quantiles, median, micros};
use crate::load::{EventBurst, EventCounts, Lane};
use crate::process::{Process, Usage};
use crate::report::{Plot, Report, ReportTable, Row};
use crate::works::{Forwarding, ShowPorts};

/// Between two events that come alone, so that everybody is asleep.
const PAUSE: Duration = Duration::from_millis(1);

/// How long a show may take to begin. A hundred thousand mappings are read in less than a second.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Frames a second of DMX.
pub(crate) const FRAMES: f64 = 44.0;

/// A forwarder of events, and its measurements so far.
struct MeasuredForwarder {
    name: &'static str,
    lane: Lane,
    process: Process,
    rounds: Vec<Round>,
    alone: Vec<Duration>,
    half: Vec<Duration>,
    lost: u64,
}

/// What one round has measured.
#[derive(Copy, Clone, Default)]
struct Round {
    a_second: f64,
    cpu: f64,
    user: f64,
    cpu_alone: f64,
    wakes: f64,
    frames: [f64; 2],
}

/// The columns of the main table: the first three and the times are compared.
const COLUMNS: &[&str] = &[
    "events/s",
    "CPU",
    "user %",
    "CPU alone",
    "wakes",
    "p50",
    "p99",
    "p99.9",
    "max",
    "half: p50",
    "p99",
    "p99.9",
    "max",
    "lost",
    "MiB",
];
const COMPARED: &[usize] = &[0, 1, 3, 5, 6, 9, 10];

/// What all works together have shown.
#[derive(Default)]
pub(crate) struct Forwarded {
    rows: Vec<Row>,
    frames: Vec<Row>,
    cpu: Vec<(String, f64)>,
    latency: Vec<(String, f64)>,
}

impl Forwarded {
    /// Measures all subjects with one work.
    pub(crate) fn measure(&mut self, work: &Forwarding, options: &BenchOptions) -> Result<()> {
        let mut subjects = vec![MeasuredForwarder::bare(work, "bare", Calls::Single)?];
        #[cfg(target_os = "linux")]
        subjects.push(MeasuredForwarder::bare(work, "batched", Calls::Batched)?);
        subjects.push(MeasuredForwarder::crosspatch(work, options)?);
        for subject in &mut subjects {
            ensure!(subject.lane.wake(PATIENCE)?, "{}: nothing comes through {}", work.name, subject.name);
            // Every channel has a value once before it counts.
            subject.lane.flood(options.measure)?;
        }
        for _ in 0..options.rounds {
            for subject in &mut subjects {
                subject.round(work, options)?;
            }
        }
        let slowest = subjects.iter().map(MeasuredForwarder::rate).fold(f64::INFINITY, f64::min);
        for _ in 0..options.rounds {
            for subject in &mut subjects {
                let (passed, times) = subject.lane.pace(slowest / 2.0, options.measure)?;
                subject.lost += passed.lost;
                subject.half.extend(times);
            }
        }
        self.rows.push(Row::heading(format!("{}; half is {:.0} a second", work.name, slowest / 2.0)));
        if work.universes.is_some() {
            self.frames.push(Row::heading(work.name.clone()));
            self.frames.extend(subjects.iter().map(MeasuredForwarder::frames));
        }
        let rows: Vec<_> = subjects.into_iter().map(MeasuredForwarder::figures).collect();
        if let [bare, .., ours] = &rows[..] {
            let ratio = ours.ratio(bare, COMPARED);
            self.cpu.extend(ratio.cells[1].map(|ratio| (work.name.clone(), ratio)));
            self.latency.extend(ratio.cells[5].map(|ratio| (work.name.clone(), ratio)));
            self.rows.extend(rows);
            self.rows.push(ratio);
        }
        Ok(())
    }

    /// Adds what was measured to a report.
    pub(crate) fn report(self, report: &mut Report) {
        let table = |title, note, columns, rows| ReportTable { title, note, columns, rows };
        report.tables.push(table(
            "Forwarding",
            "Events a second as fast as they pass, CPU microseconds of each and how much of that is outside the kernel; CPU \
             microseconds and wake-ups of an event that comes alone, and how long it takes; how long it takes at a steady rate of \
             half of what the slowest can do, from the moment in which it was due. Times in microseconds. `bare` makes single \
             calls, `batched` as few as the kernel allows.",
            COLUMNS,
            self.rows,
        ));
        if !self.frames.is_empty() {
            report.tables.push(table(
            "Universes at 44 frames a second",
            "All universes in one burst, 44 times a second: CPU microseconds of a packet, per cent of a core, and how many \
             universes a core carries at that.",
            &["CPU", "core %", "carries"],
            self.frames,
        ));
        }
        let plot = |title, bars| Plot { title, bars };
        report.plots.push(plot("CPU of an event at full speed, times that of the bare program", self.cpu));
        report
            .plots
            .push(plot("Median latency of an event alone, times that of the bare program", self.latency));
    }
}

impl MeasuredForwarder {
    fn bare(work: &Forwarding, name: &'static str, calls: Calls) -> Result<Self> {
        let at = free_address()?;
        let lane = Lane::new(work.traffic, at)?;
        let wires = (work.traffic.source, work.traffic.sink);
        let process = bare::start(calls, wires, work.traffic.copies, at, lane.sink()?)?;
        Ok(Self::new(name, lane, process))
    }

    fn crosspatch(work: &Forwarding, options: &BenchOptions) -> Result<Self> {
        let input = free_address()?;
        let lane = Lane::new(work.traffic, input)?;
        let ports = ShowPorts { input, output: lane.sink()?, spare: free_address()?.port() };
        let process = Process::show(&options.program, &work.configuration(ports))?;
        Ok(Self::new("crosspatch", lane, process))
    }

    fn new(name: &'static str, lane: Lane, process: Process) -> Self {
        Self { name, lane, process, rounds: Vec::new(), alone: Vec::new(), half: Vec::new(), lost: 0 }
    }

    fn round(&mut self, work: &Forwarding, options: &BenchOptions) -> Result<()> {
        let mut round = Round::default();
        let count = (options.measure.as_secs_f64() / PAUSE.as_secs_f64()) as usize;
        let before = self.process.usage();
        let times = self.lane.ping(count, PAUSE)?;
        let after = self.process.usage();
        round.cpu_alone = micros(&(after.cpu - before.cpu)) / count as f64;
        round.wakes = (after.sleeps - before.sleeps) as f64 / count as f64;
        self.alone.extend(times);

        let before = self.process.usage();
        let passed = self.lane.flood(options.measure)?;
        let after = self.process.usage();
        (round.a_second, round.cpu) = (rate(passed), cpu_of_each(before, after, passed));
        let ticks = [0, 1].map(|at| (after.ticks[at] - before.ticks[at]) as f64);
        round.user = ticks[0] / (ticks[0] + ticks[1]).max(1.0);
        self.lost += passed.lost;

        if let Some(universes) = work.universes {
            let before = self.process.usage();
            let (passed, _) = self.lane.frames(FRAMES, EventBurst::of(universes), options.measure)?;
            let after = self.process.usage();
            let share = (after.cpu - before.cpu).as_secs_f64() / passed.took.as_secs_f64();
            round.frames = [cpu_of_each(before, after, passed), share];
            self.lost += passed.lost;
        }
        self.rounds.push(round);
        Ok(())
    }

    /// Events a second.
    fn rate(&self) -> f64 {
        self.median(|round| round.a_second)
    }

    fn median(&self, figure: impl Fn(&Round) -> f64) -> f64 {
        median(self.rounds.iter().map(figure).collect())
    }

    fn frames(&self) -> Row {
        let [cpu, share] = [0, 1].map(|at| self.median(|round| round.frames[at]));
        Row::new(self.name, [cpu, share * 100.0, 1e6 / (cpu * FRAMES)])
    }

    fn figures(self) -> Row {
        let medians = [
            self.rate(),
            self.median(|round| round.cpu),
            self.median(|round| round.user) * 100.0,
            self.median(|round| round.cpu_alone),
            self.median(|round| round.wakes),
        ];
        let resident = self.process.usage().resident as f64 / 1024.0;
        let times = [self.alone, self.half].map(Quantiles::of).into_iter();
        let times = times.flat_map(|Quantiles { median, p99, p999, max }| [median, p99, p999, max]);
        Row::new(self.name, medians.into_iter().chain(times).chain([self.lost as f64, resident]))
    }
}

fn rate(passed: EventCounts) -> f64 {
    passed.events as f64 / passed.took.as_secs_f64()
}

fn cpu_of_each(before: Usage, after: Usage, passed: EventCounts) -> f64 {
    micros(&(after.cpu - before.cpu)) / passed.events.max(1) as f64
}

/// An address that is free at the moment.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(UdpSocket::bind("127.0.0.1:0")?.local_addr()?)
}
