//! A compiled configuration: instances, their channels, and the routes between them. Immutable once built.
//!
//! A plan is built on top of the running one, so that an unchanged instance keeps the slots of its channels and its
//! session.

mod chains;
mod channels;
mod difference;
mod kinds;
mod spans;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) use chains::{ChainInput, Chains, PlannedChain};
pub use channels::Channels;
pub use difference::Difference;
pub(crate) use spans::SpanRoute;
use spans::SpanRoutes;

use rustc_hash::FxHashMap;

use crate::address::unquoted;
use crate::transform::{Chain, LinePosition};
use crate::{Backend, ChannelId, Direction, Given, Instance, InstanceId, Route, RouteTable, Slot};

/// An instance of a plan.
pub struct PlannedInstance {
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// Its protocol.
    pub backend: &'static Backend,
    /// The options it was configured with, global ones included. They decide whether its session survives a reload.
    pub options: Vec<Given>,
    /// The configured instance.
    pub instance: Arc<dyn Instance>,
    /// Its channels.
    pub channels: Channels,
    /// The instance of the plan before that it continues.
    continues: Option<InstanceId>,
    base: u32,
}

impl PlannedInstance {
    /// The channel of a slot.
    pub fn channel(&self, slot: Slot) -> ChannelId {
        ChannelId(self.base + slot.0)
    }

    fn is_same_as(&self, other: &Self) -> bool {
        self.name == other.name && self.backend.name == other.backend.name && self.options == other.options
    }
}

/// A compiled configuration.
pub struct Plan {
    number: u64,
    based_on: u64,
    instances: Box<[PlannedInstance]>,
    names: FxHashMap<Arc<str>, InstanceId>,
    routes: RouteTable,
    chains: Chains,
    spans: SpanRoutes,
}

/// A mapping of a plan: from a channel to a channel, perhaps through a chain.
#[derive(Copy, Clone, Debug)]
pub struct Mapping<'p> {
    /// The channel that it starts from.
    pub from: (InstanceId, Slot),
    /// The channel that it leads to.
    pub to: (InstanceId, Slot),
    /// The stages between source and target.
    pub chain: Option<&'p Chain>,
}

impl Plan {
    /// Returns an empty plan.
    pub fn empty() -> Self {
        PlanBuilder::new(None).build()
    }

    /// Its number, which no other plan of the process has.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// All instances, in the order of the configuration.
    pub fn instances(&self) -> &[PlannedInstance] {
        &self.instances
    }

    /// The instance of that name.
    pub fn find(&self, name: &str) -> Option<InstanceId> {
        self.names.get(name).copied()
    }

    /// The channel that is written `instance.address`, with a canonical address.
    pub fn find_channel(&self, written: &str) -> Option<(InstanceId, Slot)> {
        let (name, address) = written.split_once('.')?;
        let instance = self.find(name)?;
        Some((instance, self.instances[instance.index()].channels.find(address)?))
    }

    /// Where the values of each channel go: to channels, and into chains.
    pub(crate) fn routes(&self) -> &RouteTable {
        &self.routes
    }

    /// All chains.
    pub(crate) fn chains(&self) -> &Chains {
        &self.chains
    }

    /// The mappings that spans pass as a whole.
    pub(crate) fn spans(&self) -> &SpanRoutes {
        &self.spans
    }

    /// All mappings, by the channels that they start from, and of one channel in the order of the configuration.
    pub fn mappings(&self) -> impl Iterator<Item = Mapping<'_>> {
        let sources = (0..).map(InstanceId).zip(&self.instances).flat_map(|(id, planned)| {
            planned.channels.slots().map(move |slot| ((id, slot), planned.channel(slot)))
        });
        sources.flat_map(move |(from, channel)| {
            self.routes.starting_at(channel).iter().filter_map(move |route| {
                if route.target != Route::INTO_CHAINS {
                    return Some(Mapping { from, to: (route.plain().target, route.slot), chain: None });
                }
                match self.chains.input(route.slot) {
                    ChainInput::Value(chain) => {
                        let chain = &self.chains.all()[chain];
                        Some(Mapping { from, to: chain.to, chain: Some(&chain.chain) })
                    }
                    ChainInput::Reference(..) => None,
                }
            })
        })
    }

    /// How many mappings there are.
    pub fn mapping_count(&self) -> usize {
        self.routes.len() - self.chains.reference_count()
    }

    /// The instance of the running plan whose session can go on as this one: same name, backend and options.
    pub(crate) fn same_in(&self, instance: InstanceId, running: &Self) -> Option<InstanceId> {
        self.instances[instance.index()].continues.filter(|_| self.based_on == running.number)
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.instances.iter().map(|instance| &instance.name).collect();
        f.debug_struct("Plan").field("instances", &names).field("mappings", &self.mapping_count()).finish()
    }
}

/// Builds a plan on top of the running one.
pub struct PlanBuilder<'a> {
    previous: Option<&'a Plan>,
    instances: Vec<PlannedInstance>,
    pairs: Vec<(InstanceId, Slot, Route)>,
    chains: Vec<PlannedChain>,
}

impl<'a> PlanBuilder<'a> {
    /// A builder on top of `previous`, the plan that will be running when the new one is installed.
    pub fn new(previous: Option<&'a Plan>) -> Self {
        Self { previous, instances: Vec::new(), pairs: Vec::new(), chains: Vec::new() }
    }

    /// Adds an instance. Names are unique within a plan; that is the caller's to check.
    pub fn instance(
        &mut self,
        name: &str,
        backend: &'static Backend,
        options: Vec<Given>,
        instance: Arc<dyn Instance>,
    ) -> InstanceId {
        let mut planned = PlannedInstance {
            name: name.into(),
            backend,
            options,
            instance,
            channels: Channels::default(),
            continues: None,
            base: 0,
        };
        if let Some(plan) = self.previous
            && let Some(id) = plan.find(name)
            && plan.instances[id.index()].is_same_as(&planned)
        {
            planned.continues = Some(id);
            planned.channels = plan.instances[id.index()].channels.clone();
            planned.channels.unmap();
        }
        self.instances.push(planned);
        InstanceId(self.instances.len() as u32 - 1)
    }

    /// Marks a channel as mapped in one direction and returns its slot. The address is canonical.
    pub fn channel(&mut self, instance: InstanceId, address: &str, direction: Direction) -> Slot {
        let PlannedInstance { channels, instance, .. } = &mut self.instances[instance.index()];
        let slot = channels.intern(address);
        if !channels.is_mapped(slot, direction) {
            channels.map(slot, direction, instance.kind(&unquoted(address), direction));
        }
        slot
    }

    /// Returns the slot of a channel without mapping it. The address is canonical.
    pub fn mention(&mut self, instance: InstanceId, address: &str) -> Slot {
        self.instances[instance.index()].channels.intern(address)
    }

    /// Adds a route between two channels.
    pub fn route(&mut self, from: (InstanceId, Slot), to: (InstanceId, Slot)) {
        self.pairs.push((from.0, from.1, Route { target: to.0, slot: to.1 }));
    }

    /// Adds a route between two channels through a chain. `references` are the channels that its stages name, one for
    /// each of [`Chain::references`].
    pub fn route_through(
        &mut self,
        from: (InstanceId, Slot),
        to: (InstanceId, Slot),
        chain: &Arc<Chain>,
        place: LinePosition,
        references: &[(InstanceId, Slot)],
    ) {
        debug_assert_eq!(references.len(), chain.references(), "one channel for each reference");
        let input = Slot(self.chains.len() as u32);
        self.pairs.push((from.0, from.1, Route { target: Route::INTO_CHAINS, slot: input }));
        self.chains.push(PlannedChain::new(chain, place, from, to, references));
    }

    /// The instances added so far.
    pub fn instances(&self) -> &[PlannedInstance] {
        &self.instances
    }

    /// How many routes have been added.
    pub fn route_count(&self) -> usize {
        self.pairs.len()
    }

    /// The source and the target of a route by its number, in the order in which they were added.
    pub fn route_at(&self, number: usize) -> ((InstanceId, Slot), (InstanceId, Slot)) {
        let (instance, slot, route) = self.pairs[number];
        let to = match route.target {
            Route::INTO_CHAINS => self.chains[route.slot.index()].to,
            target => (target, route.slot),
        };
        ((instance, slot), to)
    }

    /// Removes routes by their numbers, in ascending order. Later routes move up.
    pub fn remove_routes(&mut self, numbers: &[usize]) {
        let mut numbers = numbers.iter().copied().peekable();
        let mut chains = std::mem::take(&mut self.chains).into_iter();
        for (number, (instance, slot, mut route)) in std::mem::take(&mut self.pairs).into_iter().enumerate() {
            // Routes into chains are in the order of their chains.
            let chain = if route.target == Route::INTO_CHAINS { chains.next() } else { None };
            if numbers.next_if_eq(&number).is_some() {
                continue;
            }
            if let Some(chain) = chain {
                route.slot = Slot(self.chains.len() as u32);
                self.chains.push(chain);
            }
            self.pairs.push((instance, slot, route));
        }
    }

    /// Builds the plan.
    pub fn build(mut self) -> Plan {
        static PLANS: AtomicU64 = AtomicU64::new(1);
        let mut channels = 0;
        for instance in &mut self.instances {
            instance.base = channels;
            channels += instance.channels.len() as u32;
        }
        self.settle_kinds();
        let instances = self.instances;
        let chains = Chains::new(self.chains);
        let channel = |(instance, slot): (InstanceId, Slot)| instances[instance.index()].channel(slot);
        let mappings =
            self.pairs.into_iter().map(|(instance, slot, route)| (channel((instance, slot)), route));
        let references = chains.references().map(|(from, route)| (channel(from), route));
        let pairs: Vec<_> = mappings.chain(references).collect();
        // The inputs of chains count as targets after the last channel.
        let targets = channels as usize + chains.input_count();
        let routes = RouteTable::new(channels as usize, targets, &pairs, |route| match route.plain() {
            Route { target: Route::INTO_CHAINS, slot } => channels as usize + slot.index(),
            Route { target, slot } => channel((target, slot)).index(),
        });
        let mut names = FxHashMap::with_capacity_and_hasher(instances.len(), Default::default());
        for (id, planned) in (0..).map(InstanceId).zip(&instances) {
            names.entry(planned.name.clone()).or_insert(id);
        }
        let spans = SpanRoutes::new(&instances, &routes, &chains);
        Plan {
            number: PLANS.fetch_add(1, Ordering::Relaxed),
            based_on: self.previous.map_or(0, |plan| plan.number),
            instances: instances.into(),
            names,
            routes,
            chains,
            spans,
        }
    }
}
