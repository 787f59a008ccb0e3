//! Loops of mappings: their values are dropped, and their channels named.

use super::Engine;
use crate::{InstanceId, Instant, Notice, Outbox, Slot};

/// How many channels of late hops are noted.
const MAX_TRAIL: usize = 1000;

impl Engine {
    /// Notes the channels on which values appeared in a late hop, to name a loop by.
    pub(super) fn note_late(&mut self, instance: InstanceId, slots: impl Iterator<Item = Slot>) {
        let room = MAX_TRAIL.saturating_sub(self.trail.len());
        self.trail.extend(slots.take(room).map(|slot| (instance, slot)));
    }

    /// Drops the values that circulate in a loop and reports the channels of the loop, once.
    pub(super) fn break_loop(&mut self, now: Instant, out: &mut Outbox) {
        for instance in self.queue.waiting.drain(..) {
            self.running[instance.index()].drop_values();
        }
        for instance in &self.slices.waiting {
            let running = &mut self.running[instance.index()];
            if running.is_late() {
                running.drop_values();
            }
        }
        // The shortest way back from the last channel to itself.
        let Some((last, before)) = self.trail.split_last() else { return };
        let round = before
            .iter()
            .rposition(|channel| channel == last)
            .map_or(&*self.trail, |at| &self.trail[at + 1..]);
        let mut members = round.to_vec();
        members.sort_unstable();
        members.dedup();
        if self.reported_loops.contains(&members) || self.reported_loops.len() >= 64 {
            return;
        }
        self.reported_loops.push(members);
        let names: Vec<_> =
            round.iter().chain(round.first()).take(12).map(|&channel| self.name(channel)).collect();
        let text = format!("the mapping goes round in a loop: {}; the value was dropped", names.join(" > "));
        self.notices.take(now, None, Notice::warning("mapping-loop", text), out);
    }
}
