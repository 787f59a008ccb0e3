//! Turns that cause more work than others can wait for are interrupted and go on in slices.

use crosspatch_core::Effect;

use crate::turns::Stage;

const TARGETS: usize = 10_000;

/// `d.a` goes to ten thousand channels of `out`, and `e.a` to another session.
fn fan_out() -> Vec<String> {
    (0..TARGETS).map(|at| format!("d.a > out.{at}")).chain(["device.a > x.1".into()]).collect()
}

fn stage(lines: &[String]) -> Stage {
    let mut stage = Stage::new(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    stage.log();
    stage.out.clear();
    stage
}

/// The values that a session was given, in order, without those of others in between.
fn values_of(name: &str, log: &[String]) -> Vec<String> {
    let prefix = format!("{name} values ");
    log.iter()
        .filter_map(|line| line.strip_prefix(&prefix))
        .flat_map(|line| line.split(' ').map(str::to_owned))
        .collect()
}

#[test]
fn a_value_for_ten_thousand_targets_leaves_room_for_others_and_arrives_in_order() {
    let mut stage = stage(&fan_out());
    stage.receive("d", "0=0.5 0=0.75");
    assert!(stage.engine.is_unfinished());
    assert!(stage.engine.is_busy(stage.session("d")), "nothing more is read for it");
    assert!(!stage.engine.is_busy(stage.session("device")));
    let first = stage.log();
    assert!(values_of("out", &first).len() < TARGETS / 2, "a turn has an end");

    stage.receive("device", "0=0.25");
    assert_eq!(stage.log(), ["x values 0=0.25"], "another mapping waits for nothing");
    assert!(!stage.engine.is_busy(stage.session("device")));

    assert!(stage.finish() > 5);
    let all = [values_of("out", &first), values_of("out", &stage.log())].concat();
    let expected: Vec<_> = ["0.5", "0.75"]
        .iter()
        .flat_map(|level| (0..TARGETS).map(move |at| format!("{at}={level}")))
        .collect();
    assert_eq!(all, expected);
    assert!(!stage.engine.is_busy(stage.session("d")));
}

#[test]
fn a_slice_sends_a_bounded_number_of_messages_and_bytes() {
    let mut stage = stage(&fan_out());
    stage.receive("d", "0=0.5");
    loop {
        let sent = stage.out.effects().iter().filter(|effect| matches!(effect, Effect::Send(..))).count();
        assert!(sent <= 2200, "{sent} messages at once");
        stage.out.clear();
        if !stage.engine.is_unfinished() {
            break;
        }
        stage.engine.resume(crosspatch_core::Instant::START, &mut stage.out);
    }
}

#[test]
fn a_burst_of_values_that_fan_out_is_routed_bit_by_bit_and_in_order() {
    let lines: Vec<_> = (0..1000).map(|at| format!("d.a > x.{at}")).collect();
    let mut stage = stage(&lines);
    let levels: Vec<_> = (0..200).map(|at| format!("{}", f64::from(at) / 250.0)).collect();
    let burst: Vec<_> = levels.iter().map(|level| format!("0={level}")).collect();
    stage.receive("d", &burst.join(" "));
    assert!(stage.engine.is_unfinished());
    let mut all = values_of("x", &stage.log());
    // What the session emits meanwhile comes after the burst.
    stage.receive("d", "0=1");
    stage.finish();
    all.extend(values_of("x", &stage.log()));
    let expected: Vec<_> = levels
        .iter()
        .map(String::as_str)
        .chain(["1"])
        .flat_map(|level| (0..1000).map(move |at| format!("{at}={level}")))
        .collect();
    assert!(all == expected, "{} of {}", all.len(), expected.len());
}

#[test]
fn events_are_still_events_in_a_later_portion() {
    let mut lines: Vec<_> = (0..TARGETS).map(|at| format!("d.a > out.{at}")).collect();
    lines.push("d.event > out.event".into());
    let mut stage = stage(&lines);
    let event = stage.engine.plan().find_channel("d.event").expect("a channel").1.0;
    stage.receive("d", &format!("0=0.5 {event}=1 0=0.75"));
    stage.finish();
    let log = stage.log();
    let events: Vec<_> = log.iter().filter(|line| line.starts_with("out events")).collect();
    assert_eq!(events.len(), 1, "{events:?}");
    let at = log.iter().position(|line| line == events[0]).expect("it is there");
    let number: usize = events[0].trim_start_matches("out events ").parse().expect("a number");
    let values = values_of("out", &log[at - 1..at]);
    let slot = stage.engine.plan().find_channel("out.event").expect("a channel").1.0;
    assert_eq!(values[number], format!("{slot}=1"));
}

#[test]
fn a_session_that_suspends_is_resumed_after_others_and_gets_no_data_before() {
    let mut stage = stage(&["slow.a > x.1".into(), "d.a > y.1".into()]);
    stage.receive("slow", "0.25 0.5 0.75");
    assert!(stage.engine.is_busy(stage.session("slow")));
    stage.receive("d", "0=1");
    assert_eq!(stage.log(), ["x values 0=0.25", "y values 0=1"]);
    assert_eq!(stage.finish(), 2);
    assert_eq!(stage.log(), ["x values 0=0.5", "x values 0=0.75"]);
    assert!(!stage.engine.is_busy(stage.session("slow")));
}

#[test]
fn a_reload_in_the_middle_loses_nothing_of_what_is_still_mapped() {
    let lines = fan_out();
    let mut stage = stage(&lines);
    stage.receive("d", "0=0.5");
    let mut all = values_of("out", &stage.log());
    let fewer: Vec<_> =
        lines.iter().filter(|line| !line.ends_with("> out.9999")).map(String::as_str).collect();
    stage.install(&fewer);
    assert!(stage.engine.is_busy(stage.session("d")));
    stage.finish();
    all.extend(values_of("out", &stage.log()));
    let expected: Vec<_> = (0..TARGETS - 1).map(|at| format!("{at}=0.5")).collect();
    assert_eq!(all, expected);
}

#[test]
fn a_show_that_ends_in_the_middle_ends() {
    let mut stage = stage(&fan_out());
    stage.receive("d", "0=0.5");
    stage.engine.shut_down(crosspatch_core::Instant::START, &mut stage.out);
    assert!(!stage.engine.is_unfinished());
}
