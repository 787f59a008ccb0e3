//! `steps` and `quantize`: reduce a range to a few levels.

use crosspatch_core::transform::{ArgumentError, Arguments, Shape, Stage, Transform};

pub(crate) const STEPS: Transform = Transform {
    name: "steps",
    usage: "steps <count>",
    summary: "divides the range into zones of equal width, from 0 to 1",
    read: read_steps,
};

pub(crate) const QUANTIZE: Transform = Transform {
    name: "quantize",
    usage: "quantize <step>",
    summary: "rounds to the nearest multiple of a step",
    read: read_quantize,
};

fn read_steps(arguments: &mut Arguments<'_>) -> Result<Stage, ArgumentError> {
    let count = arguments.whole("a count", 2..=65_536)?;
    Ok(Stage::Shape(Shape::steps(STEPS.name, count)))
}

fn read_quantize(arguments: &mut Arguments<'_>) -> Result<Stage, ArgumentError> {
    let step = arguments.number("a step", 0.000_001..=1.0)?;
    Ok(Stage::Shape(Shape::quantize(QUANTIZE.name, step)))
}

#[cfg(test)]
mod tests {
    use crosspatch_core::transform::LinePosition;

    use crate::rig::{ChainRig, chain};

    #[test]
    fn zones_are_of_equal_width_and_reach_both_ends() {
        let mut rig = ChainRig::new("steps 4");
        let given = [0.0, 0.249, 0.25, 0.499, 0.5, 0.749, 0.75, 1.0];
        let zones = [0.0, 0.0, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0];
        for (number, zone) in given.into_iter().zip(zones) {
            assert_eq!(rig.number(number), Some(zone / 3.0), "{number}");
        }
        let mut outside = ChainRig::new("scale 4 | offset -1.5 | steps 2");
        assert_eq!([0.0, 1.0].map(|number| outside.number(number)), [Some(0.0), Some(1.0)]);
    }

    #[test]
    fn a_level_of_a_zone_stays_in_its_zone_however_many_there_are() {
        for count in (2..=300).chain([65_535, 65_536]) {
            let text = format!("steps {count}");
            let mut rig = ChainRig::of(chain(&text).inverse().unwrap(), LinePosition::ONLY);
            for zone in (0..count).step_by(count as usize / 200 + 1) {
                let level = f64::from(zone) / f64::from(count - 1);
                assert_eq!(rig.number(level), Some(level), "zone {zone} of {count}");
            }
        }
    }

    #[test]
    fn a_number_goes_to_the_nearest_multiple() {
        let mut rig = ChainRig::new("quantize 25%");
        let levels = [0.0, 0.124, 0.125, 0.5, 0.8, 1.0].map(|number| rig.number(number));
        assert_eq!(levels, [0.0, 0.0, 0.25, 0.5, 0.75, 1.0].map(Some));
        assert!((ChainRig::new("quantize 0.3").number(1.0).unwrap() - 0.9).abs() < 1e-12);
        assert_eq!(ChainRig::new("offset -1 | quantize 0.25 | offset 1").number(0.3), Some(0.25));
    }
}
