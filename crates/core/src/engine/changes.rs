//! The changes since an observer last collected them.
//!
//! While changes are recorded, each value sets a bit and increments a counter of its channel and direction. Observers
//! collect them at their own pace: the cost depends on that pace and not on the traffic. A button that was pressed and
//! released in between shows in its count.

use super::Engine;
use crate::plan::ChainInput;
use crate::transform::Obstacle;
use crate::{Direction, InstanceId, Route, Slot, Value};

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

/// A value that has not reached its target.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldBack {
    /// The channel that it came from.
    pub from: (InstanceId, Slot),
    /// The channel that it was meant for.
    pub to: (InstanceId, Slot),
    /// The reason: `asleep, `pads.shift` is 0`.
    pub reason: String,
}

impl Engine {
    /// Which mappings of an input keep its values back at the moment, and why.
    pub fn held_back(&self, instance: InstanceId, slot: Slot) -> impl Iterator<Item = HeldBack> + '_ {
        let channel = self.plan.instances()[instance.index()].channel(slot);
        let into_chains = |route: &&Route| route.target == Route::INTO_CHAINS;
        self.plan.routes().starting_at(channel).iter().filter(into_chains).filter_map(move |route| {
            let ChainInput::Value(chain) = self.plan.chains().input(route.slot) else { return None };
            let planned = &self.plan.chains().all()[chain];
            let reason = match self.chains.obstacle(chain)? {
                Obstacle::Asleep(reference) => {
                    let &(instance, slot) = planned.references.get(reference)?;
                    let named = &self.plan.instances()[instance.index()];
                    let known = self.running[instance.index()].known.latest(slot);
                    let value = known.map_or_else(|| "not known".to_owned(), |value| value.to_string());
                    format!("asleep, `{}.{}` is {value}", named.name, named.channels.address(slot))
                }
                Obstacle::Waiting(transform, level) => format!("`{transform}` waits at {level:.2}"),
            };
            Some(HeldBack { from: (instance, slot), to: planned.to, reason })
        })
    }

    /// Starts or stops recording changes. Values known at the start count as changed, so the first calls of
    /// [`drain_changes`](Self::drain_changes) return a snapshot. The same happens if changes are already recorded.
    pub fn note_changes(&mut self, on: bool) {
        self.notes_changes = on;
        for running in &mut self.running {
            running.known.note_changes(on);
        }
    }

    /// Passes at most `most` changed channels to `each`. Returns whether these were all.
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
