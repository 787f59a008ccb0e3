//! The universe as it goes out: ArtDmx with a running number, when the output has a frame.

use crosspatch_core::{Duration, Instant};

use super::wire::{ArtDmx, Packet, PortAddress};
use crate::shared::dmx::{Output, Pace, SLOTS};

/// A universe is sent at least so often. The specification has had 4 s and has 0.8 s to 1 s.
const KEEP_ALIVE: Duration = Duration::from_millis(900);

/// What goes out.
#[derive(Debug)]
pub(crate) struct Send {
    port_address: PortAddress,
    /// The levels.
    pub(crate) output: Output,
    sequence: u8,
    packet: Vec<u8>,
}

impl Send {
    /// A universe that is not sent before there is a value.
    pub(crate) fn new(port_address: PortAddress, realtime: bool) -> Self {
        let pace = Pace::of_universe(realtime, 0, KEEP_ALIVE);
        Self { port_address, output: Output::new(pace, SLOTS), sequence: 0, packet: Vec::new() }
    }

    /// Whether anything has been sent.
    pub(crate) fn has_sent(&self) -> bool {
        self.sequence > 0
    }

    /// The next packet, if it is time for one.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<&[u8]> {
        let levels = self.output.take_due(now)?;
        // 0 would mean that packets are not counted.
        self.sequence = self.sequence.checked_add(1).unwrap_or(1);
        let dmx = ArtDmx { sequence: self.sequence, physical: 0, port_address: self.port_address, levels };
        self.packet.clear();
        Packet::Dmx(dmx).encode(&mut self.packet);
        Some(&self.packet)
    }
}
