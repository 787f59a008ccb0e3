//! Recognizes our own packets, which return to us if they were broadcast.

use std::hash::{BuildHasher, BuildHasherDefault, Hash};

use crosspatch_core::{Duration, Instant};
use rustc_hash::FxHasher;

/// The number of packets to remember, and for how long. A packet returns to its own machine in far less time.
const REMEMBERED: usize = 8;
const SOON: Duration = Duration::from_millis(500);

/// The packets sent recently.
#[derive(Debug, Default)]
pub(crate) struct FrameEchoes {
    /// Hashes of the packets and their send times, as a ring buffer.
    sent: [Option<(u64, Instant)>; REMEMBERED],
    next: usize,
}

impl FrameEchoes {
    /// Records a sent packet.
    pub(crate) fn remember(&mut self, now: Instant, packet: &[u8]) {
        self.sent[self.next] = Some((hash(packet), now));
        self.next = (self.next + 1) % REMEMBERED;
    }

    /// Whether a received packet is our own. Each sent packet matches once, so that an equal packet from another sender
    /// is accepted.
    pub(crate) fn take(&mut self, now: Instant, packet: &[u8]) -> bool {
        let is_recent = |sent: &Option<(u64, Instant)>| sent.is_some_and(|(_, at)| now.since(at) < SOON);
        // Nothing sent, so nothing to compare.
        if !self.sent.iter().any(is_recent) {
            return false;
        }
        let hash = hash(packet);
        let mut ours =
            self.sent.iter_mut().filter(|sent| is_recent(sent) && sent.is_some_and(|(one, _)| one == hash));
        ours.next().is_some_and(|sent| sent.take().is_some())
    }
}

/// A hash that is the same in every run.
pub(crate) fn hash(thing: impl Hash) -> u64 {
    BuildHasherDefault::<FxHasher>::default().hash_one(thing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_comes_back_once_and_soon() {
        let mut echoes = FrameEchoes::default();
        let at = Instant::from_micros;
        assert!(!echoes.take(at(0), b"one"));
        echoes.remember(at(0), b"one");
        assert!(!echoes.take(at(1), b"two"));
        assert!(echoes.take(at(1), b"one"));
        assert!(!echoes.take(at(2), b"one"), "the second is somebody else's");
        echoes.remember(at(3), b"one");
        assert!(!echoes.take(at(600_000), b"one"), "so late it is somebody else's");
        for packet in 0..20_u8 {
            echoes.remember(at(700_000), &[packet]);
        }
        assert!(echoes.take(at(700_001), &[19]) && !echoes.take(at(700_001), &[0]));
    }
}
