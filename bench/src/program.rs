//! A program that forwards events: a show or a bare program, in its own process, and the way through it.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::BenchOptions;
use crate::bare::{self, Calls};
use crate::forward::{PATIENCE, free_address};
use crate::load::{Lane, Traffic};
use crate::process::{Process, Usage};
use crate::works::ShowPorts;

/// A program that is measured in turn with others.
pub(crate) struct TestedProgram {
    pub(crate) name: &'static str,
    pub(crate) lane: Lane,
    pub(crate) process: Process,
}

impl TestedProgram {
    /// A program that only receives and sends, with single calls.
    pub(crate) fn bare(traffic: Traffic) -> Result<Self> {
        let at = free_address()?;
        let lane = Lane::new(traffic, at)?;
        let wires = (traffic.source, traffic.sink);
        let process = bare::start(Calls::Single, wires, traffic.copies, at, lane.sink()?)?;
        Self { name: "bare", lane, process }.wait()
    }

    /// A show with this configuration.
    pub(crate) fn show(
        traffic: Traffic,
        options: &BenchOptions,
        configuration: impl FnOnce(ShowPorts) -> String,
    ) -> Result<Self> {
        let input = free_address()?;
        let lane = Lane::new(traffic, input)?;
        let ports = ShowPorts { input, output: lane.sink()?, spare: free_address()?.port() };
        let process = Process::show(&options.program, &configuration(ports))?;
        Self { name: "crosspatch", lane, process }.wait()
    }

    fn wait(mut self) -> Result<Self> {
        ensure!(self.lane.wake(PATIENCE)?, "nothing comes through {}", self.name);
        Ok(self)
    }

    /// Does something with the lane. Returns the result, and what the program has used meanwhile.
    pub(crate) fn watch<R>(&mut self, act: impl FnOnce(&mut Lane) -> Result<R>) -> Result<(R, Usage)> {
        let before = self.process.usage();
        let result = act(&mut self.lane)?;
        Ok((result, self.process.usage().since(&before)))
    }
}

/// What part of a time the processor was used, in per cent.
pub(crate) fn per_cent(cpu: Duration, time: Duration) -> f64 {
    cpu.as_secs_f64() / time.as_secs_f64().max(1e-9) * 100.0
}
