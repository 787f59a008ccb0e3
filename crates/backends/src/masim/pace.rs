//! Limits how fast passwords can be tried: the answer to a failed log-in is delayed, longer after each recent failure.
//!
//! The addresses of peers are unknown here, so the failures of all connections are counted together. A right password is answered
//! immediately, so guessing does not delay other clients.

use crosspatch_core::{Duration, Instant};

/// How many failures are answered immediately, because people mistype.
const FREE: u32 = 3;

/// The first delay, which doubles each time, and the longest. Clients give up on a console that takes five seconds.
const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(4);

/// How long after the last failure the count is reset.
const FORGOTTEN: Duration = Duration::from_secs(60);

/// Counts the log-ins that fail.
#[derive(Debug, Default)]
pub(super) struct LoginPace {
    failures: u32,
    last: Instant,
}

impl LoginPace {
    /// Counts a failed log-in. Returns the delay of its answer.
    pub(super) fn failed(&mut self, now: Instant) -> Duration {
        if now.since(self.last) >= FORGOTTEN {
            self.failures = 0;
        }
        (self.failures, self.last) = (self.failures.saturating_add(1), now);
        let Some(doublings) = self.failures.checked_sub(FREE + 1) else { return Duration::ZERO };
        LONGEST.min(FIRST * 2_u32.pow(doublings.min(8)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_cost_more_and_more_and_are_forgotten() {
        let (mut pace, mut now) = (LoginPace::default(), Instant::START + Duration::from_secs(100));
        let delays: Vec<_> = (0..10).map(|_| pace.failed(now).as_millis()).collect();
        assert_eq!(delays, [0, 0, 0, 500, 1_000, 2_000, 4_000, 4_000, 4_000, 4_000]);
        now += FORGOTTEN;
        assert_eq!(pace.failed(now), Duration::ZERO);
    }
}
