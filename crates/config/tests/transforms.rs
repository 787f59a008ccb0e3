//! The manuals of the transforms: every transform has its section, and every example gives the stated result.
//!
//! An example is a block ` ```map ` of mapping lines and the blocks ` ```run ` after it, each a separate run in virtual
//! time. Input lines of a run: `+0.000s knob.x = 0.5` sets a value on a channel, `+2.000s end` advances the time.
//! Output lines are compared: `+0.000s > lamp.y = 0.25` is a value that reaches a target, `+0.000s notice: ...` a
//! notice for the operator. The instances are those that the lines name; any address is a channel, and none does
//! anything by itself. `ACCEPT=1` rewrites the results.

#![expect(clippy::disallowed_methods, reason = "the manuals are files, and `ACCEPT` is for people")]

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use crosspatch_config::compile_text;
use crosspatch_core::transform::Family;
use crosspatch_core::{
    AddressError, Backend, Direction, Effect, Engine, Instance, Instant, Outbox, Peer, Plan, Port, Registry,
    Session, Slot, Status, Value,
};
use crosspatch_transforms::FAMILIES;

#[path = "support/markdown.rs"]
mod markdown;

use markdown::{Piece, first_difference, pieces};

const REGISTRY: Registry = Registry { backends: &[&ANY], planned: &[], aliases: &[], families: FAMILIES };

#[test]
fn every_example_of_a_manual_has_the_expected_result() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../transforms/src");
    let accept = std::env::var_os("ACCEPT").is_some();
    let mut wrong = String::new();
    for family in FAMILIES {
        let path = folder.join(family.name).join("README.md");
        let text = std::fs::read_to_string(&path).expect("a readable manual");
        let found = with_results(&text, &mut wrong);
        if found == text {
            continue;
        }
        if accept {
            std::fs::write(&path, &found).expect("a writable manual");
        } else {
            let _ = writeln!(wrong, "{}:\n{}", path.display(), first_difference(&text, &found));
        }
    }
    assert!(wrong.is_empty(), "{wrong}`ACCEPT=1` accepts differences");
}

#[test]
fn every_transform_has_a_section_with_usage_and_example() {
    let mut wrong = String::new();
    for family in FAMILIES {
        let documented: Vec<_> = sections(family).map(|(name, _)| name).collect();
        let existing: Vec<_> = family.transforms.iter().map(|transform| transform.name).collect();
        if documented != existing {
            let _ = writeln!(wrong, "{}: there are {existing:?}, the manual has {documented:?}", family.name);
        }
        for (transform, (name, section)) in family.transforms.iter().zip(sections(family)) {
            let written = format!("\n\nWritten `{}`. ", transform.usage);
            if !section.starts_with(&written) {
                let _ = writeln!(wrong, "{name}: its section does not begin with {written:?}");
            }
            let is_used = pieces(section).windows(2).any(|blocks| {
                let (Piece::Block("map", map), Piece::Block("run", _) | Piece::Prose("")) =
                    (&blocks[0], &blocks[1])
                else {
                    return false;
                };
                map.split(" | ").skip(1).any(|stage| stage.split_whitespace().next() == Some(name))
            });
            if !is_used || !section.contains("```run\n") {
                let _ = writeln!(wrong, "{name}: its section has no example with `| {name}`");
            }
            if !transform.usage.starts_with(name) || transform.summary.ends_with('.') {
                let _ = writeln!(wrong, "{name}: usage begins with the name, a summary has no full stop");
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn the_guide_lists_every_transform() {
    const HEAD: &str = "| transform | what it does |\n| --- | --- |\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let text = std::fs::read_to_string(&path).expect("a readable guide");
    let (before, rest) = text.split_once(HEAD).expect("the guide has a table of transforms");
    let after = rest.split_once("\n\n").map_or(rest, |(_, after)| after).trim_start();
    let mut rows = String::new();
    for family in FAMILIES {
        for transform in family.transforms {
            let (name, summary) = (transform.name, transform.summary.replace('|', "\\|"));
            let manual = format!("../crates/transforms/src/{}/README.md#{name}", family.name);
            let _ = writeln!(rows, "| [`{name}`]({manual}) | {summary} |");
        }
    }
    let found = format!("{before}{HEAD}{rows}\n{after}");
    if found == text {
        return;
    }
    assert!(std::env::var_os("ACCEPT").is_some(), "{}", first_difference(&text, &found));
    std::fs::write(&path, &found).expect("a writable guide");
}

#[test]
fn a_repeated_mapping_works_once_and_leaves_the_following_ones_alone() {
    let map = "a.x | toggle > b.x\na.x | toggle > b.x\na.y > b.y\na.z | invert > b.z\n";
    let compiled = compile_text(&format!("[any a]\n[any b]\n[map]\n{map}"), REGISTRY);
    assert_eq!((compiled.errors(), compiled.warnings()), (0, 1));
    let script = "+0.000s a.x = 1\n+1.000s a.y = 0.5\n+2.000s a.z = 0.25\n";
    let expected = "+0.000s a.x = 1\n+0.000s > b.x = 1\n+1.000s a.y = 0.5\n+1.000s > b.y = 0.5\n\
                +2.000s a.z = 0.25\n+2.000s > b.z = 0.75\n";
    assert_eq!(run(compiled.plan.expect("a plan"), script).as_deref(), Ok(expected));
}

/// The sections of a manual: the name of a transform and its text.
fn sections(family: &Family) -> impl Iterator<Item = (&'static str, &'static str)> {
    let sections = family.manual.split("\n## ").skip(1);
    sections.map(|section| section.split_at(section.find('\n').unwrap_or(section.len())))
}

/// The same manual with the actual results of its examples. An example that cannot run is added to `wrong` and stays.
fn with_results(text: &str, wrong: &mut String) -> String {
    let (mut out, mut heading, mut map) = (String::new(), "", String::new());
    for piece in pieces(text) {
        match piece {
            Piece::Prose(line) => {
                heading = line.strip_prefix("## ").unwrap_or(heading);
                let _ = writeln!(out, "{line}");
            }
            Piece::Block(info, body) => {
                let result = match info {
                    "map" => {
                        map.clone_from(&body);
                        compiled(&map).map(|_| body.clone())
                    }
                    "run" => compiled(&map).and_then(|plan| run(plan, &body)),
                    _ => Ok(body.clone()),
                };
                let body = result.unwrap_or_else(|error| {
                    let _ = writeln!(wrong, "{heading}: {error}");
                    body
                });
                let _ = writeln!(out, "```{info}\n{body}```");
            }
        }
    }
    out
}

/// The plan of some mapping lines, with an instance for each name in them.
fn compiled(map: &str) -> Result<Plan, String> {
    let alone = compile_text(&format!("[map]\n{map}"), REGISTRY);
    let missing = alone.diagnostics.iter().filter(|diagnostic| diagnostic.id == "unknown-instance");
    let names: BTreeSet<_> = missing.filter_map(|missing| missing.message.split('`').nth(1)).collect();
    let instances: String = names.iter().map(|name| format!("[any {name}]\n")).collect();
    let compiled = compile_text(&format!("{instances}[map]\n{map}"), REGISTRY);
    let shown = compiled.render(false);
    compiled.plan.filter(|_| shown.is_empty()).ok_or(shown)
}

/// Plays a run and returns it with its results.
fn run(plan: Plan, script: &str) -> Result<String, String> {
    let mut stage =
        Stage { engine: Engine::new(), out: Outbox::new(), now: Instant::START, lines: String::new() };
    stage.engine.install(Instant::START, Arc::new(plan), &mut stage.out);
    let mut end = Instant::START;
    for line in script.lines() {
        let (time, what) =
            line.split_once(' ').ok_or(format!("expected a time and an event, found `{line}`"))?;
        let time = read_time(time).ok_or(format!("expected a time such as `+1.250s`, found `{time}`"))?;
        end = end.max(time);
        if what.starts_with("> ") || what.starts_with("notice: ") {
            continue;
        }
        if time < stage.now {
            return Err(format!("expected a time not before {}, found {time}", stage.now));
        }
        stage.advance(time)?;
        let _ = writeln!(stage.lines, "{line}");
        if what != "end" {
            let put = what.split_once(" = ").and_then(|(channel, value)| Some((channel, read_value(value)?)));
            let (channel, value) =
                put.ok_or(format!("expected `channel = value` or `end`, found `{what}`"))?;
            stage.put(channel, value)?;
        }
    }
    // A result at the end may come later than the last event.
    stage.advance(end)?;
    Ok(stage.lines)
}

/// A running show and a record of its output.
struct Stage {
    engine: Engine,
    out: Outbox,
    now: Instant,
    lines: String,
}

impl Stage {
    fn put(&mut self, channel: &str, value: Value) -> Result<(), String> {
        let found = self.engine.plan().find_channel(channel);
        let (instance, slot) = found.ok_or(format!("no mapping of the example uses `{channel}`"))?;
        self.engine.handle_value(self.now, instance, slot, value, &mut self.out);
        self.note();
        Ok(())
    }

    /// Lets time pass up to `time`.
    fn advance(&mut self, time: Instant) -> Result<(), String> {
        const MOST_WAKES: usize = 100_000;
        self.note();
        for _ in 0..MOST_WAKES {
            let Some(due) = self.engine.next_timeout().filter(|due| *due <= time) else {
                self.now = time;
                return Ok(());
            };
            self.now = self.now.max(due);
            self.engine.handle_timeout(self.now, &mut self.out);
            self.note();
        }
        Err(format!("the example wakes up for ever at {}", self.now))
    }

    /// Records what has reached targets and operators.
    fn note(&mut self) {
        for effect in self.out.effects() {
            match effect {
                Effect::Send(session, _, _, range) => {
                    let name = self.engine.instance_of(*session).map_or("?", |planned| &*planned.name);
                    let sent = String::from_utf8_lossy(self.out.bytes(range));
                    let _ = writeln!(self.lines, "{} > {name}.{sent}", self.now);
                }
                Effect::Notice(_, notice, _) => {
                    let _ = writeln!(self.lines, "{} notice: {}", self.now, notice.text);
                }
                Effect::Open(..) | Effect::Close(..) | Effect::Retire(_) | Effect::Value(..) => {}
            }
        }
        self.out.clear();
    }
}

fn read_time(text: &str) -> Option<Instant> {
    let seconds: f64 = text.strip_prefix('+')?.strip_suffix('s')?.parse().ok()?;
    Some(Instant::from_micros((seconds * 1e6).round() as u64))
}

/// A number, or a text between quotes, as values are shown.
fn read_value(text: &str) -> Option<Value> {
    let Some(inner) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return text.parse::<f64>().ok().map(Value::number);
    };
    let mut value = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        value.push(if c == '\\' { chars.next()? } else { c });
    }
    Some(Value::text(value))
}

/// A backend whose sessions record the values that they receive.
const ANY: Backend = Backend {
    name: "any",
    summary: "",
    manual: "",
    options: &[],
    words: &[],
    loops_back: false,
    stands_alone: true,
    configure: |_| Some(Arc::new(Any::default())),
    describe: |_, _| {},
    compose: |_| None,
};

/// The addresses of the channels.
#[derive(Default)]
struct Any(Vec<String>);

impl Instance for Any {
    fn canonical<'a>(&self, address: &'a str, _direction: Direction) -> Result<Cow<'a, str>, AddressError> {
        Ok(address.into())
    }

    fn kind(&self, _address: &str, _direction: Direction) -> crosspatch_core::Kind {
        crosspatch_core::Kind::Control
    }

    fn session(&self) -> Box<dyn Session> {
        Box::new(Self::default())
    }
}

impl Session for Any {
    fn bind(&mut self, slot: Slot, address: &str, _direction: Direction) {
        self.0.resize(self.0.len().max(slot.index() + 1), String::new());
        self.0[slot.index()] = address.to_owned();
    }

    fn start(&mut self, _now: Instant, _out: &mut Outbox) {}

    fn handle_values(&mut self, _now: Instant, values: &[(Slot, Value)], out: &mut Outbox) {
        for (slot, value) in values {
            let sent = format!("{} = {value}", self.0[slot.index()]);
            out.send(Port(0), Peer::Only, |bytes| bytes.extend_from_slice(sent.as_bytes()));
        }
    }

    fn status(&self) -> Status {
        Status::default()
    }
}
