//! What the shell promises of its reports and of its end, whatever kind of port it is.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant as Moment};

use crosspatch_core::{Peer, Plan, Port};

use crate::rig::{
    Habit, ONLY, PATIENCE, Rig, Seen, address, connect, free_port, listen, udp, until, web_socket,
    web_socket_listen,
};

#[test]
fn a_replaced_port_falls_silent() {
    let (old, new) = (free_port("127.0.5.1"), free_port("127.0.5.2"));
    let rig = Rig::start(Habit::Watch, vec![udp("127.0.5.1", old)]);
    rig.wait_open(0);
    let peer = UdpSocket::bind("127.0.5.3:0").unwrap();
    rig.act(move |out| out.open(Port(0), udp("127.0.5.2", new)));
    peer.send_to(b"to the old one", address("127.0.5.1", old)).ok();
    assert_eq!(rig.wait_open(0), ONLY);
    rig.so_far();
    peer.send_to(b"to the old one", address("127.0.5.1", old)).ok();
    peer.send_to(b"to the new one", address("127.0.5.2", new)).unwrap();
    assert_eq!(rig.wait_data(0).1, b"to the new one");
    until(|| UdpSocket::bind(("127.0.5.1", old)).ok());
}

#[test]
fn a_connection_that_ends_as_it_is_replaced_is_not_reported_of_the_new_one() {
    let listener = TcpListener::bind("127.0.5.4:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let rig = Rig::start(Habit::Watch, vec![connect("127.0.5.4", port, PATIENCE)]);
    for _ in 0..50 {
        let (first, _) = listener.accept().unwrap();
        assert_eq!(rig.next(), Seen::Open(Port(0), ONLY));
        rig.act(move |out| out.open(Port(0), connect("127.0.5.4", port, PATIENCE)));
        // The connection ends before or after the request for a new one; the end is reported only if it came first.
        drop(first);
        let (mut second, _) = listener.accept().unwrap();
        match rig.next() {
            Seen::Open(..) => {}
            Seen::Close(..) => assert_eq!(rig.next(), Seen::Open(Port(0), ONLY)),
            seen => panic!("{seen:?}"),
        }
        second.write_all(b"x").unwrap();
        assert_eq!(rig.next(), Seen::Data(Port(0), ONLY, b"x".to_vec()));
        rig.act(move |out| out.open(Port(0), connect("127.0.5.4", port, PATIENCE)));
    }
}

#[test]
fn sessions_say_goodbye_on_every_kind_of_port_when_the_show_ends() {
    let servers = [(); 2].map(|()| TcpListener::bind("127.0.5.5:0").unwrap());
    let ports = servers.each_ref().map(|server| server.local_addr().unwrap().port());
    let own = [(); 2].map(|()| free_port("127.0.5.6"));
    let specs = vec![
        connect("127.0.5.5", ports[0], PATIENCE),
        web_socket("127.0.5.5", ports[1], PATIENCE),
        listen("127.0.5.6", own[0], 5),
        web_socket_listen("127.0.5.6", own[1], 5),
    ];
    let mut rig = Rig::start(Habit::SayBye, specs);
    let (mut plain, _) = servers[0].accept().unwrap();
    let mut socket = tungstenite::accept(servers[1].accept().unwrap().0).unwrap();
    for _ in 0..4 {
        assert!(matches!(rig.next(), Seen::Open(_, ONLY)));
    }
    let mut client = TcpStream::connect(("127.0.5.6", own[0])).unwrap();
    let stream = TcpStream::connect(("127.0.5.6", own[1])).unwrap();
    let (mut socket_client, _) = tungstenite::client(format!("ws://127.0.5.6:{}/", own[1]), stream).unwrap();
    for _ in 0..2 {
        assert!(matches!(rig.next(), Seen::Open(_, Peer::Connection(_))));
    }
    let reader = std::thread::spawn(move || {
        let mut all = [String::new(), String::new()];
        plain.read_to_string(&mut all[0]).unwrap();
        client.read_to_string(&mut all[1]).unwrap();
        let text = [socket.read().unwrap(), socket_client.read().unwrap()];
        let end = [socket.read().unwrap(), socket_client.read().unwrap()];
        (all, text, end)
    });
    let took = rig.stop();
    assert!(took < Duration::from_secs(1), "the end took {took:?}");
    let (all, text, end) = reader.join().unwrap();
    assert_eq!(all, ["bye", "bye"]);
    assert!(text.iter().all(|message| message.to_text().unwrap() == "bye"), "{text:?}");
    assert!(end.iter().all(tungstenite::Message::is_close), "{end:?}");
}

#[test]
fn the_end_does_not_wait_for_a_connect_a_full_buffer_or_a_name() {
    let deaf = TcpListener::bind("127.0.5.7:0").unwrap();
    let port = deaf.local_addr().unwrap().port();
    let specs = vec![
        connect("127.0.5.7", port, PATIENCE),
        web_socket("127.0.5.7", port, PATIENCE),
        connect("never.test", 1, PATIENCE),
    ];
    let mut rig = Rig::with(Habit::SayBye, specs, |shell| {
        shell.look_up_with(|_| {
            std::thread::sleep(PATIENCE);
            Ok(Vec::new())
        });
    });
    let _first = deaf.accept().unwrap();
    let _second = deaf.accept().unwrap();
    rig.wait_open(0);
    let mut seen = Vec::new();
    while !seen.contains(&Seen::Full(Port(0), ONLY)) {
        rig.send(0, ONLY, vec![1; 100_000]);
        seen.extend(rig.so_far());
        std::thread::sleep(Duration::from_millis(1));
    }
    let took = rig.stop();
    assert!(took < Duration::from_secs(1), "the end took {took:?}");
}

#[test]
fn a_hundred_reloads_a_second_keep_the_sockets_of_what_does_not_change() {
    let port = free_port("127.0.5.8");
    let rig = Rig::start(Habit::Echo, vec![udp("127.0.5.8", port)]);
    rig.wait_open(0);
    let start = Moment::now();
    for _ in 0..100 {
        let running = rig.handle.plan();
        rig.handle.install(rig.plans.plan("probe", Habit::Echo, Vec::new(), Some(&running)));
    }
    let peer = UdpSocket::bind("127.0.5.9:0").unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    peer.send_to(b"same", address("127.0.5.8", port)).unwrap();
    peer.recv_from(&mut [0; 9]).unwrap();
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(matches!(rig.next(), Seen::Data(..)));
    assert!(rig.so_far().is_empty(), "a port was opened or closed");
}

#[test]
fn what_is_reloaded_away_frees_its_ports_for_its_successor() {
    let port = free_port("127.0.5.10");
    let rig = Rig::start(Habit::Watch, vec![udp("127.0.5.10", port), listen("127.0.5.10", port, 1)]);
    for number in 0..20 {
        rig.wait_open(0);
        rig.wait_open(1);
        let running = rig.handle.plan();
        let specs = vec![udp("127.0.5.10", port), listen("127.0.5.10", port, 1)];
        let name = format!("other{number}");
        rig.handle.install(rig.plans.plan(&name, Habit::Watch, specs, Some(&running)));
    }
    rig.handle.install(Plan::empty());
    until(|| UdpSocket::bind(("127.0.5.10", port)).ok());
}

/// All work of the start is done once the loop has not woken up for this long.
const SETTLED: Duration = Duration::from_millis(50);

/// For so long, the loop must not wake up.
const QUIET: Duration = Duration::from_millis(500);

#[test]
fn an_idle_show_uses_no_time() {
    let port = free_port("127.0.5.11");
    let rig = Rig::start(Habit::Watch, vec![udp("127.0.5.11", port), listen("127.0.5.11", port, 1)]);
    rig.wait_open(0);
    rig.wait_open(1);
    let task = task(&rig.name);
    let switches = || voluntary_switches(&task);
    let before = until(|| {
        let before = switches();
        std::thread::sleep(SETTLED);
        (switches() == before).then_some(before)
    });
    std::thread::sleep(QUIET);
    assert_eq!(switches(), before, "the loop has woken up without a reason");
}

#[test]
fn watching_and_tracing_tell_what_happens_and_only_while_they_are_on() {
    let port = free_port("127.0.5.12");
    let rig = Rig::start(Habit::Emit, vec![udp("127.0.5.12", port)]);
    rig.wait_open(0);
    let peer = UdpSocket::bind("127.0.5.13:0").unwrap();
    peer.send_to(b"unseen", address("127.0.5.12", port)).unwrap();
    rig.wait_data(0);
    rig.handle.trace(true);
    rig.send(0, Peer::Address(peer.local_addr().unwrap()), "out");
    rig.wait_line(&["probe.0 ->", "out"]);
    peer.send_to(b"seen", address("127.0.5.12", port)).unwrap();
    rig.wait_line(&["probe.0 <- 127.0.5.13", "seen"]);
    rig.wait_line(&["probe.in = \"seen\""]);
    let lines = rig.observed.lock().unwrap().join("\n");
    assert!(!lines.contains("unseen"), "{lines}");
    assert!(!rig.handle.set_value("probe.nothing", 1.0));
}

/// The thread of that name, as listed by the kernel.
fn task(name: &str) -> PathBuf {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let mut tasks = tasks.flatten().map(|task| task.path());
    let is_wanted =
        |task: &PathBuf| std::fs::read_to_string(task.join("comm")).is_ok_and(|comm| comm.trim() == name);
    tasks.find(is_wanted).expect("the loop runs")
}

fn voluntary_switches(task: &Path) -> u64 {
    let status = std::fs::read_to_string(task.join("status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
}
