//! The buttons that a connection holds down. They are released when the connection is closed.
//!
//! OSC does not distinguish buttons from faders, and a fader at its maximum must not drop when a tablet is switched off. A button
//! only sends 1 and 0. Therefore an address that ever had a value in between counts as a fader. Messages immediately after the
//! connection was opened are a description of the state, or come from a script, and are no presses.

use std::collections::BTreeSet;

use crosspatch_core::{Duration, Instant, Peer, Port, Slot, Value};
use rustc_hash::FxHashSet;

/// How long after a connection was opened a message is no press.
const SETTLED: Duration = Duration::from_secs(1);

/// The most buttons that a connection holds.
const MOST_HELD: usize = 128;

/// The held buttons of all connections of a session.
#[derive(Debug, Default)]
pub(crate) struct HeldButtons {
    connections: Vec<ConnectionButtons>,
    /// The index of the connection whose messages are being read.
    speaker: usize,
    /// The channels that ever had a value between 0 and 1.
    faders: FxHashSet<Slot>,
}

#[derive(Debug)]
struct ConnectionButtons {
    port: Port,
    peer: Peer,
    since: Instant,
    down: BTreeSet<Slot>,
}

impl HeldButtons {
    /// Adds a connection.
    pub(crate) fn connected(&mut self, now: Instant, port: Port, peer: Peer) {
        self.connections.push(ConnectionButtons { port, peer, since: now, down: BTreeSet::new() });
    }

    /// Sets the connection whose messages are recorded from now on.
    pub(crate) fn begin(&mut self, port: Port, peer: Peer) {
        let is_speaker = |one: &ConnectionButtons| (one.port, one.peer) == (port, peer);
        self.speaker = self.connections.iter().position(is_speaker).unwrap_or(usize::MAX);
    }

    /// Records a received value.
    pub(crate) fn record(&mut self, now: Instant, slot: Slot, value: &Value) {
        let Some(level) = value.as_number() else { return };
        let is_end = level <= 0.0 || level >= 1.0;
        if !is_end && self.faders.insert(slot) {
            for connection in &mut self.connections {
                connection.down.remove(&slot);
            }
        }
        let Some(connection) = self.connections.get_mut(self.speaker) else { return };
        let is_press = level >= 1.0 && now.since(connection.since) >= SETTLED && !self.faders.contains(&slot);
        if !is_press {
            connection.down.remove(&slot);
        } else if connection.down.len() < MOST_HELD {
            connection.down.insert(slot);
        }
    }

    /// Removes a connection, or all connections of a port. Returns the buttons that no other connection holds.
    pub(crate) fn gone(&mut self, port: Port, peer: Option<Peer>) -> BTreeSet<Slot> {
        let mut released = BTreeSet::new();
        self.connections.retain_mut(|connection| {
            let is_gone = connection.port == port && peer.is_none_or(|peer| connection.peer == peer);
            if is_gone {
                released.append(&mut connection.down);
            }
            !is_gone
        });
        released.retain(|slot| !self.connections.iter().any(|connection| connection.down.contains(slot)));
        released
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORT: Port = Port(0);

    /// Says values over a connection that was made at 0 s, each at its time in milliseconds, and cuts it.
    fn released(words: &[(u64, f64)]) -> bool {
        let (mut held, peer) = (HeldButtons::default(), Peer::Connection(1));
        held.connected(Instant::START, PORT, peer);
        held.begin(PORT, peer);
        for (at, level) in words {
            held.record(Instant::START + Duration::from_millis(*at), Slot(3), &Value::number(*level));
        }
        held.gone(PORT, Some(peer)).contains(&Slot(3))
    }

    #[test]
    fn a_button_is_what_says_one_and_zero_and_nothing_between() {
        assert!(released(&[(2_000, 1.0)]));
        assert!(released(&[(2_000, 1.0), (2_100, 0.0), (2_200, 1.0)]));
        assert!(!released(&[(2_000, 1.0), (2_100, 0.0)]));
        assert!(!released(&[(2_000, 0.95)]), "it is on its way");
        assert!(!released(&[(2_000, 0.5), (2_100, 1.0)]), "it is a fader at its top");
        assert!(!released(&[(2_000, 1.0), (2_100, 0.5), (2_200, 1.0)]));
        assert!(!released(&[(5, 1.0)]), "it is how things are");
        assert!(released(&[(5, 1.0), (2_000, 1.0)]));
    }

    #[test]
    fn what_another_connection_holds_or_knows_as_a_fader_stays() {
        let (mut held, now) = (HeldButtons::default(), Instant::START + SETTLED);
        let peers = [Peer::Connection(1), Peer::Connection(2), Peer::Connection(3)];
        for (peer, level) in peers.into_iter().zip([1.0, 1.0, 0.5]) {
            held.connected(Instant::START, PORT, peer);
            held.begin(PORT, peer);
            held.record(now, Slot(0), &Value::number(1.0));
            held.record(now, Slot(1), &Value::number(level));
            held.record(now, Slot(2), &Value::text("1"));
        }
        assert!(held.gone(PORT, Some(peers[0])).is_empty());
        assert_eq!(held.gone(Port(1), None), BTreeSet::new());
        assert_eq!(held.gone(PORT, None), BTreeSet::from([Slot(0)]), "the other one is a fader");
    }

    #[test]
    fn a_peer_that_presses_everything_is_bounded() {
        let mut held = HeldButtons::default();
        held.connected(Instant::START, PORT, Peer::Only);
        held.begin(PORT, Peer::Only);
        for slot in 0..10_000 {
            held.record(Instant::START + SETTLED, Slot(slot), &Value::number(1.0));
        }
        assert_eq!(held.gone(PORT, None).len(), MOST_HELD);
    }
}
