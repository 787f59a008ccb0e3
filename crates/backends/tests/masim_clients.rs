//! What the clients of a simulated console can do to it: come in crowds, come back, go without a word.

#[path = "common/show.rs"]
mod show;

use crosspatch_core::{Closed, Duration, Peer, Port};
use crosspatch_sim::World;

const PORT: Port = Port(0);
const LOG_IN: &str =
    r#"{"requestType":"login","username":"a","password":"2807623134739142b119aff358f8a219","session":1}"#;
const FIRST_FIVE: &str = r#"{"requestType":"playbacks","startIndex":[0],"itemsCount":[5],"pageIndex":0,"itemsType":[2],"view":2,"session":1}"#;

fn console(switches: &str) -> World {
    let config = format!(
        "[masim console]\n{switches}\n[loopback desk]\n[map]\ndesk.f > console.page1.fader6\n\
         desk.k > console.page1.lower2\ndesk.c > console.STORE\nconsole.page1.fader6 > desk.seen\n"
    );
    World::new(show::plan(&config, None).unwrap_or_else(|diagnostics| panic!("{diagnostics}")))
}

fn client(number: u32) -> Peer {
    Peer::Connection(number)
}

fn say(world: &mut World, number: u32, message: &str) -> String {
    world.take_transcript();
    world.receive("console", PORT, client(number), message.as_bytes());
    let mark = format!("-> client{number} ");
    let transcript = world.take_transcript();
    transcript.lines().find_map(|line| Some(line.split_once(&mark)?.1.to_owned())).unwrap_or_default()
}

#[test]
fn a_thousand_clients_come_and_go_and_the_next_one_is_served() {
    let mut world = console("");
    for number in 1..=1000 {
        world.opened("console", PORT, client(number));
        let answer = say(&mut world, number, r#"{"session":0}"#);
        let expected = if number <= 3 { format!("\"session\":{number},") } else { "\"session\":-2".into() };
        assert!(answer.contains(&expected), "client {number}: {answer}");
    }
    for number in 1..=1000 {
        world.closed("console", PORT, client(number), Closed::Reset);
    }
    world.opened("console", PORT, client(1001));
    assert!(say(&mut world, 1001, r#"{"session":0}"#).contains("-2"), "dead sessions keep their place");
    world.advance(Duration::from_secs(31));
    assert!(say(&mut world, 1001, r#"{"session":0}"#).contains(r#""session":4,"forceLogin":true"#));
}

#[test]
fn whoever_comes_back_with_its_number_goes_on_with_its_session() {
    let mut world = console("");
    world.opened("console", PORT, client(1));
    say(&mut world, 1, r#"{"session":0}"#);
    say(&mut world, 1, LOG_IN);
    world.closed("console", PORT, client(1), Closed::Reset);
    world.opened("console", PORT, client(2));
    assert_eq!(say(&mut world, 2, r#"{"session":1}"#), r#"{"realtime":false,"session":1,"worldIndex":0}"#);
    assert!(say(&mut world, 2, FIRST_FIVE).contains("5 from 1"), "it is still logged in");

    world.opened("console", PORT, client(3));
    let answer = say(&mut world, 3, r#"{"session":1}"#);
    assert!(answer.contains(r#""session":2,"forceLogin":true"#), "a number in use is not shared: {answer}");
    assert!(say(&mut world, 3, FIRST_FIVE).contains(r#""session":0"#), "nor can it be used by another");
}

#[test]
fn requests_with_the_number_from_before_a_change_are_still_heard() {
    let mut world = console("session-change = 2");
    world.opened("console", PORT, client(1));
    say(&mut world, 1, r#"{"session":0}"#);
    say(&mut world, 1, LOG_IN);
    assert!(say(&mut world, 1, r#"{"session":1}"#).contains(r#""session":2"#));
    assert!(say(&mut world, 1, FIRST_FIVE).contains("5 from 1"));
}

#[test]
fn switches_refuse_hang_up_and_keep_silent() {
    let mut world = console("remotes = off");
    world.opened("console", PORT, client(1));
    assert!(say(&mut world, 1, r#"{"session":0}"#).contains(r#""session":-1"#));

    let mut world = console("access-denied = on");
    world.opened("console", PORT, client(1));
    say(&mut world, 1, r#"{"session":0}"#);
    say(&mut world, 1, LOG_IN);
    assert!(say(&mut world, 1, FIRST_FIVE).contains(r#""accessDenied":true"#));

    let mut world = console("guest = ignore");
    world.opened("console", PORT, client(1));
    say(&mut world, 1, r#"{"session":0}"#);
    assert_eq!(say(&mut world, 1, FIRST_FIVE), "");

    let mut world = console("close-after = 2");
    world.opened("console", PORT, client(1));
    world.receive("console", PORT, client(1), br#"{"session":0}"#);
    assert!(world.take_transcript().contains("console closes 0 client1"));
    assert_eq!(say(&mut world, 1, LOG_IN), "", "nobody is there any more");

    let mut world = console("greeting = none");
    world.opened("console", PORT, client(1));
    assert!(!world.take_transcript().contains("->"));
    assert!(say(&mut world, 1, r#"{"session":0}"#).contains(r#""session":1"#), "the client may begin");
}

#[test]
fn a_port_that_is_taken_is_asked_for_again() {
    let mut world = console("");
    world.take_transcript();
    world.closed("console", PORT, Peer::Only, Closed::InUse(Some("another program".into())));
    world.advance(Duration::from_secs(2));
    let transcript = world.take_transcript();
    assert!(
        transcript
            .contains("error: cannot listen on 127.0.0.1:8080: the address is in use by another program")
    );
    assert!(transcript.contains("console opens 0 websocket"), "{transcript}");
}

#[test]
fn a_thousand_answers_that_are_late_come_in_order_and_none_is_lost() {
    let mut world = console("latency = 40 200");
    world.opened("console", PORT, client(1));
    world.receive("console", PORT, client(1), br#"{"session":0}"#);
    world.receive("console", PORT, client(1), LOG_IN.as_bytes());
    world.take_transcript();
    for number in 0..1000 {
        let names = format!(r#"{{"requestType":"getdata","data":"n{number}","session":1}}"#);
        world.receive("console", PORT, client(1), names.as_bytes());
        world.advance(Duration::from_millis(5));
    }
    world.advance(Duration::from_secs(1));
    let transcript = world.take_transcript();
    let answered: Vec<u32> = transcript
        .lines()
        .filter_map(|line| {
            line.split_once(r#"-> client1 {"realtime":false,"responseType":"getdata","data":[{"n"#)
        })
        .filter_map(|(_, rest)| rest.split_once('"')?.0.parse().ok())
        .collect();
    assert_eq!(answered, (0..1000).collect::<Vec<_>>());
}

#[test]
fn values_of_every_kind_on_every_channel_do_no_harm() {
    let mut world = console("");
    for channel in ["desk.f", "desk.k", "desk.c"] {
        for number in [f64::NAN, f64::INFINITY, -0.0, -1.0, 5e-324, 2.0, 0.5] {
            world.put(channel, number);
        }
        world.put(channel, "x".repeat(65_536).as_str());
    }
    world.opened("console", PORT, client(1));
    say(&mut world, 1, r#"{"session":0}"#);
    say(&mut world, 1, LOG_IN);
    let one = FIRST_FIVE.replace("[0]", "[5]");
    world.receive("console", PORT, client(1), one.as_bytes());
    assert!(world.take_transcript().contains("playbacks page 1 [5 from 6, 3 assigned]"));
}
