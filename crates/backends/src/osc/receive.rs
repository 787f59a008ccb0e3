//! Input: packets of datagrams and streams, and the messages in them.
//!
//! A pattern may match every mapped message, and a packet may have thousands of patterns. Therefore each call does a bounded
//! amount of work. The rest of the packet is stored, and the session resumes after the others. The patterns of a packet share a
//! budget. When it is used up, each address only receives the last message for it in the rest of the packet, so that the final
//! state is the same.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::ops::Range;

use crosspatch_core::{Closed, Instant, Notice, Outbox, Peer, Port, Session};

use super::options::{Destination, Detect};
use super::pattern;
use super::session::OscSession;
use super::table::DELIVERY;
use super::wire::{Deframer, Message, Messages};

/// The most steps of work in a call, about half a millisecond.
const MOST_STEPS: usize = 200_000;

/// The most steps for the patterns of a packet: enough for several that match all mapped messages.
const PATTERN_BUDGET: usize = 2_000_000;
const PATTERN_BUDGET_PER_MESSAGE: usize = 256;

/// The work that a call has done so far.
#[derive(Default)]
pub(super) struct Effort {
    steps: usize,
    pub(super) refusals: usize,
}

/// A packet whose messages have not all been delivered.
pub(super) struct Unfinished {
    speaker: Option<(Port, Peer)>,
    /// The remaining messages, by their positions.
    bytes: Vec<u8>,
    messages: VecDeque<Range<usize>>,
    /// The candidate at which the pattern of the next message continues.
    candidate: usize,
    /// The remaining budget of patterns, in steps.
    budget: usize,
    /// Set when the budget is used up: messages are delivered in reverse order, to addresses that had none yet.
    settled: Option<Settled>,
}

/// The mapped messages that have received their last message.
#[derive(Default)]
struct Settled {
    is_settled: Vec<bool>,
    count: usize,
}

impl Unfinished {
    fn keep(&mut self, message: &Message<'_>) {
        let start = self.bytes.len();
        message.encode(&mut self.bytes);
        self.messages.push_back(start..self.bytes.len());
    }

    /// Starts the search again, because the mapped messages have changed.
    pub(super) fn begin_again(&mut self) {
        self.candidate = 0;
        self.settled = self.settled.take().map(|_| Settled::default());
    }

    /// Whether the current message is to be delivered to a mapped message.
    fn is_due(&mut self, mapped: u32) -> bool {
        let Some(settled) = &mut self.settled else { return true };
        let at = mapped as usize;
        if settled.is_settled.len() <= at {
            settled.is_settled.resize(at + 1, false);
        }
        let is_due = !std::mem::replace(&mut settled.is_settled[at], true);
        settled.count += usize::from(is_due);
        is_due
    }
}

impl OscSession {
    pub(super) fn handle_stream(
        &mut self,
        now: Instant,
        port: Port,
        from: Peer,
        data: &[u8],
        out: &mut Outbox,
    ) {
        let Some(link) = self.links.find(port, from) else { return };
        if let Some(held) = &mut self.held {
            held.begin(port, from);
        }
        if let Some(due) = link.beginning.add_bytes(now, data) {
            self.judge_at = Some(self.judge_at.map_or(due, |at| at.min(due)));
        }
        let mut deframer = std::mem::replace(&mut link.deframer, Deframer::new(self.config.framing));
        let mut is_osc = false;
        let result = deframer.push(data, |packet| match packet {
            Ok(packet) => is_osc |= self.handle_packet(now, from, packet, out),
            Err(error) => self.refuse(now, from, &[], error, out),
        });
        if let Some(link) = self.links.find(port, from) {
            link.deframer = deframer;
            if is_osc {
                link.beginning.settle();
            } else if link.beginning.is_due(now) {
                self.judge(now, out);
            }
        }
        if let Err(error) = result {
            self.refuse(now, from, &[], error, out);
            out.close(port, from);
            self.handle_close(now, port, from, Closed::Garbage, out);
        }
    }

    /// Returns whether the packet had a valid message.
    pub(super) fn handle_packet(
        &mut self,
        now: Instant,
        from: Peer,
        packet: &[u8],
        out: &mut Outbox,
    ) -> bool {
        let mut rest = Unfinished {
            speaker: self.speaker,
            bytes: Vec::new(),
            messages: VecDeque::new(),
            candidate: 0,
            budget: self.pattern_budget(),
            settled: None,
        };
        let mut is_osc = false;
        for message in Messages::of(packet) {
            match message {
                Ok(message) => {
                    is_osc = true;
                    let must_wait = !self.unfinished.is_empty()
                        || !rest.messages.is_empty()
                        || self.effort.steps >= MOST_STEPS;
                    if must_wait || !self.handle_message(now, from, &message, &mut rest, out) {
                        rest.keep(&message);
                    }
                }
                Err(error) => self.refuse(now, from, packet, error, out),
            }
        }
        if !rest.messages.is_empty() {
            self.unfinished.push_back(rest);
            out.suspend();
        }
        if let (Destination::Learn(port), Peer::Address(address), true) =
            (&self.config.destination, from, is_osc)
        {
            let address = SocketAddr::new(address.ip(), port.unwrap_or(address.port()));
            self.learn(now, address, out);
        }
        is_osc
    }

    /// Continues with packets that need more than one call.
    pub(super) fn continue_packets(&mut self, now: Instant, out: &mut Outbox) {
        while let Some(mut packet) = self.unfinished.pop_front() {
            self.speaker = packet.speaker;
            self.spoken_at = Some(now);
            let Some((port, from)) = packet.speaker else { continue };
            if let Some(held) = &mut self.held {
                held.begin(port, from);
            }
            while !packet.messages.is_empty() {
                if self.effort.steps >= MOST_STEPS {
                    self.unfinished.push_front(packet);
                    return out.suspend();
                }
                self.continue_packet(now, from, &mut packet, out);
            }
        }
    }

    /// Delivers the next message of a packet, or a part of its pattern's matches.
    fn continue_packet(&mut self, now: Instant, from: Peer, packet: &mut Unfinished, out: &mut Outbox) {
        let goes_back = packet.settled.is_some();
        let next = if goes_back { packet.messages.back() } else { packet.messages.front() };
        let bytes = std::mem::take(&mut packet.bytes);
        let message = next.and_then(|range| Message::decode(&bytes[range.clone()]).ok());
        let is_done = message.is_none_or(|message| self.handle_message(now, from, &message, packet, out));
        packet.bytes = bytes;
        let is_turning = !goes_back && packet.settled.is_some();
        if is_done && !is_turning {
            packet.candidate = 0;
            let _: Option<Range<usize>> =
                if goes_back { packet.messages.pop_back() } else { packet.messages.pop_front() };
        }
        if packet.settled.as_ref().is_some_and(|settled| settled.count >= self.table.len() as usize) {
            packet.messages.clear();
        }
    }

    /// Returns whether the message was delivered completely. If not, its pattern has to continue.
    fn handle_message(
        &mut self,
        now: Instant,
        from: Peer,
        message: &Message<'_>,
        packet: &mut Unfinished,
        out: &mut Outbox,
    ) -> bool {
        let address = message.address().as_bytes();
        self.effort.steps += DELIVERY;
        let mut is_done = true;
        let is_mapped = if let Some(found) = self.table.find(address) {
            !packet.is_due(found) || self.table.incoming(found).deliver(now, message, self.held.as_mut(), out)
        } else if pattern::is_pattern(address) {
            let most_steps = MOST_STEPS.saturating_sub(self.effort.steps).clamp(1, packet.budget.max(1));
            let mut matching = std::mem::take(&mut self.matching);
            let search = self.table.find_matching(address, packet.candidate, most_steps, &mut matching);
            // Candidates before this one may have matched.
            let mut is_mapped = packet.candidate > 0;
            for found in matching.drain(..) {
                if packet.is_due(found) {
                    is_mapped |= self.table.incoming(found).deliver(now, message, self.held.as_mut(), out);
                }
            }
            self.matching = matching;
            self.effort.steps += search.steps;
            packet.budget = packet.budget.saturating_sub(search.steps);
            packet.candidate = search.next.unwrap_or(0);
            is_done = search.next.is_none();
            if packet.budget == 0 {
                self.exceed_budget(from, packet, out);
            }
            is_mapped || !is_done
        } else {
            false
        };
        match self.config.detect {
            Detect::Off if is_mapped => {}
            Detect::Off => self.unmapped.record(address, from, out),
            Detect::Unmapped if is_mapped => {}
            Detect::Unmapped | Detect::All => self.detector.record(now, address, from, message, out),
        }
        is_done
    }

    /// Handles a packet whose patterns have used up their budget: each address receives the last message of the rest. If that takes
    /// too long too, the rest is dropped.
    fn exceed_budget(&mut self, from: Peer, packet: &mut Unfinished, out: &mut Outbox) {
        let rest = match packet.settled.replace(Settled::default()) {
            None => "of the rest of the packet, each address gets only the last message",
            Some(_) => {
                packet.messages.clear();
                "the rest of the packet is dropped"
            }
        };
        let text = format!("the patterns in a packet from {from} match too many addresses; {rest}");
        out.notice(Notice::warning("osc-pattern", text));
        packet.candidate = 0;
        packet.budget = self.pattern_budget();
    }

    fn pattern_budget(&self) -> usize {
        PATTERN_BUDGET + PATTERN_BUDGET_PER_MESSAGE * self.table.len() as usize
    }
}
