//! What must not disturb a show, with the real binary: bad consoles, bad bytes, a bad machine. Everything that is the
//! protocol's own is tested in virtual time beside its backend.

#![expect(clippy::wildcard_enum_match_arm, reason = "what a bad console does right, it does like all others")]

mod common;
#[path = "faults/peers.rs"]
mod peers;

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::process::Command;
use std::time::{Duration, Instant};

use common::osc::message as osc;
use common::{Program, free_port, until};
use peers::{BadConsole, FullBacklog, Manner};

/// What a fault may cost a mapping that has nothing to do with it.
const DISTURBANCE: Duration = Duration::from_millis(5);

/// A mapping that has nothing to do with the fault: what is sent to `x` comes out again as `y`.
struct Healthy {
    input: SocketAddr,
    socket: UdpSocket,
    sent: u32,
}

impl Healthy {
    fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.set_read_timeout(Some(Duration::from_secs(2))).expect("a time-out");
        Self { input: SocketAddr::from(([127, 0, 0, 1], free_port())), socket, sent: 0 }
    }

    /// The part of the configuration that describes it. The mapping comes last, so that more of them can follow.
    fn configuration(&self, instances: &str) -> String {
        let (listen, answer) = (self.input.port(), self.socket.local_addr().expect("an address").port());
        format!(
            "[osc healthy]\nbind = 127.0.0.1 {listen}\ndestination = 127.0.0.1 {answer}\n/* = f 0 1\n\n{instances}\n\
             [map]\nhealthy./x > healthy./y\n"
        )
    }

    /// How long one value takes to come out, or nothing if it does not within two seconds.
    fn pass(&mut self) -> Option<Duration> {
        self.sent += 1;
        let value = (self.sent % 1000) as f32 / 1000.0;
        let expected = osc("/y", value);
        let start = Instant::now();
        self.socket.send_to(&osc("/x", value), self.input).expect("a message sent");
        let mut buffer = [0; 64];
        while start.elapsed() < Duration::from_secs(2) {
            match self.socket.recv(&mut buffer) {
                Ok(count) if buffer[..count] == expected => return Some(start.elapsed()),
                Ok(_) => {}
                Err(_) => return None,
            }
        }
        None
    }

    fn wait(&mut self) {
        until("the healthy mapping works", || {
            self.socket.set_read_timeout(Some(Duration::from_millis(100))).expect("a time-out");
            self.pass().is_some()
        });
        self.socket.set_read_timeout(Some(Duration::from_secs(2))).expect("a time-out");
    }

    /// Passes values for a while and asserts that the fault does not show. The machine may be busy with other tests, and
    /// then values are late through no fault of ours, but so they are in a show without the fault at the same time. A
    /// stalled loop is later than that in every round.
    fn assert_undisturbed(&mut self, what: &str) {
        let passed =
            |healthy: &mut Self| healthy.pass().unwrap_or_else(|| panic!("a value was lost beside {what}"));
        let mut control: Option<(Self, Program)> = None;
        let mut worst = Vec::new();
        for _round in 0..20 {
            let (mut here, mut elsewhere) = (Duration::ZERO, Duration::ZERO);
            for _ in 0..100 {
                here = here.max(passed(self));
                if let Some((control, _)) = &mut control {
                    elsewhere = elsewhere.max(passed(control));
                }
            }
            worst.push((here, elsewhere));
            if here < elsewhere.max(DISTURBANCE) {
                return;
            }
            control.get_or_insert_with(|| {
                let mut healthy = Self::new();
                let program = Program::show(&healthy.configuration(""));
                healthy.wait();
                (healthy, program)
            });
        }
        panic!("{what} disturbs an unrelated mapping, beside one in a show without it: {worst:?}");
    }
}

fn console(name: &str, address: SocketAddr) -> String {
    format!("[maweb {name}]\nhost = {} {}\nuser = test\npassword = test\n\n", address.ip(), address.port())
}

/// A show with one console and the healthy mapping.
fn show_with_console(healthy: &Healthy, address: SocketAddr) -> Program {
    let mapping = "healthy./fader > ma.page1.fader1\nma.page1.fader1 > healthy./feedback\n";
    Program::show(&(healthy.configuration(&console("ma", address)) + mapping))
}

#[test]
fn no_console_however_it_misbehaves_disturbs_another_mapping() {
    let manners = [
        Manner::Silent,
        Manner::SilentAfterUpgrade,
        Manner::Status(404),
        Manner::Status(301),
        Manner::Status(500),
        Manner::NoSession,
        Manner::ClosesPolitely,
        Manner::Resets,
        Manner::HalfFrame,
        Manner::SilentAfterLogin,
        Manner::StopsReading,
        Manner::BadLogin,
        Manner::NoMoreSessions(-1),
        Manner::NoMoreSessions(-2),
        Manner::BadFrames,
        Manner::BadJson,
    ];
    for manner in manners {
        let peer = BadConsole::start(manner);
        let mut healthy = Healthy::new();
        let program = show_with_console(&healthy, peer.address);
        healthy.wait();
        until("the console was called", || peer.connections() > 0);
        // Values for the bad console, all the time.
        let fader = |value: f32| {
            healthy.socket.send_to(&osc("/fader", value), healthy.input).expect("a message sent")
        };
        (0_u8..200).for_each(|step| {
            fader(f32::from(step) / 255.0);
        });
        healthy.assert_undisturbed(&format!("a console that is {manner:?}"));
        program.stop();
    }
}

#[test]
fn a_host_that_does_not_answer_and_a_name_that_does_not_resolve_disturb_nobody() {
    let silent = FullBacklog::start();
    let mut healthy = Healthy::new();
    let instances = console("silent", silent.address)
        + "[maweb nameless]\nhost = no-such-console.invalid 80\nuser = test\n\n[maweb refused]\nhost = 127.0.0.1 1\nuser = test\n";
    let mapping = "healthy./f{1..3} > silent.page1.fader{1..3}\nhealthy./f{1..3} > nameless.page1.fader{1..3}\n\
                   healthy./f{1..3} > refused.page1.fader{1..3}\n";
    let program = Program::show(&(healthy.configuration(&instances) + mapping));
    healthy.wait();
    healthy.assert_undisturbed("a silent, a nameless and a refusing host");
    program.wait_for("refused");
    program.stop();
}

#[test]
fn a_port_that_is_taken_is_named_and_had_as_soon_as_it_is_free() {
    let mut healthy = Healthy::new();
    let taken = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let port = taken.local_addr().expect("an address").port();
    let instances = format!("[osc late]\nbind = 127.0.0.1 {port}\n/* = f 0 1\n");
    let program = Program::show(&(healthy.configuration(&instances) + "late./x > healthy./late\n"));
    healthy.wait();
    let line = program.wait_for("in use");
    assert!(line.contains(&format!("pid {}", std::process::id())), "{line}");
    healthy.assert_undisturbed("a port that is taken");
    drop(taken);
    let mut buffer = [0; 64];
    healthy.socket.set_read_timeout(Some(Duration::from_millis(100))).expect("a time-out");
    until("the port is had", || {
        healthy.socket.send_to(&osc("/x", 0.5), ("127.0.0.1", port)).expect("a message sent");
        healthy.socket.recv(&mut buffer).is_ok_and(|count| buffer[..count].starts_with(b"/late"))
    });
    program.stop();
}

#[test]
fn garbage_on_a_udp_port_is_counted_and_nothing_else() {
    let mut healthy = Healthy::new();
    let program = Program::show(&healthy.configuration(""));
    healthy.wait();
    let garbage: [&[u8]; 7] = [b"", b"#", &[0xff; 65_507], b"#bundle\0", b"/x", b"/x\0\0,f\0\0", b",,,,,,,,"];
    for _ in 0..200 {
        for packet in garbage {
            healthy.socket.send_to(packet, healthy.input).expect("a packet sent");
        }
    }
    healthy.wait();
    healthy.assert_undisturbed("garbage");
    let lines = program.lines().len();
    assert!(lines < 40, "{lines} lines for 1400 packets of garbage:\n{}", program.lines().text());
    program.stop();
}

#[test]
fn a_flood_leaves_memory_flat_and_the_last_value_arrives() {
    let mut healthy = Healthy::new();
    let sink = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    sink.set_read_timeout(Some(Duration::from_millis(50))).expect("a time-out");
    let (flooded, out) = (free_port(), sink.local_addr().expect("an address").port());
    let instances =
        format!("[osc flooded]\nbind = 127.0.0.1 {flooded}\ndestination = 127.0.0.1 {out}\n/* = f 0 1\n");
    let program = Program::show(&(healthy.configuration(&instances) + "flooded./in > flooded./out\n"));
    healthy.wait();
    let before = program.memory();
    let flood = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let end = Instant::now() + Duration::from_secs(2);
    let mut sent = 0_u32;
    while Instant::now() < end {
        for _ in 0..500 {
            let value = (sent % 4096) as f32 / 8192.0;
            // A full send buffer is part of a flood.
            let _ = flood.send_to(&osc("/in", value), ("127.0.0.1", flooded));
            sent += 1;
        }
    }
    let growth = program.memory().saturating_sub(before);
    assert!(growth < 8 << 10, "{sent} messages made the memory grow by {growth} KiB");
    let mut buffer = [0; 64];
    until("the last value came out", || {
        flood.send_to(&osc("/in", 0.75), ("127.0.0.1", flooded)).expect("a message sent");
        flood.send_to(&osc("/in", 0.8), ("127.0.0.1", flooded)).expect("a message sent");
        sink.recv(&mut buffer).is_ok_and(|count| buffer[..count] == osc("/out", 0.8))
    });
    healthy.assert_undisturbed("a flood that is over");
    program.stop();
}

#[test]
fn a_thousand_connections_to_a_server_of_ours_are_limited_and_disturb_nobody() {
    let mut healthy = Healthy::new();
    let port = free_port();
    let instances = format!("[masim sim]\nconsole = gma2\nlisten = 127.0.0.1 {port}\n");
    let program = Program::show(&(healthy.configuration(&instances) + "healthy./sim > sim.page1.fader1\n"));
    healthy.wait();
    until("the simulator listens", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    let before = program.memory();
    let clients: Vec<_> =
        (0..1000).filter_map(|_| std::net::TcpStream::connect(("127.0.0.1", port)).ok()).collect();
    healthy.assert_undisturbed("a thousand connections");
    let growth = program.memory().saturating_sub(before);
    assert!(growth < 32 << 10, "{} connections made the memory grow by {growth} KiB", clients.len());
    drop(clients);
    program.stop();
}

#[test]
fn a_process_that_was_stopped_for_a_while_goes_on_and_ends_cleanly() {
    let mut healthy = Healthy::new();
    let program = Program::show(&healthy.configuration(""));
    healthy.wait();
    program.signal("STOP");
    assert!(healthy.pass().is_none(), "a stopped process answered");
    program.signal("CONT");
    healthy.wait();
    program.stop();
}

/// With or without a sequencer in the kernel: the device is not there.
#[test]
fn a_midi_device_that_is_missing_disturbs_nobody_and_the_show_ends_cleanly() {
    let mut healthy = Healthy::new();
    let instances = "[midi pads]\nread = a device that nobody has\nwrite = a device that nobody has\n";
    let mapping = "healthy./pad <> pads.ch0.cc7\n";
    let program = Program::show(&(healthy.configuration(instances) + mapping));
    healthy.wait();
    healthy.assert_undisturbed("a missing device");
    program.stop();
}

#[test]
fn sixty_four_descriptors_are_enough_for_what_is_open_and_no_reason_to_die() {
    let mut healthy = Healthy::new();
    let port = free_port();
    let instances = format!("[masim sim]\nconsole = gma2\nlisten = 127.0.0.1 {port}\n");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("show.cfg");
    std::fs::write(&file, healthy.configuration(&instances) + "healthy./sim > sim.page1.fader1\n")
        .expect("a file");
    let mut command = Command::new("sh");
    let script = r#"ulimit -n 64; exec "$0" run "$1""#;
    command
        .args(["-c", script, env!("CARGO_BIN_EXE_crosspatch")])
        .arg(&file)
        .stdin(std::process::Stdio::null());
    let program = Program::spawn(command, folder);
    healthy.wait();
    let clients: Vec<_> =
        (0..200).filter_map(|_| std::net::TcpStream::connect(("127.0.0.1", port)).ok()).collect();
    assert!(clients.len() > 64);
    healthy.assert_undisturbed("a process without descriptors");
    drop(clients);
    healthy.assert_undisturbed("a process that has them again");
    program.stop();
}

#[test]
fn two_instances_on_one_port_are_told_apart_by_a_notice_and_the_first_one_works() {
    let mut healthy = Healthy::new();
    let instances = format!("[osc second]\nbind = 127.0.0.1 {}\n/* = f 0 1\n", healthy.input.port());
    let program = Program::show(&(healthy.configuration(&instances) + "second./z > healthy./z\n"));
    healthy.wait();
    program.wait_for("in use");
    healthy.assert_undisturbed("another instance on the same port");
    program.stop();
}

#[test]
fn two_way_mappings_through_loopback_end_and_are_named() {
    let mut healthy = Healthy::new();
    let mapping = "healthy./loop > a.x\na.x <> b.x\n";
    let program = Program::show(&(healthy.configuration("[loopback a]\n[loopback b]\n") + mapping));
    healthy.wait();
    healthy.socket.send_to(&osc("/loop", 0.5), healthy.input).expect("a message sent");
    program.wait_for("a loop");
    healthy.assert_undisturbed("a loop");
    program.stop();
}

#[test]
fn a_console_that_freezes_disturbs_nobody_and_has_the_full_state_when_it_thaws() {
    let port = free_port();
    let console = Program::start(&["sim", "gma2", "--listen", &format!("127.0.0.1:{port}")]);
    let mut healthy = Healthy::new();
    let instances = format!("[maweb ma]\nhost = 127.0.0.1 {port}\nuser = crosspatch\n");
    let program = Program::show(&(healthy.configuration(&instances) + "healthy./fader > ma.page1.fader6\n"));
    healthy.wait();
    program.wait_for("logged in");
    // As if its network were cut: the connection stays, and nothing answers.
    console.signal("STOP");
    let lines = program.lines().len();
    healthy.socket.send_to(&osc("/fader", 0.375), healthy.input).expect("a message sent");
    healthy.assert_undisturbed("a frozen console");
    program.lines().wait_from(lines, "it has stopped answering");
    program.lines().wait_from(lines, "no answer in time");
    healthy.assert_undisturbed("a console that does not come back");
    let lines = program.lines().len();
    console.signal("CONT");
    program.lines().wait_from(lines, "logged in");
    console.wait_for("page1.fader6 = 0.375");
    program.stop();
    console.stop();
}

#[test]
fn a_console_that_is_restarted_on_the_same_port_is_found_again_with_the_full_state() {
    let healthy = Healthy::new();
    let console_port = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
        listener.local_addr().expect("an address")
    };
    let simulate = || {
        let listen = format!("127.0.0.1:{}", console_port.port());
        Program::start(&["sim", "gma2", "--listen", &listen])
    };
    let mut input = Healthy { socket: healthy.socket.try_clone().expect("a socket"), ..healthy };
    let instances = format!(
        "[maweb ma]\nhost = 127.0.0.1 {}\nuser = crosspatch\npassword = midimonster\n",
        console_port.port()
    );
    let mapping = "healthy./fader > ma.page1.fader1\nma.page1.fader1 > healthy./feedback\n";
    let first = simulate();
    let program = Program::show(&(input.configuration(&instances) + mapping));
    input.wait();
    program.wait_for("logged in");
    let target = osc("/fader", 0.625);
    input.socket.send_to(&target, input.input).expect("a message sent");
    first.wait_for("page1.fader1");
    first.stop();
    let lines = program.lines().len();
    input.assert_undisturbed("a console that has gone");
    let second = simulate();
    program.lines().wait_from(lines, "logged in");
    let line = second.wait_for("page1.fader1");
    assert!(line.contains("0.625"), "the state was not sent again: {line}");
    program.stop();
    second.stop();
}

/// For how long a console is gone.
const OUTAGES: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(8)];

/// A console that is back is tried about every second, and a log-in takes a few answers.
const SOON: Duration = Duration::from_millis(1500);

#[test]
fn a_console_that_is_killed_and_comes_back_is_logged_in_to_a_second_later() {
    let port = free_port();
    let start = || {
        let console = Program::start(&["sim", "gma2", "--listen", &format!("127.0.0.1:{port}")]);
        console.wait_for("is ready at");
        console
    };
    let mut console = start();
    let instances = format!("[loopback bus]\n[maweb ma]\nhost = 127.0.0.1 {port}\nuser = crosspatch\n");
    let program = Program::show(&(instances + "[map]\nbus.level > ma.page1.fader1\n"));
    program.wait_for("logged in");
    for outage in OUTAGES {
        // On a busy machine, the programs themselves may take longer.
        let is_soon = (0..3).any(|_| {
            let lines = program.lines().len();
            console.signal("KILL");
            program.lines().wait_from(lines, "lost the console");
            std::thread::sleep(outage);
            let lines = program.lines().len();
            console = start();
            let back = Instant::now();
            program.lines().wait_from(lines, "logged in");
            back.elapsed() < SOON
        });
        assert!(is_soon, "after {outage:?}:\n{}", program.lines().text());
    }
    let text = program.lines().text();
    assert!(text.contains("; trying again every second"), "{text}");
    program.stop();
    console.stop();
}

/// Whether this machine lets a test create namespaces. If not, the test reports this and passes.
fn has_namespaces(kind: &str, tool: &str) -> bool {
    let works = |command: &[&str]| {
        let output = Command::new(command[0]).args(&command[1..]).output();
        output.is_ok_and(|output| output.status.success())
    };
    let has = works(&["unshare", kind, "true"]) && works(&["sh", "-c", &format!("command -v {tool}")]);
    if !has {
        eprintln!("skipped: this needs `unshare {kind}`, with the right to use it, and `{tool}`");
    }
    has
}

#[test]
fn an_interface_whose_address_comes_goes_and_comes_again_is_waited_for() {
    if !has_namespaces("-n", "ip") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("show.cfg");
    let configuration = "[osc desk]\nbind = 10.9.9.9 8000\n[loopback bus]\n[map]\ndesk./x > bus.x\n";
    std::fs::write(&file, configuration).expect("a file");
    let mut command = Command::new("unshare");
    let start = r#"ip link set lo up && exec "$0" run --values "$1""#;
    command.args(["-n", "sh", "-c", start, env!("CARGO_BIN_EXE_crosspatch")]).arg(&file);
    command.stdin(std::process::Stdio::null());
    let program = Program::spawn(command, folder);
    program.wait_for("does not have that address");

    let process = program.id().to_string();
    let inside = |line: &str| {
        let status = Command::new("nsenter").args(["-t", &process, "-n", "bash", "-c", line]).status();
        status.is_ok_and(|status| status.success())
    };
    for number in 1..=3_u8 {
        assert!(inside("ip link set lo up && ip addr add 10.9.9.9/32 dev lo"), "the interface comes up");
        let value = f32::from(number) / 4.0;
        let bytes: String = osc("/x", value).iter().map(|byte| format!("\\x{byte:02x}")).collect();
        let shown = format!("desk       /x = {value}");
        until("the value comes in", || {
            // Refused as long as the port is closed.
            inside(&format!("printf '{bytes}' > /dev/udp/10.9.9.9/8000 2>/dev/null"));
            program.lines().text().contains(&shown)
        });
        assert!(inside("ip addr del 10.9.9.9/32 dev lo && ip link set lo down"), "the interface goes down");
    }
    program.stop();
}

#[test]
fn without_proc_a_taken_port_is_still_told() {
    if !has_namespaces("-m", "mount") {
        return;
    }
    let taken = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let port = taken.local_addr().expect("an address").port();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("show.cfg");
    let configuration =
        format!("[osc desk]\nbind = 127.0.0.1 {port}\n[loopback bus]\n[map]\ndesk./x > bus.x\n");
    std::fs::write(&file, configuration).expect("a file");
    let mut command = Command::new("unshare");
    let hide = r#"mount -t tmpfs none /proc && exec "$0" run "$1""#;
    command.args(["-m", "sh", "-c", hide, env!("CARGO_BIN_EXE_crosspatch")]).arg(&file);
    command.stdin(std::process::Stdio::null());
    let program = Program::spawn(command, folder);
    program.wait_for("in use by another program");
    program.stop();
}
