//! Curves that are slow at one end and fast at the other.
//!
//! All of them keep 0 and 1 fixed, rise everywhere in between, and clip their input to 0..=1. Curves that need only a
//! multiplication or a root do not use `powf`, which takes ten times as long. A usual gamma and `log` use the `powf` of
//! `f32`, which takes a third of the time of that of `f64`: its error is half a millionth at most, and no show-control
//! protocol has a finer resolution.

use std::ops::RangeInclusive;

/// A curve from (0, 0) to (1, 1), or its way back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Curve {
    /// A gamma within `USUAL`, in whose powers `f32` does not run out of exponents.
    Power(f32),
    /// Any other gamma.
    SteepPower(f64),
    /// Gamma 2.
    Square,
    /// The way back of [`Square`](Self::Square).
    SquareBack,
    /// Slow at both ends.
    S,
    /// The way back of [`S`](Self::S).
    SBack,
    /// Equal steps are equal ratios.
    Log,
    /// The way back of [`Log`](Self::Log).
    LogBack,
    /// Equal steps look equal.
    Dim,
    /// The way back of [`Dim`](Self::Dim).
    DimBack,
}

/// Gammas that come with their inverses.
const USUAL: RangeInclusive<f64> = 0.25..=4.0;

/// How much brighter than the least light the most is, with [`Curve::Log`]: three decades, as with DALI.
const CONTRAST: f64 = 1000.0;

/// Where the straight part of [`Curve::Dim`] ends: at a lightness of 8 out of 100, and the luminance that belongs to it.
const KNEE: (f64, f64) = (0.08, 216.0 / 24389.0);

impl Curve {
    /// The curve of a gamma from 0.1 to 10, by the cheapest way to compute it.
    pub fn power(gamma: f64) -> Self {
        match gamma {
            2.0 => Self::Square,
            0.5 => Self::SquareBack,
            gamma if USUAL.contains(&gamma) => Self::Power(gamma as f32),
            gamma => Self::SteepPower(gamma),
        }
    }

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
