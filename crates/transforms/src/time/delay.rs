//! `delay`: passes every value after a time.

use crosspatch_core::transform::{ArgumentError, Arguments, Moment, Stage, Stateful, Transform};
use crosspatch_core::{Duration, Instant, Value};

use super::queue::ValueQueue;

pub(crate) const DELAY: Transform =
    Transform { name: "delay", usage: "delay <time>", summary: "passes every value after a time", read };

const MAX_WAITING: usize = 1000;

fn read(arguments: &mut Arguments<'_>) -> Result<Stage, ArgumentError> {
    let time = arguments.duration("a time")?;
    Ok(Stage::Stateful(Box::new(Delay { time, queue: ValueQueue::new(DELAY.name, MAX_WAITING) })))
}

#[derive(Clone, Debug)]
struct Delay {
    time: Duration,
    queue: ValueQueue,
}

impl Stateful for Delay {
    fn handle_value(&mut self, moment: &mut Moment<'_>, value: Value) -> Option<Value> {
        self.queue.push(moment, value);
        None
    }

    // While values are delayed, the last of them is the current state.
    fn handle_recall(&mut self, _: &mut Moment<'_>, value: Value) -> Option<Value> {
        self.queue.is_empty().then_some(value)
    }

    fn handle_timeout(&mut self, moment: &mut Moment<'_>) -> Option<Value> {
        self.queue.pop(moment)
    }

    fn next_timeout(&self) -> Option<Instant> {
        self.queue.since().map(|since| since + self.time)
    }

    fn inverse(&self) -> Option<Stage> {
        Some(Stage::Stateful(Box::new(self.clone())))
    }
}

#[cfg(test)]
mod tests {
    use crosspatch_core::transform::LinePosition;

    use super::*;
    use crate::rig::{ChainRig, chain};

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn every_value_comes_later_in_order_and_texts_as_well() {
        let mut rig = ChainRig::new("delay 1s");
        assert_eq!((rig.number(0.2), rig.advance(10 * MS), rig.put("cue 5")), (None, vec![], None));
        assert_eq!((rig.number(0.0), rig.advance(985 * MS)), (None, vec![]));
        let passed = rig.advance(100 * MS);
        assert_eq!(passed, [(1000, 0.2.into()), (1010, "cue 5".into()), (1010, 0.0.into())]);
        assert_eq!(rig.next_timeout(), None);
    }

    #[test]
    fn a_flood_is_bounded_and_loses_neither_presses_nor_the_last_value() {
        let mut rig = ChainRig::new("delay 1s");
        for round in 0..300_u32 {
            for step in 0..10_u32 {
                rig.number(f64::from(step) / 20.0 + f64::from(round) / 1e4);
            }
            assert_eq!((rig.number(1.0), rig.number(0.0)), (None, None));
        }
        rig.number(0.7);
        let passed: Vec<_> = rig.advance(1000 * MS).into_iter().map(|(_, value)| value).collect();
        let mut was_pressed = false;
        let is_press =
            |value: &&Value| !std::mem::replace(&mut was_pressed, value.is_pressed()) && value.is_pressed();
        let presses = passed.iter().filter(is_press).count();
        assert_eq!((passed.len(), presses, passed.last()), (1000, 300, Some(&0.7.into())));
        assert!(rig.notices.is_empty());
    }

    #[test]
    fn too_many_presses_are_reported() {
        let mut rig = ChainRig::new("delay 1s");
        for _ in 0..501 {
            assert_eq!((rig.number(1.0), rig.number(0.0)), (None, None));
        }
        assert_eq!(rig.advance(1000 * MS).len(), 1000);
        assert!(rig.notices[0].text.contains("more than 1000 presses and releases wait in a `delay`"));
    }

    #[test]
    fn a_trigger_is_one_afterwards() {
        let mut rig = ChainRig::new("press | delay 1s | toggle");
        for level in [1.0, 0.0, 1.0] {
            assert_eq!(rig.number(level), None);
        }
        assert_eq!(rig.advance(1000 * MS), [(1000, 1.0.into()), (1000, 0.0.into())]);
    }

    #[test]
    fn a_recall_passes_unless_something_is_on_its_way() {
        let mut rig = ChainRig::new("delay 1s");
        assert_eq!((rig.recall(0.4), rig.next_timeout()), (Some(0.4.into()), None));
        assert_eq!((rig.number(0.5), rig.recall(0.5)), (None, None));
    }

    #[test]
    fn the_way_back_is_as_late() {
        let mut back = ChainRig::of(chain("delay 50ms").inverse().unwrap(), LinePosition::ONLY);
        assert_eq!((back.number(0.5), back.advance(MS * 100)), (None, vec![(50, 0.5.into())]));
    }
}
