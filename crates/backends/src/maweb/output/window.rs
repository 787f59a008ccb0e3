//! How far messages may run ahead of the console.

use crosspatch_core::{Duration, Instant};

/// The maximum number of messages that a console has not acknowledged, and of messages in a row while it sends nothing.
pub(super) const WINDOW: u32 = 64;

/// The time that a console has for the answer to a question, in the worst case in the field (answers take 40 to 200 ms).
pub(super) const PATIENCE: Duration = Duration::from_millis(250);

/// Limits the messages that are on their way.
///
/// Some consoles acknowledge each message with an empty answer, some only answer questions: polls and keep-alives. Messages
/// are handled in order, so the answer to a question also tells that everything before it was handled.
///
/// - A console that acknowledges has at most [`WINDOW`] messages without an acknowledgement. When that many are, it is
///   asked a question. If it answers that without having acknowledged them, it does not acknowledge, and nothing is limited.
/// - A console that has never acknowledged is not limited by that. If it sends nothing at all during [`WINDOW`] messages, it
///   is asked a question. If nothing comes within [`PATIENCE`], no further message is sent until something does: the
///   console has stopped, and would receive all of them late.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// Whether the console acknowledges messages.
    acknowledges: bool,
    /// The number of messages without an acknowledgement, and how many of them were sent after the last question.
    unacknowledged: u32,
    after_question: u32,
    /// Whether a question is not answered yet.
    is_asked: bool,
    /// The number of messages sent since the console last sent something.
    unheard: u32,
    /// When the question was asked since which nothing has come.
    silent_since: Option<Instant>,
}

impl Window {
    /// Whether a message may be sent.
    pub(super) fn is_open(&self, now: Instant) -> bool {
        let has_stopped = self.silent_since.is_some_and(|since| now >= since + PATIENCE);
        !(self.is_full() || has_stopped && self.unheard >= WINDOW)
    }

    /// Whether a question has to be asked to learn how far the console is.
    pub(super) fn wants_question(&self) -> bool {
        (self.is_full() && !self.is_asked) || (self.unheard >= WINDOW && self.silent_since.is_none())
    }

    /// A message was sent.
    pub(super) fn spend(&mut self) {
        for count in [&mut self.unacknowledged, &mut self.after_question, &mut self.unheard] {
            *count = count.saturating_add(1);
        }
    }

    /// A question was asked.
    pub(super) fn note_question(&mut self, now: Instant) {
        (self.is_asked, self.after_question, self.silent_since) = (true, 0, Some(now));
    }

    /// The console has sent anything.
    pub(super) fn handle_received(&mut self) {
        (self.unheard, self.silent_since) = (0, None);
    }

    /// The console has answered the question.
    pub(super) fn handle_question_answered(&mut self) {
        if std::mem::take(&mut self.is_asked) && self.unacknowledged > self.after_question {
            (self.acknowledges, self.unacknowledged) = (false, self.after_question);
        }
    }

    /// The console has acknowledged a message. Returns whether one was waiting for that.
    pub(super) fn handle_acknowledgement(&mut self) -> bool {
        let is_awaited = self.unacknowledged > 0;
        self.unacknowledged = self.unacknowledged.saturating_sub(1);
        if is_awaited && !std::mem::replace(&mut self.acknowledges, true) {
            // What was sent before may never be acknowledged.
            self.unacknowledged = self.unacknowledged.min(WINDOW / 2);
        }
        is_awaited
    }

    fn is_full(&self) -> bool {
        self.acknowledges && self.unacknowledged >= WINDOW
    }
}
