//! TCP: clients and servers, and every way in which the other side goes, hangs or comes back.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant as Moment};

use crosspatch_core::{Closed, Limits, Listen, Peer, Port, PortSpec};
use socket2::SockRef;

use crate::rig::{
    Habit, ONLY, PATIENCE, Rig, Seen, accept, address, client, client_from, connect, free_port, listen,
    server, udp, until, web_socket,
};

const SOON: Duration = Duration::from_millis(300);

fn read_exactly(stream: &mut TcpStream, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    stream.read_exact(&mut bytes).expect("all of it comes in time");
    bytes
}

/// A server whose backlog is full: it does not answer, like a host that has been switched off.
fn silent_server(ip: &str) -> (TcpListener, u16, Vec<socket2::Socket>) {
    let (listener, port) = server(ip);
    SockRef::from(&listener).listen(0).unwrap();
    let to = address(ip, port).into();
    let fill = || {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.set_nonblocking(true).unwrap();
        // It begins; whether it ever ends is the point.
        let _ = socket.connect(&to);
        socket
    };
    let waiting = (0..8).map(|_| fill()).collect();
    (listener, port, waiting)
}

#[test]
fn a_client_sends_and_receives_and_hears_the_end() {
    for ip in ["127.0.2.1", "::1"] {
        let (listener, port) = server(ip);
        let rig = Rig::start(Habit::Echo, vec![connect(ip, port, PATIENCE)]);
        let mut peer = accept(&listener);
        assert_eq!(rig.next(), Seen::Open(Port(0), ONLY));
        peer.write_all(b"hello").unwrap();
        assert_eq!(rig.next(), Seen::Data(Port(0), ONLY, b"hello".to_vec()));
        assert_eq!(read_exactly(&mut peer, 5), b"hello");
        drop(peer);
        assert_eq!(rig.next(), Seen::Close(Port(0), ONLY, Closed::ByPeer));
    }
}

#[test]
fn a_host_that_refuses_is_told_at_once() {
    let port = free_port("127.0.2.2");
    let start = Moment::now();
    let rig = Rig::start(Habit::Watch, vec![connect("127.0.2.2", port, PATIENCE)]);
    assert_eq!(rig.next(), Seen::Close(Port(0), ONLY, Closed::Refused));
    assert!(start.elapsed() < PATIENCE / 2);
}

#[test]
fn a_silent_host_times_out_and_delays_nobody() {
    let (_listener, port, _waiting) = silent_server("127.0.2.3");
    let echo = free_port("127.0.2.3");
    let specs =
        vec![connect("127.0.2.3", port, SOON), web_socket("127.0.2.3", port, SOON), udp("127.0.2.3", echo)];
    let start = Moment::now();
    let rig = Rig::start(Habit::EchoQuietly, specs);
    rig.wait_open(2);
    let peer = std::net::UdpSocket::bind("127.0.2.3:0").unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    for _ in 0..20 {
        peer.send_to(b"x", address("127.0.2.3", echo)).unwrap();
        peer.recv_from(&mut [0; 9]).unwrap();
    }
    let mut closed = [rig.next(), rig.next()];
    closed.sort_by_key(|seen| format!("{seen:?}"));
    assert_eq!(closed, [0, 1].map(|port| Seen::Close(Port(port), ONLY, Closed::TimedOut)));
    assert!(start.elapsed() >= SOON);
}

#[test]
fn a_reset_is_told_from_a_polite_end() {
    let (listener, port) = server("127.0.2.4");
    let rig = Rig::start(Habit::Watch, vec![connect("127.0.2.4", port, PATIENCE)]);
    let peer = accept(&listener);
    rig.wait_open(0);
    SockRef::from(&peer).set_linger(Some(Duration::ZERO)).unwrap();
    drop(peer);
    assert_eq!(rig.next(), Seen::Close(Port(0), ONLY, Closed::Reset));
}

#[test]
fn what_a_peer_sent_before_it_closed_while_we_write_still_arrives() {
    let (listener, port) = server("127.0.2.5");
    let rig = Rig::start(Habit::Watch, vec![connect("127.0.2.5", port, PATIENCE)]);
    let mut peer = accept(&listener);
    rig.wait_open(0);
    peer.write_all(b"the last thing").unwrap();
    peer.shutdown(Shutdown::Both).unwrap();
    drop(peer);
    rig.act(|out| {
        for _ in 0..100 {
            out.send(Port(0), ONLY, |buf| buf.resize(buf.len() + 10_000, 1));
        }
    });
    let mut all = Vec::new();
    let reason = rig.wait(|seen| match seen {
        Seen::Data(_, _, data) => {
            all.extend_from_slice(data);
            None
        }
        Seen::Close(_, _, reason) => Some(reason.clone()),
        _ => None,
    });
    assert_eq!(all, b"the last thing");
    assert!(matches!(reason, Closed::ByPeer | Closed::Reset), "{reason:?}");
}

#[test]
fn a_peer_that_closes_again_at_once_a_hundred_times_is_reported_each_time() {
    let (listener, port) = server("127.0.2.6");
    let rig = Rig::start(Habit::Reopen(99), vec![connect("127.0.2.6", port, PATIENCE)]);
    let closer = std::thread::spawn(move || {
        for _ in 0..100 {
            drop(accept(&listener));
        }
    });
    let mut opens = 0;
    let mut closes = 0;
    while closes < 100 {
        match rig.next() {
            Seen::Open(..) => opens += 1,
            Seen::Close(_, _, reason) => {
                closes += 1;
                assert!(matches!(reason, Closed::ByPeer | Closed::Reset), "{reason:?}");
                assert!(opens >= closes || reason == Closed::Reset, "closed before it was open");
            }
            seen => panic!("{seen:?}"),
        }
    }
    closer.join().unwrap();
}

#[test]
fn a_peer_that_stops_reading_is_full_once_and_writable_again() {
    let (listener, port) = server("127.0.2.7");
    let rig = Rig::start(Habit::Watch, vec![connect("127.0.2.7", port, PATIENCE)]);
    let mut peer = accept(&listener);
    rig.wait_open(0);
    let block = 64 * 1024;
    let mut sent = 0;
    // The kernel on the other side takes a few megabytes before it stops.
    let full = loop {
        rig.send(0, ONLY, vec![b'x'; block]);
        sent += block;
        match rig.so_far().first() {
            Some(seen) => break seen.clone(),
            None => assert!(sent < 64 << 20, "there is no end to what is taken"),
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    assert_eq!(full, Seen::Full(Port(0), ONLY));
    rig.send(0, ONLY, vec![b'y'; 1000]);
    sent += 1000;
    let got = read_exactly(&mut peer, sent);
    assert!(got.ends_with(&[b'y'; 1000]) && got[..sent - 1000].iter().all(|byte| *byte == b'x'));
    assert_eq!(rig.next(), Seen::Writable(Port(0), ONLY));
    assert!(rig.so_far().is_empty());
}

#[test]
fn what_one_turn_sends_arrives_whole_however_much_it_is() {
    let (listener, port) = server("127.0.2.19");
    let rig = Rig::start(Habit::Watch, vec![connect("127.0.2.19", port, PATIENCE)]);
    let mut peer = accept(&listener);
    rig.wait_open(0);
    // The state of a hundred thousand channels, after a reconnect.
    rig.act(|out| {
        for number in 0..100_000 {
            out.send(Port(0), ONLY, |buf| buf.extend_from_slice(format!("{number:0100}").as_bytes()));
        }
    });
    assert_eq!(rig.next(), Seen::Full(Port(0), ONLY));
    for number in 0..100_000 {
        assert_eq!(read_exactly(&mut peer, 100), format!("{number:0100}").into_bytes());
    }
    assert_eq!(rig.next(), Seen::Writable(Port(0), ONLY));
}

#[test]
fn a_peer_that_never_reads_is_cut_off_beyond_a_megabyte() {
    let (listener, port) = server("127.0.2.8");
    let rig = Rig::start(Habit::Watch, vec![connect("127.0.2.8", port, PATIENCE)]);
    let _peer = accept(&listener);
    rig.wait_open(0);
    let mut seen = Vec::new();
    while seen.len() < 2 {
        rig.send(0, ONLY, vec![1; 100_000]);
        seen.extend(rig.so_far());
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(seen, [Seen::Full(Port(0), ONLY), Seen::Close(Port(0), ONLY, Closed::NotReading)]);
}

#[test]
fn little_waits_in_the_kernel_so_that_fresh_values_are_not_behind_stale_ones() {
    let (listener, port) = server("127.0.2.9");
    SockRef::from(&listener).set_recv_buffer_size(4096).unwrap();
    let rig = Rig::start(Habit::Watch, vec![connect("127.0.2.9", port, PATIENCE)]);
    let peer = accept(&listener);
    rig.wait_open(0);
    rig.act(|out| {
        for _ in 0..60 {
            out.send(Port(0), ONLY, |buf| buf.resize(buf.len() + 10_000, 1));
        }
    });
    assert_eq!(rig.next(), Seen::Full(Port(0), ONLY));
    drop(peer);
}

#[test]
fn a_server_tells_its_clients_apart_and_never_gives_a_number_twice() {
    let port = free_port("127.0.2.10");
    let rig = Rig::start(Habit::Echo, vec![listen("127.0.2.10", port, 10)]);
    assert_eq!(rig.next(), Seen::Open(Port(0), ONLY));
    for number in 0..5 {
        let mut peer = client("127.0.2.10", port);
        assert_eq!(rig.next(), Seen::Open(Port(0), Peer::Connection(number)));
        peer.write_all(b"me").unwrap();
        assert_eq!(rig.next(), Seen::Data(Port(0), Peer::Connection(number), b"me".to_vec()));
        assert_eq!(read_exactly(&mut peer, 2), b"me");
        drop(peer);
        assert_eq!(rig.next(), Seen::Close(Port(0), Peer::Connection(number), Closed::ByPeer));
    }
    rig.act(move |out| out.open(Port(0), listen("127.0.2.10", port, 10)));
    assert_eq!(rig.next(), Seen::Open(Port(0), ONLY));
    let _peer = client("127.0.2.10", port);
    assert_eq!(rig.next(), Seen::Open(Port(0), Peer::Connection(5)));
}

#[test]
fn a_server_that_closes_takes_its_clients_along_without_a_word() {
    let port = free_port("127.0.2.11");
    let rig = Rig::start(Habit::Watch, vec![listen("127.0.2.11", port, 10)]);
    rig.wait_open(0);
    let mut peers = [client("127.0.2.11", port), client("127.0.2.11", port)];
    rig.wait_open(0);
    rig.wait_open(0);
    rig.act(|out| {
        out.send(Port(0), Peer::Connection(1), |buf| buf.extend_from_slice(b"bye"));
        out.close(Port(0), ONLY);
    });
    let mut rest = Vec::new();
    peers[0].read_to_end(&mut rest).unwrap();
    peers[1].read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"bye");
    until(|| TcpStream::connect(("127.0.2.11", port)).is_err().then_some(()));
    assert!(rig.so_far().is_empty());
}

#[test]
fn one_client_can_be_sent_away() {
    let port = free_port("127.0.2.12");
    let rig = Rig::start(Habit::Echo, vec![listen("127.0.2.12", port, 10)]);
    rig.wait_open(0);
    let mut first = client("127.0.2.12", port);
    rig.wait_open(0);
    let mut second = client("127.0.2.12", port);
    rig.wait_open(0);
    rig.act(|out| out.close(Port(0), Peer::Connection(0)));
    let mut rest = Vec::new();
    first.read_to_end(&mut rest).unwrap();
    second.write_all(b"here").unwrap();
    assert_eq!(read_exactly(&mut second, 4), b"here");
}

#[test]
fn connections_beyond_the_limit_are_closed_at_once_and_a_notice_says_so() {
    let port = free_port("127.0.2.13");
    let rig = Rig::start(Habit::Watch, vec![listen("127.0.2.13", port, 2)]);
    rig.wait_open(0);
    let first = client("127.0.2.13", port);
    let _second = client("127.0.2.13", port);
    rig.wait_open(0);
    rig.wait_open(0);
    let mut third = client("127.0.2.13", port);
    assert_eq!(third.read(&mut [0; 9]).unwrap_or(0), 0);
    rig.wait_line(&["probe warning: more than 2 connections"]);
    drop(first);
    rig.wait_close(0);
    let _fourth = client("127.0.2.13", port);
    assert_eq!(rig.wait_open(0), Peer::Connection(2));
}

#[test]
fn one_address_leaves_room_for_others() {
    let port = free_port("127.0.2.18");
    let PortSpec::TcpListen(listen) = listen("127.0.2.18", port, 3) else { unreachable!() };
    let limits = Limits { per_address: 2, ..listen.limits };
    let rig = Rig::start(Habit::Watch, vec![PortSpec::TcpListen(Listen { limits, ..listen })]);
    rig.wait_open(0);
    let first = client("127.0.2.18", port);
    rig.wait_open(0);
    let _second = client("127.0.2.18", port);
    rig.wait_open(0);
    assert_eq!(client("127.0.2.18", port).read(&mut [0; 9]).unwrap_or(0), 0);
    rig.wait_line(&["more than 2 connections from 127.0.0.1; further ones are closed"]);
    let _other = client_from("127.0.2.19", "127.0.2.18", port);
    rig.wait_open(0);
    drop(first);
    rig.wait_close(0);
    let _third = client("127.0.2.18", port);
    rig.wait_open(0);
}

#[test]
fn the_client_that_reads_least_goes_when_too_much_waits_for_all_together() {
    let port = free_port("127.0.2.20");
    let PortSpec::TcpListen(listen) = listen("127.0.2.20", port, 3) else { unreachable!() };
    let limits = Limits { unsent_in_all: 8 << 20, ..listen.limits };
    let rig = Rig::start(Habit::Watch, vec![PortSpec::TcpListen(Listen { limits, ..listen })]);
    rig.wait_open(0);
    let clients: Vec<_> = (0..2).map(|_| (client("127.0.2.20", port), rig.wait_open(0))).collect();
    let (greedy, modest) = (clients[0].1, clients[1].1);
    // One turn, so that the session cannot know of any of it.
    rig.act(move |out| {
        out.send(Port(0), modest, |bytes| bytes.resize(bytes.len() + (6 << 20), 0));
        out.send(Port(0), greedy, |bytes| bytes.resize(bytes.len() + (15 << 20), 0));
        out.send(Port(0), modest, |bytes| bytes.push(1));
    });
    assert_eq!(rig.wait_close(0), Closed::NotReading);
    let mut modest = &clients[1].0;
    let mut all = vec![0; (6 << 20) + 1];
    modest.read_exact(&mut all).unwrap();
    assert_eq!(all.last(), Some(&1));
    rig.wait_line(&["client 0 is cut off: the peer does not read what it is sent"]);
}

#[test]
fn a_thousand_connections_are_no_trouble_for_anybody() {
    let (port, echo) = (free_port("127.0.2.14"), free_port("127.0.2.15"));
    let rig = Rig::start(Habit::Echo, vec![listen("127.0.2.14", port, 2000), udp("127.0.2.15", echo)]);
    rig.wait_open(1);
    let mut clients: Vec<_> = (0..1000).map(|_| client("127.0.2.14", port)).collect();
    for _ in 0..1000 {
        rig.wait_open(0);
    }
    let peer = std::net::UdpSocket::bind("127.0.2.15:0").unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    for (number, client) in clients.iter_mut().enumerate() {
        client.write_all(&[number as u8]).unwrap();
    }
    peer.send_to(b"x", address("127.0.2.15", echo)).unwrap();
    peer.recv_from(&mut [0; 9]).unwrap();
    for (number, client) in clients.iter_mut().enumerate() {
        assert_eq!(read_exactly(client, 1), [number as u8]);
    }
}

#[test]
fn who_floods_one_connection_does_not_starve_the_others() {
    let port = free_port("127.0.2.16");
    let rig = Rig::start(Habit::EchoQuietly, vec![listen("127.0.2.16", port, 10)]);
    rig.wait_open(0);
    let flooder = client("127.0.2.16", port);
    rig.wait_open(0);
    let flooder = Arc::new(flooder);
    let writer = flooder.clone();
    let sent = Arc::new(AtomicUsize::new(0));
    let count = sent.clone();
    let writing = std::thread::spawn(move || {
        while let Ok(len @ 1..) = (&*writer).write(&[1; 65_536]) {
            count.fetch_add(len, Ordering::Relaxed);
        }
    });
    until(|| (sent.load(Ordering::Relaxed) > 10 << 20).then_some(()));
    let mut calm = client("127.0.2.16", port);
    calm.set_nodelay(true).unwrap();
    let mut times: Vec<_> = (0..200)
        .map(|_| {
            let start = Moment::now();
            calm.write_all(b"x").unwrap();
            read_exactly(&mut calm, 1);
            start.elapsed()
        })
        .collect();
    flooder.shutdown(Shutdown::Both).unwrap();
    writing.join().unwrap();
    times.sort_unstable();
    assert!(times[100] < Duration::from_millis(10), "median {:?}", times[100]);
}

#[test]
fn a_taken_tcp_port_is_reported_and_can_be_had_later() {
    let (listener, port) = server("127.0.2.17");
    let rig = Rig::start(Habit::Watch, vec![listen("127.0.2.17", port, 1)]);
    assert_eq!(rig.wait_close(0), Closed::InUse(Some("this show itself".into())));
    drop(listener);
    rig.act(move |out| out.open(Port(0), listen("127.0.2.17", port, 1)));
    rig.wait_open(0);
}

#[test]
fn a_small_message_goes_out_at_once_and_whole() {
    let (listener, port) = server("127.0.2.18");
    let rig = Rig::start(Habit::Watch, vec![connect("127.0.2.18", port, PATIENCE)]);
    let mut peer = accept(&listener);
    rig.wait_open(0);
    for number in 0..50_u8 {
        let start = Moment::now();
        rig.send(0, ONLY, vec![number; 200]);
        let mut chunk = [0; 1000];
        assert_eq!(peer.read(&mut chunk).unwrap(), 200, "it came in pieces");
        // A delayed acknowledgement would cost forty milliseconds each time.
        assert!(start.elapsed() < Duration::from_secs(2));
    }
}
