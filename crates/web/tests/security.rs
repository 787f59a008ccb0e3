//! Each promise of docs/web.md about security.

mod common;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use common::{Answer, PATIENCE, Page, next, settings, until};
use crosspatch_core::Value;
use crosspatch_web::{Board, Password, ServerSettings, WebServer, hash_password};
use tungstenite::Message;

const SHOW: &str = "/api/v1/show";
const FADER: &str = "/api/v1/channels/tablet.%2Ffader%2F1";
const SET: &str = r#"{"value": 0.5}"#;

/// The paths of data, which need a log-in if there is a password.
const DATA: [&str; 7] =
    [SHOW, "/metrics", "/api/v1/instances", "/api/v1/channels", FADER, "/api/v1/mappings", "/api/v1/notices"];

#[test]
fn without_a_password_a_page_only_starts_on_loopback() {
    let page = Page::start();
    let start = |listen: &str, password| {
        let settings = ServerSettings { listen: listen.parse().expect("an address"), password, ..settings() };
        WebServer::start(settings, page.show.clone(), Board::default()).map(drop)
    };
    for open in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        assert!(start(open, None).is_err(), "{open}");
    }
    assert!(start("127.0.0.1:0", None).is_ok());
    assert!(start("0.0.0.0:0", Some(Password::new("operate me"))).is_ok());
}

#[test]
fn without_a_password_everybody_on_this_machine_operates() {
    let page = Page::start();
    assert_eq!(page.get(SHOW).json()["role"], "operate");
    assert_eq!(page.request("PUT", FADER).json(SET).send().status, 204);
    let sent = page.show.sent.lock().expect("no panic").clone();
    assert_eq!(sent, [("tablet./fader/1".to_owned(), Value::number(0.5))]);
}

#[test]
fn a_request_under_a_foreign_name_is_refused() {
    let page = Page::start();
    let port = page.address.port();
    let ask = |host: Option<&str>| page.request("GET", SHOW).host(host).send().status;
    for host in ["localhost", "127.0.0.1", "[::1]", "foh", "foh.local", "show.example"] {
        assert_eq!(ask(Some(&format!("{host}:{port}"))), 200, "{host}");
    }
    for host in ["evil.example", "localhost.evil.example", "10.9.8.7", "127.0.0.1.nip.io"] {
        assert_eq!(ask(Some(&format!("{host}:{port}"))), 421, "{host}");
    }
    assert_eq!(ask(None), 400);
    assert_eq!(page.request("GET", SHOW).header("host", "evil.example").send().status, 400, "two names");
    let absolute = format!("http://evil.example{SHOW}");
    assert_eq!(page.request("GET", &absolute).send().status, 421);
    for path in ["/", "/healthz", "/ui/index.html", "/nothing"] {
        assert_eq!(page.request("GET", path).host(Some("evil.example")).send().status, 421, "{path}");
    }
}

#[test]
fn a_request_of_another_page_is_refused_even_if_its_name_leads_here() {
    let page = Page::start();
    let port = page.address.port();
    for origin in ["http://evil.example", "null", "http://localhost:1", "https://evil.example:8100"] {
        for (method, path) in
            [("GET", SHOW), ("PUT", FADER), ("POST", "/api/v1/session"), ("PUT", "/api/v1/lock")]
        {
            let answer = page.request(method, path).header("origin", origin).json(SET).send();
            assert_eq!(answer.status, 403, "{origin} {path}");
        }
        assert_eq!(page.socket(&[("origin", origin)]).map(drop), Err(403), "{origin}");
    }
    // Host and origin agree, and both are those of the attacker.
    let evil = format!("evil.example:{port}");
    let rebound = page.request("PUT", FADER).host(Some(&evil)).header("origin", &format!("http://{evil}"));
    assert_eq!(rebound.json(SET).send().status, 421);
    // A form of another page sends no JSON.
    let form = page.request("PUT", FADER).header("content-type", "text/plain").body(SET.as_bytes());
    assert_eq!(form.send().status, 415);
    let foreign = page.request("PUT", FADER).header("sec-fetch-site", "cross-site").json(SET);
    assert_eq!(foreign.send().status, 403);
    assert!(page.show.sent.lock().expect("no panic").is_empty());
    let origin = page.origin();
    assert_eq!(page.request("PUT", FADER).header("origin", &origin).json(SET).send().status, 204);
    let proxy = page.request("PUT", FADER).header("origin", "https://show.example").json(SET);
    assert_eq!(proxy.send().status, 204);
    assert!(page.socket(&[("origin", &origin)]).is_ok());
}

#[test]
fn with_a_password_nobody_sees_anything_without_a_session() {
    let page = Page::start_locked();
    for path in DATA {
        assert_eq!(page.get(path).status, 401, "{path}");
        let other = page.request("GET", path).header("authorization", "Bearer operate me").send();
        assert_eq!(other.status, 401, "{path}");
    }
    assert_eq!(page.request("PUT", FADER).json(SET).send().status, 401);
    assert_eq!(page.request("PUT", "/api/v1/lock").json(r#"{"locked": true}"#).send().status, 401);
    let origin = page.origin();
    assert_eq!(page.socket(&[("origin", &origin)]).map(drop), Err(401));
    assert_eq!(page.socket(&[]).map(drop), Err(401));
    for path in ["/", "/healthz", "/api/v1/openapi.json"] {
        assert_eq!(page.get(path).status, 200, "{path}");
    }
    assert!(page.show.sent.lock().expect("no panic").is_empty());
}

#[test]
fn each_password_gives_its_role_and_logging_out_ends_it() {
    let page = Page::start_locked();
    let origin = page.origin();
    let look = page.log_in("look at me");
    let ask = |path, cookie: &str| page.request("GET", path).header("cookie", cookie).send();
    assert_eq!(ask(SHOW, &look).json()["role"], "look");
    for path in DATA {
        assert_eq!(ask(path, &look).status, 200, "{path}");
    }
    let set = |cookie: &str| {
        page.request("PUT", FADER).header("cookie", cookie).header("origin", &origin).json(SET).send().status
    };
    assert_eq!(set(&look), 403);
    let lock = page.request("PUT", "/api/v1/lock").header("cookie", &look).header("origin", &origin);
    assert_eq!(lock.json(r#"{"locked": true}"#).send().status, 403);
    let operate = page.log_in("operate me");
    assert_eq!(ask(SHOW, &operate).json()["role"], "operate");
    assert_eq!(set(&operate), 204);
    let mut socket = page.socket(&[("origin", &origin), ("cookie", &operate)]).expect("a session");
    next(&mut socket, "hello");
    let out = page.request("DELETE", "/api/v1/session").header("cookie", &operate).header("origin", &origin);
    assert_eq!(out.send().status, 204);
    assert_eq!(ask(SHOW, &operate).status, 401);
    assert_eq!(set(&operate), 401);
    // The open WebSocket ends as well.
    while socket.read().is_ok() {}
    assert_eq!(ask(SHOW, &look).status, 200, "another session goes on");
}

#[test]
fn the_cookie_is_neither_sent_by_other_pages_nor_read_by_scripts() {
    let page = Page::start_locked();
    let log_in = page.request("POST", "/api/v1/session").json(r#"{"password": "operate me"}"#).send();
    let cookie = log_in.header("set-cookie").expect("a cookie").to_owned();
    for part in ["; Path=/", "; HttpOnly", "; SameSite=Strict"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let (name, value) = cookie.split(';').next().and_then(|pair| pair.split_once('=')).expect("a pair");
    assert_eq!(name, format!("crosspatch_{}", page.address.port()), "another show has another port");
    assert_eq!(value.len(), 64, "32 random bytes");
    assert!(!log_in.text().contains(value), "the page cannot read it");
    assert!(!log_in.header("set-cookie").is_some_and(|cookie| cookie.contains("Secure")));
    let proxied = page.request("POST", "/api/v1/session").header("origin", "https://show.example");
    let proxied = proxied.json(r#"{"password": "operate me"}"#).send();
    assert!(proxied.header("set-cookie").is_some_and(|cookie| cookie.ends_with("; Secure")));
    // A browser that sends a cookie states the origin of a change.
    let cookie = format!("{name}={value}");
    let without = page.request("PUT", FADER).header("cookie", &cookie).json(SET).send();
    assert_eq!(without.status, 403);
    assert_eq!(page.socket(&[("cookie", &cookie)]).map(drop), Err(403));
}

#[test]
fn a_program_gets_a_token_in_place_of_a_cookie() {
    let page = Page::start_locked();
    let body = r#"{"password": "operate me", "token": true}"#;
    let answer = page.request("POST", "/api/v1/session").json(body).send();
    assert_eq!(answer.header("set-cookie"), None);
    let bearer = format!("Bearer {}", answer.json()["token"].as_str().expect("a token"));
    let set = page.request("PUT", FADER).header("authorization", &bearer).json(SET).send();
    assert_eq!(set.status, 204);
    assert!(page.socket(&[("authorization", &bearer)]).is_ok());
}

#[test]
fn a_hash_of_argon2_is_a_password() {
    let hash = hash_password("operate me").expect("a hash");
    let page = Page::start_with(ServerSettings { password: Some(Password::new(&*hash)), ..settings() });
    page.log_in("operate me");
    let body = format!(r#"{{"password": "{hash}"}}"#);
    assert_eq!(page.request("POST", "/api/v1/session").json(&body).send().status, 401);
}

#[test]
fn a_wrong_password_delays_the_next_attempt_from_its_address() {
    let page = Page::start_locked();
    let attempt = |password| {
        let body = format!(r#"{{"password": "{password}"}}"#);
        page.request("POST", "/api/v1/session").json(&body).send()
    };
    assert_eq!(attempt("wrong").status, 401);
    assert!(page.show.was_told("a log-in from 127.0.0.1 had a wrong password"));
    let start = Instant::now();
    // Not even the right one is tried.
    let early = attempt("operate me");
    assert!(early.status == 429 || start.elapsed() > Duration::from_secs(1), "{}", early.status);
    assert!(early.status != 429 || early.header("retry-after").is_some());
    until("the delay is over", || attempt("operate me").status == 200);
    assert_eq!(attempt("operate me").status, 200, "a success ends the delay");
}

#[test]
fn many_passwords_at_once_are_checked_one_at_a_time() {
    let hash = hash_password("operate me").expect("a hash");
    let page = Page::start_with(ServerSettings { password: Some(Password::new(hash)), ..settings() });
    std::thread::scope(|scope| {
        let attempts: Vec<_> = (0..20)
            .map(|_| {
                scope.spawn(|| {
                    let body = r#"{"password": "wrong"}"#;
                    page.request("POST", "/api/v1/session").json(body).send().status
                })
            })
            .collect();
        let statuses: Vec<_> =
            attempts.into_iter().map(|attempt| attempt.join().expect("an answer")).collect();
        let checked = statuses.iter().filter(|status| **status == 401).count();
        assert!(
            checked <= 3 && statuses.iter().all(|status| matches!(status, 401 | 429 | 503)),
            "{statuses:?}"
        );
    });
    assert_eq!(page.get("/healthz").status, 200);
}

#[test]
fn the_lock_makes_everything_read_only_until_it_is_unlocked() {
    let mut page = Page::start();
    let lock = |page: &Page, locked| {
        page.request("PUT", "/api/v1/lock").json(&format!(r#"{{"locked": {locked}}}"#)).send()
    };
    let mut socket = page.socket(&[]).expect("a socket");
    assert_eq!(next(&mut socket, "hello")["locked"], false);
    assert_eq!(lock(&page, true).json()["locked"], true);
    assert_eq!(next(&mut socket, "lock")["locked"], true);
    assert_eq!(page.get(SHOW).json()["locked"], true);
    let answer = page.request("PUT", FADER).json(SET).send();
    assert_eq!((answer.status, answer.json()["error"].as_str()), (423, Some("the show is locked")));
    assert!(page.show.sent.lock().expect("no panic").is_empty());
    assert_eq!(page.get("/api/v1/channels").status, 200);
    assert!(page.show.was_told("the show was locked from 127.0.0.1"));
    // A page that restarts, as after a change of its password, is still locked.
    page.stop();
    let page = Page::start_on(page.board.clone(), settings());
    assert_eq!(page.request("PUT", FADER).json(SET).send().status, 423);
    lock(&page, false);
    assert_eq!(page.request("PUT", FADER).json(SET).send().status, 204);
}

#[test]
fn the_websocket_changes_nothing() {
    let page = Page::start();
    for text in [
        r#"{"set": "tablet./fader/1", "value": 1}"#,
        r#"{"channels": [], "locked": true}"#,
        r#"{"channels": [[0]]}"#,
        r#"{"channels": "all"}"#,
        "[]",
        "nonsense",
    ] {
        let mut socket = page.socket(&[]).expect("a socket");
        socket.send(Message::text(text)).expect("an open socket");
        let end = loop {
            match socket.read() {
                Ok(Message::Close(frame)) => break frame.map(|frame| u16::from(frame.code)),
                Ok(_) => {}
                Err(error) => panic!("{text}: {error}"),
            }
        };
        assert_eq!(end, Some(1008), "{text}");
    }
    assert!(page.show.sent.lock().expect("no panic").is_empty());
    assert_eq!(page.get(SHOW).json()["locked"], false);
}

#[test]
fn a_page_may_look_at_two_thousand_channels_and_no_more() {
    let page = Page::start();
    let interest = |count: u32| {
        let channels: Vec<_> = (0..count).map(|slot| [0, slot]).collect();
        Message::text(serde_json::json!({ "channels": channels }).to_string())
    };
    let mut socket = page.socket(&[]).expect("a socket");
    socket.send(interest(2000)).expect("an open socket");
    page.show.change("tablet./fader/1", crosspatch_core::Direction::Input, Value::number(1.0), 1);
    next(&mut socket, "values");
    socket.send(interest(2001)).expect("an open socket");
    while !matches!(socket.read(), Ok(Message::Close(_)) | Err(_)) {}
}

#[test]
fn every_answer_forbids_embedding_guessing_and_keeping() {
    let page = Page::start();
    let pages = [
        ("GET", "/"),
        ("GET", SHOW),
        ("GET", "/nothing"),
        ("POST", SHOW),
        ("GET", "/metrics"),
        ("GET", "/healthz"),
    ];
    for (method, path) in pages {
        let answer = page.request(method, path).send();
        let policy = answer.header("content-security-policy").expect("a policy");
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert!(
            !policy.contains("unsafe-") && !policy.contains("http:") && !policy.contains('*'),
            "{policy}"
        );
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
        let cache = if path == "/" { "no-cache" } else { "no-store" };
        assert_eq!(answer.header("cache-control"), Some(cache), "{path}");
    }
    let refused = page.request("GET", SHOW).host(Some("evil.example")).send();
    assert_eq!(refused.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(refused.header("access-control-allow-origin"), None);
}

#[test]
fn the_files_of_the_page_are_only_those_of_the_page() {
    let page = Page::start();
    for path in
        ["/ui/../Cargo.toml", "/ui/%2e%2e/Cargo.toml", "/ui//etc/passwd", "/ui/..%2f..%2fCargo.toml", "/ui/"]
    {
        assert_eq!(page.get(path).status, 404, "{path}");
    }
    let index = page.get("/ui/index.html");
    assert_eq!(index.status, 200);
    let tag = index.header("etag").expect("a tag");
    assert_eq!(page.request("GET", "/").header("if-none-match", tag).send().status, 304);
}

#[test]
fn a_body_has_at_most_64_kib() {
    let page = Page::start();
    let body = |len: usize| format!(r#"{{"value": "{}"}}"#, "x".repeat(len));
    assert_eq!(page.request("PUT", FADER).json(&body(60_000)).send().status, 204);
    assert_eq!(page.request("PUT", FADER).json(&body(70_000)).send().status, 413);
    let mut stream = TcpStream::connect(page.address).expect("a page");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    let head = format!(
        "PUT {FADER} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\nconnection: close\r\n\
         transfer-encoding: chunked\r\n\r\n",
        page.address
    );
    stream.write_all(head.as_bytes()).expect("a page");
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
    // The page answers before the end.
    while stream.write_all(chunk.as_bytes()).is_ok() && stream.flush().is_ok() {
        stream.set_nonblocking(true).expect("a socket");
        let is_answered = stream.peek(&mut [0]).is_ok_and(|len| len > 0);
        stream.set_nonblocking(false).expect("a socket");
        if is_answered {
            break;
        }
    }
    assert_eq!(Answer::read(stream).status, 413);
}

#[test]
fn the_sixty_fifth_connection_is_refused_and_the_page_goes_on() {
    let page = Page::start();
    let mut connections: Vec<_> =
        (0..64).map(|_| TcpStream::connect(page.address).expect("a page")).collect();
    until("the 65th is refused", || {
        let mut stream = TcpStream::connect(page.address).expect("a page");
        stream.set_read_timeout(Some(Duration::from_millis(200))).expect("a time-out");
        let mut head = [0; 12];
        let refused = stream.read_exact(&mut head).is_ok();
        refused && head == *b"HTTP/1.1 503"
    });
    connections.truncate(10);
    until("there is room again", || {
        let mut stream = TcpStream::connect(page.address).expect("a page");
        let request = format!("GET /healthz HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", page.address);
        let _ = stream.write_all(request.as_bytes());
        let mut text = String::new();
        stream.read_to_string(&mut text).is_ok() && text.starts_with("HTTP/1.1 200")
    });
}

#[test]
fn this_machine_may_have_256_websockets() {
    let page = Page::start();
    let mut sockets: Vec<_> = (0..256).map(|_| page.socket(&[]).expect("a socket")).collect();
    assert_eq!(page.socket(&[]).map(drop), Err(429));
    assert_eq!(page.get(SHOW).status, 200, "WebSockets take no place of other connections");
    sockets.truncate(255);
    until("there is room again", || page.socket(&[]).is_ok());
}

#[test]
fn garbage_ends_its_connection_and_nothing_else() {
    let page = Page::start();
    let garbage: [&[u8]; 5] = [
        b"\x00\xff\xfe\x01garbage\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /api/v1/show HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        &[b'A'; 100_000],
    ];
    for bytes in garbage {
        let mut stream = TcpStream::connect(page.address).expect("a page");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        // The page may close before everything is written.
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    }
    let mut socket = page.socket(&[]).expect("a socket");
    socket.get_mut().write_all(&[0xff; 64]).expect("an open socket");
    while socket.read().is_ok() {}
    // Frames of a client are masked.
    let mut socket = page.socket(&[]).expect("a socket");
    socket.get_mut().write_all(b"\x81\x02{}").expect("an open socket");
    while socket.read().is_ok() {}
    // A frame that announces an exabyte.
    let mut socket = page.socket(&[]).expect("a socket");
    socket.get_mut().write_all(b"\x81\xff\x0f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0").expect("an open socket");
    while socket.read().is_ok() {}
    assert_eq!(page.get(SHOW).status, 200);
}

#[test]
fn a_taken_address_is_tried_until_it_is_free() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let listen = taken.local_addr().expect("an address");
    let page = Page::start();
    let settings = ServerSettings { listen, any_port: false, ..settings() };
    let server = WebServer::start(settings, page.show.clone(), Board::default()).expect("a thread");
    until("the operator is told", || page.show.was_told("the address is in use by another program"));
    drop(taken);
    until("the page listens", || page.show.was_told(&format!("http://{listen}/")));
    drop(server);
    assert!(TcpListener::bind(listen).is_ok(), "the end of the page frees the address");
}
