//! The ports of a session with several ports, and destination hosts that are looked up by name.

use std::net::SocketAddr;
use std::sync::Arc;

use crosspatch_core::{Closed, Endpoint, Instant, Outbox, Peer, Port, PortSpec, Status};

use super::reconnecting_port::ReconnectingPort;

/// Ports that are reopened whenever they are lost.
///
/// Events of other ports, and of connections to a server, are ignored.
#[derive(Debug)]
pub(crate) struct ReconnectingPorts {
    name: Arc<str>,
    notice: &'static str,
    /// In the order in which they are opened.
    ports: Vec<ReconnectingPort>,
}

impl ReconnectingPorts {
    /// An empty set of ports of the instance `name`. Their notices are of the kind `notice`.
    pub(crate) fn new(name: &str, notice: &'static str) -> Self {
        Self { name: name.into(), notice, ports: Vec::new() }
    }

    /// Adds a port, which is opened by [`open_all`](Self::open_all).
    pub(crate) fn add(&mut self, port: Port, spec: PortSpec) {
        self.ports.push(ReconnectingPort::new(&self.name, port, spec, self.notice));
    }

    /// Opens all ports.
    pub(crate) fn open_all(&mut self, out: &mut Outbox) {
        self.ports.iter_mut().for_each(|port| port.open(out));
    }

    /// Reopens a port, for example a look-up whose result may have changed.
    pub(crate) fn open_again(&mut self, port: Port, out: &mut Outbox) {
        self.get_mut(port).into_iter().for_each(|port| port.open(out));
    }

    /// Replaces the port with the same number, if there is one, and opens the new one.
    pub(crate) fn replace(&mut self, port: Port, spec: PortSpec, out: &mut Outbox) {
        self.remove(port);
        self.add(port, spec);
        self.open_again(port, out);
    }

    /// Removes a port, which the session closes.
    pub(crate) fn remove(&mut self, port: Port) {
        self.ports.retain(|kept| kept.port() != port);
    }

    /// Whether a port is open.
    pub(crate) fn is_open(&self, port: Port) -> bool {
        self.ports.iter().any(|kept| kept.port() == port && kept.is_open())
    }

    /// Handles an opened port.
    pub(crate) fn handle_open(&mut self, port: Port, peer: Peer, out: &mut Outbox) {
        if !matches!(peer, Peer::Connection(_)) {
            self.get_mut(port).into_iter().for_each(|port| port.handle_open(out));
        }
    }

    /// Handles a port that could not be opened or was closed.
    pub(crate) fn handle_close(
        &mut self,
        now: Instant,
        port: Port,
        peer: Peer,
        reason: &Closed,
        out: &mut Outbox,
    ) {
        if !matches!(peer, Peer::Connection(_)) {
            self.get_mut(port).into_iter().for_each(|port| port.handle_close(now, reason, out));
        }
    }

    /// Reopens the ports that are due.
    pub(crate) fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) {
        self.ports.iter_mut().for_each(|port| port.handle_timeout(now, out));
    }

    /// When the next port has to be reopened.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.ports.iter().filter_map(ReconnectingPort::retry_at).min()
    }

    /// The status of the ports.
    pub(crate) fn status(&self) -> Status {
        let mut status = Status::default();
        self.ports.iter().for_each(|port| port.add_status(&mut status));
        status
    }

    fn get_mut(&mut self, port: Port) -> Option<&mut ReconnectingPort> {
        self.ports.iter_mut().find(|kept| kept.port() == port)
    }
}

/// The destination hosts. Hosts given by name are looked up, each through a port of its own.
#[derive(Clone, Debug)]
pub(crate) struct Hosts {
    first_lookup: u16,
    /// The hosts and their addresses; `None` while the address of a name is unknown.
    hosts: Vec<(Endpoint, Option<SocketAddr>)>,
}

impl Hosts {
    /// The hosts. The first is looked up through the port `first_lookup`, the second through the next one, and so on.
    pub(crate) fn new(hosts: &[Endpoint], first_lookup: Port) -> Self {
        let hosts = hosts.iter().map(|host| (host.clone(), host.address())).collect();
        Self { first_lookup: first_lookup.0, hosts }
    }

    /// Adds the look-ups of all names to the ports of the session.
    pub(crate) fn add_lookups(&self, ports: &mut ReconnectingPorts) {
        for (number, (host, _)) in (self.first_lookup..).zip(&self.hosts) {
            if host.address().is_none() {
                ports.add(Port(number), PortSpec::Lookup(host.clone()));
            }
        }
    }

    /// Handles an opened port. Returns whether it was the look-up of one of the hosts.
    pub(crate) fn handle_open(&mut self, port: Port, peer: Peer) -> bool {
        let (Some(at), Peer::Address(found)) = (port.0.checked_sub(self.first_lookup), peer) else {
            return false;
        };
        let host = self.hosts.get_mut(usize::from(at));
        host.map(|(_, address)| *address = Some(found)).is_some()
    }

    /// Sends a message to every host whose address is known, or to `group` if there are no hosts.
    pub(crate) fn send(&self, port: Port, group: SocketAddr, out: &mut Outbox, write: impl Fn(&mut Vec<u8>)) {
        if self.hosts.is_empty() {
            return out.send(port, Peer::Address(group), write);
        }
        self.addresses().for_each(|host| out.send(port, Peer::Address(host), &write));
    }

    /// The known addresses.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.hosts.iter().filter_map(|(_, address)| *address)
    }
}

#[cfg(test)]
mod tests {
    use crosspatch_core::{Effect, SessionId};

    use super::*;

    #[test]
    fn hosts_with_names_are_looked_up_and_the_others_are_known() {
        let mut ports = ReconnectingPorts::new("desk", "desk-port");
        let hosts = ["10.0.0.1:80", "desk.local:80", "10.0.0.3:80"].map(endpoint);
        let mut hosts = Hosts::new(&hosts, Port(7));
        hosts.add_lookups(&mut ports);
        let mut out = Outbox::of_session(SessionId(0));
        ports.open_all(&mut out);
        let effects = out.effects();
        assert!(matches!(effects, [Effect::Open(_, Port(8), _)]), "{effects:?}");
        assert_eq!(hosts.addresses().count(), 2);
        let found = Peer::Address("10.0.0.2:80".parse().expect("an address"));
        assert!(!hosts.handle_open(Port(6), found) && !hosts.handle_open(Port(10), found));
        assert!(!hosts.handle_open(Port(8), Peer::Only) && hosts.handle_open(Port(8), found));
        let last: Vec<_> = hosts.addresses().map(|address| address.to_string()).collect();
        assert_eq!(last, ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"]);
    }

    #[test]
    fn a_port_that_is_replaced_is_not_open() {
        let (mut ports, mut out) =
            (ReconnectingPorts::new("desk", "desk-port"), Outbox::of_session(SessionId(0)));
        ports.add(Port(0), PortSpec::Machine);
        ports.handle_open(Port(0), Peer::Connection(1), &mut out);
        assert!(!ports.is_open(Port(0)), "a client of a server is not its port");
        ports.handle_open(Port(0), Peer::Only, &mut out);
        assert!(ports.is_open(Port(0)) && !ports.is_open(Port(1)));
        ports.replace(Port(0), PortSpec::Machine, &mut out);
        assert!(!ports.is_open(Port(0)));
        ports.handle_open(Port(0), Peer::Only, &mut out);
        ports.handle_close(Instant::START, Port(0), Peer::Only, &Closed::ByPeer, &mut out);
        assert!(!ports.is_open(Port(0)) && ports.next_timeout().is_some());
    }

    fn endpoint(text: &str) -> Endpoint {
        let (host, port) = text.split_once(':').expect("a host and a port");
        let Ok(host) = host.parse();
        Endpoint { host, port: port.parse().expect("a port") }
    }
}
