//! The real binary between a console and the programs of liblo, oscsend and oscdump: independent software moves the
//! console and receives its output. Without them (Debian's `liblo-tools`) these tests report this and pass.

mod common;

use std::process::{Command, Stdio};

use common::{Program, free_port, until};

/// Whether the peers are here; says so if not.
fn has_liblo() -> bool {
    let is_there = |name| Command::new(name).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    let both = is_there("oscsend") && is_there("oscdump");
    if !both {
        common::skip("oscsend and oscdump are not installed (Debian: apt-get install liblo-tools)");
    }
    both
}

/// Sends one message with liblo: `send("8000", "/fader/1 f 0.25")`, the port or a liblo URL.
fn send(to: &str, message: &str) {
    let mut command = Command::new("oscsend");
    if to.starts_with("osc.") {
        command.arg(to);
    } else {
        command.args(["127.0.0.1", to]);
    }
    let status = command.args(message.split(' ')).status().expect("oscsend starts");
    assert!(status.success(), "oscsend {to} {message}");
}

/// An oscdump on a port, which listens already.
fn listener(port: u16) -> Program {
    let dump = start_listener(&port.to_string());
    until("oscdump listens", || {
        send(&port.to_string(), "/is/it/there");
        dump.lines().text().contains("/is/it/there")
    });
    dump
}

fn start_listener(at: &str) -> Program {
    let mut command = Command::new("oscdump");
    command.args(["-L", at]).stdin(Stdio::null());
    Program::spawn(command, tempfile::tempdir().expect("a folder"))
}

/// A simulated console, its web remote, a tablet, and a second instance that sees and moves the console as its operator does.
fn show(console: &str) -> (Program, Program, String, String) {
    let [web, tablet, hand, out] = [(); 4].map(|()| free_port());
    let dump = listener(out);
    let show = Program::show(&format!(
        "[backend maweb]
interval = 10

[masim console]
console = {console}
listen = 127.0.0.1 {web}

[maweb ma]
host = 127.0.0.1 {web}

[osc tablet]
bind = 127.0.0.1 {tablet}
destination = 127.0.0.1 {out}

[osc operator]
bind = 127.0.0.1 {hand}
destination = 127.0.0.1 {out}
root = /console

[map]
tablet./fader/{{1..3}} <> ma.page1.fader{{1..3}}
tablet./button/1 > ma.page1.button101
ma.page1.name1 > tablet./name/1
console.page1.fader{{1..3}} <> operator./fader/{{1..3}}
console.page1.button101 > operator./button/101
"
    ));
    show.wait_for("logged in");
    (show, dump, tablet.to_string(), hand.to_string())
}

fn drive(console: &str) {
    if !has_liblo() {
        return;
    }
    let (show, dump, tablet, operator) = show(console);
    let lines = dump.lines();
    lines.wait_from(0, "/name/1 s ");

    for (fader, level) in [(1, "0.25"), (2, "0.5"), (1, "0.75"), (3, "0.875"), (3, "0")] {
        let start = lines.len();
        send(&tablet, &format!("/fader/{fader} f {level}"));
        lines.wait_from(start, &format!("/console/fader/{fader} f {level}"));
    }

    let start = lines.len();
    send(&tablet, "/button/1 f 1");
    lines.wait_from(start, "/console/button/101 f 1");
    let start = lines.len();
    send(&tablet, "/button/1 f 0");
    lines.wait_from(start, "/console/button/101 f 0");

    for (fader, level) in [(2, "0.125"), (3, "0.625"), (2, "1")] {
        let start = lines.len();
        send(&operator, &format!("/console/fader/{fader} f {level}"));
        let line = lines.wait_from(start, &format!(" /fader/{fader} f {level}"));
        assert!(!line.contains("/console"), "{line}");
    }
    show.stop();
}

#[test]
fn drives_a_gma2_and_hears_it() {
    drive("gma2");
}

#[test]
fn drives_a_dot2_and_hears_it() {
    drive("dot2");
}

#[test]
fn two_programs_share_the_console_of_a_third() {
    if !has_liblo() {
        return;
    }
    let [web, left, right, out] = [(); 4].map(|()| free_port());
    let dump = listener(out);
    let console = Program::start(&["sim", "gma2", "--listen", &format!("127.0.0.1:{web}")]);
    let remote = |name: &str, port: u16| {
        let show = Program::show(&format!(
            "[maweb ma]
host = 127.0.0.1 {web}

[osc tablet]
bind = 127.0.0.1 {port}
destination = 127.0.0.1 {out}
root = /{name}

[map]
tablet./fader/{{1..2}} <> ma.page1.fader{{1..2}}
"
        ));
        show.wait_for("logged in");
        show
    };
    let (one, other) = (remote("left", left), remote("right", right));
    for (from, to, level) in [(left, "right", "0.25"), (right, "left", "0.75"), (left, "right", "0.5")] {
        let start = dump.lines().len();
        let own = if to == "right" { "left" } else { "right" };
        send(&from.to_string(), &format!("/{own}/fader/1 f {level}"));
        dump.lines().wait_from(start, &format!("/{to}/fader/1 f {level}"));
    }
    one.stop();
    other.stop();
    console.stop();
}

#[test]
fn every_type_of_oscsend_arrives() {
    if !has_liblo() {
        return;
    }
    let [port, out] = [(); 2].map(|()| free_port());
    let dump = listener(out);
    let show = Program::show(&format!(
        "[osc tablet]
bind = 127.0.0.1 {port}
destination = 127.0.0.1 {out}
/in/i = i 0 100
/in/d = d 1 0
/out/T = T
/out/c = c
/out/h = h
/out/both = sS

[map]
tablet./in/i > tablet./out/f
tablet./in/d > tablet./out/h
tablet./in/s > tablet./out/both:0
tablet./in/S > tablet./out/both:1
tablet./in/c > tablet./out/c
tablet./in/T > tablet./out/T
tablet./in/I > tablet./out/impulse
tablet./in/m > tablet./out/m
tablet./in/many:3 > tablet./out/many
"
    ));
    let port = port.to_string();
    let lines = dump.lines();
    until("the show listens", || {
        send(&port, "/in/i i 50");
        lines.text().contains("/out/f f 0.5")
    });
    for (message, answer) in [
        ("/in/i i 25", "/out/f f 0.25"),
        ("/in/d d 0.25", "/out/h h 768"),
        ("/in/s s Opening", "/out/both sS \"Opening\""),
        ("/in/S S act", "/out/both sS \"Opening\" 'act"),
        ("/in/c c a", "/out/c c 'a'"),
        ("/in/T T", "/out/T T"),
        ("/in/T F", "/out/T F"),
        ("/in/I I", "/out/impulse f 1.0"),
        ("/in/m m 00903c7f", "/out/m s \"0x00903c7f\""),
        ("/in/many sTif x 5 0.5", "/out/many f 0.5"),
    ] {
        let start = lines.len();
        send(&port, message);
        lines.wait_from(start, answer);
    }
    lines.wait_from(0, "/out/impulse f 0.0");
    show.stop();
}

#[test]
fn speaks_tcp_with_liblo_both_ways() {
    if !has_liblo() {
        return;
    }
    let [port, out] = [(); 2].map(|()| free_port());
    let show = Program::show(&format!(
        "[osc server]
bind = 127.0.0.1 {port}
transport = tcp

[osc client]
destination = 127.0.0.1 {out}
transport = tcp

[map]
server./fader/{{1..2}} > client./level/{{1..2}}
"
    ));
    // There is no listener yet; the client tries again until there is one.
    show.wait_for("trying again");
    let dump = start_listener(&format!("osc.tcp://:{out}"));
    show.wait_for("works again");
    send(&format!("osc.tcp://127.0.0.1:{port}"), "/fader/2 f 0.625");
    dump.lines().wait_from(0, "/level/2 f 0.625");
    show.stop();
}

#[test]
fn what_oscsend_says_three_times_oscdump_hears_three_times() {
    if !has_liblo() {
        return;
    }
    let [port, out] = [(); 2].map(|()| free_port());
    let dump = listener(out);
    let show = Program::show(&format!(
        "[osc pads]
bind = 127.0.0.1 {port}

[osc player]
destination = 127.0.0.1 {out}
/bare = ,

[loopback bus]

[map]
pads./cmd > player./cmd
pads./pad | press > player./go
pads./tick > bus.tick
bus.tick > player./tick
pads./pad > player./bare
pads./end > player./end
"
    ));
    // What is sent before that is lost.
    show.wait_for("pads       listening");
    for _ in 0..3 {
        send(&port.to_string(), "/cmd s Go+");
        send(&port.to_string(), "/pad f 1");
        send(&port.to_string(), "/tick f 0.5");
    }
    send(&port.to_string(), "/end f 1");
    let lines = dump.lines();
    lines.wait_from(0, "/end f 1");
    for message in ["/cmd s \"Go+\"", "/go f 1.000000", "/tick f 0.500000", "/bare"] {
        let count = lines.text().lines().filter(|line| line.trim_end().ends_with(message)).count();
        assert_eq!(count, 3, "{message}\n{}", lines.text());
    }
    show.stop();
}
