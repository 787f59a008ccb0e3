//! The codec: messages from bytes and back.
//!
//! Sources: MIDI 1.0 Detailed Specification 4.2 (messages, running status, system exclusive), RP-018 (data increment and
//! decrement), MIDI Time Code, MIDI Show Control 1.1. A system exclusive message that another status byte ends is dropped, because
//! it cannot be distinguished from one that was cut off.
//!
//! Not implemented: MIDI 2.0 (universal MIDI packets, capability inquiry), and messages in several packets of sample dumps,
//! which arrive as system exclusive messages of their own.

mod message;
mod number;
mod parser;
#[cfg(test)]
mod tests;
mod text;

pub use message::{DecodeError, END_OF_SYSEX, Message, RunningEncoder, SYSEX, SysEx, data_len};
pub use number::{Bits, U4, U7, U14};
pub use parser::{MAX_SYSEX, Parser};
pub use text::{compose, describe};
pub(crate) use text::{hex, number};
