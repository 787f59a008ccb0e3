//! ArtDmx: the levels of a universe.

use super::{DecodeError, OP_DMX, PortAddress, begin};

/// The maximum number of slots in a packet.
const SLOTS: usize = 512;

/// The levels of a universe.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct ArtDmx<'a> {
    /// The sequence number, 1 to 255, or 0 if packets are not numbered.
    pub sequence: u8,
    /// The physical port of the sender. For information, and to distinguish two sources in one device.
    pub physical: u8,
    /// The universe.
    pub port_address: PortAddress,
    /// The levels of the first 1 to 512 slots. Encoded as an even number of slots, at least 2.
    pub levels: &'a [u8],
}

impl<'a> ArtDmx<'a> {
    /// Decodes the part after the version.
    pub(super) fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let Some((&[sequence, physical, low, net, high_len, low_len], levels)) =
            body.split_first_chunk::<6>()
        else {
            return Err(DecodeError::TooShort);
        };
        let len = u16::from_be_bytes([high_len, low_len]);
        let port_address = PortAddress::new(net, low);
        match levels.get(..usize::from(len)) {
            Some(levels) if (1..=SLOTS).contains(&levels.len()) => {
                Ok(Self { sequence, physical, port_address, levels })
            }
            Some(_) | None => Err(DecodeError::Slots(len)),
        }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        begin(OP_DMX, out);
        let levels = &self.levels[..self.levels.len().min(SLOTS)];
        // The number of slots must be even; an odd number is padded with a zero.
        let padding = levels.len() % 2;
        out.extend_from_slice(&[
            self.sequence,
            self.physical,
            self.port_address.low(),
            self.port_address.net(),
        ]);
        out.extend_from_slice(&((levels.len() + padding) as u16).to_be_bytes());
        out.extend_from_slice(levels);
        out.extend_from_slice(&[0][..padding]);
    }
}
