//! Functions of one number, without memory.

mod curve;
mod linear;
mod range;
mod spread;
mod steps;
mod table;
#[cfg(test)]
mod tests;

use crosspatch_core::transform::Family;

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
