//! The latency of a mapping while other instances of the same show are flooded.
//!
//! Each attack has its own show with the default options. Idle periods and floods alternate, while an unrelated mapping
//! passes an event every two milliseconds. After each flood a value is sent to the attacked instance until it arrives.

mod attacks;
pub mod packets;
mod sending;

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::BenchOptions;
use crate::figures::Quantiles;
use crate::forward::free_address;
use crate::probe::{Probe, Sink};
use crate::process::{Process, Usage};
use crate::report::{ReportTable, Row};
use crate::wire::Wire;

use attacks::{Begin, FloodAttack, Last, Scene};
use sending::Flood;

/// What has to hold while any of the floods goes on: the 99th percentile and the longest, in milliseconds.
const GOALS: [f64; 2] = [5.0, 20.0];

/// Between two looks at the memory.
const LOOK: Duration = Duration::from_millis(10);

/// Between two values for the attacked instance after the flood.
const AGAIN: Duration = Duration::from_millis(100);

/// How long the attacked instance may take until a value comes through it.
const RECOVERY: Duration = Duration::from_secs(120);

/// The names by which attacks can be chosen.
pub(crate) fn names() -> impl Iterator<Item = String> {
    attacks::ALL.into_iter().map(|(name, _)| name_of(name))
}

fn name_of(attack: &str) -> String {
    format!("floods: {attack}")
}

/// Makes the attacks that are wanted by their names.
pub(crate) fn measure(
    options: &BenchOptions,
    is_wanted: impl Fn(&str) -> bool,
    progress: &mut dyn FnMut(&str),
) -> Result<ReportTable> {
    let (mut quiet, mut rows) = (FloodTally::default(), Vec::new());
    for (name, begin) in attacks::ALL {
        let whole = name_of(name);
        if is_wanted(&whole) {
            progress(&whole);
            let mut show = AttackedShow::start(options, begin)?;
            let mut tally = FloodTally::default();
            for _ in 0..options.rounds {
                let round = show.round(options.measure, &mut quiet, &mut tally);
                round.with_context(|| format!("while measuring {whole}"))?;
            }
            rows.push(tally.row(name));
        }
    }
    rows.insert(0, quiet.row("nothing"));
    let goals = GOALS.map(Some).into_iter();
    rows.push(Row { name: "goal".into(), cells: std::iter::once(None).chain(goals).collect() });
    Ok(ReportTable {
        title: "Floods",
        note: "How long an OSC message to another instance of the same show takes while one thread sends as much as it can: \
               milliseconds, events of this mapping that were lost, messages of the flood a second, MiB by which the memory of \
               the program grew, milliseconds after the flood until a value came through the attacked instance, and per cent of \
               the time in which the program could not run because others had the processor. The row \
               `nothing` is of the same shows between the floods.",
        columns: &["p50", "p99", "max", "lost", "flood/s", "MiB", "after", "waited %"],
        rows,
    })
}

/// What was measured in all rounds.
#[derive(Default)]
struct FloodTally {
    times: Vec<Duration>,
    lost: u64,
    messages: u64,
    duration: Duration,
    /// How long the program waited for a processor, and how long that was watched.
    waited: [Duration; 2],
    /// KiB by which the memory grew.
    growth: u64,
    /// The longest recovery.
    after: Duration,
}

impl FloodTally {
    /// Adds what the program waited for a processor since it had used `before` at `start`.
    fn add_waiting(&mut self, process: &Process, before: &Usage, start: Instant) {
        self.waited[0] += process.usage().waited.saturating_sub(before.waited);
        self.waited[1] += start.elapsed();
    }

    fn row(self, name: &str) -> Row {
        let Quantiles { median, p99, max, .. } = Quantiles::of(self.times);
        let times = [median, p99, max].map(|micros| Some(micros / 1e3));
        let is_flood = self.messages > 0;
        let others = [
            Some(self.lost as f64),
            is_flood.then(|| self.messages as f64 / self.duration.as_secs_f64()),
            is_flood.then_some(self.growth as f64 / 1024.0),
            is_flood.then_some(self.after.as_secs_f64() * 1e3),
            Some(self.waited[0].as_secs_f64() / self.waited[1].as_secs_f64().max(1e-9) * 100.0),
        ];
        Row { name: name.into(), cells: times.into_iter().chain(others).collect() }
    }
}

/// A show that is attacked.
struct AttackedShow {
    process: Process,
    probe: Probe,
    flood: Flood,
    at: SocketAddr,
    end: ControlProbe,
    /// Takes what the attacked instance sends, and is not read.
    _away: UdpSocket,
}

/// What shows that the attacked instance works: values that are sent to it, and where they arrive.
struct ControlProbe {
    last: Last,
    sink: Sink,
    /// How many there have been.
    values: u64,
}

impl AttackedShow {
    fn start(options: &BenchOptions, begin: Begin) -> Result<Self> {
        let (probe, sink, away) = (Probe::new()?, Sink::new()?, UdpSocket::bind("127.0.0.1:0")?);
        let scene = Scene {
            at: free_address()?,
            away: away.local_addr()?,
            end: sink.address()?,
            spare: free_address()?.port(),
        };
        let attack = begin(&scene)?;
        let [instances, mapping] = probe.configuration()?;
        let configuration = format!(
            "{}[osc end]\ndestination = 127.0.0.1 {}\n{instances}[map]\n{mapping}{}",
            attack.instances,
            scene.end.port(),
            attack.mappings
        );
        let process = Process::show(&options.program, &configuration)?;
        let FloodAttack { flood, last, .. } = attack;
        let end = ControlProbe { last, sink, values: 1 };
        let mut show = Self { process, probe, flood, at: scene.at, end, _away: away };
        show.probe.wait()?;
        show.end.pass().context("before the flood")?;
        Ok(show)
    }

    /// A while without the flood, a while with it, and what is afterwards.
    fn round(&mut self, duration: Duration, quiet: &mut FloodTally, tally: &mut FloodTally) -> Result<()> {
        let (before, start) = (self.process.usage(), Instant::now());
        let passed = self.probe.measure(duration, &AtomicBool::new(false))?;
        quiet.add_waiting(&self.process, &before, start);
        quiet.times.extend(passed.times);
        quiet.lost += passed.lost;

        let (before, start) = (self.process.usage(), Instant::now());
        let (is_over, is_done) = (AtomicBool::new(false), AtomicBool::new(false));
        let Self { process, probe, flood, at, end, .. } = self;
        let process = &*process;
        let (passed, flooded, most) = std::thread::scope(|scope| {
            let memory = scope.spawn(|| {
                let mut most = 0;
                while !is_done.load(Ordering::Relaxed) {
                    most = process.usage().resident.max(most);
                    std::thread::sleep(LOOK);
                }
                most
            });
            let sender = scope.spawn(|| {
                let messages = flood.send(*at, &is_over)?;
                anyhow::Ok((messages, end.pass()?))
            });
            let passed = probe.measure(duration, &is_over);
            is_over.store(true, Ordering::Relaxed);
            let flooded = sender.join();
            is_done.store(true, Ordering::Relaxed);
            (passed, flooded, memory.join())
        });
        let passed = passed?;
        let (messages, after) = flooded.ok().context("the sender of the flood has panicked")??;
        ensure!(self.process.runs(), "the show has ended");
        tally.add_waiting(&self.process, &before, start);
        tally.messages += messages;
        tally.after = tally.after.max(after);
        let usage = self.process.usage();
        // The peak is of the flood if it is higher than before.
        let peak = if usage.peak > before.peak { usage.peak } else { usage.resident };
        let most = most.unwrap_or_default().max(peak);
        tally.growth = tally.growth.max(most.saturating_sub(before.resident));
        tally.times.extend(passed.times);
        tally.lost += passed.lost;
        tally.duration += duration;
        Ok(())
    }
}

impl ControlProbe {
    /// Sends values to the attacked instance until one arrives. Returns how long that took.
    fn pass(&mut self) -> Result<Duration> {
        let (start, first) = (Instant::now(), self.values);
        loop {
            ensure!(start.elapsed() < RECOVERY, "no value comes through the attacked instance");
            // It may be too busy for a connection.
            let _ = (self.last)(self.values);
            self.values += 1;
            let (mut is_there, sent) = (false, Instant::now());
            while !is_there && sent.elapsed() < AGAIN {
                self.sink.receive(AGAIN, |packet, _| {
                    let number = Wire::Osc(1).number(packet).map(u64::from);
                    is_there |= number.is_some_and(|number| number >= first);
                })?;
            }
            if is_there {
                return Ok(start.elapsed());
            }
        }
    }
}
