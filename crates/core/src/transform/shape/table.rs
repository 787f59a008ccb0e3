//! `table`: straight lines through points.

use std::sync::Arc;

use crate::transform::shape::range::Segment;
use crate::transform::shape::{Function, LIMITS, SMALLEST, stage};
use crate::transform::{ArgumentError, Arguments, Stage, Transform};

pub(in crate::transform) const TABLE: Transform = Transform {
    name: "table",
    usage: "table <in>:<out> <in>:<out> ...",
    summary: "interpolates linearly between points",
    read,
};

/// The lines between the points from left to right, at least one. Shared: every mapping of a line has the same.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Table(Arc<[Segment]>);

fn read(arguments: &mut Arguments<'_>) -> Result<Stage, ArgumentError> {
    let mut segments = Vec::new();
    let mut left = arguments.pair("a point", LIMITS)?;
    while segments.is_empty() || !arguments.is_empty() {
        let if_not_right = arguments.unexpected("a point to the right of the last one");
        let right = arguments.pair("a point", LIMITS)?;
        if right.0 - left.0 < SMALLEST {
            return Err(if_not_right);
        }
        segments.push(Segment::new(left, right));
        left = right;
    }
    Ok(stage(TABLE.name, Function::Table(Table(segments.into()))))
}

impl Table {
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

#[cfg(test)]
mod tests {
    use crate::transform::Place;
    use crate::transform::rig::{Rig, chain};

    #[test]
    fn lines_lead_from_point_to_point_and_are_level_outside() {
        let mut rig = Rig::new("table 0.2:0.5 50%:0 0.75:1 0.8:0.25");
        let given = [0.0, 0.2, 0.35, 0.5, 0.625, 0.75, 0.8, 1.0];
        let levels = [0.5, 0.5, 0.25, 0.0, 0.5, 1.0, 0.25, 0.25];
        for (number, level) in given.into_iter().zip(levels) {
            let found = rig.number(number).unwrap();
            assert!((found - level).abs() < 1e-12, "{number} became {found}");
        }
    }

    #[test]
    fn what_rises_or_falls_everywhere_has_a_way_back() {
        for text in ["table 0:0 0.5:0.2 1:1", "table 0:1 0.3:0.9 1:0.1"] {
            let mut there = Rig::new(text);
            let mut back = Rig::of(chain(text).inverse().unwrap(), Place::ONLY);
            for at in 0..=20 {
                let number = f64::from(at) / 20.0;
                let again = there.number(number).and_then(|level| back.number(level)).unwrap();
                assert!((again - number).abs() < 1e-12, "{text}: {number} became {again}");
            }
        }
        for text in
            ["table 0:0 0.5:0.2 1:0.2", "table 0:0 0.5:1 1:0", "table 0:0.5 0.5:0 1:1", "table 0:0.5 1:0.5"]
        {
            assert_eq!(chain(text).inverse().unwrap_err(), 0, "{text}");
        }
    }
}
