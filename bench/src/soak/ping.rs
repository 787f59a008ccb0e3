//! The latency of a mapping that nothing is done to, while everything is done to the others.

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::link::{decode, encode};

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// Between two pings.
const PAUSE: Duration = Duration::from_millis(10);

/// Sends pings until it is asked for its findings.
#[derive(Debug)]
pub(super) struct Pinger {
    thread: JoinHandle<Findings>,
    ends: Arc<AtomicBool>,
}

/// What came of the pings.
#[derive(Clone, Debug, Default)]
pub(super) struct Findings {
    /// How many took so long, in sixteenths of a power of two microseconds: a week of pings takes no more room than a minute.
    counts: Vec<u64>,
    pub(super) sent: u64,
    /// How many had no answer.
    pub(super) lost: u64,
    pub(super) longest: Duration,
}

impl Pinger {
    /// Begins. The socket is the one that the show answers to.
    pub(super) fn start(socket: UdpSocket, port: u16) -> Result<Self> {
        socket.set_read_timeout(Some(PATIENCE)).context("cannot limit the wait for answers")?;
        let ends = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&ends);
        let thread = std::thread::spawn(move || ping(&socket, port, &asked));
        Ok(Self { thread, ends })
    }

    /// Ends, and tells.
    pub(super) fn findings(self) -> Findings {
        self.ends.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_default()
    }
}

impl Findings {
    /// The latency that this part of all pings kept below.
    pub(super) fn quantile(&self, part: f64) -> Duration {
        let all: u64 = self.counts.iter().sum();
        let mut left = (all as f64 * part).ceil() as u64;
        for (at, count) in (0..).zip(&self.counts) {
            left = left.saturating_sub(*count);
            if left == 0 {
                return Duration::from_secs_f64(((f64::from(at) + 0.5) / 16.0).exp2() / 1e6);
            }
        }
        Duration::ZERO
    }

    fn add(&mut self, latency: Duration) {
        let at = ((latency.as_secs_f64() * 1e6).max(1.0).log2() * 16.0) as usize;
        self.counts.resize(self.counts.len().max(at + 1), 0);
        self.counts[at] += 1;
        self.longest = self.longest.max(latency);
    }
}

fn ping(socket: &UdpSocket, port: u16, ends: &AtomicBool) -> Findings {
    let mut findings = Findings::default();
    let (mut message, mut answer) = (Vec::new(), [0; 256]);
    while !ends.load(Ordering::Relaxed) {
        // Each has a value of its own, because nothing is told twice.
        let value = (findings.sent % 1000) as f32 / 1000.0;
        message.clear();
        encode("/ping", value, &mut message);
        let start = Instant::now();
        findings.sent += 1;
        let _ = socket.send_to(&message, ("127.0.0.1", port));
        let is_answered = loop {
            let Ok(len) = socket.recv(&mut answer) else { break false };
            if decode(&answer[..len]).is_some_and(|(_, heard)| (heard - value).abs() < 1e-5) {
                break true;
            }
        };
        match is_answered {
            true => findings.add(start.elapsed()),
            false => findings.lost += 1,
        }
        std::thread::sleep(PAUSE);
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_within_a_sixteenth_of_an_octave() {
        let mut findings = Findings::default();
        for micros in 1..=1000 {
            findings.add(Duration::from_micros(micros));
        }
        for (part, micros) in [(0.5, 500.0), (0.999, 999.0)] {
            let found = findings.quantile(part).as_secs_f64() * 1e6;
            assert!((found / micros).log2().abs() < 1.0 / 16.0, "{part}: {found}");
        }
    }
}
