//! The load: events that are sent to a subject, and the packets that come out of it, on one clock.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use crate::wire::{NUMBERS, Wire, number_of};

/// How many events may be on their way when they go as fast as they can.
const WINDOW: u64 = 128;

/// After this time without anything, what is on its way is lost.
const PATIENCE: Duration = Duration::from_millis(300);

/// What an event is, and what becomes of it.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Traffic {
    pub(crate) source: Wire,
    pub(crate) sink: Wire,
    /// How many packets come out for each event.
    pub(crate) copies: u64,
    /// Whether a packet that comes out stands for all events before it as well.
    pub(crate) merges: bool,
}

/// Events that are sent together.
#[derive(Copy, Clone, Debug)]
pub(crate) struct EventBurst {
    pub(crate) events: u64,
    /// In what time they are sent, one after the other.
    pub(crate) spread: Duration,
    /// How early or late they begin.
    pub(crate) jitter: Duration,
}

impl EventBurst {
    /// This many events at once, on time.
    pub(crate) fn of(events: u64) -> Self {
        Self { events, spread: Duration::ZERO, jitter: Duration::ZERO }
    }
}

/// One way through a subject: where events go in and where they come out.
pub(crate) struct Lane {
    traffic: Traffic,
    source: UdpSocket,
    sink: UdpSocket,
    /// Where the events go, in turn.
    to: Vec<SocketAddr>,
    packet: Vec<u8>,
    buffer: Box<[u8]>,
    /// How many events have been sent, ever.
    sent: u64,
    /// How many have come out, or are given up.
    done: u64,
    copies_seen: u64,
    lost: u64,
    /// How many packets have come out, repetitions included.
    packets: u64,
    /// When each of the last events was due; none for those that have come out, if they do so once.
    due: Box<[Option<Instant>]>,
    latencies: Vec<Duration>,
}

/// What became of a number of events.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct EventCounts {
    pub(crate) events: u64,
    pub(crate) lost: u64,
    pub(crate) took: Duration,
}

impl Lane {
    /// A lane into the subject that will listen at `to`.
    pub(crate) fn new(traffic: Traffic, to: SocketAddr) -> io::Result<Self> {
        Self::in_turn(traffic, vec![to])
    }

    /// A lane into a subject that will listen at several addresses, each of which receives an event in turn.
    pub(crate) fn in_turn(traffic: Traffic, to: Vec<SocketAddr>) -> io::Result<Self> {
        let sink = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
        // What the sink does not take would count as lost by the subject.
        sink.set_recv_buffer_size(8 << 20)?;
        sink.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
        sink.set_nonblocking(true)?;
        Ok(Self {
            traffic,
            source: UdpSocket::bind("127.0.0.1:0")?,
            sink: sink.into(),
            to,
            packet: traffic.source.packet(),
            buffer: vec![0; 2048].into(),
            sent: 0,
            done: 0,
            copies_seen: 0,
            lost: 0,
            packets: 0,
            due: vec![None; NUMBERS as usize].into(),
            latencies: Vec::new(),
        })
    }

    /// Where the subject is to send to.
    pub(crate) fn sink(&self) -> io::Result<SocketAddr> {
        self.sink.local_addr()
    }

    /// Sends events until one comes out. Returns false if none does in time.
    pub(crate) fn wake(&mut self, patience: Duration) -> io::Result<bool> {
        let start = Instant::now();
        while start.elapsed() < patience {
            self.send(Instant::now())?;
            let pause = Instant::now();
            while pause.elapsed() < Duration::from_millis(1) {
                if self.drain()? > 0 {
                    return self.settle().map(|()| true);
                }
            }
        }
        Ok(false)
    }

    /// As [`wake`](Self::wake), and leaves the processor to others meanwhile.
    pub(crate) fn wake_slowly(&mut self, patience: Duration) -> io::Result<bool> {
        let start = Instant::now();
        while start.elapsed() < patience {
            self.send(Instant::now())?;
            std::thread::sleep(Duration::from_millis(5));
            if self.drain()? > 0 {
                return self.settle().map(|()| true);
            }
        }
        Ok(false)
    }

    /// One event after the other, with a pause in which the subject falls asleep. Returns how long each took.
    pub(crate) fn ping(&mut self, count: usize, pause: Duration) -> io::Result<Vec<Duration>> {
        self.settle()?;
        for _ in 0..count {
            std::thread::sleep(pause);
            self.drain()?;
            self.send(Instant::now())?;
            self.wait_for_all()?;
        }
        Ok(std::mem::take(&mut self.latencies))
    }

    /// Events at a steady rate, each after the one before has come out, so that none of them finds the subject awake. A load
    /// that is late does not catch up.
    pub(crate) fn alone(
        &mut self,
        a_second: f64,
        duration: Duration,
    ) -> io::Result<(EventCounts, Vec<Duration>)> {
        self.settle()?;
        let (start, sent, lost) = (Instant::now(), self.sent, self.lost);
        let period = Duration::from_secs_f64(1.0 / a_second);
        let mut due = start;
        while due < start + duration {
            while Instant::now() < due {
                std::hint::spin_loop();
            }
            self.drain()?;
            self.send(Instant::now())?;
            self.wait_for_all()?;
            due = (due + period).max(Instant::now() + period / 2);
        }
        Ok((self.passed(start, sent, lost), std::mem::take(&mut self.latencies)))
    }

    /// As many events as pass, with a window of those that are on their way.
    pub(crate) fn flood(&mut self, duration: Duration) -> io::Result<EventCounts> {
        self.settle()?;
        let (start, sent, lost) = (Instant::now(), self.sent, self.lost);
        let window = (WINDOW / self.traffic.copies).max(2);
        while start.elapsed() < duration {
            while self.sent - self.done < window {
                self.send(Instant::now())?;
            }
            self.drain_or_give_up()?;
        }
        self.wait_for_all()?;
        Ok(self.passed(start, sent, lost))
    }

    /// Events at a steady rate, whatever becomes of them. A latency counts from when the event was due, so that one that
    /// waits for the load counts as late.
    pub(crate) fn pace(
        &mut self,
        a_second: f64,
        duration: Duration,
    ) -> io::Result<(EventCounts, Vec<Duration>)> {
        // Where nothing has passed, the rate is none.
        self.steady(Duration::from_secs_f64(1.0 / a_second.max(1.0)), EventBurst::of(1), duration)
    }

    /// Sends bursts of events at the rate `a_second`, as lighting desks send their universes.
    pub(crate) fn frames(
        &mut self,
        a_second: f64,
        frame: EventBurst,
        duration: Duration,
    ) -> io::Result<(EventCounts, Vec<Duration>)> {
        self.steady(Duration::from_secs_f64(1.0 / a_second), frame, duration)
    }

    /// How many packets have come out, repetitions included.
    pub(crate) fn packets(&self) -> u64 {
        self.packets
    }

    fn steady(
        &mut self,
        period: Duration,
        frame: EventBurst,
        duration: Duration,
    ) -> io::Result<(EventCounts, Vec<Duration>)> {
        self.settle()?;
        let (start, sent, lost) = (Instant::now(), self.sent, self.lost);
        // Counted from the earliest that a frame may be.
        let (mut earliest, mut due, mut random) = (start, start, 1_u64);
        while earliest < start + duration {
            for event in 0..frame.events {
                let due = due + frame.spread.mul_f64(event as f64 / frame.events as f64);
                while Instant::now() < due {
                    self.drain()?;
                }
                self.send(due)?;
                self.drain()?;
            }
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            earliest += period;
            due = earliest + 2 * frame.jitter.mul_f64((random >> 40) as f64 / (1_u64 << 24) as f64);
            // What is older than the ring remembers has no time any more.
            if self.sent - self.done > NUMBERS / 2 {
                self.give_up();
            }
        }
        self.wait_for_all()?;
        Ok((self.passed(start, sent, lost), std::mem::take(&mut self.latencies)))
    }

    fn passed(&self, start: Instant, sent: u64, lost: u64) -> EventCounts {
        let lost = self.lost - lost;
        EventCounts { events: self.sent - sent - lost, lost, took: start.elapsed() }
    }

    fn send(&mut self, due: Instant) -> io::Result<()> {
        self.traffic.source.set(&mut self.packet, self.sent);
        self.due[usize::from(number_of(self.sent))] = Some(due);
        let to = self.to[(self.sent % self.to.len() as u64) as usize];
        self.sent += 1;
        match self.source.send_to(&self.packet, to) {
            // The port is still closed, or the answer to an earlier packet arrived late.
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(()),
            result => result.map(drop),
        }
    }

    /// Reads the output. Returns the number of packets that contained events.
    fn drain(&mut self) -> io::Result<u64> {
        let mut seen = 0;
        loop {
            let len = match self.sink.recv(&mut self.buffer) {
                Ok(len) => len,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(seen),
                Err(error) => return Err(error),
            };
            self.packets += 1;
            let next = number_of(self.done);
            let Some(number) = self.traffic.sink.number(&self.buffer[..len]) else { continue };
            let ahead = u64::from(number.wrapping_sub(next)) % NUMBERS;
            let on_their_way = self.sent - self.done;
            // A repetition of what is over, as lines that keep alive have it. On several ways, events overtake each other.
            if ahead >= on_their_way && self.to.len() == 1 {
                continue;
            }
            let due = &mut self.due[usize::from(number)];
            let was_due = if self.traffic.copies == 1 { due.take() } else { *due };
            // A repetition, while others are missing.
            let Some(was_due) = was_due else { continue };
            seen += 1;
            self.latencies.push(was_due.elapsed());
            if self.traffic.merges {
                self.done += ahead + 1;
            } else {
                self.copies_seen += 1;
                self.done += self.copies_seen / self.traffic.copies;
                self.copies_seen %= self.traffic.copies;
            }
        }
    }

    fn drain_or_give_up(&mut self) -> io::Result<()> {
        let start = Instant::now();
        while self.drain()? == 0 {
            if start.elapsed() > PATIENCE {
                self.give_up();
                return Ok(());
            }
            std::hint::spin_loop();
        }
        Ok(())
    }

    fn wait_for_all(&mut self) -> io::Result<()> {
        while self.done < self.sent {
            self.drain_or_give_up()?;
        }
        Ok(())
    }

    fn give_up(&mut self) {
        self.lost += self.sent - self.done;
        self.forget();
    }

    /// What is on its way is not waited for any more.
    fn forget(&mut self) {
        (self.done, self.copies_seen) = (self.sent, 0);
        if self.to.len() > 1 {
            self.due.fill(None);
        }
    }

    /// Waits until nothing comes any more, and begins anew.
    pub(crate) fn settle(&mut self) -> io::Result<()> {
        let mut last = Instant::now();
        while last.elapsed() < Duration::from_millis(20) {
            if self.drain()? > 0 {
                last = Instant::now();
            }
        }
        self.forget();
        self.latencies.clear();
        Ok(())
    }
}
