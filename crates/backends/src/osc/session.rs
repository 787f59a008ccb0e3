//! A running OSC instance: incoming messages become values, values become messages.
//!
//! A message is an event: every value is sent, including repetitions. Three rules prevent endless loops with peers that send
//! everything back. First, a value that a peer has just sent, or that a mapping returns within the same turn, is not sent back to
//! that peer. Second, a value that returns from a peer and is sent on, through any sessions, stops after a few rounds. Third, if
//! a value was held back and may have crossed with a different one, the last value is sent once more after a quiet time, so that
//! both ends agree.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use crosspatch_core::{
    Backoff, Closed, Direction, Duration, Instant, Notice, Outbox, Peer, Port, Session, Slot, Status, Value,
};

use crate::recognize::UnknownSenders;
use crate::shared::detect::Detector;
use crate::shared::echo::{MAX_GENERATIONS, MAX_HELD_BACK};
use crate::shared::paced;
use crate::shared::ports::ReconnectingPorts;
use crate::shared::unmapped::Unmapped;

use super::format::Atom;
use super::held::HeldButtons;
use super::links::Links;
use super::options::{Config, Destination};
use super::output::{CROSSING, Pending, Time};
use super::ports::{self, CLIENT, LOOKUP, SERVER};
use super::receive::{Effort, Unfinished};
use super::table::{MessageTable, OutgoingArgument};
use super::wire::Framing;

/// The quiet time after which a held back value is sent. It grows if that value has crossed with another one again.
const SHORTEST_QUIET: Duration = Duration::from_secs(1);
const LONGEST_QUIET: Duration = Duration::from_secs(4);

/// How many peers are remembered, and for how long. A peer that is not remembered receives all states when it sends.
const MAX_LEARNED: usize = 64;
const REMEMBERED: Duration = Duration::from_secs(60);

/// The shortest interval at which new peers receive all states.
const BETWEEN_REFRESHES: Duration = Duration::from_secs(1);

/// The running state of an instance.
pub(crate) struct OscSession {
    pub(super) config: Arc<Config>,
    pub(super) table: MessageTable,
    ports: ReconnectingPorts,
    pub(super) links: Links,
    /// The buttons that connections hold, if the options say that they are released.
    pub(super) held: Option<HeldButtons>,
    pub(super) detector: Detector,
    pub(super) unmapped: Unmapped,
    has_outputs: bool,

    /// Where datagrams go, once that is known.
    target: Option<SocketAddr>,
    /// The peers that have sent recently, with `destination = learn`.
    learned: Vec<(SocketAddr, Instant)>,
    /// Counts the destinations of datagrams.
    epoch: u32,
    /// Whether the socket has received anything since it is open.
    is_used: bool,

    /// The peer that has sent in the turn at that time.
    pub(super) speaker: Option<(Port, Peer)>,
    pub(super) spoken_at: Option<Instant>,
    /// The work of this call, and packets that need more than one call.
    pub(super) effort: Effort,
    pub(super) unfinished: VecDeque<Unfinished>,
    /// Messages to send at the end of this call.
    pending: Vec<u32>,
    pub(super) matching: Vec<u32>,
    /// Messages that were held back, in the order in which they are due.
    settling: BinaryHeap<Reverse<(Instant, u32)>>,
    /// The quiet time. It varies, because with equal times the corrections of two instances would cross again.
    quiet: Backoff,
    refresh_at: Option<Instant>,
    refreshed_at: Option<Instant>,
    /// When the current peer receives all states.
    refresh_due: Option<Instant>,
    repeat_at: Vec<Instant>,

    /// The peers reported to send another protocol, and the deadlines of new streams for their first packet.
    pub(super) unknown_senders: UnknownSenders,
    pub(super) judge_at: Option<Instant>,
}

impl OscSession {
    /// The session of the instance `name`.
    pub(crate) fn new(name: &str, config: Arc<Config>) -> Self {
        Self {
            table: MessageTable::new(config.clone()),
            ports: ports::all(name, &config),
            links: Links::new(config.framing, config.bundle),
            held: (config.framing != Framing::Datagram && config.releases_lost).then(HeldButtons::default),
            detector: Detector::new("osc-detect"),
            unmapped: Unmapped::new("osc-unmapped"),
            has_outputs: false,
            target: None,
            learned: Vec::new(),
            epoch: 0,
            is_used: false,
            speaker: None,
            spoken_at: None,
            effort: Effort::default(),
            unfinished: VecDeque::new(),
            pending: Vec::new(),
            matching: Vec::new(),
            settling: BinaryHeap::new(),
            quiet: Backoff::new(SHORTEST_QUIET, LONGEST_QUIET, (name, &config.bind, &config.destination)),
            refresh_at: None,
            refreshed_at: None,
            refresh_due: None,
            repeat_at: vec![Instant::START; config.repeats.len()],
            unknown_senders: UnknownSenders::default(),
            judge_at: None,
            config,
        }
    }
}

impl Session for OscSession {
    fn reserve(&mut self, channels: usize, outputs: usize) {
        self.table.reserve(channels, outputs);
    }

    fn bind(&mut self, slot: Slot, address: &str, direction: Direction) {
        self.has_outputs |= direction == Direction::Output;
        self.table.bind(slot, address, direction);
    }

    fn unbind(&mut self, slot: Slot, direction: Direction) {
        self.table.unbind(slot, direction);
    }

    fn start(&mut self, _now: Instant, out: &mut Outbox) {
        self.table.prepare();
        self.warn_of_missing_destination(out);
        if let Destination::Fixed(endpoint) = &self.config.destination {
            self.target = endpoint.address();
        }
        self.ports.open_all(out);
    }

    fn handle_rebind(&mut self, _now: Instant, out: &mut Outbox) {
        self.table.prepare();
        self.unmapped.clear();
        self.unfinished.iter_mut().for_each(Unfinished::begin_again);
        self.warn_of_missing_destination(out);
    }

    fn handle_open(&mut self, now: Instant, port: Port, peer: Peer, out: &mut Outbox) {
        self.ports.handle_open(port, peer, out);
        match (self.config.framing, port, peer) {
            (Framing::Datagram, LOOKUP, Peer::Address(found)) => {
                self.aim(now, Some(found), out);
            }
            (Framing::Datagram, SERVER, _) => {
                self.is_used = false;
                self.aim(now, self.target, out);
            }
            (Framing::Length | Framing::Slip, CLIENT, Peer::Only)
            | (Framing::Length | Framing::Slip, SERVER, Peer::Connection(_)) => {
                if port == SERVER {
                    out.notice(Notice::info("osc-peer", format!("{peer} has connected")));
                }
                self.link(now, port, peer, out)
            }
            _ => {}
        }
    }

    fn handle_close(&mut self, now: Instant, port: Port, peer: Peer, reason: Closed, out: &mut Outbox) {
        self.judge_end(port, peer, out);
        if matches!(peer, Peer::Connection(_)) {
            out.notice(Notice::info("osc-peer", format!("{peer} is gone: {reason}")));
            return self.unlink(port, Some(peer), out);
        }
        self.unlink(port, None, out);
        self.ports.handle_close(now, port, peer, &reason, out);
    }

    fn handle_data(&mut self, now: Instant, port: Port, from: Peer, data: &[u8], out: &mut Outbox) {
        self.speaker = Some((port, from));
        self.spoken_at = Some(now);
        self.effort = Effort::default();
        if self.config.framing == Framing::Datagram {
            if !std::mem::replace(&mut self.is_used, true) {
                out.notice(Notice::info("osc-peer", format!("first message from {from}")));
            }
            self.handle_packet(now, from, data, out);
        } else {
            self.handle_stream(now, port, from, data, out);
        }
    }

    fn handle_resume(&mut self, now: Instant, out: &mut Outbox) {
        self.effort = Effort::default();
        self.continue_packets(now, out);
    }

    fn handle_full(&mut self, _now: Instant, port: Port, peer: Peer, _out: &mut Outbox) {
        self.links.handle_full(port, peer);
    }

    fn handle_writable(&mut self, now: Instant, port: Port, peer: Peer, out: &mut Outbox) {
        self.links.handle_writable(port, peer, out);
        self.continue_refresh(now, out);
    }

    fn handle_loss(&mut self, now: Instant, _port: Port, _out: &mut Outbox) {
        // Initial messages ask a peer for its state. The answers to the previous ones may be lost.
        self.repeat_at.iter_mut().for_each(|at| *at = now.min(*at));
    }

    fn handle_values(&mut self, now: Instant, values: &[(Slot, Value)], out: &mut Outbox) {
        for (number, (slot, value)) in values.iter().enumerate() {
            self.set(now, *slot, value, out.is_event(number), out);
        }
        self.flush(now, out);
    }

    fn handle_recall(&mut self, now: Instant, values: &[(Slot, Value)], out: &mut Outbox) {
        for (slot, value) in values {
            self.restore(*slot, value);
        }
        if self.pending.len() > paced::AT_ONCE {
            for message in std::mem::take(&mut self.pending) {
                self.take_pending(message);
            }
            self.links.refresh_all();
            self.continue_refresh(now, out);
        }
        self.flush(now, out);
    }

    fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) {
        self.ports.handle_timeout(now, out);
        if self.refresh_due.is_some_and(|due| due <= now) {
            self.refresh_due = None;
            self.refresh(now, out);
        }
        if self.refresh_at.is_some_and(|at| at <= now) {
            self.continue_refresh(now, out);
        }
        self.settle(now, out);
        self.repeat(now, out);
        if self.judge_at.is_some_and(|at| at <= now) {
            self.judge(now, out);
        }
        self.detector.handle_timeout(now, out);
    }

    fn status(&self) -> Status {
        let mut status = self.ports.status();
        self.links.add_status(&mut status);
        status
    }

    fn next_timeout(&self) -> Option<Instant> {
        let repeats = self.repeat_at.iter().copied().filter(|_| !self.links.is_empty());
        let settling = self.settling.peek().map(|Reverse((at, _))| *at);
        let others = [
            self.ports.next_timeout(),
            self.refresh_at,
            self.refresh_due,
            settling,
            self.judge_at,
            self.detector.next_timeout(),
        ];
        repeats.chain(others.into_iter().flatten()).min()
    }
}

/// Selects the receiver.
impl OscSession {
    /// From now on, values are sent to the last sender. A new one receives all states.
    pub(super) fn learn(&mut self, now: Instant, address: SocketAddr, out: &mut Outbox) {
        let known = self.learned.iter().position(|(known, _)| *known == address);
        let is_new = known.is_none_or(|at| now.since(self.learned[at].1) > REMEMBERED);
        match known {
            Some(at) => self.learned[at].1 = now,
            None => {
                if self.learned.len() >= MAX_LEARNED {
                    let oldest = (0..MAX_LEARNED).min_by_key(|&at| self.learned[at].1).unwrap_or(0);
                    self.learned.swap_remove(oldest);
                }
                self.learned.push((address, now));
            }
        }
        if is_new {
            out.notice(Notice::info("osc-peer", format!("messages go to {address}, which has sent one")));
        }
        // The first link begins with all states.
        let is_linked = self.target != Some(address) && self.aim(now, Some(address), out);
        if is_new && !is_linked {
            let due = self.refreshed_at.map_or(now, |last| (last + BETWEEN_REFRESHES).max(now));
            if due > now {
                self.refresh_due = Some(due);
            } else {
                self.refresh(now, out);
            }
        }
    }
}

/// Output.
impl OscSession {
    /// Sets a value of a message and marks it to be sent, unless the change is not visible in the argument's type.
    fn set(&mut self, now: Instant, slot: Slot, value: &Value, is_event: bool, out: &mut Outbox) {
        let Some(mut target) = self.table.target(slot) else { return };
        let atom = Atom::of(target.spec, value);
        let known = &target.output.arguments[target.argument];
        let is_same = known.now == atom;
        let is_repeated = is_same && (known.is_made_of(value) || target.spec.is_constant());
        if known.is_changed && (is_repeated || !is_same) {
            // A press and its release are two messages, and so are two presses.
            self.flush(now, out);
            let Some(again) = self.table.target(slot) else { return };
            target = again;
        }
        let OutgoingArgument { message, spec, output, argument } = target;
        output.begin_epoch(self.epoch);
        output.is_known = !is_event;
        let mut change = Pending::Yes;
        if is_same {
            let known = &output.arguments[argument];
            if !is_repeated && (known.is_sent || known.is_changed) {
                change = Pending::No;
            } else if !spec.is_event() && output.is_said_by_peer(now, argument, value) {
                let is_last_word = output.received_at.get() == self.spoken_at;
                if is_last_word || self.links.is_alone_with(self.speaker) {
                    change = Pending::Reflection;
                }
            }
        }
        if spec.kind.is_impulse() && atom == Atom::Number(0.0) {
            change = Pending::No;
        }
        let known = &mut output.arguments[argument];
        known.put(atom, value);
        if change == Pending::No {
            return;
        }
        (known.is_changed, known.is_sent) = (true, false);
        if output.pending == Pending::No {
            self.pending.push(message);
        }
        if output.pending != Pending::Yes {
            output.pending = change;
        }
    }

    /// Sets the state of a message. Impulses and constants have none.
    fn restore(&mut self, slot: Slot, value: &Value) {
        let epoch = self.epoch;
        let Some(OutgoingArgument { message, spec, output, argument }) = self.table.target(slot) else {
            return;
        };
        output.begin_epoch(epoch);
        let known = &mut output.arguments[argument];
        if spec.is_event() {
            return;
        }
        let atom = Atom::of(spec, value);
        known.is_sent &= known.now == atom;
        known.put(atom, value);
        let is_told = known.is_sent;
        output.is_known = true;
        if !is_told && output.pending == Pending::No {
            output.pending = Pending::Yes;
            self.pending.push(message);
        }
    }

    /// Sends the messages that have changed.
    fn flush(&mut self, now: Instant, out: &mut Outbox) {
        let mut pending = std::mem::take(&mut self.pending);
        let generation = out.generation();
        for message in pending.drain(..) {
            match self.take_pending(message) {
                Pending::No => {}
                Pending::Yes | Pending::Reflection if generation >= MAX_GENERATIONS => {
                    self.hold_back(now, message, generation);
                }
                Pending::Yes => self.send(now, message, generation, out),
                Pending::Reflection => self.reflect(now, message, generation, out),
            }
        }
        self.pending = pending;
        self.links.finish(out);
    }

    fn take_pending(&mut self, message: u32) -> Pending {
        let Some(output) = self.table.output(message) else { return Pending::No };
        output.arguments.iter_mut().for_each(|argument| argument.is_changed = false);
        std::mem::take(&mut output.pending)
    }

    fn send(&mut self, now: Instant, message: u32, generation: u8, out: &mut Outbox) {
        let Some(mut mapped) = self.table.outgoing(message) else { return };
        let fits = mapped.fits();
        if fits {
            self.links.send(message, &mapped, None, out);
        }
        mapped.mark_sent(now, generation);
        if !fits {
            let address = String::from_utf8_lossy(self.table.address(message));
            let text = format!("the text for `{address}` is too long to send");
            out.notice(Notice::warning("osc-too-long", text));
        }
    }

    /// The peer that has just sent the value already has it, unless a different value of ours is still on its way.
    fn reflect(&mut self, now: Instant, message: u32, generation: u8, out: &mut Outbox) {
        let Some(mapped) = self.table.outgoing(message) else { return };
        if self.links.is_alone_with(self.speaker) {
            if mapped.output.sent_at.get().is_some_and(|sent| now.since(sent) < CROSSING) {
                self.hold_back(now, message, generation);
            }
        } else if mapped.fits() {
            self.links.send(message, &mapped, self.speaker, out);
            mapped.output.mark_reflected(now, generation);
        }
    }

    /// Schedules a message for after the quiet time.
    fn hold_back(&mut self, now: Instant, message: u32, generation: u8) {
        let Some(output) = self.table.output(message) else { return };
        output.generation = generation;
        if generation > MAX_HELD_BACK {
            return;
        }
        if generation <= 1 {
            self.quiet.reset();
        }
        let at = now + self.quiet.pause();
        if std::mem::replace(&mut output.settles_at, at.into()) == Time::NEVER {
            self.settling.push(Reverse((at, message)));
        }
    }

    fn settle(&mut self, now: Instant, out: &mut Outbox) {
        while self.settling.peek().is_some_and(|Reverse((at, _))| *at <= now) {
            let Some(Reverse((_, message))) = self.settling.pop() else { break };
            let Some(output) = self.table.output(message) else { continue };
            let generation = output.generation;
            match output.settles_at.get() {
                None => {}
                Some(later) if later > now => self.settling.push(Reverse((later, message))),
                Some(_) => self.send(now, message, generation, out),
            }
        }
        self.links.finish(out);
    }

    fn repeat(&mut self, now: Instant, out: &mut Outbox) {
        if self.links.is_empty() {
            return;
        }
        for (repeat, at) in self.config.repeats.iter().zip(&mut self.repeat_at) {
            if *at <= now {
                *at = now + repeat.every;
                self.links.send_packet(&repeat.packet, out);
            }
        }
    }

    /// Sends all states to all receivers.
    fn refresh(&mut self, now: Instant, out: &mut Outbox) {
        self.refreshed_at = Some(now);
        self.links.refresh_all();
        self.continue_refresh(now, out);
    }

    fn continue_refresh(&mut self, now: Instant, out: &mut Outbox) {
        let speaker = self.spoken_at.filter(|_| matches!(self.config.destination, Destination::Learn(_)));
        let is_due = self.links.continue_refresh(now, &mut self.table, speaker.filter(|at| *at == now), out);
        self.refresh_at = is_due.then(|| now + paced::APART);
    }

    /// Sends all states to a new receiver.
    fn link(&mut self, now: Instant, port: Port, peer: Peer, out: &mut Outbox) {
        if self.links.is_empty() {
            self.repeat_at.fill(now);
        }
        self.links.add(port, peer);
        if let Some(held) = &mut self.held {
            held.connected(now, port, peer);
        }
        self.repeat(now, out);
        self.refreshed_at = Some(now);
        self.continue_refresh(now, out);
    }

    /// Handles the end of a connection, or of all connections of a port: releases the buttons that only they held.
    fn unlink(&mut self, port: Port, peer: Option<Peer>, out: &mut Outbox) {
        self.links.remove(port, peer);
        let released = self.held.as_mut().map(|held| held.gone(port, peer)).unwrap_or_default();
        for slot in released {
            out.emit(slot, Value::edge(false));
        }
    }

    /// Sets the destination of datagrams, if the socket is open. Returns whether there was no receiver before.
    fn aim(&mut self, now: Instant, target: Option<SocketAddr>, out: &mut Outbox) -> bool {
        if self.target != target {
            self.target = target;
            self.epoch = self.epoch.wrapping_add(1);
        }
        let (Some(target), true) = (target, self.ports.is_open(SERVER)) else { return false };
        if let Some(link) = self.links.only() {
            link.peer = Peer::Address(target);
            return false;
        }
        self.link(now, SERVER, Peer::Address(target), out);
        true
    }

    fn warn_of_missing_destination(&self, out: &mut Outbox) {
        let has_peers =
            self.config.destination != Destination::None || self.config.framing != Framing::Datagram;
        if self.has_outputs && !has_peers {
            let text =
                "values are mapped to this instance, but it has no `destination`; set one to send them";
            out.notice(Notice::warning("osc-no-destination", text));
        }
    }
}
