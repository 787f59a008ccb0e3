//! The way to one peer: packets with their journal (RFC 6295, clauses 4.2 and 5).
//!
//! A journal tells again what has changed since the last packet that the peer is known to have. While something in it has not been
//! confirmed, empty packets follow at growing intervals (guard packets, clause 4.2), so that the last packet of all can be
//! lost like any other.

use std::collections::BTreeMap;

use crosspatch_core::{Duration, Instant, Outbox, Peer, Port};

use crate::midi::wire::{Message, RunningEncoder};

use super::wire::{Header, Journal, Rtp, SEGMENT, State, What, encode_segment};

/// The pauses before guard packets: the first, and the longest.
const FIRST_GUARD: Duration = Duration::from_millis(150);
const LONGEST_GUARD: Duration = Duration::from_secs(1);
/// So many of them are sent to a peer that confirms nothing.
const MAX_GUARDS: u32 = 10;

/// What is older is in no journal, for peers that never confirm anything.
const KEPT: Duration = Duration::from_secs(15);

/// The packets that go to one peer.
#[derive(Debug)]
pub(crate) struct Sender {
    ssrc: u32,
    to: (Port, Peer),
    /// The number of the next packet, whose lower half is on the wire.
    sequence: u32,
    /// The first packet that the journal covers.
    checkpoint: u32,
    history: BTreeMap<(u16, What), Past>,
    /// The list of the next packet, and what it will leave behind.
    list: Vec<u8>,
    running: RunningEncoder,
    fresh: Vec<State>,
    guard_at: Option<Instant>,
    guards: u32,
}

/// When something came to be as it is.
#[derive(Debug)]
struct Past {
    state: State,
    packet: u32,
    /// Its place within the packet.
    place: usize,
    at: Instant,
}

impl Sender {
    /// Begins a stream from this source to a peer.
    pub(crate) fn new(ssrc: u32, port: Port, to: Peer) -> Self {
        Self {
            ssrc,
            to: (port, to),
            sequence: 1,
            checkpoint: 1,
            history: BTreeMap::new(),
            list: Vec::new(),
            running: RunningEncoder::default(),
            fresh: Vec::new(),
            guard_at: None,
            guards: 0,
        }
    }

    /// Takes a message. It goes out with [`flush`](Self::flush), or before if the packet is full.
    pub(crate) fn push(&mut self, now: Instant, message: &Message<'_>, out: &mut Outbox) {
        if self.list.len() + message.encoded_len() > SEGMENT {
            self.flush(now, out);
        }
        if let Message::SysEx(sysex) = message
            && sysex.data().len() > SEGMENT
        {
            let mut at = 0;
            while at < sysex.data().len() {
                at = encode_segment(sysex.data(), at, &mut self.list);
                self.flush(now, out);
            }
            return;
        }
        if !self.list.is_empty() {
            // No time has passed since the message before.
            self.list.push(0);
        }
        self.running.encode(message, &mut self.list);
        self.fresh.extend(State::of(message));
    }

    /// Sends what was taken.
    pub(crate) fn flush(&mut self, now: Instant, out: &mut Outbox) {
        if self.list.is_empty() {
            return;
        }
        self.send(now, out);
        self.guards = 0;
        self.guard_at = (!self.history.is_empty()).then_some(now + FIRST_GUARD);
    }

    /// The peer has, or has recovered, everything up to this packet.
    pub(crate) fn handle_feedback(&mut self, sequence: u16) {
        let last = self.sequence - 1;
        let behind = (last as u16).wrapping_sub(sequence);
        let Some(confirmed) = last.checked_sub(behind.into()).filter(|_| behind < 0x8000) else { return };
        self.history.retain(|_, past| past.packet > confirmed);
        self.checkpoint = self.checkpoint.max(confirmed + 1);
        if self.history.is_empty() {
            self.guard_at = None;
        }
    }

    /// The time of [`next_timeout`](Self::next_timeout) has come.
    pub(crate) fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) {
        if self.guard_at.is_some_and(|at| at <= now) {
            self.send(now, out);
            self.guards += 1;
            let pause = FIRST_GUARD.saturating_mul(1 << self.guards).min(LONGEST_GUARD);
            self.guard_at = (self.guards < MAX_GUARDS).then_some(now + pause);
        }
    }

    /// When the next guard packet is due.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.guard_at
    }

    fn send(&mut self, now: Instant, out: &mut Outbox) {
        let header = Header { sequence: self.sequence as u16, time: ticks(now) as u32, ssrc: self.ssrc };
        let (mut journal, (port, to)) = (Vec::new(), self.to);
        self.journal(now).encode(&mut journal);
        out.send(port, to, |bytes| Rtp::encode(&header, &self.list, Some(&journal), bytes));
        for (place, state) in self.fresh.drain(..).enumerate() {
            let past = Past { state, packet: self.sequence, place, at: now };
            self.history.insert((state.channel.get(), state.what), past);
        }
        self.list.clear();
        // A packet may be the first one that arrives.
        self.running.reset();
        self.sequence = self.sequence.wrapping_add(1);
    }

    /// The journal of the next packet: channel by channel, the oldest first.
    fn journal(&mut self, now: Instant) -> Journal {
        let checkpoint = &mut self.checkpoint;
        self.history.retain(|_, past| {
            let is_kept = now.since(past.at) < KEPT;
            if !is_kept {
                *checkpoint = (*checkpoint).max(past.packet + 1);
            }
            is_kept
        });
        if self.history.is_empty() {
            self.checkpoint = self.sequence;
        }
        let mut pasts: Vec<_> = self.history.values().collect();
        pasts.sort_by_key(|past| (past.state.channel, past.packet, past.place));
        Journal { checkpoint: self.checkpoint as u16, states: pasts.iter().map(|past| past.state).collect() }
    }
}

/// The time in units of 100 microseconds, as RTP and the clock messages have it.
pub(crate) fn ticks(now: Instant) -> u64 {
    now.as_micros() / 100
}
