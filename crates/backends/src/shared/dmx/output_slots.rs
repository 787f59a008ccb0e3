//! The state of the slots of a sent universe, by the rules of [`Output`](super::Output).
//!
//! Slots that one 8-bit channel each writes have their state side by side, so that a span changes 64 of them at a time
//! ([`PlainSlots`]). [`Output`](super::Output) decides about all others one by one, and about those that cannot change at
//! once: a slot that has just changed, or one with queued steps.

use crosspatch_core::{Instant, bits};

use super::Place;

/// The number of recent frames whose send times are stored.
pub(super) const LOOK_BACK: usize = 3;

/// The state shared by all values of one moment.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Turn {
    pub(super) now: Instant,
    /// Counts the turns, and the frames within a turn.
    pub(super) serial: u64,
    /// The number of the current frame, which has not been sent yet.
    pub(super) number: u32,
    /// The number of recent frames whose levels are short presses if they turn back.
    pub(super) fresh: u32,
    /// A channel that changed at most this many frames ago is still moving; 0 if frames do not follow each other.
    pub(super) reach: u32,
    /// 1 if these values are a frame of a source, judging by the time since the previous values; otherwise 0.
    pub(super) frame: u8,
}

/// The state of a slot or a 16-bit channel.
#[derive(Copy, Clone, Debug)]
pub(super) struct OutputSlot {
    pub(super) place: Place,
    /// The level after all queued steps, and the one before that.
    pub(super) last: u16,
    pub(super) before: u16,
    /// The number of the frame in which the level last changed.
    pub(super) changed_in: u32,
    pub(super) waiting: u8,
    /// Which of the last changes came in consecutive frames of a source, one bit each.
    pub(super) moves: u8,
}

impl OutputSlot {
    /// Changes the level.
    #[inline]
    pub(super) fn change(&mut self, frame: &mut [u8], level: u16, turn: &Turn) {
        let goes_on = turn.number.wrapping_sub(self.changed_in) <= turn.reach;
        self.moves = if goes_on { self.moves << 1 | turn.frame } else { 0 };
        self.before = std::mem::replace(&mut self.last, level);
        self.changed_in = turn.number;
        self.place.write(frame, level);
    }
}

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
    /// The slots that have changed in the frame `number`, in the one before it, and so on.
    changed_in: [u64; LOOK_BACK + 1],
    number: u32,
    /// The turn for which the rest holds.
    turn: u64,
    /// The slots that have just changed, or have queued steps.
    again: u64,
    /// The slots that have changed so recently that they go on moving.
    goes_on: u64,
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
            number: 0,
            turn: 0,
            again: 0,
            goes_on: 0,
        };
        self.0.resize(len.div_ceil(64), block);
    }

    /// The state of a slot.
    pub(super) fn load(&self, position: u16) -> OutputSlot {
        let (block, at) = (&self.0[usize::from(position / 64)], usize::from(position % 64));
        let frames_ago = block.changed_in.iter().position(|changed| changed >> at & 1 != 0);
        let changed_in = match frames_ago {
            Some(frames) => block.number.wrapping_sub(frames as u32),
            None if block.has_changed >> at & 1 != 0 => {
                block.number.wrapping_sub(LOOK_BACK as u32 + 1).max(1)
            }
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

    /// Stores the state of a slot that is new, or that has changed in the current frame or not at all.
    pub(super) fn save(&mut self, slot: &OutputSlot, turn: &Turn) {
        let position = slot.place.coarse;
        let (block, at) = (&mut self.0[usize::from(position / 64)], usize::from(position % 64));
        block.begin_turn(turn);
        (block.last[at], block.before[at]) = (slot.last as u8, slot.before as u8);
        (block.moves[at], block.waiting[at]) = (slot.moves, slot.waiting);
        let bit = 1 << at;
        set(&mut block.has_waiting, bit, slot.waiting > 0);
        set(&mut block.has_changed, bit, slot.changed_in > 0);
        if slot.changed_in == 0 {
            block.changed_in.iter_mut().for_each(|changed| *changed &= !bit);
        } else if slot.changed_in == turn.number {
            block.changed_in[0] |= bit;
        }
        block.sum_up(turn);
    }

    /// Sets the level of one slot.
    #[inline]
    pub(super) fn set(&mut self, position: u16, level: u8, frame: &mut [u8], turn: &Turn) -> SlotChange {
        let (block, at) = (&mut self.0[usize::from(position / 64)], usize::from(position % 64));
        let bit = 1 << at;
        if block.last[at] == level && block.has_changed & bit != 0 {
            return SlotChange::None;
        }
        if block.turn != turn.serial {
            block.begin_turn(turn);
        }
        if block.again & bit != 0 {
            return SlotChange::Again;
        }
        let moves = block.moves[at] << 1 | turn.frame;
        block.moves[at] = if block.goes_on & bit != 0 { moves } else { 0 };
        block.before[at] = std::mem::replace(&mut block.last[at], level);
        frame[usize::from(position)] = level;
        block.mark(bit);
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
        if block.turn != turn.serial {
            block.begin_turn(turn);
        }
        let moving = wanted & (bits::differing_block(&block.incoming, &block.last) | !block.has_changed);
        let (now, again) = (moving & !block.again, moving & block.again);
        if now == 0 {
            return (false, again);
        }
        let moved = block.moves.map(|moves| moves << 1 | turn.frame);
        bits::copy_block_where(now & block.goes_on, &moved, &mut block.moves);
        bits::copy_block_where(now & !block.goes_on, &[0; 64], &mut block.moves);
        bits::copy_block_where(now, &block.last, &mut block.before);
        bits::copy_block_where(now, &block.incoming, &mut block.last);
        bits::copy_where(now, &block.incoming, frame);
        block.mark(now);
        (true, again)
    }
}

impl PlainBlock {
    /// Called before the first change in a turn, and in a frame.
    #[inline(never)]
    fn begin_turn(&mut self, turn: &Turn) {
        let [now, before, earlier, _] = self.changed_in;
        self.changed_in = match turn.number.wrapping_sub(self.number) {
            0 => self.changed_in,
            1 => [0, now, before, earlier],
            2 => [0, 0, now, before],
            3 => [0, 0, 0, now],
            _ => [0; LOOK_BACK + 1],
        };
        self.number = turn.number;
        self.sum_up(turn);
    }

    fn sum_up(&mut self, turn: &Turn) {
        self.again = self.has_waiting | self.changed_within(turn.fresh);
        self.goes_on = self.changed_within(turn.reach);
        self.turn = turn.serial;
    }

    /// The slots that have changed at most this many frames ago.
    fn changed_within(&self, frames: u32) -> u64 {
        let [now, before, earlier, earliest] = self.changed_in;
        match frames {
            0 => now,
            1 => now | before,
            2 => now | before | earlier,
            _ => now | before | earlier | earliest,
        }
    }

    /// Slots have changed.
    #[inline]
    fn mark(&mut self, slots: u64) {
        self.changed_in[0] |= slots;
        self.has_changed |= slots;
        self.again |= slots;
    }
}

fn set(word: &mut u64, bit: u64, on: bool) {
    *word = if on { *word | bit } else { *word & !bit };
}
