//! `threshold`: turns a level into a button.

use crosspatch_core::Value;
use crosspatch_core::transform::{ArgumentError, Arguments, Moment, Shape, Stage, Stateful, Transform};

pub(crate) const THRESHOLD: Transform = Transform {
    name: "threshold",
    usage: "threshold <level> [hysteresis <amount>]",
    summary: "gives 1 above a level and 0 below it",
    read,
};

/// No level is above 1.
const HIGHEST: f64 = 0.999;

fn read(arguments: &mut Arguments<'_>) -> Result<Stage, ArgumentError> {
    let level = arguments.number("a level", 0.0..=HIGHEST)?;
    let hysteresis = match arguments.keyword("hysteresis") {
        // With more than that, it would never be 0 again.
        true => arguments.number("a hysteresis", 0.0..=level)?,
        false => 0.0,
    };
    Ok(Stage::Stateful(Box::new(Threshold {
        on_above: level,
        off_to: level - hysteresis,
        is_on: None,
        last: None,
    })))
}

#[derive(Clone, Debug)]
struct Threshold {
    on_above: f64,
    off_to: f64,
    is_on: Option<bool>,
    /// The source's last value.
    last: Option<f64>,
}

impl Threshold {
    fn is_on_by(&self, number: f64) -> bool {
        number > self.on_above || (number > self.off_to && self.is_on == Some(true))
    }
}

impl Stateful for Threshold {
    fn handle_value(&mut self, moment: &mut Moment<'_>, value: Value) -> Option<Value> {
        let number = moment.number(&value, THRESHOLD.name)?;
        let is_on = self.is_on_by(number);
        let is_repeated = self.last.replace(number) == Some(number);
        (self.is_on.replace(is_on) != Some(is_on) || is_repeated).then(|| Value::edge(is_on))
    }

    fn handle_recall(&mut self, moment: &mut Moment<'_>, value: Value) -> Option<Value> {
        let is_on = self.is_on_by(moment.number(&value, THRESHOLD.name)?);
        self.is_on = Some(is_on);
        Some(Value::edge(is_on))
    }

    // On the way back, a button is 0 or 1, which are on the right sides of the threshold.
    fn inverse(&self) -> Option<Stage> {
        Some(Stage::Shape(Shape::IDENTITY))
    }
}

#[cfg(test)]
mod tests {
    use crosspatch_core::transform::LinePosition;

    use crate::rig::{ChainRig, chain, read_stage};

    #[test]
    fn it_is_strictly_above_and_speaks_at_changes_at_the_first_value_and_when_it_is_said_again() {
        let mut rig = ChainRig::new("threshold 0.5");
        let passed = [0.5, 0.2, 0.51, 1.0, 1.0, 0.5, 0.0].map(|level| rig.number(level));
        assert_eq!(passed, [Some(0.0), None, Some(1.0), None, Some(1.0), Some(0.0), None]);
        assert_eq!(
            [0.0, 0.001, 0.0].map(|level| ChainRig::new("threshold 0").number(level)),
            [0.0, 1.0, 0.0].map(Some)
        );
    }

    #[test]
    fn within_the_hysteresis_it_stays_what_it_was() {
        let mut rig = ChainRig::new("threshold 50% hysteresis 20%");
        let passed = [0.4, 0.6, 0.31, 0.3, 0.5, 0.51].map(|level| rig.number(level));
        assert_eq!(passed, [Some(0.0), Some(1.0), None, Some(0.0), None, Some(1.0)]);
        assert_eq!((rig.recall(0.4), rig.recall(0.2)), (Some(1.0.into()), Some(0.0.into())));
        assert_eq!(rig.number(0.1), None, "a recall has told the state already");
    }

    #[test]
    fn numbers_outside_of_levels_and_texts_are_understood() {
        let mut rig = ChainRig::new("threshold 0 | invert");
        assert_eq!((rig.number(0.0), rig.put("up"), rig.notices.len()), (Some(1.0), None, 1));
        let mut rig = ChainRig::new("invert | invert | threshold 0.9");
        assert_eq!((rig.number(1.0), rig.number(0.0)), (Some(1.0), Some(0.0)));
    }

    #[test]
    fn on_the_way_back_a_state_stays_on_its_side() {
        let mut back = ChainRig::of(chain("threshold 0.3").inverse().unwrap(), LinePosition::ONLY);
        for state in [1.0, 0.0] {
            let level = back.number(state).unwrap();
            assert_eq!(ChainRig::new("threshold 0.3").number(level), Some(state));
        }
    }

    #[test]
    fn what_could_never_change_is_a_mistake() {
        for (stage, message) in [
            ("threshold 1", "expected a level from 0 to 0.999, found `1`"),
            ("threshold 0.2 hysteresis 0.3", "expected a hysteresis from 0 to 0.2, found `0.3`"),
            ("threshold", "expected a level, found nothing"),
        ] {
            assert_eq!(read_stage(stage, &mut Vec::new()).unwrap_err().message, message);
        }
    }
}
