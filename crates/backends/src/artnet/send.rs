//! The universe as it goes out: ArtDmx with a running number, when the output has a frame.

use std::net::{IpAddr, SocketAddr};

use crosspatch_core::{Duration, Instant, Outbox, Peer, Port, Slot, Value};

use super::echoes::FrameEchoes;
use super::options::{Config, Target};
use super::wire::{ArtDmx, Packet, PortAddress};
use crate::shared::dmx::{Output, Pace, Place, SLOTS};
use crate::shared::ports::Hosts;

/// A universe is sent at least so often. The specification has had 4 s and has 0.8 s to 1 s.
const KEEP_ALIVE: Duration = Duration::from_millis(900);

/// What goes out.
#[derive(Debug)]
pub(crate) struct Sender {
    port_address: PortAddress,
    /// The fixed destinations. Without any, those who answer polls are sent the universe.
    pub(crate) hosts: Hosts,
    /// Everybody on the network.
    everybody: SocketAddr,
    output: Output,
    /// Whether ArtSync follows each frame.
    syncs: bool,
    sequence: u8,
    packet: Vec<u8>,
}

impl Sender {
    /// A universe that is not sent before there is a value.
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

    /// A channel is mapped.
    pub(crate) fn bind(&mut self, slot: Slot, place: Place) {
        self.output.bind(slot, place);
    }

    /// A channel is not mapped any more.
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

    /// Whether anything has not been sent yet.
    pub(crate) fn is_pending(&self) -> bool {
        self.output.is_pending()
    }

    /// All mapped channels begin with this value.
    pub(crate) fn begin(&mut self, now: Instant, value: f64) {
        self.output.begin(now, value);
    }

    /// Values for channels.
    pub(crate) fn set_all(&mut self, now: Instant, values: &[(Slot, Value)]) {
        self.output.set_all(now, values);
    }

    /// A value for a channel.
    pub(crate) fn set(&mut self, now: Instant, slot: Slot, value: &Value) {
        self.output.set(now, slot, value);
    }

    /// The universe goes out again, because it may have been missed.
    pub(crate) fn refresh(&mut self) {
        self.output.refresh();
    }

    /// Nobody has seen what went out: the universe goes out as it is in the end.
    pub(crate) fn restart(&mut self) {
        self.output.restart();
    }

    /// Sends the universe, if it is time for that, to the fixed destinations and to the subscribers.
    pub(crate) fn send_due(
        &mut self,
        now: Instant,
        port: Port,
        subscribers: impl Iterator<Item = IpAddr>,
        echoes: &mut FrameEchoes,
        out: &mut Outbox,
    ) {
        let Some(levels) = self.output.take_due(now) else { return };
        // 0 would mean that packets are not counted.
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

    /// Sends what is for no universe: to the fixed destinations, or to everybody where there are none.
    pub(crate) fn send_to_all(&self, port: Port, out: &mut Outbox, write: impl Fn(&mut Vec<u8>)) {
        self.hosts.send(port, self.everybody, out, write);
    }

    /// When the universe is to be sent.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.output.next_due()
    }
}
