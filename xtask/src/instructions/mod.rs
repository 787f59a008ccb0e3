//! A guard against slowness that no clock disturbs: the instructions of every hot path, counted by callgrind and compared
//! with those in `bench/instructions.txt`.
//!
//! The program `hot_paths` names its paths, and handles events of one of them. Only what happens inside of `handle_batches` is
//! counted, so neither the set-up nor the start of a process matters. What callgrind found stays in `target/callgrind`, for
//! `callgrind_annotate`.

mod record;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use record::{InstructionRecord, TOLERANCE_PERCENT, compare, machine};

const RECORD: &str = "bench/instructions.txt";

/// The function whose instructions count, those of what it calls included.
const COUNTED: &str = "*::handle_batches";

/// Counts and compares; with `accept`, writes what was counted into the record.
///
/// # Errors
///
/// If a path needs more instructions than the record says, or is missing on either side.
pub(crate) fn run(root: &Path, accept: bool) -> Result<()> {
    if output("valgrind", ["--version"]).is_err() {
        eprintln!(
            "no valgrind here: no instructions were counted, and nothing was compared (the package is called `valgrind`)"
        );
        return Ok(());
    }
    let path = root.join(RECORD);
    let record: InstructionRecord = match std::fs::read_to_string(&path) {
        Ok(text) => text.parse().with_context(|| format!("cannot read {RECORD}"))?,
        Err(_) if accept => InstructionRecord::default(),
        Err(error) => return Err(error).with_context(|| format!("cannot read {RECORD}")),
    };
    let compiler = compiler()?;
    if !accept && record.machine() != machine(&compiler) {
        eprintln!("{RECORD} is by {}, and this is {compiler}: no instructions were counted", record.compiler);
        return Ok(());
    }
    let counts = count_all(&build(root)?, &root.join("target/callgrind"))?;
    let counted = InstructionRecord { compiler, counts };
    if accept {
        std::fs::write(&path, counted.to_string()).with_context(|| format!("cannot write {RECORD}"))?;
    }
    let findings = compare(&record, &counted);
    for finding in &findings {
        eprintln!("{finding}");
    }
    if !findings.is_empty() && record.compiler != counted.compiler {
        eprintln!(
            "{RECORD} is by {}, and this is {}: perhaps it is only that",
            record.compiler, counted.compiler
        );
    }
    let wrong = findings.iter().filter(|finding| finding.is_wrong()).count();
    if wrong > 0 && !accept {
        bail!(
            "{wrong} hot paths are not as in {RECORD}; if they are meant to be so: cargo xtask instructions --accept"
        );
    }
    let count = counted.counts.len();
    eprintln!("{count} hot paths counted, compared with a tolerance of {TOLERANCE_PERCENT} %");
    Ok(())
}

/// Builds the program and says where it is.
fn build(root: &Path) -> Result<PathBuf> {
    let mut command = Command::new("cargo");
    command.args(["bench", "--package", "crosspatch-bench", "--bench", "hot_paths", "--no-run"]);
    command.arg("--message-format=json").current_dir(root).stderr(Stdio::inherit());
    let output = command.output().context("cannot start cargo")?;
    if !output.status.success() {
        bail!("the hot paths cannot be built");
    }
    let messages = output.stdout.split(|byte| *byte == b'\n');
    let messages = messages.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    let mut programs = messages.filter(|message| message["target"]["name"] == "hot_paths");
    let program = programs.find_map(|message| message["executable"].as_str().map(PathBuf::from));
    program.context("cargo has not told where the program is")
}

/// The instructions an event of every path, several paths at a time.
fn count_all(program: &Path, folder: &Path) -> Result<Vec<(String, f64)>> {
    std::fs::create_dir_all(folder)?;
    let names = output(program, ["--list"])?;
    let names: Vec<_> = names.lines().collect();
    let (waiting, counts) = (Mutex::new(names.iter().enumerate()), Mutex::new(Vec::new()));
    let next = || waiting.lock().expect("nobody panics with the names").next();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some((at, name)) = next() {
                    let count = count(program, folder, name);
                    counts.lock().expect("nobody panics with the counts").push((at, name, count));
                }
            });
        }
    });
    let mut counts = counts.into_inner().expect("nobody panics with the counts");
    counts.sort_unstable_by_key(|(at, ..)| *at);
    counts.into_iter().map(|(_, name, count)| Ok(((*name).to_owned(), count?))).collect()
}

/// The instructions an event of a path.
fn count(program: &Path, folder: &Path, name: &str) -> Result<f64> {
    let file = folder.join(format!("{}.out", name.replace('/', "-")));
    let mut command = vec!["--tool=callgrind".to_owned(), format!("--toggle-collect={COUNTED}")];
    command.push(format!("--callgrind-out-file={}", file.display()));
    command.extend([program.display().to_string(), "--count".to_owned(), name.to_owned()]);
    let events: f64 =
        output("valgrind", &command)?.trim().parse().context("the program says how many events")?;
    let found = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let total =
        found.lines().find_map(|line| line.strip_prefix("totals: ")).context("callgrind has a total")?;
    let total: f64 = total.trim().parse().context("the total is a number")?;
    if total == 0.0 {
        bail!("{name}: nothing was counted; is there a function {COUNTED} in the program?");
    }
    Ok(total / events)
}

/// The compiler and the kind of machine that it compiles for.
fn compiler() -> Result<String> {
    let told = output("rustc", ["--version", "--verbose"])?;
    let host = told.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc tells its host")?;
    Ok(format!("{} for {host}", told.lines().next().unwrap_or_default()))
}

fn output(
    program: impl AsRef<OsStr>,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> Result<String> {
    let program = program.as_ref();
    let output = Command::new(program).args(arguments).output();
    let output = output.with_context(|| format!("cannot start {}", program.display()))?;
    if !output.status.success() {
        bail!("{} failed: {}", program.display(), String::from_utf8_lossy(&output.stderr).trim());
    }
    String::from_utf8(output.stdout).context("the output is text")
}
