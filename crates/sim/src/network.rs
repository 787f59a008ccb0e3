//! Virtual links: joins the ports of sessions in the same world.
//!
//! UDP sockets and servers open automatically. A connection to an endpoint where another session of this world listens
//! is joined to it; any other waits for the test, or for the time-out that its session requested. A datagram to the
//! address of another session's socket arrives there, and at every other session that shares the address. It also
//! arrives at all sockets that are open on every address of the machine, except at its own sender: that would be
//! another machine with the same port. Broadcast also reaches the sender; multicast reaches all members of the group.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crosspatch_core::{
    Closed, Connect, Duration, Effect, Endpoint, Host, Instant, Outbox, Peer, Port, PortSpec, SessionId,
};

/// The behaviour of the links.
#[derive(Copy, Clone, Debug, Default, PartialEq)]
pub struct Link {
    /// How long everything takes.
    pub delay: Duration,
    /// The maximum additional delay. Datagrams overtake each other, streams stay in order.
    pub jitter: Duration,
    /// How many of a hundred datagrams are lost. Streams lose nothing.
    pub loss_percent: u8,
    /// If not 0, TCP streams arrive in pieces of at most this many bytes.
    pub piece: usize,
}

/// The identity of the only machine of a world.
const THIS_MACHINE: [u8; 16] = *b"a simulated one!";

/// The network of a world.
#[derive(Debug)]
pub struct Network {
    link: Link,
    random: u64,
    ports: Vec<OpenPort>,
    waiting: Vec<(SessionId, Port, u64)>,
    connections: Vec<VirtualConnection>,
    connections_made: u32,
    silent: Vec<Endpoint>,
    refusing: Vec<Endpoint>,
    denies_ports: bool,
    arrivals: BTreeMap<(Instant, u64), Arrival>,
    sent: u64,
}

#[derive(Debug)]
struct OpenPort {
    session: SessionId,
    port: Port,
    at: Endpoint,
    kind: VirtualPortKind,
    groups: Vec<IpAddr>,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum VirtualPortKind {
    Datagram,
    Stream,
    Message,
}

#[derive(Clone, Debug)]
struct VirtualConnection {
    client: (SessionId, Port),
    server: (SessionId, Port),
    number: u32,
    kind: VirtualPortKind,
    is_cut: bool,
    last_arrival: Instant,
}

#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) session: SessionId,
    pub(crate) port: Port,
    pub(crate) what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    /// A socket or server of the session is open.
    Ready,
    Open(Peer),
    Close(Peer, Closed),
    Data(Peer, Vec<u8>),
}

impl Default for Network {
    fn default() -> Self {
        Self {
            link: Link::default(),
            random: 0x9e37_79b9_7f4a_7c15,
            ports: Vec::new(),
            waiting: Vec::new(),
            connections: Vec::new(),
            connections_made: 0,
            silent: Vec::new(),
            refusing: Vec::new(),
            denies_ports: false,
            arrivals: BTreeMap::new(),
            sent: 0,
        }
    }
}

impl Network {
    /// Sets the behaviour of all links from here on.
    pub fn set_link(&mut self, link: Link) {
        self.link = link;
    }

    /// Seeds jitter and loss.
    pub fn seed(&mut self, seed: u64) {
        self.random = seed | 1;
    }

    /// From here on there is no answer at `endpoint`: existing connections are cut, and new ones time out.
    pub fn silence(&mut self, endpoint: &str) {
        let endpoint = read_endpoint(endpoint);
        self.cut_where(|port| leads_to(&endpoint, port));
        self.silent.push(endpoint);
    }

    /// Connections to `endpoint` are refused from here on, and those that are up are reset.
    pub fn refuse(&mut self, now: Instant, endpoint: &str) {
        let endpoint = read_endpoint(endpoint);
        let servers: Vec<_> =
            self.ports.iter().filter(|port| leads_to(&endpoint, port)).map(|p| (p.session, p.port)).collect();
        self.reset_where(now, |connection| servers.contains(&connection.server));
        self.refusing.push(endpoint);
    }

    /// The endpoint works again.
    pub fn restore(&mut self, endpoint: &str) {
        let endpoint = read_endpoint(endpoint);
        self.silent.retain(|other| *other != endpoint);
        self.refusing.retain(|other| *other != endpoint);
    }

    /// From here on, the session's sockets, servers and devices do not open automatically: the test decides.
    pub fn deny_ports(&mut self) {
        self.denies_ports = true;
    }

    /// Cuts every connection that is up: no more data passes, and neither end is notified.
    pub fn cut(&mut self) {
        self.cut_where(|_| true);
    }

    /// Resets every connection that is up: both ends are notified.
    pub fn reset(&mut self, now: Instant) {
        self.reset_where(now, |_| true);
    }

    fn cut_where(&mut self, server: impl Fn(&OpenPort) -> bool) {
        for connection in &mut self.connections {
            let at = self.ports.iter().find(|port| (port.session, port.port) == connection.server);
            connection.is_cut |= at.is_none_or(&server);
        }
    }

    fn reset_where(&mut self, now: Instant, which: impl Fn(&VirtualConnection) -> bool) {
        let (gone, left) = std::mem::take(&mut self.connections).into_iter().partition::<Vec<_>, _>(which);
        self.connections = left;
        for connection in gone {
            self.end(now, connection.client, Peer::Only, Closed::Reset);
            self.end(now, connection.server, Peer::Connection(connection.number), Closed::Reset);
        }
    }

    /// A test has answered in place of the peer of this connection.
    pub(crate) fn answered(&mut self, session: SessionId, port: Port) {
        self.stop_waiting(session, port);
    }

    pub(crate) fn next_arrival(&self) -> Option<Instant> {
        self.arrivals.keys().next().map(|(time, _)| *time)
    }

    pub(crate) fn take_arrival(&mut self) -> Option<Arrival> {
        let ((_, order), arrival) = self.arrivals.pop_first()?;
        self.waiting.retain(|(.., waiting)| *waiting != order);
        Some(arrival)
    }

    pub(crate) fn handle_effect(&mut self, now: Instant, effect: &Effect, out: &Outbox) {
        match effect {
            Effect::Open(session, port, spec) => {
                self.close_port(now, *session, *port);
                self.open(now, *session, *port, spec);
            }
            Effect::Close(session, port, Peer::Connection(number)) => {
                self.close_where(now, (*session, *port), |connection| connection.number == *number);
            }
            Effect::Close(session, port, Peer::Only | Peer::Address(_)) => {
                self.close_port(now, *session, *port)
            }
            Effect::Send(session, port, peer, range) => {
                self.send(now, *session, *port, *peer, out.bytes(range))
            }
            Effect::Retire(session) => {
                let ports: Vec<_> =
                    self.ports.iter().filter(|p| p.session == *session).map(|p| p.port).collect();
                let clients = self.connections.iter().filter(|c| c.client.0 == *session).map(|c| c.client.1);
                let clients: Vec<_> = clients.chain(self.waiting_ports(*session)).collect();
                for port in ports.into_iter().chain(clients) {
                    self.close_port(now, *session, port);
                }
            }
            Effect::Notice(..) | Effect::Value(..) => {}
        }
    }

    fn open(&mut self, now: Instant, session: SessionId, port: Port, spec: &PortSpec) {
        match spec {
            PortSpec::Udp(udp) => {
                let groups = udp.joins.iter().map(|join| join.group).collect();
                self.listen(now, session, port, &udp.bind, VirtualPortKind::Datagram, groups);
            }
            PortSpec::TcpListen(listen) => {
                self.listen(now, session, port, &listen.at, VirtualPortKind::Stream, Vec::new());
            }
            PortSpec::WebSocketListen(listen) => {
                self.listen(now, session, port, &listen.at, VirtualPortKind::Message, Vec::new());
            }
            PortSpec::TcpConnect(connect) => {
                self.connect(now, session, port, connect, VirtualPortKind::Stream)
            }
            PortSpec::WebSocketConnect(socket) => {
                self.connect(now, session, port, &socket.connect, VirtualPortKind::Message)
            }
            PortSpec::Machine => {
                self.schedule(now, session, port, What::Data(Peer::Only, THIS_MACHINE.to_vec()));
            }
            PortSpec::Midi(_) if !self.denies_ports => {
                self.schedule(now, session, port, What::Ready);
            }
            // The test connects and disconnects devices and servers.
            PortSpec::Midi(_) | PortSpec::Lookup(_) | PortSpec::MidiLink(_) | PortSpec::Jack(_) => {}
        }
    }

    fn listen(
        &mut self,
        now: Instant,
        session: SessionId,
        port: Port,
        at: &Endpoint,
        kind: VirtualPortKind,
        groups: Vec<IpAddr>,
    ) {
        if !self.denies_ports {
            self.ports.push(OpenPort { session, port, at: at.clone(), kind, groups });
            self.schedule(now, session, port, What::Ready);
        }
    }

    fn connect(
        &mut self,
        now: Instant,
        session: SessionId,
        port: Port,
        connect: &Connect,
        kind: VirtualPortKind,
    ) {
        if self.refusing.contains(&connect.to) {
            let time = self.crossing(now);
            self.schedule(time, session, port, What::Close(Peer::Only, Closed::Refused));
            return;
        }
        let server = self.ports.iter().find(|open| open.kind == kind && leads_to(&connect.to, open));
        match server.map(|open| (open.session, open.port)) {
            Some(server) if !self.silent.contains(&connect.to) => {
                self.connections_made += 1;
                let number = self.connections_made;
                let time = self.crossing(now);
                self.schedule(time, server.0, server.1, What::Open(Peer::Connection(number)));
                self.schedule(time, session, port, What::Open(Peer::Only));
                let client = (session, port);
                self.connections.push(VirtualConnection {
                    client,
                    server,
                    number,
                    kind,
                    is_cut: false,
                    last_arrival: time,
                });
            }
            Some(_) | None => {
                let timeout = What::Close(Peer::Only, Closed::TimedOut);
                let order = self.schedule(now + connect.timeout, session, port, timeout);
                self.waiting.push((session, port, order));
            }
        }
    }

    fn send(&mut self, now: Instant, session: SessionId, port: Port, peer: Peer, bytes: &[u8]) {
        match peer {
            Peer::Address(to) => self.send_datagram(now, session, port, to, bytes),
            Peer::Only => self.send_stream(
                now,
                |c| c.client == (session, port),
                |c| (c.server, Peer::Connection(c.number)),
                bytes,
            ),
            Peer::Connection(number) => {
                let is_ours = |c: &VirtualConnection| c.server == (session, port) && c.number == number;
                self.send_stream(now, is_ours, |c| (c.client, Peer::Only), bytes);
            }
        }
    }

    fn send_datagram(&mut self, now: Instant, session: SessionId, port: Port, to: SocketAddr, bytes: &[u8]) {
        let Some(own) = self.ports.iter().find(|open| (open.session, open.port) == (session, port)) else {
            return;
        };
        let ip = match own.at.host {
            Host::Address(ip) if !ip.is_unspecified() => ip,
            Host::Address(_) | Host::Any | Host::Name(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        let from = Peer::Address(SocketAddr::new(ip, own.at.port));
        let is_for_all = is_for_all(to.ip());
        let to = Endpoint::from(to);
        let is_target = |open: &&OpenPort| {
            open.kind == VirtualPortKind::Datagram
                && leads_to(&to, open)
                && (is_for_all || open.at != own.at || to == own.at)
        };
        let targets: Vec<_> =
            self.ports.iter().filter(is_target).map(|open| (open.session, open.port)).collect();
        for (target, target_port) in targets {
            if self.random_below(100) >= u64::from(self.link.loss_percent) {
                let time = self.crossing(now);
                self.schedule(time, target, target_port, What::Data(from, bytes.to_vec()));
            }
        }
    }

    fn send_stream(
        &mut self,
        now: Instant,
        which: impl Fn(&VirtualConnection) -> bool,
        far_end: impl Fn(&VirtualConnection) -> ((SessionId, Port), Peer),
        bytes: &[u8],
    ) {
        let crossing = self.crossing(now);
        let piece = self.link.piece;
        let Some(connection) = self.connections.iter_mut().find(|connection| which(connection)) else {
            return;
        };
        if connection.is_cut {
            return;
        }
        let time = crossing.max(connection.last_arrival);
        connection.last_arrival = time;
        let ((session, port), peer) = far_end(connection);
        let pieces =
            if connection.kind == VirtualPortKind::Stream && piece > 0 { piece } else { bytes.len().max(1) };
        if bytes.is_empty() {
            self.schedule(time, session, port, What::Data(peer, Vec::new()));
        }
        for piece in bytes.chunks(pieces) {
            self.schedule(time, session, port, What::Data(peer, piece.to_vec()));
        }
    }

    fn close_port(&mut self, now: Instant, session: SessionId, port: Port) {
        self.stop_waiting(session, port);
        self.ports.retain(|open| (open.session, open.port) != (session, port));
        self.close_where(now, (session, port), |_| true);
        // Data in flight to a closed port does not arrive at the next port of that number.
        self.arrivals.retain(|_, arrival| (arrival.session, arrival.port) != (session, port));
    }

    /// Closes connections of a port and notifies their other ends.
    fn close_where(
        &mut self,
        now: Instant,
        by: (SessionId, Port),
        which: impl Fn(&VirtualConnection) -> bool,
    ) {
        let is_closed = |c: &VirtualConnection| (c.client == by || c.server == by) && which(c);
        let (gone, left) =
            std::mem::take(&mut self.connections).into_iter().partition::<Vec<_>, _>(is_closed);
        self.connections = left;
        for connection in gone.into_iter().filter(|connection| !connection.is_cut) {
            let time = self.crossing(now).max(connection.last_arrival);
            if connection.client == by {
                self.end(time, connection.server, Peer::Connection(connection.number), Closed::ByPeer);
            } else {
                self.end(time, connection.client, Peer::Only, Closed::ByPeer);
            }
        }
    }

    fn end(&mut self, time: Instant, (session, port): (SessionId, Port), peer: Peer, reason: Closed) {
        self.schedule(time, session, port, What::Close(peer, reason));
    }

    fn waiting_ports(&self, session: SessionId) -> impl Iterator<Item = Port> {
        self.waiting.iter().filter(move |(waiting, ..)| *waiting == session).map(|(_, port, _)| *port)
    }

    fn stop_waiting(&mut self, session: SessionId, port: Port) {
        self.waiting.retain(|&(waiting, at, order)| {
            let is_it = (waiting, at) == (session, port);
            if is_it {
                self.arrivals.retain(|&(_, number), _| number != order);
            }
            !is_it
        });
    }

    fn schedule(&mut self, time: Instant, session: SessionId, port: Port, what: What) -> u64 {
        self.sent += 1;
        self.arrivals.insert((time, self.sent), Arrival { session, port, what });
        self.sent
    }

    fn crossing(&mut self, now: Instant) -> Instant {
        let jitter = self.link.jitter.as_micros() as u64;
        let extra = if jitter == 0 { 0 } else { self.random_below(jitter) };
        now + self.link.delay + Duration::from_micros(extra)
    }

    fn random_below(&mut self, bound: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) % bound
    }
}

/// Whether a datagram to this address is for everybody.
fn is_for_all(ip: IpAddr) -> bool {
    ip.is_multicast() || matches!(ip, IpAddr::V4(v4) if v4.octets()[3] == 255)
}

/// Whether data sent to `to` reaches the port at `open`.
fn leads_to(to: &Endpoint, open: &OpenPort) -> bool {
    let is_here = match (&open.at.host, &to.host) {
        (_, Host::Address(group)) if group.is_multicast() => open.groups.contains(group),
        (Host::Any, _) => true,
        (Host::Address(ip), _) if ip.is_unspecified() => true,
        (host, to) => host == to,
    };
    is_here && open.at.port == to.port
}

fn read_endpoint(text: &str) -> Endpoint {
    let (host, port) = text.rsplit_once(':').unwrap_or((text, ""));
    let Ok(host) = host.parse::<Host>();
    Endpoint { host, port: port.parse().unwrap_or_else(|_| panic!("`{text}` is not `host:port`")) }
}
