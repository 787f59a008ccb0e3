//! What is recorded replays to the same, and a disk that fails is no reason to stop.

use std::fs::File;
use std::io::{BufReader, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::sync::mpsc;

use crosspatch_core::{Plan, Value};
use crosspatch_io::replay;

use crate::rig::{Habit, PATIENCE, Rig, Seen, address, connect, free_port, listen, udp, web_socket};

#[test]
fn a_recording_replays_to_the_transcript_of_the_show() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("show.jsonl");
    let listener = TcpListener::bind("127.0.6.1:0").unwrap();
    let (port, server) = (free_port("127.0.6.2"), free_port("127.0.6.3"));
    let refused = free_port("127.0.6.4");
    let taken = UdpSocket::bind("127.0.6.4:0").unwrap();
    let specs = vec![
        udp("127.0.6.2", port),
        connect("127.0.6.1", listener.local_addr().unwrap().port(), PATIENCE),
        listen("127.0.6.3", server, 1),
        web_socket("127.0.6.4", refused, PATIENCE),
        udp("127.0.6.4", taken.local_addr().unwrap().port()),
        connect("strange name", 1, PATIENCE),
    ];
    let mut rig = Rig::with(Habit::Emit, specs.clone(), |shell| {
        shell.record_to(&file);
        shell.look_up_with(|_| Ok(Vec::new()));
        shell.handle().trace(true);
    });
    let (mut peer, _) = listener.accept().unwrap();
    let opened_or_closed = |seen: Seen| matches!(seen, Seen::Open(..) | Seen::Close(..));
    for _ in 0..6 {
        assert!(opened_or_closed(rig.next()));
    }
    let datagrams = UdpSocket::bind("127.0.6.5:0").unwrap();
    for data in [&b"text with \"quotes\" and \xc3\xa4"[..], b"\x00\xff\x80", b"", &[9; 600]] {
        datagrams.send_to(data, address("127.0.6.2", port)).unwrap();
        rig.wait_data(0);
    }
    let mut client = TcpStream::connect(("127.0.6.3", server)).unwrap();
    rig.wait_open(2);
    let _too_many = TcpStream::connect(("127.0.6.3", server)).unwrap();
    rig.wait_line(&["more than 1 connections"]);
    client.write_all(b"from a client").unwrap();
    rig.wait_data(2);
    peer.write_all(b"from a server").unwrap();
    rig.wait_data(1);
    drop((peer, client));
    rig.wait_close(1);
    assert!(rig.handle.set_value("probe.in", 0.1 + 0.2));
    assert!(rig.handle.set_value("probe.in", Value::text("by hand")));
    rig.wait_line(&["probe.in = \"by hand\""]);
    let running = rig.handle.plan();
    rig.handle.install(rig.plans.plan("probe", Habit::Emit, Vec::new(), Some(&running)));
    rig.stop();

    let (told, _seen) = mpsc::channel();
    let plans = crate::rig::Plans::new(told);
    let next_plan = |running: &Plan| Some(plans.plan("probe", Habit::Emit, specs.clone(), Some(running)));
    let play = || replay(BufReader::new(File::open(&file).unwrap()), &mut { next_plan }).unwrap();
    let live = rig.observed.lock().unwrap().join("\n") + "\n";
    let replayed = play();
    for (replayed, live) in replayed.lines().zip(live.lines()) {
        assert_eq!(replayed, live);
    }
    assert_eq!(replayed.len(), live.len());
    assert_eq!(replayed, play());
    for words in [
        "probe.0 <- 127.0.6.5",
        "probe.1 closed",
        "probe.3 closed: refused",
        "this show itself",
        "probe stopped",
    ] {
        assert!(live.contains(words), "no `{words}` in\n{live}");
    }
}

#[test]
fn a_recording_that_was_cut_off_replays_as_far_as_it_goes_and_nonsense_is_an_error_with_its_line() {
    let play = |text: &str| replay(text.as_bytes(), &mut |_| None);
    let good = "{\"at\":5,\"event\":\"install\"}\n{\"at\":6,\"event\":\"timeout\"}\n";
    assert!(play(good).is_ok());
    assert!(play(&format!("{good}{{\"at\":7,\"eve")).is_ok());
    for (line, words) in [
        ("{\"at\":7,\"event\":\"dance\"}", "line 3"),
        ("{\"at\":7,\"event\":\"data\"}", "expected `text` or `hex`"),
        ("{\"at\":7,\"event\":\"open\",\"port\":0}", "expected an `instance`"),
        ("{\"at\":7,\"event\":\"data\",\"instance\":\"a\",\"port\":0,\"hex\":\"0g\"}", "not hexadecimal"),
        (
            "{\"at\":7,\"event\":\"data\",\"instance\":\"a\",\"port\":0,\"hex\":\"0\u{e4}\"}",
            "not hexadecimal",
        ),
        (
            "{\"at\":7,\"event\":\"open\",\"instance\":\"a\",\"port\":0,\"peer\":\"client\"}",
            "`peer` is no peer",
        ),
        ("", "line 3"),
    ] {
        let error = play(&format!("{good}{line}\n")).expect_err(line).to_string();
        assert!(error.contains("line 3") && error.contains(words), "{line}: {error}");
    }
}

#[test]
fn a_full_disk_and_a_folder_that_is_not_there_are_notices() {
    for path in ["/dev/full", "/nonexistent/folder/show.jsonl"] {
        let port = free_port("127.0.6.6");
        let rig =
            Rig::with(Habit::Echo, vec![udp("127.0.6.6", port)], |shell| shell.record_to(Path::new(path)));
        rig.wait_open(0);
        let peer = UdpSocket::bind("127.0.6.7:0").unwrap();
        peer.set_read_timeout(Some(PATIENCE)).unwrap();
        let echoed = || {
            peer.send_to(b"x", address("127.0.6.6", port)).unwrap();
            peer.recv_from(&mut [0; 9]).unwrap();
        };
        for _ in 0..20 {
            echoed();
        }
        // The trouble is noticed with the next event after it.
        while !rig.observed.lock().unwrap().iter().any(|line| line.contains("warning: the recording")) {
            echoed();
        }
        echoed();
    }
}
