//! Time as a value: microseconds since the program started.
//!
//! There is no `now()` here. The shell (`crosspatch-io`) owns the only clock and passes the time in; tests advance it
//! themselves. Therefore a recording always replays to the same transcript.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
pub use std::time::Duration;

/// A point in time, in microseconds since the program started.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The moment the program started.
    pub const START: Self = Self(0);

    /// The point `micros` microseconds after the start.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the start.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// How long ago `earlier` was; zero if it lies ahead.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(rhs.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, rhs: Duration) {
        *self = *self + rhs;
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, rhs: Self) -> Duration {
        self.since(rhs)
    }
}

/// Seconds with milliseconds and a plus sign, as in transcripts: `+1.250s`. Microseconds are shown where they are not 0.
impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, micros) = (self.0 / 1_000_000, self.0 % 1_000_000);
        if micros % 1000 == 0 {
            write!(f, "+{seconds}.{:03}s", micros / 1000)
        } else {
            write!(f, "+{seconds}.{micros:06}s")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_never_runs_backwards_or_overflows() {
        let late = Instant::from_micros(u64::MAX);
        assert_eq!(late + Duration::MAX, late);
        assert_eq!(Instant::START.since(late), Duration::ZERO);
        assert_eq!(late - Instant::from_micros(u64::MAX - 5), Duration::from_micros(5));
    }

    #[test]
    fn shows_milliseconds_and_only_where_needed_microseconds() {
        assert_eq!(Instant::from_micros(1_250_000).to_string(), "+1.250s");
        assert_eq!(Instant::from_micros(12).to_string(), "+0.000012s");
    }
}
