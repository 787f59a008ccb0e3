//! What a value costs from one instance to the next within a show: the difference between a long and a short chain.

use anyhow::Result;

use crate::BenchOptions;
use crate::figures::{median, micros};
use crate::load::Traffic;
use crate::program::TestedProgram;
use crate::report::{ReportTable, Row};
use crate::wire::Wire;
use crate::works::loopbacks;

/// The lengths of the chains.
const CHAINS: [u32; 2] = [1, 51];

const TRAFFIC: Traffic = Traffic { source: Wire::Osc(1), sink: Wire::Osc(1), copies: 1, merges: false };

/// Sends OSC messages through both chains in turn, as fast as they pass.
pub(crate) fn measure(options: &BenchOptions) -> Result<ReportTable> {
    let chain = |length| TestedProgram::show(TRAFFIC, options, |ports| loopbacks(ports, length));
    let [short, long] = CHAINS;
    let mut programs = [chain(short)?, chain(long)?];
    let mut cpu = [Vec::new(), Vec::new()];
    for _ in 0..options.rounds {
        for (program, cpu) in programs.iter_mut().zip(&mut cpu) {
            let (passed, used) = program.watch(|lane| Ok(lane.flood(options.measure)?))?;
            cpu.push(micros(&used.cpu) * 1e3 / passed.events.max(1) as f64);
        }
    }
    let differences =
        cpu[0].iter().zip(&cpu[1]).map(|(short, long)| (long - short) / f64::from(CHAINS[1] - CHAINS[0]));
    let hop = Row::new("a hop", [median(differences.collect())]);
    let chains = CHAINS.into_iter().zip(cpu).map(|(length, cpu)| {
        let plural = if length == 1 { "" } else { "s" };
        Row::new(format!("an OSC message through {length} loopback{plural}"), [median(cpu)])
    });
    Ok(ReportTable {
        title: "A loopback hop",
        note: "OSC messages as fast as they pass, through a short and a long chain of loopbacks: CPU nanoseconds of a message, and \
               the difference for each further loopback.",
        columns: &["CPU ns"],
        rows: chains.chain([hop]).collect(),
    })
}
