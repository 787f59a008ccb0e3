//! When to try again, as a value.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::time::Duration;

use rustc_hash::FxHasher;

use crate::Instant;

/// For so long after the first failure, retries are about a second apart.
const EAGER: Duration = Duration::from_secs(60);

/// The longest pause within that time.
const EAGER_PAUSE: Duration = Duration::from_secs(1);

/// Doubling pauses with seeded jitter, so that a recording replays and two instances do not try at the same moment.
///
/// A user who has just unplugged a cable waits for the reconnect, so [`retry_pause`](Self::retry_pause) begins to
/// double only after a minute.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    /// The last pause without its jitter.
    whole: Duration,
    failures: u32,
    failing_since: Option<Instant>,
    random: u64,
}

impl Backoff {
    /// Pauses from `first` up to `most`. The seed is usually the name of the instance.
    pub fn new(first: Duration, most: Duration, seed: impl Hash) -> Self {
        let mut hasher = FxHasher::default();
        seed.hash(&mut hasher);
        let random = hasher.finish() | 1;
        Self { first, most, whole: Duration::ZERO, failures: 0, failing_since: None, random }
    }

    /// The next pause: twice the previous one, up to the maximum, then randomized to between three quarters and all of
    /// that.
    pub fn pause(&mut self) -> Duration {
        self.pause_up_to(self.most)
    }

    /// The next pause before a lost port or a missing peer is tried again: at most a second in the first minute after the first
    /// failure, and then [`pause`](Self::pause).
    pub fn retry_pause(&mut self, now: Instant) -> Duration {
        let since = *self.failing_since.get_or_insert(now);
        self.pause_up_to(if now.since(since) < EAGER { self.most.min(EAGER_PAUSE) } else { self.most })
    }

    fn pause_up_to(&mut self, most: Duration) -> Duration {
        self.whole = if self.whole.is_zero() { self.first } else { self.whole.saturating_mul(2) }.min(most);
        self.failures = self.failures.saturating_add(1);
        // xorshift64: any generator does, it only has to differ between instances.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.whole.mul_f64(0.75 + 0.25 * (self.random >> 11) as f64 / (1_u64 << 53) as f64)
    }

    /// How many pauses there were since the last success.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// It worked: the next pause is the first again.
    pub fn reset(&mut self) {
        (self.whole, self.failures, self.failing_since) = (Duration::ZERO, 0, None);
    }
}

/// The time of the next attempt, in the words of a notice: `trying again every second` or `next try in 8 s`.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct NextTry {
    /// After this time.
    pub pause: Duration,
}

impl fmt::Display for NextTry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pause <= EAGER_PAUSE {
            f.write_str("trying again every second")
        } else {
            write!(f, "next try in {} s", self.pause.as_millis().div_ceil(1000))
        }
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
    fn retries_are_a_second_apart_for_a_minute_and_then_double() {
        let (first, most) = (Duration::from_millis(500), Duration::from_secs(8));
        let mut backoff = Backoff::new(first, most, "ma");
        for _ in 0..2 {
            let mut now = Instant::START + Duration::from_secs(3600);
            let mut pauses = Vec::new();
            while pauses.len() < 90 {
                let pause = backoff.retry_pause(now);
                now += pause;
                pauses.push(pause.as_millis());
            }
            assert!((375..=500).contains(&pauses[0]), "{pauses:?}");
            // The last one begins within the minute.
            let eager = 1 + pauses[1..].iter().take_while(|pause| **pause <= 1000).count();
            let minute: u128 = pauses[..eager].iter().sum();
            assert!((60_000..61_000).contains(&minute) && pauses[1..eager].iter().all(|pause| *pause >= 750));
            assert!((1500..=2000).contains(&pauses[eager]) && (3000..=4000).contains(&pauses[eager + 1]));
            assert!(pauses[eager + 2..].iter().all(|pause| (6000..=8000).contains(pause)), "{pauses:?}");
            backoff.reset();
        }
    }

    #[test]
    fn a_thousand_instances_that_fail_together_do_not_try_together() {
        let mut tries = vec![0; 100];
        for number in 0..1000 {
            let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(5), number);
            let mut now = Instant::START;
            while now < Instant::START + Duration::from_secs(10) {
                now += backoff.retry_pause(now);
            }
            // Where in the tenth second it is.
            tries[(now.since(Instant::START + Duration::from_secs(10)).as_millis() / 10) as usize] += 1;
        }
        assert!(tries.iter().all(|tries| *tries < 50), "{tries:?}");
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

    #[test]
    fn a_notice_says_when_the_next_try_is() {
        let words = |millis| NextTry { pause: Duration::from_millis(millis) }.to_string();
        assert_eq!(words(1000), "trying again every second");
        assert_eq!(words(7001), "next try in 8 s");
    }
}
