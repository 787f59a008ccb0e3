//! A running instance: one universe, received and sent, and the replies that nodes and controllers exchange.
//!
//! All instances on one `bind` share a socket. Each session receives every packet except levels of other universes.
//! `receive` handles received levels, `send` sent levels, and `discovery` their subscribers; this module dispatches
//! packets and sends replies.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use crosspatch_core::{
    Closed, Condition, Direction, Duration, Instant, Notice, Outbox, Part, Peer, Port, PortSpec, Session,
    Slot, SpannedValues, Status, Udp, Value,
};

use super::address::Address;
use super::cues::Cues;
use super::detect::FrameDetector;
use super::discovery::{SubscriberSearch, spread};
use super::echoes::{FrameEchoes, hash};
use super::options::{Config, Target};
use super::receive::Receiver;
use super::send::Sender;
use super::wire::{
    ArtAddress, ArtCommand, ArtPoll, ArtPollReply, DATA_SEEN, ESTA_PROTOTYPE, LONGEST_NAME, MERGING,
    MERGING_LTP, PORT_IN, PORT_OUT, Packet, selection,
};
use crate::recognize::{UnknownSenders, WireFormat};
use crate::shared::dmx::{Detect, Rule};
use crate::shared::ports::ReconnectingPorts;

/// The socket.
const SOCKET: Port = Port(0);

/// The look-up of the first destination; those of the others follow.
const FIRST_LOOKUP: Port = Port(1);

/// An answer to a poll is sent within this time, at random, so that not all devices answer at once.
const LONGEST_DELAY: Duration = Duration::from_secs(1);

/// The maximum number of controllers that wait for an answer.
const MAX_ANSWERS: usize = 32;

/// The running state of an instance.
pub(crate) struct ArtNetSession {
    name: Arc<str>,
    long_name: String,
    config: Arc<Config>,
    ports: ReconnectingPorts,
    receiver: Receiver,
    sender: Sender,
    echoes: FrameEchoes,
    /// The announced address; unspecified while it is unknown.
    own: Ipv4Addr,
    cues: Cues,
    discovery: SubscriberSearch,
    /// Controllers that wait for an answer, and when it is due.
    answers: Vec<(Instant, SocketAddr)>,
    detector: FrameDetector,
    unknown_senders: UnknownSenders,
}

impl ArtNetSession {
    /// The session of the instance `name`.
    pub(crate) fn new(name: &Arc<str>, config: Arc<Config>) -> Self {
        let selection = (config.detect != Detect::Everything).then(|| selection(config.port_address));
        let bind = config.interface.bind.clone();
        let udp = Udp { shared: true, broadcast: true, selection, ..Udp::new(bind) };
        let mut ports = ReconnectingPorts::new(name, "artnet-port");
        ports.add(SOCKET, PortSpec::Udp(udp));
        let sender = Sender::new(&config, FIRST_LOOKUP);
        sender.hosts.add_lookups(&mut ports);
        Self {
            name: name.clone(),
            long_name: format!("crosspatch {name}"),
            ports,
            receiver: Receiver::new(config.port_address, config.merge, config.loss),
            sender,
            echoes: FrameEchoes::default(),
            own: config.interface.announce,
            cues: Cues::default(),
            discovery: SubscriberSearch::new(name),
            answers: Vec::new(),
            detector: FrameDetector::new(config.detect),
            unknown_senders: UnknownSenders::default(),
            config,
        }
    }
}

impl Session for ArtNetSession {
    fn bind(&mut self, slot: Slot, address: &str, direction: Direction) {
        let Ok(address) = Address::parse(address, direction) else { return };
        match (address, direction) {
            (Address::Dmx(address), Direction::Input) => self.receiver.bind(slot, address.0),
            (Address::Dmx(address), Direction::Output) => self.sender.bind(slot, address.0),
            (_, Direction::Input) => self.cues.bind_input(slot, address),
            (_, Direction::Output) => self.cues.bind_output(slot, address),
        }
    }

    fn unbind(&mut self, slot: Slot, direction: Direction) {
        match direction {
            Direction::Input => {
                self.receiver.unbind(slot);
                self.cues.unbind_input(slot);
            }
            Direction::Output => {
                self.sender.unbind(slot);
                self.cues.unbind_output(slot);
            }
        }
    }

    fn start(&mut self, now: Instant, out: &mut Outbox) {
        if let Some(value) = self.config.start {
            self.sender.begin(now, value);
        }
        self.warn_of_contested_slots(out);
        self.ports.open_all(out);
    }

    fn stop(&mut self, now: Instant, out: &mut Outbox) {
        // Frames that were not sent yet must not be lost: the last frames follow each other at once.
        let mut now = now;
        while self.sends() && self.sender.is_pending() {
            now = self.sender.next_timeout().map_or(now, |due| due.max(now));
            self.send(now, out);
        }
    }

    fn handle_rebind(&mut self, now: Instant, out: &mut Outbox) {
        self.warn_of_contested_slots(out);
        self.receiver.handle_rebind(out);
        if self.ports.is_open(SOCKET) && self.polls() != self.discovery.is_running() {
            self.begin_or_end_polling(now);
        }
    }

    fn handle_open(&mut self, now: Instant, port: Port, peer: Peer, out: &mut Outbox) {
        self.ports.handle_open(port, peer, out);
        self.sender.hosts.handle_open(port, peer);
        if port == SOCKET {
            self.begin_or_end_polling(now);
            out.recall();
        }
        self.sender.restart();
        self.send(now, out);
    }

    fn handle_close(&mut self, now: Instant, port: Port, peer: Peer, reason: Closed, out: &mut Outbox) {
        if port == SOCKET {
            self.discovery.stop();
            self.answers.clear();
        }
        self.ports.handle_close(now, port, peer, &reason, out);
    }

    fn handle_data(&mut self, now: Instant, _port: Port, from: Peer, data: &[u8], out: &mut Outbox) {
        let Peer::Address(from) = from else { return };
        match Packet::decode(data) {
            Ok(packet) => self.handle_packet(now, from, &packet, data, out),
            Err(error) => {
                self.unknown_senders.refuse(
                    now,
                    from,
                    data,
                    WireFormat::ArtNet,
                    "artnet-garbage",
                    &error,
                    out,
                );
            }
        }
    }

    fn handle_values(&mut self, now: Instant, values: &[(Slot, Value)], out: &mut Outbox) {
        self.set_all(now, values, false, out);
        self.send(now, out);
    }

    fn takes_spans(&self) -> bool {
        !self.cues.has_outputs()
    }

    fn handle_spans(&mut self, now: Instant, batch: SpannedValues<'_>, out: &mut Outbox) {
        batch.for_each(|part| match part {
            Part::Values(values) => self.set_all(now, values, false, out),
            Part::Span(span) => self.sender.set_span(now, span),
        });
        self.send(now, out);
    }

    fn handle_recall(&mut self, now: Instant, values: &[(Slot, Value)], out: &mut Outbox) {
        self.set_all(now, values, true, out);
        self.send(now, out);
    }

    fn handle_loss(&mut self, _now: Instant, _port: Port, _out: &mut Outbox) {
        self.discovery.hurry();
    }

    fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) {
        self.ports.handle_timeout(now, out);
        self.receiver.handle_timeout(now, out);
        if self.discovery.take_due(now) {
            let poll = Packet::Poll(ArtPoll { targets: None });
            out.send(SOCKET, self.everybody(), |buffer| poll.encode(buffer));
        }
        self.answer(now, out);
        self.send(now, out);
    }

    fn status(&self) -> Status {
        let mut status = self.ports.status();
        let sources = self.receiver.addresses().map(|ip| (ip, "source"));
        let nodes = self.discovery.subscribers().map(|ip| (ip, "node"));
        for (ip, description) in sources.chain(nodes) {
            status.add(ip.to_string(), description, Condition::Working);
        }
        status
    }

    fn next_timeout(&self) -> Option<Instant> {
        let frame = self.sender.next_timeout().filter(|_| self.sends());
        let answers = self.answers.iter().map(|(at, _)| *at);
        let others =
            [self.ports.next_timeout(), self.receiver.next_timeout(), self.discovery.next_timeout(), frame];
        answers.chain(others.into_iter().flatten()).min()
    }
}

/// Receiving.
impl ArtNetSession {
    fn handle_packet(
        &mut self,
        now: Instant,
        from: SocketAddr,
        packet: &Packet<'_>,
        data: &[u8],
        out: &mut Outbox,
    ) {
        let (ip, universe) = (from.ip(), self.config.port_address);
        self.detector.hear(ip, packet, universe, out);
        match packet {
            Packet::Dmx(dmx) if dmx.port_address == universe => {
                if self.receiver.is_mapped() && !self.echoes.take(now, data) {
                    self.receiver.handle_dmx(now, ip, dmx, out);
                }
            }
            Packet::Sync => self.receiver.handle_sync(now, ip, out),
            Packet::Poll(poll) if poll.asks(universe) => {
                self.ask_who_i_am(now, out);
                self.owe_answer(now, ip);
            }
            Packet::Command(_) => {
                if let (IpAddr::V4(ip), true) = (ip, self.echoes.take(now, data)) {
                    self.own = ip;
                }
            }
            Packet::PollReply(reply) if !self.is_own(reply) => {
                if self.discovery.handle_reply(now, ip, reply, universe) {
                    self.sender.refresh();
                    self.send(now, out);
                }
            }
            Packet::Address(ArtAddress { bind_index, command }) if *bind_index == self.bind_index() => {
                self.receiver.handle_command(now, *command, out);
                self.send_reply(SocketAddr::new(ip, self.config.interface.bind.port), out);
            }
            Packet::TimeCode(_) | Packet::Trigger(_) if self.echoes.take(now, data) => {}
            Packet::TimeCode(time) => self.cues.handle_time(*time, out),
            Packet::Trigger(trigger) => self.cues.handle_trigger(*trigger, out),
            Packet::Dmx(_)
            | Packet::Poll(_)
            | Packet::PollReply(_)
            | Packet::Address(_)
            | Packet::Other(_) => {}
        }
    }

    /// Finds our address. A port that is bound to all addresses does not show the address that other devices see. A
    /// broadcast returns from that address before the pending answer, which contains it, is due. The packet has no
    /// effect on other devices.
    fn ask_who_i_am(&mut self, now: Instant, out: &mut Outbox) {
        if !self.own.is_unspecified() {
            return;
        }
        let text = format!("crosspatch={:x}&", hash((&self.name, now)));
        let mut packet = Vec::new();
        Packet::Command(ArtCommand { esta: ESTA_PROTOTYPE, text: text.as_bytes() }).encode(&mut packet);
        self.echoes.remember(now, &packet);
        out.send(SOCKET, self.everybody(), |buffer| buffer.extend_from_slice(&packet));
    }

    /// Schedules an answer to a controller. A controller that asks again before it is sent gets one answer.
    fn owe_answer(&mut self, now: Instant, ip: IpAddr) {
        let to = SocketAddr::new(ip, self.config.interface.bind.port);
        if self.answers.len() < MAX_ANSWERS && self.answers.iter().all(|(_, waiting)| *waiting != to) {
            self.answers.push((now + spread((&self.name, ip), LONGEST_DELAY), to));
        }
    }

    fn answer(&mut self, now: Instant, out: &mut Outbox) {
        while let Some(at) = self.answers.iter().position(|(due, _)| *due <= now) {
            let (_, to) = self.answers.remove(at);
            self.send_reply(to, out);
        }
    }

    fn send_reply(&self, to: SocketAddr, out: &mut Outbox) {
        let universe = self.config.port_address;
        let (is_input, is_output) = (self.receiver.is_mapped(), self.sender.is_mapped());
        let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        let sources = self.receiver.sources();
        let reply = ArtPollReply {
            net_switch: universe.net(),
            sub_switch: universe.sub(),
            short_name: self.name.as_bytes(),
            long_name: self.long_name.as_bytes(),
            node_report: b"#0001 [0000] ready",
            ports: u8::from(is_input || is_output),
            port_types: [flag(is_input, PORT_OUT) | flag(is_output, PORT_IN), 0, 0, 0],
            good_input: [flag(self.sender.has_sent(), DATA_SEEN), 0, 0, 0],
            good_output: [
                flag(sources > 0, DATA_SEEN)
                    | flag(sources > 1, MERGING)
                    | flag(self.receiver.rule() == Rule::Ltp, MERGING_LTP),
                0,
                0,
                0,
            ],
            sw_in: [universe.universe(), 0, 0, 0],
            sw_out: [universe.universe(), 0, 0, 0],
            style: u8::from(!is_input),
            ..ArtPollReply::plain(self.own, self.bind_index())
        };
        out.send(SOCKET, Peer::Address(to), |buffer| Packet::PollReply(reply).encode(buffer));
    }

    /// Whether a reply is our own, received because of our own poll. We send the universes in it ourselves.
    fn is_own(&self, reply: &ArtPollReply<'_>) -> bool {
        let name = self.long_name.as_bytes();
        reply.bind_index == self.bind_index() && reply.long_name == &name[..name.len().min(LONGEST_NAME)]
    }

    /// A number that distinguishes instances with the same address, up to 255.
    fn bind_index(&self) -> u8 {
        self.config.port_address.low() % 255 + 1
    }
}

/// Sending.
impl ArtNetSession {
    fn set_all(&mut self, now: Instant, values: &[(Slot, Value)], is_state: bool, out: &mut Outbox) {
        // Nearly all values are levels of a universe.
        if !self.cues.has_outputs() {
            return self.sender.set_all(now, values);
        }
        for (slot, value) in values {
            self.set(now, *slot, value, is_state, out);
        }
    }

    fn set(&mut self, now: Instant, slot: Slot, value: &Value, is_state: bool, out: &mut Outbox) {
        let Some(packet) = self.cues.set(slot, value, is_state) else {
            return self.sender.set(now, slot, value);
        };
        let mut bytes = Vec::new();
        packet.encode(&mut bytes);
        self.echoes.remember(now, &bytes);
        self.sender.send_to_all(SOCKET, out, |buffer| buffer.extend_from_slice(&bytes));
    }

    /// Sends the universe if it is due.
    fn send(&mut self, now: Instant, out: &mut Outbox) {
        if self.sends() {
            let subscribers = self.discovery.subscribers();
            self.sender.send_due(now, SOCKET, subscribers, &mut self.echoes, out);
        }
    }

    fn everybody(&self) -> Peer {
        Peer::Address(self.config.interface.everybody())
    }

    fn sends(&self) -> bool {
        self.ports.is_open(SOCKET) && self.sender.is_mapped()
    }

    /// Whether the session polls for nodes that want the universe.
    fn polls(&self) -> bool {
        self.sends() && self.config.target == Target::Discover
    }

    fn begin_or_end_polling(&mut self, now: Instant) {
        if self.polls() {
            self.discovery.start(now);
        } else {
            self.discovery.stop();
        }
    }

    fn warn_of_contested_slots(&self, out: &mut Outbox) {
        let contested = self.sender.contested();
        let Some(first) = contested.first() else { return };
        let others = match contested.len() - 1 {
            0 => String::new(),
            more => format!(" (and {more} others)"),
        };
        let text = format!(
            "slot {}{others} belongs to several mapped channels; whatever is set last counts",
            first + 1
        );
        out.notice(Notice::warning("artnet-contested", text));
    }
}
