//! Peers that send back what they are told: how an echo is told from something that somebody did.
//!
//! A message counts as often as it is sent, so equality alone proves nothing: what matters is who said it, and when. A level
//! that a device has just said itself is not sent back to it. And what comes back soon after it was sent carries the
//! [generation](crosspatch_core::Outbox::generation) of what was sent, so that a value which two such peers throw to each other
//! ends after a few rounds.

use std::hash::{BuildHasher, Hash};

use crosspatch_core::Duration;
use rustc_hash::FxBuildHasher;

/// A level that a device said itself less than this ago is not sent back to it.
pub(crate) const OWN_WORD: Duration = Duration::from_secs(1);

/// What comes in so long after the same was sent may be its echo. For levels it may have been sent a little before others;
/// for buttons it is the last thing that was sent, and the time is shorter: people press them again and again.
pub(crate) const ECHO: Duration = Duration::from_secs(5);
pub(crate) const ECHO_OF_BUTTON: Duration = Duration::from_secs(1);

/// So often a value may go to a peer, come back and go on, and so often what is held back may be held back again because of
/// what comes back.
pub(crate) const MAX_GENERATIONS: u8 = 6;
pub(crate) const MAX_HELD_BACK: u8 = 12;

/// The last few values that were sent on a channel which also comes in: what of them comes back may be an echo.
#[derive(Default)]
pub(crate) struct Recent {
    hashes: [u32; 32],
    next: usize,
}

impl Recent {
    /// Takes note of a value that was sent.
    pub(crate) fn add(&mut self, value: &impl Hash) {
        self.hashes[self.next] = hash(value);
        self.next = (self.next + 1) % self.hashes.len();
    }

    /// Whether a value is one of those.
    pub(crate) fn has(&self, value: &impl Hash) -> bool {
        self.hashes.contains(&hash(value))
    }
}

/// Never 0, which stands for nothing.
fn hash(value: &impl Hash) -> u32 {
    (FxBuildHasher.hash_one(value) >> 32) as u32 | 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_thirty_two_values_are_known() {
        let mut recent = Recent::default();
        assert!(!recent.has(&0_u64));
        (0..40_u64).for_each(|value| recent.add(&value));
        assert!(recent.has(&39_u64) && recent.has(&8_u64) && !recent.has(&40_u64));
        assert!((0..8_u64).all(|value| !recent.has(&value)));
    }
}
