//! What makes buttons out of values, and other buttons out of buttons.

mod toggle;

use crate::transform::Family;

pub(super) const FAMILY: Family =
    Family { name: "button", manual: include_str!("README.md"), transforms: &[&toggle::TOGGLE] };
