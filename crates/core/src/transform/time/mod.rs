//! What changes when a value arrives, or how fast.

use crate::transform::Family;

pub(super) const FAMILY: Family = Family { name: "time", manual: include_str!("README.md"), transforms: &[] };
