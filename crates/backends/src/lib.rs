//! Every protocol that crosspatch speaks, one folder each. `shared` is what several of them use, and `recognize` names the
//! protocol of stray bytes.
//!
//! There is no I/O and no clock here: a session is handed bytes, values and the time, and describes as data what it wants
//! opened and sent. A new backend is a folder and two adjacent lines in this file.

pub mod artnet;
pub mod gma3sim;
pub mod jack;
pub mod loopback;
pub mod masim;
pub mod maweb;
pub mod midi;
pub mod openpixelcontrol;
pub mod osc;
pub mod recognize;
pub mod rtpmidi;
pub mod sacn;
mod shared;

use crosspatch_core::transform::Family;
use crosspatch_core::{Backend, Registry};

/// All backends, by name.
pub const BACKENDS: &[&Backend] = &[
    &artnet::BACKEND,
    &gma3sim::BACKEND,
    &jack::BACKEND,
    &loopback::BACKEND,
    &masim::BACKEND,
    &maweb::BACKEND,
    &midi::BACKEND,
    &openpixelcontrol::BACKEND,
    &osc::BACKEND,
    &rtpmidi::BACKEND,
    &sacn::BACKEND,
];

/// Backends that configurations of MIDIMonster may name and that are not built yet.
pub const PLANNED: &[&str] =
    &["atem", "evdev", "kinet", "lua", "mqtt", "ola", "python", "visca", "wininput", "winmidi"];

/// The registry of a program with all backends and these transforms.
pub const fn registry(families: &'static [&'static Family]) -> Registry {
    Registry { backends: BACKENDS, planned: PLANNED, families }
}
