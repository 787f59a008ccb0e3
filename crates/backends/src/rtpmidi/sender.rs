//! The outgoing stream to one peer: packets with their recovery journal (RFC 6295, clauses 4.2 and 5).
//!
//! A journal repeats what has changed since the last packet that the peer has confirmed. While the journal is not empty, guard
//! packets (clause 4.2) follow at growing intervals, so that the loss of the last packet is repaired too.

use std::collections::BTreeMap;

use crosspatch_core::{Duration, Instant, Outbox, Peer, Port};

use crate::midi::wire::{Message, RunningEncoder};

use super::wire::{Header, Journal, JournalState, JournalSubject, Rtp, SEGMENT, encode_segment};

/// The pauses before guard packets: the first, and the longest.
const FIRST_GUARD: Duration = Duration::from_millis(150);
const LONGEST_GUARD: Duration = Duration::from_secs(1);
/// The most guard packets to a peer that confirms nothing.
const MAX_GUARDS: u32 = 10;

/// How long a state stays in the journal if the peer never confirms anything.
const KEPT: Duration = Duration::from_secs(15);

/// The outgoing stream to one peer.
#[derive(Debug)]
pub(crate) struct PacketSender {
    ssrc: u32,
    to: (Port, Peer),
    /// The number of the next packet, whose lower half is on the wire.
    sequence: u64,
    /// The first packet that the journal covers.
    checkpoint: u64,
    history: BTreeMap<(u16, JournalSubject), Past>,
    /// The MIDI list of the next packet. Its journal entries are in `fresh`.
    list: Vec<u8>,
    running: RunningEncoder,
    fresh: Vec<JournalState>,
    guard_at: Option<Instant>,
    guards: u32,
    /// When the first packet was sent since the peer's last packet.
    unheard_since: Option<Instant>,
    /// Buffers for the journal, reused so that a packet allocates nothing.
    pasts: Vec<Past>,
    journal: Journal,
    encoded: Vec<u8>,
}

/// A state, and the packet that carried it.
#[derive(Copy, Clone, Debug)]
struct Past {
    state: JournalState,
    packet: u64,
    /// Its position in the packet.
    place: usize,
    at: Instant,
}

impl PacketSender {
    /// A stream with this source identifier.
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
            unheard_since: None,
            pasts: Vec::new(),
            journal: Journal::default(),
            encoded: Vec::new(),
        }
    }

    /// Adds a message to the next packet, which [`flush`](Self::flush) sends. A full packet is sent first.
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
            // The delta time to the previous message is zero.
            self.list.push(0);
        }
        self.running.encode(message, &mut self.list);
        self.fresh.extend(JournalState::of(message));
    }

    /// Sends the messages that were pushed.
    pub(crate) fn flush(&mut self, now: Instant, out: &mut Outbox) {
        if self.list.is_empty() {
            return;
        }
        self.send(now, out);
        self.guards = 0;
        self.guard_at = (!self.history.is_empty()).then_some(now + FIRST_GUARD);
    }

    /// Handles receiver feedback: the peer has received or recovered everything up to this packet.
    pub(crate) fn handle_feedback(&mut self, now: Instant, sequence: u16) {
        let last = self.sequence - 1;
        let pending = (last as u16).wrapping_sub(sequence);
        let Some(confirmed) = last.checked_sub(pending.into()).filter(|_| pending < 0x8000) else { return };
        self.history.retain(|_, past| past.packet > confirmed);
        self.checkpoint = self.checkpoint.max(confirmed + 1);
        if self.history.is_empty() {
            self.guard_at = None;
        } else if self.guard_at.is_none() {
            // All guard packets were lost too. The peer answers again, so they are sent again.
            self.guards = 0;
            self.guard_at = Some(now + FIRST_GUARD);
        }
    }

    /// Handles [`next_timeout`](Self::next_timeout).
    pub(crate) fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) {
        if self.guard_at.is_some_and(|at| at <= now) {
            self.send(now, out);
            self.guards += 1;
            let pause = FIRST_GUARD.saturating_mul(1 << self.guards).min(LONGEST_GUARD);
            self.guard_at = (self.guards < MAX_GUARDS).then_some(now + pause);
        }
    }

    /// Records that the peer has sent something.
    pub(crate) fn note_response(&mut self) {
        self.unheard_since = None;
    }

    /// When the first packet was sent that the peer has not responded to.
    pub(crate) fn unanswered_since(&self) -> Option<Instant> {
        self.unheard_since
    }

    /// When the next guard packet is due.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.guard_at
    }

    fn send(&mut self, now: Instant, out: &mut Outbox) {
        let header = Header { sequence: self.sequence as u16, time: ticks(now) as u32, ssrc: self.ssrc };
        let (port, to) = self.to;
        self.encode_journal(now);
        out.send(port, to, |bytes| Rtp::encode(&header, &self.list, Some(&self.encoded), bytes));
        for (place, state) in self.fresh.drain(..).enumerate() {
            let past = Past { state, packet: self.sequence, place, at: now };
            self.history.insert((state.channel.get(), state.what), past);
        }
        self.list.clear();
        self.unheard_since.get_or_insert(now);
        // Running status does not continue across packets, because the previous packet may be lost.
        self.running.reset();
        self.sequence += 1;
    }

    /// Encodes the journal of the next packet: by channel, the oldest state first.
    fn encode_journal(&mut self, now: Instant) {
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
        self.pasts.clear();
        self.pasts.extend(self.history.values());
        self.pasts.sort_unstable_by_key(|past| (past.state.channel, past.packet, past.place));
        self.journal.checkpoint = self.checkpoint as u16;
        self.journal.states.clear();
        self.journal.states.extend(self.pasts.iter().map(|past| past.state));
        self.encoded.clear();
        self.journal.encode(&mut self.encoded);
    }
}

/// The time in units of 100 microseconds, as in RTP headers and clock messages.
pub(crate) fn ticks(now: Instant) -> u64 {
    now.as_micros() / 100
}

#[cfg(test)]
mod tests {
    use super::super::wire::{Packet, describe};
    use super::*;
    use crate::midi::wire::compose;

    fn at(millis: u64) -> Instant {
        Instant::from_micros(millis * 1000)
    }

    /// Sends messages, written as text, and returns the one packet that goes out.
    fn send(sender: &mut PacketSender, now: Instant, text: &str) -> String {
        let (bytes, mut out) = (compose(text).expect("messages"), Outbox::new());
        crate::midi::wire::Parser::default().push(&bytes, |message| {
            sender.push(now, &message.expect("a good message"), &mut out);
        });
        sender.flush(now, &mut out);
        let mut line = String::new();
        describe(out.all_bytes(), &mut line);
        line
    }

    /// Lets time pass until nothing is due, and returns when something was.
    fn guards(sender: &mut PacketSender) -> Vec<u64> {
        let (mut due, mut out) = (Vec::new(), Outbox::new());
        while let Some(now) = sender.next_timeout() {
            sender.handle_timeout(now, &mut out);
            due.push(now.as_micros() / 1000);
        }
        due
    }

    #[test]
    fn a_journal_has_what_is_not_confirmed_the_oldest_first() {
        let mut sender = PacketSender::new(7, Port(1), Peer::Only);
        assert_eq!(
            send(&mut sender, at(0), "cc ch0 9 1, cc ch0 7 1"),
            "rtp 1 at 0 from 00000007: cc ch0 9 1, cc ch0 7 1 | since 1"
        );
        assert_eq!(
            send(&mut sender, at(1), "cc ch0 8 1"),
            "rtp 2 at 10 from 00000007: cc ch0 8 1 | since 1: ch0.cc9=1, ch0.cc7=1"
        );
        sender.handle_feedback(Instant::START, 1);
        assert_eq!(
            send(&mut sender, at(2), "clock"),
            "rtp 3 at 20 from 00000007: clock | since 2: ch0.cc8=1"
        );
        // What has not been sent yet cannot be confirmed, and old feedback changes nothing.
        sender.handle_feedback(Instant::START, 9);
        sender.handle_feedback(Instant::START, 1);
        assert_eq!(
            send(&mut sender, at(3), "clock"),
            "rtp 4 at 30 from 00000007: clock | since 2: ch0.cc8=1"
        );
        sender.handle_feedback(Instant::START, 4);
        assert_eq!(send(&mut sender, at(4), "clock"), "rtp 5 at 40 from 00000007: clock | since 5");
    }

    #[test]
    fn guard_packets_end_when_everything_is_confirmed_or_nothing_ever_is() {
        let mut sender = PacketSender::new(7, Port(1), Peer::Only);
        send(&mut sender, at(0), "cc ch0 7 1");
        assert_eq!(guards(&mut sender), [150, 450, 1050, 2050, 3050, 4050, 5050, 6050, 7050, 8050]);
        send(&mut sender, at(9000), "cc ch0 7 2");
        sender.handle_feedback(Instant::START, 12);
        assert_eq!(guards(&mut sender), [0_u64; 0]);
        send(&mut sender, at(9001), "clock, f0 01 f7");
        assert_eq!(guards(&mut sender), [0_u64; 0], "what is in no journal needs no guard");
    }

    #[test]
    fn late_feedback_repeats_what_the_peer_has_missed() {
        let mut sender = PacketSender::new(7, Port(1), Peer::Only);
        send(&mut sender, at(0), "cc ch0 7 1");
        send(&mut sender, at(1), "cc ch0 7 2");
        assert_eq!(guards(&mut sender).len(), MAX_GUARDS as usize);
        sender.handle_feedback(at(10_000), 1);
        assert_eq!(guards(&mut sender).first(), Some(&10_150));
    }

    #[test]
    fn a_peer_that_never_confirms_anything_gets_a_journal_of_the_last_while() {
        let mut sender = PacketSender::new(7, Port(1), Peer::Only);
        send(&mut sender, at(0), "cc ch0 7 1");
        send(&mut sender, at(10_000), "cc ch0 8 1");
        assert!(send(&mut sender, at(20_000), "clock").ends_with("clock | since 2: ch0.cc8=1"));
        assert!(send(&mut sender, at(40_000), "clock").ends_with("clock | since 4"));
    }

    #[test]
    fn the_numbers_go_round_and_feedback_with_them() {
        let mut sender = PacketSender::new(7, Port(1), Peer::Only);
        sender.sequence = 0xffff;
        sender.checkpoint = 0xffff;
        send(&mut sender, at(0), "cc ch0 7 1");
        assert!(
            send(&mut sender, at(1), "cc ch0 8 1")
                .starts_with("rtp 0 at 10 from 00000007: cc ch0 8 1 | since 65535:")
        );
        sender.handle_feedback(Instant::START, 0xffff);
        assert!(send(&mut sender, at(2), "clock").ends_with("| since 0: ch0.cc8=1"));
    }

    #[test]
    fn a_long_system_exclusive_message_goes_in_segments_that_a_receiver_joins() {
        use super::super::receiver::PacketReceiver;

        let data: Vec<u8> = (0..2500_u16).map(|number| (number % 128) as u8).collect();
        let sysex = crate::midi::wire::SysEx::new(&data).expect("data");
        let (mut sender, mut receiver) =
            (PacketSender::new(7, Port(1), Peer::Only), PacketReceiver::default());
        let mut found = Vec::new();
        for at in (0..data.len()).step_by(SEGMENT) {
            let (mut list, mut packet) = (Vec::new(), Vec::new());
            encode_segment(&data, at, &mut list);
            sender.encode_journal(Instant::START);
            let header = Header { sequence: (at / SEGMENT) as u16, time: 0, ssrc: 7 };
            Rtp::encode(&header, &list, Some(&sender.encoded), &mut packet);
            let Ok(Packet::Rtp(rtp)) = Packet::decode(&packet) else { panic!("no packet") };
            receiver.handle(Instant::START, &rtp, &mut |message| match message {
                Ok(Message::SysEx(sysex)) => found.push(sysex.data().to_vec()),
                other => panic!("{other:?}"),
            });
        }
        assert_eq!(found, [&data[..]]);

        let mut out = Outbox::new();
        sender.push(Instant::START, &Message::SysEx(sysex), &mut out);
        // Three packets, each with its header, the length of its list, the two bytes of the segment, and an empty journal.
        assert_eq!(out.all_bytes().len(), data.len() + 3 * (12 + 2 + 2 + 3));
    }
}
