//! `curve`: a power function, slow at one end and fast at the other.

use crosspatch_core::transform::{ArgumentError, Arguments, Curve, Shape, Stage, Transform};

pub(crate) const CURVE: Transform = Transform {
    name: "curve",
    usage: "curve <gamma>|s|log|square|dim",
    summary: "applies a curve from 0 to 1",
    read,
};

fn read(arguments: &mut Arguments<'_>) -> Result<Stage, ArgumentError> {
    const NAMED: [(&str, Curve); 4] =
        [("s", Curve::S), ("log", Curve::Log), ("square", Curve::Square), ("dim", Curve::Dim)];
    let curve = if arguments.is_number_next() {
        Curve::power(arguments.number("a gamma", 0.1..=10.0)?)
    } else {
        arguments.one_of("a gamma such as 2.2, or a named curve", &NAMED)?
    };
    Ok(Stage::Shape(Shape::curve(CURVE.name, curve)))
}

#[cfg(test)]
mod tests {
    use crosspatch_core::transform::LinePosition;

    use crate::rig::{ChainRig, chain};

    const ALL: [&str; 9] = [
        "curve 0.1",
        "curve 0.5",
        "curve 1",
        "curve 2.2",
        "curve 10",
        "curve s",
        "curve log",
        "curve square",
        "curve dim",
    ];

    fn level(text: &str, number: f64) -> f64 {
        (ChainRig::new(text).number(number).unwrap() * 1e6).round() / 1e6
    }

    #[test]
    fn every_curve_keeps_its_ends_and_rises() {
        for text in ALL {
            for way in [chain(text), chain(text).inverse().unwrap()] {
                let mut rig = ChainRig::of(way, LinePosition::ONLY);
                assert_eq!((rig.number(0.0), rig.number(1.0)), (Some(0.0), Some(1.0)), "{text}");
                let levels: Vec<_> = (0..=1000).map(|at| rig.number(f64::from(at) / 1000.0)).collect();
                assert!(levels.is_sorted(), "{text}");
            }
        }
    }

    #[test]
    fn every_curve_goes_back_the_way_it_came() {
        for text in ALL {
            let mut there = ChainRig::new(text);
            let mut back = ChainRig::of(chain(text).inverse().unwrap(), LinePosition::ONLY);
            for at in 0..=1000 {
                let number = f64::from(at) / 1000.0;
                let again = there.number(number).and_then(|level| back.number(level)).unwrap();
                assert!((again - number).abs() < 1e-6, "{text}: {number} became {again}");
            }
        }
    }

    #[test]
    fn every_curve_clips_what_comes_in() {
        for text in ALL {
            assert_eq!(level(&format!("offset -1 | {text}"), 0.5), 0.0, "{text}");
            assert_eq!(level(&format!("offset 1 | {text}"), 0.5), 1.0, "{text}");
        }
    }

    #[test]
    fn levels_are_those_of_the_formulas() {
        assert_eq!(level("curve 2.2", 0.5), 0.217638);
        assert_eq!((level("curve 2", 0.5), level("curve square", 0.5)), (0.25, 0.25));
        assert_eq!(level("curve 0.5", 0.25), 0.5);
        assert_eq!([0.25, 0.5, 0.75].map(|number| level("curve s", number)), [0.125, 0.5, 0.875]);
        // (1000^0.5 - 1) / 999
        assert_eq!(level("curve log", 0.5), 0.030653);
        // The luminance of lightness 50 is the 18 % grey of photographers; below 8, it is lightness / 903.3.
        assert_eq!(
            [0.04, 0.08, 0.5].map(|number| level("curve dim", number)),
            [0.004428, 0.008856, 0.184187]
        );
    }
}
