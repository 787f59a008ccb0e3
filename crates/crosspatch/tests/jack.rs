//! The real binary beside a JACK server without a sound card, with jack_midiseq and jack_midi_dump, which others wrote. Without
//! them (Debian's `jackd2`, from Debian 13 on with `jack-example-tools`) these tests say so and pass.

#![cfg(target_os = "linux")]

mod common;

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use common::osc::Osc;
use common::{Program, free_port, until};

/// Whether the peers are here; says so if not.
fn has_jack() -> bool {
    let is_there = |name: &str| {
        let shell = format!("command -v {name}");
        let found = Command::new("sh").args(["-c", &shell]).stdout(Stdio::null()).status();
        found.is_ok_and(|status| status.success())
    };
    let mut missing = vec!["jackd", "jack_lsp", "jack_connect", "jack_midiseq", "jack_midi_dump"];
    missing.retain(|name| !is_there(name));
    if !missing.is_empty() {
        eprintln!(
            "skipped: {missing:?} missing (Debian: apt-get install jackd2, and jack-example-tools from Debian 13 on)"
        );
    }
    missing.is_empty()
}

/// An unused server name.
fn server_name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("crosspatch-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Starts one of JACK's programs for a server.
fn start(server: &str, program: &str, arguments: &[&str]) -> Program {
    let mut command = Command::new(program);
    command.args(arguments).env("JACK_DEFAULT_SERVER", server).env("JACK_NO_AUDIO_RESERVATION", "1");
    command.stdin(Stdio::null());
    Program::spawn(command, tempfile::tempdir().expect("a folder"))
}

/// A server without a sound card.
struct Server {
    program: Program,
    name: String,
}

impl Server {
    /// Starts one that processes a block each five milliseconds.
    fn start(name: &str) -> Self {
        Self { program: start_server(name), name: name.to_owned() }
    }
}

fn start_server(name: &str) -> Program {
    let arguments = ["--no-realtime", "-n", name, "-d", "dummy", "-r", "48000", "-p", "256"];
    let mut server = None;
    // There is room for eight on a machine, and others may have them for a while.
    until("a server has room", || {
        let mut program = start(name, "jackd", &arguments);
        let has_begun = |program: &Program| program.lines().text().contains("self-connect-mode");
        until("the server has begun or given up", || has_begun(&program) || !program.runs());
        server = has_begun(&program).then_some(program);
        server.is_some()
    });
    server.expect("a server has begun")
}

/// Ends a server in good order, if it still runs.
fn end_server(program: &mut Program) {
    if program.runs() {
        program.signal("CONT");
        program.signal("TERM");
        program.wait();
    }
}

/// A machine has room for eight names of servers. One that was killed, or whose clients were, may keep its place; the next of
/// that name gives it back when it ends.
impl Drop for Server {
    fn drop(&mut self) {
        end_server(&mut self.program);
        end_server(&mut start_server(&self.name));
    }
}

/// Connects two ports as soon as they are there.
fn connect(server: &str, from: &str, to: &str) {
    until(&format!("`{from}` is connected to `{to}`"), || {
        let mut command = Command::new("jack_connect");
        command.args([from, to]).env("JACK_DEFAULT_SERVER", server);
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.expect("jack_connect starts").success() || is_connected(server, from, to)
    });
}

/// Whether two ports are connected: in the list that `jack_lsp -c` writes, a port's connections follow it, indented.
fn is_connected(server: &str, from: &str, to: &str) -> bool {
    let output = Command::new("jack_lsp").args(["-c", from]).env("JACK_DEFAULT_SERVER", server).output();
    let text = String::from_utf8(output.expect("jack_lsp starts").stdout).expect("names in UTF-8");
    text.lines().any(|line| line.trim_start() == to && line.starts_with(' '))
}

/// A `jack_midi_dump` that listens to the port `from`, once it shows `line`. JACK may leave a cable dead that is plugged in while
/// a client begins, although it lists it (seen once in forty starts): then another client is started.
fn dump(server: &str, from: &str, line: &str) -> Program {
    let mut found = None;
    until(&format!("a client hears {line}"), || {
        let dump = start(server, "jack_midi_dump", &[]);
        connect(server, from, "midi-monitor:input");
        let deadline = Instant::now() + Duration::from_secs(5);
        while !dump.lines().text().contains(line) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        found = dump.lines().text().contains(line).then_some(dump);
        found.is_some()
    });
    found.expect("a client hears it")
}

/// A show between a tablet and a client with a port of each kind.
fn show(server: &str) -> (Program, Osc) {
    let port = free_port();
    let tablet = Osc::to(port);
    let configuration = format!(
        "[jack rack]
server = {server}
keys = midi in
lamps = midi out
gauge = cv in min -1 max 1
filter = cv out min -1 max 1

[osc tablet]
bind = 127.0.0.1 {port}
destination = 127.0.0.1 {}

[map]
tablet./lamp > rack.lamps.ch0.cc7
tablet./filter > rack.filter
tablet./probe > tablet./alive
rack.keys.ch0.cc7 > tablet./keys
rack.keys.ch0.note60 > tablet./note
rack.gauge > tablet./gauge
",
        tablet.port()
    );
    let program = Program::show(&configuration);
    tablet.until_answered("/probe", "/alive");
    (program, tablet)
}

/// A server and a show that is connected to it; nothing where there is no JACK.
fn connected() -> Option<(String, Server, Program, Osc)> {
    if !has_jack() {
        return None;
    }
    let name = server_name();
    let server = Server::start(&name);
    let (show, tablet) = show(&name);
    show.wait_for(&format!("connected to JACK server `{name}`"));
    Some((name, server, show, tablet))
}

#[test]
fn messages_and_voltages_cross_a_real_server_both_ways() {
    let Some((name, server, show, tablet)) = connected() else { return };

    connect(&name, "crosspatch:filter", "crosspatch:gauge");
    for level in [0.25, 1.0, 0.0, 0.5] {
        tablet.send("/filter", level);
        tablet.wait_for("/gauge", level);
    }

    connect(&name, "crosspatch:lamps", "crosspatch:keys");
    tablet.send("/lamp", 1.0);
    tablet.wait_for("/keys", 1.0);

    // The state, for a new peer, and then the changes.
    let dump = dump(&name, "crosspatch:lamps", "b0 07 7f");
    tablet.send("/lamp", 0.0);
    dump.wait_for("b0 07 00");

    // A note of velocity 64 every quarter of a second, half of it long.
    let sequencer = start(&name, "jack_midiseq", &["seq", "12000", "0", "60", "6000"]);
    connect(&name, "seq:out", "crosspatch:keys");
    for _ in 0..2 {
        tablet.wait_for("/note", (64.0_f64 / 127.0) as f32);
        tablet.wait_for("/note", 0.0);
    }
    drop((sequencer, dump));
    assert!(show.stop() < Duration::from_secs(1));
    drop(server);
}

#[test]
fn a_server_that_is_killed_and_started_again_gets_the_state_and_the_show_goes_on_without_it() {
    if !has_jack() {
        return;
    }
    let name = server_name();
    let (show, tablet) = show(&name);
    show.wait_for(&format!("JACK server `{name}` is not running; trying again every second"));

    for (signal, lamp, filter) in [("KILL", 1.0, 0.25), ("TERM", 0.0, 0.75)] {
        // While there is no server.
        tablet.send("/lamp", lamp);
        tablet.send("/filter", filter);
        tablet.until_answered("/probe", "/alive");
        let start_of_round = show.lines().len();
        let mut server = Server::start(&name);
        show.lines().wait_from(start_of_round, "connected to JACK server");
        connect(&name, "crosspatch:filter", "crosspatch:gauge");
        tablet.wait_for("/gauge", filter);
        connect(&name, "crosspatch:lamps", "crosspatch:keys");
        tablet.wait_for("/keys", lamp);

        let before = show.lines().len();
        server.program.signal(signal);
        server.program.wait();
        show.lines().wait_from(before, "is gone; trying again every second");
        tablet.until_answered("/probe", "/alive");
    }
    assert!(show.stop() < Duration::from_secs(1));
}

#[test]
fn a_server_that_hangs_stops_neither_the_show_nor_its_end() {
    let Some((name, server, show, tablet)) = connected() else { return };
    connect(&name, "crosspatch:lamps", "crosspatch:keys");
    server.program.signal("STOP");
    tablet.until_answered("/probe", "/alive");
    for level in 0..=1000_u16 {
        tablet.send("/lamp", f32::from(level) / 1000.0);
    }
    tablet.until_answered("/probe", "/alive");
    // The flood itself may have lost its last datagram; there is room for one.
    tablet.send("/lamp", 1.0);
    server.program.signal("CONT");
    tablet.wait_for("/keys", 1.0);

    server.program.signal("STOP");
    tablet.until_answered("/probe", "/alive");
    assert!(show.stop() < Duration::from_secs(1));
}

#[test]
fn a_listener_that_missed_blocks_hears_the_state() {
    let Some((name, _server, show, tablet)) = connected() else { return };
    tablet.send("/lamp", 1.0);
    let dump = dump(&name, "crosspatch:lamps", "b0 07 7f");
    dump.signal("STOP");
    // What goes out meanwhile it never sees, and the server notices that it is late.
    tablet.send("/lamp", 0.0);
    while tablet.hear(Duration::from_millis(500)).is_some() {}
    dump.signal("CONT");
    dump.wait_for("b0 07 00");
    assert!(show.stop() < Duration::from_secs(1));
}

#[test]
fn a_client_that_was_stopped_for_a_while_goes_on_where_it_was() {
    let Some((name, _server, show, tablet)) = connected() else { return };
    connect(&name, "crosspatch:lamps", "crosspatch:keys");
    connect(&name, "crosspatch:filter", "crosspatch:gauge");
    show.signal("STOP");
    for level in [0.25, 0.5, 1.0] {
        tablet.send("/lamp", level);
        tablet.send("/filter", level);
    }
    while tablet.hear(Duration::from_secs(1)).is_some() {}
    show.signal("CONT");
    tablet.wait_for("/keys", 1.0);
    tablet.send("/filter", 0.75);
    tablet.wait_for("/gauge", 0.75);
    assert!(show.stop() < Duration::from_secs(1));
}

#[test]
fn a_reload_that_renames_a_port_makes_a_new_client_beside_nothing_left_of_the_old() {
    let Some((name, _server, show, tablet)) = connected() else { return };
    let text = std::fs::read_to_string(show.file()).expect("the configuration");
    let before = show.lines().len();
    show.rewrite(&text.replace("lamps", "lights"));
    show.lines().wait_from(before, "connected to JACK server");
    tablet.until_answered("/probe", "/alive");
    until("only the new client is there", || {
        let output = Command::new("jack_lsp").env("JACK_DEFAULT_SERVER", &name).output();
        let text = String::from_utf8_lossy(&output.expect("jack_lsp starts").stdout).into_owned();
        text.contains(":lights") && !text.contains(":lamps")
    });
    assert!(show.stop() < Duration::from_secs(1));
}
