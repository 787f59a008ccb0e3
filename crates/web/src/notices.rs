//! The notices of the show: the latest thousand, numbered. They and the lock outlast a restart of the page.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crosspatch_core::Severity;
use serde::Serialize;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::answer::millis;

/// How many notices are kept.
const MAX_KEPT: usize = 1000;

/// How many notices may wait until the page takes them. Further ones are dropped.
const MAX_WAITING: usize = 1024;

/// A notice, as the show sends it.
#[derive(Debug)]
pub struct NoticeInput {
    /// How important it is.
    pub severity: Severity,
    /// The instance that it is about; without one it is about the whole show.
    pub instance: Option<String>,
    /// Its id.
    pub id: &'static str,
    /// Its text.
    pub text: String,
    /// How many equal notices were held back before.
    pub held: u32,
}

/// What outlasts a restart of the page: the notices of the show, which the show adds, and the lock. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Board(Arc<BoardState>);

#[derive(Debug)]
struct BoardState {
    is_locked: AtomicBool,
    sender: Sender<(SystemTime, NoticeInput)>,
    waiting: tokio::sync::Mutex<Receiver<(SystemTime, NoticeInput)>>,
    notices: Notices,
}

impl Default for Board {
    fn default() -> Self {
        let (sender, waiting) = channel(MAX_WAITING);
        Self(Arc::new(BoardState {
            is_locked: AtomicBool::new(false),
            sender,
            waiting: waiting.into(),
            notices: Notices::default(),
        }))
    }
}

impl Board {
    /// Adds a notice, unless too many are waiting. Never waits.
    pub fn add(&self, notice: NoticeInput) {
        // Without room there are a thousand notices that have not been shown yet.
        let _ = self.0.sender.try_send((SystemTime::now(), notice));
    }

    /// Takes the waiting notices. Never returns.
    pub(crate) async fn collect(self) {
        let mut waiting = self.0.waiting.lock().await;
        while let Some((at, notice)) = waiting.recv().await {
            self.0.notices.add(at, notice);
        }
    }

    /// Whether the show is locked.
    pub(crate) fn is_locked(&self) -> bool {
        self.0.is_locked.load(Ordering::Relaxed)
    }

    /// Locks or unlocks the show. Returns whether it was locked before.
    pub(crate) fn set_locked(&self, locked: bool) -> bool {
        self.0.is_locked.swap(locked, Ordering::Relaxed)
    }

    /// The latest notices.
    pub(crate) fn notices(&self) -> &Notices {
        &self.0.notices
    }
}

/// A notice as the API shows it.
#[derive(Debug, Serialize)]
pub(crate) struct NumberedNotice {
    pub(crate) number: u64,
    pub(crate) at: u64,
    pub(crate) severity: &'static str,
    pub(crate) instance: Option<String>,
    pub(crate) id: &'static str,
    pub(crate) text: String,
    pub(crate) held: u32,
}

/// The latest notices.
#[derive(Debug, Default)]
pub(crate) struct Notices(Mutex<LatestNotices>);

#[derive(Debug, Default)]
struct LatestNotices {
    last: u64,
    kept: VecDeque<Arc<NumberedNotice>>,
    /// How many there were of each severity.
    counts: [u64; SEVERITIES.len()],
}

/// The names of the severities, in ascending order.
pub(crate) const SEVERITIES: [&str; 4] = ["debug", "info", "warning", "error"];

fn rank(severity: Severity) -> usize {
    match severity {
        Severity::Debug => 0,
        Severity::Info => 1,
        Severity::Warning => 2,
        Severity::Error => 3,
    }
}

impl Notices {
    /// Keeps a notice, in place of the oldest one if there are too many. Returns its number.
    pub(crate) fn add(&self, at: SystemTime, input: NoticeInput) -> u64 {
        let mut latest = self.latest();
        latest.last += 1;
        let rank = rank(input.severity);
        latest.counts[rank] += 1;
        let NoticeInput { instance, id, text, held, .. } = input;
        let (number, severity) = (latest.last, SEVERITIES[rank]);
        latest.kept.push_back(Arc::new(NumberedNotice {
            number,
            at: millis(at),
            severity,
            instance,
            id,
            text,
            held,
        }));
        if latest.kept.len() > MAX_KEPT {
            latest.kept.pop_front();
        }
        number
    }

    /// The number of the last notice, and all kept notices after the given number.
    pub(crate) fn after(&self, number: u64) -> (u64, Vec<Arc<NumberedNotice>>) {
        let latest = self.latest();
        let first = latest.kept.partition_point(|notice| notice.number <= number);
        (latest.last, latest.kept.range(first..).cloned().collect())
    }

    /// The last kept notice about each instance.
    pub(crate) fn last_by_instance(&self) -> BTreeMap<String, Arc<NumberedNotice>> {
        let latest = self.latest();
        let about = latest.kept.iter().filter_map(|notice| Some((notice.instance.clone()?, notice.clone())));
        about.collect()
    }

    /// The number of the last notice.
    pub(crate) fn last(&self) -> u64 {
        self.latest().last
    }

    /// How many notices there were of each of [`SEVERITIES`].
    pub(crate) fn counts(&self) -> [u64; SEVERITIES.len()] {
        self.latest().counts
    }

    fn latest(&self) -> MutexGuard<'_, LatestNotices> {
        // Nothing panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(instance: &str, text: String) -> NoticeInput {
        let instance = Some(instance.to_owned());
        NoticeInput { severity: Severity::Warning, instance, id: "test", text, held: 0 }
    }

    #[test]
    fn the_latest_thousand_are_kept_and_numbered() {
        let notices = Notices::default();
        assert_eq!(notices.after(0), (0, vec![]));
        for number in 1..=1500 {
            let instance = if number == 1200 { "desk" } else { "tablet" };
            assert_eq!(notices.add(SystemTime::now(), notice(instance, number.to_string())), number);
        }
        let (last, kept) = notices.after(0);
        assert_eq!((last, kept.len(), &*kept[0].text), (1500, MAX_KEPT, "501"));
        assert_eq!(notices.after(1498).1.len(), 2);
        assert_eq!(notices.after(9999).1.len(), 0);
        let last = notices.last_by_instance();
        assert_eq!(
            ["desk", "tablet", "bus"].map(|name| last.get(name).map(|notice| notice.number)),
            [Some(1200), Some(1500), None]
        );
        assert_eq!(notices.counts(), [0, 0, 1500, 0]);
    }

    impl PartialEq for NumberedNotice {
        fn eq(&self, other: &Self) -> bool {
            self.number == other.number
        }
    }
}
