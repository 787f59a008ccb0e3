//! Messages that wait to be sent, in order, no faster than the device can receive them.

use std::collections::VecDeque;

use crosspatch_core::{Duration, Instant, Slot};

/// The most items that wait individually. In a longer queue, only the last item of each channel waits, and the last two of a
/// button.
const MAX_EXACT: usize = 1024;

/// An item to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum QueuedMessage {
    /// The number of a channel.
    Number(Slot, u16),
    /// A message with several values, which are read when it is sent.
    Pattern(usize),
    /// Complete messages.
    Messages(Box<[u8]>),
    /// A pause.
    Pause(Duration),
}

/// The queue.
#[derive(Debug, Default)]
pub(super) struct SendQueue {
    items: VecDeque<QueuedMessage>,
    /// The ticket of the first item.
    first: u64,
    /// The time that the device needs for three bytes.
    pace: Duration,
    /// When the device will have received what was sent.
    ready_at: Instant,
    is_blocked: bool,
}

impl SendQueue {
    pub(super) fn new(pace: Duration) -> Self {
        Self { pace, ..Self::default() }
    }

    /// Appends an item and returns its ticket.
    pub(super) fn push(&mut self, item: QueuedMessage) -> u64 {
        self.items.push_back(item);
        self.first + self.items.len() as u64 - 1
    }

    /// The item with this ticket, while it waits.
    pub(super) fn waiting(&mut self, ticket: Option<u64>) -> Option<&mut QueuedMessage> {
        self.items.get_mut(usize::try_from(ticket?.checked_sub(self.first)?).ok()?)
    }

    /// The number with this ticket, while it waits.
    pub(super) fn waiting_number(&mut self, ticket: Option<u64>) -> Option<&mut u16> {
        match self.waiting(ticket)? {
            QueuedMessage::Number(_, number) => Some(number),
            QueuedMessage::Pattern(_) | QueuedMessage::Messages(_) | QueuedMessage::Pause(_) => None,
        }
    }

    /// Whether the queue is so long that items do not wait individually any more.
    pub(super) fn is_long(&self) -> bool {
        self.items.len() >= MAX_EXACT
    }

    /// The next item, if the device can receive it.
    pub(super) fn pop(&mut self, now: Instant) -> Option<QueuedMessage> {
        if self.is_blocked || self.ready_at > now {
            return None;
        }
        let item = self.items.pop_front()?;
        self.first += 1;
        Some(item)
    }

    /// Records that bytes were sent.
    pub(super) fn sent(&mut self, now: Instant, bytes: usize) {
        // Three bytes are one channel message. Shorter messages take as long.
        let messages = u32::try_from(bytes.div_ceil(3)).unwrap_or(u32::MAX);
        self.wait(now, self.pace.saturating_mul(messages));
    }

    /// Begins a pause.
    pub(super) fn wait(&mut self, now: Instant, pause: Duration) {
        self.ready_at = self.ready_at.max(now) + pause;
    }

    /// When the next item can be sent.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        (!self.is_blocked && !self.items.is_empty()).then_some(self.ready_at)
    }

    /// Whether the device cannot receive anything now.
    pub(super) fn set_blocked(&mut self, is_blocked: bool) {
        self.is_blocked = is_blocked;
    }

    /// Removes all items.
    pub(super) fn clear(&mut self) {
        self.first += self.items.len() as u64;
        self.items.clear();
        self.ready_at = Instant::START;
    }
}
