//! The clock messages of the session initiator. Their answers show that the peer is alive.
//!
//! A restarted peer does not know the session. It ignores its packets, and the initiator has to invite it again. Therefore a
//! clock message is sent soon after packets without any response, and repeated fast. The session ends after
//! [`MAX_UNANSWERED`] messages, which takes longer than a usual interruption of a wireless network.

use crosspatch_core::{Duration, Instant};

use super::sender::ticks;

/// The intervals between clock messages: fast at first, then slow. While nothing is sent, a restarted peer is noticed after
/// [`SLOW`].
const FAST: Duration = Duration::from_secs(1);
const SLOW: Duration = Duration::from_secs(4);
const FAST_AT_FIRST: u32 = 6;
/// The interval while a peer that has answered before does not.
const PROBE: Duration = Duration::from_millis(400);
/// The number of unanswered messages that ends the session.
const MAX_UNANSWERED: u32 = 12;

/// The clock messages of the session initiator.
#[derive(Debug)]
pub(super) struct ClockSync {
    due_at: Instant,
    /// When the last message was sent.
    asked_at: Instant,
    sent: u32,
    unanswered: u32,
    has_answered: bool,
}

impl ClockSync {
    /// The first message is due at `now`.
    pub(super) fn new(now: Instant) -> Self {
        Self { due_at: now, asked_at: now, sent: 0, unanswered: 0, has_answered: false }
    }

    /// When the next message is due: at `doubt_at` at the latest, unless an answer is pending.
    pub(super) fn due_at(&self, doubt_at: Option<Instant>) -> Instant {
        match doubt_at {
            Some(doubt_at) if self.unanswered == 0 => self.due_at.min(doubt_at),
            Some(_) | None => self.due_at,
        }
    }

    /// Records that a message is sent, and returns its first timestamp. Returns `None` if too many messages are unanswered.
    pub(super) fn ask(&mut self, now: Instant) -> Option<u64> {
        if self.unanswered >= MAX_UNANSWERED {
            return None;
        }
        (self.sent, self.unanswered, self.asked_at) = (self.sent + 1, self.unanswered + 1, now);
        self.due_at = now + if self.has_answered { PROBE } else { FAST };
        Some(ticks(now))
    }

    /// Handles an answer. Returns whether a message was unanswered.
    pub(super) fn handle_answer(&mut self, now: Instant) -> bool {
        let is_asked = self.unanswered > 0;
        if is_asked {
            (self.unanswered, self.has_answered) = (0, true);
            self.due_at = if self.sent < FAST_AT_FIRST { self.asked_at + FAST } else { now + SLOW };
        }
        is_asked
    }

    /// Whether an answer to this timestamp with a foreign source identifier shows that the peer has been replaced by another
    /// program at its address.
    pub(super) fn is_answered_by_another(&self, time: u64) -> bool {
        self.has_answered && self.unanswered > 0 && time == ticks(self.asked_at)
    }
}
