//! `relative`: turns the ticks of an endless encoder into a level.
//!
//! A value is a MIDI number from 0 to 127 as a level. Its meaning is not standardised and differs between manufacturers. The
//! encodings are named after their arithmetic.

use crosspatch_core::transform::{
    ArgumentError, Arguments, Moment, Properties, Shape, Stage, Stateful, Transform,
};
use crosspatch_core::{Duration, Instant, Kind, Value};

use super::trail::Trail;
use crate::target::TargetState;

pub(crate) const RELATIVE: Transform = Transform {
    name: "relative",
    usage: "relative twos|signed|offset [step <amount>] [accelerate <factor>] [limits <from>..<to>] [wrap]",
    summary: "converts the ticks of an endless encoder to a level",
    read,
};

/// The default step of a tick.
const STEP: f64 = 0.01;

/// The range of times between two ticks for acceleration. A tick counts once after the longer time, and `accelerate` times
/// after the shorter one. For an encoder with 24 ticks, a slow turn is slower than the first, and a flick of the fingers faster
/// than the second.
const SLOW: Duration = Duration::from_millis(100);
const FAST: Duration = Duration::from_millis(10);

/// The distance from a limit that counts as being at it, because sums of steps are rounded.
const AT_LIMIT: f64 = 1e-9;

#[derive(Copy, Clone, Debug)]
enum Coding {
    /// Two's complement: 1 is one tick up, 127 one down.
    Twos,
    /// A sign bit: 1 is one tick up, 65 one down.
    Signed,
    /// Around the middle: 65 is one tick up, 63 one down.
    Offset,
}

impl Coding {
    /// The number of ticks that a level means, negative for downwards.
    fn ticks(self, level: f64) -> f64 {
        let raw = (level * 127.0).round().clamp(0.0, 127.0);
        match self {
            Self::Twos if raw >= 64.0 => raw - 128.0,
            Self::Signed if raw >= 64.0 => 64.0 - raw,
            Self::Twos | Self::Signed => raw,
            Self::Offset => raw - 64.0,
        }
    }
}

#[derive(Copy, Clone)]
enum RelativeSetting {
    Step,
    Accelerate,
    Limits,
    Wrap,
}

fn read(arguments: &mut Arguments<'_>) -> Result<Stage, ArgumentError> {
    const CODINGS: [(&str, Coding); 3] =
        [("twos", Coding::Twos), ("signed", Coding::Signed), ("offset", Coding::Offset)];
    const SETTINGS: [(&str, RelativeSetting); 4] = [
        ("step", RelativeSetting::Step),
        ("accelerate", RelativeSetting::Accelerate),
        ("limits", RelativeSetting::Limits),
        ("wrap", RelativeSetting::Wrap),
    ];
    let coding = arguments.one_of("a coding of ticks", &CODINGS)?;
    let mut relative = Relative {
        coding,
        step: STEP,
        acceleration: 1.0,
        low: 0.0,
        high: 1.0,
        wraps: false,
        trail: Trail::new(TargetState::new(arguments), 0.0),
        last: None,
    };
    while !arguments.is_empty() {
        match arguments.one_of("a setting", &SETTINGS)? {
            RelativeSetting::Step => relative.step = arguments.number("a step", -1.0..=1.0)?,
            RelativeSetting::Accelerate => {
                relative.acceleration = arguments.number("a factor", 1.0..=100.0)?
            }
            RelativeSetting::Limits => {
                let (one, other) = arguments.range("limits", 0.0..=1.0)?;
                (relative.low, relative.high) = (one.min(other), one.max(other));
            }
            RelativeSetting::Wrap => relative.wraps = true,
        }
    }
    Ok(Stage::Stateful(Box::new(relative)))
}

#[derive(Clone, Debug)]
struct Relative {
    coding: Coding,
    /// The step of a tick. A negative step reverses the encoder.
    step: f64,
    /// The most times that a tick counts.
    acceleration: f64,
    low: f64,
    high: f64,
    wraps: bool,
    trail: Trail,
    /// The time of the last turn, and whether it was upwards.
    last: Option<(Instant, bool)>,
}

impl Relative {
    /// How many times each tick counts, by the time since the previous ones. The first ticks of a turn, and those after a change of
    /// direction, count once.
    fn factor(&mut self, now: Instant, ticks: f64) -> f64 {
        let is_up = ticks > 0.0;
        let Some((before, _)) = self.last.replace((now, is_up)).filter(|(_, was_up)| *was_up == is_up) else {
            return 1.0;
        };
        let between = (now - before).as_secs_f64() / ticks.abs();
        let (slow, fast) = (SLOW.as_secs_f64(), FAST.as_secs_f64());
        1.0 + (self.acceleration - 1.0) * ((slow - between) / (slow - fast)).clamp(0.0, 1.0)
    }

    /// The position after a movement from `position`. With `wrap`, a movement stops at a limit and the next one continues at the
    /// opposite limit.
    fn turn(&self, position: f64, way: f64) -> f64 {
        let (near, far) = if way < 0.0 { (self.high, self.low) } else { (self.low, self.high) };
        if self.wraps && (position - far).abs() < AT_LIMIT {
            return near;
        }
        let turned = (position + way).clamp(self.low, self.high);
        if (turned - far).abs() < AT_LIMIT { far } else { turned }
    }
}

impl Stateful for Relative {
    fn handle_value(&mut self, moment: &mut Moment<'_>, value: Value) -> Option<Value> {
        let ticks = self.coding.ticks(moment.number(&value, RELATIVE.name)?);
        if ticks == 0.0 {
            return None;
        }
        let way = ticks * self.factor(moment.now, ticks) * self.step;
        let position = self.trail.position(moment);
        let turned = self.turn(position.unwrap_or(self.low), way);
        if position == Some(turned) {
            return None;
        }
        self.trail.send(moment.now, position, turned);
        Some(Value::Number(turned))
    }

    fn set_following(&mut self, stages: &[Stage]) {
        self.trail.target.set_following(stages);
    }

    /// On the way back, the level of the target passes, for the encoder's ring of lamps.
    fn inverse(&self) -> Option<Stage> {
        Some(Stage::Shape(Shape::IDENTITY))
    }

    // The result is a state even if the source sends events.
    fn properties(&self) -> Properties<'_> {
        Properties { kinds: (Kind::State, Kind::Control), ..Properties::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::{ChainRig, read_stage};

    /// Turns by some MIDI numbers, `pause` apart, at a target that takes what it is sent.
    fn turn(rig: &mut ChainRig, pause: u64, numbers: &[u8]) -> Vec<Option<f64>> {
        let tick = |number: &u8| {
            rig.advance(Duration::from_millis(pause));
            let passed = rig.number(f64::from(*number) / 127.0);
            if passed.is_some() {
                rig.known[0] = passed.map(Value::number);
            }
            passed.map(|passed| (passed * 1e6).round() / 1e6)
        };
        numbers.iter().map(tick).collect()
    }

    #[test]
    fn every_coding_counts_up_and_down() {
        for (coding, numbers) in [
            ("twos", [1, 63, 64, 127, 0]),
            ("signed", [1, 63, 127, 65, 64]),
            ("offset", [65, 127, 0, 63, 64]),
        ] {
            let mut rig = ChainRig::new(&format!("relative {coding} step 0.001"));
            rig.channel(0, 0.5);
            let last = if coding == "signed" { 0.501 } else { 0.5 };
            let passed = turn(&mut rig, 1000, &numbers);
            assert_eq!(passed, [Some(0.501), Some(0.564), Some(last), Some(last - 0.001), None], "{coding}");
        }
    }

    #[test]
    fn all_levels_that_a_midi_number_becomes_are_read_exactly() {
        for number in 0..=127_u8 {
            let ticks = [Coding::Twos, Coding::Signed, Coding::Offset].map(|coding| {
                coding.ticks(Value::number(f64::from(number) / 127.0).as_number().unwrap()) as i32
            });
            let number = i32::from(number);
            let signed = if number < 64 { number } else { 64 - number };
            assert_eq!(ticks, [(number ^ 64) - 64, signed, number - 64]);
        }
    }

    #[test]
    fn without_anything_known_it_starts_at_the_lower_limit_and_remembers() {
        let mut rig = ChainRig::new("relative twos step 10% limits 0.8..0.2");
        assert_eq!([1.0, 1.0].map(|raw| rig.number(raw / 127.0)), [Some(0.30000000000000004), Some(0.4)]);
        let mut rig = ChainRig::new("relative twos");
        assert_eq!(rig.number(1.0), Some(0.0), "a target that has been told nothing is told where it is");
    }

    #[test]
    fn what_somebody_else_has_set_is_where_it_goes_on() {
        let mut rig = ChainRig::new("relative offset");
        rig.channel(0, 0.5);
        assert_eq!(turn(&mut rig, 1, &[65, 65]), [Some(0.51), Some(0.52)]);
        rig.channel(0, 0.9);
        assert_eq!(turn(&mut rig, 1, &[65, 63]), [Some(0.91), Some(0.9)]);
        rig.channel(0, "full");
        assert_eq!(turn(&mut rig, 1, &[63]), [Some(0.89)]);
    }

    #[test]
    fn a_target_that_rounds_does_not_swallow_small_steps() {
        for resolution in [100.0, 127.0, 65535.0] {
            for pause in [5, 5000] {
                let mut rig = ChainRig::new("relative twos step 0.001");
                rig.channel(0, 0.2);
                for _ in 0..500 {
                    let passed = rig.number(1.0 / 127.0).unwrap();
                    rig.channel(0, (passed * resolution).floor() / resolution);
                    rig.advance(Duration::from_millis(pause));
                }
                let level = rig.number(1.0 / 127.0).unwrap();
                assert!((level - 0.701).abs() < 1e-9, "{resolution} {pause}: {level}");
            }
        }
    }

    #[test]
    fn it_starts_where_the_target_is_through_the_shapes_between() {
        let mut rig = ChainRig::new("relative twos | range 1..0.6");
        rig.channel(0, 0.8);
        assert_eq!(turn(&mut rig, 1000, &[1, 1]), [Some(0.796), Some(0.792)]);
        rig.channel(0, 0.79);
        assert_eq!(
            turn(&mut rig, 1000, &[1]),
            [Some(0.788)],
            "a hundredth that the target rounds is less than it seems"
        );
    }

    #[test]
    fn it_stops_at_its_limits_and_says_so_once() {
        let mut rig = ChainRig::new("relative twos step 0.4 limits 0.1..0.9");
        rig.channel(0, 0.2);
        let passed = turn(&mut rig, 1000, &[1, 1, 1, 127, 127, 127]);
        assert_eq!(passed, [Some(0.6), Some(0.9), None, Some(0.5), Some(0.1), None]);
        rig.channel(0, 1.0);
        assert_eq!(turn(&mut rig, 1000, &[1]), [Some(0.9)], "a target outside comes back inside");
    }

    #[test]
    fn one_that_wraps_shows_both_limits() {
        let mut rig = ChainRig::new("relative twos step 0.25 wrap");
        rig.channel(0, 0.5);
        let passed = turn(&mut rig, 1000, &[1, 1, 1, 1, 127, 127, 126]);
        let expected = [0.75, 1.0, 0.0, 0.25, 0.0, 1.0, 0.5].map(Some);
        assert_eq!(passed, expected);
        let mut rig = ChainRig::new("relative twos wrap");
        let levels: Vec<_> = turn(&mut rig, 1000, &[1; 102]).into_iter().flatten().collect();
        assert_eq!((levels[99], levels[100], levels[101]), (1.0, 0.0, 0.01), "after a hundred inexact sums");
    }

    #[test]
    fn fast_turns_count_more_evenly_between_slow_and_fast() {
        let way = |pause, numbers: &[u8]| {
            let mut rig = ChainRig::new("relative twos accelerate 10 step 0.001");
            rig.channel(0, 0.5);
            let passed = turn(&mut rig, pause, numbers);
            passed.into_iter().flatten().collect::<Vec<_>>()
        };
        assert_eq!(way(100, &[1, 1]), [0.501, 0.502]);
        assert_eq!(way(10, &[1, 1]), [0.501, 0.511]);
        assert_eq!(way(0, &[127, 127]), [0.499, 0.489]);
        assert_eq!(way(55, &[1, 1]), [0.501, 0.5065]);
        assert_eq!(way(20, &[1, 2]), [0.501, 0.521], "two ticks in 20 ms are as fast as one in 10");
        assert_eq!(way(10, &[1, 127]), [0.501, 0.5], "turning back begins slowly");
    }

    #[test]
    fn a_negative_step_turns_it_round() {
        let mut rig = ChainRig::new("relative signed step -5%");
        rig.channel(0, 0.5);
        assert_eq!(turn(&mut rig, 1000, &[1, 65, 65]), [Some(0.45), Some(0.5), Some(0.55)]);
    }

    #[test]
    fn a_recall_and_a_text_turn_nothing_and_the_way_back_passes() {
        let mut rig = ChainRig::new("relative twos");
        assert_eq!((rig.recall(1.0 / 127.0), rig.put("up")), (None, None));
        assert_eq!(rig.notices.len(), 1);
        assert_eq!(rig.chain.inverse().unwrap().references(), 1);
        for text in [
            "relative",
            "relative two",
            "relative twos step 2",
            "relative twos accelerate 0.5",
            "relative twos up",
        ] {
            assert!(read_stage(text, &mut Vec::new()).is_err(), "{text}");
        }
    }
}
