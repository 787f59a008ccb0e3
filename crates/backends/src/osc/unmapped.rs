//! Reports once that no mapping uses the address of a message, for those who look for a cause.

use std::hash::BuildHasher;

use crosspatch_core::{Notice, Outbox, Peer};
use rustc_hash::FxBuildHasher;

/// As many addresses are reported.
const MAX_REPORTED: usize = 32;

/// The addresses that were reported, by their hashes.
#[derive(Debug, Default)]
pub(super) struct Unmapped {
    reported: Vec<u64>,
}

impl Unmapped {
    /// Records a message to an address that no mapping uses.
    pub(super) fn record(&mut self, address: &[u8], from: Peer, out: &mut Outbox) {
        if self.reported.len() >= MAX_REPORTED {
            return;
        }
        let hash = FxBuildHasher.hash_one(address);
        if self.reported.contains(&hash) {
            return;
        }
        self.reported.push(hash);
        let address = String::from_utf8_lossy(address);
        let end =
            if self.reported.len() == MAX_REPORTED { "; further addresses are not reported" } else { "" };
        let text = format!("no mapping uses `{address}`, which {from} has sent{end}");
        out.notice(Notice::debug("osc-unmapped", text));
    }

    /// Other mappings are in use: every address is reported anew.
    pub(super) fn clear(&mut self) {
        self.reported.clear();
    }
}
