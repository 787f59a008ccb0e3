//! The only clock of the program.
//!
//! It is the monotonic clock of the operating system: setting the time of day does not move it. While a machine is
//! suspended it stands still on most systems; while the process is stopped it goes on, and sessions merely see a late
//! time-out afterwards.

use crosspatch_core::{Duration, Instant};

/// Counts microseconds from the moment it was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(std::time::Instant);

impl Clock {
    /// A clock that stands at zero.
    pub(crate) fn start() -> Self {
        Self(std::time::Instant::now())
    }

    /// The time.
    pub(crate) fn now(&self) -> Instant {
        Instant::START + self.0.elapsed()
    }

    /// How long the loop may sleep so that it wakes at `due`; not at all if that has come.
    pub(crate) fn until(&self, due: Instant) -> Duration {
        due.since(self.now())
    }
}
