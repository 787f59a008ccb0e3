//! The way from one peer: messages in their order, and what the journal brings back after a loss (RFC 6295, clause 5).
//!
//! A packet behind a gap makes up for it with its journal, and what comes late is passed over. A peer without a journal gets
//! a moment for what may only be late; if that does not come, all keys that were down before the gap are released: one that
//! has to be struck again does less harm than one that hangs.

use std::collections::{BTreeMap, BTreeSet};

use crosspatch_core::{Duration, Instant};

use crate::midi::wire::{MAX_SYSEX, Message, SysEx, U4, U7, U14};

use crate::shared::sequence::{Numbers, Sequence, Trouble, Verdict};

use super::wire::{DecodeError, End, Item, Journal, Received, Rtp, State, What};

/// How long a packet that may only be late is waited for.
const LATE: Duration = Duration::from_millis(20);

/// A received message or event.
pub(crate) type Found<'f> = &'f mut dyn FnMut(Result<&Message<'_>, DecodeError>);

/// The packets that come from one peer.
#[derive(Debug)]
pub(crate) struct Receiver {
    sequence: Sequence,
    /// The number of the latest packet. It does not go round, and moves also if that on the wire never does.
    last: Option<u64>,
    /// Which of the packets before it have not come and are not made up for, the nearest in the lowest bit.
    missing: u64,
    /// The states as they were received, and with which packet.
    states: BTreeMap<(u16, What), (U14, u64)>,
    /// Keys that were down before a gap, and until when the gap may close.
    suspects: BTreeSet<(u16, What)>,
    suspects_until: Option<Instant>,
    /// A system exclusive message that has begun.
    sysex: Option<Vec<u8>>,
    /// Whether the peer may have sent for long before its first packet came, as there is no session.
    joins_late: bool,
}

impl Default for Receiver {
    fn default() -> Self {
        Self {
            sequence: Sequence::new(Numbers::RTP),
            last: None,
            missing: 0,
            states: BTreeMap::new(),
            suspects: BTreeSet::new(),
            suspects_until: None,
            sysex: None,
            joins_late: false,
        }
    }
}

impl Receiver {
    /// Of a peer without a session. What its first journal lists may have been heard long ago, by whoever stood here then: states
    /// are taken from it, and a program, which is an event, is not called again.
    pub(crate) fn joining_late() -> Self {
        Self { joins_late: true, ..Self::default() }
    }

    /// Takes a packet and hands out its messages, those of its journal first that were lost.
    pub(crate) fn handle(&mut self, now: Instant, rtp: &Rtp<'_>, found: Found<'_>) {
        let sequence = rtp.header.sequence;
        let journal = match rtp.journal {
            Some(Ok(journal)) => Some(journal),
            Some(Err(error)) => {
                found(Err(error));
                None
            }
            None => None,
        };
        let packet = match (self.sequence.check(now, sequence), self.last) {
            (Verdict::Newer(step), Some(last)) => last + u64::from(step),
            (Verdict::Still, Some(last)) => last + 1,
            (Verdict::Again | Verdict::Twice, _) => return,
            (Verdict::Late(back), Some(last)) => {
                let bit = 1 << (back - 1);
                if journal.is_none() && self.missing & bit != 0 {
                    self.missing &= !bit;
                    self.read(rtp, last - u64::from(back), found);
                } else {
                    self.sequence.leave_out(now);
                }
                return;
            }
            _ => {
                self.release(found);
                let (numbers, joins_late) = (self.sequence.clone(), self.joins_late);
                *self = Self { sequence: numbers, joins_late, ..Self::default() };
                0x1_0000 + u64::from(sequence)
            }
        };
        // A gap is shorter than half of all numbers.
        let lost = self.last.map_or(0, |last| (packet - last - 1) as u32);
        if self.last.is_none() || lost > 0 {
            self.sysex = None;
            self.recover(now, journal.map(Received::read).as_ref(), packet, lost, found);
        } else {
            self.missing <<= 1;
        }
        self.last = Some(packet);
        self.read(rtp, packet, found);
    }

    /// The number of the latest packet, for the feedback.
    pub(crate) fn sequence(&self) -> Option<u16> {
        self.sequence.last()
    }

    /// What an operator should know of the peer's sequence numbers since the last call.
    pub(crate) fn take_trouble(&mut self) -> Option<Trouble> {
        self.sequence.take_trouble()
    }

    /// Nothing more comes from the peer: its keys are released.
    pub(crate) fn release(&mut self, found: Found<'_>) {
        self.suspects = self.keys_that_are_down();
        self.release_suspects(found);
    }

    /// The time of [`next_timeout`](Self::next_timeout) has come.
    pub(crate) fn handle_timeout(&mut self, now: Instant, found: Found<'_>) {
        if self.suspects_until.is_some_and(|until| until <= now) {
            if self.missing != 0 {
                self.release_suspects(found);
            }
            (self.suspects_until, self.missing) = (None, 0);
            self.suspects.clear();
        }
    }

    /// Until when a gap may close.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.suspects_until
    }

    /// Makes up for the loss of the packets before this one, as far as the journal goes.
    fn recover(&mut self, now: Instant, journal: Option<&Journal>, packet: u64, lost: u32, found: Found<'_>) {
        let missing = if lost >= 64 { u64::MAX } else { (1 << lost) - 1 };
        self.missing = self.missing.checked_shl(lost + 1).unwrap_or(0) | missing;
        let before = self.keys_that_are_down();
        let first_lost = (packet as u16).wrapping_sub(lost as u16);
        let covers = |journal: &Journal| (journal.checkpoint.wrapping_sub(first_lost) as i16) <= 0;
        if let Some(journal) = journal {
            self.replay(journal, packet, found);
        }
        if journal.is_some_and(covers) || lost == 0 {
            self.missing = 0;
            return;
        }
        let is_told = |key: &(u16, What)| {
            journal.is_some_and(|journal| {
                journal.states.iter().any(|state| (state.channel.get(), state.what) == *key)
            })
        };
        self.suspects.extend(before.into_iter().filter(|key| !is_told(key)));
        self.suspects_until = Some(now + LATE);
    }

    /// Hands out what the journal says and what was not known.
    fn replay(&mut self, journal: &Journal, packet: u64, found: Found<'_>) {
        for state in &journal.states {
            let key = (state.channel.get(), state.what);
            let known = self.states.get(&key).map(|(number, _)| *number);
            // A key of which nothing is known is up.
            if known == Some(state.number) || (known.is_none() && is_key_up(state)) {
                continue;
            }
            if self.joins_late && self.last.is_none() && state.what == What::Program {
                self.states.insert(key, (state.number, packet));
                continue;
            }
            self.tell(state, packet, found);
            let Some(lower) = lower_half(state.what) else { continue };
            let told =
                journal.states.iter().rfind(|other| (other.channel, other.what) == (state.channel, lower));
            let number = told.map(|other| other.number);
            let number = number.or_else(|| Some(self.states.get(&(key.0, lower))?.0));
            if let Some(number) = number {
                // The upper half of a number would count alone without the lower one.
                self.tell(&State { what: lower, number, ..*state }, packet, found);
            }
        }
    }

    fn tell(&mut self, state: &State, packet: u64, found: Found<'_>) {
        self.states.insert((state.channel.get(), state.what), (state.number, packet));
        found(Ok(&state.message()));
    }

    fn read(&mut self, rtp: &Rtp<'_>, packet: u64, found: Found<'_>) {
        for item in rtp.list.items() {
            match item {
                Ok(Item::Message(message)) => {
                    if self.take(&message, packet) {
                        found(Ok(&message));
                    }
                }
                Ok(Item::Segment { data, is_first, end }) => self.join(data, is_first, end, found),
                Err(error) => found(Err(error)),
            }
        }
    }

    /// Takes note of a message; says whether it is not overtaken by a later one.
    fn take(&mut self, message: &Message<'_>, packet: u64) -> bool {
        let Some(state) = State::of(message) else { return true };
        let key = (state.channel.get(), state.what);
        if self.states.get(&key).is_some_and(|(_, latest)| *latest > packet) {
            return false;
        }
        self.states.insert(key, (state.number, packet));
        self.suspects.remove(&key);
        true
    }

    /// Puts the segments of a system exclusive message together.
    fn join(&mut self, data: &[u8], is_first: bool, end: End, found: Found<'_>) {
        if is_first {
            self.sysex = Some(Vec::new());
        }
        let Some(sysex) = &mut self.sysex else { return };
        sysex.extend_from_slice(data);
        if sysex.len() > MAX_SYSEX {
            self.sysex = None;
            return found(Err(DecodeError::Midi(crate::midi::wire::DecodeError::TooLong)));
        }
        match end {
            End::More => {}
            End::Cancelled => self.sysex = None,
            End::Last => {
                let whole = self.sysex.take().unwrap_or_default();
                if let Some(sysex) = SysEx::new(&whole) {
                    found(Ok(&Message::SysEx(sysex)));
                }
            }
        }
    }

    fn keys_that_are_down(&self) -> BTreeSet<(u16, What)> {
        let is_down = |(key, (number, _)): (&(u16, What), &(U14, u64))| {
            (matches!(key.1, What::Note(_)) && number.get() > 0).then_some(*key)
        };
        self.states.iter().filter_map(is_down).collect()
    }

    fn release_suspects(&mut self, found: Found<'_>) {
        for (channel, what) in std::mem::take(&mut self.suspects) {
            let state = State { channel: U4::masked(channel), what, number: U14::default() };
            self.tell(&state, self.last.unwrap_or(0), found);
        }
    }
}

fn is_key_up(state: &State) -> bool {
    matches!(state.what, What::Note(_)) && state.number.get() == 0
}

/// The controller with the lower half of a controller's number.
fn lower_half(what: What) -> Option<What> {
    match what {
        What::Control(upper) if upper.get() < 32 => Some(What::Control(U7::masked(upper.get() + 32))),
        What::Control(_)
        | What::Program
        | What::Pitch
        | What::Note(_)
        | What::Pressure
        | What::KeyPressure(_) => None,
    }
}
