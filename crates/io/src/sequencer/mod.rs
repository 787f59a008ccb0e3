//! Ports beside the MIDI devices of this machine: the ALSA sequencer of the Linux kernel, without any library.
//!
//! Each port of our own is a client of the sequencer, with a file of its own. Beside the port that others see it has a hidden
//! one, to which the kernel announces what comes and goes; after each announcement what is there is compared with what is
//! wanted.

#[cfg(target_os = "linux")]
mod alsa;
mod claims;
#[cfg(target_os = "linux")]
mod event;
#[cfg(target_os = "linux")]
mod identity;
#[cfg(target_os = "linux")]
mod kernel;
#[cfg(not(target_os = "linux"))]
mod portable;
#[cfg(all(test, target_os = "linux"))]
mod tests;

#[cfg(target_os = "linux")]
pub(crate) use alsa::Sequencer;
pub(crate) use claims::Claims;
#[cfg(not(target_os = "linux"))]
pub(crate) use portable::Sequencer;

use mio::Token;

/// What a port of our own has for the session.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Incoming {
    /// Bytes of a device that is joined, or of somebody else.
    Data(Option<Token>, Vec<u8>),
    /// A link is joined to its device.
    Joined(Token),
    /// The device of a link is gone.
    Gone(Token),
}

/// What became of messages.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// They are with the kernel.
    Fine,
    /// They wait.
    Full,
    /// Too much waits.
    NotReading,
}
