//! The real binary and other RTP-MIDI implementations: the Python library `pymidi` and the Node.js package `rtpmidi`
//! invite us, are invited, reconnect and receive what we send. Without them these tests report this and pass.

mod common;

use std::path::Path;
use std::process::{Command, Stdio};

use common::osc::Osc;
use common::{Program, free_port, until};

/// Where Node.js looks for packages: the configured path, or the system-wide one.
fn node_path() -> String {
    std::env::var("NODE_PATH").unwrap_or_else(|_| {
        let root = Command::new("npm").args(["root", "-g"]).stderr(Stdio::null()).output();
        root.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
    })
}

fn works(command: &mut Command) -> bool {
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// A program in Python that uses `pymidi`, unless that is missing.
fn python(lines: &str) -> Option<Program> {
    if !works(Command::new("python3").args(["-c", "import pymidi.server"])) {
        common::skip("the Python library pymidi is not installed (python3 -m pip install pymidi)");
        return None;
    }
    let head = "import socket, sys, time\nimport pymidi.packets as packets\nimport pymidi.server as server\n\
                def say(*words): print(*words, flush=True)\n\
                def tell(commands):\n\
                \x20   for it in commands:\n\
                \x20       values = [getattr(v, 'intvalue', v) for k, v in it.params.items() if k[0] != '_']\n\
                \x20       say(it.command, it.channel, *values)\n";
    Some(start("python3", "peer.py", &format!("{head}{lines}")))
}

/// A session in Node.js, unless the package is missing.
fn node(port: u16, lines: &str) -> Option<Program> {
    if !works(Command::new("node").env("NODE_PATH", node_path()).args(["-e", "require('rtpmidi')"])) {
        eprintln!("skipped: the package rtpmidi of Node.js is not installed (npm install -g rtpmidi)");
        return None;
    }
    let head = format!(
        "const session = require('rtpmidi').manager.createSession({{\n\
         localName: 'node', bonjourName: 'node', port: {port}, published: false }}, true);\n\
         session.on('message', (time, message) => console.log('message ' + Array.from(message).join(' ')));\n\
         session.on('ready', () => console.log('ready'));\n\
         const send = (...message) => setInterval(() => {{\n\
         if (session.getStreams().some((stream) => stream.rinfo2)) session.sendMessage(0, message);\n\
         }}, 100);\n"
    );
    Some(start("node", "peer.js", &format!("{head}{lines}")))
}

fn start(program: &str, name: &str, lines: &str) -> Program {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join(name);
    std::fs::write(&file, lines).expect("a file");
    let mut command = Command::new(program);
    command.env("NODE_PATH", node_path()).current_dir(Path::new("/")).arg(file).stdin(Stdio::null());
    Program::spawn(command, folder)
}

/// A free even port with a free successor. The Node.js package distinguishes the two by their parity.
fn two_ports() -> u16 {
    let mut first = free_port();
    loop {
        let next = free_port();
        if next == first + 1 && first.is_multiple_of(2) {
            return first;
        }
        first = next;
    }
}

/// A show that exchanges values with a peer, and an OSC peer that receives and sends them.
fn show(port: u16, options: &str) -> (Program, Osc) {
    let osc = free_port();
    let hand = Osc::to(osc);
    let show = Program::show(&format!(
        "[osc hand]\nbind = 127.0.0.1 {osc}\ndestination = 127.0.0.1 {}\n\
         [rtpmidi net]\nbind = 127.0.0.1 {port}\n{options}\n[map]\n\
         hand./level > net.ch0.cc7\nhand./key > net.ch0.note60\n\
         net.ch1.cc7 > hand./heard\nnet.ch1.note60 > hand./struck\n",
        hand.port()
    ));
    (show, hand)
}

fn send_until(hand: &Osc, address: &str, level: f32, peer: &Program, line: &str) {
    until(line, || {
        hand.send(address, level);
        peer.lines().text().contains(line)
    });
}

const SERVER: &str = "class Handler(server.Handler):
    def on_peer_connected(self, peer): say('connected', peer.name)
    def on_peer_disconnected(self, peer): say('gone', peer.name)
    def on_midi_commands(self, peer, commands): tell(commands)
it = server.Server([('127.0.0.1', PORT)])
it.add_handler(Handler())
it._init_protocols()
say('ready')
while True: it._loop_once()
";

#[test]
fn pymidi_is_invited_hears_everything_and_is_told_goodbye() {
    let port = two_ports();
    let Some(peer) = python(&SERVER.replace("PORT", &port.to_string())) else { return };
    peer.wait_for("ready");
    let (show, hand) = show(two_ports(), &format!("peer = 127.0.0.1 {port}"));
    show.wait_for("established");
    peer.wait_for("connected net");
    send_until(&hand, "/level", 1.0, &peer, "control_mode_change 0 7 127");
    send_until(&hand, "/key", 0.5, &peer, "note_on 0 60 64");
    send_until(&hand, "/key", 0.0, &peer, "note_on 0 60 0");
    show.stop();
    peer.wait_for("gone net");
    assert!(!peer.lines().text().contains("malformed"), "{}", peer.lines().text());
}

#[test]
fn pymidi_that_is_started_again_is_invited_again_and_has_the_full_state() {
    let port = two_ports();
    let lines = SERVER.replace("PORT", &port.to_string());
    let Some(peer) = python(&lines) else { return };
    let (show, hand) = show(two_ports(), &format!("peer = 127.0.0.1 {port}"));
    show.wait_for("established");
    send_until(&hand, "/level", 1.0, &peer, "control_mode_change 0 7 127");
    drop(peer);
    show.wait_for("has stopped answering");
    let peer = python(&lines).expect("it was there before");
    peer.wait_for("control_mode_change 0 7 127");
    // Values after the first clock message were received, so the clock was answered.
    send_until(&hand, "/level", 0.5, &peer, "control_mode_change 0 7 64");
    // It is back before its loss is detected, and answers the clock with a new identity.
    drop(peer);
    let peer = python(&lines).expect("it was there before");
    peer.wait_for("control_mode_change 0 7 64");
    show.stop();
}

#[test]
fn node_js_that_is_started_again_is_invited_again_and_has_the_full_state() {
    let (port, other) = (two_ports(), two_ports());
    let Some(peer) = node(other, "") else { return };
    peer.wait_for("ready");
    let (show, hand) = show(port, &format!("peer = 127.0.0.1 {other}"));
    show.wait_for("established");
    send_until(&hand, "/level", 1.0, &peer, "message 176 7 127");
    drop(peer);
    let peer = node(other, "").expect("it was there before");
    peer.wait_for("message 176 7 127");
    show.stop();
}

#[test]
fn packets_of_pymidi_invite_us_are_heard_and_read_ours_with_their_journals() {
    let port = two_ports();
    let (show, hand) = show(port, "");
    let lines = format!(
        "control, data = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
for it in (control, data): it.bind(('127.0.0.1', 0)); it.settimeout(0.5)
def ask(it, packet, to):
    while True:
        it.sendto(packet, ('127.0.0.1', to))
        try: return it.recv(2000)
        except (TimeoutError, socket.timeout, ConnectionError): time.sleep(0.1)
session = dict(preamble=b'\\xff\\xff', command=b'IN', protocol_version=2, initiator_token=77, ssrc=99, name='python')
for it, to in ((control, {port}), (data, {port} + 1)):
    answer = packets.AppleMIDIExchangePacket.parse(ask(it, packets.AppleMIDIExchangePacket.build(session), to))
    assert (answer.command, answer.initiator_token, answer.name) == (b'OK', 77, 'net'), answer
clock = dict(preamble=b'\\xff\\xff', command=b'CK', ssrc=99, count=0, timestamp_1=5, timestamp_2=0, timestamp_3=0)
data.sendto(packets.AppleMIDITimestampPacket.build(clock), ('127.0.0.1', {port} + 1))
flags = dict(v=2, p=0, x=0, cc=0, m=0, pt=0x61)
header = dict(rtp_header=dict(flags=flags, sequence_number=1), timestamp=0, ssrc=99)
midi = b'\\x07\\x91\\x3c\\x40\\x00\\xb1\\x07\\x7f'
data.sendto(packets.MIDIPacketHeader.build(header) + midi, ('127.0.0.1', {port} + 1))
while True:
    try: packet = data.recv(2000)
    except (TimeoutError, socket.timeout): continue
    if packet[:4] == b'\\xff\\xffCK':
        answer = packets.AppleMIDITimestampPacket.parse(packet)
        say('clock', answer.count, answer.timestamp_1)
    else:
        packet = packets.MIDIPacket.parse(packet)
        tell(packet.command.midi_list)
        if packet.journal.channel_journal: say('journal', packet.journal.channel_journal.header.length)
"
    );
    let Some(peer) = python(&lines) else { return };
    show.wait_for("session with `python`");
    hand.wait_for("/heard", 1.0);
    peer.wait_for("clock 1 5");
    send_until(&hand, "/key", 1.0, &peer, "note_on 0 60 127");
    // A chapter of one log: eight bytes, with controller 7 too eleven.
    peer.wait_for("journal 7");
    show.stop();
}

#[test]
fn node_js_invites_us_and_both_hear_each_other() {
    let (port, other) = (two_ports(), two_ports());
    let (show, hand) = show(port, "");
    let lines = format!(
        "session.on('ready', () => session.connect({{ address: '127.0.0.1', port: {port} }}));\n\
         send(0xb1, 7, 127);\n"
    );
    let Some(peer) = node(other, &lines) else { return };
    show.wait_for("established");
    hand.wait_for("/heard", 1.0);
    send_until(&hand, "/level", 1.0, &peer, "message 176 7 127");
    send_until(&hand, "/key", 0.5, &peer, "message 144 60 64");
    show.stop();
}

#[test]
fn node_js_is_invited_and_both_hear_each_other() {
    let (port, other) = (two_ports(), two_ports());
    let Some(peer) = node(other, "send(0x91, 60, 127);\n") else {
        return;
    };
    peer.wait_for("ready");
    let (show, hand) = show(port, &format!("peer = 127.0.0.1 {other}"));
    show.wait_for("established");
    hand.wait_for("/struck", 1.0);
    send_until(&hand, "/level", 1.0, &peer, "message 176 7 127");
    show.stop();
}
