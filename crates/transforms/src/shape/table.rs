//! `table`: linear interpolation between points.

use crosspatch_core::transform::{ArgumentError, Arguments, Shape, Stage, Transform};

pub(crate) const TABLE: Transform = Transform {
    name: "table",
    usage: "table <in>:<out> <in>:<out> ...",
    summary: "interpolates linearly between points",
    read,
};

fn read(arguments: &mut Arguments<'_>) -> Result<Stage, ArgumentError> {
    let mut left = arguments.pair("a point", Shape::LIMITS)?;
    let mut points = vec![left];
    while points.len() < 2 || !arguments.is_empty() {
        let if_not_right = arguments.unexpected("a point to the right of the last one");
        let right = arguments.pair("a point", Shape::LIMITS)?;
        if right.0 - left.0 < Shape::SMALLEST {
            return Err(if_not_right);
        }
        points.push(right);
        left = right;
    }
    Ok(Stage::Shape(Shape::table(TABLE.name, &points)))
}

#[cfg(test)]
mod tests {
    use crosspatch_core::transform::LinePosition;

    use crate::rig::{ChainRig, chain};

    #[test]
    fn lines_lead_from_point_to_point_and_are_level_outside() {
        let mut rig = ChainRig::new("table 0.2:0.5 50%:0 0.75:1 0.8:0.25");
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
            let mut there = ChainRig::new(text);
            let mut back = ChainRig::of(chain(text).inverse().unwrap(), LinePosition::ONLY);
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
