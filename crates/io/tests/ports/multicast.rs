//! Multicast: many groups on one port, interfaces by name and address, and interfaces that come and go. The latter run
//! in a network namespace that the test creates; without permission to do so, the test reports this and passes.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::process::{Command, Stdio};

use crosspatch_core::{Interface, Join, Peer, Port, PortSpec, Udp};
use socket2::SockRef;

use crate::rig::{Habit, ONLY, Rig, Seen, address, endpoint, free_port, udp, until};

const IN_NAMESPACE: &str = "CROSSPATCH_TEST_IN_NAMESPACE";

/// Whether this process has its own network namespace. If not, runs the test again in one, where possible.
fn has_own_network(test: &str) -> bool {
    if std::env::var_os(IN_NAMESPACE).is_some() {
        ip("link set lo up");
        return true;
    }
    let works = |line: &str| {
        Command::new("sh")
            .args(["-c", line])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    if !works("command -v ip >/dev/null && unshare -n true") {
        eprintln!("skipped: this needs `unshare -n`, with the right to use it, and `ip`");
        return false;
    }
    let status = Command::new("unshare")
        .arg("-n")
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &format!("multicast::{test}"), "--nocapture"])
        .env(IN_NAMESPACE, "yes")
        .status()
        .unwrap();
    assert!(status.success(), "the test fails in its namespace");
    false
}

fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split(' ')).status().unwrap();
    assert!(status.success(), "ip {arguments}");
}

/// A network card with a cable whose other end is not connected.
fn plug_in(name: &str, address: &str) {
    ip(&format!("link add {name} type veth peer name far-{name}"));
    ip(&format!("addr add {address}/24 dev {name}"));
    ip(&format!("link set far-{name} up"));
    ip(&format!("link set {name} up"));
}

/// A group and the names of the interfaces on which it is joined.
fn join(group: &str, interface: Option<&str>) -> Join {
    let interface = interface.map(|interface| {
        let Ok(interface) = interface.parse::<Interface>();
        interface
    });
    Join { group: group.parse().unwrap(), interface }
}

fn shared(host: &str, port: u16, joins: Vec<Join>) -> PortSpec {
    PortSpec::Udp(Udp { shared: true, joins, ..Udp::new(endpoint(host, port)) })
}

/// Another program, which sends to a group through the interface that has an address.
fn send(text: &str, to: SocketAddr, through: &str) {
    let socket = match through.parse().unwrap() {
        IpAddr::V4(through) => {
            let socket = UdpSocket::bind((through, 0)).unwrap();
            SockRef::from(&socket).set_multicast_if_v4(&through).unwrap();
            socket
        }
        through @ IpAddr::V6(_) => UdpSocket::bind((through, 0)).unwrap(),
    };
    socket.send_to(text.as_bytes(), to).unwrap();
}

fn data(port: u16) -> impl FnMut(&Seen) -> Option<String> {
    move |seen| match seen {
        Seen::Data(at, _, data) if at.0 == port => Some(String::from_utf8_lossy(data).into_owned()),
        _ => None,
    }
}

#[test]
fn three_hundred_groups_reach_those_who_asked_and_nobody_else() {
    let port = free_port("127.0.0.1");
    let group = |number: u16| format!("239.255.{}.{}", 100 + (number >> 8), number & 0xff);
    let joins = |numbers: std::ops::Range<u16>| {
        numbers.map(|number| join(&group(number), Some("127.0.0.1"))).collect::<Vec<_>>()
    };
    let rig = Rig::start(
        Habit::Watch,
        vec![
            shared("*", port, joins(0..300)),
            shared("*", port, joins(299..301)),
            shared("0.0.0.0", port, joins(5..6)),
        ],
    );
    for port in 0..3 {
        rig.wait_open(port);
    }
    let mut heard = [0; 3];
    for number in 0..302 {
        send("x", address(&group(number), port), "127.0.0.1");
        // One after the other, so that the kernel has room for all of them.
        let expected = [number < 300, (299..301).contains(&number), number == 5];
        for _ in 0..expected.iter().filter(|is_heard| **is_heard).count() {
            match rig.next() {
                Seen::Data(Port(at), ..) if expected[usize::from(at)] => heard[usize::from(at)] += 1,
                other => panic!("{other:?} after group {number}"),
            }
        }
    }
    assert_eq!((heard, rig.so_far()), ([300, 2, 1], vec![]));
}

#[test]
fn the_sockets_of_groups_take_nothing_that_is_for_this_machine_alone() {
    let port = free_port("127.0.0.1");
    let joins: Vec<_> =
        (1..=5).map(|number| join(&format!("239.255.99.{number}"), Some("127.0.0.1"))).collect();
    for host in ["*", "127.0.0.1"] {
        let rig = Rig::start(Habit::Watch, vec![shared(host, port, joins.clone())]);
        rig.wait_open(0);
        for number in 0..50 {
            send(&number.to_string(), address("127.0.0.1", port), "127.0.0.1");
            assert_eq!(rig.wait(data(0)), number.to_string());
        }
        send("group", address("239.255.99.3", port), "127.0.0.1");
        assert_eq!(rig.wait(data(0)), "group", "a port on one address hears its groups as well");
    }
}

#[test]
fn other_programs_on_the_port_hear_the_group_as_well() {
    let port = free_port("127.0.0.1");
    let rig =
        Rig::start(Habit::Watch, vec![shared("*", port, vec![join("239.255.98.1", Some("127.0.0.1"))])]);
    rig.wait_open(0);
    let other = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None).unwrap();
    other.set_reuse_address(true).unwrap();
    other.bind(&address("0.0.0.0", port).into()).unwrap();
    other.join_multicast_v4(&"239.255.98.1".parse().unwrap(), &"127.0.0.1".parse().unwrap()).unwrap();
    let other: UdpSocket = other.into();
    send("both", address("239.255.98.1", port), "127.0.0.1");
    assert_eq!(rig.wait(data(0)), "both");
    other.set_read_timeout(Some(crate::rig::PATIENCE)).unwrap();
    assert_eq!(other.recv(&mut [0; 9]).unwrap(), 4);
}

#[test]
fn interfaces_are_told_apart_by_name_and_by_address() {
    if !has_own_network("interfaces_are_told_apart_by_name_and_by_address") {
        return;
    }
    plug_in("front0", "10.7.1.1");
    plug_in("stage0", "10.7.2.1");
    let on = |interface| shared("*", 5568, vec![join("239.255.0.1", interface)]);
    let rig = Rig::start(Habit::Watch, vec![on(Some("stage0")), on(Some("10.7.1.1")), on(None)]);
    for port in 0..3 {
        rig.wait_open(port);
    }
    for (through, port) in [("10.7.1.1", 1), ("10.7.2.1", 0)] {
        send(through, address("239.255.0.1", 5568), through);
        let mut heard = [rig.next(), rig.next()].map(|seen| match seen {
            Seen::Data(Port(port), ..) => port,
            other => panic!("{other:?}"),
        });
        heard.sort_unstable();
        assert_eq!((heard, rig.so_far()), ([port, 2], vec![]), "through {through}");
    }
}

#[test]
fn what_is_sent_to_a_group_leaves_through_the_interface_that_is_named() {
    if !has_own_network("what_is_sent_to_a_group_leaves_through_the_interface_that_is_named") {
        return;
    }
    plug_in("front0", "10.7.1.1");
    plug_in("stage0", "10.7.2.1");
    let through = |interface: &str| {
        let Ok(interface) = interface.parse();
        PortSpec::Udp(Udp { shared: true, outgoing: Some(interface), ..Udp::new(endpoint("*", 5568)) })
    };
    let heard = shared("*", 5568, vec![join("239.255.0.1", Some("stage0"))]);
    let rig =
        Rig::start(Habit::Watch, vec![heard, through("front0"), through("stage0"), through("10.7.2.1")]);
    for port in 0..4 {
        rig.wait_open(port);
    }
    for (port, text) in [(1, "front"), (2, "stage"), (3, "stage again")] {
        rig.send(port, Peer::Address(address("239.255.0.1", 5568)), text);
    }
    assert_eq!([rig.wait(data(0)), rig.wait(data(0))], ["stage", "stage again"]);
    // The ports share a socket, and what they send in one turn still leaves by different ways.
    let group = Peer::Address(address("239.255.0.1", 5568));
    rig.act(move |out| {
        for number in 0..20_u8 {
            for port in 1..=3 {
                out.send(Port(port), group, |bytes| bytes.extend_from_slice(&[port as u8, number]));
            }
        }
    });
    for number in 0..20 {
        for port in [2, 3] {
            let wanted = |seen: &Seen| match seen {
                Seen::Data(Port(0), _, data) => Some(data.clone()),
                _ => None,
            };
            assert_eq!(rig.wait(wanted), [port, number]);
        }
    }
    // The interface comes back with another number.
    ip("link del stage0");
    rig.send(2, group, "nowhere");
    rig.wait_line(&["cannot send through interface stage0: this machine does not have that address"]);
    plug_in("stage0", "10.7.2.1");
    rig.wait_line(&["interface stage0 is back"]);
    rig.send(2, group, "stage once more");
    assert_eq!(rig.wait(data(0)), "stage once more");
}

#[test]
fn groups_are_reached_on_a_network_without_a_gateway() {
    if !has_own_network("groups_are_reached_on_a_network_without_a_gateway") {
        return;
    }
    let heard = shared("*", 5568, vec![join("239.255.0.1", None)]);
    let rig = Rig::start(Habit::Watch, vec![heard, udp("0.0.0.0", 0), udp("*", 0)]);
    for port in 0..3 {
        rig.wait_open(port);
    }
    let group = Peer::Address(address("239.255.0.1", 5568));
    rig.send(1, group, "nobody is there");
    rig.wait_line(&["cannot send to 239.255.0.1:5568: network is unreachable"]);
    plug_in("stage0", "10.7.2.1");
    for port in [1, 2] {
        until(|| {
            rig.send(port, group, "the first may be lost");
            rig.so_far().iter().any(|seen| matches!(seen, Seen::Data(Port(0), ..))).then_some(())
        });
    }
    // From here on none is.
    rig.send(1, group, "last");
    while rig.wait(data(0)) != "last" {}
}

#[test]
fn a_group_is_joined_again_when_its_interface_returns() {
    if !has_own_network("a_group_is_joined_again_when_its_interface_returns") {
        return;
    }
    plug_in("stage0", "10.7.2.1");
    let groups = [("239.255.0.1", "stage0"), ("239.255.0.2", "10.7.2.1"), ("239.255.0.3", "stage0")]
        .map(|(group, interface)| join(group, Some(interface)));
    let rig = Rig::start(Habit::Watch, vec![shared("*", 5568, groups.to_vec())]);
    rig.wait_open(0);
    let hears = |text: &str| {
        for group in ["239.255.0.1", "239.255.0.2", "239.255.0.3"] {
            let text = format!("{text} {group}");
            // The system may drop what is sent while the interface is being set up.
            until(|| {
                send(&text, address(group, 5568), "10.7.2.1");
                let seen = rig.so_far();
                assert!(
                    !seen.iter().any(|seen| matches!(seen, Seen::Close(_, ONLY, _))),
                    "the port stays open"
                );
                seen.iter().filter_map(data(0)).any(|heard| heard == text).then_some(())
            });
        }
    };
    let told = |text: &str| rig.observed.lock().unwrap().iter().filter(|line| line.contains(text)).count();
    hears("before");
    ip("link del stage0");
    // One line for each way in which the interface was named, however many groups it had.
    until(|| (told("is gone") == 2).then_some(()));
    plug_in("stage0", "10.7.2.1");
    until(|| (told("is back") == 2).then_some(()));
    hears("afterwards");
}

#[test]
fn a_group_on_every_interface_is_joined_on_those_that_are_new() {
    if !has_own_network("a_group_on_every_interface_is_joined_on_those_that_are_new") {
        return;
    }
    let rig = Rig::start(Habit::Watch, vec![shared("*", 5568, vec![join("239.255.0.1", None)])]);
    rig.wait_open(0);
    let joined = |name: &str| {
        let groups = Command::new("ip").args(["maddr", "show", "dev", name]).output().unwrap().stdout;
        String::from_utf8(groups).unwrap().contains("239.255.0.1")
    };
    plug_in("stage0", "10.7.2.1");
    until(|| joined("stage0").then_some(()));
    send("new", address("239.255.0.1", 5568), "10.7.2.1");
    assert_eq!(rig.wait(data(0)), "new");
    ip("link set stage0 down");
    until(|| (!joined("stage0")).then_some(()));
    ip("link set stage0 up");
    until(|| joined("stage0").then_some(()));
    send("again", address("239.255.0.1", 5568), "10.7.2.1");
    assert_eq!(rig.wait(data(0)), "again");
}

#[test]
fn groups_of_ipv6_are_heard_on_the_interface_that_is_named() {
    if !has_own_network("groups_of_ipv6_are_heard_on_the_interface_that_is_named") {
        return;
    }
    for (name, address) in [("front0", "fd00:1::1"), ("stage0", "fd00:2::1")] {
        plug_in(name, if name == "front0" { "10.7.1.1" } else { "10.7.2.1" });
        ip(&format!("-6 addr add {address}/64 dev {name} nodad"));
    }
    let Ok(stage) = "stage0".parse();
    let groups = ["ff18::8300:1", "ff02::7701"].map(|group| join(group, Some("stage0"))).to_vec();
    let sender = |interface| PortSpec::Udp(Udp { outgoing: Some(interface), ..Udp::new(endpoint("::", 0)) });
    let Ok(front) = "front0".parse();
    let rig = Rig::start(Habit::Watch, vec![shared("*", 5568, groups), sender(stage), sender(front)]);
    for port in 0..3 {
        rig.wait_open(port);
    }
    for group in ["ff18::8300:1", "ff02::7701"] {
        rig.send(2, Peer::Address(address(group, 5568)), "to the front");
        rig.send(1, Peer::Address(address(group, 5568)), group);
        assert_eq!(rig.wait(data(0)), group);
    }
}

#[test]
fn the_machine_says_who_it_is_and_the_port_is_free_again() {
    let rig = Rig::start(Habit::Watch, vec![PortSpec::Machine]);
    let Seen::Data(Port(0), ONLY, first) = rig.next() else { panic!("the machine is nobody") };
    rig.act(|out| out.open(Port(0), PortSpec::Machine));
    assert_eq!(rig.next(), Seen::Data(Port(0), ONLY, first));
}
