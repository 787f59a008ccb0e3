//! A number by itself: the only value that a session has emitted, as with most messages and with every hop of one.
//!
//! It takes the same route as in a run of values, without what a run needs (measured: a third of a hop).

use super::Engine;
use crate::{InstanceId, Outbox, Value};

impl Engine {
    /// Routes the emitted value, if it is a single number that goes to one channel as it is. Returns whether it did.
    #[inline]
    pub(super) fn route_lone(&mut self, instance: InstanceId, out: &mut Outbox) -> bool {
        let &[(slot, Value::Number(number))] = &out.emitted[..] else { return false };
        if !out.spans.is_empty() || out.watches_values() || self.has_unrouted(instance) {
            return false;
        }
        let Self { plan, running, queue, .. } = self;
        let channel = plan.instances()[instance.index()].channel(slot);
        let &[route] = plan.routes().starting_at(channel) else { return false };
        // A route of a session to itself takes the general road, and routes of events and into chains lead to no instance.
        let ends = [instance.index(), route.target.index()];
        let Ok([source, target]) = running.get_disjoint_mut(ends) else { return false };
        if !source.known.record_input_number(slot, number) {
            return false;
        }
        queue.admit(route.target, target);
        target.known.record_output_number(route.slot, number);
        target.inbox.push((route.slot, Value::Number(number)));
        out.emitted.clear();
        if self.is_late {
            self.note_late(instance, std::iter::once(slot));
        }
        true
    }
}
