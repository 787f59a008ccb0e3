//! What must not disturb a show that speaks with a JACK server, in virtual time: bytes that lie, servers that come and go, floods.

#[path = "common/show.rs"]
mod show;

use crosspatch_backends::jack::BACKEND;
use crosspatch_core::{Closed, Duration, Peer, Port};
use crosspatch_sim::World;

const CLIENT: Port = Port(0);

const SHOW: &str = "
[jack rack]
keys = midi in
lamps = midi out
gauge = cv in min -1 max 1
filter = cv out min -1 max 1
sysex.mode = F0 47 {v} F7

[loopback bus]

[map]
rack.keys.ch0.cc7 > bus.level
rack.keys.sysex.mode > bus.mode
rack.gauge > bus.gauge
bus.lamp > rack.lamps.ch0.cc7
bus.key > rack.lamps.ch0.note60
bus.filter > rack.filter
bus.other > bus.unrelated
";

/// A show that is connected, with nothing in its transcript.
fn show_with_server() -> World {
    let mut world = World::new(show::plan(SHOW, None).expect("a configuration"));
    world.opened("rack", CLIENT, Peer::Only);
    world.take_transcript();
    world
}

fn lines<'t>(transcript: &'t str, part: &str) -> Vec<&'t str> {
    transcript.lines().filter(|line| line.contains(part)).collect()
}

fn receive(world: &mut World, event: &str) {
    world.receive("rack", CLIENT, Peer::Only, &(BACKEND.compose)(event).expect(event));
}

/// The session understands good events, answers a value, and an unrelated mapping works.
fn assert_alive(world: &mut World, what: &str) {
    world.advance(Duration::from_secs(20));
    world.take_transcript();
    receive(world, "0 cc ch0 7 1");
    receive(world, "0 cc ch0 7 127");
    receive(world, "2 cv -1");
    receive(world, "2 cv 0.5");
    world.put("bus.other", 0.25);
    world.put("bus.key", 0.0);
    world.put("bus.key", 1.0);
    world.put("bus.filter", 0.0);
    let transcript = world.take_transcript();
    for line in
        ["rack.keys.ch0.cc7 = 1\n", "rack.gauge = 0.75\n", "bus.unrelated = 0.25", "-> 1 note-on ch0 60 127"]
    {
        assert!(transcript.contains(line), "{what}: no `{line}` in\n{transcript}");
    }
    assert!(transcript.contains("-> 3 cv -1"), "{what}:\n{transcript}");
}

#[test]
fn every_truncation_of_an_event_and_events_of_no_port_are_survived() {
    let mut world = show_with_server();
    for event in ["0 cc ch0 7 5", "0 f0 47 05 f7", "2 cv 0.25", "1 joined", "0 joined", "9 cv 1", "255 clock"]
    {
        let bytes = (BACKEND.compose)(event).expect(event);
        for len in 0..=bytes.len() {
            world.receive("rack", CLIENT, Peer::Only, &bytes[..len]);
            assert_alive(&mut world, &format!("{:x?}", &bytes[..len]));
        }
    }
}

#[test]
fn voltages_that_are_no_numbers_and_long_rubbish_change_nothing() {
    let mut world = show_with_server();
    for event in ["2 cv NaN", "2 cv inf", "2 cv -inf", "3 cv 1", "0 cv 1"] {
        receive(&mut world, event);
        assert_eq!(lines(&world.take_transcript(), " = "), [""; 0], "{event}");
    }
    for byte in [0x00, 0x55, 0x90, 0xf4, 0xff] {
        let mut event = vec![byte; 60_000];
        event[..2].copy_from_slice(&[0, 0]);
        world.receive("rack", CLIENT, Peer::Only, &event);
        assert!(lines(&world.take_transcript(), "warning").len() <= 5, "notices are counted");
        assert_alive(&mut world, &format!("{byte:x}"));
    }
}

#[test]
fn whatever_keeps_a_client_from_its_server_is_told_once_and_tried_again() {
    for reason in [
        Closed::Refused,
        Closed::NotPermitted,
        Closed::Exhausted,
        Closed::TimedOut,
        Closed::NotReading,
        Closed::Other("the library of JACK is not installed".into()),
    ] {
        let mut world = show_with_server();
        for _ in 0..5 {
            world.closed("rack", CLIENT, Peer::Only, reason.clone());
            world.put("bus.lamp", 0.5);
            world.put("bus.filter", 0.25);
            world.advance(Duration::from_secs(15));
        }
        let transcript = world.take_transcript();
        assert_eq!(lines(&transcript, "rack opens 0").len(), 5, "{reason}:\n{transcript}");
        assert_eq!(lines(&transcript, "rack warning").len(), 1, "{reason}:\n{transcript}");
        assert_eq!(lines(&transcript, "->"), [""; 0], "{reason}");
        world.opened("rack", CLIENT, Peer::Only);
        let transcript = world.take_transcript();
        assert_eq!(lines(&transcript, "-> 1 cc ch0 7 64").len(), 1, "{reason}:\n{transcript}");
        assert_eq!(lines(&transcript, "-> 3 cv -0.5").len(), 1, "{reason}:\n{transcript}");
        assert_alive(&mut world, &reason.to_string());
    }
}

#[test]
fn a_server_that_comes_and_goes_a_hundred_times_gets_the_last_state_each_time() {
    let mut world = show_with_server();
    for round in 0..100_u32 {
        // The beginning of a message that never ends.
        world.receive("rack", CLIENT, Peer::Only, &[0, 0, 0xf0, 0x47, 0x01]);
        world.closed("rack", CLIENT, Peer::Only, Closed::ByPeer);
        world.put("bus.lamp", f64::from(round % 128) / 127.0);
        world.take_transcript();
        world.opened("rack", CLIENT, Peer::Only);
        // The end of one that never began.
        world.receive("rack", CLIENT, Peer::Only, &[0, 0, 0xf7]);
        let transcript = world.take_transcript();
        assert_eq!(lines(&transcript, "->"), [format!("+0.000s rack.0 -> 1 cc ch0 7 {}", round % 128)]);
        assert_eq!(lines(&transcript, "bus.mode"), [""; 0]);
    }
    assert_alive(&mut world, "a hundred times");
}

#[test]
fn a_flood_ends_in_the_last_value_and_a_server_that_takes_nothing_gets_a_bounded_rest() {
    let mut world = show_with_server();
    for step in 0..30_000_u32 {
        receive(&mut world, &format!("0 cc ch0 7 {}", step % 128));
    }
    receive(&mut world, "0 cc ch0 7 127");
    assert!(lines(&world.take_transcript(), "bus.level = ").last().is_some_and(|line| line.ends_with("= 1")));

    world.full("rack", CLIENT, Peer::Only);
    for step in 0..30_000_u32 {
        world.put("bus.lamp", f64::from(step % 128) / 127.0);
    }
    world.put("bus.lamp", 0.25);
    world.take_transcript();
    world.writable("rack", CLIENT, Peer::Only);
    let transcript = world.take_transcript();
    let sent = lines(&transcript, "->");
    assert!(sent.len() < 2000, "{} messages waited", sent.len());
    assert!(sent.last().is_some_and(|line| line.ends_with("1 cc ch0 7 32")), "{:?}", sent.last());
    assert_alive(&mut world, "a flood");
}

#[test]
fn hours_without_a_server_make_no_difference() {
    let mut world = show_with_server();
    world.closed("rack", CLIENT, Peer::Only, Closed::ByPeer);
    world.advance(Duration::from_secs(5 * 3600));
    world.opened("rack", CLIENT, Peer::Only);
    assert_alive(&mut world, "after hours");
}
