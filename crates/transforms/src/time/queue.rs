//! Values that wait to be passed on: levels of a fader may be dropped, presses and releases are kept.
//!
//! A level may be dropped if a later one replaces it, that is, if the previous or the next value is on the same side of a press.
//! Repetitions and texts are kept, because each of them is an action. What remains of any stream are its edges, its repetitions,
//! its texts and its last value.

use std::collections::VecDeque;

use crosspatch_core::transform::Moment;
use crosspatch_core::{Instant, Notice, Value};

/// A queue of values in their order of arrival.
#[derive(Clone, Debug)]
pub(super) struct ValueQueue {
    transform: &'static str,
    limit: usize,
    waiting: VecDeque<WaitingValue>,
    /// The last value that left, and the resulting state.
    last: Option<Value>,
    before: PressState,
}

#[derive(Clone, Debug)]
struct WaitingValue {
    since: Instant,
    value: Value,
    is_trigger: bool,
}

/// Whether a button is pressed. `None` for a trigger, which has no state.
type PressState = Option<bool>;

impl WaitingValue {
    fn state(&self) -> PressState {
        (!self.is_trigger).then(|| self.value.is_pressed())
    }
}

impl ValueQueue {
    /// A queue for at most `limit` values.
    pub(super) fn new(transform: &'static str, limit: usize) -> Self {
        Self { transform, limit, waiting: VecDeque::new(), last: None, before: Some(false) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// When the first value arrived.
    pub(super) fn since(&self) -> Option<Instant> {
        self.waiting.front().map(|first| first.since)
    }

    /// Adds a value. If there are too many, the oldest one that may be dropped is dropped.
    pub(super) fn push(&mut self, moment: &mut Moment<'_>, value: Value) {
        self.waiting.push_back(WaitingValue { since: moment.now, value, is_trigger: moment.is_trigger });
        if self.waiting.len() <= self.limit {
            return;
        }
        let last = self.waiting.len() - 1;
        if let Some(spare) = (0..last).find(|&at| self.is_spare(at)) {
            self.waiting.remove(spare);
            return;
        }
        // Only edges are left. A press is dropped together with its release, so that presses and releases still alternate.
        match self.waiting.iter().position(|waiting| waiting.is_trigger) {
            Some(trigger) => drop(self.waiting.remove(trigger)),
            None => drop(self.waiting.drain(..2)),
        }
        let text = format!(
            "more than {} presses and releases wait in a `{}`; the oldest are dropped",
            self.limit, self.transform
        );
        moment.notice(Notice::warning("too-many-waiting", text));
    }

    /// Adds a value, and drops the last one if that is allowed.
    pub(super) fn push_latest(&mut self, moment: &mut Moment<'_>, value: Value) {
        self.push(moment, value);
        if let Some(at) = self.waiting.len().checked_sub(2)
            && self.is_spare(at)
        {
            self.waiting.remove(at);
        }
    }

    /// Removes and returns the first value.
    pub(super) fn pop(&mut self, moment: &mut Moment<'_>) -> Option<Value> {
        let first = self.waiting.pop_front()?;
        self.before = first.state();
        moment.is_trigger = first.is_trigger;
        Some(self.last.insert(first.value).clone())
    }

    fn is_spare(&self, at: usize) -> bool {
        let waiting = &self.waiting[at];
        let state = waiting.state();
        let (last, before) = match at.checked_sub(1).map(|before| &self.waiting[before]) {
            Some(before) => (Some(&before.value), before.state()),
            None => (self.last.as_ref(), self.before),
        };
        let next = self.waiting.get(at + 1);
        let is_repeated = [last, next.map(|next| &next.value)].contains(&Some(&waiting.value));
        let is_level = waiting.value.as_number().is_some() && !is_repeated;
        is_level && state.is_some() && (state == before || state == next.and_then(WaitingValue::state))
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// What leaves a queue for four values after `values` have entered it, and how many notices there were.
    fn left_of(values: &[f64], push: fn(&mut ValueQueue, &mut Moment<'_>, Value)) -> (Vec<f64>, usize) {
        let mut queue = ValueQueue::new("delay", 4);
        let mut moment = Moment::new(Instant::START, &|_| None);
        for value in values {
            push(&mut queue, &mut moment, Value::number(*value));
        }
        let left = std::iter::from_fn(|| queue.pop(&mut moment)).filter_map(|value| value.as_number());
        (left.collect(), moment.notices.len())
    }

    #[test]
    fn the_oldest_that_is_no_edge_makes_room() {
        for (values, left) in [
            (&[0.1, 0.2, 0.3, 0.4][..], [0.1, 0.2, 0.3, 0.4]),
            (&[0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [0.3, 0.4, 0.5, 0.6]),
            (&[1.0, 0.0, 0.1, 0.2, 0.3], [1.0, 0.1, 0.2, 0.3]),
            (&[1.0, 0.0, 1.0, 0.0, 0.1], [1.0, 0.0, 1.0, 0.1]),
            (&[0.5, 1.0, 0.95, 0.0, 0.3], [1.0, 0.95, 0.0, 0.3]),
        ] {
            assert_eq!(left_of(values, ValueQueue::push), (left.to_vec(), 0), "{values:?}");
        }
    }

    #[test]
    fn of_too_many_edges_a_press_goes_with_its_release() {
        let edges = [1.0, 0.0, 1.0, 0.0, 1.0];
        assert_eq!(left_of(&edges, ValueQueue::push), (vec![1.0, 0.0, 1.0], 1));
        assert_eq!(left_of(&edges, ValueQueue::push_latest), (vec![1.0, 0.0, 1.0], 1));
    }

    #[test]
    fn the_latest_replaces_what_it_makes_up_for() {
        for (values, left) in [
            (&[0.1, 0.2, 0.3][..], &[0.3][..]),
            (&[0.1, 0.95, 1.0], &[1.0]),
            (&[0.1, 1.0, 0.0, 0.2], &[1.0, 0.2]),
            (&[1.0, 0.0, 1.0, 0.95], &[1.0, 0.0, 0.95]),
        ] {
            assert_eq!(left_of(values, ValueQueue::push_latest), (left.to_vec(), 0), "{values:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_its_edges_and_its_last_value_leave(levels in vec(0..=10_u8, 0..60)) {
            let levels: Vec<_> = levels.into_iter().map(|level| f64::from(level) / 10.0).collect();
            for push in [ValueQueue::push, ValueQueue::push_latest] {
                let (left, notices) = left_of(&levels, push);
                prop_assert_eq!(left.last(), levels.last());
                if notices == 0 {
                    prop_assert_eq!(edges(&left), edges(&levels));
                }
            }
        }
    }

    /// Presses and releases, beginning with a release.
    fn edges(levels: &[f64]) -> Vec<bool> {
        let mut edges = vec![false];
        edges.extend(levels.iter().map(|level| Value::number(*level).is_pressed()));
        edges.dedup();
        edges
    }

    #[test]
    fn what_is_said_twice_waits_twice_and_so_do_texts() {
        for (values, left) in [
            (&[0.5, 0.5, 0.5][..], &[0.5, 0.5, 0.5][..]),
            (&[0.1, 0.5, 0.5, 0.6], &[0.5, 0.5, 0.6]),
            (&[1.0, 1.0, 0.0], &[1.0, 1.0, 0.0]),
        ] {
            assert_eq!(left_of(values, ValueQueue::push_latest), (left.to_vec(), 0), "{values:?}");
        }
        let mut queue = ValueQueue::new("rate", 4);
        let mut moment = Moment::new(Instant::START, &|_| None);
        for text in ["go", "go", "stop"] {
            queue.push_latest(&mut moment, text.into());
        }
        let left: Vec<_> = std::iter::from_fn(|| queue.pop(&mut moment)).collect();
        assert_eq!(left, ["go", "go", "stop"].map(Value::from));
        // One that repeats what has left already.
        queue.push_latest(&mut moment, "stop".into());
        queue.push_latest(&mut moment, 0.5.into());
        assert_eq!(queue.pop(&mut moment), Some("stop".into()));
    }

    #[test]
    fn triggers_are_never_spared_but_are_dropped_first() {
        let trigger = |queue: &mut ValueQueue, moment: &mut Moment<'_>, value| {
            moment.is_trigger = true;
            queue.push_latest(moment, value);
        };
        assert_eq!(left_of(&[1.0; 3], trigger), (vec![1.0; 3], 0));
        assert_eq!(left_of(&[1.0; 6], trigger), (vec![1.0; 4], 2));
    }
}
