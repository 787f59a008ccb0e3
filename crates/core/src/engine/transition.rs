//! The way from one plan to the next, prepared away from the loop.
//!
//! A reload compiles on a thread of its own while the show runs. Whatever follows from the two plans alone is done there,
//! too: new sessions are created and bound, and the differences are found. Installing then takes time in proportion to
//! what changes and not to the size of the show. What is replaced goes back to that thread, which frees its memory.

use std::fmt;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::address::unquoted;
use crate::engine::chains::{ChainTransition, LiveChains, Working};
use crate::engine::{LastValues, Rest, Running};
use crate::plan::{Chains, PlannedChain};
use crate::transform::{LiveChain, Merging};
use crate::{Direction, InstanceId, Kind, Plan, PlannedInstance, Route, SessionId, Slot};

/// A plan that is ready to replace another one.
pub struct Transition {
    /// The number of the plan that it replaces; any plan if nothing of it continues.
    pub(super) from: Option<u64>,
    pub(super) plan: Arc<Plan>,
    /// For each instance of the plan.
    pub(super) sessions: Vec<SessionTransition>,
    /// The routes whose targets may have missed the present state of their source, in the order of the table.
    pub(super) new_routes: Vec<NewRoute>,
    pub(super) chains: ChainTransition,
}

/// What happens to the session of an instance.
#[expect(clippy::large_enum_variant, reason = "a box between two sessions would leave holes in the memory")]
pub(super) enum SessionTransition {
    /// It starts, with all channels bound.
    Start(Running),
    /// The session of an instance of the plan before continues.
    Continue(InstanceId, Vec<Rebinding>),
}

/// A channel that is mapped in a direction for the first time, or no longer.
pub(super) struct Rebinding {
    slot: Slot,
    direction: Direction,
    is_mapped: bool,
}

/// A route, with the channel that it starts at.
pub(super) struct NewRoute {
    pub(super) from: (InstanceId, Slot),
    /// Its number in the table.
    pub(super) number: u32,
}

/// What a plan has replaced. Dropping it may take long.
pub struct Replaced {
    _plan: Arc<Plan>,
    _sessions: Vec<Running>,
    _chains: LiveChains,
    _transition: (Vec<Vec<Rebinding>>, Vec<NewRoute>),
}

impl Replaced {
    pub(super) fn new(
        plan: Arc<Plan>,
        sessions: Vec<Running>,
        chains: LiveChains,
        transition: (Vec<Vec<Rebinding>>, Vec<NewRoute>),
    ) -> Self {
        Self { _plan: plan, _sessions: sessions, _chains: chains, _transition: transition }
    }
}

impl Transition {
    /// Prepares a plan to replace `before`, the plan that it was built on. Takes time in proportion to the size of both.
    pub fn new(plan: Arc<Plan>, before: &Plan) -> Self {
        let ids = || (0..plan.instances().len() as u32).map(InstanceId);
        let instances: Vec<_> = ids().map(|id| plan.same_in(id, before)).collect();
        let sessions = instances.iter().zip(plan.instances()).map(|(continued, planned)| match continued {
            None => SessionTransition::Start(start(planned)),
            Some(at) => {
                SessionTransition::Continue(*at, rebindings(&before.instances()[at.index()], planned))
            }
        });
        let sessions = sessions.collect();
        let from = instances.iter().any(Option::is_some).then(|| before.number());
        let continued = Continued { plan: &plan, before, instances };
        let chains = continued.chains();
        let new_routes = continued.new_routes(&chains.twins);
        Self { from, sessions, new_routes, chains, plan }
    }

    /// The plan that is going to run.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }
}

impl fmt::Debug for Transition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Transition").field(&self.plan).finish()
    }
}

impl fmt::Debug for Replaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Replaced")
    }
}

/// The session of an instance, with all channels bound. It has no number yet.
pub(super) fn start(planned: &PlannedInstance) -> Running {
    let channels = &planned.channels;
    let mut session = planned.instance.session();
    let has_timeouts = session.has_timeouts();
    let outputs = channels.slots().filter(|&slot| channels.is_mapped(slot, Direction::Output));
    session.reserve(channels.len(), outputs.count());
    for slot in channels.slots() {
        for direction in DIRECTIONS {
            if channels.is_mapped(slot, direction) {
                session.bind(slot, &unquoted(channels.address(slot)), direction);
            }
        }
    }
    let mut known = LastValues::default();
    known.resize(channels.len());
    Running {
        id: SessionId(0),
        session,
        inbox: Vec::new(),
        events: Vec::new(),
        spans: None,
        is_queued: false,
        rest: Rest::default(),
        known,
        has_timeouts,
        wake: None,
        is_woken: false,
    }
}

const DIRECTIONS: [Direction; 2] = [Direction::Input, Direction::Output];

fn rebindings(before: &PlannedInstance, after: &PlannedInstance) -> Vec<Rebinding> {
    let changes = after.channels.slots().flat_map(|slot| {
        DIRECTIONS.into_iter().filter_map(move |direction| {
            let is_mapped = after.channels.is_mapped(slot, direction);
            let was_mapped = before.channels.is_mapped(slot, direction);
            (is_mapped != was_mapped).then_some(Rebinding { slot, direction, is_mapped })
        })
    });
    changes.collect()
}

/// Binds the channels of a continuing session that the plan maps for the first time, and unbinds those no longer mapped.
pub(super) fn rebind(running: &mut Running, planned: &PlannedInstance, changes: &[Rebinding]) {
    running.known.resize(planned.channels.len());
    for &Rebinding { slot, direction, is_mapped } in changes {
        if is_mapped {
            running.session.bind(slot, &unquoted(planned.channels.address(slot)), direction);
            continue;
        }
        running.session.unbind(slot, direction);
        match direction {
            Direction::Input => running.known.forget_input(slot),
            Direction::Output => running.known.forget_output(slot),
        }
    }
}

/// Two plans, and which instances of the first one continue which of the second.
struct Continued<'p> {
    plan: &'p Plan,
    before: &'p Plan,
    instances: Vec<Option<InstanceId>>,
}

impl Continued<'_> {
    /// The number of the same channel in the plan before. Slots stay the same as long as an instance continues.
    fn channel_before(&self, (instance, slot): (InstanceId, Slot)) -> Option<(InstanceId, Slot)> {
        Some((self.instances[instance.index()]?, slot))
    }

    /// The routes that did not exist before, and those into chains that may have kept the state of their source back.
    ///
    /// Any other route has passed on every value that its source ever had.
    fn new_routes(&self, twins: &[Option<u32>]) -> Vec<NewRoute> {
        let mut new = Vec::new();
        let chains = self.plan.chains().all();
        for (id, planned) in (0..).map(InstanceId).zip(self.plan.instances()) {
            for slot in planned.channels.slots() {
                let mut row_before = None;
                for number in self.plan.routes().row(planned.channel(slot)) {
                    let route = self.plan.routes().at(number);
                    let is_new = match route.target {
                        Route::INTO_CHAINS => chains
                            .get(route.slot.index())
                            .is_some_and(|planned| twins[route.slot.index()].is_none() || !is_plain(planned)),
                        // All values of a session that starts take this route.
                        _ if self.instances[id.index()].is_none() => false,
                        _ => {
                            let row = row_before.get_or_insert_with(|| self.row_before((id, slot)));
                            let Route { target, slot } = route.plain();
                            let end = self.channel_before((target, slot));
                            end.is_none_or(|(target, slot)| {
                                !row.iter().any(|old| old.plain() == Route { target, slot })
                            })
                        }
                    };
                    if is_new {
                        new.push(NewRoute { from: (id, slot), number: number as u32 });
                    }
                }
            }
        }
        new.shrink_to_fit();
        new
    }

    /// The routes that started at a channel.
    fn row_before(&self, channel: (InstanceId, Slot)) -> &[Route] {
        let Some((instance, slot)) = self.channel_before(channel) else { return &[] };
        let planned = &self.before.instances()[instance.index()];
        if slot.index() >= planned.channels.len() {
            return &[];
        }
        self.before.routes().starting_at(planned.channel(slot))
    }

    /// A chain between the same channels of the same sessions, and with the same text as before, keeps its state.
    fn chains(&self) -> ChainTransition {
        let chains = self.plan.chains();
        let mut old = OldChains::new(self.before.chains());
        let twins: Vec<_> = chains.all().iter().map(|planned| old.take(planned, self)).collect();
        let all = chains.all().iter().zip(&twins).map(|(planned, twin)| {
            let live = match twin {
                Some(_) => LiveChain::default(),
                None => planned.chain.live(planned.place),
            };
            Working::new(live, planned)
        });
        let merges = chains.merges().iter();
        let merges = merges.map(|merge| Merging::new(merge.rule, merge.priorities.iter().copied()));
        ChainTransition { all: all.collect(), merges: merges.collect(), twins }
    }
}

/// Whether the target of a chain follows its source, value by value.
fn is_plain(planned: &PlannedChain) -> bool {
    planned.merge.is_none() && planned.kind != Kind::Event && !planned.chain.is_stateful()
}

/// The chains of the plan before, each of which at most one chain continues.
struct OldChains<'p> {
    chains: &'p Chains,
    is_taken: Vec<bool>,
    /// The chain after the one that was taken last. Mostly it is the next one to be taken.
    next: usize,
    /// The first chain between two channels, and for each chain the next one between the same. Made when it is needed.
    by_ends: Option<(FxHashMap<ChainEnds, u32>, Vec<u32>)>,
}

type ChainEnds = [(InstanceId, Slot); 2];

const NO_MORE: u32 = u32::MAX;

impl<'p> OldChains<'p> {
    fn new(chains: &'p Chains) -> Self {
        Self { chains, is_taken: vec![false; chains.all().len()], next: 0, by_ends: None }
    }

    /// The chain that this one continues.
    fn take(&mut self, planned: &PlannedChain, continued: &Continued<'_>) -> Option<u32> {
        let [Some(from), Some(to)] = [planned.from, planned.to].map(|end| continued.channel_before(end))
        else {
            return None;
        };
        let is_same = |old: &PlannedChain| {
            (old.from, old.to, old.place) == (from, to, planned.place)
                && old.chain.text() == planned.chain.text()
                && old.references.len() == planned.references.len()
                && planned
                    .references
                    .iter()
                    .zip(&old.references)
                    .all(|(new, old)| continued.channel_before(*new) == Some(*old))
        };
        let is_free = |at: usize| !self.is_taken[at] && is_same(&self.chains.all()[at]);
        let taken = if self.next < self.is_taken.len() && is_free(self.next) {
            self.next
        } else {
            let (first, next) = self.by_ends.get_or_insert_with(|| by_ends(self.chains));
            let mut at = first.get(&[from, to]).copied().unwrap_or(NO_MORE);
            while at != NO_MORE && !is_free(at as usize) {
                at = next[at as usize];
            }
            if at == NO_MORE {
                return None;
            }
            at as usize
        };
        self.is_taken[taken] = true;
        self.next = taken + 1;
        Some(taken as u32)
    }
}

fn by_ends(chains: &Chains) -> (FxHashMap<ChainEnds, u32>, Vec<u32>) {
    let mut first = FxHashMap::default();
    let mut next = vec![NO_MORE; chains.all().len()];
    for (at, planned) in chains.all().iter().enumerate().rev() {
        if let Some(later) = first.insert([planned.from, planned.to], at as u32) {
            next[at] = later;
        }
    }
    (first, next)
}
