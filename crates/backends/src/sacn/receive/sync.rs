//! Which synchronization packets are new.

use super::source::is_fresh;
use crate::sacn::wire::{Cid, Synchronization};

/// So many senders of synchronization packets are known; the one heard longest ago makes room.
const MAX_SENDERS: usize = 8;

/// The last sequence number of each sender and address (clause 6.7.2), the latest at the end.
#[derive(Debug, Default)]
pub(crate) struct Signs {
    last: Vec<(Cid, u16, u8)>,
}

impl Signs {
    /// Whether a packet is newer than the last one of its sender. If so, it is the last one from here on.
    pub(crate) fn accept(&mut self, sync: &Synchronization) -> bool {
        let known =
            self.last.iter().position(|(cid, address, _)| (*cid, *address) == (sync.cid, sync.address));
        if known.is_some_and(|at| !is_fresh(self.last[at].2, sync.sequence)) {
            return false;
        }
        match known {
            Some(at) => drop(self.last.remove(at)),
            None if self.last.len() >= MAX_SENDERS => drop(self.last.remove(0)),
            None => {}
        }
        self.last.push((sync.cid, sync.address, sync.sequence));
        true
    }
}
