//! What is known of one peer: how far the session with it is, and the streams to it and from it.

use std::net::SocketAddr;

use crosspatch_core::{Backoff, Condition, Duration, Endpoint, Instant, NextTry, Outbox, Peer, Port};

use super::clock::Clock;
use super::options::Config;
use super::receiver::Receiver;
use super::sender::{Sender, ticks};
use super::wire::{Command, Session, Timing};

/// The socket on which sessions are agreed.
pub(crate) const CONTROL: Port = Port(0);
/// The socket for MIDI, the clock, and the second half of an agreement.
pub(crate) const DATA: Port = Port(1);

/// An invitation is repeated so often, and so many times, before a pause.
const REPEAT: Duration = Duration::from_secs(1);
const MAX_INVITATIONS: u32 = 12;

/// The pauses between rounds of invitations.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A peer that invites on the control port must invite on the data port within this time.
const HALF: Duration = Duration::from_secs(12);

/// A peer that is there says something after this time, when something is sent to it: a confirmation, or an answer to the
/// clock message that it gets then.
const DOUBT: Duration = Duration::from_secs(1);
/// The pause before a peer is invited again that has lost its session.
const RESUME: Duration = Duration::from_millis(250);
/// Silence that ends a session which the peer began.
const SILENCE: Duration = Duration::from_secs(60);

/// What comes in is confirmed after this time.
const FEEDBACK: Duration = Duration::from_millis(50);

/// A peer.
pub(crate) struct Link {
    /// As the options have it, or mDNS; none if the peer has come by itself.
    pub(crate) endpoint: Option<Endpoint>,
    /// Whether it is there only because mDNS has found it.
    pub(crate) is_found: bool,
    /// Its addresses for control and data, as far as they are known; the same one without a session.
    pub(crate) control: Option<SocketAddr>,
    pub(crate) data: Option<SocketAddr>,
    /// Its source identifiers on the two ports. Some peers have one for each.
    pub(crate) sources: [Option<u32>; 2],
    /// What it calls itself.
    pub(crate) name: String,
    pub(crate) state: State,
    pub(crate) receiver: Receiver,
    /// When it last sent a packet, or joined, and whether it has sent any since.
    pub(crate) heard_at: Instant,
    pub(crate) is_proven: bool,
    ssrc: u32,
    token: u32,
    /// Counts the rounds of invitations.
    round: u32,
    pub(crate) backoff: Backoff,
    pub(crate) condition: Condition,
    feedback_at: Option<Instant>,
}

/// How far the session with a peer is.
#[derive(Debug)]
pub(crate) enum State {
    /// Nothing happens: the address is not known, or our sockets are not open.
    Idle,
    /// The next round of invitations begins at that time.
    Pausing(Instant),
    /// It is invited on one of the ports: how often, and when again.
    Inviting(Port, u32, Instant),
    /// It has invited us on the control port, and has until then to do so on the data port.
    Invited(Instant),
    /// MIDI flows.
    Up(Box<Up>),
}

/// A session, or a peer that needs none.
#[derive(Debug)]
pub(crate) struct Up {
    pub(crate) sender: Sender,
    /// When it last sent a packet.
    heard_at: Instant,
    clock: Option<Clock>,
    is_session: bool,
}

impl Up {
    /// When the next clock message is due, if we started the session.
    fn clock_due_at(&self) -> Option<Instant> {
        let doubt_at = self.sender.unheard_since().map(|since| since + DOUBT);
        self.clock.as_ref().map(|clock| clock.due_at(doubt_at))
    }
}

/// What has become of a session.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nobody has answered a round of invitations.
    NoAnswer,
    /// It does not answer any more.
    Silent,
    /// It has begun a session and not finished that.
    Halfway,
    /// It is there and does not know of the session, as after a restart.
    Forgotten,
}

impl Link {
    /// A peer of the options, or one that has come by itself.
    pub(crate) fn new(config: &Config, endpoint: Option<Endpoint>) -> Self {
        Self {
            backoff: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE, (&config.name, &endpoint)),
            endpoint,
            is_found: false,
            control: None,
            data: None,
            sources: [None; 2],
            name: String::new(),
            state: State::Idle,
            receiver: Receiver::default(),
            heard_at: Instant::START,
            is_proven: false,
            ssrc: 0,
            token: 0,
            round: 0,
            condition: Condition::Starting,
            feedback_at: None,
        }
    }

    /// How notices call it.
    pub(crate) fn title(&self) -> String {
        title(self.endpoint.as_ref(), self.control.or(self.data), &self.name)
    }

    /// What is sent to the peer, while MIDI flows.
    pub(crate) fn sender(&mut self) -> Option<&mut Sender> {
        match &mut self.state {
            State::Up(up) => Some(&mut up.sender),
            State::Idle | State::Pausing(_) | State::Inviting(..) | State::Invited(_) => None,
        }
    }

    /// Whether MIDI flows.
    pub(crate) fn is_up(&self) -> bool {
        matches!(self.state, State::Up(_))
    }

    /// Begins a round of invitations, with a source and a token that no earlier round had.
    pub(crate) fn invite(&mut self, now: Instant, config: &Config, out: &mut Outbox) {
        self.round += 1;
        self.sources = [None; 2];
        self.ssrc = config.ssrc.unwrap_or_else(|| config.number(("source", &self.endpoint, self.round)));
        self.token = config.number(("token", &self.endpoint, self.round, now));
        self.state = State::Inviting(CONTROL, 0, now);
        self.repeat(now, config, out);
    }

    /// Sends the invitation that is due.
    fn repeat(&mut self, now: Instant, config: &Config, out: &mut Outbox) {
        let State::Inviting(port, count, at) = &mut self.state else { return };
        (*count, *at) = (*count + 1, now + REPEAT);
        let port = *port;
        let to = if port == CONTROL { self.control } else { self.data };
        let invitation = Command::Invite(self.session(Some(config.name.clone())));
        if let Some(to) = to {
            out.send(port, Peer::Address(to), |bytes| invitation.encode(bytes));
        }
    }

    fn session(&self, name: Option<String>) -> Session {
        Session { token: self.token, ssrc: self.ssrc, name }
    }

    /// The peer invites us, on one of the ports. Returns whether MIDI begins to flow with that.
    pub(crate) fn handle_invitation(
        &mut self,
        now: Instant,
        port: Port,
        from: SocketAddr,
        session: &Session,
        config: &Config,
        out: &mut Outbox,
    ) -> bool {
        let is_known = self.is_up() && self.token == session.token && self.is_source(session.ssrc);
        // While we invite as well, our own number goes on.
        let is_inviting = matches!(self.state, State::Inviting(..));
        let seeds = ("source", session.ssrc, session.token);
        let ssrc = match config.ssrc {
            None if is_known || is_inviting => self.ssrc,
            None => config.number(seeds),
            Some(ssrc) => ssrc,
        };
        let answer = Session { token: session.token, ssrc, name: Some(config.name.clone()) };
        out.send(port, Peer::Address(from), |bytes| Command::Accept(answer).encode(bytes));
        if is_known {
            return false;
        }
        self.name = session.name.clone().unwrap_or_default();
        if port == CONTROL {
            self.control = Some(from);
            self.sources = [Some(session.ssrc), None];
            if !is_inviting {
                (self.ssrc, self.token) = (ssrc, session.token);
                self.state = State::Invited(now + HALF);
            }
            return false;
        }
        (self.ssrc, self.token) = (ssrc, session.token);
        self.data = Some(from);
        self.sources[1] = Some(session.ssrc);
        // Where both invite each other at once, neither can leave the clock to the other.
        self.begin(now, from, is_inviting.then(|| Clock::new(now)), true);
        true
    }

    /// The peer accepts an invitation. Returns whether MIDI begins to flow with that.
    pub(crate) fn handle_acceptance(
        &mut self,
        now: Instant,
        port: Port,
        from: SocketAddr,
        session: &Session,
        config: &Config,
        out: &mut Outbox,
    ) -> bool {
        let State::Inviting(stage, ..) = self.state else { return false };
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
            self.state = State::Inviting(DATA, 0, now);
            self.repeat(now, config, out);
            return false;
        }
        self.begin(now, from, Some(Clock::new(now)), true);
        true
    }

    /// The peer refuses an invitation; says whether it was one of ours.
    pub(crate) fn handle_rejection(&mut self, now: Instant, session: &Session) -> bool {
        let is_ours = matches!(self.state, State::Inviting(..)) && session.token == self.token;
        if is_ours {
            // A peer that has answered is not pressed.
            self.state = State::Pausing(now + self.backoff.pause());
        }
        is_ours
    }

    /// MIDI flows without a session.
    pub(crate) fn begin_direct(&mut self, now: Instant, data: SocketAddr, config: &Config) {
        self.ssrc = config.ssrc.unwrap_or_else(|| config.number("direct"));
        self.data = Some(data);
        self.begin(now, data, None, false);
    }

    fn begin(&mut self, now: Instant, data: SocketAddr, clock: Option<Clock>, is_session: bool) {
        self.backoff.reset();
        self.feedback_at = None;
        let sender = Sender::new(self.ssrc, DATA, Peer::Address(data));
        self.state = State::Up(Box::new(Up { sender, heard_at: now, clock, is_session }));
    }

    /// There is nothing any more: says goodbye where there was something, and invites again after a pause if that is ours to do.
    pub(crate) fn end(&mut self, now: Instant, says_goodbye: bool, out: &mut Outbox) {
        let is_agreed = match &self.state {
            State::Up(up) => up.is_session,
            State::Inviting(..) | State::Invited(_) => true,
            State::Idle | State::Pausing(_) => false,
        };
        if let (true, true, Some(control)) = (is_agreed, says_goodbye, self.control) {
            let goodbye = Command::Bye(self.session(None));
            out.send(CONTROL, Peer::Address(control), |bytes| goodbye.encode(bytes));
        }
        self.feedback_at = None;
        self.state = State::Pausing(now + self.backoff.retry_pause(now));
    }

    /// When it is invited again, in the words of a notice, if it is ours to invite it.
    pub(crate) fn next_try(&self, now: Instant) -> Option<NextTry> {
        match self.state {
            State::Pausing(until) if self.endpoint.is_some() => Some(NextTry { pause: until.since(now) }),
            State::Idle | State::Pausing(_) | State::Inviting(..) | State::Invited(_) | State::Up(_) => None,
        }
    }

    /// A session that has [ended](Self::end) is missed: it is begun again without waiting.
    pub(crate) fn resume(&mut self, now: Instant) {
        if let State::Pausing(until) = &mut self.state {
            *until = now + RESUME;
        }
    }

    /// Whether there is a session with this address, established or being negotiated.
    pub(crate) fn is_engaged_with(&self, from: SocketAddr) -> bool {
        let next = self.control.map(|control| SocketAddr::new(control.ip(), control.port().wrapping_add(1)));
        let is_engaged = !matches!(self.state, State::Idle | State::Pausing(_));
        is_engaged && [self.control, self.data, next].contains(&Some(from))
    }

    /// Whether somebody at this address, who says that the session of this source is none, means that which we are in.
    pub(crate) fn is_disowned(&self, from: SocketAddr, ssrc: u32) -> bool {
        let is_session = matches!(&self.state, State::Up(up) if up.is_session);
        is_session && ssrc == self.ssrc && [self.control, self.data].contains(&Some(from))
    }

    /// Whether a clock message of another source than the peer's shows that another program answers at its address.
    pub(crate) fn is_answered_by_another(&self, from: SocketAddr, timing: &Timing) -> bool {
        let State::Up(up) = &self.state else { return false };
        let is_answer = timing.count == 1 && timing.ssrc != self.ssrc && self.data == Some(from);
        let is_other = is_answer && !self.is_source(timing.ssrc);
        is_other && up.clock.as_ref().is_some_and(|clock| clock.is_answered_by_another(timing.times[0]))
    }

    /// Whether the peer uses this source. One whose source is not known uses any.
    pub(crate) fn is_source(&self, ssrc: u32) -> bool {
        self.sources == [None; 2] || self.sources.contains(&Some(ssrc))
    }

    /// Something has come from the peer.
    pub(crate) fn heard(&mut self, now: Instant) {
        self.is_proven |= now > self.heard_at;
        self.heard_at = now;
        if let State::Up(up) = &mut self.state {
            up.heard_at = now;
            up.sender.heard();
        }
    }

    /// A packet has come, which is to be confirmed.
    pub(crate) fn owe_feedback(&mut self, now: Instant) {
        if matches!(&self.state, State::Up(up) if up.is_session) {
            self.feedback_at.get_or_insert(now + FEEDBACK);
        }
    }

    /// Packets were lost, perhaps the last ones: the peer is told at once up to where it was heard, and tells the rest again.
    pub(crate) fn hurry_feedback(&mut self, now: Instant) {
        self.owe_feedback(now);
        self.feedback_at = self.feedback_at.map(|at| at.min(now));
    }

    /// A clock message has come on the data port.
    pub(crate) fn handle_clock(&mut self, now: Instant, timing: &Timing, out: &mut Outbox) {
        let (ssrc, data) = (self.ssrc, self.data);
        let State::Up(up) = &mut self.state else { return };
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
        let answer = Command::Clock(Timing { ssrc, count: timing.count + 1, times });
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
    ) -> Option<Outcome> {
        self.give_feedback(now, out);
        match &mut self.state {
            State::Idle => {}
            State::Pausing(until) if *until <= now && self.control.is_some() => self.invite(now, config, out),
            State::Inviting(_, count, at) if *at <= now => {
                if *count >= MAX_INVITATIONS {
                    return Some(Outcome::NoAnswer);
                }
                self.repeat(now, config, out);
            }
            State::Invited(until) if *until <= now => return Some(Outcome::Halfway),
            State::Pausing(_) | State::Inviting(..) | State::Invited(_) => {}
            State::Up(up) => {
                up.sender.handle_timeout(now, out);
                if up.is_session && up.heard_at + SILENCE <= now {
                    return Some(Outcome::Silent);
                }
                up.clock_due_at().filter(|due_at| *due_at <= now)?;
                let Some(time) = up.clock.as_mut()?.ask(now) else { return Some(Outcome::Silent) };
                let first = Command::Clock(Timing { ssrc: self.ssrc, count: 0, times: [time, 0, 0] });
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
            let feedback = Command::Feedback { ssrc: self.ssrc, sequence };
            out.send(CONTROL, Peer::Address(control), |bytes| feedback.encode(bytes));
        }
    }

    /// When `handle_timeout` wants to be called.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        let state = match &self.state {
            State::Idle => None,
            State::Pausing(at) => Some(*at).filter(|_| self.control.is_some()),
            State::Inviting(_, _, at) | State::Invited(at) => Some(*at),
            State::Up(up) => {
                let silence = up.is_session.then_some(up.heard_at + SILENCE);
                [silence, up.clock_due_at(), up.sender.next_timeout()].into_iter().flatten().min()
            }
        };
        [state, self.feedback_at, self.receiver.next_timeout()].into_iter().flatten().min()
    }
}

/// How notices call a peer.
pub(crate) fn title(endpoint: Option<&Endpoint>, address: Option<SocketAddr>, name: &str) -> String {
    let address = match (endpoint, address) {
        (Some(endpoint), _) => endpoint.to_string(),
        (None, Some(address)) => address.to_string(),
        (None, None) => "nobody".to_owned(),
    };
    if name.is_empty() { address } else { format!("`{}` at {address}", name.escape_debug()) }
}
