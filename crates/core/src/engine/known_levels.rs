//! The last values of channels that get spans: a byte each.
//!
//! A span is stored as it is, with the numbers that its levels stand for. In the steady state that is a copy of its bytes; a channel that also gets
//! single values leaves and returns.

use std::sync::Arc;

use crate::span::{LevelNumbers, is_same, number_of};
use crate::{SlotSpan, bits};

/// Levels of channels, in blocks of 64 whose levels stand for the same numbers.
pub(super) struct KnownLevels {
    levels: Vec<u8>,
    /// Which channels have their last value here.
    held: Vec<u64>,
    /// What the levels of each block stand for.
    numbers: Vec<Option<Arc<LevelNumbers>>>,
}

impl KnownLevels {
    /// Levels of that many channels, without a value.
    pub(super) fn new(channels: usize) -> Self {
        let mut new = Self { levels: Vec::new(), held: Vec::new(), numbers: Vec::new() };
        new.resize(channels);
        new
    }

    pub(super) fn resize(&mut self, channels: usize) {
        let blocks = channels.div_ceil(64);
        self.levels.resize(blocks * 64, 0);
        self.held.resize(blocks, 0);
        self.numbers.resize(blocks, None);
    }

    /// The number of a channel that has its last value here.
    pub(super) fn get(&self, slot: usize) -> Option<f64> {
        let block = slot / 64;
        let is_held = self.held[block] >> (slot % 64) & 1 != 0;
        is_held.then(|| number_of(self.numbers[block].as_ref(), self.levels[slot]))
    }

    /// The last value of the channel is no longer here.
    pub(super) fn remove(&mut self, slot: usize) {
        self.held[slot / 64] &= !(1 << (slot % 64));
    }

    /// Stores a span. Passes to `elsewhere` the channels whose values were elsewhere, and those with numbers that have to go
    /// elsewhere, because the levels of their block stand for other numbers now.
    pub(super) fn put(&mut self, span: &SlotSpan<'_>, mut elsewhere: impl FnMut(usize, Option<f64>)) {
        let first = span.first.index();
        let end = first + span.levels.len();
        for block in first / 64..end.div_ceil(64) {
            let start = block * 64;
            let changed = span.changed(start as isize - first as isize);
            if changed == 0 {
                continue;
            }
            if !is_same(self.numbers[block].as_ref(), span.numbers()) {
                let leaving = self.held[block] & !changed;
                bits::each(leaving).for_each(|at| elsewhere(start + at, self.get(start + at)));
                self.held[block] &= changed;
                self.numbers[block] = span.numbers().cloned();
            }
            if changed & !self.held[block] != 0 {
                bits::each(changed & !self.held[block]).for_each(|at| elsewhere(start + at, None));
                self.held[block] |= changed;
            }
            let (from, to) = (start.max(first), (start + 64).min(end));
            let levels = &span.levels[from - first..to - first];
            bits::copy_where(changed >> (from - start), levels, &mut self.levels[from..to]);
        }
    }
}
