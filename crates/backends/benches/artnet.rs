//! What a slot of a universe costs, with one universe and with a hundred, and what a value costs on its way out:
//! `cargo bench -p crosspatch-backends --bench artnet`.

#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "a benchmark looks at the clock")]
#![expect(clippy::print_stdout, reason = "a benchmark tells its figures")]

use std::time::Instant;

use crosspatch_backends::artnet::BACKEND;
use crosspatch_core::{Direction, Duration, Given, Options, Outbox, Peer, Port, Session, Slot, Value};

const SLOTS: u32 = 512;
const FRAMES: u64 = 2_000;

fn main() {
    for universes in [1, 100] {
        println!(
            "{universes:3} universes: {:5.1} ns a slot that has changed, {:5.1} ns one that has not, {:5.1} ns a value out",
            slot_in(universes, true),
            slot_in(universes, false),
            value_out(universes),
        );
    }
}

/// So many instances, one universe each.
fn sessions(universes: u32, direction: Direction) -> Vec<Box<dyn Session>> {
    let mut sessions = Vec::new();
    for universe in 0..universes {
        let given = [
            Given::of_instance("universe", &universe.to_string()),
            Given::of_instance("destination", "127.0.0.1"),
        ];
        let mut options = Options::new("desk", &given, BACKEND.options);
        let mut session = (BACKEND.configure)(&mut options).expect("the options are right").session();
        for slot in 0..SLOTS {
            session.bind(Slot(slot), &(slot + 1).to_string(), direction);
        }
        let mut out = Outbox::new();
        session.start(now(0), &mut out);
        session.handle_open(now(0), Port(0), Peer::Only, &mut out);
        sessions.push(session);
    }
    sessions
}

fn now(frame: u64) -> crosspatch_core::Instant {
    crosspatch_core::Instant::from_micros(frame * 22_800)
}

/// Frames of every universe, each handed to its session.
fn slot_in(universes: u32, changes: bool) -> f64 {
    let mut sessions = sessions(universes, Direction::Input);
    let from = Peer::Address("10.0.0.5:6454".parse().expect("an address"));
    let frames = FRAMES / u64::from(universes);
    let packet = |universe: u32, level: u8| {
        let text = format!("ArtDmx 0:{}:{} seq 0 len 512 1..512={level}", universe / 16, universe % 16);
        (BACKEND.compose)(&text).expect("a packet")
    };
    let packets: Vec<_> = (0..universes).map(|universe| [packet(universe, 1), packet(universe, 2)]).collect();
    let mut out = Outbox::new();
    let start = Instant::now();
    for frame in 0..frames {
        let level = if changes { frame as usize % 2 } else { 0 };
        for (packet, session) in packets.iter().zip(&mut sessions) {
            session.handle_data(now(frame), Port(0), from, &packet[level], &mut out);
            out.take_emitted();
        }
    }
    start.elapsed().as_nanos() as f64 / (frames * u64::from(universes * SLOTS)) as f64
}

/// Values for every slot, and a frame for them.
fn value_out(universes: u32) -> f64 {
    let mut sessions = sessions(universes, Direction::Output);
    let frames = FRAMES / u64::from(universes);
    let values = [0.25, 0.75]
        .map(|level| (0..SLOTS).map(|slot| (Slot(slot), Value::number(level))).collect::<Vec<_>>());
    let mut out = Outbox::new();
    let start = Instant::now();
    for frame in 0..frames {
        for session in &mut sessions {
            session.handle_values(
                now(frame) + Duration::from_micros(1),
                &values[frame as usize % 2],
                &mut out,
            );
        }
        out.clear();
    }
    start.elapsed().as_nanos() as f64 / (frames * u64::from(universes * SLOTS)) as f64
}
