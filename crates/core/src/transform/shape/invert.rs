//! `invert`: what was up is down.

use crate::transform::{ArgumentError, Arguments, Shape, Stage, Transform};

pub(in crate::transform) const INVERT: Transform =
    Transform { name: "invert", usage: "invert", summary: "turns 0 into 1 and 1 into 0", read };

fn read(_: &mut Arguments<'_>) -> Result<Stage, ArgumentError> {
    Ok(Stage::Shape(Shape::Linear { factor: -1.0, offset: 1.0 }))
}
