//! The only clock of the program.
//!
//! It is the monotonic clock of the operating system: setting the time of day does not move it. On most systems it
//! stops while the machine is suspended. It continues while the process is stopped; sessions only see a late time-out
//! afterwards.

use crosspatch_core::Instant;

/// Counts microseconds from the moment it was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(std::time::Instant);

impl Clock {
    /// Creates a clock that starts at zero.
    pub(crate) fn start() -> Self {
        Self(std::time::Instant::now())
    }

    /// The time.
    pub(crate) fn now(&self) -> Instant {
        Instant::START + self.0.elapsed()
    }
}
