//! `rate`: limits how often values pass.

use crosspatch_core::transform::{ArgumentError, Arguments, Moment, Stage, Stateful, Transform};
use crosspatch_core::{Duration, Instant, Value};

use super::queue::ValueQueue;

pub(crate) const RATE: Transform = Transform {
    name: "rate",
    usage: "rate <rate>",
    summary: "limits the rate of values; the last value always passes",
    read,
};

/// The most edges of a button that may wait.
const MAX_WAITING: usize = 16;

fn read(arguments: &mut Arguments<'_>) -> Result<Stage, ArgumentError> {
    let interval = Duration::from_secs_f64(1.0 / arguments.rate("a rate")?);
    let queue = ValueQueue::new(RATE.name, MAX_WAITING);
    Ok(Stage::Stateful(Box::new(Rate { interval, free_at: Instant::START, queue })))
}

#[derive(Clone, Debug)]
struct Rate {
    interval: Duration,
    /// When the next value may pass.
    free_at: Instant,
    queue: ValueQueue,
}

impl Rate {
    fn pass(&mut self, moment: &mut Moment<'_>) -> Option<Value> {
        let due = self.next_timeout().filter(|due| *due <= moment.now)?;
        self.free_at = due + self.interval;
        self.queue.pop(moment)
    }
}

impl Stateful for Rate {
    fn handle_value(&mut self, moment: &mut Moment<'_>, value: Value) -> Option<Value> {
        self.queue.push_latest(moment, value);
        self.pass(moment)
    }

    // While values wait, the last of them is the current state.
    fn handle_recall(&mut self, _: &mut Moment<'_>, value: Value) -> Option<Value> {
        self.queue.is_empty().then_some(value)
    }

    fn handle_timeout(&mut self, moment: &mut Moment<'_>) -> Option<Value> {
        self.pass(moment)
    }

    fn next_timeout(&self) -> Option<Instant> {
        self.queue.since().map(|since| since.max(self.free_at))
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
    fn the_first_passes_at_once_and_the_last_always() {
        let mut rig = ChainRig::new("rate 25/s");
        assert_eq!(rig.number(0.1), Some(0.1));
        assert_eq!((rig.advance(10 * MS), rig.number(0.2), rig.number(0.3)), (vec![], None, None));
        assert_eq!(rig.advance(500 * MS), [(40, 0.3.into())]);
        assert_eq!((rig.next_timeout(), rig.number(0.4), rig.put("go")), (None, Some(0.4), None));
        assert_eq!(rig.advance(500 * MS), [(550, "go".into())]);
    }

    #[test]
    fn a_stream_passes_as_often_as_it_may_and_keeps_to_its_grid() {
        let mut rig = ChainRig::new("rate 10Hz");
        let mut times = Vec::new();
        for step in 0..100_u32 {
            let passed = rig.number(f64::from(step) / 200.0).map(|_| u64::from(step) * 7);
            times.extend(passed);
            times.extend(rig.advance(7 * MS).into_iter().map(|(time, _)| time));
        }
        assert_eq!(times, [0, 100, 200, 300, 400, 500, 600, 700]);
    }

    #[test]
    fn a_value_in_a_pause_is_not_followed_too_soon() {
        let mut rig = ChainRig::new("rate 10/s");
        assert_eq!((rig.number(0.1), rig.advance(150 * MS), rig.number(0.2)), (Some(0.1), vec![], Some(0.2)));
        assert_eq!((rig.number(0.3), rig.advance(1000 * MS)), (None, vec![(250, 0.3.into())]));
    }

    #[test]
    fn a_press_and_its_release_both_arrive() {
        let mut rig = ChainRig::new("rate 10/s");
        let stream = [0.2, 0.5, 1.0, 0.95, 0.0, 0.1];
        assert_eq!(stream.map(|level| rig.number(level)), [Some(0.2), None, None, None, None, None]);
        assert_eq!(rig.advance(1000 * MS), [(100, 0.95.into()), (200, 0.1.into())]);
        let mut rig = ChainRig::new("press | rate 10/s | toggle");
        assert_eq!([1.0, 0.0, 1.0].map(|level| rig.number(level)), [Some(1.0), None, None]);
        assert_eq!(rig.advance(1000 * MS), [(100, 0.0.into())]);
    }

    #[test]
    fn a_flood_of_presses_lags_no_longer_than_its_queue() {
        let mut rig = ChainRig::new("rate 10/s");
        for _ in 0..1000 {
            rig.number(1.0);
            rig.number(0.0);
        }
        rig.number(1.0);
        let passed = rig.advance(10_000 * MS);
        assert!(passed.len() <= MAX_WAITING && passed.last() == Some(&(1600, 1.0.into())), "{passed:?}");
        assert!(!rig.notices.is_empty());
    }

    #[test]
    fn nothing_depends_on_when_it_is_woken() {
        let mut rate = Rate {
            interval: 100 * MS,
            free_at: Instant::START,
            queue: ValueQueue::new(RATE.name, MAX_WAITING),
        };
        let known = |_| None;
        let mut at = |millis: u64, level: f64| {
            rate.handle_value(&mut Moment::new(Instant::from_micros(millis * 1000), &known), level.into())
        };
        assert_eq!((at(0, 1.0), at(10, 0.0)), (Some(1.0.into()), None));
        assert_eq!(at(130, 1.0), Some(0.0.into()), "due since 100");
        assert_eq!(rate.next_timeout(), Some(Instant::from_micros(200_000)));
    }

    #[test]
    fn a_recall_passes_unless_something_waits_and_the_way_back_is_the_same() {
        let mut rig = ChainRig::of(chain("rate 1/s").inverse().unwrap(), LinePosition::ONLY);
        assert_eq!((rig.recall(0.4), rig.number(0.5)), (Some(0.4.into()), Some(0.5)));
        assert_eq!((rig.number(0.6), rig.recall(0.6)), (None, None));
        assert_eq!(rig.advance(1000 * MS), [(1000, 0.6.into())]);
    }
}
