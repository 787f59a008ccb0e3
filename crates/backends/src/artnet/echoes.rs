//! Packets of ours that come back, because they went to everybody on the network.

use std::hash::{BuildHasher, BuildHasherDefault, Hash};

use crosspatch_core::{Duration, Instant};
use rustc_hash::FxHasher;

/// So many packets are remembered, and so long; on the way back to its own machine a packet takes far less.
const REMEMBERED: usize = 8;
const SOON: Duration = Duration::from_millis(500);

/// What was sent lately.
#[derive(Debug, Default)]
pub(crate) struct FrameEchoes {
    /// Hashes of packets and when they were sent, in a ring.
    sent: [Option<(u64, Instant)>; REMEMBERED],
    next: usize,
}

impl FrameEchoes {
    /// A packet is sent.
    pub(crate) fn remember(&mut self, now: Instant, packet: &[u8]) {
        self.sent[self.next] = Some((hash(packet), now));
        self.next = (self.next + 1) % REMEMBERED;
    }

    /// Whether a packet is one of ours. It comes back once: the same from somebody else is not mistaken for it.
    pub(crate) fn take(&mut self, now: Instant, packet: &[u8]) -> bool {
        let is_recent = |sent: &Option<(u64, Instant)>| sent.is_some_and(|(_, at)| now.since(at) < SOON);
        // Whoever has sent nothing has nothing to compare.
        if !self.sent.iter().any(is_recent) {
            return false;
        }
        let hash = hash(packet);
        let mut ours =
            self.sent.iter_mut().filter(|sent| is_recent(sent) && sent.is_some_and(|(one, _)| one == hash));
        ours.next().is_some_and(|sent| sent.take().is_some())
    }
}

/// The same number for the same thing, in every run.
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
