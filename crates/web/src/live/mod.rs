//! What browsers see change: one observation of the show for all of them.
//!
//! The module `pump` takes the frames of the observation into the [`Mirror`], which holds the latest value of each channel and the number of
//! the frame that brought it. Each WebSocket remembers the last frame that it has sent, and takes from the mirror what is newer as
//! soon as its last message is written. So a slow browser costs nothing: it misses values in between, and no queue grows.

mod mirror;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};

pub(crate) use mirror::{CellJson, Mirror};

/// The observation goes on for this time after somebody has asked for a list.
const LINGER: Duration = Duration::from_secs(10);

/// How long a list waits for the known values.
const PATIENCE: Duration = Duration::from_secs(1);

/// The observation of the show, as long as somebody looks.
pub(crate) struct Live {
    mirror: Mutex<Mirror>,
    /// The instances as a message, and how often they have changed.
    pub(crate) instances: Mutex<(u64, Arc<str>)>,
    /// Counts what is new. Every WebSocket waits for it.
    pub(crate) news: watch::Sender<u64>,
    /// Whether all known values are in the mirror.
    pub(crate) is_complete: watch::Sender<bool>,
    pub(crate) sockets: AtomicUsize,
    asked: Mutex<Option<Instant>>,
    pub(crate) wanted: Notify,
    /// Microseconds spent on messages since the pump last looked.
    pub(crate) spent: AtomicU64,
}

impl Live {
    pub(crate) fn new() -> Self {
        Self {
            mirror: Mutex::default(),
            instances: Mutex::new((0, "".into())),
            news: watch::Sender::new(0),
            is_complete: watch::Sender::new(false),
            sockets: AtomicUsize::new(0),
            asked: Mutex::default(),
            wanted: Notify::new(),
            spent: AtomicU64::new(0),
        }
    }

    /// The latest values.
    pub(crate) fn mirror(&self) -> MutexGuard<'_, Mirror> {
        lock(&self.mirror)
    }

    /// Somebody asks for values once: waits until the known ones are here.
    pub(crate) async fn look(&self) {
        *lock(&self.asked) = Some(Instant::now());
        self.wanted.notify_one();
        let mut complete = self.is_complete.subscribe();
        // After this time, the list has the values that have arrived.
        let _ = tokio::time::timeout(PATIENCE, complete.wait_for(|complete| *complete)).await;
    }

    /// A WebSocket has opened. The observation lasts at least as long as the returned value.
    pub(crate) fn attend(self: &Arc<Self>) -> Attendance {
        self.sockets.fetch_add(1, Ordering::Relaxed);
        self.wanted.notify_one();
        Attendance(self.clone())
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.sockets.load(Ordering::Relaxed) > 0
            || lock(&self.asked).is_some_and(|asked| asked.elapsed() < LINGER)
    }

    pub(crate) fn spend(&self, time: Duration) {
        self.spent.fetch_add(time.as_micros() as u64, Ordering::Relaxed);
    }
}

/// An open WebSocket.
pub(crate) struct Attendance(Arc<Live>);

impl Drop for Attendance {
    fn drop(&mut self) {
        self.0.sockets.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Locks what no panic leaves half-written.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
