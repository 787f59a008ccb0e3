//! A mapping that has nothing to do with the load: an event every two milliseconds, and how long each takes.
//!
//! The load keeps the processor of the benchmark busy. So the arrival of a packet is the time at which the kernel had it for
//! the socket, where the kernel says that (Linux), and not the time at which a thread of the benchmark could run.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, ensure};

use crate::forward::free_address;
use crate::wire::{FIRST_ADDRESS, NUMBERS, Wire, number_of};

/// Between two events.
const PERIOD: Duration = Duration::from_millis(2);

/// After so long without an event, those that are missing are lost. A load may stop a show for many seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a show may take to begin.
const START: Duration = Duration::from_secs(30);

/// What comes in and what goes out of this mapping are messages like this one.
const WIRE: Wire = Wire::Osc(1);

/// A mapping from one OSC instance to another, with both of its ends.
pub(crate) struct Probe {
    input: SocketAddr,
    source: UdpSocket,
    sink: Sink,
    /// How many events there have been.
    events: u64,
}

/// What became of the events of one measurement.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProbeCounts {
    /// How long each took that arrived.
    pub(crate) times: Vec<Duration>,
    pub(crate) lost: u64,
}

impl Probe {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            input: free_address()?,
            source: UdpSocket::bind("127.0.0.1:0")?,
            sink: Sink::new()?,
            events: 0,
        })
    }

    /// The instances of the mapping, and the mapping itself.
    pub(crate) fn configuration(&self) -> Result<[String; 2]> {
        let (input, output) = (self.input.port(), self.sink.address()?.port());
        let instances = format!(
            "[osc probe-in]\nbind = 127.0.0.1 {input}\n/* = f 0 1\n[osc probe-out]\ndestination = 127.0.0.1 {output}\n\
             /* = f 0 1\n"
        );
        let mapping = format!("probe-in./f/{FIRST_ADDRESS} > probe-out./f/{FIRST_ADDRESS}\n");
        Ok([instances, mapping])
    }

    /// Waits until an event passes, and then for all of them.
    pub(crate) fn wait(&mut self) -> Result<()> {
        let start = Instant::now();
        let mut has_passed = false;
        while !has_passed {
            ensure!(start.elapsed() < START, "nothing comes through the show");
            send(&self.source, self.input, self.events);
            self.events += 1;
            self.sink.receive(Duration::from_millis(10), |_, _| has_passed = true)?;
        }
        while self.sink.receive(Duration::from_millis(100), |_, _| {})? {}
        Ok(())
    }

    /// Sends events for so long, and waits for all of them. `is_over` is set after the last has been sent.
    ///
    /// # Errors
    ///
    /// If one arrives twice or out of order.
    pub(crate) fn measure(&mut self, duration: Duration, is_over: &AtomicBool) -> Result<ProbeCounts> {
        let (source, input, first, sink) = (&self.source, self.input, self.events, &mut self.sink);
        let count = (duration.as_nanos() / PERIOD.as_nanos()) as u64;
        ensure!(count < NUMBERS, "a measurement of {duration:?} has more events than there are numbers");
        let arrivals = std::thread::scope(|scope| {
            let sender = scope.spawn(move || {
                let start = Instant::now();
                let sent = (0..count).map(|event| {
                    let due = start + PERIOD * event as u32;
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    let now = SystemTime::now();
                    send(source, input, first + event);
                    now
                });
                let sent = sent.collect::<Vec<_>>();
                is_over.store(true, Ordering::Relaxed);
                sent
            });
            let mut arrived = Vec::new();
            let mut last = Instant::now();
            while (arrived.len() as u64) < count && last.elapsed() < PATIENCE {
                let any = sink.receive(Duration::from_millis(100), |packet, at| {
                    arrived.extend(WIRE.number(packet).map(|number| (number, at)));
                })?;
                if any || !sender.is_finished() {
                    last = Instant::now();
                }
            }
            let sent = sender.join().ok().context("the sender of the probe has panicked")?;
            anyhow::Ok((sent, arrived))
        });
        let (sent, arrived) = arrivals?;
        self.events += count;
        let mut passed =
            ProbeCounts { lost: count.saturating_sub(arrived.len() as u64), ..ProbeCounts::default() };
        let mut sent = sent.iter().zip(first..);
        for (number, at) in arrived {
            let was_sent = sent.find(|(_, event)| number_of(*event) == number);
            let (then, _) =
                was_sent.context("the unrelated mapping repeats an event, or changes their order")?;
            passed.times.push(at.duration_since(*then).unwrap_or_default());
        }
        Ok(passed)
    }
}

/// Sends an event. The port may still be closed.
fn send(source: &UdpSocket, to: SocketAddr, event: u64) {
    let mut packet = WIRE.packet();
    WIRE.set(&mut packet, event);
    let _ = source.send_to(&packet, to);
}

/// A socket that says when each packet came.
pub(crate) struct Sink {
    socket: UdpSocket,
    #[cfg(target_os = "linux")]
    state: quinn_udp::UdpSocketState,
    buffer: Vec<u8>,
}

impl Sink {
    pub(crate) fn new() -> io::Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        // It also has the kernel note the times.
        #[cfg(target_os = "linux")]
        let state = quinn_udp::UdpSocketState::new((&socket).into())?;
        Ok(Self {
            socket,
            #[cfg(target_os = "linux")]
            state,
            buffer: vec![0; 1 << 16],
        })
    }

    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Waits so long for a packet. Hands on it, and those that came with it as one piece. Returns whether any came.
    #[cfg(target_os = "linux")]
    pub(crate) fn receive(
        &mut self,
        patience: Duration,
        mut take: impl FnMut(&[u8], SystemTime),
    ) -> io::Result<bool> {
        use quinn_udp::RecvMeta;
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let patience =
            Timespec { tv_sec: patience.as_secs() as i64, tv_nsec: patience.subsec_nanos().into() };
        if poll(&mut [PollFd::new(&self.socket, PollFlags::IN)], Some(&patience))? == 0 {
            return Ok(false);
        }
        let mut meta = [RecvMeta::default()];
        let buffer = io::IoSliceMut::new(&mut self.buffer);
        match self.state.recv((&self.socket).into(), &mut [buffer], &mut meta) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            received => received?,
        };
        let [meta] = meta;
        let at = meta.timestamp.map_or_else(SystemTime::now, |since| SystemTime::UNIX_EPOCH + since);
        self.buffer[..meta.len].chunks(meta.stride.max(1)).for_each(|packet| take(packet, at));
        Ok(true)
    }

    /// Waits so long for a packet. Hands it on, and returns whether any came.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn receive(
        &mut self,
        patience: Duration,
        mut take: impl FnMut(&[u8], SystemTime),
    ) -> io::Result<bool> {
        self.socket.set_read_timeout(Some(patience))?;
        match self.socket.recv(&mut self.buffer) {
            Ok(len) => {
                take(&self.buffer[..len], SystemTime::now());
                Ok(true)
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}
