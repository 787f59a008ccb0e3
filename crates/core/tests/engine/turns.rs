//! Turns: from an event to everything it causes.

use std::sync::Arc;

use crosspatch_core::{Duration, Effect, Engine, Instant, MAX_HOPS, Outbox, Peer, Port, SessionId};

use crate::probe::Show;

pub(crate) struct Stage {
    show: Show,
    pub(crate) engine: Engine,
    pub(crate) out: Outbox,
}

impl Stage {
    pub(crate) fn new(lines: &[&str]) -> Self {
        let mut stage = Self { show: Show::new(), engine: Engine::new(), out: Outbox::new() };
        stage.install(lines);
        stage
    }

    pub(crate) fn install(&mut self, lines: &[&str]) {
        let plan = self.show.plan(Some(self.engine.plan()), lines);
        self.engine.install(Instant::START, Arc::new(plan), &mut self.out);
    }

    pub(crate) fn session(&self, name: &str) -> SessionId {
        self.engine.session_of(self.engine.plan().find(name).expect("an instance"))
    }

    pub(crate) fn receive(&mut self, name: &str, data: &str) {
        let session = self.session(name);
        self.engine.handle_data(Instant::START, session, Port(0), Peer::Only, data.as_bytes(), &mut self.out);
    }

    /// Goes on until nothing of an interrupted turn is left, and says how many slices that took.
    pub(crate) fn finish(&mut self) -> usize {
        let mut slices = 0;
        while self.engine.is_unfinished() {
            self.engine.resume(Instant::START, &mut self.out);
            slices += 1;
            assert!(slices < 100_000, "it never ends");
        }
        slices
    }

    pub(crate) fn open(&mut self, name: &str) {
        let session = self.session(name);
        self.engine.handle_open(Instant::START, session, Port(0), Peer::Only, &mut self.out);
    }

    pub(crate) fn log(&self) -> Vec<String> {
        self.show.log.take()
    }

    pub(crate) fn notices(&mut self) -> Vec<String> {
        let mut notices = Vec::new();
        for effect in self.out.effects() {
            if let Effect::Notice(_, notice, _) = effect {
                notices.push(notice.text.clone());
            }
        }
        self.out.clear();
        notices
    }
}

#[test]
fn a_press_and_its_release_in_one_turn_both_arrive_in_order_at_every_target() {
    let mut stage = Stage::new(&["d.a > x.1", "d.b > x.2", "d.a > y.1"]);
    stage.log();
    stage.receive("d", "0=1 1=0.5 0=0 0=label");
    assert_eq!(stage.log(), ["x values 0=1 1=0.5 0=0 0=\"label\"", "y values 0=1 0=0 0=\"label\""]);
}

#[test]
fn values_routed_in_runs_and_one_by_one_end_alike() {
    let lines = [
        "d.a > x.1",
        "d.b > x.2",
        "d.c > y.1",
        "d.d > x.3",
        "d.d > y.2",
        "d.e > d.f",
        "d.g | invert > x.4",
        "d.h | toggle > x.5",
        "x.1 > z.1",
    ];
    // A value with a second target is routed by itself.
    let seconds: Vec<_> = ('a'..='h').map(|channel| format!("d.{channel} > second.{channel}")).collect();
    let all: Vec<_> = lines.into_iter().chain(seconds.iter().map(String::as_str)).collect();
    let (mut runs, mut singles) = (Stage::new(&lines), Stage::new(&all));
    runs.log();
    singles.log();
    let (mut number, mut lines_seen) = (7_u32, 0);
    for _ in 0..200 {
        let emitted: Vec<_> = (0..number % 9)
            .map(|_| {
                number = number.wrapping_mul(1_103_515_245).wrapping_add(12_345) >> 1;
                match (number >> 8) % 5 {
                    0 => format!("{}=text", number % 8),
                    level => format!("{}={}", number % 8, f64::from(level - 1) / 3.0),
                }
            })
            .collect();
        number += 1;
        for stage in [&mut runs, &mut singles] {
            stage.receive("d", &emitted.join(" "));
            stage.open("x");
        }
        let log = runs.log();
        let is_first = |line: &String| !line.starts_with("second");
        let expected: Vec<_> = singles.log().into_iter().filter(is_first).collect();
        assert_eq!(log, expected, "after {emitted:?}");
        lines_seen += log.len();
    }
    assert!(lines_seen > 400, "{lines_seen}");
}

#[test]
fn values_pass_through_several_sessions_within_a_turn() {
    let mut stage = Stage::new(&["d.a > p1.x", "p1.x > p2.x", "p2.x > sink.x", "d.a > sink.x"]);
    stage.log();
    stage.receive("d", "0=0.5");
    assert_eq!(stage.log(), ["sink values 0=0.5", "sink values 0=0.5"]);
}

#[test]
fn a_loop_ends_and_is_reported_once_by_the_names_of_its_channels() {
    let mut stage = Stage::new(&["d.a > p1.in", "p1.in > p2.out", "p2.out > p1.in", "p1.in > sink.x"]);
    stage.log();
    stage.receive("d", "0=0.5");
    stage.receive("d", "0=0.75");
    let log = stage.log();
    assert_eq!(log.len(), MAX_HOPS, "{log:?}");
    let notices = stage.notices();
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert!(
        notices[0].contains(": p1.in > p2.out > p1.in;") || notices[0].contains(": p2.out > p1.in > p2.out;"),
        "{notices:?}"
    );
    stage.receive("d", "0=0.5");
    assert!(stage.notices().is_empty());
}

#[test]
fn a_loop_that_multiplies_ends_as_well() {
    let mut lines = Vec::new();
    for target in ["p.a", "p.b", "p.c", "p.d"] {
        lines.push(format!("d.x > {target}"));
        for source in ["p.a", "p.b", "p.c", "p.d"] {
            lines.push(format!("{source} > {target}"));
        }
    }
    let mut stage = Stage::new(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    stage.receive("d", "0=0.5");
    stage.finish();
    assert_eq!(stage.notices().len(), 1);
}

#[test]
fn a_session_that_comes_back_is_given_the_last_value_of_every_output_and_no_other() {
    let mut stage = Stage::new(&["a.1 > d.x", "a.2 > d.y", "a.3 > d.z", "d.in > a.back"]);
    stage.receive("a", "0=0.1 0=0.2 1=name");
    stage.receive("d", "3=0.9");
    stage.log();
    stage.open("d");
    assert_eq!(stage.log(), ["d recall 0=0.2 1=\"name\""]);
}

#[test]
fn an_unchanged_session_stays_and_the_others_stop_before_new_ones_start() {
    let mut stage = Stage::new(&["d.a > x.1", "d.b > old.1"]);
    let (kept, gone) = (stage.session("x"), stage.session("old"));
    stage.log();
    stage.out.clear();
    stage.install(&["new.a > x.2", "d.a > x.1", "d.a > new.b"]);
    assert_eq!(
        stage.log(),
        [
            "new bind 0 a Input",
            "new bind 1 b Output",
            "old stop",
            "x bind 1 2 Output",
            "d unbind 1 Input",
            "new start",
            "x rebind",
            "d rebind",
        ]
    );
    assert_eq!(stage.session("x"), kept);
    assert!(stage.engine.instance_of(gone).is_none());
    let effects: Vec<_> = stage.out.effects().iter().map(|effect| format!("{effect:?}")).collect();
    assert!(effects[0].starts_with("Send") && effects[1].starts_with("Retire"), "{effects:?}");
}

#[test]
fn a_session_with_other_options_is_a_new_one() {
    let mut stage = Stage::new(&["d.a > x#1.1"]);
    let before = stage.session("x");
    stage.install(&["d.a > x#2.1"]);
    assert_ne!(stage.session("x"), before);
}

#[test]
fn a_plan_that_was_not_built_on_the_running_one_keeps_no_session() {
    let mut stage = Stage::new(&["d.a > x.1"]);
    let before = stage.session("x");
    let stranger = stage.show.plan(None, &["d.0 > x.0", "d.a > x.1"]);
    stage.engine.install(Instant::START, Arc::new(stranger), &mut stage.out);
    assert_ne!(stage.session("x"), before);
}

#[test]
fn outputs_that_a_reload_maps_are_told_the_present_state_as_state() {
    let mut stage = Stage::new(&["d.a > x.1"]);
    stage.receive("d", "0=0.5");
    stage.log();
    stage.install(&["d.a > x.1", "d.a > x.2", "d.a > y.1", "d.b > y.2"]);
    let log = stage.log();
    assert!(log.contains(&"x recall 1=0.5".to_owned()), "{log:?}");
    assert!(log.contains(&"y recall 0=0.5".to_owned()), "{log:?}");
    assert!(!log.iter().any(|line| line.contains("values")), "{log:?}");
}

#[test]
fn what_a_socket_reports_after_its_session_has_ended_reaches_nobody() {
    let mut stage = Stage::new(&["d.a > x.1"]);
    let gone = stage.session("d");
    stage.install(&["e.a > x.1"]);
    stage.log();
    stage.engine.handle_data(Instant::START, gone, Port(0), Peer::Only, b"0=1", &mut stage.out);
    assert!(stage.log().is_empty());
}

#[test]
fn a_session_that_wants_to_be_woken_in_the_past_does_not_spin() {
    let mut stage = Stage::new(&["d.a > x.1"]);
    stage.receive("d", "tick");
    stage.log();
    let mut now = Instant::START;
    for _ in 0..10 {
        now = now.max(stage.engine.next_timeout().expect("a timeout"));
        stage.engine.handle_timeout(now, &mut stage.out);
    }
    assert_eq!(stage.log().len(), 10);
    assert!(now.since(Instant::START) >= Duration::from_millis(9), "{now}");
}

#[test]
fn sessions_that_are_due_at_the_same_time_are_woken_in_the_order_of_their_numbers() {
    let mut stage = Stage::new(&["a.a > x.1", "b.a > x.2", "c.a > x.3"]);
    ["c", "a", "b"].into_iter().for_each(|name| stage.receive(name, "tick"));
    stage.log();
    stage.engine.handle_timeout(Instant::START, &mut stage.out);
    assert_eq!(stage.log(), ["a timeout", "b timeout", "c timeout"]);
}

#[test]
fn the_end_of_the_show_lets_every_session_say_goodbye() {
    let mut stage = Stage::new(&["d.a > x.1"]);
    stage.log();
    stage.out.clear();
    stage.engine.shut_down(Instant::START, &mut stage.out);
    assert_eq!(stage.log(), ["d stop", "x stop"]);
    assert_eq!(stage.out.effects().iter().filter(|effect| matches!(effect, Effect::Send(..))).count(), 2);
    assert_eq!(stage.engine.next_timeout(), None);
}
