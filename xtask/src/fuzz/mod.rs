//! Fuzzing for hours: all targets in turn, each for the same time, then minimised and counted in `fuzz/COVERAGE.md`.
//!
//! `cargo fuzz` builds and runs the targets. There are two corpora. `fuzz/grown` is the larger one, which git ignores:
//! an input for every *feature*, which is an edge and roughly how often an input takes it. `fuzz/corpus` is committed,
//! and tests replay it, so it is small: the inputs that have a name, and one for every *edge* that those miss.

mod coverage;
mod output;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use coverage::{Coverage, CoverageRow};
use output::RunOutput;

const RECORD: &str = "fuzz/COVERAGE.md";

/// A target that crashes more often than this is left: what is found next is most likely the same once more.
const MOST_CRASHES: usize = 5;

/// An input that takes longer than this is a fault, in seconds.
const TIMEOUT: u32 = 20;

/// The longest input of the committed corpus, in bytes.
const MOST_COMMITTED: u64 = 4096;

/// A target and its folders.
struct FuzzTarget<'a> {
    root: &'a Path,
    name: &'a str,
}

/// Fuzzes for `hours` hours in total: the named targets, or all of them.
///
/// # Errors
///
/// If a target crashes, hangs or does not run at all. The remaining targets still run.
pub(crate) fn run(root: &Path, hours: &str, only: &[&str]) -> Result<()> {
    let hours: f64 = hours.parse().with_context(|| format!("expected a number of hours, found `{hours}`"))?;
    ensure!((0.0..10_000.0).contains(&hours), "{hours} hours cannot be had");
    let listed = listed(root)?;
    for name in only {
        ensure!(listed.iter().any(|listed| listed == name), "there is no fuzz target `{name}`");
    }
    let names: Vec<_> =
        listed.iter().map(String::as_str).filter(|name| only.is_empty() || only.contains(name)).collect();
    // The build does not count as fuzzing time.
    let built = cargo_fuzz(root, "build").status().context("cannot start cargo")?;
    ensure!(built.success(), "the fuzz targets cannot be built");
    let share = Duration::from_secs_f64(hours * 3600.0).div_f64(names.len().max(1) as f64);
    eprintln!("{} targets, {} s each", names.len(), share.as_secs());

    let path = root.join(RECORD);
    let mut coverage: Coverage = match fs::read_to_string(&path) {
        Ok(text) => text.parse().with_context(|| format!("cannot read {RECORD}"))?,
        Err(_) => Coverage::default(),
    };
    let (mut crashes, mut failed, mut inputs) = (Vec::new(), 0, 0);
    for name in names {
        let target = FuzzTarget { root, name };
        let row = match target.fuzz(share, &mut crashes) {
            Ok(row) => row,
            Err(error) => {
                eprintln!("{name}: {error:#}");
                failed += 1;
                continue;
            }
        };
        eprintln!("{row}");
        inputs += row.inputs;
        coverage.add(row);
        // After each target, so that an interrupted night counts as far as it went.
        fs::write(&path, coverage.to_string()).with_context(|| format!("cannot write {RECORD}"))?;
    }
    eprintln!("{inputs} inputs in this run, {} in sum", coverage.inputs());
    for crash in &crashes {
        eprintln!("{crash}");
    }
    ensure!(crashes.is_empty() && failed == 0, "{} crashes; {failed} targets did not run", crashes.len());
    Ok(())
}

impl FuzzTarget<'_> {
    /// Fuzzes for a time and minimises what was found; crashes are kept and described.
    fn fuzz(&self, time: Duration, crashes: &mut Vec<String>) -> Result<CoverageRow> {
        for folder in [self.grown(), self.log_folder()] {
            fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        let start = Instant::now();
        let (mut last, mut inputs, mut found) = (RunOutput::default(), 0, 0);
        while let Some(left) =
            time.checked_sub(start.elapsed()).filter(|left| last.cov == 0 || left.as_secs() > 0)
        {
            let output = self.run_for(left)?;
            inputs += output.inputs;
            if let Some(crash) = &output.crash {
                crashes.push(format!("{}: {} ({})", self.name, crash.reason, crash.artifact));
                found += 1;
            }
            let goes_on = output.crash.is_some() && found < MOST_CRASHES;
            last.keep_better(output);
            if !goes_on {
                break;
            }
        }
        let seconds = start.elapsed().as_secs_f64();
        self.minimise()?;
        let (files, bytes) = self.commit()?;
        Ok(CoverageRow {
            target: self.name.to_owned(),
            date: jiff::Zoned::now().date().to_string(),
            inputs,
            per_second: (inputs as f64 / seconds.max(1.0)) as u64,
            cov: last.cov,
            ft: last.ft,
            files,
            kibibytes: bytes.div_ceil(1024),
            sum: inputs,
        })
    }

    /// Runs the target once, until it crashes or the time is over.
    fn run_for(&self, time: Duration) -> Result<RunOutput> {
        let log = self.log_folder().join(format!("{}.log", self.name));
        let mut command = cargo_fuzz(self.root, "run");
        command.args([OsStr::new(self.name), self.grown().as_os_str(), self.corpus().as_os_str()]);
        command.args(["--", "-print_final_stats=1", "-rss_limit_mb=2048"]);
        command.args([format!("-max_total_time={}", time.as_secs().max(1)), format!("-timeout={TIMEOUT}")]);
        let status = run_with_log(&mut command, &log)?;
        let said = fs::read(&log).with_context(|| format!("cannot read {}", log.display()))?;
        let output = RunOutput::parse(&String::from_utf8_lossy(&said));
        if !status && output.crash.is_none() {
            bail!("it did not run, and {} says why", log.display());
        }
        Ok(output)
    }

    /// Keeps an input for every feature.
    fn minimise(&self) -> Result<()> {
        let mut command = cargo_fuzz(self.root, "cmin");
        command.args([OsStr::new(self.name), self.grown().as_os_str()]);
        self.must_run(&mut command, "cmin")
    }

    /// Renews the committed corpus, and says how many inputs and bytes it has.
    fn commit(&self) -> Result<(u64, u64)> {
        let corpus = self.corpus();
        let chosen = self.log_folder().join(format!("{}.chosen", self.name));
        let _ = fs::remove_dir_all(&chosen);
        fs::create_dir_all(&chosen).context("cannot make a folder for the chosen inputs")?;
        for input in inputs(&corpus)?.iter().filter(|input| !is_hash(input)) {
            fs::copy(corpus.join(input), chosen.join(input)).context("cannot copy an input")?;
        }
        let mut command = cargo_fuzz(self.root, "run");
        command.args([
            OsStr::new(self.name),
            chosen.as_os_str(),
            corpus.as_os_str(),
            self.grown().as_os_str(),
        ]);
        // As few inputs as cover everything. Without counters, a feature is an edge.
        command.args(["--", "-set_cover_merge=1", "-use_counters=0"]);
        self.must_run(&mut command, "merge")?;

        for input in inputs(&corpus)?.iter().filter(|input| is_hash(input)) {
            fs::remove_file(corpus.join(input)).context("cannot remove an input")?;
        }
        let (mut files, mut bytes) = (0, 0);
        for input in inputs(&chosen)? {
            let from = chosen.join(&input);
            let len = from.metadata().context("cannot read an input")?.len();
            if is_hash(&input) && len > MOST_COMMITTED {
                continue;
            }
            fs::copy(from, corpus.join(input)).context("cannot copy an input")?;
            (files, bytes) = (files + 1, bytes + len);
        }
        fs::remove_dir_all(&chosen).context("cannot remove the folder of the chosen inputs")?;
        Ok((files, bytes))
    }

    fn must_run(&self, command: &mut Command, name: &str) -> Result<()> {
        let log = self.log_folder().join(format!("{}.{name}.log", self.name));
        ensure!(run_with_log(command, &log)?, "{name} failed, and {} says why", log.display());
        Ok(())
    }

    fn corpus(&self) -> PathBuf {
        self.root.join("fuzz/corpus").join(self.name)
    }

    fn grown(&self) -> PathBuf {
        self.root.join("fuzz/grown").join(self.name)
    }

    fn log_folder(&self) -> PathBuf {
        self.root.join("fuzz/target/logs")
    }
}

/// The names of all targets.
fn listed(root: &Path) -> Result<Vec<String>> {
    let output =
        Command::new("cargo").args(["fuzz", "list"]).current_dir(root).stderr(Stdio::null()).output();
    let output = output.context("cannot start cargo")?;
    ensure!(output.status.success(), "cargo-fuzz is missing; `cargo install --locked cargo-fuzz` brings it");
    Ok(String::from_utf8(output.stdout).context("names are text")?.lines().map(str::to_owned).collect())
}

/// A command of `cargo fuzz` that needs no nightly compiler and no sanitizer.
fn cargo_fuzz(root: &Path, command: &str) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.args(["fuzz", command, "--sanitizer", "none"]).current_dir(root).env("RUSTC_BOOTSTRAP", "1");
    cargo
}

/// Runs a command, and returns whether it ended well.
fn run_with_log(command: &mut Command, log: &Path) -> Result<bool> {
    let file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let other = file.try_clone().context("cannot share a log")?;
    let status = command.stdin(Stdio::null()).stdout(file).stderr(other).status();
    Ok(status.context("cannot start cargo")?.success())
}

/// The names of the files in a folder, in order.
fn inputs(folder: &Path) -> Result<Vec<String>> {
    let reads = || format!("cannot read {}", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).with_context(reads)? {
        names.push(entry.with_context(reads)?.file_name().to_string_lossy().into_owned());
    }
    names.sort_unstable();
    Ok(names)
}

/// Whether the fuzzer has given an input its name: the SHA-1 of what is in it.
fn is_hash(name: &str) -> bool {
    name.len() == 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}
