//! Names: found, unknown, late, or never answered.

use std::io;
use std::net::{IpAddr, TcpListener};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant as Moment};

use crosspatch_core::{Closed, Peer, Port, PortSpec};

use crate::rig::{Habit, ONLY, PATIENCE, Rig, Seen, address, connect, endpoint, free_port, udp, web_socket};

const SOON: Duration = Duration::from_millis(300);

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn the_system_knows_this_machine() {
    let rig = Rig::start(Habit::Watch, vec![PortSpec::Lookup(endpoint("localhost", 7000))]);
    let Seen::Open(Port(0), Peer::Address(found)) = rig.next() else { panic!("it was not found") };
    assert!(found.ip().is_loopback() && found.port() == 7000, "{found}");
}

#[test]
fn an_unknown_name_is_told_as_such() {
    let rig = Rig::with(Habit::Watch, vec![connect("nowhere.test", 80, PATIENCE)], |shell| {
        shell.look_up_with(|_| Err(io::ErrorKind::NotFound.into()));
    });
    assert_eq!(rig.next(), Seen::Close(Port(0), ONLY, Closed::NameNotFound));
}

#[test]
fn a_name_that_never_resolves_times_out_and_delays_nobody_however_often_it_is_asked_for() {
    let echo = free_port("127.0.4.1");
    let (_never, silence) = mpsc::channel::<()>();
    let silence = Mutex::new(silence);
    let mut specs: Vec<_> = (0..30).map(|_| web_socket("silent.test", 80, SOON)).collect();
    specs.push(udp("127.0.4.1", echo));
    specs.push(PortSpec::Lookup(endpoint("known.test", 1)));
    let rig = Rig::with(Habit::EchoQuietly, specs, |shell| {
        shell.look_up_with(move |name| {
            if name == "silent.test" {
                // Blocks: the channel is never sent to.
                let _ = silence.lock().unwrap().recv();
            }
            Ok(vec![ip("127.0.4.9")])
        });
    });
    let mut found = false;
    let mut closed = 0;
    let start = Moment::now();
    while closed < 30 || !found {
        match rig.next() {
            Seen::Close(_, ONLY, Closed::TimedOut) => closed += 1,
            Seen::Open(Port(31), peer) => {
                assert_eq!(peer, Peer::Address(address("127.0.4.9", 1)));
                found = true;
            }
            Seen::Open(Port(30), ONLY) => {}
            seen => panic!("{seen:?}"),
        }
    }
    assert!(start.elapsed() < PATIENCE / 2);
    let peer = std::net::UdpSocket::bind("127.0.4.1:0").unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    peer.send_to(b"x", address("127.0.4.1", echo)).unwrap();
    peer.recv_from(&mut [0; 9]).unwrap();
}

/// Names that hang until the sender is dropped, and one more lookup after all of them.
fn behind_names_that_hang(count: usize, last: PortSpec) -> (Rig, mpsc::Sender<()>) {
    let (release, held) = mpsc::channel::<()>();
    let held = Arc::new(Mutex::new(held));
    let mut specs: Vec<_> =
        (0..count).map(|number| web_socket(&format!("silent{number}.test"), 80, PATIENCE * 2)).collect();
    specs.push(last);
    let rig = Rig::with(Habit::Watch, specs, |shell| {
        shell.look_up_with(move |name| {
            if name.starts_with("silent") {
                // Blocks: the channel is never sent to.
                let _ = held.lock().unwrap().recv();
            }
            Ok(vec![ip("127.0.4.9")])
        });
    });
    (rig, release)
}

#[test]
fn whoever_waits_for_a_name_waits_alone_however_many_hang() {
    let (rig, _hanging) = behind_names_that_hang(60, PortSpec::Lookup(endpoint("known.test", 1)));
    assert_eq!(rig.next(), Seen::Open(Port(60), Peer::Address(address("127.0.4.9", 1))));
}

#[test]
fn names_of_the_hosts_file_and_owners_of_ports_are_found_when_no_thread_is_left_to_ask_with() {
    let (rig, _hanging) = behind_names_that_hang(200, PortSpec::Lookup(endpoint("localhost", 1)));
    let Seen::Open(Port(200), Peer::Address(found)) = rig.next() else { panic!("it was not found") };
    assert!(found.ip().is_loopback(), "{found}");
    let taken = std::net::UdpSocket::bind("127.0.4.6:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    rig.act(move |out| out.open(Port(201), udp("127.0.4.6", port)));
    assert!(matches!(rig.next(), Seen::Close(Port(201), ONLY, Closed::InUse(Some(_)))));
}

#[test]
fn what_queues_behind_names_that_hang_is_asked_when_they_are_done() {
    let (rig, hanging) = behind_names_that_hang(200, PortSpec::Lookup(endpoint("known.test", 1)));
    drop(hanging);
    let found = |seen: Seen| matches!(seen, Seen::Open(Port(200), Peer::Address(_)));
    while !found(rig.next()) {}
}

#[test]
fn a_late_answer_for_a_replaced_port_does_not_reach_its_successor() {
    let (answer, waiting) = mpsc::channel();
    let waiting = Mutex::new(waiting);
    let port = free_port("127.0.4.2");
    let rig = Rig::with(Habit::Watch, vec![PortSpec::Lookup(endpoint("late.test", 5))], |shell| {
        shell.look_up_with(move |_| waiting.lock().unwrap().recv().map_err(io::Error::other));
    });
    rig.act(move |out| out.open(Port(0), udp("127.0.4.2", port)));
    assert_eq!(rig.next(), Seen::Open(Port(0), ONLY));
    answer.send(vec![ip("10.9.9.9")]).unwrap();
    // Whatever came of the answer would have come by the time a datagram has.
    let peer = std::net::UdpSocket::bind("127.0.4.2:0").unwrap();
    for _ in 0..5 {
        peer.send_to(b"x", address("127.0.4.2", port)).unwrap();
        assert!(matches!(rig.next(), Seen::Data(..)));
    }
}

#[test]
fn every_address_of_a_name_is_tried_and_a_silent_one_leaves_time_for_the_rest() {
    let listener = TcpListener::bind("127.0.4.3:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let names = asked.clone();
    // The first address is unused. The second has a full backlog.
    let full = TcpListener::bind(("127.0.4.4", port)).unwrap();
    socket2::SockRef::from(&full).listen(0).unwrap();
    let _waiting: Vec<_> = (0..8)
        .map(|_| {
            let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
            socket.set_nonblocking(true).unwrap();
            let _ = socket.connect(&address("127.0.4.4", port).into());
            socket
        })
        .collect();
    let rig = Rig::with(Habit::Watch, vec![connect("many.test", port, SOON * 4)], |shell| {
        shell.look_up_with(move |name| {
            names.lock().unwrap().push(name.to_owned());
            Ok(vec![ip("127.0.4.5"), ip("127.0.4.4"), ip("127.0.4.3")])
        });
    });
    assert_eq!(rig.next(), Seen::Open(Port(0), ONLY));
    assert_eq!(*asked.lock().unwrap(), ["many.test"]);
}
