//! Channels in notices, as they are written in the configuration.

use crate::engine::Engine;
use crate::{Direction, InstanceId, Notice, Route, Slot};

/// The maximum number of channels that are named; the others are counted.
const MOST_NAMES: usize = 4;

impl Engine {
    /// A channel as it is written in the configuration.
    pub(super) fn name(&self, (instance, slot): (InstanceId, Slot)) -> String {
        let planned = &self.plan.instances()[instance.index()];
        format!("{}.{}", planned.name, planned.channels.address(slot))
    }

    /// Prefixes a notice with the names of the outputs that it is about, and with the sources mapped to them.
    pub(super) fn name_outputs(&self, instance: InstanceId, notice: &mut Notice) {
        let outputs = std::mem::take(&mut notice.outputs);
        if outputs.is_empty() {
            return;
        }
        let mappings = outputs.iter().take(MOST_NAMES).map(|slot| {
            let sources: Vec<_> = self.sources((instance, *slot)).take(MOST_NAMES).collect();
            format!("{} > {}", sources.join(", "), self.name((instance, *slot)))
        });
        let mut names = mappings.collect::<Vec<_>>().join("; ");
        if let Some(more) = outputs.len().checked_sub(MOST_NAMES).filter(|more| *more > 0) {
            names += &format!(" (and {more} others)");
        }
        notice.text = format!("{names}: {}", notice.text);
    }

    /// The names of the channels that are mapped to one.
    fn sources(&self, to: (InstanceId, Slot)) -> impl Iterator<Item = String> {
        (0_u32..).map(InstanceId).zip(self.plan.instances()).flat_map(move |(source, planned)| {
            let slots = (0..planned.channels.len() as u32).map(Slot);
            let is_source = move |slot: &Slot| {
                planned.channels.is_mapped(*slot, Direction::Input)
                    && self.plan.routes().starting_at(planned.channel(*slot)).iter().any(|route| {
                        let end = match *route {
                            Route { target: Route::INTO_CHAINS, slot } => self.chains.end(slot),
                            route => Some(route.plain()),
                        };
                        end.is_some_and(|end| (end.target, end.slot) == to)
                    })
            };
            slots.filter(is_source).map(move |slot| self.name((source, slot)))
        })
    }
}
