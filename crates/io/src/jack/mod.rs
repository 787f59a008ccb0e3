//! Clients of a JACK server. The library is loaded when the first client is opened, so that neither building nor starting needs
//! it.
//!
//! ```text
//!  loop ◀──── pipe that wakes it ◀──── audio cycle, JACK's thread
//!    ├──── rings, voltages ────▶┘        ▲ callbacks
//!    └──── channel ────▶ owner thread ── opens and closes the client
//! ```

#[cfg(unix)]
mod backlog;
#[cfg(unix)]
mod client;
#[cfg(unix)]
mod library;
#[cfg(not(unix))]
mod portable;
#[cfg(unix)]
mod refusal;
#[cfg(unix)]
mod ring;
#[cfg(unix)]
mod shared;
#[cfg(unix)]
mod voltage;

#[cfg(unix)]
pub(crate) use client::JackClient;
#[cfg(not(unix))]
pub(crate) use portable::JackClient;

use crosspatch_core::Closed;

pub(crate) use crate::sequencer::SendOutcome;

/// The reports of a client to its session.
#[cfg_attr(not(unix), expect(dead_code, reason = "clients exist on Unix only"))]
#[derive(Debug, PartialEq)]
pub(crate) enum JackInput<'c> {
    /// The client is open, its ports are there.
    Opened,
    /// An event of a port.
    Data(&'c [u8]),
    /// The number of input messages without room, and of output messages that are too long for a block.
    Lost { lost: u32, unfit: u32 },
    /// It could not be opened, or the server has closed.
    Gone(Closed),
}
