//! MIDI from one instance to another: between devices, over the network with its journal, and with JACK.

use crosspatch_backends::jack;
use crosspatch_core::{Duration, Peer, Port};

use super::rig::{Show, compose, peer};
use super::{Batch, Path};

/// Controllers that move, one after the other.
const CONTROLLERS: usize = 64;

/// Controllers that move over the network: each packet repeats what became of all of them.
const IN_JOURNAL: usize = 8;

pub(super) const PATHS: &[Path] = &[
    Path {
        name: "midi/through",
        events: CONTROLLERS,
        outcome: CONTROLLERS,
        allocations: 0,
        set_up: midi_through,
    },
    Path {
        name: "rtpmidi/through",
        events: IN_JOURNAL,
        outcome: IN_JOURNAL,
        allocations: 0,
        set_up: rtpmidi_through,
    },
    Path {
        name: "jack/through",
        events: CONTROLLERS,
        outcome: CONTROLLERS,
        allocations: 0,
        set_up: jack_through,
    },
];

fn midi_through() -> Batch {
    const OWN: Port = Port(0);
    const READ: Port = Port(1);
    const WRITE: Port = Port(2);
    let mut show = Show::new(
        "[midi pads]\nread = Pads\n[midi surface]\nwrite = Surface\n[map]\npads.ch0.cc{0..63} > surface.ch0.cc{0..63}\n",
    );
    let (pads, surface) = (show.session("pads"), show.session("surface"));
    for (session, device) in [(pads, READ), (surface, WRITE)] {
        show.open(session, OWN, Peer::Only);
        show.open(session, device, Peer::Only);
    }
    show.finish();
    let mut level = 0;
    Box::new(move || {
        level = (level + 1) % 128;
        show.pass(Duration::from_millis(1));
        for controller in 0..CONTROLLERS as u8 {
            show.hear(pads, READ, Peer::Only, &[0xb0, controller, level]);
        }
        show.finish()
    })
}

fn jack_through() -> Batch {
    const CLIENT: Port = Port(0);
    let mut show = Show::new(
        "[jack rack]\nkeys = midi in\nlamps = midi out\n[map]\nrack.keys.ch0.cc{0..63} > rack.lamps.ch0.cc{0..63}\n",
    );
    let rack = show.session("rack");
    show.open(rack, CLIENT, Peer::Only);
    show.finish();
    let message =
        |level: usize, controller: usize| compose(&jack::BACKEND, &format!("0 cc ch0 {controller} {level}"));
    let mut messages =
        [10, 90].map(|level| (0..CONTROLLERS).map(|at| message(level, at)).collect::<Vec<_>>());
    Box::new(move || {
        messages.swap(0, 1);
        show.pass(Duration::from_millis(1));
        for message in &messages[0] {
            show.hear(rack, CLIENT, Peer::Only, message);
        }
        show.finish()
    })
}

fn rtpmidi_through() -> Batch {
    const DATA: Port = Port(1);
    /// Where the number of a packet stands (RFC 3550, clause 5.1).
    const SEQUENCE: std::ops::Range<usize> = 2..4;
    let mut show = Show::new(
        "[rtpmidi here]\nmode = direct\nbind = 10.0.0.1 5004\npeer = 10.0.0.2 5004\n\
         [rtpmidi there]\nmode = direct\nbind = 10.0.0.1 5006\npeer = 10.0.0.3 5004\n\
         [map]\nhere.ch0.cc{0..7} > there.ch0.cc{0..7}\n",
    );
    let (here, there) = (show.session("here"), show.session("there"));
    show.open(here, DATA, Peer::Only);
    show.open(there, DATA, Peer::Only);
    show.finish();
    let from = peer("10.0.0.2:5004");
    let mut packets = rtpmidi_packets();
    let mut sequence = 0_u16;
    Box::new(move || {
        for _ in 0..IN_JOURNAL {
            sequence = sequence.wrapping_add(1);
            let next = usize::from(sequence) % packets.len();
            let packet = &mut packets[next];
            packet[SEQUENCE].copy_from_slice(&sequence.to_be_bytes());
            show.pass(Duration::from_millis(10));
            show.hear(here, DATA, from, packet);
        }
        show.finish()
    })
}

/// What an instance sends whose controllers move in turn, when its journal has all of them.
fn rtpmidi_packets() -> Vec<Vec<u8>> {
    let mut config = "[rtpmidi far]\nmode = direct\nbind = 10.0.0.2 5004\npeer = 10.0.0.1 5004\n".to_owned();
    for controller in 0..IN_JOURNAL {
        config.push_str(&format!(
            "[plain desk{controller}]\n[map]\ndesk{controller}.1 > far.ch0.cc{controller}\n"
        ));
    }
    let mut far = Show::new(&config);
    let session = far.session("far");
    far.open(session, Port(1), Peer::Only);
    far.finish();
    let mut packet = |at: usize| {
        let desk = far.session(&format!("desk{}", at % IN_JOURNAL));
        far.pass(Duration::from_millis(10));
        far.hear(desk, Port(0), Peer::Only, b"");
        let packet = far.bytes().to_vec();
        assert_eq!(far.finish(), 1, "each move makes a packet");
        packet
    };
    (0..9 * IN_JOURNAL).map(&mut packet).skip(IN_JOURNAL).collect()
}
