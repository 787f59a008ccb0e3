//! Measures a forwarded datagram against a bare loop that only receives and sends, in the same run.
//!
//! The shell does its whole work: a datagram is decoded into a value, routed to another session and encoded into a
//! datagram of another port. Rounds alternate between the two, so that whatever else the machine does meets both. Run it
//! with `cargo run --release -p crosspatch-io --example forward`.

#![expect(clippy::print_stdout, reason = "a program that prints its results")]

use std::borrow::Cow;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant as Moment};

use crosspatch_core::{
    AddressError, Backend, Direction, Endpoint, Instance, Instant, Outbox, Peer, Plan, PlanBuilder, Port,
    PortSpec, Session, Slot, Udp, Value,
};
use crosspatch_io::Shell;

const ROUNDS: usize = 7;
const PINGS: usize = 5_000;
const BURSTS: usize = 400;
const BURST: usize = 64;
const CHANNELS: u16 = 512;

fn main() -> io::Result<()> {
    let sink = UdpSocket::bind("127.0.0.1:0")?;
    sink.set_read_timeout(Some(Duration::from_secs(1)))?;
    let to = sink.local_addr()?;

    let bare = Forwarder::bare(to)?;
    let shell = Forwarder::shell(to)?;
    let mut results = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (forwarder, results) in [&bare, &shell].into_iter().zip(&mut results) {
            results.push(forwarder.measure(&sink)?);
        }
    }
    shell.stop();
    bare.stop();

    let [bare, shell] = results.map(|results| Figures::median_of(&results));
    println!("{:34} {:>9} {:>9} {:>7}", "", "bare", "shell", "ratio");
    for ((name, bare), (_, shell)) in bare.rows().into_iter().zip(shell.rows()) {
        println!("{name:34} {bare:9.2} {shell:9.2} {:7.2}", shell / bare);
    }
    Ok(())
}

/// What a round measured, in microseconds.
#[derive(Copy, Clone, Default)]
struct Figures {
    median: f64,
    p99: f64,
    cpu_single: f64,
    cpu_burst: f64,
    wall_burst: f64,
}

impl Figures {
    fn rows(self) -> [(&'static str, f64); 5] {
        [
            ("one at a time: median, us", self.median),
            ("one at a time: 99th percentile, us", self.p99),
            ("one at a time: CPU each, us", self.cpu_single),
            ("bursts of 64: CPU each, us", self.cpu_burst),
            ("bursts of 64: time each, us", self.wall_burst),
        ]
    }

    fn median_of(all: &[Self]) -> Self {
        let median = |figure: fn(&Self) -> f64| {
            let mut figures: Vec<_> = all.iter().map(figure).collect();
            figures.sort_by(f64::total_cmp);
            figures[figures.len() / 2]
        };
        Self {
            median: median(|figures| figures.median),
            p99: median(|figures| figures.p99),
            cpu_single: median(|figures| figures.cpu_single),
            cpu_burst: median(|figures| figures.cpu_burst),
            wall_burst: median(|figures| figures.wall_burst),
        }
    }
}

/// A thread that forwards what comes to an address.
struct Forwarder {
    at: SocketAddr,
    task: String,
    end: Box<dyn Fn()>,
    thread: std::thread::JoinHandle<()>,
}

impl Forwarder {
    /// A loop of two system calls.
    fn bare(to: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        let at = socket.local_addr()?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let (task, thread) = spawn("bare", move || {
            let mut buffer = [0; 65_536];
            while !stopped.load(Ordering::Relaxed) {
                if let Ok((len, _)) = socket.recv_from(&mut buffer) {
                    // What the sink does not take is missed there.
                    let _: io::Result<usize> = socket.send_to(&buffer[..len], to);
                }
            }
        })?;
        let end = Box::new(move || {
            stop.store(true, Ordering::Relaxed);
            let waker = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.send_to(b"", at));
            waker.expect("loopback takes a datagram");
        });
        Ok(Self { at, task, end, thread })
    }

    /// The whole show.
    fn shell(to: SocketAddr) -> io::Result<Self> {
        // Somebody else may take the port in between; then the program ends with nothing measured.
        let at = UdpSocket::bind("127.0.0.1:0")?.local_addr()?;
        let shell = Shell::new()?;
        let handle = shell.handle();
        handle.install(plan(at, to));
        let (task, thread) = spawn("shell", move || {
            shell.run(&mut |_, _, observed| println!("{observed}")).expect("the system can wait for sockets");
        })?;
        Ok(Self { at, task, end: Box::new(move || handle.stop()), thread })
    }

    fn measure(&self, sink: &UdpSocket) -> io::Result<Figures> {
        let mut buffer = [0; 64];
        let mut times = Vec::with_capacity(PINGS);
        let cpu = self.cpu_nanos();
        for number in 0..PINGS {
            let start = Moment::now();
            sink.send_to(&message(number), self.at)?;
            sink.recv_from(&mut buffer)?;
            times.push(start.elapsed().as_nanos() as f64 / 1e3);
        }
        let cpu_single = (self.cpu_nanos() - cpu) as f64 / 1e3 / PINGS as f64;
        times.sort_by(f64::total_cmp);

        let (start, cpu) = (Moment::now(), self.cpu_nanos());
        for _ in 0..BURSTS {
            for number in 0..BURST {
                sink.send_to(&message(number), self.at)?;
            }
            for _ in 0..BURST {
                sink.recv_from(&mut buffer)?;
            }
        }
        let each = 1e3 * (BURSTS * BURST) as f64;
        Ok(Figures {
            median: times[PINGS / 2],
            p99: times[PINGS * 99 / 100],
            cpu_single,
            cpu_burst: (self.cpu_nanos() - cpu) as f64 / each,
            wall_burst: start.elapsed().as_nanos() as f64 / each,
        })
    }

    /// The time that the thread has run, by the kernel's account.
    fn cpu_nanos(&self) -> u64 {
        let stat = std::fs::read_to_string(&self.task).unwrap_or_default();
        stat.split_ascii_whitespace().next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0)
    }

    fn stop(self) {
        (self.end)();
        self.thread.join().expect("the thread ends in good order");
    }
}

fn spawn(
    name: &str,
    run: impl FnOnce() + Send + 'static,
) -> io::Result<(String, std::thread::JoinHandle<()>)> {
    let (tell, told) = std::sync::mpsc::channel();
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        let own = std::fs::read_link("/proc/thread-self").unwrap_or_default();
        tell.send(format!("/proc/{}/schedstat", own.display())).expect("the one who asks waits");
        run();
    })?;
    Ok((told.recv().map_err(io::Error::other)?, thread))
}

/// A channel and a level, and as much around it as an OSC message of a fader has.
fn message(number: usize) -> [u8; 24] {
    let mut message = [b'.'; 24];
    message[..2].copy_from_slice(&(number as u16 % CHANNELS).to_be_bytes());
    message[2] = number as u8;
    message
}

fn plan(at: SocketAddr, to: SocketAddr) -> Plan {
    let mut builder = PlanBuilder::new(None);
    let input = builder.instance("in", &BACKEND, Vec::new(), Arc::new(Datagrams { bind: at, to: None }));
    let local = SocketAddr::new(at.ip(), 0);
    let output =
        builder.instance("out", &BACKEND, Vec::new(), Arc::new(Datagrams { bind: local, to: Some(to) }));
    for channel in 0..CHANNELS {
        let address = channel.to_string();
        let from = builder.channel(input, &address, Direction::Input);
        let to = builder.channel(output, &address, Direction::Output);
        builder.route((input, from), (output, to));
    }
    builder.build()
}

/// A protocol of two bytes for the channel and one for the level.
#[derive(Copy, Clone)]
struct Datagrams {
    bind: SocketAddr,
    to: Option<SocketAddr>,
}

impl Instance for Datagrams {
    fn canonical<'a>(&self, address: &'a str, _: Direction) -> Result<Cow<'a, str>, AddressError> {
        Ok(address.into())
    }

    fn session(&self) -> Box<dyn Session> {
        Box::new(*self)
    }
}

impl Session for Datagrams {
    // Channels are bound in the order of their numbers, so that a slot is a channel.
    fn bind(&mut self, _: Slot, _: &str, _: Direction) {}

    fn start(&mut self, _: Instant, out: &mut Outbox) {
        let bind = Endpoint::from(self.bind);
        out.open(Port(0), PortSpec::Udp(Udp::new(bind)));
    }

    fn handle_data(&mut self, _: Instant, _: Port, _: Peer, data: &[u8], out: &mut Outbox) {
        if let [high, low, level, ..] = *data {
            out.emit(Slot(u32::from(u16::from_be_bytes([high, low]))), f64::from(level) / 255.0);
        }
    }

    fn handle_values(&mut self, _: Instant, values: &[(Slot, Value)], out: &mut Outbox) {
        let Some(to) = self.to else { return };
        for (slot, value) in values {
            let level = value.as_number().unwrap_or(0.0);
            out.send(Port(0), Peer::Address(to), |buf| {
                buf.extend_from_slice(&(slot.0 as u16).to_be_bytes());
                buf.push((level * 255.0).round() as u8);
                buf.resize(buf.len() + 21, b'.');
            });
        }
    }
}

const BACKEND: Backend = Backend {
    name: "datagrams",
    summary: "",
    manual: "",
    options: &[],
    words: &[],
    loops_back: false,
    stands_alone: false,
    configure: |_| None,
    describe: |_, _| {},
    compose: |_| None,
};
