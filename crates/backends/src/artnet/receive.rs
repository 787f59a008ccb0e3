//! Receives a universe: sequence numbers, merging of two sources, and ArtSync.
//!
//! Two sources are merged, a third is ignored ("Duplicates & Merging"). A source is identified by its address and
//! physical port, and is gone after ten seconds of silence. After an ArtSync, levels are held until the next ArtSync,
//! or until there has been none for four seconds; with two sources they are not held, since there is no common moment
//! ("ArtSync").

use std::net::IpAddr;

use crosspatch_core::{Duration, Instant, Notice, Outbox, Slot};

use super::wire::{ArtAddress, ArtDmx, PortAddress};
use crate::shared::dmx::{Input, Levels, Loss, MergeScope, Merger, Place, Rule};
use crate::shared::sequence::{NumberWidth, PacketOrder, SequenceTracker};

/// A source is gone after this time without a packet.
const SOURCE_TIMEOUT: Duration = Duration::from_secs(10);

/// After this time without ArtSync, levels take effect immediately again.
const SYNC_TIMEOUT: Duration = Duration::from_secs(4);

/// The maximum number of merged sources.
const MAX_SOURCES: usize = 2;

/// The receiver of a universe.
#[derive(Debug)]
pub(crate) struct Receiver {
    port_address: PortAddress,
    input: Input,
    sources: Vec<Source>,
    merger: Merger,
    last_sender: Option<IpAddr>,
    synchronised_until: Option<Instant>,
    /// Whether received levels are held until an ArtSync.
    is_held: bool,
    /// Whether the next source becomes the only one.
    is_merge_cancelled: bool,
    /// Whether all sources are gone. False before the first source.
    is_lost: bool,
}

#[derive(Debug)]
struct Source {
    ip: IpAddr,
    physical: u8,
    sequence: SequenceTracker,
    heard: Instant,
    levels: Levels,
}

impl Receiver {
    /// A universe that has received nothing yet.
    pub(crate) fn new(port_address: PortAddress, rule: Rule, loss: Loss) -> Self {
        Self {
            port_address,
            input: Input::default(),
            sources: Vec::with_capacity(MAX_SOURCES),
            merger: Merger::new(rule, loss, MergeScope::Universe),
            last_sender: None,
            synchronised_until: None,
            is_held: false,
            is_merge_cancelled: false,
            is_lost: false,
        }
    }

    /// Maps a channel.
    pub(crate) fn bind(&mut self, slot: Slot, place: Place) {
        self.input.bind(slot, place);
    }

    /// Removes the mapping of a channel.
    pub(crate) fn unbind(&mut self, slot: Slot) {
        self.input.unbind(slot);
    }

    /// Whether any channel is mapped.
    pub(crate) fn is_mapped(&self) -> bool {
        !self.input.is_empty()
    }

    /// Sends the levels of channels that were mapped at run time.
    pub(crate) fn handle_rebind(&mut self, out: &mut Outbox) {
        self.input.tell(out);
    }

    /// The addresses of the current sources.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.sources.iter().map(|source| source.ip)
    }

    /// The number of sources.
    pub(crate) fn sources(&self) -> usize {
        self.sources.len()
    }

    /// The merge rule.
    pub(crate) fn rule(&self) -> Rule {
        self.merger.rule()
    }

    /// Handles received levels.
    pub(crate) fn handle_dmx(&mut self, now: Instant, ip: IpAddr, dmx: &ArtDmx<'_>, out: &mut Outbox) {
        let universe = self.port_address;
        let Some(source) = self.source(now, ip, dmx, out) else { return };
        let is_late = source.is_late(now, dmx.sequence);
        if let Some(trouble) = source.sequence.take_trouble() {
            out.notice(trouble.notice("artnet-sequence", ip, universe));
        }
        if is_late {
            return;
        }
        source.heard = now;
        let has_changed = source.levels.update(now, dmx.levels);
        self.last_sender = Some(ip);
        if self.synchronised_until.is_some_and(|until| until > now) && self.sources.len() == 1 {
            self.is_held = true;
        } else if has_changed || self.is_held {
            self.show(now, out);
        }
    }

    /// The source of a packet; none if there are too many sources.
    fn source(
        &mut self,
        now: Instant,
        ip: IpAddr,
        dmx: &ArtDmx<'_>,
        out: &mut Outbox,
    ) -> Option<&mut Source> {
        let known = self.sources.iter().position(|source| (source.ip, source.physical) == (ip, dmx.physical));
        if let Some(known) = known {
            return self.sources.get_mut(known);
        }
        let universe = self.port_address;
        if std::mem::take(&mut self.is_merge_cancelled) {
            self.sources.clear();
        }
        match self.sources.as_slice() {
            [] if self.is_lost => {
                out.notice(Notice::info("artnet-source", format!("{ip} sends {universe} again")))
            }
            [] => out.notice(Notice::info("artnet-source", format!("{ip} sends {universe}"))),
            [other] => {
                let text = format!("{ip} sends {universe} as well as {}; they are merged", other.ip);
                out.notice(Notice::info("artnet-merge", text));
            }
            [one, two, ..] => {
                let text = format!(
                    "{ip} sends {universe}, too, and is left out; {} and {} are merged",
                    one.ip, two.ip
                );
                out.notice(Notice::warning("artnet-third-source", text));
                return None;
            }
        }
        self.is_lost = false;
        let (sequence, levels) = (SequenceTracker::new(NumberWidth::BYTE), Levels::new(0));
        self.sources.push(Source { ip, physical: dmx.physical, sequence, heard: now, levels });
        self.count_sources();
        // The levels may be held, but the universe has a source.
        self.merge(now);
        self.sources.last_mut()
    }

    /// Handles ArtSync: all levels received so far take effect.
    pub(crate) fn handle_sync(&mut self, now: Instant, ip: IpAddr, out: &mut Outbox) {
        if self.sources.len() > 1 || self.last_sender != Some(ip) {
            return;
        }
        self.synchronised_until = Some(now + SYNC_TIMEOUT);
        if self.is_held {
            self.show(now, out);
        }
    }

    /// Handles a controller's command to change the merge rule. It holds until the end of the session.
    pub(crate) fn handle_command(&mut self, now: Instant, command: u8, out: &mut Outbox) {
        match command {
            ArtAddress::CANCEL_MERGE => self.is_merge_cancelled = true,
            ArtAddress::MERGE_LTP => self.merger.set_rule(Rule::Ltp),
            ArtAddress::MERGE_HTP => self.merger.set_rule(Rule::Htp),
            _ => return,
        }
        if self.sources.len() > 1 {
            self.show(now, out);
        }
    }

    /// When the next timeout is due.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        let sources = self.sources.iter().map(|source| source.heard + SOURCE_TIMEOUT);
        sources
            .chain(self.synchronised_until.filter(|_| self.is_held))
            .chain(self.merger.next_timeout())
            .min()
    }

    /// Removes sources that are gone, and ends synchronization after its timeout.
    pub(crate) fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) {
        let universe = self.port_address;
        let before = self.sources.len();
        self.sources.retain(|source| {
            let is_left = now.since(source.heard) < SOURCE_TIMEOUT;
            if !is_left && before > 1 {
                let text = format!("{} does not send {universe} any more", source.ip);
                out.notice(Notice::info("artnet-source", text));
            } else if !is_left {
                let text = format!("{} does not send {universe} any more, and nobody else does", source.ip);
                out.notice(Notice::warning("artnet-source", text));
            }
            is_left
        });
        if self.sources.len() < before {
            self.count_sources();
        }
        if before > 0 && self.sources.is_empty() {
            self.is_lost = true;
            self.merge(now);
        }
        if self.merger.fill_if_due(now) {
            self.show(now, out);
        }
        let is_unsynchronised = self.synchronised_until.is_some_and(|until| until <= now);
        if is_unsynchronised {
            self.synchronised_until = None;
        }
        if (is_unsynchronised && self.is_held) || (self.sources.len() < before && !self.sources.is_empty()) {
            self.show(now, out);
        }
    }

    /// Sends the merged levels to the channels.
    fn show(&mut self, now: Instant, out: &mut Outbox) {
        self.is_held = false;
        self.merge(now);
        self.input.update_claimed(self.merger.levels(), self.merger.unclaimed(), out);
    }

    fn count_sources(&mut self) {
        let is_alone = self.sources.len() == 1;
        self.sources.iter_mut().for_each(|source| source.levels.set_alone(is_alone));
    }

    fn merge(&mut self, now: Instant) {
        self.merger.merge(now, self.sources.iter().map(|source| &source.levels));
    }
}

impl Source {
    /// Whether a packet was overtaken by a later one. Packets without a sequence number never are, and repetitions are
    /// harmless.
    fn is_late(&mut self, now: Instant, sequence: u8) -> bool {
        if sequence == 0 {
            self.sequence.skip();
            return false;
        }
        match self.sequence.check(now, sequence.into()) {
            PacketOrder::Newer(_) | PacketOrder::Anew | PacketOrder::Still | PacketOrder::Again => false,
            PacketOrder::Twice => true,
            PacketOrder::Late(_) => {
                self.sequence.leave_out(now);
                true
            }
        }
    }
}
