//! Plays the scenario of every backend in virtual time and compares the transcript.
//!
//! A scenario is a Markdown file in the backend's `scenarios` folder: prose, a `config` block (more of them for reloads),
//! and a `transcript` block, whose lines `crosspatch_core::sim` documents. The input lines are played, and everything that
//! happens has to be what is written. An info string `transcript hiding TEXT` leaves out lines that contain TEXT.
//! With `ACCEPT=1` in the environment the transcripts are rewritten with what happens; read the difference before you
//! commit it.

#![expect(clippy::disallowed_methods, reason = "these tests read the Markdown in the repository")]

#[path = "common/markdown.rs"]
mod markdown;
#[path = "common/show.rs"]
mod show;

use std::path::Path;

use crosspatch_core::sim::{Script, Step, World};
use markdown::{backend_folders, blocks};
use show::plan;

#[test]
fn every_scenario_goes_as_it_is_written() {
    let accept = std::env::var_os("ACCEPT").is_some();
    let mut played = 0;
    let mut failures = Vec::new();
    for (backend, folder) in backend_folders() {
        let Ok(entries) = std::fs::read_dir(folder.join("scenarios")) else { continue };
        let mut files: Vec<_> = entries.map(|entry| entry.expect("a folder entry").path()).collect();
        files.sort();
        for file in files {
            played += 1;
            let name = format!("{backend}/{}", file.file_name().unwrap_or_default().to_string_lossy());
            match run(&file) {
                Ok(Outcome { happened, written, .. }) if happened == written => {}
                Ok(outcome) if accept => std::fs::write(&file, outcome.rewritten).expect("a file to write"),
                Ok(Outcome { happened, written, .. }) => {
                    failures.push(format!("{name}:\n{}", difference(&written, &happened)))
                }
                Err(problem) => failures.push(format!("{name}: {problem}")),
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {played} scenarios differ\n\n{}",
        failures.len(),
        failures.join("\n")
    );
    assert!(played > 0, "there is no scenario");
    println!("{played} scenarios played");
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
        if *step == Step::Reload {
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
