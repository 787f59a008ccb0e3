//! The recipes of `docs/cookbook.md`, and the example of `docs/from-midimonster.md`, compile and do what they say.
//!
//! A recipe is a block ` ```config ` and the blocks ` ```run ` after it, each a run of its own in virtual time, written as in
//! the manuals of the transforms: `+0.000s tablet./a = 0.5` puts a value on a channel, `+2.000s end` lets time pass,
//! `+0.000s > desk.page1.fader1 = 0.5` is a value that reaches a channel, and `...` stands for the middle of a glide.
//! `ACCEPT=1` rewrites the results.

#![expect(clippy::disallowed_methods, reason = "the test reads and writes the Markdown in the repository")]

#[path = "common/markdown.rs"]
mod markdown;
#[path = "common/show.rs"]
mod show;

use std::fmt::Write as _;
use std::path::Path;

use crosspatch_core::{Change, Direction, Duration, Instant, Value};
use crosspatch_sim::World;
use markdown::blocks;
use show::plan;

/// Values that change at the same time are written in one group.
const MOMENT: Duration = Duration::from_millis(1);

#[test]
fn every_recipe_does_what_it_says() {
    assert!(check("cookbook.md") >= 30);
}

#[test]
fn the_example_for_those_who_come_from_midimonster_does_what_it_says() {
    assert_eq!(check("from-midimonster.md"), 1);
}

/// Compares the runs of a document with what happens, and returns how many there are.
fn check(name: &str) -> usize {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    let text = std::fs::read_to_string(&file).expect("a document");
    let (mut config, mut runs, mut found, mut wrong) = ("", 0, text.clone(), String::new());
    for block in blocks(&text) {
        match block.info {
            "config" => config = block.text,
            "run" => match run(config, block.text) {
                Ok(happened) => {
                    runs += 1;
                    let fenced = |text: &str| format!("{config}```\n\n```run\n{text}```");
                    found = found.replacen(&fenced(block.text), &fenced(&happened), 1);
                }
                Err(error) => wrong += &format!("{error}\n\nin\n{config}"),
            },
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    if found != text {
        let difference = difference(&text, &found);
        assert!(std::env::var_os("ACCEPT").is_some(), "`ACCEPT=1` accepts what happens:\n{difference}");
        std::fs::write(&file, found).expect("a writable document");
    }
    runs
}

#[test]
fn the_list_leads_to_every_recipe() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cookbook.md"));
    let text = text.expect("the cookbook");
    for title in text.lines().filter_map(|line| line.strip_prefix("## ")) {
        let anchor: String = title
            .to_lowercase()
            .chars()
            .filter_map(|c| match c {
                ' ' => Some('-'),
                c => (c.is_alphanumeric() || c == '-').then_some(c),
            })
            .collect();
        assert!(text.contains(&format!("](#{anchor})")), "nothing leads to `{title}`");
    }
}

/// Plays a run, and returns it with what has reached channels.
fn run(config: &str, script: &str) -> Result<String, String> {
    let mut world = World::new(plan(config, None)?);
    world.engine_mut().note_changes(true);
    let mut out = String::new();
    let inputs = script.lines().filter(|line| !line.contains(" > ") && *line != "...");
    for line in inputs {
        let (time, what) = line.split_once(' ').ok_or(format!("no time in `{line}`"))?;
        let seconds = time.strip_prefix('+').and_then(|time| time.strip_suffix('s')?.parse::<f64>().ok());
        let time =
            Instant::from_micros((seconds.ok_or(format!("no time in `{line}`"))? * 1e6).round() as u64);
        advance(&mut world, time, &mut out);
        let _ = writeln!(out, "{line}");
        if let Some((channel, value)) = what.split_once(" = ") {
            world.put(channel, value_of(value).ok_or(format!("no value in `{line}`"))?);
        } else if what != "end" {
            return Err(format!("expected `channel = value` or `end`, found `{what}`"));
        }
        note(&mut world, &mut out);
    }
    // What a value causes may come later.
    let end = world.now() + Duration::from_secs(2);
    advance(&mut world, end, &mut out);
    Ok(shortened(&out))
}

/// The same lines, of a glide the first two and the last.
fn shortened(lines: &str) -> String {
    let target =
        |line: &str| line.split_once(" > ").and_then(|(_, what)| Some(what.split_once(" = ")?.0.to_owned()));
    let lines: Vec<_> = lines.lines().collect();
    let mut out = String::new();
    for group in lines.chunk_by(|one, other| target(one).is_some() && target(one) == target(other)) {
        let shown = match group {
            [first, second, .., last] if group.len() > 4 => vec![*first, *second, "...", *last],
            all => all.to_vec(),
        };
        shown.iter().for_each(|line| out += &format!("{line}\n"));
    }
    out
}

/// Lets time pass, and writes down what reaches channels.
fn advance(world: &mut World, end: Instant, out: &mut String) {
    note(world, out);
    while let Some(due) = world.engine().next_timeout().filter(|due| *due <= end) {
        world.advance_to(due.max(world.now() + MOMENT).min(end));
        note(world, out);
    }
    world.advance_to(end);
}

fn note(world: &mut World, out: &mut String) {
    let (now, mut changes) = (world.now(), Vec::new());
    world.engine_mut().drain_changes(usize::MAX, |change| changes.push(change));
    let plan = world.engine().plan();
    for Change { instance, slot, value, .. } in
        changes.iter().filter(|change| change.direction == Direction::Output)
    {
        let planned = &plan.instances()[instance.index()];
        if !planned.backend.loops_back {
            let _ = writeln!(out, "{now} > {}.{} = {value}", planned.name, planned.channels.address(*slot));
        }
    }
}

fn value_of(text: &str) -> Option<Value> {
    match text.strip_prefix('"') {
        Some(rest) => Some(Value::text(rest.strip_suffix('"')?)),
        None => text.parse().ok().map(Value::number),
    }
}

/// The lines around the first that differs.
fn difference(written: &str, happened: &str) -> String {
    let same = written.lines().zip(happened.lines()).take_while(|(one, other)| one == other).count();
    let part = |text: &str, mark: char| {
        text.lines()
            .skip(same.saturating_sub(2))
            .take(8)
            .map(|line| format!("{mark} {line}\n"))
            .collect::<String>()
    };
    format!("{}{}", part(written, '-'), part(happened, '+'))
}
