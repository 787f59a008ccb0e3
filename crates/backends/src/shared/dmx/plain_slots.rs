//! The slots of a sent universe that one 8-bit channel each writes: the state of all of them side by side, so that a span
//! changes 64 of them at a time.
//!
//! The rules are those of [`Output`](super::Output), which decides about single slots, and about those that a span cannot
//! change at once: a slot that has just changed, or one with queued steps.

use crosspatch_core::bits;

use super::Place;
use super::output::{LOOK_BACK, OutputSlot, Turn};

/// The slots by their positions in the frame. Those of other channels are unused.
#[derive(Debug, Default)]
pub(super) struct PlainSlots {
    /// As in [`OutputSlot`].
    last: Vec<u8>,
    before: Vec<u8>,
    moves: Vec<u8>,
    waiting: Vec<u8>,
    /// The slots with queued steps.
    has_waiting: Vec<u64>,
    /// The slots that have changed in the current frame, in the one before it, and so on.
    changed_in: Vec<[u64; LOOK_BACK + 1]>,
    /// The slots that have ever changed.
    has_changed: Vec<u64>,
    /// The levels of a span that is being set.
    incoming: Vec<u8>,
}

/// What a new level does to a slot.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It has this level.
    None,
    /// It has changed.
    Done,
    /// It has just changed, or has queued steps: the rules for short presses apply.
    Again,
}

impl PlainSlots {
    /// Makes room for a frame of this length.
    pub(super) fn resize(&mut self, len: usize) {
        for bytes in
            [&mut self.last, &mut self.before, &mut self.moves, &mut self.waiting, &mut self.incoming]
        {
            bytes.resize(len, 0);
        }
        let words = len.div_ceil(64);
        self.has_waiting.resize(words, 0);
        self.changed_in.resize(words, [0; LOOK_BACK + 1]);
        self.has_changed.resize(words, 0);
    }

    /// The state of a slot in the frame with this number.
    pub(super) fn load(&self, position: u16, number: u32) -> OutputSlot {
        let (at, (word, bit)) = (usize::from(position), place(position));
        let frames_ago = self.changed_in[word].iter().position(|changed| changed & bit != 0);
        let changed_in = match frames_ago {
            Some(frames) => number.wrapping_sub(frames as u32),
            None if self.has_changed[word] & bit != 0 => number.wrapping_sub(LOOK_BACK as u32 + 1).max(1),
            None => 0,
        };
        OutputSlot {
            place: Place { coarse: position, fine: None },
            last: self.last[at].into(),
            before: self.before[at].into(),
            changed_in,
            waiting: self.waiting[at],
            moves: self.moves[at],
        }
    }

    /// Stores the state of a slot that is new, or that has changed in the frame with this number or not at all.
    pub(super) fn save(&mut self, slot: &OutputSlot, number: u32) {
        let position = slot.place.coarse;
        let (at, (word, bit)) = (usize::from(position), place(position));
        (self.last[at], self.before[at]) = (slot.last as u8, slot.before as u8);
        (self.moves[at], self.waiting[at]) = (slot.moves, slot.waiting);
        set(&mut self.has_waiting[word], bit, slot.waiting > 0);
        set(&mut self.has_changed[word], bit, slot.changed_in > 0);
        if slot.changed_in == 0 {
            self.changed_in[word].iter_mut().for_each(|changed| *changed &= !bit);
        } else if slot.changed_in == number {
            self.changed_in[word][0] |= bit;
        }
    }

    /// Sets the level of one slot.
    #[inline]
    pub(super) fn set(&mut self, position: u16, level: u8, frame: &mut [u8], turn: &Turn) -> Change {
        let (at, (word, bit)) = (usize::from(position), place(position));
        if self.last[at] == level && self.has_changed[word] & bit != 0 {
            return Change::None;
        }
        let changed_in = &mut self.changed_in[word];
        if (self.has_waiting[word] | within(changed_in, turn.fresh)) & bit != 0 {
            return Change::Again;
        }
        let goes_on = within(changed_in, turn.reach) & bit != 0;
        self.moves[at] = if goes_on { self.moves[at] << 1 | turn.frame } else { 0 };
        self.before[at] = std::mem::replace(&mut self.last[at], level);
        frame[at] = level;
        changed_in[0] |= bit;
        self.has_changed[word] |= bit;
        Change::Done
    }

    /// The levels from a position on, to be written before [`set_word`](Self::set_word).
    pub(super) fn incoming(&mut self, position: usize, len: usize) -> &mut [u8] {
        &mut self.incoming[position..position + len]
    }

    /// The level of a slot that a span brings.
    pub(super) fn incoming_level(&self, position: usize) -> u8 {
        self.incoming[position]
    }

    /// Sets the levels of those of 64 slots whose bit is set to [`incoming`](Self::incoming). Returns whether any has
    /// changed, and which have to be set one by one.
    pub(super) fn set_word(
        &mut self,
        word: usize,
        wanted: u64,
        frame: &mut [u8],
        turn: &Turn,
    ) -> (bool, u64) {
        let slots = word * 64..(word * 64 + 64).min(self.last.len());
        let (new, last) = (&self.incoming[slots.clone()], &mut self.last[slots.clone()]);
        let changed_in = &mut self.changed_in[word];
        let moving = wanted & (bits::differing(new, last) | !self.has_changed[word]);
        let again = moving & (self.has_waiting[word] | within(changed_in, turn.fresh));
        let now = moving & !again;
        if now == 0 {
            return (false, again);
        }
        let goes_on = within(changed_in, turn.reach);
        let moves = &mut self.moves[slots.clone()];
        if now & goes_on != 0 {
            let frame = bits::eight(turn.frame);
            let shift = |_, moves| (moves & !bits::eight(0x80)) << 1 | frame;
            bits::change_where(now & goes_on, new, moves, shift, |_, moves| moves << 1 | turn.frame);
        }
        if now & !goes_on != 0 {
            bits::change_where(now & !goes_on, new, moves, |_, _| 0, |_, _| 0);
        }
        bits::copy_where(now, last, &mut self.before[slots.clone()]);
        bits::copy_where(now, new, last);
        bits::copy_where(now, new, &mut frame[slots]);
        changed_in[0] |= now;
        self.has_changed[word] |= now;
        (true, again)
    }

    /// A frame has been sent; the next one begins.
    pub(super) fn begin_frame(&mut self) {
        for changed_in in &mut self.changed_in {
            changed_in.rotate_right(1);
            changed_in[0] = 0;
        }
    }
}

/// The word and the bit of a position.
#[inline]
fn place(position: u16) -> (usize, u64) {
    (usize::from(position / 64), 1 << (position % 64))
}

fn set(word: &mut u64, bit: u64, on: bool) {
    *word = if on { *word | bit } else { *word & !bit };
}

/// The slots that have changed at most this many frames ago.
#[inline]
fn within(changed_in: &[u64; LOOK_BACK + 1], frames: u32) -> u64 {
    changed_in[..=frames as usize].iter().fold(0, |all, changed| all | changed)
}
