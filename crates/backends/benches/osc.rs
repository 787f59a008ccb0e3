//! What an OSC message costs, decoded and put on its channel, and what a value costs that becomes one:
//! `cargo bench -p crosspatch-backends --bench osc`.

#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "a benchmark looks at the clock")]
#![expect(clippy::print_stdout, reason = "a benchmark tells its figures")]

use std::time::Instant;

use crosspatch_backends::osc::BACKEND;
use crosspatch_core::{
    Direction, Engine, Given, Options, Outbox, Peer, Port, Scope, Session, SessionId, Slot, Value,
};

const ROUNDS: usize = 2_000_000;
const NOW: crosspatch_core::Instant = crosspatch_core::Instant::START;

fn main() {
    for channels in [1, 64, 512, 4_096, 100_000] {
        println!(
            "{channels:6} addresses: {:6.1} ns a message decoded and emitted, {:6.1} ns a value encoded",
            decoded(channels),
            encoded(channels),
        );
    }
    for channels in [1, 100_000] {
        println!(
            "{channels:6} addresses: {:6.1} ns a message through the engine to loopback",
            routed(channels)
        );
    }
    println!("{:6.0} us a packet of patterns that match as little as they can", exploding() / 1000.0);
}

fn session(channels: u32, direction: Direction) -> Box<dyn Session> {
    let option =
        |name: &str, value: &str| Given { name: name.into(), value: value.into(), scope: Scope::Instance };
    let given = [option("bind", "127.0.0.1 8000"), option("destination", "127.0.0.1 9000")];
    let mut options = Options::new("desk", &given, BACKEND.options);
    let instance = (BACKEND.configure)(&mut options).expect("the options are right");
    let mut session = instance.session();
    for slot in 0..channels {
        session.bind(Slot(slot), &address(slot), direction);
    }
    let mut out = Outbox::new();
    session.start(NOW, &mut out);
    session.handle_open(NOW, Port(0), Peer::Only, &mut out);
    session
}

fn address(slot: u32) -> String {
    format!("/page/{}/fader/{}", slot / 100, slot % 100)
}

/// Addresses in an order that no cache knows beforehand.
fn scattered(channels: u32) -> Vec<u32> {
    (0..channels.min(10_000)).map(|at| (u64::from(at) * 7_919 % u64::from(channels)) as u32).collect()
}

/// Packets for such addresses, one behind the other: a packet that was just received is never far away.
struct Packets {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Packets {
    fn new(channels: u32) -> Self {
        let mut packets = Self { bytes: Vec::new(), ends: vec![0] };
        for slot in scattered(channels) {
            let packet = (BACKEND.compose)(&format!("{} ,f 0.25", address(slot))).expect("a message");
            packets.bytes.extend(packet);
            packets.ends.push(packets.bytes.len());
        }
        packets
    }

    fn get(&self, round: usize) -> &[u8] {
        let at = round % (self.ends.len() - 1);
        &self.bytes[self.ends[at]..self.ends[at + 1]]
    }
}

fn sender() -> Peer {
    Peer::Address("127.0.0.1:7000".parse().expect("an address"))
}

fn decoded(channels: u32) -> f64 {
    let mut session = session(channels, Direction::Input);
    let packets = Packets::new(channels);
    let mut out = Outbox::new();
    nanoseconds_each(|round| {
        session.handle_data(NOW, Port(0), sender(), packets.get(round), &mut out);
        // The memory of the values goes with them; that is the only allocation.
        if round % 1024 == 0 {
            out.take_emitted();
        }
    })
}

fn encoded(channels: u32) -> f64 {
    let mut session = session(channels, Direction::Output);
    let slots = scattered(channels);
    let mut out = Outbox::new();
    nanoseconds_each(|round| {
        let value = Value::number((round / slots.len() % 1000) as f64 / 1000.0);
        session.handle_values(NOW, &[(Slot(slots[round % slots.len()]), value)], &mut out);
        if round % 1024 == 0 {
            out.clear();
        }
    })
}

fn routed(channels: u32) -> f64 {
    let config = if channels == 1 {
        "desk./page/0/fader/0 > bus.0".to_owned()
    } else {
        format!("desk./page/{{0..{}}}/fader/{{0..99}} > bus.{{0..{}}}", channels / 100 - 1, channels - 1)
    };
    let text = format!("[osc desk]\nbind = 127.0.0.1 8000\n[loopback bus]\n[map]\n{config}\n");
    let compiled = crosspatch_config::compile_text(&text, crosspatch_backends::REGISTRY);
    let Some(plan) = compiled.plan else { panic!("{}", compiled.render(false)) };
    let (mut engine, mut out) = (Engine::new(), Outbox::new());
    engine.install(NOW, plan.into(), &mut out);
    let packets = Packets::new(channels);
    nanoseconds_each(|round| {
        engine.handle_data(NOW, SessionId(1), Port(0), sender(), packets.get(round), &mut out);
        out.clear();
    })
}

fn exploding() -> f64 {
    let mut session = session(100_000, Direction::Input);
    let pattern = format!("/page/{},f 1", "*{1,2,3,4}*".repeat(80));
    let packet = (BACKEND.compose)(&pattern.replace(",f", "/fader/x ,f")).expect("a message");
    let mut out = Outbox::new();
    let start = Instant::now();
    for _ in 0..20 {
        session.handle_data(NOW, Port(0), sender(), &packet, &mut out);
    }
    start.elapsed().as_nanos() as f64 / 20.0
}

/// The best of five runs: what disturbs a run only makes it slower.
fn nanoseconds_each(mut work: impl FnMut(usize)) -> f64 {
    let run = |work: &mut dyn FnMut(usize)| {
        let start = Instant::now();
        (0..ROUNDS).for_each(work);
        start.elapsed().as_nanos() as f64 / ROUNDS as f64
    };
    (0..5).map(|_| run(&mut work)).fold(f64::INFINITY, f64::min)
}
