//! The latency of a fader from an OSC controller to a console and back, compared with a bare forwarder.
//!
//! The console is a stub in this process, so that both ends read the same clock. A simulated console in a separate
//! process is measured as well: it answers a command by OSC, and its own time is included.

pub(crate) mod many;
pub(crate) mod polls;
mod stub;

use std::net::{SocketAddr, UdpSocket};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::figures::Quantiles;
use crate::forward::free_address;
use crate::process::Process;
use crate::report::{ReportTable, Row};
use crate::wire::{FIRST_ADDRESS, Wire};
use crate::{BenchOptions, bare};
use stub::{Acknowledges, TestConsole};

/// Longer than the interval between two moves of one fader, so that every move is a first one.
const PAUSE: Duration = Duration::from_millis(30);

const PATIENCE: Duration = Duration::from_secs(20);

/// A client that moves a fader of its own console.
struct Mover {
    process: Process,
    console: TestConsole,
    /// The address to which the client sends fader moves.
    at: SocketAddr,
    hand: UdpSocket,
    times: Vec<Duration>,
}

/// Measures both ways.
pub(crate) fn measure(options: &BenchOptions) -> Result<ReportTable> {
    let everything = Acknowledges::Everything;
    let mut movers = [Mover::bare()?, Mover::crosspatch(options, "", everything)?];
    let mut back = Mover::crosspatch(options, "[backend maweb]\ninterval = 0\n", everything)?;
    let simulated = Simulated::start(options)?;
    let (mut times_back, mut times_through, mut times_unacknowledged) = (Vec::new(), Vec::new(), Vec::new());
    let count = ((options.measure.as_secs_f64() / PAUSE.as_secs_f64()) as usize).max(100);
    for _ in 0..options.rounds {
        for mover in &mut movers {
            mover.moves(count)?;
        }
        // From the log-in on: a client does not know yet what the console acknowledges.
        let mut unacknowledged = Mover::crosspatch(options, "", Acknowledges::Requests)?;
        unacknowledged.moves(count)?;
        times_unacknowledged.extend(unacknowledged.times);
        times_back.extend(back.receives(count)?);
        times_through.extend(simulated.moves(count)?);
    }
    let [bare, ours] = movers.map(|mover| Row::new(mover.name(), cells(mover.times)));
    let ratio = ours.ratio(&bare, &[0, 1]);
    let unacknowledged =
        Row::new("crosspatch: OSC to a console that never acknowledges", cells(times_unacknowledged));
    let back = Row::new("the console's change to OSC, interval 0", cells(times_back));
    let through = Row::new("OSC through a simulated console to OSC", cells(times_through));
    Ok(ReportTable {
        title: "A fader to the console and back",
        note: "From the datagram of a controller to the web remote's message at the console, and from the moment in which a \
               level changes at the console to the datagram; microseconds.",
        columns: &["p50", "p99", "p99.9", "max"],
        rows: vec![bare, ours, ratio, unacknowledged, back, through],
    })
}

fn cells(times: Vec<Duration>) -> [f64; 4] {
    let Quantiles { median, p99, p999, max } = Quantiles::of(times);
    [median, p99, p999, max]
}

impl Mover {
    fn bare() -> Result<Self> {
        let (console, at) = (TestConsole::start(Acknowledges::Everything)?, free_address()?);
        let process = bare::start_web_socket(at, console.address)?;
        let mover = Self { process, console, at, hand: UdpSocket::bind("127.0.0.1:0")?, times: Vec::new() };
        mover.wait()
    }

    fn crosspatch(options: &BenchOptions, globals: &str, acknowledges: Acknowledges) -> Result<Self> {
        let (console, at) = (TestConsole::start(acknowledges)?, free_address()?);
        let hand = UdpSocket::bind("127.0.0.1:0")?;
        hand.set_read_timeout(Some(PATIENCE))?;
        let configuration = format!(
            "{globals}[osc tablet]\nbind = 127.0.0.1 {}\ndestination = 127.0.0.1 {}\n/* = f 0 1\n[maweb desk]\n\
             host = 127.0.0.1 {}\n[map]\ntablet./f/{FIRST_ADDRESS} > desk.page1.fader1\ndesk.page1.fader2 > tablet./level\n",
            at.port(),
            hand.local_addr()?.port(),
            console.address.port()
        );
        let process = Process::show(&options.program, &configuration)?;
        // The first answer of the console always comes through.
        hand.recv(&mut [0; 64]).context("the show does not reach its console")?;
        let mover = Self { process, console, at, hand, times: Vec::new() };
        mover.wait()
    }

    fn name(&self) -> &'static str {
        if self.process.file().is_some() {
            "crosspatch: OSC to the console"
        } else {
            "bare: datagram to WebSocket"
        }
    }

    /// Waits until moves arrive.
    fn wait(self) -> Result<Self> {
        let start = Instant::now();
        for event in 1.. {
            send(&self.hand, self.at, event);
            if self.console.moves.recv_timeout(PAUSE).is_ok() || start.elapsed() > PATIENCE {
                break;
            }
        }
        Ok(self)
    }

    /// Sends a move, waits until the console has it, and does so again.
    fn moves(&mut self, count: usize) -> Result<()> {
        for _ in 0..count {
            std::thread::sleep(PAUSE);
            while self.console.moves.try_recv().is_ok() {}
            let start = Instant::now();
            send(&self.hand, self.at, self.times.len() as u64 + 2);
            let end = self.console.moves.recv_timeout(PATIENCE).context("the console hears nothing")?;
            self.times.push(end - start);
        }
        Ok(())
    }

    /// Changes the level at the console and waits until the controller receives it, again and again.
    fn receives(&mut self, count: usize) -> Result<Vec<Duration>> {
        let mut times = Vec::new();
        for _ in 0..count {
            std::thread::sleep(PAUSE);
            let level = {
                let mut level = self.console.level.lock().unwrap_or_else(PoisonError::into_inner);
                *level = if *level < 0.9 { *level + 1.0 / 128.0 } else { 1.0 / 128.0 };
                *level
            };
            let start = Instant::now();
            let mut buffer = [0; 64];
            while !matches!(self.hand.recv(&mut buffer)?, len if buffer[..len].ends_with(&level.to_be_bytes()))
            {
            }
            times.push(start.elapsed());
        }
        Ok(times)
    }
}

/// A show that moves a fader of a simulated console, which reports its position.
struct Simulated {
    _shows: [Process; 2],
    at: SocketAddr,
    hand: UdpSocket,
}

impl Simulated {
    fn start(options: &BenchOptions) -> Result<Self> {
        let (at, console, hand) = (free_address()?, free_address()?, UdpSocket::bind("127.0.0.1:0")?);
        hand.set_read_timeout(Some(PAUSE))?;
        let simulator = format!(
            "[masim console]\nlisten = 127.0.0.1 {}\n[osc eye]\ndestination = 127.0.0.1 {}\n[map]\n\
             console.page1.fader1 > eye./level\n",
            console.port(),
            hand.local_addr()?.port()
        );
        let desk = format!(
            "[osc tablet]\nbind = 127.0.0.1 {}\n/* = f 0 1\n[maweb desk]\nhost = 127.0.0.1 {}\n[map]\n\
             tablet./f/{FIRST_ADDRESS} > desk.page1.fader1\n",
            at.port(),
            console.port()
        );
        let shows = [Process::show(&options.program, &simulator)?, Process::show(&options.program, &desk)?];
        let simulated = Self { _shows: shows, at, hand };
        let start = Instant::now();
        for event in 1.. {
            send(&simulated.hand, simulated.at, event);
            if simulated.hand.recv(&mut [0; 64]).is_ok() {
                break;
            }
            ensure!(start.elapsed() < PATIENCE, "the show does not reach its simulated console");
        }
        simulated.hand.set_read_timeout(Some(PATIENCE))?;
        Ok(simulated)
    }

    /// Moves the fader and waits until the console reports the move, again and again.
    fn moves(&self, count: usize) -> Result<Vec<Duration>> {
        let mut times = Vec::new();
        for event in 0..count as u64 {
            std::thread::sleep(PAUSE);
            self.hand.set_nonblocking(true)?;
            while self.hand.recv(&mut [0; 64]).is_ok() {}
            self.hand.set_nonblocking(false)?;
            let start = Instant::now();
            send(&self.hand, self.at, event);
            self.hand.recv(&mut [0; 64]).context("the simulated console tells nothing")?;
            times.push(start.elapsed());
        }
        Ok(times)
    }
}

/// Moves the fader to where no event shortly before was.
fn send(hand: &UdpSocket, to: SocketAddr, event: u64) {
    let mut packet = Wire::Osc(1).packet();
    Wire::Osc(1).set(&mut packet, event * 97 + 1);
    // The port may still be closed.
    let _ = hand.send_to(&packet, to);
}
