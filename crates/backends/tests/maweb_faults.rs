//! What peers of `maweb` do wrong, one fault after the other: the session goes on, comes back, and disturbs nobody.

#![expect(clippy::disallowed_methods, reason = "these tests read the captures in the repository")]

#[path = "common/show.rs"]
mod show;

use std::path::Path;

use crosspatch_core::{Closed, Duration, Peer, Plan, Port};
use crosspatch_sim::World;

const GREETING: &str = r#"{"status":"server ready","appType":"gma2"}"#;
const SESSION: &str = r#"{"realtime":false,"session":1,"forceLogin":true,"worldIndex":0}"#;
const WELCOME: &str = r#"{"realtime":false,"responseType":"login","result":true,"worldIndex":0}"#;

/// A client whose console the test plays, and a mapping that has nothing to do with it.
const CONFIG: &str = "[maweb ma]\nhost = 10.0.0.1\ncommand.line = {text}\n\
    [loopback desk]\n[loopback other]\n[map]\n\
    desk.out > ma.page1.fader1\nma.page1.fader{1..90} > desk.fader{1..90}\nma.page1.run{1..90} > desk.run{1..90}\n\
    ma.page1.name{1..90} > desk.name{1..90}\nma.page1.button{101..160} > desk.button{101..160}\n\
    ma.led.set > desk.led\ndesk.go > ma.page1.button101\ndesk.line > ma.command.line\ndesk.key > ma.STORE\n\
    desk.a > other.b\n";

fn plan(config: &str) -> Plan {
    show::plan(config, None).unwrap_or_else(|diagnostics| panic!("{diagnostics}"))
}

fn receive(world: &mut World, text: &str) {
    world.receive("ma", Port(0), Peer::Only, text.as_bytes());
}

fn pass(world: &mut World, millis: u64) {
    world.advance(Duration::from_millis(millis));
}

/// Lets time pass until a connection is asked for.
fn wait_for_attempt(world: &mut World) {
    let marks = [" ma opens", " ma closes", " ma.0 opened", " ma.0 closed", " ma.0 ~"];
    for _ in 0..400 {
        let is_mark = |line: &&str| marks.iter().any(|mark| line.contains(mark));
        if world.transcript().lines().rev().find(is_mark).is_some_and(|line| line.contains(" ma opens")) {
            return;
        }
        pass(world, 100);
    }
    panic!("no further attempt in forty seconds\n{}", world.transcript());
}

/// From wherever it is, logs in.
fn log_in(world: &mut World) {
    wait_for_attempt(world);
    world.opened("ma", Port(0), Peer::Only);
    receive(world, GREETING);
    receive(world, SESSION);
    world.take_transcript();
    receive(world, WELCOME);
    let transcript = world.transcript();
    assert!(transcript.contains("logged in to the grandMA2"), "{transcript}");
}

/// The mapping that has nothing to do with the console works, in the same turn.
fn check_other(world: &mut World) {
    world.put("desk.a", 0.25);
    let transcript = world.transcript();
    assert!(transcript.lines().rev().take(4).any(|line| line.ends_with("other.b = 0.25")), "{transcript}");
}

fn closed_reasons() -> Vec<Closed> {
    vec![
        Closed::ByPeer,
        Closed::Reset,
        Closed::Refused,
        Closed::TimedOut,
        Closed::Unreachable,
        Closed::NameNotFound,
        Closed::NoSuchAddress,
        Closed::NotPermitted,
        Closed::NotWebSocket(0),
        Closed::NotWebSocket(301),
        Closed::NotWebSocket(404),
        Closed::NotWebSocket(500),
        Closed::Garbage,
        Closed::TooLong,
        Closed::NotReading,
        Closed::Exhausted,
        Closed::Other("out of luck".into()),
    ]
}

#[test]
fn every_end_of_a_connection_at_every_stage_is_followed_by_another_attempt() {
    for stage in 0..4 {
        let mut world = World::new(plan(CONFIG));
        for reason in closed_reasons() {
            wait_for_attempt(&mut world);
            if stage > 0 {
                world.opened("ma", Port(0), Peer::Only);
            }
            if stage > 1 {
                receive(&mut world, GREETING);
                receive(&mut world, SESSION);
            }
            if stage > 2 {
                receive(&mut world, WELCOME);
            }
            world.closed("ma", Port(0), Peer::Only, reason);
            check_other(&mut world);
        }
        log_in(&mut world);
    }
}

#[test]
fn a_hundred_closes_in_a_row_cost_pauses_and_nothing_else() {
    let mut world = World::new(plan(CONFIG));
    for _ in 0..100 {
        wait_for_attempt(&mut world);
        world.opened("ma", Port(0), Peer::Only);
        world.closed("ma", Port(0), Peer::Only, Closed::ByPeer);
    }
    let notices = world.transcript().lines().filter(|line| line.contains("ma warning")).count();
    assert!(notices <= 2, "{notices} notices");
    log_in(&mut world);
}

#[test]
fn one_that_does_not_read_is_given_up_and_gets_the_latest_level_when_it_does_again() {
    let mut world = World::new(plan(CONFIG));
    log_in(&mut world);
    world.full("ma", Port(0), Peer::Only);
    for step in 0..100 {
        world.put("desk.out", f64::from(step) / 100.0);
        pass(&mut world, 100);
        check_other(&mut world);
    }
    let transcript = world.take_transcript();
    assert!(transcript.contains("it has stopped answering"), "{transcript}");
    assert!(!transcript.contains("faderValue"), "{transcript}");
    wait_for_attempt(&mut world);
    world.put("desk.out", 0.123);
    log_in(&mut world);
    assert!(world.transcript().contains("\"faderValue\":0.123,"), "{}", world.transcript());
    assert_eq!(world.transcript().matches("faderValue").count(), 1);
}

/// Moves a fader every ten milliseconds; before each move, `answer` may answer the messages since the last one. Returns how
/// many moves were sent in the turn in which they were made.
fn moves_sent_at_once(world: &mut World, moves: u32, answer: impl Fn(&mut World, &str)) -> usize {
    let mut at_once = 0;
    let mut sent = String::new();
    for step in 0..moves {
        answer(world, &sent);
        world.take_transcript();
        world.put("desk.out", f64::from(step % 100) / 100.0);
        at_once += usize::from(world.transcript().contains("faderValue"));
        pass(world, 10);
        sent = world.take_transcript();
        check_other(world);
    }
    at_once
}

const ALIVE: &str = r#"{"realtime":false,"session":1,"worldIndex":0}"#;
const ACKNOWLEDGED: &str = r#"{"realtime":false,"worldIndex":0}"#;

fn answer_questions(world: &mut World, sent: &str) {
    if sent.contains("\"requestType\":\"playbacks\"") {
        receive(world, r#"{"responseType":"playbacks","responseSubType":2,"iPage":1,"itemGroups":[]}"#);
    }
    if sent.contains("\"requestType\":\"getdata\"") {
        receive(world, r#"{"responseType":"getdata","data":[{"set":"0"}]}"#);
    }
    if sent.contains("-> {\"session\":1}") {
        receive(world, ALIVE);
    }
}

#[test]
fn a_console_that_acknowledges_nothing_receives_every_move_at_once() {
    let mut world = World::new(plan(CONFIG));
    log_in(&mut world);
    assert_eq!(moves_sent_at_once(&mut world, 1000, answer_questions), 1000);
    let keep_alive = |world: &mut World, sent: &str| {
        if sent.contains("-> {\"session\":1}") {
            receive(world, ALIVE);
        }
    };
    assert_eq!(moves_sent_at_once(&mut world, 1000, keep_alive), 1000, "not even its polls are answered");
}

#[test]
fn a_console_that_acknowledges_and_then_stops_is_waited_for_once() {
    let mut world = World::new(plan(CONFIG));
    log_in(&mut world);
    let acknowledge = |world: &mut World, sent: &str| {
        sent.matches("faderValue").for_each(|_| receive(world, ACKNOWLEDGED));
        answer_questions(world, sent);
    };
    assert_eq!(moves_sent_at_once(&mut world, 300, acknowledge), 300);
    let at_once = moves_sent_at_once(&mut world, 300, answer_questions);
    assert!(at_once >= 297, "{at_once} of 300 moves");
}

#[test]
fn a_console_that_answers_nothing_any_more_receives_the_latest_level_when_it_does_again() {
    let mut world = World::new(plan(CONFIG));
    log_in(&mut world);
    assert_eq!(moves_sent_at_once(&mut world, 100, answer_questions), 100);
    let into_silence = moves_sent_at_once(&mut world, 400, |_, _| ());
    assert!((40..=100).contains(&into_silence), "{into_silence} moves");
    world.put("desk.out", 0.123);
    assert!(!world.take_transcript().contains("faderValue"));
    receive(&mut world, ALIVE);
    let transcript = world.take_transcript();
    assert!(transcript.contains("\"faderValue\":0.123,"), "{transcript}");
    pass(&mut world, 20);
    assert_eq!(moves_sent_at_once(&mut world, 100, answer_questions), 100);
}

#[test]
fn an_answer_after_minutes_finds_a_new_session() {
    let mut world = World::new(plan(CONFIG));
    log_in(&mut world);
    pass(&mut world, 180_000);
    receive(&mut world, r#"{"responseType":"playbacks","responseSubType":2,"iPage":1,"itemGroups":[]}"#);
    receive(&mut world, WELCOME);
    log_in(&mut world);
}

#[test]
fn events_for_a_console_that_is_away_are_harmless_in_any_order() {
    let mut world = World::new(plan(CONFIG));
    world.full("ma", Port(0), Peer::Only);
    world.writable("ma", Port(0), Peer::Only);
    receive(&mut world, GREETING);
    receive(&mut world, SESSION);
    receive(&mut world, WELCOME);
    world.closed("ma", Port(0), Peer::Only, Closed::Refused);
    world.closed("ma", Port(0), Peer::Only, Closed::Refused);
    world.opened("ma", Port(0), Peer::Only);
    receive(&mut world, WELCOME);
    log_in(&mut world);
    world.opened("ma", Port(0), Peer::Only);
    check_other(&mut world);
}

#[test]
fn values_of_every_kind_are_survived_by_channels_of_every_kind() {
    let mut world = World::new(plan(CONFIG));
    log_in(&mut world);
    let numbers = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, -1.0, 1.5, 5e-324, 0.5];
    for channel in ["desk.out", "desk.go", "desk.key", "desk.line"] {
        for number in numbers {
            world.put(channel, number);
            pass(&mut world, 30);
        }
        world.put(channel, "x".repeat(65_536).as_str());
        world.put(channel, "");
        pass(&mut world, 30);
    }
    let transcript = world.take_transcript();
    for line in transcript.lines().filter(|line| line.contains("faderValue")) {
        let value =
            line.split_once("\"faderValue\":").and_then(|(_, rest)| rest.split_once(',')).expect("a level").0;
        let value: f64 = value.parse().expect("a number");
        assert!((0.0..=1.0).contains(&value), "{line}");
    }
    let longest = transcript.lines().filter(|line| line.contains("-> ")).map(str::len).max();
    assert!(longest < Some(1000), "{longest:?}");
    world.put("desk.out", 0.75);
    pass(&mut world, 1000);
    world.put("desk.out", "up");
    world.closed("ma", Port(0), Peer::Only, Closed::Reset);
    log_in(&mut world);
    assert!(world.transcript().contains("\"faderValue\":0.75,"), "{}", world.transcript());
}

fn capture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures").join(name);
    std::fs::read(path).expect("the capture is there")
}

const ANSWERS: [&str; 12] = [
    "gma2-playbacks-faders-1-15.response.json",
    "gma2-playbacks-faders-16-25.response.json",
    "gma2-playbacks-buttons-101.response.json",
    "gma2-playbacks-start0-as-buttons-90.response.json",
    "gma2-old-playbacks-buttons-100-60.response.json",
    "dot2-playbacks-0-100-200.response.json",
    "gma2-getdata.server.json",
    "session-keepalive.server.json",
    "session-assigned-forceLogin.server.json",
    "gma2-login-ok.server.json",
    "gma2-presetTypes.response.json",
    "gma2-old-status.server.txt",
];

#[test]
fn what_real_consoles_have_sent_becomes_what_they_showed() {
    let mut world = World::new(plan(CONFIG));
    log_in(&mut world);
    world.receive("ma", Port(0), Peer::Only, &capture("gma2-playbacks-faders-16-25.response.json"));
    world.receive("ma", Port(0), Peer::Only, &capture("gma2-playbacks-buttons-101.response.json"));
    world.receive("ma", Port(0), Peer::Only, &capture("gma2-getdata.server.json"));
    let transcript = world.transcript();
    for expected in [
        "desk.fader16 = 1",
        "desk.run16 = 1",
        "desk.name16 = \"MAIN_MIX\"",
        "desk.fader17 = 0",
        "desk.run17 = 0",
        "desk.name17 = \"CONTENT\"",
        "desk.button101 = 0",
        "desk.led = 1",
    ] {
        let is_told = transcript.lines().any(|line| line.ends_with(&format!(" {expected}")));
        assert!(
            is_told,
            "no `{expected}` in\n{}",
            transcript.lines().filter(|l| l.contains("desk.")).collect::<Vec<_>>().join("\n")
        );
    }
}

#[test]
fn ten_thousand_mutilated_answers_end_no_session() {
    let answers: Vec<_> = ANSWERS.iter().map(|name| capture(name)).collect();
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut below = |end: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random >> 11) as usize % end
    };
    let mut world = World::new(plan(CONFIG));
    wait_for_attempt(&mut world);
    world.opened("ma", Port(0), Peer::Only);
    receive(&mut world, GREETING);
    receive(&mut world, SESSION);
    receive(&mut world, WELCOME);
    for round in 0..10_000 {
        let mut answer = answers[below(answers.len())].clone();
        for _ in 0..=below(4) {
            let at = below(answer.len());
            match below(5) {
                0 => answer[at] = below(256) as u8,
                1 => answer.truncate(at.max(1)),
                2 => answer[at] = b"0123456789{}[],:\"-e"[below(19)],
                3 => {
                    let to = (at + below(40)).min(answer.len());
                    let piece = answer[at..to].to_vec();
                    let into = below(answer.len());
                    answer.splice(into..into, piece);
                }
                _ => {
                    let to = (at + below(40)).min(answer.len());
                    answer.drain(at..to);
                    answer.push(b' ');
                }
            }
        }
        world.receive("ma", Port(0), Peer::Only, &answer);
        if round % 500 == 0 {
            check_other(&mut world);
            world.take_transcript();
        }
    }
    world.closed("ma", Port(0), Peer::Only, Closed::Reset);
    log_in(&mut world);
    // Whatever the last of them has told, another name is news.
    let answer = String::from_utf8(capture("gma2-playbacks-faders-16-25.response.json")).expect("text");
    let answer = answer.replace("MAIN_MIX", "MAIN MIX 2");
    world.receive("ma", Port(0), Peer::Only, answer.as_bytes());
    assert!(world.transcript().contains("desk.name16 = \"MAIN MIX 2\""), "{}", world.transcript());
}
