//! The protocol state machine that every backend implements.
//!
//! A session is a plain value. It receives events and the time, and pushes its effects into an [`Outbox`]. It never
//! blocks, never reads the clock and never returns an error. `now` is always the first parameter and the outbox the
//! last, also in the [`Engine`](crate::Engine).

use crate::{Closed, Direction, Instant, Outbox, Peer, Port, Slot, SpannedValues, Status, Value};

/// The running state of a configured instance.
///
/// The engine calls `bind` for every mapped channel, then `start`; from then on events arrive in any order. No action
/// of a peer ends a session: misbehaviour is reported as a notice.
pub trait Session: Send {
    /// Announces how many channels will be bound before `start`, and how many of them as outputs, to make room for at once.
    fn reserve(&mut self, _channels: usize, _outputs: usize) {}

    /// Announces a channel: its slot, its canonical address without quotes, and one direction in which it is mapped.
    /// Comes once for each direction, before `start` or, while running, before [`handle_rebind`](Self::handle_rebind).
    fn bind(&mut self, slot: Slot, address: &str, direction: Direction);

    /// Reverts a `bind`: no mapping uses the channel in this direction any more. The slot is never reused for another
    /// channel.
    fn unbind(&mut self, _slot: Slot, _direction: Direction) {}

    /// Begins to run: opens ports.
    fn start(&mut self, now: Instant, out: &mut Outbox);

    /// Says goodbye to the peers. All ports are flushed and closed right after.
    fn stop(&mut self, _now: Instant, _out: &mut Outbox) {}

    /// The bindings of this running session have changed.
    fn handle_rebind(&mut self, _now: Instant, _out: &mut Outbox) {}

    /// A port has opened, or a server port has accepted a connection.
    fn handle_open(&mut self, _now: Instant, _port: Port, _peer: Peer, _out: &mut Outbox) {}

    /// A port has received bytes: a datagram, a WebSocket message, or some bytes of a stream.
    fn handle_data(&mut self, _now: Instant, _port: Port, _from: Peer, _data: &[u8], _out: &mut Outbox) {}

    /// A port could not be opened or has closed ([`Peer::Only`]), or an accepted connection has. There is no automatic
    /// retry.
    fn handle_close(&mut self, _now: Instant, _port: Port, _peer: Peer, _reason: Closed, _out: &mut Outbox) {}

    /// A stream has accepted less than was sent; data sent before `handle_writable` is queued in a buffer of bounded
    /// size.
    fn handle_full(&mut self, _now: Instant, _port: Port, _peer: Peer, _out: &mut Outbox) {}

    /// A stream that was full has room again.
    fn handle_writable(&mut self, _now: Instant, _port: Port, _peer: Peer, _out: &mut Outbox) {}

    /// This machine dropped datagrams for a port before they were read; it is unknown which. The last state of a peer
    /// may be among them. A session that can request the state of its peers does so. Called at most once a second for a
    /// port.
    fn handle_loss(&mut self, _now: Instant, _port: Port, _out: &mut Outbox) {}

    /// Values for the session's output channels, in the order in which they were emitted. Values are never merged: a
    /// press and its release both arrive.
    fn handle_values(&mut self, _now: Instant, _values: &[(Slot, Value)], _out: &mut Outbox) {}

    /// Whether values of consecutive outputs may arrive as spans. Read for every span.
    fn takes_spans(&self) -> bool {
        false
    }

    /// As [`handle_values`](Self::handle_values), for values with spans among them. None of the values is an event.
    fn handle_spans(&mut self, now: Instant, batch: SpannedValues<'_>, out: &mut Outbox) {
        self.handle_values(now, &batch.to_values(), out);
    }

    /// The last value of every mapped output that has one: the answer to [`Outbox::recall`], or the present state for
    /// outputs that a reload has mapped. These are states, not events: a button must not be pressed again by them.
    fn handle_recall(&mut self, now: Instant, values: &[(Slot, Value)], out: &mut Outbox) {
        self.handle_values(now, values, out);
    }

    /// The time of [`next_timeout`](Self::next_timeout) has come.
    fn handle_timeout(&mut self, _now: Instant, _out: &mut Outbox) {}

    /// Continues the work that the session has suspended ([`Outbox::suspend`]). It may suspend again.
    fn handle_resume(&mut self, _now: Instant, _out: &mut Outbox) {}

    /// The connections of the session, and those it waits for. Requested through `Handle::report_status`, for example
    /// by the reminder of the program; never on the path of a value.
    fn status(&self) -> Status;

    /// Whether [`next_timeout`](Self::next_timeout) ever is a time. Asked once, before everything else.
    fn has_timeouts(&self) -> bool {
        true
    }

    /// The time of the next call of `handle_timeout`. Read after every call into the session.
    fn next_timeout(&self) -> Option<Instant> {
        None
    }
}
