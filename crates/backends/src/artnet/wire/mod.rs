//! Art-Net packets as bytes, after the Art-Net 4 specification and the packet definitions at art-net.org.uk.
//!
//! Read: ArtPoll, ArtPollReply, ArtCommand, ArtDmx, ArtSync, ArtAddress, ArtTimeCode, ArtTrigger. Everything else (RDM, firmware, ArtNzs,
//! ArtInput, IP programming, diagnostics) is recognised by its code and otherwise left alone.

mod control;
mod dmx;
mod poll;
mod port_address;
#[cfg(test)]
mod tests;
mod text;

use std::fmt;

use crosspatch_core::Selection;

pub use control::{ArtAddress, ArtCommand, ArtTimeCode, ArtTrigger, Key};
pub use dmx::ArtDmx;
pub use poll::{
    ArtPoll, ArtPollReply, DATA_SEEN, ESTA_PROTOTYPE, LONGEST_NAME, MERGING, MERGING_LTP, PORT_IN, PORT_OUT,
};
pub use port_address::{NoPortAddress, PortAddress};
pub use text::{compose, describe};

/// The UDP port of Art-Net.
pub const PORT: u16 = 0x1936;

/// What every packet begins with.
pub(crate) const ID: &[u8; 8] = b"Art-Net\0";

/// The protocol version that packets carry; the only one there has ever been.
const PROT_VER: u16 = 14;

const OP_POLL: u16 = 0x2000;
const OP_POLL_REPLY: u16 = 0x2100;
const OP_COMMAND: u16 = 0x2400;
const OP_DMX: u16 = 0x5000;
const OP_SYNC: u16 = 0x5200;
const OP_ADDRESS: u16 = 0x6000;
const OP_TIME_CODE: u16 = 0x9700;
const OP_TRIGGER: u16 = 0x9900;

/// A packet.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// A controller asks who is there.
    Poll(ArtPoll),
    /// Somebody is there.
    PollReply(ArtPollReply<'a>),
    /// A text for the devices of one manufacturer.
    Command(ArtCommand<'a>),
    /// The levels of a universe.
    Dmx(ArtDmx<'a>),
    /// What has been sent in ArtDmx is to become visible at once.
    Sync,
    /// A controller programs a node.
    Address(ArtAddress),
    /// The time of a show.
    TimeCode(ArtTimeCode),
    /// Something is to happen.
    Trigger(ArtTrigger),
    /// Anything else, by its code.
    Other(u16),
}

impl<'a> Packet<'a> {
    /// Reads a packet. What is behind its end is left out, because later revisions append fields.
    ///
    /// # Errors
    ///
    /// If it is no Art-Net, of an impossible version, or shorter than it says or has to be.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let Some((head, body)) = bytes.split_first_chunk::<10>() else { return Err(DecodeError::NotArtNet) };
        let [id @ .., low, high] = head;
        if id != ID {
            return Err(DecodeError::NotArtNet);
        }
        let code = u16::from_le_bytes([*low, *high]);
        // The only packet without a version.
        if code == OP_POLL_REPLY {
            return ArtPollReply::decode(body).map(Self::PollReply);
        }
        let (version, body) = body.split_first_chunk::<2>().ok_or(DecodeError::TooShort)?;
        let version = u16::from_be_bytes(*version);
        if version < PROT_VER {
            return Err(DecodeError::Version(version));
        }
        match code {
            OP_POLL => ArtPoll::decode(body).map(Self::Poll),
            OP_COMMAND => ArtCommand::decode(body).map(Self::Command),
            OP_DMX => ArtDmx::decode(body).map(Self::Dmx),
            OP_SYNC => Ok(Self::Sync),
            OP_ADDRESS => ArtAddress::decode(body).map(Self::Address),
            OP_TIME_CODE => ArtTimeCode::decode(body).map(Self::TimeCode),
            OP_TRIGGER => ArtTrigger::decode(body).map(Self::Trigger),
            _ => Ok(Self::Other(code)),
        }
    }

    /// Appends the packet as bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Poll(poll) => poll.encode(out),
            Self::PollReply(reply) => reply.encode(out),
            Self::Command(command) => command.encode(out),
            Self::Dmx(dmx) => dmx.encode(out),
            Self::Sync => {
                begin(OP_SYNC, out);
                out.extend_from_slice(&[0; 2]);
            }
            Self::Address(address) => address.encode(out),
            Self::TimeCode(time) => time.encode(out),
            Self::Trigger(trigger) => trigger.encode(out),
            Self::Other(code) => begin(*code, out),
        }
    }
}

/// Leaves out ArtDmx for other universes, which is what most packets on a busy network are.
pub fn selection(port_address: PortAddress) -> Selection {
    Selection { kind: (8, OP_DMX.to_le_bytes()), whom: (14, port_address.number().to_le_bytes()) }
}

/// Why bytes are no packet.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// It does not begin as Art-Net does.
    NotArtNet,
    /// Its version is older than the first one.
    Version(u16),
    /// It ends before all of its fields.
    TooShort,
    /// It announces so many slots of a universe, which are none, more than 512, or more than there are.
    Slots(u16),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotArtNet => f.write_str("it does not begin with `Art-Net`"),
            Self::Version(version) => {
                write!(f, "its protocol version is {version}, older than the first, 14")
            }
            Self::TooShort => f.write_str("it ends before all of its fields"),
            Self::Slots(slots) => {
                write!(f, "it announces {slots} slots, which it does not have or cannot have")
            }
        }
    }
}

/// Appends what packets with a version begin with.
fn begin(code: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(ID);
    out.extend_from_slice(&code.to_le_bytes());
    out.extend_from_slice(&PROT_VER.to_be_bytes());
}
