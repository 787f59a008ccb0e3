//! The shaper in virtual time.

use super::*;
use crate::maweb::address::Address;
use crosspatch_core::Value;

fn at(millis: u64) -> Instant {
    Instant::from_micros(millis * 1000)
}

/// A shaper with the channels that it works on.
struct Test {
    shaper: Shaper,
    channels: MappedChannels,
}

impl Test {
    /// For a console that is ready.
    fn new(rate: u32, fader_interval: Duration) -> Self {
        let shaper = Shaper::new(rate, fader_interval, Duration::from_millis(300));
        let mut test = Self { shaper, channels: MappedChannels::default() };
        test.open();
        test
    }

    fn open(&mut self) {
        self.shaper.open(&self.channels);
    }

    fn close(&mut self, last_received: Instant) {
        self.shaper.close(last_received, &mut self.channels);
    }

    /// A channel, with the shaper.
    fn channel(&mut self, slot: u32) -> (&mut Shaper, &mut MappedChannel) {
        (&mut self.shaper, self.channels.get_or_insert(Slot(slot), Address::Led("store")))
    }

    /// Sends a press or release, if there is an edge.
    fn edge(&mut self, slot: u32, pressed: bool) -> Taken {
        let (shaper, channel) = self.channel(slot);
        let edge = channel.key.button.edge(&Value::edge(pressed));
        edge.map_or(Taken::Yes, |edge| shaper.edge(channel, edge))
    }

    fn set(&mut self, slot: u32, level: f64) {
        self.set_at(0, slot, level);
    }

    fn set_at(&mut self, millis: u64, slot: u32, level: f64) {
        let (shaper, channel) = self.channel(slot);
        shaper.level(at(millis), channel, level, |other| other == level);
    }

    /// A turn of an encoder.
    fn turn(&mut self, by: f64) {
        let (shaper, channel) = self.channel(0);
        shaper.turn(at(0), channel, by);
    }

    /// The console reports a level.
    fn report(&mut self, slot: u32, level: f64, echoes_until: Instant) {
        let (_, MappedChannel { fader, .. }) = self.channel(slot);
        (fader.on_console, fader.echoes_until) = (Some(level), echoes_until);
    }
}

fn shaper() -> Test {
    Test::new(200, Duration::from_millis(25))
}

/// All messages sent at this time to a console that answers nothing.
fn sent_unanswered(test: &mut Test, millis: u64) -> Vec<OutgoingCommand> {
    let mut all = Vec::new();
    while let Some(send) = test.shaper.next(at(millis), &mut test.channels) {
        test.shaper.sent(at(millis));
        all.push(send);
    }
    all
}

/// All messages sent at this time to a console that answers.
fn sent(test: &mut Test, millis: u64) -> Vec<OutgoingCommand> {
    let all = sent_unanswered(test, millis);
    all.iter().for_each(|_| assert!(test.shaper.handle_answer(), "an answer that was not awaited"));
    all
}

/// All messages sent until this time, as they become due, with their times.
fn sent_until(test: &mut Test, from: u64, to: u64) -> Vec<(u64, OutgoingCommand)> {
    (from..=to).flat_map(|now| sent(test, now).into_iter().map(move |send| (now, send))).collect()
}

#[test]
fn the_first_move_goes_out_at_once_and_the_last_one_always() {
    let mut test = shaper();
    test.set(0, 0.1);
    assert_eq!(sent(&mut test, 100), [OutgoingCommand::Level(Slot(0), 0.1)]);
    for step in 2..=9 {
        test.set(0, f64::from(step) / 10.0);
        assert_eq!(sent(&mut test, 100 + u64::from(step as u8)), []);
    }
    assert_eq!(test.shaper.next_timeout(), Some(at(125)));
    assert_eq!(sent_until(&mut test, 110, 1000), [(125, OutgoingCommand::Level(Slot(0), 0.9))]);
    assert_eq!(test.shaper.next_timeout(), None);
}

#[test]
fn a_level_that_the_console_already_has_is_not_sent_again() {
    let mut test = shaper();
    test.set(0, 0.5);
    assert_eq!(sent(&mut test, 0).len(), 1);
    test.set(0, 0.5);
    assert_eq!(sent(&mut test, 1000), []);
    test.report(0, 0.8, at(0));
    test.set(0, 0.5);
    assert_eq!(sent(&mut test, 2000), [OutgoingCommand::Level(Slot(0), 0.5)]);
    test.set(0, 0.6);
    test.set(0, 0.5);
    assert_eq!(sent(&mut test, 3000), [], "back where it was before anything was sent");
}

#[test]
fn a_busy_fader_does_not_delay_another_one() {
    let mut test = Test::new(100, Duration::ZERO);
    let mut busy = 0;
    let mut other = Vec::new();
    for now in 0..1000 {
        test.set(0, now as f64 / 1000.0);
        if now == 500 {
            test.set(1, 1.0);
        }
        for send in sent(&mut test, now) {
            if send == OutgoingCommand::Level(Slot(1), 1.0) { other.push(now) } else { busy += 1 }
        }
    }
    assert!(other.len() == 1 && other[0] <= 520, "{other:?}");
    assert!((100..=125).contains(&busy), "{busy} messages in a second");
}

#[test]
fn the_rate_lets_a_burst_through_and_then_one_at_a_time() {
    let mut test = shaper();
    for slot in 0..90 {
        test.set(slot, 1.0);
    }
    let all = sent_until(&mut test, 0, 1000);
    assert_eq!(all.len(), 90);
    assert_eq!(all.iter().filter(|(now, _)| *now == 0).count(), BURST as usize);
    assert_eq!(all.last().map(|(now, _)| *now), Some(350));
}

#[test]
fn edges_are_neither_merged_nor_reordered_and_overtake_levels() {
    let mut test = shaper();
    for slot in 0..30 {
        test.set(slot, 0.5);
    }
    for round in 0..30 {
        assert_eq!(test.edge(100, round % 2 == 0), Taken::Yes);
        assert_eq!(test.edge(101, round % 2 == 0), Taken::Yes);
    }
    let all = sent_until(&mut test, 0, 2000);
    let edges: Vec<_> = all.iter().take(60).map(|(_, send)| send.clone()).collect();
    let expected: Vec<_> = (0..30)
        .flat_map(|round| [100, 101].map(|slot| OutgoingCommand::Edge(Slot(slot), round % 2 == 0)))
        .collect();
    assert_eq!(edges, expected);
    assert_eq!(all.len(), 90);
}

#[test]
fn a_release_without_a_press_is_not_sent() {
    let mut test = shaper();
    for pressed in [false, true, false, false] {
        test.edge(0, pressed);
    }
    assert_eq!(
        sent(&mut test, 0),
        [OutgoingCommand::Edge(Slot(0), true), OutgoingCommand::Edge(Slot(0), false)]
    );
}

#[test]
fn three_presses_without_a_release_are_three_presses() {
    let mut test = shaper();
    for _ in 0..3 {
        assert_eq!(test.edge(0, true), Taken::Yes);
    }
    let edges = [true, false, true, false, true].map(|pressed| OutgoingCommand::Edge(Slot(0), pressed));
    assert_eq!(sent(&mut test, 0), edges);
    test.edge(0, false);
    assert_eq!(sent(&mut test, 1), [OutgoingCommand::Edge(Slot(0), false)]);
}

#[test]
fn presses_without_a_release_are_bounded_and_the_last_accepted_one_is_released() {
    let mut test = shaper();
    let refused = (0..MOST_EVENTS).filter(|_| test.edge(0, true) == Taken::TooMany).count();
    assert!(refused > MOST_EVENTS / 3, "{refused}");
    test.edge(0, false);
    let all = sent_until(&mut test, 0, 30_000);
    assert!(all.len() <= MOST_EVENTS + 2, "{}", all.len());
    let edges = all.iter().map(|(_, send)| send.clone());
    let expected = (0..all.len()).map(|at| OutgoingCommand::Edge(Slot(0), at % 2 == 0));
    assert!(edges.eq(expected), "presses and releases take turns");
    assert_eq!(all.len() % 2, 0, "the last edge is a release");
}

#[test]
fn a_press_of_a_key_that_was_down_before_a_cut_is_a_press_after_it() {
    let mut test = shaper();
    test.edge(0, true);
    sent(&mut test, 0);
    test.close(at(1));
    assert_eq!(test.edge(0, true), Taken::Offline);
    test.open();
    test.edge(0, true);
    assert_eq!(
        sent(&mut test, 10),
        [OutgoingCommand::Edge(Slot(0), false), OutgoingCommand::Edge(Slot(0), true)]
    );
}

#[test]
fn too_many_edges_are_left_out_in_pairs_of_press_and_release() {
    let mut test = shaper();
    let mut refused = 0;
    for round in 0..MOST_EVENTS + 100 {
        refused += usize::from(test.edge(0, round % 2 == 0) == Taken::TooMany);
    }
    assert_eq!(refused, 50);
    let all = sent_until(&mut test, 0, 30_000);
    assert_eq!(all.len(), MOST_EVENTS);
    assert_eq!(all.last().map(|(_, send)| send.clone()), Some(OutgoingCommand::Edge(Slot(0), false)));
}

#[test]
fn a_key_released_during_a_cut_is_released_after_it() {
    let mut test = shaper();
    test.edge(0, true);
    test.edge(1, true);
    assert_eq!(sent(&mut test, 0).len(), 2);
    test.close(at(1));
    assert_eq!(test.edge(0, false), Taken::Yes);
    assert_eq!(test.edge(2, true), Taken::Offline);
    assert_eq!(test.edge(3, true), Taken::Offline);
    assert_eq!(test.edge(3, false), Taken::Yes);
    test.open();
    assert_eq!(sent(&mut test, 10), [OutgoingCommand::Edge(Slot(0), false)]);
    test.edge(1, false);
    test.edge(2, false);
    assert_eq!(
        sent(&mut test, 20),
        [OutgoingCommand::Edge(Slot(1), false)],
        "slot 2 was never pressed on the console"
    );
}

#[test]
fn a_press_that_waits_at_a_cut_is_forgotten_with_its_release() {
    let mut test = shaper();
    test.shaper.handle_full();
    test.edge(0, true);
    test.close(at(0));
    test.shaper.handle_writable();
    test.open();
    test.edge(0, false);
    assert_eq!(sent(&mut test, 10), []);
}

#[test]
fn a_release_that_may_have_been_lost_with_the_connection_is_repeated() {
    let mut test = shaper();
    test.edge(0, true);
    sent(&mut test, 0);
    test.edge(0, false);
    sent(&mut test, 100);
    test.close(at(50));
    test.open();
    assert_eq!(sent(&mut test, 6000), [OutgoingCommand::Edge(Slot(0), false)]);
    test.close(at(6001));
    test.open();
    assert_eq!(sent(&mut test, 7000), []);
}

#[test]
fn levels_are_not_kept_during_a_cut_and_are_sent_anew_after_it() {
    let mut test = shaper();
    test.set(0, 0.5);
    sent(&mut test, 0);
    test.close(at(0));
    test.set(0, 0.7);
    test.open();
    assert_eq!(sent(&mut test, 100), []);
    test.set(0, 0.5);
    assert_eq!(sent(&mut test, 100), [OutgoingCommand::Level(Slot(0), 0.5)]);
}

#[test]
fn a_full_stream_stops_everything_and_then_receives_the_latest_levels_and_every_edge() {
    let mut test = shaper();
    test.shaper.handle_full();
    for step in 0..100 {
        test.set(0, f64::from(step) / 100.0);
        test.edge(1, step % 2 == 0);
    }
    assert_eq!((sent(&mut test, 50).len(), test.shaper.next_timeout()), (0, None));
    test.shaper.handle_writable();
    let all = sent_until(&mut test, 100, 2000);
    assert_eq!(all.len(), 101);
    assert_eq!(all.last().map(|(_, send)| send.clone()), Some(OutgoingCommand::Level(Slot(0), 0.99)));
}

#[test]
fn turns_of_an_encoder_add_up_while_they_wait() {
    let mut test = shaper();
    for _ in 0..4 {
        test.turn(0.5);
    }
    assert_eq!(sent(&mut test, 0), [OutgoingCommand::Turn(Slot(0), 2.0)]);
    test.turn(-1.0);
    test.turn(-1.0);
    assert_eq!(sent_until(&mut test, 1, 100), [(25, OutgoingCommand::Turn(Slot(0), -2.0))]);
}

#[test]
fn a_console_that_answers_is_sent_no_more_than_a_window() {
    let mut test = Test::new(10_000, Duration::ZERO);
    for step in 0..200 {
        test.edge(0, step % 2 == 0);
    }
    let before: usize = (0..=100).map(|now| sent_unanswered(&mut test, now).len()).sum();
    assert_eq!(before, WINDOW as usize);
    for _ in 0..10 {
        test.shaper.handle_answer();
    }
    assert_eq!((101..110).map(|now| sent_unanswered(&mut test, now).len()).sum::<usize>(), 10);
}

#[test]
fn a_console_that_never_answers_is_slowed_down_twice_and_no_more() {
    let mut test = Test::new(10_000, Duration::ZERO);
    for step in 0..1000 {
        test.edge(0, step % 2 == 0);
    }
    let times: Vec<_> =
        (0..1000).flat_map(|now| sent_unanswered(&mut test, now).into_iter().map(move |_| now)).collect();
    assert_eq!(times.len(), 1000);
    assert!(times[999] > 500 && times[999] < 700, "{}", times[999]);
}

#[test]
fn an_event_is_sent_as_often_as_it_happens_and_not_kept_for_later() {
    let mut test = shaper();
    for _ in 0..3 {
        test.shaper.event(Slot(0), None);
        test.shaper.event(Slot(1), Some("Go".into()));
    }
    let sent = sent(&mut test, 0);
    assert_eq!(sent.iter().filter(|send| **send == OutgoingCommand::Event(Slot(0), None)).count(), 3);
    assert_eq!(
        sent.iter().filter(|send| **send == OutgoingCommand::Event(Slot(1), Some("Go".into()))).count(),
        3
    );
    test.close(at(0));
    assert_eq!(test.shaper.event(Slot(0), None), Taken::Offline);
}

#[test]
fn the_echo_of_a_motor_fader_is_not_sent_and_a_move_by_hand_is() {
    let mut test = shaper();
    test.report(0, 0.501, at(300));
    test.set_at(100, 0, 64.0 / 127.0);
    assert_eq!(sent(&mut test, 100), []);
    test.set_at(110, 0, 66.0 / 127.0);
    assert_eq!(sent(&mut test, 110), [OutgoingCommand::Level(Slot(0), 66.0 / 127.0)]);
    test.report(0, 0.501, at(600));
    test.set_at(700, 0, 64.0 / 127.0);
    assert_eq!(sent(&mut test, 700).len(), 1, "long after the report it is a move");
}

#[test]
fn after_a_level_that_was_taken_back_reports_settle_as_after_one_that_was_sent() {
    let mut test = shaper();
    test.set(0, 0.5);
    assert_eq!(sent(&mut test, 0).len(), 1);
    assert_eq!(test.channel(0).1.settles_at, at(300));
    test.set_at(1000, 0, 0.6);
    test.set_at(1010, 0, 0.5);
    assert_eq!((sent(&mut test, 2000), test.channel(0).1.settles_at), (vec![], at(1310)));
}
