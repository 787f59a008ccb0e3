//! The real binary and sACN programs that others wrote: the Python library `sacn` and OLA send us universes and get them back on
//! others, and tshark finds nothing wrong with what we send. Where they are missing, these tests say so and pass. And what
//! the machine and the network do to universes.

mod common;

use std::net::{SocketAddr, UdpSocket};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::cable::{Cable, FAR, NEAR};
use common::ola::Ola;
use common::shark::shark;
use common::{Program, free_port, until};

/// A source is gone after 2.5 s without a packet (E1.31, network data loss); after this, it must have been noticed.
const PAST_NETWORK_DATA_LOSS: Duration = Duration::from_secs(3);

const OLA: &str = "enabled = true\nip = 10.77.0.2\ncid = 11223344-5566-7788-99aa-bbccddeeff00\ninput_ports = 2\n\
                   output_ports = 2\nrevision = 0.46\nignore_preview = true\nprepend_hostname = false\ndscp = 0\n";

/// A program in Python at the far end that uses the library `sacn`, with these lines. Without the library, says so.
fn python(cable: &Cable, lines: &str) -> Option<Program> {
    let has_sacn = Command::new("python3").args(["-c", "import sacn"]).stderr(Stdio::null()).status();
    if !has_sacn.is_ok_and(|status| status.success()) {
        common::skip("the Python library sacn is not installed (python3 -m pip install sacn)");
        return None;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("peer.py");
    let program = format!(
        "import sacn, time\n\
         def say(*words): print(*words, flush=True)\n\
         def sender(name, cid, priority, levels, universe=1):\n\
         \x20   it = sacn.sACNsender(bind_address='{FAR}', source_name=name, cid=(cid,) * 16, fps=20)\n\
         \x20   it.start()\n\
         \x20   it.activate_output(universe)\n\
         \x20   it[universe].multicast = True\n\
         \x20   it[universe].priority = priority\n\
         \x20   it[universe].dmx_data = tuple(levels)\n\
         \x20   return it\n\
         def receiver(universe):\n\
         \x20   it = sacn.sACNreceiver(bind_address='{FAR}')\n\
         \x20   it.register_listener('universe', lambda p: say('got', p.dmxStartCode, p.priority, p.sourceName, p.dmxData[:8]), universe=universe)\n\
         \x20   it.register_listener('availability', lambda universe, changed: say(changed, universe))\n\
         \x20   it.start()\n\
         \x20   it.join_multicast(universe)\n\
         \x20   return it\n\
         {lines}\n\
         say('ready')\n\
         while True: time.sleep(1)\n"
    );
    std::fs::write(&file, program).expect("a file");
    let mut command = cable.far("python3");
    command.arg(&file);
    let program = Program::spawn(command, folder);
    program.wait_for("ready");
    Some(program)
}

#[test]
fn the_python_library_sends_a_universe_and_gets_it_back_on_another() {
    let Some(cable) = Cable::lay() else { return };
    let peer = "r = receiver(101)\ns = sender('python', 1, 120, [255, 0, 128, 7, 18, 52])";
    let Some(peer) = python(&cable, peer) else { return };
    let show = cable.show(
        "[backend sacn]\nname = rack\ndetect = verbose\n\
         [sacn in]\nuniverse = 1\n[sacn out]\nuniverse = 101\npriority = 130\n\
         [map]\nin.{1..4} > out.{4..1}\nin.5+6 > out.8+7\n",
    );
    peer.wait_for("got 0 130 rack (7, 128, 0, 255, 0, 0, 52, 18)");
    peer.wait_for("available 101");
    show.wait_for("`python` at 10.77.0.2 sends universe 1 with priority 120");
    show.wait_for("`python` sends universes 1");
    let lines = show.lines().text();
    // On a busy machine the library itself may not come to send for a while.
    let mut warnings =
        lines.lines().filter(|line| line.contains("warning") && !line.contains("has been silent"));
    assert_eq!(warnings.next(), None, "in\n{lines}");
    let stopped = Instant::now();
    show.stop();
    peer.wait_for("timeout 101");
    assert!(
        stopped.elapsed() < Duration::from_secs(2),
        "the end was not told, it was noticed by the silence"
    );
}

#[test]
fn the_python_source_that_is_killed_and_started_again_is_heard_though_it_counts_anew() {
    let Some(cable) = Cable::lay() else { return };
    let show = cable.show(
        "[backend sacn]\nbind = cable\n[sacn in]\nuniverse = 1\n[loopback bus]\n[map]\nin.1 > bus.level\n",
    );
    let Some(first) = python(&cable, "s = sender('python', 1, 100, [255])") else { return };
    show.wait_for("in         1 = 1");
    drop(first);
    let Some(_second) = python(&cable, "s = sender('python', 1, 100, [51])") else { return };
    show.wait_for("in         1 = 0.2");
    show.stop();
}

#[test]
fn the_python_source_with_the_higher_priority_wins_until_it_ends() {
    let Some(cable) = Cable::lay() else { return };
    // The low one must not show while the high one sends.
    let peer = format!(
        "low = sender('low', 1, 50, [255])\nhigh = sender('high', 2, 150, [0])\n\
         time.sleep({})\nsay('ends')\nhigh.deactivate_output(1)",
        PAST_NETWORK_DATA_LOSS.as_secs()
    );
    let show = cable.show(
        "[backend sacn]\nbind = cable\n[sacn in]\nuniverse = 1\n[loopback bus]\n[map]\nin.1 > bus.level\n",
    );
    let Some(peer) = python(&cable, &peer) else { return };
    peer.wait_for("ends");
    let line = show.wait_for("in         1 = 1");
    let lines = show.lines().text();
    let first = lines.lines().find(|line| line.contains("in         1 ")).unwrap_or_default();
    assert!(first.ends_with("= 0") && line.ends_with("= 1"), "the low one flashed through in\n{lines}");
    show.stop();
}

#[test]
fn a_universe_that_the_python_library_synchronizes_is_heard() {
    let Some(cable) = Cable::lay() else { return };
    let peer = "s = sender('python', 1, 100, [0])\ns.manual_flush = True\n\
                for level in range(1, 60):\n    s[1].dmx_data = (level,)\n    s.flush()\n    time.sleep(0.05)";
    let show = cable.show("[sacn in]\nuniverse = 1\n[loopback bus]\n[map]\nin.1 > bus.level\n");
    if python(&cable, peer).is_none() {
        return;
    }
    show.wait_for(&format!("in         1 = {}", (59.0_f64 / 255.0 * 1e6).round() / 1e6));
    show.stop();
}

#[test]
fn ola_sends_a_universe_and_gets_it_back_on_another() {
    let Some(cable) = Cable::lay() else { return };
    let Some(ola) = Ola::start(&cable, "e131", OLA) else { return };
    ola.run("ola_patch -d 1 -p 0 -i -u 3");
    ola.run("ola_patch -d 1 -p 0 -u 5");
    let fields = [
        "ip.src",
        "ip.dst",
        "acn.cid",
        "acn.dmx.source_name",
        "acn.dmx.priority",
        "acn.dmx.universe",
        "acn.dmx.count",
        "acn.dmx.start_code2",
        "acn.dmx.option_s",
        "_ws.expert.message",
    ];
    let shark = shark(&cable, &fields);
    let show = cable.show(
        "[backend sacn]\ncid = 01020304-0506-0708-090a-0b0c0d0e0f10\nname = rack\n\
         [sacn in]\nuniverse = 5\n[sacn out]\nuniverse = 3\npriority = 150\nslot-priorities = on\n\
         [map]\nin.{1..4} > out.{4..1}\nin.5+6 > out.8+7\n",
    );
    until("the universe is back at OLA", || {
        ola.run("ola_set_dmx -u 5 -d 255,0,128,7,18,52");
        ola.frames(3)
            .last()
            .is_some_and(|levels| levels.starts_with(&[7, 128, 0, 255, 0, 0, 52, 18]) && levels.len() == 512)
    });
    show.stop();
    if let Some(shark) = shark {
        let ours = format!("{NEAR};239.255.0.3;01020304-0506-0708-090a-0b0c0d0e0f10;rack;150;3;513;");
        shark.wait_for(&format!("{ours}0;0;"));
        shark.wait_for(&format!("{ours}221;0;"));
        // There are three, which the kernel carries as one piece over a separate cable.
        shark.wait_for(&format!("{ours}0;1;"));
        shark.wait_for(&format!("{NEAR};239.255.250.214;"));
        let lines = shark.lines().text();
        let sent: Vec<_> = lines.lines().filter(|line| line.starts_with(NEAR)).collect();
        assert!(sent.iter().all(|line| line.ends_with(';')), "tshark complains in\n{lines}");
    }
}

#[test]
fn two_machines_talk_over_ipv6_and_by_unicast() {
    let Some(cable) = Cable::lay() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("show.cfg");
    // Both ends of the cable are one machine to those who ask it; as two they would need no `cid`.
    let sender = format!(
        "[backend sacn]\ncid = aa*16\nbind = ::\nbind = {FAR}\n[loopback bus]\n\
         [sacn six]\nuniverse = 9\npriority = 100\nstart = 1\n\
         [sacn four]\nuniverse = 10\npriority = 100\nstart = 0.2\ninterface = 1\ndestination = {NEAR}\n\
         [map]\nbus.1 > six.1\nbus.1 > four.1\n"
    );
    std::fs::write(&file, sender).expect("a file");
    let mut command = cable.far(env!("CARGO_BIN_EXE_crosspatch"));
    command.arg("run").arg(&file);
    let show = cable.show(
        "[sacn six]\nuniverse = 9\n[sacn four]\nuniverse = 10\nunicast = 1\n[loopback bus]\n\
         [map]\nsix.1 > bus.six\nfour.1 > bus.four\n",
    );
    let peer = Program::spawn(command, folder);
    show.wait_for("six        1 = 1");
    show.wait_for("four       1 = 0.2");
    peer.stop();
    show.wait_for("has ended; nobody sends universe 9 any more");
    show.wait_for("has ended; nobody sends universe 10 any more");
    show.stop();
}

/// A data packet of E1.31 as a test writes it: universe, sequence number, and the level of all slots.
fn packet(universe: u16, sequence: u8, level: u8) -> Vec<u8> {
    let mut bytes = vec![0; 638];
    bytes[..16].copy_from_slice(b"\x00\x10\x00\x00ASC-E1.17\x00\x00\x00");
    for (at, length) in [(16, 622), (38, 600), (115, 523)] {
        bytes[at..at + 2].copy_from_slice(&u16::to_be_bytes(0x7000 | length));
    }
    (bytes[21], bytes[43], bytes[108], bytes[111]) = (4, 2, 100, sequence);
    bytes[22..38].fill(0xab);
    bytes[113..115].copy_from_slice(&universe.to_be_bytes());
    bytes[117..125].copy_from_slice(&[0x02, 0xa1, 0, 0, 0, 1, 2, 1]);
    bytes[126..].fill(level);
    bytes
}

/// A show that listens to this many universes, of each of which the first slot is mapped.
fn universes(head: &str, options: &str, universes: u16) -> String {
    let mut configuration = format!("[backend sacn]\n{head}\n[loopback bus]\n");
    for universe in 1..=universes {
        configuration += &format!("[sacn u{universe}]\nuniverse = {universe}\n{options}\n");
    }
    let mapping = (1..=universes).map(|universe| format!("u{universe}.1 > bus.{universe}\n"));
    configuration + "[map]\n" + &mapping.collect::<String>()
}

/// A show that receives unicast from single hosts on its own port, and a tablet.
struct Unicast {
    show: Program,
    peer: UdpSocket,
    to: SocketAddr,
    sequence: u8,
}

impl Unicast {
    fn start(count: u16) -> Self {
        let port = free_port();
        let configuration = universes(&format!("bind = 127.0.0.1 {port}"), "unicast = 1", count);
        let show = Program::show_with(&configuration, &["--values"]);
        let peer = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        Self { show, peer, to: SocketAddr::from(([127, 0, 0, 1], port)), sequence: 0 }
    }

    fn send(&mut self, universe: u16, level: u8) {
        self.sequence = self.sequence.wrapping_add(1);
        // Refused as long as the port is closed.
        let _ = self.peer.send_to(&packet(universe, self.sequence, level), self.to);
    }

    /// Sends a level again and again until the show shows it.
    fn until_shown(&mut self, universe: u16, level: u8) {
        let value = (f64::from(level) / 255.0 * 1e6).round() / 1e6;
        let name = format!("u{universe}");
        let shown = format!("{name:<10} 1 = {value}");
        let start = self.show.lines().len();
        until(&format!("`{shown}` is shown"), || {
            self.send(universe, level);
            let lines = self.show.lines().text();
            let mut lines = lines.lines().skip(start.saturating_sub(1));
            // A level that comes after many others has their number after it.
            lines.any(|line| line.ends_with(&shown) || line.contains(&format!("{shown} (")))
        });
    }
}

#[test]
fn twenty_thousand_packets_of_foreign_universes_and_rubbish_disturb_nobody() {
    let mut stage = Unicast::start(3);
    stage.until_shown(2, 51);
    let before = stage.show.memory();
    for number in 0..20_000_u16 {
        let mut bytes = packet(1000 + number, number as u8, 255);
        match number % 4 {
            0 => {}
            1 => bytes[125] = 0xdd,
            2 => bytes.truncate(usize::from(number) % 638),
            _ => bytes[16 + usize::from(number) % 110] ^= 0x5a,
        }
        let _ = stage.peer.send_to(&bytes, stage.to);
    }
    for length in [0, 1, 65_507] {
        let _ = stage.peer.send_to(&vec![0x5a; length], stage.to);
    }
    stage.until_shown(2, 102);
    let grown = stage.show.memory().saturating_sub(before);
    assert!(grown < 20_000, "memory has grown by {grown} KiB");
    assert!(!stage.show.lines().text().contains("u2         1 = 1\n"), "{}", stage.show.lines().text());
    stage.show.stop();
}

#[test]
fn a_flood_of_levels_ends_with_the_last_one_and_leaves_memory_flat() {
    let mut stage = Unicast::start(2);
    stage.until_shown(1, 1);
    stage.until_shown(2, 1);
    let before = stage.show.memory();
    let start = Instant::now();
    let mut sent = 0_u32;
    while start.elapsed() < Duration::from_secs(2) {
        stage.send(1, (sent % 200) as u8);
        sent += 1;
    }
    assert!(sent > 10_000, "only {sent} packets in two seconds are no flood");
    stage.until_shown(2, 77);
    stage.until_shown(1, 255);
    let grown = stage.show.memory().saturating_sub(before);
    assert!(grown < 30_000, "memory has grown by {grown} KiB");
    stage.show.stop();
}

#[test]
fn a_process_that_was_stopped_holds_its_levels_and_hears_again() {
    let mut stage = Unicast::start(1);
    stage.until_shown(1, 51);
    stage.show.signal("STOP");
    std::thread::sleep(PAST_NETWORK_DATA_LOSS);
    stage.show.signal("CONT");
    stage.until_shown(1, 102);
    let lines = stage.show.lines().text();
    assert_eq!(lines.lines().filter(|line| line.contains("u1         1 ")).count(), 2, "{lines}");
    stage.show.stop();
}

#[test]
fn universes_beyond_the_descriptors_are_told_and_the_others_are_heard() {
    let Some(cable) = Cable::lay() else { return };
    let configuration = universes("bind = cable", "", 200);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("show.cfg");
    std::fs::write(&file, configuration).expect("a file");
    let mut command = cable.near("sh");
    command.args(["-c", "ulimit -n 64; exec \"$0\" run --values \"$1\"", env!("CARGO_BIN_EXE_crosspatch")]);
    command.arg(&file);
    let show = Program::spawn(command, folder);
    show.wait_for("no more sockets or files are available");
    let bytes: String = packet(1, 1, 51).iter().map(|byte| format!("{byte:02x}")).collect();
    let send = format!(
        "import socket, time\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\np = bytearray.fromhex('{bytes}')\n\
         while True:\n    p[111] = (p[111] + 1) % 256\n    s.sendto(p, ('239.255.0.1', 5568))\n    time.sleep(0.1)\n"
    );
    let mut command = cable.far("python3");
    command.args(["-c", &send]);
    let _peer = Program::spawn(command, tempfile::tempdir().expect("a folder"));
    show.wait_for("u1         1 = 0.2");
    show.stop();
}

#[test]
fn an_interface_that_comes_late_and_goes_away_is_waited_for() {
    let Some(cable) = Cable::lay() else { return };
    let inside = |line: &str| {
        let status = cable.near("sh").args(["-c", line]).status();
        assert!(status.is_ok_and(|status| status.success()), "{line}");
    };
    let show = cable.show(
        "[backend sacn]\nbind = late0\n\
         [sacn in]\nuniverse = 1\n[sacn out]\nuniverse = 2\npriority = 100\n[loopback bus]\n\
         [map]\nin.1 > bus.level\nbus.level > out.1\n",
    );
    show.wait_for("does not have that address");
    for (round, level) in [(1, 51_u8), (2, 102)] {
        inside("ip link add late0 type veth peer name far0 && ip addr add 10.88.0.1/24 dev late0");
        inside("ip link set far0 up && ip link set late0 up");
        let bytes: String = packet(1, round, level).iter().map(|byte| format!("{byte:02x}")).collect();
        let send = format!(
            "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
             s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton('10.88.0.1'))\n\
             p = bytearray.fromhex('{bytes}')\ns.sendto(p, ('239.255.0.1', 5568))\n"
        );
        let shown = format!("in         1 = {}", f64::from(level) / 255.0);
        until("the universe is heard", || {
            let mut command = cable.near("python3");
            command.args([
                "-c",
                &send.replace("s.sendto(p", "import os; p[111] = os.getpid() % 256; s.sendto(p"),
            ]);
            assert!(command.status().is_ok_and(|status| status.success()));
            show.lines().text().contains(&shown)
        });
        inside("ip link del late0");
        show.lines().wait_from(0, "interface late0 is gone");
    }
    show.stop();
}
