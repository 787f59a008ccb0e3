//! Values that go out and come back as other values, in every protocol that sends at once: such a loop is named once and slowed down,
//! whatever it leads through, and a fast source is not.

#[path = "common/show.rs"]
mod show;

use crosspatch_backends::artnet::wire::compose;
use crosspatch_core::{Duration, Peer, Port};
use crosspatch_sim::{Link, ScriptStep, World};

/// A show in which a value goes round, the instance that closes the loop, and what is told of it.
struct Loop {
    name: &'static str,
    config: &'static str,
    start: &'static str,
    sender: &'static str,
    told: &'static str,
}

const LOOPS: [Loop; 5] = [
    Loop {
        name: "one universe of Art-Net, in and out",
        config: "[artnet in]\nuniverse = 1\n[artnet out]\nuniverse = 1\ndestination = broadcast\nrealtime = 1\n\
                 [loopback bus]\n[map]\nin.1 | invert > out.1\nbus.x > out.1\n",
        start: "bus.x := 1",
        sender: "out.0",
        told: "in.1, bus.x > out.1",
    },
    Loop {
        name: "Art-Net to sACN and back",
        config: "[backend sacn]\nbind = * 5568 local\n\
                 [artnet a]\nuniverse = 1\n[artnet b]\nuniverse = 1\ndestination = broadcast\nrealtime = 1\n\
                 [sacn c]\nuniverse = 1\npriority = 100\nrealtime = 1\n[sacn d]\nuniverse = 1\n\
                 [loopback bus]\n[map]\na.{1..3} | invert > c.{1..3}\nd.{1..3} > b.{1..3}\nbus.x > b.{1..3}\n",
        start: "bus.x := 1",
        sender: "c.0",
        told: "a.1 > c.1; a.2 > c.2; a.3 > c.3",
    },
    Loop {
        name: "two universes of sACN",
        config: "[backend sacn]\nbind = * 5568 local\n[sacn a]\nuniverse = 1\n[sacn b]\nuniverse = 2\npriority = 100\n\
                 realtime = 1\n[sacn c]\nuniverse = 2\n[sacn d]\nuniverse = 1\npriority = 100\nrealtime = 1\n\
                 [loopback bus]\n[map]\na.1 | invert > b.1\nc.1 > d.1\nbus.x > d.1\n",
        start: "bus.x := 1",
        sender: "b.0",
        told: "a.1 > b.1",
    },
    Loop {
        name: "Open Pixel Control at a high rate",
        config: "[openpixelcontrol a]\nlisten = 127.0.0.1 7890\ndestination = 127.0.0.1 7890\nrate = 1000\n\
                 [loopback bus]\n[map]\na.strip1.red1 | invert > a.strip1.red1\nbus.x > a.strip1.red1\n",
        start: "bus.x := 1",
        sender: "a.1",
        told: "a.strip1.red1, bus.x > a.strip1.red1",
    },
    Loop {
        name: "triggers of Art-Net, which no rate holds up",
        config: "[artnet in]\n[artnet out]\ndestination = broadcast\n[loopback bus]\n[map]\n\
                 in.trigger.macro1 > out.trigger.macro1\nbus.x > out.trigger.macro1\n",
        start: "bus.x := 1",
        sender: "out.0",
        told: "in.trigger.macro1, bus.x > out.trigger.macro1",
    },
];

fn world(config: &str) -> World {
    let mut world =
        World::new(show::plan(config, None).unwrap_or_else(|diagnostics| panic!("{diagnostics}")));
    world.network().set_link(Link { delay: Duration::from_micros(50), ..Link::default() });
    // Sources of sACN count after 1.5 s.
    world.advance(Duration::from_secs(3));
    world
}

fn play(world: &mut World, line: &str) {
    world.play(&ScriptStep::parse(line).unwrap_or_else(|_| panic!("{line}")).expect("an input line"));
}

fn count(transcript: &str, what: &str) -> usize {
    transcript.lines().filter(|line| line.contains(what)).count()
}

/// Begins a loop, and returns the transcript of the first seconds.
fn begin(world: &mut World, it: &Loop) -> String {
    play(world, it.start);
    world.advance(Duration::from_secs(5));
    world.take_transcript()
}

#[test]
fn what_goes_round_is_named_once_and_slowed_down_whatever_it_leads_through() {
    for it in &LOOPS {
        let mut world = world(it.config);
        let transcript = begin(&mut world, it);
        let notice = format!("warning: {}: a feedback loop", it.told);
        let sent = count(&transcript, &format!(" {} -> ", it.sender));
        assert!(sent < 3_000, "{}: {sent} messages before it is known\n{:.3000}", it.name, transcript);
        let known = count(&transcript, "a feedback loop");
        assert!(transcript.contains(&notice) || known > 0, "{}: not told\n{transcript:.2500}", it.name);
        for second in 0..30 {
            world.advance(Duration::from_secs(1));
            let transcript = world.take_transcript();
            let sent = count(&transcript, &format!(" {} -> ", it.sender));
            assert!((20..200).contains(&sent), "{}: {sent} in second {second}\n{transcript:.3000}", it.name);
            assert_eq!(count(&transcript, "feedback loop"), 0, "{}: told again\n{transcript:.3000}", it.name);
        }
        assert_eq!(
            count(&transcript, &notice),
            1,
            "{}\n{}",
            it.name,
            lines_with(&transcript, "feedback loop")
        );
    }
}

fn lines_with(transcript: &str, what: &str) -> String {
    transcript.lines().filter(|line| line.contains(what)).collect::<Vec<_>>().join("\n")
}

#[test]
fn when_the_loop_is_cut_the_last_value_has_arrived_and_values_are_sent_at_once_again() {
    for it in &LOOPS[..3] {
        let mut world = world(it.config);
        begin(&mut world, it);
        world.network().set_link(Link { loss_percent: 100, ..Link::default() });
        world.advance(Duration::from_secs(5));
        let transcript = world.take_transcript();
        let over = count(&transcript, "no feedback loop any more");
        assert!((1..3).contains(&over), "{}\n{transcript:.3000}", it.name);
        if it.start.starts_with("bus.x") && it.told.contains("bus.x") {
            for value in ["0.2", "0.8", "0.4"] {
                play(&mut world, &format!("bus.x := {value}"));
                world.advance(Duration::from_millis(1));
                let sent = count(&world.take_transcript(), &format!(" {} -> ", it.sender));
                assert_eq!(sent, 1, "{}: {value} waits", it.name);
            }
        }
    }
}

#[test]
fn a_second_after_a_reload_without_the_loop_values_are_sent_at_once() {
    let it = &LOOPS[0];
    let mut world = world(it.config);
    begin(&mut world, it);
    let config = it.config.replace("in.1 | invert > out.1\n", "in.1 > bus.y\n");
    let plan = show::plan(&config, Some(world.engine().plan())).unwrap_or_else(|errors| panic!("{errors}"));
    world.install(plan);
    world.advance(Duration::from_millis(1_100));
    world.take_transcript();
    for value in ["0.2", "0.8", "0.4"] {
        play(&mut world, &format!("bus.x := {value}"));
        world.advance(Duration::from_millis(1));
        let transcript = world.take_transcript();
        assert_eq!(count(&transcript, " out.0 -> "), 1, "{value} waits\n{transcript}");
    }
}

/// Art-Net to sACN and OSC at once, with frames at these times in microseconds. Returns for each target how many frames
/// went out, and how late the latest was.
fn pass(times: impl Iterator<Item = u64>) -> [(usize, u64); 2] {
    let mut world = world(
        "[artnet desk]\n[sacn out]\nuniverse = 2\npriority = 100\nrealtime = 1\ndiscovery = off\n\
         [osc tablet]\ndestination = 10.0.0.7 8000\n[map]\ndesk.1 > out.1\ndesk.1 > tablet./x\n",
    );
    let desk = Peer::Address("10.0.0.5:6454".parse().expect("an address"));
    let (start, mut came) = (world.now(), Vec::new());
    for (number, time) in times.enumerate() {
        world.advance_to(start + Duration::from_micros(time));
        let packet = format!("ArtDmx 0:0:0 seq 0 len 2 1={}", number * 7 % 256);
        came.push(3_000_000 + time);
        world.receive("desk", Port(0), desk, &compose(&packet).expect("a packet"));
    }
    let end = world.now() + Duration::from_millis(60);
    world.advance_to(end);
    let transcript = world.take_transcript();
    assert_eq!(count(&transcript, "loop"), 0, "{}", lines_with(&transcript, "loop"));
    ["out.0", "tablet.0"].map(|target| {
        let mark = format!(" {target} -> ");
        let mut sent = Vec::new();
        for line in transcript.lines().filter(|line| line.contains(&mark)) {
            let time = line.split_once(' ').map(|(time, _)| time.trim_matches(['+', 's']));
            sent.push((time.and_then(|time| time.parse::<f64>().ok()).expect("a time") * 1e6).round() as u64);
        }
        // Each frame goes out with the first packet that is not before it.
        let late =
            came.iter().map(|came| sent.iter().find(|sent| *sent >= came).map_or(0, |sent| sent - came));
        (sent.len(), late.max().unwrap_or(0))
    })
}

#[test]
fn a_fast_source_is_no_loop_and_waits_for_some_milliseconds_at_most_and_rarely() {
    for (period, count) in [(1_000, 4_000), (250, 8_000), (4_000, 1_000)] {
        let [(frames, late), (messages, messages_late)] = pass((1..=count).map(|number| number * period));
        assert!(frames as u64 * 100 >= count * 95, "{frames} of {count} frames {period} us apart");
        assert_eq!(messages as u64, count, "messages {period} us apart");
        assert!(late.max(messages_late) <= 15_000, "{late} and {messages_late} us, {period} us apart");
    }
}

#[test]
fn a_source_that_sends_in_bursts_is_no_loop() {
    for period in (15_000..90_000).step_by(4_100) {
        let times = (1..60_u64).flat_map(|burst| (0..30).map(move |one| burst * period + one * 40));
        let [_, (messages, _)] = pass(times);
        assert_eq!(messages, 59 * 30, "bursts {period} us apart");
    }
}

#[test]
fn other_channels_of_the_universe_and_of_others_go_out_at_once_beside_a_loop() {
    let config = LOOPS[0].config.replace("[map]\n", "[map]\nbus.y > out.2\n");
    let mut world = world(&config);
    begin(&mut world, &LOOPS[0]);
    for number in 1..100_u32 {
        world.put("bus.y", f64::from(number) / 255.0);
        world.advance_none();
        let transcript = world.take_transcript();
        assert!(transcript.contains(&format!("2={number}")), "{number} waits\n{transcript}");
        world.advance(Duration::from_millis(3));
        world.take_transcript();
    }
}
