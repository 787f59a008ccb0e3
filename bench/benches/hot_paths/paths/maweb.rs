//! A console that is polled for its executors, and faders that are moved on it.

use crosspatch_backends::maweb::wire::{Answer, Executor, Response};
use crosspatch_core::{Duration, Peer, Port, SessionId};

use super::rig::Show;
use super::{Batch, Path};

/// The connection to the console.
const CONSOLE: Port = Port(0);

/// How many executors one request asks for at most. The answer has 12 KB if they are drawn as buttons.
const EXECUTORS: usize = 60;

/// How many faders the other polls are about. The answer has 22 KB.
const FADERS: usize = 30;

/// Executors drawn as buttons, as a grandMA2 answers (origin in the folder's README).
const BUTTON_CAPTURE: &str = include_str!(
    "../../../../crates/backends/tests/captures/gma2-playbacks-start0-as-buttons-90.response.json"
);

/// Faders, of another show.
const FADER_CAPTURE: &str =
    include_str!("../../../../crates/backends/tests/captures/gma2-playbacks-faders-16-25.response.json");

/// The answer of the console to a keep-alive.
const ALIVE: &str = r#"{"realtime":false,"session":1,"worldIndex":0}"#;

/// A batch takes four seconds, after which a keep-alive is sent to the console. The interval of the polls is long so
/// that a batch has few of them.
const POLL: Duration = Duration::from_secs(1);
const POLLS: usize = 4;

/// Four faders move together, and after forty messages, the console sends something.
const MOVE: Duration = Duration::from_millis(25);
const MOVES: usize = 160;
const MOVED_FADERS: usize = 4;

/// What is mapped of the two answers.
const RUNNING: &str = "desk.page1.run{1..60} > rack.{1..60}";
const MOVING: &str = "desk.page1.fader{1..30} <> rack.{1..30}";

pub(super) const PATHS: &[Path] = &[
    answers("maweb/answer-unchanged", POLLS, 0, answer_unchanged),
    answers("maweb/answer-changed", POLLS * (1 + EXECUTORS), 5, answer_changed),
    answers("maweb/poll-unchanged", POLLS, 0, poll_unchanged),
    answers("maweb/poll-changed", 2 * POLLS, 2, poll_changed),
    answers("maweb/poll-whole", POLLS, 33, poll_whole),
    path("maweb/fader-out", MOVES * MOVED_FADERS, MOVES * MOVED_FADERS, fader_out),
];

/// A path on which, besides all else, one keep-alive is sent to the console.
const fn path(name: &'static str, events: usize, outcome: usize, set_up: fn() -> Batch) -> Path {
    Path { name, events, outcome: outcome + 1, allocations: 0, set_up }
}

/// A path on which answers come in. What is read of an answer is a list.
const fn answers(name: &'static str, outcome: usize, allocations: usize, set_up: fn() -> Batch) -> Path {
    Path { allocations: allocations * POLLS, ..path(name, POLLS, outcome, set_up) }
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

/// No executor starts or stops.
fn answer_unchanged() -> Batch {
    polled(RUNNING, [button_answer(false), button_answer(false)])
}

/// Every executor starts or stops each time.
fn answer_changed() -> Batch {
    polled(RUNNING, [button_answer(false), button_answer(true)])
}

/// A page of faders of which none moves.
fn poll_unchanged() -> Batch {
    polled(MOVING, [fader_answer(0.25), fader_answer(0.25)])
}

/// One fader of a page moves.
fn poll_changed() -> Batch {
    polled(MOVING, [fader_answer(0.25), fader_answer(0.5)])
}

/// No fader moves, but the command line is part of the answer, so that the whole message is read.
fn poll_whole() -> Batch {
    let answer = fader_answer(0.25).replacen('{', r#"{"text":"","#, 1);
    polled(MOVING, [answer.clone(), answer])
}

/// The answer for executors that all run, or none.
fn button_answer(are_running: bool) -> String {
    console_answer(BUTTON_CAPTURE, EXECUTORS, |executors| {
        executors.iter_mut().for_each(|executor| executor.is_running = are_running);
    })
}

/// The answer for faders, one of which has this level.
fn fader_answer(level: f64) -> String {
    console_answer(FADER_CAPTURE, FADERS, |faders| faders[10].blocks[0].fader.value = level)
}

/// The executors of a capture, repeated until there are so many, and changed.
fn console_answer(capture: &str, count: usize, change: impl FnOnce(&mut [Executor<'_>])) -> String {
    let mut answer = Answer::decode(capture.as_bytes()).expect("a capture");
    let Some(Response::Playbacks(playbacks)) = &mut answer.response else {
        panic!("a capture of executors");
    };
    playbacks.groups.truncate(1);
    let group = &mut playbacks.groups[0];
    let captured: Vec<_> = group.executors().cloned().collect();
    let mut executors: Vec<_> = captured.into_iter().cycle().take(count).collect();
    (0..).zip(&mut executors).for_each(|(index, executor)| executor.index = index);
    change(&mut executors);
    group.rows = executors.chunks(5).map(<[_]>::to_vec).collect();
    let mut bytes = Vec::new();
    answer.encode(&mut bytes);
    String::from_utf8(bytes).expect("JSON is text")
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
        for step in 0..MOVES {
            show.pass(MOVE);
            show.hear(rack, Port(0), Peer::Only, b"");
            if step % 10 == 0 {
                show.hear(desk, CONSOLE, Peer::Only, ALIVE.as_bytes());
            }
        }
        show.finish()
    })
}
