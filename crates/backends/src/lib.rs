//! Every protocol that crosspatch speaks, one folder each.
//!
//! There is no I/O and no clock here: a session is handed bytes, values and the time, and describes as data what it wants
//! opened and sent. A new backend is a folder and two adjacent lines in this file.

mod detect;
pub mod loopback;
pub mod masim;
pub mod maweb;
pub mod midi;
pub mod osc;

use crosspatch_core::{Backend, Registry};

/// All backends, by name.
pub const BACKENDS: &[&Backend] =
    &[&loopback::BACKEND, &masim::BACKEND, &maweb::BACKEND, &midi::BACKEND, &osc::BACKEND];

/// Backends that configurations of MIDIMonster may name and that are not built yet.
pub const PLANNED: &[&str] = &[
    "artnet",
    "atem",
    "evdev",
    "jack",
    "kinet",
    "lua",
    "mqtt",
    "ola",
    "openpixelcontrol",
    "python",
    "rtpmidi",
    "sacn",
    "visca",
    "wininput",
    "winmidi",
];

/// The registry that a program with all backends uses.
pub const REGISTRY: Registry = Registry { backends: BACKENDS, planned: PLANNED };
