//! Answers of consoles that are compared with the last one: what differs is what reading everything finds, and what is read
//! is what a JSON library reads.

#![expect(clippy::disallowed_methods, reason = "these tests read the captures in the repository")]

#[path = "common/show.rs"]
mod show;

use std::path::Path;

use crosspatch_backends::maweb::wire::{Answer, Executor, LastAnswer, Playbacks, Response, Wanted};
use crosspatch_core::{Duration, Peer, Port};
use crosspatch_sim::World;
use serde_json::Value;

/// All captured answers with executors.
fn captures() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.to_string_lossy().contains("playbacks-") && is_answer(path))
        .collect();
    paths.sort();
    assert!(paths.len() >= 5, "{paths:?}");
    paths.iter().map(|path| std::fs::read_to_string(path).expect("text")).collect()
}

fn is_answer(path: &Path) -> bool {
    path.to_string_lossy().ends_with(".response.json")
}

/// Numbers that are the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end
    }
}

const SOME: [Wanted; 4] = [
    Wanted::ALL,
    Wanted { names: false, cues: false, frames: false, blocks: true, rest: false },
    Wanted { names: true, cues: true, frames: true, blocks: false, rest: false },
    Wanted { names: false, cues: false, frames: false, blocks: false, rest: false },
];

fn playbacks<'a>(answer: &'a Answer<'a>) -> Option<&'a Playbacks<'a>> {
    match &answer.response {
        Some(Response::Playbacks(playbacks)) => Some(playbacks),
        _ => None,
    }
}

fn executors<'a>(answer: &'a Answer<'a>) -> Vec<&'a Executor<'a>> {
    let groups = playbacks(answer).into_iter().flat_map(|playbacks| &playbacks.groups);
    groups.flat_map(|group| group.executors()).collect()
}

/// Everything but the executors.
fn frame(answer: &Answer<'_>) -> String {
    let mut answer = answer.clone();
    if let Some(Response::Playbacks(playbacks)) = &mut answer.response {
        for group in &mut playbacks.groups {
            group.rows.iter_mut().for_each(|row| row.iter_mut().for_each(|one| *one = Executor::default()));
        }
    }
    format!("{answer:?}")
}

/// Compares an answer with the last one and checks the result. Returns whether it could be compared.
fn check(last: &mut LastAnswer, before: &str, now: &str, wanted: Wanted, awaited: Option<u32>) -> bool {
    let is_awaited = |index, _width| Some(index) == awaited;
    let Some(changes) = last.changes(now.as_bytes(), wanted, is_awaited) else { return false };
    let read = |text| Answer::decode_wanted(text, wanted);
    let before = read(before.as_bytes()).expect("it was read before");
    let now = read(now.as_bytes()).expect("what can be compared can be read");
    assert_eq!(frame(&before), frame(&now));
    let (before, now) = (executors(&before), executors(&now));
    assert_eq!(before.len(), now.len());
    let mut changes = changes.iter().peekable();
    for (before, now) in before.iter().zip(&now) {
        let is_listed = changes.next_if(|change| change == now).is_some();
        assert!(is_listed || before == now, "{before:?} has become {now:?}, and this was not noticed");
        assert!(is_listed || Some(now.index) != awaited, "{now:?} is awaited");
    }
    assert_eq!(changes.next(), None, "all changes are those of the answer, in its order");
    true
}

/// Whether a message can be read as an answer with executors.
fn is_read(text: &str, wanted: Wanted) -> bool {
    Answer::decode_wanted(text.as_bytes(), wanted).is_ok_and(|answer| playbacks(&answer).is_some())
}

/// A few bytes are replaced, removed, inserted or copied.
fn broken(text: &str, random: &mut Random) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len() + 1);
        match random.below(4) {
            0 if at < bytes.len() => bytes[at] = b"09azTF{}[]\",:\\ -"[random.below(16)],
            1 => drop(bytes.drain(at..(at + random.below(9)).min(bytes.len()))),
            2 => bytes.insert(at, b"{}[]\",:\\0-9eN\n"[random.below(14)]),
            _ => {
                let copy = bytes[at..(at + random.below(300)).min(bytes.len())].to_vec();
                let to = random.below(bytes.len() + 1);
                bytes.splice(to..to, copy);
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The values of a message, without lists and objects.
fn scalars(value: &mut Value) -> Vec<&mut Value> {
    match value {
        Value::Array(items) => items.iter_mut().flat_map(scalars).collect(),
        Value::Object(entries) => entries.iter_mut().flat_map(|(_, value)| scalars(value)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => vec![value],
    }
}

/// Some values are replaced by others of their kind.
fn edited(message: &Value, random: &mut Random) -> Value {
    let mut message = message.clone();
    let mut scalars = scalars(&mut message);
    for _ in 0..random.below(4) {
        let at = random.below(scalars.len());
        let value = &mut *scalars[at];
        *value = match &*value {
            Value::Number(_) if random.below(2) == 0 => Value::from(random.below(1000)),
            Value::Number(_) => Value::from(random.below(1001) as f64 / 1000.0),
            Value::String(text) if text.starts_with('#') => {
                format!("#{:06X}", random.below(0x0100_0000)).into()
            }
            Value::String(_) => {
                ["", "x", "a \"b\" \\ c", "\u{e4}\u{1f600}\n", "}]{["][random.below(5)].into()
            }
            Value::Bool(on) => Value::from(!on),
            Value::Null | Value::Array(_) | Value::Object(_) => continue,
        };
    }
    message
}

#[test]
fn what_differs_is_what_reading_everything_finds_whatever_has_been_edited() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut compared = 0;
    for capture in captures() {
        let message: Value = serde_json::from_str(&capture).expect("JSON");
        for wanted in SOME {
            let mut last = LastAnswer::default();
            let mut before = message.to_string();
            last.keep(before.as_bytes(), wanted);
            for _ in 0..30 {
                let source = if random.below(8) == 0 {
                    &message
                } else {
                    &serde_json::from_str(&before).expect("JSON")
                };
                let now = edited(source, &mut random).to_string();
                let awaited = (random.below(3) == 0).then(|| random.below(20) as u32);
                if check(&mut last, &before, &now, wanted, awaited) {
                    compared += 1;
                    before = now;
                } else {
                    before = if is_read(&now, wanted) { now } else { message.to_string() };
                    last.keep(before.as_bytes(), wanted);
                }
            }
        }
    }
    assert!(compared > 250, "only {compared} could be compared");
}

#[test]
fn what_differs_is_what_reading_everything_finds_whatever_is_broken() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut compared = 0;
    for capture in captures() {
        for wanted in SOME {
            let mut last = LastAnswer::default();
            let mut before = capture.clone();
            last.keep(before.as_bytes(), wanted);
            for _ in 0..120 {
                let source = if random.below(3) == 0 { &before } else { &capture };
                let now = broken(source, &mut random);
                if check(&mut last, &before, &now, wanted, None) {
                    compared += 1;
                    before = now;
                } else {
                    before = if is_read(&now, wanted) { now } else { capture.clone() };
                    last.keep(before.as_bytes(), wanted);
                }
            }
        }
    }
    assert!(compared > 200, "only {compared} could be compared");
}

#[test]
fn an_answer_with_another_page_or_number_of_executors_or_with_errors_is_read_as_a_whole() {
    let message: Value = serde_json::from_str(&captures()[2]).expect("JSON");
    let capture = message.to_string();
    let changed = |from: &str, to: &str| {
        assert!(capture.contains(from), "{from}");
        let mut last = LastAnswer::default();
        last.keep(capture.as_bytes(), Wanted::ALL);
        assert_eq!(last.changes(capture.as_bytes(), Wanted::ALL, |_, _| false), Some(Vec::new()));
        last.changes(capture.replacen(from, to, 1).as_bytes(), Wanted::ALL, |_, _| false)
            .map(|changes| changes.len())
    };
    assert_eq!(changed("\"isRun\":0", "\"isRun\":1"), Some(1));
    assert_eq!(changed("\"isRun\":0", "\"isRun\":True"), None);
    assert_eq!(changed("\"iPage\":1", "\"iPage\":2"), None);
    assert_eq!(changed("\"iExec\":101", "\"iExec\":105"), None);
    assert_eq!(changed("\"worldIndex\":0", "\"worldIndex\":0,\"text\":\"Store \""), None);
    assert_eq!(changed("\"combinedItems\":1", "\"combinedItems\":2"), None);
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

/// What is read is what a JSON library reads: its values, for the parts that mappings use.
#[test]
fn every_value_that_is_read_is_that_of_a_json_library() {
    let mut random = Random(0x1234_5678_9abc_def1);
    for capture in captures() {
        let message: Value = serde_json::from_str(&capture).expect("JSON");
        for _ in 0..30 {
            let edited = edited(&message, &mut random);
            let bytes = edited.to_string();
            let answer = Answer::decode(bytes.as_bytes()).expect("JSON is read");
            let groups = edited["itemGroups"].as_array();
            let lists: Vec<_> = match groups {
                Some(groups) => groups.iter().map(|group| &group["items"]).collect(),
                None => vec![&edited["items"]],
            };
            let items = lists.into_iter().filter_map(Value::as_array).flatten();
            let expected: Vec<_> = items.filter_map(Value::as_array).flatten().collect();
            let found = executors(&answer);
            if playbacks(&answer).is_none() {
                continue;
            }
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.into_iter().zip(expected) {
                assert_eq!(
                    Some(u64::from(found.index)),
                    expected["iExec"].as_f64().map(|index| index as u64)
                );
                assert_eq!(found.name.text, text(&expected["tt"]["t"]));
                assert_eq!(found.object_type.text, text(&expected["oType"]["t"]));
                let frame = found.frame.map(|frame| frame.to_string());
                assert_eq!(frame.as_deref(), expected["bdC"].as_str());
                let rows = expected["cues"]["items"].as_array().map_or(&[][..], Vec::as_slice);
                assert_eq!(found.cues.items.len(), rows.len());
                for (found, expected) in found.cues.items.iter().zip(rows) {
                    assert_eq!(found.text.as_deref(), expected["t"].as_str());
                }
                if let Some(is_run) = expected["isRun"].as_f64() {
                    assert_eq!(found.is_running, is_run != 0.0);
                }
                let blocks = expected["executorBlocks"].as_array().map_or(&[][..], Vec::as_slice);
                assert_eq!(found.blocks.len(), blocks.len());
                for (found, expected) in found.blocks.iter().zip(blocks) {
                    let number = |key: &str| expected["fader"][key].as_f64().unwrap_or(0.0);
                    let fader = &found.fader;
                    assert_eq!(
                        (fader.value, fader.min, fader.max),
                        (number("v"), number("min"), number("max"))
                    );
                    assert_eq!(fader.text.as_deref(), expected["fader"]["vT"].as_str());
                    let left = found.buttons[1].left_led.map(|lamp| lamp.to_string());
                    assert_eq!(left.as_deref(), expected["button2"]["leftLED"]["bC"].as_str());
                }
            }
        }
    }
}

/// Every part of the ten executors of a capture, in both directions where there are two.
const CONFIG: &str = "[maweb ma]\nhost = 10.0.0.1\n[loopback desk]\n[map]\n\
    desk.fader{16..25} <> ma.page1.fader{16..25}\nma.page1.run{16..25} > desk.run{16..25}\n\
    desk.flash{16..25} <> ma.page1.flash{16..25}\nma.page1.upper{16..25} > desk.upper{16..25}\n\
    ma.page1.name{16..25} > desk.name{16..25}\nma.page1.cue{16..25} > desk.cue{16..25}\n\
    ma.page1.color{16..25} > desk.color{16..25}\nma.page1.level{16..25} > desk.level{16..25}\n";

/// A show that is logged in to a console that the test plays.
struct Console(World);

impl Console {
    fn new() -> Self {
        let plan = show::plan(CONFIG, None).unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
        let mut console = Self(World::new(plan));
        console.0.opened("ma", Port(0), Peer::Only);
        for message in [
            r#"{"status":"server ready","appType":"gma2"}"#,
            r#"{"realtime":false,"session":1,"forceLogin":true,"worldIndex":0}"#,
            r#"{"realtime":false,"responseType":"login","result":true,"worldIndex":0}"#,
        ] {
            console.answer(message);
        }
        console
    }

    fn answer(&mut self, text: &str) {
        self.0.receive("ma", Port(0), Peer::Only, text.as_bytes());
    }

    /// Everything but what the console has sent.
    fn events(&mut self) -> String {
        let transcript = self.0.take_transcript();
        transcript.lines().filter(|line| !line.contains("ma.0 <-")).map(|line| format!("{line}\n")).collect()
    }
}

/// Two shows receive the same answers, one of them with a number in each that is never the same, so that all are read as a
/// whole. Meanwhile, faders and keys are moved, and some answers are late or come unasked.
#[test]
fn a_show_does_the_same_whether_answers_are_compared_or_read() {
    let mut random = Random(0x0ddb_a110_ddba_1177);
    let capture = &captures()[4];
    let message: Value = serde_json::from_str(capture).expect("JSON");
    let (mut compared, mut read) = (Console::new(), Console::new());
    let (mut now, mut is_asked, mut emitted) = (message.clone(), true, 0);
    for step in 0..1500 {
        let console = [&mut compared, &mut read];
        match random.below(8) {
            0 => {
                let (channel, level) =
                    (format!("desk.fader{}", 16 + random.below(10)), random.below(5) as f64 / 4.0);
                console.into_iter().for_each(|console| console.0.put(&channel, level));
            }
            1 => {
                let (channel, pressed) =
                    (format!("desk.flash{}", 16 + random.below(10)), random.below(2) as f64);
                console.into_iter().for_each(|console| console.0.put(&channel, pressed));
            }
            2 | 3 => {
                let time = Duration::from_millis(random.below(400) as u64);
                console.into_iter().for_each(|console| console.0.advance(time));
            }
            _ if is_asked || random.below(20) == 0 => {
                if random.below(3) == 0 {
                    now = edited(if random.below(10) == 0 { &message } else { &now }, &mut random);
                    now["responseType"] = "playbacks".into();
                    now["iPage"] = 1.into();
                }
                let text = now.to_string();
                compared.answer(&text);
                read.answer(&text.replacen('{', &format!("{{\"step\":{step},"), 1));
                is_asked = false;
            }
            _ => {
                console.into_iter().for_each(|console| console.0.advance(Duration::from_millis(40)));
            }
        }
        let (one, other) = (compared.events(), read.events());
        assert_eq!(one, other, "in step {step}");
        is_asked |= one.contains("\"requestType\":\"playbacks\"");
        emitted += one.matches(" ma.page1.").count();
    }
    assert!(emitted > 150, "only {emitted} values were emitted");
}
