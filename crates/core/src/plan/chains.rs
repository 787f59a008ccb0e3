//! The chains of a plan: the channels at their ends, and the chains that belong together.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::transform::{Chain, JoinRule, LinePosition};
use crate::{InstanceId, Kind, Route, Slot};

/// A chain between two channels.
#[derive(Debug)]
pub(crate) struct PlannedChain {
    pub(crate) chain: Arc<Chain>,
    pub(crate) place: LinePosition,
    pub(crate) from: (InstanceId, Slot),
    pub(crate) to: (InstanceId, Slot),
    /// The channels that its stages name.
    pub(crate) references: Box<[(InstanceId, Slot)]>,
    /// The merge that it feeds, and which of its sources it is.
    pub(crate) merge: Option<(usize, usize)>,
    /// The group that it belongs to.
    pub(crate) group: Option<usize>,
    /// The kind of its values at its target: states, controls or events.
    pub(crate) kind: Kind,
}

impl PlannedChain {
    pub(super) fn new(
        chain: &Arc<Chain>,
        place: LinePosition,
        from: (InstanceId, Slot),
        to: (InstanceId, Slot),
        references: &[(InstanceId, Slot)],
    ) -> Self {
        Self {
            chain: chain.clone(),
            place,
            from,
            to,
            references: references.into(),
            merge: None,
            group: None,
            kind: Kind::State,
        }
    }
}

/// Several sources of one target.
#[derive(Debug)]
pub(crate) struct PlannedMerge {
    pub(crate) rule: JoinRule,
    /// The priority of each.
    pub(crate) priorities: Vec<u8>,
}

/// The target of a route into chains.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum ChainInput {
    /// The source of a chain.
    Value(usize),
    /// A channel that a chain names; which of them.
    Reference(usize, usize),
}

/// All chains of a plan. Their inputs are numbered: first the source of each chain, then the channels that they name.
#[derive(Debug, Default)]
pub(crate) struct Chains {
    all: Box<[PlannedChain]>,
    /// Chain and number of each channel that a chain names.
    references: Box<[(u32, u32)]>,
    merges: Vec<PlannedMerge>,
    /// The chains of each group.
    groups: Vec<Vec<usize>>,
}

impl Chains {
    pub(super) fn new(mut all: Vec<PlannedChain>) -> Self {
        let mut references = Vec::new();
        let mut merges: Vec<PlannedMerge> = Vec::new();
        let mut groups: Vec<Vec<usize>> = Vec::new();
        let mut merge_of = BTreeMap::new();
        let mut group_of = BTreeMap::new();
        for (at, planned) in all.iter_mut().enumerate() {
            references.extend((0..planned.references.len()).map(|reference| (at as u32, reference as u32)));
            planned.merge = planned.chain.merge().map(|merge| {
                let number = *merge_of.entry(planned.to).or_insert_with(|| {
                    merges.push(PlannedMerge { rule: merge.rule, priorities: Vec::new() });
                    merges.len() - 1
                });
                merges[number].priorities.push(merge.priority);
                (number, merges[number].priorities.len() - 1)
            });
            planned.group = planned.chain.group().map(|name| {
                let number = *group_of.entry(name.to_owned()).or_insert_with(|| {
                    groups.push(Vec::new());
                    groups.len() - 1
                });
                groups[number].push(at);
                number
            });
        }
        Self { all: all.into(), references: references.into(), merges, groups }
    }

    pub(crate) fn all(&self) -> &[PlannedChain] {
        &self.all
    }

    pub(crate) fn merges(&self) -> &[PlannedMerge] {
        &self.merges
    }

    pub(crate) fn group(&self, number: usize) -> &[usize] {
        &self.groups[number]
    }

    /// Returns the input of that number.
    pub(crate) fn input(&self, number: Slot) -> ChainInput {
        match number.index().checked_sub(self.all.len()) {
            None => ChainInput::Value(number.index()),
            Some(reference) => {
                let (chain, number) = self.references[reference];
                ChainInput::Reference(chain as usize, number as usize)
            }
        }
    }

    pub(super) fn input_count(&self) -> usize {
        self.all.len() + self.references.len()
    }

    pub(super) fn reference_count(&self) -> usize {
        self.references.len()
    }

    /// The routes from the channels that chains name into them.
    pub(super) fn references(&self) -> impl Iterator<Item = ((InstanceId, Slot), Route)> {
        (self.all.len() as u32..).zip(&self.references).map(|(input, &(chain, reference))| {
            let from = self.all[chain as usize].references[reference as usize];
            (from, Route { target: Route::INTO_CHAINS, slot: Slot(input) })
        })
    }
}
