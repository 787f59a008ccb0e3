//! A compiled configuration: instances, their channels, and the routes between them. Immutable once built.
//!
//! A plan is built on top of the one that runs, so that an unchanged instance keeps the slots of its channels and its
//! session can stay. Addresses live in one text per instance with an index beside it: a million of them cost little more
//! than their letters.

use std::fmt;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

use crate::{Backend, ChannelId, Direction, Given, Instance, InstanceId, Route, RouteTable, Slot};

/// The channels of one instance: slot to address and back.
#[derive(Clone, Default)]
pub struct Channels {
    text: String,
    ends: Vec<u32>,
    directions: Vec<u8>,
    index: HashTable<u32>,
}

impl Channels {
    /// The slot of a canonical address, a new one if it has none yet.
    fn intern(&mut self, address: &str) -> Slot {
        if self.index.len() == self.index.capacity() {
            self.grow();
        }
        let hash = FxBuildHasher.hash_one(address);
        let Self { text, ends, directions, index } = self;
        let entry = index.entry(
            hash,
            |&slot| address_of(text, ends, slot) == address,
            |&slot| FxBuildHasher.hash_one(address_of(text, ends, slot)),
        );
        let slot = match entry {
            hashbrown::hash_table::Entry::Occupied(entry) => *entry.get(),
            hashbrown::hash_table::Entry::Vacant(entry) => {
                let slot = ends.len() as u32;
                entry.insert(slot);
                text.push_str(address);
                ends.push(text.len() as u32);
                directions.push(0);
                slot
            }
        };
        Slot(slot)
    }

    /// Doubles the index. Left to itself, a table that grows hashes its entries in the order of the table, which for a
    /// million addresses is a million jumps through their text; here the text is read from front to back (measured: a
    /// third of the time that compiling a million mappings takes).
    fn grow(&mut self) {
        let Self { text, ends, index, .. } = self;
        let mut larger = HashTable::with_capacity((index.capacity() * 2).max(8));
        for slot in 0..ends.len() as u32 {
            let hash = |slot: u32| FxBuildHasher.hash_one(address_of(text, ends, slot));
            larger.insert_unique(hash(slot), slot, |&slot| hash(slot));
        }
        *index = larger;
    }

    /// The slot of a canonical address.
    pub fn find(&self, address: &str) -> Option<Slot> {
        let hash = FxBuildHasher.hash_one(address);
        self.index.find(hash, |&slot| address_of(&self.text, &self.ends, slot) == address).copied().map(Slot)
    }

    /// The canonical address of a slot.
    pub fn address(&self, slot: Slot) -> &str {
        address_of(&self.text, &self.ends, slot.0)
    }

    /// Whether the plan maps the channel in that direction.
    pub fn is_mapped(&self, slot: Slot, direction: Direction) -> bool {
        self.directions.get(slot.index()).is_some_and(|directions| directions & bit(direction) != 0)
    }

    /// How many slots there are, those of channels that are not mapped any more included.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no channel.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Every slot.
    pub fn slots(&self) -> impl Iterator<Item = Slot> + use<> {
        (0..self.ends.len() as u32).map(Slot)
    }
}

fn address_of<'a>(text: &'a str, ends: &[u32], slot: u32) -> &'a str {
    let start = slot.checked_sub(1).map_or(0, |before| ends[before as usize]);
    &text[start as usize..ends[slot as usize] as usize]
}

fn bit(direction: Direction) -> u8 {
    match direction {
        Direction::Input => 1,
        Direction::Output => 2,
    }
}

/// An instance of a plan.
pub struct PlannedInstance {
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// Its protocol.
    pub backend: &'static Backend,
    /// The options it was configured with, global ones included. They decide whether its session survives a reload.
    pub options: Vec<Given>,
    /// What became of the options.
    pub instance: Arc<dyn Instance>,
    /// Its channels.
    pub channels: Channels,
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
    routes: RouteTable,
}

impl Plan {
    /// The plan without anything.
    pub fn empty() -> Self {
        PlanBuilder::new(None).build()
    }

    /// All instances, in the order of the configuration.
    pub fn instances(&self) -> &[PlannedInstance] {
        &self.instances
    }

    /// The instance of that name.
    pub fn find(&self, name: &str) -> Option<InstanceId> {
        self.instances.iter().position(|instance| &*instance.name == name).map(|at| InstanceId(at as u32))
    }

    /// The channel that is written `instance.address`, with a canonical address.
    pub fn find_channel(&self, written: &str) -> Option<(InstanceId, Slot)> {
        let (name, address) = written.split_once('.')?;
        let instance = self.find(name)?;
        Some((instance, self.instances[instance.index()].channels.find(address)?))
    }

    /// All routes.
    pub fn routes(&self) -> &RouteTable {
        &self.routes
    }

    /// The instance of the running plan whose session can go on as this one: same name, backend and options.
    pub(crate) fn same_in(&self, instance: InstanceId, running: &Self) -> Option<InstanceId> {
        if self.based_on != running.number {
            return None;
        }
        let same = |old: &PlannedInstance| old.is_same_as(&self.instances[instance.index()]);
        running.instances.iter().position(same).map(|at| InstanceId(at as u32))
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.instances.iter().map(|instance| &instance.name).collect();
        f.debug_struct("Plan").field("instances", &names).field("routes", &self.routes.len()).finish()
    }
}

/// Builds a plan on top of the running one.
pub struct PlanBuilder<'a> {
    previous: Option<&'a Plan>,
    instances: Vec<PlannedInstance>,
    pairs: Vec<(InstanceId, Slot, Route)>,
}

impl<'a> PlanBuilder<'a> {
    /// A builder on top of `previous`, the plan that will be running when the new one is installed.
    pub fn new(previous: Option<&'a Plan>) -> Self {
        Self { previous, instances: Vec::new(), pairs: Vec::new() }
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
            base: 0,
        };
        if let Some(old) =
            self.previous.and_then(|plan| plan.instances.iter().find(|old| old.is_same_as(&planned)))
        {
            planned.channels = old.channels.clone();
            planned.channels.directions.fill(0);
        }
        self.instances.push(planned);
        InstanceId(self.instances.len() as u32 - 1)
    }

    /// Marks a channel as mapped in one direction and returns its slot. The address is canonical.
    pub fn channel(&mut self, instance: InstanceId, address: &str, direction: Direction) -> Slot {
        let channels = &mut self.instances[instance.index()].channels;
        let slot = channels.intern(address);
        channels.directions[slot.index()] |= bit(direction);
        slot
    }

    /// Adds a route between two channels.
    pub fn route(&mut self, from: (InstanceId, Slot), to: (InstanceId, Slot)) {
        self.pairs.push((from.0, from.1, Route { target: to.0, slot: to.1 }));
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
        ((instance, slot), (route.target, route.slot))
    }

    /// Builds the plan.
    pub fn build(mut self) -> Plan {
        static PLANS: AtomicU64 = AtomicU64::new(1);
        let mut channels = 0;
        for instance in &mut self.instances {
            instance.base = channels;
            channels += instance.channels.len() as u32;
        }
        let instances = self.instances;
        let channel = |instance: InstanceId, slot: Slot| instances[instance.index()].channel(slot);
        let pairs: Vec<_> =
            self.pairs.into_iter().map(|(instance, slot, route)| (channel(instance, slot), route)).collect();
        let routes = RouteTable::new(channels as usize, &pairs, |route| channel(route.target, route.slot));
        Plan {
            number: PLANS.fetch_add(1, Ordering::Relaxed),
            based_on: self.previous.map_or(0, |plan| plan.number),
            instances: instances.into(),
            routes,
        }
    }
}
