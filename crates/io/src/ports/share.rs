//! Fair shares: the order in which sockets are served, and for how long.
//!
//! A socket is read for [`QUANTUM`]. If it has more data then, it waits in the queue of the *greedy*, where each pays
//! off the time beyond its share. A socket that has just become ready is served before all of those, so its data waits
//! for one share at most and not for one of each flood. This is the scheduling of FQ-CoDel (RFC 8290, section 4.2),
//! with time instead of bytes: the cost of a byte depends on its meaning.

use std::collections::VecDeque;

use crosspatch_core::{Duration, Instant};
use mio::Token;

use crate::clock::Clock;

/// How long a socket is read before others have their turn.
pub(super) const QUANTUM: Duration = Duration::from_micros(500);

/// How long sockets are served before the loop looks at its timers, and for sockets that have become ready.
pub(super) const ROUND: Duration = Duration::from_millis(1);

/// How much is read without looking at the clock, in bytes. A datagram counts as [`OVERHEAD`] more than it has.
const UNCLOCKED: usize = 4096;
const OVERHEAD: usize = 512;

/// The sockets with something to do.
#[derive(Default)]
pub(super) struct ReadyQueue {
    pub(super) fresh: VecDeque<Token>,
    pub(super) greedy: VecDeque<Token>,
}

impl ReadyQueue {
    pub(super) fn is_empty(&self) -> bool {
        self.fresh.is_empty() && self.greedy.is_empty()
    }
}

/// The turn of a socket.
pub(super) struct Share {
    clock: Clock,
    end: Instant,
    unclocked: usize,
}

impl Share {
    /// A turn that begins `now`.
    pub(super) fn begin(clock: Clock, now: Instant) -> Self {
        Self { clock, end: now + QUANTUM, unclocked: 0 }
    }

    /// Counts bytes. Returns whether the turn is over.
    pub(super) fn is_over(&mut self, bytes: usize) -> bool {
        self.unclocked += bytes + OVERHEAD;
        if self.unclocked < UNCLOCKED {
            return false;
        }
        self.unclocked = 0;
        self.clock.now() >= self.end
    }
}
