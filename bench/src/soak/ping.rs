//! The latency of a mapping that nothing is done to, while everything is done to the others; for each attack by itself.

use std::iter::Sum;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::link::{decode, encode};

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// Half of the interval between two pings.
const PAUSE: Duration = Duration::from_millis(5);

/// Sends pings until its findings are requested.
#[derive(Debug)]
pub(super) struct Pinger {
    thread: JoinHandle<Vec<Findings>>,
    ends: Arc<AtomicBool>,
}

/// The results of the pings.
#[derive(Clone, Debug, Default)]
pub(super) struct Findings {
    /// How many took so long, in sixteenths of a power of two microseconds: a week of pings takes no more room than a minute.
    counts: Vec<u64>,
    pub(super) sent: u64,
    /// How many had no answer.
    pub(super) lost: u64,
    pub(super) longest: Duration,
    /// The longest, without the time in which the machine scheduled no thread.
    pub(super) longest_own: Duration,
}

/// Measures how late the machine wakes a thread that only sleeps: the total so far, in microseconds.
#[derive(Debug, Default)]
struct Stalls(AtomicU64);

/// A thread that wakes no later than this was in time.
const IN_TIME: Duration = Duration::from_millis(50);

impl Stalls {
    fn watch(&self, ends: &AtomicBool) {
        while !ends.load(Ordering::Relaxed) {
            let start = Instant::now();
            std::thread::sleep(PAUSE);
            let late = start.elapsed() - PAUSE;
            if late > IN_TIME {
                self.0.fetch_add(late.as_micros() as u64, Ordering::Relaxed);
            }
        }
    }

    fn so_far(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::Relaxed))
    }
}

impl Pinger {
    /// Starts the pings. `socket` is the one that the show answers to; findings are kept separately for each number in
    /// `phase`.
    pub(super) fn start(socket: UdpSocket, port: u16, phase: Arc<AtomicUsize>) -> Result<Self> {
        socket.set_read_timeout(Some(PATIENCE)).context("cannot limit the wait for answers")?;
        let ends = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&ends);
        let stalls = Stalls::default();
        let thread = std::thread::spawn(move || {
            std::thread::scope(|scope| {
                scope.spawn(|| stalls.watch(&asked));
                ping(&socket, port, &phase, &stalls, &asked)
            })
        });
        Ok(Self { thread, ends })
    }

    /// Ends the pings and returns the findings of each phase.
    pub(super) fn findings(self) -> Vec<Findings> {
        self.ends.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_default()
    }
}

impl Findings {
    /// The latency below which this fraction of all pings remained.
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

    fn add(&mut self, latency: Duration, stalled: Duration) {
        let at = ((latency.as_secs_f64() * 1e6).max(1.0).log2() * 16.0) as usize;
        self.counts.resize(self.counts.len().max(at + 1), 0);
        self.counts[at] += 1;
        self.longest = self.longest.max(latency);
        self.longest_own = self.longest_own.max(latency.saturating_sub(stalled));
    }
}

impl<'a> Sum<&'a Self> for Findings {
    fn sum<I: Iterator<Item = &'a Self>>(all: I) -> Self {
        all.fold(Self::default(), |mut sum, findings| {
            sum.counts.resize(sum.counts.len().max(findings.counts.len()), 0);
            for (count, more) in sum.counts.iter_mut().zip(&findings.counts) {
                *count += more;
            }
            sum.sent += findings.sent;
            sum.lost += findings.lost;
            sum.longest = sum.longest.max(findings.longest);
            sum.longest_own = sum.longest_own.max(findings.longest_own);
            sum
        })
    }
}

fn ping(
    socket: &UdpSocket,
    port: u16,
    phase: &AtomicUsize,
    stalls: &Stalls,
    ends: &AtomicBool,
) -> Vec<Findings> {
    let (mut phases, mut number) = (Vec::<Findings>::new(), 0_u32);
    let (mut message, mut answer) = (Vec::new(), [0; 256]);
    while !ends.load(Ordering::Relaxed) {
        // Each has a different value, because equal values are not sent again.
        let value = (number % 1000) as f32 / 1000.0;
        number += 1;
        message.clear();
        encode("/ping", value, &mut message);
        let (before, began) = (stalls.so_far(), phase.load(Ordering::Relaxed));
        let start = Instant::now();
        let _ = socket.send_to(&message, ("127.0.0.1", port));
        let is_answered = loop {
            let Ok(len) = socket.recv(&mut answer) else { break false };
            if decode(&answer[..len]).is_some_and(|(_, heard)| (heard - value).abs() < 1e-5) {
                break true;
            }
        };
        let latency = start.elapsed();
        // Sleeping equally long measures the delay that the machine causes for both.
        std::thread::sleep(2 * PAUSE);
        // A ping in flight at the beginning of an attack counts for that attack.
        let at = began.max(phase.load(Ordering::Relaxed));
        phases.resize(phases.len().max(at + 1), Findings::default());
        let findings = &mut phases[at];
        findings.sent += 1;
        match is_answered {
            true => findings.add(latency, stalls.so_far() - before),
            false => findings.lost += 1,
        }
    }
    phases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_within_a_sixteenth_of_an_octave() {
        let mut findings = Findings::default();
        for micros in 1..=1000 {
            findings.add(Duration::from_micros(micros), Duration::ZERO);
        }
        for (part, micros) in [(0.5, 500.0), (0.999, 999.0)] {
            let found = findings.quantile(part).as_secs_f64() * 1e6;
            assert!((found / micros).log2().abs() < 1.0 / 16.0, "{part}: {found}");
        }
    }

    #[test]
    fn the_findings_of_all_phases_add_up() {
        let mut phases = [Findings::default(), Findings::default()];
        phases[0].add(Duration::from_micros(10), Duration::ZERO);
        phases[1].add(Duration::from_micros(1000), Duration::from_micros(400));
        phases[1].lost = 2;
        let all: Findings = phases.iter().sum();
        assert_eq!(all.quantile(0.5), phases[0].quantile(1.0));
        assert_eq!((all.longest, all.lost), (Duration::from_micros(1000), 2));
        assert_eq!(all.longest_own, Duration::from_micros(600));
    }
}
