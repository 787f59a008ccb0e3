//! The machine at its limits: no descriptors left.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, Write};
use std::net::{TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crosspatch_core::{Closed, Peer, Port};

use crate::rig::{Habit, PATIENCE, Rig, Seen, address, free_port, listen, udp};

const IN_CHILD: &str = "CROSSPATCH_TEST_WITH_FEW_DESCRIPTORS";

/// This test again, in a process of its own that may have 64 files open.
fn child() -> Child {
    let this = std::env::current_exe().unwrap();
    Command::new("sh")
        .args(["-c", "ulimit -n 64; exec \"$0\" \"$@\""])
        .arg(this)
        .args(["--exact", "machine::without_descriptors_the_show_goes_on_and_recovers", "--nocapture"])
        .env(IN_CHILD, "yes")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn without_descriptors_the_show_goes_on_and_recovers() {
    if std::env::var_os(IN_CHILD).is_some() {
        return run_with_few_descriptors();
    }
    let mut child = child();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(|line| line.unwrap());
    let mut wait = |word: &str| {
        let line = lines.by_ref().find(|line| line.contains(word)).expect("the child goes on");
        line[line.find(word).unwrap() + word.len()..].trim().parse::<u16>().unwrap_or(0)
    };
    let server = wait("listens on ");
    let mut clients: Vec<_> = (0..200).map(|_| TcpStream::connect(("127.0.7.1", server)).unwrap()).collect();
    wait("exhausted");
    // Those that were accepted are served.
    clients[0].set_read_timeout(Some(PATIENCE)).unwrap();
    clients[0].write_all(b"x").unwrap();
    clients[0].read_exact(&mut [0]).unwrap();
    clients.drain(..150);
    // And those that waited are accepted once there is room.
    let last = clients.last_mut().unwrap();
    last.set_read_timeout(Some(PATIENCE)).unwrap();
    last.write_all(b"y").unwrap();
    last.read_exact(&mut [0]).unwrap();
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

fn run_with_few_descriptors() {
    let (server, echo) = (free_port("127.0.7.1"), free_port("127.0.7.2"));
    let rig = Rig::start(Habit::Echo, vec![listen("127.0.7.1", server, 1000), udp("127.0.7.2", echo)]);
    rig.wait_open(1);
    let peer = UdpSocket::bind("127.0.7.2:0").unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    // Opened while that is possible.
    let mut stat = File::open("/proc/self/stat").unwrap();
    println!("listens on {server}");
    rig.wait_line(&["warning: cannot accept a connection: too many open files"]);
    rig.act(|out| out.open(Port(2), udp("127.0.7.3", 0)));
    let reason = rig.wait(|seen| match seen {
        Seen::Close(Port(2), Peer::Only, reason) => Some(reason.clone()),
        _ => None,
    });
    assert_eq!(reason, Closed::Exhausted);
    peer.send_to(b"x", address("127.0.7.2", echo)).unwrap();
    peer.recv_from(&mut [0; 9]).unwrap();
    let before = cpu_ticks(&mut stat);
    std::thread::sleep(Duration::from_millis(600));
    // A hundred ticks are a second; a loop that spins would use all of them.
    let used = cpu_ticks(&mut stat) - before;
    assert!(used < 20, "{used} ticks while nothing could be accepted");
    println!("exhausted");
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

/// The time that this process has used, in ticks of the kernel.
fn cpu_ticks(stat: &mut File) -> u64 {
    let mut text = String::new();
    stat.rewind().unwrap();
    stat.read_to_string(&mut text).unwrap();
    let fields: Vec<_> = text.rsplit(") ").next().unwrap().split_ascii_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}
