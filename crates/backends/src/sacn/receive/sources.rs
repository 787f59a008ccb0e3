//! Merges the sources of a universe, by the rules of E1.31 and of ETC's per-slot priorities.
//!
//! Two rules prevent a source of low priority from appearing briefly. When the first sources appear, all of them are
//! collected for [`SAMPLING`] before any takes effect; a later source takes effect when it has sent per-slot
//! priorities, or after the same time. And when a source ends, its last levels hold until every other source has sent
//! again or has ended too: if a switch fails, all sources are lost, but not at exactly the same time.

#[cfg(test)]
mod tests;

use std::net::SocketAddr;

use crosspatch_core::{Duration, Instant};

use super::source::{Goodbye, LOSS, Source, Standing};
use super::sync::Signs;
use crate::sacn::wire::{Cid, Data, LEVELS, MAX_PRIORITY, PRIORITIES, Synchronization};
use crate::shared::dmx::{Loss, MergeScope, Merger, Rule};
use crate::shared::sequence::Trouble;

/// The time in which a source may announce per-slot priorities (ETC's rule 13).
pub(crate) const SAMPLING: Duration = Duration::from_millis(1500);

/// The maximum number of sources of a universe at a time.
pub(crate) const MAX_SOURCES: usize = 16;

/// How an instance merges its received universe.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    /// The merge rule among sources of equal priority.
    pub(crate) merge: Rule,
    /// Whether preview data, which is not meant for live output, is used.
    pub(crate) preview: bool,
    /// The levels of slots that no longer have a source.
    pub(crate) loss: Loss,
}

/// An event about a source, for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The source takes effect.
    Appeared(Cid),
    /// The source has ended. `is_last` is true if it was the last one.
    Gone { name: Box<[u8]>, goodbye: Goodbye, is_last: bool },
    /// There are more sources than the maximum.
    TooMany(Cid),
    /// A packet has an invalid priority.
    BadPriority(u8),
    /// The sequence numbers of a source are irregular.
    Sequence(Cid, Trouble),
    /// The sequence numbers of the synchronization packets on a synchronization universe are irregular.
    Signs(Cid, u16, Trouble),
}

/// The sources of a universe, and their merged levels.
#[derive(Debug)]
pub(crate) struct Sources {
    rules: Rules,
    sources: Vec<Source>,
    signs: Signs,
    /// The end of the sampling period that began with the first source.
    sampling_until: Instant,
    /// Whether a source has ended and some of the others have not sent since.
    is_settling: bool,
    merger: Merger,
    events: Vec<Event>,
}

impl Sources {
    /// A universe without sources.
    pub(crate) fn new(rules: Rules) -> Self {
        Self {
            rules,
            sources: Vec::new(),
            signs: Signs::default(),
            sampling_until: Instant::START,
            is_settling: false,
            merger: Merger::new(rules.merge, rules.loss, MergeScope::Slot),
            events: Vec::new(),
        }
    }

    /// The merged levels, up to the longest frame received.
    pub(crate) fn levels(&self) -> &[u8] {
        self.merger.levels()
    }

    /// Marks the levels that are undefined, because no source has ever had the slot.
    pub(crate) fn unclaimed(&self) -> &[bool] {
        self.merger.unclaimed()
    }

    /// The current sources.
    pub(crate) fn all(&self) -> &[Source] {
        &self.sources
    }

    /// The source with this identifier.
    pub(crate) fn find(&self, cid: Cid) -> Option<&Source> {
        self.sources.iter().find(|source| source.cid == cid)
    }

    /// Returns the events since the last call.
    pub(crate) fn take_events(&mut self) -> impl Iterator<Item = Event> + '_ {
        self.events.drain(..)
    }

    /// Handles a data packet of this universe. Returns whether the levels may have changed.
    pub(crate) fn handle_data(&mut self, now: Instant, data: &Data<'_>, peer: SocketAddr) -> bool {
        if data.priority > MAX_PRIORITY {
            self.events.push(Event::BadPriority(data.priority));
            return false;
        }
        if !matches!(data.start_code, LEVELS | PRIORITIES) {
            return false;
        }
        let Some(at) = self.find_or_add(now, data, peer) else { return false };
        let source = &mut self.sources[at];
        let is_new = source.accept(now, data);
        if let Some(trouble) = source.take_trouble() {
            self.events.push(Event::Sequence(source.cid, trouble));
        }
        if !is_new {
            return false;
        }
        if data.terminated {
            return self.end(now, at);
        }
        if data.preview && !self.rules.preview {
            return false;
        }
        source.peer = peer;
        if *source.name != *data.name {
            source.name = data.name.into();
        }
        source.priority = data.priority;
        source.levels.set_priority(data.priority);
        let has_changed = if data.start_code == LEVELS {
            if source.is_lost() {
                source.standing = Standing::Active;
            }
            source.take_levels(now, data)
        } else {
            source.take_priorities(now, data.slots);
            true
        };
        self.handle_timeout(now) | (has_changed && self.merge(now))
    }

    /// Handles a synchronization packet: held levels take effect. Returns whether the levels may have changed.
    pub(crate) fn handle_sync(&mut self, now: Instant, sync: &Synchronization) -> bool {
        if sync.address == 0 || !self.sources.iter().any(|source| source.sync_address == sync.address) {
            return false;
        }
        let (is_new, trouble) = self.signs.accept(now, sync);
        if let Some(trouble) = trouble {
            self.events.push(Event::Signs(sync.cid, sync.address, trouble));
        }
        if !is_new {
            return false;
        }
        let mut has_changed = false;
        for source in self.sources.iter_mut().filter(|source| source.sync_address == sync.address) {
            has_changed |= source.synchronize(now);
        }
        has_changed && self.merge(now)
    }

    /// Handles timeouts that are due. Returns whether the levels may have changed.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> bool {
        let Self { sources, events, sampling_until, .. } = self;
        let (mut has_new, mut has_lost) = (false, false);
        sources.retain_mut(|source| {
            let is_silent = now.since(source.heard_at) >= LOSS;
            match source.standing {
                Standing::New(_) if is_silent => return false,
                Standing::New(sampled_at) => {
                    let is_sampled = source.has_priorities() && now >= *sampling_until;
                    if (is_sampled || now >= sampled_at) && source.has_levels() {
                        source.standing = Standing::Active;
                        events.push(Event::Appeared(source.cid));
                        has_new = true;
                    }
                }
                Standing::Active if is_silent => {
                    source.standing = Standing::Lost(Goodbye::Silent);
                    has_lost = true;
                }
                Standing::Active | Standing::Lost(_) => {}
            }
            true
        });
        if has_lost {
            self.begin_settling();
        }
        let mut has_changed = self.settle() | has_new;
        if has_changed {
            self.merge(now);
        }
        if self.merger.fill_if_due(now) {
            has_changed = self.merge(now);
        }
        has_changed
    }

    /// When the next timeout is due.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.sources.iter().filter_map(Source::next_timeout).chain(self.merger.next_timeout()).min()
    }

    /// The synchronization addresses of the sources.
    pub(crate) fn sync_addresses(&self) -> impl Iterator<Item = u16> + '_ {
        self.sources.iter().map(|source| source.sync_address).filter(|address| *address != 0)
    }

    fn find_or_add(&mut self, now: Instant, data: &Data<'_>, peer: SocketAddr) -> Option<usize> {
        if let Some(at) = self.sources.iter().position(|source| source.cid == data.cid) {
            return Some(at);
        }
        if data.terminated || (data.preview && !self.rules.preview) {
            return None;
        }
        if self.sources.is_empty() {
            self.sampling_until = now + SAMPLING;
        }
        if self.sources.len() >= MAX_SOURCES {
            self.events.push(Event::TooMany(data.cid));
            let lowest = (0..MAX_SOURCES).min_by_key(|&at| self.sources[at].priority)?;
            if self.sources[lowest].priority >= data.priority {
                return None;
            }
            self.sources.swap_remove(lowest);
        }
        let sampled_at = if now < self.sampling_until { self.sampling_until } else { now + SAMPLING };
        self.sources.push(Source::new(now, data, peer, sampled_at));
        self.count_sources();
        Some(self.sources.len() - 1)
    }

    fn count_sources(&mut self) {
        let is_alone = self.sources.len() == 1;
        self.sources.iter_mut().for_each(|source| source.levels.set_alone(is_alone));
    }

    /// Handles a source's termination. Returns whether the levels may have changed.
    fn end(&mut self, now: Instant, at: usize) -> bool {
        match self.sources[at].standing {
            Standing::Lost(_) => return false,
            Standing::New(_) => {
                self.sources.swap_remove(at);
                return false;
            }
            Standing::Active => self.sources[at].standing = Standing::Lost(Goodbye::Terminated),
        }
        self.begin_settling();
        self.settle() && self.merge(now)
    }

    /// Holds the levels of ended sources until all other sources have sent again.
    fn begin_settling(&mut self) {
        self.is_settling = true;
        self.sources.iter_mut().for_each(|source| source.is_verified = false);
    }

    /// Removes the ended sources once every other source has sent again or ended.
    fn settle(&mut self) -> bool {
        let is_known = |source: &Source| source.is_verified || source.is_lost();
        if !self.is_settling || !self.sources.iter().all(is_known) {
            return false;
        }
        self.is_settling = false;
        let events = &mut self.events;
        self.sources.retain_mut(|source| {
            let Standing::Lost(goodbye) = source.standing else { return true };
            let name = std::mem::take(&mut source.name);
            events.push(Event::Gone { name, goodbye, is_last: false });
            false
        });
        self.count_sources();
        if !self.sources.iter().any(|source| source.standing == Standing::Active)
            && let Some(Event::Gone { is_last, .. }) = self.events.last_mut()
        {
            *is_last = true;
        }
        true
    }

    /// Merges the sources that take effect.
    fn merge(&mut self, now: Instant) -> bool {
        let counts = |source: &&Source| !matches!(source.standing, Standing::New(_));
        self.merger.merge(now, self.sources.iter().filter(counts).map(|source| &source.levels));
        true
    }
}
