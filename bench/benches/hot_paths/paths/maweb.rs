//! A console that is polled for its executors, and faders that are moved on it.

use crosspatch_backends::maweb::wire::{Answer, Response};
use crosspatch_core::{Duration, Peer, Port, SessionId};

use super::rig::Show;
use super::{Batch, Path};

/// The connection to the console.
const CONSOLE: Port = Port(0);

const EXECUTORS: usize = 90;

/// The answer for all of them, 18 KB, as a grandMA2 answers (origin in the folder's README).
const ANSWER: &str = include_str!(
    "../../../../crates/backends/tests/captures/gma2-playbacks-start0-as-buttons-90.response.json"
);

/// Faders of another show, as a grandMA2 answers.
const FADER_ANSWER: &str =
    include_str!("../../../../crates/backends/tests/captures/gma2-playbacks-faders-16-25.response.json");

/// How many of them a poll of 22 KB is about.
const POLLED_FADERS: u32 = 30;

/// The answer of the console to a keep-alive.
const ALIVE: &str = r#"{"realtime":false,"session":1,"worldIndex":0}"#;

/// A batch takes four seconds, after which a keep-alive is sent to the console. The interval of the polls is long so
/// that a batch has few of them.
const POLL: Duration = Duration::from_secs(1);
const POLLS: usize = 4;

/// Each of the faders moves at its greatest rate, and all together make up that of the console.
const MOVE: Duration = Duration::from_millis(25);
const MOVES: usize = 160;
const FADERS: usize = 4;

/// What is mapped of the answer for all executors, and of the one for thirty faders.
const RUNNING: &str = "desk.page1.run{1..90} > rack.{1..90}";
const MOVING: &str = "desk.page1.fader{1..30} <> rack.{1..30}";

pub(super) const PATHS: &[Path] = &[
    answers("maweb/answer-unchanged", POLLS, answer_unchanged),
    answers("maweb/answer-changed", POLLS * (1 + EXECUTORS), answer_changed),
    answers("maweb/poll-unchanged", POLLS, poll_unchanged),
    answers("maweb/poll-changed", 2 * POLLS, poll_changed),
    path("maweb/fader-out", MOVES * FADERS, MOVES * FADERS, fader_out),
];

/// A path on which, besides all else, one keep-alive is sent to the console.
const fn path(name: &'static str, events: usize, outcome: usize, set_up: fn() -> Batch) -> Path {
    Path { name, events, outcome: outcome + 1, allocations: 0, set_up }
}

/// A path on which answers come in. Groups and executors of an answer are lists: five times for this one.
const fn answers(name: &'static str, outcome: usize, set_up: fn() -> Batch) -> Path {
    Path { allocations: 5 * POLLS, ..path(name, POLLS, outcome, set_up) }
}

/// A show that is logged in to a console.
fn logged_in(map: &str) -> (Show, SessionId) {
    let mut show = Show::new(&format!(
        "[backend maweb]\ninterval = 1000\n[maweb desk]\nhost = 10.0.0.1\n[plain rack]\n[map]\n{map}\n"
    ));
    let desk = show.session("desk");
    show.open(desk, CONSOLE, Peer::Only);
    for message in [
        r#"{"status":"server ready","appType":"gma2"}"#,
        r#"{"realtime":false,"session":1,"forceLogin":true,"worldIndex":0}"#,
        r#"{"realtime":false,"responseType":"login","result":true,"worldIndex":0}"#,
    ] {
        show.hear(desk, CONSOLE, Peer::Only, message.as_bytes());
    }
    show.finish();
    (show, desk)
}

fn answer_unchanged() -> Batch {
    polled(RUNNING, [ANSWER.to_owned(), ANSWER.to_owned()])
}

/// A page of faders of which none moves.
fn poll_unchanged() -> Batch {
    polled(MOVING, [fader_answer(0.25), fader_answer(0.25)])
}

/// One fader of a page moves.
fn poll_changed() -> Batch {
    polled(MOVING, [fader_answer(0.25), fader_answer(0.5)])
}

/// The answer for thirty faders, one of which has this level.
fn fader_answer(level: f64) -> String {
    let mut answer = Answer::decode(FADER_ANSWER.as_bytes()).expect("a capture");
    let Some(Response::Playbacks(playbacks)) = &mut answer.response else { panic!("a capture of executors") };
    let group = &mut playbacks.groups[0];
    let captured: Vec<_> = group.executors().cloned().collect();
    let mut faders: Vec<_> = captured.into_iter().cycle().take(POLLED_FADERS as usize).collect();
    (0..).zip(&mut faders).for_each(|(index, fader)| fader.index = index);
    faders[10].blocks[0].fader.value = level;
    group.rows = faders.chunks(5).map(<[_]>::to_vec).collect();
    let mut bytes = Vec::new();
    answer.encode(&mut bytes);
    String::from_utf8(bytes).expect("JSON is text")
}

/// Every executor starts or stops each time.
fn answer_changed() -> Batch {
    let other = ANSWER.replace(r#""isRun":0"#, r#""isRun":2"#).replace(r#""isRun":1"#, r#""isRun":0"#);
    polled(RUNNING, [ANSWER.to_owned(), other.replace(r#""isRun":2"#, r#""isRun":1"#)])
}

/// The console is asked at its interval, and gives these answers in turn.
fn polled(map: &str, mut answers: [String; 2]) -> Batch {
    let (mut show, desk) = logged_in(map);
    Box::new(move || {
        for _ in 0..POLLS {
            answers.swap(0, 1);
            show.hear(desk, CONSOLE, Peer::Only, answers[0].as_bytes());
            show.pass(POLL);
        }
        show.finish()
    })
}

fn fader_out() -> Batch {
    let (mut show, desk) = logged_in("rack.{1..4} > desk.page1.fader{1..4}");
    let rack = show.session("rack");
    Box::new(move || {
        for _ in 0..MOVES {
            show.pass(MOVE);
            show.hear(rack, Port(0), Peer::Only, b"");
        }
        show.hear(desk, CONSOLE, Peer::Only, ALIVE.as_bytes());
        show.finish()
    })
}
