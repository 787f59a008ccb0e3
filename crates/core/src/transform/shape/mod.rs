//! Functions of one number, without memory.

mod curve;
mod linear;
mod range;
mod spread;
mod steps;
mod table;

use std::ops::RangeInclusive;

use crate::transform::{Family, Stage};

pub(super) const FAMILY: Family = Family {
    name: "shape",
    manual: include_str!("README.md"),
    transforms: &[
        &linear::INVERT,
        &range::RANGE,
        &curve::CURVE,
        &table::TABLE,
        &steps::STEPS,
        &steps::QUANTIZE,
        &range::CLAMP,
        &linear::SCALE,
        &linear::OFFSET,
        &spread::SPREAD,
    ],
};

/// What numbers of a shape may be: far more than anybody needs, and little enough for [`MAX_STAGES`](super::MAX_STAGES).
const LIMITS: RangeInclusive<f64> = -1e6..=1e6;

/// How near numbers that a shape divides by may be to 0, so that the way back stays as tame as the way there.
const SMALLEST: f64 = 1e-6;

/// A function of one number. Numbers outside of 0..=1 may come and go; the result is never NaN.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    /// The name of the transform that it was written as.
    name: &'static str,
    function: Function,
}

/// What the transforms of the family come down to. Plain data that is told apart when it is applied: a call through a
/// pointer would cost more than most of them.
#[derive(Clone, Debug, PartialEq)]
enum Function {
    /// `number * factor + offset`, the factor no nearer to 0 than [`SMALLEST`].
    Linear {
        factor: f64,
        offset: f64,
    },
    Clamp {
        low: f64,
        high: f64,
    },
    Segment(range::Segment),
    Curve(curve::Curve),
    Table(table::Table),
    /// Zones of equal width and how many there are, at least 2.
    Steps(u32),
    /// The nearest multiple of that.
    Quantize(f64),
}

impl Shape {
    /// What changes nothing, and lets texts pass as well: the way back of a stage that only matters on the way there.
    pub const IDENTITY: Self =
        Self { name: "identity", function: Function::Linear { factor: 1.0, offset: 0.0 } };

    /// What becomes of a number.
    pub fn apply(&self, number: f64) -> f64 {
        match &self.function {
            Function::Linear { factor, offset } => number * factor + offset,
            Function::Clamp { low, high } => number.clamp(*low, *high),
            Function::Segment(segment) => segment.apply(number),
            Function::Curve(curve) => curve.apply(number),
            Function::Table(table) => table.apply(number),
            Function::Steps(count) => steps::step(*count, number),
            Function::Quantize(step) => steps::quantize(*step, number),
        }
    }

    /// The shape of the way back, if there is one.
    pub fn inverse(&self) -> Option<Self> {
        let function = match &self.function {
            Function::Linear { factor, offset } => {
                Function::Linear { factor: 1.0 / factor, offset: -offset / factor }
            }
            Function::Segment(segment) => Function::Segment(segment.inverse()?),
            Function::Curve(curve) => Function::Curve(curve.inverse()),
            Function::Table(table) => Function::Table(table.inverse()?),
            // What they let through they leave as it is.
            Function::Clamp { .. } | Function::Steps(_) | Function::Quantize(_) => self.function.clone(),
        };
        Some(Self { name: self.name, function })
    }

    /// The name to call it by in a notice.
    pub fn name(&self) -> &'static str {
        self.name
    }
}

/// A shape as a stage.
fn stage(name: &'static str, function: Function) -> Stage {
    Stage::Shape(Shape { name, function })
}

#[cfg(test)]
mod tests;
