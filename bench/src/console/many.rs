//! Many consoles, and beside them a mapping that has nothing to do with any of them.

use std::fmt::Write as _;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::stub::{Acknowledges, TestConsole};
use crate::BenchOptions;
use crate::figures::{Quantiles, median};
use crate::forward::free_address;
use crate::limits;
use crate::probe::Probe;
use crate::process::Process;
use crate::program::per_cent;
use crate::report::{ReportTable, Row};

/// Executors whose faders are mapped, of each console.
const FADERS: u32 = 8;

/// How often the first fader of each console is moved, where they are moved.
const MOVES_A_SECOND: u32 = 40;

/// A measurement lasts this many times longer than others.
const LONGER: u32 = 4;

const PATIENCE: Duration = Duration::from_secs(60);

/// Shows with consoles.
#[derive(Copy, Clone)]
struct Installation {
    consoles: u32,
    acknowledges: Acknowledges,
    are_moved: bool,
}

const fn polled(consoles: u32) -> Installation {
    Installation { consoles, acknowledges: Acknowledges::Everything, are_moved: false }
}

const fn moved(consoles: u32, acknowledges: Acknowledges) -> Installation {
    Installation { consoles, acknowledges, are_moved: true }
}

const ALL: [Installation; 6] = [
    polled(1),
    polled(10),
    polled(100),
    polled(1_000),
    moved(100, Acknowledges::Everything),
    moved(100, Acknowledges::Requests),
];

/// Measures all installations.
pub(crate) fn measure(options: &BenchOptions) -> Result<ReportTable> {
    let mut rows = Vec::new();
    for installation in ALL.into_iter().filter(|installation| installation.consoles <= options.largest) {
        // The consoles are in this process: a listener and a connection each.
        match limits::shortage(installation.consoles * 2) {
            Some(shortage) => rows.push(Row::heading(shortage)),
            None => rows.push(installation.row(options)?),
        }
    }
    Ok(ReportTable {
        title: "Many consoles",
        note: "Shows with consoles, eight faders of each mapped in both directions, all options at their defaults. The consoles \
               answer polls; in the last rows a fader of each is moved 40 times a second. An OSC message passes between two other instances \
               every two milliseconds: milliseconds that it takes, and how many were lost; per cent of a core; polls a second of \
               each console (10 are due while nothing changes, and 25 otherwise); per cent of the time in which the program waited \
               for the processor; MiB.",
        columns: &["p50", "p99", "max", "lost", "core %", "polls/s", "waited %", "MiB"],
        rows,
    })
}

impl Installation {
    fn name(self) -> String {
        let Self { consoles, acknowledges, are_moved } = self;
        let plural = if consoles == 1 { "" } else { "s" };
        let how = match (are_moved, acknowledges) {
            (false, _) => "",
            (true, Acknowledges::Everything) => ", faders moved",
            (true, Acknowledges::Requests) => ", faders moved, never acknowledged",
        };
        format!("{consoles} console{plural}{how}")
    }

    fn row(self, options: &BenchOptions) -> Result<Row> {
        let consoles = (0..self.consoles).map(|_| TestConsole::start(self.acknowledges));
        let consoles = consoles.collect::<Result<Vec<_>>>()?;
        let (mut probe, tablet) = (Probe::new()?, free_address()?);
        let process = Process::show(&options.program, &configuration(&consoles, &probe, tablet)?)?;
        probe.wait()?;
        let begin = Instant::now();
        while !consoles.iter().all(|console| console.polls() > 1) {
            ensure!(begin.elapsed() < PATIENCE, "{}: the show does not poll all of them", self.name());
            std::thread::sleep(Duration::from_millis(50));
        }
        let mut hand = Hand::new(tablet, self.consoles)?;
        let is_done = AtomicBool::new(!self.are_moved);
        let (mut times, mut lost, mut cpu, mut rates, mut waited) =
            (Vec::new(), 0, Vec::new(), Vec::new(), Vec::new());
        let polls = || consoles.iter().map(TestConsole::polls).sum::<u64>();
        std::thread::scope(|scope| {
            let mover = scope.spawn(|| hand.moves_until(&is_done));
            let measured = (0..options.rounds).try_for_each(|_| {
                let (before, asked, start) = (process.usage(), polls(), Instant::now());
                let passed = probe.measure(options.measure * LONGER, &AtomicBool::new(false))?;
                let (used, took) = (process.usage().since(&before), start.elapsed());
                times.extend(passed.times);
                lost += passed.lost;
                cpu.push(per_cent(used.cpu, took));
                waited.push(per_cent(used.waited, took));
                let each = (polls() - asked) as f64 / f64::from(self.consoles);
                rates.push(each / took.as_secs_f64());
                anyhow::Ok(())
            });
            is_done.store(true, Ordering::Relaxed);
            mover.join().ok().context("the thread that moves faders has panicked")?;
            measured
        })?;
        let Quantiles { median: p50, p99, max, .. } = Quantiles::of(times);
        let [p50, p99, max] = [p50, p99, max].map(|micros| micros / 1e3);
        let memory = process.usage().resident as f64 / 1024.0;
        let cells = [p50, p99, max, lost as f64, median(cpu), median(rates), median(waited), memory];
        Ok(Row::new(self.name(), cells))
    }
}

fn configuration(consoles: &[TestConsole], probe: &Probe, tablet: SocketAddr) -> Result<String> {
    let [instances, mapping] = probe.configuration()?;
    let (mut text, mut map) = (instances, format!("[map]\n{mapping}"));
    // A string takes everything.
    let _ =
        writeln!(text, "[osc tablet]\nbind = 127.0.0.1 {}\ndestination = learn\n/* = f 0 1", tablet.port());
    for (number, console) in consoles.iter().enumerate() {
        let _ = writeln!(text, "[maweb desk{number}]\nhost = 127.0.0.1 {}", console.address.port());
        let _ = writeln!(map, "tablet./{number}/{{1..{FADERS}}} <> desk{number}.page1.fader{{1..{FADERS}}}");
    }
    Ok(text + &map)
}

/// Someone who moves the first fader of each console all the time.
struct Hand {
    socket: UdpSocket,
    packets: Vec<Vec<u8>>,
}

impl Hand {
    fn new(to: SocketAddr, consoles: u32) -> Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.connect(to)?;
        Ok(Self { socket, packets: (0..consoles).map(|number| message(&format!("/{number}/1"))).collect() })
    }

    fn moves_until(&mut self, is_done: &AtomicBool) {
        let period = Duration::from_secs(1) / MOVES_A_SECOND / self.packets.len().max(1) as u32;
        let mut due = Instant::now();
        for step in 0_u16.. {
            for packet in &mut self.packets {
                if is_done.load(Ordering::Relaxed) {
                    return;
                }
                due += period;
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                let end = packet.len() - 4;
                packet[end..].copy_from_slice(&(f32::from(step % 100) / 100.0).to_be_bytes());
                // The show may be gone.
                let _ = self.socket.send(packet);
            }
        }
    }
}

/// An OSC message with one float.
fn message(address: &str) -> Vec<u8> {
    let mut bytes = address.as_bytes().to_vec();
    bytes.resize((bytes.len() / 4 + 1) * 4, 0);
    bytes.extend(b",f\0\0\0\0\0\0");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_every_length_are_padded() {
        assert_eq!(message("/0/1"), b"/0/1\0\0\0\0,f\0\0\0\0\0\0");
        assert_eq!(message("/100/1"), b"/100/1\0\0,f\0\0\0\0\0\0");
    }
}
