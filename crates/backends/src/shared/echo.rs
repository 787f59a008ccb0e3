//! Peers that send back what they are told: how an echo is told from something that somebody did.
//!
//! A message counts as often as it is sent, so equality alone proves nothing: what matters is who said it, and when. A level
//! that a device has just said itself is not sent back to it ([`OWN_WORD`]). A channel on which *everything* comes back that is
//! sent, many times in a row and nothing else, has an echo ([`Echoes`]): what comes back there carries the
//! [generation](crosspatch_core::Outbox::generation) of what was sent, so that a value which two such peers throw to each other
//! ends. A person does not pass for an echo: whoever moves a fader says new values, and whoever stops pressing a button leaves
//! something behind that never comes back.

use std::hash::{BuildHasher, Hash};

use crosspatch_core::{Duration, Instant};
use rustc_hash::FxBuildHasher;

/// A level that a device said itself less than this ago is not sent back to it.
pub(crate) const OWN_WORD: Duration = Duration::from_secs(1);

/// An echo comes no later than this: of a level, and of a button, which people press again and again.
pub(crate) const ECHO: Duration = Duration::from_secs(5);
pub(crate) const ECHO_OF_BUTTON: Duration = Duration::from_secs(1);

/// So much in a row has to come back before it counts as an echo.
const CERTAIN: u8 = 64;

/// So often a value may go to a peer, come back and go on, and so often what is held back may be held back again because of
/// what comes back.
pub(crate) const MAX_GENERATIONS: u8 = 4;
pub(crate) const MAX_HELD_BACK: u8 = 12;

/// What was sent on a channel and may come back.
#[derive(Clone, Debug, Default)]
pub(crate) struct Echoes {
    /// Hashes of the last values that were sent and have not come back, with the times after which they are no echoes.
    sent: [(u32, Instant); 32],
    next: usize,
    /// How many values in a row have come back.
    returned: u8,
}

/// The hash of nothing.
const NOTHING: u32 = 0;

impl Echoes {
    /// A value is sent, whose echo comes within a time.
    pub(crate) fn send(&mut self, now: Instant, value: &impl Hash, within: Duration) {
        let oldest = std::mem::replace(&mut self.sent[self.next], (hash(value), now + within));
        if oldest.0 != NOTHING {
            self.returned = 0;
        }
        self.next = (self.next + 1) % self.sent.len();
    }

    /// A value has come in. Whether it is an echo.
    pub(crate) fn hear(&mut self, now: Instant, value: &impl Hash) -> bool {
        let hash = hash(value);
        let mut is_returned = false;
        let (newer, older) = self.sent.split_at_mut(self.next);
        for (sent, until) in older.iter_mut().chain(newer) {
            if *sent != NOTHING && *until < now {
                (*sent, self.returned) = (NOTHING, 0);
            } else if *sent == hash && !is_returned {
                (*sent, is_returned) = (NOTHING, true);
            }
        }
        self.returned = if is_returned { self.returned.saturating_add(1) } else { 0 };
        self.returned >= CERTAIN
    }
}

fn hash(value: &impl Hash) -> u32 {
    (FxBuildHasher.hash_one(value) >> 32) as u32 | 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Sends and hears values in turn, `ahead` of them before the first is heard; whether the last one was an echo.
    fn throw(values: impl Iterator<Item = u8>, ahead: usize, apart: Duration) -> bool {
        let (mut echoes, mut now) = (Echoes::default(), Instant::START);
        let values: Vec<_> = values.collect();
        let mut is_echo = false;
        for at in 0..values.len() + ahead {
            now += apart;
            if let Some(value) = values.get(at) {
                echoes.send(now, value, 1000 * MS);
            }
            if let Some(value) = at.checked_sub(ahead).and_then(|at| values.get(at)) {
                is_echo = echoes.hear(now, value);
            }
        }
        is_echo
    }

    #[test]
    fn what_comes_back_every_time_is_an_echo_whatever_it_is_and_however_much_is_on_its_way() {
        for ahead in [0, 1, 20] {
            assert!(throw((0..100).map(|at| at % 2), ahead, 10 * MS), "{ahead}");
            assert!(throw(0..100, ahead, 10 * MS), "{ahead}");
            assert!(!throw((0..60).map(|at| at % 2), ahead, 10 * MS), "it is not certain yet");
        }
        assert!(!throw(0..100, 1, 1001 * MS), "it comes too late");
        assert!(!throw(0..100, 40, 10 * MS), "too much is on its way");
    }

    #[test]
    fn somebody_who_says_anything_else_or_nothing_is_no_echo() {
        let (mut echoes, mut now) = (Echoes::default(), Instant::START);
        // A fader is moved, and a lamp shows it.
        for value in 0..200_u8 {
            now += 10 * MS;
            assert!(!echoes.hear(now, &value));
            echoes.send(now, &value, 1000 * MS);
        }
        // A button is pressed twenty times in a row, then after a while again.
        let mut echoes = Echoes::default();
        for stroke in 0..200_u32 {
            for value in [1_u8, 0] {
                now += if stroke % 20 == 0 { 2000 * MS } else { 50 * MS };
                assert!(!echoes.hear(now, &value), "stroke {stroke}");
                echoes.send(now, &value, 1000 * MS);
            }
        }
    }
}
