//! Datagrams that the kernel drops while the program is stopped: their number is reported, and the last state is
//! requested again.

#![cfg(target_os = "linux")]

mod common;

use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};

use common::osc::message as osc;
use common::{PATIENCE, Program, free_port, until};

/// A socket with a name, and with a deadline for what it waits for.
fn socket() -> (UdpSocket, u16) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    let port = socket.local_addr().expect("an address").port();
    (socket, port)
}

/// The next datagram.
fn hear(socket: &UdpSocket) -> Vec<u8> {
    let mut buffer = vec![0; 65_536];
    let len = socket.recv(&mut buffer).expect("a datagram in time");
    buffer.truncate(len);
    buffer
}

/// The latest datagram that has come to a socket. It is read all the time, so that nothing is lost at this end.
fn follow(socket: UdpSocket) -> Arc<Mutex<Vec<u8>>> {
    let latest = Arc::<Mutex<Vec<u8>>>::default();
    let shown = latest.clone();
    std::thread::spawn(move || {
        let mut buffer = [0; 65_536];
        while let Ok(len) = socket.recv(&mut buffer) {
            *latest.lock().expect("no panic") = buffer[..len].to_vec();
        }
    });
    shown
}

/// How many datagrams are waiting for a port of UDP, in bytes of the kernel, and how many it has dropped.
fn kernel(port: u16) -> (u64, u64) {
    let table = std::fs::read_to_string("/proc/net/udp").expect("a table of sockets");
    let place = format!(":{port:04X}");
    let line =
        table.lines().find(|line| line.split_whitespace().nth(1).is_some_and(|at| at.ends_with(&place)));
    let fields: Vec<_> = line.expect("the program listens").split_whitespace().collect();
    let (_, waiting) = fields[4].split_once(':').expect("two queues");
    (u64::from_str_radix(waiting, 16).expect("a number"), fields[12].parse().expect("a number"))
}

#[test]
fn what_the_kernel_dropped_while_the_program_was_stopped_is_told_and_asked_for_again() {
    let ((mixer, mixer_port), (screen, screen_port), port) = (socket(), socket(), free_port());
    let program = Program::show(&format!(
        "[osc mixer]\nbind = 127.0.0.1 {port}\ndestination = 127.0.0.1 {mixer_port}\nrepeat = /xremote 1h\n\n\
         [osc screen]\ndestination = 127.0.0.1 {screen_port}\n\n\
         [map]\nmixer./fader > screen./fader\n"
    ));
    let to = SocketAddr::from(([127, 0, 0, 1], port));
    let shown = follow(screen);
    assert!(hear(&mixer).starts_with(b"/xremote"), "the mixer is subscribed to once at the start");
    mixer.send_to(&osc("/fader", 0.1), to).expect("a message sent");
    until("the screen shows it", || *shown.lock().expect("no panic") == osc("/fader", 0.1));

    program.signal("STOP");
    // Other values until the kernel has no room; the last of them is lost for certain.
    until("the kernel has dropped something", || {
        for _ in 0..500 {
            mixer.send_to(&osc("/fader", 0.2), to).expect("a message sent");
        }
        kernel(port).1 > 0
    });
    mixer.send_to(&osc("/fader", 1.0), to).expect("a message sent");
    let (_, dropped) = kernel(port);
    program.signal("CONT");

    program.wait_for(&format!("{dropped} datagrams were lost on this machine at UDP port {port}"));
    // The mixer receives a request, an hour early, and sends its state again. It repeats it, because the values before
    // it arrive at the screen in one burst, and the kernel may drop the end of that.
    assert!(hear(&mixer).starts_with(b"/xremote"));
    until("the screen shows the last state", || {
        mixer.send_to(&osc("/fader", 1.0), to).expect("a message sent");
        *shown.lock().expect("no panic") == osc("/fader", 1.0)
    });
    program.stop();
}

#[test]
fn the_kernel_keeps_as_much_for_a_stopped_program_as_the_system_allows() {
    let allowed: u64 = std::fs::read_to_string("/proc/sys/net/core/rmem_max")
        .expect("a limit of the system")
        .trim()
        .parse()
        .expect("a number of bytes");
    let ((mixer, _), port) = (socket(), free_port());
    let program = Program::show(&format!(
        "[osc mixer]\nbind = 127.0.0.1 {port}\n\n[loopback loop]\n\n[map]\nmixer./fader > loop.fader\n"
    ));
    let to = SocketAddr::from(([127, 0, 0, 1], port));
    until("the program listens", || {
        let table = std::fs::read_to_string("/proc/net/udp").expect("a table of sockets");
        table.contains(&format!(":{port:04X} "))
    });
    program.signal("STOP");
    until("the kernel has dropped something", || {
        for _ in 0..500 {
            mixer.send_to(&osc("/fader", 0.2), to).expect("a message sent");
        }
        kernel(port).1 > 0
    });
    let (kept, _) = kernel(port);
    assert!(kept >= allowed.min(4 << 20), "{kept} bytes of {allowed} are kept");
    program.signal("CONT");
    program.wait_for("were lost on this machine");
    program.stop();
}
