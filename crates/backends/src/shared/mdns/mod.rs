//! Multicast DNS (RFC 6762) for services (RFC 6763): an instance shows up in the lists of others, and finds theirs.
//!
//! Not implemented: probing before the first announcement (clause 8.1), because a conflict is reported and not resolved; the random
//! delay of answers (clause 6); IPv6 as the carrier.

mod announcer;
mod browser;
pub(crate) mod wire;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crosspatch_core::{
    Closed, Endpoint, Host, Instant, Interface, Join, Notice, Outbox, Peer, Port, PortSpec, Udp,
};

use super::reconnecting_port::ReconnectingPort;
use announcer::Announcer;
use browser::Browser;
pub(crate) use browser::DiscoveredSession;
use wire::DnsMessage;

/// The addresses of multicast DNS (RFC 6762, clause 3).
const GROUP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(224, 0, 0, 251)), 5353);

/// The socket, and the question which machine this is. They are last, since protocols count their ports upwards.
const SOCKET: Port = Port(u16::MAX);
const MACHINE: Port = Port(u16::MAX - 1);

/// A kind of service, as a constant of its protocol.
#[derive(Debug)]
pub(crate) struct Service {
    /// The name of the service with its domain: `_apple-midi._udp.local`.
    pub(crate) name: &'static str,
    /// What notices call an instance of it.
    pub(crate) noun: &'static str,
    /// The kinds of notices: about the socket and its records, about undecodable packets, and about names that are
    /// announced twice.
    pub(crate) notice: &'static str,
    pub(crate) garbage_notice: &'static str,
    pub(crate) name_notice: &'static str,
}

/// What an instance does by multicast DNS, from its options.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Settings<'c> {
    pub(crate) service: &'static Service,
    /// The name of the instance, by which others see it.
    pub(crate) instance: &'c str,
    /// Where the instance listens.
    pub(crate) bind: &'c Endpoint,
    /// The interface for the group, if it is not that of `bind`.
    pub(crate) interface: Option<&'c Interface>,
    /// The name of this machine, without `.local`, if the instance is to be announced.
    pub(crate) host: Option<&'c str>,
    /// The names of the instances to find; `*` is all.
    pub(crate) wanted: &'c [String],
}

/// The running state of multicast DNS.
pub(crate) struct Mdns {
    service: &'static Service,
    kept: ReconnectingPort,
    announcer: Option<Announcer>,
    browser: Option<Browser>,
}

impl Mdns {
    /// For an instance; none if it neither announces itself nor looks for others.
    pub(crate) fn new(settings: Settings<'_>) -> Option<Self> {
        let announcer = settings.host.map(|host| Announcer::new(settings, host));
        let browser =
            (!settings.wanted.is_empty()).then(|| Browser::new(settings.service, settings.wanted.to_vec()));
        if announcer.is_none() && browser.is_none() {
            return None;
        }
        let bind = Endpoint { host: Host::Address(Ipv4Addr::UNSPECIFIED.into()), port: GROUP.port() };
        let interface = interface(settings);
        let joins = vec![Join { group: GROUP.ip(), interface: interface.clone() }];
        let udp = Udp { shared: true, joins, outgoing: interface, ..Udp::new(bind) };
        let service = settings.service;
        let kept = ReconnectingPort::new(settings.instance, SOCKET, PortSpec::Udp(udp), service.notice);
        Some(Self { service, kept, announcer, browser })
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
        if let Some(announcer) = self.announcer.as_ref().filter(|_| self.kept.is_open()) {
            announcer.say_goodbye(out);
        }
    }

    /// The sockets of the instance are open, or are not any more. It is announced only while they are.
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
            SOCKET => self.kept.handle_close(now, reason, out),
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
            out.notice(Notice::warning(self.service.garbage_notice, text));
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
            browser.handle_timeout(now, self.kept.is_open(), out);
        }
        if let Some(announcer) = self.announcer.as_mut().filter(|_| self.kept.is_open()) {
            announcer.handle_timeout(now, out);
        }
    }

    /// When `handle_timeout` is due.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        let announcer =
            self.announcer.as_ref().filter(|_| self.kept.is_open()).and_then(Announcer::next_timeout);
        let browser = self.browser.as_ref().and_then(|browser| browser.next_timeout(self.kept.is_open()));
        [self.kept.retry_at(), announcer, browser].into_iter().flatten().min()
    }

    /// The wanted instances that are there, without those of this machine.
    pub(crate) fn found(&self) -> Vec<DiscoveredSession> {
        let own = self.announcer.as_ref().map(Announcer::host);
        self.browser.as_ref().map_or_else(Vec::new, |browser| browser.found(own))
    }
}

/// The interface for the group: that of the options, or that of the address where the instance listens.
fn interface(settings: Settings<'_>) -> Option<Interface> {
    let bind = settings.bind.host.specific().filter(IpAddr::is_ipv4);
    settings.interface.cloned().or(bind.map(Interface::Address))
}

/// Sends a message to everybody.
fn tell(message: &DnsMessage, out: &mut Outbox) {
    out.send(SOCKET, Peer::Address(GROUP), |bytes| message.encode(bytes));
}
