//! What it costs to poll a console of which thirty faders are mapped.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::stub::{Acknowledges, TestConsole, executors};
use crate::BenchOptions;
use crate::bare;
use crate::figures::{median, micros};
use crate::forward::free_address;
use crate::process::Process;
use crate::report::{ReportTable, Row};

const FADERS: u32 = 30;

/// The default interval of the polls while nothing changes.
const INTERVAL: Duration = Duration::from_millis(100);

/// A measurement lasts this many times longer than others: there are ten polls a second.
const LONGER: u32 = 8;

const PATIENCE: Duration = Duration::from_secs(20);

/// A client of a console, and the CPU time of its polls in each round.
struct PollingProgram {
    name: &'static str,
    process: Process,
    console: TestConsole,
    cpu: Vec<f64>,
    rate: Vec<f64>,
}

/// Polls a console, in turn with a program that only sends the requests and reads the answers.
pub(crate) fn measure(options: &BenchOptions) -> Result<ReportTable> {
    let console = TestConsole::start(Acknowledges::Everything)?;
    let process = bare::start_poller(INTERVAL, console.address)?;
    let bare = PollingProgram { name: "bare", process, console, cpu: Vec::new(), rate: Vec::new() };
    let mut programs = [bare, show(options)?];
    for program in &mut programs {
        program.wait()?;
    }
    for _ in 0..options.rounds {
        for program in &mut programs {
            program.round(options.measure * LONGER);
        }
    }
    let [bare, ours] =
        programs.map(|program| Row::new(program.name, [median(program.cpu), median(program.rate)]));
    let ratio = ours.ratio(&bare, &[0]);
    let bytes = executors(FADERS, [0.0; 2]).len() as f64;
    let size = Row { name: "bytes of an answer".into(), cells: vec![Some(bytes), None] };
    Ok(ReportTable {
        title: "A poll of a console",
        note: "A show with the default options of which 30 faders of a console are mapped in both directions, and a WebSocket client \
               that only sends the same request and reads the answer: CPU microseconds of a poll, keep-alives and all else \
               included, and polls a second. The levels do not change.",
        columns: &["CPU", "polls/s"],
        rows: vec![bare, ours, ratio, size],
    })
}

fn show(options: &BenchOptions) -> Result<PollingProgram> {
    let console = TestConsole::start(Acknowledges::Everything)?;
    let mut text =
        format!("[osc tablet]\nbind = 127.0.0.1 {}\ndestination = learn\n", free_address()?.port());
    // A string takes everything.
    let _ = write!(
        text,
        "[maweb desk]\nhost = 127.0.0.1 {}\n[map]\ntablet./fader/{{1..{FADERS}}} <> desk.page1.fader{{1..{FADERS}}}\n",
        console.address.port()
    );
    let process = Process::show(&options.program, &text)?;
    Ok(PollingProgram { name: "crosspatch", process, console, cpu: Vec::new(), rate: Vec::new() })
}

impl PollingProgram {
    fn wait(&self) -> Result<()> {
        let start = Instant::now();
        while self.console.polls() < 5 {
            ensure!(start.elapsed() < PATIENCE, "{} does not poll the console", self.name);
            std::thread::sleep(INTERVAL);
        }
        Ok(())
    }

    fn round(&mut self, duration: Duration) {
        let (before, polls, start) = (self.process.usage(), self.console.polls(), Instant::now());
        std::thread::sleep(duration);
        let (used, polls) = (self.process.usage().since(&before), self.console.polls() - polls);
        self.cpu.push(micros(&used.cpu) / polls.max(1) as f64);
        self.rate.push(polls as f64 / start.elapsed().as_secs_f64());
    }
}
