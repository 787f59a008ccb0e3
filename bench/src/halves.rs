//! Universes in one process and in two, each with half of them: what a second core brings.

use anyhow::{Result, ensure};

use crate::BenchOptions;
use crate::figures::{Quantiles, median};
use crate::forward::{FRAMES, PATIENCE, free_address};
use crate::load::{EventBurst, Lane, Traffic};
use crate::process::Process;
use crate::program::per_cent;
use crate::report::{ReportTable, Row};
use crate::wire::Wire;
use crate::works::{ShowPorts, artnet_to_sacn};

const UNIVERSES: u16 = 500;

/// A measurement at 44 Hz lasts this many times longer than others.
const LONGER: u32 = 4;

/// How many processes share the universes.
const SHARES: [u16; 2] = [1, 2];

const TRAFFIC: Traffic =
    Traffic { source: Wire::ArtDmx(UNIVERSES), sink: Wire::E131, copies: 1, merges: false };

/// Processes that share the universes, and their measurements so far.
struct Team {
    lane: Lane,
    processes: Vec<Process>,
    rates: Vec<f64>,
    cores: Vec<f64>,
    times: Vec<std::time::Duration>,
    lost: u64,
}

/// Measures one process and two in turn.
pub(crate) fn measure(options: &BenchOptions) -> Result<ReportTable> {
    let mut teams =
        SHARES.into_iter().map(|share| Team::start(share, options)).collect::<Result<Vec<_>>>()?;
    for _ in 0..options.rounds {
        for team in &mut teams {
            team.round(options)?;
        }
    }
    let rows = teams.into_iter().map(Team::row).collect();
    Ok(ReportTable {
        title: "Universes in one process and in two",
        note: "Art-Net to sACN, 500 universes, every slot changing, with `realtime = 1`, in one process or half of them in each of \
               two, which may use all processors: packets a second as fast as they pass; at 44 frames a second per cent of a core, all \
               processes together, microseconds until a frame comes out, and frames that were left out.",
        columns: &["packets/s", "core %", "p50", "p99", "left out"],
        rows,
    })
}

impl Team {
    fn start(share: u16, options: &BenchOptions) -> Result<Self> {
        let inputs = (0..share).map(|_| free_address()).collect::<Result<Vec<_>>>()?;
        // Universes go to the processes in turn.
        let mut lane = Lane::in_turn(TRAFFIC, inputs.clone())?;
        let output = lane.sink()?;
        let start = |(number, input)| {
            let ports = ShowPorts { input, output, spare: free_address()?.port() };
            let universes = (number..UNIVERSES).step_by(share.into());
            Process::show_on_all_processors(
                &options.program,
                &artnet_to_sacn(ports, universes, "realtime = 1\n"),
            )
        };
        let processes = (0..share).zip(inputs).map(start).collect::<Result<Vec<_>>>()?;
        ensure!(lane.wake(PATIENCE)?, "nothing comes through {share} processes");
        lane.flood(options.measure)?;
        Ok(Self { lane, processes, rates: Vec::new(), cores: Vec::new(), times: Vec::new(), lost: 0 })
    }

    fn round(&mut self, options: &BenchOptions) -> Result<()> {
        let passed = self.lane.flood(options.measure)?;
        self.rates.push(passed.events as f64 / passed.took.as_secs_f64());
        let burst = EventBurst {
            spread: std::time::Duration::from_secs(1).div_f64(FRAMES),
            ..EventBurst::of(UNIVERSES.into())
        };
        let before: Vec<_> = self.processes.iter().map(Process::usage).collect();
        let (passed, times) = self.lane.frames(FRAMES, burst, options.measure * LONGER)?;
        let used =
            self.processes.iter().zip(before).map(|(process, before)| process.usage().since(&before).cpu);
        self.cores.push(per_cent(used.sum(), passed.took));
        self.times.extend(times);
        self.lost += passed.lost;
        Ok(())
    }

    fn row(self) -> Row {
        let Quantiles { median: p50, p99, .. } = Quantiles::of(self.times);
        let count = self.processes.len();
        let name = format!("{count} process{}", if count == 1 { "" } else { "es" });
        Row::new(name, [median(self.rates), median(self.cores), p50, p99, self.lost as f64])
    }
}
