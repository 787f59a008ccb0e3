//! The last values of channels that get spans: a byte each.
//!
//! A span is stored as it is, with the numbers that its levels stand for. In the steady state that is a copy of its bytes; a channel that also gets
//! single values leaves and returns.

use std::sync::Arc;

use crate::span::{LevelNumbers, is_same, number_of};
use crate::{SlotSpan, bits};

/// Levels of channels.
pub(super) struct KnownLevels(Vec<KnownBlock>);

/// 64 channels, whose levels stand for the same numbers.
#[derive(Clone)]
struct KnownBlock {
    levels: [u8; 64],
    /// Which channels have their last value here.
    held: u64,
    numbers: Option<Arc<LevelNumbers>>,
}

impl KnownLevels {
    /// Levels of that many channels, without a value.
    pub(super) fn new(channels: usize) -> Self {
        let mut new = Self(Vec::new());
        new.resize(channels);
        new
    }

    pub(super) fn resize(&mut self, channels: usize) {
        self.0.resize(channels.div_ceil(64), KnownBlock { levels: [0; 64], held: 0, numbers: None });
    }

    /// The number of a channel that has its last value here.
    pub(super) fn get(&self, slot: usize) -> Option<f64> {
        self.0[slot / 64].get(slot % 64)
    }

    /// The last value of the channel is no longer here.
    pub(super) fn remove(&mut self, slot: usize) {
        self.0[slot / 64].held &= !(1 << (slot % 64));
    }

    /// Stores a span. Passes to `elsewhere` the channels whose values were elsewhere, and those with numbers that have to go
    /// elsewhere, because the levels of their block stand for other numbers now.
    pub(super) fn put(&mut self, span: &SlotSpan<'_>, mut elsewhere: impl FnMut(usize, Option<f64>)) {
        let first = span.first.index();
        let end = first + span.levels.len();
        let blocks = first / 64..end.div_ceil(64);
        for (block, start) in self.0[blocks.clone()].iter_mut().zip((blocks.start * 64..).step_by(64)) {
            let changed = span.changed(start as isize - first as isize);
            if changed == 0 {
                continue;
            }
            if !is_same(block.numbers.as_ref(), span.numbers()) {
                bits::each(block.held & !changed).for_each(|at| elsewhere(start + at, block.get(at)));
                block.held &= changed;
                block.numbers = span.numbers().cloned();
            }
            if changed & !block.held != 0 {
                bits::each(changed & !block.held).for_each(|at| elsewhere(start + at, None));
                block.held |= changed;
            }
            let rest = start.checked_sub(first).map_or(&[][..], |at| &span.levels[at..]);
            match rest.first_chunk() {
                Some(levels) => bits::copy_block_where(changed, levels, &mut block.levels),
                None => bits::each(changed).for_each(|at| block.levels[at] = span.levels[start + at - first]),
            }
        }
    }
}

impl KnownBlock {
    fn get(&self, at: usize) -> Option<f64> {
        (self.held >> at & 1 != 0).then(|| number_of(self.numbers.as_ref(), self.levels[at]))
    }
}
