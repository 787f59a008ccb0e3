//! `debounce`: a bouncing contact outputs each change once.

use crosspatch_core::transform::{ArgumentError, Arguments, Moment, Shape, Stage, Stateful, Transform};
use crosspatch_core::{Duration, Instant, Value};

pub(crate) const DEBOUNCE: Transform = Transform {
    name: "debounce",
    usage: "debounce <time>",
    summary: "passes a value at once, and ignores contact bounce for a time after it",
    read,
};

fn read(arguments: &mut Arguments<'_>) -> Result<Stage, ArgumentError> {
    let time = arguments.duration("a time")?;
    Ok(Stage::Stateful(Box::new(Debounce { time, given: None, quiet_until: Instant::START, waiting: None })))
}

#[derive(Clone, Debug)]
struct Debounce {
    time: Duration,
    given: Option<Value>,
    quiet_until: Instant,
    /// The value received during the quiet time, if it differs from the last output.
    waiting: Option<Value>,
}

impl Debounce {
    fn give(&mut self, at: Instant, value: Value) -> Option<Value> {
        self.quiet_until = at + self.time;
        self.given = Some(value.clone());
        Some(value)
    }

    /// The value to output at the end of the quiet time, if it is a change.
    fn settle(&mut self, now: Instant) -> Option<Value> {
        if now < self.quiet_until {
            return None;
        }
        let value = self.waiting.take()?;
        self.give(self.quiet_until, value)
    }
}

impl Stateful for Debounce {
    fn handle_value(&mut self, moment: &mut Moment<'_>, value: Value) -> Option<Value> {
        if moment.is_trigger {
            return if moment.now < self.quiet_until { None } else { self.give(moment.now, value) };
        }
        let settled = self.settle(moment.now);
        let is_change = self.given.as_ref() != Some(&value);
        if settled.is_some() || moment.now < self.quiet_until {
            self.waiting = is_change.then_some(value);
            return settled;
        }
        self.give(moment.now, value)
    }

    fn handle_recall(&mut self, _: &mut Moment<'_>, value: Value) -> Option<Value> {
        self.waiting = None;
        self.given = Some(value.clone());
        Some(value)
    }

    fn handle_timeout(&mut self, moment: &mut Moment<'_>) -> Option<Value> {
        self.settle(moment.now)
    }

    fn next_timeout(&self) -> Option<Instant> {
        self.waiting.as_ref().map(|_| self.quiet_until)
    }

    // The target has no contacts.
    fn inverse(&self) -> Option<Stage> {
        Some(Stage::Shape(Shape::IDENTITY))
    }
}

#[cfg(test)]
mod tests {
    use crosspatch_core::transform::LinePosition;

    use super::*;
    use crate::rig::{ChainRig, chain};

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_change_passes_at_once_and_its_bounces_do_not() {
        let mut rig = ChainRig::new("debounce 20ms");
        assert_eq!(rig.number(1.0), Some(1.0));
        for level in [0.0, 1.0, 0.0, 1.0] {
            assert_eq!((rig.advance(2 * MS), rig.number(level)), (vec![], None));
        }
        assert_eq!((rig.next_timeout(), rig.advance(100 * MS)), (None, vec![]));
        assert_eq!(
            (rig.number(1.0), rig.number(1.0)),
            (Some(1.0), None),
            "what is said again later is no bounce"
        );
        assert_eq!(rig.advance(20 * MS), []);
        assert_eq!(rig.number(0.0), Some(0.0));
    }

    #[test]
    fn the_final_state_is_never_lost() {
        let mut rig = ChainRig::new("debounce 20ms");
        assert_eq!((rig.number(1.0), rig.advance(5 * MS), rig.number(0.0)), (Some(1.0), vec![], None));
        assert_eq!(rig.advance(5 * MS), []);
        assert_eq!((rig.number(0.3), rig.advance(100 * MS)), (None, vec![(20, 0.3.into())]));
        assert_eq!(rig.next_timeout(), None);
    }

    #[test]
    fn what_is_given_at_the_end_is_a_change_with_a_quiet_time_of_its_own() {
        let mut rig = ChainRig::new("debounce 20ms");
        assert_eq!((rig.number(1.0), rig.number(0.0)), (Some(1.0), None));
        assert_eq!((rig.advance(30 * MS), rig.number(1.0)), (vec![(20, 0.0.into())], None));
        assert_eq!(rig.advance(100 * MS), [(40, 1.0.into())]);
    }

    #[test]
    fn nothing_depends_on_when_it_is_woken() {
        let mut late = Debounce { time: 20 * MS, given: None, quiet_until: Instant::START, waiting: None };
        let mut put = |millis: u64, level: f64| {
            late.handle_value(&mut Moment::new(Instant::from_micros(millis * 1000), &|_| None), level.into())
        };
        assert_eq!((put(0, 1.0), put(5, 0.0)), (Some(1.0.into()), None));
        assert_eq!(put(25, 1.0), Some(0.0.into()), "due since 20");
        assert_eq!(put(90, 0.0), Some(1.0.into()), "due since 40");
        assert_eq!(late.next_timeout(), Some(Instant::from_micros(60_000)));
        assert_eq!(
            late.handle_timeout(&mut Moment::new(Instant::from_micros(90_000), &|_| None)),
            Some(0.0.into())
        );
    }

    #[test]
    fn a_recall_passes_and_changes_nothing() {
        let mut rig = ChainRig::new("debounce 20ms");
        assert_eq!((rig.number(0.0), rig.number(1.0)), (Some(0.0), None));
        assert_eq!((rig.recall(1.0), rig.advance(100 * MS)), (Some(1.0.into()), vec![]));
        assert_eq!((rig.put("on"), rig.put("on")), (Some("on".into()), None), "texts bounce as well");
    }

    #[test]
    fn triggers_in_the_quiet_time_are_bounces() {
        let mut rig = ChainRig::new("press | debounce 20ms | toggle");
        assert_eq!([1.0, 0.0, 1.0, 0.0].map(|level| rig.number(level)), [Some(1.0), None, None, None]);
        assert_eq!((rig.advance(20 * MS), rig.number(1.0)), (vec![], Some(0.0)));
    }

    #[test]
    fn the_way_back_is_not_debounced() {
        let mut back = ChainRig::of(chain("debounce 20ms").inverse().unwrap(), LinePosition::ONLY);
        assert_eq!([1.0, 0.0, 0.0].map(|level| back.number(level)), [1.0, 0.0, 0.0].map(Some));
    }
}
