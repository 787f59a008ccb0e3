//! The changes since an observer last collected them.
//!
//! While changes are noted, each value that is recorded sets a bit and adds one to a counter of its channel and direction.
//! Observers collect them at their own pace: what they cost follows that pace and not the traffic. A button that was pressed
//! and released in between shows in its count.

use super::Engine;
use crate::{Direction, InstanceId, Slot, Value};

/// A channel whose value was recorded since the last call of [`Engine::drain_changes`].
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The instance, by its number in the running plan.
    pub instance: InstanceId,
    /// The channel of the instance.
    pub slot: Slot,
    /// Whether the value came from the channel or went to it.
    pub direction: Direction,
    /// The last value.
    pub value: Value,
    /// How many values there were since changes are noted. It wraps around.
    pub count: u32,
}

/// The marks of the channels of a session, in one direction.
#[derive(Default)]
pub(super) struct Marks {
    changed: Vec<u64>,
    counts: Vec<u32>,
}

impl Marks {
    pub(super) fn resize(&mut self, channels: usize) {
        self.changed.resize(channels.div_ceil(64), 0);
        self.counts.resize(channels, 0);
    }

    #[inline]
    pub(super) fn note(&mut self, slot: Slot) {
        self.mark(slot);
        let count = &mut self.counts[slot.index()];
        *count = count.wrapping_add(1);
    }

    /// Marks a channel without a new value.
    pub(super) fn mark(&mut self, slot: Slot) {
        self.changed[slot.index() / 64] |= 1 << (slot.index() % 64);
    }

    /// Takes back the mark of the first channel that has one, and returns it with its count.
    pub(super) fn take(&mut self) -> Option<(Slot, u32)> {
        let word = self.changed.iter().position(|word| *word != 0)?;
        let slot = Slot((word * 64) as u32 + self.changed[word].trailing_zeros());
        self.changed[word] &= self.changed[word] - 1;
        Some((slot, self.counts[slot.index()]))
    }
}

/// The marks of both directions.
#[derive(Default)]
pub(super) struct Changes {
    pub(super) inputs: Marks,
    pub(super) outputs: Marks,
}

impl Engine {
    /// Starts to note changes, or stops. What is known at the start counts as changed, so that the first calls of
    /// [`drain_changes`](Self::drain_changes) hand out a snapshot; so it does if changes are noted already.
    pub fn note_changes(&mut self, on: bool) {
        self.notes_changes = on;
        for running in &mut self.running {
            running.known.note_changes(on);
        }
    }

    /// Hands out channels that have changed, so many at most, and returns whether these were all.
    pub fn drain_changes(&mut self, most: usize, mut each: impl FnMut(Change)) -> bool {
        let mut left = most;
        for (at, running) in (0..).zip(&mut self.running) {
            let instance = InstanceId(at);
            running.known.drain_changes(&mut left, |slot, direction, value, count| {
                each(Change { instance, slot, direction, value, count });
            });
            if left == 0 {
                return false;
            }
        }
        true
    }
}
