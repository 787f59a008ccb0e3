//! The receivers of a session, and how messages are sent to them: one by one or in bundles, and all states to a new receiver.

use std::collections::BTreeSet;

use crosspatch_core::{Condition, Instant, Notice, Outbox, Peer, Port, Status};

use super::table::{MessageTable, OutgoingMessage};
use super::wire::{Deframer, Framing, TimeTag, begin_bundle, encode_element};
use crate::recognize::Beginning;
use crate::shared::paced::AT_ONCE;

/// The longest bundle that we send, so that it fits into an Ethernet frame even with IPv6.
const MAX_BUNDLE: usize = 1_440;

/// How many messages are examined at once for a peer that needs all states.
const SCANNED_AT_ONCE: u32 = 10_000;

/// The most bytes of events and edges that wait for a full stream: a few thousand messages.
const MAX_KEPT: usize = 256 * 1024;

/// A receiver.
pub(crate) struct ReceiverLink {
    pub(crate) port: Port,
    pub(crate) peer: Peer,
    pub(crate) deframer: Deframer,
    pub(crate) beginning: Beginning,
    /// Whether the stream is full.
    is_full: bool,
    /// The events while it was full, as bytes of the stream, and the messages whose last level it needs.
    kept: Vec<u8>,
    missed: BTreeSet<u32>,
    /// The next message to send to a peer that needs all states.
    refresh: Option<u32>,
}

/// All receivers.
pub(crate) struct Links {
    framing: Framing,
    bundles: bool,
    links: Vec<ReceiverLink>,
    // The bundle being collected: a head, and an element for each message.
    batch: Vec<u8>,
    batched: usize,
}

impl Links {
    /// No receivers.
    pub(crate) fn new(framing: Framing, bundles: bool) -> Self {
        Self { framing, bundles, links: Vec::new(), batch: Vec::new(), batched: 0 }
    }

    /// Adds a peer, which receives all states.
    pub(crate) fn add(&mut self, port: Port, peer: Peer) {
        self.links.push(ReceiverLink {
            port,
            peer,
            deframer: Deframer::new(self.framing),
            beginning: Beginning::default(),
            is_full: false,
            kept: Vec::new(),
            missed: BTreeSet::new(),
            refresh: Some(0),
        });
    }

    /// Removes a peer, or all peers of a port.
    pub(crate) fn remove(&mut self, port: Port, peer: Option<Peer>) {
        self.links.retain(|link| link.port != port || peer.is_some_and(|peer| link.peer != peer));
    }

    /// The link to a peer.
    pub(crate) fn find(&mut self, port: Port, peer: Peer) -> Option<&mut ReceiverLink> {
        self.links.iter_mut().find(|link| link.port == port && link.peer == peer)
    }

    /// The links to streams that have been undecodable for too long.
    pub(crate) fn overdue(&mut self, now: Instant) -> impl Iterator<Item = &mut ReceiverLink> {
        self.links.iter_mut().filter(move |link| link.beginning.is_due(now))
    }

    /// When the next stream will have been undecodable for too long.
    pub(crate) fn next_overdue(&self) -> Option<Instant> {
        self.links.iter().filter_map(|link| link.beginning.due()).min()
    }

    /// The only link, of a session with datagrams.
    pub(crate) fn only(&mut self) -> Option<&mut ReceiverLink> {
        self.links.first_mut()
    }

    /// Adds the receivers that are no ports of their own.
    pub(crate) fn add_status(&self, status: &mut Status) {
        for ReceiverLink { peer, .. } in self.links.iter().filter(|link| link.peer != Peer::Only) {
            status.add(peer.to_string(), "receiver", Condition::Working);
        }
    }

    /// Whether there is no receiver.
    pub(crate) fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    /// Whether the sender is the only receiver.
    pub(crate) fn is_alone_with(&self, speaker: Option<(Port, Peer)>) -> bool {
        let is_speaker =
            |link: &ReceiverLink| speaker.is_some_and(|one| is_same_device((link.port, link.peer), one));
        self.links.iter().all(is_speaker)
    }

    /// Sends a message to all receivers, or to all except the one that has just sent the same.
    pub(crate) fn send(
        &mut self,
        number: u32,
        message: &OutgoingMessage<'_>,
        except: Option<(Port, Peer)>,
        out: &mut Outbox,
    ) {
        if self.links.iter().any(|link| link.is_full) {
            self.keep(number, message, except, out);
        }
        if !self.bundles {
            return self.send_now(except, out, |buffer| message.encode(buffer));
        }
        if except.is_some() {
            self.finish(out);
            return self.send_now(except, out, |buffer| message.encode(buffer));
        }
        let start = self.begin_batch();
        encode_element(&mut self.batch, |buffer| message.encode(buffer));
        if self.batch.len() > MAX_BUNDLE && self.batched > 0 {
            let element = self.batch.split_off(start);
            self.finish(out);
            self.begin_batch();
            self.batch.extend_from_slice(&element);
        }
        self.batched += 1;
    }

    /// Stores a message for full streams.
    #[cold]
    fn keep(
        &mut self,
        number: u32,
        message: &OutgoingMessage<'_>,
        except: Option<(Port, Peer)>,
        out: &mut Outbox,
    ) {
        let framing = self.framing;
        let is_meant = |link: &&mut ReceiverLink| {
            !except.is_some_and(|speaker| is_same_device((link.port, link.peer), speaker))
        };
        for link in self.links.iter_mut().filter(|link| link.is_full).filter(is_meant) {
            link.keep(number, message, framing, out);
        }
    }

    /// Sends a packet to all receivers that have room.
    pub(crate) fn send_packet(&mut self, packet: &[u8], out: &mut Outbox) {
        self.send_now(None, out, |buffer| buffer.extend_from_slice(packet));
    }

    /// Sends the collected bundle. A single message is sent without one.
    pub(crate) fn finish(&mut self, out: &mut Outbox) {
        let batch = std::mem::take(&mut self.batch);
        match std::mem::take(&mut self.batched) {
            0 => {}
            1 => self.send_now(None, out, |buffer| buffer.extend_from_slice(&batch[20..])),
            _ => self.send_now(None, out, |buffer| buffer.extend_from_slice(&batch)),
        }
        self.batch = batch;
        self.batch.clear();
    }

    fn begin_batch(&mut self) -> usize {
        if self.batch.is_empty() {
            begin_bundle(TimeTag::IMMEDIATELY, &mut self.batch);
        }
        self.batch.len()
    }

    fn send_now(&mut self, except: Option<(Port, Peer)>, out: &mut Outbox, encode: impl Fn(&mut Vec<u8>)) {
        let framing = self.framing;
        for link in &mut self.links {
            if link.is_full || except.is_some_and(|speaker| is_same_device((link.port, link.peer), speaker)) {
                continue;
            }
            out.send(link.port, link.peer, |buffer| framing.encode(buffer, &encode));
        }
    }

    /// Records that a stream is full.
    pub(crate) fn handle_full(&mut self, port: Port, peer: Peer) {
        if let Some(link) = self.find(port, peer) {
            link.is_full = true;
        }
    }

    /// Handles a stream that has room again. It receives the events of the meantime. The levels that it has missed follow with
    /// [`continue_refresh`](Self::continue_refresh).
    pub(crate) fn handle_writable(&mut self, port: Port, peer: Peer, out: &mut Outbox) {
        if let Some(link) = self.find(port, peer) {
            link.is_full = false;
            let kept = std::mem::take(&mut link.kept);
            if !kept.is_empty() {
                out.send(link.port, link.peer, |buffer| buffer.extend_from_slice(&kept));
            }
        }
    }

    /// Schedules all states for all receivers.
    pub(crate) fn refresh_all(&mut self) {
        self.links.iter_mut().for_each(ReceiverLink::refresh);
    }

    /// Sends the next few messages to peers that need all states, except what the `speaker` has just sent itself. Returns whether
    /// there are more.
    pub(crate) fn continue_refresh(
        &mut self,
        now: Instant,
        table: &mut MessageTable,
        speaker: Option<Instant>,
        out: &mut Outbox,
    ) -> bool {
        let framing = self.framing;
        let mut is_due = false;
        for link in self.links.iter_mut().filter(|link| !link.is_full) {
            let mut sent = 0;
            let start = link.refresh.unwrap_or(table.len());
            let end = table.len().min(start.saturating_add(SCANNED_AT_ONCE));
            let mut next = start;
            while sent < AT_ONCE && next < end {
                link.missed.remove(&next);
                sent += usize::from(link.give(now, table, next, speaker, framing, out));
                next += 1;
            }
            link.refresh = Some(next).filter(|&next| next < table.len());
            while sent < AT_ONCE
                && link.refresh.is_none()
                && let Some(missed) = link.missed.pop_first()
            {
                sent += usize::from(link.give(now, table, missed, None, framing, out));
            }
            is_due |= link.refresh.is_some() || !link.missed.is_empty();
        }
        is_due
    }
}

impl ReceiverLink {
    /// Schedules all states, from the beginning.
    pub(crate) fn refresh(&mut self) {
        self.refresh = Some(0);
    }

    /// Sends a message if it has a state that the peer needs. Returns whether it has.
    fn give(
        &mut self,
        now: Instant,
        table: &mut MessageTable,
        number: u32,
        speaker: Option<Instant>,
        framing: Framing,
        out: &mut Outbox,
    ) -> bool {
        let Some(message) = table.outgoing(number).filter(|message| message.has_state_for(speaker)) else {
            return false;
        };
        out.send(self.port, self.peer, |buffer| framing.encode(buffer, |out| message.encode(out)));
        // It may cross with a message of that peer.
        message.output.sent_at = now.into();
        true
    }

    /// Stores a message until the stream has room: the last one of a level, and every event.
    fn keep(&mut self, number: u32, message: &OutgoingMessage<'_>, framing: Framing, out: &mut Outbox) {
        if message.is_level() {
            self.missed.insert(number);
        } else if self.kept.len() < MAX_KEPT {
            self.missed.remove(&number);
            framing.encode(&mut self.kept, |buffer| message.encode(buffer));
        } else {
            // The state of the button is sent later.
            self.missed.insert(number);
            let peer = self.peer;
            let text = format!("{peer} does not read its data; presses and commands for it are lost");
            out.notice(Notice::warning("osc-full", text));
        }
    }
}

/// Whether two peers are the same device: apps send from another port than the one they listen on.
fn is_same_device(one: (Port, Peer), other: (Port, Peer)) -> bool {
    match (one, other) {
        ((_, Peer::Address(one)), (_, Peer::Address(other))) => one.ip() == other.ip(),
        _ => one == other,
    }
}
