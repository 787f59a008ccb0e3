//! Wakes the thread that reloads. However often it is rung, it has rung once.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Why the configuration is to be looked at.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    /// A file or a folder of it seems to have changed.
    Files,
    /// Somebody asked for it.
    Asked,
}

/// A bell with one sound.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    rung: Mutex<Option<Reason>>,
    changed: Condvar,
}

impl Bell {
    /// Rings. A question is never forgotten for a change of files.
    pub(crate) fn ring(&self, reason: Reason) {
        let mut rung = self.lock();
        *rung = (*rung).max(Some(reason));
        self.changed.notify_all();
    }

    /// Waits until it rings, and makes it silent.
    pub(crate) fn wait(&self) -> Reason {
        let mut rung = self.lock();
        loop {
            match rung.take() {
                Some(reason) => return reason,
                None => rung = self.changed.wait(rung).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// Waits until it has been silent for `quiet`, though for `most` at most, and returns the strongest reason heard.
    pub(crate) fn settle(&self, mut reason: Reason, quiet: Duration, most: Duration) -> Reason {
        let start = std::time::Instant::now();
        while reason == Reason::Files && start.elapsed() < most {
            let waited = self.changed.wait_timeout_while(self.lock(), quiet, |rung| rung.is_none());
            match waited.unwrap_or_else(PoisonError::into_inner).0.take() {
                Some(more) => reason = reason.max(more),
                None => break,
            }
        }
        reason
    }

    // Nothing panics while it holds the lock.
    fn lock(&self) -> MutexGuard<'_, Option<Reason>> {
        self.rung.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_rings_once() {
        let bell = Bell::default();
        for _ in 0..1000 {
            bell.ring(Reason::Asked);
            bell.ring(Reason::Files);
        }
        assert_eq!(bell.wait(), Reason::Asked);
        assert_eq!(*bell.lock(), None);
    }

    #[test]
    fn settles_when_it_is_quiet_or_when_somebody_asks() {
        let bell = Bell::default();
        let (quiet, most) = (Duration::from_millis(1), Duration::from_secs(20));
        bell.ring(Reason::Files);
        assert_eq!(bell.settle(Reason::Files, quiet, most), Reason::Files);
        bell.ring(Reason::Asked);
        assert_eq!(bell.settle(Reason::Files, quiet, most), Reason::Asked);
        assert_eq!(bell.settle(Reason::Asked, Duration::from_secs(3600), most), Reason::Asked);
    }
}
