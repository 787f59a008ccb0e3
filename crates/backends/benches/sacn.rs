//! What a universe costs, as it comes in and as it goes out, with one and with hundreds of them:
//! `cargo bench -p crosspatch-backends --bench sacn`.

#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "a benchmark looks at the clock")]
#![expect(clippy::print_stdout, reason = "a benchmark tells its figures")]

use std::time::Instant as Moment;

use crosspatch_backends::sacn::BACKEND;
use crosspatch_backends::sacn::wire::compose;
use crosspatch_core::{
    Direction, Duration, Given, Instant, Options, Outbox, Peer, Port, Session, Slot, Value,
};

/// Where the sequence number of a packet stands, and its universe and slots.
const SEQUENCE: usize = 111;
const UNIVERSE: usize = 113;
const SLOTS: usize = 126;

fn main() {
    for universes in [1, 100, 400] {
        println!("{universes:4} universes, a full packet each:");
        for sources in [1, 2] {
            println!(
                "     {sources} sources: {:7.0} ns unchanged, {:7.1} ns each slot that has changed and is mapped",
                received(universes, sources, 0),
                (received(universes, sources, 512) - received(universes, sources, 0)) / 512.0,
            );
        }
        println!("     sent: {:7.0} ns with 512 new values", sent(universes));
    }
    println!("{:7.1} ns a packet of another universe", foreign());
}

fn start() -> Instant {
    Instant::START
}

/// A session for each universe, with all slots mapped.
fn sessions(universes: u16, direction: Direction) -> Vec<Box<dyn Session>> {
    let session = |universe: u16| {
        let universe = universe.to_string();
        let given = [
            ("universe", &*universe),
            ("priority", "100"),
            ("destination", "127.0.0.1 9"),
            ("realtime", "1"),
        ]
        .map(|(name, value)| Given::of_instance(name, value));
        let mut options = Options::new("stage", &given, BACKEND.options);
        let instance = (BACKEND.configure)(&mut options).expect("the options are right");
        let mut session = instance.session();
        for slot in 0..512 {
            session.bind(Slot(slot), &(slot + 1).to_string(), direction);
        }
        let mut out = Outbox::new();
        session.start(start(), &mut out);
        session.handle_open(start(), Port(0), Peer::Only, &mut out);
        session.handle_data(start(), Port(2), Peer::Only, b"a machine", &mut out);
        session
    };
    (1..=universes).map(session).collect()
}

fn packet(universe: u16, cid: u8) -> Vec<u8> {
    compose(&format!("data {universe} seq 0 cid {cid:02x}*16 \"desk\" slots 0*512")).expect("a packet")
}

fn desk(cid: u8) -> Peer {
    Peer::Address(([10, 0, 0, cid], 5568).into())
}

/// Nanoseconds for a packet of which so many slots have changed.
fn received(universes: u16, sources: u8, changed: usize) -> f64 {
    let mut sessions = sessions(universes, Direction::Input);
    let mut packets: Vec<Vec<_>> =
        (1..=universes).map(|universe| (1..=sources).map(|cid| packet(universe, cid)).collect()).collect();
    let mut out = Outbox::new();
    let mut now = start();
    let mut level = 0_u8;
    let mut round = |rounds: usize| {
        for _ in 0..rounds {
            now += Duration::from_millis(20);
            level = level.wrapping_add(1);
            for (session, packets) in sessions.iter_mut().zip(&mut packets) {
                for (cid, packet) in (1..).zip(packets) {
                    packet[SEQUENCE] = packet[SEQUENCE].wrapping_add(1);
                    packet[SLOTS..SLOTS + changed].fill(level);
                    session.handle_data(now, Port(0), desk(cid), packet, &mut out);
                }
                session.handle_timeout(now, &mut out);
                out.take_emitted();
            }
        }
    };
    // The sources are gathered first.
    round(100);
    best_of_five(
        || round(40_000 / usize::from(universes)),
        40_000 / usize::from(universes) * usize::from(universes) * usize::from(sources),
    )
}

/// Nanoseconds for a universe with all its values new.
fn sent(universes: u16) -> f64 {
    let mut sessions = sessions(universes, Direction::Output);
    let mut out = Outbox::new();
    let mut now = start();
    let mut level = 0_u32;
    let rounds = 10_000 / usize::from(universes);
    best_of_five(
        || {
            for _ in 0..rounds {
                now += Duration::from_millis(25);
                level = (level + 1) % 256;
                let value = Value::number(f64::from(level) / 255.0);
                let values: Vec<_> = (0..512).map(|slot| (Slot(slot), value.clone())).collect();
                for session in &mut sessions {
                    session.handle_values(now, &values, &mut out);
                    out.clear();
                }
            }
        },
        rounds * usize::from(universes),
    )
}

fn foreign() -> f64 {
    let mut sessions = sessions(1, Direction::Input);
    let mut packet = packet(1, 1);
    packet[UNIVERSE] = 7;
    let mut out = Outbox::new();
    best_of_five(
        || (0..1_000_000).for_each(|_| sessions[0].handle_data(start(), Port(0), desk(1), &packet, &mut out)),
        1_000_000,
    )
}

/// The best of five runs: what disturbs a run only makes it slower.
fn best_of_five(mut run: impl FnMut(), count: usize) -> f64 {
    let mut once = || {
        let start = Moment::now();
        run();
        start.elapsed().as_nanos() as f64 / count as f64
    };
    (0..5).map(|_| once()).fold(f64::INFINITY, f64::min)
}
