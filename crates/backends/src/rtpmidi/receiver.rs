//! The incoming stream from one peer: messages in order, with losses repaired from the recovery journal (RFC 6295, clause 5).
//!
//! The journal of the packet after a gap repairs the gap, and packets that arrive later are ignored. If a packet has no
//! journal, the missing packets may still arrive within [`LATE`]. If they do not, all keys that were down before the gap are
//! released: a key that must be pressed again does less harm than one that hangs.

use std::collections::{BTreeMap, BTreeSet};

use crosspatch_core::{Duration, Instant};

use crate::midi::wire::{MAX_SYSEX, Message, SysEx, U4, U7, U14};

use crate::shared::sequence::{NumberWidth, PacketOrder, SequenceTracker, Trouble};

use super::wire::{
    DecodeError, Journal, JournalState, JournalSubject, MidiListItem, ReceivedJournal, Rtp, SegmentEnd,
};

/// How long to wait for a missing packet that may only be late.
const LATE: Duration = Duration::from_millis(20);

/// Receives each message, or the error of one that could not be decoded.
pub(crate) type ReceivedItem<'f> = &'f mut dyn FnMut(Result<&Message<'_>, DecodeError>);

/// The incoming stream from one peer.
#[derive(Debug)]
pub(crate) struct PacketReceiver {
    sequence: SequenceTracker,
    /// The number of the latest packet. It does not wrap, and it advances even if the number on the wire does not.
    last: Option<u64>,
    /// Which of the previous packets are missing and not repaired, the latest in the lowest bit.
    missing: u64,
    /// The last received states, and the packet of each.
    states: BTreeMap<(u16, JournalSubject), (U14, u64)>,
    /// Keys that were down before a gap, and until when the gap may close.
    suspects: BTreeSet<(u16, JournalSubject)>,
    suspects_until: Option<Instant>,
    /// The received part of a system exclusive message.
    sysex: Option<Vec<u8>>,
    /// Whether the peer may have been sending before its first packet arrived, because there is no session.
    joins_late: bool,
}

impl Default for PacketReceiver {
    fn default() -> Self {
        Self {
            sequence: SequenceTracker::new(NumberWidth::RTP),
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

impl PacketReceiver {
    /// The stream of a peer without a session. Its first journal may describe changes that happened long ago: states are taken
    /// from it, and program changes, which are events, are not.
    pub(crate) fn joining_late() -> Self {
        Self { joins_late: true, ..Self::default() }
    }

    /// Handles a packet: passes on the messages that its journal recovers, then its own.
    pub(crate) fn handle(&mut self, now: Instant, rtp: &Rtp<'_>, found: ReceivedItem<'_>) {
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
            (PacketOrder::Newer(step), Some(last)) => last + u64::from(step),
            (PacketOrder::Still, Some(last)) => last + 1,
            (PacketOrder::Again | PacketOrder::Twice, _) => return,
            (PacketOrder::Late(back), Some(last)) => {
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
        // A gap is shorter than half of the number range.
        let lost = self.last.map_or(0, |last| (packet - last - 1) as u32);
        if self.last.is_none() || lost > 0 {
            self.sysex = None;
            self.recover(now, journal.map(ReceivedJournal::read).as_ref(), packet, lost, found);
        } else {
            self.missing <<= 1;
        }
        self.last = Some(packet);
        self.read(rtp, packet, found);
    }

    /// The number of the latest packet, for receiver feedback.
    pub(crate) fn sequence(&self) -> Option<u16> {
        self.sequence.last()
    }

    /// Returns what has been wrong with the peer's sequence numbers since the last call.
    pub(crate) fn take_trouble(&mut self) -> Option<Trouble> {
        self.sequence.take_trouble()
    }

    /// Releases all keys, when the session has ended.
    pub(crate) fn release(&mut self, found: ReceivedItem<'_>) {
        self.suspects = self.keys_that_are_down();
        self.release_suspects(found);
    }

    /// Handles [`next_timeout`](Self::next_timeout).
    pub(crate) fn handle_timeout(&mut self, now: Instant, found: ReceivedItem<'_>) {
        if self.suspects_until.is_some_and(|until| until <= now) {
            if self.missing != 0 {
                self.release_suspects(found);
            }
            (self.suspects_until, self.missing) = (None, 0);
            self.suspects.clear();
        }
    }

    /// When the wait for missing packets ends.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.suspects_until
    }

    /// Repairs the loss of the previous packets, as far as the journal covers them.
    fn recover(
        &mut self,
        now: Instant,
        journal: Option<&Journal>,
        packet: u64,
        lost: u32,
        found: ReceivedItem<'_>,
    ) {
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
        let is_in_journal = |key: &(u16, JournalSubject)| {
            journal.is_some_and(|journal| {
                journal.states.iter().any(|state| (state.channel.get(), state.what) == *key)
            })
        };
        self.suspects.extend(before.into_iter().filter(|key| !is_in_journal(key)));
        self.suspects_until = Some(now + LATE);
    }

    /// Passes on the states of the journal that differ from the last received ones.
    fn replay(&mut self, journal: &Journal, packet: u64, found: ReceivedItem<'_>) {
        for state in &journal.states {
            let key = (state.channel.get(), state.what);
            let known = self.states.get(&key).map(|(number, _)| *number);
            // A key without a known state is up.
            if known == Some(state.number) || (known.is_none() && is_key_up(state)) {
                continue;
            }
            if self.joins_late && self.last.is_none() && state.what == JournalSubject::Program {
                self.states.insert(key, (state.number, packet));
                continue;
            }
            self.pass_on(state, packet, found);
            let Some(lower) = lower_half(state.what) else { continue };
            let listed =
                journal.states.iter().rfind(|other| (other.channel, other.what) == (state.channel, lower));
            let number = listed.map(|other| other.number);
            let number = number.or_else(|| Some(self.states.get(&(key.0, lower))?.0));
            if let Some(number) = number {
                // A controller's upper byte takes effect with the lower byte that follows.
                self.pass_on(&JournalState { what: lower, number, ..*state }, packet, found);
            }
        }
    }

    fn pass_on(&mut self, state: &JournalState, packet: u64, found: ReceivedItem<'_>) {
        self.states.insert((state.channel.get(), state.what), (state.number, packet));
        found(Ok(&state.message()));
    }

    fn read(&mut self, rtp: &Rtp<'_>, packet: u64, found: ReceivedItem<'_>) {
        for item in rtp.list.items() {
            match item {
                Ok(MidiListItem::Message(message)) => {
                    if self.take(&message, packet) {
                        found(Ok(&message));
                    }
                }
                Ok(MidiListItem::Segment { data, is_first, end }) => self.join(data, is_first, end, found),
                Err(error) => found(Err(error)),
            }
        }
    }

    /// Records the state of a message. Returns whether the message is newer than the recorded state.
    fn take(&mut self, message: &Message<'_>, packet: u64) -> bool {
        let Some(state) = JournalState::of(message) else { return true };
        let key = (state.channel.get(), state.what);
        if self.states.get(&key).is_some_and(|(_, latest)| *latest > packet) {
            return false;
        }
        self.states.insert(key, (state.number, packet));
        self.suspects.remove(&key);
        true
    }

    /// Joins the segments of a system exclusive message.
    fn join(&mut self, data: &[u8], is_first: bool, end: SegmentEnd, found: ReceivedItem<'_>) {
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
            SegmentEnd::More => {}
            SegmentEnd::Cancelled => self.sysex = None,
            SegmentEnd::Last => {
                let whole = self.sysex.take().unwrap_or_default();
                if let Some(sysex) = SysEx::new(&whole) {
                    found(Ok(&Message::SysEx(sysex)));
                }
            }
        }
    }

    fn keys_that_are_down(&self) -> BTreeSet<(u16, JournalSubject)> {
        let is_down = |(key, (number, _)): (&(u16, JournalSubject), &(U14, u64))| {
            (matches!(key.1, JournalSubject::Note(_)) && number.get() > 0).then_some(*key)
        };
        self.states.iter().filter_map(is_down).collect()
    }

    fn release_suspects(&mut self, found: ReceivedItem<'_>) {
        for (channel, what) in std::mem::take(&mut self.suspects) {
            let state = JournalState { channel: U4::masked(channel), what, number: U14::default() };
            self.pass_on(&state, self.last.unwrap_or(0), found);
        }
    }
}

fn is_key_up(state: &JournalState) -> bool {
    matches!(state.what, JournalSubject::Note(_)) && state.number.get() == 0
}

/// The controller with the lower half of a controller's number.
fn lower_half(what: JournalSubject) -> Option<JournalSubject> {
    match what {
        JournalSubject::Control(upper) if upper.get() < 32 => {
            Some(JournalSubject::Control(U7::masked(upper.get() + 32)))
        }
        JournalSubject::Control(_)
        | JournalSubject::Program
        | JournalSubject::Pitch
        | JournalSubject::Note(_)
        | JournalSubject::Pressure
        | JournalSubject::KeyPressure(_) => None,
    }
}
