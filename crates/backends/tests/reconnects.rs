//! How soon what is missing is tried again: about every second for a minute, then less often. One notice says that it is gone
//! and when it is tried again, and one that it is back.

#[path = "common/show.rs"]
mod show;

use crosspatch_core::{Closed, Duration, Instant, Peer, Plan, Port};
use crosspatch_sim::World;

/// For so long, tries are about a second apart.
const MINUTE: Duration = Duration::from_secs(60);

/// A port of each kind of session that opens ports: the name of the family, the section of the instance `it`, a mapping, and
/// the number of the port.
const PORTS: &[(&str, &str, &str, Port)] = &[
    ("a UDP socket", "[osc it]\nbind = 0.0.0.0 8000", "it./a > bus.1", Port(0)),
    (
        "an OSC client",
        "[osc it]\ndestination = 10.0.0.9 9000\ntransport = slip\n/* = f 0 1",
        "bus.1 > it./a",
        Port(1),
    ),
    (
        "a pixel client",
        "[openpixelcontrol it]\ndestination = 10.0.0.9 7890",
        "bus.1 > it.strip1.red1",
        Port(1),
    ),
    ("an Art-Net socket", "[artnet it]\ndestination = 10.0.0.9", "bus.1 > it.1", Port(0)),
    ("a console", "[maweb it]\nhost = 10.0.0.9", "bus.1 > it.page1.fader1", Port(0)),
    ("a simulated console", "[masim it]\nlisten = 10.0.0.9 80", "it.page1.fader1 > bus.1", Port(0)),
    ("a MIDI port", "[midi it]", "it.ch0.cc7 > bus.1", Port(0)),
    ("a JACK client", "[jack it]\nfilter = cv out", "bus.1 > it.filter", Port(0)),
];

fn plan(section: &str, mapping: &str) -> Plan {
    let config = format!("{section}\n[loopback bus]\n[map]\n{mapping}\n");
    show::plan(&config, None).unwrap_or_else(|diagnostics| panic!("{config}\n{diagnostics}"))
}

/// The seconds of the lines that contain `what`.
fn times(transcript: &str, what: &str) -> Vec<f64> {
    let lines = transcript.lines().filter(|line| line.contains(what));
    lines.map(|line| line[1..].split_once('s').expect("a time").0.parse().expect("seconds")).collect()
}

fn gaps(times: &[f64]) -> Vec<f64> {
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[test]
fn whatever_is_missing_is_tried_every_second_for_a_minute_and_then_less_often() {
    for &(family, section, mapping, port) in PORTS {
        let mut world = World::new(Plan::empty());
        world.network().deny_ports();
        world.install(plan(section, mapping));
        let opens = format!(" it opens {port} ");
        let mut tries = 0;
        while world.now() < Instant::START + 6 * MINUTE {
            let asked = world.transcript().matches(&opens).count();
            if asked > tries {
                tries = asked;
                world.closed("it", port, Peer::Only, Closed::Refused);
            } else {
                world.advance_to(world.engine().next_timeout().expect("another try"));
            }
        }
        let transcript = world.take_transcript();
        let tried = times(&transcript, &opens);
        let eager: Vec<_> = tried.iter().copied().take_while(|time| *time < MINUTE.as_secs_f64()).collect();
        assert!((60..=82).contains(&eager.len()), "{family}: {} tries in a minute", eager.len());
        assert!(gaps(&eager).iter().all(|gap| *gap <= 1.001), "{family}: {eager:?}");
        let last = gaps(&tried).pop().unwrap_or_default();
        assert!((3.5..=30.1).contains(&last), "{family}: {last} s after six minutes");

        let notices: Vec<_> = transcript
            .lines()
            .filter(|line| [" it warning: ", " it error: "].iter().any(|word| line.contains(word)))
            .collect();
        assert_eq!(notices.len(), 1, "{family}: {notices:?}");
        assert!(notices[0].ends_with("; trying again every second"), "{family}: {notices:?}");
    }
}

#[test]
fn whatever_is_back_is_told_with_one_line() {
    for &(family, section, mapping, port) in PORTS.iter().filter(|(family, ..)| *family != "a console") {
        let mut world = World::new(Plan::empty());
        world.network().deny_ports();
        world.install(plan(section, mapping));
        world.closed("it", port, Peer::Only, Closed::Refused);
        world.advance(Duration::from_secs(1));
        world.take_transcript();
        world.opened("it", port, Peer::Only);
        world.advance(Duration::from_secs(1));
        let transcript = world.take_transcript();
        assert_eq!(transcript.matches(" it info: ").count(), 1, "{family}:\n{transcript}");
        assert!(!transcript.contains(" it warning: "), "{family}:\n{transcript}");
    }
}

#[test]
fn a_midi_peer_is_invited_about_every_second_for_more_than_a_minute() {
    let mut world =
        World::new(plan("[rtpmidi it]\nbind = 10.0.0.1 5004\npeer = 10.0.0.9 5004", "bus.1 > it.ch0.cc7"));
    world.advance(5 * MINUTE);
    let transcript = world.take_transcript();
    let invited = times(&transcript, " -> 10.0.0.9:5004 IN ");
    let eager: Vec<_> = invited.iter().copied().take_while(|time| *time < MINUTE.as_secs_f64()).collect();
    assert!(gaps(&eager).iter().all(|gap| *gap <= 2.0), "{eager:?}");
    assert!(eager.len() >= 55, "{eager:?}");
    assert!(gaps(&invited).iter().any(|gap| *gap > 20.0), "{invited:?}");
    assert_eq!(transcript.matches("does not answer; trying again every second").count(), 1, "{transcript}");
}

#[test]
fn a_console_that_is_back_is_logged_in_to_within_little_more_than_a_second() {
    for name in ["desk", "left", "right"] {
        for millis in [700, 2000, 8000, 20_000, 55_000] {
            let section = format!("[masim console]\nlisten = 10.0.0.1 80\n[maweb {name}]\nhost = 10.0.0.1");
            let mut world = World::new(plan(&section, &format!("bus.1 > {name}.page1.fader1")));
            world.advance(Duration::from_secs(20));
            assert!(world.take_transcript().contains("logged in to the grandMA2"));
            let now = world.now();
            world.network().refuse(now, "10.0.0.1:80");
            world.advance(Duration::from_millis(millis));
            let lost = world.take_transcript();
            assert!(lost.contains("connection lost; trying again every second"), "{lost}");
            world.network().restore("10.0.0.1:80");
            world.advance(Duration::from_millis(1100));
            let back = world.take_transcript();
            assert_eq!(back.matches("logged in to the grandMA2").count(), 1, "{name}, {millis} ms:\n{back}");
        }
    }
}

#[test]
fn a_console_that_drops_every_session_is_not_asked_for_one_every_second() {
    let mut world = World::new(plan("[maweb it]\nhost = 10.0.0.9", "bus.1 > it.page1.fader1"));
    let mut sessions = 0;
    while world.now() < Instant::START + MINUTE {
        if world.transcript().contains(" it opens 0 ") {
            world.take_transcript();
            world.opened("it", Port(0), Peer::Only);
            for message in [
                r#"{"status":"server ready","appType":"gma2"}"#,
                r#"{"realtime":false,"session":1,"forceLogin":true,"worldIndex":0}"#,
                r#"{"realtime":false,"responseType":"login","result":true,"worldIndex":0}"#,
            ] {
                world.receive("it", Port(0), Peer::Only, message.as_bytes());
            }
            sessions += 1;
            world.closed("it", Port(0), Peer::Only, Closed::Reset);
        }
        world.advance(Duration::from_millis(10));
    }
    // After half a second, one, two, four and eight seconds, and then every ten.
    assert!((7..=11).contains(&sessions), "{sessions} sessions in a minute");
}
