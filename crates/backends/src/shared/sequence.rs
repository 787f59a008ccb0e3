//! Sequence numbers of a stream of packets: detects packets that are late, are duplicates, or begin a new count.
//!
//! Numbers are interpreted together with the time. A network delays a packet by milliseconds. A packet that arrives half a second
//! after the first packet with the latest number was sent after that, however low its own number is. Therefore a restarted
//! source is accepted after half a second at most, and a source whose number never changes is known by then.
//!
//! The standard of each protocol says what to do with each [`PacketOrder`]. Dropped packets are counted here and reported to the
//! operator ([`Trouble`]).

use std::fmt;

use crosspatch_core::{Duration, Instant, Notice};

/// The longest delay of a packet in a network.
const LONGEST_DELAY: Duration = Duration::from_millis(500);

/// The minimum time between two reports of the same trouble.
const REPORT_AGAIN: Duration = Duration::from_secs(10);

/// The number of packets with the same number after which the number counts as constant.
const STILL: u32 = 10;

/// The number of duplicates that indicate two network paths, or two sources.
const TWICE: u32 = 20;

/// The number of new counts within a second that indicate two sources.
const SPLIT: u32 = 8;

/// The width of the numbers of a protocol, and how they are compared.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct NumberWidth {
    /// The number of bits of a number.
    bits: u32,
    /// A number that is lower by at least this begins a new count. At most 64, the width of `seen`.
    window: u32,
}

impl NumberWidth {
    /// One byte. A packet may be overtaken by nineteen others (E1.31, clause 6.7.2).
    pub(crate) const BYTE: Self = Self { bits: 8, window: 20 };
    /// Two bytes, as in RTP.
    pub(crate) const RTP: Self = Self { bits: 16, window: 64 };

    /// The difference of two numbers, which wrap.
    fn step(self, last: u16, next: u16) -> i32 {
        let unused = 32 - self.bits;
        (i32::from(next) - i32::from(last)) << unused >> unused
    }
}

/// The order of a packet in its stream, by its number.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum PacketOrder {
    /// The number follows the last one, with this difference.
    Newer(u32),
    /// The packet is the first one, or the first of a new count.
    Anew,
    /// The number equals the last one, like that of all packets of this source.
    Still,
    /// The number equals the last one.
    Again,
    /// A packet with this number was already received, and later packets after it.
    Twice,
    /// Later packets overtook it. The difference to the latest number.
    Late(u32),
}

/// Irregularities of the numbers of a source, for the operator.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// This many packets were dropped because later ones had overtaken them.
    Late(u32),
    /// A new count has begun. This many of its packets were dropped before that was certain.
    Anew(u32),
    /// All packets have this number.
    Still(u16),
    /// Packets come twice.
    Twice,
    /// Two counts alternate.
    Split,
}

impl Trouble {
    /// The notice about the packets of `what` from `who`.
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
pub(crate) struct SequenceTracker {
    numbers: NumberWidth,
    /// The latest number, and when it was first received.
    last: Option<(u16, Instant)>,
    /// Which numbers were received, the latest in the lowest bit.
    seen: u64,
    /// The number of consecutive packets with the latest number.
    same: u32,
    is_still: bool,
    is_still_reported: bool,
    /// The number of packets with lower numbers received since then.
    lower: u32,
    late: u32,
    late_reported_at: Option<Instant>,
    /// The number of packets received twice.
    doubles: u32,
    is_double: bool,
    /// When the first of the latest new counts began, and how many have begun since.
    counts: (Instant, u32),
    split_reported_at: Option<Instant>,
    trouble: Option<Trouble>,
}

impl SequenceTracker {
    /// A tracker of a source without packets.
    pub(crate) fn new(numbers: NumberWidth) -> Self {
        Self {
            numbers,
            last: None,
            seen: 0,
            same: 0,
            is_still: false,
            is_still_reported: false,
            lower: 0,
            late: 0,
            late_reported_at: None,
            doubles: 0,
            is_double: false,
            counts: (Instant::START, 0),
            split_reported_at: None,
            trouble: None,
        }
    }

    /// Returns the order of a packet with this number, and records the number.
    pub(crate) fn check(&mut self, now: Instant, number: u16) -> PacketOrder {
        let order = self.judge(now, number);
        match order {
            PacketOrder::Newer(step) => {
                self.doubles += u32::from(std::mem::take(&mut self.is_double));
                if self.doubles == TWICE {
                    self.trouble = Some(Trouble::Twice);
                    self.doubles += 1;
                }
                self.begin(now, number, self.seen.checked_shl(step).unwrap_or(0));
            }
            PacketOrder::Anew => {
                if self.lower > 0 {
                    self.trouble = Some(Trouble::Anew(self.lower));
                }
                self.count(now);
                self.begin(now, number, 0);
            }
            PacketOrder::Still | PacketOrder::Again => {
                self.same = self.same.saturating_add(1);
                self.is_still = order == PacketOrder::Still;
                self.is_double = !self.is_still;
                if self.is_still
                    && self.same >= STILL
                    && !std::mem::replace(&mut self.is_still_reported, true)
                {
                    self.trouble = Some(Trouble::Still(number));
                }
            }
            PacketOrder::Twice => {
                self.is_double = true;
                self.lower += 1;
            }
            PacketOrder::Late(back) => {
                self.seen |= 1 << back;
                self.lower += 1;
            }
        }
        self.report_late(now);
        order
    }

    /// Counts a late packet that is dropped.
    pub(crate) fn leave_out(&mut self, now: Instant) {
        self.late += 1;
        self.report_late(now);
    }

    /// Handles a packet without a number: the next number begins a new count.
    pub(crate) fn skip(&mut self) {
        self.last = None;
    }

    /// The latest number.
    pub(crate) fn last(&self) -> Option<u16> {
        self.last.map(|(number, _)| number)
    }

    /// Returns what was wrong since the last call.
    pub(crate) fn take_trouble(&mut self) -> Option<Trouble> {
        self.trouble.take()
    }

    fn begin(&mut self, now: Instant, number: u16, seen: u64) {
        (self.last, self.seen) = (Some((number, now)), seen | 1);
        (self.same, self.lower, self.is_still, self.is_still_reported) = (1, 0, false, false);
    }

    fn report_late(&mut self, now: Instant) {
        if self.late > 0 && self.late_reported_at.is_none_or(|reported| now >= reported + REPORT_AGAIN) {
            self.late_reported_at = Some(now);
            self.trouble = Some(Trouble::Late(std::mem::take(&mut self.late)));
        }
    }

    /// Counts a new count. A restarted source begins one; two alternating sources begin new ones all the time.
    fn count(&mut self, now: Instant) {
        let (since, count) = &mut self.counts;
        if now >= *since + Duration::from_secs(1) {
            (*since, *count) = (now, 0);
        }
        *count += 1;
        if *count == SPLIT && self.split_reported_at.is_none_or(|reported| now >= reported + REPORT_AGAIN) {
            self.split_reported_at = Some(now);
            self.trouble = Some(Trouble::Split);
        }
    }

    fn judge(&self, now: Instant, number: u16) -> PacketOrder {
        let Some((last, since)) = self.last else { return PacketOrder::Anew };
        let is_old = now >= since + LONGEST_DELAY;
        let step = self.numbers.step(last, number);
        let back = step.unsigned_abs();
        match step {
            1.. => PacketOrder::Newer(back),
            0 if is_old || self.is_still => PacketOrder::Still,
            0 => PacketOrder::Again,
            _ if is_old || back >= self.numbers.window => PacketOrder::Anew,
            _ if self.seen & 1 << back != 0 => PacketOrder::Twice,
            _ => PacketOrder::Late(back),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::START + Duration::from_millis(millis)
    }

    /// The order of a packet, some milliseconds after another one.
    fn verdict(numbers: NumberWidth, last: u16, next: u16, later: u64) -> PacketOrder {
        let mut sequence = SequenceTracker::new(numbers);
        assert_eq!(sequence.check(at(1_000), last), PacketOrder::Anew);
        sequence.check(at(1_000 + later), next)
    }

    /// The verdicts on packets with these numbers, ten milliseconds apart, and the troubles.
    fn play(numbers: impl IntoIterator<Item = u16>) -> (Vec<PacketOrder>, Vec<Trouble>) {
        let mut sequence = SequenceTracker::new(NumberWidth::BYTE);
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
            (0, 1, PacketOrder::Newer(1)),
            (0, 0, PacketOrder::Again),
            (255, 0, PacketOrder::Newer(1)),
            (0, 255, PacketOrder::Late(1)),
            (100, 81, PacketOrder::Late(19)),
            (100, 80, PacketOrder::Anew),
            (100, 227, PacketOrder::Newer(127)),
            (100, 228, PacketOrder::Anew),
            (10, 247, PacketOrder::Late(19)),
            (10, 246, PacketOrder::Anew),
        ] {
            assert_eq!(verdict(NumberWidth::BYTE, last, next, 20), expected, "{next} after {last}");
        }
        for (last, next, expected) in [
            (65_535, 0, PacketOrder::Newer(1)),
            (5, 65_535, PacketOrder::Late(6)),
            (100, 37, PacketOrder::Late(63)),
            (100, 36, PacketOrder::Anew),
            (100, 32_867, PacketOrder::Newer(32_767)),
        ] {
            assert_eq!(verdict(NumberWidth::RTP, last, next, 20), expected, "{next} after {last}");
        }
    }

    #[test]
    fn after_half_a_second_no_number_is_late() {
        for (later, low, same) in
            [(499, PacketOrder::Late(11), PacketOrder::Again), (500, PacketOrder::Anew, PacketOrder::Still)]
        {
            assert_eq!(verdict(NumberWidth::BYTE, 12, 1, later), low);
            assert_eq!(verdict(NumberWidth::BYTE, 12, 12, later), same);
        }
    }

    #[test]
    fn what_is_left_out_does_not_lengthen_the_time() {
        let mut sequence = SequenceTracker::new(NumberWidth::BYTE);
        sequence.check(at(0), 12);
        let verdicts: Vec<_> =
            (1..=60).map(|number| sequence.check(at(number * 10), number as u16 % 9)).collect();
        assert_eq!(verdicts.iter().filter(|verdict| **verdict == PacketOrder::Anew).count(), 1);
        assert_eq!(verdicts.iter().position(|verdict| *verdict == PacketOrder::Anew), Some(49));
    }

    #[test]
    fn a_number_that_never_moves_is_told_once_and_known_until_it_moves() {
        let (verdicts, troubles) = play([7; 100]);
        assert!(verdicts[1..50].iter().all(|verdict| *verdict == PacketOrder::Again));
        assert!(verdicts[50..].iter().all(|verdict| *verdict == PacketOrder::Still));
        assert_eq!(troubles, [Trouble::Still(7)]);
        let (verdicts, _) = play([7; 60].into_iter().chain([8, 8]));
        assert_eq!(verdicts[60..], [PacketOrder::Newer(1), PacketOrder::Again]);
    }

    #[test]
    fn a_slow_source_whose_number_never_moves_is_told_when_it_is_certain() {
        let mut sequence = SequenceTracker::new(NumberWidth::BYTE);
        for second in 0..10 {
            assert_eq!(sequence.take_trouble(), None);
            sequence.check(at(second * 1_000), 7);
        }
        assert_eq!(sequence.take_trouble(), Some(Trouble::Still(7)));
    }

    #[test]
    fn late_packets_are_counted_and_told_again_after_a_while() {
        let mut sequence = SequenceTracker::new(NumberWidth::BYTE);
        let mut told = Vec::new();
        for step in 0..1_200_u64 {
            // Every tenth packet comes after the next one.
            let number = match step % 10 {
                4 => step + 1,
                5 => step - 1,
                _ => step,
            };
            let now = at(step * 10);
            if let PacketOrder::Late(_) = sequence.check(now, number as u16 % 256) {
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
        assert!(!verdicts.iter().any(|verdict| matches!(verdict, PacketOrder::Late(_))), "{verdicts:?}");
        assert_eq!(troubles, [Trouble::Twice]);
        assert_eq!(play((0..100).flat_map(|number| [number; 2])).1, [Trouble::Twice]);
    }

    #[test]
    fn two_counts_that_alternate_are_two_sources() {
        let (verdicts, troubles) = play((0..100).flat_map(|number| [number, number + 100]));
        assert!(verdicts.iter().all(|verdict| matches!(verdict, PacketOrder::Newer(_) | PacketOrder::Anew)));
        assert_eq!(troubles, [Trouble::Split]);
        let restarts = (0..20).flat_map(|_| 1..100);
        assert_eq!(play(restarts).1, []);
    }
}
