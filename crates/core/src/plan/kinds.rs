//! The kind of the values of each mapping at its target: states, controls or events.

use super::PlanBuilder;
use crate::{Direction, InstanceId, Kind, Route, Slot};

impl PlanBuilder<'_> {
    /// Works out the kind of every mapping, from the kinds of its ends and the stages between them.
    pub(super) fn settle_kinds(&mut self) {
        if self.instances.iter().any(|planned| planned.backend.loops_back) {
            // Each round follows values through one more instance that loops them back.
            while self.raise_looped() {}
        }
        let Self { pairs, chains, instances, .. } = self;
        for (instance, slot, route) in pairs {
            let kind = instances[instance.index()].channels.kind(*slot, Direction::Input);
            let is_event = |(instance, slot): (InstanceId, Slot)| {
                instances[instance.index()].channels.kind(slot, Direction::Output) == Kind::Event
            };
            match route.target {
                Route::INTO_CHAINS => {
                    let planned = &mut chains[route.slot.index()];
                    planned.kind = if is_event(planned.to) { Kind::Event } else { planned.chain.kind(kind) };
                }
                id if kind == Kind::Event || is_event((id, route.slot)) => *route = route.of_events(),
                _ => {}
            }
        }
    }

    /// Makes channels that loop values back the strongest kind that is mapped to them. Whether there was any to raise.
    fn raise_looped(&mut self) -> bool {
        let Self { pairs, chains, instances, .. } = self;
        let mut is_raised = false;
        for (instance, slot, route) in &*pairs {
            let (to, chain) = match route.target {
                Route::INTO_CHAINS => {
                    let planned = &chains[route.slot.index()];
                    (planned.to, Some(&planned.chain))
                }
                id => ((id, route.slot), None),
            };
            if !instances[to.0.index()].backend.loops_back {
                continue;
            }
            let kind = instances[instance.index()].channels.kind(*slot, Direction::Input);
            let kind = chain.map_or(kind, |chain| chain.kind(kind));
            let channels = &mut instances[to.0.index()].channels;
            for direction in [Direction::Input, Direction::Output] {
                if channels.is_mapped(to.1, direction) && channels.kind(to.1, direction) < kind {
                    channels.map(to.1, direction, kind);
                    is_raised = true;
                }
            }
        }
        is_raised
    }
}
