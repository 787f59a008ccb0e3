//! Multicast DNS (RFC 6762) for services (RFC 6763): our sessions show up in the lists of others, and theirs are found.
//!
//! Not implemented: probing before the first announcement (clause 8.1), since a conflict is told and not resolved; the random
//! delay of answers (clause 6); IPv6 as the carrier.

mod announcer;
mod browser;
pub(crate) mod wire;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crosspatch_core::{
    Closed, Endpoint, Host, Instant, Interface, Join, Notice, Outbox, Peer, Port, PortSpec, Udp,
};

use crate::reconnecting_port::ReconnectingPort;

use super::options::Config;
use announcer::Announcer;
use browser::Browser;
pub(crate) use browser::DiscoveredSession;
use wire::DnsMessage;

/// The service of AppleMIDI sessions.
const SERVICE: &str = "_apple-midi._udp.local";
/// Where multicast DNS is spoken (RFC 6762, clause 3).
const GROUP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(224, 0, 0, 251)), 5353);

/// The socket, and the question which machine this is. They are last, since look-ups of peers are counted upwards.
const SOCKET: Port = Port(u16::MAX);
const MACHINE: Port = Port(u16::MAX - 1);

/// What an instance does by multicast DNS.
pub(crate) struct Mdns {
    kept: ReconnectingPort,
    is_open: bool,
    announcer: Option<Announcer>,
    browser: Option<Browser>,
}

impl Mdns {
    /// For an instance; none if it neither announces itself nor looks for others.
    pub(crate) fn new(config: &Config) -> Option<Self> {
        let announcer = Announcer::new(config);
        let browser = (!config.invites.is_empty()).then(|| Browser::new(config.invites.clone()));
        if announcer.is_none() && browser.is_none() {
            return None;
        }
        let bind = Endpoint { host: Host::Address(Ipv4Addr::UNSPECIFIED.into()), port: GROUP.port() };
        let interface = interface(config);
        let joins = vec![Join { group: GROUP.ip(), interface: interface.clone() }];
        let udp = Udp { shared: true, joins, outgoing: interface, ..Udp::new(bind) };
        let kept = ReconnectingPort::new(&config.name, SOCKET, PortSpec::Udp(udp), "rtpmidi-mdns");
        Some(Self { kept, is_open: false, announcer, browser })
    }

    /// Opens what is needed.
    pub(crate) fn start(&mut self, out: &mut Outbox) {
        if self.announcer.is_some() {
            out.open(MACHINE, PortSpec::Machine);
        }
        self.kept.open(out);
    }

    /// Says goodbye.
    pub(crate) fn stop(&mut self, out: &mut Outbox) {
        if let Some(announcer) = self.announcer.as_ref().filter(|_| self.is_open) {
            announcer.say_goodbye(out);
        }
    }

    /// The sockets of sessions are open, or are not any more. Only those that are open are announced.
    pub(crate) fn set_ready(&mut self, now: Instant, is_ready: bool) {
        if let Some(announcer) = &mut self.announcer {
            announcer.set_ready(now, is_ready);
        }
    }

    /// A port has opened; those of others are passed over.
    pub(crate) fn handle_open(&mut self, now: Instant, port: Port, out: &mut Outbox) {
        if port != SOCKET {
            return;
        }
        self.is_open = true;
        self.kept.handle_open(out);
        if let Some(announcer) = &mut self.announcer {
            announcer.begin(now);
        }
        if let Some(browser) = &mut self.browser {
            browser.begin(now);
        }
        self.handle_timeout(now, out);
    }

    /// A port is gone; says whether it was one of these.
    pub(crate) fn handle_close(
        &mut self,
        now: Instant,
        port: Port,
        reason: &Closed,
        out: &mut Outbox,
    ) -> bool {
        match port {
            SOCKET => {
                self.is_open = false;
                self.kept.handle_close(now, reason, out);
            }
            // Without an answer, two machines with the same show take each other for themselves.
            MACHINE => self.identify(now, &[]),
            _ => return false,
        }
        true
    }

    fn identify(&mut self, now: Instant, machine: &[u8]) {
        if let Some(announcer) = &mut self.announcer {
            announcer.identify(now, machine);
        }
    }

    /// Something has come in; says whether it has come in on one of these ports.
    pub(crate) fn handle_data(
        &mut self,
        now: Instant,
        port: Port,
        from: SocketAddr,
        data: &[u8],
        out: &mut Outbox,
    ) -> bool {
        if port != SOCKET {
            return false;
        }
        let Some(message) = DnsMessage::decode(data) else {
            let text = format!("ignored a malformed packet from {from}: expected an mDNS message");
            out.notice(Notice::warning("rtpmidi-garbage", text));
            return true;
        };
        if let Some(announcer) = &mut self.announcer {
            announcer.handle(now, from, &message, out);
        }
        // What comes from elsewhere is not for the group (RFC 6762, clause 6).
        if let Some(browser) = &mut self.browser
            && message.is_answer
            && from.port() == GROUP.port()
        {
            browser.hear(now, &message, out);
        }
        self.handle_timeout(now, out);
        true
    }

    /// The answer to the question which machine this is has come.
    pub(crate) fn handle_machine(&mut self, now: Instant, port: Port, data: &[u8], out: &mut Outbox) {
        if port == MACHINE {
            self.identify(now, data);
            self.handle_timeout(now, out);
        }
    }

    /// The time of [`next_timeout`](Self::next_timeout) has come.
    pub(crate) fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) {
        self.kept.handle_timeout(now, out);
        if let Some(browser) = &mut self.browser {
            browser.handle_timeout(now, self.is_open, out);
        }
        if let Some(announcer) = self.announcer.as_mut().filter(|_| self.is_open) {
            announcer.handle_timeout(now, out);
        }
    }

    /// When `handle_timeout` wants to be called.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        let announcer = self.announcer.as_ref().filter(|_| self.is_open).and_then(Announcer::next_timeout);
        let browser = self.browser.as_ref().and_then(|browser| browser.next_timeout(self.is_open));
        [self.kept.retry_at(), announcer, browser].into_iter().flatten().min()
    }

    /// The sessions to invite that are there now, without those of this machine.
    pub(crate) fn found(&self) -> Vec<DiscoveredSession> {
        let own = self.announcer.as_ref().map(Announcer::host);
        self.browser.as_ref().map_or_else(Vec::new, |browser| browser.found(own))
    }
}

/// The interface for the group: that of the options, or that of the address where sessions listen.
fn interface(config: &Config) -> Option<Interface> {
    let bind = match config.bind.host {
        Host::Address(address) if address.is_ipv4() && !address.is_unspecified() => {
            Some(Interface::Address(address))
        }
        Host::Any | Host::Address(_) | Host::Name(_) => None,
    };
    config.mdns_interface.clone().or(bind)
}

/// Sends a message to everybody.
fn tell(message: &DnsMessage, out: &mut Outbox) {
    out.send(SOCKET, Peer::Address(GROUP), |bytes| message.encode(bytes));
}
