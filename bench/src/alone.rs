//! OSC messages that come alone, as from a person at a controller: the program sleeps before each of them.

use anyhow::Result;

use crate::BenchOptions;
use crate::figures::{Quantiles, median, micros};
use crate::load::Traffic;
use crate::program::TestedProgram;
use crate::report::{ReportTable, Row};
use crate::wire::Wire;
use crate::works::osc_to_osc;

/// Events a second, and how many times longer than others the measurement lasts.
const RATES: [(u32, u32); 3] = [(5_000, 1), (1_000, 2), (100, 8)];

const CHANNELS: u32 = 64;
const TRAFFIC: Traffic =
    Traffic { source: Wire::Osc(CHANNELS), sink: Wire::Osc(CHANNELS), copies: 1, merges: false };

/// Sends OSC messages at several rates, in turn to a bare program and to a show with the default options.
pub(crate) fn measure(options: &BenchOptions) -> Result<ReportTable> {
    let show = TestedProgram::show(TRAFFIC, options, |ports| osc_to_osc(ports, CHANNELS, ""))?;
    let mut programs = [TestedProgram::bare(TRAFFIC)?, show];
    let mut rows = Vec::new();
    for (rate, longer) in RATES {
        let mut measured = [(); 2].map(|()| (Vec::new(), Vec::new(), Vec::new(), 0));
        for _ in 0..options.rounds {
            for (program, (cpu, wakes, times, lost)) in programs.iter_mut().zip(&mut measured) {
                let pace =
                    |lane: &mut crate::load::Lane| Ok(lane.alone(f64::from(rate), options.measure * longer)?);
                let ((passed, latencies), used) = program.watch(pace)?;
                let events = passed.events.max(1) as f64;
                cpu.push(micros(&used.cpu) / events);
                wakes.push(used.sleeps as f64 / events);
                times.extend(latencies);
                *lost += passed.lost;
            }
        }
        rows.push(Row::heading(format!("{rate} a second")));
        let figures = programs.iter().zip(measured).map(|(program, (cpu, wakes, times, lost))| {
            let Quantiles { median: p50, p99, p999, .. } = Quantiles::of(times);
            Row::new(program.name, [median(cpu), median(wakes), p50, p99, p999, lost as f64])
        });
        let figures: Vec<_> = figures.collect();
        let ratio = figures[1].ratio(&figures[0], &[0, 2, 3]);
        rows.extend(figures);
        rows.push(ratio);
    }
    Ok(ReportTable {
        title: "OSC alone",
        note: "OSC messages at a steady rate, 64 addresses in turn: CPU microseconds and wake-ups of each, and microseconds until \
               it comes out.",
        columns: &["CPU", "wakes", "p50", "p99", "p99.9", "lost"],
        rows,
    })
}
