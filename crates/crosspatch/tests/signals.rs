//! Signals to the running program. It always ends within a second and with status 0, whatever it is busy with.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use common::osc::Osc;
use common::{Program, free_port, until};
use socket2::{Domain, Socket, Type};

/// For so long, something must not happen.
const QUIET: Duration = Duration::from_secs(1);

/// Ends the program, which has a second for it.
fn stop_in_time(program: Program) {
    let took = program.stop();
    assert!(took < Duration::from_secs(1), "took {took:?} to end");
}

fn console(host: &str) -> String {
    format!(
        "[maweb desk]\nhost = {host}\n[osc tablet]\nbind = 127.0.0.1 {}\n/* = f 0.0 1.0\n\
         [map]\ntablet./a > desk.page1.fader1\n",
        free_port()
    )
}

#[test]
fn a_show_that_only_waits_ends_well() {
    for signal in ["TERM", "INT"] {
        let listen = free_port();
        let osc = Osc::to(listen);
        let mut program = Program::show(&format!(
            "[osc tablet]\nbind = 127.0.0.1 {listen}\ndestination = 127.0.0.1 {}\n/* = f 0 1\n[map]\ntablet./a > tablet./b\n",
            osc.port()
        ));
        osc.until_answered("/a", "/b");
        program.signal(signal);
        let (status, took) = program.wait();
        assert!(status.success() && took < Duration::from_secs(1), "{signal}: {status} after {took:?}");
        assert!(program.lines().text().contains("ended"));
    }
}

/// A host that is silent to every further connection: its backlog is full.
fn full_backlog() -> (Socket, Vec<Socket>, SocketAddr) {
    let server = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    server.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    server.listen(1).unwrap();
    let address = server.local_addr().unwrap().as_socket().unwrap();
    let mut clients = Vec::new();
    // As soon as one hangs, all later ones do.
    loop {
        let client = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let connected = client.connect_timeout(&address.into(), Duration::from_millis(200)).is_ok();
        clients.push(client);
        assert!(clients.len() < 16, "the backlog is never full");
        if !connected {
            return (server, clients, address);
        }
    }
}

/// Whether this machine has a TCP connection to that port which waits for its first answer.
fn is_connecting(port: u16) -> bool {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    table.lines().skip(1).any(|line| {
        let mut fields = line.split_whitespace().skip(2);
        fields.next().unwrap().ends_with(&format!(":{port:04X}")) && fields.next() == Some("02")
    })
}

#[test]
fn ends_while_it_connects_to_a_host_that_does_not_answer() {
    let (_server, clients, address) = full_backlog();
    drop(clients.into_iter().last());
    until("the host is left alone", || !is_connecting(address.port()));
    let program = Program::show(&console(&format!("127.0.0.1 {}", address.port())));
    until("the program connects", || is_connecting(address.port()));
    stop_in_time(program);
}

#[test]
fn ends_while_it_looks_up_a_name() {
    let program = Program::show(&console("no-such-host.invalid"));
    program.wait_for("running");
    stop_in_time(program);
}

#[test]
fn ends_during_a_reload() {
    // A configuration that takes a while to compile, saved just before the signal.
    let big = |from: usize| {
        format!("[loopback bus]\n[map]\nbus.{{{from}..{}}} > bus.b{{1..200000}}\n", from + 199_999)
    };
    let program = Program::show_with(&big(1), &["--no-watch"]);
    program.wait_for("running");
    program.rewrite(&big(7));
    program.signal("HUP");
    stop_in_time(program);
}

#[test]
fn ends_before_the_first_configuration_is_compiled() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("show.cfg");
    // Reading from a pipe whose writer says nothing takes seconds.
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let _writer = std::fs::File::options().read(true).write(true).open(&pipe).unwrap();
    let mut program = Program::start(&["-v", "run", pipe.to_str().unwrap()]);
    let status = format!("/proc/{}/status", program.id());
    // The handlers stand when SIGTERM (bit 14) is among the signals that are caught.
    until("the handlers stand", || {
        let status = std::fs::read_to_string(&status).unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or("0");
        u64::from_str_radix(caught.trim(), 16).unwrap() & 1 << 14 != 0
    });
    assert!(program.runs());
    stop_in_time(program);
}

#[test]
fn ends_while_a_peer_does_not_read() {
    let listen = free_port();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let osc = Osc::to(listen);
    let program = Program::show(&format!(
        "[osc tablet]\nbind = 127.0.0.1 {listen}\ndestination = 127.0.0.1 {}\n/* = f 0 1\n\
         [osc wall]\ntransport = tcp\ndestination = 127.0.0.1 {}\n/*/* = f 0 1\n\
         [map]\ntablet./flood > wall./wall/{{1..2000}}\ntablet./in > tablet./out\n",
        osc.port(),
        server.local_addr().unwrap().port()
    ));
    let (deaf, _) = server.accept().unwrap();
    osc.until_answered("/in", "/out");
    let queued = || {
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let port = format!(":{:04X}", server.local_addr().unwrap().port());
        let line = table
            .lines()
            .find(|line| line.split_whitespace().nth(2).is_some_and(|remote| remote.ends_with(&port)));
        let queue =
            line.and_then(|line| line.split_whitespace().nth(4)?.split(':').next()).unwrap_or("0").to_owned();
        u64::from_str_radix(&queue, 16).unwrap()
    };
    // The kernel's buffers are full when the queue stands still though more is sent.
    let mut before = 0;
    for round in 0_u16.. {
        assert!(round < 1000, "the buffers are never full");
        for step in 0..20 {
            osc.send("/flood", f32::from(round % 2 * 20 + step) / 40.0);
        }
        osc.until_answered("/in", "/out");
        let queue = queued();
        if queue > 0 && queue == before {
            break;
        }
        before = queue;
    }
    stop_in_time(program);
    drop(deaf);
}

/// A show in a file, for tests that hold the ends of its log themselves: what comes in as `/a` goes out as `/b`.
fn written_show(listen: u16, osc: &Osc) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("show.cfg");
    let show = format!(
        "[osc tablet]\nbind = 127.0.0.1 {listen}\ndestination = 127.0.0.1 {}\n/* = f 0 1\n[map]\ntablet./a > tablet./b\n",
        osc.port()
    );
    std::fs::write(&file, show).unwrap();
    (folder, file)
}

#[test]
fn a_log_that_nobody_reads_stops_neither_the_show_nor_its_end() {
    let listen = free_port();
    let osc = Osc::to(listen);
    let (_folder, file) = written_show(listen, &osc);
    for signals in [&["TERM"][..], &["INT", "INT"]] {
        let mut child = common::command()
            .args(["run", file.to_str().unwrap(), "-vv"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        osc.until_answered("/a", "/b");
        // Every message is two lines of the log; a pipe holds less than a thousand of them, and the queue before it
        // 4096.
        for step in 0..10_000_u16 {
            osc.send("/a", f32::from(step) / 10_000.0);
            if step % 100 == 0 {
                osc.until_answered("/a", "/b");
            }
        }
        osc.until_answered("/a", "/b");
        let start = Instant::now();
        for signal in signals {
            let kill = format!("kill -{signal} {}", child.id());
            assert!(std::process::Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        }
        let mut status = None;
        until("the program ended", || {
            status = child.try_wait().unwrap();
            status.is_some()
        });
        assert!(start.elapsed() < Duration::from_secs(1), "took {:?}", start.elapsed());
        let code = status.unwrap().code();
        // The second of two signals that come as one is never seen.
        assert!(code == Some(0) || signals.len() == 2 && code == Some(130), "{code:?}");
    }
}

#[test]
fn a_reader_of_the_log_that_goes_away_ends_nothing() {
    let listen = free_port();
    let osc = Osc::to(listen);
    let (_folder, file) = written_show(listen, &osc);
    let mut command = common::command();
    let mut child = command
        .args(["run", file.to_str().unwrap(), "-vv"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    for _ in 0..100 {
        osc.until_answered("/a", "/b");
    }
    let kill = format!("kill -TERM {}", child.id());
    assert!(std::process::Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_process_that_was_stopped_goes_on_where_it_was() {
    let listen = free_port();
    let osc = Osc::to(listen);
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let program = Program::show(&format!(
        "[osc tablet]\nbind = 127.0.0.1 {listen}\ndestination = 127.0.0.1 {}\n/* = f 0 1\n\
         [osc wall]\ntransport = tcp\ndestination = 127.0.0.1 {}\n/* = f 0 1\n\
         [map]\ntablet./a > tablet./b\ntablet./a > wall./w\n",
        osc.port(),
        server.local_addr().unwrap().port()
    ));
    let (connection, _) = server.accept().unwrap();
    osc.until_answered("/a", "/b");
    program.signal("STOP");
    let state = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", program.id())).unwrap();
        status.lines().find(|line| line.starts_with("State:")).unwrap().to_owned()
    };
    until("the process is stopped", || state().contains('T'));
    for step in 0..100_u8 {
        osc.send("/a", f32::from(step) / 128.0);
    }
    assert_eq!(osc.hear(QUIET), None);
    program.signal("CONT");
    // Everything that came in meanwhile is worked off, and the last value is the last.
    osc.wait_for("/b", 99.0 / 128.0);
    osc.until_answered("/a", "/b");
    server.set_nonblocking(true).unwrap();
    assert!(server.accept().is_err(), "the connection was lost");
    is_open(&connection);
    stop_in_time(program);
}

fn is_open(connection: &TcpStream) {
    connection.set_nonblocking(true).unwrap();
    assert!(connection.peek(&mut [0]).is_ok_and(|bytes| bytes > 0), "the connection was closed");
}

#[test]
fn a_show_in_which_nothing_happens_sleeps() {
    let listen = free_port();
    let osc = Osc::to(listen);
    let program = Program::show(&format!(
        "[osc tablet]\nbind = 127.0.0.1 {listen}\ndestination = 127.0.0.1 {}\n/* = f 0 1\n[map]\ntablet./a > tablet./b\n",
        osc.port()
    ));
    osc.until_answered("/a", "/b");
    let wake_ups = || {
        let status = std::fs::read_to_string(format!("/proc/{0}/task/{0}/status", program.id())).unwrap();
        status.lines().find(|line| line.starts_with("voluntary")).unwrap().to_owned()
    };
    // The work of the last message is done when a quiet period passes without a wake-up; it must come soon.
    let mut before = String::new();
    until("a quiet time passes without a wake-up", || {
        let now = wake_ups();
        let is_asleep = now == before;
        before = now;
        std::thread::sleep(QUIET);
        is_asleep && wake_ups() == before
    });
    stop_in_time(program);
}
