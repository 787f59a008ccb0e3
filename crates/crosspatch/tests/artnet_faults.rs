//! The real binary on a bad day of an Art-Net network: ports that are taken, floods, stops, and cables that are pulled.

mod common;

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use common::cable::{Cable, FAR, NEAR};
use common::osc::Osc;
use common::{PATIENCE, Program, free_port, until};

/// An ArtDmx packet of a universe of net 0.
fn dmx(universe: u8, levels: &[u8]) -> Vec<u8> {
    let mut packet = b"Art-Net\0\x00\x50\x00\x0e\x00\x00".to_vec();
    packet.extend_from_slice(&[universe, 0]);
    packet.extend_from_slice(&(levels.len() as u16).to_be_bytes());
    packet.extend_from_slice(levels);
    packet
}

/// The same of universe 0, with a sequence number.
fn numbered(sequence: u8, levels: &[u8]) -> Vec<u8> {
    let mut packet = dmx(0, levels);
    packet[12] = sequence;
    packet
}

/// A node on a port of 127.0.0.1 that takes whatever universe it is sent.
struct Node {
    socket: UdpSocket,
}

impl Node {
    fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        socket.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        Self { socket }
    }

    fn port(&self) -> u16 {
        self.socket.local_addr().expect("a bound socket").port()
    }

    /// The levels of the next packet.
    fn frame(&self) -> Vec<u8> {
        let mut buffer = [0; 2048];
        let len = self.socket.recv(&mut buffer).expect("a packet in time");
        assert_eq!(&buffer[..10], b"Art-Net\0\x00\x50", "something else than ArtDmx");
        buffer[18..len].to_vec()
    }

    /// Waits for a packet with these levels at its beginning.
    fn wait_for(&self, levels: &[u8]) {
        let start = Instant::now();
        while !self.frame().starts_with(levels) {
            assert!(start.elapsed() < PATIENCE, "no packet begins with {levels:?}");
        }
    }

    /// Everything that has come by now.
    fn frames_so_far(&self) -> Vec<Vec<u8>> {
        self.socket.set_nonblocking(true).expect("a socket that does not wait");
        let mut frames = Vec::new();
        let mut buffer = [0; 2048];
        while let Ok(len) = self.socket.recv(&mut buffer) {
            frames.push(buffer[18..len].to_vec());
        }
        self.socket.set_nonblocking(false).expect("a socket that waits");
        frames
    }
}

/// A universe that comes in on `port` and goes out to a node as universe 1.
fn relay(port: u16, node: &Node) -> Program {
    let to = node.port();
    Program::show(&format!(
        "[backend artnet]\nbind = 127.0.0.1 {port}\n[artnet in]\n[artnet out]\nuniverse = 1\ndestination = 127.0.0.1 {to}\n\
         [map]\nin.{{1..4}} > out.{{1..4}}\n"
    ))
}

/// Sends levels until the node has them.
fn send_until_there(port: u16, node: &Node, levels: &[u8]) {
    let desk = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    until("the levels are at the node", || {
        // The port may still be closed.
        let _ = desk.send_to(&dmx(0, levels), ("127.0.0.1", port));
        node.socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a time-out");
        let mut buffer = [0; 2048];
        node.socket.recv(&mut buffer).is_ok_and(|len| buffer[18..len].starts_with(levels))
    });
    node.socket.set_read_timeout(Some(PATIENCE)).expect("a time-out");
}

#[test]
fn an_artnet_port_that_is_taken_is_named_and_had_as_soon_as_it_is_free() {
    let taken = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let (port, node) = (taken.local_addr().expect("an address").port(), Node::new());
    let show = relay(port, &node);
    show.wait_for("in use");
    drop(taken);
    show.wait_for("works again");
    send_until_there(port, &node, &[9, 8, 7, 6]);
    show.stop();
}

#[test]
fn a_flood_of_universes_leaves_memory_flat_and_the_last_level_arrives() {
    let (port, node) = (free_port(), Node::new());
    let show = relay(port, &node);
    send_until_there(port, &node, &[1, 1, 1, 1]);
    let before = show.memory();
    let desk = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    for number in 0..200_000_u32 {
        let levels = [number as u8; 512];
        // A full send buffer is part of a flood.
        let _ = desk.send_to(&dmx((number % 7) as u8, &levels), ("127.0.0.1", port));
    }
    send_until_there(port, &node, &[42, 43, 44, 45]);
    let grown = show.memory().saturating_sub(before);
    assert!(grown < 16 * 1024, "{grown} KiB more after the flood");
    show.stop();
}

#[test]
fn a_show_that_was_stopped_goes_on_with_the_present_levels_and_without_a_burst() {
    let (port, node) = (free_port(), Node::new());
    let show = relay(port, &node);
    send_until_there(port, &node, &[1, 2, 3, 4]);
    show.signal("STOP");
    let desk = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    // Two seconds of a moving desk.
    for step in 0..88_u8 {
        desk.send_to(&dmx(0, &[step, step, step, 99]), ("127.0.0.1", port)).expect("a packet sent");
    }
    node.frames_so_far();
    show.signal("CONT");
    node.wait_for(&[87, 87, 87, 99]);
    let late = node.frames_so_far().len();
    assert!(late < 10, "{late} more packets came with it");
    show.stop();
}

#[test]
fn the_last_levels_still_go_out_when_the_show_ends() {
    let node = Node::new();
    let (port, listen, to) = (free_port(), free_port(), node.port());
    let show = Program::show(&format!(
        "[backend artnet]\nbind = 127.0.0.1 {port}\n[artnet out]\ndestination = 127.0.0.1 {to}\n[osc tablet]\nbind = 127.0.0.1 {listen}\n\
         [map]\ntablet./a > out.1\n"
    ));
    let tablet = Osc::to(listen);
    until("a level is at the node", || {
        tablet.send("/a", 1.0);
        node.socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a time-out");
        node.socket.recv(&mut [0; 2048]).is_ok()
    });
    // Directly after a frame, so that these wait for the next ones.
    for level in [0.0, 1.0, 0.0, 1.0, 0.2] {
        tablet.send("/a", level);
    }
    let took = show.stop();
    assert!(took < Duration::from_secs(1), "the end took {took:?}");
    let frames = node.frames_so_far();
    assert_eq!(frames.last().map(|frame| frame[0]), Some(51), "{} frames", frames.len());
}

#[test]
fn a_cable_that_is_pulled_and_plugged_in_again_has_both_universes_again() {
    let Some(cable) = Cable::lay() else { return };
    let near = cable.show(&format!(
        "[artnet in]\nuniverse = 5\n[artnet out]\nuniverse = 3\ndestination = {FAR}\n[map]\nin.1 > out.1\n"
    ));
    let far = cable.far_show("[artnet in]\nuniverse = 3\n[loopback bus]\n[map]\nin.1 > bus.1\n");
    for (level, shown) in [(51, "0.2"), (102, "0.4"), (153, "0.6")] {
        let packet: String = dmx(5, &[level, 0]).iter().map(|byte| format!("{byte:02x}")).collect();
        let send = format!(
            "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\
             .sendto(bytes.fromhex('{packet}'), ('{NEAR}', 6454))"
        );
        until("the level has gone there and back", || {
            let status =
                cable.far("python3").args(["-c", &send]).stderr(std::process::Stdio::null()).status();
            assert!(status.is_ok(), "python3 starts");
            far.lines().text().contains(&format!("in         1 = {shown}"))
        });
        cable.pull_and_plug_in();
    }
    near.stop();
    far.stop();
}

/// A network holds a packet for half a second at most.
const LONGER_THAN_A_NETWORK_HOLDS_A_PACKET: Duration = Duration::from_millis(600);

#[test]
fn a_script_that_is_started_again_and_counts_from_1_is_heard_at_once() {
    let (port, node) = (free_port(), Node::new());
    let show = relay(port, &node);
    let run = |first: u8, count: u8| {
        let script = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        for number in 1..=count {
            let packet = numbered(number, &[first + number, 0]);
            script.send_to(&packet, ("127.0.0.1", port)).expect("a packet that goes out");
        }
        Instant::now()
    };
    send_until_there(port, &node, &[1, 1]);
    run(0, 12);
    node.wait_for(&[12]);
    std::thread::sleep(LONGER_THAN_A_NETWORK_HOLDS_A_PACKET);
    let started = run(100, 3);
    node.wait_for(&[103]);
    assert!(started.elapsed() < Duration::from_secs(5), "heard after {:?}", started.elapsed());
    show.stop();
}

#[test]
fn a_script_that_sends_one_number_for_ever_works_and_is_told() {
    let (port, node) = (free_port(), Node::new());
    let show = relay(port, &node);
    let script = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    send_until_there(port, &node, &[1, 1]);
    let mut level = 0_u8;
    until("the number is told", || {
        level = level.wrapping_add(1);
        script.send_to(&numbered(7, &[level, 0]), ("127.0.0.1", port)).expect("a packet that goes out");
        show.lines().text().contains("127.0.0.1 repeats sequence number 7 of 0:0:0")
    });
    node.wait_for(&[level]);
    show.stop();
}
