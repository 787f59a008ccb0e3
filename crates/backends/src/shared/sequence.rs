//! Sequence numbers of a stream of packets: which packets are late, come twice, or begin a new count.
//!
//! A number says nothing without the time. A network holds a packet back for milliseconds; whatever comes half a second after
//! the first packet of a number was sent after it, however low its own number. A source that is started again is thus heard
//! after half a second at most, and one whose number never moves is known by then.
//!
//! What a protocol does with each [`Verdict`] is its own business, and in its standard. What is left out is counted here, so
//! that an operator is told of it in words ([`Trouble`]).

use std::fmt;

use crosspatch_core::{Duration, Instant, Notice};

/// A packet that is older than this does not arrive any more.
const LONGEST_DELAY: Duration = Duration::from_millis(500);

/// The minimum time between two reports of the same trouble.
const TELL_AGAIN: Duration = Duration::from_secs(10);

/// So many packets with one number are a number that never moves.
const STILL: u32 = 10;

/// So many numbers that come twice are two ways, or two sources.
const TWICE: u32 = 20;

/// So many new counts within a second are two sources.
const SPLIT: u32 = 8;

/// How numbers are written and compared.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Numbers {
    /// How many bits a number has.
    bits: u32,
    /// A number that is lower by so much, or by more, is one of a new count. At most 64, as those that have come are.
    window: u32,
}

impl Numbers {
    /// One byte. A packet may be overtaken by nineteen others (E1.31, clause 6.7.2).
    pub(crate) const BYTE: Self = Self { bits: 8, window: 20 };
    /// Two bytes, as in RTP.
    pub(crate) const RTP: Self = Self { bits: 16, window: 64 };

    /// By how much a number follows another one, which goes round.
    fn step(self, last: u16, next: u16) -> i32 {
        let unused = 32 - self.bits;
        (i32::from(next) - i32::from(last)) << unused >> unused
    }
}

/// What a number says of its packet.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It follows the last one, by so many numbers.
    Newer(u32),
    /// It is the first one, or the first of a new count.
    Anew,
    /// It has the same number as the last one, as all packets of its source have.
    Still,
    /// It has the same number as the last one.
    Again,
    /// A packet with its number has come, and others after that.
    Twice,
    /// Others overtook it, so many numbers ago.
    Late(u32),
}

/// What an operator should know of the numbers of a source.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// So many packets were left out because others had overtaken them.
    Late(u32),
    /// A new count has begun, and so many packets of it were left out until that was clear.
    Anew(u32),
    /// All packets have this number.
    Still(u16),
    /// Packets come twice.
    Twice,
    /// Two counts alternate.
    Split,
}

impl Trouble {
    /// The notice that `who` has it with the packets of `what`.
    pub(crate) fn notice(self, id: &'static str, who: impl fmt::Display, what: impl fmt::Display) -> Notice {
        match self {
            Self::Late(1) => {
                Notice::info(id, format!("{who} sends {what} out of order; a late packet was dropped"))
            }
            Self::Late(count) => {
                let text = format!("{who} sends {what} out of order; {count} late packets were dropped");
                Notice::info(id, text)
            }
            Self::Anew(count) => {
                let text = format!(
                    "{who} has restarted its sequence numbers of {what}; packets dropped until that was clear: {count}"
                );
                Notice::info(id, text)
            }
            Self::Still(number) => {
                let text = format!(
                    "{who} repeats sequence number {number} of {what}; its packets are accepted in order of arrival"
                );
                Notice::warning(id, text)
            }
            Self::Twice => {
                let text = format!(
                    "{who} sends {what} twice, over two paths or as two sources with one identity; duplicates are dropped"
                );
                Notice::info(id, text)
            }
            Self::Split => {
                let text = format!(
                    "{who} sends {what} with two alternating sequences of numbers, as two sources with one identity do; both are accepted"
                );
                Notice::warning(id, text)
            }
        }
    }
}

/// The numbers of a source.
#[derive(Clone, Debug)]
pub(crate) struct Sequence {
    numbers: Numbers,
    /// The latest number, and when it came first.
    last: Option<(u16, Instant)>,
    /// Which numbers have come, the latest in the lowest bit.
    seen: u64,
    /// How many packets in a row have the latest number.
    same: u32,
    is_still: bool,
    is_still_told: bool,
    /// How many packets with lower numbers have come since then.
    lower: u32,
    late: u32,
    late_told_at: Option<Instant>,
    /// How many numbers have come twice.
    doubles: u32,
    is_double: bool,
    /// When the first of the latest new counts began, and how many have since.
    counts: (Instant, u32),
    split_told_at: Option<Instant>,
    trouble: Option<Trouble>,
}

impl Sequence {
    /// Nothing has come yet.
    pub(crate) fn new(numbers: Numbers) -> Self {
        Self {
            numbers,
            last: None,
            seen: 0,
            same: 0,
            is_still: false,
            is_still_told: false,
            lower: 0,
            late: 0,
            late_told_at: None,
            doubles: 0,
            is_double: false,
            counts: (Instant::START, 0),
            split_told_at: None,
            trouble: None,
        }
    }

    /// A packet has this number. If it is the latest one, it is the last one from here on.
    pub(crate) fn check(&mut self, now: Instant, number: u16) -> Verdict {
        let verdict = self.judge(now, number);
        match verdict {
            Verdict::Newer(step) => {
                self.doubles += u32::from(std::mem::take(&mut self.is_double));
                if self.doubles == TWICE {
                    self.trouble = Some(Trouble::Twice);
                    self.doubles += 1;
                }
                self.begin(now, number, self.seen.checked_shl(step).unwrap_or(0));
            }
            Verdict::Anew => {
                if self.lower > 0 {
                    self.trouble = Some(Trouble::Anew(self.lower));
                }
                self.count(now);
                self.begin(now, number, 0);
            }
            Verdict::Still | Verdict::Again => {
                self.same = self.same.saturating_add(1);
                self.is_still = verdict == Verdict::Still;
                self.is_double = !self.is_still;
                if self.is_still && self.same >= STILL && !std::mem::replace(&mut self.is_still_told, true) {
                    self.trouble = Some(Trouble::Still(number));
                }
            }
            Verdict::Twice => {
                self.is_double = true;
                self.lower += 1;
            }
            Verdict::Late(back) => {
                self.seen |= 1 << back;
                self.lower += 1;
            }
        }
        self.tell_late(now);
        verdict
    }

    /// A packet that came late is left out.
    pub(crate) fn leave_out(&mut self, now: Instant) {
        self.late += 1;
        self.tell_late(now);
    }

    /// A packet without a number has come: the next one with a number begins anew.
    pub(crate) fn skip(&mut self) {
        self.last = None;
    }

    /// The latest number.
    pub(crate) fn last(&self) -> Option<u16> {
        self.last.map(|(number, _)| number)
    }

    /// What an operator should know since the last call.
    pub(crate) fn take_trouble(&mut self) -> Option<Trouble> {
        self.trouble.take()
    }

    fn begin(&mut self, now: Instant, number: u16, seen: u64) {
        (self.last, self.seen) = (Some((number, now)), seen | 1);
        (self.same, self.lower, self.is_still, self.is_still_told) = (1, 0, false, false);
    }

    fn tell_late(&mut self, now: Instant) {
        if self.late > 0 && self.late_told_at.is_none_or(|told| now >= told + TELL_AGAIN) {
            self.late_told_at = Some(now);
            self.trouble = Some(Trouble::Late(std::mem::take(&mut self.late)));
        }
    }

    /// A new count begins. Of a source that was started again there is one; two that alternate begin anew all the time.
    fn count(&mut self, now: Instant) {
        let (since, count) = &mut self.counts;
        if now >= *since + Duration::from_secs(1) {
            (*since, *count) = (now, 0);
        }
        *count += 1;
        if *count == SPLIT && self.split_told_at.is_none_or(|told| now >= told + TELL_AGAIN) {
            self.split_told_at = Some(now);
            self.trouble = Some(Trouble::Split);
        }
    }

    fn judge(&self, now: Instant, number: u16) -> Verdict {
        let Some((last, since)) = self.last else { return Verdict::Anew };
        let is_old = now >= since + LONGEST_DELAY;
        let step = self.numbers.step(last, number);
        let back = step.unsigned_abs();
        match step {
            1.. => Verdict::Newer(back),
            0 if is_old || self.is_still => Verdict::Still,
            0 => Verdict::Again,
            _ if is_old || back >= self.numbers.window => Verdict::Anew,
            _ if self.seen & 1 << back != 0 => Verdict::Twice,
            _ => Verdict::Late(back),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::START + Duration::from_millis(millis)
    }

    /// What a number says, some milliseconds after another one.
    fn verdict(numbers: Numbers, last: u16, next: u16, later: u64) -> Verdict {
        let mut sequence = Sequence::new(numbers);
        assert_eq!(sequence.check(at(1_000), last), Verdict::Anew);
        sequence.check(at(1_000 + later), next)
    }

    /// The verdicts on packets with these numbers, ten milliseconds apart, and the troubles.
    fn play(numbers: impl IntoIterator<Item = u16>) -> (Vec<Verdict>, Vec<Trouble>) {
        let mut sequence = Sequence::new(Numbers::BYTE);
        let (mut verdicts, mut troubles) = (Vec::new(), Vec::new());
        for (millis, number) in (0..).step_by(10).zip(numbers) {
            verdicts.push(sequence.check(at(millis), number));
            troubles.extend(sequence.take_trouble());
        }
        (verdicts, troubles)
    }

    #[test]
    fn numbers_go_round_and_old_ones_are_known_by_their_distance() {
        for (last, next, expected) in [
            (0, 1, Verdict::Newer(1)),
            (0, 0, Verdict::Again),
            (255, 0, Verdict::Newer(1)),
            (0, 255, Verdict::Late(1)),
            (100, 81, Verdict::Late(19)),
            (100, 80, Verdict::Anew),
            (100, 227, Verdict::Newer(127)),
            (100, 228, Verdict::Anew),
            (10, 247, Verdict::Late(19)),
            (10, 246, Verdict::Anew),
        ] {
            assert_eq!(verdict(Numbers::BYTE, last, next, 20), expected, "{next} after {last}");
        }
        for (last, next, expected) in [
            (65_535, 0, Verdict::Newer(1)),
            (5, 65_535, Verdict::Late(6)),
            (100, 37, Verdict::Late(63)),
            (100, 36, Verdict::Anew),
            (100, 32_867, Verdict::Newer(32_767)),
        ] {
            assert_eq!(verdict(Numbers::RTP, last, next, 20), expected, "{next} after {last}");
        }
    }

    #[test]
    fn after_half_a_second_no_number_is_late() {
        for (later, low, same) in
            [(499, Verdict::Late(11), Verdict::Again), (500, Verdict::Anew, Verdict::Still)]
        {
            assert_eq!(verdict(Numbers::BYTE, 12, 1, later), low);
            assert_eq!(verdict(Numbers::BYTE, 12, 12, later), same);
        }
    }

    #[test]
    fn what_is_left_out_does_not_lengthen_the_time() {
        let mut sequence = Sequence::new(Numbers::BYTE);
        sequence.check(at(0), 12);
        let verdicts: Vec<_> =
            (1..=60).map(|number| sequence.check(at(number * 10), number as u16 % 9)).collect();
        assert_eq!(verdicts.iter().filter(|verdict| **verdict == Verdict::Anew).count(), 1);
        assert_eq!(verdicts.iter().position(|verdict| *verdict == Verdict::Anew), Some(49));
    }

    #[test]
    fn a_number_that_never_moves_is_told_once_and_known_until_it_moves() {
        let (verdicts, troubles) = play([7; 100]);
        assert!(verdicts[1..50].iter().all(|verdict| *verdict == Verdict::Again));
        assert!(verdicts[50..].iter().all(|verdict| *verdict == Verdict::Still));
        assert_eq!(troubles, [Trouble::Still(7)]);
        let (verdicts, _) = play([7; 60].into_iter().chain([8, 8]));
        assert_eq!(verdicts[60..], [Verdict::Newer(1), Verdict::Again]);
    }

    #[test]
    fn a_slow_source_whose_number_never_moves_is_told_when_it_is_certain() {
        let mut sequence = Sequence::new(Numbers::BYTE);
        for second in 0..10 {
            assert_eq!(sequence.take_trouble(), None);
            sequence.check(at(second * 1_000), 7);
        }
        assert_eq!(sequence.take_trouble(), Some(Trouble::Still(7)));
    }

    #[test]
    fn late_packets_are_counted_and_told_again_after_a_while() {
        let mut sequence = Sequence::new(Numbers::BYTE);
        let mut told = Vec::new();
        for step in 0..1_200_u64 {
            // Every tenth packet comes after the next one.
            let number = match step % 10 {
                4 => step + 1,
                5 => step - 1,
                _ => step,
            };
            let now = at(step * 10);
            if let Verdict::Late(_) = sequence.check(now, number as u16 % 256) {
                sequence.leave_out(now);
            }
            told.extend(sequence.take_trouble());
        }
        assert_eq!(told, [Trouble::Late(1), Trouble::Late(99)]);
    }

    #[test]
    fn a_packet_that_comes_twice_by_another_way_is_no_late_one() {
        let slower = (0..100).flat_map(|number: u16| [number, number.saturating_sub(2)]);
        let (verdicts, troubles) = play(slower);
        assert!(!verdicts.iter().any(|verdict| matches!(verdict, Verdict::Late(_))), "{verdicts:?}");
        assert_eq!(troubles, [Trouble::Twice]);
        assert_eq!(play((0..100).flat_map(|number| [number; 2])).1, [Trouble::Twice]);
    }

    #[test]
    fn two_counts_that_alternate_are_two_sources() {
        let (verdicts, troubles) = play((0..100).flat_map(|number| [number, number + 100]));
        assert!(verdicts.iter().all(|verdict| matches!(verdict, Verdict::Newer(_) | Verdict::Anew)));
        assert_eq!(troubles, [Trouble::Split]);
        let restarts = (0..20).flat_map(|_| 1..100);
        assert_eq!(play(restarts).1, []);
    }
}
