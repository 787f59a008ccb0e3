//! The transforms: everything that a mapping line can do to a value.
//!
//! Each family is a folder with a manual, `README.md`, and a file for each transform or for a few that are alike. A file has
//! the entry ([`Transform`](crosspatch_core::transform::Transform)), the reader of its arguments and the stage that they
//! give; the contract is [`crosspatch_core::transform`]. What a shape computes is there as well, because the engine applies
//! shapes without a call through a pointer.

mod button;
mod control;
#[cfg(test)]
mod rig;
mod shape;
mod target;
#[cfg(test)]
mod tests;
mod text;
mod time;

use crosspatch_core::transform::Family;

/// Every family, in the order of the guide.
pub const FAMILIES: &[&Family] =
    &[&shape::FAMILY, &button::FAMILY, &time::FAMILY, &control::FAMILY, &text::FAMILY];
