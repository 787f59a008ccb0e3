//! Channels that are feedback loops: their values are queued and sent at a limited rate.

use std::collections::VecDeque;

use crosspatch_core::{Duration, Instant, Outbox, Slot};

use super::examine::Suspect;
use super::{HeldValue, RATE, begins, ends};

/// The maximum number of queued values of a channel, the latest ones.
const MOST_WAITING: usize = 8;

/// The silence after which a loop has ended.
const QUIET: Duration = Duration::from_secs(1);

/// The time after which the decision is made again.
const TERM: Duration = Duration::from_secs(10);

/// Channels that are slowed down.
#[derive(Default)]
pub(super) struct Slow {
    /// In the order of their slots.
    channels: Vec<SlowedChannel>,
    /// The number of queued values.
    waiting: usize,
    /// When the next values may be sent.
    free_at: Instant,
    received_at: Instant,
    until: Instant,
    /// The channels reported to the operator, sorted.
    reported: Vec<Slot>,
}

/// A channel that is slowed down.
struct SlowedChannel {
    suspect: Suspect,
    waiting: VecDeque<HeldValue>,
}

impl Slow {
    /// Whether no channel is slowed down.
    pub(super) fn is_empty(&self) -> bool {
        self.channels.is_empty()
    }

    /// Whether this channel is slowed down.
    pub(super) fn has(&self, slot: Slot) -> bool {
        self.find(slot).is_ok()
    }

    /// Slows down channels that are loops.
    pub(super) fn condemn(&mut self, now: Instant, suspects: Vec<Suspect>, out: &mut Outbox) {
        let mut news = Vec::new();
        for suspect in suspects {
            if let Err(at) = self.reported.binary_search(&suspect.slot) {
                self.reported.insert(at, suspect.slot);
                news.push(suspect.slot);
            }
            if let Err(at) = self.find(suspect.slot) {
                self.channels.insert(at, SlowedChannel { suspect, waiting: VecDeque::new() });
            }
        }
        (self.free_at, self.received_at, self.until) = (now + interval(), now, now + TERM);
        if !news.is_empty() {
            out.notice(begins(news));
        }
    }

    /// Reports channels that are not loops.
    pub(super) fn acquit(&mut self, suspects: &[Suspect], out: &mut Outbox) {
        let is_over = |slot: &mut Slot| suspects.iter().any(|suspect| suspect.slot == *slot);
        let over: Vec<_> = self.reported.extract_if(.., is_over).collect();
        if !over.is_empty() {
            out.notice(ends(over));
        }
    }

    /// Queues a value.
    pub(super) fn hold(&mut self, now: Instant, held: HeldValue) {
        let Ok(at) = self.find(held.slot) else { return };
        let waiting = &mut self.channels[at].waiting;
        waiting.push_back(held);
        if waiting.len() > MOST_WAITING {
            waiting.pop_front();
        } else {
            self.waiting += 1;
        }
        self.received_at = now;
    }

    /// Releases one value of each channel, if it is time.
    pub(super) fn release(&mut self, now: Instant, released: &mut Vec<HeldValue>) {
        if self.waiting == 0 || self.free_at > now {
            return;
        }
        self.free_at = now + interval();
        for channel in &mut self.channels {
            if let Some(held) = channel.waiting.pop_front() {
                self.waiting -= 1;
                released.push(held);
            }
        }
    }

    /// When the next timeout is due.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        let next = (self.waiting > 0).then_some(self.free_at);
        let end = (!self.is_empty()).then(|| self.received_at + QUIET);
        next.into_iter().chain(end).min()
    }

    /// Removes channels whose loop has ended. Returns channels to be examined again, if no other examination is under
    /// way.
    pub(super) fn proceed(
        &mut self,
        now: Instant,
        is_examining: bool,
        released: &mut Vec<HeldValue>,
        out: &mut Outbox,
    ) -> Option<Vec<Suspect>> {
        if self.is_empty() {
            return None;
        }
        if now >= self.received_at + QUIET {
            let suspects = self.end(released);
            self.acquit(&suspects, out);
            return None;
        }
        // An examination begins just after values were sent, while their responses are under way.
        let has_released = self.free_at == now + interval();
        (now >= self.until && has_released && !is_examining).then(|| self.end(released))
    }

    /// Removes all channels and releases their queued values. Returns the channels.
    pub(super) fn end(&mut self, released: &mut Vec<HeldValue>) -> Vec<Suspect> {
        self.waiting = 0;
        let channels = self.channels.drain(..);
        channels
            .map(|channel| {
                released.extend(channel.waiting);
                channel.suspect
            })
            .collect()
    }

    fn find(&self, slot: Slot) -> Result<usize, usize> {
        self.channels.binary_search_by_key(&slot, |channel| channel.suspect.slot)
    }
}

/// The time between two values of a channel.
fn interval() -> Duration {
    Duration::from_secs(1) / RATE
}
