//! What a universe is when several sources send it, by the rules of E1.31 and of ETC's priorities for each slot.
//!
//! Two rules keep a source of low priority from flashing through. When sources appear where there was none, all of them are
//! gathered for [`SAMPLING`] before any counts, and a later one counts when it has given its slots priorities, or has had
//! that time to. And when a source ends, its last levels hold until every other one has been heard again or has ended as
//! well: a switch that dies takes all of them, only one a little sooner than the other.

#[cfg(test)]
mod tests;

use std::net::SocketAddr;

use crosspatch_core::{Duration, Instant};

use super::source::{Goodbye, LOSS, Source, Standing};
use super::sync::Signs;
use crate::sacn::wire::{Cid, Data, LEVELS, MAX_PRIORITY, PRIORITIES, Synchronization};
use crate::shared::dmx::{Loss, MergeScope, Merger, Rule};
use crate::shared::sequence::Trouble;

/// How long a source may take to say that its slots have priorities of their own (ETC's rule 13).
pub(crate) const SAMPLING: Duration = Duration::from_millis(1500);

/// So many sources of a universe are known at a time.
pub(crate) const MAX_SOURCES: usize = 16;

/// What an instance wants of a universe that comes in.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    /// Who wins among equals.
    pub(crate) merge: Rule,
    /// Whether data that is not meant for live output counts.
    pub(crate) preview: bool,
    /// What becomes of slots that no source has any more.
    pub(crate) loss: Loss,
}

/// Something that an operator may want to know of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// It counts from here on.
    Appeared(Cid),
    /// It does not count any more; whether it was the last one.
    Gone { name: Box<[u8]>, goodbye: Goodbye, is_last: bool },
    /// There are more sources than can be followed.
    TooMany(Cid),
    /// A packet has a priority that does not exist.
    BadPriority(u8),
    /// The sequence numbers of a source are not as they should be.
    Sequence(Cid, Trouble),
    /// Neither are those of the signs of a synchronization universe.
    Signs(Cid, u16, Trouble),
}

/// The sources of a universe, and what they come to together.
#[derive(Debug)]
pub(crate) struct Sources {
    rules: Rules,
    sources: Vec<Source>,
    signs: Signs,
    /// Until when sources are gathered, since the first one appeared.
    sampling_until: Instant,
    /// Whether a source has ended and the others have not been heard since.
    is_settling: bool,
    merger: Merger,
    events: Vec<Event>,
}

impl Sources {
    /// A universe of which nothing is known.
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

    /// The levels that hold, as far as any source has reached.
    pub(crate) fn levels(&self) -> &[u8] {
        self.merger.levels()
    }

    /// Which of these levels mean nothing, because no source has ever had the slot.
    pub(crate) fn unclaimed(&self) -> &[bool] {
        self.merger.unclaimed()
    }

    /// The sources that are known.
    pub(crate) fn all(&self) -> &[Source] {
        &self.sources
    }

    /// The source that is known by this identifier.
    pub(crate) fn find(&self, cid: Cid) -> Option<&Source> {
        self.sources.iter().find(|source| source.cid == cid)
    }

    /// What has happened to sources since the last call.
    pub(crate) fn take_events(&mut self) -> impl Iterator<Item = Event> + '_ {
        self.events.drain(..)
    }

    /// Takes a packet of this universe. Returns whether the levels may have changed.
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

    /// Takes the sign to show what is held. Returns whether the levels may have changed.
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

    /// Looks at what is due. Returns whether the levels may have changed.
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

    /// When there is something due.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.sources.iter().filter_map(Source::next_timeout).chain(self.merger.next_timeout()).min()
    }

    /// The universes whose synchronization packets are waited for.
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
        Some(self.sources.len() - 1)
    }

    /// A source says that it ends. Returns whether the levels may have changed.
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

    /// From here on, what has ended holds until all others have been heard again.
    fn begin_settling(&mut self) {
        self.is_settling = true;
        self.sources.iter_mut().for_each(|source| source.is_verified = false);
    }

    /// Lets go of those that have ended, once it is known of all others that they have not.
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
        if !self.sources.iter().any(|source| source.standing == Standing::Active)
            && let Some(Event::Gone { is_last, .. }) = self.events.last_mut()
        {
            *is_last = true;
        }
        true
    }

    /// Puts together what holds.
    fn merge(&mut self, now: Instant) -> bool {
        let counts = |source: &&Source| !matches!(source.standing, Standing::New(_));
        self.merger.merge(now, self.sources.iter().filter(counts).map(|source| &source.levels));
        true
    }
}
