//! `spread`: shows a number as a peak at a position in the row of the line's targets.

use crosspatch_core::Value;
use crosspatch_core::transform::{
    ArgumentError, Arguments, LinePosition, Moment, Stage, Stateful, Transform,
};

pub(crate) const SPREAD: Transform = Transform {
    name: "spread",
    usage: "spread [<width>]",
    summary: "moves a peak over a row of targets",
    read,
};

fn read(arguments: &mut Arguments<'_>) -> Result<Stage, ArgumentError> {
    let width = if arguments.is_empty() {
        // The Gaussian curve exp(-20 x²) of MIDIMonster's example `demo.lua`.
        1.0 / 20_f64.sqrt()
    } else {
        arguments.number("a width", 0.001..=100.0)?
    };
    Ok(Stage::Stateful(Box::new(Spread { width, position: 0.0 })))
}

/// A Gaussian curve around the incoming number, evaluated at one position of the row.
#[derive(Clone, Debug)]
struct Spread {
    /// The distance from the peak at which the curve has fallen to 1/e. The length of the row is 1.
    width: f64,
    /// The position of the target in the row, 0 to 1.
    position: f64,
}

impl Stateful for Spread {
    fn handle_value(&mut self, moment: &mut Moment<'_>, value: Value) -> Option<Value> {
        let distance = (moment.number(&value, SPREAD.name)? - self.position) / self.width;
        Some(Value::Number((-distance * distance).exp()))
    }

    fn handle_recall(&mut self, moment: &mut Moment<'_>, value: Value) -> Option<Value> {
        self.handle_value(moment, value)
    }

    fn place(&mut self, place: LinePosition) {
        self.position = f64::from(place.number) / f64::from(place.count.max(2) - 1);
    }
}

#[cfg(test)]
mod tests {
    use crosspatch_core::transform::LinePosition;

    use crate::rig::{ChainRig, chain};

    fn at(text: &str, number: u32, count: u32) -> ChainRig {
        ChainRig::of(chain(text), LinePosition { number, count, narrow: 1 })
    }

    #[test]
    fn eleven_targets_get_the_curve_of_midimonsters_demo() {
        for number in 0..11 {
            let mut rig = at("spread", number, 11);
            for knob in [0.0, 0.27, 0.5, 1.0] {
                let bell = (-20.0 * (knob - 0.1 * f64::from(number)).powi(2)).exp();
                assert!((rig.number(knob).unwrap() - bell).abs() < 1e-12, "target {number} at {knob}");
            }
        }
    }

    #[test]
    fn the_width_is_where_a_third_is_left() {
        let mut rig = at("spread 50%", 0, 3);
        let levels = [0.0, 0.5, 1.0].map(|knob| (rig.number(knob).unwrap() * 1e3).round() / 1e3);
        assert_eq!(levels, [1.0, 0.368, 0.018]);
        assert_eq!(at("spread 0.001", 1, 3).number(0.0), Some(0.0));
    }

    #[test]
    fn the_peak_may_come_from_outside_the_row() {
        let mut rig = at("range -1..1 | spread 0.1", 0, 5);
        assert!(rig.number(0.0).is_some_and(|level| level < 1e-40));
        assert_eq!(rig.number(0.5), Some(1.0));
    }

    #[test]
    fn a_target_alone_stands_at_the_beginning_of_its_row() {
        assert_eq!(at("spread", 0, 1).number(0.0), Some(1.0));
    }

    #[test]
    fn a_recall_is_a_state_and_a_text_is_none() {
        let mut rig = at("spread", 1, 2);
        assert_eq!((rig.recall(1.0), rig.recall("red")), (Some(1.0.into()), None));
        assert_eq!(rig.notices.len(), 1);
        assert_eq!(chain("spread").inverse().unwrap_err(), 0);
    }
}
