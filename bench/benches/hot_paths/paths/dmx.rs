//! Universes in and out: Art-Net, sACN, strips of pixels, and from Art-Net to sACN.
//!
//! An event is a packet of 512 slots, or a frame of 512 new values.

use crosspatch_backends::{artnet, openpixelcontrol, sacn};
use crosspatch_core::{Duration, Peer, Port, Slot, SlotSpan, SlotSpans, Value};

use super::rig::{Alone, Show, compose, peer};
use super::{Batch, Path};

const SLOTS: usize = 512;

/// As many colour components of whole pixels as a universe has room for.
const COMPONENTS: usize = 510;

/// The socket of an instance, or of a server of pixels.
const SOCKET: Port = Port(0);

/// Longer than between two frames at the greatest rate of any of the protocols.
const FRAME: Duration = Duration::from_millis(25);

pub(super) const PATHS: &[Path] = &[
    heard("artnet/in-changed", 1, SLOTS, || artnet_in(1, SLOTS)),
    heard("artnet/in-one-slot", 1, 1, || artnet_in(1, 1)),
    heard("artnet/in-unchanged", 1, 0, || artnet_in(1, 0)),
    heard("artnet/in-changed-100", 100, SLOTS, || artnet_in(100, SLOTS)),
    heard("artnet/in-unchanged-100", 100, 0, || artnet_in(100, 0)),
    sent("artnet/out", 1, || artnet_out(1)),
    sent("artnet/out-100", 100, || artnet_out(100)),
    sent("artnet/out-span", 1, artnet_out_span),
    sent("artnet/to-sacn-changed", 1, || artnet_to_sacn(1, SLOTS, "")),
    sent("artnet/to-sacn-one-shape", 1, || artnet_to_sacn(1, SLOTS, "| invert")),
    sent("artnet/to-sacn-half", 1, || artnet_to_sacn(1, SLOTS / 2, "")),
    sent("artnet/to-sacn-one-slot", 1, || artnet_to_sacn(1, 1, "")),
    sent("artnet/to-sacn-changed-100", 100, || artnet_to_sacn(100, SLOTS, "")),
    sent("artnet/to-sacn-changed-255", 255, || artnet_to_sacn(255, SLOTS, "")),
    heard("sacn/in-changed", 1, SLOTS, || sacn_in(1, 1, SLOTS)),
    heard("sacn/in-unchanged", 1, 0, || sacn_in(1, 1, 0)),
    two_sources("sacn/in-changed-merged", 1, SLOTS, || sacn_in(1, 2, SLOTS)),
    two_sources("sacn/in-unchanged-merged", 1, 0, || sacn_in(1, 2, 0)),
    heard("sacn/in-changed-400", 400, SLOTS, || sacn_in(400, 1, SLOTS)),
    heard("sacn/in-unchanged-400", 400, 0, || sacn_in(400, 1, 0)),
    two_sources("sacn/in-changed-merged-100", 100, SLOTS, || sacn_in(100, 2, SLOTS)),
    heard("sacn/in-foreign", 1, 0, sacn_foreign),
    sent("sacn/out", 1, || sacn_out(1)),
    sent("sacn/out-400", 400, || sacn_out(400)),
    heard("pixels/in-changed", 1, COMPONENTS, pixels_in),
    sent("pixels/out", 1, pixels_out),
];

/// A path on which one packet for each universe is received, in which `changed` slots have changed.
const fn heard(name: &'static str, universes: usize, changed: usize, set_up: fn() -> Batch) -> Path {
    Path { name, events: universes, outcome: universes * changed, allocations: 0, set_up }
}

/// The same with packets of two sources.
const fn two_sources(name: &'static str, universes: usize, changed: usize, set_up: fn() -> Batch) -> Path {
    Path { events: 2 * universes, ..heard(name, universes, changed, set_up) }
}

/// A path on which a packet goes out for each universe.
const fn sent(name: &'static str, universes: usize, set_up: fn() -> Batch) -> Path {
    Path { name, events: universes, outcome: universes, allocations: 0, set_up }
}

/// Packets of one source that are the same but for their first slots.
struct Packets {
    packet: Vec<u8>,
    /// Where the number of the packet stands, if the protocol has one.
    sequence: Option<usize>,
    /// Where the slots begin.
    slots: usize,
    changed: usize,
}

impl Packets {
    fn next(&mut self) -> &[u8] {
        if let Some(sequence) = self.sequence {
            self.packet[sequence] = self.packet[sequence].wrapping_add(1);
        }
        for slot in &mut self.packet[self.slots..self.slots + self.changed] {
            *slot = slot.wrapping_add(1);
        }
        &self.packet
    }
}

fn art_dmx(universe: usize, changed: usize) -> Packets {
    let text = format!("ArtDmx 0:{}:{} seq 0 len 512 1..512=1", universe / 16, universe % 16);
    Packets { packet: compose(&artnet::BACKEND, &text), sequence: None, slots: 18, changed }
}

/// A packet of a source, which is identified by a number.
fn e131(universe: usize, source: u8, changed: usize) -> Packets {
    let text = format!("data {universe} seq 0 cid {source:02x}*16 \"desk\" slots 0*512");
    Packets { packet: compose(&sacn::BACKEND, &text), sequence: Some(111), slots: 126, changed }
}

/// A section for each universe, numbered from 1, and a mapping of all its slots; `{}` is its number.
fn config(global: &str, universes: usize, sections: &str, map: &str) -> String {
    let mut text = format!("{global}\n[plain rack]\n");
    for universe in 1..=universes {
        let section = format!("{sections}\n[map]\n{map}\n");
        text.push_str(&section.replace("{}", &universe.to_string()));
    }
    text
}

/// Two frames in which every slot has another level.
fn frames() -> [Vec<(Slot, Value)>; 2] {
    [0.25, 0.75].map(|level| (0..SLOTS as u32).map(|slot| (Slot(slot), Value::number(level))).collect())
}

/// With a second between each two of them, longer than sACN gathers sources before any of them counts.
const FRAMES_BEFORE: usize = 4;

/// A batch in which every session receives a packet of each of its sources. The sources must be followed: the first
/// ones emit a value.
fn hear_all(mut sessions: Vec<(Alone, Vec<(Peer, Packets)>)>) -> Batch {
    let mut batch = move |pause: Duration| {
        let hear = |(session, sources): &mut (Alone, Vec<(Peer, Packets)>)| {
            session.pass(pause);
            for (from, packets) in sources {
                session.hear(SOCKET, *from, packets.next());
            }
            session.finish()
        };
        sessions.iter_mut().map(hear).sum()
    };
    let first: usize = (0..FRAMES_BEFORE).map(|_| batch(Duration::from_secs(1))).sum();
    assert!(first > 0, "the first packets say something");
    Box::new(move || batch(FRAME))
}

/// A batch in which every session receives a new level for every slot.
fn tell_all(mut sessions: Vec<Alone>) -> Batch {
    let mut frames = frames();
    Box::new(move || {
        frames.swap(0, 1);
        let tell = |session: &mut Alone| {
            session.pass(FRAME);
            session.tell(&frames[0]);
            session.finish()
        };
        sessions.iter_mut().map(tell).sum()
    })
}

fn artnet_in(universes: usize, changed: usize) -> Batch {
    let text = config("", universes, "[artnet in{}]\nuniverse = {}", "in{}.{1..512} > rack.{1..512}");
    let sessions = Alone::all(&text, &artnet::BACKEND).into_iter();
    let from = peer("10.0.0.5:6454");
    hear_all((1..).zip(sessions).map(|(at, session)| (session, vec![(from, art_dmx(at, changed))])).collect())
}

fn artnet_out(universes: usize) -> Batch {
    tell_all(artnet_senders(universes))
}

/// The same levels as a span.
fn artnet_out_span() -> Batch {
    let mut session = artnet_senders(1).remove(0);
    let mut frames = [64, 192].map(|level| {
        let mut spans = SlotSpans::default();
        spans.push(0, &SlotSpan::new(Slot(0), &[level; SLOTS], &[u64::MAX; SLOTS / 64]));
        spans
    });
    Box::new(move || {
        frames.swap(0, 1);
        session.pass(FRAME);
        session.tell_spans(&frames[0]);
        session.finish()
    })
}

fn artnet_senders(universes: usize) -> Vec<Alone> {
    let section = "[artnet out{}]\nuniverse = {}\ndestination = 127.0.0.1";
    let text = config("", universes, section, "rack.{1..512} > out{}.{1..512}");
    let mut sessions = Alone::all(&text, &artnet::BACKEND);
    for session in &mut sessions {
        session.finish();
    }
    sessions
}

fn sacn_in(universes: usize, sources: u8, changed: usize) -> Batch {
    let text = config("", universes, "[sacn in{}]\nuniverse = {}", "in{}.{1..512} > rack.{1..512}");
    let sources = |universe| {
        let source =
            |number: u8| (Peer::Address(([10, 0, 0, number], 5568).into()), e131(universe, number, changed));
        (1..=sources).map(source).collect()
    };
    let sessions = sacn_sessions(&text).into_iter();
    hear_all((1..).zip(sessions).map(|(at, session)| (session, sources(at))).collect())
}

/// All sessions of a configuration, when they know which machine they are on.
fn sacn_sessions(config: &str) -> Vec<Alone> {
    let mut sessions = Alone::all(config, &sacn::BACKEND);
    for session in &mut sessions {
        session.hear(IDENTITY, Peer::Only, b"a machine");
        session.finish();
    }
    sessions
}

/// A packet of a universe that is not mapped.
fn sacn_foreign() -> Batch {
    let text = config("", 1, "[sacn in{}]\nuniverse = {}", "in{}.{1..512} > rack.{1..512}");
    let (mut session, mut packets) = (sacn_sessions(&text).remove(0), e131(7, 1, SLOTS));
    let from = peer("10.0.0.1:5568");
    Box::new(move || {
        session.pass(FRAME);
        session.hear(SOCKET, from, packets.next());
        session.finish()
    })
}

const SACN_OUT: &str =
    "[sacn out{}]\nuniverse = {}\npriority = 100\ndiscovery = off\ndestination = 127.0.0.1 9\nunicast = 1";

/// The port on which an sACN session receives the identity of the machine.
const IDENTITY: Port = Port(2);

fn sacn_out(universes: usize) -> Batch {
    let text = config("", universes, SACN_OUT, "rack.{1..512} > out{}.{1..512}");
    tell_all(sacn_sessions(&text))
}

fn artnet_to_sacn(universes: usize, changed: usize, chain: &str) -> Batch {
    let section = format!("[artnet in{{}}]\nuniverse = {{}}\n{SACN_OUT}");
    let map = format!("in{{}}.{{1..512}} {chain} > out{{}}.{{1..512}}");
    let mut show = Show::new(&config("", universes, &section, &map));
    let from = peer("10.0.0.5:6454");
    let mut inputs = Vec::new();
    for universe in 1..=universes {
        let (input, output) =
            (show.session(&format!("in{universe}")), show.session(&format!("out{universe}")));
        show.open(input, SOCKET, Peer::Only);
        show.open(output, SOCKET, Peer::Only);
        show.hear(output, IDENTITY, Peer::Only, b"a machine");
        inputs.push((input, art_dmx(universe, changed)));
    }
    show.finish();
    Box::new(move || {
        show.pass(FRAME);
        for (input, packets) in &mut inputs {
            show.hear(*input, SOCKET, from, packets.next());
        }
        show.finish()
    })
}

fn pixels_in() -> Batch {
    let text = config(
        "",
        1,
        "[openpixelcontrol in{}]\nlisten = 127.0.0.1",
        "in{}.strip1.channel{1..510} > rack.{1..510}",
    );
    let mut session = Alone::only(&text, &openpixelcontrol::BACKEND);
    let client = Peer::Connection(1);
    session.open(SOCKET, client);
    let packet = compose(&openpixelcontrol::BACKEND, "strip1 8bit 0*510");
    let packets = Packets { packet, sequence: None, slots: 4, changed: COMPONENTS };
    hear_all(vec![(session, vec![(client, packets)])])
}

fn pixels_out() -> Batch {
    const CLIENT: Port = Port(1);
    let text = config(
        "",
        1,
        "[openpixelcontrol out{}]\ndestination = 127.0.0.1",
        "rack.{1..512} > out{}.strip1.channel{1..512}",
    );
    let mut session = Alone::only(&text, &openpixelcontrol::BACKEND);
    session.open(CLIENT, Peer::Only);
    session.finish();
    tell_all(vec![session])
}
