//! The clock messages of the end that started a session. Their answers show that the peer is alive.
//!
//! A peer that was started again has nothing to say: RTP of a session that it does not know is passed over, and it is the
//! other side that has to invite it. So the clock is checked soon when what is sent brings nothing back, and then fast. It
//! is still a dozen messages that have to be lost, over more time than a wireless network pauses for.

use crosspatch_core::{Duration, Instant};

use super::sender::ticks;

/// Clocks are compared fast at first, and slowly after that: as long as that a peer waits that was started again while nothing
/// is sent to it.
const FAST: Duration = Duration::from_secs(1);
const SLOW: Duration = Duration::from_secs(4);
const FAST_AT_FIRST: u32 = 6;
/// The pause between messages to a peer that has answered before and does not.
const PROBE: Duration = Duration::from_millis(400);
/// So many messages without an answer end the session.
const MAX_UNANSWERED: u32 = 12;

/// The clock messages of an initiator.
#[derive(Debug)]
pub(super) struct Clock {
    due_at: Instant,
    /// When the last message was sent.
    asked_at: Instant,
    sent: u32,
    unanswered: u32,
    has_answered: bool,
}

impl Clock {
    /// Begins at once.
    pub(super) fn new(now: Instant) -> Self {
        Self { due_at: now, asked_at: now, sent: 0, unanswered: 0, has_answered: false }
    }

    /// When the next message is due. A pending answer is waited for until `doubt_at` at most.
    pub(super) fn due_at(&self, doubt_at: Option<Instant>) -> Instant {
        match doubt_at {
            Some(doubt_at) if self.unanswered == 0 => self.due_at.min(doubt_at),
            Some(_) | None => self.due_at,
        }
    }

    /// Takes note that a message is sent, and returns its first time; nothing if too many had no answer.
    pub(super) fn ask(&mut self, now: Instant) -> Option<u64> {
        if self.unanswered >= MAX_UNANSWERED {
            return None;
        }
        (self.sent, self.unanswered, self.asked_at) = (self.sent + 1, self.unanswered + 1, now);
        self.due_at = now + if self.has_answered { PROBE } else { FAST };
        Some(ticks(now))
    }

    /// The peer answers; says whether something was asked.
    pub(super) fn handle_answer(&mut self, now: Instant) -> bool {
        let is_asked = self.unanswered > 0;
        if is_asked {
            (self.unanswered, self.has_answered) = (0, true);
            self.due_at = if self.sent < FAST_AT_FIRST { self.asked_at + FAST } else { now + SLOW };
        }
        is_asked
    }

    /// Whether an answer to this time, by somebody else at the address of the peer, shows that the one who used to answer is
    /// gone.
    pub(super) fn is_answered_by_another(&self, time: u64) -> bool {
        self.has_answered && self.unanswered > 0 && time == ticks(self.asked_at)
    }
}
