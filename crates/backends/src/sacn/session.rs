//! A running instance: one universe, received and sent.
//!
//! `receive` handles received packets, `send` sent ones. This module dispatches packets and manages the ports.

use std::net::SocketAddr;
use std::sync::Arc;

use crosspatch_core::{
    Closed, Condition, Direction, Instant, Join, Notice, Outbox, Peer, Port, PortSpec, Session, Slot,
    SpannedValues, Status, Udp, Value,
};

use super::identity::Identity;
use super::options::Config;
use super::receive::{Announcements, Receiver};
use super::send::Sender;
use super::wire::{DISCOVERY_UNIVERSE, Data, Packet, group_v4, group_v6, selection};
use crate::recognize::{UnknownSenders, WireFormat};
use crate::shared::dmx::{Address, Detect};
use crate::shared::ports::ReconnectingPorts;

/// The socket, with the groups that are always joined.
const SOCKET: Port = Port(0);
/// The groups of synchronization packets.
const SIGNS: Port = Port(1);
/// The query for the machine's identity.
const MACHINE: Port = Port(2);
/// The look-up of the first destination; those of the others follow.
const FIRST_LOOKUP: Port = Port(3);

/// The maximum number of synchronization addresses whose groups are joined at a time.
const MAX_SIGNS: usize = 4;

/// The running state of an instance.
pub(crate) struct SacnSession {
    name: Arc<str>,
    config: Arc<Config>,
    ports: ReconnectingPorts,
    joins: Vec<Join>,
    identity: Option<Identity>,
    receiver: Receiver,
    signs: Vec<u16>,
    announcements: Announcements,
    sender: Option<Sender>,
    /// Output channels that are mapped although the instance does not send.
    mute: Vec<Slot>,
    unknown_senders: UnknownSenders,
}

impl SacnSession {
    /// The session of the instance `name`.
    pub(crate) fn new(name: &Arc<str>, config: Arc<Config>) -> Self {
        let is_v6 = !config.site.families().0;
        let sender = config
            .sending
            .as_ref()
            .map(|sending| Sender::new(config.universe, &config.name, sending.clone(), is_v6, FIRST_LOOKUP));
        Self {
            name: name.clone(),
            ports: ReconnectingPorts::new(name, "sacn-port"),
            joins: Vec::new(),
            identity: config.cid.map(Identity::given),
            receiver: Receiver::new(config.universe, config.rules, config.detect),
            signs: Vec::new(),
            announcements: Announcements::default(),
            sender,
            mute: Vec::new(),
            unknown_senders: UnknownSenders::default(),
            config,
        }
    }
}

impl Session for SacnSession {
    fn bind(&mut self, slot: Slot, address: &str, direction: Direction) {
        let Ok(Address(place)) = Address::parse(address) else { return };
        match (direction, &mut self.sender) {
            (Direction::Input, _) => self.receiver.bind(slot, place),
            (Direction::Output, Some(sender)) => sender.bind(slot, place),
            (Direction::Output, None) => self.mute.push(slot),
        }
    }

    fn unbind(&mut self, slot: Slot, direction: Direction) {
        match (direction, &mut self.sender) {
            (Direction::Input, _) => self.receiver.unbind(slot),
            (Direction::Output, Some(sender)) => sender.unbind(slot),
            (Direction::Output, None) => self.mute.retain(|mute| *mute != slot),
        }
    }

    fn start(&mut self, now: Instant, out: &mut Outbox) {
        self.prepare(now, true, out);
        self.joins = self.wanted_joins();
        self.ports.add(SOCKET, self.socket(self.joins.clone()));
        if let Some(sender) = &self.sender {
            sender.hosts.add_lookups(&mut self.ports);
        }
        self.ports.open_all(out);
        if self.identity.is_none() {
            out.open(MACHINE, PortSpec::Machine);
        }
    }

    fn stop(&mut self, _now: Instant, out: &mut Outbox) {
        self.terminate(out);
    }

    fn handle_rebind(&mut self, now: Instant, out: &mut Outbox) {
        self.prepare(now, false, out);
        if self.sender.as_ref().is_some_and(|sender| !sender.is_mapped()) {
            self.terminate(out);
        }
        if !self.receiver.is_mapped() && !std::mem::take(&mut self.signs).is_empty() {
            self.ports.remove(SIGNS);
            out.close(SIGNS, Peer::Only);
        }
        let joins = self.wanted_joins();
        if joins != self.joins {
            self.ports.replace(SOCKET, self.socket(joins.clone()), out);
            self.joins = joins;
        }
        self.receiver.handle_rebind(out);
    }

    fn handle_open(&mut self, now: Instant, port: Port, peer: Peer, out: &mut Outbox) {
        self.ports.handle_open(port, peer, out);
        if let Some(sender) = &mut self.sender
            && (port == SOCKET || sender.hosts.handle_open(port, peer))
        {
            sender.refresh();
        }
        self.send(now, out);
    }

    fn handle_close(&mut self, now: Instant, port: Port, peer: Peer, reason: Closed, out: &mut Outbox) {
        self.ports.handle_close(now, port, peer, &reason, out);
    }

    fn handle_data(&mut self, now: Instant, port: Port, from: Peer, data: &[u8], out: &mut Outbox) {
        match (port, from) {
            (MACHINE, _) => {
                self.identity = Some(Identity::derived(data, &self.name, self.config.universe));
                self.send(now, out);
            }
            (SOCKET, Peer::Address(from)) if selection(self.config.universe).takes(data) => {
                self.handle_packet(now, from, data, out);
            }
            (SIGNS, _) => {
                if let Ok(Packet::Synchronization(sign)) = Packet::decode(data) {
                    self.receiver.handle_sync(now, &sign, out);
                }
            }
            _ => {}
        }
    }

    fn handle_values(&mut self, now: Instant, values: &[(Slot, Value)], out: &mut Outbox) {
        if let Some(sender) = &mut self.sender {
            sender.set_all(now, values);
            self.send(now, out);
        }
    }

    fn takes_spans(&self) -> bool {
        self.sender.is_some()
    }

    fn handle_spans(&mut self, now: Instant, batch: SpannedValues<'_>, out: &mut Outbox) {
        if let Some(sender) = &mut self.sender {
            sender.set_batch(now, batch);
            self.send(now, out);
        }
    }

    fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) {
        self.ports.handle_timeout(now, out);
        self.receiver.handle_timeout(now, out);
        while let Some(gone) = self.announcements.expire(now) {
            out.notice(gone.notice());
        }
        self.send(now, out);
    }

    fn status(&self) -> Status {
        let mut status = self.ports.status();
        for source in self.receiver.active_sources() {
            let name = format!("{} at {}", String::from_utf8_lossy(&source.name), source.peer);
            status.add(name, format!("source, priority {}", source.priority), Condition::Working);
        }
        status
    }

    fn next_timeout(&self) -> Option<Instant> {
        let sending = self.sender.as_ref().filter(|_| self.ports.is_open(SOCKET) && self.identity.is_some());
        let others = [
            self.ports.next_timeout(),
            self.receiver.next_timeout(),
            self.announcements.next_timeout(),
            sending.and_then(Sender::next_timeout),
        ];
        others.into_iter().flatten().min()
    }
}

/// Receiving.
impl SacnSession {
    fn handle_packet(&mut self, now: Instant, from: SocketAddr, packet: &[u8], out: &mut Outbox) {
        match Packet::decode(packet) {
            Ok(Packet::Data(data)) if data.universe == self.config.universe => {
                self.handle_levels(now, from, &data, out);
            }
            Ok(Packet::Data(_)) => {}
            Ok(Packet::Synchronization(sign)) => self.receiver.handle_sync(now, &sign, out),
            Ok(Packet::Discovery(page)) => {
                if self.config.detect == Detect::Everything
                    && let Some(announced) = self.announcements.handle(now, &page)
                {
                    out.notice(announced.notice());
                }
            }
            Err(error) => {
                self.unknown_senders.refuse(now, from, packet, WireFormat::Sacn, "sacn-garbage", &error, out);
            }
        }
    }

    fn handle_levels(&mut self, now: Instant, from: SocketAddr, data: &Data<'_>, out: &mut Outbox) {
        let is_own = self.identity.is_none_or(|own| own.is_own(data.cid, self.config.site.local));
        let is_wanted = self.config.from.is_none_or(|wanted| wanted == data.cid);
        if is_own || !is_wanted || !self.receiver.is_mapped() {
            return;
        }
        self.receiver.handle_data(now, from, data, out);
        self.listen_for_signs(data.sync_address, out);
    }

    /// Joins the group of a synchronization address, unless it is the group of the universe.
    fn listen_for_signs(&mut self, address: u16, out: &mut Outbox) {
        let is_known = address == 0 || address == self.config.universe || self.signs.contains(&address);
        if is_known || self.config.unicast {
            return;
        }
        let receiver = &self.receiver;
        self.signs.retain(|known| receiver.sync_addresses().any(|address| address == *known));
        if self.signs.len() < MAX_SIGNS && receiver.sync_addresses().any(|known| known == address) {
            self.signs.push(address);
            let joins = self.signs.iter().flat_map(|address| self.groups(*address)).collect();
            self.ports.replace(SIGNS, self.socket(joins), out);
        }
    }
}

/// Sending, and the ports for both directions.
impl SacnSession {
    fn send(&mut self, now: Instant, out: &mut Outbox) {
        if let (true, Some(own), Some(sender)) = (self.ports.is_open(SOCKET), self.identity, &mut self.sender)
        {
            sender.send_due(now, SOCKET, own.cid, out);
        }
    }

    fn terminate(&mut self, out: &mut Outbox) {
        if let (Some(own), Some(sender)) = (self.identity, &mut self.sender) {
            sender.terminate(SOCKET, own.cid, out);
        }
    }

    /// Called when the mapped channels are first known, and when they change.
    fn prepare(&mut self, now: Instant, is_start: bool, out: &mut Outbox) {
        if !self.mute.is_empty() {
            let text = "values are mapped to this instance, but without `priority` nothing is sent";
            out.notice(Notice::warning("sacn-no-priority", text));
        }
        let Some(sender) = &mut self.sender else { return };
        sender.prepare(now, is_start);
        for slot in sender.contested() {
            let text = format!("slot {} belongs to more than one channel; the last value counts", slot + 1);
            out.notice(Notice::warning("sacn-contested", text));
        }
    }

    fn wanted_joins(&self) -> Vec<Join> {
        let mut joins = Vec::new();
        if self.receiver.is_mapped() && !self.config.unicast {
            joins.extend(self.groups(self.config.universe));
        }
        if self.config.detect == Detect::Everything {
            joins.extend(self.groups(DISCOVERY_UNIVERSE));
        }
        joins
    }

    /// The groups of a universe, for the address families in use.
    fn groups(&self, universe: u16) -> impl Iterator<Item = Join> + use<> {
        let (v4, v6) = self.config.site.families();
        let interface = self.config.site.interface.clone();
        let groups = [v4.then(|| group_v4(universe)), v6.then(|| group_v6(universe))];
        groups.into_iter().flatten().map(move |group| Join { group, interface: interface.clone() })
    }

    fn socket(&self, joins: Vec<Join>) -> PortSpec {
        let site = &self.config.site;
        let outgoing = site.interface.clone();
        let selection = Some(selection(self.config.universe));
        let bind = site.bind.clone();
        PortSpec::Udp(Udp { shared: true, broadcast: true, joins, outgoing, selection, ..Udp::new(bind) })
    }
}
