//! Which channel goes where: an immutable table in compressed rows.
//!
//! The routes of channel `c` are `routes[first[c]..first[c + 1]]`: two array look-ups and no hashing for a value on its
//! way, whether there is one mapping or a million.

use crate::{ChannelId, InstanceId, Slot};

/// One end of a mapping line: the target.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// The instance that gets the value.
    pub target: InstanceId,
    /// Its channel.
    pub slot: Slot,
}

/// All routes of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteTable {
    first: Box<[u32]>,
    routes: Box<[Route]>,
}

impl RouteTable {
    /// Builds the table for `channels` channels. Rows keep the order of `pairs`; a pair that is there twice counts once.
    /// `target_channel` numbers the targets densely from 0 to `channels`.
    pub(crate) fn new(
        channels: usize,
        pairs: &[(ChannelId, Route)],
        target_channel: impl Fn(&Route) -> ChannelId,
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
        let mut routes = Vec::with_capacity(pairs.len());
        let mut start = 0;
        for channel in 0..channels {
            let end = ends[channel + 1] as usize;
            ends[channel] = routes.len() as u32;
            for &at in &by_source[start..end] {
                let route = pairs[at as usize].1;
                let mark = &mut seen[target_channel(&route).index()];
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

    /// The routes that start at a channel, in the order of the configuration.
    pub fn starting_at(&self, channel: ChannelId) -> &[Route] {
        let Some([from, to]) = self.first.get(channel.index()..channel.index() + 2) else { return &[] };
        &self.routes[*from as usize..*to as usize]
    }

    /// The number of routes.
    pub fn len(&self) -> usize {
        self.routes.len()
    }

    /// Whether nothing is mapped.
    pub fn is_empty(&self) -> bool {
        self.routes.is_empty()
    }
}
