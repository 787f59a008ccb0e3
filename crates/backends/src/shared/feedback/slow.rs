//! Channels that are feedback loops: their values wait for their turn.

use std::collections::VecDeque;

use crosspatch_core::{Duration, Instant, Outbox, Slot};

use super::examine::Suspect;
use super::{Held, RATE, begins, ends};

/// Of each channel so many values wait for their turn; the latest ones.
const MOST_WAITING: usize = 8;

/// After so long without a value there is no loop any more.
const QUIET: Duration = Duration::from_secs(1);

/// After so long the decision is made anew.
const TERM: Duration = Duration::from_secs(10);

/// Channels that are slowed down.
#[derive(Default)]
pub(super) struct Slow {
    /// In the order of their slots.
    channels: Vec<Channel>,
    /// How many values wait.
    waiting: usize,
    /// When the next values may go out.
    free_at: Instant,
    heard_at: Instant,
    until: Instant,
    /// The channels that the operator knows of, in order.
    told: Vec<Slot>,
}

/// A channel that is slowed down.
struct Channel {
    suspect: Suspect,
    waiting: VecDeque<Held>,
}

impl Slow {
    /// Whether no channel is slowed down.
    pub(super) fn is_empty(&self) -> bool {
        self.channels.is_empty()
    }

    /// Whether this channel is.
    pub(super) fn has(&self, slot: Slot) -> bool {
        self.find(slot).is_ok()
    }

    /// These channels are loops.
    pub(super) fn condemn(&mut self, now: Instant, suspects: Vec<Suspect>, out: &mut Outbox) {
        let mut news = Vec::new();
        for suspect in suspects {
            if let Err(at) = self.told.binary_search(&suspect.slot) {
                self.told.insert(at, suspect.slot);
                news.push(suspect.slot);
            }
            if let Err(at) = self.find(suspect.slot) {
                self.channels.insert(at, Channel { suspect, waiting: VecDeque::new() });
            }
        }
        (self.free_at, self.heard_at, self.until) = (now + interval(), now, now + TERM);
        if !news.is_empty() {
            out.notice(begins(news));
        }
    }

    /// These channels are none.
    pub(super) fn acquit(&mut self, suspects: &[Suspect], out: &mut Outbox) {
        let is_over = |slot: &mut Slot| suspects.iter().any(|suspect| suspect.slot == *slot);
        let over: Vec<_> = self.told.extract_if(.., is_over).collect();
        if !over.is_empty() {
            out.notice(ends(over));
        }
    }

    /// A value has to wait.
    pub(super) fn hold(&mut self, now: Instant, held: Held) {
        let Ok(at) = self.find(held.slot) else { return };
        let waiting = &mut self.channels[at].waiting;
        waiting.push_back(held);
        if waiting.len() > MOST_WAITING {
            waiting.pop_front();
        } else {
            self.waiting += 1;
        }
        self.heard_at = now;
    }

    /// Lets values go, one of each channel, if it is time for that.
    pub(super) fn release(&mut self, now: Instant, released: &mut Vec<Held>) {
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

    /// When something is due.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        let next = (self.waiting > 0).then_some(self.free_at);
        let end = (!self.is_empty()).then(|| self.heard_at + QUIET);
        next.into_iter().chain(end).min()
    }

    /// Ends what is over. Returns channels that are to be examined again, if nothing else is being examined.
    pub(super) fn proceed(
        &mut self,
        now: Instant,
        is_examining: bool,
        released: &mut Vec<Held>,
        out: &mut Outbox,
    ) -> Option<Vec<Suspect>> {
        if self.is_empty() {
            return None;
        }
        if now >= self.heard_at + QUIET {
            let suspects = self.end(released);
            self.acquit(&suspects, out);
            return None;
        }
        // An examination begins when values have just gone out, and their answers are on their way.
        let has_released = self.free_at == now + interval();
        (now >= self.until && has_released && !is_examining).then(|| self.end(released))
    }

    /// No channel is slowed down any more, and what waits goes out. Returns which they were.
    pub(super) fn end(&mut self, released: &mut Vec<Held>) -> Vec<Suspect> {
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

/// Between two values of a channel.
fn interval() -> Duration {
    Duration::from_secs(1) / RATE
}
