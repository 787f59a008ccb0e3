//! MIDI devices of this machine: through the ALSA sequencer of the Linux kernel, without a library, and through the
//! system's own library on macOS and Windows.
//!
//! On Linux each own port is a client of the sequencer, with its own file. Besides its public port it has a hidden one,
//! on which the kernel announces changes of clients and ports. After each announcement the existing subscriptions are
//! compared with the wanted ones.

#[cfg(target_os = "linux")]
mod alsa;
mod claims;
#[cfg(target_os = "linux")]
mod event;
#[cfg(target_os = "linux")]
mod identity;
#[cfg(target_os = "linux")]
mod kernel;
#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
mod portable;
#[cfg(any(target_os = "linux", target_os = "macos", windows))]
mod split;
#[cfg(any(target_os = "macos", windows))]
mod system;
#[cfg(all(test, target_os = "linux"))]
mod tests;

#[cfg(target_os = "linux")]
pub(crate) use alsa::Sequencer;
pub(crate) use claims::Claims;
#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
pub(crate) use portable::Sequencer;
#[cfg(any(target_os = "macos", windows))]
pub(crate) use system::Sequencer;

use mio::Token;

/// Input of an own port and its links, for the session.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SequencerInput {
    /// Bytes of a connected device, or of another program.
    Data(Option<Token>, Vec<u8>),
    /// A link is connected to its device.
    Joined(Token),
    /// The device of a link has disappeared.
    Gone(Token),
    /// The kernel dropped input.
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only the kernel says so"))]
    Lost,
}

/// The outcome of sending messages.
#[cfg_attr(windows, expect(dead_code, reason = "nothing there says that a device takes nothing"))]
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum SendOutcome {
    /// The kernel has accepted them.
    Fine,
    /// They wait for room.
    Full,
    /// Too much waits: the receiver is not reading.
    NotReading,
}
