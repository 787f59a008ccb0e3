//! Many OSC peers, each an instance with a port of its own, which is mapped to the next one.

use std::fmt::Write as _;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::BenchOptions;
use crate::figures::{Quantiles, median, micros};
use crate::forward::PATIENCE;
use crate::limits;
use crate::load::{Lane, Traffic};
use crate::process::{Process, Usage};
use crate::report::{ReportTable, Row};
use crate::wire::{FIRST_ADDRESS, Wire};

const SIZES: [u32; 3] = [10, 1_000, 10_000];

/// Events a second, to one peer after the other: each of them has been asleep for long.
const RATE: f64 = 1_000.0;

/// How long events are sent right after the first has come through.
const BEGINNING: Duration = Duration::from_secs(2);

const TRAFFIC: Traffic = Traffic { source: Wire::Osc(1), sink: Wire::Osc(1), copies: 1, merges: false };

/// Measures shows with more and more peers, and a bare loop over as many sockets.
pub(crate) fn measure(options: &BenchOptions) -> Result<ReportTable> {
    let mut rows = Vec::new();
    for peers in options.sizes(&SIZES) {
        if let Some(shortage) = limits::shortage(peers) {
            rows.push(Row::heading(shortage));
            continue;
        }
        rows.push(Row::heading(format!("{peers} peers")));
        let mut crowds = Vec::new();
        #[cfg(target_os = "linux")]
        crowds.push(Crowd::bare(peers)?);
        crowds.push(Crowd::show(peers, options)?);
        for _ in 0..options.rounds {
            for crowd in &mut crowds {
                crowd.round(options.measure)?;
            }
        }
        rows.extend(crowds.into_iter().map(Crowd::row));
        if let [.., bare, ours] = &rows[..]
            && bare.name == "bare"
        {
            rows.push(ours.ratio(bare, &[3, 4, 5, 7]));
        }
    }
    Ok(ReportTable {
        title: "Many OSC peers",
        note: "Instances of OSC, each with its own port and mapped to the next: milliseconds from the start until the first event \
               passes; the longest time that an event takes in the two seconds after that, in milliseconds, and how many were \
               lost; CPU microseconds of an event and how long it takes, to one peer after the other, a thousand a second; the \
               same as fast as they pass, in which a peer still has few events at once; MiB. `bare` is a loop of `epoll_wait`, \
               `recv` and `send` over as many sockets.",
        columns: &["start", "max then", "lost", "CPU", "p50", "p99", "lost", "CPU full", "MiB"],
        rows,
    })
}

/// A program with many peers, and its measurements so far.
struct Crowd {
    name: &'static str,
    lane: Lane,
    process: Process,
    started: Duration,
    beginning: Vec<Duration>,
    /// Events that were lost right after the start, and later.
    lost: [u64; 2],
    cpu: Vec<f64>,
    cpu_full: Vec<f64>,
    times: Vec<Duration>,
}

impl Crowd {
    #[cfg(target_os = "linux")]
    fn bare(peers: u32) -> Result<Self> {
        let (ports, lane) = lane(peers)?;
        let begin = Instant::now();
        let process = crate::bare::start_many(&ports, lane.sink()?)?;
        Self::start("bare", lane, process, begin)
    }

    fn show(peers: u32, options: &BenchOptions) -> Result<Self> {
        let (ports, lane) = lane(peers)?;
        let text = configuration(&ports, lane.sink()?);
        let begin = Instant::now();
        let process = Process::show(&options.program, &text)?;
        Self::start("crosspatch", lane, process, begin)
    }

    fn start(name: &'static str, mut lane: Lane, process: Process, begin: Instant) -> Result<Self> {
        ensure!(lane.wake(PATIENCE)?, "nothing comes through {name}");
        let started = begin.elapsed();
        let (passed, beginning) = lane.pace(RATE, BEGINNING)?;
        Ok(Self {
            name,
            lane,
            process,
            started,
            beginning,
            lost: [passed.lost, 0],
            cpu: Vec::new(),
            cpu_full: Vec::new(),
            times: Vec::new(),
        })
    }

    fn round(&mut self, duration: Duration) -> Result<()> {
        let before = self.process.usage();
        let (paced, times) = self.lane.alone(RATE, duration)?;
        let between = self.process.usage();
        let full = self.lane.flood(duration)?;
        let after = self.process.usage();
        let each = |used: Usage, events: u64| micros(&used.cpu) / events.max(1) as f64;
        self.cpu.push(each(between.since(&before), paced.events));
        self.cpu_full.push(each(after.since(&between), full.events));
        self.times.extend(times);
        self.lost[1] += paced.lost + full.lost;
        Ok(())
    }

    fn row(self) -> Row {
        let Quantiles { median: p50, p99, .. } = Quantiles::of(self.times);
        let first = Quantiles::of(self.beginning).max / 1e3;
        let memory = self.process.usage().resident as f64 / 1024.0;
        let [lost_then, lost] = self.lost.map(|lost| lost as f64);
        let start = self.started.as_secs_f64() * 1e3;
        let cells =
            [start, first, lost_then, median(self.cpu), p50, p99, lost, median(self.cpu_full), memory];
        Row::new(self.name, cells)
    }
}

/// Addresses that are free at the moment, all different, and a lane to them.
fn lane(peers: u32) -> Result<(Vec<SocketAddr>, Lane)> {
    let sockets = (0..peers).map(|_| UdpSocket::bind("127.0.0.1:0"));
    let sockets = sockets.collect::<Result<Vec<_>, _>>().context("there are not so many free ports")?;
    let ports = sockets.iter().map(UdpSocket::local_addr).collect::<Result<Vec<_>, _>>()?;
    // While the ports are taken, the sockets of the lane get others.
    let lane = Lane::in_turn(TRAFFIC, ports.clone())?;
    Ok((ports, lane))
}

/// Every peer receives at its own port and sends to the sink what the one before it has received, with another address: it
/// would be an echo of what the peer has received itself.
fn configuration(ports: &[SocketAddr], sink: SocketAddr) -> String {
    let (mut text, mut map) = (String::new(), "[map]\n".to_owned());
    for (number, at) in ports.iter().enumerate() {
        // A string takes everything.
        let _ = writeln!(
            text,
            "[osc peer{number}]\nbind = 127.0.0.1 {}\ndestination = 127.0.0.1 {}\n/* = f 0 1",
            at.port(),
            sink.port()
        );
        let next = (number + 1) % ports.len();
        let _ = writeln!(map, "peer{number}./f/{FIRST_ADDRESS} > peer{next}./g/{FIRST_ADDRESS}");
    }
    text + &map
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_peer_passes_to_the_next_and_the_last_to_the_first() {
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let text = configuration(&[address(1), address(2)], address(9));
        assert!(text.contains("[osc peer1]\nbind = 127.0.0.1 2\ndestination = 127.0.0.1 9\n"), "{text}");
        assert!(
            text.ends_with("peer0./f/100000 > peer1./g/100000\npeer1./f/100000 > peer0./g/100000\n"),
            "{text}"
        );
        let (ports, _) = lane(20).expect("ports");
        assert!(ports.iter().enumerate().all(|(at, port)| !ports[..at].contains(port)));
    }
}
