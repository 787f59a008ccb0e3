//! The steady state allocates nothing, with real sockets: the shell in a thread, and messages that go through it.

use std::alloc::System;
use std::net::{SocketAddr, UdpSocket};
use std::ops::Range;
use std::time::Duration;

use crosspatch_backends::{artnet, osc, registry};
use crosspatch_core::Backend;
use crosspatch_io::Shell;
use crosspatch_transforms::FAMILIES;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

const WARM_UP: u8 = 200;
const EVENTS: usize = 2_000;

/// The allocator of the system, counted. It counts for the whole process, so that nothing else may run here: this file has
/// one test.
#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
fn neither_osc_nor_universes_through_the_shell_allocate() {
    let [mut osc, mut universes] = [
        Way::new(&osc::BACKEND, "/fader/1 ,i 0", |packet| packet.len() - 1..packet.len(), |len| len - 1),
        Way::new(&artnet::BACKEND, "ArtDmx 0:0:0 seq 0 len 512 1..512=0", |_| 18..18 + 512, |_| 126),
    ];
    let config = format!(
        "[backend artnet]\nbind = 127.0.0.1 {artnet}\n[backend sacn]\nbind = 127.0.0.1 {own}\n\
         [osc desk]\nbind = 127.0.0.1 {desk}\n/fader/* = i 0 255\n\
         [osc stage]\nbind = 127.0.0.1 0\ndestination = 127.0.0.1 {stage}\n/fader/* = i 0 255\n\
         [artnet in]\nuniverse = 0\n\
         [sacn out]\nuniverse = 1\npriority = 100\nrealtime = 1\nunicast = 1\ndiscovery = off\ndestination = 127.0.0.1 {out}\n\
         [map]\ndesk./fader/1 > stage./fader/1\nin.{{1..512}} > out.{{1..512}}\n",
        artnet = universes.to.port(),
        own = free_port().port(),
        desk = osc.to.port(),
        stage = osc.port(),
        out = universes.port(),
    );
    let compiled = crosspatch_config::compile_text(&config, registry(FAMILIES));
    let Some(plan) = compiled.plan else { panic!("{}", compiled.render(false)) };
    let shell = Shell::new().expect("the system can wait for sockets");
    let handle = shell.handle();
    handle.install(plan);
    let thread = std::thread::spawn(move || shell.run(&mut |_, _, _| {}));
    for way in [&mut osc, &mut universes] {
        way.open();
        (0..WARM_UP).for_each(|_| way.pass());
        let before = ALLOCATOR.stats();
        (0..EVENTS).for_each(|_| way.pass());
        let made = ALLOCATOR.stats() - before;
        assert_eq!((made.allocations, made.reallocations), (0, 0), "{EVENTS} messages to {}", way.to);
    }
    handle.stop();
    thread.join().expect("the thread ends in good order").expect("the system can wait for sockets");
}

/// A peer on either side of the shell, and what it sends.
struct Way {
    socket: UdpSocket,
    /// Where the shell listens.
    to: SocketAddr,
    packet: Vec<u8>,
    /// The bytes that say how high the level is, and the place of the first of them in what comes out.
    levels: Range<usize>,
    arrives_at: fn(usize) -> usize,
}

impl Way {
    fn new(
        backend: &Backend,
        message: &str,
        levels: fn(&[u8]) -> Range<usize>,
        arrives_at: fn(usize) -> usize,
    ) -> Self {
        let packet = (backend.compose)(message).expect("a message");
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        Self { socket, to: free_port(), levels: levels(&packet), packet, arrives_at }
    }

    /// The port at which comes out what was sent.
    fn port(&self) -> u16 {
        self.socket.local_addr().expect("an address").port()
    }

    /// Sends until something comes out.
    fn open(&mut self) {
        for patience in [Duration::from_millis(20); 1000] {
            self.socket.set_read_timeout(Some(patience)).expect("sockets can wait");
            self.send();
            if self.receive() {
                self.socket.set_read_timeout(Some(Duration::from_secs(20))).expect("sockets can wait");
                return;
            }
        }
        panic!("nothing comes out of what is sent to {}", self.to);
    }

    /// Sends another level and waits until it comes out.
    fn pass(&mut self) {
        self.send();
        assert!(self.receive(), "a message to {} was lost", self.to);
    }

    fn send(&mut self) {
        for level in &mut self.packet[self.levels.clone()] {
            *level = level.wrapping_add(1);
        }
        self.socket.send_to(&self.packet, self.to).expect("the loopback interface takes everything");
    }

    /// Waits for the level that was sent last. A universe may be sent again before that.
    fn receive(&self) -> bool {
        let mut buffer = [0; 1024];
        while let Ok(len) = self.socket.recv(&mut buffer) {
            if buffer[(self.arrives_at)(len)] == self.packet[self.levels.start] {
                return true;
            }
        }
        false
    }
}

/// A free port. Another program may take it in between; the test then fails because nothing comes out.
fn free_port() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.local_addr().expect("an address")
}
