//! The protocol state machine that every backend implements.
//!
//! A session is a plain value. It is handed events and the time, and pushes what it wants into an [`Outbox`]; it never
//! blocks, never asks the clock and never returns an error. `now` comes first and the outbox last, everywhere, in the
//! [`Engine`](crate::Engine) as well.

use crate::{Closed, Direction, Instant, Outbox, Peer, Port, Slot, Status, Value};

/// The running state of a configured instance.
///
/// The engine calls `bind` for every mapped channel, then `start`; from then on events arrive in any order. Whatever a
/// peer does, a session stays alive: misbehaviour becomes a notice.
pub trait Session: Send {
    /// Announces how many channels will be bound before `start`, and how many of them as outputs, to make room for at once.
    fn reserve(&mut self, _channels: usize, _outputs: usize) {}

    /// Announces a channel: its slot, its canonical address without quotes, and one direction in which it is mapped.
    /// Comes once for each direction, before `start` or, while running, before [`handle_rebind`](Self::handle_rebind).
    fn bind(&mut self, slot: Slot, address: &str, direction: Direction);

    /// Takes back a `bind`: no mapping uses the channel in this direction any more. The slot is never given to another.
    fn unbind(&mut self, _slot: Slot, _direction: Direction) {}

    /// Begins to run: opens ports.
    fn start(&mut self, now: Instant, out: &mut Outbox);

    /// Says goodbye to the peers. All ports are flushed and closed right after.
    fn stop(&mut self, _now: Instant, _out: &mut Outbox) {}

    /// The bindings of this running session have changed.
    fn handle_rebind(&mut self, _now: Instant, _out: &mut Outbox) {}

    /// A port has opened, or a server port has accepted a connection.
    fn handle_open(&mut self, _now: Instant, _port: Port, _peer: Peer, _out: &mut Outbox) {}

    /// Bytes came in: a datagram, a WebSocket message, or some bytes of a stream.
    fn handle_data(&mut self, _now: Instant, _port: Port, _from: Peer, _data: &[u8], _out: &mut Outbox) {}

    /// A port could not be opened or is gone ([`Peer::Only`]), or an accepted connection is. Nothing retries by itself.
    fn handle_close(&mut self, _now: Instant, _port: Port, _peer: Peer, _reason: Closed, _out: &mut Outbox) {}

    /// A stream took less than it was given; what is sent before `handle_writable` waits in a buffer of bounded size.
    fn handle_full(&mut self, _now: Instant, _port: Port, _peer: Peer, _out: &mut Outbox) {}

    /// A stream that was full has room again.
    fn handle_writable(&mut self, _now: Instant, _port: Port, _peer: Peer, _out: &mut Outbox) {}

    /// This machine dropped datagrams for a port before they were read; it is unknown which. The last state of a peer
    /// may be among them. A session that can request the state of its peers does so. Called at most once a second for a
    /// port.
    fn handle_loss(&mut self, _now: Instant, _port: Port, _out: &mut Outbox) {}

    /// Values for the session's output channels, in the order in which they came about. Nothing was merged on the way:
    /// a press and its release both arrive.
    fn handle_values(&mut self, _now: Instant, _values: &[(Slot, Value)], _out: &mut Outbox) {}

    /// The last value of every mapped output that has one: the answer to [`Outbox::recall`], or the present state for
    /// outputs that a reload has mapped. These are states, not events: a button must not be pressed again by them.
    fn handle_recall(&mut self, now: Instant, values: &[(Slot, Value)], out: &mut Outbox) {
        self.handle_values(now, values, out);
    }

    /// The time of [`next_timeout`](Self::next_timeout) has come.
    fn handle_timeout(&mut self, _now: Instant, _out: &mut Outbox) {}

    /// Goes on with what the session has suspended ([`Outbox::suspend`]). It may suspend again.
    fn handle_resume(&mut self, _now: Instant, _out: &mut Outbox) {}

    /// What the session is connected to, and what it waits for. Asked through `Handle::report_status`, for
    /// example by the reminder of the program; never on the path of a value.
    fn status(&self) -> Status;

    /// When `handle_timeout` wants to be called. Asked after every call into the session.
    fn next_timeout(&self) -> Option<Instant> {
        None
    }
}
