//! What an Art-Net network does wrong, and two instances joined by a virtual link that loses and delays.

#[path = "common/show.rs"]
mod show;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crosspatch_backends::artnet::wire::compose;
use crosspatch_core::{Duration, Peer, Port};
use crosspatch_sim::{Link, World};

/// A universe in, one out to whoever wants it, and a mapping that has nothing to do with them.
const CONFIG: &str = "[artnet desk]\n[artnet rack]\nuniverse = 1\n[loopback bus]\n[loopback other]\n[map]\n\
    desk.{1..512} > bus.{1..512}\ndesk.timecode > bus.time\ndesk.trigger.macro1 > bus.go\nbus.out > rack.1\n\
    bus.a > other.b\n";

const GOOD: [&str; 8] = [
    "ArtPoll",
    "ArtPoll 0:0:0 to 0:0:9",
    "ArtPollReply 10.0.0.9 bind 1 \"node\" out 0:0:1 in 0:0:0",
    "ArtDmx 0:0:0 seq 0 len 512 1..512=7",
    "ArtSync",
    "ArtAddress bind 1 command 0x10",
    "ArtTimeCode 01:02:03:04 type 1",
    "ArtTrigger macro 1",
];

fn world(config: &str) -> World {
    World::new(show::plan(config, None).unwrap_or_else(|diagnostics| panic!("{diagnostics}")))
}

fn peer(number: u32) -> Peer {
    Peer::Address(SocketAddr::new(IpAddr::V4(Ipv4Addr::from_bits(0x0a01_0000 + number)), 6454))
}

fn bytes(text: &str) -> Vec<u8> {
    compose(text).unwrap_or_else(|| panic!("`{text}` is no packet"))
}

fn pass(world: &mut World, millis: u64) {
    world.advance(Duration::from_millis(millis));
}

/// The last value of a channel, as the transcript shows it.
fn last<'a>(world: &'a World, channel: &str) -> Option<&'a str> {
    let mark = format!(" {channel} = ");
    world.transcript().lines().rev().find_map(|line| Some(line.split_once(&mark)?.1))
}

/// The universe still comes in, and the mapping that has nothing to do with it works.
#[track_caller]
fn assert_alive(world: &mut World) {
    pass(world, 11_000);
    for (level, shown) in [(51, "0.2"), (102, "0.4")] {
        world.receive("desk", Port(0), peer(5), &bytes(&format!("ArtDmx 0:0:0 seq 0 len 2 1={level}")));
        assert_eq!(last(world, "bus.1"), Some(shown));
    }
    world.put("bus.a", 0.25);
    assert_eq!(last(world, "other.b"), Some("0.25"));
}

#[test]
fn every_truncation_and_every_size_of_an_artnet_packet_is_survived() {
    let mut world = world(CONFIG);
    for good in GOOD {
        let packet = bytes(good);
        for end in 0..packet.len() {
            for name in ["desk", "rack"] {
                world.receive(name, Port(0), peer(1), &packet[..end]);
            }
            world.take_transcript();
        }
    }
    let mut longest = bytes("ArtDmx 0:0:0 seq 0 len 512");
    longest.resize(65_507, 0xff);
    for packet in [&[][..], &[0], &[0xff; 65_507], &longest] {
        world.receive("desk", Port(0), peer(1), packet);
    }
    assert_alive(&mut world);
}

#[test]
fn foreign_universes_and_wrong_codes_by_the_thousand_are_a_few_lines() {
    let mut world = world(CONFIG);
    let mut old = bytes("ArtDmx 0:0:0 seq 0 len 2 1=255");
    old[11] = 0;
    for number in 0..20_000_u32 {
        let foreign = format!("ArtDmx {}:{}:9 seq 1 len 2 1=255", number % 128, number % 16);
        world.receive("desk", Port(0), peer(number % 50), &bytes(&foreign));
        let mut unknown = bytes("ArtSync");
        unknown[8..10].copy_from_slice(&(number as u16 | 0x8000).to_le_bytes());
        world.receive("desk", Port(0), peer(number % 50), &unknown);
        world.receive("desk", Port(0), peer(number % 50), &old);
    }
    let transcript = world.take_transcript();
    let caused = transcript.lines().filter(|line| !line.contains("<-")).count();
    assert!(caused < 30, "{caused} lines came of it");
    assert!(!transcript.contains("bus."), "nothing of it is for the instance");
    assert_alive(&mut world);
}

#[test]
fn ten_thousand_sources_nodes_and_controllers_are_bounded() {
    let mut world = world(CONFIG);
    world.put("bus.out", 1.0);
    pass(&mut world, 1_000);
    for number in 0..10_000 {
        world.receive("desk", Port(0), peer(number), &bytes("ArtDmx 0:0:0 seq 1 len 2 1=1"));
        world.receive(
            "rack",
            Port(0),
            peer(number),
            &bytes("ArtPollReply 10.0.0.9 bind 1 \"node\" out 0:0:1"),
        );
        world.receive("desk", Port(0), peer(number), &bytes("ArtPoll"));
    }
    world.take_transcript();
    pass(&mut world, 950);
    let transcript = world.take_transcript();
    let count =
        |mark: &str| transcript.lines().filter(|line| line.contains("->") && line.contains(mark)).count();
    assert!(count("ArtPollReply") <= 3 * 32, "{} answers", count("ArtPollReply"));
    assert!((1..=2 * 40).contains(&count("ArtDmx")), "{} packets a second", count("ArtDmx"));
    pass(&mut world, 40_000);
    assert_alive(&mut world);
}

#[test]
fn what_one_instance_sends_the_other_has_in_the_end_over_a_bad_network() {
    let mut world = world(
        "[backend artnet]\nbind = 10.0.0.1\nbind = 10.0.0.2\n[artnet near]\ndestination = 10.0.0.2\n[artnet far]\ninterface = 1\n\
         [loopback bus]\n[map]\nbus.{1..100} > near.{1..100}\nbus.wide > near.101+102\nfar.{1..100} > bus.far{1..100}\n\
         far.101+102 > bus.farwide\n",
    );
    let link = Link {
        delay: Duration::from_millis(5),
        jitter: Duration::from_millis(40),
        loss_percent: 40,
        piece: 0,
    };
    world.network().set_link(link);
    for step in 0..400_u32 {
        world.put(&format!("bus.{}", step % 100 + 1), f64::from(step % 256) / 255.0);
        world.put("bus.wide", f64::from(step) / 400.0);
        pass(&mut world, 7);
    }
    pass(&mut world, 20_000);
    for channel in 1..=100 {
        let (sent, heard) =
            (last(&world, &format!("bus.{channel}")), last(&world, &format!("bus.far{channel}")));
        assert_eq!(sent, heard, "channel {channel}");
    }
    let wide: f64 = last(&world, "bus.farwide").and_then(|value| value.parse().ok()).expect("a level");
    assert!((wide - 399.0 / 400.0).abs() < 1e-5, "{wide}");
}

#[test]
fn a_short_press_is_seen_at_the_other_end() {
    let mut world = world(
        "[backend artnet]\nbind = 10.0.0.1\nbind = 10.0.0.2\n[artnet near]\ndestination = 10.0.0.2\n[artnet far]\ninterface = 1\n\
         [loopback bus]\n[map]\nbus.go > near.1\nfar.1 > bus.seen\n",
    );
    world.put("bus.go", 0.0);
    pass(&mut world, 100);
    world.take_transcript();
    for _ in 0..3 {
        world.put("bus.go", 1.0);
        world.put("bus.go", 0.0);
    }
    pass(&mut world, 500);
    let seen: Vec<_> =
        world.transcript().lines().filter_map(|line| Some(line.split_once(" bus.seen = ")?.1)).collect();
    assert_eq!(seen, ["1", "0", "1", "0", "1", "0"]);
}
