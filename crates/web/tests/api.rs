//! What the API answers, and what a WebSocket sends.

mod common;

use std::sync::atomic::Ordering;

use common::{CONFIGURATION, Page, next, until};
use crosspatch_core::{Direction, HeldBack, Severity, Value};
use crosspatch_web::NoticeInput;
use serde_json::json;
use tungstenite::Message;

fn notice(instance: Option<&str>, text: &str) -> NoticeInput {
    let instance = instance.map(str::to_owned);
    NoticeInput { severity: Severity::Warning, instance, id: "test", text: text.to_owned(), held: 2 }
}

#[test]
fn the_show_is_described_at_a_glance() {
    let page = Page::start();
    let show = page.get("/api/v1/show").json();
    assert_eq!(show["name"], "show.cfg");
    assert_eq!((&show["instances"], &show["mappings"]), (&json!(2), &json!(4)));
    assert_eq!(show["started"], 1_000_000_000);
    assert!(show["plan"].as_u64() > Some(0));
}

#[test]
fn instances_tell_what_they_wait_for() {
    let page = Page::start();
    page.board.add(notice(Some("desk"), "cannot reach it"));
    until("the notice is there", || page.get("/api/v1/notices").json()["last"] == 1);
    let instances = page.get("/api/v1/instances").json();
    let [tablet, desk] = &instances.as_array().expect("a list")[..] else { panic!("{instances}") };
    assert_eq!(
        (&tablet["name"], &tablet["condition"], &tablet["inputs"]),
        (&json!("tablet"), &json!("working"), &json!(4))
    );
    assert_eq!(
        (&desk["condition"], &desk["reason"], &desk["outputs"]),
        (&json!("waiting"), &json!("refused"), &json!(4))
    );
    assert_eq!(desk["links"][0]["description"], "console");
    assert_eq!(desk["notice"]["text"], "cannot reach it");
    let age = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a time").as_millis()
        as u64
        - desk["since"].as_u64().expect("a time");
    assert!((59_000..70_000).contains(&age), "{age}");
    page.show.answers.store(false, Ordering::Relaxed);
    until("the page finds out", || page.get("/api/v1/instances").status == 503);
    let health = page.get("/healthz");
    assert_eq!((health.status, health.json()["error"].as_str()), (503, Some("the show does not answer")));
    assert_eq!(page.get("/api/v1/show").status, 200, "what needs no answer of the show is still there");
    page.show.answers.store(true, Ordering::Relaxed);
    until("it is well again", || page.get("/healthz").json() == json!({ "status": "ok" }));
}

#[test]
fn channels_are_found_with_values_and_lines() {
    let page = Page::start();
    page.show.change("tablet./fader/2", Direction::Input, Value::number(0.25), 7);
    let list = |query: &str| page.get(&format!("/api/v1/channels{query}")).json();
    let all = list("");
    assert_eq!(all["total"], 8);
    let fader = &all["channels"][1];
    assert_eq!(fader["name"], "tablet./fader/2");
    assert_eq!(fader["in"], json!({ "value": 0.25, "at": null, "count": 0 }), "it was known before");
    assert_eq!(
        (&fader["input"], &fader["output"], &fader["out"]),
        (&json!(true), &json!(false), &json!(null))
    );
    assert_eq!(fader["lines"], json!([0]));
    let names = |list: &serde_json::Value| -> Vec<String> {
        let channels = list["channels"].as_array().expect("a list").iter();
        channels.map(|channel| channel["name"].as_str().expect("a name").to_owned()).collect()
    };
    let found = list("?search=MUTE%20desk");
    assert_eq!((&found["total"], names(&found)), (&json!(1), vec!["desk.mute".to_owned()]));
    let page_of = list("?instance=desk&offset=1&limit=2");
    assert_eq!(
        (&page_of["total"], names(&page_of)),
        (&json!(4), vec!["desk.fader2".to_owned(), "desk.fader3".to_owned()])
    );
    assert_eq!(list("?offset=99")["channels"], json!([]));
    assert_eq!(page.get("/api/v1/channels?offset=x").status, 400);
    assert_eq!(page.get("/api/v1/channels/tablet./fader/2").json()["id"], fader["id"]);
    assert_eq!(page.get("/api/v1/channels/tablet.nothing").status, 404);
    // The value arrives while the observation goes on.
    page.show.change("tablet./fader/2", Direction::Input, Value::text("on"), 8);
    until("the value is seen", || page.get("/api/v1/channels/tablet./fader/2").json()["in"]["value"] == "on");
    let cell = page.get("/api/v1/channels/tablet./fader/2").json()["in"].clone();
    assert!(cell["at"].as_u64() > Some(1_000_000_000_000) && cell["count"] == 8, "{cell}");
}

#[test]
fn the_channels_that_changed_last_come_first() {
    let page = Page::start();
    page.show.change("tablet./fader/1", Direction::Input, Value::number(0.5), 0);
    let list = || page.get("/api/v1/channels?order=recent").json();
    assert_eq!(list()["total"], 0, "nothing has changed since somebody looks");
    for (number, name) in ["tablet./fader/3", "desk.fader2", "tablet./fader/2"].into_iter().enumerate() {
        let direction = if name.starts_with("desk") { Direction::Output } else { Direction::Input };
        page.show.change(name, direction, Value::number(0.25), 1);
        until("the channel is first", || list()["channels"][0]["name"] == name);
        assert_eq!(list()["total"], number + 1);
    }
    let found =
        page.get("/api/v1/channels?order=recent&search=fader&instance=tablet&offset=1&limit=1").json();
    assert_eq!((&found["total"], &found["channels"][0]["name"]), (&json!(2), &json!("tablet./fader/3")));
    assert_eq!(page.get("/api/v1/channels?order=size").status, 400);
}

#[test]
fn mapping_lines_are_shown_as_written() {
    let page = Page::start();
    let list = page.get("/api/v1/mappings").json();
    assert_eq!(list["total"], 2);
    let line = &list["mappings"][0];
    assert_eq!((&line["file"], &line["line"], &line["count"]), (&json!("show.cfg"), &json!(5), &json!(3)));
    assert_eq!(line["text"], "tablet./fader/{1..3} > desk.fader{1..3}");
    assert_eq!(line["from"], json!(["tablet./fader/1", "tablet./fader/2", "tablet./fader/3"]));
    assert_eq!(line["to"], json!(["desk.fader1", "desk.fader2", "desk.fader3"]));
    let found = page.get("/api/v1/mappings?search=mute").json();
    assert_eq!((&found["total"], &found["mappings"][0]["number"]), (&json!(1), &json!(1)));
}

#[test]
fn a_value_is_only_sent_to_a_channel_that_leads_somewhere() {
    let page = Page::start();
    let set = |name: &str, body: &str| {
        page.request("PUT", &format!("/api/v1/channels/{name}")).json(body).send().status
    };
    assert_eq!(set("tablet.%2Fmute", r#"{"value": "on"}"#), 204);
    assert_eq!(set("tablet.nothing", r#"{"value": 1}"#), 404);
    assert_eq!(set("desk.mute", r#"{"value": 1}"#), 409);
    for wrong in
        [r#"{"value": 1.5}"#, r#"{"value": -1}"#, r#"{"value": null}"#, r#"{"value": 1, "x": 1}"#, "{}", ""]
    {
        assert_eq!(set("tablet.%2Fmute", wrong), 400, "{wrong}");
    }
    assert_eq!(*page.show.sent.lock().expect("no panic"), [("tablet./mute".to_owned(), Value::text("on"))]);
}

#[test]
fn the_websocket_sends_what_the_page_looks_at() {
    let page = Page::start();
    assert_eq!(page.show.observations.load(Ordering::Relaxed), 0, "nobody looks");
    let mut socket = page.socket(&[]).expect("a socket");
    let hello = next(&mut socket, "hello");
    let instances = next(&mut socket, "instances");
    assert_eq!(instances["instances"][1]["condition"], "waiting");
    let (instance, slot) = page.show.channel("tablet./fader/1");
    let (target, target_slot) = page.show.channel("desk.fader1");
    let interest = json!({ "channels": [[instance.0, slot.0]] });
    socket.send(Message::text(interest.to_string())).expect("an open socket");
    until("the page observes", || page.show.observations.load(Ordering::Relaxed) == 1);
    page.show.change("tablet./fader/2", Direction::Input, Value::number(1.0), 1);
    let held = HeldBack { from: (instance, slot), to: (target, target_slot), reason: "asleep".to_owned() };
    page.show.change_held("tablet./fader/1", Direction::Input, Value::number(0.5), 3, vec![held]);
    let values = next(&mut socket, "values");
    assert_eq!(values["plan"], hello["plan"]);
    let changes = values["changes"].as_array().expect("changes");
    assert_eq!(changes.len(), 1, "{values}");
    assert_eq!(
        changes[0].as_array().expect("a change")[..5],
        json!([instance.0, slot.0, "in", 0.5, 3]).as_array().expect("a list")[..]
    );
    assert_eq!(values["held"], json!([[instance.0, slot.0, target.0, target_slot.0, "asleep"]]));
    page.show.change("tablet./fader/1", Direction::Input, Value::number(0.75), 4);
    let values = next(&mut socket, "values");
    assert_eq!(
        (&values["changes"][0][3], &values["held"]),
        (&json!(0.75), &json!([])),
        "it is not held any more"
    );
    page.board.add(notice(None, "hello"));
    assert_eq!(next(&mut socket, "notices")["notices"][0]["text"], "hello");
    // Another interest brings the known values.
    let (_, other) = page.show.channel("tablet./fader/2");
    let interest = json!({ "channels": [[instance.0, other.0]] });
    socket.send(Message::text(interest.to_string())).expect("an open socket");
    assert_eq!(next(&mut socket, "values")["changes"][0][3], 1.0);
    page.show.reload(&CONFIGURATION.replace("mute", "solo"));
    assert!(next(&mut socket, "plan")["plan"].as_u64() > hello["plan"].as_u64());
    drop(socket);
    until("the observation ends", || page.show.observations.load(Ordering::Relaxed) == 0);
}

#[test]
fn a_page_that_never_reads_holds_nothing_up() {
    let page = Page::start();
    let (instance, slot) = page.show.channel("tablet./fader/1");
    let interest = json!({ "channels": [[instance.0, slot.0]] }).to_string();
    let mut lazy = page.socket(&[]).expect("a socket");
    lazy.send(Message::text(interest.clone())).expect("an open socket");
    let mut socket = page.socket(&[]).expect("a socket");
    socket.send(Message::text(interest)).expect("an open socket");
    until("the page observes", || page.show.observations.load(Ordering::Relaxed) == 1);
    // Long texts fill the buffers of the connection that is not read.
    for number in 0..40 {
        let text = format!("{number} {}", "x".repeat(500_000));
        page.show.change("tablet./fader/1", Direction::Input, Value::text(text.clone()), number + 1);
        loop {
            if next(&mut socket, "values")["changes"][0][3] == text.as_str() {
                break;
            }
        }
    }
    assert_eq!(page.get("/api/v1/show").status, 200);
}

#[test]
fn metrics_are_in_the_format_of_prometheus() {
    let page = Page::start();
    let answer = page.get("/metrics");
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let text = answer.text();
    for line in [
        "crosspatch_mappings 4",
        "crosspatch_up 1",
        r#"crosspatch_instance_condition{instance="desk",backend="loopback",condition="waiting"} 1"#,
        r#"crosspatch_instance_links{instance="desk",condition="waiting"} 1"#,
        r#"crosspatch_notices_total{severity="warning"} 0"#,
        "crosspatch_locked 0",
    ] {
        assert!(text.lines().any(|written| written == line), "{line} is not in\n{text}");
    }
    let mut families = std::collections::BTreeSet::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            assert!(families.insert(rest.split(' ').next().expect("a name")), "{line}");
        } else if !line.starts_with('#') {
            let name = line.split(['{', ' ']).next().expect("a name");
            assert!(families.contains(name), "{line}");
        }
    }
}

#[test]
fn what_is_not_there_is_said_in_json() {
    let page = Page::start();
    for (method, path, status) in [
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/nothing", 404),
        ("DELETE", "/api/v1/show", 405),
        ("PATCH", "/api/v1/lock", 405),
        ("GET", "/api/v1/events", 426),
        ("GET", "/api/v1/notices?after=-1", 400),
    ] {
        let answer = page.request(method, path).send();
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.json()["error"].as_str().is_some_and(|text| !text.is_empty()), "{path}");
    }
}
