//! `pickup`, `catchup` and `scale`: a control without a motor takes over a target that is at another level.
//!
//! They differ in what the target does until control and target have met. After that, the target follows the control.

use crosspatch_core::Value;
use crosspatch_core::transform::{
    ArgumentError, Arguments, Moment, Obstacle, Shape, Signal, Stage, Stateful, Transform,
};

use super::trail::Trail;
use crate::target::TargetState;

pub(crate) const PICKUP: Transform = Transform {
    name: "pickup",
    usage: "pickup [<channel>] [within <distance>]",
    summary: "moves the target only after the control has reached its value",
    read: |arguments| {
        let is_bare = arguments.keyword("within");
        let target = if is_bare { TargetState::new(arguments) } else { read_target(arguments)? };
        let is_given = is_bare || arguments.keyword("within");
        let within = if is_given { arguments.number("a distance", 0.0..=0.5)? } else { WITHIN };
        Ok(stage(TakeoverMode::Pickup { within }, target))
    },
};

pub(crate) const CATCHUP: Transform = Transform {
    name: "catchup",
    usage: "catchup [<channel>]",
    summary: "moves the target towards the control, twice as fast as the control moves, until they meet",
    read: |arguments| Ok(stage(TakeoverMode::Catchup, read_target(arguments)?)),
};

/// Reads the argument of `scale`: nothing or a channel.
pub(crate) fn read_scale(arguments: &mut Arguments<'_>) -> Result<Stage, ArgumentError> {
    Ok(stage(TakeoverMode::Scale, read_target(arguments)?))
}

/// The default tolerance of `pickup`.
const WITHIN: f64 = 0.03;

/// The tolerance of the others: about half a step of a MIDI control.
const MET: f64 = 0.004;

/// The channel that reports the target's level: the target of the mapping, or a named one.
fn read_target(arguments: &mut Arguments<'_>) -> Result<TargetState, ArgumentError> {
    if arguments.is_empty() {
        return Ok(TargetState::new(arguments));
    }
    if arguments.is_number_next() {
        Err(arguments.unexpected("a channel"))
    } else {
        TargetState::named(arguments)
    }
}

fn stage(mode: TakeoverMode, target: TargetState) -> Stage {
    let trail = Trail::new(target, mode.within());
    Stage::Stateful(Box::new(Takeover { mode, control: None, waits_at: None, trail }))
}

#[derive(Copy, Clone, Debug)]
enum TakeoverMode {
    Pickup { within: f64 },
    Catchup,
    Scale,
}

impl TakeoverMode {
    const fn name(self) -> &'static str {
        match self {
            Self::Pickup { .. } => PICKUP.name,
            Self::Catchup => CATCHUP.name,
            Self::Scale => "scale",
        }
    }

    /// The largest difference at which control and target have met.
    const fn within(self) -> f64 {
        match self {
            Self::Pickup { within } => within,
            Self::Catchup | Self::Scale => MET,
        }
    }

    /// The target's new position when the control moves to `to`, from `from` if that is known.
    fn follow(self, from: Option<f64>, to: f64, target: f64) -> Option<f64> {
        if (to - target).abs() <= self.within() {
            return Some(to);
        }
        let from = from.filter(|from| *from != to)?;
        match self {
            Self::Pickup { .. } => ((from - target) * (to - target) <= 0.0).then_some(to),
            Self::Scale => Some(scaled(from, to, target)),
            Self::Catchup => {
                let reach = 2.0 * (to - from).abs();
                let approached = target + (to - target).clamp(-reach, reach);
                // Only then does a control at its end stop move the target to its own end stop.
                let scaled = scaled(from, to, target);
                Some(if (to - scaled).abs() < (to - approached).abs() { scaled } else { approached })
            }
        }
    }
}

/// Scales the rest of the target's way to the rest of the control's way, so that both reach their end stops together.
fn scaled(from: f64, to: f64, target: f64) -> f64 {
    let remaining = if to > from { 1.0 - from } else { from };
    to + (target - from) * (1.0 - (to - from).abs() / remaining)
}

#[derive(Clone, Debug)]
struct Takeover {
    mode: TakeoverMode,
    /// The control's last position, if this mapping has followed it.
    control: Option<f64>,
    /// Where the target is, if the control has to come there first.
    waits_at: Option<f64>,
    trail: Trail,
}

impl Takeover {
    /// The control's position, clamped to the range that the target can receive.
    fn read(&self, moment: &mut Moment<'_>, value: &Value) -> Option<f64> {
        Some(moment.number(value, self.mode.name())?.clamp(0.0, 1.0))
    }
}

impl Stateful for Takeover {
    fn handle_value(&mut self, moment: &mut Moment<'_>, value: Value) -> Option<Value> {
        let to = self.read(moment, &value)?;
        let from = self.control.replace(to);
        let position = self.trail.position(moment);
        let next = position.map_or(Some(to), |target| self.mode.follow(from, to, target));
        self.waits_at = position.filter(|_| next.is_none());
        let next = next?;
        self.trail.send(moment.now, position, next);
        Some(Value::Number(next))
    }

    fn handle_recall(&mut self, moment: &mut Moment<'_>, value: Value) -> Option<Value> {
        if self.trail.position(moment).is_none() {
            return self.handle_value(moment, value);
        }
        self.control = self.read(moment, &value);
        None
    }

    fn handle_signal(&mut self, _: &mut Moment<'_>, signal: Signal<'_>) -> Option<Value> {
        if matches!(signal, Signal::Missed) {
            self.control = None;
        }
        None
    }

    fn obstacle(&self) -> Option<Obstacle> {
        self.waits_at.map(|level| Obstacle::Waiting(self.mode.name(), level))
    }

    fn set_following(&mut self, stages: &[Stage]) {
        self.trail.target.set_following(stages);
    }

    fn inverse(&self) -> Option<Stage> {
        Some(Stage::Shape(Shape::IDENTITY))
    }
}

#[cfg(test)]
mod tests {
    use crosspatch_core::Duration;
    use crosspatch_core::transform::LinePosition;
    use proptest::prelude::*;

    use super::*;
    use crate::rig::ChainRig;

    /// A control at work on a target that knows what it is sent, rounded by `round`.
    fn turn(rig: &mut ChainRig, round: impl Fn(f64) -> f64, positions: &[f64]) -> Vec<Option<f64>> {
        let step = |position: &f64| {
            let passed = rig.number(*position);
            if let Some(passed) = passed {
                rig.known[0] = Some(Value::number(round(passed)));
            }
            passed.map(|passed| (passed * 1e6).round() / 1e6)
        };
        positions.iter().map(step).collect()
    }

    fn exactly(number: f64) -> f64 {
        number
    }

    const ALL: [&str; 3] = ["pickup", "catchup", "scale"];

    #[test]
    fn a_target_of_which_nothing_is_known_is_followed_at_once() {
        for mode in ALL {
            let mut rig = ChainRig::new(mode);
            assert_eq!(
                turn(&mut rig, exactly, &[0.8, 0.2, 0.3]),
                [Some(0.8), Some(0.2), Some(0.3)],
                "{mode}"
            );
            rig.known[0] = Some(Value::text("off"));
            assert_eq!(rig.number(0.9), Some(0.9), "{mode}");
        }
    }

    #[test]
    fn pickup_waits_until_the_control_is_near() {
        let mut rig = ChainRig::new("pickup");
        rig.channel(0, 0.5);
        let passed = turn(&mut rig, exactly, &[0.1, 0.2, 0.46, 0.471, 0.6, 1.0, 0.0]);
        assert_eq!(passed, [None, None, None, Some(0.471), Some(0.6), Some(1.0), Some(0.0)]);
    }

    #[test]
    fn pickup_takes_a_step_across_the_target_from_either_side() {
        for (from, to) in [(0.1, 0.9), (0.9, 0.1)] {
            let mut rig = ChainRig::new("pickup within 0");
            rig.channel(0, 0.5);
            assert_eq!(turn(&mut rig, exactly, &[from, to, from]), [None, Some(to), Some(from)]);
        }
        let mut rig = ChainRig::new("pickup within 0");
        rig.channel(0, 0.5);
        assert_eq!(turn(&mut rig, exactly, &[0.5, 0.6]), [Some(0.5), Some(0.6)]);
    }

    #[test]
    fn pickup_lets_go_when_somebody_else_moves_the_target() {
        let mut rig = ChainRig::new("pickup within 5%");
        rig.channel(0, 0.5);
        assert_eq!(turn(&mut rig, exactly, &[0.5, 0.4]), [Some(0.5), Some(0.4)]);
        rig.channel(0, 0.44);
        assert_eq!(turn(&mut rig, exactly, &[0.3]), [Some(0.3)]);
        rig.channel(0, 0.8);
        assert_eq!(turn(&mut rig, exactly, &[0.2, 0.7, 0.76, 0.5]), [None, None, Some(0.76), Some(0.5)]);
    }

    #[test]
    fn a_target_that_moves_across_a_resting_control_is_not_picked_up() {
        let mut rig = ChainRig::new("pickup");
        rig.channel(0, 0.8);
        assert_eq!(rig.number(0.5), None);
        rig.channel(0, 0.2);
        assert_eq!(turn(&mut rig, exactly, &[0.5, 0.49, 0.21]), [None, None, Some(0.21)]);
    }

    #[test]
    fn a_target_that_rounds_stays_in_the_grip_even_of_slow_hands() {
        let seven_bit = |number: f64| (number * 127.0).round() / 127.0;
        let whole_percent = |number: f64| (number * 100.0).floor() / 100.0;
        let sixteen_bit = |number: f64| (number * 65535.0).round() / 65535.0;
        let way: Vec<f64> = (0..=1000).map(|step| f64::from(step) / 1000.0).collect();
        for mode in ALL.into_iter().chain(["pickup within 0"]) {
            for round in [&seven_bit as &dyn Fn(f64) -> f64, &whole_percent, &sixteen_bit] {
                let mut rig = ChainRig::new(mode);
                rig.channel(0, 0.0);
                for &position in &way {
                    assert_eq!(rig.number(position), Some(position), "{mode}");
                    rig.channel(0, round(position));
                    rig.advance(Duration::from_secs(2));
                }
            }
        }
    }

    #[test]
    fn a_report_that_comes_late_does_not_break_the_grip() {
        for mode in ALL {
            let mut rig = ChainRig::new(mode);
            rig.channel(0, 0.0);
            for step in 0..=100 {
                let position = f64::from(step) / 100.0;
                assert_eq!(rig.number(position), Some(position), "{mode}");
                rig.channel(0, f64::from((step - 20).max(0)) / 100.0);
                rig.advance(Duration::from_millis(10));
            }
        }
    }

    #[test]
    fn a_control_that_has_moved_while_its_layer_slept_has_to_pick_up_again() {
        let mut rig = ChainRig::new("when page.a | pickup");
        rig.channel(0, 1.0);
        rig.known[1] = Some(Value::number(0.2));
        assert_eq!(rig.number(0.2), Some(0.2));
        rig.channel(0, 0.0);
        assert_eq!(rig.number(0.8), None);
        rig.channel(0, 1.0);
        assert_eq!((rig.number(0.81), rig.number(0.5), rig.number(0.19)), (None, None, Some(0.19)));
    }

    #[test]
    fn scale_brings_both_to_the_end_stop_together() {
        let mut up = ChainRig::new("scale");
        up.channel(0, 0.2);
        assert_eq!(
            turn(&mut up, exactly, &[0.6, 0.8, 0.8, 1.0, 0.5]),
            [None, Some(0.6), None, Some(1.0), Some(0.5)]
        );
        let mut down = ChainRig::new("scale");
        down.channel(0, 0.2);
        assert_eq!(turn(&mut down, exactly, &[0.8, 0.4, 0.0, 0.1]), [None, Some(0.1), Some(0.0), Some(0.1)]);
        let mut resting = ChainRig::new("scale");
        resting.channel(0, 1.0);
        assert_eq!(turn(&mut resting, exactly, &[0.5, 0.6, 0.3]), [None, Some(1.0), Some(0.5)]);
    }

    #[test]
    fn catchup_comes_towards_the_control_twice_as_fast_as_that_moves() {
        let mut fleeing = ChainRig::new("catchup");
        fleeing.channel(0, 0.1);
        let passed = turn(&mut fleeing, exactly, &[0.2, 0.25, 0.3, 0.35]);
        assert_eq!(passed, [None, Some(0.2), Some(0.3), Some(0.35)]);
        let mut meeting = ChainRig::new("catchup");
        meeting.channel(0, 0.4);
        let passed = turn(&mut meeting, exactly, &[0.1, 0.15, 0.2, 0.25, 0.3]);
        assert_eq!(passed, [None, Some(0.3), Some(0.2), Some(0.25), Some(0.3)]);
    }

    #[test]
    fn catchup_brings_the_target_to_the_end_stop_where_the_control_is() {
        let mut rig = ChainRig::new("catchup");
        rig.channel(0, 0.0);
        assert_eq!(turn(&mut rig, exactly, &[0.9, 0.95, 1.0]), [None, Some(0.5), Some(1.0)]);
    }

    #[test]
    fn slow_hands_close_the_gap_of_a_target_that_rounds() {
        let seven_bit = |number: f64| (number * 127.0).floor() / 127.0;
        for mode in ["catchup", "scale"] {
            let mut rig = ChainRig::new(mode);
            rig.channel(0, 0.2);
            let way: Vec<f64> = (500..=1000).map(|step| f64::from(step) / 1000.0).collect();
            let passed = turn(&mut rig, seven_bit, &way);
            let targets: Vec<f64> = passed.into_iter().flatten().collect();
            assert!(targets.len() == 500 && targets.is_sorted(), "{mode}: {targets:?}");
            assert!(targets.windows(2).all(|pair| pair[1] - pair[0] < 0.0041), "{mode}: {targets:?}");
            assert_eq!(targets.last(), Some(&1.0), "{mode}");
        }
    }

    #[test]
    fn a_named_channel_is_met_in_place_of_the_target() {
        let mut rig = ChainRig::new("pickup desk.fader within 1%");
        rig.channel(0, 0.5);
        assert_eq!([0.48, 0.495, 0.7].map(|position| rig.number(position)), [None, Some(0.495), Some(0.7)]);
        for usage in
            ["pickup 5%", "pickup within", "pickup within 0.6", "pickup a.x b.y", "catchup a.x within 0.1"]
        {
            assert!(crate::rig::read_stage(usage, &mut Vec::new()).is_err(), "{usage}");
        }
    }

    #[test]
    fn a_recall_moves_only_a_target_of_which_nothing_is_known() {
        for mode in ALL {
            let mut rig = ChainRig::new(mode);
            assert_eq!(rig.recall(0.3), Some(Value::number(0.3)), "{mode}");
            rig.channel(0, 0.8);
            assert_eq!((rig.recall(0.9), rig.put("up")), (None, None), "{mode}");
            assert_eq!(rig.notices.len(), 1, "{mode}");
        }
        let mut rig = ChainRig::new("pickup");
        rig.channel(0, 0.8);
        assert_eq!((rig.recall(0.9), rig.number(0.7)), (None, Some(0.7)), "the recall said where it was");
    }

    #[test]
    fn beyond_the_end_stops_there_is_nothing_to_meet() {
        let mut rig = ChainRig::new("invert | pickup");
        rig.channel(0, 1.0);
        assert_eq!(rig.number(0.0), Some(1.0));
        let mut rig = ChainRig::new("scale 3 | offset -1 | scale");
        rig.channel(0, 0.5);
        assert_eq!(turn(&mut rig, exactly, &[1.0, 0.9, 0.0, 0.5]), [None, None, Some(0.0), Some(0.5)]);
    }

    #[test]
    fn the_target_is_met_through_the_shapes_between() {
        let mut rig = ChainRig::new("pickup | range 1..0.6");
        rig.channel(0, 0.8);
        assert_eq!(turn(&mut rig, exactly, &[0.2, 0.4, 0.48, 0.0]), [None, None, Some(0.808), Some(1.0)]);
        let seven_bit = |number: f64| (number * 127.0).floor() / 127.0;
        for (text, start) in [
            ("pickup | range 0.4..0.6", 0.4),
            ("catchup | range 0.4..0.6", 0.4),
            ("scale | range 0.4..0.6", 0.4),
            ("pickup | steps 5", 0.0),
        ] {
            let mut rig = ChainRig::new(text);
            rig.channel(0, seven_bit(start));
            rig.number(0.0);
            for step in 1..=1000 {
                let passed = rig.number(f64::from(step) / 1000.0);
                rig.channel(0, seven_bit(passed.unwrap_or_else(|| panic!("{text} has let go at {step}"))));
                rig.advance(Duration::from_secs(2));
            }
        }
    }

    #[test]
    fn the_way_back_passes_unchanged() {
        for mode in ALL {
            let back = crate::rig::chain(mode).inverse().unwrap();
            assert_eq!(ChainRig::of(back, LinePosition::ONLY).number(0.3), Some(0.3), "{mode}");
        }
    }

    proptest! {
        #[test]
        fn whatever_happens_an_end_stop_is_one_and_no_target_moves_without_the_hand(
            mode in 0..3_usize,
            steps in prop::collection::vec((0..=20_u8, prop::option::weighted(0.1, 0..=127_u8), 0..3000_u64), 1..60),
        ) {
            let mut rig = ChainRig::new(ALL[mode]);
            rig.channel(0, 0.5);
            let mut control = None;
            for (position, foreign, pause) in steps {
                let position = f64::from(position) / 20.0;
                rig.advance(Duration::from_millis(pause));
                if let Some(foreign) = foreign {
                    // Earlier it may be a late report of the way.
                    rig.advance(Duration::from_secs(2));
                    rig.channel(0, f64::from(foreign) / 127.0);
                }
                let before = rig.known[0].as_ref().and_then(Value::as_number).unwrap();
                let passed = rig.number(position);
                let moved = (passed.unwrap_or(before) - before).abs();
                match control.replace(position) {
                    // What has not been seen before only says where it is.
                    None => prop_assert!(moved <= WITHIN),
                    Some(control) if control == position => prop_assert!(moved <= WITHIN, "{before} {passed:?}"),
                    Some(_) if mode == 0 => prop_assert!(passed.is_none_or(|passed| passed == position)),
                    Some(_) if position == 0.0 || position == 1.0 => prop_assert_eq!(passed, Some(position)),
                    // At least a quarter of the way remains to the end stop, so at most four times as fast.
                    Some(control) if 0.25 < position && position < 0.75 => {
                        prop_assert!(moved <= 4.0 * (position - control).abs() + WITHIN);
                    }
                    Some(_) => prop_assert!(passed.is_some()),
                }
                if let Some(passed) = passed {
                    rig.known[0] = Some(Value::number((passed * 127.0).round() / 127.0));
                }
            }
        }
    }
}
