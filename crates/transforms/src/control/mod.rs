//! Transforms that depend on other channels: layers, takeover, encoders, several sources of one target.

mod gate;
mod gesture;
mod layer;
mod merge;
mod relative;
pub(super) mod takeover;
mod trail;
mod when;

use crosspatch_core::transform::Family;

pub(super) const FAMILY: Family = Family {
    name: "control",
    manual: include_str!("README.md"),
    transforms: &[
        &when::WHEN,
        &layer::LAYER,
        &takeover::PICKUP,
        &takeover::CATCHUP,
        &relative::RELATIVE,
        &gesture::GESTURE,
        &merge::MERGE,
    ],
};
