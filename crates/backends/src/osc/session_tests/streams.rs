//! Streams: servers and clients, peers that do not read, bytes that are no OSC.

use super::*;

#[test]
fn a_server_sends_to_all_its_clients_but_the_one_that_spoke() {
    for (transport, word) in [("tcp", "tcp"), ("slip", "slip")] {
        let mut world = desk(&format!("transport = {transport}"), "desk./a <> bus.x");
        for client in 1..=3 {
            world.opened("desk", Port(0), Peer::Connection(client));
        }
        let packet = compose(&format!("{word} /a ,f 0.5")).expect("a packet");
        world.take_transcript();
        let (first, rest) = packet.split_at(7);
        world.receive("desk", Port(0), Peer::Connection(2), first);
        assert_eq!(sent(&mut world), [""; 0]);
        world.receive("desk", Port(0), Peer::Connection(2), rest);
        let expected = [format!("client1 {word} /a ,f 0.5"), format!("client3 {word} /a ,f 0.5")];
        assert_eq!(sent(&mut world), expected);
        world.closed("desk", Port(0), Peer::Connection(1), Closed::Reset);
        world.opened("desk", Port(0), Peer::Connection(4));
        assert_eq!(sent(&mut world), [format!("client4 {word} /a ,f 0.5")]);
    }
}

#[test]
fn a_client_connects_again_and_gives_everything() {
    let mut world = world(
        "[loopback bus]\n[osc desk]\ndestination = eos 3032\ntransport = tcp\n[map]\nbus.a > desk./a\ndesk./b > bus.b\n",
    );
    assert_eq!(shown(&mut world), "desk opens 1 tcp to eos:3032");
    put(&mut world, &[("bus.a", 0.5)]);
    world.opened("desk", Port(1), Peer::Only);
    let lines = shown(&mut world);
    assert!(lines.contains("desk.1 -> tcp /a ,f 0.5") && lines.contains("info: connected"), "{lines}");
    world.receive("desk", Port(1), Peer::Only, &compose("tcp /b ,f 1").expect("a packet"));
    assert!(shown(&mut world).contains("desk./b = 1"));
    // Half a message is forgotten with its connection.
    world.receive("desk", Port(1), Peer::Only, &[0, 0, 0, 12, b'/']);
    world.closed("desk", Port(1), Peer::Only, Closed::ByPeer);
    world.advance(Duration::from_secs(1));
    world.opened("desk", Port(1), Peer::Only);
    world.receive("desk", Port(1), Peer::Only, &compose("tcp /b ,f 1").expect("a packet"));
    let lines = shown(&mut world);
    assert!(lines.contains("desk.1 -> tcp /a ,f 0.5") && lines.contains("desk./b = 1"), "{lines}");
}

#[test]
fn a_stream_that_cannot_be_understood_is_closed() {
    let mut world = desk("transport = tcp", "bus.a > desk./a");
    world.opened("desk", Port(0), Peer::Connection(1));
    world.take_transcript();
    world.receive("desk", Port(0), Peer::Connection(1), b"GET / HTTP/1.1\r\n");
    let lines = shown(&mut world);
    assert!(lines.contains("desk closes 0 client1") && lines.contains("sends an HTTP request"), "{lines}");
    assert_eq!(put(&mut world, &[("bus.a", 0.5)]), [""; 0]);
}

#[test]
fn a_peer_that_does_not_read_gets_what_it_missed_later() {
    let mut world = desk("transport = tcp", "bus.{1..3} > desk./f{1..3}");
    world.opened("desk", Port(0), Peer::Connection(1));
    world.opened("desk", Port(0), Peer::Connection(2));
    put(&mut world, &[("bus.1", 0.5)]);
    world.full("desk", Port(0), Peer::Connection(1));
    for step in 1..=100 {
        world.put("bus.2", f64::from(step) / 100.0);
    }
    assert!(sent(&mut world).iter().all(|message| message.starts_with("client2")));
    world.writable("desk", Port(0), Peer::Connection(1));
    assert_eq!(sent(&mut world), ["client1 tcp /f2 ,f 1"], "the other one it knows");
    // One that missed nothing gets nothing.
    world.full("desk", Port(0), Peer::Connection(2));
    world.writable("desk", Port(0), Peer::Connection(2));
    assert_eq!(sent(&mut world), [""; 0]);
}

#[test]
fn what_happens_while_a_peer_does_not_read_happens_later_and_of_a_level_the_last_counts() {
    let mut world = desk("transport = tcp\n/bare = ,", "bus.{go,level,bare,cmd} > desk./{go,level,bare,cmd}");
    world.opened("desk", Port(0), Peer::Connection(1));
    world.full("desk", Port(0), Peer::Connection(1));
    for value in [1.0, 0.0, 1.0, 1.0, 0.0] {
        world.put("bus.go", value);
        world.put("bus.level", 0.25);
        world.put("bus.level", 0.75);
    }
    world.put("bus.bare", 1.0);
    world.put("bus.cmd", "Go+");
    world.put("bus.cmd", "Go+");
    world.take_transcript();
    world.writable("desk", Port(0), Peer::Connection(1));
    let lines = world.take_transcript();
    let (kept, level) = lines.trim_end().rsplit_once('\n').expect("two messages");
    assert!(level.ends_with("client1 tcp /level ,f 0.75"), "{level}");
    let packet = |message: &str| hex(&compose(&format!("tcp {message}")).expect("a message"));
    for (message, count) in [("/go ,f 1", 3), ("/go ,f 0", 2), ("/bare", 1), ("/cmd ,s \"Go+\"", 2)] {
        assert_eq!(kept.matches(&packet(message)).count(), count, "{message} in {kept}");
    }
    // What is kept for a peer that never reads is bounded, and the state arrives all the same.
    world.full("desk", Port(0), Peer::Connection(1));
    for step in 0..20_000 {
        world.put("bus.go", f64::from(step % 2));
    }
    let lines = world.take_transcript();
    assert!(lines.contains("does not read its data; presses and commands for it are lost"));
    world.writable("desk", Port(0), Peer::Connection(1));
    let lines = world.take_transcript();
    assert!(lines.trim_end().ends_with("/go ,f 1"), "it ends in the present state");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
