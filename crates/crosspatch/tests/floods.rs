//! Floods from outside: while one instance is attacked, another one of the same show passes its values, the memory of the
//! program stays bounded, and the last value arrives at the attacked instance as well.
//!
//! The order proves it, and no clock. The program is stopped while the flood, then the last value of the attacked instance and
//! then the values of the other one are sent. When it goes on, all of them wait for it, and what comes out first was handled
//! first.

#![cfg(target_os = "linux")]

mod common;

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::osc::Osc;
use common::{PATIENCE, Program, free_port, until};
use crosspatch_bench::floods::packets;
use rosc::OscType;

/// By how much the memory may grow, in KiB. Without a bound, bundles of patterns need about ten MiB each.
const BOUND: u64 = 64 << 10;

/// How many addresses or targets there are where that makes the attack.
const MANY: usize = 30_000;

/// How many values pass through the mapping that has nothing to do with the attack.
const UNRELATED: u16 = 64;

/// After this time without anything the last value is sent again: the kernel had no room for it.
const AGAIN: Duration = Duration::from_millis(500);

/// The kernel takes no more of a stream when it has taken nothing for so long.
const QUIET: Duration = Duration::from_millis(50);

/// What is done to an instance of a show.
struct Attack {
    instances: String,
    /// Mappings, one of which has the target `eye./last`.
    mappings: String,
    flood: Flood,
    /// What sets the channel of that mapping.
    last: fn(f32) -> Vec<u8>,
}

enum Flood {
    Datagrams(Vec<Vec<u8>>),
    /// What a client says first, and what it says then.
    Stream(Vec<u8>, Vec<u8>),
}

/// The attacker's way to the attacked instance.
enum Way {
    Datagrams(UdpSocket, u16),
    Stream(TcpStream),
}

impl Way {
    fn open(port: u16, flood: &Flood) -> Self {
        match flood {
            Flood::Datagrams(_) => Self::Datagrams(UdpSocket::bind("127.0.0.1:0").expect("a socket"), port),
            Flood::Stream(greeting, _) => {
                let mut stream = None;
                until("the program listens", || {
                    stream = TcpStream::connect(("127.0.0.1", port)).ok();
                    stream.is_some()
                });
                let mut stream = stream.expect("a connection");
                stream.write_all(greeting).expect("a greeting sent");
                // A peer that does not read the answers is disconnected.
                let mut answers = stream.try_clone().expect("the other half");
                std::thread::spawn(move || {
                    let mut buffer = vec![0; 64 << 10];
                    while matches!(answers.read(&mut buffer), Ok(1..)) {}
                });
                Self::Stream(stream)
            }
        }
    }

    fn send(&self, packet: &[u8]) {
        match self {
            Self::Datagrams(socket, port) => {
                socket.send_to(packet, ("127.0.0.1", *port)).expect("a datagram sent");
            }
            Self::Stream(stream) => (&*stream).write_all(packet).expect("a message sent"),
        }
    }

    /// Sends the flood and the last value to a program that is stopped. A stream takes as much as the kernel keeps, and the rest
    /// when the program goes on.
    fn flood(&self, flood: Flood, last: Vec<u8>) {
        match (self, flood) {
            (Self::Datagrams(..), Flood::Datagrams(packets)) => {
                packets.iter().chain([&last]).for_each(|packet| self.send(packet));
            }
            (Self::Stream(stream), Flood::Stream(_, bytes)) => {
                let mut stream = stream.try_clone().expect("a stream");
                let taken = Arc::new(AtomicUsize::new(0));
                let written = taken.clone();
                std::thread::spawn(move || {
                    for part in [bytes, last].concat().chunks(16 << 10) {
                        // The assertions say what did not arrive.
                        if stream.write_all(part).is_err() {
                            return;
                        }
                        written.fetch_add(part.len(), Ordering::Relaxed);
                    }
                });
                let mut before = 0;
                until("the kernel takes no more", || {
                    std::thread::sleep(QUIET);
                    let now = taken.load(Ordering::Relaxed);
                    std::mem::replace(&mut before, now) == now && now > 0
                });
            }
            _ => unreachable!("the way was opened for this flood"),
        }
    }
}

/// Makes an attack, and asserts that all values of another mapping come out before the last one of the attacked instance, that
/// this one comes out, and that the memory stays within bounds. Returns the program.
fn assert_undisturbed(port: u16, attack: Attack) -> Program {
    let Attack { instances, mappings, flood, last } = attack;
    let unrelated_port = free_port();
    let eye = Osc::to(unrelated_port);
    let program = Program::show_with(
        &format!(
            "{instances}\n[osc unrelated]\nbind = 127.0.0.1 {unrelated_port}\n\n[osc eye]\ndestination = 127.0.0.1 {}\n\n\
             [map]\nunrelated./x > eye./y\n{mappings}",
            eye.port()
        ),
        &["--log-format", "json"],
    );
    eye.until_answered("/x", "/y");
    let way = Way::open(port, &flood);
    until("the attacked instance passes values", || {
        way.send(&last(0.25));
        matches!(eye.hear(Duration::from_millis(100)), Some((address, _)) if address == "/last")
    });
    while eye.hear(Duration::from_millis(200)).is_some() {}
    let before = program.memory();

    program.signal("STOP");
    way.flood(flood, last(1.0));
    for step in 1..=UNRELATED {
        eye.send("/x", f32::from(step) / 1024.0);
    }
    program.signal("CONT");

    let (mut unrelated, mut most) = (Vec::new(), before);
    let start = Instant::now();
    let mut heard = Instant::now();
    loop {
        most = most.max(program.memory());
        match eye.hear(Duration::from_millis(10)) {
            Some((address, OscType::Float(level))) if address == "/last" && level > 0.9 => break,
            Some((address, OscType::Float(level))) if address == "/y" => {
                heard = Instant::now();
                unrelated.push(level);
            }
            Some(_) => heard = Instant::now(),
            None if heard.elapsed() > AGAIN && matches!(way, Way::Datagrams(..)) => {
                heard = Instant::now();
                way.send(&last(1.0));
            }
            None => {}
        }
        assert!(
            start.elapsed() < PATIENCE,
            "the last value does not arrive at the attacked instance:\n{}",
            program.lines().text()
        );
    }
    let expected: Vec<_> = (1..=UNRELATED).map(|step| f32::from(step) / 1024.0).collect();
    assert_eq!(
        unrelated.len(),
        expected.len(),
        "values of the unrelated mapping that came out before the last one of the attacked instance"
    );
    assert_eq!(unrelated, expected);
    let growth = most.max(program.memory()).saturating_sub(before);
    assert!(growth < BOUND, "the memory grew by {growth} KiB");
    program
}

/// A receiver of OSC over TCP, which takes everything and keeps the last level of each address.
fn last_levels() -> (u16, Arc<Mutex<HashMap<String, f32>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let levels = Arc::<Mutex<HashMap<String, f32>>>::default();
    let shown = levels.clone();
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a connection");
        let mut stream = std::io::BufReader::new(stream);
        let (mut len, mut message) = ([0; 4], Vec::new());
        while stream.read_exact(&mut len).is_ok() {
            message.resize(u32::from_be_bytes(len) as usize, 0);
            stream.read_exact(&mut message).expect("a whole message");
            let end = message.iter().position(|byte| *byte == 0).expect("the end of an address");
            let address = String::from_utf8(message[..end].to_vec()).expect("an address");
            let level = f32::from_be_bytes(*message.last_chunk().expect("a level"));
            shown.lock().expect("no panic").insert(address, level);
        }
    });
    (port, levels)
}

fn all_have(levels: &Mutex<HashMap<String, f32>>, level: f32) -> bool {
    let levels = levels.lock().expect("no panic");
    levels.len() == MANY && levels.values().all(|value| *value == level)
}

/// An attacked OSC instance with a mapping, and one whose destination `away` does not matter.
fn osc(port: u16, transport: &str, away: &str, mapping: &str, flood: Flood) -> Attack {
    Attack {
        instances: format!(
            "[osc attacked]\nbind = 127.0.0.1 {port}\ntransport = {transport}\n\n[osc away]\ndestination = {away}\n"
        ),
        mappings: format!("{mapping}\nattacked./f/last > eye./last\n"),
        flood,
        last: |level| packets::message("/f/last", level),
    }
}

/// A socket whose datagrams are never read, and its endpoint.
fn unread() -> (UdpSocket, String) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let port = socket.local_addr().expect("an address").port();
    (socket, format!("127.0.0.1 {port}"))
}

/// Sends this many bundles full of patterns, each of which matches all addresses that are mapped to many targets.
fn assert_patterns_are_harmless(count: usize) {
    let (port, (away, levels)) = (free_port(), last_levels());
    let [pattern, last] = [0.5, 0.75].map(|level| packets::message("/*", level));
    let flood = Flood::Datagrams(vec![packets::full_bundle(&pattern, &last); count]);
    let away = format!("127.0.0.1 {away}\ntransport = tcp");
    let mapping = format!("attacked./a{{1..{MANY}}} > away./a{{1..{MANY}}}");
    let program = assert_undisturbed(port, osc(port, "udp", &away, &mapping, flood));
    program.wait_for(r#""id":"osc-pattern""#);
    until("each address has the level of the last message", || all_have(&levels, 0.75));
    program.stop();
}

#[test]
fn one_bundle_of_patterns_leaves_another_mapping_its_turn_and_ends_in_the_last_state() {
    assert_patterns_are_harmless(1);
}

#[test]
fn bundles_of_patterns_leave_another_mapping_its_turn_and_end_in_the_last_state() {
    assert_patterns_are_harmless(16);
}

#[test]
fn messages_to_many_targets_leave_another_mapping_its_turn_and_end_in_the_last_state() {
    let (port, (away, levels)) = (free_port(), last_levels());
    let flood = (1..=64_u16).map(|step| packets::message("/x", f32::from(step) / 64.0)).collect();
    let away = format!("127.0.0.1 {away}\ntransport = tcp");
    let mapping = format!("attacked./x > away./a{{1..{MANY}}}");
    let attack = osc(port, "udp", &away, &mapping, Flood::Datagrams(flood));
    let program = assert_undisturbed(port, attack);
    until("each target has the last level", || all_have(&levels, 1.0));
    program.stop();
}

#[test]
fn large_datagrams_leave_another_mapping_its_turn() {
    for packet in [packets::nested(&packets::message("/x", 0.5)), packets::blob("/x", 65_000)] {
        let (port, (_unread, away)) = (free_port(), unread());
        let flood = Flood::Datagrams(vec![packet; 48]);
        assert_undisturbed(port, osc(port, "udp", &away, "attacked./x > away./x", flood)).stop();
    }
}

#[test]
fn streams_of_small_and_empty_messages_leave_another_mapping_its_turn() {
    let small = packets::message("/x", 0.5);
    for (transport, piece) in
        [("tcp", packets::with_length(&small)), ("tcp", vec![0; 4]), ("slip", packets::slip(&small))]
    {
        let (port, (_unread, away)) = (free_port(), unread());
        let bytes = piece.repeat((4 << 20) / piece.len());
        let attack = osc(port, transport, &away, "attacked./x > away./x", Flood::Stream(Vec::new(), bytes));
        let last: fn(f32) -> Vec<u8> = match transport {
            "tcp" => |level| packets::with_length(&packets::message("/f/last", level)),
            _ => |level| packets::slip(&packets::message("/f/last", level)),
        };
        assert_undisturbed(port, Attack { last, ..attack }).stop();
    }
}

#[test]
fn frames_of_many_universes_leave_another_mapping_its_turn() {
    let (port, (_unread, away)) = (free_port(), unread());
    let mut instances = format!(
        "[backend artnet]\nbind = 127.0.0.1 {port}\n\n[osc away]\ndestination = {away}\n\n\
         [artnet last]\nuniverse = 200\n"
    );
    let mut mappings = "last.1 > eye./last\n".to_owned();
    for universe in 0..100 {
        instances += &format!("[artnet in{universe}]\nuniverse = {universe}\n");
        mappings += &format!("in{universe}.{{1..512}} > away./{universe}/{{1..512}}\n");
    }
    let frames = (0..1000_u16).map(|at| packets::art_dmx(at % 100, (at / 100) as u8 * 20));
    let flood = Flood::Datagrams(frames.collect());
    let last = |level| packets::art_dmx(200, (level * 255.0) as u8);
    assert_undisturbed(port, Attack { instances, mappings, flood, last }).stop();
}

#[test]
fn journals_of_rtpmidi_leave_another_mapping_its_turn() {
    let (port, (_unread, away)) = (free_port(), unread());
    let instances = format!(
        "[rtpmidi attacked]\nmode = direct\nlearn = on\nbind = 127.0.0.1 {port}\n\n[osc away]\ndestination = {away}\n"
    );
    let controllers = |channel| format!("attacked.ch{channel}.cc{{0..127}} > away./{channel}/{{0..127}}\n");
    let mappings: String = (0..16).map(controllers).collect();
    let journals = (1..=64_u16).map(|number| {
        let mut packet = packets::journal(number as u8);
        packet[packets::RTP_NUMBER..packets::RTP_NUMBER + 2].copy_from_slice(&(number * 2).to_be_bytes());
        packet
    });
    let attack = Attack {
        instances,
        mappings: mappings + "attacked.ch0.pitch > eye./last\n",
        flood: Flood::Datagrams(journals.collect()),
        // A pitch bend of another sender, whose packets have numbers of their own.
        last: |level| {
            let bend = (level * 16_383.0) as u16;
            let number = if level < 0.9 { 1 } else { 1_000 };
            vec![0x80, 0x61, (number >> 8) as u8, number as u8, 0, 0, 0, 0, 0xfe, 0xed, 0xfa, 0xce]
                .into_iter()
                .chain([3, 0xe0, bend as u8 & 0x7f, (bend >> 7) as u8])
                .collect()
        },
    };
    assert_undisturbed(port, attack).stop();
}

#[test]
fn requests_and_pongs_to_a_simulated_console_leave_another_mapping_its_turn() {
    // Few and short answers: a client that provokes more than it reads in time is cut off, as it should be.
    let large =
        format!(r#"{{"requestType":"getdata","data":"SET","more":"{}","session":1}}"#, "x".repeat(60_000));
    let log_in = r#"{"requestType":"login","username":"test","password":"2807623134739142b119aff358f8a219","session":1}"#;
    let greeting = [
        packets::UPGRADE.into(),
        packets::frame(0x81, br#"{"session":0}"#),
        packets::frame(0x81, log_in.as_bytes()),
    ];
    for piece in [packets::frame(0x81, large.as_bytes()), packets::frame(0x8a, &[b'x'; 125])] {
        let port = free_port();
        let attack = Attack {
            instances: format!("[masim attacked]\nlisten = 127.0.0.1 {port}\n"),
            mappings: "attacked.page1.fader6 > eye./last\n".into(),
            flood: Flood::Stream(greeting.concat(), piece.repeat((4 << 20) / piece.len())),
            last: |level| {
                let request = format!(
                    r#"{{"requestType":"playbacks_userInput","execIndex":5,"pageIndex":0,"faderValue":{level},"type":1,"session":1,"maxRequests":0}}"#
                );
                packets::frame(0x81, request.as_bytes())
            },
        };
        assert_undisturbed(port, attack).stop();
    }
}
