//! Clients of a JACK server. Its library is loaded when the first one is wanted, so that it is never needed to build or to start.
//!
//! ```text
//!  loop ◀── bell (a pipe) ◀── audio cycle, JACK's thread
//!    ├──── rings, voltages ────▶┘        ▲ callbacks
//!    └──── wanted ────▶ keeper ── opens and closes the client
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

pub(crate) use crate::sequencer::Sent;

/// What a client has for its session.
#[cfg_attr(not(unix), expect(dead_code, reason = "there is no client to tell anything"))]
#[derive(Debug, PartialEq)]
pub(crate) enum Incoming<'c> {
    /// The client is open, its ports are there.
    Opened,
    /// An event of a port.
    Data(&'c [u8]),
    /// So many messages came in faster than they were taken, and so many were too long for a block on their way out.
    Lost { lost: u32, unfit: u32 },
    /// It could not be opened, or the server is gone.
    Gone(Closed),
}
