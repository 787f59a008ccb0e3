//! Multicast DNS (RFC 6762) for services (RFC 6763): announces an instance to others, and finds theirs.
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

/// The socket, and the query for the machine's identity. These are the last numbers, because protocols number their
/// ports from 0.
const SOCKET: Port = Port(u16::MAX);
const MACHINE: Port = Port(u16::MAX - 1);

/// A kind of service, as a constant of its protocol.
#[derive(Debug)]
pub(crate) struct Service {
    /// The name of the service with its domain: `_apple-midi._udp.local`.
    pub(crate) name: &'static str,
    /// The noun for an instance in notices.
    pub(crate) noun: &'static str,
    /// The kinds of notices: about the socket and its records, about undecodable packets, and about names that are
    /// announced twice.
    pub(crate) notice: &'static str,
    pub(crate) garbage_notice: &'static str,
    pub(crate) name_notice: &'static str,
}

/// The settings for multicast DNS from an instance's options.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Settings<'c> {
    pub(crate) service: &'static Service,
    /// The announced name of the instance.
    pub(crate) instance: &'c str,
    /// The address that the instance listens on.
    pub(crate) bind: &'c Endpoint,
    /// The interface for the group, if it differs from that of `bind`.
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
    /// The multicast DNS of an instance; `None` if it neither announces itself nor looks for others.
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

    /// Opens the required ports.
    pub(crate) fn start(&mut self, out: &mut Outbox) {
        if self.announcer.is_some() {
            out.open(MACHINE, PortSpec::Machine);
        }
        self.kept.open(out);
    }

    /// Withdraws the announcement.
    pub(crate) fn stop(&mut self, out: &mut Outbox) {
        if let Some(announcer) = self.announcer.as_ref().filter(|_| self.kept.is_open()) {
            announcer.say_goodbye(out);
        }
    }

    /// Sets whether the sockets of the instance are open. The instance is announced only while they are.
    pub(crate) fn set_ready(&mut self, now: Instant, is_ready: bool) {
        if let Some(announcer) = &mut self.announcer {
            announcer.set_ready(now, is_ready);
        }
    }

    /// Handles an opened port. Other ports are ignored.
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

    /// Handles a closed port. Returns whether it belongs to multicast DNS.
    pub(crate) fn handle_close(
        &mut self,
        now: Instant,
        port: Port,
        reason: &Closed,
        out: &mut Outbox,
    ) -> bool {
        match port {
            SOCKET => self.kept.handle_close(now, reason, out),
            // Without an identity, two machines with the same show would take each other's instances for their own.
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

    /// Handles received data. Returns whether it was received on one of these ports.
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
        // Messages from other source ports are not for the group (RFC 6762, clause 6).
        if let Some(browser) = &mut self.browser
            && message.is_answer
            && from.port() == GROUP.port()
        {
            browser.hear(now, &message, out);
        }
        self.handle_timeout(now, out);
        true
    }

    /// Handles the answer to the query for the machine's identity.
    pub(crate) fn handle_machine(&mut self, now: Instant, port: Port, data: &[u8], out: &mut Outbox) {
        if port == MACHINE {
            self.identify(now, data);
            self.handle_timeout(now, out);
        }
    }

    /// Handles the timeouts that are due.
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

    /// The wanted instances that were found, without those of this machine.
    pub(crate) fn found(&self) -> Vec<DiscoveredSession> {
        let own = self.announcer.as_ref().map(Announcer::host);
        self.browser.as_ref().map_or_else(Vec::new, |browser| browser.found(own))
    }
}

/// The interface for the group: that of the options, or that of the address the instance listens on.
fn interface(settings: Settings<'_>) -> Option<Interface> {
    let bind = settings.bind.host.specific().filter(IpAddr::is_ipv4);
    settings.interface.cloned().or(bind.map(Interface::Address))
}

/// Sends a message to the group.
fn tell(message: &DnsMessage, out: &mut Outbox) {
    out.send(SOCKET, Peer::Address(GROUP), |bytes| message.encode(bytes));
}
