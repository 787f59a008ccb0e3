//! What must not disturb a show that speaks RTP-MIDI, in virtual time: bytes that lie, crowds of strangers, floods.

#[path = "common/show.rs"]
mod show;

use std::net::SocketAddr;

use crosspatch_backends::rtpmidi::wire::compose;
use crosspatch_core::{Duration, Peer, Port, Value};
use crosspatch_sim::World;

const CONTROL: Port = Port(0);
const DATA: Port = Port(1);

const SHOW: &str = "
[rtpmidi stage]
bind = 10.0.0.1 5004
sysex.mode = F0 47 {v} F7

[loopback bus]

[map]
stage.ch0.cc7 > bus.level
stage.ch0.note60 > bus.key
stage.sysex.mode > bus.mode
bus.out > stage.ch0.cc8
bus.text > stage.ch0.pitch
bus.other > bus.unrelated
";

fn peer(host: u8, port: u16) -> Peer {
    Peer::Address(SocketAddr::from(([10, 0, 1, host], port)))
}

fn message(text: &str) -> Vec<u8> {
    compose(text).unwrap_or_else(|| panic!("{text}"))
}

/// A show in a session with a peer at the first host.
fn show_in_session() -> World {
    let mut world = World::new(show::plan(SHOW, None).expect("a configuration"));
    let invitation = message("IN 00000001 from 0000000b \"Studio\"");
    world.receive("stage", CONTROL, peer(1, 5004), &invitation);
    world.receive("stage", DATA, peer(1, 5005), &invitation);
    world.take_transcript();
    world
}

/// The session with the peer works, and so does an unrelated mapping.
fn assert_alive(world: &mut World, sequence: u16, what: &str) {
    world.take_transcript();
    let rtp = message(&format!("rtp {sequence} at 0 from 0000000b: cc ch0 7 1, cc ch0 7 127"));
    world.receive("stage", DATA, peer(1, 5005), &rtp);
    world.put("bus.other", 0.25);
    world.put("bus.out", 0.0);
    world.put("bus.out", 1.0);
    let transcript = world.take_transcript();
    assert!(transcript.contains("stage.ch0.cc7 = 1\n"), "{what}:\n{transcript}");
    assert!(transcript.contains("bus.unrelated = 0.25"), "{what}:\n{transcript}");
    assert!(transcript.contains("cc ch0 8 127"), "{what}:\n{transcript}");
}

#[test]
fn every_truncation_of_every_packet_is_survived_on_both_ports() {
    let mut world = show_in_session();
    let mut sequence = 10;
    for text in [
        "IN 00000009 from 00000009 \"Studio\"",
        "NO 00000001 from 0000000b",
        "CK 1 17 0 0 from 0000000b",
        "RS 9 from 0000000b",
        "RL 31250 from 0000000b",
        "rtp 9 at 0 from 0000000c: note-on ch0 60 127, f0 47 05 f7",
    ] {
        let whole = message(text);
        for len in 0..=whole.len() {
            // Invitations of the peer itself would begin its session anew.
            let from = if text.starts_with("IN") { 2 } else { 1 };
            world.receive("stage", CONTROL, peer(from, 5004), &whole[..len]);
            world.receive("stage", DATA, peer(from, 5005), &whole[..len]);
            sequence += 1;
            assert_alive(&mut world, sequence, &format!("{text}, {len}"));
        }
    }
    for len in [1, 12, 13, 65_507] {
        world.receive("stage", DATA, peer(1, 5005), &vec![0x80; len]);
        world.receive("stage", CONTROL, peer(1, 5004), &vec![0xff; len]);
        sequence += 1;
        assert_alive(&mut world, sequence, "long rubbish");
    }
}

#[test]
fn a_thousand_strangers_are_limited_and_leave_no_room_taken() {
    let mut world = show_in_session();
    for number in 0..1000_u16 {
        let invitation = message(&format!("IN {number:08x} from {:08x} \"crowd\"", 1000 + u32::from(number)));
        world.receive("stage", CONTROL, peer((number % 250 + 2) as u8, 5004 + number / 250), &invitation);
    }
    assert_alive(&mut world, 5, "a crowd");
    // None of them went on. After a while there is room for others again.
    world.advance(Duration::from_secs(20));
    world.take_transcript();
    world.receive("stage", CONTROL, peer(9, 7000), &message("IN 00000005 from 00000005 \"late\""));
    let transcript = world.take_transcript();
    assert!(transcript.contains("-> 10.0.1.9:7000 OK 00000005"), "{transcript}");
    assert_alive(&mut world, 6, "after a crowd");
}

/// Forty peers that are made up invite, both halves of it, and say nothing more.
fn invite_fakes(world: &mut World) {
    for host in 100..140 {
        let invitation = message(&format!("IN {host:08x} from {host:08x} \"fake\""));
        world.receive("stage", CONTROL, peer(host, 5004), &invitation);
        world.receive("stage", DATA, peer(host, 5005), &invitation);
    }
    world.take_transcript();
}

#[test]
fn made_up_peers_leave_room_for_known_ones_at_once_and_for_others_after_seconds() {
    let mut world = show_in_session();
    // The peer is really there, and goes.
    world.advance(Duration::from_secs(1));
    world.receive("stage", DATA, peer(1, 5005), &message("CK 0 17 0 0 from 0000000b"));
    world.receive("stage", CONTROL, peer(1, 5004), &message("BY 00000001 from 0000000b"));
    invite_fakes(&mut world);
    world.receive("stage", CONTROL, peer(1, 6004), &message("IN 00000002 from 0000000c \"Studio\""));
    assert!(world.take_transcript().contains("-> 10.0.1.1:6004 OK 00000002"), "it is known");
    let invitation = message("IN 00000003 from 0000000d \"other\"");
    world.receive("stage", CONTROL, peer(2, 5004), &invitation);
    assert!(world.take_transcript().contains("-> 10.0.1.2:5004 NO 00000003"), "there is no room");
    world.advance(Duration::from_secs(5));
    world.take_transcript();
    world.receive("stage", CONTROL, peer(2, 5004), &invitation);
    let transcript = world.take_transcript();
    assert!(transcript.contains("-> 10.0.1.2:5004 OK 00000003"), "{transcript}");
    assert!(
        transcript.contains("-> 10.0.1.100:5004 BY"),
        "one that said nothing has given way\n{transcript}"
    );
}

#[test]
fn made_up_peers_never_take_the_place_of_one_that_is_there() {
    let mut world = show_in_session();
    for second in 1..120_u16 {
        world.advance(Duration::from_secs(1));
        world.receive("stage", DATA, peer(1, 5005), &message("CK 0 17 0 0 from 0000000b"));
        invite_fakes(&mut world);
        assert_alive(&mut world, second, "among fakes");
    }
}

#[test]
fn whoever_is_learned_by_one_packet_gives_way_to_nobody_who_goes_on_sending() {
    let show = SHOW.replace("bind = 10.0.0.1 5004", "bind = 10.0.0.1 5004\nmode = direct\nlearn = on");
    let mut world = World::new(show::plan(&show, None).expect("a configuration"));
    let rtp = |number: u16, source: u32| message(&format!("rtp {number} at 0 from {source:08x}: cc ch0 7 1"));
    world.receive("stage", DATA, peer(1, 5004), &rtp(1, 11));
    world.advance(Duration::from_millis(10));
    world.receive("stage", DATA, peer(1, 5004), &rtp(2, 11));
    for host in 100..200 {
        world.receive("stage", DATA, peer(host, 5004), &rtp(1, host.into()));
    }
    world.take_transcript();
    world.put("bus.out", 1.0);
    assert!(world.take_transcript().contains("-> 10.0.1.1:5004 rtp"), "it is still sent to");
}

#[test]
fn a_flood_from_the_peer_ends_in_the_last_value_and_a_flood_to_it_is_one_packet_a_value() {
    let mut world = show_in_session();
    for sequence in 1..=20_000_u16 {
        let rtp = message(&format!("rtp {sequence} at 0 from 0000000b: cc ch0 7 {}", sequence % 127));
        world.receive("stage", DATA, peer(1, 5005), &rtp);
        if sequence % 1000 == 0 {
            world.take_transcript();
        }
    }
    for step in 0..20_000_u32 {
        world.put("bus.out", f64::from(step % 2));
        if step % 1000 == 0 {
            // However long nobody confirms anything, a journal has each channel once.
            let transcript = world.take_transcript();
            let longest = transcript.lines().map(str::len).max().unwrap_or(0);
            assert!(longest < 200, "a line of {longest} bytes");
        }
    }
    assert_alive(&mut world, 20_001, "a flood");
}

#[test]
fn the_numbers_of_packets_go_round_without_a_gap() {
    let mut world = show_in_session();
    for sequence in (65_530..=65_535).chain(0..=5_u16) {
        assert_alive(&mut world, sequence, &format!("packet {sequence}"));
    }
    // A gap at the end of all numbers, which has no journal: the key that was down is released.
    let key = message("rtp 65535 at 0 from 0000000b: note-on ch0 60 127");
    let mut world = show_in_session();
    world.receive("stage", DATA, peer(1, 5005), &key);
    world.receive("stage", DATA, peer(1, 5005), &message("rtp 1 at 0 from 0000000b: cc ch0 7 5"));
    world.take_transcript();
    world.advance(Duration::from_millis(20));
    assert!(world.take_transcript().contains("bus.key = 0\n"));
}

#[test]
fn values_of_every_kind_become_messages_or_nothing() {
    let mut world = show_in_session();
    for value in [f64::NAN, f64::INFINITY, -0.0, -1.0, 2.0, f64::MIN_POSITIVE] {
        world.put("bus.out", value);
        world.put("bus.text", value);
    }
    world.put("bus.text", Value::text("x".repeat(65_536)));
    world.put("bus.out", Value::text("half"));
    assert!(!world.take_transcript().contains("warning"));
    assert_alive(&mut world, 1, "any value");
}
