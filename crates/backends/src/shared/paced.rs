//! Emits large numbers of states in portions.
//!
//! After a log-in, a console sends hundreds of names, cues and levels within milliseconds. If they were passed on
//! immediately, each would be a datagram. A receiver's buffer holds a few hundred, and the rest would be lost.
//! Therefore the number of states emitted at a time is limited; a state that changes while it waits is emitted with its
//! last value.

use std::collections::VecDeque;

use crosspatch_core::{Duration, Instant, Slot, Value};
use rustc_hash::FxHashMap;

/// The number of values in a portion, and the time between portions. A receiver's buffer holds a few hundred datagrams;
/// a receiver that reads it every 20 milliseconds finds 256.
pub(crate) const AT_ONCE: usize = 64;
pub(crate) const APART: Duration = Duration::from_millis(5);

/// States that wait to be emitted.
#[derive(Debug, Default)]
pub(crate) struct Paced {
    waiting: VecDeque<Slot>,
    values: FxHashMap<Slot, Value>,
    /// When the last portion began, and how much of it has been emitted.
    since: Instant,
    given: usize,
}

impl Paced {
    /// Adds a state. Returns it if it may be emitted immediately.
    pub(crate) fn put(&mut self, now: Instant, slot: Slot, value: Value) -> Option<Value> {
        if self.waiting.is_empty() && self.may_give(now) {
            return Some(value);
        }
        if self.values.insert(slot, value).is_none() {
            self.waiting.push_back(slot);
        }
        None
    }

    /// Removes the next state that may be emitted.
    pub(crate) fn next(&mut self, now: Instant) -> Option<(Slot, Value)> {
        loop {
            let slot = *self.waiting.front()?;
            if !self.values.contains_key(&slot) {
                self.waiting.pop_front();
            } else if self.may_give(now) {
                self.waiting.pop_front();
                return self.values.remove(&slot).map(|value| (slot, value));
            } else {
                return None;
            }
        }
    }

    /// When [`next`](Self::next) has to be called.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        (!self.waiting.is_empty()).then(|| self.since + APART)
    }

    /// Removes the waiting state of a channel.
    pub(crate) fn forget(&mut self, slot: Slot) {
        self.values.remove(&slot);
    }

    fn may_give(&mut self, now: Instant) -> bool {
        if now - self.since >= APART {
            (self.since, self.given) = (now, 0);
        }
        let is_given = self.given < AT_ONCE;
        self.given += usize::from(is_given);
        is_given
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_micros(millis * 1000)
    }

    fn given(paced: &mut Paced, now: Instant) -> Vec<(Slot, Value)> {
        std::iter::from_fn(|| paced.next(now)).collect()
    }

    #[test]
    fn a_burst_is_given_in_portions_and_each_channel_ends_at_its_last_value() {
        let mut paced = Paced::default();
        let at_once = (0..200).filter(|&slot| paced.put(at(100), Slot(slot), 0.25.into()).is_some());
        assert_eq!(at_once.count(), AT_ONCE);
        assert_eq!(paced.put(at(101), Slot(150), 0.5.into()), None);
        assert_eq!(paced.put(at(101), Slot(0), 0.75.into()), None, "it may not overtake what waits");
        paced.forget(Slot(151));
        assert_eq!((given(&mut paced, at(104)).len(), paced.next_timeout()), (0, Some(at(105))));
        let mut all = Vec::new();
        for now in [105, 110, 115] {
            let portion = given(&mut paced, at(now));
            assert!(portion.len() <= AT_ONCE);
            all.extend(portion);
        }
        assert_eq!((all.len(), paced.next_timeout()), (200 - AT_ONCE, None));
        assert!(all.contains(&(Slot(150), 0.5.into())) && all.contains(&(Slot(0), 0.75.into())));
        assert!(!all.iter().any(|(slot, _)| *slot == Slot(151)));
    }

    #[test]
    fn a_few_at_a_time_are_given_at_once() {
        let mut paced = Paced::default();
        for now in 0..1000 {
            let at_once = (0..10).filter(|&slot| paced.put(at(now), Slot(slot), 0.5.into()).is_some());
            assert_eq!(at_once.count(), 10, "at {now}");
        }
    }
}
