//! The universe as it comes in: sequence, merging of two sources, and waiting for ArtSync.
//!
//! Two sources are merged, a third is left out ("Duplicates & Merging"). A source is told from another by its address and its
//! physical port, and has left when it has been silent for ten seconds. After an ArtSync levels wait for the next one, until
//! there has been none for four seconds; with two sources there is no common moment to wait for ("ArtSync").

use std::net::IpAddr;

use crosspatch_core::{Duration, Instant, Notice, Outbox, Slot};

use super::wire::{ArtAddress, ArtDmx, PortAddress};
use crate::dmx::{Input, Levels, Loss, Place, Rule, merge};
use crate::sequence::{NumberWidth, PacketOrder, SequenceTracker};

/// After so long without a packet a source is gone.
const SOURCE_TIMEOUT: Duration = Duration::from_secs(10);

/// After so long without ArtSync levels count at once again.
const SYNC_TIMEOUT: Duration = Duration::from_secs(4);

/// How many sources are merged.
const MAX_SOURCES: usize = 2;

/// What comes in.
#[derive(Debug)]
pub(crate) struct Receive {
    port_address: PortAddress,
    rule: Rule,
    loss: Loss,
    input: Input,
    sources: Vec<Source>,
    merged: Vec<u8>,
    last_sender: Option<IpAddr>,
    synchronised_until: Option<Instant>,
    /// Whether levels have come that wait for ArtSync.
    is_held: bool,
    /// Whether the next source is to be the only one.
    is_merge_cancelled: bool,
    /// Whether there has been a source, and none is left.
    is_lost: bool,
    /// When the levels of the last source are to be replaced.
    fill_at: Option<Instant>,
}

#[derive(Debug)]
struct Source {
    ip: IpAddr,
    physical: u8,
    sequence: SequenceTracker,
    heard: Instant,
    levels: Levels,
}

impl Receive {
    /// A universe of which nothing is known yet.
    pub(crate) fn new(port_address: PortAddress, rule: Rule, loss: Loss) -> Self {
        Self {
            port_address,
            rule,
            loss,
            input: Input::default(),
            sources: Vec::with_capacity(MAX_SOURCES),
            merged: Vec::new(),
            last_sender: None,
            synchronised_until: None,
            is_held: false,
            is_merge_cancelled: false,
            is_lost: false,
            fill_at: None,
        }
    }

    /// A channel is mapped.
    pub(crate) fn bind(&mut self, slot: Slot, place: Place) {
        self.input.bind(slot, place);
    }

    /// A channel is not mapped any more.
    pub(crate) fn unbind(&mut self, slot: Slot) {
        self.input.unbind(slot);
    }

    /// Whether any channel is mapped.
    pub(crate) fn is_mapped(&self) -> bool {
        !self.input.is_empty()
    }

    /// Channels have been mapped while running.
    pub(crate) fn handle_rebind(&mut self, out: &mut Outbox) {
        self.input.tell(out);
    }

    /// How many sources there are.
    pub(crate) fn sources(&self) -> usize {
        self.sources.len()
    }

    /// Who wins.
    pub(crate) fn rule(&self) -> Rule {
        self.rule
    }

    /// Levels have come.
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
        source.levels.update(now, dmx.levels);
        self.last_sender = Some(ip);
        if self.synchronised_until.is_some_and(|until| until > now) && self.sources.len() == 1 {
            self.is_held = true;
        } else {
            self.show(out);
        }
    }

    /// The source of a packet; none if there are too many.
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
            [] => {}
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
        (self.is_lost, self.fill_at) = (false, None);
        let (sequence, levels) = (SequenceTracker::new(NumberWidth::BYTE), Levels::new(0));
        self.sources.push(Source { ip, physical: dmx.physical, sequence, heard: now, levels });
        self.sources.last_mut()
    }

    /// What has come so far is to count.
    pub(crate) fn handle_sync(&mut self, now: Instant, ip: IpAddr, out: &mut Outbox) {
        if self.sources.len() > 1 || self.last_sender != Some(ip) {
            return;
        }
        self.synchronised_until = Some(now + SYNC_TIMEOUT);
        if self.is_held {
            self.show(out);
        }
    }

    /// A controller changes how sources are merged, until the end of the session.
    pub(crate) fn handle_command(&mut self, command: u8, out: &mut Outbox) {
        match command {
            ArtAddress::CANCEL_MERGE => self.is_merge_cancelled = true,
            ArtAddress::MERGE_LTP => self.rule = Rule::Ltp,
            ArtAddress::MERGE_HTP => self.rule = Rule::Htp,
            _ => return,
        }
        if self.sources.len() > 1 {
            self.show(out);
        }
    }

    /// When something times out.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        let sources = self.sources.iter().map(|source| source.heard + SOURCE_TIMEOUT);
        sources.chain(self.synchronised_until.filter(|_| self.is_held)).chain(self.fill_at).min()
    }

    /// A source may be gone, and so may ArtSync.
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
        if before > 0 && self.sources.is_empty() {
            self.is_lost = true;
            self.fill_at = match self.loss {
                Loss::Hold => None,
                Loss::Level(_, after) => Some(now + after),
            };
        }
        if let (Loss::Level(level, _), Some(_)) = (self.loss, self.fill_at.take_if(|at| *at <= now)) {
            let levels = vec![level; self.input.levels().len()];
            self.input.update(&levels, out);
        }
        let is_unsynchronised = self.synchronised_until.is_some_and(|until| until <= now);
        if is_unsynchronised {
            self.synchronised_until = None;
        }
        if (is_unsynchronised && self.is_held) || (self.sources.len() < before && !self.sources.is_empty()) {
            self.show(out);
        }
    }

    /// Tells what the sources say together.
    fn show(&mut self, out: &mut Outbox) {
        self.is_held = false;
        match self.sources.as_slice() {
            [] => {}
            [only] => self.input.update(only.levels.levels(), out),
            several => {
                merge(self.rule, several.iter().map(|source| &source.levels), &mut self.merged);
                self.input.update(&self.merged, out);
            }
        }
    }
}

impl Source {
    /// Whether a packet was overtaken by another. Packets without a number never are, and repetitions are harmless.
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
