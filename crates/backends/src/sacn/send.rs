//! Sends a universe: data, per-slot priorities, synchronization, universe lists, and the termination.

use std::borrow::Cow;
use std::net::SocketAddr;

use crosspatch_core::{Duration, Instant, Outbox, Part, Peer, Port, Slot, SpannedValues, Value};

use super::options::{Sending, SyncTo};
use super::wire::{
    Cid, DISCOVERY_UNIVERSE, Data, Discovery, LEVELS, PORT, PRIORITIES, SLOTS, Synchronization, group_v4,
    group_v6,
};
use crate::shared::dmx::{FRAME, Output, Pace, Place};
use crate::shared::ports::Hosts;

/// The number of equal packets after a change, before the rate drops (clause 6.6.2).
const REPEATS: u8 = 3;

/// The time between two packets of a universe that does not change: 800 to 1000 ms (clause 6.6.2).
const KEEP_ALIVE: Duration = Duration::from_millis(800);

/// The same for per-slot priorities.
const KEEP_PRIORITIES: Duration = Duration::from_millis(1000);

/// The time for receivers to process data before the synchronization packet (appendix B.1).
const SYNC_DELAY: Duration = Duration::from_millis(5);

/// The time between two lists of universes, `E131_UNIVERSE_DISCOVERY_INTERVAL` (appendix A).
const ANNOUNCE: Duration = Duration::from_secs(10);

/// The number of termination packets (clause 6.2.6).
const GOODBYES: usize = 3;

/// A universe that is sent.
#[derive(Debug)]
pub(crate) struct Sender {
    universe: u16,
    name: Box<str>,
    sending: Sending,
    /// The hosts to send data and synchronization to, if any.
    pub(crate) hosts: Hosts,
    /// Whether the IPv6 groups are used.
    is_v6: bool,
    output: Output,
    mapped: Vec<(Slot, Place)>,
    priorities: Priorities,
    /// The sequence number of all data packets, whatever their start code (clause 6.2.5).
    sequence: u8,
    sync_sequence: u8,
    sync_due: Option<Instant>,
    /// The earliest time of the next frame; with synchronization, all instances send at common times.
    not_before: Instant,
    /// When the next list is due; `None` while the universe is not sent.
    announce_at: Option<Instant>,
    packet: Vec<u8>,
}

/// The priorities of all slots, and when they are sent.
#[derive(Debug)]
struct Priorities {
    each: Box<[u8; SLOTS]>,
    has_changed: bool,
    repeats_left: u8,
    sent_at: Option<Instant>,
}

impl Sender {
    /// A universe that has not been sent yet.
    pub(crate) fn new(universe: u16, name: &str, sending: Sending, is_v6: bool, first_lookup: Port) -> Self {
        Self {
            universe,
            name: name.into(),
            hosts: Hosts::new(&sending.destinations, first_lookup),
            is_v6,
            output: Self::output(&sending),
            sending,
            mapped: Vec::new(),
            priorities: Priorities::new(),
            sequence: 0,
            sync_sequence: 0,
            sync_due: None,
            not_before: Instant::START,
            announce_at: None,
            packet: Vec::new(),
        }
    }

    fn output(sending: &Sending) -> Output {
        Output::new(Pace::of_universe(sending.realtime, REPEATS, KEEP_ALIVE), SLOTS)
    }

    /// Maps a channel.
    pub(crate) fn bind(&mut self, slot: Slot, place: Place) {
        self.mapped.push((slot, place));
        self.output.bind(slot, place);
    }

    /// Removes the mapping of a channel.
    pub(crate) fn unbind(&mut self, slot: Slot) {
        self.mapped.retain(|(mapped, _)| *mapped != slot);
        self.output.unbind(slot);
    }

    /// Whether any channel is mapped.
    pub(crate) fn is_mapped(&self) -> bool {
        !self.mapped.is_empty()
    }

    /// The slots that more than one channel writes, counted from 0.
    pub(crate) fn contested(&self) -> Vec<u16> {
        self.output.contested()
    }

    /// Prepares the mapped channels: sets their start value, if there is one, and their priorities.
    pub(crate) fn prepare(&mut self, now: Instant, is_start: bool) {
        if let (Some(value), true) = (self.sending.start, is_start) {
            self.output.begin(now, value);
            self.wait_for_the_others(now);
        }
        if self.sending.slot_priorities {
            // Zero would release the slot.
            let priority = self.sending.priority.max(1);
            let places = self.mapped.iter().map(|(_, place)| *place);
            let claimed = places.flat_map(|place| std::iter::once(place.coarse).chain(place.fine));
            self.priorities.claim(claimed, priority);
        }
    }

    /// Sets values of channels.
    pub(crate) fn set_all(&mut self, now: Instant, values: &[(Slot, Value)]) {
        self.output.set_all(now, values);
        self.wait_for_the_others(now);
    }

    /// Sets values of channels, some of them as spans.
    pub(crate) fn set_batch(&mut self, now: Instant, batch: SpannedValues<'_>) {
        batch.for_each(|part| match part {
            Part::Values(values) => self.output.set_all(now, values),
            Part::Span(span) => self.output.set_span(now, span),
        });
        self.wait_for_the_others(now);
    }

    /// Sends everything again, because receivers may have missed it.
    pub(crate) fn refresh(&mut self) {
        self.output.refresh();
        self.priorities.has_changed |= self.priorities.sent_at.is_some();
    }

    /// Sends the packets that are due.
    pub(crate) fn send_due(&mut self, now: Instant, port: Port, cid: Cid, out: &mut Outbox) {
        let is_due = self.data_due().is_some_and(|due| due <= now);
        let is_sending = is_due || self.announce_at.is_some();
        if self.sending.slot_priorities && is_sending && self.priorities.next_due() <= now {
            self.priorities.sent(now);
            self.send_data(PRIORITIES, false, port, cid, out);
        }
        if is_due && self.output.take_due(now).is_some() {
            self.send_data(LEVELS, false, port, cid, out);
            self.announce_at.get_or_insert(now);
            let gives_signs = self.sending.sync.is_some_and(|sync| !sync.follows);
            self.sync_due = gives_signs.then(|| now + SYNC_DELAY);
        }
        if self.sync_due.is_some_and(|due| due <= now) {
            self.sync_due = None;
            self.send_sync(port, cid, out);
        }
        if self.announce_at.is_some_and(|due| due <= now) {
            self.announce_at = Some(now + ANNOUNCE);
            self.announce(port, cid, out);
        }
    }

    /// When the next packet is due.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        let has_priorities = self.sending.slot_priorities && self.announce_at.is_some();
        let priorities = has_priorities.then(|| self.priorities.next_due());
        [self.data_due(), priorities, self.sync_due, self.announce_at].into_iter().flatten().min()
    }

    /// Terminates the stream, if there is one. The next value begins a new stream.
    pub(crate) fn terminate(&mut self, port: Port, cid: Cid, out: &mut Outbox) {
        if self.announce_at.take().is_none() {
            return;
        }
        for _ in 0..GOODBYES {
            self.send_data(LEVELS, true, port, cid, out);
        }
        self.output = Self::output(&self.sending);
        self.mapped.iter().for_each(|(slot, place)| self.output.bind(*slot, *place));
        (self.priorities.sent_at, self.sync_due) = (None, None);
    }
}

/// The packets.
impl Sender {
    fn data_due(&self) -> Option<Instant> {
        let due = self.output.next_due()?;
        Some(if self.has_common_times() { next_common_time(due).max(self.not_before) } else { due })
    }

    /// Whether frames are sent at the common times of all synchronized instances.
    fn has_common_times(&self) -> bool {
        self.sending.sync.is_some() && !self.sending.realtime
    }

    fn wait_for_the_others(&mut self, now: Instant) {
        if self.has_common_times() && self.not_before < now {
            self.not_before = next_common_time(now);
        }
    }

    fn send_data(&mut self, start_code: u8, terminated: bool, port: Port, cid: Cid, out: &mut Outbox) {
        self.sequence = self.sequence.wrapping_add(1);
        let data = Data {
            cid,
            name: self.name.as_bytes(),
            priority: self.sending.priority,
            sync_address: self.sending.sync.map_or(0, |sync| sync.address),
            sequence: self.sequence,
            preview: false,
            terminated,
            // A receiver that misses synchronization packets should go on without them rather than freeze.
            force_sync: self.sending.sync.is_some(),
            universe: self.universe,
            start_code,
            slots: if start_code == LEVELS { self.output.frame() } else { &self.priorities.each[..] },
        };
        self.packet.clear();
        data.encode(&mut self.packet);
        self.send_packet(self.universe, port, out);
    }

    fn send_sync(&mut self, port: Port, cid: Cid, out: &mut Outbox) {
        let Some(SyncTo { address, .. }) = self.sending.sync else { return };
        self.sync_sequence = self.sync_sequence.wrapping_add(1);
        self.packet.clear();
        Synchronization { cid, sequence: self.sync_sequence, address }.encode(&mut self.packet);
        self.send_packet(address, port, out);
    }

    fn announce(&mut self, port: Port, cid: Cid, out: &mut Outbox) {
        if !self.sending.discovery {
            return;
        }
        let universes = Cow::Borrowed(std::slice::from_ref(&self.universe));
        let list = Discovery { cid, name: self.name.as_bytes(), page: 0, last_page: 0, universes };
        let group = Peer::Address(self.group(DISCOVERY_UNIVERSE));
        out.send(port, group, |buffer| list.encode(buffer));
    }

    /// Sends the prepared packet to the hosts, or to the group of a universe.
    fn send_packet(&self, universe: u16, port: Port, out: &mut Outbox) {
        let group = self.group(universe);
        self.hosts.send(port, group, out, |buffer| buffer.extend_from_slice(&self.packet));
    }

    fn group(&self, universe: u16) -> SocketAddr {
        let group = if self.is_v6 { group_v6(universe) } else { group_v4(universe) };
        SocketAddr::new(group, PORT)
    }
}

impl Priorities {
    fn new() -> Self {
        Self { each: Box::new([0; SLOTS]), has_changed: true, repeats_left: 0, sent_at: None }
    }

    /// Gives these slots this priority, and all others none.
    fn claim(&mut self, slots: impl Iterator<Item = u16>, priority: u8) {
        let mut each = [0; SLOTS];
        slots.for_each(|slot| each[usize::from(slot)] = priority);
        self.has_changed |= each != *self.each;
        *self.each = each;
    }

    fn next_due(&self) -> Instant {
        let Some(sent_at) = self.sent_at else { return Instant::START };
        sent_at + if self.has_changed || self.repeats_left > 0 { FRAME } else { KEEP_PRIORITIES }
    }

    fn sent(&mut self, now: Instant) {
        self.repeats_left = if self.has_changed { REPEATS } else { self.repeats_left.saturating_sub(1) };
        (self.has_changed, self.sent_at) = (false, Some(now));
    }
}

/// The next time at which all synchronized instances send.
fn next_common_time(now: Instant) -> Instant {
    let frame = FRAME.as_micros() as u64;
    Instant::from_micros(now.as_micros().div_ceil(frame) * frame)
}
