//! What makes texts, and numbers out of them: displays, states by name, colours.

use crate::transform::Family;

pub(super) const FAMILY: Family = Family { name: "text", manual: include_str!("README.md"), transforms: &[] };
