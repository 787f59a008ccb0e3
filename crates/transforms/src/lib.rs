//! The transforms of crosspatch, a translator for show control: everything that a mapping line can do to a value.
//!
//! In `tablet./fader/1 | curve 2 > desk.page1.fader1`, `curve 2` is a transform with an argument. The program passes
//! [`FAMILIES`] to the configuration language, which looks transforms up by name.
//!
//! Each family is a folder with a manual, `README.md`, and a file for each transform or for a few similar ones. A file has the
//! entry in the family's table ([`Transform`](crosspatch_core::transform::Transform)), the parser of its arguments, and the stage
//! that it returns. [`crosspatch_core::transform`] describes these types. It also has the functions that shapes apply, because
//! the engine calls them without dynamic dispatch.

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

/// All families of transforms, in the order of the guide.
pub const FAMILIES: &[&Family] =
    &[&shape::FAMILY, &button::FAMILY, &time::FAMILY, &control::FAMILY, &text::FAMILY];
