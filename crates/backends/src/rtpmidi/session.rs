//! A running RTP-MIDI instance: its sockets, and a link to each peer.

mod guests;

use std::net::SocketAddr;
use std::sync::Arc;

use crosspatch_core::{
    Closed, Condition, Direction, Duration, Endpoint, Instant, Notice, Outbox, Peer, Port, PortSpec, Session,
    Slot, Status, Udp, Value,
};

use crate::midi::detect::{describe_channel, record_unmapped};
use crate::midi::translate::Translator;
use crate::recognize::{UnknownSenders, WRONG_PROTOCOL, WireFormat};
use crate::shared::detect::Detector;
use crate::shared::mdns::{self, Mdns};
use crate::shared::ports::ReconnectingPorts;
use crate::shared::unmapped::Unmapped;

use self::guests::KnownAddresses;
use super::link::{CONTROL, DATA, LinkOutcome, LinkState, PeerLink, title};
use super::options::Config;
use super::receiver::PacketReceiver;
use super::wire::{Packet, Rtp, SessionCommand, SessionExchange as Invitation};

/// The port of the first peer's name look-up. Those of the others follow.
const FIRST_LOOKUP: u16 = 2;

/// The most peers that are found by mDNS and invited.
const MAX_FOUND: usize = 32;

/// The kind of notices about undecodable packets.
const GARBAGE: &str = "rtpmidi-garbage";

/// The service of AppleMIDI sessions.
const SERVICE: mdns::Service = mdns::Service {
    name: "_apple-midi._udp.local",
    noun: "session",
    notice: "rtpmidi-mdns",
    garbage_notice: GARBAGE,
    name_notice: "rtpmidi-name",
};

/// The intervals of BY commands to a peer without a session: to the same peer, and to another one.
const DISOWN_AGAIN: Duration = Duration::from_secs(1);
const DISOWN_NEXT: Duration = Duration::from_millis(20);

/// The running state of an instance.
pub(crate) struct RtpMidiSession {
    config: Arc<Config>,
    translator: Translator,
    detector: Detector,
    unmapped: Unmapped,
    ports: ReconnectingPorts,
    /// The peers of the options in their order, followed by guests and peers that mDNS has found, in the order of arrival.
    links: Vec<PeerLink>,
    mdns: Option<Mdns>,
    /// The addresses of earlier guests.
    acquaintances: KnownAddresses,
    /// The last peer that was sent a BY command without a session, and when.
    disowned: Option<(SocketAddr, Instant)>,
    unknown_senders: UnknownSenders,
}

impl RtpMidiSession {
    /// The session of an instance.
    pub(crate) fn new(config: Arc<Config>) -> Self {
        let mut ports = ReconnectingPorts::new(&config.name, "rtpmidi-port");
        for (offset, socket) in (0..).zip(sockets(&config)) {
            let bind = Endpoint { port: config.bind.port.saturating_add(offset), ..config.bind.clone() };
            ports.add(*socket, PortSpec::Udp(Udp::new(bind)));
        }
        for (port, peer) in (FIRST_LOOKUP..).zip(&config.peers) {
            if peer.address().is_none() {
                ports.add(Port(port), PortSpec::Lookup(peer.clone()));
            }
        }
        Self {
            translator: Translator::new(config.dialect.clone()),
            detector: Detector::new("rtpmidi-detect"),
            unmapped: Unmapped::new("rtpmidi-unmapped"),
            ports,
            mdns: Mdns::new(mdns_settings(&config)),
            links: config.peers.iter().map(|peer| PeerLink::new(&config, Some(peer.clone()))).collect(),
            acquaintances: KnownAddresses::default(),
            disowned: None,
            unknown_senders: UnknownSenders::default(),
            config,
        }
    }
}

impl Session for RtpMidiSession {
    fn bind(&mut self, slot: Slot, address: &str, direction: Direction) {
        self.translator.bind(slot, address, direction);
    }

    fn unbind(&mut self, slot: Slot, direction: Direction) {
        self.translator.unbind(slot, direction);
    }

    fn start(&mut self, _now: Instant, out: &mut Outbox) {
        self.ports.open_all(out);
        if let Some(mdns) = &mut self.mdns {
            mdns.start(out);
        }
    }

    fn stop(&mut self, now: Instant, out: &mut Outbox) {
        if let Some(mdns) = &mut self.mdns {
            mdns.stop(out);
        }
        self.links.iter_mut().for_each(|link| link.end(now, true, out));
    }

    fn handle_rebind(&mut self, _now: Instant, _out: &mut Outbox) {
        self.unmapped.clear();
    }

    fn handle_open(&mut self, now: Instant, port: Port, peer: Peer, out: &mut Outbox) {
        self.ports.handle_open(port, peer, out);
        if let (Some(at), Peer::Address(found)) = (port.0.checked_sub(FIRST_LOOKUP), peer)
            && let Some(link) = self.links.get_mut(usize::from(at))
        {
            link.control = Some(found);
        }
        if let Some(mdns) = &mut self.mdns {
            mdns.handle_open(now, port, out);
        }
        self.connect(now, out);
    }

    fn handle_close(&mut self, now: Instant, port: Port, peer: Peer, reason: Closed, out: &mut Outbox) {
        if self.mdns.as_mut().is_some_and(|mdns| mdns.handle_close(now, port, &reason, out)) {
            return;
        }
        self.ports.handle_close(now, port, peer, &reason, out);
        if sockets(&self.config).contains(&port) {
            for at in 0..self.links.len() {
                self.release(now, at, out);
                self.links[at].state = LinkState::Idle;
            }
            self.links.retain(|link| link.endpoint.is_some());
            if let Some(mdns) = &mut self.mdns {
                mdns.set_ready(now, false);
            }
        }
    }

    fn handle_data(&mut self, now: Instant, port: Port, from: Peer, data: &[u8], out: &mut Outbox) {
        let Peer::Address(from) = from else {
            if let Some(mdns) = &mut self.mdns {
                mdns.handle_machine(now, port, data, out);
            }
            return;
        };
        if self.mdns.as_mut().is_some_and(|mdns| mdns.handle_data(now, port, from, data, out)) {
            self.invite_found(now, out);
            return;
        }
        match Packet::decode(data) {
            Ok(Packet::Command(command)) if !self.config.is_direct => {
                self.handle_command(now, port, from, &command, out);
            }
            Ok(Packet::Rtp(rtp)) if port == DATA => self.handle_rtp(now, from, &rtp, out),
            Ok(packet) => self.misplace(now, from, &packet, out),
            Err(error) => {
                self.unknown_senders.refuse(now, from, data, WireFormat::RtpMidi, GARBAGE, &error, out);
            }
        }
    }

    fn handle_loss(&mut self, now: Instant, _port: Port, _out: &mut Outbox) {
        self.links.iter_mut().for_each(|link| link.hurry_feedback(now));
    }

    fn handle_values(&mut self, now: Instant, values: &[(Slot, Value)], out: &mut Outbox) {
        if self.has_receiver() {
            self.translator.set(now, values, out.generation());
            self.flush(now, out);
        }
    }

    fn handle_recall(&mut self, now: Instant, values: &[(Slot, Value)], out: &mut Outbox) {
        if self.has_receiver() {
            self.translator.restore(values);
            self.flush(now, out);
        }
    }

    fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) {
        self.ports.handle_timeout(now, out);
        if let Some(mdns) = &mut self.mdns {
            mdns.handle_timeout(now, out);
            self.invite_found(now, out);
        }
        for at in 0..self.links.len() {
            self.receive(now, at, out, |receiver, found| receiver.handle_timeout(now, found));
            let outcome = self.links[at].handle_timeout(now, &self.config, out);
            if let Some(outcome) = outcome {
                self.lose(now, at, outcome, out);
            }
        }
        self.forget_guests();
        self.translator.handle_timeout(now, out);
        self.flush(now, out);
        self.detector.handle_timeout(now, out);
    }

    fn status(&self) -> Status {
        let mut status = self.ports.status();
        for link in &self.links {
            status.add(link.title(), "", link.condition.clone());
        }
        status
    }

    fn next_timeout(&self) -> Option<Instant> {
        let links = self.links.iter().filter_map(PeerLink::next_timeout);
        let mdns = self.mdns.as_ref().and_then(Mdns::next_timeout);
        let others =
            [self.ports.next_timeout(), self.translator.next_timeout(), self.detector.next_timeout(), mdns];
        links.chain(others.into_iter().flatten()).min()
    }
}

/// A notice about a peer that is gone, and when it is invited again, if that is ours to do.
fn with_next_try(mut text: String, link: &PeerLink, now: Instant) -> String {
    if let Some(next_try) = link.next_try(now) {
        text += &format!("; {next_try}");
    }
    text
}

/// Peers come and go.
impl RtpMidiSession {
    /// Begins with the peers of the options whose addresses are known, once our sockets are open.
    fn connect(&mut self, now: Instant, out: &mut Outbox) {
        if !sockets(&self.config).iter().all(|socket| self.ports.is_open(*socket)) {
            return;
        }
        if let Some(mdns) = &mut self.mdns {
            mdns.set_ready(now, true);
            mdns.handle_timeout(now, out);
        }
        for at in 0..self.links.len() {
            let link = &mut self.links[at];
            link.control = link.control.or_else(|| link.endpoint.as_ref()?.address());
            let (LinkState::Idle, Some(address)) = (&link.state, link.control) else { continue };
            if self.config.is_direct {
                link.begin_direct(now, address, &self.config);
                self.begin(now, at, out);
            } else {
                link.invite(now, &self.config, out);
            }
        }
    }

    /// Invites whom mDNS has found, and forgets whom it has not any more, unless there is a session.
    fn invite_found(&mut self, now: Instant, out: &mut Outbox) {
        let Some(mdns) = &self.mdns else { return };
        let found = mdns.found();
        self.links.retain_mut(|link| {
            let is_there = found.iter().any(|found| link.control == Some(found.address));
            let stays = !link.is_found || link.is_up() || is_there;
            if !stays {
                link.end(now, true, out);
                out.notice(Notice::info("rtpmidi-found", format!("{} has disappeared", link.title())));
            }
            stays
        });
        for found in found {
            let is_linked = self.links.iter().any(|link| link.control == Some(found.address));
            let count = self.links.iter().filter(|link| link.is_found).count();
            if is_linked || count >= MAX_FOUND {
                continue;
            }
            let mut link = PeerLink::new(&self.config, Some(found.address.into()));
            (link.is_found, link.name, link.control) = (true, found.name, Some(found.address));
            out.notice(Notice::info("rtpmidi-found", format!("found {}; inviting it", link.title())));
            self.links.push(link);
        }
        self.connect(now, out);
    }

    /// MIDI flows to and from a peer: it gets the full state.
    fn begin(&mut self, now: Instant, at: usize, out: &mut Outbox) {
        self.links[at].receiver = PacketReceiver::default();
        self.links[at].condition = Condition::Working;
        if !self.config.is_direct {
            let text = format!("session with {} established", self.links[at].title());
            out.notice(Notice::info("rtpmidi-session", text));
        }
        self.translator.begin();
        out.recall();
        // What the options want sent first does not wait for any state.
        self.flush(now, out);
    }

    fn lose(&mut self, now: Instant, at: usize, outcome: LinkOutcome, out: &mut Outbox) {
        self.release(now, at, out);
        let link = &mut self.links[at];
        let is_first = link.backoff.failures() == 0;
        let text = match outcome {
            LinkOutcome::NoAnswer => "does not answer",
            LinkOutcome::Silent => "has stopped answering",
            LinkOutcome::Halfway => "started a session and did not complete it",
            LinkOutcome::Forgotten => "no longer has the session",
        };
        link.condition.set_missing(now, text.to_owned(), false);
        let text = format!("{} {text}", link.title());
        link.end(now, outcome != LinkOutcome::Forgotten, out);
        if matches!(outcome, LinkOutcome::Silent | LinkOutcome::Forgotten) {
            link.resume(now);
        }
        if is_first {
            out.notice(Notice::warning("rtpmidi-session", with_next_try(text, link, now)));
        }
        // Its name may lead elsewhere by now.
        let lookup = Port(FIRST_LOOKUP.saturating_add(u16::try_from(at).unwrap_or(u16::MAX)));
        self.ports.open_again(lookup, out);
    }

    /// No key stays down that only a peer that is gone could release, unless the options want it so.
    fn release(&mut self, now: Instant, at: usize, out: &mut Outbox) {
        if self.links[at].is_up() {
            self.release_keys(now, at, out);
        }
    }

    fn release_keys(&mut self, now: Instant, at: usize, out: &mut Outbox) {
        if self.config.dialect.releases_lost {
            self.receive(now, at, out, PacketReceiver::release);
        }
        self.translator.forget();
    }

    /// Tells somebody that there is no session with it. After a restart without a goodbye, the peers go on as if nothing had
    /// happened; with this they begin anew at once. The source is theirs, since ours of that time is not known: others
    /// pass that over.
    fn disown(&mut self, now: Instant, port: Port, from: SocketAddr, ssrc: u32, out: &mut Outbox) {
        let is_told = self
            .disowned
            .is_some_and(|(whom, at)| now.since(at) < if whom == from { DISOWN_AGAIN } else { DISOWN_NEXT });
        if is_told || self.links.iter().any(|link| link.is_engaged_with(from)) {
            return;
        }
        self.disowned = Some((from, now));
        // Tokens are not looked at in a goodbye; macOS has none there either.
        let goodbye = SessionCommand::Bye(Invitation { token: 0, ssrc, name: None });
        out.send(port, Peer::Address(from), |bytes| goodbye.encode(bytes));
    }
}

/// What comes in.
impl RtpMidiSession {
    /// MIDI has come to the port for session commands, or a command to an instance without sessions.
    fn misplace(&mut self, now: Instant, from: SocketAddr, packet: &Packet<'_>, out: &mut Outbox) {
        let port = self.config.bind.port;
        let (format, text) = match packet {
            Packet::Rtp(_) => (
                WireFormat::RtpMidi,
                format!(
                    "{from} sends MIDI to port {port}, which is for session commands; send it to port {} within a \
                     session, or set `mode = direct` here",
                    port.saturating_add(1)
                ),
            ),
            Packet::Command(_) => (
                WireFormat::AppleMidi,
                format!(
                    "{from} requests a session, which `mode = direct` does not support; set `mode = apple` here"
                ),
            ),
        };
        if self.unknown_senders.is_news(now, from.ip(), format) {
            out.notice(Notice::warning(WRONG_PROTOCOL, text));
        }
    }

    fn handle_command(
        &mut self,
        now: Instant,
        port: Port,
        from: SocketAddr,
        command: &SessionCommand,
        out: &mut Outbox,
    ) {
        match command {
            SessionCommand::Invite(session) => self.handle_invitation(now, port, from, session, out),
            SessionCommand::Accept(session) => {
                for at in 0..self.links.len() {
                    let config = self.config.clone();
                    if self.links[at].handle_acceptance(now, port, from, session, &config, out) {
                        self.begin(now, at, out);
                    }
                }
            }
            SessionCommand::Reject(session) => {
                let ours = |link: &&mut PeerLink| [link.control, link.data].contains(&Some(from));
                for link in self.links.iter_mut().filter(ours) {
                    let is_first = link.backoff.failures() == 0;
                    if link.handle_rejection(now, session) && is_first {
                        let text = format!("{} refuses the session", link.title());
                        out.notice(Notice::warning("rtpmidi-session", with_next_try(text, link, now)));
                    }
                }
            }
            SessionCommand::Bye(session) => {
                if let Some(at) = self.peer(from, session.ssrc).filter(|at| self.links[*at].is_up()) {
                    self.release(now, at, out);
                    let link = &mut self.links[at];
                    link.end(now, false, out);
                    link.condition.set_missing(now, "has ended the session".to_owned(), false);
                    let text = format!("{} has ended the session", link.title());
                    out.notice(Notice::info("rtpmidi-session", with_next_try(text, link, now)));
                } else if let Some(at) =
                    self.links.iter().position(|link| link.is_disowned(from, session.ssrc))
                {
                    self.lose(now, at, LinkOutcome::Forgotten, out);
                }
                self.forget_guests();
            }
            SessionCommand::Clock(timing) => {
                if let Some(at) = self.peer(from, timing.ssrc) {
                    self.links[at].note_packet(now);
                    self.links[at].handle_clock(now, timing, out);
                } else if let Some(at) =
                    self.links.iter().position(|link| link.is_answered_by_another(from, timing))
                {
                    self.lose(now, at, LinkOutcome::Forgotten, out);
                    self.forget_guests();
                } else if timing.count == 0 {
                    self.disown(now, port, from, timing.ssrc, out);
                }
            }
            SessionCommand::Feedback { ssrc, sequence } => {
                if let Some(at) = self.peer(from, *ssrc) {
                    self.links[at].note_packet(now);
                    if let Some(sender) = self.links[at].sender() {
                        sender.handle_feedback(now, *sequence);
                    }
                }
            }
            // What we send is far below any limit that makes sense.
            SessionCommand::BitRate { .. } => {}
        }
    }

    fn handle_invitation(
        &mut self,
        now: Instant,
        port: Port,
        from: SocketAddr,
        session: &Invitation,
        out: &mut Outbox,
    ) {
        let Some(at) = self.link_of(now, port, from, session, out) else {
            let ssrc = self.config.ssrc.unwrap_or_else(|| self.config.number(session.ssrc));
            let answer = Invitation { token: session.token, ssrc, name: None };
            out.send(port, Peer::Address(from), |bytes| SessionCommand::Reject(answer).encode(bytes));
            if port == CONTROL {
                let name = session.name.as_deref().unwrap_or_default().escape_debug();
                let text = format!("refused the invitation of `{name}` at {from}");
                out.notice(Notice::warning("rtpmidi-stranger", text));
            }
            return;
        };
        let config = self.config.clone();
        let was_up = self.links[at].is_up();
        let begins = self.links[at].handle_invitation(now, port, from, session, &config, out);
        if was_up && (begins || !self.links[at].is_up()) {
            // It has begun anew without a goodbye.
            self.release_keys(now, at, out);
        }
        if begins {
            self.begin(now, at, out);
        }
    }

    /// The peer at one of its addresses, with one of its sources.
    fn peer(&self, from: SocketAddr, ssrc: u32) -> Option<usize> {
        self.links
            .iter()
            .position(|link| [link.control, link.data].contains(&Some(from)) && link.is_source(ssrc))
    }

    fn handle_rtp(&mut self, now: Instant, from: SocketAddr, rtp: &Rtp<'_>, out: &mut Outbox) {
        let ssrc = rtp.header.ssrc;
        let known = self.links.iter().position(|link| link.is_up() && link.data == Some(from));
        let at = match known {
            Some(at) if self.config.is_direct || self.links[at].is_source(ssrc) => at,
            None if self.config.learns => self.learn(now, from, out),
            Some(_) | None => {
                if !self.config.is_direct {
                    self.disown(now, DATA, from, ssrc, out);
                }
                let text = format!("{from} sends MIDI without a session; it is ignored");
                return out.notice(Notice::warning("rtpmidi-stranger", text));
            }
        };
        if self.config.is_direct && self.links[at].sources[0] != Some(ssrc) {
            // Another program, or the same one started again, which counts anew.
            self.release(now, at, out);
            self.links[at].sources[0] = Some(ssrc);
            self.links[at].receiver = PacketReceiver::joining_late();
        }
        self.links[at].note_packet(now);
        self.links[at].owe_feedback(now);
        self.receive(now, at, out, |receiver, found| receiver.handle(now, rtp, found));
    }

    /// Lets the receiver of a peer do something that brings messages about.
    fn receive(
        &mut self,
        now: Instant,
        at: usize,
        out: &mut Outbox,
        take: impl FnOnce(&mut PacketReceiver, super::receiver::ReceivedItem<'_>),
    ) {
        let Self { translator, detector, unmapped, links, config, .. } = self;
        let PeerLink { receiver, endpoint, control, data, name, .. } = &mut links[at];
        let from = data.map_or(Peer::Only, Peer::Address);
        take(receiver, &mut |message| match message {
            Ok(message) => {
                let is_mapped = translator.receive(now, message, out);
                if config.detects
                    && let Some((address, shown)) = describe_channel(message)
                {
                    detector.record(now, address.as_bytes(), from, &shown, out);
                } else if !is_mapped {
                    record_unmapped(unmapped, "", message, from, out);
                }
            }
            Err(error) => {
                let from = title(endpoint.as_ref(), control.or(*data), name);
                let text = format!("ignored a malformed packet from {from}: {error}");
                out.notice(Notice::warning(GARBAGE, text));
            }
        });
        if let Some(trouble) = receiver.take_trouble() {
            let who = title(endpoint.as_ref(), control.or(*data), name);
            out.notice(trouble.notice("rtpmidi-sequence", who, "MIDI"));
        }
    }
}

/// Output.
impl RtpMidiSession {
    /// Whether there is a receiver.
    fn has_receiver(&self) -> bool {
        self.links.iter().any(PeerLink::is_up)
    }

    fn flush(&mut self, now: Instant, out: &mut Outbox) {
        let Self { translator, links, .. } = self;
        translator.flush(now, &mut |message| {
            links.iter_mut().filter_map(PeerLink::sender).for_each(|sender| sender.push(now, message, out));
        });
        links.iter_mut().filter_map(PeerLink::sender).for_each(|sender| sender.flush(now, out));
    }
}

/// The sockets of a session.
fn sockets(config: &Config) -> &'static [Port] {
    if config.is_direct { &[DATA] } else { &[CONTROL, DATA] }
}

/// The session is announced under the name of the machine, and those to invite are found.
fn mdns_settings(config: &Config) -> mdns::Settings<'_> {
    mdns::Settings {
        service: &SERVICE,
        instance: &config.name,
        bind: &config.bind,
        interface: config.mdns_interface.as_ref(),
        host: config.mdns_name.as_deref().filter(|_| !config.is_direct),
        wanted: &config.invites,
    }
}
