//! The wake-up times of sessions or chains, by their numbers.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::Instant;

/// A heap in which an obsolete entry remains until it is due. Setting an alarm is a push, and usually not even that: a
/// sleeper whose wake-up time moves back is only checked once more at the earlier time.
#[derive(Default)]
pub(super) struct Alarms {
    heap: BinaryHeap<Reverse<(Instant, usize)>>,
    /// The alarm of each that counts.
    set: Vec<Option<Instant>>,
}

impl Alarms {
    /// Creates the alarms of N sleepers from their wake-up times.
    pub(super) fn of(wakes: impl ExactSizeIterator<Item = Option<Instant>>) -> Self {
        let mut alarms = Self { heap: BinaryHeap::new(), set: vec![None; wakes.len()] };
        wakes.enumerate().for_each(|(at, due)| alarms.set(at, due));
        alarms
    }

    /// The first alarm. Its sleeper may have decided to sleep longer.
    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((due, _))| *due)
    }

    /// Wants to be woken at that time.
    #[inline]
    pub(super) fn set(&mut self, at: usize, due: Option<Instant>) {
        if let Some(due) = due.filter(|due| self.set[at].is_none_or(|set| *due < set)) {
            self.push(at, due);
        }
    }

    fn push(&mut self, at: usize, due: Instant) {
        if self.heap.len() > 2 * self.set.len() + 64 {
            let Self { heap, set } = self;
            heap.retain(|Reverse((due, at))| set[*at] == Some(*due));
        }
        self.set[at] = Some(due);
        self.heap.push(Reverse((due, at)));
    }

    /// Removes and returns the first sleeper whose alarm is due. Of several with the same time, the lowest number comes
    /// first.
    pub(super) fn take(&mut self, now: Instant) -> Option<usize> {
        if self.next()? > now {
            return None;
        }
        let Reverse((_, taken)) = self.heap.pop()?;
        self.set[taken] = None;
        while self.heap.peek().is_some_and(|Reverse((due, at))| self.set[*at] != Some(*due)) {
            self.heap.pop();
        }
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Duration;

    #[test]
    fn alarms_come_up_in_the_order_of_their_times_and_numbers_and_an_earlier_one_counts() {
        let at = |millis: u64| Instant::START + Duration::from_millis(millis);
        let mut alarms = Alarms::of([Some(at(9)), None, Some(at(5)), Some(at(5))].into_iter());
        alarms.set(1, Some(at(5)));
        alarms.set(0, Some(at(7)));
        alarms.set(3, Some(at(8)));
        assert_eq!(alarms.next(), Some(at(5)));
        assert_eq!(alarms.take(at(4)), None);
        assert_eq!([(); 4].map(|()| alarms.take(at(6))), [Some(1), Some(2), Some(3), None]);
        assert_eq!([(); 2].map(|()| alarms.take(at(9))), [Some(0), None]);
        assert_eq!(alarms.next(), None, "the later alarm does not count any more");
    }

    #[test]
    fn alarms_that_do_not_count_any_more_take_bounded_memory() {
        let mut alarms = Alarms::of([None, None].into_iter());
        for step in (0..10_000).rev() {
            alarms.set(1, Some(Instant::from_micros(step)));
        }
        assert!(alarms.heap.len() < 100, "{}", alarms.heap.len());
        assert_eq!(alarms.take(Instant::START), Some(1));
        assert_eq!(alarms.next(), None);
    }
}
