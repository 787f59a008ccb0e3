//! Chains between channels: what reaches the target, what survives a reload, what is merged.

use std::sync::Arc;

use crosspatch_core::{Effect, Engine, Instant, Outbox, Value};

use crate::probe::Show;

/// An engine with its show; values are put on channels by name.
struct Stage {
    show: Show,
    engine: Engine,
    out: Outbox,
    now: Instant,
}

impl Stage {
    fn new(lines: &[&str]) -> Self {
        let mut stage =
            Self { show: Show::new(), engine: Engine::new(), out: Outbox::new(), now: Instant::START };
        stage.load(lines);
        stage
    }

    /// Installs a plan and returns what the sessions wrote down.
    fn load(&mut self, lines: &[&str]) -> Vec<String> {
        let plan = self.show.plan(Some(self.engine.plan()), lines);
        self.engine.install(self.now, Arc::new(plan), &mut self.out);
        self.told()
    }

    /// Puts a value on a channel and returns what targets received.
    fn put(&mut self, channel: &str, value: impl Into<Value>) -> Vec<String> {
        let (instance, slot) = self.engine.plan().find_channel(channel).expect("a channel of the show");
        self.engine.handle_value(self.now, instance, slot, value.into(), &mut self.out);
        self.told()
    }

    /// Advances time, wake-up by wake-up, and returns what targets received.
    fn advance(&mut self, micros: u64) -> Vec<String> {
        let end = Instant::from_micros(self.now.as_micros() + micros);
        while let Some(due) = self.engine.next_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.engine.handle_timeout(self.now, &mut self.out);
        }
        self.now = end;
        self.told()
    }

    fn told(&mut self) -> Vec<String> {
        let lines = self.show.log.take().into_iter();
        lines.filter(|line| line.contains(" values ") || line.contains(" recall ")).collect()
    }

    fn notices(&mut self) -> Vec<String> {
        let notices = self.out.effects().iter().filter_map(|effect| match effect {
            Effect::Notice(_, notice, _) => Some(notice.text.clone()),
            Effect::Open(..)
            | Effect::Close(..)
            | Effect::Send(..)
            | Effect::Retire(_)
            | Effect::Value(..) => None,
        });
        notices.collect()
    }
}

#[test]
fn values_reach_the_target_through_every_stage() {
    let mut stage =
        Stage::new(&["knob.x | invert > lamp.x", "knob.x > lamp.y", "knob.x | invert | invert > lamp.z"]);
    assert_eq!(stage.put("knob.x", 0.25), ["lamp values 0=0.75 1=0.25 2=0.25"]);
    assert_eq!(stage.put("knob.x", "cue"), ["lamp values 1=\"cue\""]);
    assert_eq!(stage.notices().len(), 2);
}

#[test]
fn an_unchanged_line_keeps_its_state_over_a_reload_and_a_changed_one_begins_anew() {
    let mut stage = Stage::new(&["pad.a | toggle > lamp.x", "pad.b | toggle > lamp.y"]);
    assert_eq!(stage.put("pad.a", 1.0), ["lamp values 0=1"]);
    assert_eq!(stage.put("pad.b", 1.0), ["lamp values 1=1"]);
    stage.put("pad.a", 0.0);
    stage.put("pad.b", 0.0);
    assert_eq!(
        stage.load(&["pad.b | toggle | invert > lamp.y", "knob.c > lamp.z", "pad.a | toggle > lamp.x"]),
        [""; 0]
    );
    assert_eq!(stage.put("pad.a", 1.0), ["lamp values 0=0"]);
    assert_eq!(stage.put("pad.b", 1.0), ["lamp values 1=0"]);
    // Another session with the same name is another source.
    stage.load(&["pad#2.a | toggle > lamp.x"]);
    assert_eq!(stage.put("pad.a", 1.0), ["lamp values 0=1"]);
}

#[test]
fn a_target_that_is_mapped_anew_gets_the_state_of_its_source_through_the_chain() {
    let mut stage = Stage::new(&["knob.x > lamp.x"]);
    stage.put("knob.x", 0.25);
    let told = stage.load(&["knob.x > lamp.x", "knob.x | invert > lamp.y", "knob.x | toggle > lamp.z"]);
    assert_eq!(told, ["lamp recall 1=0.75"]);
}

#[test]
fn every_source_of_a_target_that_is_mapped_anew_counts() {
    let mut stage = Stage::new(&["desk.r > lamp.x", "desk.g > lamp.y"]);
    stage.put("desk.r", 1.0);
    stage.put("desk.g", 0.2);
    let told = stage.load(&["desk.r | color red > lamp.z", "desk.g | color green > lamp.z"]);
    assert_eq!(told, ["lamp recall 2=\"#ff0000\" 2=\"#ff3300\""]);
}

#[test]
fn layers_sleep_and_a_group_has_one_choice() {
    let mut stage = Stage::new(&[
        "knob.x | when shift.on resend > lamp.x",
        "knob.x | when not shift.on > lamp.y",
        "pad.a | radio page > lamp.a",
        "pad.b | radio page > lamp.b",
    ]);
    assert_eq!(stage.put("knob.x", 0.5), ["lamp values 1=0.5"]);
    assert_eq!(stage.put("shift.on", 1.0), ["lamp values 0=0.5"]);
    assert_eq!(stage.put("knob.x", 0.6), ["lamp values 0=0.6"]);
    assert_eq!(stage.put("pad.a", 1.0), ["lamp values 2=1 3=0"]);
    stage.put("pad.a", 0.0);
    assert_eq!(stage.put("pad.b", 1.0), ["lamp values 3=1 2=0"]);
}

#[test]
fn what_is_late_comes_by_itself_and_a_reload_does_not_lose_it() {
    let lines = ["knob.x | delay 1s > lamp.x", "knob.x | rate 10/s > lamp.y"];
    let mut stage = Stage::new(&lines);
    assert_eq!(stage.put("knob.x", 0.5), ["lamp values 1=0.5"]);
    stage.put("knob.x", 0.6);
    stage.load(&[lines[1], lines[0], "knob.y > lamp.z"]);
    assert_eq!(stage.advance(100_000), ["lamp values 1=0.6"]);
    assert_eq!(stage.advance(1_000_000), ["lamp values 0=0.5 0=0.6"]);
    assert_eq!(stage.engine.next_timeout(), None);
}

#[test]
fn what_was_due_before_comes_before_what_comes_in() {
    let mut stage = Stage::new(&["pad.x | pulse 100ms > lamp.x"]);
    assert_eq!(stage.put("pad.x", 1.0), ["lamp values 0=1"]);
    stage.put("pad.x", 0.0);
    // The shell was late, and reports a press before it reports the time.
    stage.now = Instant::from_micros(150_000);
    assert_eq!(stage.put("pad.x", 1.0), ["lamp values 0=0", "lamp values 0=1"]);
}

#[test]
fn a_source_that_sleeps_has_no_say_in_a_merge() {
    let mut stage = Stage::new(&[
        "desk.x | merge priority 100 > lamp.x",
        "guest.x | when guest.on | merge priority 150 > lamp.x",
    ]);
    assert_eq!(stage.put("desk.x", 0.2), ["lamp values 0=0.2"]);
    stage.put("guest.on", 1.0);
    assert_eq!(stage.put("guest.x", 0.8), ["lamp values 0=0.8"]);
    assert_eq!(stage.put("desk.x", 0.3), [""; 0]);
    assert_eq!(stage.put("guest.on", 0.0), ["lamp values 0=0.3"]);
}

#[test]
fn a_line_that_was_changed_knows_its_source_and_does_not_tell_a_target_twice() {
    let mut stage = Stage::new(&["knob.x > lamp.x", "knob.y | wave square 2s > lamp.y"]);
    assert_eq!(stage.put("knob.x", 0.25), ["lamp values 0=0.25"]);
    assert_eq!(stage.put("knob.y", 0.5), ["lamp values 1=0.5"]);
    let lines = ["knob.x | start 1 > lamp.x", "knob.y | wave square 1s > lamp.y"];
    assert_eq!(stage.load(&lines), [""; 0]);
    assert_eq!(stage.advance(500_000), ["lamp values 1=0"]);
    assert_eq!(stage.load(&lines), [""; 0]);
    assert_eq!(stage.advance(500_000), ["lamp values 1=0.5"]);
}

#[test]
fn every_source_of_a_target_that_is_merged_anew_has_its_say() {
    let mut stage = Stage::new(&["c.x | merge htp > lamp.x", "a.x > lamp.y", "b.x > lamp.z"]);
    stage.put("a.x", 0.5);
    stage.put("b.x", 0.75);
    stage.put("c.x", 0.25);
    let merged = ["a.x | merge htp > lamp.x", "b.x | merge htp > lamp.x", "c.x | merge htp > lamp.x"];
    let told = stage.load(&merged);
    assert_eq!(told.last().map(String::as_str), Some("lamp recall 0=0.5 0=0.75"));
    assert_eq!(stage.put("b.x", 0.0), ["lamp values 0=0.5"]);
    // A line that was changed keeps its say, and what the target follows by that is a state.
    let changed = ["a.x | range 0..0.8 | merge htp > lamp.x", merged[1], merged[2]];
    assert_eq!(stage.load(&changed), ["lamp recall 0=0.4"]);
    assert_eq!(stage.load(&changed), [""; 0]);
    assert_eq!(stage.put("a.x", 0.0), ["lamp values 0=0.25"]);
}

#[test]
fn a_line_that_was_changed_does_not_become_the_latest_by_that() {
    let mut stage = Stage::new(&["a.x | merge ltp > lamp.x", "b.x | when on.x | merge ltp > lamp.x"]);
    stage.put("on.x", 1.0);
    stage.put("a.x", 0.375);
    assert_eq!(stage.put("b.x", 0.75), ["lamp values 0=0.75"]);
    let changed = ["a.x | invert | merge ltp > lamp.x", "b.x | when on.x | merge ltp > lamp.x"];
    assert_eq!(stage.load(&changed), [""; 0]);
    assert_eq!(stage.put("on.x", 0.0), ["lamp values 0=0.625"]);
}

#[test]
fn merged_sources_are_one_and_keep_their_say_over_a_reload() {
    let lines = ["a.x | merge htp > lamp.x", "b.x | invert | merge htp > lamp.x"];
    let mut stage = Stage::new(&lines);
    assert_eq!(stage.put("a.x", 0.5), ["lamp values 0=0.5"]);
    assert_eq!(stage.put("b.x", 0.75), [""; 0]);
    assert_eq!(stage.put("a.x", 0.1), ["lamp values 0=0.25"]);
    stage.load(&[lines[1], "c.x > lamp.y", lines[0]]);
    assert_eq!(stage.put("b.x", 1.0), ["lamp values 0=0.1"]);
}

#[test]
fn a_toggle_goes_by_its_target_whoever_has_moved_it() {
    let mut stage = Stage::new(&["key.a | toggle > lamp.x", "lamp.x > key.z"]);
    let mut stroke = |channel: &str| {
        stage.advance(1_000_000);
        [stage.put(channel, 1.0), stage.put(channel, 0.0)].concat()
    };
    assert_eq!(stroke("key.a"), ["lamp values 0=1"]);
    // Another source turns the lamp on, and off again.
    assert_eq!(stroke("lamp.x"), ["key values 1=1", "key values 1=0"]);
    assert_eq!(stroke("key.a"), ["lamp values 0=1"]);
    assert_eq!(stroke("key.a"), ["lamp values 0=0"]);
}

#[test]
fn a_pad_that_lights_its_own_lamp_takes_no_press_for_the_lamp() {
    let mut stage =
        Stage::new(&["key.a | toggle > key.a", "key.b | radio look > key.b", "key.c | radio look > key.c"]);
    let mut stroke = |channel: &str| {
        stage.advance(1_000_000);
        [stage.put(channel, 1.0), stage.put(channel, 0.0)].concat()
    };
    for state in ["1", "0", "1"] {
        assert_eq!(stroke("key.a"), [format!("key values 0={state}")]);
    }
    assert_eq!(stroke("key.b"), ["key values 1=1 2=0"]);
    assert_eq!(stroke("key.b"), [""; 0]);
    assert_eq!(stroke("key.c"), ["key values 2=1 1=0"]);
}

#[test]
fn a_source_that_falls_asleep_has_no_say_any_more() {
    let mut stage = Stage::new(&["a.x | when page.x | merge htp > lamp.x", "b.x | merge htp > lamp.x"]);
    stage.put("page.x", 1.0);
    assert_eq!(stage.put("b.x", 0.25), ["lamp values 0=0.25"]);
    assert_eq!(stage.put("a.x", 1.0), ["lamp values 0=1"]);
    assert_eq!(stage.put("page.x", 0.0), ["lamp values 0=0.25"]);
    assert_eq!(stage.put("a.x", 0.0), [""; 0]);
}

#[test]
fn a_button_held_while_its_page_is_left_is_released_where_nobody_else_has_a_say() {
    let mut stage = Stage::new(&["a.x | when page.x | merge htp > lamp.x", "b.x | merge htp > lamp.x"]);
    stage.put("page.x", 1.0);
    assert_eq!(stage.put("a.x", 1.0), ["lamp values 0=1"]);
    assert_eq!(stage.put("page.x", 0.0), [""; 0]);
    assert_eq!(stage.put("a.x", 0.0), ["lamp values 0=0"]);
    assert_eq!(stage.put("a.x", 1.0), [""; 0]);
}

#[test]
fn a_knob_on_two_pages_picks_up_each_target_where_it_is() {
    let mut stage = Stage::new(&[
        "knob.x | when not page.x | pickup > lamp.x",
        "knob.x | when page.x | pickup > lamp.y",
        "lamp.x > screen.x",
        "lamp.y > screen.y",
    ]);
    stage.put("lamp.x", 0.5);
    stage.put("lamp.y", 0.8);
    let turn = |stage: &mut Stage, to| stage.put("knob.x", to).join(" ");
    assert_eq!(turn(&mut stage, 0.5), "lamp values 0=0.5");
    assert_eq!(turn(&mut stage, 0.3), "lamp values 0=0.3");
    stage.put("page.x", 1.0);
    assert_eq!(turn(&mut stage, 0.5), "");
    assert_eq!(turn(&mut stage, 0.9), "lamp values 1=0.9");
    stage.put("page.x", 0.0);
    assert_eq!(turn(&mut stage, 0.8), "", "the first target is still at 0.3");
    assert_eq!(turn(&mut stage, 0.2), "lamp values 0=0.2");
    // The lamp reports late and rounded, and then another source moves it.
    stage.put("lamp.x", 0.29);
    assert_eq!(turn(&mut stage, 0.25), "lamp values 0=0.25");
    stage.put("lamp.x", 0.7);
    assert_eq!(turn(&mut stage, 0.3), "");
}

#[test]
fn an_encoder_goes_on_from_where_its_target_is() {
    let mut stage = Stage::new(&["knob.x | relative twos > lamp.x", "lamp.x > screen.x"]);
    assert_eq!(stage.put("knob.x", 1.0 / 127.0), ["lamp values 0=0.01"]);
    stage.put("lamp.x", 0.5);
    assert_eq!(stage.put("knob.x", 1.0 / 127.0), ["lamp values 0=0.51"]);
    stage.put("lamp.x", 0.51);
    assert_eq!(stage.put("knob.x", 1.0), ["lamp values 0=0.5"]);
}

#[test]
fn a_chain_that_leads_back_is_a_loop_like_any_other() {
    let mut stage = Stage::new(&["p.x | invert > p.x"]);
    stage.put("p.x", 0.25);
    assert!(stage.notices().iter().any(|text| text.contains("p.x > p.x")), "{:?}", stage.notices());
    assert_eq!(stage.advance(1_000_000), [""; 0]);
}
