//! How much memory a connection may take: by itself, and together with the other connections of its server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crosspatch_core::Limits;

/// The unsent bytes of an outgoing connection before its session is notified: the whole state after a reconnect is one
/// turn.
const OUTGOING_UNSENT: usize = 16 << 20;

/// The longest message of a server that the operator has named.
const OUTGOING_MESSAGE: usize = 16 << 20;

/// The bounds of a connection. Clones share their counts.
#[derive(Clone)]
pub(crate) struct Bounds {
    /// The longest WebSocket message that is accepted.
    pub(crate) message: usize,
    /// The number of bytes that may be queued before the session is notified that the stream is full.
    pub(crate) unsent: usize,
    unsent_in_all: usize,
    waiting: Arc<AtomicUsize>,
}

impl Bounds {
    /// The bounds that the connections of a server share.
    pub(crate) fn of_server(limits: &Limits) -> Self {
        let Limits { message, unsent, unsent_in_all, .. } = *limits;
        Self { message, unsent, unsent_in_all, waiting: Arc::default() }
    }

    /// The bounds of an outgoing connection, which shares them with no other.
    pub(crate) fn outgoing() -> Self {
        Self {
            message: OUTGOING_MESSAGE,
            unsent: OUTGOING_UNSENT,
            unsent_in_all: usize::MAX,
            waiting: Arc::default(),
        }
    }

    /// Whether too much waits in all connections together.
    pub(crate) fn are_exceeded(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > self.unsent_in_all
    }

    /// Updates the number of bytes that wait in a connection.
    pub(crate) fn count(&self, before: usize, after: usize) {
        // The difference may be negative: the sum of all connections never is.
        self.waiting.fetch_add(after.wrapping_sub(before), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_count_together() {
        let limits = Limits { unsent_in_all: 100, ..Limits::default() };
        let one = Bounds::of_server(&limits);
        let other = one.clone();
        one.count(0, 60);
        assert!(!other.are_exceeded());
        other.count(0, 41);
        assert!(one.are_exceeded() && other.are_exceeded());
        one.count(60, 59);
        assert!(!one.are_exceeded());
    }
}
