//! Encodes events into packets and finds them again in the output.
//!
//! Every event has a number, which is the level that it sets, so that each packet shows which event it contains.

/// The number of events with different numbers: as many as the coarsest level, which has 14 bits, can distinguish.
pub(crate) const NUMBERS: u64 = 1 << 14;

/// A kind of packet.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    /// OSC messages `/f/100000 ,f`, with this many addresses from there on in turn.
    Osc(u32),
    /// ArtDmx with 512 slots, all of which change, for this many universes in turn.
    ArtDmx(u16),
    /// E1.31 data packets with 512 slots.
    E131,
    /// RTP packets with a pitch bend change of the first MIDI channel, without a journal.
    RtpMidi,
}

/// The first address of OSC, so that all are of one length.
pub(crate) const FIRST_ADDRESS: u32 = 100_000;

const ART_DMX_HEADER: &[u8] = b"Art-Net\0\x00\x50\x00\x0e\x00\x00\x00\x00\x02\x00";
const E131_LEVELS: usize = 126;
const RTP_HEADER: &[u8] = &[0x80, 0x61, 0, 0, 0, 0, 0, 0, 0xde, 0xad, 0xbe, 0xef];

impl Wire {
    /// A packet to be filled in.
    pub(crate) fn packet(self) -> Vec<u8> {
        match self {
            Self::Osc(_) => b"/f/100000\0\0\0,f\0\0\0\0\0\0".to_vec(),
            Self::ArtDmx(_) => [ART_DMX_HEADER, &[0; 512]].concat(),
            Self::E131 => vec![0; E131_LEVELS + 512],
            Self::RtpMidi => [RTP_HEADER, &[3, 0xe0, 0, 0]].concat(),
        }
    }

    /// Makes a packet that of an event, counted from 0 on. `number` is found again.
    pub(crate) fn set(self, packet: &mut [u8], event: u64) {
        let number = number_of(event);
        match self {
            Self::Osc(channels) => {
                let mut address = FIRST_ADDRESS + (event % u64::from(channels)) as u32;
                for digit in packet[3..9].iter_mut().rev() {
                    *digit = b'0' + (address % 10) as u8;
                    address /= 10;
                }
                packet[16..20].copy_from_slice(&level(number).to_be_bytes());
            }
            Self::ArtDmx(universes) => {
                let (frame, universe) = (event / u64::from(universes), event % u64::from(universes));
                packet[14..16].copy_from_slice(&(universe as u16).to_le_bytes());
                packet[18..].fill(frame as u8);
                packet[18..20].copy_from_slice(&wide(number).to_be_bytes());
            }
            Self::E131 => packet[E131_LEVELS..E131_LEVELS + 2].copy_from_slice(&wide(number).to_be_bytes()),
            Self::RtpMidi => {
                packet[2..4].copy_from_slice(&(event as u16).to_be_bytes());
                packet[14..16].copy_from_slice(&[number as u8 & 0x7f, (number >> 7) as u8]);
            }
        }
    }

    /// The number of the event that a packet is of.
    pub(crate) fn number(self, packet: &[u8]) -> Option<u16> {
        match self {
            Self::Osc(_) => {
                let level = f32::from_be_bytes(*packet.last_chunk()?);
                (packet.len() == 20).then(|| (f64::from(level) * 65_535.0 / 4.0).round() as u16)
            }
            Self::ArtDmx(_) => narrow(packet.get(18..20)?),
            Self::E131 if packet.len() == E131_LEVELS + 512 => narrow(&packet[E131_LEVELS..E131_LEVELS + 2]),
            Self::E131 => None,
            Self::RtpMidi => {
                // Without the header: flags and length in one byte or two, then the command.
                let commands = packet.get(12..)?;
                let start = if commands.first()? & 0x80 == 0 { 1 } else { 2 };
                match commands.get(start..start + 3)? {
                    [0xe0, low, high] => Some(u16::from(*low) | u16::from(*high) << 7),
                    _ => None,
                }
            }
        }
    }
}

/// The number of an event.
pub(crate) fn number_of(event: u64) -> u16 {
    (event % NUMBERS) as u16
}

fn level(number: u16) -> f32 {
    f32::from(wide(number)) / 65_535.0
}

fn wide(number: u16) -> u16 {
    number << 2
}

fn narrow(bytes: &[u8]) -> Option<u16> {
    bytes.first_chunk().map(|bytes| u16::from_be_bytes(*bytes) >> 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_is_found_again() {
        let wires = [Wire::Osc(1), Wire::Osc(100_000), Wire::ArtDmx(7), Wire::E131, Wire::RtpMidi];
        for wire in wires {
            let mut packet = wire.packet();
            for event in (0..NUMBERS).chain([NUMBERS + 3, 1 << 40]) {
                wire.set(&mut packet, event);
                assert_eq!(wire.number(&packet), Some(number_of(event)), "{wire:?} {event}");
            }
        }
    }
}
