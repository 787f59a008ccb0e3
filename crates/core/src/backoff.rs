//! When to try again, as a value.

use std::hash::{Hash, Hasher};
use std::time::Duration;

use rustc_hash::FxHasher;

/// Doubling pauses with jitter, from a seed, so that a recording replays and two instances do not knock in step.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    failures: u32,
    random: u64,
}

impl Backoff {
    /// Pauses from `first` up to `most`. The seed is usually the name of the instance.
    pub fn new(first: Duration, most: Duration, seed: impl Hash) -> Self {
        let mut hasher = FxHasher::default();
        seed.hash(&mut hasher);
        Self { first, most, failures: 0, random: hasher.finish() | 1 }
    }

    /// The next pause: twice the one before, up to the most, and of that between three quarters and the whole.
    pub fn pause(&mut self) -> Duration {
        let whole = self.first.saturating_mul(1 << self.failures.min(20)).min(self.most);
        self.failures = self.failures.saturating_add(1);
        // xorshift64: any generator does, it only has to differ between instances.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        whole.mul_f64(0.75 + 0.25 * (self.random >> 11) as f64 / (1_u64 << 53) as f64)
    }

    /// How many pauses there were since the last success.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// It worked: the next pause is the first again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_the_most_and_begins_anew_after_success() {
        let (first, most) = (Duration::from_millis(100), Duration::from_secs(5));
        let mut backoff = Backoff::new(first, most, "ma");
        let mut whole = first;
        for _ in 0..64 {
            let pause = backoff.pause();
            assert!(pause <= whole && pause >= whole.mul_f64(0.74), "{pause:?} of {whole:?}");
            whole = (whole * 2).min(most);
        }
        backoff.reset();
        assert!(backoff.pause() <= first);
    }

    #[test]
    fn the_same_seed_gives_the_same_pauses_and_another_seed_others() {
        let pauses = |seed: &str| {
            let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(9), seed);
            [backoff.pause(), backoff.pause(), backoff.pause()]
        };
        assert_eq!(pauses("ma"), pauses("ma"));
        assert_ne!(pauses("ma"), pauses("mb"));
    }
}
