//! A path on which messages are counted: those that the soak sends in volleys, and those that it receives.
//!
//! A volley is a few equal messages, some of them at once. If the shows at both ends were undisturbed from its
//! beginning until some time after its end, the number received must equal the number sent. A volley during which a
//! peer was killed or stopped proves nothing about losses and is not counted. Where no part of the path is a state, the
//! number received may never exceed the number sent while a receiver was up, whatever the disturbance: events are not
//! repeated for a peer that reconnects. Each volley has its own level if the path carries one, so that messages of
//! different volleys are not confused.

use std::time::Duration;

use super::peer::Presence;
use super::random::Random;

/// How long after the last message of a volley all of them have to be there.
const ARRIVES: Duration = Duration::from_secs(2);

/// How many strokes a volley has.
const STROKES: [usize; 2] = [3, 8];

/// Levels have as many steps as MIDI has, and 0 is none of them.
const LEVELS: u32 = 127;

/// The maximum deviation of a level: half of the distance between two.
const TOLERANCE: f64 = 0.5 / LEVELS as f64;

/// The values sent at a stroke, which is one action of the soak.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Stroke {
    /// The level of the volley.
    Level,
    /// A text with the level of the volley.
    Text,
    /// 1, and never 0.
    Press,
    /// 1, and at once 0.
    Click,
}

/// The static description of a path.
#[derive(Clone, Debug)]
pub(super) struct CountSpec {
    pub(super) name: String,
    /// The numbers of the families that it comes from and goes to; `None` is the control link of the subject.
    pub(super) ends: [Option<usize>; 2],
    pub(super) stroke: Stroke,
    /// How many messages come of a stroke.
    pub(super) comes: u64,
    /// Whether they carry the level of the volley.
    pub(super) has_level: bool,
    /// Whether no part of the path is a state that is sent again to a peer.
    pub(super) is_event: bool,
    /// Whether a server on the way may miss cycles.
    pub(super) may_miss: bool,
}

/// The present state of the ends of a path.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct EndStates {
    pub(super) from: Presence,
    /// Whether the soak can send anything: its control link is up.
    pub(super) has_hand: bool,
    pub(super) to: Presence,
    /// How often each end has been disturbed so far, if both are undisturbed at the moment.
    pub(super) calm: Option<[u32; 2]>,
    /// The number of cycles that a server on the path has missed so far, if none was recent. The contents of such a
    /// cycle may be lost or arrive twice.
    pub(super) missed: Option<u32>,
}

/// The results of all volleys.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// All strokes, and those of volleys that something disturbed.
    pub(super) strokes: u64,
    pub(super) disturbed: u64,
    /// Of undisturbed volleys: how many messages should have come, and how many of them did.
    pub(super) due: u64,
    pub(super) came: u64,
    /// The number of messages that should not have arrived.
    pub(super) repeated: u64,
}

/// A way in motion. All times are since the beginning of the soak.
#[derive(Debug)]
pub(super) struct CountedPath {
    pub(super) spec: CountSpec,
    pub(super) set: String,
    pub(super) is: String,
    random: Random,
    phase: Phase,
    /// How many volleys there were.
    number: u32,
    volley: Volley,
    /// Messages received since then while none was sent.
    stray: Came,
    /// The state of the ends when the volley began.
    before: Option<EndStates>,
    /// How many volleys were undisturbed.
    pub(super) judged: u64,
    pub(super) tally: Tally,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Phase {
    Rests { until: Duration },
    Says { next: Duration, left: usize },
    Listens { until: Duration },
}

/// The messages received. A key that was pressed before its peer ended is released when the peer is back, so only
/// presses show whether an event was repeated.
#[derive(Copy, Clone, Debug, Default)]
struct Came {
    all: u64,
    presses: u64,
}

#[derive(Copy, Clone, Debug, Default)]
struct Volley {
    strokes: u64,
    /// The number of strokes that a receiver could have received.
    audible: u64,
    came: Came,
    /// How many messages had the level of another volley.
    others: u64,
}

impl Came {
    fn add(&mut self, level: f64) {
        self.all += 1;
        self.presses += u64::from(level > 0.0);
    }
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.strokes += other.strokes;
        self.disturbed += other.disturbed;
        self.due += other.due;
        self.came += other.came;
        self.repeated += other.repeated;
    }
}

impl CountedPath {
    pub(super) fn new(seed: u64, spec: CountSpec) -> Self {
        let path = format!("/count/{}", spec.name);
        let mut random = Random::new(seed, &path);
        Self {
            set: format!("{path}/set"),
            is: format!("{path}/is"),
            phase: Phase::Rests { until: random.millis(0, 3000) },
            random,
            number: 0,
            volley: Volley::default(),
            stray: Came::default(),
            before: None,
            judged: 0,
            tally: Tally::default(),
            spec,
        }
    }

    /// The level of this volley.
    pub(super) fn level(&self) -> f64 {
        f64::from(1 + self.number % LEVELS) / f64::from(LEVELS)
    }

    /// Whether no volley is under way.
    pub(super) fn rests(&self) -> bool {
        matches!(self.phase, Phase::Rests { .. })
    }

    /// Sends what is due and returns the number of strokes. A new volley begins only if `plays`.
    pub(super) fn step(&mut self, now: Duration, ends: EndStates, plays: bool) -> u32 {
        match self.phase {
            Phase::Rests { until } => {
                if now >= until {
                    self.judge_stray(ends);
                }
                // Late messages must not be confused with those of the next volley, so none begins while messages may
                // be queued.
                let is_clear = ends.from == Presence::There && ends.to != Presence::Between;
                if plays && now >= until && is_clear {
                    self.number += 1;
                    self.before = Some(ends);
                    self.volley = Volley::default();
                    let left = STROKES[0] + self.random.below(STROKES[1] - STROKES[0] + 1);
                    self.phase = Phase::Says { next: now, left };
                }
                0
            }
            Phase::Says { next, left } => self.says(now, ends, next, left),
            Phase::Listens { until } => {
                if now >= until && ends.from != Presence::Between && ends.to != Presence::Between {
                    self.judge(ends);
                    self.phase = Phase::Rests { until: now + self.random.millis(200, 2000) };
                }
                0
            }
        }
    }

    /// Records a received message.
    pub(super) fn handle_message(&mut self, level: f64) {
        if self.rests() {
            self.stray.add(level);
        } else if self.spec.has_level && (level - self.level()).abs() >= TOLERANCE {
            self.volley.others += 1;
        } else {
            self.volley.came.add(level);
        }
    }

    /// Sends the due strokes and returns their number.
    fn says(&mut self, now: Duration, ends: EndStates, mut next: Duration, mut left: usize) -> u32 {
        if !ends.has_hand {
            left = 0;
        }
        let mut strokes = 0;
        while left > 0 && now >= next {
            strokes += 1;
            left -= 1;
            // Every other stroke is sent together with the previous one.
            next = now + self.random.millis(0, 1) * self.random.below(120) as u32;
        }
        self.volley.strokes += u64::from(strokes);
        if ends.to != Presence::Absent {
            self.volley.audible += u64::from(strokes);
        }
        self.phase = match left {
            0 => Phase::Listens { until: now + ARRIVES },
            _ => Phase::Says { next, left },
        };
        strokes
    }

    /// Whether no server on the way has missed a cycle since the volley began.
    fn missed_nothing(&self, ends: EndStates) -> bool {
        self.before.is_none_or(|before| before.missed == ends.missed) && ends.missed.is_some()
    }

    /// Whether nothing was done to the ends since the volley began.
    fn was_undisturbed(&self, ends: EndStates) -> bool {
        let is_calm = self.before.is_some_and(|before| before.calm == ends.calm) && ends.calm.is_some();
        is_calm && self.missed_nothing(ends)
    }

    /// Checks the messages received since the volley that belong to no stroke.
    fn judge_stray(&mut self, ends: EndStates) {
        let stray = std::mem::take(&mut self.stray);
        if self.was_undisturbed(ends) {
            self.tally.repeated += stray.all;
        } else if self.spec.is_event && self.missed_nothing(ends) {
            self.tally.repeated += stray.presses;
        }
    }

    fn judge(&mut self, ends: EndStates) {
        let Volley { strokes, audible, came, others } = std::mem::take(&mut self.volley);
        self.tally.strokes += strokes;
        if self.was_undisturbed(ends) {
            let due = strokes * self.spec.comes;
            self.judged += 1;
            self.tally.due += due;
            self.tally.came += came.all.min(due);
            self.tally.repeated += others + came.all.saturating_sub(due);
        } else {
            self.tally.disturbed += strokes;
            if self.spec.is_event && self.missed_nothing(ends) {
                // A stroke has one press.
                self.tally.repeated += others + came.presses.saturating_sub(audible);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(5);
    const UP: EndStates = EndStates {
        from: Presence::There,
        has_hand: true,
        to: Presence::There,
        calm: Some([0, 0]),
        missed: Some(0),
    };
    const DOWN: EndStates = EndStates { to: Presence::Absent, calm: None, ..UP };
    const WAKES: EndStates = EndStates { to: Presence::Between, ..DOWN };
    /// Up again, and with a disturbance more.
    const BACK: EndStates = EndStates { calm: Some([0, 1]), ..UP };

    fn count(is_event: bool) -> CountedPath {
        let spec = CountSpec {
            name: "a/b".into(),
            ends: [None, Some(1)],
            stroke: Stroke::Level,
            comes: 1,
            has_level: true,
            is_event,
            may_miss: true,
        };
        CountedPath::new(1, spec)
    }

    /// Plays for a while; `pass` decides how many messages of each stroke are received.
    fn play(count: &mut CountedPath, now: &mut Duration, ends: EndStates, mut pass: impl FnMut(f64) -> u32) {
        for _ in 0..4000 {
            *now += STEP;
            for _ in 0..count.step(*now, ends, true) {
                let level = count.level();
                (0..pass(level)).for_each(|_| count.handle_message(level));
            }
        }
    }

    /// Until no volley is under way.
    fn rest(count: &mut CountedPath, now: &mut Duration, ends: EndStates) {
        while !count.rests() {
            *now += STEP;
            count.step(*now, ends, false);
        }
    }

    #[test]
    fn as_many_come_as_were_said_and_nothing_is_wrong() {
        let (mut count, mut now) = (count(true), Duration::ZERO);
        play(&mut count, &mut now, UP, |_| 1);
        rest(&mut count, &mut now, UP);
        let Tally { strokes, disturbed, due, came, repeated } = count.tally;
        assert!(count.judged > 3 && due > 12, "{:?}", count.tally);
        assert_eq!((strokes, disturbed, came, repeated), (due, 0, due, 0));
    }

    #[test]
    fn an_output_that_drops_what_equals_the_last_value_is_found() {
        let (mut count, mut now, mut last) = (count(false), Duration::ZERO, 0.0);
        play(&mut count, &mut now, UP, |level| {
            let is_news = level != last;
            last = level;
            u32::from(is_news)
        });
        rest(&mut count, &mut now, UP);
        assert_eq!((count.tally.came, count.tally.repeated), (count.judged, 0));
        assert!(count.tally.due >= 3 * count.judged);
    }

    #[test]
    fn one_lost_message_and_one_too_many_do_not_make_up_for_each_other() {
        let (mut count, mut now, mut number) = (count(false), Duration::ZERO, 0);
        play(&mut count, &mut now, UP, |_| {
            number += 1;
            match number {
                2 => 0,
                20 => 2,
                _ => 1,
            }
        });
        rest(&mut count, &mut now, UP);
        let Tally { due, came, repeated, .. } = count.tally;
        assert_eq!((due - came, repeated), (1, 1));
    }

    #[test]
    fn what_is_lost_while_a_peer_is_away_is_no_loss() {
        let (mut count, mut now) = (count(true), Duration::ZERO);
        play(&mut count, &mut now, DOWN, |_| 0);
        rest(&mut count, &mut now, DOWN);
        let Tally { strokes, disturbed, due, came, repeated } = count.tally;
        assert!(strokes > 12);
        assert_eq!((disturbed, due, came, repeated, count.judged), (strokes, 0, 0, 0, 0));
    }

    #[test]
    fn an_event_that_a_peer_is_told_when_it_is_back_is_found_and_a_level_is_not() {
        for (is_event, found) in [(true, 1), (false, 0)] {
            let (mut count, mut now) = (count(is_event), Duration::ZERO);
            // While nothing is sent, and while sent messages are awaited.
            play(&mut count, &mut now, DOWN, |_| 0);
            rest(&mut count, &mut now, DOWN);
            count.handle_message(count.level());
            now += Duration::from_secs(10);
            count.step(now, WAKES, false);
            assert_eq!(count.tally.repeated, found);

            while !matches!(count.phase, Phase::Listens { .. }) {
                now += STEP;
                count.step(now, DOWN, true);
            }
            count.handle_message(count.level());
            rest(&mut count, &mut now, BACK);
            assert_eq!(count.tally.repeated, 2 * found);
        }
    }

    #[test]
    fn a_volley_that_began_before_a_disturbance_is_not_counted_whatever_came_of_it() {
        let (mut count, mut now) = (count(true), Duration::ZERO);
        while !matches!(count.phase, Phase::Listens { .. }) {
            now += STEP;
            count.step(now, UP, true);
        }
        rest(&mut count, &mut now, BACK);
        assert_eq!((count.judged, count.tally.due, count.tally.repeated), (0, 0, 0));
        assert!(count.tally.disturbed >= 3);
    }

    #[test]
    fn a_key_that_is_released_when_its_peer_is_back_is_not_pressed_again() {
        let (mut count, mut now) = (count(true), Duration::ZERO);
        play(&mut count, &mut now, DOWN, |_| 0);
        rest(&mut count, &mut now, DOWN);
        count.spec.has_level = false;
        count.handle_message(0.0);
        count.step(now + Duration::from_secs(10), WAKES, false);
        assert_eq!(count.tally.repeated, 0);
        count.handle_message(1.0);
        count.step(now + Duration::from_secs(20), WAKES, false);
        assert_eq!(count.tally.repeated, 1);
    }

    #[test]
    fn a_volley_with_a_cycle_that_a_server_missed_proves_nothing() {
        let (mut count, mut now) = (count(true), Duration::ZERO);
        let missing = EndStates { missed: None, ..UP };
        let missed = EndStates { missed: Some(1), ..UP };
        while !matches!(count.phase, Phase::Listens { .. }) {
            now += STEP;
            count.step(now, UP, true);
        }
        count.handle_message(0.0);
        rest(&mut count, &mut now, missing);
        count.handle_message(count.level());
        count.step(now + Duration::from_secs(10), missed, false);
        assert_eq!((count.judged, count.tally.due, count.tally.repeated), (0, 0, 0));
        play(&mut count, &mut now, missed, |_| 1);
        rest(&mut count, &mut now, missed);
        assert!(count.judged > 3 && count.tally.due == count.tally.came);
    }

    #[test]
    fn a_level_of_an_earlier_volley_counts_as_repeated() {
        let (mut count, mut now) = (count(true), Duration::ZERO);
        let mut before = None;
        for _ in 0..8000 {
            now += STEP;
            for _ in 0..count.step(now, UP, true) {
                let level = count.level();
                count.handle_message(before.filter(|before| *before != level).unwrap_or(level));
                before.get_or_insert(level);
            }
        }
        rest(&mut count, &mut now, UP);
        assert!(count.tally.repeated > 0 && count.tally.came < count.tally.due);
    }
}
