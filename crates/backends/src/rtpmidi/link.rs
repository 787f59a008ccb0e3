//! One peer: the state of the session with it, and its outgoing and incoming streams.

use std::net::SocketAddr;

use crosspatch_core::{Backoff, Condition, Duration, Endpoint, Instant, NextTry, Outbox, Peer, Port};

use super::clock::ClockSync;
use super::options::Config;
use super::receiver::PacketReceiver;
use super::sender::{PacketSender, ticks};
use super::wire::{SessionCommand, SessionExchange, Timing};

/// The socket on which sessions are negotiated.
pub(crate) const CONTROL: Port = Port(0);
/// The socket for MIDI, the clock, and the second half of a negotiation.
pub(crate) const DATA: Port = Port(1);

/// The interval between repeated invitations, and their number before a pause.
const REPEAT: Duration = Duration::from_secs(1);
const MAX_INVITATIONS: u32 = 12;

/// The pauses between rounds of invitations.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A peer that invites on the control port must invite on the data port within this time.
const HALF: Duration = Duration::from_secs(12);

/// How long after a packet the peer is expected to send something: receiver feedback, or the answer to the clock message that
/// is sent then.
const DOUBT: Duration = Duration::from_secs(1);
/// The pause before a peer that has lost its session is invited again.
const RESUME: Duration = Duration::from_millis(250);
/// The silence after which a session that the peer initiated ends.
const SILENCE: Duration = Duration::from_secs(60);

/// The delay before received packets are confirmed.
const FEEDBACK: Duration = Duration::from_millis(50);

/// A peer.
pub(crate) struct PeerLink {
    /// From the options or from mDNS. `None` if the peer has invited us.
    pub(crate) endpoint: Option<Endpoint>,
    /// Whether the peer is only known from mDNS.
    pub(crate) is_found: bool,
    /// The peer's addresses for control and data, as far as they are known. Without a session, they are equal.
    pub(crate) control: Option<SocketAddr>,
    pub(crate) data: Option<SocketAddr>,
    /// The peer's source identifiers on the two ports. Some peers have one for each.
    pub(crate) sources: [Option<u32>; 2],
    /// The name that the peer sent.
    pub(crate) name: String,
    pub(crate) state: LinkState,
    pub(crate) receiver: PacketReceiver,
    /// When the peer last sent a packet, or joined.
    pub(crate) heard_at: Instant,
    /// Whether the peer has sent a packet since it joined.
    pub(crate) is_proven: bool,
    ssrc: u32,
    token: u32,
    /// Counts the rounds of invitations.
    round: u32,
    pub(crate) backoff: Backoff,
    pub(crate) condition: Condition,
    feedback_at: Option<Instant>,
}

/// The state of the session with a peer.
#[derive(Debug)]
pub(crate) enum LinkState {
    /// The address is unknown, or our sockets are not open.
    Idle,
    /// The next round of invitations begins at this time.
    Pausing(Instant),
    /// We have invited the peer on this port, this many times, and repeat the invitation at this time.
    Inviting(Port, u32, Instant),
    /// The peer has invited us on the control port, and must invite us on the data port before this time.
    Invited(Instant),
    /// MIDI flows.
    Up(Box<Up>),
}

/// An established session, or a peer that needs none.
#[derive(Debug)]
pub(crate) struct Up {
    pub(crate) sender: PacketSender,
    /// When the peer last sent a packet.
    heard_at: Instant,
    clock: Option<ClockSync>,
    is_session: bool,
}

impl Up {
    /// When the next clock message is due, if we started the session.
    fn clock_due_at(&self) -> Option<Instant> {
        let doubt_at = self.sender.unanswered_since().map(|since| since + DOUBT);
        self.clock.as_ref().map(|clock| clock.due_at(doubt_at))
    }
}

/// Why a session ended or did not begin.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum LinkOutcome {
    /// The peer did not answer a round of invitations.
    NoAnswer,
    /// The peer stopped answering.
    Silent,
    /// The peer began to negotiate a session and did not finish.
    Halfway,
    /// The peer answers and does not know the session, as after a restart.
    Forgotten,
}

impl PeerLink {
    /// A peer of the options, or one that has invited us.
    pub(crate) fn new(config: &Config, endpoint: Option<Endpoint>) -> Self {
        Self {
            backoff: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE, (&config.name, &endpoint)),
            endpoint,
            is_found: false,
            control: None,
            data: None,
            sources: [None; 2],
            name: String::new(),
            state: LinkState::Idle,
            receiver: PacketReceiver::default(),
            heard_at: Instant::START,
            is_proven: false,
            ssrc: 0,
            token: 0,
            round: 0,
            condition: Condition::Starting,
            feedback_at: None,
        }
    }

    /// The peer's name in notices.
    pub(crate) fn title(&self) -> String {
        title(self.endpoint.as_ref(), self.control.or(self.data), &self.name)
    }

    /// The outgoing stream, while MIDI flows.
    pub(crate) fn sender(&mut self) -> Option<&mut PacketSender> {
        match &mut self.state {
            LinkState::Up(up) => Some(&mut up.sender),
            LinkState::Idle | LinkState::Pausing(_) | LinkState::Inviting(..) | LinkState::Invited(_) => None,
        }
    }

    /// Whether MIDI flows.
    pub(crate) fn is_up(&self) -> bool {
        matches!(self.state, LinkState::Up(_))
    }

    /// Begins a round of invitations, with a source and a token that no earlier round had.
    pub(crate) fn invite(&mut self, now: Instant, config: &Config, out: &mut Outbox) {
        self.round += 1;
        self.sources = [None; 2];
        self.ssrc = config.ssrc.unwrap_or_else(|| config.number(("source", &self.endpoint, self.round)));
        self.token = config.number(("token", &self.endpoint, self.round, now));
        self.state = LinkState::Inviting(CONTROL, 0, now);
        self.repeat(now, config, out);
    }

    /// Sends the invitation that is due.
    fn repeat(&mut self, now: Instant, config: &Config, out: &mut Outbox) {
        let LinkState::Inviting(port, count, at) = &mut self.state else { return };
        (*count, *at) = (*count + 1, now + REPEAT);
        let port = *port;
        let to = if port == CONTROL { self.control } else { self.data };
        let invitation = SessionCommand::Invite(self.session(Some(config.name.clone())));
        if let Some(to) = to {
            out.send(port, Peer::Address(to), |bytes| invitation.encode(bytes));
        }
    }

    fn session(&self, name: Option<String>) -> SessionExchange {
        SessionExchange { token: self.token, ssrc: self.ssrc, name }
    }

    /// Handles an invitation on one of the ports. Returns whether it establishes the session.
    pub(crate) fn handle_invitation(
        &mut self,
        now: Instant,
        port: Port,
        from: SocketAddr,
        session: &SessionExchange,
        config: &Config,
        out: &mut Outbox,
    ) -> bool {
        let is_known = self.is_up() && self.token == session.token && self.is_source(session.ssrc);
        // While we are inviting the peer too, our source identifier stays.
        let is_inviting = matches!(self.state, LinkState::Inviting(..));
        let seeds = ("source", session.ssrc, session.token);
        let ssrc = match config.ssrc {
            None if is_known || is_inviting => self.ssrc,
            None => config.number(seeds),
            Some(ssrc) => ssrc,
        };
        let answer = SessionExchange { token: session.token, ssrc, name: Some(config.name.clone()) };
        out.send(port, Peer::Address(from), |bytes| SessionCommand::Accept(answer).encode(bytes));
        if is_known {
            return false;
        }
        self.name = session.name.clone().unwrap_or_default();
        if port == CONTROL {
            self.control = Some(from);
            self.sources = [Some(session.ssrc), None];
            if !is_inviting {
                (self.ssrc, self.token) = (ssrc, session.token);
                self.state = LinkState::Invited(now + HALF);
            }
            return false;
        }
        (self.ssrc, self.token) = (ssrc, session.token);
        self.data = Some(from);
        self.sources[1] = Some(session.ssrc);
        // If both invite each other at the same time, both send clock messages.
        self.begin(now, from, is_inviting.then(|| ClockSync::new(now)), true);
        true
    }

    /// Handles an accepted invitation. Returns whether it establishes the session.
    pub(crate) fn handle_acceptance(
        &mut self,
        now: Instant,
        port: Port,
        from: SocketAddr,
        session: &SessionExchange,
        config: &Config,
        out: &mut Outbox,
    ) -> bool {
        let LinkState::Inviting(stage, ..) = self.state else { return false };
        let expected = if port == CONTROL { self.control } else { self.data };
        if stage != port || session.token != self.token || Some(from) != expected {
            return false;
        }
        self.sources[usize::from(port == DATA)] = Some(session.ssrc);
        if let Some(name) = &session.name {
            self.name.clone_from(name);
        }
        if port == CONTROL {
            self.data = from.port().checked_add(1).map(|next| SocketAddr::new(from.ip(), next));
            self.state = LinkState::Inviting(DATA, 0, now);
            self.repeat(now, config, out);
            return false;
        }
        self.begin(now, from, Some(ClockSync::new(now)), true);
        true
    }

    /// Handles a rejected invitation. Returns whether it was one of ours.
    pub(crate) fn handle_rejection(&mut self, now: Instant, session: &SessionExchange) -> bool {
        let is_ours = matches!(self.state, LinkState::Inviting(..)) && session.token == self.token;
        if is_ours {
            // A peer that has answered is not pressed.
            self.state = LinkState::Pausing(now + self.backoff.pause());
        }
        is_ours
    }

    /// MIDI flows without a session.
    pub(crate) fn begin_direct(&mut self, now: Instant, data: SocketAddr, config: &Config) {
        self.ssrc = config.ssrc.unwrap_or_else(|| config.number("direct"));
        self.data = Some(data);
        self.begin(now, data, None, false);
    }

    fn begin(&mut self, now: Instant, data: SocketAddr, clock: Option<ClockSync>, is_session: bool) {
        self.backoff.reset();
        self.feedback_at = None;
        let sender = PacketSender::new(self.ssrc, DATA, Peer::Address(data));
        self.state = LinkState::Up(Box::new(Up { sender, heard_at: now, clock, is_session }));
    }

    /// Ends the session, or its negotiation. Sends a goodbye if `says_goodbye` is set, and schedules the next invitation.
    pub(crate) fn end(&mut self, now: Instant, says_goodbye: bool, out: &mut Outbox) {
        let is_agreed = match &self.state {
            LinkState::Up(up) => up.is_session,
            LinkState::Inviting(..) | LinkState::Invited(_) => true,
            LinkState::Idle | LinkState::Pausing(_) => false,
        };
        if let (true, true, Some(control)) = (is_agreed, says_goodbye, self.control) {
            let goodbye = SessionCommand::Bye(self.session(None));
            out.send(CONTROL, Peer::Address(control), |bytes| goodbye.encode(bytes));
        }
        self.feedback_at = None;
        self.state = LinkState::Pausing(now + self.backoff.retry_pause(now));
    }

    /// When it is invited again, in the words of a notice, if it is ours to invite it.
    pub(crate) fn next_try(&self, now: Instant) -> Option<NextTry> {
        match self.state {
            LinkState::Pausing(until) if self.endpoint.is_some() => Some(NextTry { pause: until.since(now) }),
            LinkState::Idle
            | LinkState::Pausing(_)
            | LinkState::Inviting(..)
            | LinkState::Invited(_)
            | LinkState::Up(_) => None,
        }
    }

    /// Schedules the next invitation [`RESUME`] from now, after the session has [ended](Self::end).
    pub(crate) fn resume(&mut self, now: Instant) {
        if let LinkState::Pausing(until) = &mut self.state {
            *until = now + RESUME;
        }
    }

    /// Whether there is a session with this address, established or being negotiated.
    pub(crate) fn is_engaged_with(&self, from: SocketAddr) -> bool {
        let next = self.control.map(|control| SocketAddr::new(control.ip(), control.port().wrapping_add(1)));
        let is_engaged = !matches!(self.state, LinkState::Idle | LinkState::Pausing(_));
        is_engaged && [self.control, self.data, next].contains(&Some(from))
    }

    /// Whether a goodbye from this address for this source identifier refers to the session that we are in.
    pub(crate) fn is_disowned(&self, from: SocketAddr, ssrc: u32) -> bool {
        let is_session = matches!(&self.state, LinkState::Up(up) if up.is_session);
        is_session && ssrc == self.ssrc && [self.control, self.data].contains(&Some(from))
    }

    /// Whether a clock message with a foreign source identifier shows that another program answers at the peer's address.
    pub(crate) fn is_answered_by_another(&self, from: SocketAddr, timing: &Timing) -> bool {
        let LinkState::Up(up) = &self.state else { return false };
        let is_answer = timing.count == 1 && timing.ssrc != self.ssrc && self.data == Some(from);
        let is_other = is_answer && !self.is_source(timing.ssrc);
        is_other && up.clock.as_ref().is_some_and(|clock| clock.is_answered_by_another(timing.times[0]))
    }

    /// Whether the peer uses this source identifier. Every identifier matches until one is known.
    pub(crate) fn is_source(&self, ssrc: u32) -> bool {
        self.sources == [None; 2] || self.sources.contains(&Some(ssrc))
    }

    /// Records that the peer has sent something.
    pub(crate) fn note_packet(&mut self, now: Instant) {
        self.is_proven |= now > self.heard_at;
        self.heard_at = now;
        if let LinkState::Up(up) = &mut self.state {
            up.heard_at = now;
            up.sender.note_response();
        }
    }

    /// Schedules receiver feedback for a packet.
    pub(crate) fn owe_feedback(&mut self, now: Instant) {
        if matches!(&self.state, LinkState::Up(up) if up.is_session) {
            self.feedback_at.get_or_insert(now + FEEDBACK);
        }
    }

    /// Sends receiver feedback without delay, so that the peer repeats what was lost after the last received packet.
    pub(crate) fn hurry_feedback(&mut self, now: Instant) {
        self.owe_feedback(now);
        self.feedback_at = self.feedback_at.map(|at| at.min(now));
    }

    /// Answers a clock message on the data port.
    pub(crate) fn handle_clock(&mut self, now: Instant, timing: &Timing, out: &mut Outbox) {
        let (ssrc, data) = (self.ssrc, self.data);
        let LinkState::Up(up) = &mut self.state else { return };
        let mut times = timing.times;
        match (timing.count, &mut up.clock) {
            (0, _) => times[1] = ticks(now),
            (1, Some(clock)) => {
                if !clock.handle_answer(now) {
                    return;
                }
                times[2] = ticks(now);
            }
            _ => return,
        }
        let answer = SessionCommand::Clock(Timing { ssrc, count: timing.count + 1, times });
        if let Some(data) = data {
            out.send(DATA, Peer::Address(data), |bytes| answer.encode(bytes));
        }
    }

    /// Handles [`next_timeout`](Self::next_timeout). The session reports the result.
    pub(crate) fn handle_timeout(
        &mut self,
        now: Instant,
        config: &Config,
        out: &mut Outbox,
    ) -> Option<LinkOutcome> {
        self.give_feedback(now, out);
        match &mut self.state {
            LinkState::Idle => {}
            LinkState::Pausing(until) if *until <= now && self.control.is_some() => {
                self.invite(now, config, out)
            }
            LinkState::Inviting(_, count, at) if *at <= now => {
                if *count >= MAX_INVITATIONS {
                    return Some(LinkOutcome::NoAnswer);
                }
                self.repeat(now, config, out);
            }
            LinkState::Invited(until) if *until <= now => return Some(LinkOutcome::Halfway),
            LinkState::Pausing(_) | LinkState::Inviting(..) | LinkState::Invited(_) => {}
            LinkState::Up(up) => {
                up.sender.handle_timeout(now, out);
                if up.is_session && up.heard_at + SILENCE <= now {
                    return Some(LinkOutcome::Silent);
                }
                up.clock_due_at().filter(|due_at| *due_at <= now)?;
                let Some(time) = up.clock.as_mut()?.ask(now) else { return Some(LinkOutcome::Silent) };
                let first = SessionCommand::Clock(Timing { ssrc: self.ssrc, count: 0, times: [time, 0, 0] });
                if let Some(data) = self.data {
                    out.send(DATA, Peer::Address(data), |bytes| first.encode(bytes));
                }
            }
        }
        None
    }

    fn give_feedback(&mut self, now: Instant, out: &mut Outbox) {
        if self.feedback_at.take_if(|at| *at <= now).is_none() {
            return;
        }
        if let (Some(sequence), Some(control)) = (self.receiver.sequence(), self.control) {
            let feedback = SessionCommand::Feedback { ssrc: self.ssrc, sequence };
            out.send(CONTROL, Peer::Address(control), |bytes| feedback.encode(bytes));
        }
    }

    /// When `handle_timeout` is due.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        let state = match &self.state {
            LinkState::Idle => None,
            LinkState::Pausing(at) => Some(*at).filter(|_| self.control.is_some()),
            LinkState::Inviting(_, _, at) | LinkState::Invited(at) => Some(*at),
            LinkState::Up(up) => {
                let silence = up.is_session.then_some(up.heard_at + SILENCE);
                [silence, up.clock_due_at(), up.sender.next_timeout()].into_iter().flatten().min()
            }
        };
        [state, self.feedback_at, self.receiver.next_timeout()].into_iter().flatten().min()
    }
}

/// The name of a peer in notices.
pub(crate) fn title(endpoint: Option<&Endpoint>, address: Option<SocketAddr>, name: &str) -> String {
    let address = match (endpoint, address) {
        (Some(endpoint), _) => endpoint.to_string(),
        (None, Some(address)) => address.to_string(),
        (None, None) => "nobody".to_owned(),
    };
    if name.is_empty() { address } else { format!("`{}` at {address}", name.escape_debug()) }
}
