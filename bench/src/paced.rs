//! Universes at the pace of a DMX line through a show with the default options, which limits its output to that pace.

use std::time::Duration;

use anyhow::Result;

use crate::BenchOptions;
use crate::figures::{Quantiles, median};
use crate::forward::FRAMES;
use crate::load::{EventBurst, Traffic};
use crate::program::{TestedProgram, per_cent};
use crate::report::{ReportTable, Row};
use crate::wire::Wire;
use crate::works::artnet_to_sacn;

/// How a desk, or many nodes together, send their universes.
struct SendingPattern {
    how: &'static str,
    /// In what time all of them are sent, one after the other.
    spread: Duration,
    /// How early or late they are.
    jitter: Duration,
    universes: [u16; 3],
}

const SENDING: [SendingPattern; 3] = [
    sending("frames on time", 11_000, 0, [1, 100, 256]),
    sending("frames up to 5 ms early or late", 11_000, 5_000, [1, 100, 256]),
    sending("evenly spread", 22_727, 0, [256, 1_000, 2_000]),
];

const fn sending(how: &'static str, spread: u64, jitter: u64, universes: [u16; 3]) -> SendingPattern {
    SendingPattern {
        how,
        spread: Duration::from_micros(spread),
        jitter: Duration::from_micros(jitter),
        universes,
    }
}

/// These measurements last this many times longer than others, because there are 44 frames a second and not a hundred
/// thousand.
const LONGER: u32 = 4;

/// A program, and what was measured of it.
struct PacedForwarder {
    program: TestedProgram,
    times: Vec<Duration>,
    /// Per cent of a core, in each round.
    core: Vec<f64>,
    events: u64,
    packets: u64,
    lost: u64,
}

/// Measures universes as desks send them, in turn with a bare program.
pub(crate) fn measure(options: &BenchOptions) -> Result<ReportTable> {
    let mut rows = Vec::new();
    for sending in &SENDING {
        for universes in sending.universes.into_iter().filter(|count| u32::from(*count) <= options.largest) {
            let traffic = traffic(universes);
            let show =
                TestedProgram::show(traffic, options, |ports| artnet_to_sacn(ports, 0..universes, ""))?;
            let mut subjects = [TestedProgram::bare(traffic)?, show].map(PacedForwarder::new);
            let burst =
                EventBurst { events: universes.into(), spread: sending.spread, jitter: sending.jitter };
            for round in 0..=options.rounds {
                for subject in &mut subjects {
                    subject.round(burst, options)?;
                    // The first round only finds the pace.
                    if round == 0 {
                        subject.forget();
                    }
                }
            }
            let plural = if universes == 1 { "" } else { "s" };
            rows.push(Row::heading(format!("{universes} universe{plural}, {}", sending.how)));
            let [bare, ours] = subjects.map(PacedForwarder::row);
            let ratio = ours.ratio(&bare, &[0, 1, 6]);
            rows.extend([bare, ours, ratio]);
        }
    }
    Ok(ReportTable {
        title: "Universes at 44 Hz with the default options",
        note: "Art-Net to sACN, all universes 44 times a second, every slot changing, one after the other within 11 ms or evenly \
               spread over the time of a frame: microseconds from the moment in which a frame was due until it comes out, packets \
               that come out for each that goes in, frames that were left out, and per cent of a core. The show limits universes to \
               44 frames a second, `bare` does not.",
        columns: &["p50", "p99", "p99.9", "max", "packets", "left out", "core %"],
        rows,
    })
}

impl PacedForwarder {
    fn new(program: TestedProgram) -> Self {
        Self { program, times: Vec::new(), core: Vec::new(), events: 0, packets: 0, lost: 0 }
    }

    fn round(&mut self, burst: EventBurst, options: &BenchOptions) -> Result<()> {
        // What a quiet universe repeats is not counted.
        self.program.lane.settle()?;
        let before = self.program.lane.packets();
        let duration = options.measure * LONGER;
        let ((passed, times), used) = self.program.watch(|lane| Ok(lane.frames(FRAMES, burst, duration)?))?;
        self.times.extend(times);
        self.core.push(per_cent(used.cpu, passed.took));
        self.packets += self.program.lane.packets() - before;
        self.events += passed.events + passed.lost;
        self.lost += passed.lost;
        Ok(())
    }

    fn forget(&mut self) {
        self.times.clear();
        self.core.clear();
        (self.events, self.packets, self.lost) = (0, 0, 0);
    }

    fn row(self) -> Row {
        let Quantiles { median: p50, p99, p999, max } = Quantiles::of(self.times);
        let packets = self.packets as f64 / self.events.max(1) as f64;
        Row::new(self.program.name, [p50, p99, p999, max, packets, self.lost as f64, median(self.core)])
    }
}

fn traffic(universes: u16) -> Traffic {
    Traffic { source: Wire::ArtDmx(universes), sink: Wire::E131, copies: 1, merges: false }
}
