//! The wire format of streaming ACN: ANSI E1.31-2018, clauses 4 to 8, and ETC's alternate start code 0xDD for per-slot
//! priorities.
//!
//! Decoding borrows and is checked; bytes after the announced length are ignored. Not implemented: the drafts before
//! 2009 (root vector 3), and more than one protocol data unit in a packet, which E1.31 does not allow.

mod cid;
mod error;
mod text;

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crosspatch_core::Selection;

pub use cid::{Cid, NoCid};
pub use error::DecodeError;
pub use text::{compose, describe};

/// The UDP port, `ACN_SDT_MULTICAST_PORT` (appendix A).
pub const PORT: u16 = 5568;

/// The highest universe for data; the lowest is 1 (clause 6.2.7).
pub const LAST_UNIVERSE: u16 = 63_999;

/// The universe whose group receives the lists of universes, `E131_DISCOVERY_UNIVERSE` (appendix A).
pub const DISCOVERY_UNIVERSE: u16 = 64_214;

/// The number of slots of a universe.
pub const SLOTS: usize = 512;

/// The highest priority (clause 6.2.3).
pub const MAX_PRIORITY: u8 = 200;

/// The maximum number of universes on a page of a list (clause 8.5).
pub const UNIVERSES_PER_PAGE: usize = 512;

/// The start code of levels.
pub const LEVELS: u8 = 0x00;

/// The start code of per-slot priorities.
pub const PRIORITIES: u8 = 0xdd;

/// The maximum length of a source name in bytes (clause 6.2.2: 64 with the final zero).
pub const MAX_NAME: usize = NAME_FIELD - 1;

const NAME_FIELD: usize = 64;

/// Preamble size, post-amble size and the identifier of ACN packets (clauses 5.1 to 5.3).
pub(crate) const PREAMBLE: &[u8; 16] = b"\x00\x10\x00\x00ASC-E1.17\x00\x00\x00";

const VECTOR_ROOT_E131_DATA: u32 = 0x0000_0004;
const VECTOR_ROOT_E131_EXTENDED: u32 = 0x0000_0008;
const VECTOR_E131_DATA_PACKET: u32 = 0x0000_0002;
const VECTOR_E131_EXTENDED_SYNCHRONIZATION: u32 = 0x0000_0001;
const VECTOR_E131_EXTENDED_DISCOVERY: u32 = 0x0000_0002;
const VECTOR_UNIVERSE_DISCOVERY_UNIVERSE_LIST: u32 = 0x0000_0001;

/// Vector, type of address and data, first address and increment of the DMP layer (clauses 7.2 to 7.5).
const PROPERTIES: [u8; 6] = [0x02, 0xa1, 0x00, 0x00, 0x00, 0x01];

const PREVIEW_DATA: u8 = 1 << 7;
const STREAM_TERMINATED: u8 = 1 << 6;
const FORCE_SYNCHRONIZATION: u8 = 1 << 5;

/// An E1.31 packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// Levels or priorities of a universe.
    Data(Data<'a>),
    /// Makes the data sent before take effect.
    Synchronization(Synchronization),
    /// A page of the list of a source's universes.
    Discovery(Discovery<'a>),
}

/// An E1.31 Data Packet (clauses 6.2 and 7).
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Data<'a> {
    /// The source.
    pub cid: Cid,
    /// The name, without the zeros that pad the field; at most [`MAX_NAME`] bytes, UTF-8 if the source conforms.
    pub name: &'a [u8],
    /// 0 to 200; higher values do not conform.
    pub priority: u8,
    /// The universe whose synchronization packets this one waits for, or 0.
    pub sync_address: u16,
    /// The sequence number of this source on this universe.
    pub sequence: u8,
    /// Not meant for live output, but for visualizers (bit 7).
    pub preview: bool,
    /// The source stops sending this universe; the slots are undefined (bit 6).
    pub terminated: bool,
    /// Whether a receiver that misses synchronization packets continues without them (bit 5).
    pub force_sync: bool,
    /// 1 to 63999 if the source conforms.
    pub universe: u16,
    /// The meaning of the slots: [`LEVELS`], [`PRIORITIES`] or another start code.
    pub start_code: u8,
    /// At most [`SLOTS`].
    pub slots: &'a [u8],
}

/// An E1.31 Synchronization Packet (clause 6.3).
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Synchronization {
    /// The source.
    pub cid: Cid,
    /// The sequence number of this source with this address.
    pub sequence: u8,
    /// The universe that data packets name as their synchronization address.
    pub address: u16,
}

/// An E1.31 Universe Discovery Packet (clauses 6.4 and 8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovery<'a> {
    /// The source.
    pub cid: Cid,
    /// Its name, as in [`Data::name`].
    pub name: &'a [u8],
    /// The number of this page, from 0.
    pub page: u8,
    /// The number of the last page.
    pub last_page: u8,
    /// The universes on this page in ascending order, at most [`UNIVERSES_PER_PAGE`].
    pub universes: Cow<'a, [u16]>,
}

/// The multicast group of a universe (clause 9.3.1, table 9-10).
pub fn group_v4(universe: u16) -> IpAddr {
    let [high, low] = universe.to_be_bytes();
    Ipv4Addr::new(239, 255, high, low).into()
}

/// The IPv6 multicast group of a universe (clause 9.3.2, table 9-12: the bytes 0x83, 0x00 and the universe at the end).
pub fn group_v6(universe: u16) -> IpAddr {
    Ipv6Addr::new(0xff18, 0, 0, 0, 0, 0, 0x8300, universe).into()
}

/// Excludes data of other universes: by the root layer's vector and the framing layer's universe (tables 4-1 to 4-3).
pub fn selection(universe: u16) -> Selection {
    let [_, _, high, low] = VECTOR_ROOT_E131_DATA.to_be_bytes();
    Selection { kind: (20, [high, low]), whom: (113, universe.to_be_bytes()) }
}

impl<'a> Packet<'a> {
    /// Decodes a packet.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the bytes.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let rest = bytes.strip_prefix(PREAMBLE).ok_or(DecodeError::NotAcn)?;
        let (root, rest) = u32_of(pdu(rest)?)?;
        let (cid, rest) = rest.split_first_chunk().ok_or(DecodeError::Truncated)?;
        let cid = Cid(*cid);
        if root != VECTOR_ROOT_E131_DATA && root != VECTOR_ROOT_E131_EXTENDED {
            return Err(DecodeError::RootVector(root));
        }
        let (framing, rest) = u32_of(pdu(rest)?)?;
        match (root, framing) {
            (VECTOR_ROOT_E131_DATA, VECTOR_E131_DATA_PACKET) => Data::decode(cid, rest).map(Self::Data),
            (VECTOR_ROOT_E131_EXTENDED, VECTOR_E131_EXTENDED_SYNCHRONIZATION) => {
                Synchronization::decode(cid, rest).map(Self::Synchronization)
            }
            (VECTOR_ROOT_E131_EXTENDED, VECTOR_E131_EXTENDED_DISCOVERY) => {
                Discovery::decode(cid, rest).map(Self::Discovery)
            }
            (_, unknown) => Err(DecodeError::FramingVector(unknown)),
        }
    }

    /// Appends the encoded packet.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Data(data) => data.encode(out),
            Self::Synchronization(sync) => sync.encode(out),
            Self::Discovery(discovery) => discovery.encode(out),
        }
    }
}

impl<'a> Data<'a> {
    fn decode(cid: Cid, rest: &'a [u8]) -> Result<Self, DecodeError> {
        let (name, rest) = name_of(rest)?;
        let (&[priority, sync_high, sync_low, sequence, options, high, low], rest) =
            rest.split_first_chunk().ok_or(DecodeError::Truncated)?;
        let rest = pdu(rest)?;
        let (layout, rest) = rest.split_first_chunk::<6>().ok_or(DecodeError::Truncated)?;
        if *layout != PROPERTIES {
            return Err(DecodeError::Properties);
        }
        let (count, rest) = u16_of(rest)?;
        let properties = rest.get(..usize::from(count)).ok_or(DecodeError::Count(count))?;
        let (&start_code, slots) = properties.split_first().ok_or(DecodeError::Count(count))?;
        if slots.len() > SLOTS {
            return Err(DecodeError::Count(count));
        }
        Ok(Self {
            cid,
            name,
            priority,
            sync_address: u16::from_be_bytes([sync_high, sync_low]),
            sequence,
            preview: options & PREVIEW_DATA != 0,
            terminated: options & STREAM_TERMINATED != 0,
            force_sync: options & FORCE_SYNCHRONIZATION != 0,
            universe: u16::from_be_bytes([high, low]),
            start_code,
            slots,
        })
    }

    /// Appends the encoded packet. Slots beyond [`SLOTS`] and bytes of the name beyond [`MAX_NAME`] are left out.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let slots = &self.slots[..self.slots.len().min(SLOTS)];
        let bit = |is_set: bool, bit: u8| if is_set { bit } else { 0 };
        let options = bit(self.preview, PREVIEW_DATA)
            | bit(self.terminated, STREAM_TERMINATED)
            | bit(self.force_sync, FORCE_SYNCHRONIZATION);
        let framing = begin(VECTOR_ROOT_E131_DATA, self.cid, VECTOR_E131_DATA_PACKET, out);
        push_name(self.name, out);
        out.push(self.priority);
        out.extend_from_slice(&self.sync_address.to_be_bytes());
        out.extend_from_slice(&[self.sequence, options]);
        out.extend_from_slice(&self.universe.to_be_bytes());
        let properties = begin_pdu(out);
        out.extend_from_slice(&PROPERTIES);
        out.extend_from_slice(&(slots.len() as u16 + 1).to_be_bytes());
        out.push(self.start_code);
        out.extend_from_slice(slots);
        end(&[framing.0, framing.1, properties], out);
    }
}

impl Synchronization {
    fn decode(cid: Cid, rest: &[u8]) -> Result<Self, DecodeError> {
        // Two reserved bytes follow.
        let &[sequence, high, low, _, _] = rest.first_chunk().ok_or(DecodeError::Truncated)?;
        Ok(Self { cid, sequence, address: u16::from_be_bytes([high, low]) })
    }

    /// Appends the encoded packet.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let framing = begin(VECTOR_ROOT_E131_EXTENDED, self.cid, VECTOR_E131_EXTENDED_SYNCHRONIZATION, out);
        out.push(self.sequence);
        out.extend_from_slice(&self.address.to_be_bytes());
        out.extend_from_slice(&[0; 2]);
        end(&[framing.0, framing.1], out);
    }
}

impl<'a> Discovery<'a> {
    fn decode(cid: Cid, rest: &'a [u8]) -> Result<Self, DecodeError> {
        let (name, rest) = name_of(rest)?;
        // Four reserved bytes come first.
        let list = pdu(rest.get(4..).ok_or(DecodeError::Truncated)?)?;
        let (vector, rest) = u32_of(list)?;
        let (&[page, last_page], rest) = rest.split_first_chunk().ok_or(DecodeError::Truncated)?;
        let (pairs, odd) = rest.as_chunks();
        if vector != VECTOR_UNIVERSE_DISCOVERY_UNIVERSE_LIST
            || !odd.is_empty()
            || pairs.len() > UNIVERSES_PER_PAGE
        {
            return Err(DecodeError::UniverseList);
        }
        let universes = pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
        Ok(Self { cid, name, page, last_page, universes })
    }

    /// Appends the encoded packet. Universes beyond [`UNIVERSES_PER_PAGE`] are left out.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let framing = begin(VECTOR_ROOT_E131_EXTENDED, self.cid, VECTOR_E131_EXTENDED_DISCOVERY, out);
        push_name(self.name, out);
        out.extend_from_slice(&[0; 4]);
        let list = begin_pdu(out);
        out.extend_from_slice(&VECTOR_UNIVERSE_DISCOVERY_UNIVERSE_LIST.to_be_bytes());
        out.extend_from_slice(&[self.page, self.last_page]);
        for universe in self.universes.iter().take(UNIVERSES_PER_PAGE) {
            out.extend_from_slice(&universe.to_be_bytes());
        }
        end(&[framing.0, framing.1, list], out);
    }
}

/// The content of a protocol data unit, after its flags and length (E1.17, "PDU").
fn pdu(bytes: &[u8]) -> Result<&[u8], DecodeError> {
    let (head, _) = u16_of(bytes)?;
    let length = head & 0x0fff;
    match head >> 12 {
        0x7 => bytes.get(2..usize::from(length)).ok_or(DecodeError::Length(length)),
        flags => Err(DecodeError::Flags(flags as u8)),
    }
}

fn u16_of(bytes: &[u8]) -> Result<(u16, &[u8]), DecodeError> {
    let (number, rest) = bytes.split_first_chunk().ok_or(DecodeError::Truncated)?;
    Ok((u16::from_be_bytes(*number), rest))
}

fn u32_of(bytes: &[u8]) -> Result<(u32, &[u8]), DecodeError> {
    let (number, rest) = bytes.split_first_chunk().ok_or(DecodeError::Truncated)?;
    Ok((u32::from_be_bytes(*number), rest))
}

fn name_of(bytes: &[u8]) -> Result<(&[u8], &[u8]), DecodeError> {
    let (field, rest) = bytes.split_first_chunk::<NAME_FIELD>().ok_or(DecodeError::Truncated)?;
    let end = field[..MAX_NAME].iter().position(|byte| *byte == 0).unwrap_or(MAX_NAME);
    Ok((&field[..end], rest))
}

fn push_name(name: &[u8], out: &mut Vec<u8>) {
    let name = &name[..name.len().min(MAX_NAME)];
    out.extend_from_slice(name);
    out.resize(out.len() + NAME_FIELD - name.len(), 0);
}

/// Begins a packet up to the vector of its framing layer. Returns the offsets of its two layers.
fn begin(root: u32, cid: Cid, framing: u32, out: &mut Vec<u8>) -> (usize, usize) {
    out.extend_from_slice(PREAMBLE);
    let root_at = begin_pdu(out);
    out.extend_from_slice(&root.to_be_bytes());
    out.extend_from_slice(&cid.0);
    let framing_at = begin_pdu(out);
    out.extend_from_slice(&framing.to_be_bytes());
    (root_at, framing_at)
}

/// Reserves space for the flags and length of a protocol data unit. Returns its offset.
fn begin_pdu(out: &mut Vec<u8>) -> usize {
    out.extend_from_slice(&[0; 2]);
    out.len() - 2
}

/// Sets the flags and length of units that all end here. The longest packet has 1144 bytes, so twelve bits are enough.
fn end(units: &[usize], out: &mut [u8]) {
    for &start in units {
        let length = 0x7000 | (out.len() - start) as u16;
        out[start..start + 2].copy_from_slice(&length.to_be_bytes());
    }
}

#[cfg(test)]
mod tests;
