//! The real binary and Open Pixel Control: OLA and the client of the Open Pixel Control project send us pixels and get them, and
//! servers and clients that misbehave on real sockets. Where the programs of others are missing, their tests say so and pass.

mod common;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use common::cable::Cable;
use common::ola::Ola;
use common::osc::Osc;
use common::{PATIENCE, Program, free_port, until};

const OLA: &str = "enabled = true\n\
                   target = 10.77.0.1:7890\ntarget_10.77.0.1:7890_channel = 3\n\
                   listen = 10.77.0.2:7890\nlisten_10.77.0.2:7890_channel = 5\n";

/// A message with 8-bit colours.
fn pixels(strip: u8, levels: &[u8]) -> Vec<u8> {
    let mut message = vec![strip, 0];
    message.extend_from_slice(&(levels.len() as u16).to_be_bytes());
    message.extend_from_slice(levels);
    message
}

/// A server of pixels on 127.0.0.1.
struct Wall(TcpListener);

impl Wall {
    fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").expect("a free port"))
    }

    fn port(&self) -> u16 {
        self.0.local_addr().expect("an address").port()
    }

    /// The next connection.
    fn accept(&self) -> TcpStream {
        self.0.set_nonblocking(true).expect("a socket that does not wait");
        let mut stream = None;
        until("somebody connects", || {
            stream = self.0.accept().ok();
            stream.is_some()
        });
        let (stream, _) = stream.expect("somebody has connected");
        stream.set_nonblocking(false).expect("a stream that waits");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        stream
    }
}

/// The next message: its strip, its command and its data. It has to come whole.
fn hear(stream: &mut TcpStream) -> (u8, u8, Vec<u8>) {
    let mut header = [0; 4];
    stream.read_exact(&mut header).expect("a header in time");
    let [strip, command, high, low] = header;
    let mut data = vec![0; usize::from(u16::from_be_bytes([high, low]))];
    stream.read_exact(&mut data).expect("the rest of the message in time");
    (strip, command, data)
}

/// Receives messages until one is for this strip and begins with these levels. Returns the number of earlier messages.
fn wait_for(stream: &mut TcpStream, strip: u8, levels: &[u8]) -> usize {
    let start = Instant::now();
    for before in 0.. {
        let (heard, command, data) = hear(stream);
        assert_eq!(command, 0);
        if heard == strip && data.starts_with(levels) {
            return before;
        }
        assert!(start.elapsed() < PATIENCE, "no message for strip {strip} begins with {levels:?}");
    }
    unreachable!("a stream without end")
}

/// A show that receives pixels and sends the first of strip 1 to `ear`. Returns the port for clients.
fn listening(ear: &Osc) -> (Program, u16) {
    let port = free_port();
    let show = Program::show(&format!(
        "[openpixelcontrol pattern]\nlisten = 127.0.0.1 {port}\n[osc ear]\ndestination = 127.0.0.1 {}\n[map]\n\
         pattern.strip1.{{red1,green1}} > ear./{{red,green}}\n",
        ear.port()
    ));
    until("it listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    (show, port)
}

fn client(port: u16) -> TcpStream {
    TcpStream::connect(("127.0.0.1", port)).expect("a connection")
}

/// A show that sends a strip of this many pixels, of which the first two and the last follow `/x`. Returns who moves them.
fn sending(to: u16, pixels: u32) -> (Program, Osc) {
    let port = free_port();
    let show = Program::show(&format!(
        "[openpixelcontrol wall]\ndestination = 127.0.0.1 {to}\nrate = 1000\n[osc hand]\nbind = 127.0.0.1 {port}\n\
         [loopback bus]\n[map]\nhand./x > wall.strip1.{{red,green,blue}}{{1,2,{pixels}}}\n\
         hand./x | threshold 0.999 | print \"full\" > bus.full\n"
    ));
    show.wait_for("connected");
    (show, Osc::to(port))
}

/// Sets everything to full after a flood. Datagrams may be lost in it, so the value is repeated until it arrives.
fn send_full(show: &Program, hand: &Osc) {
    let start = show.lines().len();
    until("what comes behind the flood is heard", || {
        hand.send("/x", 1.0);
        show.lines().text().lines().skip(start).any(|line| line.ends_with("full: 1"))
    });
}

#[test]
fn ola_sends_pixels_and_gets_them_back_on_another_strip() {
    let Some(cable) = Cable::lay() else { return };
    let Some(ola) = Ola::start(&cable, "openpixelcontrol", OLA) else { return };
    ola.run("ola_patch -d 1 -p 3 -u 3");
    ola.run("ola_patch -d 2 -p 5 -i -u 5");
    let show = cable.show(
        "[openpixelcontrol pixels]\nlisten = 10.77.0.1 7890\ndestination = 10.77.0.2 7890\n[map]\n\
         pixels.strip3.{red,green,blue}{1..2} > pixels.strip5.{blue,green,red}{2..1}\n",
    );
    until("the pixels are back at OLA, the other way round", || {
        ola.run("ola_set_dmx -u 3 -d 255,0,128,7,18,52");
        ola.frames(5).last().is_some_and(|levels| levels.starts_with(&[52, 18, 7, 128, 0, 255]))
    });
    let lines = show.lines().text();
    assert!(!lines.contains("warning"), "{lines}");
    show.stop();
}

#[test]
fn the_client_of_the_project_is_understood_on_every_channel() {
    let has_library = Command::new("python3").args(["-c", "import opclib"]).output();
    if !has_library.is_ok_and(|output| output.status.success()) {
        common::skip("the Python library opclib is not installed (python3 -m pip install opclib)");
        return;
    }
    let ear = Osc::to(9);
    let (show, port) = listening(&ear);
    for (keeps_connection, channel, red) in [("True", 1, 51), ("False", 0, 102), ("True", 0, 255)] {
        let program = format!(
            "from opclib.opc import Client\n\
             assert Client('127.0.0.1:{port}', {keeps_connection}).put_pixels([({red}, 0, 0)] * 64, channel={channel})\n"
        );
        let status = Command::new("python3").args(["-c", &program]).status();
        assert!(status.expect("Python starts").success());
        ear.wait_for("/red", f32::from(red as u8) / 255.0);
    }
    show.stop();
}

#[test]
fn a_server_that_goes_in_any_manner_is_found_again_and_gets_the_present_state() {
    let wall = Wall::new();
    let (show, hand) = sending(wall.port(), 3);
    let mut stream = wall.accept();
    for step in 1..=8_u8 {
        hand.send("/x", f32::from(step) / 255.0);
        wait_for(&mut stream, 1, &[step; 6]);
        if step % 2 == 0 {
            // The rest is never read, which is a reset to the other end.
            hand.send("/x", 0.5);
            std::thread::yield_now();
            drop(stream);
        } else {
            stream.shutdown(std::net::Shutdown::Both).expect("an end");
        }
        hand.send("/x", f32::from(100 + step) / 255.0);
        stream = wall.accept();
        wait_for(&mut stream, 1, &[100 + step; 6]);
    }
    show.stop();
}

#[test]
fn a_server_that_loses_its_cable_is_given_up_and_has_the_present_state_when_it_is_back() {
    let Some(cable) = Cable::lay() else { return };
    let server = cable.far_show(
        "[openpixelcontrol pixels]\nlisten = 10.77.0.2 7890\n[loopback bus]\n[map]\npixels.strip1.red1 > bus.1\n",
    );
    let show = cable.show(
        "[openpixelcontrol hand]\nlisten = 10.77.0.1 7890\n[openpixelcontrol wall]\ndestination = 10.77.0.2 7890\n[map]\n\
         hand.strip1.red1 > wall.strip1.red1\n",
    );
    let put = |level: u8| {
        let message =
            pixels(1, &[level, 0, 0]).into_iter().map(|byte| format!("\\x{byte:02x}")).collect::<String>();
        let line = format!("printf '{message}' > /dev/tcp/10.77.0.1/7890");
        let output = cable.near("bash").args(["-c", &line]).output();
        output.is_ok_and(|output| output.status.success())
    };
    until("the show listens", || put(51));
    server.wait_for("strip1.red1 = 0.2");
    cable.pull_far();
    let lines = show.lines().len();
    assert!(put(102));
    show.lines().wait_from(lines, "trying again");
    assert!(put(153));
    cable.plug_in_far();
    server.wait_for("strip1.red1 = 0.6");
    assert!(!server.lines().text().contains("strip1.red1 = 0.4"), "{}", server.lines().text());
    show.stop();
    server.stop();
}

#[test]
fn a_server_that_reads_late_gets_whole_messages_and_soon_the_latest() {
    let wall = Wall::new();
    let (show, hand) = sending(wall.port(), 20_000);
    let mut stream = wall.accept();
    hand.send("/x", 1.0 / 255.0);
    wait_for(&mut stream, 1, &[1; 6]);
    let before = show.memory();
    // Sixty megabytes a second, which are never read.
    let end = Instant::now() + Duration::from_secs(2);
    for step in 0_u32.. {
        hand.send("/x", (step % 200) as f32 / 255.0);
        std::thread::yield_now();
        if Instant::now() > end {
            break;
        }
    }
    send_full(&show, &hand);
    let growth = show.memory().saturating_sub(before);
    assert!(growth < 16 << 10, "{growth} KiB wait for a server that does not read");
    let stale = wait_for(&mut stream, 1, &[255; 6]);
    assert!(stale < 200, "{stale} messages came before the latest");
    show.stop();
}

#[test]
fn a_server_that_never_reads_is_given_up_and_the_end_does_not_wait_for_it() {
    let wall = Wall::new();
    let (show, hand) = sending(wall.port(), 20_000);
    let deaf = wall.accept();
    until("it is given up", || {
        for level in 0..=254_u8 {
            hand.send("/x", f32::from(level) / 255.0);
        }
        show.lines().text().contains("does not read")
    });
    send_full(&show, &hand);
    let mut next = wall.accept();
    wait_for(&mut next, 1, &[255; 6]);
    for level in 0..=254_u8 {
        hand.send("/x", f32::from(level) / 255.0);
    }
    let took = show.stop();
    assert!(took < Duration::from_secs(3), "it took {took:?} to end");
    drop(deaf);
}

#[test]
fn clients_that_lie_or_babble_spoil_their_own_connection_only() {
    let ear = Osc::to(9);
    let (show, port) = listening(&ear);
    let mut unfinished = client(port);
    unfinished.write_all(&[1, 0, 0xff, 0xff, 255, 255, 255]).expect("sent");
    let mut other_language = client(port);
    other_language.write_all(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").expect("sent");
    let mut babbler = client(port);
    babbler.write_all(&[0xd5; 1 << 20]).expect("sent");
    show.wait_for("sends the unknown command 213; is it a client of Open Pixel Control?");
    show.wait_for("sends an HTTP request where Open Pixel Control is expected");
    let mut half = client(port);
    half.write_all(&pixels(1, &[255; 6])[..8]).expect("sent");
    drop(half);

    let mut slow = client(port);
    slow.set_nodelay(true).expect("a stream without delay");
    for byte in [&pixels(1, &[51, 0, 0])[..], &[0, 255, 0, 2, 0, 1], &pixels(0, &[51, 255])].concat() {
        slow.write_all(&[byte]).expect("sent");
    }
    ear.wait_for("/red", 0.2);
    slow.write_all(&pixels(0, &[102, 51, 0, 9])).expect("sent");
    ear.wait_for("/green", 0.2);
    let lines = show.lines().len();
    assert!(lines < 20, "{lines} lines:\n{}", show.lines().text());
    show.stop();
}

#[test]
fn a_thousand_clients_are_limited_and_the_next_one_is_served() {
    let ear = Osc::to(9);
    let (show, port) = listening(&ear);
    let before = show.memory();
    let crowd: Vec<_> = (0..1000)
        .filter_map(|_| {
            let mut client = TcpStream::connect(("127.0.0.1", port)).ok()?;
            client.write_all(&pixels(1, &[7; 60_000])[..59_000]).ok()?;
            Some(client)
        })
        .collect();
    assert!(crowd.len() > 64, "only {} clients", crowd.len());
    let growth = show.memory().saturating_sub(before);
    assert!(growth < 32 << 10, "{} clients made the memory grow by {growth} KiB", crowd.len());
    drop(crowd);
    until("a client is heard again", || {
        let sent = client(port).write_all(&pixels(1, &[255, 0, 0]));
        sent.is_ok() && ear.hear(Duration::from_millis(50)).is_some_and(|(address, _)| address == "/red")
    });
    show.stop();
}

#[test]
fn a_flood_of_frames_leaves_memory_flat_and_the_last_one_counts() {
    let (wall, port) = (Wall::new(), free_port());
    // Frames go on as frames over TCP, so that what is missing in the end was lost here and not on the way.
    let show = Program::show(&format!(
        "[openpixelcontrol pattern]\nlisten = 127.0.0.1 {port}\n[openpixelcontrol wall]\ndestination = 127.0.0.1 {}\n[map]\n\
         pattern.strip1.{{red,green,blue}}{{1,2}} > wall.strip1.{{red,green,blue}}{{1,2}}\n",
        wall.port()
    ));
    let mut stream = wall.accept();
    until("it listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    let seen = std::thread::spawn(move || wait_for(&mut stream, 1, &[51, 102, 0, 255, 204, 153]));
    let mut flood = client(port);
    let before = show.memory();
    let end = Instant::now() + Duration::from_secs(1);
    for level in (0..=255).cycle() {
        flood.write_all(&pixels(1, &[level; 3000])).expect("sent");
        if Instant::now() > end {
            break;
        }
    }
    let growth = show.memory().saturating_sub(before);
    assert!(growth < 8 << 10, "the memory grew by {growth} KiB");
    flood.write_all(&pixels(1, &[51, 102, 0, 255, 204, 153])).expect("sent");
    seen.join().expect("the last frame arrives");
    show.stop();
}

#[test]
fn a_port_that_is_taken_is_named_and_had_as_soon_as_it_is_free() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("an address").port();
    let ear = Osc::to(9);
    let show = Program::show(&format!(
        "[openpixelcontrol pattern]\nlisten = 127.0.0.1 {port}\n[osc ear]\ndestination = 127.0.0.1 {}\n[map]\n\
         pattern.strip1.red1 > ear./red\n",
        ear.port()
    ));
    show.wait_for("in use");
    drop(taken);
    show.wait_for("works again");
    client(port).write_all(&pixels(0, &[255, 0, 0])).expect("sent");
    ear.wait_for("/red", 1.0);
    show.stop();
}
