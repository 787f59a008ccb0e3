//! All open ports: carries out what sessions want, and reports what becomes of it.
//!
//! A socket has a token that is never used again, and every report carries the token of the port that it is about: what a
//! replaced port still has to say never reaches its successor. Sockets are watched by edge, and each is read for a share of
//! the time (`share`), so that a flood on one port leaves the others their turn.

mod closing;
mod devices;
mod groups;
mod jack;
mod opening;
mod reading;
mod sending;
mod share;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;

use crosspatch_core::{Closed, Connect, Duration, Effect, Instant, Interface, Notice, Peer, PortSpec};
use mio::event::Event;
use mio::{Interest, Registry, Token};
use rustc_hash::FxHashMap;

use crate::batch::{Datagram, Inbox, Outbound};
use crate::clock::Clock;
use crate::connection::Connection;
use crate::jack::JackClient;
use crate::listener::Listener;
use crate::lookup::Helpers;
use crate::occupant::Transport;
use crate::sequencer::{Claims, Sequencer};
use crate::show::{Owner, Show};
use crate::tcp::Connecting;
use crate::udp::UdpPort;
use crate::upgrade::Upgrade;
use groups::Groups;
use share::{QUANTUM, Queue, ROUND};

/// The token by which handles and helpers wake the loop.
pub(crate) const WAKER: Token = Token(0);

/// The token by which changes of interfaces wake the loop.
const NETWORK: Token = Token(1);

/// How long a closed connection may take to send what waits.
const LINGER: Duration = Duration::from_millis(300);

/// How many closed connections may take that time. Without a bound, peers that come and go would take all descriptors.
const MOST_LINGERING: usize = 256;

/// Of each message that comes in, this much is read at once.
const CHUNK: usize = 64 * 1024;

/// So many datagrams are sent at the latest.
const MOST_SENDS: usize = 256;

const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

/// The ports of all sessions.
pub(crate) struct Ports {
    clock: Clock,
    registry: Registry,
    helpers: Helpers,
    table: BTreeMap<Owner, Entry>,
    groups: Groups,
    sockets: FxHashMap<Token, Socket>,
    /// How many of them are `Lingering`.
    lingering: usize,
    last_token: usize,
    ready: Queue,
    deadlines: BTreeSet<(Instant, Token)>,
    reports: VecDeque<Report>,
    /// Datagrams to be sent, by socket; their bytes are in the outbox of the show.
    sends: Vec<Datagram>,
    sends_on: Token,
    /// Where those of them that are for groups leave.
    sends_through: Option<Interface>,
    inbox: Option<Box<Inbox>>,
    outbound: Outbound,
    chunk: Box<[u8]>,
    claims: Claims,
}

/// A port, as its session knows it.
#[derive(Default)]
struct Entry {
    /// Its socket, which may be that of other ports as well, or the last one if that is to be reported as gone.
    main: Option<Token>,
    /// Where what it sends to multicast groups leaves.
    outgoing: Option<Interface>,
    /// The sockets of its multicast groups.
    groups: Vec<Token>,
    connections: BTreeMap<u32, AcceptedFrom>,
    /// How many connections there ever were, so that no number comes twice.
    accepted: u32,
}

/// A connection that a server has accepted, and who has made it.
#[derive(Copy, Clone)]
struct AcceptedFrom {
    token: Token,
    address: IpAddr,
}

/// A socket, or what will be one.
struct Socket {
    owner: Owner,
    peer: Peer,
    /// The socket of the port: this one, or the listener that accepted it.
    main: Token,
    state: State,
    deadline: Option<Instant>,
    is_readable: bool,
    is_writable: bool,
    is_queued: bool,
    /// How much longer than its share it was served.
    debt: Duration,
    /// Whether its session knows that it is open; until then nothing is read.
    is_announced: bool,
}

enum State {
    /// For the answer of a helper.
    Waiting(Box<PortSpec>, Waiting),
    Udp(UdpPort),
    Connecting(Connecting, Box<PortSpec>),
    Upgrading(Upgrade),
    Connected(Connection),
    Listening(Listener),
    /// Closed by its session, with something left to send.
    Lingering(Connection),
    /// A port of our own beside the devices.
    Sequencer(Box<Sequencer>),
    /// A link of the port with the first token, wanted or joined; the second is its own.
    Link(Token, Token),
    /// A client of a JACK server.
    Jack(Box<JackClient>),
    /// One that is not wanted any more and takes its time.
    Leaving(Box<JackClient>),
}

/// What is waited for.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Waiting {
    Addresses,
    Occupant,
}

/// Something that a session is to be told.
struct Report {
    owner: Owner,
    peer: Peer,
    /// The socket of the port that it is about.
    main: Token,
    /// The socket itself.
    token: Token,
    what: What,
}

enum What {
    Open,
    Close(Closed),
    Full,
    Writable,
    /// What a question has brought, with which the port is done.
    Answer(Vec<u8>),
    /// What a client has sent that did not ask for a WebSocket, and never becomes one.
    Stranger(Vec<u8>),
}

impl Ports {
    pub(crate) fn new(registry: Registry, helpers: Helpers, clock: Clock) -> Self {
        Self {
            clock,
            registry,
            helpers,
            table: BTreeMap::new(),
            groups: Groups::default(),
            sockets: FxHashMap::default(),
            lingering: 0,
            last_token: NETWORK.0,
            ready: Queue::default(),
            deadlines: BTreeSet::new(),
            reports: VecDeque::new(),
            sends: Vec::new(),
            sends_on: WAKER,
            sends_through: None,
            inbox: Some(Box::new(Inbox::new())),
            outbound: Outbound::default(),
            chunk: vec![0; CHUNK].into(),
            claims: Claims::default(),
        }
    }

    /// Carries out what the last turns have caused, datagrams included.
    pub(crate) fn apply(&mut self, show: &mut Show<'_>) {
        self.take_effects(show);
        while !self.sends.is_empty() {
            self.send_datagrams(show);
            self.take_effects(show);
        }
        show.clear();
    }

    /// Something happened on a socket, or the loop was woken.
    pub(crate) fn wake(&mut self, event: &Event) {
        if event.token() == NETWORK {
            return self.groups.handle_change();
        }
        let readable = event.is_readable() || event.is_read_closed() || event.is_error();
        let writable = event.is_writable() || event.is_error() || event.is_write_closed();
        self.queue(event.token(), readable, writable);
    }

    /// Deals with what is due, for about a [`ROUND`].
    pub(crate) fn work(&mut self, show: &mut Show<'_>) {
        let end = self.clock.now() + ROUND;
        for (token, answer) in self.helpers.answers() {
            self.handle_answer(token, answer, show.now);
        }
        for _ in 0..self.reports.len() {
            let Some(report) = self.reports.pop_front() else { break };
            self.deliver(report, show);
            self.apply(show);
            show.now = self.clock.now();
            if show.now >= end {
                break;
            }
        }
        for _ in 0..self.ready.fresh.len() {
            let Some(token) = self.ready.fresh.pop_front() else { break };
            self.serve_in_turn(token, show);
            if show.now >= end {
                break;
            }
        }
        // One of them at least, however many others there are.
        for _ in 0..self.ready.greedy.len() {
            let Some(token) = self.ready.greedy.pop_front() else { break };
            self.serve_in_turn(token, show);
            if show.now >= end {
                break;
            }
        }
        while let Some(&(due, token)) = self.deadlines.first()
            && due <= show.now
        {
            self.deadlines.pop_first();
            self.handle_deadline(token, show.now);
        }
        self.renew_groups(show);
        show.check_recorder();
        self.apply(show);
    }

    /// When there is something to do even if nothing happens.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        if !self.reports.is_empty() || !self.ready.is_empty() {
            return Some(Instant::START);
        }
        self.deadlines.first().map(|(due, _)| *due).into_iter().chain(self.groups.renew_at()).min()
    }

    /// Whether nothing is open and nothing is left to be sent.
    pub(crate) fn is_idle(&self) -> bool {
        self.sockets.is_empty()
    }

    fn take_effects(&mut self, show: &mut Show<'_>) {
        while let Some(effect) = show.next_effect() {
            match effect {
                Effect::Send(session, port, peer, bytes) => {
                    self.send(show, Owner { session, port }, peer, bytes);
                }
                Effect::Open(session, port, spec) => {
                    self.send_datagrams(show);
                    let owner = Owner { session, port };
                    self.close_port(owner, show.now);
                    self.open(owner, spec, show.now);
                }
                Effect::Close(session, port, Peer::Connection(number)) => {
                    let entry = self.table.get_mut(&Owner { session, port });
                    if let Some(accepted) = entry.and_then(|entry| entry.connections.remove(&number)) {
                        self.close_socket(accepted.token, show.now);
                    }
                }
                Effect::Close(session, port, Peer::Only | Peer::Address(_)) => {
                    self.send_datagrams(show);
                    self.close_port(Owner { session, port }, show.now);
                }
                Effect::Retire(session) => {
                    self.send_datagrams(show);
                    self.retire(session, show.now);
                }
                Effect::Notice(..) | Effect::Value(..) => {}
            }
        }
    }

    /// Tells a session, unless the port that it is about is not the session's any more.
    fn deliver(&mut self, report: Report, show: &mut Show<'_>) {
        let Report { owner, peer, main, token, what } = report;
        let Some(entry) = self.table.get_mut(&owner) else { return };
        if entry.main != Some(main) {
            return;
        }
        let is_open = match peer {
            Peer::Only | Peer::Address(_) => true,
            Peer::Connection(number) => entry.connections.contains_key(&number),
        };
        match what {
            What::Open if is_open => {
                if let Some(socket) = self.sockets.get_mut(&token) {
                    socket.is_announced = true;
                    if let State::Udp(udp) = &mut socket.state {
                        udp.announced(owner);
                    }
                    // What came in the meantime was left where it was.
                    self.queue(token, true, false);
                }
                self.announce_groups(owner);
                show.opened(owner, peer);
            }
            What::Close(reason) => {
                match peer {
                    Peer::Only | Peer::Address(_) => entry.main = None,
                    Peer::Connection(number) if entry.connections.remove(&number).is_none() => return,
                    Peer::Connection(number) if matches!(reason, Closed::NotReading | Closed::TooLong) => {
                        let text = format!("client {number} is cut off: {reason}");
                        show.notice(Some(owner), Notice::warning("cut-off", text));
                    }
                    Peer::Connection(_) => {}
                }
                show.closed(owner, peer, reason);
            }
            What::Full => match self.sockets.get_mut(&token).map(|socket| &mut socket.state) {
                Some(State::Connected(connection)) => {
                    connection.has_told_full();
                    show.full(owner, peer);
                }
                Some(State::Sequencer(_) | State::Jack(_)) => show.full(owner, peer),
                Some(_) | None => {}
            },
            What::Answer(answer) => {
                entry.main = None;
                show.received(owner, peer, &answer);
            }
            What::Stranger(head) => show.received(owner, peer, &head),
            What::Writable if self.sockets.contains_key(&token) => show.writable(owner, peer),
            What::Open | What::Writable => {}
        }
    }

    fn handle_deadline(&mut self, token: Token, now: Instant) {
        let Some(socket) = self.sockets.get_mut(&token) else { return };
        socket.deadline = None;
        match &mut socket.state {
            State::Waiting(_, Waiting::Addresses) => {
                self.helpers.forget(token);
                self.fail(token, Closed::TimedOut);
            }
            State::Waiting(_, Waiting::Occupant) => {
                self.helpers.forget(token);
                self.fail(token, Closed::InUse(None));
            }
            State::Connecting(connecting, _) => {
                connecting.failed(Closed::TimedOut);
                self.connect_next(token, now);
            }
            State::Upgrading(_) => {
                self.report_stranger(token);
                self.fail(token, Closed::TimedOut);
            }
            State::Lingering(_) => self.remove(token),
            State::Listening(_) => self.queue(token, true, false),
            State::Connected(connection) => {
                connection.ping();
                let socket = &self.sockets[&token];
                self.set_deadline(token, self.ping_of(socket).map(|ping| now + ping));
            }
            State::Sequencer(_) => self.retry_sequencer(token),
            State::Jack(_) => self.queue(token, true, true),
            State::Udp(udp) => {
                udp.losses().handle_timeout();
                self.queue(token, true, false);
            }
            State::Link(..) | State::Leaving(_) => {}
        }
    }

    fn next_token(&mut self) -> Token {
        self.last_token += 1;
        Token(self.last_token)
    }

    fn queue(&mut self, token: Token, readable: bool, writable: bool) {
        let Some(socket) = self.sockets.get_mut(&token) else { return };
        socket.is_readable |= readable;
        socket.is_writable |= writable;
        if !std::mem::replace(&mut socket.is_queued, true) {
            self.ready.fresh.push_back(token);
        }
    }

    /// A socket has more to read than fits its share.
    fn queue_greedy(&mut self, token: Token) {
        let Some(socket) = self.sockets.get_mut(&token) else { return };
        socket.is_readable = true;
        if !std::mem::replace(&mut socket.is_queued, true) {
            self.ready.greedy.push_back(token);
        }
    }

    /// Serves a socket, unless it has been served for longer than others.
    fn serve_in_turn(&mut self, token: Token, show: &mut Show<'_>) {
        let Some(socket) = self.sockets.get_mut(&token) else { return };
        socket.is_queued = false;
        if socket.debt >= QUANTUM {
            socket.debt -= QUANTUM;
            return self.queue_greedy(token);
        }
        let begin = show.now;
        self.serve(token, show);
        self.apply(show);
        show.now = self.clock.now();
        if let Some(socket) = self.sockets.get_mut(&token) {
            let spent = show.now.since(begin);
            socket.debt =
                if socket.is_queued { (socket.debt + spent).saturating_sub(QUANTUM) } else { Duration::ZERO };
        }
    }

    fn set_deadline(&mut self, token: Token, deadline: Option<Instant>) {
        let Some(socket) = self.sockets.get_mut(&token) else { return };
        if let Some(old) = std::mem::replace(&mut socket.deadline, deadline) {
            self.deadlines.remove(&(old, token));
        }
        if let Some(deadline) = deadline {
            self.deadlines.insert((deadline, token));
        }
    }

    fn report(&mut self, token: Token, what: What) {
        let Some(socket) = self.sockets.get(&token) else { return };
        let (owner, peer, main) = (socket.owner, socket.peer, socket.main);
        self.reports.push_back(Report { owner, peer, main, token, what });
    }
}

impl Socket {
    fn new(owner: Owner, peer: Peer, main: Token, state: State) -> Self {
        Self {
            owner,
            peer,
            main,
            state,
            deadline: None,
            is_readable: false,
            is_writable: false,
            is_queued: false,
            debt: Duration::ZERO,
            is_announced: false,
        }
    }
}

/// The outgoing connection that a specification describes.
fn outgoing(spec: &PortSpec) -> Option<&Connect> {
    match spec {
        PortSpec::TcpConnect(connect) => Some(connect),
        PortSpec::WebSocketConnect(socket) => Some(&socket.connect),
        PortSpec::Udp(_)
        | PortSpec::TcpListen(_)
        | PortSpec::WebSocketListen(_)
        | PortSpec::Lookup(_)
        | PortSpec::Machine
        | PortSpec::Midi(_)
        | PortSpec::MidiLink(_)
        | PortSpec::Jack(_) => None,
    }
}

/// What a specification binds on this machine.
fn bound(spec: &PortSpec) -> Option<(Transport, u16)> {
    match spec {
        PortSpec::Udp(udp) => Some((Transport::Udp, udp.bind.port)),
        PortSpec::TcpListen(listen) | PortSpec::WebSocketListen(listen) => {
            Some((Transport::Tcp, listen.at.port))
        }
        PortSpec::TcpConnect(_)
        | PortSpec::WebSocketConnect(_)
        | PortSpec::Lookup(_)
        | PortSpec::Machine
        | PortSpec::Midi(_)
        | PortSpec::MidiLink(_)
        | PortSpec::Jack(_) => None,
    }
}
