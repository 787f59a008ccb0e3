//! What must not disturb a show that speaks MIDI, in virtual time: bytes that lie, devices that come and go, floods, clocks.

#[path = "common/show.rs"]
mod show;

use crosspatch_backends::midi::wire::compose;
use crosspatch_core::{Closed, Duration, Peer, Port};
use crosspatch_sim::World;

const OWN: Port = Port(0);
const READ: Port = Port(1);
const WRITE: Port = Port(2);

const SHOW: &str = "
[midi pads]
read = pads
write = pads
sysex.mode = F0 47 {v} F7

[loopback bus]

[map]
pads.ch0.cc7 > bus.level
pads.ch0.pair1 > bus.pair
pads.sysex.mode > bus.mode
bus.out > pads.ch0.cc7
bus.key > pads.ch0.note60
bus.other > bus.unrelated
";

/// A show whose device is there, with nothing in its transcript.
fn show_with_device() -> World {
    let mut world = World::new(show::plan(SHOW, None).expect("a configuration"));
    world.opened("pads", READ, Peer::Only);
    world.opened("pads", WRITE, Peer::Only);
    world.advance(Duration::from_secs(2));
    world.take_transcript();
    world
}

fn lines<'t>(transcript: &'t str, part: &str) -> Vec<&'t str> {
    transcript.lines().filter(|line| line.contains(part)).collect()
}

/// The session understands a good message, answers a value, and an unrelated mapping works.
fn assert_alive(world: &mut World, what: &str) {
    world.advance(Duration::from_secs(20));
    world.take_transcript();
    // A whole message with its status byte ends whatever came before.
    world.receive("pads", READ, Peer::Only, &compose("cc ch0 7 1").expect("a message"));
    world.receive("pads", READ, Peer::Only, &compose("cc ch0 7 127").expect("a message"));
    world.put("bus.other", 0.25);
    world.put("bus.key", 0.0);
    world.put("bus.key", 1.0);
    let transcript = world.take_transcript();
    assert!(transcript.contains("pads.ch0.cc7 = 1\n"), "{what}:\n{transcript}");
    assert!(transcript.contains("bus.unrelated = 0.25"), "{what}:\n{transcript}");
    assert!(transcript.contains("-> note-on ch0 60 127"), "{what}:\n{transcript}");
}

#[test]
fn every_truncation_of_every_kind_of_message_is_survived() {
    let mut world = show_with_device();
    for message in [
        "cc ch0 7 5",
        "pitch ch0 9",
        "program ch0 1",
        "f0 47 05 f7",
        "song-position 9",
        "f0 7f 7f 01 01 21 02 03 04 f7",
    ] {
        let message = compose(message).expect("a message");
        for len in 0..message.len() {
            world.receive("pads", READ, Peer::Only, &message[..len]);
            assert_alive(&mut world, &format!("{:x?}", &message[..len]));
        }
    }
}

#[test]
fn long_rubbish_and_a_megabyte_of_sysex_are_told_a_few_times_and_survived() {
    let mut world = show_with_device();
    for bytes in [vec![], vec![0x55], vec![0xff; 65_507], vec![0xf4; 65_507], vec![0x90; 65_507]] {
        world.receive("pads", READ, Peer::Only, &bytes);
        assert!(lines(&world.take_transcript(), "warning").len() <= 5, "notices are counted");
        assert_alive(&mut world, &format!("{} bytes", bytes.len()));
    }
    world.receive("pads", READ, Peer::Only, &[0xf0, 0x47]);
    for _ in 0..16 {
        world.receive("pads", READ, Peer::Only, &[0x11; 65_536]);
    }
    let told = world.take_transcript();
    assert_eq!(lines(&told, "too long").len(), 1);
    assert_alive(&mut world, "a megabyte");
}

#[test]
fn a_sysex_with_more_or_fewer_bytes_than_its_pattern_is_another_message() {
    let mut world = show_with_device();
    for message in ["f0 47 f7", "f0 47 05 05 f7", "f0 f7", "f0 48 05 f7"] {
        world.receive("pads", READ, Peer::Only, &compose(message).expect("a message"));
        assert_eq!(lines(&world.take_transcript(), "pads.sysex"), [""; 0], "{message}");
    }
    world.receive("pads", READ, Peer::Only, &compose("f0 47 7f f7").expect("a message"));
    assert_eq!(lines(&world.take_transcript(), "bus.mode = 1").len(), 1);
}

#[test]
fn whatever_the_machine_refuses_is_asked_for_again() {
    for reason in [
        Closed::NotPermitted,
        Closed::Exhausted,
        Closed::Unplugged,
        Closed::InUse(None),
        Closed::NotReading,
        Closed::Other("this system has no sequencer".into()),
    ] {
        let mut world = show_with_device();
        for _ in 0..5 {
            world.closed("pads", OWN, Peer::Only, reason.clone());
            world.put("bus.out", 0.5);
            world.advance(Duration::from_secs(15));
        }
        let transcript = world.take_transcript();
        assert_eq!(lines(&transcript, "pads opens 0").len(), 5, "{reason}:\n{transcript}");
        world.opened("pads", READ, Peer::Only);
        world.opened("pads", WRITE, Peer::Only);
        let transcript = world.take_transcript();
        assert!(transcript.contains("-> cc ch0 7 64"), "{reason}:\n{transcript}");
        assert_alive(&mut world, &reason.to_string());
    }
}

#[test]
fn a_device_that_comes_and_goes_a_hundred_times_gets_the_last_state_each_time() {
    let mut world = show_with_device();
    for round in 0..100_u32 {
        world.receive("pads", READ, Peer::Only, &[0xb0, 1, 5]);
        world.closed("pads", READ, Peer::Only, Closed::Unplugged);
        world.closed("pads", WRITE, Peer::Only, Closed::Unplugged);
        world.put("bus.out", f64::from(round % 128) / 127.0);
        world.take_transcript();
        world.opened("pads", WRITE, Peer::Only);
        world.opened("pads", READ, Peer::Only);
        let transcript = world.take_transcript();
        assert_eq!(lines(&transcript, "->"), [format!("+2.000s pads.0 -> cc ch0 7 {}", round % 128)]);
    }
    world.advance(Duration::from_secs(30));
    let transcript = world.take_transcript();
    assert!(
        !transcript.contains("bus.pair"),
        "half a number of a device that is gone counts for nothing:\n{transcript}"
    );
    assert_alive(&mut world, "a hundred times");
}

#[test]
fn hours_without_a_turn_make_no_difference() {
    let mut world = show_with_device();
    world.receive("pads", READ, Peer::Only, &[0xb0, 1, 127]);
    world.advance(Duration::from_secs(5 * 3600));
    assert_eq!(lines(&world.take_transcript(), "bus.pair = 1").len(), 1);
    assert_alive(&mut world, "after hours");
}

#[test]
fn a_flood_of_messages_ends_in_the_last_value_of_every_channel() {
    let mut world = show_with_device();
    let flood: Vec<u8> = (0..30_000_u32).flat_map(|step| [0xb0, 7, (step % 128) as u8]).collect();
    world.receive("pads", READ, Peer::Only, &flood);
    world.receive("pads", READ, Peer::Only, &[0xb0, 7, 127]);
    let transcript = world.take_transcript();
    assert_eq!(
        lines(&transcript, "bus.level = ").last().map(|line| line.ends_with("bus.level = 1")),
        Some(true)
    );

    world.full("pads", OWN, Peer::Only);
    for step in 0..30_000_u32 {
        world.put("bus.out", f64::from(step % 128) / 127.0);
    }
    world.put("bus.out", 0.25);
    world.take_transcript();
    world.writable("pads", OWN, Peer::Only);
    let transcript = world.take_transcript();
    let sent = lines(&transcript, "->");
    assert!(sent.len() < 2000, "{} messages waited", sent.len());
    assert!(sent.last().is_some_and(|line| line.ends_with("cc ch0 7 32")), "{:?}", sent.last());
    assert_alive(&mut world, "a flood");
}
