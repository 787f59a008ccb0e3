//! Compiles a million mappings, written as a few ranges and as a million lines, with and without
//! transforms, and prints seconds and peak memory.
//!
//! `cargo bench -p crosspatch-config`. Each shape runs in a process of its own, so that one does not pay for the other.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "it measures, each shape in a process of its own"
)]

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crosspatch_config::{CompileInput, Files, compile};
use crosspatch_core::Registry;
use crosspatch_transforms::FAMILIES;

#[path = "../tests/support/stand_in.rs"]
mod stand_in;

const MAPPINGS: usize = 1_000_000;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    match arguments.next() {
        Some(shape) => measure(&shape),
        None => {
            for shape in ["ranges", "lines", "both-ways", "twice", "chained", "chained-lines"] {
                let program = std::env::current_exe().expect("a running program has a path");
                let status = Command::new(program).arg(shape).status().expect("this program starts");
                assert!(status.success(), "{shape} failed");
            }
        }
    }
}

fn measure(shape: &str) {
    let files = OneFile(text(shape).into_bytes());
    let input = CompileInput {
        file: Path::new("show.cfg"),
        files: &files,
        overrides: &[],
        registry: Registry {
            backends: const { &[&stand_in::stand_in("plain")] },
            planned: &[],
            aliases: &[],
            families: FAMILIES,
        },
        previous: None,
        skip_missing: false,
        keeps_lines: false,
    };
    let before = peak_megabytes();
    let (start, cpu_start) = (Instant::now(), cpu_seconds());
    let compiled = compile(&input);
    let (seconds, cpu) = (start.elapsed().as_secs_f64(), cpu_seconds() - cpu_start);
    let plan = compiled.plan.as_ref().expect("the text is right");
    println!(
        "{shape:>13}: {} mappings from {:.1} MB of text in {seconds:.3} s ({cpu:.2} s of CPU), peak {} MB ({} MB before, the text included), {} warnings",
        plan.mapping_count(),
        files.0.len() as f64 / 1e6,
        peak_megabytes(),
        before,
        compiled.warnings(),
    );
}

fn text(shape: &str) -> String {
    let mut text = String::from("[plain desk]\n[plain rack]\n\n[map]\n");
    let lines = |text: &mut String| {
        for number in 0..MAPPINGS {
            text.push_str(&format!("desk.c{number} > rack.{number}\n"));
        }
    };
    match shape {
        "ranges" => {
            for part in 0..10 {
                let (from, to) = (part * MAPPINGS / 10, (part + 1) * MAPPINGS / 10 - 1);
                text.push_str(&format!("desk.c{{{from}..{to}}} > rack.{{{from}..{to}}}\n"));
            }
        }
        "lines" => lines(&mut text),
        "both-ways" => text.push_str(&format!("desk.{{1..{0}}} <> rack.{{1..{0}}}\n", MAPPINGS / 2)),
        "twice" => {
            for _ in 0..2 {
                text.push_str(&format!("desk.{{1..{0}}} > rack.{{1..{0}}}\n", MAPPINGS / 2));
            }
        }
        "chained" => text.push_str(&format!(
            "desk.{{1..{MAPPINGS}}} | when desk.shift | curve 2.2 > rack.{{1..{MAPPINGS}}}\n"
        )),
        "chained-lines" => {
            for number in 0..MAPPINGS {
                text.push_str(&format!("desk.c{number} | invert > rack.{number}\n"));
            }
        }
        other => panic!("there is no shape `{other}`"),
    }
    text
}

/// The time that this process has really had, which is what counts on a busy machine; in hundredths.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // User and system time are the 14th and 15th field; the second one, in brackets, may contain spaces.
    let behind_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    behind_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>()
        / 100.0
}

/// The most memory that this process has had at once.
fn peak_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse::<u64>().ok()).map_or(0, |kb| kb / 1024)
}

struct OneFile(Vec<u8>);

impl Files for OneFile {
    fn read(&self, _path: &Path) -> std::io::Result<Vec<u8>> {
        Ok(self.0.clone())
    }

    fn is_readable_by_all(&self, _path: &Path) -> bool {
        false
    }
}
