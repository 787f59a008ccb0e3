//! UDP: both address families, batches, sizes, multicast, ports that are taken, peers that are not there.

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant as Moment};

use crosspatch_core::{Closed, Join, Peer, Port, PortSpec, Selection, Udp};

use crate::rig::{Habit, ONLY, PATIENCE, Rig, Seen, address, endpoint, free_port, udp, until};

fn peer(ip: &str) -> UdpSocket {
    let socket = UdpSocket::bind((ip, 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    // A whole burst has room.
    socket2::SockRef::from(&socket).set_recv_buffer_size(1 << 20).unwrap();
    socket
}

fn received(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = vec![0; 70_000];
    let (len, from) = socket.recv_from(&mut buffer).expect("something comes in time");
    buffer.truncate(len);
    (buffer, from)
}

#[test]
fn datagrams_of_every_size_go_both_ways() {
    let port = free_port("127.0.1.1");
    let rig = Rig::start(Habit::Echo, vec![udp("127.0.1.1", port)]);
    assert_eq!(rig.next(), Seen::Open(Port(0), ONLY));
    let peer = peer("127.0.1.2");
    for size in [0, 1, 2, 1472, 9000, 65_507] {
        let datagram: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
        peer.send_to(&datagram, address("127.0.1.1", port)).unwrap();
        let from = Peer::Address(peer.local_addr().unwrap());
        assert_eq!(rig.next(), Seen::Data(Port(0), from, datagram.clone()));
        assert_eq!(received(&peer), (datagram, address("127.0.1.1", port)));
    }
}

#[test]
fn a_port_on_every_address_speaks_both_families_and_shows_plain_addresses() {
    let port = free_port("127.0.0.1");
    let rig = Rig::start(Habit::Echo, vec![udp("*", port)]);
    rig.wait_open(0);
    for ip in ["127.0.0.1", "127.3.2.1", "::1"] {
        let peer = peer(ip);
        peer.send_to(b"hello", address(ip, port)).unwrap();
        assert_eq!(rig.wait_data(0), (Peer::Address(peer.local_addr().unwrap()), b"hello".to_vec()));
        assert_eq!(received(&peer).0, b"hello");
    }
}

#[test]
fn an_ipv6_port_is_no_ipv4_port_and_says_so_when_asked_to_be_one() {
    let port = free_port("::1");
    let rig = Rig::start(Habit::Echo, vec![udp("::1", port)]);
    rig.wait_open(0);
    let peer = peer("::1");
    rig.send(0, Peer::Address("127.0.0.1:9".parse().unwrap()), "x");
    rig.wait_line(&["probe warning: cannot send to 127.0.0.1:9"]);
    peer.send_to(b"still here", address("::1", port)).unwrap();
    assert_eq!(received(&peer).0, b"still here");
}

#[test]
fn a_thousand_datagrams_of_one_turn_arrive_in_order() {
    let port = free_port("127.0.1.3");
    let rig = Rig::start(Habit::Watch, vec![udp("127.0.1.3", port)]);
    rig.wait_open(0);
    let peers = [peer("127.0.1.4"), peer("127.0.1.5")];
    let to = peers.each_ref().map(|peer| Peer::Address(peer.local_addr().unwrap()));
    // In bursts, because the kernel keeps only so much for a peer that does not read.
    for burst in 0..10_u32 {
        rig.act(move |out| {
            for number in 0..100 {
                let text = (burst * 100 + number).to_string();
                out.send(Port(0), to[(number % 2) as usize], |buf| buf.extend_from_slice(text.as_bytes()));
            }
        });
        for number in 0..100 {
            let expected = (burst * 100 + number).to_string().into_bytes();
            assert_eq!(received(&peers[(number % 2) as usize]).0, expected);
        }
    }
}

#[test]
fn many_datagrams_to_one_peer_stay_datagrams_whatever_their_lengths() {
    let port = free_port("127.0.1.18");
    let rig = Rig::start(Habit::Watch, vec![udp("127.0.1.18", port), udp("*", 0)]);
    rig.wait_open(0);
    rig.wait_open(1);
    let peer = peer("127.0.1.19");
    let to = Peer::Address(peer.local_addr().unwrap());
    for from in [0, 1] {
        for length in [1, 24, 530, 1_200, 1_201, 3_000] {
            rig.act(move |out| {
                for number in 0..70_u8 {
                    // The last of each run of ten is longer, one is empty.
                    let length = if number % 10 == 9 { length + 1 } else { length };
                    let length = if number == 35 { 0 } else { length };
                    out.send(Port(from), to, |buf| buf.resize(buf.len() + length, number));
                }
            });
            for number in 0..70_u8 {
                let (data, _) = received(&peer);
                let expected = if number % 10 == 9 { length + 1 } else { length };
                let expected = if number == 35 { 0 } else { expected };
                assert!(
                    data.len() == expected && data.iter().all(|byte| *byte == number),
                    "{number} of {length}"
                );
            }
        }
    }
}

#[test]
fn a_peer_that_is_not_there_does_not_close_the_port() {
    let port = free_port("127.0.1.6");
    let nobody = free_port("127.0.1.7");
    let rig = Rig::start(Habit::Echo, vec![udp("127.0.1.6", port)]);
    rig.wait_open(0);
    for _ in 0..50 {
        rig.send(0, Peer::Address(address("127.0.1.7", nobody)), "anybody?");
    }
    let peer = peer("127.0.1.8");
    for _ in 0..50 {
        peer.send_to(b"ping", address("127.0.1.6", port)).unwrap();
        assert_eq!(received(&peer).0, b"ping");
    }
    assert!(!rig.so_far().iter().any(|seen| matches!(seen, Seen::Close(..))));
}

#[test]
fn what_cannot_be_sent_is_a_notice_with_its_reason() {
    let port = free_port("127.0.1.9");
    let rig = Rig::start(Habit::Echo, vec![udp("127.0.1.9", port)]);
    rig.wait_open(0);
    rig.send(0, Peer::Address(address("127.255.255.255", 9)), "not allowed to");
    rig.wait_line(&["probe warning: cannot send to 127.255.255.255:9: permission denied"]);
    let peer = peer("127.0.1.9");
    rig.send(0, Peer::Address(peer.local_addr().unwrap()), vec![0; 70_000]);
    rig.wait_line(&["probe warning: cannot send to", "message too long"]);
    rig.send(0, Peer::Address(peer.local_addr().unwrap()), "fine");
    assert_eq!(received(&peer).0, b"fine");
}

#[test]
fn broadcasts_where_that_is_asked_for() {
    let port = free_port("0.0.0.0");
    let listener = UdpSocket::bind(("0.0.0.0", port)).unwrap();
    listener.set_read_timeout(Some(PATIENCE)).unwrap();
    let Ok(host) = "127.0.0.1".parse();
    let bind = crosspatch_core::Endpoint { host, port: 0 };
    let spec = PortSpec::Udp(Udp { broadcast: true, ..Udp::new(bind) });
    let rig = Rig::start(Habit::Watch, vec![spec]);
    rig.wait_open(0);
    rig.send(0, Peer::Address(address("127.255.255.255", port)), "everybody");
    assert_eq!(received(&listener).0, b"everybody");
}

#[test]
fn hears_the_groups_it_has_joined() {
    for (bind, group) in [("0.0.0.0", "239.255.77.1"), ("*", "239.255.77.2")] {
        let port = free_port("127.0.0.1");
        let interface = Some("127.0.0.1".parse().unwrap());
        let join = Join { group: group.parse().unwrap(), interface: interface.clone() };
        let spec = |joins| {
            PortSpec::Udp(Udp {
                shared: true,
                joins,
                outgoing: interface.clone(),
                ..Udp::new(endpoint(bind, port))
            })
        };
        // Sends to the group through the interface on which it has joined, and receives its own datagram.
        let rig = Rig::start(Habit::Watch, vec![spec(vec![join])]);
        rig.wait_open(0);
        rig.send(0, Peer::Address(address(group, port)), "to the group");
        assert_eq!(rig.wait_data(0).1, b"to the group", "{group}");
    }
}

#[test]
fn joins_ipv6_groups_on_the_interface_of_an_address() {
    let join = Join { group: "ff01::7701".parse().unwrap(), interface: Some("::1".parse().unwrap()) };
    let joins = vec![join];
    let spec = PortSpec::Udp(Udp { joins, ..Udp::new(endpoint("::", 0)) });
    let rig = Rig::start(Habit::Watch, vec![spec]);
    rig.wait_open(0);
    let groups = std::fs::read_to_string("/proc/net/igmp6").unwrap();
    assert!(groups.contains("ff010000000000000000000000007701"), "{groups}");
}

#[test]
fn a_group_on_an_interface_that_is_not_there_is_reported() {
    for (bind, group, interface) in
        [("0.0.0.0", "239.255.77.3", "192.0.2.1"), ("::", "ff01::7702", "2001:db8::1")]
    {
        let joins = vec![Join { group: group.parse().unwrap(), interface: Some(interface.parse().unwrap()) }];
        let bind = endpoint(bind, 0);
        let spec = PortSpec::Udp(Udp { joins, ..Udp::new(bind) });
        let rig = Rig::start(Habit::Watch, vec![spec]);
        assert_eq!(rig.next(), Seen::Close(Port(0), ONLY, Closed::NoSuchAddress));
    }
}

#[test]
fn a_taken_port_names_who_has_it_and_opens_once_it_is_free() {
    let port = free_port("127.0.1.10");
    let mut other = std::process::Command::new("python3")
        .arg("-c")
        .arg(format!(
            "import socket, sys; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); \
             s.bind(('127.0.1.10', {port})); print('bound', flush=True); sys.stdin.read()"
        ))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("python3 is there");
    let mut line = String::new();
    let mut output = std::io::BufReader::new(other.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut output, &mut line).unwrap();
    assert_eq!(line, "bound\n");

    let rig = Rig::start(Habit::Watch, vec![udp("127.0.1.10", port)]);
    let Closed::InUse(Some(program)) = rig.wait_close(0) else { panic!("nobody was named") };
    assert_eq!(&*program, format!("python3 (pid {})", other.id()));

    drop(other.stdin.take());
    other.wait().unwrap();
    rig.act(move |out| out.open(Port(0), udp("127.0.1.10", port)));
    rig.wait_open(0);
}

#[test]
fn shared_ports_are_one_and_others_are_refused() {
    let port = free_port("127.0.1.11");
    let bind = endpoint("127.0.1.11", port);
    let shared = PortSpec::Udp(Udp { shared: true, ..Udp::new(bind) });
    let rig = Rig::start(Habit::Watch, vec![shared.clone(), shared, udp("127.0.1.11", port)]);
    rig.wait_open(0);
    rig.wait_open(1);
    assert_eq!(rig.wait_close(2), Closed::InUse(Some("this show itself".into())));
}

#[test]
fn every_tenant_of_a_shared_port_gets_every_datagram_and_sends_from_it() {
    let port = free_port("127.0.1.15");
    let bind = endpoint("127.0.1.15", port);
    let shared = PortSpec::Udp(Udp { shared: true, ..Udp::new(bind) });
    let rig = Rig::start(Habit::Watch, vec![shared.clone(), shared.clone(), shared]);
    for _ in 0..3 {
        assert!(matches!(rig.next(), Seen::Open(_, ONLY)));
    }
    let peer = peer("127.0.1.16");
    let from = Peer::Address(peer.local_addr().unwrap());
    let say = |text: &str| peer.send_to(text.as_bytes(), address("127.0.1.15", port)).unwrap();
    for text in ["one", "two"] {
        say(text);
        for at in 0..3 {
            assert_eq!(rig.next(), Seen::Data(Port(at), from, text.as_bytes().to_vec()));
        }
    }
    rig.act(move |out| (0..3).for_each(|at| out.send(Port(at), from, |buf| buf.push(at as u8))));
    for at in 0..3 {
        assert_eq!(received(&peer), (vec![at], address("127.0.1.15", port)));
    }
    // The one that has opened the socket goes first.
    rig.act(|out| out.close(Port(0), ONLY));
    say("three");
    assert_eq!(rig.next(), Seen::Data(Port(1), from, b"three".to_vec()));
    assert_eq!(rig.next(), Seen::Data(Port(2), from, b"three".to_vec()));
    rig.act(|out| (1..3).for_each(|at| out.close(Port(at), ONLY)));
    until(|| UdpSocket::bind(address("127.0.1.15", port)).ok());
}

#[test]
fn a_tenant_is_not_given_what_it_does_not_select() {
    let port = free_port("127.0.1.17");
    let spec = |whom: &[u8; 2]| {
        let selection = Some(Selection { kind: (0, *b"to"), whom: (3, *whom) });
        PortSpec::Udp(Udp { shared: true, selection, ..Udp::new(endpoint("127.0.1.17", port)) })
    };
    let rig = Rig::start(Habit::Watch, vec![spec(b"me"), spec(b"he")]);
    rig.wait_open(0);
    rig.wait_open(1);
    let peer = peer("127.0.1.18");
    let from = Peer::Address(peer.local_addr().unwrap());
    for (text, heard_by) in
        [("to he", &[1][..]), ("to me", &[0]), ("to us", &[]), ("from us", &[0, 1]), ("to", &[0, 1])]
    {
        peer.send_to(text.as_bytes(), address("127.0.1.17", port)).unwrap();
        for at in heard_by {
            assert_eq!(rig.next(), Seen::Data(Port(*at), from, text.as_bytes().to_vec()));
        }
    }
}

#[test]
fn a_tenant_that_leaves_takes_only_its_own_groups_along() {
    let port = free_port("127.0.0.1");
    let spec = |groups: &[&str]| {
        let interface = Some("127.0.0.1".parse().unwrap());
        let joins = groups
            .iter()
            .map(|group| Join { group: group.parse().unwrap(), interface: interface.clone() })
            .collect();
        PortSpec::Udp(Udp { shared: true, joins, outgoing: interface, ..Udp::new(endpoint("0.0.0.0", port)) })
    };
    let joined = |group: &str| {
        let group: std::net::Ipv4Addr = group.parse().unwrap();
        let as_the_kernel_shows_it = format!("{:08X}", u32::from_ne_bytes(group.octets()));
        std::fs::read_to_string("/proc/net/igmp").unwrap().contains(&as_the_kernel_shows_it)
    };
    let (both, own) = ("239.255.77.5", "239.255.77.6");
    let rig = Rig::start(Habit::Watch, vec![spec(&[both, own]), spec(&[both])]);
    rig.wait_open(0);
    rig.wait_open(1);
    assert!(joined(both) && joined(own));
    rig.act(|out| out.close(Port(0), ONLY));
    until(|| (!joined(own)).then_some(()));
    assert!(joined(both));
    rig.send(1, Peer::Address(address(both, port)), "still here");
    assert_eq!(rig.wait_data(1).1, b"still here");
}

#[test]
fn an_address_that_this_machine_does_not_have_is_told_as_such() {
    let rig = Rig::start(Habit::Watch, vec![udp("192.0.2.1", 0)]);
    assert_eq!(rig.next(), Seen::Close(Port(0), ONLY, Closed::NoSuchAddress));
}

#[test]
fn a_flood_on_one_port_leaves_the_other_its_latency_and_memory_flat() {
    let (flooded, calm) = (free_port("127.0.1.12"), free_port("127.0.1.13"));
    let specs = vec![udp("127.0.1.12", flooded), udp("127.0.1.13", calm)];
    let rig = Rig::start(Habit::EchoQuietly, specs);
    rig.wait_open(0);
    rig.wait_open(1);
    let (stop, sent) = (AtomicBool::new(false), AtomicU64::new(0));
    let flood = || {
        let (socket, start) = (peer("127.0.1.14"), Moment::now());
        while !stop.load(Ordering::Relaxed) && start.elapsed() < 2 * PATIENCE {
            let is_sent = socket.send_to(&[7; 90], address("127.0.1.12", flooded)).is_ok();
            sent.fetch_add(is_sent.into(), Ordering::Relaxed);
        }
    };
    let calm_peer = peer("127.0.1.15");
    let (mut times, before) = std::thread::scope(|scope| {
        scope.spawn(flood);
        until(|| (sent.load(Ordering::Relaxed) > 10_000).then_some(()));
        let before = resident_kib();
        let round_trip = |_| {
            let start = Moment::now();
            calm_peer.send_to(b"calm", address("127.0.1.13", calm)).unwrap();
            assert_eq!(received(&calm_peer).0, b"calm");
            start.elapsed()
        };
        let times: Vec<_> = (0..300).map(round_trip).collect();
        until(|| (sent.load(Ordering::Relaxed) > 50_000).then_some(()));
        stop.store(true, Ordering::Relaxed);
        (times, before)
    });
    let grown = resident_kib().saturating_sub(before);
    times.sort_unstable();
    // The machine has few cores and other work; what counts is that the calm port does not wait for the flood to end.
    assert!(times[150] < Duration::from_millis(5), "median {:?}", times[150]);
    assert!(grown < 60_000, "memory has grown by {grown} KiB, other tests included");
}

/// The memory of this process, other tests included.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn what_was_queued_is_sent_before_a_port_closes() {
    let port = free_port("127.0.1.16");
    let rig = Rig::start(Habit::Watch, vec![udp("127.0.1.16", port)]);
    rig.wait_open(0);
    let peer = peer("127.0.1.17");
    let to = Peer::Address(peer.local_addr().unwrap());
    rig.act(move |out| {
        out.send(Port(0), to, |buf| buf.extend_from_slice(b"last words"));
        out.close(Port(0), ONLY);
        out.send(Port(0), to, |buf| buf.extend_from_slice(b"too late"));
    });
    assert_eq!(received(&peer).0, b"last words");
    until(|| UdpSocket::bind(("127.0.1.16", port)).ok());
    peer.set_nonblocking(true).unwrap();
    assert!(peer.recv_from(&mut [0; 9]).is_err(), "something came through a closed port");
}
