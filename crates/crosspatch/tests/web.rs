//! The page of the running program, as a browser meets it.

mod common;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use common::osc::Osc;
use common::{PATIENCE, Program, command, free_port, run, until};
use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

/// A show with OSC in and out, and a page.
struct Show {
    program: Program,
    osc: Osc,
    web: u16,
}

fn configuration(listen: u16, answer: u16, more: &str) -> String {
    format!(
        "[osc tablet]\nbind = 127.0.0.1 {listen}\ndestination = 127.0.0.1 {answer}\n/* = f 0.0 1.0\n[loopback bus]\n\
         {more}\n[map]\ntablet./fader/{{1..2}} > bus.f{{1..2}}\nbus.f1 | invert > tablet./back\n"
    )
}

impl Show {
    /// With `--web`, and with this text in the configuration.
    fn start(more: &str) -> Self {
        let (listen, web) = (free_port(), free_port());
        let osc = Osc::to(listen);
        let address = format!("127.0.0.1:{web}");
        let configuration = configuration(listen, osc.port(), more);
        let program = Program::show_with(&configuration, &["--web", &address]);
        program.wait_for(&format!("the page is at http://{address}/"));
        program.wait_for("listening: udp");
        Self { program, osc, web }
    }

    fn get(&self, path: &str) -> (u16, Value) {
        request(self.web, "GET", path, "", "")
    }

    fn put(&self, path: &str, body: &str) -> u16 {
        request(self.web, "PUT", path, "content-type: application/json\r\n", body).0
    }
}

/// Sends a request, and returns the status and the JSON of the answer.
fn request(port: u16, method: &str, path: &str, headers: &str, body: &str) -> (u16, Value) {
    let (status, text) = request_text(port, method, path, headers, body);
    (status, serde_json::from_str(text.rsplit("\r\n\r\n").next().unwrap_or_default()).unwrap_or_default())
}

fn request_text(port: u16, method: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a page");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    let host = if headers.contains("host:") { String::new() } else { format!("host: localhost:{port}\r\n") };
    let head = format!(
        "{method} {path} HTTP/1.1\r\n{host}connection: close\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("an open connection");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("an answer");
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, text)
}

fn socket(port: u16, origin: &str) -> Result<WebSocket<TcpStream>, u16> {
    use tungstenite::client::IntoClientRequest;
    let mut request =
        format!("ws://localhost:{port}/api/v1/events").into_client_request().expect("a request");
    request.headers_mut().insert("origin", origin.parse().expect("a value"));
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("a page");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    match tungstenite::client(request, stream) {
        Ok((socket, _)) => Ok(socket),
        Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(answer))) => {
            Err(answer.status().as_u16())
        }
        Err(error) => panic!("{error}"),
    }
}

/// The next message of a type.
fn next(socket: &mut WebSocket<TcpStream>, kind: &str) -> Value {
    loop {
        if let Message::Text(text) = socket.read().expect("a message") {
            let message: Value = serde_json::from_str(&text).expect("JSON");
            if message["type"] == kind {
                return message;
            }
        }
    }
}

#[test]
fn a_browser_sees_values_move_and_reloads_happen() {
    let show = Show::start("");
    let mut socket = socket(show.web, &format!("http://localhost:{}", show.web)).expect("a socket");
    let plan = next(&mut socket, "hello")["plan"].clone();
    assert_eq!(show.get("/api/v1/show").1["plan"], plan);
    let (_, fader) = show.get("/api/v1/channels/tablet.%2Ffader%2F1");
    let (_, back) = show.get("/api/v1/channels/tablet.%2Fback");
    socket
        .send(Message::text(json!({ "channels": [fader["id"], back["id"]] }).to_string()))
        .expect("an open socket");
    show.osc.send("/fader/1", 0.25);
    let mut seen = Vec::new();
    while seen.len() < 2 {
        let values = next(&mut socket, "values");
        assert_eq!(values["plan"], plan);
        for change in values["changes"].as_array().expect("changes") {
            seen.push((change[2].clone(), change[3].clone()));
        }
    }
    assert!(
        seen.contains(&(json!("in"), json!(0.25))) && seen.contains(&(json!("out"), json!(0.75))),
        "{seen:?}"
    );
    assert!(next(&mut socket, "instances")["instances"].as_array().is_some_and(|all| all.len() == 2));
    // A value from the page goes the way of a value from the tablet.
    assert_eq!(show.put("/api/v1/channels/tablet.%2Ffader%2F1", r#"{"value": 1}"#), 204);
    show.osc.wait_for("/back", 0.0);
    let (_, mappings) = show.get("/api/v1/mappings?search=invert");
    assert_eq!(mappings["mappings"][0]["text"], "bus.f1 | invert > tablet./back");
    let line = mappings["mappings"][0]["line"].as_u64().expect("a line") as usize;
    let text = std::fs::read_to_string(show.program.file()).expect("the configuration");
    assert_eq!(text.lines().nth(line - 1), Some("bus.f1 | invert > tablet./back"));
    show.program.rewrite(&text.replace("| invert", "| curve 2"));
    let newer = next(&mut socket, "plan")["plan"].clone();
    assert!(newer.as_u64() > plan.as_u64(), "{newer}");
    assert_eq!(show.get("/api/v1/mappings?search=curve").1["total"], 1);
    assert_eq!(show.get("/api/v1/show").1["plan"], newer);
    show.program.stop();
}

#[test]
fn strangers_are_refused_and_the_lock_holds() {
    let show = Show::start("");
    let path = "/api/v1/channels/tablet.%2Ffader%2F1";
    assert_eq!(request(show.web, "GET", "/api/v1/show", "host: evil.example\r\n", "").0, 421);
    assert_eq!(request(show.web, "GET", "/api/v1/show", "origin: http://evil.example\r\n", "").0, 403);
    assert_eq!(socket(show.web, "http://evil.example").map(drop), Err(403));
    assert_eq!(show.put("/api/v1/lock", r#"{"locked": true}"#), 200);
    show.program.wait_for("the show was locked from 127.0.0.1");
    assert_eq!(show.put(path, r#"{"value": 1}"#), 423);
    assert_eq!(show.put("/api/v1/lock", r#"{"locked": false}"#), 200);
    assert_eq!(show.put(path, r#"{"value": 1}"#), 204);
    assert_eq!(show.get("/healthz"), (200, json!({ "status": "ok" })));
    let (_, metrics) = request_text(show.web, "GET", "/metrics", "", "");
    assert!(metrics.contains(
        "crosspatch_instance_condition{instance=\"tablet\",backend=\"osc\",condition=\"working\"} 1"
    ));
    show.program.stop();
}

#[test]
fn browsers_that_misbehave_cost_the_show_nothing() {
    let show = Show::start("");
    let origin = format!("http://localhost:{}", show.web);
    let (_, fader) = show.get("/api/v1/channels/tablet.%2Ffader%2F1");
    let interest = json!({ "channels": [fader["id"]] }).to_string();
    // One never reads, one sends garbage, and 65 connections say nothing.
    let mut lazy = socket(show.web, &origin).expect("a socket");
    lazy.send(Message::text(interest.clone())).expect("an open socket");
    let mut hostile = socket(show.web, &origin).expect("a socket");
    hostile.get_mut().write_all(&[0xff; 1000]).expect("an open socket");
    let mut reader = socket(show.web, &origin).expect("a socket");
    reader.send(Message::text(interest)).expect("an open socket");
    let silent: Vec<_> =
        (0..65).map(|_| TcpStream::connect(("127.0.0.1", show.web)).expect("a page")).collect();
    for step in 1..=200_u16 {
        show.osc.send("/fader/1", f32::from(step) / 256.0);
    }
    let last = f64::from(200_f32 / 256.0);
    show.osc.wait_for("/back", 1.0 - 200.0 / 256.0);
    while next(&mut reader, "values")["changes"][0][3].as_f64() != Some(last) {}
    drop(silent);
    until("there is room again", || {
        let mut stream = TcpStream::connect(("127.0.0.1", show.web)).expect("a page");
        let request =
            format!("GET /healthz HTTP/1.1\r\nhost: localhost:{}\r\nconnection: close\r\n\r\n", show.web);
        let _ = stream.write_all(request.as_bytes());
        let mut text = String::new();
        stream.read_to_string(&mut text).is_ok() && text.starts_with("HTTP/1.1 200")
    });
    show.program.stop();
}

#[test]
fn the_page_comes_and_goes_with_its_section() {
    let (listen, web) = (free_port(), free_port());
    let osc = Osc::to(listen);
    let with = |more: &str| configuration(listen, osc.port(), more);
    let program = Program::show(&with(""));
    program.wait_for("running");
    assert!(TcpStream::connect(("127.0.0.1", web)).is_err());
    let section = format!("[web]\nlisten = 127.0.0.1:{web}\n");
    program.rewrite(&with(&section));
    program.wait_for(&format!("the page is at http://127.0.0.1:{web}/"));
    let show = || request(web, "GET", "/api/v1/show", "", "");
    assert_eq!((show().0, &show().1["role"]), (200, &json!("operate")));
    assert_eq!(request(web, "GET", "/api/v1/mappings", "", "").1["total"], 2);
    let before = program.lines().len();
    program.rewrite(&with(&format!("{section}password = T0P-SECRET\n")));
    program.lines().wait_from(before, "the page is at");
    assert_eq!(show().0, 401);
    let body = r#"{"password": "T0P-SECRET"}"#;
    let json = "content-type: application/json\r\n";
    let (status, text) = request_text(web, "POST", "/api/v1/session", json, body);
    assert_eq!(status, 200, "{text}");
    let cookie =
        text.lines().find_map(|line| line.strip_prefix("set-cookie: ")?.split(';').next()).expect("a cookie");
    let (status, channels) = request(web, "GET", "/api/v1/channels", &format!("cookie: {cookie}\r\n"), "");
    assert_eq!((status, &channels["total"]), (200, &json!(5)));
    let before = program.lines().len();
    program.rewrite(&with(""));
    program.lines().wait_from(before, "reloaded");
    until("the page is gone", || TcpStream::connect(("127.0.0.1", web)).is_err());
    assert!(!program.lines().text().contains("T0P-SECRET"), "{}", program.lines().text());
    program.stop();
}

#[test]
fn an_open_page_without_a_password_is_refused_and_the_show_runs() {
    let (listen, web) = (free_port(), free_port());
    let osc = Osc::to(listen);
    let text = configuration(listen, osc.port(), &format!("[web]\nlisten = 0.0.0.0:{web}\n"));
    let program = Program::show(&text);
    program.wait_for("web-open");
    program.wait_for("the show runs without its page");
    program.wait_for("listening: udp");
    osc.send("/fader/1", 1.0);
    osc.wait_for("/back", 0.0);
    assert!(TcpStream::connect(("127.0.0.1", web)).is_err());
    let file = program.file();
    let (status, out, _) = run(&["check", file.to_str().expect("a name")]);
    assert!(!status.success() && out.contains("error[web-open]") && out.contains("1 error"), "{out}");
    program.stop();
    let program = Program::show_with(&configuration(listen, osc.port(), ""), &["--web", &format!("*:{web}")]);
    program.wait_for("the show runs without its page");
    program.stop();
}

#[test]
fn a_taken_address_is_tried_until_it_is_free() {
    let (listen, web) = (free_port(), free_port());
    let osc = Osc::to(listen);
    let taken = TcpListener::bind(("127.0.0.1", web)).expect("a free port");
    let text = configuration(listen, osc.port(), "");
    let program = Program::show_with(&text, &["--web", &web.to_string()]);
    program.wait_for(&format!("cannot listen on 127.0.0.1:{web}: the address is in use by another program"));
    program.wait_for("listening: udp");
    osc.send("/fader/1", 1.0);
    osc.wait_for("/back", 0.0);
    drop(taken);
    program.wait_for("the page is at");
    assert!(program.stop() < Duration::from_secs(10));
}

#[test]
fn a_hash_of_a_password_is_printed_and_taken() {
    let mut child = command();
    let child =
        child.arg("web-password").stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = child.spawn().expect("the program starts");
    child.stdin.take().expect("its input").write_all(b"open sesame\n").expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let hash = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success() && hash.starts_with("$argon2id$"), "{hash}");
    let (status, _, error) = run(&["web-password"]);
    assert!(!status.success() && error.contains("expected a password on standard input"), "{error}");
    let (listen, web) = (free_port(), free_port());
    let section = format!("[web]\nlisten = 127.0.0.1:{web}\npassword = {hash}");
    let program = Program::show(&configuration(listen, free_port(), &section));
    program.wait_for("the page is at");
    let json = "content-type: application/json\r\n";
    let (status, answer) = request(web, "POST", "/api/v1/session", json, r#"{"password": "open sesame"}"#);
    assert_eq!((status, answer), (200, json!({ "role": "operate" })));
    program.stop();
}

#[test]
fn the_configuration_comes_before_the_address_of_the_page() {
    let (status, _, error) = run(&["run", "--web", "show.cfg"]);
    assert!(!status.success() && error.contains("name the configuration before `--web`"), "{error}");
}
