//! The real binary in feedback loops, through one process and through two: the loop is reported once and slowed down,
//! and unrelated mappings are not affected.

mod common;

use std::net::UdpSocket;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use common::{PATIENCE, Program, free_port};

/// A loop takes all the time of a processor until it is found, and there may be two of them.
static PROCESSORS: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    PROCESSORS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A show in which a universe goes out to `to` and to `witness` with every change, and something else from OSC to OSC.
struct Ports {
    near: u16,
    far: u16,
    osc_in: u16,
    witness: UdpSocket,
    osc_out: UdpSocket,
}

impl Ports {
    fn new() -> Self {
        let socket = || UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let [near, far, osc_in] = [(); 3].map(|()| free_port());
        Self { near, far, osc_in, witness: socket(), osc_out: socket() }
    }

    fn witness(&self) -> u16 {
        self.witness.local_addr().expect("an address").port()
    }

    /// A mapping beside the loop.
    fn unrelated(&self) -> String {
        let to = self.osc_out.local_addr().expect("an address").port();
        format!("[osc i]\nbind = 127.0.0.1 {}\n[osc o]\ndestination = 127.0.0.1 {to}\n", self.osc_in)
    }

    /// Frames come slowly, and a message of the other mapping passes at once.
    fn check(&self, shows: &[&Program], names: &[&str]) {
        for (show, name) in shows.iter().zip(names) {
            show.wait_for(&format!("{name}: a feedback loop"));
        }
        self.witness.set_nonblocking(true).expect("a socket");
        let mut packet = [0; 2048];
        while self.witness.recv(&mut packet).is_ok() {}
        self.witness.set_nonblocking(false).expect("a socket");
        self.witness.set_read_timeout(Some(PATIENCE)).expect("a socket");
        self.osc_out.set_read_timeout(Some(PATIENCE)).expect("a socket");
        let start = Instant::now();
        for number in 1..=100_u8 {
            self.witness.recv(&mut packet).expect("the loop goes on");
            if number % 10 == 0 {
                let message = [b"/x\0\0,f\0\0\x3f\0\0" as &[u8], &[number]].concat();
                self.osc_out.send_to(&message, ("127.0.0.1", self.osc_in)).expect("a message");
                let len = self.osc_out.recv(&mut packet).expect("the other mapping works");
                assert_eq!((&packet[..2], packet[len - 1]), (b"/y" as &[u8], number));
            }
        }
        let took = start.elapsed();
        assert!(took > Duration::from_millis(500), "100 frames in {took:?}");
        for show in shows {
            let lines = show.lines().text();
            assert_eq!(lines.matches("a feedback loop").count(), 1, "in\n{lines}");
        }
    }
}

#[test]
fn a_universe_of_art_net_that_comes_back_to_its_own_process_is_slowed_down() {
    let _alone = alone();
    let ports = Ports::new();
    let (near, witness, unrelated) = (ports.near, ports.witness(), ports.unrelated());
    let show = Program::show(&format!(
        "[backend artnet]\nbind = 127.0.0.1 {near}\n{unrelated}[artnet in]\nuniverse = 1\n\
         [artnet out]\nuniverse = 1\ndestination = 127.0.0.1 {near}\ndestination = 127.0.0.1 {witness}\n\
         realtime = 1\nstart = 0\n[map]\nin.1 | invert > out.1\ni./x > o./y\n"
    ));
    ports.check(&[&show], &["in.1 > out.1"]);
    show.stop();
}

#[test]
fn a_universe_of_art_net_that_another_process_sends_back_is_slowed_down() {
    let _alone = alone();
    let ports = Ports::new();
    let (near, far, witness, unrelated) = (ports.near, ports.far, ports.witness(), ports.unrelated());
    let other = Program::show(&format!(
        "[backend artnet]\nbind = 127.0.0.1 {far}\n[artnet in]\nuniverse = 1\n\
         [artnet out]\nuniverse = 2\ndestination = 127.0.0.1 {near}\nrealtime = 1\n[map]\nin.1 > out.1\n"
    ));
    let show = Program::show(&format!(
        "[backend artnet]\nbind = 127.0.0.1 {near}\n{unrelated}[artnet in]\nuniverse = 2\n\
         [artnet out]\nuniverse = 1\ndestination = 127.0.0.1 {far}\ndestination = 127.0.0.1 {witness}\n\
         realtime = 1\nstart = 0\n[map]\nin.1 | invert > out.1\ni./x > o./y\n"
    ));
    ports.check(&[&show], &["in.1 > out.1"]);
    other.stop();
    show.wait_for("no feedback loop any more");
    show.stop();
}

#[test]
fn a_universe_of_sacn_that_another_process_sends_back_is_slowed_down() {
    let _alone = alone();
    let ports = Ports::new();
    let (near, far, witness, unrelated) = (ports.near, ports.far, ports.witness(), ports.unrelated());
    let other = Program::show(&format!(
        "[backend sacn]\nbind = 127.0.0.1 {far} local\n[sacn in]\nuniverse = 1\nunicast = 1\n\
         [sacn out]\nuniverse = 2\npriority = 100\ndestination = 127.0.0.1 {near}\nrealtime = 1\n[map]\nin.1 > out.1\n"
    ));
    let show = Program::show(&format!(
        "[backend sacn]\nbind = 127.0.0.1 {near} local\n{unrelated}[sacn in]\nuniverse = 2\nunicast = 1\n\
         [sacn out]\nuniverse = 1\npriority = 100\ndestination = 127.0.0.1 {far}\ndestination = 127.0.0.1 {witness}\n\
         realtime = 1\nstart = 0\n[map]\nin.1 | invert > out.1\ni./x > o./y\n"
    ));
    ports.check(&[&show], &["in.1 > out.1"]);
    other.stop();
    show.stop();
}
