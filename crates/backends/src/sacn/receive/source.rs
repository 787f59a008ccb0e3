//! One source of a universe, as seen by a receiver.

use std::net::SocketAddr;

use crosspatch_core::{Duration, Instant};

use crate::sacn::wire::{Cid, Data, LEVELS, MAX_PRIORITY};
use crate::shared::dmx::Levels;
use crate::shared::sequence::{NumberWidth, PacketOrder, SequenceTracker, Trouble};

/// A source that sends nothing for this time is gone, `E131_NETWORK_DATA_LOSS_TIMEOUT` (clause 6.7.1 and appendix A).
/// The same timeout applies to per-slot priorities and to synchronization (clause 11.1.2).
pub(crate) const LOSS: Duration = Duration::from_millis(2500);

/// The state of a source.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Not merged before this time, so that the source can announce per-slot priorities.
    New(Instant),
    /// Merged.
    Active,
    /// Ended or silent. Its last levels hold until it is known which other sources have ended too.
    Lost(Goodbye),
}

/// How a source has ended.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Goodbye {
    /// The source sent a termination.
    Terminated,
    /// The source fell silent.
    Silent,
}

/// A source of a universe.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) cid: Cid,
    pub(crate) name: Box<[u8]>,
    pub(crate) peer: SocketAddr,
    pub(crate) priority: u8,
    pub(crate) standing: Standing,
    pub(crate) levels: Levels,
    /// When levels were last received, or the first packet if there were no levels yet.
    pub(crate) heard_at: Instant,
    /// Whether levels were received since the last loss of any source.
    pub(crate) is_verified: bool,
    priorities_at: Option<Instant>,
    /// The sequence numbers of levels and of priorities; some sources number them separately.
    sequences: [SequenceTracker; 2],
    /// The universe whose synchronization packets the levels wait for, or 0.
    pub(crate) sync_address: u16,
    synced_at: Option<Instant>,
    /// Levels that wait for a synchronization packet.
    held: Vec<u8>,
    is_holding: bool,
}

impl Source {
    /// Creates a source from its first packet.
    pub(crate) fn new(now: Instant, data: &Data<'_>, peer: SocketAddr, sampled_at: Instant) -> Self {
        Self {
            cid: data.cid,
            name: data.name.into(),
            peer,
            priority: data.priority,
            standing: Standing::New(sampled_at),
            levels: Levels::new(data.priority),
            heard_at: now,
            is_verified: true,
            priorities_at: None,
            sequences: [(); 2].map(|()| SequenceTracker::new(NumberWidth::BYTE)),
            sync_address: 0,
            synced_at: None,
            held: Vec::new(),
            is_holding: false,
        }
    }

    /// Whether a packet is newer than the last of its kind (clause 6.7.2). If so, records its number.
    pub(crate) fn accept(&mut self, now: Instant, data: &Data<'_>) -> bool {
        let sequence = &mut self.sequences[usize::from(data.start_code != LEVELS)];
        accept(sequence, now, data.sequence)
    }

    /// Returns irregularities of its sequence numbers since the last call, for the operator.
    pub(crate) fn take_trouble(&mut self) -> Option<Trouble> {
        self.sequences.iter_mut().find_map(SequenceTracker::take_trouble)
    }

    /// Handles levels: applies them, or holds them until a synchronization packet. Returns whether they were applied.
    pub(crate) fn take_levels(&mut self, now: Instant, data: &Data<'_>) -> bool {
        self.heard_at = now;
        self.is_verified = true;
        if self.priorities_at.is_some_and(|at| now.since(at) >= LOSS) {
            // Not earlier: if the source is gone altogether, its last priorities hold like its last levels.
            self.priorities_at = None;
            self.levels.set_priorities(None);
        }
        if std::mem::replace(&mut self.sync_address, data.sync_address) != data.sync_address {
            self.synced_at = None;
            self.is_holding = false;
        }
        if self.synced_at.is_some_and(|at| data.force_sync && now.since(at) >= LOSS) {
            self.synced_at = None;
        }
        self.is_holding = self.synced_at.is_some();
        if self.is_holding {
            self.held.clear();
            self.held.extend_from_slice(data.slots);
            return false;
        }
        self.levels.update(now, data.slots);
        true
    }

    /// Handles per-slot priorities. Values above 200 are left to the receiver; they count as 200.
    pub(crate) fn take_priorities(&mut self, now: Instant, priorities: &[u8]) {
        self.priorities_at = Some(now);
        let mut each = [0; crate::shared::dmx::SLOTS];
        for (own, given) in each.iter_mut().zip(priorities) {
            *own = (*given).min(MAX_PRIORITY);
        }
        self.levels.set_priorities(Some(&each));
    }

    /// Whether the source has ended.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(self.standing, Standing::Lost(_))
    }

    /// Whether levels were received.
    pub(crate) fn has_levels(&self) -> bool {
        !self.levels.levels().is_empty()
    }

    /// Whether the source sends per-slot priorities.
    pub(crate) fn has_priorities(&self) -> bool {
        self.priorities_at.is_some()
    }

    /// Handles a synchronization packet: applies the held levels. Returns whether there were any.
    pub(crate) fn synchronize(&mut self, now: Instant) -> bool {
        self.synced_at = Some(now);
        if self.is_holding {
            self.levels.update(now, &self.held);
        }
        std::mem::take(&mut self.is_holding)
    }

    /// When the next timeout is due.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        match self.standing {
            Standing::New(sampled_at) if self.has_levels() => Some(sampled_at.min(self.heard_at + LOSS)),
            Standing::New(_) | Standing::Active => Some(self.heard_at + LOSS),
            Standing::Lost(_) => None,
        }
    }
}

/// Whether a packet is accepted. The standard drops packets with the number of the last one (clause 6.7.2); for a
/// source whose number never changes, that would be all packets.
pub(crate) fn accept(sequence: &mut SequenceTracker, now: Instant, number: u8) -> bool {
    match sequence.check(now, number.into()) {
        PacketOrder::Newer(_) | PacketOrder::Anew | PacketOrder::Still => true,
        PacketOrder::Again | PacketOrder::Twice => false,
        PacketOrder::Late(_) => {
            sequence.leave_out(now);
            false
        }
    }
}
