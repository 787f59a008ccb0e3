//! The shaper in virtual time.

use super::window::{PATIENCE, WINDOW};
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

    /// The console acknowledges a message.
    fn acknowledge(&mut self) {
        self.shaper.handle_received();
        assert!(self.shaper.handle_acknowledgement(), "an acknowledgement that was not awaited");
    }

    /// The console answers a question.
    fn answer_question(&mut self) {
        self.shaper.handle_received();
        self.shaper.handle_question_answered();
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

/// All messages sent at this time to a console that acknowledges.
fn sent(test: &mut Test, millis: u64) -> Vec<OutgoingCommand> {
    let all = sent_unanswered(test, millis);
    all.iter().for_each(|_| test.acknowledge());
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

/// What a console does with messages and questions.
#[derive(Copy, Clone, Default)]
struct Habits {
    /// Whether it acknowledges messages.
    acknowledges: bool,
    /// Whether it answers polls, which are sent every 40 ms.
    answers_polls: bool,
    /// Whether it answers keep-alives.
    answers_questions: bool,
}

/// A fader moves every millisecond, and a console answers after 20 ms, with habits that depend on the time. Returns how
/// many messages were sent within each millisecond.
fn sent_to(habits: impl Fn(u64) -> Habits, until: u64) -> Vec<usize> {
    /// The time of an answer after its message.
    const DELAY: u64 = 20;
    let mut test = Test::new(1000, Duration::ZERO);
    let (mut sent, mut questions) = (Vec::new(), Vec::new());
    for now in 0..until {
        if let Some(then) = now.checked_sub(DELAY) {
            let habits = habits(then);
            if habits.answers_polls && then % 40 == 0 {
                test.shaper.handle_received();
            }
            if habits.acknowledges {
                (0..sent[then as usize]).for_each(|_| test.acknowledge());
            }
            if habits.answers_questions && questions.contains(&then) {
                test.answer_question();
            }
        }
        test.set_at(now, 0, now as f64 / until as f64);
        sent.push(sent_unanswered(&mut test, now).len());
        if test.shaper.wants_question() {
            test.shaper.note_question(at(now));
            questions.push(now);
        }
    }
    sent
}

/// The longest time without a message.
fn longest_pause(sent: &[usize]) -> usize {
    sent.split(|count| *count > 0).map(<[_]>::len).max().unwrap_or_default()
}

const POLLS_ONLY: Habits = Habits { acknowledges: false, answers_polls: true, answers_questions: true };
const ACKNOWLEDGES: Habits = Habits { acknowledges: true, ..POLLS_ONLY };

#[test]
fn a_console_that_only_answers_polls_is_never_waited_for() {
    let sent = sent_to(|_| POLLS_ONLY, 3000);
    assert_eq!((longest_pause(&sent), sent.iter().sum::<usize>()), (0, 3000));
}

#[test]
fn a_console_that_only_answers_keep_alives_is_never_waited_for() {
    let sent = sent_to(|_| Habits { answers_questions: true, ..Habits::default() }, 3000);
    assert_eq!((longest_pause(&sent), sent.iter().sum::<usize>()), (0, 3000));
}

#[test]
fn a_console_that_acknowledges_is_never_waited_for_if_it_keeps_up() {
    let sent = sent_to(|_| ACKNOWLEDGES, 3000);
    assert_eq!((longest_pause(&sent), sent.iter().sum::<usize>()), (0, 3000));
}

#[test]
fn a_console_that_begins_to_acknowledge_late_has_no_more_than_a_window_from_then_on() {
    let begins = |now| if now < 1000 { POLLS_ONLY } else { ACKNOWLEDGES };
    let sent = sent_to(begins, 3000);
    assert_eq!((longest_pause(&sent), sent.iter().sum::<usize>()), (0, 3000));

    let mut test = Test::new(10_000, Duration::ZERO);
    for step in 0..1000 {
        test.edge(0, step % 2 == 0);
    }
    let unlimited: usize = (0..20).map(|now| sent_unanswered(&mut test, now).len()).sum();
    assert!(unlimited > 3 * WINDOW as usize, "{unlimited}");
    test.shaper.note_question(at(20));
    test.answer_question();
    sent_unanswered(&mut test, 21);
    test.acknowledge();
    let limited: usize = (22..100).map(|now| sent_unanswered(&mut test, now).len()).sum();
    assert!(limited <= WINDOW as usize, "{limited}");
    (0..10).for_each(|_| test.acknowledge());
    assert_eq!((101..110).map(|now| sent_unanswered(&mut test, now).len()).sum::<usize>(), 10);
}

#[test]
fn a_console_that_stops_acknowledging_is_waited_for_once_until_it_answers_a_question() {
    let stops = |now| if now < 1000 { ACKNOWLEDGES } else { POLLS_ONLY };
    let sent = sent_to(stops, 3000);
    assert!(longest_pause(&sent) <= 20, "the time of an answer: {}", longest_pause(&sent));
    assert_eq!(sent.iter().filter(|count| **count == 0).count(), longest_pause(&sent), "only once");
}

#[test]
fn a_console_that_is_slow_to_acknowledge_has_no_more_than_a_window() {
    let mut test = Test::new(10_000, Duration::ZERO);
    test.edge(0, true);
    sent(&mut test, 0);
    for step in 1..1000 {
        test.edge(0, step % 2 == 0);
    }
    let (mut on_the_way, mut most) = (0, 0);
    for now in 1..500 {
        on_the_way += sent_unanswered(&mut test, now).len();
        most = most.max(on_the_way);
        if now > 10 {
            test.acknowledge();
            on_the_way -= 1;
        }
    }
    assert_eq!(most, WINDOW as usize);
}

#[test]
fn a_console_that_stops_altogether_receives_nothing_after_a_while_and_the_latest_level_when_it_is_back() {
    for habits in [POLLS_ONLY, ACKNOWLEDGES, Habits { answers_polls: false, ..POLLS_ONLY }] {
        let silent = 1000..5000;
        let is_silent = |now: u64| silent.contains(&now);
        let sent = sent_to(|now| if is_silent(now) { Habits::default() } else { habits }, 8000);
        let patience = PATIENCE.as_millis() as usize;
        let during: usize = sent[1000..5000].iter().sum();
        assert!(during <= 2 * WINDOW as usize + patience + 20, "{during} messages into silence");
        assert_eq!(sent[2000..5000].iter().sum::<usize>(), 0);
        assert_eq!(longest_pause(&sent[..1000]), 0);
    }
}

#[test]
fn thirty_faders_that_move_together_have_the_same_share_each_and_keys_come_first() {
    const FADERS: u32 = 30;
    for rate in [200, 1000, 3000] {
        let mut test = Test::new(rate, Duration::from_millis(10));
        let mut moves = vec![Vec::new(); FADERS as usize];
        let mut edges = Vec::new();
        for now in 0..3000_u64 {
            (0..FADERS).for_each(|fader| test.set_at(now, fader, now as f64 / 3000.0));
            if now % 100 == 50 {
                test.edge(100, now % 200 == 50);
            }
            for send in sent(&mut test, now) {
                match send {
                    OutgoingCommand::Level(slot, level) => {
                        assert_eq!(level, now as f64 / 3000.0, "it is the latest level");
                        moves[slot.index()].push(now);
                    }
                    edge @ OutgoingCommand::Edge(..) => edges.push((now, edge)),
                    other @ (OutgoingCommand::Event(..) | OutgoingCommand::Turn(..)) => {
                        panic!("{other:?} was never asked for")
                    }
                }
            }
        }
        let counts: Vec<_> = moves.iter().map(Vec::len).collect();
        let (least, most) = (counts.iter().min(), counts.iter().max());
        assert!(most <= least.map(|least| least + 1).as_ref(), "at {rate} a second: {counts:?}");
        let even = u64::from(FADERS) * 1000 / u64::from(rate);
        for times in &moves {
            let longest = times.windows(2).map(|pair| pair[1] - pair[0]).max();
            assert!(longest <= Some(even.max(10) + 10), "at {rate} a second: {longest:?} ms, {even} is even");
        }
        assert_eq!(edges.len(), 30);
        let gap = u64::from(1000 / rate);
        assert!(edges.iter().all(|(at, _)| at % 100 - 50 <= gap), "{edges:?}");
    }
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
