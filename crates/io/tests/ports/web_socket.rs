//! WebSocket: upgrades good and bad, both roles against a peer that others wrote, and bytes that lie.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant as Moment};

use crosspatch_core::{Closed, Limits, Listen, Peer, Port, PortSpec};
use tungstenite::protocol::Role;
use tungstenite::{Message, WebSocket};

use crate::rig::{
    Habit, ONLY, PATIENCE, Rig, Seen, accept, client, endpoint, free_port, server, web_socket,
    web_socket_listen,
};

const SOON: Duration = Duration::from_millis(300);
const FIRST: Peer = Peer::Connection(0);

fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).expect("a whole head comes in time");
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

const REQUEST: &[u8] = b"GET /?ma=1 HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: rbEcMmnKLLYMzAmcLOKENg==\r\n\r\n";

/// A client that is already upgraded, for frames written by the test.
fn raw_client(ip: &str, port: u16) -> TcpStream {
    let mut stream = client(ip, port);
    stream.write_all(REQUEST).unwrap();
    assert!(read_head(&mut stream).starts_with("HTTP/1.1 101 "));
    stream
}

/// A frame with a mask of zeroes, as some clients of consoles send it.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..126 => frame.push(0x80 | len as u8),
        len @ 126..0x10000 => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&(len as u16).to_be_bytes());
        }
        len => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    frame
}

fn read_frame(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let mut head = [0; 2];
    stream.read_exact(&mut head).expect("a frame comes in time");
    let len = match head[1] {
        126 => {
            let mut len = [0; 2];
            stream.read_exact(&mut len).unwrap();
            usize::from(u16::from_be_bytes(len))
        }
        127 => {
            let mut len = [0; 8];
            stream.read_exact(&mut len).unwrap();
            u64::from_be_bytes(len) as usize
        }
        len => usize::from(len),
    };
    let mut payload = vec![0; len];
    stream.read_exact(&mut payload).unwrap();
    (head[0], payload)
}

#[test]
fn a_client_upgrades_talks_and_says_goodbye() {
    let (listener, port) = server("127.0.3.1");
    let rig = Rig::start(Habit::Echo, vec![web_socket("127.0.3.1", port, PATIENCE)]);
    let mut peer = tungstenite::accept(accept(&listener)).expect("the request is a proper one");
    assert_eq!(rig.next(), Seen::Open(Port(0), ONLY));
    for message in [
        Message::text("{}"),
        Message::text(""),
        Message::binary(vec![0xff, 0x00]),
        Message::text("ä".repeat(50_000)),
    ] {
        peer.send(message.clone()).unwrap();
        assert_eq!(rig.next(), Seen::Data(Port(0), ONLY, message.clone().into_data().to_vec()));
        assert_eq!(peer.read().unwrap(), message);
    }
    rig.act(|out| {
        out.send(Port(0), ONLY, |buf| buf.extend_from_slice(b"bye"));
        out.close(Port(0), ONLY);
    });
    assert_eq!(peer.read().unwrap(), Message::text("bye"));
    assert!(matches!(peer.read(), Ok(Message::Close(_))));
    // The long message may have filled the stream for a moment; what a session closes is not reported.
    assert!(!rig.so_far().iter().any(|seen| matches!(seen, Seen::Close(..))));
}

#[test]
fn the_request_names_host_and_path() {
    let (listener, port) = server("127.0.3.2");
    let _rig = Rig::start(Habit::Watch, vec![web_socket("127.0.3.2", port, PATIENCE)]);
    let head = read_head(&mut accept(&listener));
    assert!(head.starts_with("GET /?ma=1 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("\r\nHost: 127.0.3.2:{port}\r\n")), "{head}");
}

#[test]
fn what_answers_with_something_else_is_told_by_its_status() {
    for (answer, reason) in [
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", Closed::NotWebSocket(404)),
        ("HTTP/1.1 301 Moved Permanently\r\nLocation: /\r\n\r\n", Closed::NotWebSocket(301)),
        ("HTTP/1.0 500 Oops\r\n\r\n<html>oops</html>", Closed::NotWebSocket(500)),
        ("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html></html>", Closed::NotWebSocket(200)),
        ("<html><head></head></html>", Closed::NotWebSocket(0)),
        ("", Closed::ByPeer),
        ("HTTP/1.1 10", Closed::NotWebSocket(0)),
    ] {
        let (listener, port) = server("127.0.3.3");
        let rig = Rig::start(Habit::Watch, vec![web_socket("127.0.3.3", port, PATIENCE)]);
        let mut peer = accept(&listener);
        read_head(&mut peer);
        peer.write_all(answer.as_bytes()).unwrap();
        drop(peer);
        assert_eq!(rig.next(), Seen::Close(Port(0), ONLY, reason), "{answer}");
    }
}

#[test]
fn who_accepts_and_says_nothing_times_out() {
    let (listener, port) = server("127.0.3.4");
    let start = Moment::now();
    let rig = Rig::start(Habit::Watch, vec![web_socket("127.0.3.4", port, SOON)]);
    let _peer = accept(&listener);
    assert_eq!(rig.next(), Seen::Close(Port(0), ONLY, Closed::TimedOut));
    assert!(start.elapsed() >= SOON);
}

#[test]
fn an_endless_answer_is_cut_off() {
    let (listener, port) = server("127.0.3.5");
    let rig = Rig::start(Habit::Watch, vec![web_socket("127.0.3.5", port, PATIENCE)]);
    let mut peer = accept(&listener);
    let mut answer = b"HTTP/1.1 101 Switching Protocols\r\nX: ".to_vec();
    answer.resize(100_000, b'x');
    // It may be cut off in the middle of that.
    let _ = peer.write_all(&answer);
    assert_eq!(rig.next(), Seen::Close(Port(0), ONLY, Closed::NotWebSocket(0)));
}

#[test]
fn an_answer_byte_by_byte_with_the_first_message_behind_it_is_enough() {
    let (listener, port) = server("127.0.3.6");
    let rig = Rig::start(Habit::Watch, vec![web_socket("127.0.3.6", port, PATIENCE)]);
    let mut peer = accept(&listener);
    peer.set_nodelay(true).unwrap();
    for byte in b"HTTP/1.1 101 Yes\r\nUpgrade:websocket\r\n\r\n\x81\x05hello\x81\x02yo" {
        peer.write_all(&[*byte]).unwrap();
    }
    assert_eq!(rig.next(), Seen::Open(Port(0), ONLY));
    assert_eq!(rig.next(), Seen::Data(Port(0), ONLY, b"hello".to_vec()));
    assert_eq!(rig.next(), Seen::Data(Port(0), ONLY, b"yo".to_vec()));
}

#[test]
fn a_server_talks_to_a_client_that_others_wrote() {
    let port = free_port("127.0.3.7");
    let rig = Rig::start(Habit::Echo, vec![web_socket_listen("127.0.3.7", port, 10)]);
    assert_eq!(rig.next(), Seen::Open(Port(0), ONLY));
    let stream = client("127.0.3.7", port);
    let (mut peer, _) = tungstenite::client(format!("ws://127.0.3.7:{port}/any/path"), stream).unwrap();
    assert_eq!(rig.next(), Seen::Open(Port(0), FIRST));
    for message in [Message::text("{\"session\":0}"), Message::binary(vec![0xc0; 70_000])] {
        peer.send(message.clone()).unwrap();
        assert_eq!(rig.next(), Seen::Data(Port(0), FIRST, message.clone().into_data().to_vec()));
        assert_eq!(peer.read().unwrap(), message);
    }
    peer.close(None).unwrap();
    assert_eq!(rig.next(), Seen::Close(Port(0), FIRST, Closed::ByPeer));
    while let Ok(message) = peer.read() {
        assert!(message.is_close(), "{message:?}");
    }
}

/// What is written after this is most likely read by itself. The test holds if it is not.
const APART: Duration = Duration::from_millis(20);

#[test]
fn a_server_takes_the_clients_of_consoles_as_they_are() {
    let port = free_port("127.0.3.8");
    let rig = Rig::start(Habit::Echo, vec![web_socket_listen("127.0.3.8", port, 10)]);
    rig.wait_open(0);
    // No host, no origin, a constant key, a mask of zeroes, header and payload apart.
    let mut peer = raw_client("127.0.3.8", port);
    peer.set_nodelay(true).unwrap();
    assert_eq!(rig.next(), Seen::Open(Port(0), FIRST));
    let message = frame(0x81, b"{\"session\":0}");
    peer.write_all(&message[..6]).unwrap();
    std::thread::sleep(APART);
    peer.write_all(&message[6..]).unwrap();
    assert_eq!(rig.next(), Seen::Data(Port(0), FIRST, b"{\"session\":0}".to_vec()));
    assert_eq!(read_frame(&mut peer), (0x81, b"{\"session\":0}".to_vec()));
    drop(peer);
    assert_eq!(rig.next(), Seen::Close(Port(0), FIRST, Closed::Reset));
}

#[test]
fn an_offer_to_compress_is_ignored() {
    let port = free_port("127.0.3.9");
    let rig = Rig::start(Habit::Echo, vec![web_socket_listen("127.0.3.9", port, 10)]);
    rig.wait_open(0);
    let mut peer = client("127.0.3.9", port);
    peer.write_all(
        b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\
          Sec-WebSocket-Key: x\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n",
    )
    .unwrap();
    let head = read_head(&mut peer);
    assert!(head.starts_with("HTTP/1.1 101 ") && !head.to_lowercase().contains("extensions"), "{head}");
    rig.wait_open(0);
}

#[test]
fn who_is_no_web_socket_is_told_so_and_never_becomes_a_client() {
    let port = free_port("127.0.3.10");
    let rig = Rig::start(Habit::Watch, vec![web_socket_listen("127.0.3.10", port, 10)]);
    rig.wait_open(0);
    for (number, (request, answer)) in (0..).zip([
        (&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..], "HTTP/1.1 426 "),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "HTTP/1.1 400 "),
        (b"hello\r\n\r\n", "HTTP/1.1 400 "),
        (b"", ""),
    ]) {
        let mut peer = client("127.0.3.10", port);
        peer.write_all(request).unwrap();
        peer.shutdown(std::net::Shutdown::Write).unwrap();
        let mut all = String::new();
        peer.read_to_string(&mut all).unwrap();
        assert!(all.starts_with(answer), "{all}");
        if !request.is_empty() {
            // The session is shown what it was.
            assert_eq!(rig.next(), Seen::Data(Port(0), Peer::Connection(number), request.to_vec()));
        }
    }
    let mut endless = client("127.0.3.10", port);
    let _ = endless.write_all(&[b'x'; 100_000]);
    assert_eq!(rig.next(), Seen::Data(Port(0), Peer::Connection(4), vec![b'x'; 512]));
    let _peer = raw_client("127.0.3.10", port);
    assert!(matches!(rig.next(), Seen::Open(_, Peer::Connection(_))));
}

#[test]
fn a_web_page_gets_in_only_if_its_origin_is_allowed() {
    let port = free_port("127.0.3.31");
    let PortSpec::WebSocketListen(listen) = web_socket_listen("127.0.3.31", port, 10) else { unreachable!() };
    let origins = ["http://10.0.0.9:3000".into()].into();
    let rig = Rig::start(Habit::Watch, vec![PortSpec::WebSocketListen(Listen { origins, ..listen })]);
    rig.wait_open(0);
    let mut answers = ["http://evil.example", "http://10.0.0.9:3000"].map(|origin| {
        let mut page = client("127.0.3.31", port);
        let request = format!("GET / HTTP/1.1\r\nOrigin: {origin}\r\nSec-WebSocket-Key: x\r\n\r\n");
        page.write_all(request.as_bytes()).unwrap();
        (read_head(&mut page), page)
    });
    assert!(answers[0].0.starts_with("HTTP/1.1 403 "), "{}", answers[0].0);
    assert!(answers[1].0.starts_with("HTTP/1.1 101 "), "{}", answers[1].0);
    // The session is shown what the stranger said, and the connection ends.
    assert!(
        matches!(rig.next(), Seen::Data(_, FIRST, head) if head.starts_with(b"GET / HTTP/1.1\r\nOrigin: http://evil"))
    );
    assert_eq!(answers[0].1.read(&mut [0; 9]).unwrap_or(0), 0);
    rig.wait_open(0);
}

#[test]
fn a_silent_client_loses_its_place() {
    let port = free_port("127.0.3.11");
    let rig = Rig::start(Habit::Watch, vec![web_socket_listen("127.0.3.11", port, 1)]);
    rig.wait_open(0);
    let mut silent = client("127.0.3.11", port);
    // It takes the only place, until it has said nothing for too long.
    assert_eq!(silent.read(&mut [0; 9]).unwrap_or(0), 0);
    let _peer = raw_client("127.0.3.11", port);
    rig.wait_open(0);
}

#[test]
fn a_server_pings_its_clients_as_often_as_it_is_asked_to() {
    let port = free_port("127.0.3.30");
    let PortSpec::WebSocketListen(listen) = web_socket_listen("127.0.3.30", port, 10) else { unreachable!() };
    let often = Some(Duration::from_millis(20));
    let rig = Rig::start(Habit::Watch, vec![PortSpec::WebSocketListen(Listen { ping: often, ..listen })]);
    rig.wait_open(0);
    let mut peer = raw_client("127.0.3.30", port);
    rig.wait_open(0);
    for _ in 0..3 {
        assert_eq!(read_frame(&mut peer), (0x89, Vec::new()));
        peer.write_all(&frame(0x8a, b"")).unwrap();
    }
    // A pong is not reported to the session.
    peer.write_all(&frame(0x81, b"hello")).unwrap();
    assert_eq!(rig.next(), Seen::Data(Port(0), FIRST, b"hello".to_vec()));
}

#[test]
fn fragments_are_put_together_and_pings_in_between_are_answered() {
    let port = free_port("127.0.3.12");
    let rig = Rig::start(Habit::Watch, vec![web_socket_listen("127.0.3.12", port, 10)]);
    rig.wait_open(0);
    let mut peer = raw_client("127.0.3.12", port);
    rig.wait_open(0);
    peer.write_all(&frame(0x01, b"{\"a\":")).unwrap();
    peer.write_all(&frame(0x89, b"are you there")).unwrap();
    assert_eq!(read_frame(&mut peer), (0x8a, b"are you there".to_vec()));
    for _ in 0..1000 {
        peer.write_all(&frame(0x00, b"")).unwrap();
    }
    peer.write_all(&frame(0x80, b"1}")).unwrap();
    assert_eq!(rig.next(), Seen::Data(Port(0), FIRST, b"{\"a\":1}".to_vec()));
}

#[test]
fn a_client_at_one_byte_a_time_is_understood() {
    let port = free_port("127.0.3.13");
    let rig = Rig::start(Habit::Watch, vec![web_socket_listen("127.0.3.13", port, 10)]);
    rig.wait_open(0);
    let mut peer = client("127.0.3.13", port);
    peer.set_nodelay(true).unwrap();
    for byte in REQUEST.iter().chain(&frame(0x81, b"slowly")) {
        peer.write_all(&[*byte]).unwrap();
    }
    rig.wait_open(0);
    assert_eq!(rig.next(), Seen::Data(Port(0), FIRST, b"slowly".to_vec()));
}

#[test]
fn bytes_that_lie_close_their_own_connection_and_nothing_else() {
    let port = free_port("127.0.3.14");
    let rig = Rig::start(Habit::Watch, vec![web_socket_listen("127.0.3.14", port, 10)]);
    rig.wait_open(0);
    let mut honest = raw_client("127.0.3.14", port);
    rig.wait_open(0);
    let announced = |len: u64| {
        let mut bytes = vec![0x82, 0x80 | 127];
        bytes.extend_from_slice(&len.to_be_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes
    };
    for (what, bytes, reason) in [
        ("a length of 2^40", announced(1 << 40), Closed::TooLong),
        ("a length of 2^63", announced(1 << 63), Closed::TooLong),
        ("a length of 2^64-1", announced(u64::MAX), Closed::TooLong),
        ("a length of 16 MiB and a byte", announced((16 << 20) + 1), Closed::TooLong),
        ("an unknown opcode", frame(0x83, b"x"), Closed::Garbage),
        ("an unknown control opcode", frame(0x8f, b"x"), Closed::Garbage),
        ("reserved bits", frame(0xf1, b"x"), Closed::Garbage),
        ("a ping of 5 000 bytes", frame(0x89, &[b'p'; 5000]), Closed::Garbage),
        ("a ping in pieces", frame(0x09, b"x"), Closed::Garbage),
        ("invalid UTF-8", frame(0x81, b"\xc3\x28"), Closed::Garbage),
        ("a continuation of nothing", frame(0x80, b"x"), Closed::Garbage),
        ("noise", vec![0xff; 64], Closed::Garbage),
    ] {
        let mut peer = raw_client("127.0.3.14", port);
        let number = rig.wait_open(0);
        peer.write_all(&bytes).unwrap();
        assert_eq!(rig.next(), Seen::Close(Port(0), number, reason), "{what}");
    }
    honest.write_all(&frame(0x81, b"still here")).unwrap();
    assert_eq!(rig.next(), Seen::Data(Port(0), FIRST, b"still here".to_vec()));
}

#[test]
fn sixteen_mebibytes_are_a_message_where_the_limit_says_so_and_more_is_not_even_in_pieces() {
    let port = free_port("127.0.3.15");
    let rig = Rig::start(Habit::Watch, vec![web_socket_listen("127.0.3.15", port, 10)]);
    rig.wait_open(0);
    let mut peer = raw_client("127.0.3.15", port);
    rig.wait_open(0);
    peer.write_all(&frame(0x82, &vec![7; 16 << 20])).unwrap();
    let (_, data) = rig.wait_data(0);
    assert!(data.len() == 16 << 20 && data.iter().all(|byte| *byte == 7));
    peer.write_all(&frame(0x02, &vec![7; 9 << 20])).unwrap();
    // It may be cut off in the middle of that.
    let _ = peer.write_all(&frame(0x80, &vec![7; 9 << 20]));
    assert_eq!(rig.wait_close(0), Closed::TooLong);
}

#[test]
fn a_server_that_says_nothing_of_it_takes_short_messages_only() {
    let port = free_port("127.0.3.31");
    let (at, limits) = (endpoint("127.0.3.31", port), Limits::default());
    let rig = Rig::start(
        Habit::Watch,
        vec![PortSpec::WebSocketListen(Listen { at, limits, ping: None, origins: Default::default() })],
    );
    rig.wait_open(0);
    let mut peer = raw_client("127.0.3.31", port);
    let number = rig.wait_open(0);
    peer.write_all(&frame(0x81, &[b'x'; 64 << 10])).unwrap();
    assert_eq!(rig.wait_data(0).1.len(), 64 << 10);
    // The length alone is enough.
    peer.write_all(&frame(0x81, &[b'x'; (64 << 10) + 1])[..14]).unwrap();
    assert_eq!(rig.next(), Seen::Close(Port(0), number, Closed::TooLong));
    rig.wait_line(&["client 0 is cut off: the peer sent a message that is too long"]);
}

#[test]
fn pings_are_answered_until_nobody_reads_the_answers() {
    let port = free_port("127.0.3.32");
    let rig = Rig::start(Habit::Watch, vec![web_socket_listen("127.0.3.32", port, 10)]);
    rig.wait_open(0);
    let mut reader = raw_client("127.0.3.32", port);
    rig.wait_open(0);
    let mut deaf = raw_client("127.0.3.32", port);
    let number = rig.wait_open(0);
    let ping = frame(0x89, &[b'x'; 125]);
    // It ends when the connection does.
    while deaf.write_all(&ping.repeat(100)).is_ok() {}
    assert_eq!(rig.next(), Seen::Close(Port(0), number, Closed::NotReading));
    for _ in 0..10_000 {
        reader.write_all(&ping).unwrap();
        assert_eq!(read_frame(&mut reader), (0x8a, vec![b'x'; 125]));
    }
}

#[test]
fn a_server_that_masks_its_frames_breaks_the_rules() {
    let (listener, port) = server("127.0.3.16");
    let rig = Rig::start(Habit::Watch, vec![web_socket("127.0.3.16", port, PATIENCE)]);
    let mut peer = accept(&listener);
    read_head(&mut peer);
    peer.write_all(b"HTTP/1.1 101 Yes\r\n\r\n").unwrap();
    rig.wait_open(0);
    peer.write_all(&frame(0x81, b"masked")).unwrap();
    assert_eq!(rig.next(), Seen::Close(Port(0), ONLY, Closed::Garbage));
}

#[test]
fn an_end_in_the_middle_of_a_frame_is_a_lost_connection() {
    let (listener, port) = server("127.0.3.17");
    let rig = Rig::start(Habit::Watch, vec![web_socket("127.0.3.17", port, PATIENCE)]);
    let mut peer = accept(&listener);
    read_head(&mut peer);
    peer.write_all(b"HTTP/1.1 101 Yes\r\n\r\n\x81\x05he").unwrap();
    rig.wait_open(0);
    drop(peer);
    assert_eq!(rig.next(), Seen::Close(Port(0), ONLY, Closed::Reset));
}

#[test]
fn a_web_socket_that_stops_reading_is_full_then_writable_and_loses_nothing() {
    let (listener, port) = server("127.0.3.18");
    let rig = Rig::start(Habit::Watch, vec![web_socket("127.0.3.18", port, PATIENCE)]);
    let mut peer: WebSocket<TcpStream> = tungstenite::accept(accept(&listener)).unwrap();
    rig.wait_open(0);
    let mut sent = 0_u32;
    let full = loop {
        rig.send(0, ONLY, format!("{sent:020000}"));
        sent += 1;
        match rig.so_far().first() {
            Some(seen) => break seen.clone(),
            None => assert!(sent < 5000, "there is no end to what is taken"),
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    assert_eq!(full, Seen::Full(Port(0), ONLY));
    for number in 0..sent {
        assert_eq!(peer.read().unwrap(), Message::text(format!("{number:020000}")));
    }
    assert_eq!(rig.next(), Seen::Writable(Port(0), ONLY));
    rig.send(0, ONLY, "fresh");
    assert_eq!(peer.read().unwrap(), Message::text("fresh"));
}

#[test]
fn a_web_socket_that_never_reads_is_cut_off() {
    let port = free_port("127.0.3.19");
    let rig = Rig::start(Habit::Watch, vec![web_socket_listen("127.0.3.19", port, 1)]);
    rig.wait_open(0);
    let stream = client("127.0.3.19", port);
    let _peer = raw_upgrade(stream);
    rig.wait_open(0);
    let mut seen = Vec::new();
    while seen.len() < 2 {
        rig.send(0, FIRST, vec![b'x'; 100_000]);
        seen.extend(rig.so_far());
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(seen, [Seen::Full(Port(0), FIRST), Seen::Close(Port(0), FIRST, Closed::NotReading)]);
}

fn raw_upgrade(mut stream: TcpStream) -> WebSocket<TcpStream> {
    stream.write_all(REQUEST).unwrap();
    read_head(&mut stream);
    WebSocket::from_raw_socket(stream, Role::Client, None)
}
