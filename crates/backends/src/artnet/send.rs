//! Sends a universe: ArtDmx with a sequence number, whenever the output has a frame.

use std::net::{IpAddr, SocketAddr};

use crosspatch_core::{Duration, Instant, Outbox, Peer, Port, Slot, SlotSpan, Value};

use super::echoes::FrameEchoes;
use super::options::{Config, Target};
use super::wire::{ArtDmx, Packet, PortAddress};
use crate::shared::dmx::{Output, Pace, Place, SLOTS};
use crate::shared::ports::Hosts;

/// The longest time between two frames. Earlier specifications require 4 s, the current one 0.8 s to 1 s.
const KEEP_ALIVE: Duration = Duration::from_millis(900);

/// The sender of a universe.
#[derive(Debug)]
pub(crate) struct Sender {
    port_address: PortAddress,
    /// The fixed destinations. If there are none, the universe is sent to the nodes that answer polls.
    pub(crate) hosts: Hosts,
    /// The broadcast address.
    everybody: SocketAddr,
    output: Output,
    /// Whether an ArtSync follows each frame.
    syncs: bool,
    sequence: u8,
    packet: Vec<u8>,
}

impl Sender {
    /// A universe that is not sent before it has a value.
    pub(crate) fn new(config: &Config, first_lookup: Port) -> Self {
        let destinations = match &config.target {
            Target::Discover => &[][..],
            Target::Fixed(destinations) => destinations,
        };
        Self {
            port_address: config.port_address,
            hosts: Hosts::new(destinations, first_lookup),
            everybody: config.interface.everybody(),
            output: Output::new(Pace::of_universe(config.realtime, 0, KEEP_ALIVE), SLOTS),
            syncs: config.sync,
            sequence: 0,
            packet: Vec::new(),
        }
    }

    /// Maps a channel.
    pub(crate) fn bind(&mut self, slot: Slot, place: Place) {
        self.output.bind(slot, place);
    }

    /// Removes the mapping of a channel.
    pub(crate) fn unbind(&mut self, slot: Slot) {
        self.output.unbind(slot);
    }

    /// Whether any channel is mapped.
    pub(crate) fn is_mapped(&self) -> bool {
        self.output.is_mapped()
    }

    /// The slots that more than one channel writes, counted from 0.
    pub(crate) fn contested(&self) -> Vec<u16> {
        self.output.contested()
    }

    /// Whether anything has been sent.
    pub(crate) fn has_sent(&self) -> bool {
        self.sequence > 0
    }

    /// Whether there are changes that have not been sent.
    pub(crate) fn is_pending(&self) -> bool {
        self.output.is_pending()
    }

    /// Sets all mapped channels to their initial value.
    pub(crate) fn begin(&mut self, now: Instant, value: f64) {
        self.output.begin(now, value);
    }

    /// Sets values of channels.
    pub(crate) fn set_all(&mut self, now: Instant, values: &[(Slot, Value)]) {
        self.output.set_all(now, values);
    }

    /// Sets the levels of consecutive channels.
    pub(crate) fn set_span(&mut self, now: Instant, span: SlotSpan<'_>) {
        self.output.set_span(now, span);
    }

    /// Sets the value of a channel.
    pub(crate) fn set(&mut self, now: Instant, slot: Slot, value: &Value) {
        self.output.set(now, slot, value);
    }

    /// Sends the universe again, because receivers may have missed it.
    pub(crate) fn refresh(&mut self) {
        self.output.refresh();
    }

    /// Sends only the final state of the universe, because no receiver has seen the frames sent so far.
    pub(crate) fn restart(&mut self) {
        self.output.restart();
    }

    /// Sends the universe if it is due, to the fixed destinations and to the subscribers.
    pub(crate) fn send_due(
        &mut self,
        now: Instant,
        port: Port,
        subscribers: impl Iterator<Item = IpAddr>,
        echoes: &mut FrameEchoes,
        out: &mut Outbox,
    ) {
        let Some(levels) = self.output.take_due(now) else { return };
        // 0 means that packets are not numbered.
        self.sequence = self.sequence.checked_add(1).unwrap_or(1);
        let dmx = ArtDmx { sequence: self.sequence, physical: 0, port_address: self.port_address, levels };
        self.packet.clear();
        Packet::Dmx(dmx).encode(&mut self.packet);
        echoes.remember(now, &self.packet);
        let found = subscribers.map(|ip| SocketAddr::new(ip, self.everybody.port()));
        for to in self.hosts.addresses().chain(found) {
            out.send(port, Peer::Address(to), |buffer| buffer.extend_from_slice(&self.packet));
        }
        if self.syncs {
            self.send_to_all(port, out, |buffer| Packet::Sync.encode(buffer));
        }
    }

    /// Sends a packet that belongs to no universe: to the fixed destinations, or as a broadcast if there are none.
    pub(crate) fn send_to_all(&self, port: Port, out: &mut Outbox, write: impl Fn(&mut Vec<u8>)) {
        self.hosts.send(port, self.everybody, out, write);
    }

    /// When the universe is due.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.output.next_due()
    }
}
