//! Straight lines through points.

use std::sync::Arc;

use super::segment::Segment;

/// The lines between the points from left to right, at least one. Shared: every mapping of a line has the same.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Table(Arc<[Segment]>);

impl Table {
    /// The lines through at least two points, each to the right of the one before it.
    pub(super) fn new(points: &[(f64, f64)]) -> Self {
        Self(points.windows(2).map(|ends| Segment::new(ends[0], ends[1])).collect())
    }

    pub(super) fn apply(&self, number: f64) -> f64 {
        let before_last = &self.0[..self.0.len() - 1];
        self.0[before_last.partition_point(|segment| segment.ends().1 < number)].apply(number)
    }

    /// The way back, of tables that rise or fall everywhere.
    pub(super) fn inverse(&self) -> Option<Self> {
        let mut segments = self.0.iter().map(Segment::inverse).collect::<Option<Vec<_>>>()?;
        let is_left_of = |one: &Segment, other: &Segment| one.ends().1 <= other.ends().0;
        if !is_left_of(&segments[0], &segments[segments.len() - 1]) {
            segments.reverse();
        }
        segments.is_sorted_by(is_left_of).then(|| Self(segments.into()))
    }
}
