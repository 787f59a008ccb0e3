//! The 15-bit universe number.

use std::fmt;
use std::str::FromStr;

/// A Port-Address: Net (7 bits), Sub-Net (4) and Universe (4), all counted from 0, written `net:sub:universe`.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortAddress(u16);

impl PortAddress {
    /// Creates a Port-Address from a net and the low eight bits, Sub-Net and Universe. Excess bits of the net are
    /// dropped, as in packets.
    pub const fn new(net: u8, low: u8) -> Self {
        Self(((net & 0x7f) as u16) << 8 | low as u16)
    }

    /// Creates a Port-Address from the three fields of ArtPollReply. Excess bits are dropped.
    pub const fn of_switches(net: u8, sub: u8, universe: u8) -> Self {
        Self::new(net, (sub & 0xf) << 4 | universe & 0xf)
    }

    /// All 15 bits.
    pub const fn number(self) -> u16 {
        self.0
    }

    /// The net, 0 to 127.
    pub const fn net(self) -> u8 {
        (self.0 >> 8) as u8
    }

    /// Sub-Net and Universe, 0 to 255.
    pub const fn low(self) -> u8 {
        self.0 as u8
    }

    /// The Sub-Net, 0 to 15.
    pub const fn sub(self) -> u8 {
        self.low() >> 4
    }

    /// The Universe within its Sub-Net, 0 to 15.
    pub const fn universe(self) -> u8 {
        self.low() & 0xf
    }
}

impl fmt::Display for PortAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.net(), self.sub(), self.universe())
    }
}

/// The text is not three numbers within their ranges.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct NoPortAddress;

impl FromStr for PortAddress {
    type Err = NoPortAddress;

    fn from_str(text: &str) -> Result<Self, NoPortAddress> {
        let mut parts = text.split(':').map(|part| part.parse::<u8>().map_err(|_| NoPortAddress));
        let (Some(net), Some(sub), Some(universe), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NoPortAddress);
        };
        let (net, sub, universe) = (net?, sub?, universe?);
        if net > 0x7f || sub > 0xf || universe > 0xf {
            return Err(NoPortAddress);
        }
        Ok(Self::of_switches(net, sub, universe))
    }
}
