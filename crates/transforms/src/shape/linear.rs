//! `invert`, `scale` and `offset`: linear functions without limits.

use crosspatch_core::transform::{ArgumentError, Arguments, Shape, Stage, Transform};

use crate::control::takeover;

pub(crate) const INVERT: Transform =
    Transform { name: "invert", usage: "invert", summary: "turns 0 into 1 and 1 into 0", read: read_invert };

pub(crate) const SCALE: Transform = Transform {
    name: "scale",
    usage: "scale <factor>|[<channel>]",
    summary: "multiplies; without a factor, a soft takeover",
    read: read_scale,
};

pub(crate) const OFFSET: Transform =
    Transform { name: "offset", usage: "offset <amount>", summary: "adds an amount", read: read_offset };

fn read_invert(_: &mut Arguments<'_>) -> Result<Stage, ArgumentError> {
    Ok(Stage::Shape(Shape::linear(INVERT.name, -1.0, 1.0)))
}

fn read_scale(arguments: &mut Arguments<'_>) -> Result<Stage, ArgumentError> {
    if !arguments.is_number_next() {
        return takeover::read_scale(arguments);
    }
    let if_zero = arguments.unexpected(&format!("a factor that is at least {} away from 0", Shape::SMALLEST));
    let factor = arguments.number("a factor", Shape::LIMITS)?;
    if factor.abs() < Shape::SMALLEST {
        return Err(if_zero);
    }
    Ok(Stage::Shape(Shape::linear(SCALE.name, factor, 0.0)))
}

fn read_offset(arguments: &mut Arguments<'_>) -> Result<Stage, ArgumentError> {
    let offset = arguments.number("an amount", Shape::LIMITS)?;
    Ok(Stage::Shape(Shape::linear(OFFSET.name, 1.0, offset)))
}

#[cfg(test)]
mod tests {
    use crosspatch_core::transform::LinePosition;

    use crate::rig::{ChainRig, chain};

    #[test]
    fn invert_turns_the_ends_round_and_back_again() {
        let mut rig = ChainRig::new("invert");
        assert_eq!([0.0, 0.25, 1.0].map(|number| rig.number(number)), [Some(1.0), Some(0.75), Some(0.0)]);
        assert_eq!(ChainRig::new("invert | invert").number(0.25), Some(0.25));
    }

    #[test]
    fn what_leaves_the_range_between_stages_comes_back() {
        let mut rig = ChainRig::new("scale 200% | offset -0.5");
        let levels = [0.0, 0.25, 0.5, 0.75, 1.0].map(|number| rig.number(number));
        assert_eq!(levels, [0.0, 0.0, 0.5, 1.0, 1.0].map(Some));
        assert_eq!(ChainRig::new("scale -1 | offset 1").number(0.25), Some(0.75));
        assert_eq!(ChainRig::new("offset 60% | offset -0.6 | scale 0.5").number(1.0), Some(0.5));
    }

    #[test]
    fn a_scale_without_a_factor_is_a_takeover() {
        for text in ["scale", "scale desk.fader1"] {
            assert_eq!(chain(text).references(), 1, "{text}");
        }
    }

    #[test]
    fn a_way_back_divides_and_subtracts() {
        let mut back = ChainRig::of(chain("scale 0.5 | offset 0.25").inverse().unwrap(), LinePosition::ONLY);
        assert_eq!([0.25, 0.5, 0.75].map(|number| back.number(number)), [0.0, 0.5, 1.0].map(Some));
    }
}
