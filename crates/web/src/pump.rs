//! Takes the frames of the observation into the mirror, as long as somebody looks.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::instances::describe_instances;
use crate::live::{Mirror, lock};
use crate::show::Values;
use crate::site::WebSite;

/// The least time between two messages to a browser.
const PACE: Duration = Duration::from_millis(50);

/// Building messages for browsers takes a part of the time: after 50 ms of work, the next messages wait for 200 ms, but never
/// longer than `LONGEST_PACE`.
const SHARE: u32 = 4;
const LONGEST_PACE: Duration = Duration::from_millis(500);

/// A show without known values sends no first frame. After this time there is none.
const SILENCE: Duration = Duration::from_millis(150);

/// The time between two questions for the status of the sessions.
const STATUS_PACE: Duration = Duration::from_secs(1);

/// The most frames that are taken at once.
const MAX_FRAMES: usize = 8;

/// Observes the show whenever somebody looks. Never returns.
pub(crate) async fn pump(site: Arc<WebSite>) {
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
async fn observe(site: &Arc<WebSite>, values: Box<dyn Values>) {
    let live = &site.live;
    let began = Instant::now();
    let state = || (site.show.plan().number(), site.notices().last(), site.board.is_locked());
    let mut last = state();
    let mut status = None;
    let mut status_due = began;
    let (mut is_news, mut spent, mut last_news) = (false, Duration::ZERO, began);
    while live.is_wanted() {
        let (mut has_more, mut frames) = (false, 0);
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
        let newest = state();
        is_news |= newest != last;
        last = newest;
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
        // Each WebSocket builds its message after it has been told; that time is known one round later.
        spent += Duration::from_micros(live.spent.swap(0, Ordering::Relaxed));
        if is_news && last_news.elapsed() >= (spent * SHARE).min(LONGEST_PACE) {
            live.news.send_modify(|news| *news += 1);
            (is_news, spent, last_news) = (false, Duration::ZERO, Instant::now());
        }
        tokio::time::sleep(PACE).await;
    }
}

/// The message about all instances, if the show answers.
async fn instances_message(site: &Arc<WebSite>) -> Option<String> {
    let report = site.status.ask(&site.show).await?;
    let instances = describe_instances(site, &report);
    let message = serde_json::json!({ "type": "instances", "instances": instances });
    Some(message.to_string())
}
