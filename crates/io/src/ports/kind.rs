//! The interface of every kind of port: an [`Opener`] opens it, and a [`PortKind`] is its socket.

use std::any::Any;
use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;

use crosspatch_core::{Closed, Duration, Endpoint, Engine, Instant, Limits, Peer};
use mio::{Registry, Token};

use super::Ports;
use super::reports::{PortReport, ReportKind};
use crate::lookup::LookupHelpers;
use crate::port_owner::Transport;
use crate::runner::{Owner, Runner};
use crate::sequencer::Claims;
use crate::udp::SharedSockets;

/// How long the look-up of a name may take where no connection sets the time.
const LOOK_UP: Duration = Duration::from_secs(30);

/// How a port of one kind is opened.
pub(super) trait Opener {
    /// The address that has to be resolved first. A name is resolved by a helper thread.
    fn address(&self) -> Option<&Endpoint> {
        None
    }

    /// How long opening may take.
    fn timeout(&self) -> Duration {
        LOOK_UP
    }

    /// The port number that it occupies. If another program has it, that program is determined.
    fn takes(&self) -> Option<(Transport, u16)> {
        None
    }

    /// Opens the port, or starts to: passes a [`PortKind`] to [`Ports::opened`] or [`Ports::put`].
    ///
    /// # Errors
    ///
    /// The reason why the port could not be opened.
    fn open(&self, opening: &Opening<'_>, ports: &mut Ports) -> Result<(), Closed>;
}

/// A port that is being opened.
pub(super) struct Opening<'a> {
    pub(super) token: Token,
    pub(super) owner: Owner,
    /// The addresses of the host; none for every address of this machine.
    pub(super) addresses: Option<&'a [IpAddr]>,
    /// When it has to be open.
    pub(super) deadline: Instant,
    pub(super) now: Instant,
}

impl Opening<'_> {
    /// The first address at which it works, or why the last one does not.
    pub(super) fn first_of<T>(&self, bind: impl Fn(Option<IpAddr>) -> io::Result<T>) -> io::Result<T> {
        let mut result = Err(io::ErrorKind::AddrNotAvailable.into());
        for ip in self.each() {
            result = bind(ip);
            if result.is_ok() {
                break;
            }
        }
        result
    }

    /// The addresses to bind to, one after the other.
    pub(super) fn each(&self) -> impl Iterator<Item = Option<IpAddr>> {
        let any = self.addresses.is_none().then_some(None);
        any.into_iter().chain(self.addresses.into_iter().flatten().copied().map(Some))
    }
}

/// A socket of a port, or a future one.
///
/// [`Ports`] handles readiness, turns, deadlines and reports. A kind reads and writes, in small steps, because the
/// reaction of a session to one step may concern the same port.
pub(super) trait PortKind: Any {
    /// Has the loop woken for this socket.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    fn register(&mut self, context: &mut Context<'_>) -> io::Result<()>;

    /// Gives everything back, right before the socket is dropped. That the system may refuse does not matter by then.
    fn deregister(&mut self, tools: &mut Tools, token: Token) -> io::Result<()>;

    /// Whether it reads for its session: only after the session has been notified that the port is open, and not while
    /// it is busy. Sockets that read for themselves, such as a connection being established, have a step whenever they
    /// are ready.
    fn is_for_session(&self) -> bool {
        true
    }

    /// Whether a turn of a session that it reads for has been interrupted.
    fn is_busy(&self, owner: Owner, engine: &Engine) -> bool {
        self.is_for_session() && engine.is_busy(owner.session)
    }

    /// How the port is read in its turn: in steps, unless it has its own reader.
    fn reader(&self) -> ReadShare {
        Ports::read_steps
    }

    /// Its turn to read begins.
    fn begin_turn(&mut self) {}

    /// Reads one message or some bytes, or does the next thing that there is to do.
    fn step(&mut self, chunk: &mut [u8], runner: &mut Runner<'_>, context: &mut Context<'_>) -> Step;

    /// It may have room again.
    fn handle_writable(&mut self, _context: &mut Context<'_>) {}

    /// Its deadline has come.
    fn handle_deadline(&mut self, context: &mut Context<'_>) {
        context.serve_again();
    }

    /// Sends a message, or keeps it until there is room.
    fn send(&mut self, _message: &[u8], _context: &mut Context<'_>) -> Admission {
        Admission::Done
    }

    /// How many bytes wait for room.
    fn unsent(&mut self) -> usize {
        0
    }

    /// A session has been notified that its port is open.
    fn handle_opened(&mut self, _owner: Owner) {}

    /// The session is about to be notified that the port is full.
    fn handle_full(&mut self) {}

    /// Releases the socket of a session. If other sessions use it, returns the one that owns it from now on.
    fn leave(&mut self, _owner: Owner) -> Option<Owner> {
        None
    }

    /// Begins to close in good order.
    fn close(&mut self) {}

    /// Goes on closing. Returns whether that is done.
    fn is_over(&mut self) -> bool {
        true
    }

    /// How long closing may take.
    fn longest_end(&self) -> Option<Duration> {
        None
    }
}

/// Reads a socket for its share of the time.
pub(super) type ReadShare = fn(&mut Ports, Token, &mut Runner<'_>);

/// The result of one step of reading.
pub(super) enum Step {
    /// There is nothing more at the moment.
    Nothing,
    /// There is more, but it is the turn of others.
    Later,
    /// This many bytes have been handled, and there may be more.
    More(usize),
    /// The port with this token has received bytes.
    Received(Token, Vec<u8>),
    /// The port with this token is open.
    Opened(Token),
    /// The port with this token has closed.
    Gone(Token, Closed),
    /// A server has a new connection.
    Accepted(Box<dyn PortKind>, IpAddr, Limits),
    /// It continues as another kind of socket.
    Become(Box<dyn PortKind>, OpeningStage),
}

/// The stage of a socket when it becomes another kind.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum OpeningStage {
    /// It is being opened.
    Opening,
    /// It is open.
    Open,
    /// It never opens, and is closed in good order.
    Closing,
}

/// Whether a message was accepted.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It was sent or waits. If that is new to the session, there is a report.
    Done,
    /// Too much is waiting in all connections of the server together.
    Crowded,
}

/// The parts of the loop that all kinds of ports use.
pub(super) struct Tools {
    pub(super) registry: Registry,
    pub(super) helpers: LookupHelpers,
    pub(super) claims: Claims,
    pub(super) shared: SharedSockets,
    pub(super) reports: VecDeque<PortReport>,
}

/// What a socket can access during a call.
pub(super) struct Context<'p> {
    pub(super) now: Instant,
    pub(super) token: Token,
    pub(super) owner: Owner,
    pub(super) peer: Peer,
    /// The socket of the port: this one, or the listener that accepted it.
    pub(super) main: Token,
    pub(super) tools: &'p mut Tools,
    pub(super) deadline: Option<Option<Instant>>,
    pub(super) failure: Option<Closed>,
    pub(super) is_to_serve: bool,
}

impl Context<'_> {
    /// Reports something to the session.
    pub(super) fn report(&mut self, what: ReportKind) {
        let Self { owner, peer, main, token, .. } = *self;
        self.tools.reports.push_back(PortReport { owner, peer, main, token, what });
    }

    /// Requests a call of [`PortKind::handle_deadline`] at that time, replacing an earlier request.
    pub(super) fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.deadline = Some(deadline);
    }

    /// The port or connection has closed, or could not be opened.
    pub(super) fn fail(&mut self, reason: Closed) {
        self.failure = Some(reason);
    }

    /// Wants another turn.
    pub(super) fn serve_again(&mut self) {
        self.is_to_serve = true;
    }
}
