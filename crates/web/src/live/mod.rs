//! What browsers see change: one observation of the show for all of them.
//!
//! A task takes the frames of the observation into the [`Mirror`], which holds the latest value of each channel and the number of
//! the frame that brought it. Each WebSocket remembers the last frame that it has sent, and takes from the mirror what is newer as
//! soon as its last message is written. So a slow browser costs nothing: it misses values in between, and no queue grows.

mod mirror;
mod socket;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};

pub(crate) use mirror::{CellJson, Mirror};
pub(crate) use socket::serve;

use crate::api::describe_instances;
use crate::server::Site;
use crate::show::Values;

/// The least time between two messages to a browser.
const PACE: Duration = Duration::from_millis(50);

/// Messages to browsers take at most this part of the time: after a second of work, the next messages wait for four.
const SHARE: u32 = 4;

/// The observation goes on for this time after somebody has asked for a list.
const LINGER: Duration = Duration::from_secs(10);

/// A show without known values sends no first frame. After this time there is none.
const SILENCE: Duration = Duration::from_millis(150);

/// How long a list waits for the known values.
const PATIENCE: Duration = Duration::from_secs(1);

/// The time between two questions for the status of the sessions.
const STATUS_PACE: Duration = Duration::from_secs(1);

/// The most frames that are taken at once.
const MAX_FRAMES: usize = 8;

/// The observation of the show, as long as somebody looks.
pub(crate) struct Live {
    mirror: Mutex<Mirror>,
    /// The instances as a message, and how often they have changed.
    instances: Mutex<(u64, Arc<str>)>,
    /// Counts what is new. Every WebSocket waits for it.
    news: watch::Sender<u64>,
    /// Whether all known values are in the mirror.
    is_complete: watch::Sender<bool>,
    sockets: AtomicUsize,
    asked: Mutex<Option<Instant>>,
    wanted: Notify,
    /// Microseconds spent on messages since the pump last looked.
    spent: AtomicU64,
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
    fn attend(self: &Arc<Self>) -> Attendance {
        self.sockets.fetch_add(1, Ordering::Relaxed);
        self.wanted.notify_one();
        Attendance(self.clone())
    }

    fn is_wanted(&self) -> bool {
        self.sockets.load(Ordering::Relaxed) > 0
            || lock(&self.asked).is_some_and(|asked| asked.elapsed() < LINGER)
    }

    fn spend(&self, time: Duration) {
        self.spent.fetch_add(time.as_micros() as u64, Ordering::Relaxed);
    }
}

/// An open WebSocket.
struct Attendance(Arc<Live>);

impl Drop for Attendance {
    fn drop(&mut self) {
        self.0.sockets.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Observes the show whenever somebody looks. Never returns.
pub(crate) async fn pump(site: Arc<Site>) {
    loop {
        while !site.live.is_wanted() {
            site.live.wanted.notified().await;
        }
        let values = site.show.observe();
        observe(&site, values).await;
        site.live.is_complete.send_replace(false);
        *site.live.mirror() = Mirror::default();
    }
}

/// Takes the frames of an observation until nobody looks.
async fn observe(site: &Arc<Site>, values: Box<dyn Values>) {
    let live = &site.live;
    let began = Instant::now();
    let (mut plan, mut last_notice) = (site.show.plan().number(), site.notices().last());
    let mut status = None;
    let mut status_due = began;
    while live.is_wanted() {
        let (mut is_news, mut has_more, mut frames) = (false, false, 0);
        while frames < MAX_FRAMES
            && let Some(frame) = values.try_next_frame()
        {
            has_more = frame.has_more;
            live.mirror().take(frame);
            (is_news, frames) = (true, frames + 1);
        }
        if (frames > 0 && !has_more) || began.elapsed() > SILENCE && frames == 0 {
            live.is_complete.send_if_modified(|complete| !std::mem::replace(complete, true));
        }
        let newest = (site.show.plan().number(), site.notices().last());
        is_news |= newest != (plan, last_notice);
        (plan, last_notice) = newest;
        if status_due <= Instant::now() && live.sockets.load(Ordering::Relaxed) > 0 && status.is_none() {
            let site = site.clone();
            status = Some(tokio::spawn(async move { instances_message(&site).await }));
            status_due = Instant::now() + STATUS_PACE;
        }
        if let Some(task) = status.take_if(|task| task.is_finished())
            && let Ok(Some(message)) = task.await
        {
            let mut instances = lock(&live.instances);
            if *instances.1 != *message {
                *instances = (instances.0 + 1, message.into());
                is_news = true;
            }
        }
        if is_news {
            live.news.send_modify(|news| *news += 1);
        }
        let spent = Duration::from_micros(live.spent.swap(0, Ordering::Relaxed));
        tokio::time::sleep(PACE.max(spent * SHARE)).await;
    }
}

/// The message about all instances, if the show answers.
async fn instances_message(site: &Arc<Site>) -> Option<String> {
    let report = site.status.ask(&site.show).await?;
    let instances = describe_instances(site, &report);
    let message = serde_json::json!({ "type": "instances", "instances": instances });
    Some(message.to_string())
}

/// Locks what no panic leaves half-written.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
