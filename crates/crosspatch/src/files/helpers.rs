//! Threads for file access that may hang.
//!
//! A dead network file system blocks every access, often forever, and no system call has a time-out. So a separate
//! thread reads the file, and is abandoned when it takes too long. As long as such a thread hangs, its folder is not
//! accessed again, so there is at most one thread for each folder. When it returns, a hook is called.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// The time limit for a file: a disk that spins up takes a few seconds.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// The maximum number of hanging threads.
const MOST: usize = 64;

/// Starts threads, and tracks those that hang.
#[derive(Clone, Default)]
pub(crate) struct Helpers(Arc<Shared>);

#[derive(Default)]
struct Shared {
    busy: Mutex<BTreeSet<PathBuf>>,
    returned: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl Helpers {
    /// Sets the hook that is called when an abandoned thread returns: its folder answers again. Only the first call counts.
    pub(crate) fn on_return(&self, hook: impl Fn() + Send + Sync + 'static) {
        let _: Result<(), Box<dyn Fn() + Send + Sync>> = self.0.returned.set(Box::new(hook));
    }

    /// Runs `work`, which accesses `folder`, and waits for it for at most `patience`.
    ///
    /// # Errors
    ///
    /// Fails with [`TimedOut`](io::ErrorKind::TimedOut) after that, and at once while earlier work on the folder hangs.
    pub(crate) fn within<T: Send + 'static>(
        &self,
        patience: Duration,
        folder: &Path,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        let mut busy = self.0.busy();
        if busy.len() >= MOST || !busy.insert(folder.to_owned()) {
            return Err(hangs());
        }
        drop(busy);
        // With a capacity of 0, a message is either received, or its sender gets an error.
        let (answer, answered) = mpsc::sync_channel(0);
        let (shared, place) = (self.0.clone(), folder.to_owned());
        let started = std::thread::Builder::new().name("files".to_owned()).spawn(move || {
            let found = work();
            shared.busy().remove(&place);
            if answer.send(found).is_err()
                && let Some(hook) = shared.returned.get()
            {
                hook();
            }
        });
        if let Err(error) = started {
            self.0.busy().remove(folder);
            return Err(error);
        }
        answered.recv_timeout(patience).map_err(|error| match error {
            RecvTimeoutError::Timeout => hangs(),
            RecvTimeoutError::Disconnected => io::Error::other("the thread that reads it has ended"),
        })
    }
}

impl Shared {
    // Nothing panics while it holds the lock.
    fn busy(&self) -> MutexGuard<'_, BTreeSet<PathBuf>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Helpers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Helpers").field("busy", &*self.0.busy()).finish_non_exhaustive()
    }
}

fn hangs() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "its file system does not answer")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hangs_is_given_up_holds_up_no_other_folder_and_is_told_when_it_comes_back() {
        let helpers = Helpers::default();
        let (told, returned) = mpsc::channel();
        let told = Mutex::new(told);
        helpers.on_return(move || told.lock().unwrap().send(()).unwrap());
        let (dead, good) = (Path::new("dead"), Path::new("good"));
        let (release, held) = mpsc::channel::<()>();
        let hanging = helpers.within(Duration::from_millis(1), dead, move || held.recv());
        assert_eq!(hanging.unwrap_err().kind(), io::ErrorKind::TimedOut);
        // It would take an hour if this waited for it.
        let again = helpers.within(Duration::from_secs(3600), dead, || ());
        assert_eq!(again.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(helpers.within(PATIENCE, good, || 1).unwrap(), 1);
        release.send(()).unwrap();
        returned.recv().unwrap();
        assert_eq!(helpers.within(PATIENCE, dead, || 2).unwrap(), 2);
    }

    #[test]
    fn no_more_threads_hang_than_there_may_be() {
        let helpers = Helpers::default();
        let (release, held) = mpsc::channel::<()>();
        let held = Arc::new(Mutex::new(held));
        for number in 0..MOST + 10 {
            let held = held.clone();
            let folder = PathBuf::from(number.to_string());
            let hanging = helpers.within(Duration::ZERO, &folder, move || held.lock().unwrap().recv());
            assert_eq!(hanging.unwrap_err().kind(), io::ErrorKind::TimedOut);
        }
        assert_eq!(helpers.0.busy().len(), MOST);
        drop(release);
    }
}
