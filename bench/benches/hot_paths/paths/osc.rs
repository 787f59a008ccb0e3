//! OSC messages with few and with many addresses: in, out, and from one instance to another.

use crosspatch_backends::osc::BACKEND;
use crosspatch_core::{Peer, Port, Slot, Value};

use super::rig::{Alone, Show, compose, peer};
use super::{Batch, Path};

/// The only socket of an instance.
const SOCKET: Port = Port(0);

/// Messages in a batch.
const MESSAGES: usize = 64;

/// The number of different messages received in turn, at most. More than the caches of a processor can predict.
const MOST_MESSAGES: u32 = 16_384;

pub(super) const PATHS: &[Path] = &[
    path("osc/in-1", || heard(1)),
    path("osc/in-64", || heard(64)),
    path("osc/in-512", || heard(512)),
    path("osc/in-4096", || heard(4_096)),
    path("osc/in-100000", || heard(100_000)),
    path("osc/out-1", || sent(1)),
    path("osc/out-100000", || sent(100_000)),
    path("osc/through-1", || through(1)),
    path("osc/through-100000", || through(100_000)),
    Path { name: "osc/one-to-64", events: 1, outcome: 64, allocations: 0, set_up: one_to_many },
    Path { name: "osc/vain-patterns", events: 1, outcome: 0, allocations: 0, set_up: vain_patterns },
];

/// A path on which every message comes out as one value or message.
const fn path(name: &'static str, set_up: fn() -> Batch) -> Path {
    Path { name, events: MESSAGES, outcome: MESSAGES, allocations: 0, set_up }
}

fn config(maps: &str) -> String {
    format!(
        "[osc desk]\nbind = 127.0.0.1 8000\n[osc stage]\nbind = 127.0.0.1 8001\ndestination = 127.0.0.1 9000\n\
         [plain rack]\n[map]\n{maps}\n"
    )
}

/// A mapping of every address of `count`, on either side in the place of `{}`.
fn map(count: u32, from: &str, to: &str) -> String {
    let addresses = match count.checked_sub(100) {
        None => format!("/page/0/fader/{{0..{}}}", count - 1),
        Some(_) => format!("/page/{{0..{}}}/fader/{{0..99}}", count.div_ceil(100) - 1),
    };
    format!("{} > {}", from.replace("{}", &addresses), to.replace("{}", &addresses))
}

/// A number below `count` at a place in an order that no cache knows beforehand.
fn scattered(at: u32, count: u32) -> u32 {
    (u64::from(at) * 7_919 % u64::from(count)) as u32
}

/// Messages for these addresses, stored one after the other: a packet that was just received is always close in memory.
struct Messages {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    next: usize,
}

impl Messages {
    fn new(addresses: u32) -> Self {
        let mut messages = Self { bytes: Vec::new(), ends: vec![0], next: 0 };
        // Two rounds of the same addresses with other levels, so that each message says something new.
        let count = (addresses * 2).clamp(2 * MESSAGES as u32, MOST_MESSAGES);
        for at in 0..count {
            let address = scattered(at % (count / 2), addresses);
            let level = f64::from(at % 97 + 1) / 100.0;
            let text = format!("/page/{}/fader/{} ,f {level}", address / 100, address % 100);
            messages.bytes.extend(compose(&BACKEND, &text));
            messages.ends.push(messages.bytes.len());
        }
        messages
    }

    fn next(&mut self) -> &[u8] {
        let at = self.next;
        self.next = (at + 1) % (self.ends.len() - 1);
        &self.bytes[self.ends[at]..self.ends[at + 1]]
    }
}

fn sender() -> Peer {
    peer("127.0.0.1:7000")
}

fn heard(addresses: u32) -> Batch {
    let mut desk = Alone::only(&alone(&map(addresses, "desk.{}", "rack.{}")), &BACKEND);
    let (mut messages, from) = (Messages::new(addresses), sender());
    Box::new(move || {
        for _ in 0..MESSAGES {
            desk.hear(SOCKET, from, messages.next());
        }
        desk.finish()
    })
}

/// The configuration of a single instance that receives or sends.
fn alone(maps: &str) -> String {
    format!("[osc desk]\nbind = 127.0.0.1 8000\ndestination = 127.0.0.1 9000\n[plain rack]\n[map]\n{maps}\n")
}

fn sent(addresses: u32) -> Batch {
    let mut desk = Alone::only(&alone(&map(addresses, "rack.{}", "desk.{}")), &BACKEND);
    let mut at = 0;
    Box::new(move || {
        for _ in 0..MESSAGES {
            at += 1;
            let value = Value::number(f64::from(at % 997) / 1000.0);
            desk.tell(&[(Slot(scattered(at, addresses)), value)]);
        }
        desk.finish()
    })
}

fn through(addresses: u32) -> Batch {
    let mut show = Show::new(&config(&map(addresses, "desk.{}", "stage.{}")));
    let (desk, stage) = (show.session("desk"), show.session("stage"));
    show.open(desk, SOCKET, Peer::Only);
    show.open(stage, SOCKET, Peer::Only);
    show.finish();
    let (mut messages, from) = (Messages::new(addresses), sender());
    Box::new(move || {
        for _ in 0..MESSAGES {
            show.hear(desk, SOCKET, from, messages.next());
        }
        show.finish()
    })
}

fn one_to_many() -> Batch {
    let mut show = Show::new(&config("desk./page/0/fader/0 > stage./lamp/{1..64}"));
    let (desk, stage) = (show.session("desk"), show.session("stage"));
    show.open(desk, SOCKET, Peer::Only);
    show.open(stage, SOCKET, Peer::Only);
    show.finish();
    let (mut messages, from) = (Messages::new(1), sender());
    Box::new(move || {
        show.hear(desk, SOCKET, from, messages.next());
        show.finish()
    })
}

/// A packet whose pattern is as much work as can be and matches none of 500 addresses.
fn vain_patterns() -> Batch {
    let mut desk = Alone::only(&alone(&map(500, "desk.{}", "rack.{}")), &BACKEND);
    let pattern = format!("/page/{}/fader/x ,f 1", "*{1,2,3,4}*".repeat(80));
    let (packet, from) = (compose(&BACKEND, &pattern), sender());
    Box::new(move || {
        desk.hear(SOCKET, from, &packet);
        desk.finish()
    })
}
