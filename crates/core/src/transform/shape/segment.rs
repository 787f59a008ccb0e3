//! A straight line with two ends.

use super::SMALLEST;

/// The straight line between two points, and level beyond them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Segment {
    /// `x` and `y` of the left end.
    start: (f64, f64),
    /// Those of the right one.
    end: (f64, f64),
    /// Divided once, because a division takes longer than all the rest of a range.
    slope: f64,
}

impl Segment {
    /// The line between two points that are at least [`SMALLEST`] apart in `x`, in either order.
    pub(super) fn new(one: (f64, f64), other: (f64, f64)) -> Self {
        let (start, end) = if one.0 < other.0 { (one, other) } else { (other, one) };
        Self { start, end, slope: (end.1 - start.1) / (end.0 - start.0) }
    }

    pub(super) fn apply(&self, number: f64) -> f64 {
        // The ends come out exactly as they were written.
        if number <= self.start.0 {
            self.start.1
        } else if number >= self.end.0 {
            self.end.1
        } else {
            self.start.1 + (number - self.start.0) * self.slope
        }
    }

    /// Where the ends are, in `x`.
    pub(super) fn ends(&self) -> (f64, f64) {
        (self.start.0, self.end.0)
    }

    /// The inverse, if the segment is not level.
    pub(super) fn inverse(&self) -> Option<Self> {
        let mirror = |(x, y)| (y, x);
        let is_level = (self.end.1 - self.start.1).abs() < SMALLEST;
        (!is_level).then(|| Self::new(mirror(self.start), mirror(self.end)))
    }
}
