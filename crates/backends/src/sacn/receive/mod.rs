//! Receives a universe: `sources` merges the sources; this module turns the merged levels into values, and reports
//! sources that appear and end to the operator.

mod discovery;
mod source;
mod sources;
mod sync;

use std::net::SocketAddr;

use crosspatch_core::{Instant, Notice, Outbox, Slot};

use super::wire::{Data, Synchronization};
use crate::shared::dmx::{Detect, Input, Place};
pub(crate) use discovery::Announcements;
use source::{Goodbye, LOSS, Source, Standing};
pub(crate) use sources::Rules;
use sources::{Event, MAX_SOURCES, Sources};

/// The receiver of a universe.
#[derive(Debug)]
pub(crate) struct Receiver {
    universe: u16,
    rules: Rules,
    detect: Detect,
    input: Input,
    sources: Sources,
    /// Whether the universe has a source.
    has_source: bool,
}

impl Receiver {
    /// A universe without sources.
    pub(crate) fn new(universe: u16, rules: Rules, detect: Detect) -> Self {
        let (input, sources) = (Input::default(), Sources::new(rules));
        Self { universe, rules, detect, input, sources, has_source: false }
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

    /// Handles a change of the mapped channels at run time. If none are left, leaves the group and removes the sources.
    pub(crate) fn handle_rebind(&mut self, out: &mut Outbox) {
        if !self.is_mapped() {
            self.sources = Sources::new(self.rules);
        }
        self.input.tell(out);
    }

    /// The sources that take effect.
    pub(crate) fn active_sources(&self) -> impl Iterator<Item = &Source> {
        self.sources.all().iter().filter(|source| source.standing == Standing::Active)
    }

    /// Handles levels or priorities.
    pub(crate) fn handle_data(&mut self, now: Instant, from: SocketAddr, data: &Data<'_>, out: &mut Outbox) {
        let has_changed = self.sources.handle_data(now, data, from);
        self.show(has_changed, out);
    }

    /// Handles a synchronization packet.
    pub(crate) fn handle_sync(&mut self, now: Instant, sign: &Synchronization, out: &mut Outbox) {
        let has_changed = self.sources.handle_sync(now, sign);
        self.show(has_changed, out);
    }

    /// The synchronization addresses of the sources.
    pub(crate) fn sync_addresses(&self) -> impl Iterator<Item = u16> + '_ {
        self.sources.sync_addresses()
    }

    /// When the next timeout is due.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.sources.next_timeout()
    }

    /// Handles timeouts: a source may end or take effect.
    pub(crate) fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) {
        let has_changed = self.sources.handle_timeout(now);
        self.show(has_changed, out);
    }

    /// Sends the merged levels to the channels, and reports events of the sources.
    fn show(&mut self, has_changed: bool, out: &mut Outbox) {
        if has_changed {
            self.input.update_claimed(self.sources.levels(), self.sources.unclaimed(), out);
        }
        let events: Vec<_> = self.sources.take_events().collect();
        for event in events {
            let Some(notice) = self.notice(event) else { continue };
            if self.detect > Detect::Off || notice.id != "sacn-source" {
                out.notice(notice);
            }
        }
    }

    fn notice(&mut self, event: Event) -> Option<Notice> {
        let universe = self.universe;
        Some(match event {
            Event::Appeared(cid) => {
                let Source { name, peer, priority, .. } = self.sources.find(cid)?;
                let (name, ip) = (String::from_utf8_lossy(name), peer.ip());
                let text =
                    format!("`{name}` at {ip} sends universe {universe} with priority {priority}, as {cid}");
                let had_source = std::mem::replace(&mut self.has_source, true);
                let id = if had_source { "sacn-source" } else { "sacn-universe" };
                Notice::info(id, text)
            }
            Event::Gone { name, goodbye, is_last } => {
                let name = String::from_utf8_lossy(&name);
                let how = match goodbye {
                    Goodbye::Terminated => "has ended".to_owned(),
                    Goodbye::Silent => format!("has been silent for {:?}", LOSS),
                };
                self.has_source &= !is_last;
                if is_last {
                    let text = format!("`{name}` {how}; nobody sends universe {universe} any more");
                    Notice::warning("sacn-universe", text)
                } else {
                    Notice::info("sacn-source", format!("`{name}` {how} and does not count any more"))
                }
            }
            Event::Sequence(cid, trouble) => {
                let Source { name, peer, .. } = self.sources.find(cid)?;
                let who = format!("`{}` at {}", String::from_utf8_lossy(name), peer.ip());
                trouble.notice("sacn-sequence", who, format_args!("universe {universe}"))
            }
            Event::Signs(cid, address, trouble) => {
                trouble.notice("sacn-sequence", cid, format_args!("synchronization universe {address}"))
            }
            Event::TooMany(cid) => Notice::warning(
                "sacn-sources",
                format!("more than {MAX_SOURCES} sources send universe {universe}, {cid} among them"),
            ),
            Event::BadPriority(priority) => Notice::warning(
                "sacn-garbage",
                format!(
                    "a source sends universe {universe} with the priority {priority}, which does not exist"
                ),
            ),
        })
    }
}
