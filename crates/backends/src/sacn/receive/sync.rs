//! Checks whether synchronization packets are new.

use crosspatch_core::Instant;

use super::source::accept;
use crate::sacn::wire::{Cid, Synchronization};
use crate::shared::sequence::{NumberWidth, SequenceTracker, Trouble};

/// The maximum number of senders of synchronization packets; a new one replaces the one that has been silent longest.
const MAX_SENDERS: usize = 8;

/// The sequence numbers of each sender and address (clause 6.7.2), the most recent last.
#[derive(Debug, Default)]
pub(crate) struct Signs {
    known: Vec<(Cid, u16, SequenceTracker)>,
}

impl Signs {
    /// Whether a packet is newer than the last one of its sender; if so, records its number. Also returns
    /// irregularities of the numbers, for the operator.
    pub(crate) fn accept(&mut self, now: Instant, sync: &Synchronization) -> (bool, Option<Trouble>) {
        let known =
            self.known.iter().position(|(cid, address, _)| (*cid, *address) == (sync.cid, sync.address));
        let mut sequence = match known {
            Some(at) => self.known.remove(at).2,
            None => SequenceTracker::new(NumberWidth::BYTE),
        };
        if self.known.len() >= MAX_SENDERS {
            self.known.remove(0);
        }
        let is_new = accept(&mut sequence, now, sync.sequence);
        let trouble = sequence.take_trouble();
        self.known.push((sync.cid, sync.address, sequence));
        (is_new, trouble)
    }
}
