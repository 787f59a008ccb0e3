//! Common parts of all DMX protocols: channels and their addresses, universes that are received and sent, and merging
//! of several sources.
//!
//! Not a backend. A universe is a frame of levels, one byte each; a channel is a [`Place`] in it. [`Input`] turns
//! frames into values, [`Output`] turns values into frames, [`Merger`] merges several frames into one. None of them
//! depends on a packet format.

mod address;
mod bucket;
mod input;
mod loss;
mod merge;
mod options;
mod output;
mod output_slots;
mod place;

pub(crate) use address::Address;
pub(crate) use bucket::Bucket;
pub(crate) use input::Input;
pub(crate) use loss::Loss;
pub(crate) use merge::{Levels, MergeScope, Merger, Rule};
pub(crate) use options::{
    Detect, INTERFACE, REALTIME, START, read_destinations, read_detect, read_interface, read_loss,
    read_merge, read_start,
};
pub(crate) use output::{FRAME, Output, Pace};
pub(crate) use place::Place;

/// The number of slots of a universe.
pub(crate) const SLOTS: usize = 512;
