//! Reports the senders on the network to the operator, each once.

use std::net::IpAddr;

use crosspatch_core::{Notice, Outbox};

use super::wire::{Packet, PortAddress};
use crate::shared::dmx::Detect;

/// The number of senders and universes to remember. Further ones are not reported.
const MAX_SEEN: usize = 1024;

/// The senders and universes that were reported.
#[derive(Debug)]
pub(crate) struct FrameDetector {
    detect: Detect,
    seen: Vec<(IpAddr, SeenFrame)>,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum SeenFrame {
    Universe(PortAddress),
    Device(u8),
    Other,
}

impl FrameDetector {
    /// Reports what the option selects.
    pub(crate) fn new(detect: Detect) -> Self {
        Self { detect, seen: Vec::new() }
    }

    /// Handles a received packet.
    pub(crate) fn hear(&mut self, ip: IpAddr, packet: &Packet<'_>, own: PortAddress, out: &mut Outbox) {
        let what = match (self.detect, packet) {
            (Detect::Own, Packet::Dmx(dmx)) if dmx.port_address == own => SeenFrame::Universe(own),
            (Detect::Off | Detect::Own, _) => return,
            (Detect::Everything, Packet::Dmx(dmx)) => SeenFrame::Universe(dmx.port_address),
            (Detect::Everything, Packet::PollReply(reply)) => SeenFrame::Device(reply.bind_index),
            (Detect::Everything, _) => SeenFrame::Other,
        };
        if self.seen.len() >= MAX_SEEN || self.seen.contains(&(ip, what)) {
            return;
        }
        self.seen.push((ip, what));
        let text = match (what, packet) {
            (SeenFrame::Universe(universe), Packet::Dmx(dmx)) => {
                format!("{ip} sends universe {universe} with {} slots", dmx.levels.len())
            }
            (_, packet) => format!("{ip} sends {packet}"),
        };
        out.notice(Notice::info("artnet-detect", text));
    }
}
