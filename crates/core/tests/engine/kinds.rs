//! States, controls and events: which values arrive as often as they were sent, and which a reconnecting target
//! receives.
//!
//! Addresses of probes begin with `con` for controls and `eve` for events; all others are states.

use std::sync::Arc;

use crosspatch_core::{Direction, Engine, Instant, Kind, Outbox, Peer, Port, Value};

use crate::probe::Show;

/// A show whose target `desk` receives values and reconnects.
struct Stage {
    show: Show,
    engine: Engine,
    out: Outbox,
}

impl Stage {
    fn new(lines: &[&str]) -> Self {
        let mut stage = Self { show: Show::new(), engine: Engine::new(), out: Outbox::new() };
        stage.load(lines);
        stage
    }

    fn load(&mut self, lines: &[&str]) -> Vec<String> {
        let plan = self.show.plan(Some(self.engine.plan()), lines);
        self.engine.install(Instant::START, Arc::new(plan), &mut self.out);
        self.heard()
    }

    fn put(&mut self, channel: &str, value: impl Into<Value>) -> Vec<String> {
        let (instance, slot) = self.engine.plan().find_channel(channel).expect("a channel of the show");
        self.engine.handle_value(Instant::START, instance, slot, value.into(), &mut self.out);
        self.heard()
    }

    /// The values that a session receives after it has connected.
    fn reconnect(&mut self, name: &str) -> Vec<String> {
        let session = self.engine.session_of(self.engine.plan().find(name).expect("an instance"));
        self.engine.handle_open(Instant::START, session, Port(0), Peer::Only, &mut self.out);
        self.heard()
    }

    fn heard(&mut self) -> Vec<String> {
        let lines = self.show.log.take().into_iter();
        lines.filter(|line| line.contains(" values ") || line.contains(" recall ")).collect()
    }

    fn kind(&self, channel: &str, direction: Direction) -> Kind {
        let (instance, slot) = self.engine.plan().find_channel(channel).expect("a channel of the show");
        self.engine.plan().instances()[instance.index()].channels.kind(slot, direction)
    }
}

/// Every kind of source and target, and whether a reconnecting target receives a number and a text.
const WAYS: &[(&str, bool, bool)] = &[
    ("x.state > desk.state", true, true),
    ("x.state > desk.control", true, true),
    ("x.state > desk.event", false, false),
    ("x.control > desk.state", true, false),
    ("x.control > desk.control", true, false),
    ("x.control > desk.event", false, false),
    ("x.event > desk.state", false, false),
    ("x.event > desk.control", false, false),
    ("x.state | delay 0ms | event > desk.state", false, false),
    ("x.control | state > desk.state", true, true),
    ("x.event | print | state > desk.control", true, true),
    ("x.event | state > desk.event", false, false),
];

#[test]
fn what_is_said_again_arrives_again_from_every_kind_to_every_kind() {
    for value in [Value::number(1.0), Value::number(0.5), "go".into()] {
        for &(way, ..) in WAYS {
            let mut stage = Stage::new(&[way]);
            let source = way.split(' ').next().expect("a source");
            for stroke in 0..3 {
                let mut told = stage.put(source, value.clone());
                stage.engine.handle_timeout(Instant::START, &mut stage.out);
                told.extend(stage.heard());
                assert_eq!(told, [format!("desk values 0={value}")], "{way}, stroke {stroke}");
            }
        }
    }
}

#[test]
fn a_target_that_comes_back_is_told_states_and_never_an_event() {
    for &(way, number, text) in WAYS {
        for (value, is_told) in [(Value::number(0.5), number), ("go".into(), text)] {
            let mut stage = Stage::new(&[way]);
            stage.put(way.split(' ').next().expect("a source"), value.clone());
            stage.engine.handle_timeout(Instant::START, &mut stage.out);
            stage.heard();
            let told = if is_told { format!("desk recall 0={value}") } else { "desk recall ".to_owned() };
            assert_eq!(stage.reconnect("desk"), [told], "{way}, {value}");
        }
    }
}

#[test]
fn a_target_that_a_reload_maps_is_told_states_and_never_an_event() {
    for &(way, number, text) in WAYS.iter().filter(|(way, ..)| !way.contains("delay")) {
        for (value, is_told) in [(Value::number(0.5), number), ("go".into(), text)] {
            let source = way.split(' ').next().expect("a source");
            let before = format!("{source} > y.1");
            let mut stage = Stage::new(&[&before]);
            stage.put(source, value.clone());
            let told = stage.load(&[&before, way]);
            let expected = if is_told { vec![format!("desk recall 0={value}")] } else { vec![] };
            assert_eq!(told, expected, "{way}, {value}");
        }
    }
}

#[test]
fn presses_and_gestures_are_events_and_what_they_toggle_is_not() {
    let mut stage = Stage::new(&["x.a | press > desk.go", "x.a | press | toggle > desk.lamp"]);
    assert_eq!(stage.put("x.a", 1.0), ["desk values 0=1 1=1"]);
    assert_eq!(stage.reconnect("desk"), ["desk recall 1=1"]);
    let mut stage = Stage::new(&["x.t | gesture x.x x.y > desk.drawn"]);
    stage.put("x.t", 1.0);
    stage.put("x.t", 0.0);
    assert_eq!(stage.reconnect("desk"), ["desk recall "]);
}

#[test]
fn the_last_word_counts_where_states_and_events_meet_at_a_target() {
    let mut stage = Stage::new(&["x.level > desk.a", "x.event > desk.a"]);
    stage.put("x.level", 0.5);
    assert_eq!(stage.reconnect("desk"), ["desk recall 0=0.5"]);
    stage.put("x.event", 1.0);
    assert_eq!(stage.reconnect("desk"), ["desk recall "]);
    stage.put("x.level", 0.25);
    assert_eq!(stage.reconnect("desk"), ["desk recall 0=0.25"]);
}

#[test]
fn what_loops_back_is_what_is_mapped_to_it_however_long_the_way() {
    // Ordered so that each line depends on the next one.
    let lines =
        ["bus.c > desk.x", "bus.b | invert > bus.c", "bus.a > bus.b", "x.event > bus.a", "x.state > bus.s"];
    let mut stage = Stage::new(&lines);
    for (channel, kind) in [("a", Kind::Event), ("b", Kind::Event), ("c", Kind::Event)] {
        assert_eq!(stage.kind(&format!("bus.{channel}"), Direction::Input), kind, "{channel}");
    }
    assert_eq!(stage.kind("bus.s", Direction::Output), Kind::State);
    for _ in 0..3 {
        assert_eq!(stage.put("x.event", 0.25), ["desk values 0=0.75"]);
    }
    assert_eq!(stage.reconnect("desk"), ["desk recall "]);
    // A line less, and they are states again.
    stage.load(&["bus.c > desk.x", "bus.b | invert > bus.c", "bus.a > bus.b", "x.control > bus.a"]);
    assert_eq!(stage.kind("bus.c", Direction::Input), Kind::Control);
    stage.put("x.control", 0.5);
    assert_eq!(stage.reconnect("desk"), ["desk recall 0=0.5"]);
}

#[test]
fn a_session_can_ask_which_of_its_values_are_events() {
    let mut stage =
        Stage::new(&["d.a > desk.a", "d.event > desk.e", "d.a | press > desk.go", "d.control > desk.c"]);
    let session = stage.engine.session_of(stage.engine.plan().find("d").expect("an instance"));
    for (data, told) in [
        ("0=1 1=0.5 2=go", vec!["desk values 0=1 2=1 1=0.5 3=\"go\"", "desk events 1 2 3"]),
        ("0=0", vec!["desk values 0=0"]),
    ] {
        stage.show.log.take();
        stage.engine.handle_data(
            Instant::START,
            session,
            Port(0),
            Peer::Only,
            data.as_bytes(),
            &mut stage.out,
        );
        assert_eq!(stage.show.log.take(), told);
    }
}

#[test]
fn a_loop_of_loops_ends() {
    let stage = Stage::new(&["bus.a > bus.b", "bus.b > bus.a", "x.event > bus.b"]);
    assert_eq!(stage.kind("bus.a", Direction::Input), Kind::Event);
}

#[test]
fn a_move_that_shapes_flatten_is_not_told_and_what_is_said_again_is() {
    let mut stage = Stage::new(&["x.level | steps 3 > desk.a", "x.level > y.raw", "x.other > desk.a"]);
    assert_eq!(stage.put("x.level", 0.5), ["desk values 0=0.5", "y values 0=0.5"]);
    assert_eq!(stage.put("x.level", 0.55), ["y values 0=0.55"], "the target is there");
    assert_eq!(stage.put("x.level", 0.55), ["desk values 0=0.5", "y values 0=0.55"], "it is said again");
    stage.put("x.other", 0.9);
    assert_eq!(
        stage.put("x.level", 0.5),
        ["desk values 0=0.5", "y values 0=0.5"],
        "the target was elsewhere"
    );
    let mut alone = Stage::new(&["x.level | steps 3 > desk.a"]);
    let told = [0.5, 0.55, 0.55, 1.0].map(|level| alone.put("x.level", level).len());
    assert_eq!(told, [1, 0, 1, 1]);
}

#[test]
fn how_often_something_came_back_goes_with_it_through_sessions_and_chains_and_no_further() {
    let lines = ["d.a > p.a", "p.a > desk.a", "d.b | delay 1ms > desk.b"];
    let mut stage = Stage::new(&lines);
    let receive = |stage: &mut Stage, data: &str| {
        let session = stage.engine.session_of(stage.engine.plan().find("d").expect("an instance"));
        stage.engine.handle_data(
            Instant::START,
            session,
            Port(0),
            Peer::Only,
            data.as_bytes(),
            &mut stage.out,
        );
        stage.heard()
    };
    assert_eq!(receive(&mut stage, "0=0.5 back=2 back=0"), ["desk values 0=0.5 of generation 3"]);
    assert_eq!(receive(&mut stage, "0=0.5"), ["desk values 0=0.5"]);
    assert_eq!(receive(&mut stage, "1=0.5 back=2"), [""; 0]);
    stage.engine.handle_timeout(Instant::from_micros(1000), &mut stage.out);
    assert_eq!(stage.heard(), ["desk values 1=0.5 of generation 3"]);
    assert_eq!(receive(&mut stage, "0=0.5"), ["desk values 0=0.5"]);
}
