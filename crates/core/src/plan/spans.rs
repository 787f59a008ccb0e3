//! Span routes: mappings of consecutive channels of one instance to consecutive channels of another, found in a plan.
//!
//! How they were written, as a range or as single lines, makes no difference.

use std::sync::{Arc, OnceLock};

use super::{ChainInput, Chains, PlannedInstance};
use crate::span::LevelNumbers;
use crate::transform::{Chain, LinePosition};
use crate::{ChannelId, InstanceId, Kind, Route, RouteTable, Slot};

/// Fewer mappings in a row are no span route.
const SHORTEST: u32 = 16;

/// Consecutive channels, each with one mapping, that leads to the next channel of another instance each time.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct SpanRoute {
    /// The first channel, and how many there are.
    pub(crate) from: ChannelId,
    pub(crate) len: u32,
    /// The target of the first.
    pub(crate) to: Route,
    /// The chain between them, by its number in [`SpanRoutes`]; [`PLAIN`] without chains.
    chain: u32,
}

const PLAIN: u32 = u32::MAX;

/// All span routes of a plan, by their first channels.
#[derive(Debug, Default)]
pub(crate) struct SpanRoutes {
    all: Box<[SpanRoute]>,
    chains: Vec<SpanChain>,
}

/// The results of a chain of shapes for all levels, computed when the first span needs them.
#[derive(Debug)]
struct SpanChain {
    chain: Arc<Chain>,
    numbers: OnceLock<Arc<LevelNumbers>>,
}

impl SpanRoutes {
    /// Finds the span routes. Takes time in proportion to the number of channels.
    pub(super) fn new(instances: &[PlannedInstance], routes: &RouteTable, chains: &Chains) -> Self {
        let mut found = Self::default();
        let mut all = Vec::new();
        for (id, planned) in (0..).map(InstanceId).zip(instances) {
            let mut run: Option<(SpanRoute, Option<&Arc<Chain>>)> = None;
            for slot in planned.channels.slots() {
                let from = planned.channel(slot);
                let next = end(routes.starting_at(from), chains).filter(|(to, _)| to.target != id);
                if let Some((run, chain)) = &mut run
                    && let Some((to, other)) = next
                    && to == (Route { slot: Slot(run.to.slot.0 + run.len), ..run.to })
                    && is_same(*chain, other)
                {
                    run.len += 1;
                    continue;
                }
                let begins = next.map(|(to, chain)| (SpanRoute { from, len: 1, to, chain: PLAIN }, chain));
                if let Some(run) = std::mem::replace(&mut run, begins) {
                    found.end_run(run, &mut all);
                }
            }
            run.into_iter().for_each(|run| found.end_run(run, &mut all));
        }
        found.all = all.into();
        found
    }

    fn end_run(&mut self, (run, chain): (SpanRoute, Option<&Arc<Chain>>), all: &mut Vec<SpanRoute>) {
        if run.len >= SHORTEST {
            all.push(SpanRoute { chain: chain.map_or(PLAIN, |chain| self.number_of(chain)), ..run });
        }
    }

    /// The number of a chain. Lines that are written one after the other mostly have the same chain.
    fn number_of(&mut self, chain: &Arc<Chain>) -> u32 {
        let known =
            self.chains.iter().rev().take(8).position(|known| is_same(Some(&known.chain), Some(chain)));
        if let Some(back) = known {
            return (self.chains.len() - 1 - back) as u32;
        }
        self.chains.push(SpanChain { chain: chain.clone(), numbers: OnceLock::new() });
        (self.chains.len() - 1) as u32
    }

    /// The span route that a channel is part of, or the next one after it.
    #[inline]
    pub(crate) fn at_or_after(&self, channel: ChannelId) -> Option<SpanRoute> {
        let after = self.all.partition_point(|route| route.from.0 + route.len <= channel.0);
        self.all.get(after).copied()
    }

    /// What levels stand for after a span route; `None` for plain levels.
    pub(crate) fn numbers(&self, route: SpanRoute) -> Option<&Arc<LevelNumbers>> {
        let SpanChain { chain, numbers } = self.chains.get(route.chain as usize)?;
        Some(numbers.get_or_init(|| {
            let live = chain.live(LinePosition::ONLY);
            Arc::new(LevelNumbers::through(|number| live.shaped(number).unwrap_or(number)))
        }))
    }
}

/// Where the values of a channel go, if it has one mapping and any level may pass it: no event, no memory, and no chain that
/// gives the same number for different ones, because repetitions matter there.
fn end<'a>(routes: &[Route], chains: &'a Chains) -> Option<(Route, Option<&'a Arc<Chain>>)> {
    let &[route] = routes else { return None };
    if route.target != Route::INTO_CHAINS {
        return (!route.is_of_events()).then_some((route, None));
    }
    let ChainInput::Value(chain) = chains.input(route.slot) else { return None };
    let planned = &chains.all()[chain];
    let (target, slot) = planned.to;
    let passes = planned.kind != Kind::Event && planned.chain.is_shape();
    passes.then_some((Route { target, slot }, Some(&planned.chain)))
}

fn is_same(one: Option<&Arc<Chain>>, other: Option<&Arc<Chain>>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => Arc::ptr_eq(one, other) || one.has_same_shapes(other),
        (None, Some(_)) | (Some(_), None) => false,
    }
}
