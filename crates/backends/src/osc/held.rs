//! Which buttons a connection holds down, to be released when it is gone.
//!
//! OSC does not say whether an address is a button or a fader, and a fader at its top must not fall because a tablet is switched
//! off. A button says 1 and 0 and nothing between, so an address that ever had a value between counts as a fader from then on.
//! What comes right after a connection was made says how things are, or is all that a script wanted to say, and is no press.

use std::collections::BTreeSet;

use crosspatch_core::{Duration, Instant, Peer, Port, Slot, Value};
use rustc_hash::FxHashSet;

/// What comes sooner after a connection was made is no press.
const SETTLED: Duration = Duration::from_secs(1);

/// Nobody holds more buttons than this at a time.
const MOST_HELD: usize = 128;

/// The buttons that are held over all connections of a session.
#[derive(Debug, Default)]
pub(crate) struct Held {
    connections: Vec<Connection>,
    /// Which of them speaks.
    speaker: usize,
    /// The channels that had a value between 0 and 1, ever.
    faders: FxHashSet<Slot>,
}

#[derive(Debug)]
struct Connection {
    port: Port,
    peer: Peer,
    since: Instant,
    down: BTreeSet<Slot>,
}

impl Held {
    /// A connection was made.
    pub(crate) fn connected(&mut self, now: Instant, port: Port, peer: Peer) {
        self.connections.push(Connection { port, peer, since: now, down: BTreeSet::new() });
    }

    /// What comes from here on is from this connection.
    pub(crate) fn begin(&mut self, port: Port, peer: Peer) {
        let is_speaker = |one: &Connection| (one.port, one.peer) == (port, peer);
        self.speaker = self.connections.iter().position(is_speaker).unwrap_or(usize::MAX);
    }

    /// A value has come.
    pub(crate) fn hear(&mut self, now: Instant, slot: Slot, value: &Value) {
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

    /// A connection is gone, or all of a port. Returns the buttons that it held and that no other one holds.
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
        let (mut held, peer) = (Held::default(), Peer::Connection(1));
        held.connected(Instant::START, PORT, peer);
        held.begin(PORT, peer);
        for (at, level) in words {
            held.hear(Instant::START + Duration::from_millis(*at), Slot(3), &Value::number(*level));
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
        let (mut held, now) = (Held::default(), Instant::START + SETTLED);
        let peers = [Peer::Connection(1), Peer::Connection(2), Peer::Connection(3)];
        for (peer, level) in peers.into_iter().zip([1.0, 1.0, 0.5]) {
            held.connected(Instant::START, PORT, peer);
            held.begin(PORT, peer);
            held.hear(now, Slot(0), &Value::number(1.0));
            held.hear(now, Slot(1), &Value::number(level));
            held.hear(now, Slot(2), &Value::text("1"));
        }
        assert!(held.gone(PORT, Some(peers[0])).is_empty());
        assert_eq!(held.gone(Port(1), None), BTreeSet::new());
        assert_eq!(held.gone(PORT, None), BTreeSet::from([Slot(0)]), "the other one is a fader");
    }

    #[test]
    fn a_peer_that_presses_everything_is_bounded() {
        let mut held = Held::default();
        held.connected(Instant::START, PORT, Peer::Only);
        held.begin(PORT, Peer::Only);
        for slot in 0..10_000 {
            held.hear(Instant::START + SETTLED, Slot(slot), &Value::number(1.0));
        }
        assert_eq!(held.gone(PORT, None).len(), MOST_HELD);
    }
}
