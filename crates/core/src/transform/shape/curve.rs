//! `curve`: slow at one end and fast at the other.
//!
//! All of them keep 0 and 1 where they are, rise everywhere in between, and clip what comes in to 0..=1. What needs no
//! more than a multiplication or a root is not left to `powf`, which takes ten times as long. A usual gamma and `log` are left
//! to the `powf` of `f32`, which takes a third of the time of the other: its error is half a millionth at most, and no
//! protocol of show control has finer numbers.

use std::ops::RangeInclusive;

use crate::transform::shape::{Function, stage};
use crate::transform::{ArgumentError, Arguments, Stage, Transform};

pub(in crate::transform) const CURVE: Transform = Transform {
    name: "curve",
    usage: "curve <gamma>|s|log|square|dim",
    summary: "applies a curve from 0 to 1",
    read,
};

/// A curve from (0, 0) to (1, 1), or its way back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Curve {
    /// A gamma within [`USUAL`], in whose powers `f32` does not run out of exponents.
    Power(f32),
    SteepPower(f64),
    Square,
    SquareBack,
    S,
    SBack,
    Log,
    LogBack,
    Dim,
    DimBack,
}

fn read(arguments: &mut Arguments<'_>) -> Result<Stage, ArgumentError> {
    const NAMED: [(&str, Curve); 4] =
        [("s", Curve::S), ("log", Curve::Log), ("square", Curve::Square), ("dim", Curve::Dim)];
    let curve = if arguments.is_number_next() {
        match arguments.number("a gamma", 0.1..=10.0)? {
            2.0 => Curve::Square,
            0.5 => Curve::SquareBack,
            gamma if USUAL.contains(&gamma) => Curve::Power(gamma as f32),
            gamma => Curve::SteepPower(gamma),
        }
    } else {
        arguments.one_of("a gamma or a named curve", &NAMED)?
    };
    Ok(stage(CURVE.name, Function::Curve(curve)))
}

/// Gammas that come with their inverses.
const USUAL: RangeInclusive<f64> = 0.25..=4.0;

/// How much brighter than the least light the most is, with [`Curve::Log`]: three decades, as with DALI.
const CONTRAST: f64 = 1000.0;

/// Where the straight part of [`Curve::Dim`] ends: at a lightness of 8 out of 100, and the luminance that belongs to it.
const KNEE: (f64, f64) = (0.08, 216.0 / 24389.0);

impl Curve {
    pub(super) fn apply(self, number: f64) -> f64 {
        let x = number.clamp(0.0, 1.0);
        match self {
            Self::Power(gamma) => f64::from((x as f32).powf(gamma)),
            Self::SteepPower(gamma) => x.powf(gamma),
            Self::Square => x * x,
            Self::SquareBack => x.sqrt(),
            // Two halves of a parabola. Smoothstep looks the same, but its way back is a sine of an arc sine.
            Self::S if x < 0.5 => 2.0 * x * x,
            Self::S => 1.0 - 2.0 * (1.0 - x) * (1.0 - x),
            Self::SBack if x < 0.5 => (x / 2.0).sqrt(),
            Self::SBack => 1.0 - ((1.0 - x) / 2.0).sqrt(),
            // IEC 62386-102: equal steps are equal ratios of light, from a thousandth on. Shifted to begin at 0.
            Self::Log => (f64::from((CONTRAST as f32).powf(x as f32)) - 1.0) / (CONTRAST - 1.0),
            Self::LogBack => (1.0 + x * (CONTRAST - 1.0)).ln() / CONTRAST.ln(),
            // CIE 15, 8.2.1: the luminance of a lightness, with the exact fractions for its rounded constants.
            Self::Dim if x < KNEE.0 => x * (KNEE.1 / KNEE.0),
            Self::Dim => {
                let root = (x + 0.16) / 1.16;
                root * root * root
            }
            Self::DimBack if x < KNEE.1 => x * (KNEE.0 / KNEE.1),
            Self::DimBack => 1.0 - 1.16 * (1.0 - x.cbrt()),
        }
    }

    pub(super) fn inverse(self) -> Self {
        match self {
            Self::Power(gamma) => Self::Power(1.0 / gamma),
            Self::SteepPower(gamma) => Self::SteepPower(1.0 / gamma),
            Self::Square => Self::SquareBack,
            Self::SquareBack => Self::Square,
            Self::S => Self::SBack,
            Self::SBack => Self::S,
            Self::Log => Self::LogBack,
            Self::LogBack => Self::Log,
            Self::Dim => Self::DimBack,
            Self::DimBack => Self::Dim,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::transform::Place;
    use crate::transform::rig::{Rig, chain};

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
        (Rig::new(text).number(number).unwrap() * 1e6).round() / 1e6
    }

    #[test]
    fn every_curve_keeps_its_ends_and_rises() {
        for text in ALL {
            for way in [chain(text), chain(text).inverse().unwrap()] {
                let mut rig = Rig::of(way, Place::ONLY);
                assert_eq!((rig.number(0.0), rig.number(1.0)), (Some(0.0), Some(1.0)), "{text}");
                let levels: Vec<_> = (0..=1000).map(|at| rig.number(f64::from(at) / 1000.0)).collect();
                assert!(levels.is_sorted(), "{text}");
            }
        }
    }

    #[test]
    fn every_curve_goes_back_the_way_it_came() {
        for text in ALL {
            let mut there = Rig::new(text);
            let mut back = Rig::of(chain(text).inverse().unwrap(), Place::ONLY);
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
