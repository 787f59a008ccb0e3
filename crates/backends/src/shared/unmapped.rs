//! Reports each incoming address that no mapping uses once, for those who look for a cause.

use std::hash::BuildHasher;

use crosspatch_core::{Notice, Outbox, Peer};
use rustc_hash::FxBuildHasher;

/// As many addresses are reported.
const MAX_REPORTED: usize = 32;

/// The maximum length of a reported address, in bytes.
const MAX_SHOWN: usize = 100;

/// The addresses that were reported, by their hashes.
#[derive(Debug)]
pub(crate) struct Unmapped {
    /// The kind of the notices.
    id: &'static str,
    reported: Vec<u64>,
}

impl Unmapped {
    /// Reports in notices of this kind.
    pub(crate) fn new(id: &'static str) -> Self {
        Self { id, reported: Vec::new() }
    }

    /// Whether there is room for further addresses.
    pub(crate) fn has_room(&self) -> bool {
        self.reported.len() < MAX_REPORTED
    }

    /// Records a message to an address that no mapping uses.
    pub(crate) fn record(&mut self, address: &[u8], from: Peer, out: &mut Outbox) {
        if !self.has_room() {
            return;
        }
        let hash = FxBuildHasher.hash_one(address);
        if self.reported.contains(&hash) {
            return;
        }
        self.reported.push(hash);
        let address = String::from_utf8_lossy(&address[..address.len().min(MAX_SHOWN)]);
        let end =
            if self.reported.len() == MAX_REPORTED { "; further addresses are not reported" } else { "" };
        let text = match from {
            Peer::Only => format!("no mapping uses `{address}`, which was received{end}"),
            Peer::Address(_) | Peer::Connection(_) => {
                format!("no mapping uses `{address}`, which {from} has sent{end}")
            }
        };
        out.notice(Notice::debug(self.id, text));
    }

    /// Other mappings are in use: every address is reported anew.
    pub(crate) fn clear(&mut self) {
        self.reported.clear();
    }
}
