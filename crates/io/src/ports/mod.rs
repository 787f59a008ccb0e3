//! All open ports: performs the effects of sessions, and reports the results.
//!
//! A socket has a token that is never used again, and every report carries the token of its port: late reports of a
//! replaced port never reach its successor. Sockets are watched edge-triggered, and each is read for a share of the
//! time (`share`), so that a flood on one port does not block the others.

mod closing;
mod kind;
mod kinds;
mod opening;
mod reports;
mod sending;
mod serving;
mod share;

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;

use crosspatch_core::{Duration, Effect, Instant, Interface, Peer};
use mio::event::Event;
use mio::{Interest, Registry, Token};
use rustc_hash::FxHashMap;

use crate::clock::Clock;
use crate::lookup::LookupHelpers;
use crate::runner::{Owner, Runner};
use crate::sequencer::Claims;
use crate::udp::SharedSockets;
use kind::{Context, PortKind, Tools};
use kinds::{Datagrams, Groups};
use share::{QUANTUM, ROUND, ReadyQueue};

/// The token by which handles and helpers wake the loop.
pub(crate) const WAKER: Token = Token(0);

/// The token by which changes of interfaces wake the loop.
const NETWORK: Token = Token(1);

/// How many sockets may take their time to close. Without a bound, peers that come and go would take all descriptors.
const MOST_CLOSING: usize = 256;

/// The maximum number of bytes read at once.
const CHUNK: usize = 64 * 1024;

const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

/// The ports of all sessions.
pub(crate) struct Ports {
    clock: Clock,
    tools: Tools,
    table: BTreeMap<Owner, PortEntry>,
    sockets: Sockets,
    /// How many of them take their time to close.
    closing: usize,
    last_token: usize,
    ready: ReadyQueue,
    deadlines: BTreeSet<(Instant, Token)>,
    groups: Groups,
    datagrams: Datagrams,
    chunk: Box<[u8]>,
}

type Sockets = FxHashMap<Token, Socket>;

/// A port by its session and number.
#[derive(Default)]
struct PortEntry {
    /// Its socket, which other ports may share, or the last one if its end has to be reported.
    main: Option<Token>,
    /// The token with which it was opened last. Where it shares a socket, that is not the token of `main`.
    opening: Option<Token>,
    /// The interface for datagrams to multicast groups.
    outgoing: Option<Interface>,
    /// The sockets of its multicast groups.
    groups: Vec<Token>,
    connections: BTreeMap<u32, AcceptedFrom>,
    /// The total number of connections so far, so that no number is used twice.
    accepted: u32,
}

/// A connection that a server has accepted, and who has made it.
#[derive(Copy, Clone)]
struct AcceptedFrom {
    token: Token,
    address: IpAddr,
}

/// A socket or a future one, and its turn.
struct Socket {
    owner: Owner,
    peer: Peer,
    /// The socket of the port: this one, or the listener that accepted it.
    main: Token,
    kind: Box<dyn PortKind>,
    deadline: Option<Instant>,
    is_readable: bool,
    is_writable: bool,
    is_queued: bool,
    /// How much longer than its share it was served.
    debt: Duration,
    /// Whether its session has been notified that it is open; until then nothing is read for the session.
    is_announced: bool,
    /// Whether its session has closed it, and something is left to send.
    is_closing: bool,
}

impl Ports {
    pub(crate) fn new(registry: Registry, helpers: LookupHelpers, clock: Clock) -> Self {
        Self {
            clock,
            tools: Tools {
                registry,
                helpers,
                claims: Claims::default(),
                shared: SharedSockets::default(),
                reports: VecDeque::new(),
            },
            table: BTreeMap::new(),
            sockets: FxHashMap::default(),
            closing: 0,
            last_token: NETWORK.0,
            ready: ReadyQueue::default(),
            deadlines: BTreeSet::new(),
            groups: Groups::default(),
            datagrams: Datagrams::new(),
            chunk: vec![0; CHUNK].into(),
        }
    }

    /// Performs the effects of the last turns, including datagrams.
    pub(crate) fn apply(&mut self, runner: &mut Runner<'_>) {
        self.take_effects(runner);
        while self.datagrams.are_waiting() {
            self.send_datagrams(runner);
            self.take_effects(runner);
        }
        runner.clear();
    }

    /// Something happened on a socket, or to the interfaces.
    pub(crate) fn wake(&mut self, event: &Event) {
        if event.token() == NETWORK {
            return self.groups.handle_change();
        }
        let readable = event.is_readable() || event.is_read_closed() || event.is_error();
        let writable = event.is_writable() || event.is_error() || event.is_write_closed();
        self.queue(event.token(), readable, writable);
    }

    /// Takes up the results of lookups.
    pub(crate) fn take_answers(&mut self, runner: &mut Runner<'_>) {
        for (token, answer) in self.tools.helpers.answers() {
            self.handle_answer(token, answer, runner.now);
        }
    }

    /// Handles all due work, for about a [`ROUND`].
    pub(crate) fn work(&mut self, runner: &mut Runner<'_>) {
        let end = runner.now + ROUND;
        for _ in 0..self.tools.reports.len() {
            let Some(report) = self.tools.reports.pop_front() else { break };
            self.deliver(report, runner);
            self.apply(runner);
            runner.now = self.clock.now();
            if runner.now >= end {
                break;
            }
        }
        for _ in 0..self.ready.fresh.len() {
            let Some(token) = self.ready.fresh.pop_front() else { break };
            self.serve_in_turn(token, runner);
            if runner.now >= end {
                break;
            }
        }
        // One of them at least, however many others there are.
        for _ in 0..self.ready.greedy.len() {
            let Some(token) = self.ready.greedy.pop_front() else { break };
            self.serve_in_turn(token, runner);
            if runner.now >= end {
                break;
            }
        }
        while let Some(&(due, token)) = self.deadlines.first()
            && due <= runner.now
        {
            self.deadlines.pop_first();
            self.handle_deadline(token, runner.now);
        }
        self.renew_groups(runner);
        runner.check_recorder();
        self.apply(runner);
    }

    /// When there is something to do even if nothing happens.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        if !self.tools.reports.is_empty() || !self.ready.is_empty() {
            return Some(Instant::START);
        }
        self.deadlines.first().map(|(due, _)| *due).into_iter().chain(self.groups.renew_at()).min()
    }

    /// Whether nothing is open and nothing is left to be sent.
    pub(crate) fn is_idle(&self) -> bool {
        self.sockets.is_empty()
    }

    fn take_effects(&mut self, runner: &mut Runner<'_>) {
        while let Some(effect) = runner.next_effect() {
            match effect {
                Effect::Send(session, port, peer, bytes) => {
                    self.send(runner, Owner { session, port }, peer, bytes);
                }
                Effect::Open(session, port, spec) => {
                    self.send_datagrams(runner);
                    let owner = Owner { session, port };
                    self.close_port(owner, runner.now);
                    self.open(owner, spec, runner.now);
                }
                Effect::Close(session, port, Peer::Connection(number)) => {
                    let entry = self.table.get_mut(&Owner { session, port });
                    if let Some(accepted) = entry.and_then(|entry| entry.connections.remove(&number)) {
                        self.close_socket(accepted.token, runner.now);
                    }
                }
                Effect::Close(session, port, Peer::Only | Peer::Address(_)) => {
                    self.send_datagrams(runner);
                    self.close_port(Owner { session, port }, runner.now);
                }
                Effect::Retire(session) => {
                    self.send_datagrams(runner);
                    self.retire(session, runner.now);
                }
                Effect::Notice(..) | Effect::Value(..) => {}
            }
        }
    }

    fn handle_deadline(&mut self, token: Token, now: Instant) {
        let Some(socket) = self.sockets.get_mut(&token) else { return };
        socket.deadline = None;
        if socket.is_closing {
            return self.remove(token);
        }
        self.with(token, now, |kind, context| kind.handle_deadline(context));
    }

    /// Calls a socket, and carries out its result.
    fn with<R>(
        &mut self,
        token: Token,
        now: Instant,
        act: impl FnOnce(&mut dyn PortKind, &mut Context<'_>) -> R,
    ) -> Option<R> {
        let Socket { kind, owner, peer, main, .. } = self.sockets.get_mut(&token)?;
        let mut context = Context {
            now,
            token,
            owner: *owner,
            peer: *peer,
            main: *main,
            tools: &mut self.tools,
            deadline: None,
            failure: None,
            is_to_serve: false,
        };
        let result = act(&mut **kind, &mut context);
        let Context { deadline, failure, is_to_serve, .. } = context;
        if let Some(deadline) = deadline {
            self.set_deadline(token, deadline);
        }
        if is_to_serve {
            self.queue(token, true, true);
        }
        if let Some(reason) = failure {
            self.fail(token, reason);
        }
        Some(result)
    }

    /// The socket with this token, if it is of that kind.
    fn kind_mut<K: PortKind>(&mut self, token: Token) -> Option<&mut K> {
        kind_in(&mut self.sockets, token)
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
    fn serve_in_turn(&mut self, token: Token, runner: &mut Runner<'_>) {
        let Some(socket) = self.sockets.get_mut(&token) else { return };
        socket.is_queued = false;
        if socket.debt >= QUANTUM {
            socket.debt -= QUANTUM;
            return self.queue_greedy(token);
        }
        let begin = runner.now;
        self.serve(token, runner);
        self.apply(runner);
        runner.now = self.clock.now();
        if let Some(socket) = self.sockets.get_mut(&token) {
            let spent = runner.now.since(begin);
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
}

impl Socket {
    fn new(owner: Owner, peer: Peer, main: Token, kind: Box<dyn PortKind>) -> Self {
        Self {
            owner,
            peer,
            main,
            kind,
            deadline: None,
            is_readable: false,
            is_writable: false,
            is_queued: false,
            debt: Duration::ZERO,
            is_announced: false,
            is_closing: false,
        }
    }
}

/// The socket with this token, if it is of that kind.
fn kind_in<K: PortKind>(sockets: &mut Sockets, token: Token) -> Option<&mut K> {
    let kind: &mut dyn Any = &mut *sockets.get_mut(&token)?.kind;
    kind.downcast_mut()
}
