//! Why bytes are not an E1.31 packet.

use std::fmt;

/// The error of an invalid packet, in the operator's terms.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The packet does not begin like ACN over UDP (clauses 5.1 to 5.3).
    NotAcn,
    /// The packet ends within its headers.
    Truncated,
    /// The flags before a length are not 0x7.
    Flags(u8),
    /// A length is shorter than its content, or exceeds the packet.
    Length(u16),
    /// The root layer has a vector other than E1.31 (clause 5.5).
    RootVector(u32),
    /// The framing layer has an unknown kind of packet (clause 6).
    FramingVector(u32),
    /// The property layout is not that of clauses 7.2 to 7.5.
    Properties,
    /// The number of properties is not 1 to 513, or exceeds the packet (clause 7.6).
    Count(u16),
    /// The list of universes has an unknown vector or an odd length (clause 8).
    UniverseList,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAcn => f.write_str("it does not begin like one"),
            Self::Truncated => f.write_str("it is too short"),
            Self::Flags(flags) => write!(f, "a layer of it begins with the flags 0x{flags:x} instead of 0x7"),
            Self::Length(length) => write!(f, "the length of {length} bytes in it does not fit"),
            Self::RootVector(vector) => write!(f, "its root layer has the unknown vector 0x{vector:08x}"),
            Self::FramingVector(vector) => {
                write!(f, "its framing layer has the unknown vector 0x{vector:08x}")
            }
            Self::Properties => f.write_str("its slots are laid out in an unknown way"),
            Self::Count(count) => write!(f, "the number of {count} slots in it is impossible"),
            Self::UniverseList => f.write_str("its list of universes makes no sense"),
        }
    }
}

impl std::error::Error for DecodeError {}
