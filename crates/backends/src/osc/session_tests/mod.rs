//! Tests of the session in a world of its own: what goes in, what the transcript says.

mod streams;

use std::collections::HashMap;
use std::fmt::Write;

use crosspatch_core::{Closed, Duration, Peer, Port, Registry};
use crosspatch_sim::World;
use crosspatch_transforms::FAMILIES;
use proptest::prelude::*;

use super::wire::{self, compose};

const REGISTRY: Registry = crate::registry(FAMILIES);

const TABLET: &str = "10.0.0.9:7000";

fn world(config: &str) -> World {
    let compiled = crosspatch_config::compile_text(config, REGISTRY);
    let Some(plan) = compiled.plan else { panic!("{}", compiled.render(false)) };
    World::new(plan)
}

fn peer(address: &str) -> Peer {
    Peer::Address(address.parse().expect("an address"))
}

/// Brings messages from the tablet and returns what the transcript says of them.
fn receive(world: &mut World, messages: &[&str]) -> String {
    receive_from(world, TABLET, messages)
}

fn receive_from(world: &mut World, from: &str, messages: &[&str]) -> String {
    world.take_transcript();
    for message in messages {
        let packet = compose(message).unwrap_or_else(|| panic!("`{message}` is no message"));
        world.receive("desk", Port(0), peer(from), &packet);
    }
    shown(world)
}

/// The transcript since the last call, without times, what came in, and who has come or gone.
fn shown(world: &mut World) -> String {
    let transcript = world.take_transcript();
    let is_left_out = |line: &str| {
        [" <- ", " := ", " info: first message", " info: messages go to", " info: listening", " debug: "]
            .iter()
            .any(|part| line.contains(part))
    };
    let lines = transcript.lines().filter(|line| !is_left_out(line));
    lines.map(|line| line.split_once(' ').map_or(line, |(_, rest)| rest)).collect::<Vec<_>>().join("\n")
}

fn sent(world: &mut World) -> Vec<String> {
    let lines = shown(world);
    lines.lines().filter_map(|line| line.split_once(" -> ")).map(|(_, message)| message.to_owned()).collect()
}

/// Puts values on channels one after another.
fn put(world: &mut World, values: &[(&str, f64)]) -> Vec<String> {
    world.take_transcript();
    for &(channel, value) in values {
        world.put(channel, value);
    }
    sent(world)
}

/// An instance with some lines of options, and some mappings.
fn desk(options: &str, mappings: &str) -> World {
    world(&format!("[loopback bus]\n[osc desk]\nbind = 0.0.0.0 8000\n{options}\n[map]\n{mappings}\n"))
}

#[test]
fn arguments_land_on_their_channels() {
    let mut world = desk("/xy = ff -1 1 -1 1", "desk./xy > bus.x\ndesk./xy:1 > bus.y\ndesk./name > bus.n");
    assert_eq!(
        receive(&mut world, &["/xy ,ff 0 0.5"]),
        "desk./xy = 0.5\ndesk./xy:1 = 0.75\nbus.x = 0.5\nbus.y = 0.75"
    );
    assert_eq!(
        receive(&mut world, &["/xy ,[ff] 1 -7"]),
        "desk./xy = 1\ndesk./xy:1 = 0\nbus.x = 1\nbus.y = 0"
    );
    assert_eq!(receive(&mut world, &["/xy ,f 0"]), "desk./xy = 0.5\nbus.x = 0.5");
    assert_eq!(receive(&mut world, &["/name ,s \"Act 1\""]), "desk./name = \"Act 1\"\nbus.n = \"Act 1\"");
    assert_eq!(receive(&mut world, &["/xyz ,f 0", "/x ,f 0", "/xy/z ,f 0"]), "");
}

#[test]
fn a_message_without_arguments_presses_and_releases() {
    let mut world = desk("", "desk./go > bus.go");
    for message in ["/go", "/go ,I", "/go untyped 0x"] {
        assert_eq!(receive(&mut world, &[message]), "desk./go = 1\ndesk./go = 0\nbus.go = 1\nbus.go = 0");
    }
}

#[test]
fn not_a_number_moves_nothing() {
    let mut world = desk("", "desk./a > bus.a");
    assert_eq!(receive(&mut world, &["/a ,f NaN", "/a ,d NaN"]), "");
    assert_eq!(
        receive(&mut world, &["/a ,f inf", "/a ,f -inf", "/a ,f -0", "/a ,f 1e-45"]).matches("desk").count(),
        4
    );
}

#[test]
fn types_other_than_configured_are_understood() {
    let mut world = desk("/a = f 0 10\n/t = T\n/s = s", "desk./a > bus.a\ndesk./t > bus.t\ndesk./s > bus.s");
    for (message, value) in [
        ("/a ,i 5", "desk./a = 0.5"),
        ("/a ,d 2.5", "desk./a = 0.25"),
        ("/a ,s 10", "desk./a = 1"),
        ("/a ,s ten", "desk./a = \"ten\""),
        ("/a ,T", "desk./a = 1"),
        ("/a ,b 0x01", "desk./a = \"0x01\""),
        ("/a untyped 0x40a00000", "desk./a = 0.5"),
        ("/t ,i 1", "desk./t = 1"),
        ("/t ,f 0", "desk./t = 0"),
        ("/s ,f 0.5", "desk./s = 0.5"),
        ("/s ,c 'x'", "desk./s = \"x\""),
    ] {
        let shown = receive(&mut world, &[message]);
        assert_eq!(shown.lines().next(), Some(value), "{message}");
    }
}

#[test]
fn bundles_are_opened_and_their_time_tags_ignored() {
    let mut world = desk("", "desk./a > bus.a\ndesk./b > bus.b");
    let packet = "[ /a ,f 0.25 [ @0xffffffffffffffff /b ,f 0.5 ] /a ,f 1 ]";
    let first: Vec<_> = receive(&mut world, &[packet]).lines().take(3).map(str::to_owned).collect();
    assert_eq!(first, ["desk./a = 0.25", "desk./b = 0.5", "desk./a = 1"]);
}

#[test]
fn an_address_that_is_a_pattern_moves_all_that_match() {
    let mut world = desk("root = /1", "desk./fader{1..3} > bus.f{1..3}\ndesk./other > bus.o");
    let shown = receive(&mut world, &["/1/fader[1-2] ,f 0.5"]);
    assert_eq!(shown, "desk./fader1 = 0.5\ndesk./fader2 = 0.5\nbus.f1 = 0.5\nbus.f2 = 0.5");
    assert_eq!(receive(&mut world, &["/*/*"]).matches("desk.").count(), 8);
    assert_eq!(receive(&mut world, &["/{1,2}/other ,f 1"]), "desk./other = 1\nbus.o = 1");
    assert_eq!(receive(&mut world, &["/*/fader ,f 1", "/1/[ ,f 1", "/1/{a ,f 1", "/fader* ,f 1"]), "");
}

#[test]
fn patterns_that_match_too_much_are_cut_short_with_a_notice() {
    let mut config = String::from("[loopback bus]\n[osc desk]\nbind = 0.0.0.0 8000\n[map]\n");
    let long = "a".repeat(240);
    writeln!(config, "desk./{long}{{1..3000}} > bus.{{1..3000}}").expect("a String takes all");
    let mut world = world(&config);
    let pattern = format!("/{}b ,f 1", "*a".repeat(120));
    let packet = format!("[ {pattern} {pattern} ]");
    let shown = receive(&mut world, &[&packet]);
    assert_eq!(shown.lines().count(), 2, "{shown}");
    assert!(shown.contains("match too many addresses; of the rest of the packet, each address"), "{shown}");
    assert!(shown.contains("match too many addresses; the rest of the packet is dropped"), "{shown}");
    // What needs no pattern goes on as before.
    assert_eq!(receive(&mut world, &[&format!("/{long}7 ,f 1")]).lines().count(), 2);
}

#[test]
fn a_pattern_that_takes_many_slices_reaches_all_before_the_message_after_it() {
    let mut world = desk("", "desk./f/{1..20000} > bus.f{1..20000}\ndesk./last > bus.last");
    let shown = receive(&mut world, &["[ /f/* ,f 0.5 /last ,f 1 ]"]);
    let from_desk: Vec<_> = shown.lines().filter(|line| line.starts_with("desk.")).collect();
    assert_eq!(from_desk.len(), 20_001);
    assert_eq!(from_desk[20_000], "desk./last = 1");
    assert!(!shown.contains("match too many"));
}

#[test]
fn a_packet_full_of_patterns_ends_in_the_state_of_its_last_messages() {
    let mut world = desk("", "desk./f/{1..2000} > bus.f{1..2000}\ndesk./g/{1..2000} > bus.g{1..2000}");
    let mut packet = String::from("[ /g/7 ,f 0.125 /g/* ,f 0.25");
    for number in 0..1000 {
        write!(packet, " /f/* ,f 0.{number:03}").expect("a String takes all");
    }
    packet += " /f/9 ,f 0.75 ]";
    let shown = receive(&mut world, &[&packet]);
    assert_eq!(shown.matches("match too many addresses; of the rest").count(), 1);
    assert!(shown.lines().count() < 200_000, "{} lines", shown.lines().count());
    let last: HashMap<_, _> = shown.lines().filter_map(|line| line.split_once(" = ")).collect();
    for at in 1..=2000 {
        assert_eq!(last[&*format!("desk./f/{at}")], if at == 9 { "0.75" } else { "0.999" }, "{at}");
        assert_eq!(last[&*format!("desk./g/{at}")], "0.25", "{at}");
    }
}

#[test]
fn without_a_line_for_it_a_message_is_of_floats() {
    let mut world = desk("dest = 10.0.0.9 9000", "bus.a > desk./a\nbus.x > desk./xy:0\nbus.y > desk./xy:1");
    assert_eq!(put(&mut world, &[("bus.a", 0.25)]), ["10.0.0.9:9000 /a ,f 0.25"]);
    assert_eq!(put(&mut world, &[("bus.y", 0.5)]), ["10.0.0.9:9000 /xy ,ff 0 0.5"]);
    assert_eq!(put(&mut world, &[("bus.x", 1.0)]), ["10.0.0.9:9000 /xy ,ff 1 0.5"]);
    world.take_transcript();
    world.put("bus.a", "Blackout");
    assert_eq!(sent(&mut world), ["10.0.0.9:9000 /a ,s \"Blackout\""]);
}

#[test]
fn what_is_said_twice_is_sent_twice_and_a_move_that_the_type_does_not_show_is_not() {
    let mut world = desk("dest = 10.0.0.9 9000\n/i = i 0 10\n/t = T", "bus.{i,f,t} > desk./{i,f,t}");
    let small_moves = [("bus.i", 0.5), ("bus.i", 0.51), ("bus.i", 0.5)];
    assert_eq!(put(&mut world, &small_moves), ["10.0.0.9:9000 /i ,i 5"]);
    assert_eq!(put(&mut world, &[("bus.i", 0.5)]), ["10.0.0.9:9000 /i ,i 5"]);
    assert_eq!(put(&mut world, &[("bus.t", 0.95), ("bus.t", 1.0)]), ["10.0.0.9:9000 /t ,T"]);
    assert_eq!(put(&mut world, &[("bus.f", 0.0); 3]), ["10.0.0.9:9000 /f ,f 0"; 3]);
    world.take_transcript();
    for _ in 0..3 {
        world.put("bus.f", "Go+ Sequence 1");
    }
    assert_eq!(sent(&mut world), ["10.0.0.9:9000 /f ,s \"Go+ Sequence 1\""; 3]);
}

#[test]
fn what_is_said_twice_in_one_packet_is_sent_twice() {
    let mut world = desk("dest = 10.0.0.9 9000\n/bare = ,", "desk./in > desk./out\ndesk./in > desk./bare");
    let lines = receive(&mut world, &["[ /in ,f 1 /in ,f 1 /in ,f 1 ]"]);
    let sent: Vec<_> = lines.lines().filter_map(|line| line.split_once("-> 10.0.0.9:9000 ")).collect();
    for message in ["/out ,f 1", "/bare"] {
        assert_eq!(sent.iter().filter(|(_, sent)| *sent == message).count(), 3, "{lines}");
    }
}

#[test]
fn a_press_and_its_release_in_one_turn_are_two_messages() {
    let mut world = desk("dest = 10.0.0.9 9000", "desk./go > bus.go\nbus.go > desk./led");
    let shown = receive(&mut world, &["/go"]);
    let led: Vec<_> = shown.lines().filter(|line| line.contains("->")).collect();
    assert_eq!(led, ["desk.0 -> 10.0.0.9:9000 /led ,f 1", "desk.0 -> 10.0.0.9:9000 /led ,f 0"]);
}

#[test]
fn messages_without_arguments_and_impulses_go_out_when_pressed() {
    let options = "dest = 10.0.0.9 9000\n/go = ,\n/imp = I\n/both = fI 0 1";
    let mut world =
        desk(options, "bus.go > desk./go\nbus.imp > desk./imp\nbus.a > desk./both\nbus.b > desk./both:1");
    let presses = [("bus.go", 1.0), ("bus.go", 1.0), ("bus.go", 0.5), ("bus.go", 0.95), ("bus.imp", 1.0)];
    assert_eq!(
        put(&mut world, &presses),
        ["10.0.0.9:9000 /go", "10.0.0.9:9000 /go", "10.0.0.9:9000 /go", "10.0.0.9:9000 /imp ,I"]
    );
    assert_eq!(put(&mut world, &[("bus.a", 0.5), ("bus.b", 1.0)]), ["10.0.0.9:9000 /both ,fI 0.5"; 2]);
}

#[test]
fn what_a_person_moves_counts_for_the_other_argument() {
    let mut world =
        desk("dest = 10.0.0.9 9000", "desk./xy > bus.heard\nbus.x > desk./xy:0\nbus.y > desk./xy:1");
    put(&mut world, &[("bus.x", 0.25), ("bus.y", 0.25)]);
    receive(&mut world, &["/xy ,ff 0.5 0.75"]);
    assert_eq!(put(&mut world, &[("bus.x", 1.0)]), ["10.0.0.9:9000 /xy ,ff 1 0.75"]);
    // The pad stands elsewhere than we told it, so the same value is news.
    receive(&mut world, &["/xy ,ff 0 0"]);
    assert_eq!(put(&mut world, &[("bus.x", 1.0)]), ["10.0.0.9:9000 /xy ,ff 1 0"]);
}

#[test]
fn everything_is_sent_when_the_socket_comes_back() {
    let mut world = desk(
        "dest = 10.0.0.9 9000\n/go = ,",
        "bus.{1..3} > desk./f{1..3}\nbus.go > desk./go\nbus.x > desk./x",
    );
    put(&mut world, &[("bus.1", 0.25), ("bus.3", 0.5), ("bus.go", 1.0)]);
    world.closed("desk", Port(0), Peer::Only, Closed::InUse(Some("qlab".into())));
    let lines = shown(&mut world);
    assert_eq!(
        lines,
        "desk.0 closed the address is in use by qlab\ndesk warning: udp 0.0.0.0:8000: the address is in use by qlab; trying again every second"
    );
    assert_eq!(put(&mut world, &[("bus.1", 1.0)]), [""; 0]);
    world.advance(Duration::from_secs(1));
    assert_eq!(
        shown(&mut world),
        "desk opens 0 udp 0.0.0.0:8000\ndesk.0 -> 10.0.0.9:9000 /f1 ,f 1\n\
         desk.0 -> 10.0.0.9:9000 /f3 ,f 0.5\ndesk info: udp 0.0.0.0:8000 works again"
    );
    assert_eq!(world.engine().next_timeout(), None);
}

#[test]
fn a_taken_port_is_asked_for_again_and_again_without_a_word_more() {
    let mut world = desk("", "desk./a > bus.a");
    world.take_transcript();
    let mut opened = 0;
    for _ in 0..20 {
        world.closed("desk", Port(0), Peer::Only, Closed::InUse(None));
        world.advance(Duration::from_secs(5));
        opened += shown(&mut world).matches("desk opens 0").count();
    }
    assert_eq!(opened, 20);
}

#[test]
fn a_host_name_is_looked_up_until_it_is_found() {
    let mut world = desk("dest = foh.local 9000", "bus.a > desk./a");
    assert!(shown(&mut world).contains("desk opens 2 look-up of foh.local:9000"));
    put(&mut world, &[("bus.a", 0.5)]);
    world.closed("desk", Port(2), Peer::Only, Closed::NameNotFound);
    world.advance(Duration::from_secs(1));
    let lines = shown(&mut world);
    assert!(
        lines.contains("could not be looked up; trying again") && lines.contains("desk opens 2"),
        "{lines}"
    );
    world.opened("desk", Port(2), peer("10.0.0.7:9000"));
    assert_eq!(sent(&mut world), ["10.0.0.7:9000 /a ,f 0.5"]);
}

#[test]
fn a_new_peer_gets_everything_and_an_old_one_nothing() {
    let mut world = desk("dest = learn", "bus.a > desk./a\nbus.b > desk./b\ndesk./b > bus.heard");
    assert_eq!(put(&mut world, &[("bus.a", 0.5), ("bus.b", 0.5)]), [""; 0]);
    receive(&mut world, &["/x ,f 1"]);
    let mut world = desk("dest = learn", "bus.a > desk./a\nbus.b > desk./b\ndesk./b > bus.heard");
    put(&mut world, &[("bus.a", 0.5), ("bus.b", 0.5)]);
    // What it has just said itself it knows.
    let lines = receive(&mut world, &["/b ,f 1"]);
    assert_eq!(lines, format!("desk.0 -> {TABLET} /a ,f 0.5\ndesk./b = 1\nbus.heard = 1"));
    assert_eq!(receive(&mut world, &["/b ,f 0"]), "desk./b = 0\nbus.heard = 0");
    assert_eq!(put(&mut world, &[("bus.a", 0.25)]), [format!("{TABLET} /a ,f 0.25")]);
    // Another one within the same second has to wait, and there is only one answer for many.
    for port in 1..100 {
        let lines = receive_from(&mut world, &format!("10.0.0.8:{port}"), &["/x"]);
        assert_eq!(lines, "");
    }
    world.advance(Duration::from_secs(1));
    assert_eq!(sent(&mut world), ["10.0.0.8:99 /a ,f 0.25", "10.0.0.8:99 /b ,f 0"]);
    assert_eq!(put(&mut world, &[("bus.a", 0.75)]), ["10.0.0.8:99 /a ,f 0.75"]);
    // The first speaks again: it is answered from here on, and gets what it has not been told.
    world.advance(Duration::from_secs(10));
    receive(&mut world, &["/x"]);
    assert_eq!(put(&mut world, &[("bus.a", 0.75)]), [format!("{TABLET} /a ,f 0.75")]);
    // After a long silence it counts as new.
    world.advance(Duration::from_secs(61));
    assert_eq!(receive(&mut world, &["/x"]).matches("->").count(), 2);
    assert_eq!(world.engine().next_timeout(), None);
}

#[test]
fn learned_peers_can_have_another_port() {
    let mut world = desk("dest = learn@9000", "bus.a > desk./a");
    receive(&mut world, &["/x"]);
    assert_eq!(put(&mut world, &[("bus.a", 0.5)]), ["10.0.0.9:9000 /a ,f 0.5"]);
    // The same device from another port is no news.
    assert_eq!(receive_from(&mut world, "10.0.0.9:7001", &["/x"]), "");
}

#[test]
fn rubbish_teaches_nothing() {
    let mut world = desk("dest = learn", "bus.a > desk./a");
    let lines = receive(&mut world, &["0x", "0x00", "0x2f610000", "0x2f6100002c716100"]);
    assert_eq!(lines.matches("warning: a packet from 10.0.0.9:7000 is not OSC: it").count(), 3, "{lines}");
    let mut world = desk("dest = learn", "bus.a > desk./a");
    receive(&mut world, &["0x", "0x00"]);
    assert_eq!(put(&mut world, &[("bus.a", 0.5)]), [""; 0]);
}

/// Sends everything back that the session says, after a while, for as long as there is anything.
fn echo(world: &mut World, delay: Duration, rounds: usize) -> usize {
    let mut count = 0;
    for _ in 0..rounds {
        let messages = sent(world);
        count += messages.len();
        world.advance(delay);
        for message in messages {
            let (to, text) = message.split_once(' ').expect("a peer and a message");
            world.receive("desk", Port(0), peer(to), &compose(text).expect("a message"));
        }
    }
    count
}

#[test]
fn a_peer_that_repeats_everything_does_not_start_an_oscillation() {
    for delay in [0, 1, 30, 300, 2000].map(Duration::from_millis) {
        let mut world = desk("dest = learn", "desk./a <> bus.x\ndesk./b <> bus.x");
        receive(&mut world, &["/hello"]);
        world.take_transcript();
        for step in 1..=20 {
            world.put("bus.x", f64::from(step) / 100.0);
        }
        let count = echo(&mut world, delay, 200);
        assert!(count <= 40 * 9, "{count} messages with a delay of {delay:?}");
        assert_eq!(echo(&mut world, delay, 10), 0, "{delay:?}");
        // Both ends agree on the last value.
        let last = put(&mut world, &[("bus.x", 0.2)]);
        assert!(last.iter().all(|message| message.ends_with(",f 0.2")), "{last:?}");
        world.advance(Duration::from_secs(5));
        assert_eq!(world.engine().next_timeout(), None);
    }
}

#[test]
fn a_value_that_crossed_with_another_is_sent_once_more() {
    let mut world = desk("dest = learn", "desk./a <> bus.x");
    receive(&mut world, &["/hello"]);
    assert_eq!(put(&mut world, &[("bus.x", 0.5)]), [format!("{TABLET} /a ,f 0.5")]);
    world.advance(Duration::from_millis(100));
    assert_eq!(receive(&mut world, &["/a ,f 0.25"]), "desk./a = 0.25\nbus.x = 0.25");
    world.advance(Duration::from_millis(499));
    assert_eq!(sent(&mut world), [""; 0]);
    world.advance(Duration::from_millis(501));
    assert_eq!(sent(&mut world), [format!("{TABLET} /a ,f 0.25")]);
    // Without anything on its way there is nothing to mend.
    world.advance(Duration::from_secs(1));
    receive(&mut world, &["/a ,f 0.75"]);
    assert_eq!(world.engine().next_timeout(), None);
}

#[test]
fn messages_of_one_turn_share_a_bundle() {
    let mut world =
        desk("dest = 10.0.0.9 9000\nbundle = on", "desk./in > bus.{1..3}\nbus.{1..3} > desk./f{1..3}");
    let lines = receive(&mut world, &["/in ,f 0.5"]);
    assert_eq!(
        lines.lines().filter(|line| line.contains("->")).collect::<Vec<_>>(),
        ["desk.0 -> 10.0.0.9:9000 [ /f1 ,f 0.5 /f2 ,f 0.5 /f3 ,f 0.5 ]"]
    );
    assert_eq!(put(&mut world, &[("bus.2", 0.75)]), ["10.0.0.9:9000 /f2 ,f 0.75"]);
}

#[test]
fn a_bundle_fits_into_one_frame() {
    let mut world =
        desk("dest = 10.0.0.9 9000\nbundle = on", "desk./in > bus.{1..200}\nbus.{1..200} > desk./f{1..200}");
    let lines = receive(&mut world, &["/in ,f 0.5"]);
    let packets: Vec<_> = lines.lines().filter_map(|line| line.split_once("-> 10.0.0.9:9000 ")).collect();
    assert!(packets.len() > 1);
    for (_, packet) in &packets {
        assert!(compose(packet).expect("a packet").len() <= 1_440);
    }
    let sent: usize = packets.iter().map(|(_, packet)| packet.matches(",f 0.5").count()).sum();
    assert_eq!(sent, 200);
}

#[test]
fn a_thousand_outputs_are_given_in_small_parts() {
    let mut world = desk("dest = learn", "desk./in > bus.{1..1000}\nbus.{1..1000} > desk./f{1..1000}");
    receive(&mut world, &["/in ,f 0.5"]);
    world.advance(Duration::from_secs(61));
    assert_eq!(receive(&mut world, &["/x"]).matches("->").count(), 64);
    world.advance(Duration::from_millis(5));
    assert_eq!(sent(&mut world).len(), 64);
    world.advance(Duration::from_millis(100));
    assert_eq!(sent(&mut world).len(), 1000 - 128);
    assert_eq!(world.engine().next_timeout(), None);
}

#[test]
fn a_text_that_is_too_long_is_a_notice() {
    let mut world = desk("dest = 10.0.0.9 9000", "bus.a > desk./a");
    world.take_transcript();
    world.put("bus.a", &*"x".repeat(65_536));
    let lines = shown(&mut world);
    assert!(lines.contains("the text for `/a` is too long") && !lines.contains("->"));
    world.put("bus.a", &*"x".repeat(60_000));
    assert_eq!(sent(&mut world).len(), 1);
}

#[test]
fn messages_are_repeated_while_there_is_somebody() {
    let mut world = desk("dest = learn\nrepeat = /xremote 8s", "bus.a > desk./a");
    world.advance(Duration::from_secs(60));
    assert_eq!(sent(&mut world), [""; 0]);
    assert_eq!(receive(&mut world, &["/x"]), format!("desk.0 -> {TABLET} /xremote"));
    world.advance(Duration::from_secs(24));
    assert_eq!(sent(&mut world), [(); 3].map(|()| format!("{TABLET} /xremote")));
}

#[test]
fn detect_tells_addresses_a_few_at_a_time() {
    let config = "[backend osc]\ndetect = unmapped\n[loopback bus]\n[osc desk]\nbind = 0.0.0.0 8000\n[map]\ndesk./a > bus.a\n";
    let mut world = world(config);
    assert_eq!(
        receive(&mut world, &["/b ,f 0.5", "/a ,f 1", "/b ,f 1", "/c", "/b ,f 2"]),
        format!("desk info: heard `/b ,f 0.5` from {TABLET}\ndesk./a = 1\nbus.a = 1")
    );
    world.advance(Duration::from_secs(2));
    assert_eq!(shown(&mut world), format!("desk info: heard `/b ,f 2` from {TABLET}, `/c` from {TABLET}"));
    for number in 0..1000 {
        receive(&mut world, &[&format!("/x{number}")]);
    }
    world.take_transcript();
    world.advance(Duration::from_secs(2));
    let lines = shown(&mut world);
    assert!(lines.ends_with("and 968 more") && lines.matches("from").count() == 32, "{lines}");
    world.advance(Duration::from_secs(4));
    assert_eq!(world.engine().next_timeout(), None);
}

#[test]
fn nobody_to_send_to_is_a_warning() {
    let mut world = desk("", "bus.a > desk./a");
    assert!(
        shown(&mut world)
            .contains("desk warning: values are mapped to this instance, but it has no `destination`")
    );
}

#[test]
fn a_reload_brings_new_channels_in_and_takes_old_ones_out() {
    let config = |mappings: &str| {
        format!("[loopback bus]\n[osc desk]\nbind = 0.0.0.0 8000\ndest = 10.0.0.9 9000\n[map]\n{mappings}")
    };
    let mut world = world(&config("bus.a > desk./a\ndesk./in > bus.in\n"));
    put(&mut world, &[("bus.a", 0.5), ("bus.in", 0.0)]);
    let file = std::path::Path::new("show.cfg");
    let text = config("bus.a > desk./b\ndesk./a > bus.in\ndesk./new > bus.new\n");
    let files = crosspatch_config::MemoryFiles::default().with(file, text);
    let previous = world.engine().plan().clone();
    let input = crosspatch_config::CompileInput {
        file,
        files: &files,
        overrides: &[],
        registry: REGISTRY,
        previous: Some(&previous),
        skip_missing: false,
        keeps_lines: false,
    };
    let plan = crosspatch_config::compile(&input).plan.expect("a plan");
    world.install(plan);
    assert_eq!(shown(&mut world), "desk.0 -> 10.0.0.9:9000 /b ,f 0.5");
    assert_eq!(receive(&mut world, &["/in ,f 1"]), "");
    assert_eq!(
        receive(&mut world, &["/a ,f 1", "/new ,f 1"]),
        "desk./a = 1\nbus.in = 1\ndesk./new = 1\nbus.new = 1"
    );
    assert_eq!(receive(&mut world, &["/[a-z]* ,f 0"]).matches("desk./").count(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_datagram_disturbs_the_next(packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 0..16)) {
        let mut world = desk("dest = learn", "desk./a <> bus.x");
        for packet in packets {
            world.receive("desk", Port(0), peer(TABLET), &packet);
        }
        let lines = receive(&mut world, &["/a ,f 0.5"]);
        prop_assert!(lines.contains("bus.x = 0.5"), "{lines}");
    }

    #[test]
    fn no_stream_disturbs_another(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 0..16), slip: bool) {
        let word = if slip { "slip" } else { "tcp" };
        let mut world = desk(&format!("transport = {word}"), "desk./a <> bus.x");
        world.opened("desk", Port(0), Peer::Connection(1));
        world.opened("desk", Port(0), Peer::Connection(2));
        for piece in pieces {
            world.receive("desk", Port(0), Peer::Connection(1), &piece);
        }
        let mut packet = Vec::new();
        let framing = if slip { wire::Framing::Slip } else { wire::Framing::Length };
        framing.encode(&mut packet, |out| out.extend(compose("/a ,f 0.5").expect("a message")));
        world.take_transcript();
        world.receive("desk", Port(0), Peer::Connection(2), &packet);
        let lines = shown(&mut world);
        prop_assert!(lines.contains("bus.x = 0.5"), "{lines}");
    }
}
