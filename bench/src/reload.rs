//! Reloads of a big configuration, and beside them a mapping that has nothing to do with what changes.

use std::fmt::Write as _;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::BenchOptions;
use crate::figures::{Quantiles, median};
use crate::forward::free_address;
use crate::load::{Lane, Traffic};
use crate::probe::Probe;
use crate::process::Process;
use crate::report::{ReportTable, Row};
use crate::wire::{FIRST_ADDRESS, Wire};

const SIZES: [u32; 3] = [10_000, 100_000, 1_000_000];

/// After these numbers of reloads the memory is noted.
const NOTED: [usize; 3] = [1, 3, 10];

/// The mapping is watched in pieces of this length until the change has been taken up, and for one more.
const PIECE: Duration = Duration::from_millis(250);

/// How long a show may take to take up a change.
const PATIENCE: Duration = Duration::from_secs(60);

const TRAFFIC: Traffic = Traffic { source: Wire::Osc(1), sink: Wire::Osc(1), copies: 1, merges: false };

/// Reloads shows of more and more lines ten times each.
pub(crate) fn measure(options: &BenchOptions) -> Result<ReportTable> {
    let rows =
        options.sizes(&SIZES).map(|lines| Reloaded::start(lines, options)?.row()).collect::<Result<_>>()?;
    Ok(ReportTable {
        title: "Reloads of many lines",
        note: "Shows with a mapping in each line, which read their changed file ten times, while an OSC message passes between two \
               other instances every two milliseconds: milliseconds that it takes during the reloads, and how many were lost; \
               milliseconds until the change is in effect (median); MiB before, and after 1, 3 and 10 reloads; the longest that \
               it takes without reloads, and per cent of the time in which the threads of the program waited for a processor. \
               The program may use all processors.",
        columns: &[
            "p50", "p99", "max", "lost", "reload", "MiB", "after 1", "after 3", "after 10", "max idle",
            "waited %",
        ],
        rows,
    })
}

/// A show, and the two places to which its last line leads in turn.
struct Reloaded {
    lines: u32,
    process: Process,
    probe: Probe,
    /// Where events for the changed line go, before and after the change.
    lanes: [Lane; 2],
    texts: [String; 2],
}

impl Reloaded {
    fn start(lines: u32, options: &BenchOptions) -> Result<Self> {
        let (probe, inputs) = (Probe::new()?, [free_address()?, free_address()?]);
        let mut lanes = [Lane::new(TRAFFIC, inputs[0])?, Lane::new(TRAFFIC, inputs[1])?];
        let mut head = String::new();
        let [instances, mapping] = probe.configuration()?;
        for (name, (input, lane)) in ["a", "b"].into_iter().zip(inputs.iter().zip(&lanes)) {
            let output = lane.sink()?.port();
            // A string takes everything.
            let _ = writeln!(
                head,
                "[osc {name}]\nbind = 127.0.0.1 {}\n/* = f 0 1\n[osc {name}-out]\ndestination = 127.0.0.1 {output}\n/* = f 0 1",
                input.port()
            );
        }
        head += &format!("{instances}[map]\n{mapping}");
        for number in FIRST_ADDRESS + 1..FIRST_ADDRESS + lines {
            let _ = writeln!(head, "a./f/{number} > a-out./f/{number}");
        }
        let texts = ["a", "b"]
            .map(|name| format!("{head}{name}./f/{FIRST_ADDRESS} > {name}-out./f/{FIRST_ADDRESS}\n"));
        let process = Process::show_on_all_processors(&options.program, &texts[0])?;
        ensure!(lanes[0].wake(PATIENCE)?, "a show of {lines} lines does not begin");
        let mut reloaded = Self { lines, process, probe, lanes, texts };
        reloaded.probe.wait()?;
        Ok(reloaded)
    }

    fn row(mut self) -> Result<Row> {
        let begin = self.process.usage();
        let idle = self.probe.measure(PIECE * 4, &AtomicBool::new(false))?;
        let (mut times, mut lost, mut took) = (Vec::new(), 0, Vec::new());
        let mut memory = vec![mib(begin.resident)];
        let (before, start) = (self.process.usage(), Instant::now());
        for number in 1..=NOTED[NOTED.len() - 1] {
            let reload = self.reload(number)?;
            times.extend(reload.times);
            lost += reload.lost;
            took.push(reload.took.as_secs_f64() * 1e3);
            if NOTED.contains(&number) {
                memory.push(mib(self.process.usage().resident));
            }
        }
        let waited = self.process.usage().since(&before).waited;
        let waited = waited.as_secs_f64() / start.elapsed().as_secs_f64() * 100.0;
        let [during, idle] = [times, idle.times].map(Quantiles::of);
        let times = [during.median, during.p99, during.max].map(|micros| micros / 1e3);
        let rest = [lost as f64, median(took)].into_iter().chain(memory).chain([idle.max / 1e3, waited]);
        Ok(Row::new(format!("{} lines", self.lines), times.into_iter().chain(rest)))
    }

    /// Changes the last line, and watches the other mapping until the change is in effect, and a little longer.
    fn reload(&mut self, number: usize) -> Result<ReloadFigures> {
        let file = self.process.file().context("a show has a file")?;
        std::fs::write(file, &self.texts[number % 2])?;
        let (lane, probe) = (&mut self.lanes[number % 2], &mut self.probe);
        lane.settle()?;
        let start = Instant::now();
        #[cfg(unix)]
        self.process.signal(rustix::process::Signal::HUP)?;
        let lines = self.lines;
        std::thread::scope(|scope| {
            let reloaded = scope.spawn(move || {
                ensure!(lane.wake_slowly(PATIENCE)?, "a show of {lines} lines does not take up a change");
                Ok(start.elapsed())
            });
            let mut figures = ReloadFigures::default();
            let mut is_over = false;
            while !is_over {
                is_over = reloaded.is_finished();
                let passed = probe.measure(PIECE, &AtomicBool::new(false))?;
                figures.times.extend(passed.times);
                figures.lost += passed.lost;
            }
            figures.took =
                reloaded.join().ok().context("the thread that waits for a reload has panicked")??;
            Ok(figures)
        })
    }
}

/// What was seen of one reload.
#[derive(Default)]
struct ReloadFigures {
    took: Duration,
    times: Vec<Duration>,
    lost: u64,
}

fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}
