//! How fast passwords may be tried: the answer to a log-in that fails comes the later the more have failed lately.
//!
//! A connection has no peer's address here, so the count is of all of them together. A right password is answered at once, so
//! guessing at passwords does not delay other clients.

use crosspatch_core::{Duration, Instant};

/// So many failures are answered at once: people mistype.
const FREE: u32 = 3;

/// The first delay, which doubles each time, and the longest. Clients give up on a console that takes five seconds.
const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(4);

/// Failures are forgotten after so long without one.
const FORGOTTEN: Duration = Duration::from_secs(60);

/// Counts the log-ins that fail.
#[derive(Debug, Default)]
pub(super) struct LoginPace {
    failures: u32,
    last: Instant,
}

impl LoginPace {
    /// A log-in has failed. Returns how long the answer takes.
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
