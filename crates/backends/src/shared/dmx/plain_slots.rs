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
pub(super) struct PlainSlots(Vec<PlainBlock>);

/// 64 slots.
#[derive(Clone, Debug)]
struct PlainBlock {
    /// As in [`OutputSlot`].
    last: [u8; 64],
    before: [u8; 64],
    moves: [u8; 64],
    waiting: [u8; 64],
    /// The levels of a span that is being set.
    incoming: [u8; 64],
    /// The slots with queued steps.
    has_waiting: u64,
    /// The slots that have ever changed.
    has_changed: u64,
    /// The slots that have changed in the current frame, in the one before it, and so on.
    changed_in: [u64; LOOK_BACK + 1],
}

/// What a new level does to a slot.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum SlotChange {
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
        let zeros = [0; 64];
        let block = PlainBlock {
            last: zeros,
            before: zeros,
            moves: zeros,
            waiting: zeros,
            incoming: zeros,
            has_waiting: 0,
            has_changed: 0,
            changed_in: [0; LOOK_BACK + 1],
        };
        self.0.resize(len.div_ceil(64), block);
    }

    /// The state of a slot in the frame with this number.
    pub(super) fn load(&self, position: u16, number: u32) -> OutputSlot {
        let (block, at) = (&self.0[usize::from(position / 64)], usize::from(position % 64));
        let frames_ago = block.changed_in.iter().position(|changed| changed >> at & 1 != 0);
        let changed_in = match frames_ago {
            Some(frames) => number.wrapping_sub(frames as u32),
            None if block.has_changed >> at & 1 != 0 => number.wrapping_sub(LOOK_BACK as u32 + 1).max(1),
            None => 0,
        };
        OutputSlot {
            place: Place { coarse: position, fine: None },
            last: block.last[at].into(),
            before: block.before[at].into(),
            changed_in,
            waiting: block.waiting[at],
            moves: block.moves[at],
        }
    }

    /// Stores the state of a slot that is new, or that has changed in the frame with this number or not at all.
    pub(super) fn save(&mut self, slot: &OutputSlot, number: u32) {
        let position = slot.place.coarse;
        let (block, at) = (&mut self.0[usize::from(position / 64)], usize::from(position % 64));
        (block.last[at], block.before[at]) = (slot.last as u8, slot.before as u8);
        (block.moves[at], block.waiting[at]) = (slot.moves, slot.waiting);
        let bit = 1 << at;
        set(&mut block.has_waiting, bit, slot.waiting > 0);
        set(&mut block.has_changed, bit, slot.changed_in > 0);
        if slot.changed_in == 0 {
            block.changed_in.iter_mut().for_each(|changed| *changed &= !bit);
        } else if slot.changed_in == number {
            block.changed_in[0] |= bit;
        }
    }

    /// Sets the level of one slot.
    #[inline]
    pub(super) fn set(&mut self, position: u16, level: u8, frame: &mut [u8], turn: &Turn) -> SlotChange {
        let (block, at) = (&mut self.0[usize::from(position / 64)], usize::from(position % 64));
        let bit = 1 << at;
        if block.last[at] == level && block.has_changed & bit != 0 {
            return SlotChange::None;
        }
        if (block.has_waiting | block.changed_within(turn.fresh)) & bit != 0 {
            return SlotChange::Again;
        }
        let goes_on = block.changed_within(turn.reach) & bit != 0;
        block.moves[at] = if goes_on { block.moves[at] << 1 | turn.frame } else { 0 };
        block.before[at] = std::mem::replace(&mut block.last[at], level);
        frame[usize::from(position)] = level;
        block.changed_in[0] |= bit;
        block.has_changed |= bit;
        SlotChange::Done
    }

    /// Writes levels of a span from a position on, for [`set_block`](Self::set_block).
    pub(super) fn put_incoming(&mut self, position: usize, levels: &[u8], nearest: Option<&[u8; 256]>) {
        let (mut block, mut at, mut levels) = (position / 64, position % 64, levels);
        while !levels.is_empty() {
            let (now, later) = levels.split_at(levels.len().min(64 - at));
            let incoming = &mut self.0[block].incoming[at..at + now.len()];
            match nearest {
                None => incoming.copy_from_slice(now),
                Some(nearest) => {
                    for (to, level) in incoming.iter_mut().zip(now) {
                        *to = nearest[usize::from(*level)];
                    }
                }
            }
            (block, at, levels) = (block + 1, 0, later);
        }
    }

    /// The level of a slot that a span brings.
    pub(super) fn incoming(&self, position: usize) -> u8 {
        self.0[position / 64].incoming[position % 64]
    }

    /// Sets the levels of those slots of a block whose bit is set to the incoming ones. `frame` has the levels of the
    /// block. Returns whether any has changed, and which have to be set one by one.
    pub(super) fn set_block(
        &mut self,
        block: usize,
        wanted: u64,
        frame: &mut [u8],
        turn: &Turn,
    ) -> (bool, u64) {
        let block = &mut self.0[block];
        let moving = wanted & (bits::differing_block(&block.incoming, &block.last) | !block.has_changed);
        let again = moving & (block.has_waiting | block.changed_within(turn.fresh));
        let now = moving & !again;
        if now == 0 {
            return (false, again);
        }
        let goes_on = block.changed_within(turn.reach);
        let moved = block.moves.map(|moves| moves << 1 | turn.frame);
        bits::copy_block_where(now & goes_on, &moved, &mut block.moves);
        bits::copy_block_where(now & !goes_on, &[0; 64], &mut block.moves);
        bits::copy_block_where(now, &block.last, &mut block.before);
        bits::copy_block_where(now, &block.incoming, &mut block.last);
        bits::copy_where(now, &block.incoming, frame);
        block.changed_in[0] |= now;
        block.has_changed |= now;
        (true, again)
    }

    /// A frame has been sent; the next one begins.
    pub(super) fn begin_frame(&mut self) {
        for PlainBlock { changed_in, .. } in &mut self.0 {
            changed_in.rotate_right(1);
            changed_in[0] = 0;
        }
    }
}

impl PlainBlock {
    /// The slots that have changed at most this many frames ago.
    #[inline]
    fn changed_within(&self, frames: u32) -> u64 {
        let [now, before, earlier, earliest] = self.changed_in;
        match frames {
            0 => now,
            1 => now | before,
            2 => now | before | earlier,
            _ => now | before | earlier | earliest,
        }
    }
}

fn set(word: &mut u64, bit: u64, on: bool) {
    *word = if on { *word | bit } else { *word & !bit };
}
