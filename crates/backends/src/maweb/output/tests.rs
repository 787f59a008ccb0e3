//! The shaper in virtual time.

use super::*;

fn at(millis: u64) -> Instant {
    Instant::from_micros(millis * 1000)
}

fn shaper() -> Shaper {
    let mut shaper = Shaper::new(200, Duration::from_millis(25));
    shaper.open();
    shaper
}

/// Everything that goes out at that time to a console that answers nothing.
fn sent_unanswered(shaper: &mut Shaper, millis: u64) -> Vec<Send> {
    let mut all = Vec::new();
    while let Some(send) = shaper.next(at(millis)) {
        shaper.sent(at(millis));
        all.push(send);
    }
    all
}

/// Everything that goes out at that time to a console that answers.
fn sent(shaper: &mut Shaper, millis: u64) -> Vec<Send> {
    let all = sent_unanswered(shaper, millis);
    all.iter().for_each(|_| assert!(shaper.handle_answer(), "an answer that nobody waits for"));
    all
}

/// Everything that goes out until then, as it becomes due, with the time of each.
fn sent_until(shaper: &mut Shaper, from: u64, to: u64) -> Vec<(u64, Send)> {
    (from..=to).flat_map(|now| sent(shaper, now).into_iter().map(move |send| (now, send))).collect()
}

fn set(shaper: &mut Shaper, slot: u32, level: f64) {
    shaper.level(at(0), Slot(slot), level, |known| known == level);
}

#[test]
fn the_first_move_goes_out_at_once_and_the_last_one_always() {
    let mut shaper = shaper();
    set(&mut shaper, 0, 0.1);
    assert_eq!(sent(&mut shaper, 100), [Send::Level(Slot(0), 0.1)]);
    for step in 2..=9 {
        set(&mut shaper, 0, f64::from(step) / 10.0);
        assert_eq!(sent(&mut shaper, 100 + u64::from(step as u8)), []);
    }
    assert_eq!(shaper.next_timeout(), Some(at(125)));
    assert_eq!(sent_until(&mut shaper, 110, 1000), [(125, Send::Level(Slot(0), 0.9))]);
    assert_eq!(shaper.next_timeout(), None);
}

#[test]
fn a_level_that_the_console_knows_is_not_sent_again_whoever_told_it() {
    let mut shaper = shaper();
    set(&mut shaper, 0, 0.5);
    assert_eq!(sent(&mut shaper, 0).len(), 1);
    set(&mut shaper, 0, 0.5);
    assert_eq!(sent(&mut shaper, 1000), []);
    shaper.learn(Slot(0), 0.8, at(0));
    set(&mut shaper, 0, 0.5);
    assert_eq!(sent(&mut shaper, 2000), [Send::Level(Slot(0), 0.5)]);
    set(&mut shaper, 0, 0.6);
    set(&mut shaper, 0, 0.5);
    assert_eq!(sent(&mut shaper, 3000), [], "back where it was before anything was sent");
}

#[test]
fn no_fader_is_left_behind_by_a_busier_one() {
    let mut shaper = Shaper::new(100, Duration::ZERO);
    shaper.open();
    let mut busy = 0;
    let mut other = Vec::new();
    for now in 0..1000 {
        set(&mut shaper, 0, now as f64 / 1000.0);
        if now == 500 {
            set(&mut shaper, 1, 1.0);
        }
        for send in sent(&mut shaper, now) {
            if send == Send::Level(Slot(1), 1.0) { other.push(now) } else { busy += 1 }
        }
    }
    assert!(other.len() == 1 && other[0] <= 520, "{other:?}");
    assert!((100..=125).contains(&busy), "{busy} messages in a second");
}

#[test]
fn the_rate_lets_a_burst_through_and_then_one_at_a_time() {
    let mut shaper = shaper();
    for slot in 0..90 {
        set(&mut shaper, slot, 1.0);
    }
    let all = sent_until(&mut shaper, 0, 1000);
    assert_eq!(all.len(), 90);
    assert_eq!(all.iter().filter(|(now, _)| *now == 0).count(), BURST as usize);
    assert_eq!(all.last().map(|(now, _)| *now), Some(350));
}

#[test]
fn edges_are_neither_merged_nor_reordered_and_overtake_levels() {
    let mut shaper = shaper();
    for slot in 0..30 {
        set(&mut shaper, slot, 0.5);
    }
    for round in 0..30 {
        assert_eq!(shaper.edge(Slot(100), round % 2 == 0), Taken::Yes);
        assert_eq!(shaper.edge(Slot(101), round % 2 == 0), Taken::Yes);
    }
    let all = sent_until(&mut shaper, 0, 2000);
    let edges: Vec<_> = all.iter().take(60).map(|(_, send)| send.clone()).collect();
    let expected: Vec<_> =
        (0..30).flat_map(|round| [100, 101].map(|slot| Send::Edge(Slot(slot), round % 2 == 0))).collect();
    assert_eq!(edges, expected);
    assert_eq!(all.len(), 90);
}

#[test]
fn a_release_without_a_press_is_none() {
    let mut shaper = shaper();
    for pressed in [false, true, false, false] {
        shaper.edge(Slot(0), pressed);
    }
    assert_eq!(sent(&mut shaper, 0), [Send::Edge(Slot(0), true), Send::Edge(Slot(0), false)]);
}

#[test]
fn three_presses_without_a_release_are_three_presses() {
    let mut shaper = shaper();
    for _ in 0..3 {
        assert_eq!(shaper.edge(Slot(0), true), Taken::Yes);
    }
    let edges = [true, false, true, false, true].map(|pressed| Send::Edge(Slot(0), pressed));
    assert_eq!(sent(&mut shaper, 0), edges);
    shaper.edge(Slot(0), false);
    assert_eq!(sent(&mut shaper, 1), [Send::Edge(Slot(0), false)]);
}

#[test]
fn presses_without_a_release_are_bounded_and_the_last_one_that_was_taken_is_released() {
    let mut shaper = shaper();
    let refused = (0..MOST_EVENTS).filter(|_| shaper.edge(Slot(0), true) == Taken::TooMany).count();
    assert!(refused > MOST_EVENTS / 3, "{refused}");
    shaper.edge(Slot(0), false);
    let all = sent_until(&mut shaper, 0, 30_000);
    assert!(all.len() <= MOST_EVENTS + 2, "{}", all.len());
    let edges = all.iter().map(|(_, send)| send.clone());
    let expected = (0..all.len()).map(|at| Send::Edge(Slot(0), at % 2 == 0));
    assert!(edges.eq(expected), "presses and releases take turns");
    assert_eq!(all.len() % 2, 0, "the last edge is a release");
}

#[test]
fn a_press_of_a_key_that_was_down_before_a_cut_is_a_press_after_it() {
    let mut shaper = shaper();
    shaper.edge(Slot(0), true);
    sent(&mut shaper, 0);
    shaper.close(at(1));
    assert_eq!(shaper.edge(Slot(0), true), Taken::Offline);
    shaper.open();
    shaper.edge(Slot(0), true);
    assert_eq!(sent(&mut shaper, 10), [Send::Edge(Slot(0), false), Send::Edge(Slot(0), true)]);
}

#[test]
fn too_many_edges_are_left_out_in_pairs_of_press_and_release() {
    let mut shaper = shaper();
    let mut refused = 0;
    for round in 0..MOST_EVENTS + 100 {
        refused += usize::from(shaper.edge(Slot(0), round % 2 == 0) == Taken::TooMany);
    }
    assert_eq!(refused, 50);
    let all = sent_until(&mut shaper, 0, 30_000);
    assert_eq!(all.len(), MOST_EVENTS);
    assert_eq!(all.last().map(|(_, send)| send.clone()), Some(Send::Edge(Slot(0), false)));
}

#[test]
fn what_was_pressed_before_a_cut_and_let_go_during_it_is_released_after_it() {
    let mut shaper = shaper();
    shaper.edge(Slot(0), true);
    shaper.edge(Slot(1), true);
    assert_eq!(sent(&mut shaper, 0).len(), 2);
    shaper.close(at(1));
    assert_eq!(shaper.edge(Slot(0), false), Taken::Yes);
    assert_eq!(shaper.edge(Slot(2), true), Taken::Offline);
    assert_eq!(shaper.edge(Slot(3), true), Taken::Offline);
    assert_eq!(shaper.edge(Slot(3), false), Taken::Yes);
    shaper.open();
    assert_eq!(sent(&mut shaper, 10), [Send::Edge(Slot(0), false)]);
    shaper.edge(Slot(1), false);
    shaper.edge(Slot(2), false);
    assert_eq!(
        sent(&mut shaper, 20),
        [Send::Edge(Slot(1), false)],
        "slot 2 was never pressed on the console"
    );
}

#[test]
fn a_press_that_was_still_waiting_at_the_cut_is_forgotten_with_its_release() {
    let mut shaper = shaper();
    shaper.handle_full();
    shaper.edge(Slot(0), true);
    shaper.close(at(0));
    shaper.handle_writable();
    shaper.open();
    shaper.edge(Slot(0), false);
    assert_eq!(sent(&mut shaper, 10), []);
}

#[test]
fn a_release_that_may_have_been_lost_with_the_connection_is_repeated() {
    let mut shaper = shaper();
    shaper.edge(Slot(0), true);
    sent(&mut shaper, 0);
    shaper.edge(Slot(0), false);
    sent(&mut shaper, 100);
    shaper.close(at(50));
    shaper.open();
    assert_eq!(sent(&mut shaper, 6000), [Send::Edge(Slot(0), false)]);
    shaper.close(at(6001));
    shaper.open();
    assert_eq!(sent(&mut shaper, 7000), []);
}

#[test]
fn levels_are_not_kept_for_a_console_that_is_away_and_all_are_sent_anew_when_it_is_back() {
    let mut shaper = shaper();
    set(&mut shaper, 0, 0.5);
    sent(&mut shaper, 0);
    shaper.close(at(0));
    set(&mut shaper, 0, 0.7);
    shaper.open();
    assert_eq!(sent(&mut shaper, 100), []);
    set(&mut shaper, 0, 0.5);
    assert_eq!(sent(&mut shaper, 100), [Send::Level(Slot(0), 0.5)]);
}

#[test]
fn a_full_stream_holds_everything_and_then_gets_the_latest_levels_and_every_edge() {
    let mut shaper = shaper();
    shaper.handle_full();
    for step in 0..100 {
        set(&mut shaper, 0, f64::from(step) / 100.0);
        shaper.edge(Slot(1), step % 2 == 0);
    }
    assert_eq!((sent(&mut shaper, 50).len(), shaper.next_timeout()), (0, None));
    shaper.handle_writable();
    let all = sent_until(&mut shaper, 100, 2000);
    assert_eq!(all.len(), 101);
    assert_eq!(all.last().map(|(_, send)| send.clone()), Some(Send::Level(Slot(0), 0.99)));
}

#[test]
fn turns_of_an_encoder_add_up_while_they_wait() {
    let mut shaper = shaper();
    for _ in 0..4 {
        shaper.turn(at(0), Slot(0), 0.5);
    }
    assert_eq!(sent(&mut shaper, 0), [Send::Turn(Slot(0), 2.0)]);
    shaper.turn(at(0), Slot(0), -1.0);
    shaper.turn(at(0), Slot(0), -1.0);
    assert_eq!(sent_until(&mut shaper, 1, 100), [(25, Send::Turn(Slot(0), -2.0))]);
}

#[test]
fn a_console_that_answers_is_not_run_over() {
    let mut shaper = Shaper::new(10_000, Duration::ZERO);
    shaper.open();
    for step in 0..200 {
        shaper.edge(Slot(0), step % 2 == 0);
    }
    let before: usize = (0..=100).map(|now| sent_unanswered(&mut shaper, now).len()).sum();
    assert_eq!(before, WINDOW as usize);
    for _ in 0..10 {
        shaper.handle_answer();
    }
    assert_eq!((101..110).map(|now| sent_unanswered(&mut shaper, now).len()).sum::<usize>(), 10);
}

#[test]
fn a_console_that_never_answers_is_slowed_down_twice_and_no_more() {
    let mut shaper = Shaper::new(10_000, Duration::ZERO);
    shaper.open();
    for step in 0..1000 {
        shaper.edge(Slot(0), step % 2 == 0);
    }
    let times: Vec<_> =
        (0..1000).flat_map(|now| sent_unanswered(&mut shaper, now).into_iter().map(move |_| now)).collect();
    assert_eq!(times.len(), 1000);
    assert!(times[999] > 500 && times[999] < 700, "{}", times[999]);
}

#[test]
fn what_happens_once_is_sent_as_often_as_it_is_told_and_not_kept_for_later() {
    let mut shaper = shaper();
    for _ in 0..3 {
        shaper.fire(Slot(0));
        shaper.text(Slot(1), "Go".into());
    }
    let sent = sent(&mut shaper, 0);
    assert_eq!(sent.iter().filter(|send| **send == Send::Event(Slot(0), None)).count(), 3);
    assert_eq!(sent.iter().filter(|send| **send == Send::Event(Slot(1), Some("Go".into()))).count(), 3);
    shaper.close(at(0));
    assert_eq!(shaper.fire(Slot(0)), Taken::Offline);
}

#[test]
fn a_motor_fader_that_reports_where_it_was_sent_moves_nothing_and_a_hand_does() {
    let mut shaper = shaper();
    let never_same = |_: f64| false;
    shaper.learn(Slot(0), 0.501, at(300));
    shaper.level(at(100), Slot(0), 64.0 / 127.0, never_same);
    assert_eq!(sent(&mut shaper, 100), []);
    shaper.level(at(110), Slot(0), 66.0 / 127.0, never_same);
    assert_eq!(sent(&mut shaper, 110), [Send::Level(Slot(0), 66.0 / 127.0)]);
    shaper.learn(Slot(0), 0.501, at(600));
    shaper.level(at(700), Slot(0), 64.0 / 127.0, never_same);
    assert_eq!(sent(&mut shaper, 700).len(), 1, "long after the report it is a move");
}
