//! The attacks on the subject: a table of which one runs at a time, for a few seconds, on a separate thread.
//!
//! Each is a way in which a peer could make the program slow, large or unresponsive, or leave it with a key held. They
//! target instances that nothing else uses, so that no state and no count depends on them. Other checks detect the
//! damage: the pings measure the latency of an unrelated mapping meanwhile, and memory and descriptors have to be as
//! before. An attack returns an error if it observes a failure itself.

mod datagrams;
mod streams;
mod web;

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::ports::PortAllocator;
use super::random::Random;

/// Something that an adversary does until its time is over.
pub(super) struct Attack {
    pub(super) name: &'static str,
    run: fn(&mut Adversary) -> Result<()>,
}

/// All attacks. Each runs once before any runs again.
pub(super) const ATTACKS: &[Attack] = &[
    Attack { name: "pings that are never read", run: web::pings },
    Attack { name: "unfinished messages", run: streams::unfinished_messages },
    Attack { name: "failed log-ins", run: web::failed_log_ins },
    Attack { name: "a remote dies with a key held", run: web::dies_with_a_key },
    Attack { name: "lengths on TCP", run: streams::lengths },
    Attack { name: "bundles of patterns", run: datagrams::patterns },
    Attack { name: "nested bundles", run: datagrams::nested_bundles },
    Attack { name: "large blobs", run: datagrams::blobs },
    Attack { name: "an OSC loop with itself", run: datagrams::own_loop },
    Attack { name: "fake peers of RTP-MIDI", run: datagrams::rtpmidi_peers },
    Attack { name: "fake subscribers of Art-Net", run: datagrams::artnet_subscribers },
];

/// The phase of the pings while nothing attacks; that of an attack is its place in the table and 1.
const QUIET: usize = 0;

/// How long effects after an attack still count for it.
const AFTERMATH: Duration = Duration::from_millis(300);

/// Between two portions of a flood.
const PACE: Duration = Duration::from_millis(5);

/// Where the subject is attacked.
#[derive(Copy, Clone, Debug)]
struct AttackTargets {
    remote: u16,
    pixels: u16,
    stream: u16,
    datagrams: u16,
    own: u16,
    /// The first of two.
    rtpmidi: u16,
    /// Of the family, too.
    artnet: u16,
}

/// Who attacks, while it does.
struct Adversary {
    places: AttackTargets,
    random: Random,
    witness: UdpSocket,
    until: Instant,
    ends: Arc<AtomicBool>,
}

/// The attacks of a soak.
#[derive(Debug)]
pub(super) struct Attacks {
    places: AttackTargets,
    random: Random,
    /// Receives the messages of the instance `witness`.
    witness: UdpSocket,
    /// The phase for which pings are counted.
    pub(super) phase: Arc<AtomicUsize>,
    running: Option<(usize, JoinHandle<Result<()>>)>,
    /// How many have begun.
    begun: usize,
    ends: Arc<AtomicBool>,
    /// When the phase of the last attack is over.
    calm_at: Option<Duration>,
}

impl Attacks {
    pub(super) fn new(seed: u64, ports: &mut PortAllocator, artnet: u16) -> Result<Self> {
        let witness =
            UdpSocket::bind(("127.0.0.1", ports.one()?)).context("cannot open a socket for a witness")?;
        let places = AttackTargets {
            remote: ports.one()?,
            pixels: ports.one()?,
            stream: ports.one()?,
            datagrams: ports.one()?,
            own: ports.one()?,
            rtpmidi: ports.two()?,
            artnet,
        };
        Ok(Self {
            places,
            random: Random::new(seed, "attacks"),
            witness,
            phase: Arc::new(AtomicUsize::new(QUIET)),
            running: None,
            begun: 0,
            ends: Arc::new(AtomicBool::new(false)),
            calm_at: None,
        })
    }

    /// The instances of the subject that are attacked, and their mapping.
    pub(super) fn text(&self) -> Result<[String; 2]> {
        let AttackTargets { remote, pixels, stream, datagrams, own, rtpmidi, .. } = self.places;
        let witness = self.witness.local_addr()?.port();
        let instances = format!(
            "[masim victim]\nlisten = 127.0.0.1 {remote}\nsessions = 16\ntimeout = 1\n\
             [openpixelcontrol pixels]\nlisten = 127.0.0.1 {pixels}\n\
             [osc stream]\nbind = 127.0.0.1 {stream}\ntransport = tcp\n\
             [osc datagrams]\nbind = 127.0.0.1 {datagrams}\n\
             [osc mirror]\nbind = 127.0.0.1 {own}\ndestination = 127.0.0.1 {own}\n\
             [osc witness]\ndestination = 127.0.0.1 {witness}\n\
             [rtpmidi crowded]\nbind = 127.0.0.1 {rtpmidi}\n\
             [artnet crowd]\nuniverse = {}\n[loopback sink]\n",
            datagrams::CROWDED
        );
        let map = "victim.page1.button101 > witness./held\n\
                   pixels.strip1.channel1 > sink.pixel\nstream./x > sink.x\ndatagrams./blob > sink.blob\n\
                   datagrams./p/{1..256} > sink.p{1..256}\ndatagrams./crowd > crowd.1\ndatagrams./crowd > crowded.ch0.cc7\n\
                   mirror./a > mirror./b\nmirror./b > mirror./a\n";
        Ok([instances, map.into()])
    }

    /// Whether the next attack may begin.
    pub(super) fn rest(&self) -> bool {
        self.running.is_none() && self.calm_at.is_none()
    }

    /// Whether every attack has run and ended at least once.
    pub(super) fn were_all_made(&self) -> bool {
        self.begun > ATTACKS.len() || (self.begun == ATTACKS.len() && self.running.is_none())
    }

    /// Begins the attack of that number.
    pub(super) fn begin(&mut self, number: usize, lasts: Duration) -> Result<()> {
        let mut adversary = Adversary {
            places: self.places,
            random: Random::new(self.random.next(), ATTACKS[number].name),
            witness: self.witness.try_clone().context("cannot share the socket of the witness")?,
            until: Instant::now() + lasts,
            ends: Arc::clone(&self.ends),
        };
        self.phase.store(number + 1, Ordering::Relaxed);
        let thread = std::thread::spawn(move || (ATTACKS[number].run)(&mut adversary));
        self.running = Some((number, thread));
        self.begun += 1;
        Ok(())
    }

    /// Checks whether an attack is over, and returns the problem that it found.
    pub(super) fn step(&mut self, now: Duration) -> Option<String> {
        if self.calm_at.is_some_and(|at| now >= at) {
            self.phase.store(QUIET, Ordering::Relaxed);
            self.calm_at = None;
        }
        let (number, thread) = self.running.take_if(|(_, thread)| thread.is_finished())?;
        self.calm_at = Some(now + AFTERMATH);
        let found = match thread.join() {
            Ok(Ok(())) => return None,
            Ok(Err(error)) => format!("{error:#}"),
            Err(_) => "the attack itself panicked".into(),
        };
        Some(format!("{}: {found}", ATTACKS[number].name))
    }

    /// Lets the attack that runs come to its end soon.
    pub(super) fn end(&self) {
        self.ends.store(true, Ordering::Relaxed);
    }
}

impl Adversary {
    /// Waits until another portion may be sent; false when the time is over.
    fn goes_on(&self) -> bool {
        std::thread::sleep(PACE);
        Instant::now() < self.until && !self.ends.load(Ordering::Relaxed)
    }
}
