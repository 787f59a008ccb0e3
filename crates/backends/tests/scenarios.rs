//! Plays the scenario of every backend in virtual time and compares the transcript.
//!
//! A scenario is a Markdown file in the backend's `scenarios` folder: prose, a `config` block (more of them for reloads),
//! and a `transcript` block, whose lines `crosspatch_sim` documents. The input lines are played, and everything that
//! happens has to be what is written. An info string `transcript hiding TEXT` leaves out lines that contain TEXT.
//! Each scenario is a test of its own, named `backend/file.md`: `cargo test --test scenarios osc/echo` plays one of them.
//! With `ACCEPT=1` in the environment the transcripts are rewritten with what happens; read the difference before you
//! commit it.

#![expect(clippy::disallowed_methods, reason = "these tests read the Markdown in the repository")]

#[path = "common/folders.rs"]
mod folders;
#[path = "common/markdown.rs"]
mod markdown;
#[path = "common/show.rs"]
mod show;

use std::path::Path;

use crosspatch_sim::{Script, ScriptStep, World};
use folders::backend_folders;
use libtest_mimic::{Arguments, Failed, Trial};
use markdown::blocks;
use show::plan;

fn main() {
    let arguments = Arguments::from_args();
    let accepts = std::env::var_os("ACCEPT").is_some();
    let mut trials = Vec::new();
    for (backend, folder) in backend_folders() {
        let Ok(entries) = std::fs::read_dir(folder.join("scenarios")) else { continue };
        for entry in entries {
            let file = entry.expect("a folder entry").path();
            let name = format!("{backend}/{}", file.file_name().unwrap_or_default().to_string_lossy());
            trials.push(Trial::test(name, move || check(&file, accepts).map_err(Failed::from)));
        }
    }
    trials.sort_by(|one, other| one.name().cmp(other.name()));
    assert!(!trials.is_empty(), "there is no scenario");
    libtest_mimic::run(&arguments, trials).exit();
}

/// Plays a scenario, and writes what has happened into the file if it is to be accepted.
fn check(file: &Path, accepts: bool) -> Result<(), String> {
    let Outcome { written, happened, rewritten } = run(file)?;
    if happened == written {
        return Ok(());
    }
    if accepts {
        return std::fs::write(file, rewritten).map_err(|error| error.to_string());
    }
    Err(difference(&written, &happened))
}

struct Outcome {
    written: String,
    happened: String,
    rewritten: String,
}

fn run(file: &Path) -> Result<Outcome, String> {
    let markdown = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    let blocks = blocks(&markdown);
    let mut configs = blocks.iter().filter(|block| block.info == "config").map(|block| block.text);
    let transcript = blocks
        .iter()
        .find(|block| block.info.starts_with("transcript"))
        .ok_or("there is no `transcript` block")?;
    let hidden = transcript.info.strip_prefix("transcript hiding ");
    let script = Script::parse(transcript.text).map_err(|error| error.to_string())?;

    let mut world = World::new(plan(configs.next().ok_or("there is no `config` block")?, None)?);
    for (time, step) in &script.steps {
        world.advance_to(*time);
        world.play(step);
        if *step == ScriptStep::Reload {
            let next = configs.next().ok_or("there is no `config` block left for `reload`")?;
            let next = plan(next, Some(world.engine().plan()))?;
            world.install(next);
        }
    }
    let is_shown = |line: &&str| hidden.is_none_or(|hidden| !line.contains(hidden));
    let happened: String =
        world.transcript().lines().filter(is_shown).flat_map(|line| [line, "\n"]).collect();
    let block = |text: &str| format!("```{}\n{text}```", transcript.info);
    let rewritten = markdown.replacen(&block(transcript.text), &block(&happened), 1);
    Ok(Outcome { written: transcript.text.to_owned(), happened, rewritten })
}

/// The lines around the first that differs.
fn difference(written: &str, happened: &str) -> String {
    let (written, happened): (Vec<_>, Vec<_>) = (written.lines().collect(), happened.lines().collect());
    let same = written.iter().zip(&happened).take_while(|(a, b)| a == b).count();
    let part = |lines: &[&str], mark: &str| {
        lines.iter().skip(same).take(5).map(|line| format!("  {mark} {line}\n")).collect::<String>()
    };
    let before: String =
        written[..same].iter().rev().take(2).rev().map(|line| format!("    {line}\n")).collect();
    format!("{before}{}{}", part(&written, "-"), part(&happened, "+"))
}
