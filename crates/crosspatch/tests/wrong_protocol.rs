//! The real binary and peers on the wrong port or in the wrong framing: each is reported with a remedy and does not
//! affect others. `oscsend`, `curl` and `openssl` are used where installed.

mod common;

use std::io::Write;
use std::net::{TcpStream, UdpSocket};
use std::process::{Command, Stdio};

use common::osc::{Osc, message};
use common::{Program, free_port, until};

const ART_POLL: &[u8] = b"Art-Net\0\0\x20\0\x0e\0\0";
const SACN: &[u8] = b"\0\x10\0\0ASC-E1.17\0\0\0\x72\x6e\0\0\0\x04";
const RTP_MIDI: &[u8] = b"\x80\x61\0\x01\0\0\0\0\0\0\0\x0b\x03\x90\x3c\x7f";

/// A show that listens for everything, and what it listens on.
struct Show {
    program: Program,
    osc: u16,
    length: u16,
    slip: u16,
    pixels: u16,
    midi: u16,
    art_net: u16,
    sacn: u16,
    console: u16,
}

impl Show {
    fn start(ear: &Osc) -> Self {
        let [osc, length, slip, pixels, midi, art_net, sacn, console] = std::array::from_fn(|_| free_port());
        let program = Program::show(&format!(
            "[osc desk]\nbind = 127.0.0.1 {osc}\n\
             [osc length]\nbind = 127.0.0.1 {length}\ntransport = tcp\n\
             [osc slip]\nbind = 127.0.0.1 {slip}\ntransport = slip\n\
             [osc ear]\ndestination = 127.0.0.1 {ear}\n\
             [openpixelcontrol pixels]\nlisten = 127.0.0.1 {pixels}\n\
             [rtpmidi midi]\nmode = direct\nbind = 127.0.0.1 {midi}\n\
             [backend artnet]\nbind = 127.0.0.1 {art_net}\n[artnet art]\nuniverse = 1\n\
             [backend sacn]\nbind = 127.0.0.1 {sacn}\n[sacn acn]\nuniverse = 1\n\
             [masim console]\nlisten = 127.0.0.1 {console}\n\
             [map]\ndesk./x > ear./osc\nlength./x > ear./length\nslip./x > ear./slip\n\
             pixels.strip1.red1 > ear./pixels\nmidi.ch0.note60 > ear./midi\nart.1 > ear./art\nacn.1 > ear./acn\n\
             console.page1.fader1 > ear./console\n",
            ear = ear.port()
        ));
        program.wait_for("ready at");
        for port in [length, slip, pixels] {
            until("it listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        }
        Self { program, osc, length, slip, pixels, midi, art_net, sacn, console }
    }

    /// Waits for the notice of an instance that names a protocol and what to do.
    fn names(&self, instance: &str, protocol: &str, advice: &str) {
        let line = self.program.wait_for(&format!("sends {protocol} where"));
        assert!(line.contains(&format!(" {instance} ")) && line.contains(advice), "{line}");
    }
}

fn stream(port: u16, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    stream.write_all(bytes).expect("bytes that are taken");
    stream
}

/// A packet with its length in front, and in SLIP.
fn framed(packet: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let length = [&(packet.len() as u32).to_be_bytes()[..], packet].concat();
    (length, [b"\xc0", packet, b"\xc0"].concat())
}

/// Runs a program that others wrote, if it is there; whatever it answers is its own business.
fn run(program: &str, arguments: &[&str]) -> bool {
    let status = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if status.is_err() {
        common::skip(&format!("{program} is not installed"));
    }
    status.is_ok()
}

#[test]
fn streams_in_another_framing_are_named_with_the_option_to_set() {
    let ear = Osc::to(0);
    let show = Show::start(&ear);
    let (length, slip) = framed(&message("/x", 0.25));
    let _one = stream(show.length, &slip);
    show.names("length", "OSC in SLIP", "set `transport = slip` here");
    let _other = stream(show.slip, &length.repeat(20));
    show.names("slip", "OSC with a length before each packet", "set `transport = tcp` here");
    // Those that keep to the rules are understood beside them.
    let _good = stream(show.length, &length);
    ear.wait_for("/length", 0.25);
    let _good = stream(show.slip, &slip);
    ear.wait_for("/slip", 0.25);
    show.program.stop();
}

#[test]
fn streams_of_other_protocols_are_named_also_when_they_end_at_once() {
    let ear = Osc::to(0);
    let show = Show::start(&ear);
    let request = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n";
    let hello = b"\x16\x03\x01\x01\x31\x01\0\x01\x2d\x03\x03";
    drop(stream(show.pixels, request));
    show.names("pixels", "an HTTP request", "no web page");
    drop(stream(show.slip, hello));
    show.names("slip", "TLS", "switch encryption off");
    drop(stream(show.console, b"\x10\x0e\0\x04MQTT\x04\x02\0\x3c\0\x02ab"));
    show.names("console", "MQTT", "which needs a broker");
    let _pixels = stream(show.pixels, &[1, 0, 0, 3, 255, 0, 0]);
    ear.wait_for("/pixels", 1.0);
    show.program.stop();
}

#[test]
fn datagrams_of_other_protocols_are_named_once_with_the_instance_they_need() {
    let ear = Osc::to(0);
    let show = Show::start(&ear);
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    for (port, bytes) in [
        (show.sacn, ART_POLL),
        (show.art_net, SACN),
        (show.osc, RTP_MIDI),
        (show.midi, &message("/x", 0.5)[..]),
    ] {
        for _ in 0..50 {
            socket.send_to(bytes, ("127.0.0.1", port)).expect("a datagram");
        }
    }
    show.names("acn", "Art-Net", "an instance of `artnet`, port 6454");
    show.names("art", "sACN", "an instance of `sacn`, port 5568");
    show.names("desk", "RTP-MIDI", "an instance of `rtpmidi`");
    show.names("midi", "OSC", "an instance of `osc`");
    Osc::to(show.osc).send("/x", 0.25);
    ear.wait_for("/osc", 0.25);
    let log = show.program.lines().text();
    assert_eq!(log.matches(" is expected;").count(), 4, "{log}");
    show.program.stop();
}

#[test]
fn programs_of_others_on_the_wrong_port_are_named() {
    let ear = Osc::to(0);
    let show = Show::start(&ear);
    let url = format!("osc.udp://127.0.0.1:{}", show.art_net);
    if run("oscsend", &[&url, "/fader", "f", "0.5"]) {
        show.names("art", "OSC", "an instance of `osc`");
    }
    let url = format!("http://127.0.0.1:{}/", show.length);
    if run("curl", &["-s", "-m", "5", &url]) {
        show.names("length", "an HTTP request", "no web page");
    }
    let to = format!("127.0.0.1:{}", show.console);
    if run("openssl", &["s_client", "-connect", &to]) {
        show.names("console", "TLS", "switch encryption off");
    }
    show.program.stop();
}
