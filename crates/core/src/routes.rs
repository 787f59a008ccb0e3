//! The routes of all channels: an immutable table in compressed rows.
//!
//! The routes of channel `c` are `routes[first[c]..first[c + 1]]`: two array look-ups and no hashing for each value,
//! whether there is one mapping or a million.

use std::ops::Range;

use crate::{ChannelId, InstanceId, Slot};

/// The target of a value.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Route {
    /// The instance that receives the value.
    pub(crate) target: InstanceId,
    /// Its channel.
    pub(crate) slot: Slot,
}

impl Route {
    /// The instance of a target that is the input of a chain, whose number is then in the slot. No instance has this
    /// number, so that distinguishing the two kinds of routes costs no more than the check that the instance exists.
    pub(crate) const INTO_CHAINS: InstanceId = InstanceId(u32::MAX);

    /// Marks the target of a route for events. No instance number is large enough to have this bit set, so that the
    /// same check distinguishes these routes, too.
    const EVENTS: u32 = 1 << 31;

    /// The same route for values that are events.
    pub(crate) fn of_events(self) -> Self {
        Self { target: InstanceId(self.target.0 | Self::EVENTS), ..self }
    }

    /// Whether every value on this route is an event. For a route into a chain, the chain decides.
    pub(crate) fn is_of_events(self) -> bool {
        self.target != Self::INTO_CHAINS && self.target.0 & Self::EVENTS != 0
    }

    /// The same route for any values: its target is an instance, or [`INTO_CHAINS`](Self::INTO_CHAINS).
    pub(crate) fn plain(self) -> Self {
        match self.is_of_events() {
            true => Self { target: InstanceId(self.target.0 & !Self::EVENTS), ..self },
            false => self,
        }
    }
}

/// All routes of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RouteTable {
    first: Box<[u32]>,
    routes: Box<[Route]>,
}

impl RouteTable {
    /// Builds the table for `channels` channels. Rows keep the order of `pairs`; a pair that is there twice counts once.
    /// `number` numbers the targets densely from 0 to `targets`, of which there are no fewer than channels.
    pub(crate) fn new(
        channels: usize,
        targets: usize,
        pairs: &[(ChannelId, Route)],
        number: impl Fn(&Route) -> usize,
    ) -> Self {
        let mut ends = vec![0_u32; channels + 1];
        for (source, _) in pairs {
            ends[source.index() + 1] += 1;
        }
        for channel in 1..ends.len() {
            ends[channel] += ends[channel - 1];
        }
        let mut by_source = vec![0_u32; pairs.len()];
        let mut next = ends.clone();
        for (at, (source, _)) in (0..).zip(pairs) {
            let place = &mut next[source.index()];
            by_source[*place as usize] = at;
            *place += 1;
        }
        // `seen[target]` is one more than the source whose row had that target last.
        let mut seen = next;
        seen.fill(0);
        seen.resize(targets, 0);
        let mut routes = Vec::with_capacity(pairs.len());
        let mut start = 0;
        for channel in 0..channels {
            let end = ends[channel + 1] as usize;
            ends[channel] = routes.len() as u32;
            for &at in &by_source[start..end] {
                let route = pairs[at as usize].1;
                let mark = &mut seen[number(&route)];
                if *mark != channel as u32 + 1 {
                    *mark = channel as u32 + 1;
                    routes.push(route);
                }
            }
            start = end;
        }
        ends[channels] = routes.len() as u32;
        Self { first: ends.into(), routes: routes.into() }
    }

    /// The numbers of the routes that start at a channel, in the order of the configuration.
    #[inline]
    pub(crate) fn row(&self, channel: ChannelId) -> Range<usize> {
        let Some([from, to]) = self.first.get(channel.index()..channel.index() + 2) else { return 0..0 };
        *from as usize..*to as usize
    }

    /// The route of that number.
    pub(crate) fn at(&self, number: usize) -> Route {
        self.routes[number]
    }

    /// The routes that start at a channel, in the order of the configuration.
    #[inline]
    pub(crate) fn starting_at(&self, channel: ChannelId) -> &[Route] {
        &self.routes[self.row(channel)]
    }

    /// The number of routes.
    pub(crate) fn len(&self) -> usize {
        self.routes.len()
    }
}
