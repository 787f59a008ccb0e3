//! Values that wait to be passed on: there is no end to faders, but what happens to a button is kept.
//!
//! A level may be dropped if a later one makes up for it: if it is on the same side of a press as the one before it or the
//! one behind it. What is said twice, and a text, is something that somebody did. What is left of any stream are its edges,
//! what it repeats, its texts and its last value.

use std::collections::VecDeque;

use crosspatch_core::transform::Moment;
use crosspatch_core::{Instant, Notice, Value};

/// Values in the order in which they came.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    transform: &'static str,
    limit: usize,
    waiting: VecDeque<Waiting>,
    /// The last value that left, and the state that it has brought about.
    last: Option<Value>,
    before: State,
}

#[derive(Clone, Debug)]
struct Waiting {
    since: Instant,
    value: Value,
    is_trigger: bool,
}

/// Whether a button is pressed; a trigger is no state.
type State = Option<bool>;

impl Waiting {
    fn state(&self) -> State {
        (!self.is_trigger).then(|| self.value.is_pressed())
    }
}

impl Queue {
    /// A queue for so many values.
    pub(super) fn new(transform: &'static str, limit: usize) -> Self {
        Self { transform, limit, waiting: VecDeque::new(), last: None, before: Some(false) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Since when the first value has been waiting.
    pub(super) fn since(&self) -> Option<Instant> {
        self.waiting.front().map(|first| first.since)
    }

    /// Adds a value. Where there are too many, the oldest one that can be spared is dropped.
    pub(super) fn push(&mut self, moment: &mut Moment<'_>, value: Value) {
        self.waiting.push_back(Waiting { since: moment.now, value, is_trigger: moment.is_trigger });
        if self.waiting.len() <= self.limit {
            return;
        }
        let last = self.waiting.len() - 1;
        if let Some(spare) = (0..last).find(|&at| self.is_spare(at)) {
            self.waiting.remove(spare);
            return;
        }
        // Only edges are left. A press goes with its release, so that what remains is still a press, a release, and so on.
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

    /// Adds a value in place of the last one, if that can be spared.
    pub(super) fn push_latest(&mut self, moment: &mut Moment<'_>, value: Value) {
        self.push(moment, value);
        if let Some(at) = self.waiting.len().checked_sub(2)
            && self.is_spare(at)
        {
            self.waiting.remove(at);
        }
    }

    /// Takes out the first value.
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
        is_level && state.is_some() && (state == before || state == next.and_then(Waiting::state))
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// What leaves a queue for four values after `values` have entered it, and how many notices there were.
    fn left_of(values: &[f64], push: fn(&mut Queue, &mut Moment<'_>, Value)) -> (Vec<f64>, usize) {
        let mut queue = Queue::new("delay", 4);
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
            assert_eq!(left_of(values, Queue::push), (left.to_vec(), 0), "{values:?}");
        }
    }

    #[test]
    fn of_too_many_edges_a_press_goes_with_its_release() {
        let edges = [1.0, 0.0, 1.0, 0.0, 1.0];
        assert_eq!(left_of(&edges, Queue::push), (vec![1.0, 0.0, 1.0], 1));
        assert_eq!(left_of(&edges, Queue::push_latest), (vec![1.0, 0.0, 1.0], 1));
    }

    #[test]
    fn the_latest_replaces_what_it_makes_up_for() {
        for (values, left) in [
            (&[0.1, 0.2, 0.3][..], &[0.3][..]),
            (&[0.1, 0.95, 1.0], &[1.0]),
            (&[0.1, 1.0, 0.0, 0.2], &[1.0, 0.2]),
            (&[1.0, 0.0, 1.0, 0.95], &[1.0, 0.0, 0.95]),
        ] {
            assert_eq!(left_of(values, Queue::push_latest), (left.to_vec(), 0), "{values:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_its_edges_and_its_last_value_leave(levels in vec(0..=10_u8, 0..60)) {
            let levels: Vec<_> = levels.into_iter().map(|level| f64::from(level) / 10.0).collect();
            for push in [Queue::push, Queue::push_latest] {
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
            assert_eq!(left_of(values, Queue::push_latest), (left.to_vec(), 0), "{values:?}");
        }
        let mut queue = Queue::new("rate", 4);
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
        let trigger = |queue: &mut Queue, moment: &mut Moment<'_>, value| {
            moment.is_trigger = true;
            queue.push_latest(moment, value);
        };
        assert_eq!(left_of(&[1.0; 3], trigger), (vec![1.0; 3], 0));
        assert_eq!(left_of(&[1.0; 6], trigger), (vec![1.0; 4], 2));
    }
}
