//! How ports come to be: names are looked up, sockets are bound, connections are made and upgraded.

use std::io;
use std::net::IpAddr;

use crosspatch_core::{Closed, Duration, Endpoint, Host, Instant, Notice, Peer, PortSpec, Udp};
use mio::{Interest, Token};
use tungstenite::protocol::Role;

use super::{AcceptedFrom, BOTH, Ports, Report, Socket, State, Waiting, What, bound, outgoing};
use crate::bounds::Bounds;
use crate::closed;
use crate::connection::Connection;
use crate::listener::{Accepted, Listener, PAUSE};
use crate::lookup::{Answer, Question};
use crate::show::{Owner, Show};
use crate::system;
use crate::tcp::Connecting;
use crate::udp::UdpPort;
use crate::upgrade::{Progress, Side, Upgrade};

/// How long the look-up of a name may take where no connection sets the time.
const LOOK_UP: Duration = Duration::from_secs(30);

/// How long it may take to find out who has a port.
const ASK_AROUND: Duration = Duration::from_secs(1);

/// How long a client of ours may take to ask for a WebSocket.
const UPGRADE: Duration = Duration::from_secs(5);

/// So much of what a client sends instead is handed on.
const SHOWN: usize = 512;

/// How many connections are accepted before others have their turn.
const ACCEPT_AT_ONCE: usize = 64;

impl Ports {
    /// Opens a port, or begins to.
    pub(super) fn open(&mut self, owner: Owner, spec: Box<PortSpec>, now: Instant) {
        let token = self.next_token();
        self.table.entry(owner).or_default().main = Some(token);
        if *spec == PortSpec::Machine {
            let what = What::Answer(system::machine());
            return self.reports.push_back(Report { owner, peer: Peer::Only, main: token, token, what });
        }
        let deadline = now + outgoing(&spec).map_or(LOOK_UP, |connect| connect.timeout);
        let state = State::Waiting(spec, Waiting::Addresses);
        self.sockets.insert(token, Socket::new(owner, Peer::Only, token, state));
        self.set_deadline(token, Some(deadline));
        match self.endpoint(token).map(|endpoint| endpoint.host.clone()) {
            Some(Host::Any) => self.open_at(token, None, now),
            Some(Host::Address(ip)) => self.open_at(token, Some(&[ip]), now),
            Some(Host::Name(name)) if !self.helpers.ask(Question::Name(name.clone()), token) => {
                self.fail(token, Closed::Exhausted);
            }
            Some(Host::Name(_)) => {}
            None => self.open_device(token, owner),
        }
    }

    pub(super) fn handle_answer(&mut self, token: Token, answer: Answer, now: Instant) {
        match answer {
            Answer::Addresses(found) if found.is_empty() => self.fail(token, Closed::NameNotFound),
            Answer::Addresses(found) => self.open_at(token, Some(&found), now),
            Answer::Occupant(program) => self.fail(token, Closed::InUse(program)),
        }
    }

    fn endpoint(&self, token: Token) -> Option<&Endpoint> {
        let State::Waiting(spec, _) = &self.sockets.get(&token)?.state else { return None };
        Some(match &**spec {
            PortSpec::Udp(udp) => &udp.bind,
            PortSpec::TcpConnect(connect) => &connect.to,
            PortSpec::WebSocketConnect(socket) => &socket.connect.to,
            PortSpec::TcpListen(listen) | PortSpec::WebSocketListen(listen) => &listen.at,
            PortSpec::Lookup(endpoint) => endpoint,
            PortSpec::Machine | PortSpec::Midi(_) | PortSpec::MidiLink(_) | PortSpec::Jack(_) => return None,
        })
    }

    /// Opens what waits for its addresses; without any, on every address of this machine.
    fn open_at(&mut self, token: Token, addresses: Option<&[IpAddr]>, now: Instant) {
        let Some(socket) = self.sockets.get_mut(&token) else { return };
        let State::Waiting(spec, _) = &socket.state else { return };
        let spec = spec.clone();
        let (owner, deadline) = (socket.owner, socket.deadline);
        let each = || match addresses {
            Some(addresses) => addresses.iter().copied().map(Some).collect(),
            None => vec![None],
        };
        let opened = match &*spec {
            PortSpec::Machine => return,
            PortSpec::Lookup(endpoint) => {
                let ip = addresses.and_then(|addresses| addresses.first().copied());
                if let Some(address) = ip.map_or(endpoint.address(), |ip| Some((ip, endpoint.port).into())) {
                    socket.peer = Peer::Address(address);
                    self.report(token, What::Open);
                }
                self.remove(token);
                return;
            }
            PortSpec::TcpConnect(connect) => {
                return self.connect(token, connect.to.port, addresses, deadline, now);
            }
            PortSpec::WebSocketConnect(socket) => {
                return self.connect(token, socket.connect.to.port, addresses, deadline, now);
            }
            PortSpec::Midi(_) | PortSpec::MidiLink(_) | PortSpec::Jack(_) => return,
            PortSpec::Udp(udp) => {
                if let Some(shared) = each().into_iter().find_map(|ip| self.shared_socket(udp, ip)) {
                    return self.share(token, shared, udp);
                }
                first_of(each(), |ip| UdpPort::bind(udp, ip, owner)).map(State::Udp)
            }
            PortSpec::TcpListen(listen) => {
                first_of(each(), |ip| Listener::bind(ip, listen, false)).map(State::Listening)
            }
            PortSpec::WebSocketListen(listen) => {
                first_of(each(), |ip| Listener::bind(ip, listen, true)).map(State::Listening)
            }
        };
        let mut opened = opened.and_then(|state| self.watch(token, state));
        if let (Ok(()), PortSpec::Udp(udp)) = (&opened, &*spec) {
            opened = self.join_groups(token, owner, udp);
        }
        match opened {
            Ok(()) => {
                self.set_deadline(token, None);
                self.report(token, What::Open);
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                self.ask_for_occupant(token, &spec, now)
            }
            Err(error) => self.fail(token, closed::reason(&error)),
        }
    }

    /// The socket of another session that has this address and shares it.
    fn shared_socket(&self, spec: &Udp, ip: Option<IpAddr>) -> Option<Token> {
        self.table.values().filter_map(|entry| entry.main).find(|token| match self.sockets.get(token) {
            Some(Socket { state: State::Udp(udp), .. }) => udp.has_room_for(spec, ip),
            Some(_) | None => false,
        })
    }

    /// Gives a session that waits for its port a share in a socket that is open.
    fn share(&mut self, token: Token, shared: Token, spec: &Udp) {
        let Some(Socket { owner, .. }) = self.sockets.get(&token) else { return };
        let owner = *owner;
        if let Err(error) = self.join_groups(shared, owner, spec) {
            return self.fail(token, closed::reason(&error));
        }
        let Some(Socket { state: State::Udp(udp), .. }) = self.sockets.get_mut(&shared) else { return };
        udp.move_in(owner, spec.selection);
        self.remove(token);
        self.table.entry(owner).or_default().main = Some(shared);
        // A port that is opened again may find itself where it has been before.
        self.reports.retain(|report| (report.owner, report.main) != (owner, shared));
        let (peer, what) = (Peer::Only, What::Open);
        self.reports.push_back(Report { owner, peer, main: shared, token: shared, what });
    }

    /// Somebody has our port. Finding out who takes too long for the loop.
    fn ask_for_occupant(&mut self, token: Token, spec: &PortSpec, now: Instant) {
        let Some((transport, port)) = bound(spec) else { return };
        if let Some(socket) = self.sockets.get_mut(&token)
            && let State::Waiting(_, waiting) = &mut socket.state
        {
            *waiting = Waiting::Occupant;
        }
        self.set_deadline(token, Some(now + ASK_AROUND));
        if !self.helpers.ask(Question::Occupant(transport, port), token) {
            self.fail(token, Closed::InUse(None));
        }
    }

    /// Puts a socket in its place and watches it.
    fn watch(&mut self, token: Token, mut state: State) -> io::Result<()> {
        match &mut state {
            State::Udp(udp) => udp.watch(&self.registry, token)?,
            State::Listening(listener) => {
                self.registry.register(listener.source(), token, Interest::READABLE)?;
            }
            State::Waiting(..)
            | State::Connecting(..)
            | State::Upgrading(_)
            | State::Connected(_)
            | State::Lingering(_)
            | State::Sequencer(_)
            | State::Link(..)
            | State::Jack(_)
            | State::Leaving(_) => {}
        }
        if let Some(socket) = self.sockets.get_mut(&token) {
            socket.state = state;
        }
        Ok(())
    }

    fn connect(
        &mut self,
        token: Token,
        port: u16,
        addresses: Option<&[IpAddr]>,
        deadline: Option<Instant>,
        now: Instant,
    ) {
        let Some(socket) = self.sockets.get_mut(&token) else { return };
        // Every address of this machine is, seen from it, itself.
        let own = [std::net::Ipv6Addr::LOCALHOST.into(), std::net::Ipv4Addr::LOCALHOST.into()];
        let connecting = Connecting::new(addresses.unwrap_or(&own), port, deadline.unwrap_or(now));
        let State::Waiting(spec, _) = &socket.state else { return };
        socket.state = State::Connecting(connecting, spec.clone());
        self.connect_next(token, now);
    }

    /// Tries the next address of a host.
    pub(super) fn connect_next(&mut self, token: Token, now: Instant) {
        loop {
            let Some(Socket { state: State::Connecting(connecting, _), .. }) = self.sockets.get_mut(&token)
            else {
                return;
            };
            if let Some(mut last) = connecting.stream.take() {
                // It is closed right after.
                let _: io::Result<()> = self.registry.deregister(&mut last);
            }
            match connecting.next(now) {
                Ok(until) => {
                    let registered = match &mut connecting.stream {
                        Some(stream) => self.registry.register(stream, token, BOTH),
                        None => Ok(()),
                    };
                    match registered {
                        Ok(()) => return self.set_deadline(token, Some(until)),
                        Err(error) => connecting.failed(closed::reason(&error)),
                    }
                }
                Err(reason) => return self.fail(token, reason),
            }
        }
    }

    /// A connection that is being made has changed.
    pub(super) fn go_on_connecting(&mut self, token: Token, now: Instant) {
        let Some(socket) = self.sockets.get_mut(&token) else { return };
        let State::Connecting(connecting, spec) = &mut socket.state else { return };
        let stream = match connecting.take_if_connected() {
            Ok(None) => return,
            Ok(Some(stream)) => stream,
            Err(error) => {
                connecting.failed(closed::reason(&error));
                return self.connect_next(token, now);
            }
        };
        let deadline = connecting.deadline;
        match &**spec {
            PortSpec::WebSocketConnect(wanted) => {
                match Upgrade::ask(stream, &wanted.connect.to, &wanted.path) {
                    Ok(upgrade) => {
                        socket.state = State::Upgrading(upgrade);
                        self.set_deadline(token, Some(deadline));
                        self.queue(token, true, false);
                    }
                    Err(reason) => self.fail(token, reason),
                }
            }
            PortSpec::TcpConnect(_)
            | PortSpec::Udp(_)
            | PortSpec::TcpListen(_)
            | PortSpec::WebSocketListen(_)
            | PortSpec::Lookup(_)
            | PortSpec::Machine
            | PortSpec::Midi(_)
            | PortSpec::MidiLink(_)
            | PortSpec::Jack(_) => {
                socket.state = State::Connected(Connection::plain(stream, Bounds::outgoing()));
                self.set_deadline(token, None);
                self.report(token, What::Open);
            }
        }
    }

    /// An upgrade goes on.
    pub(super) fn go_on_upgrading(&mut self, token: Token, now: Instant) {
        let Some(socket) = self.sockets.get_mut(&token) else { return };
        let State::Upgrading(upgrade) = &mut socket.state else { return };
        let side = upgrade.side();
        match (upgrade.advance(&mut self.chunk), side) {
            (Progress::Waiting, _) => {}
            (Progress::Refused(reason), Side::Client) => self.fail(token, reason),
            (Progress::Refused(_), Side::Server) => {
                self.report_stranger(token);
                self.let_go(token, now);
            }
            (Progress::Done(rest), side) => {
                let role = match side {
                    Side::Client => Role::Client,
                    Side::Server => Role::Server,
                };
                let Some(mut socket) = self.sockets.remove(&token) else { return };
                let bounds =
                    self.listener_of(&socket).map_or_else(Bounds::outgoing, |server| server.bounds.clone());
                if let State::Upgrading(upgrade) = socket.state {
                    let connection = Connection::web_socket(upgrade.stream, role, rest, bounds);
                    socket.state = State::Connected(connection);
                }
                let next_ping = self.ping_of(&socket).map(|ping| now + ping);
                self.sockets.insert(token, socket);
                self.set_deadline(token, next_ping);
                self.report(token, What::Open);
            }
        }
    }

    /// A client does not ask for a WebSocket: what it has sent says what it takes us for.
    pub(super) fn report_stranger(&mut self, token: Token) {
        let Some(Socket { state: State::Upgrading(upgrade), .. }) = self.sockets.get(&token) else { return };
        if upgrade.side() == Side::Server && !upgrade.head().is_empty() {
            let head = &upgrade.head()[..upgrade.head().len().min(SHOWN)];
            let head = head.to_vec();
            self.report(token, What::Stranger(head));
        }
    }

    /// How often the server that accepted a connection wants it pinged.
    pub(super) fn ping_of(&self, connection: &Socket) -> Option<Duration> {
        self.listener_of(connection)?.ping
    }

    /// The server that accepted a connection.
    fn listener_of(&self, connection: &Socket) -> Option<&Listener> {
        match &self.sockets.get(&connection.main)?.state {
            State::Listening(listener) => Some(listener),
            State::Waiting(..)
            | State::Udp(_)
            | State::Connecting(..)
            | State::Upgrading(_)
            | State::Connected(_)
            | State::Lingering(_)
            | State::Sequencer(_)
            | State::Link(..)
            | State::Jack(_)
            | State::Leaving(_) => None,
        }
    }

    /// A client that does not speak WebSocket has been told so; it is given the time to read that.
    fn let_go(&mut self, token: Token, now: Instant) {
        let Some(mut socket) = self.sockets.remove(&token) else { return };
        if let (Peer::Connection(number), Some(entry)) = (socket.peer, self.table.get_mut(&socket.owner)) {
            entry.connections.remove(&number);
        }
        if let State::Upgrading(upgrade) = socket.state {
            // Nothing more is written to it.
            socket.state = State::Connected(Connection::plain(upgrade.stream, Bounds::outgoing()));
        }
        self.sockets.insert(token, socket);
        self.close_socket(token, now);
    }

    /// Accepts who is waiting.
    pub(super) fn accept(&mut self, token: Token, show: &mut Show<'_>) {
        for _ in 0..ACCEPT_AT_ONCE {
            let Some(socket) = self.sockets.get_mut(&token) else { return };
            let owner = socket.owner;
            let State::Listening(listener) = &mut socket.state else { return };
            let (mut stream, address) = match listener.accept() {
                Accepted::Stream(stream, address) => (stream, address),
                Accepted::Gone => continue,
                Accepted::Nobody => return,
                Accepted::Exhausted(error) => {
                    let text = format!("cannot accept a connection: {}", closed::words(&error));
                    show.notice(Some(owner), Notice::warning("cannot-accept", text));
                    return self.set_deadline(token, Some(show.now + PAUSE));
                }
            };
            let entry = self.table.entry(owner).or_default();
            let (all, most) = (entry.connections.len(), listener.limits.connections);
            let own = entry.connections.values().filter(|accepted| accepted.address == address).count();
            let refused = if all >= most as usize {
                Some(format!("more than {most} connections; further ones are closed"))
            } else if own >= listener.limits.per_address as usize {
                let most = listener.limits.per_address;
                Some(format!("more than {most} connections from {address}; further ones are closed"))
            } else {
                None
            };
            if let Some(text) = refused {
                show.notice(Some(owner), Notice::warning("too-many-connections", text));
                continue;
            }
            let (wants_upgrade, bounds) = (listener.wants_upgrade, listener.bounds.clone());
            let origins = listener.origins.clone();
            let number = entry.accepted;
            let accepted = self.next_token();
            if self.registry.register(&mut stream, accepted, BOTH).is_err() {
                continue;
            }
            if let Some(entry) = self.table.get_mut(&owner) {
                entry.accepted += 1;
                entry.connections.insert(number, AcceptedFrom { token: accepted, address });
            }
            let state = if wants_upgrade {
                State::Upgrading(Upgrade::expect(stream, origins))
            } else {
                State::Connected(Connection::plain(stream, bounds))
            };
            self.sockets.insert(accepted, Socket::new(owner, Peer::Connection(number), token, state));
            if wants_upgrade {
                self.set_deadline(accepted, Some(show.now + UPGRADE));
            } else {
                self.report(accepted, What::Open);
            }
        }
        self.queue(token, true, false);
    }
}

/// The first of several addresses that works, or why the last one does not.
fn first_of<T>(
    addresses: Vec<Option<IpAddr>>,
    bind: impl Fn(Option<IpAddr>) -> io::Result<T>,
) -> io::Result<T> {
    let mut result = Err(io::ErrorKind::AddrNotAvailable.into());
    for ip in addresses {
        result = bind(ip);
        if result.is_ok() {
            break;
        }
    }
    result
}
