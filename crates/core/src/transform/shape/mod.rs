//! Functions of one number, without memory.

mod invert;

use crate::transform::Family;

pub(super) const FAMILY: Family =
    Family { name: "shape", manual: include_str!("README.md"), transforms: &[&invert::INVERT] };

/// A function of one number. Numbers outside of 0..=1 may come and go; the result is never NaN.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// `number * factor + offset`.
    Linear {
        /// How steep it is.
        factor: f64,
        /// What zero becomes.
        offset: f64,
    },
}

impl Shape {
    /// What changes nothing.
    pub const IDENTITY: Self = Self::Linear { factor: 1.0, offset: 0.0 };

    /// What becomes of a number.
    pub fn apply(&self, number: f64) -> f64 {
        match self {
            Self::Linear { factor, offset } => number * factor + offset,
        }
    }

    /// The shape of the way back, if there is one.
    pub fn inverse(&self) -> Option<Self> {
        match self {
            Self::Linear { factor, .. } if *factor == 0.0 => None,
            Self::Linear { factor, offset } => {
                Some(Self::Linear { factor: 1.0 / factor, offset: -offset / factor })
            }
        }
    }

    /// The name to call it by in a notice.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Linear { .. } => "range",
        }
    }
}
