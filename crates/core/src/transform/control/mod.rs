//! What depends on other channels: layers, takeover, encoders, several sources of one target.

use crate::transform::Family;

pub(super) const FAMILY: Family = Family {
    name: "control",
    manual: include_str!("README.md"),
    transforms: &[&crate::transform::merge::MERGE],
};
