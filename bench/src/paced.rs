//! Universes at the pace of a line through a show with the default options, which keeps to that pace on the way out.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::BenchOptions;
use crate::bare::{self, Calls};
use crate::figures::Quantiles;
use crate::forward::{FRAMES, PATIENCE, free_address};
use crate::load::{EventBurst, Lane, Traffic};
use crate::process::Process;
use crate::report::{ReportTable, Row};
use crate::wire::Wire;
use crate::works::{ShowPorts, artnet_to_sacn};

/// How early or late the frames of a desk are.
const JITTER: Duration = Duration::from_millis(5);

/// In what time a desk sends all its universes.
const SPREAD: Duration = Duration::from_millis(11);

/// These measurements last this many times longer than others, because there are 44 frames a second and not a hundred
/// thousand.
const LONGER: u32 = 4;

/// A forwarder of universes, and its measurements so far.
struct PacedForwarder {
    name: &'static str,
    lane: Lane,
    /// Ends with the subject.
    _process: Process,
    times: Vec<Duration>,
    events: u64,
    packets: u64,
    lost: u64,
}

/// Measures one, a hundred and 256 universes, on time and with jitter, in turn with a bare program.
pub(crate) fn measure(options: &BenchOptions) -> Result<ReportTable> {
    let mut rows = Vec::new();
    for universes in [1, 100, 256] {
        let mut subjects =
            [PacedForwarder::bare(universes)?, PacedForwarder::crosspatch(universes, options)?];
        for subject in &mut subjects {
            ensure!(subject.lane.wake(PATIENCE)?, "nothing comes through {}", subject.name);
        }
        for (how, jitter) in [("on time", Duration::ZERO), ("up to 5 ms early or late", JITTER)] {
            for round in 0..=options.rounds {
                for subject in &mut subjects {
                    subject.round(universes, jitter, options)?;
                    // The first round only finds the pace.
                    if round == 0 {
                        subject.forget();
                    }
                }
            }
            let plural = if universes == 1 { "" } else { "s" };
            rows.push(Row::heading(format!("{universes} universe{plural}, frames {how}")));
            let [bare, ours] = &mut subjects;
            let [bare, ours] = [bare.row(), ours.row()];
            let ratio = ours.ratio(&bare, &[0, 1]);
            rows.extend([bare, ours, ratio]);
            subjects.iter_mut().for_each(PacedForwarder::forget);
        }
    }
    Ok(ReportTable {
        title: "Universes at 44 Hz with the default options",
        note: "Art-Net to sACN, all universes 44 times a second, one after the other within 11 ms, every slot changing: microseconds from the moment in \
               which a frame was due until it comes out, packets that come out for each that goes in, and frames that were left \
               out. The show limits universes to 44 frames a second, `bare` does not.",
        columns: &["p50", "p99", "p99.9", "max", "packets", "left out"],
        rows,
    })
}

impl PacedForwarder {
    fn bare(universes: u16) -> Result<Self> {
        let (at, traffic) = (free_address()?, traffic(universes));
        let lane = Lane::new(traffic, at)?;
        let wires = (traffic.source, traffic.sink);
        let process = bare::start(Calls::Single, wires, 1, at, lane.sink()?)?;
        Ok(Self::new("bare", lane, process))
    }

    fn crosspatch(universes: u16, options: &BenchOptions) -> Result<Self> {
        let input = free_address()?;
        let lane = Lane::new(traffic(universes), input)?;
        let ports = ShowPorts { input, output: lane.sink()?, spare: free_address()?.port() };
        let process = Process::show(&options.program, &artnet_to_sacn(ports, universes, ""))?;
        Ok(Self::new("crosspatch", lane, process))
    }

    fn new(name: &'static str, lane: Lane, process: Process) -> Self {
        Self { name, lane, _process: process, times: Vec::new(), events: 0, packets: 0, lost: 0 }
    }

    fn round(&mut self, universes: u16, jitter: Duration, options: &BenchOptions) -> Result<()> {
        // What a quiet universe repeats is not counted.
        self.lane.settle()?;
        let before = self.lane.packets();
        let frame = EventBurst { events: universes.into(), spread: SPREAD, jitter };
        let (passed, times) = self.lane.frames(FRAMES, frame, options.measure * LONGER)?;
        self.times.extend(times);
        self.packets += self.lane.packets() - before;
        self.events += passed.events + passed.lost;
        self.lost += passed.lost;
        Ok(())
    }

    fn forget(&mut self) {
        self.times.clear();
        (self.events, self.packets, self.lost) = (0, 0, 0);
    }

    fn row(&mut self) -> Row {
        let Quantiles { median, p99, p999, max } = Quantiles::of(std::mem::take(&mut self.times));
        let packets = self.packets as f64 / self.events.max(1) as f64;
        Row::new(self.name, [median, p99, p999, max, packets, self.lost as f64])
    }
}

fn traffic(universes: u16) -> Traffic {
    Traffic { source: Wire::ArtDmx(universes), sink: Wire::E131, copies: 1, merges: false }
}
