//! The memory of the whole program while peers on real sockets do what costs memory: they provoke answers and read none of
//! them, or begin messages and never end them. One process for each kind of port, with its own figure.

#![cfg(target_os = "linux")]

mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use common::osc::message as osc;
use common::{PATIENCE, Program, free_port, until};
use crosspatch_bench::floods::packets::{UPGRADE, frame};

/// How much a peer sends before it has shown that it costs nothing.
const FLOOD: usize = 48 << 20;

/// The same where every few bytes are a value on its way through the show.
const FLOOD_OF_VALUES: usize = 8 << 20;

/// What no peer may cost, in KiB: far less than what it sends, and more than an allocator needs for itself.
const BOUND: u64 = 16 << 10;

/// Memory that does not change for so long is steady.
const STEADY: Duration = Duration::from_millis(100);

const CONSOLE: &str = r#"{"status":"server ready", "appType":"gma2"}"#;

/// A message of OSC with its length in front.
fn packet(address: &str, level: f32) -> Vec<u8> {
    let message = osc(address, level);
    [&(message.len() as u32).to_be_bytes()[..], &message].concat()
}

/// A connection to the program. What the program does not take within the time-out, it does not take at all.
fn connect(port: u16) -> TcpStream {
    let mut stream = None;
    until("the program listens", || {
        stream = TcpStream::connect(("127.0.0.1", port)).ok();
        stream.is_some()
    });
    ready(stream.expect("a connection"))
}

fn ready(stream: TcpStream) -> TcpStream {
    stream.set_write_timeout(Some(Duration::from_secs(2))).expect("a time-out");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    stream
}

/// Reads the head of a request or of an answer.
fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).expect("a whole head");
        head.push(byte[0]);
    }
    String::from_utf8(head).expect("text")
}

/// A remote that has not logged in.
fn remote(port: u16) -> TcpStream {
    let mut stream = connect(port);
    upgrade(&mut stream);
    stream
}

fn upgrade(stream: &mut TcpStream) {
    stream.write_all(UPGRADE.as_bytes()).expect("a request sent");
    assert!(read_head(stream).starts_with("HTTP/1.1 101 "));
}

/// A console to which a remote of ours has connected.
fn console(listener: &TcpListener) -> TcpStream {
    let mut stream = accept(listener);
    let head = read_head(&mut stream);
    let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).expect("a key");
    let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).expect("an answer sent");
    stream.write_all(&frame(0x81, CONSOLE.as_bytes())).expect("a greeting sent");
    stream
}

fn accept(listener: &TcpListener) -> TcpStream {
    listener.set_nonblocking(true).expect("a socket that does not wait");
    let mut stream = None;
    until("somebody connects", || {
        stream = listener.accept().ok();
        stream.is_some()
    });
    let (stream, _) = stream.expect("a connection");
    stream.set_nonblocking(false).expect("a stream that waits");
    ready(stream)
}

/// A server of the test, and its port.
fn server() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    (listener, port)
}

/// Sends the same again and again and reads nothing, until the flood is over or the peer takes no more. Watches the memory
/// that the program takes meanwhile, and returns the most.
fn flood(program: &Program, stream: &mut TcpStream, piece: &[u8], size: usize) -> u64 {
    let block = piece.repeat((64 << 10) / piece.len().min(64 << 10));
    let mut most = 0;
    for _ in 0..size / block.len() {
        let gone = stream.write_all(&block).is_err();
        most = most.max(program.memory());
        if gone {
            break;
        }
    }
    most
}

/// A program and its memory while idle.
fn show(configuration: &str) -> (Program, u64) {
    let program = Program::show(configuration);
    let mut last = 0;
    until("the memory is steady", || {
        std::thread::sleep(STEADY);
        std::mem::replace(&mut last, program.memory()) == last
    });
    (program, last)
}

#[track_caller]
fn assert_bounded(most: u64, before: u64) {
    let growth = most.saturating_sub(before);
    assert!(growth < BOUND, "the memory grew by {growth} KiB");
}

#[test]
fn a_remote_that_pings_and_never_reads_is_cut_off() {
    let port = free_port();
    let (program, before) = show(&simulated(port));
    let mut remote = remote(port);
    let most = flood(&program, &mut remote, &frame(0x89, &[b'x'; 125]), FLOOD);
    program.wait_for("is cut off: the peer does not read what it is sent");
    assert_bounded(most.max(program.memory()), before);
    program.stop();
}

#[test]
fn remotes_that_ask_and_never_read_are_cut_off_however_many_they_are() {
    let port = free_port();
    let (program, before) = show(&simulated(port));
    let names: Vec<_> = (0..90).map(|number| format!("A{number:0500}")).collect();
    let data =
        format!(r#"{{"requestType":"getdata","data":"{}","session":1,"maxRequests":1}}"#, names.join(","));
    let open = frame(0x81, br#"{"session":0}"#);
    let ask = frame(0x81, data.as_bytes());
    let mut most = 0;
    let mut remotes: Vec<_> = (0..20).map(|_| remote(port)).collect();
    for remote in &mut remotes {
        remote.write_all(&open).expect("a session asked for");
    }
    for remote in &mut remotes {
        most = most.max(flood(&program, remote, &ask, FLOOD));
    }
    program.wait_for("is cut off: the peer does not read what it is sent");
    assert_bounded(most, before);
    program.stop();
}

#[test]
fn a_console_that_pings_and_never_reads_is_given_up() {
    let (listener, port) = server();
    let (program, before) = show(&format!(
        "[maweb ma]\nhost = 127.0.0.1 {port}\nuser = test\npassword = test\n\n[loopback loop]\n\n\
         [map]\nloop.a > ma.page1.fader1\n"
    ));
    let mut console = console(&listener);
    let most = flood(&program, &mut console, &frame(0x89, &[b'x'; 125]), FLOOD);
    program.wait_for("the peer does not read what it is sent");
    assert_bounded(most.max(program.memory()), before);
    program.stop();
}

#[test]
fn osc_clients_and_servers_that_never_read_what_they_provoke_cost_nothing() {
    for transport in ["tcp", "slip"] {
        let (listener, away) = server();
        let port = free_port();
        let (program, before) = show(&format!(
            "[osc here]\nbind = 127.0.0.1 {port}\ntransport = {transport}\n\n\
             [osc there]\ndestination = 127.0.0.1 {away}\ntransport = {transport}\n\n\
             [map]\nhere./x > here./y\nthere./x > there./y\n"
        ));
        let piece: Vec<u8> = (0..64)
            .flat_map(|step| match transport {
                "tcp" => packet("/x", step as f32 / 64.0),
                _ => [&[0xc0][..], &osc("/x", step as f32 / 64.0), &[0xc0]].concat(),
            })
            .collect();
        let mut client = connect(port);
        let mut server = accept(&listener);
        let most = flood(&program, &mut client, &piece, FLOOD_OF_VALUES).max(flood(
            &program,
            &mut server,
            &piece,
            FLOOD_OF_VALUES,
        ));
        assert_bounded(most, before);
        program.stop();
    }
}

#[test]
fn pixels_from_whom_and_for_whom_nobody_reads_cost_nothing() {
    let (listener, away) = server();
    let port = free_port();
    let (program, before) = show(&format!(
        "[openpixelcontrol in]\nlisten = 127.0.0.1 {port}\n\n\
         [openpixelcontrol out]\ndestination = 127.0.0.1 {away}\nrate = 1000\n\n\
         [map]\nin.strip1.channel{{1..300}} > out.strip1.channel{{1..300}}\n"
    ));
    let mut client = connect(port);
    let _wall = accept(&listener);
    let piece: Vec<u8> =
        [0, 255].iter().flat_map(|level| [&[1, 0, 1, 44], &[*level; 300][..]].concat()).collect();
    let most = flood(&program, &mut client, &piece, FLOOD_OF_VALUES);
    assert_bounded(most, before);
    program.stop();
}

#[test]
fn a_peer_on_udp_that_never_reads_what_it_provokes_costs_nothing() {
    let (port, deaf) = (free_port(), UdpSocket::bind("127.0.0.1:0").expect("a socket"));
    let (program, before) = show(&format!(
        "[osc here]\nbind = 127.0.0.1 {port}\ndestination = learn\n\n[map]\nhere./x > here./y\n"
    ));
    let mut most = 0;
    let to = SocketAddr::from(([127, 0, 0, 1], port));
    for number in 0..300_000_u32 {
        deaf.send_to(&osc("/x", number as f32 / 300_000.0), to).expect("a message sent");
        if number % 1000 == 0 {
            most = most.max(program.memory());
        }
    }
    assert_bounded(most, before);
    program.stop();
}

/// A connection from one of two addresses, because a server gives half of its places to one address at most.
fn connect_from(host: u8, port: u16) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let from = SocketAddr::from(([127, 0, 0, host], 0));
    socket.bind(&from.into()).expect("an address of the loopback interface");
    socket.connect(&SocketAddr::from(([127, 0, 0, 1], port)).into()).expect("a connection");
    ready(socket.into())
}

/// Has every peer begin a message that is never finished, and asserts what all of them cost together.
fn assert_beginnings_cost_little(
    configuration: &str,
    port: u16,
    prepare: fn(&mut TcpStream),
    beginning: &[u8],
) {
    let (program, before) = show(configuration);
    drop(connect(port));
    let (mut streams, mut most) = (Vec::new(), 0);
    // As many as a server takes.
    for number in 0..64 {
        let mut stream = connect_from(2 + number / 32, port);
        prepare(&mut stream);
        for part in beginning.chunks(1 << 20) {
            // Most are too long, and their connection ends in the middle.
            let gone = stream.write_all(part).is_err();
            most = most.max(program.memory());
            if gone {
                break;
            }
        }
        streams.push(stream);
    }
    // The last of it has been read as soon as the next client is answered, or one of them is let go.
    drop(streams);
    until("there is room again", || {
        most = most.max(program.memory());
        let mut probe = connect(port);
        probe.set_read_timeout(Some(Duration::from_millis(100))).expect("a time-out");
        !matches!(probe.read(&mut [0]), Ok(0))
    });
    assert_bounded(most, before);
    program.stop();
}

#[test]
fn remotes_that_have_not_logged_in_cost_kilobytes_whatever_they_begin() {
    let piece = vec![b'x'; 60_000];
    let in_pieces: Vec<u8> =
        std::iter::once(frame(0x01, &piece)).chain((0..270).map(|_| frame(0x00, &piece))).flatten().collect();
    let long = frame(0x81, &vec![b'x'; 16 << 20]);
    let short = [frame(0x01, &[b'x'; 32_000]), frame(0x00, &[b'x'; 32_000])].concat();
    for beginning in [&long[..long.len() - 1], &in_pieces, &short[..short.len() - 1]] {
        let port = free_port();
        assert_beginnings_cost_little(&simulated(port), port, upgrade, beginning);
    }
}

#[test]
fn clients_that_never_finish_their_request_cost_kilobytes() {
    let port = free_port();
    let head = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(16 << 20));
    assert_beginnings_cost_little(&simulated(port), port, |_| {}, head.as_bytes());
}

#[test]
fn clients_of_osc_and_pixels_cost_kilobytes_whatever_they_begin() {
    for (transport, first) in [("tcp", &65_536_u32.to_be_bytes()[..]), ("tcp", &[0x7f; 4]), ("slip", &[0xc0])]
    {
        let port = free_port();
        let configuration = format!(
            "[osc here]\nbind = 127.0.0.1 {port}\ntransport = {transport}\n\n[map]\nhere./x > here./y\n"
        );
        let len = if transport == "slip" { 1 << 20 } else { 65_000 };
        let beginning = [first, &vec![b'x'; len]].concat();
        assert_beginnings_cost_little(&configuration, port, |_| {}, &beginning);
    }
    let port = free_port();
    let configuration = format!(
        "[openpixelcontrol in]\nlisten = 127.0.0.1 {port}\n\n[loopback loop]\n\n\
         [map]\nin.strip1.red1 > loop.a\n"
    );
    let beginning = [&[1, 0, 0xff, 0xff][..], &[7; 65_000]].concat();
    assert_beginnings_cost_little(&configuration, port, |_| {}, &beginning);
}

fn simulated(port: u16) -> String {
    format!(
        "[masim sim]\nconsole = gma2\nlisten = 127.0.0.1 {port}\n\n[loopback loop]\n\n[map]\nsim.page1.fader1 > loop.a\n"
    )
}
