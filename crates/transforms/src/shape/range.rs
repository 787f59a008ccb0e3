//! `range` and `clamp`: map one range of numbers to another, and limit numbers to a range.

use crosspatch_core::transform::{ArgumentError, Arguments, Shape, Stage, Transform};

pub(crate) const RANGE: Transform = Transform {
    name: "range",
    usage: "range [<from>..<to> ->] <from>..<to>",
    summary: "maps 0 to 1, or the first range, to the last range",
    read: read_range,
};

pub(crate) const CLAMP: Transform = Transform {
    name: "clamp",
    usage: "clamp <low>..<high>",
    summary: "limits values to a range",
    read: read_clamp,
};

fn read_range(arguments: &mut Arguments<'_>) -> Result<Stage, ArgumentError> {
    // The target range may be a single number. The source range may not.
    let if_same = arguments.unexpected("a source range with two different ends");
    let first = arguments.range("a range", Shape::LIMITS)?;
    let (x, y) = match arguments.keyword("->") {
        false => ((0.0, 1.0), first),
        true if (first.0 - first.1).abs() < Shape::SMALLEST => return Err(if_same),
        true => (first, arguments.range("a target range", Shape::LIMITS)?),
    };
    Ok(Stage::Shape(Shape::segment(RANGE.name, (x.0, y.0), (x.1, y.1))))
}

fn read_clamp(arguments: &mut Arguments<'_>) -> Result<Stage, ArgumentError> {
    let (from, to) = arguments.range("a range", Shape::LIMITS)?;
    Ok(Stage::Shape(Shape::clamp(CLAMP.name, from, to)))
}

#[cfg(test)]
mod tests {
    use crosspatch_core::transform::LinePosition;

    use crate::rig::{ChainRig, chain};

    fn levels(text: &str, numbers: [f64; 5]) -> [f64; 5] {
        let mut rig = ChainRig::new(text);
        numbers.map(|number| (rig.number(number).unwrap() * 1e9).round() / 1e9)
    }

    #[test]
    fn a_range_is_filled_from_end_to_end_and_not_left() {
        let numbers = [0.0, 0.25, 0.5, 0.75, 1.0];
        assert_eq!(levels("range 0.2..0.8", numbers), [0.2, 0.35, 0.5, 0.65, 0.8]);
        assert_eq!(levels("range 100%..20%", numbers), [1.0, 0.8, 0.6, 0.4, 0.2]);
        assert_eq!(levels("scale 3 | offset -1 | range 0.2..0.8", numbers), [0.2, 0.2, 0.5, 0.8, 0.8]);
    }

    #[test]
    fn a_range_with_equal_ends_is_always_that_number_and_has_no_way_back() {
        for text in ["range 0.4..0.4", "range 0.2..0.8 -> 0.4..0.4", "clamp 40%..40%"] {
            assert_eq!(levels(text, [0.0, 0.25, 0.5, 0.75, 1.0]), [0.4; 5], "{text}");
        }
        assert!(chain("range 0.4..0.4").inverse().is_err());
    }

    #[test]
    fn part_of_the_way_in_may_become_all_of_the_way_out() {
        let numbers = [0.0, 0.25, 0.5, 0.75, 1.0];
        assert_eq!(levels("range 0.25..0.75 -> 0..1", numbers), [0.0, 0.0, 0.5, 1.0, 1.0]);
        assert_eq!(levels("range 0.75..0.25 -> 0..1", numbers), [1.0, 1.0, 0.5, 0.0, 0.0]);
        assert_eq!(levels("range -1..1 -> 0.5..1", numbers), [0.75, 0.8125, 0.875, 0.9375, 1.0]);
        assert_eq!(levels("scale 127 | range 0..127 -> 0..1", numbers), numbers);
    }

    #[test]
    fn the_way_back_of_a_range_stops_at_its_ends() {
        let back = |text| ChainRig::of(chain(text).inverse().unwrap(), LinePosition::ONLY);
        let mut fader = back("range 0..0.9727");
        assert_eq!([0.0, 0.9727, 1.0].map(|level| fader.number(level)), [Some(0.0), Some(1.0), Some(1.0)]);
        let mut dead_zone = back("range 0.1..0.9 -> 1..0");
        assert_eq!([1.0, 0.0].map(|level| dead_zone.number(level)), [Some(0.1), Some(0.9)]);
    }

    #[test]
    fn a_clamp_cuts_off_and_leaves_the_rest_alone() {
        let numbers = [0.0, 0.2, 0.5, 0.81, 1.0];
        assert_eq!(levels("clamp 0.2..0.8", numbers), [0.2, 0.2, 0.5, 0.8, 0.8]);
        assert_eq!(levels("clamp 80%..20%", numbers), [0.2, 0.2, 0.5, 0.8, 0.8]);
        let mut back = ChainRig::of(chain("clamp 0.2..0.8").inverse().unwrap(), LinePosition::ONLY);
        assert_eq!([0.1, 0.5].map(|level| back.number(level)), [Some(0.2), Some(0.5)]);
    }
}
