//! The Art-Net wire format, from the Art-Net 4 specification and the packet definitions at art-net.org.uk.
//!
//! Decoded: ArtPoll, ArtPollReply, ArtCommand, ArtDmx, ArtSync, ArtAddress, ArtTimeCode, ArtTrigger. All other packets
//! (RDM, firmware, ArtNzs, ArtInput, IP programming, diagnostics) are identified by their code only.

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

/// The first bytes of every packet.
pub(crate) const ID: &[u8; 8] = b"Art-Net\0";

/// The protocol version in packets; there is only one.
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
    /// Asks devices to reply.
    Poll(ArtPoll),
    /// Reports a device and its universes.
    PollReply(ArtPollReply<'a>),
    /// A text command for the devices of one manufacturer.
    Command(ArtCommand<'a>),
    /// The levels of a universe.
    Dmx(ArtDmx<'a>),
    /// Makes the levels sent in ArtDmx take effect at once.
    Sync,
    /// Programs a node.
    Address(ArtAddress),
    /// The time of a show.
    TimeCode(ArtTimeCode),
    /// Triggers an action.
    Trigger(ArtTrigger),
    /// Any other packet, by its code.
    Other(u16),
}

impl<'a> Packet<'a> {
    /// Decodes a packet. Bytes after its last field are ignored, because later revisions append fields.
    ///
    /// # Errors
    ///
    /// If the bytes are not Art-Net, have an invalid version, or are shorter than required or announced.
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

    /// Appends the encoded packet.
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

/// Excludes ArtDmx for other universes, which is most of the traffic on a busy network.
pub fn selection(port_address: PortAddress) -> Selection {
    Selection { kind: (8, OP_DMX.to_le_bytes()), whom: (14, port_address.number().to_le_bytes()) }
}

/// Why bytes are not a packet.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The packet does not begin with the Art-Net identifier.
    NotArtNet,
    /// The version is older than the first one.
    Version(u16),
    /// The packet ends before its last field.
    TooShort,
    /// The announced number of slots is zero, more than 512, or more than the packet contains.
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

/// Appends the header of packets with a version.
fn begin(code: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(ID);
    out.extend_from_slice(&code.to_le_bytes());
    out.extend_from_slice(&PROT_VER.to_be_bytes());
}
