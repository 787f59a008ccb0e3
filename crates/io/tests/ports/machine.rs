//! What the machine does to a process: it has no descriptors left, or stops it for a while.

use std::fs::File;
use std::io::{BufRead, BufReader, Lines, Read, Seek, Write};
use std::net::{TcpStream, UdpSocket};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use crosspatch_core::{Closed, Peer, Port};

use crate::rig::{Habit, PATIENCE, Rig, Seen, address, free_port, listen, udp, until};

const IN_CHILD: &str = "CROSSPATCH_TEST_IN_CHILD";

/// For so long, a show that can do nothing must do nothing.
const QUIET: Duration = Duration::from_millis(600);

/// A process is stopped for longer than any pause within the shell, so that all its deadlines have passed.
const LONGER_THAN_ANY_PAUSE: Duration = Duration::from_millis(1500);

fn is_child() -> bool {
    std::env::var_os(IN_CHILD).is_some()
}

/// Runs the test again in a separate process, which begins with a shell command.
fn child(begin: &str, test: &str) -> Child {
    Command::new("sh")
        .args(["-c", &format!("{begin}; exec \"$0\" \"$@\"")])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(IN_CHILD, "yes")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits for a line with that word and returns the number after it, if there is one.
fn wait_for(word: &str, lines: &mut Lines<BufReader<ChildStdout>>) -> u16 {
    let line = lines.map(|line| line.unwrap()).find(|line| line.contains(word)).expect("the child goes on");
    line[line.find(word).unwrap() + word.len()..].trim().parse().unwrap_or(0)
}

#[test]
fn without_descriptors_the_show_goes_on_and_recovers() {
    if is_child() {
        return run_with_few_descriptors();
    }
    let mut child = child("ulimit -n 64", "machine::without_descriptors_the_show_goes_on_and_recovers");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let server = wait_for("listens on ", &mut lines);
    let mut clients: Vec<_> = (0..200).map(|_| TcpStream::connect(("127.0.7.1", server)).unwrap()).collect();
    wait_for("exhausted", &mut lines);
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
    std::thread::sleep(QUIET);
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

#[test]
fn a_process_that_was_stopped_and_continued_goes_on_where_it_was() {
    if is_child() {
        let (echo, server) = (free_port("127.0.7.4"), free_port("127.0.7.4"));
        let rig = Rig::start(Habit::Echo, vec![udp("127.0.7.4", echo), listen("127.0.7.4", server, 10)]);
        rig.wait_open(0);
        rig.wait_open(1);
        println!("echoes on {echo}");
        println!("listens on {server}");
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        return;
    }
    let mut child = child(":", "machine::a_process_that_was_stopped_and_continued_goes_on_where_it_was");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let echo = wait_for("echoes on ", &mut lines);
    let server = wait_for("listens on ", &mut lines);
    let mut stream = TcpStream::connect(("127.0.7.4", server)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let peer = UdpSocket::bind("127.0.7.5:0").unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();

    signal(&child, "-STOP");
    until(|| state_of(&child).contains('T').then_some(()));
    peer.send_to(b"while it sleeps", address("127.0.7.4", echo)).unwrap();
    stream.write_all(b"while it sleeps").unwrap();
    std::thread::sleep(LONGER_THAN_ANY_PAUSE);
    signal(&child, "-CONT");

    let mut buffer = [0; 15];
    assert_eq!(peer.recv_from(&mut buffer).unwrap().0, 15);
    stream.read_exact(&mut buffer).unwrap();
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

fn signal(child: &Child, signal: &str) {
    assert!(Command::new("kill").arg(signal).arg(child.id().to_string()).status().unwrap().success());
}

/// The letter by which the kernel calls the state of a process.
fn state_of(child: &Child) -> String {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
    stat.rsplit(") ").next().unwrap().split_ascii_whitespace().next().unwrap().to_owned()
}
