//! `smooth`: turns a jump into a glide.
//!
//! A first-order low-pass filter, like a resistor and a capacitor. The position is computed from the start and the elapsed time, so
//! it does not depend on when the stage is called.

use crosspatch_core::transform::{ArgumentError, Arguments, Moment, Stage, Stateful, Transform};
use crosspatch_core::{Duration, Instant, Value};

pub(crate) const SMOOTH: Transform = Transform {
    name: "smooth",
    usage: "smooth <time>|attack <time> release <time>",
    summary: "glides to each value within a time",
    read,
};

/// The natural logarithm of 20: the number of time constants for 95 % of the way.
const CONSTANTS_TO_95_PERCENT: f64 = 2.995_732_273_553_991;

/// The distance from the end at which a glide is finished: a step of 16 bits.
const NEAR: f64 = 1.0 / 65_536.0;

fn read(arguments: &mut Arguments<'_>) -> Result<Stage, ArgumentError> {
    let (attack, release) = match arguments.keyword("attack") {
        true => {
            let attack = arguments.duration("a time")?;
            arguments.expect_keyword("release")?;
            (attack, arguments.duration("a time")?)
        }
        false => {
            let time = arguments.duration("a time")?;
            (time, time)
        }
    };
    Ok(Stage::Stateful(Box::new(Smooth { attack, release, rests_at: None, glide: None })))
}

#[derive(Clone, Debug)]
struct Smooth {
    attack: Duration,
    release: Duration,
    rests_at: Option<f64>,
    glide: Option<Glide>,
}

#[derive(Clone, Debug)]
struct Glide {
    from: f64,
    to: f64,
    since: Instant,
    /// The time for 95 % of the way, not zero.
    time: Duration,
    /// When the next value is due.
    next: Instant,
}

impl Glide {
    fn position(&self, now: Instant) -> f64 {
        let elapsed = (now - self.since).as_secs_f64() / self.time.as_secs_f64();
        self.to + (self.from - self.to) * (-CONSTANTS_TO_95_PERCENT * elapsed).exp()
    }
}

/// The interval between the values of a glide: a tenth of its time, but neither shorter than a console can follow nor so long
/// that steps would be visible.
fn interval(time: Duration) -> Duration {
    (time / 10).clamp(Duration::from_millis(5), Duration::from_millis(20))
}

impl Smooth {
    fn rest(&mut self, at: f64) -> Option<Value> {
        self.glide = None;
        self.rests_at = Some(at);
        Some(Value::Number(at))
    }
}

impl Stateful for Smooth {
    fn handle_value(&mut self, moment: &mut Moment<'_>, value: Value) -> Option<Value> {
        let to = moment.number(&value, SMOOTH.name)?;
        let gliding = self.glide.as_ref().map(|glide| glide.position(moment.now));
        let Some(from) = gliding.or(self.rests_at) else { return self.rest(to) };
        let time = if to > from { self.attack } else { self.release };
        if from == to || time.is_zero() {
            return self.rest(to);
        }
        // New values of the source do not postpone the next output.
        let next = self.glide.as_ref().map_or(moment.now + interval(time), |glide| glide.next);
        self.glide = Some(Glide { from, to, since: moment.now, time, next });
        None
    }

    fn handle_recall(&mut self, moment: &mut Moment<'_>, value: Value) -> Option<Value> {
        match &self.glide {
            Some(glide) => Some(Value::Number(glide.position(moment.now))),
            None => moment.number(&value, SMOOTH.name).and_then(|number| self.rest(number)),
        }
    }

    fn handle_timeout(&mut self, moment: &mut Moment<'_>) -> Option<Value> {
        let glide = self.glide.as_mut()?;
        let position = glide.position(moment.now);
        if (position - glide.to).abs() <= NEAR {
            let end = glide.to;
            return self.rest(end);
        }
        let interval = interval(glide.time);
        let late = (moment.now - glide.next).as_micros() / interval.as_micros();
        glide.next += interval * (late as u32 + 1);
        Some(Value::Number(position))
    }

    fn next_timeout(&self) -> Option<Instant> {
        self.glide.as_ref().map(|glide| glide.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::{ChainRig, chain, read_stage};

    const MS: Duration = Duration::from_millis(1);

    /// The value that came out at a time.
    fn at(passed: &[(u64, Value)], time: u64) -> f64 {
        let found = passed.iter().find(|(at, _)| *at == time).map(|(_, value)| value.as_number());
        found.flatten().unwrap_or_else(|| panic!("nothing at {time}: {passed:?}"))
    }

    #[test]
    fn the_first_value_passes_at_once_and_a_jump_is_95_percent_done_in_time() {
        let mut rig = ChainRig::new("smooth 100ms");
        assert_eq!((rig.number(0.0), rig.number(1.0)), (Some(0.0), None));
        let passed = rig.advance(10_000 * MS);
        assert!((at(&passed, 100) - 0.95).abs() < 1e-9 && (at(&passed, 200) - 0.9975).abs() < 1e-9);
        assert!(
            passed
                .windows(2)
                .all(|pair| pair[1].0 - pair[0].0 == 10 && pair[0].1.as_number() < pair[1].1.as_number())
        );
        assert_eq!((passed.last(), rig.next_timeout()), (Some(&(380, Value::number(1.0))), None));
    }

    #[test]
    fn attack_and_release_have_times_of_their_own_and_none_is_a_jump() {
        let mut rig = ChainRig::new("smooth attack 0ms release 400ms");
        assert_eq!((rig.number(0.0), rig.number(1.0), rig.number(0.0)), (Some(0.0), Some(1.0), None));
        assert!((at(&rig.advance(400 * MS), 400) - 0.05).abs() < 1e-9);
        assert_eq!((rig.number(0.5), rig.next_timeout()), (Some(0.5), None));
    }

    #[test]
    fn a_change_of_mind_goes_on_from_where_it_is() {
        let mut rig = ChainRig::new("smooth 100ms");
        assert_eq!((rig.number(0.0), rig.number(1.0)), (Some(0.0), None));
        let before = at(&rig.advance(50 * MS), 50);
        assert_eq!((rig.number(0.2), rig.next_timeout()), (None, Some(Instant::from_micros(60_000))));
        let after = at(&rig.advance(100 * MS), 150);
        assert!((after - (0.2 + (before - 0.2) * 0.05)).abs() < 1e-9);
    }

    #[test]
    fn a_fast_source_does_not_put_it_off() {
        let mut rig = ChainRig::new("smooth 1s");
        rig.number(0.0);
        let mut passed = Vec::new();
        for step in 0..200_u32 {
            assert_eq!(rig.number(0.5 + f64::from(step) / 1000.0), None);
            passed.extend(rig.advance(MS));
        }
        let times: Vec<_> = passed.iter().map(|(time, _)| *time).collect();
        assert_eq!(times, (20..=200).step_by(20).collect::<Vec<_>>());
    }

    #[test]
    fn nothing_depends_on_how_often_it_is_woken() {
        let known = |_| None;
        let glide = || {
            let stage = read_stage("smooth 200ms", &mut Vec::new()).unwrap();
            let Stage::Stateful(mut stage) = stage else { panic!("no memory") };
            for level in [0.0, 1.0] {
                stage.handle_value(&mut Moment::new(Instant::START, &known), level.into());
            }
            stage
        };
        let wake = |stage: &mut dyn Stateful, millis: u64| {
            stage.handle_timeout(&mut Moment::new(Instant::from_micros(millis * 1000), &known))
        };
        let (mut often, mut once) = (glide(), glide());
        for millis in (20..160).step_by(20) {
            assert_eq!(often.next_timeout(), Some(Instant::from_micros(millis * 1000)));
            wake(&mut *often, millis);
        }
        assert_eq!(wake(&mut *often, 165), wake(&mut *once, 165));
        assert_eq!(often.next_timeout(), once.next_timeout());
    }

    #[test]
    fn it_ends_exactly_on_any_value() {
        let mut rig = ChainRig::new("smooth 30ms");
        for level in [0.3, 0.1 + 0.2, 1.0, 0.0, 0.007] {
            let at_once = rig.put(level);
            let end = rig.advance(1000 * MS).pop().map(|(_, value)| value);
            assert_eq!((end.or(at_once), rig.next_timeout()), (Some(level.into()), None));
        }
        assert_eq!(rig.number(0.007), Some(0.007), "at rest, nothing is held back");
    }

    #[test]
    fn a_recall_is_where_it_is() {
        let mut rig = ChainRig::new("smooth 100ms");
        assert_eq!((rig.recall(0.5), rig.number(1.0)), (Some(0.5.into()), None));
        rig.advance(100 * MS);
        assert!(rig.recall(1.0).is_some_and(|value| (value.as_number().unwrap() - 0.975).abs() < 1e-9));
        assert_eq!((rig.put("up"), rig.notices.len()), (None, 1));
    }

    #[test]
    fn there_is_no_way_back_and_both_times_belong_together() {
        assert_eq!(chain("smooth 1s").inverse().unwrap_err(), 0);
        let error = |stage: &str| read_stage(stage, &mut Vec::new()).unwrap_err();
        assert_eq!(error("smooth attack 1s").message, "expected `release`, found nothing");
        assert_eq!(error("smooth 0.5").help.as_deref(), Some("did you mean `0.5ms`?"));
    }
}
