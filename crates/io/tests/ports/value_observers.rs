//! Observers see the last value of what changes, at their pace, and cost nothing when nothing happens.

use std::net::UdpSocket;
use std::time::Duration;

use crosspatch_core::Value;
use crosspatch_io::{Interest, Observation};

use crate::rig::{Habit, PATIENCE, Rig, address, free_port, udp};

fn shown(observation: &Observation) -> Vec<(Value, u32)> {
    let frame = observation.next_frame(PATIENCE).expect("a frame");
    frame.changes.into_iter().map(|change| (change.value, change.count)).collect()
}

fn interest(channels: &[&str]) -> Interest {
    let channels = channels.iter().map(|channel| (*channel).to_owned()).collect();
    Interest { every: Duration::from_millis(20), channels: Some(channels) }
}

#[test]
fn observers_see_the_last_value_and_how_many_there_were_and_begin_with_what_is_known() {
    let port = free_port("127.0.5.14");
    let mut rig = Rig::start(Habit::Emit, vec![udp("127.0.5.14", port)]);
    rig.wait_open(0);
    let peer = UdpSocket::bind("127.0.5.15:0").unwrap();
    let say = |rig: &Rig, text: &str| {
        peer.send_to(text.as_bytes(), address("127.0.5.14", port)).unwrap();
        rig.wait_data(0);
    };
    say(&rig, "before");
    let everything = rig.handle.observe(Interest { every: Duration::from_millis(20), channels: None });
    assert_eq!(shown(&everything), [("before".into(), 0)]);
    for number in 0..100 {
        say(&rig, &format!("{number}"));
    }
    let mut last = (Value::number(0.0), 0);
    while last.1 < 100 {
        last = shown(&everything).pop().expect("frames are not empty");
    }
    assert_eq!(last, ("99".into(), 100));

    let late = rig.handle.observe(interest(&["probe.in", "probe.nothing"]));
    assert_eq!(shown(&late), [("99".into(), 100)], "who comes late gets a snapshot");
    let nothing = rig.handle.observe(interest(&["probe.nothing"]));
    say(&rig, "more");
    assert_eq!(shown(&late), [("more".into(), 101)]);
    assert!(nothing.try_next_frame().is_err());
    rig.stop();
    assert!(nothing.next_frame(PATIENCE).is_err(), "the show has ended");
}

#[test]
fn an_observer_that_takes_nothing_holds_up_nothing_and_then_gets_the_latest() {
    let port = free_port("127.0.5.16");
    let rig = Rig::start(Habit::Emit, vec![udp("127.0.5.16", port)]);
    rig.wait_open(0);
    let idle = rig.handle.observe(Interest { every: Duration::ZERO, channels: None });
    let peer = UdpSocket::bind("127.0.5.17:0").unwrap();
    for number in 0..200 {
        peer.send_to(format!("{number}").as_bytes(), address("127.0.5.16", port)).unwrap();
        rig.wait_data(0);
    }
    // At most two frames were queued; the next one contains everything since.
    let mut seen = Vec::new();
    while seen.last().is_none_or(|(value, _)| *value != "199".into()) {
        seen.extend(shown(&idle));
    }
    assert!(seen.len() <= 4, "{seen:?}");
}

#[test]
fn a_report_has_the_answer_of_every_session() {
    let port = free_port("127.0.5.18");
    let mut rig = Rig::start(Habit::Emit, vec![udp("127.0.5.18", port)]);
    rig.wait_open(0);
    let report = rig.handle.report_status().recv_timeout(PATIENCE).expect("a report");
    let [(name, status)] = &report.instances[..] else { panic!("{report:?}") };
    assert_eq!((&**name, status.links[0].to_string()), ("probe", "outside (a test): working".to_owned()));
    let handle = rig.handle.clone();
    rig.stop();
    assert!(handle.report_status().recv_timeout(Duration::from_millis(100)).is_err(), "the show has ended");
}
