//! Shows with few and with many sessions: a turn, and the look-up of the sessions that a datagram is for.
//!
//! Neither may depend on the number of the others.

use crosspatch_backends::{artnet, osc};
use crosspatch_core::{Duration, Peer, Port, Selection, SessionId};
use crosspatch_io::ReceiverLookup;

use super::rig::{Show, compose, peer};
use super::{Batch, Path};

/// The only socket of an instance.
const SOCKET: Port = Port(0);

/// Events in a batch.
const EVENTS: usize = 64;

pub(super) const PATHS: &[Path] = &[
    path("shell/turn-of-10", || turn(10)),
    path("shell/turn-of-10000", || turn(10_000)),
    path("shell/look-up-10", || look_up(10)),
    path("shell/look-up-10000", || look_up(10_000)),
    path("shell/universes-10", || universes(10)),
    path("shell/universes-1000", || universes(1_000)),
];

/// A path on which every event has one result.
const fn path(name: &'static str, set_up: fn() -> Batch) -> Path {
    Path { name, events: EVENTS, outcome: EVENTS, allocations: 0, set_up }
}

/// A number below `count` at a place in an order that jumps.
fn scattered(at: usize, count: usize) -> usize {
    at * 7_919 % count
}

/// OSC peers, each of which forwards a message to the next one. All of them have reported that they listen, and have
/// set alarms.
fn turn(peers: usize) -> Batch {
    let mut config = String::new();
    for number in 0..peers {
        let port = 10_000 + number;
        config.push_str(&format!(
            "[osc peer{number}]\nbind = 127.0.0.1 {port}\ndestination = 127.0.0.1 9\nrepeat = /alive 24h\n"
        ));
    }
    config.push_str("[map]\n");
    for number in 0..peers {
        config.push_str(&format!("peer{number}./in > peer{}./out\n", (number + 1) % peers));
    }
    let mut show = Show::new(&config);
    let sessions: Vec<SessionId> = (0..peers).map(|number| show.session(&format!("peer{number}"))).collect();
    let messages: Vec<_> = (1..100)
        .map(|level| compose(&osc::BACKEND, &format!("/in ,f {}", f64::from(level) / 100.0)))
        .collect();
    let (from, mut at) = (peer("127.0.0.1:7000"), 0);
    for session in &sessions {
        show.open(*session, SOCKET, Peer::Only);
        show.hear(*session, SOCKET, from, &messages[0]);
    }
    show.pass(Duration::from_secs(20));
    show.finish();
    Box::new(move || {
        for _ in 0..EVENTS {
            at += 1;
            // As the loop does: it looks for what is due before it waits, and after.
            show.pass(Duration::from_micros(10));
            show.hear(sessions[scattered(at, peers)], SOCKET, from, &messages[at % messages.len()]);
            show.pass(Duration::ZERO);
        }
        show.finish()
    })
}

/// Universes whose sessions share a socket.
fn look_up(universes: usize) -> Batch {
    let mut lookup = ReceiverLookup::default();
    for number in 0..universes {
        lookup.add(SessionId(number as u64), Some(selection(number)));
    }
    let (packets, mut at) = (packets(universes), 0);
    Box::new(move || {
        let mut found = 0;
        for _ in 0..EVENTS {
            at += 1;
            lookup.find(&packets[scattered(at, universes)], |_| found += 1);
        }
        found
    })
}

/// What an Art-Net session selects: the levels of its universe.
fn selection(number: usize) -> Selection {
    Selection { kind: (8, 0x5000_u16.to_le_bytes()), whom: (14, (number as u16).to_le_bytes()) }
}

/// The name of a universe.
fn universe(number: usize) -> String {
    format!("{}:{}:{}", number >> 8, number >> 4 & 15, number & 15)
}

fn packets(universes: usize) -> Vec<Vec<u8>> {
    let packet =
        |number: usize| compose(&artnet::BACKEND, &format!("ArtDmx {} seq 0 len 2 1..2=1", universe(number)));
    (0..universes).map(packet).collect()
}

/// Universes on one socket, from the datagram to the value. In each packet one slot has changed.
fn universes(universes: usize) -> Batch {
    let mut config = "[plain rack]\n".to_owned();
    for number in 0..universes {
        let universe = universe(number);
        config.push_str(&format!("[artnet in{number}]\nuniverse = {universe}\n"));
        config.push_str(&format!("[map]\nin{number}.{{1..2}} > rack.{number}.{{1..2}}\n"));
    }
    let mut show = Show::new(&config);
    let mut lookup = ReceiverLookup::default();
    for number in 0..universes {
        let session = show.session(&format!("in{number}"));
        show.open(session, SOCKET, Peer::Only);
        lookup.add(session, Some(selection(number)));
    }
    show.finish();
    let (mut packets, from, mut at) = (packets(universes), peer("10.0.0.5:6454"), 0);
    // The first packets of a universe say who sends it.
    for _ in 0..2 {
        for packet in &mut packets {
            packet[18] = packet[18].wrapping_add(1);
            lookup.find(packet, |session| show.hear(session, SOCKET, from, packet));
        }
    }
    show.finish();
    Box::new(move || {
        for _ in 0..EVENTS {
            at += 1;
            let packet = &mut packets[scattered(at, universes)];
            packet[18] = packet[18].wrapping_add(1);
            show.pass(Duration::from_micros(10));
            lookup.find(packet, |session| show.hear(session, SOCKET, from, packet));
        }
        show.finish()
    })
}
