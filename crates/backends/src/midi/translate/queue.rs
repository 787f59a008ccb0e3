//! What waits to be sent, in its order, as fast as the device can take it.

use std::collections::VecDeque;

use crosspatch_core::{Duration, Instant, Slot};

/// So many items wait one by one; after that only the last of each channel does, and of a button the last two.
const MAX_EXACT: usize = 1024;

/// Something to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// The number of a channel.
    Number(Slot, u16),
    /// A message with several values, as they are when its turn comes.
    Pattern(usize),
    /// Whole messages.
    Messages(Box<[u8]>),
    /// Nothing for so long.
    Pause(Duration),
}

/// The queue.
#[derive(Debug, Default)]
pub(super) struct Queue {
    items: VecDeque<Item>,
    /// The ticket of the first item.
    first: u64,
    /// How long three bytes take the device.
    pace: Duration,
    /// When the device has taken what it was sent.
    ready_at: Instant,
    is_blocked: bool,
}

impl Queue {
    pub(super) fn new(pace: Duration) -> Self {
        Self { pace, ..Self::default() }
    }

    /// Appends an item; returns its ticket.
    pub(super) fn push(&mut self, item: Item) -> u64 {
        self.items.push_back(item);
        self.first + self.items.len() as u64 - 1
    }

    /// The item with this ticket, while it waits.
    pub(super) fn waiting(&mut self, ticket: Option<u64>) -> Option<&mut Item> {
        self.items.get_mut(usize::try_from(ticket?.checked_sub(self.first)?).ok()?)
    }

    /// The number with this ticket, while it waits.
    pub(super) fn waiting_number(&mut self, ticket: Option<u64>) -> Option<&mut u16> {
        match self.waiting(ticket)? {
            Item::Number(_, number) => Some(number),
            Item::Pattern(_) | Item::Messages(_) | Item::Pause(_) => None,
        }
    }

    /// Whether so much waits that nothing can be sent one by one any more.
    pub(super) fn is_long(&self) -> bool {
        self.items.len() >= MAX_EXACT
    }

    /// The next item, if the device can take it.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Item> {
        if self.is_blocked || self.ready_at > now {
            return None;
        }
        let item = self.items.pop_front()?;
        self.first += 1;
        Some(item)
    }

    /// So many bytes were sent.
    pub(super) fn sent(&mut self, now: Instant, bytes: usize) {
        // Three bytes are one message of a voice; what is shorter takes as long.
        let messages = u32::try_from(bytes.div_ceil(3)).unwrap_or(u32::MAX);
        self.wait(now, self.pace.saturating_mul(messages));
    }

    /// Nothing is sent for so long.
    pub(super) fn wait(&mut self, now: Instant, pause: Duration) {
        self.ready_at = self.ready_at.max(now) + pause;
    }

    /// When the next item can be sent.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        (!self.is_blocked && !self.items.is_empty()).then_some(self.ready_at)
    }

    /// Whether nothing can be sent at all.
    pub(super) fn set_blocked(&mut self, is_blocked: bool) {
        self.is_blocked = is_blocked;
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.first += self.items.len() as u64;
        self.items.clear();
        self.ready_at = Instant::START;
    }
}
