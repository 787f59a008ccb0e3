//! What an event costs on each of the hot paths, in CPU time and allocations: `cargo bench -p crosspatch-bench --bench
//! hot_paths`, perhaps with `-- NAME` for the paths whose name has that in it.
//!
//! `--list` names the paths, and `--count NAME` handles some batches of one of them and says how many events that were: with it
//! `cargo xtask instructions` counts under callgrind.

#![expect(clippy::print_stdout, reason = "a benchmark tells its figures")]

mod paths;

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

use paths::{Batch, Path};

/// The measurements of each path, of which the middle one counts, and how long each takes at least.
const ROUNDS: usize = 9;
const SECONDS_A_ROUND: f64 = 0.02;

/// The allocator of the system, counted.
#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--list"] => paths::all().for_each(|path| println!("{}", path.name)),
        ["--count", name] => count(name),
        wanted => measure(wanted),
    }
}

fn count(name: &str) {
    let path = paths::all().find(|path| path.name == name).expect("a path that `--list` names");
    path.handle_batches(&mut path.warmed_up(), path.some_batches());
    println!("{}", path.some_batches() * path.events);
}

fn measure(wanted: &[&str]) {
    let is_wanted = |path: &&Path| wanted.is_empty() || wanted.iter().any(|part| path.name.contains(part));
    let mut subjects: Vec<_> = paths::all().filter(is_wanted).map(Subject::new).collect();
    // Rounds of all paths alternate, so that whatever else the machine does meets all of them.
    for _ in 0..ROUNDS {
        subjects.iter_mut().for_each(Subject::measure);
    }
    println!("{:28} {:>12} {:>14}", "", "ns an event", "allocations");
    for subject in &mut subjects {
        subject.nanos.sort_by(f64::total_cmp);
        let (nanos, allocations) = (subject.nanos[ROUNDS / 2], subject.allocations);
        let expected = subject.path.allocations as f64 / subject.path.events as f64;
        let note = if allocations == expected { "" } else { "  not what the table of paths says" };
        println!("{:28} {nanos:12.1} {allocations:14.2}{note}", subject.path.name);
    }
}

/// A path and what was measured of it, for one event.
struct Subject {
    path: &'static Path,
    batch: Batch,
    /// How many batches are one measurement.
    batches: usize,
    nanos: Vec<f64>,
    allocations: f64,
}

impl Subject {
    fn new(path: &'static Path) -> Self {
        let mut batch = path.warmed_up();
        let mut batches = 1;
        loop {
            let start = cpu_seconds();
            path.handle_batches(&mut batch, batches);
            if cpu_seconds() - start > SECONDS_A_ROUND {
                return Self { path, batch, batches, nanos: Vec::new(), allocations: 0.0 };
            }
            batches *= 2;
        }
    }

    fn measure(&mut self) {
        let events = (self.batches * self.path.events) as f64;
        let (start, before) = (cpu_seconds(), ALLOCATOR.stats());
        self.path.handle_batches(&mut self.batch, self.batches);
        let (end, made) = (cpu_seconds(), ALLOCATOR.stats() - before);
        self.allocations = (made.allocations + made.reallocations) as f64 / events;
        self.nanos.push((end - start) * 1e9 / events);
    }
}

/// How long this thread has run, whatever else the machine did in the meantime.
#[cfg(unix)]
fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Elsewhere the time of day has to do.
#[cfg(not(unix))]
fn cpu_seconds() -> f64 {
    std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(0.0, |time| time.as_secs_f64())
}
