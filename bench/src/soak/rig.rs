//! The state of a running soak: the subject, the peers, all channels, and the control links.

use std::collections::HashMap;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use super::SoakOptions;
use super::attacks::{ATTACKS, Attacks};
use super::channel::SoakChannel;
use super::count::{CountSpec, CountedPath, EndStates};
use super::disturb::{Schedule, Trick};
use super::families::{Families, FuzzDestination};
use super::fuzz_traffic::FuzzTraffic;
use super::jack::JackServer;
use super::link::{ControlLink, LinkEvent, ObservedAddresses, ObservedItem};
use super::pairs::pair_all;
use super::peer::{PeerShow, Presence};
use super::ping::Pinger;
use super::ports::PortAllocator;
use super::program::{backends, check};
use super::subject::{SubjectConfigs, SubjectPorts, SubjectShow, peer_config};

/// Everything that runs.
#[derive(Debug)]
pub(super) struct Rig {
    pub(super) start: Instant,
    pub(super) subject: SubjectShow,
    pub(super) peers: Vec<PeerShow>,
    pub(super) families: Families,
    pub(super) channels: Vec<SoakChannel>,
    pub(super) counts: Vec<CountedPath>,
    /// How many undisturbed volleys each of these had when all shows were to come back.
    counted: Vec<u64>,
    /// The place in `peers` of each family that has one.
    pub(super) peer_of: Vec<Option<usize>>,
    pub(super) links: LinkFactory,
    pub(super) events: Receiver<LinkEvent>,
    pub(super) tricks: Schedule<Trick>,
    pub(super) fuzz_traffic: FuzzTraffic,
    pub(super) attack_plan: Schedule<usize>,
    pub(super) attacks: Attacks,
    pub(super) hand_port: u16,
    /// Set by the first signal that requests an end.
    pub(super) interrupted: Arc<AtomicBool>,
    pub(super) pings: Option<(UdpSocket, u16)>,
    /// The disturbances since the last report, in words.
    pub(super) done: Vec<String>,
    /// The faults observed so far.
    pub(super) faults: Vec<String>,
    // The last field, so that the server is dropped after its clients.
    jack: Option<JackServer>,
}

/// Creates control links.
#[derive(Debug)]
pub(super) struct LinkFactory {
    next: u64,
    addresses: ObservedAddresses,
    events: Sender<LinkEvent>,
}

/// The activities of a round.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum RoundMode {
    /// Only the state is sent, to each show that connects.
    Rests,
    /// Values change.
    Plays,
    /// Values change, and everything is disturbed.
    Suffers,
}

impl LinkFactory {
    /// Connects to a show, if it is there.
    pub(super) fn connect(&mut self, port: u16) -> Option<ControlLink> {
        self.next += 1;
        ControlLink::open(self.next, port, &self.addresses, &self.events).ok()
    }
}

impl Rig {
    /// Starts the subject and prepares the others.
    pub(super) fn start(options: &SoakOptions) -> Result<Self> {
        let seed = options.seed;
        // The soak must always end the processes that it has started: a stopped show would not receive a signal itself.
        let interrupted = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            flag::register(signal, Arc::clone(&interrupted)).context("cannot wait for signals")?;
        }
        let jack = JackServer::start()?;
        let mut ports = PortAllocator::new();
        let mut families = Families::new(&mut ports, jack.as_ref().map(JackServer::name))?;
        families.leave_out_others(backends(&options.program)?);
        let hand_port = ports.one()?;
        let pong = UdpSocket::bind(("127.0.0.1", ports.one()?)).context("cannot open a socket for pings")?;
        let ping = [ports.one()?, pong.local_addr()?.port()];
        families.targets.push(FuzzDestination::Tcp(hand_port, b"\0\0\0\x18/fader\0\0"));
        families.targets.push(FuzzDestination::Udp(ping[0], b"/fader\0\0,f\0\0"));
        let places = SubjectPorts { hand: hand_port, ping, spare: ports.one()? };

        let counts: Vec<_> =
            pair_all(&mut families).into_iter().map(|spec| CountedPath::new(seed, spec)).collect();
        let (mut peers, mut peer_of, mut channels) = (Vec::new(), Vec::new(), Vec::new());
        for (number, family) in families.list.iter().enumerate() {
            peer_of.push(family.peer.as_ref().map(|_| peers.len()));
            if let Some(lines) = &family.peer {
                let port = ports.one()?;
                let schedule = Schedule::of_harm(seed, family.name, family.may_freeze);
                let text = peer_config(lines, port);
                check(&options.program, &text)?;
                peers.push(PeerShow::new(number, family.name, options.clone(), text, port, schedule));
            }
            let specs = family.channels.iter().cloned();
            channels.extend(specs.map(|spec| SoakChannel::new(seed, family.name, spec)));
        }
        let mut addresses = HashMap::new();
        addresses
            .extend(channels.iter().enumerate().map(|(at, of)| (of.is.clone(), ObservedItem::Channel(at))));
        addresses.extend(counts.iter().enumerate().map(|(at, of)| (of.is.clone(), ObservedItem::Count(at))));
        let (sender, events) = channel();
        let attacks = Attacks::new(seed, &mut ports, families.artnet)?;
        let texts = SubjectConfigs::new(&families, places, &attacks.text()?);
        check(&options.program, &texts.whole)?;
        check(&options.program, &texts.changed)?;
        ensure!(check(&options.program, &texts.broken).is_err(), "the broken configuration has no mistakes");
        Ok(Self {
            start: Instant::now(),
            subject: SubjectShow::start(options, texts)?,
            peers,
            peer_of,
            channels,
            counted: vec![0; counts.len()],
            counts,
            links: LinkFactory { next: 0, addresses: Arc::new(addresses), events: sender },
            events,
            tricks: Schedule::of_tricks(seed),
            fuzz_traffic: FuzzTraffic::new(seed, families.targets.clone())?,
            attack_plan: Schedule::of_attacks(seed, ATTACKS.len()),
            attacks,
            families,
            hand_port,
            interrupted,
            pings: Some((pong, ping[0])),
            done: Vec::new(),
            faults: Vec::new(),
            jack,
        })
    }

    /// Makes the times of disturbances and walks begin here.
    pub(super) fn begin(&mut self) {
        self.start = Instant::now();
    }

    pub(super) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Begins to ping; once.
    pub(super) fn pinger(&mut self) -> Result<Pinger> {
        let (socket, port) = self.pings.take().context("pings are begun once")?;
        Pinger::start(socket, port, Arc::clone(&self.attacks.phase))
    }

    /// Whether all shows are up and can receive values.
    pub(super) fn is_up(&self) -> bool {
        self.subject.link.is_some() && self.peers.iter().all(PeerShow::is_up)
    }

    /// Whether every target is where its source is.
    pub(super) fn agrees(&self) -> bool {
        self.channels.iter().all(|channel| channel.difference().is_none())
    }

    /// Whether no messages are under way that are counted.
    pub(super) fn rests(&self) -> bool {
        self.counts.iter().all(CountedPath::rests)
    }

    /// Whether a volley was counted since all shows came back, on every path that depends on no other program.
    pub(super) fn has_counted(&self) -> bool {
        let mut counts = self.counts.iter().zip(&self.counted);
        counts.all(|(count, before)| count.judged > *before || count.spec.may_miss)
    }

    /// The present state of the ends of a path.
    pub(super) fn ends(&mut self, at: usize, now: Duration) -> EndStates {
        let CountSpec { ends: [from, to], may_miss, .. } = self.counts[at].spec;
        let peer = |end: Option<usize>| end.and_then(|family| self.peer_of[family]);
        let (from, to) = (peer(from), peer(to));
        let presence = |peer: Option<usize>, way| match peer.map(|peer| &self.peers[peer]) {
            // A server that stalls meanwhile may deliver messages long after the show runs again.
            Some(peer) if may_miss && peer.is_up() && peer.calm(way, now).is_none() => Presence::Between,
            Some(peer) => peer.presence(now),
            None => Presence::There,
        };
        let calm = |peer: Option<usize>, way| peer.map_or(Some(0), |peer| self.peers[peer].calm(way, now));
        EndStates {
            from: presence(from, 1),
            to: presence(to, 0),
            calm: calm(from, 1).zip(calm(to, 0)).map(Into::into),
            missed: self.jack.as_ref().filter(|_| may_miss).map_or(Some(0), JackServer::missed),
            has_hand: match from {
                Some(peer) => self.peers[peer].hand().is_some(),
                None => self.subject.link.is_some(),
            },
        }
    }

    /// Lets go of every key.
    pub(super) fn lets_go(&mut self) {
        for at in 0..self.channels.len() {
            if self.channels[at].lets_go() {
                self.send(at);
            }
        }
    }

    /// Gives the subject its whole configuration again.
    pub(super) fn restore(&mut self) -> Result<()> {
        self.fuzz_traffic.leaves(Duration::MAX);
        self.attacks.end();
        self.counted = self.counts.iter().map(|count| count.judged).collect();
        self.subject.reload(|texts| &texts.whole)
    }
}
