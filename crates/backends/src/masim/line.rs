//! The connections to the clients: answers that are delayed, withheld, or followed by a disconnect.

use std::collections::BTreeMap;

use crosspatch_core::{Duration, Instant, Outbox, Peer, Port};

use super::options::Config;
use crate::maweb::wire::{Answer, Flaws};

/// The server's port.
pub(super) const PORT: Port = Port(0);

/// The maximum number of queued answers, and of their bytes.
const MOST_WAITING: usize = 10_000;
const MOST_WAITING_BYTES: usize = 8 << 20;

/// All connections of a console.
#[derive(Debug, Default)]
pub(super) struct ClientConnections {
    connections: BTreeMap<u32, ClientConnection>,
    waiting: BTreeMap<(Instant, u64), (u32, Vec<u8>)>,
    waiting_bytes: usize,
    sent: u64,
    random: u64,
}

/// A connection.
#[derive(Debug, Default)]
struct ClientConnection {
    answers: u32,
    /// The time of the last queued answer; answers never overtake each other.
    last: Instant,
    /// No log-in is checked before this time.
    held_until: Instant,
    /// The JSON flaws that have been reported.
    flaws: Flaws,
}

impl ClientConnections {
    pub(super) fn opened(&mut self, connection: u32) {
        self.connections.insert(connection, ClientConnection::default());
    }

    pub(super) fn closed(&mut self, connection: u32) {
        self.connections.remove(&connection);
        let Self { waiting, waiting_bytes, .. } = self;
        waiting.retain(|_, (waiting, bytes)| {
            let stays = *waiting != connection;
            *waiting_bytes -= if stays { 0 } else { bytes.len() };
            stays
        });
    }

    pub(super) fn clear(&mut self) {
        self.connections.clear();
        self.waiting.clear();
        self.waiting_bytes = 0;
    }

    pub(super) fn is_open(&self, connection: u32) -> bool {
        self.connections.contains_key(&connection)
    }

    /// Delays the answer to a failed log-in, and all answers after it. Until then, no other log-in is checked.
    pub(super) fn hold(&mut self, now: Instant, connection: u32, delay: Duration) {
        if let Some(line) = self.connections.get_mut(&connection) {
            line.held_until = now + delay;
            line.last = line.last.max(line.held_until);
        }
    }

    /// Whether no log-ins are checked at present.
    pub(super) fn is_held(&self, now: Instant, connection: u32) -> bool {
        self.connections.get(&connection).is_some_and(|line| line.held_until > now)
    }

    /// The JSON flaws of a connection that have not been reported yet.
    pub(super) fn new_flaws(&mut self, connection: u32, flaws: &Flaws) -> Flaws {
        self.connections.get_mut(&connection).map(|line| line.flaws.add(flaws)).unwrap_or_default()
    }

    /// Sends an answer. Returns whether the connection should be closed after it.
    pub(super) fn send(
        &mut self,
        now: Instant,
        settings: &Config,
        connection: u32,
        answer: &Answer<'_>,
        out: &mut Outbox,
    ) -> bool {
        let Some(line) = self.connections.get_mut(&connection) else { return false };
        line.answers = line.answers.saturating_add(1);
        if settings.mute.is_some_and(|mute| line.answers > mute) {
            return false;
        }
        let is_last = settings.close_after.is_some_and(|last| line.answers >= last);
        let is_doubled = settings.duplicates_world_index && answer.session.is_some();
        let encode = |buf: &mut Vec<u8>| {
            answer.encode(buf);
            if is_doubled && answer.world_index.is_some() {
                buf.pop();
                buf.extend_from_slice(b",\"worldIndex\":0}");
            }
        };
        let (least, most) = settings.latency;
        if most.is_zero() && line.last <= now {
            out.send(PORT, Peer::Connection(connection), encode);
            return is_last;
        }
        // xorshift64: any generator does, and the same seed gives the same transcript.
        self.random = if self.random == 0 { 0x9e37_79b9_7f4a_7c15 } else { self.random };
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let share = (self.random >> 11) as f64 / (1_u64 << 53) as f64;
        let due = (now + least + (most - least).mul_f64(share)).max(line.last);
        line.last = due;
        if self.waiting.len() < MOST_WAITING && self.waiting_bytes < MOST_WAITING_BYTES {
            let mut bytes = Vec::new();
            encode(&mut bytes);
            self.sent += 1;
            self.waiting_bytes += bytes.len();
            self.waiting.insert((due, self.sent), (connection, bytes));
        }
        is_last
    }

    /// Sends the answers that are due.
    pub(super) fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) {
        while let Some(entry) = self.waiting.first_entry().filter(|entry| entry.key().0 <= now) {
            let (connection, bytes) = entry.remove();
            self.waiting_bytes -= bytes.len();
            out.send(PORT, Peer::Connection(connection), |buf| buf.extend_from_slice(&bytes));
        }
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.waiting.keys().next().map(|(due, _)| *due)
    }
}
