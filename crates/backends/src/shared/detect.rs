//! Logs incoming messages at a readable rate, for every backend with an option `detect`.

use std::collections::BTreeMap;
use std::fmt::{Display, Write};

use crosspatch_core::{Duration, Instant, Notice, Outbox, Peer};

/// The time between two notices. Notices of one kind are limited to five in ten seconds.
const PAUSE: Duration = Duration::from_secs(2);
const MAX_ADDRESSES: usize = 32;
const MAX_SHOWN: usize = 100;

/// The messages since the last notice: the latest of each address.
#[derive(Debug)]
pub(crate) struct Detector {
    /// The kind of the notices.
    id: &'static str,
    received: BTreeMap<(Vec<u8>, Peer), String>,
    left_out: u32,
    next_at: Option<Instant>,
}

impl Detector {
    /// Logs in notices of this kind.
    pub(crate) fn new(id: &'static str) -> Self {
        Self { id, received: BTreeMap::new(), left_out: 0, next_at: None }
    }

    /// Records a message for an address.
    pub(crate) fn record(
        &mut self,
        now: Instant,
        address: &[u8],
        from: Peer,
        message: &dyn Display,
        out: &mut Outbox,
    ) {
        let key = (address.to_vec(), from);
        if self.received.len() >= MAX_ADDRESSES && !self.received.contains_key(&key) {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        let mut shown = message.to_string();
        if let Some((end, _)) = shown.char_indices().nth(MAX_SHOWN) {
            shown.truncate(end);
            shown.push_str("...");
        }
        self.received.insert(key, shown);
        if self.next_at.is_none() {
            self.notify(now, out);
        }
    }

    /// Reports the recorded messages when the pause is over.
    pub(crate) fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) {
        if self.next_at.is_some_and(|at| at <= now) {
            self.next_at = None;
            if !self.received.is_empty() {
                self.notify(now, out);
            }
        }
    }

    /// When the pause is over.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.next_at
    }

    fn notify(&mut self, now: Instant, out: &mut Outbox) {
        let mut text = "heard".to_owned();
        for (at, ((_, from), message)) in self.received.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            let _ = match from {
                Peer::Only => write!(text, "{comma} `{message}`"),
                Peer::Address(_) | Peer::Connection(_) => write!(text, "{comma} `{message}` from {from}"),
            };
        }
        if self.left_out > 0 {
            let _ = write!(text, ", and {} more", self.left_out);
        }
        out.notice(Notice::info(self.id, text));
        self.received.clear();
        self.left_out = 0;
        self.next_at = Some(now + PAUSE);
    }
}
