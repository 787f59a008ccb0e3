//! Functions of one number, without memory.

mod curve;
mod segment;
mod steps;
mod table;

use std::ops::RangeInclusive;

pub use curve::Curve;
use segment::Segment;
use table::Table;

/// As [`Shape::SMALLEST`].
const SMALLEST: f64 = Shape::SMALLEST;

/// A function of one number. Numbers outside of 0..=1 may come and go; the result is never NaN.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    /// The name of the transform that it was written as.
    name: &'static str,
    function: ShapeFunction,
}

/// The functions that a shape can have. Plain data, matched when it is applied: a call through a pointer would cost
/// more than most of them.
#[derive(Clone, Debug, PartialEq)]
enum ShapeFunction {
    /// `number * factor + offset`, the factor no nearer to 0 than [`SMALLEST`].
    Linear {
        factor: f64,
        offset: f64,
    },
    Clamp {
        low: f64,
        high: f64,
    },
    Segment(Segment),
    Curve(Curve),
    Table(Table),
    /// Zones of equal width and how many there are, at least 2.
    Steps(u32),
    /// The nearest multiple of that.
    Quantize(f64),
}

impl Shape {
    /// The range of the numbers of a shape: far more than needed, and small enough for
    /// [`MAX_STAGES`](super::MAX_STAGES).
    pub const LIMITS: RangeInclusive<f64> = -1e6..=1e6;

    /// The minimum distance from 0 of numbers that a shape divides by, so that its inverse remains well-behaved.
    pub const SMALLEST: f64 = 1e-6;

    /// The identity, which also passes texts: the inverse of a stage that only applies in the forward direction.
    pub const IDENTITY: Self =
        Self { name: "identity", function: ShapeFunction::Linear { factor: 1.0, offset: 0.0 } };

    /// `number * factor + offset`, the factor no nearer to 0 than [`SMALLEST`](Self::SMALLEST).
    pub fn linear(name: &'static str, factor: f64, offset: f64) -> Self {
        Self { name, function: ShapeFunction::Linear { factor, offset } }
    }

    /// No further than two ends, in either order.
    pub fn clamp(name: &'static str, one: f64, other: f64) -> Self {
        Self { name, function: ShapeFunction::Clamp { low: one.min(other), high: one.max(other) } }
    }

    /// The straight line between two points that are at least [`SMALLEST`](Self::SMALLEST) apart in `x`, in either order, and
    /// level beyond them.
    pub fn segment(name: &'static str, one: (f64, f64), other: (f64, f64)) -> Self {
        Self { name, function: ShapeFunction::Segment(Segment::new(one, other)) }
    }

    /// A bend from 0 to 1.
    pub fn curve(name: &'static str, curve: Curve) -> Self {
        Self { name, function: ShapeFunction::Curve(curve) }
    }

    /// Straight lines through at least two points, each at least [`SMALLEST`](Self::SMALLEST) to the right of the
    /// previous one.
    pub fn table(name: &'static str, points: &[(f64, f64)]) -> Self {
        Self { name, function: ShapeFunction::Table(Table::new(points)) }
    }

    /// Zones of equal width, at least 2.
    pub fn steps(name: &'static str, count: u32) -> Self {
        Self { name, function: ShapeFunction::Steps(count) }
    }

    /// The nearest multiple of `step`, which is above 0.
    pub fn quantize(name: &'static str, step: f64) -> Self {
        Self { name, function: ShapeFunction::Quantize(step) }
    }

    /// Applies the shape to a number.
    pub fn apply(&self, number: f64) -> f64 {
        match &self.function {
            ShapeFunction::Linear { factor, offset } => number * factor + offset,
            ShapeFunction::Clamp { low, high } => number.clamp(*low, *high),
            ShapeFunction::Segment(segment) => segment.apply(number),
            ShapeFunction::Curve(curve) => curve.apply(number),
            ShapeFunction::Table(table) => table.apply(number),
            ShapeFunction::Steps(count) => steps::step(*count, number),
            ShapeFunction::Quantize(step) => steps::quantize(*step, number),
        }
    }

    /// The shape of the way back, if there is one.
    pub fn inverse(&self) -> Option<Self> {
        let function = match &self.function {
            ShapeFunction::Linear { factor, offset } => {
                ShapeFunction::Linear { factor: 1.0 / factor, offset: -offset / factor }
            }
            ShapeFunction::Segment(segment) => ShapeFunction::Segment(segment.inverse()?),
            ShapeFunction::Curve(curve) => ShapeFunction::Curve(curve.inverse()),
            ShapeFunction::Table(table) => ShapeFunction::Table(table.inverse()?),
            // Values that pass are unchanged.
            ShapeFunction::Clamp { .. } | ShapeFunction::Steps(_) | ShapeFunction::Quantize(_) => {
                self.function.clone()
            }
        };
        Some(Self { name: self.name, function })
    }

    /// The name to call it by in a notice.
    pub fn name(&self) -> &'static str {
        self.name
    }
}
