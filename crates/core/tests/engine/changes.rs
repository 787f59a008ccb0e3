//! What observers see: the last value of each channel that has changed, and how many there were.

use crosspatch_core::{Change, Direction};

use crate::turns::Stage;

fn drained(stage: &mut Stage, most: usize) -> Vec<String> {
    let mut changes = Vec::new();
    stage.engine.drain_changes(most, |change| changes.push(change));
    let plan = stage.engine.plan();
    let shown = |Change { instance, slot, direction, value, count }: &Change| {
        let planned = &plan.instances()[instance.index()];
        let arrow = if *direction == Direction::Input { "<-" } else { "->" };
        format!("{}.{} {arrow} {value} #{count}", planned.name, planned.channels.address(*slot))
    };
    changes.iter().map(shown).collect()
}

#[test]
fn nothing_is_noted_until_somebody_looks_and_then_all_that_is_known() {
    let mut stage = Stage::new(&["d.a > x.1", "d.b > x.2", "d.c > x.3"]);
    stage.receive("d", "0=0.5 1=label");
    assert!(drained(&mut stage, 100).is_empty());
    stage.engine.note_changes(true);
    let all = ["d.a <- 0.5 #0", "d.b <- \"label\" #0", "x.1 -> 0.5 #0", "x.2 -> \"label\" #0"];
    assert_eq!(drained(&mut stage, 100), all);
    assert!(drained(&mut stage, 100).is_empty());
    stage.engine.note_changes(true);
    assert_eq!(drained(&mut stage, 100), all, "for one who comes late");
    stage.engine.note_changes(false);
    stage.receive("d", "0=1");
    assert!(drained(&mut stage, 100).is_empty());
}

#[test]
fn a_short_press_shows_in_the_count_and_a_portion_is_no_larger_than_asked_for() {
    let mut stage = Stage::new(&["d.a > x.1", "d.b > x.2"]);
    stage.engine.note_changes(true);
    stage.receive("d", "0=1 0=0 1=0.25");
    assert_eq!(drained(&mut stage, 3), ["d.a <- 0 #2", "d.b <- 0.25 #1", "x.1 -> 0 #2"]);
    assert_eq!(drained(&mut stage, 3), ["x.2 -> 0.25 #1"]);
    stage.receive("d", "0=0");
    assert_eq!(drained(&mut stage, 3), ["d.a <- 0 #3", "x.1 -> 0 #3"], "a message said again counts as well");
}

#[test]
fn a_reload_marks_all_that_is_known_with_the_numbers_of_the_new_plan() {
    let mut stage = Stage::new(&["d.a > x.1"]);
    stage.engine.note_changes(true);
    stage.receive("d", "0=0.5");
    stage.install(&["new.a > y.1", "d.a > x.1", "d.b > x.2"]);
    assert_eq!(drained(&mut stage, 100), ["d.a <- 0.5 #1", "x.1 -> 0.5 #1"]);
    stage.receive("d", "1=0.75");
    assert_eq!(drained(&mut stage, 100), ["d.b <- 0.75 #1", "x.2 -> 0.75 #1"]);
}

#[test]
fn what_holds_a_value_back_is_known_with_the_channel_that_is_to_blame() {
    let mut stage = Stage::new(&[
        "d.s > z.1",
        "d.a | when d.s > x.1",
        "d.a > x.2",
        "y.3 > z.2",
        "d.b | pickup y.3 > y.3",
    ]);
    let reasons = |stage: &Stage, channel: &str| {
        let (instance, slot) = stage.engine.plan().find_channel(channel).expect("a channel");
        stage.engine.held_back(instance, slot).map(|held| held.reason).collect::<Vec<_>>()
    };
    assert_eq!(reasons(&stage, "d.a"), ["asleep, `d.s` is not known"]);
    stage.receive("d", "0=0");
    assert_eq!(reasons(&stage, "d.a"), ["asleep, `d.s` is 0"]);
    stage.receive("d", "0=1");
    assert!(reasons(&stage, "d.a").is_empty());
    stage.receive("y", "0=0.5");
    stage.receive("d", "2=0.1");
    assert_eq!(reasons(&stage, "d.b"), ["`pickup` waits at 0.50"]);
    stage.receive("d", "2=0.5");
    assert!(reasons(&stage, "d.b").is_empty());
}
