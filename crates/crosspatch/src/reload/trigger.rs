//! Wakes the thread that reloads. Several requests before it wakes are one reload.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The reason for a reload.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    /// A file or folder of the configuration may have changed.
    Files,
    /// The user requested it.
    Asked,
}

/// A request to reload, and the strongest reason for it.
#[derive(Debug, Default)]
pub(crate) struct ReloadTrigger {
    pending: Mutex<Option<Reason>>,
    changed: Condvar,
}

impl ReloadTrigger {
    /// Requests a reload. A change of files never replaces the request of a person.
    pub(crate) fn fire(&self, reason: Reason) {
        let mut pending = self.lock();
        *pending = (*pending).max(Some(reason));
        self.changed.notify_all();
    }

    /// Waits for a request, and takes it.
    pub(crate) fn wait(&self) -> Reason {
        let mut pending = self.lock();
        loop {
            match pending.take() {
                Some(reason) => return reason,
                None => pending = self.changed.wait(pending).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// Waits until there has been no request for `quiet`, though for `most` at most, and returns the strongest reason.
    pub(crate) fn settle(&self, mut reason: Reason, quiet: Duration, most: Duration) -> Reason {
        let start = std::time::Instant::now();
        while reason == Reason::Files && start.elapsed() < most {
            let waited = self.changed.wait_timeout_while(self.lock(), quiet, |pending| pending.is_none());
            match waited.unwrap_or_else(PoisonError::into_inner).0.take() {
                Some(more) => reason = reason.max(more),
                None => break,
            }
        }
        reason
    }

    // Nothing panics while it holds the lock.
    fn lock(&self) -> MutexGuard<'_, Option<Reason>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_requests_are_one_reload() {
        let trigger = ReloadTrigger::default();
        for _ in 0..1000 {
            trigger.fire(Reason::Asked);
            trigger.fire(Reason::Files);
        }
        assert_eq!(trigger.wait(), Reason::Asked);
        assert_eq!(*trigger.lock(), None);
    }

    #[test]
    fn settles_when_it_is_quiet_or_on_a_request_by_the_user() {
        let trigger = ReloadTrigger::default();
        let (quiet, most) = (Duration::from_millis(1), Duration::from_secs(20));
        trigger.fire(Reason::Files);
        assert_eq!(trigger.settle(Reason::Files, quiet, most), Reason::Files);
        trigger.fire(Reason::Asked);
        assert_eq!(trigger.settle(Reason::Files, quiet, most), Reason::Asked);
        assert_eq!(trigger.settle(Reason::Asked, Duration::from_secs(3600), most), Reason::Asked);
    }
}
