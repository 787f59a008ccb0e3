//! Peers that send back what they receive: distinguishes an echo from an action of a person.
//!
//! Every message counts, even a repetition. Therefore equality alone does not make an echo; source and time matter too. A level
//! that a device has just sent is not sent back to it ([`OWN_WORD`]). If *everything* that is sent on a channel returns, many
//! times in a row and nothing else, the channel has an echo ([`Echoes`]). Values that return there carry the
//! [generation](crosspatch_core::Outbox::generation) of what was sent, so that a value stops circulating between two such peers.
//! A person is never taken for an echo: moving a fader sends new values, and after the last press of a button, one value does not
//! return.

use std::hash::{BuildHasher, Hash};

use crosspatch_core::{Duration, Instant};
use rustc_hash::FxBuildHasher;

/// How long a level that a device has sent is not sent back to it.
pub(crate) const OWN_WORD: Duration = Duration::from_secs(1);

/// The longest delay of an echo: of a level, and of a button, which people press repeatedly.
pub(crate) const ECHO: Duration = Duration::from_secs(5);
pub(crate) const ECHO_OF_BUTTON: Duration = Duration::from_secs(1);

/// The number of values in a row that have to return before they count as echoes.
const CERTAIN: u8 = 64;

/// How many times a value may return from a peer and be sent on, and how many times a held back value may be held back again
/// because of what returns.
pub(crate) const MAX_GENERATIONS: u8 = 4;
pub(crate) const MAX_HELD_BACK: u8 = 12;

/// The values that were sent on a channel and may return.
#[derive(Clone, Debug, Default)]
pub(crate) struct Echoes {
    /// Hashes of the last values that were sent and have not returned, with the times when they expire.
    sent: [(u32, Instant); 32],
    next: usize,
    /// The number of consecutive values that have returned.
    returned: u8,
}

/// The hash of nothing.
const NOTHING: u32 = 0;

impl Echoes {
    /// Records a sent value, whose echo arrives within a time.
    pub(crate) fn send(&mut self, now: Instant, value: &impl Hash, within: Duration) {
        let oldest = std::mem::replace(&mut self.sent[self.next], (hash(value), now + within));
        if oldest.0 != NOTHING {
            self.returned = 0;
        }
        self.next = (self.next + 1) % self.sent.len();
    }

    /// Records a received value. Returns whether the channel has an echo: this value and those before it have all returned.
    pub(crate) fn is_echo(&mut self, now: Instant, value: &impl Hash) -> bool {
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

    /// Sends and receives values in turn, with `ahead` values sent before the first is received. Returns whether the
    /// last one was an echo.
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
                is_echo = echoes.is_echo(now, value);
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
            assert!(!echoes.is_echo(now, &value));
            echoes.send(now, &value, 1000 * MS);
        }
        // A button is pressed twenty times in a row, then after a while again.
        let mut echoes = Echoes::default();
        for stroke in 0..200_u32 {
            for value in [1_u8, 0] {
                now += if stroke % 20 == 0 { 2000 * MS } else { 50 * MS };
                assert!(!echoes.is_echo(now, &value), "stroke {stroke}");
                echoes.send(now, &value, 1000 * MS);
            }
        }
    }
}
