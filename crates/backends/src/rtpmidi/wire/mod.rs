//! The codec: packets of AppleMIDI sessions and of RTP-MIDI.
//!
//! Sources: RFC 6295 (the MIDI command section, clause 3; the recovery journal, clause 5 and appendix A), RFC 3550 (the
//! header of RTP, clause 5.1), and for sessions, which no standard describes, Apple's "MIDI Network Driver Protocol".
//!
//! Not implemented: chapter M of the journal (parameters), chapter E (extras of notes) and the system journal are stepped
//! over; bank numbers in chapter P are not used, since chapter C has them; the S bits, with which a receiver saves itself
//! reading, are written as 0 and not read.

mod command;
mod journal;
mod rtp;
#[cfg(test)]
mod tests;
mod text;

use std::fmt;

pub use command::{MAX_NAME, SessionCommand, SessionExchange, Timing};
pub use journal::{Journal, JournalState, JournalSubject, ReceivedJournal};
pub(crate) use rtp::encode_segment;
pub use rtp::{Header, MAX_LIST, MidiList, MidiListItem, Rtp, SEGMENT, SegmentEnd};
pub use text::{compose, describe};

use crate::midi::wire as midi;

/// A datagram.
#[derive(Clone, Debug, PartialEq)]
pub enum Packet<'a> {
    /// A command of the session.
    Command(SessionCommand),
    /// MIDI.
    Rtp(Rtp<'a>),
}

impl<'a> Packet<'a> {
    /// Reads a datagram. The messages in it are checked when they are read.
    ///
    /// # Errors
    ///
    /// If it is neither a whole command nor a whole packet of RTP-MIDI.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        if bytes.starts_with(&command::SIGNATURE) {
            SessionCommand::decode(bytes).map(Self::Command)
        } else {
            Rtp::decode(bytes).map(Self::Rtp)
        }
    }
}

/// What is wrong with a datagram.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// It ends too early, or a length in it is too large.
    Cut,
    /// An unknown command.
    BadCommand([u8; 2]),
    /// A session of another version than 2.
    BadSession(u32),
    /// RTP of another version than 2.
    BadVersion(u8),
    /// A payload type that is not free for MIDI (RFC 3551, clause 6).
    BadPayload(u8),
    /// The third kind of clock message is the last one.
    BadCount(u8),
    /// A part of the recovery journal does not have the length that it says.
    BadJournal,
    /// A delta time of more than four bytes.
    BadDelta,
    /// A message makes no sense.
    Midi(midi::DecodeError),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut => f.write_str("the packet is cut short"),
            Self::BadCommand(name) => {
                write!(f, "the session command `{}` is unknown", name.escape_ascii())
            }
            Self::BadSession(version) => write!(f, "expected sessions of version 2, found {version}"),
            Self::BadVersion(version) => write!(f, "expected RTP of version 2, found {version}"),
            Self::BadPayload(number) => write!(f, "expected a payload type from 96 to 127, found {number}"),
            Self::BadCount(count) => write!(f, "expected clock message 0, 1 or 2, found {count}"),
            Self::BadJournal => f.write_str("a length in the recovery journal is wrong"),
            Self::BadDelta => f.write_str("a delta time is too long"),
            Self::Midi(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for DecodeError {}

/// Takes bytes from the front.
struct ByteReader<'a>(&'a [u8]);

impl<'a> ByteReader<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (front, rest) = self.0.split_at_checked(len).ok_or(DecodeError::Cut)?;
        self.0 = rest;
        Ok(front)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (front, rest) = self.0.split_first_chunk().ok_or(DecodeError::Cut)?;
        self.0 = rest;
        Ok(*front)
    }

    fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_be_bytes)
    }
}
