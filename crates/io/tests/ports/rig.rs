//! A shell in a thread, with one session that reports its calls to the test and acts as the test requests.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant as Moment};

use std::borrow::Cow;

use crosspatch_core::{
    AddressError, Backend, Closed, Condition, Connect, Direction, Endpoint, Instance, Instant, Kind, Limits,
    Listen, Outbox, Peer, Plan, PlanBuilder, Port, PortSpec, Session, Slot, Status, Udp, Value,
    WebSocketConnect,
};
use crosspatch_io::{Handle, Observed, Shell};

/// Nothing that works takes this long, even on a machine that is busy with other things.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const ONLY: Peer = Peer::Only;

/// A call that the session received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Open(Port, Peer),
    Data(Port, Peer, Vec<u8>),
    Close(Port, Peer, Closed),
    Full(Port, Peer),
    Writable(Port, Peer),
}

type Action = Box<dyn FnOnce(&mut Outbox) + Send>;

/// What a session does by itself.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Habit {
    /// Nothing.
    Watch,
    /// Sends back whatever comes.
    Echo,
    /// Sends back whatever comes and is short, and keeps no record of it.
    EchoQuietly,
    /// Reopens its ports whenever they close, at most this many times.
    Reopen(u32),
    /// Says `bye` on every port when it ends.
    SayBye,
    /// Emits what comes in on its channel `in`.
    Emit,
}

pub(crate) struct Probe {
    seen: Sender<Seen>,
    todo: Arc<Mutex<Vec<Action>>>,
    specs: Vec<PortSpec>,
    habit: Habit,
}

impl Instance for Probe {
    fn canonical<'a>(&self, address: &'a str, _: Direction) -> Result<Cow<'a, str>, AddressError> {
        Ok(address.into())
    }

    fn kind(&self, _: &str, _: Direction) -> Kind {
        Kind::State
    }

    fn session(&self) -> Box<dyn Session> {
        Box::new(Prober {
            seen: self.seen.clone(),
            todo: self.todo.clone(),
            specs: self.specs.clone(),
            habit: self.habit,
            reopened: 0,
            open: Vec::new(),
            slot: None,
        })
    }
}

struct Prober {
    seen: Sender<Seen>,
    todo: Arc<Mutex<Vec<Action>>>,
    specs: Vec<PortSpec>,
    habit: Habit,
    reopened: u32,
    open: Vec<(Port, Peer)>,
    slot: Option<Slot>,
}

impl Prober {
    fn see(&self, seen: Seen) {
        // The test may have ended by now.
        let _: Result<(), mpsc::SendError<Seen>> = self.seen.send(seen);
    }
}

impl Session for Prober {
    fn bind(&mut self, slot: Slot, address: &str, _: Direction) {
        if address == "in" {
            self.slot = Some(slot);
        }
    }

    fn start(&mut self, _: Instant, out: &mut Outbox) {
        for (port, spec) in (0..).map(Port).zip(&self.specs) {
            out.open(port, spec.clone());
        }
    }

    fn stop(&mut self, _: Instant, out: &mut Outbox) {
        if self.habit == Habit::SayBye {
            for (port, peer) in &self.open {
                out.send(*port, *peer, |bytes| bytes.extend_from_slice(b"bye"));
            }
        }
    }

    fn handle_open(&mut self, _: Instant, port: Port, peer: Peer, _: &mut Outbox) {
        self.open.push((port, peer));
        self.see(Seen::Open(port, peer));
    }

    fn handle_data(&mut self, _: Instant, port: Port, from: Peer, data: &[u8], out: &mut Outbox) {
        let is_short = data.len() < 100;
        if self.habit == Habit::Echo || (self.habit == Habit::EchoQuietly && is_short) {
            out.send(port, from, |bytes| bytes.extend_from_slice(data));
        }
        if let (Habit::Emit, Some(slot)) = (self.habit, self.slot) {
            out.emit(slot, Value::text(&*String::from_utf8_lossy(data)));
        }
        if self.habit != Habit::EchoQuietly {
            self.see(Seen::Data(port, from, data.to_vec()));
        }
    }

    fn handle_close(&mut self, _: Instant, port: Port, peer: Peer, reason: Closed, out: &mut Outbox) {
        self.see(Seen::Close(port, peer, reason));
        if let Habit::Reopen(times) = self.habit
            && self.reopened < times
            && peer == Peer::Only
        {
            self.reopened += 1;
            out.open(port, self.specs[usize::from(port.0)].clone());
        }
    }

    fn handle_full(&mut self, _: Instant, port: Port, peer: Peer, _: &mut Outbox) {
        self.see(Seen::Full(port, peer));
    }

    fn handle_writable(&mut self, _: Instant, port: Port, peer: Peer, _: &mut Outbox) {
        self.see(Seen::Writable(port, peer));
    }

    fn handle_values(&mut self, _: Instant, _: &[(Slot, Value)], out: &mut Outbox) {
        for action in std::mem::take(&mut *self.todo.lock().unwrap()) {
            action(out);
        }
    }

    fn status(&self) -> Status {
        let mut status = Status::default();
        status.add("outside", "a test", Condition::Working);
        status
    }
}

const BACKEND: Backend = Backend {
    name: "probe",
    summary: "",
    manual: "",
    options: &[],
    words: &[],
    loops_back: false,
    stands_alone: false,
    configure: |_| None,
    describe: |bytes, line| line.push_str(&String::from_utf8_lossy(bytes)),
    compose: |line| Some(line.as_bytes().to_vec()),
};

/// Builds the plan of a rig: the instance `probe`, whose channel `do` makes it act.
pub(crate) struct Plans {
    seen: Sender<Seen>,
    todo: Arc<Mutex<Vec<Action>>>,
}

impl Plans {
    pub(crate) fn new(seen: Sender<Seen>) -> Self {
        Self { seen, todo: Arc::default() }
    }

    pub(crate) fn plan(
        &self,
        name: &str,
        habit: Habit,
        specs: Vec<PortSpec>,
        previous: Option<&Plan>,
    ) -> Plan {
        let probe = Probe { seen: self.seen.clone(), todo: self.todo.clone(), specs, habit };
        let mut builder = PlanBuilder::new(previous);
        let probe = builder.instance(name, &BACKEND, Vec::new(), Arc::new(probe));
        let from = builder.channel(probe, "do", Direction::Input);
        let to = builder.channel(probe, "act", Direction::Output);
        builder.route((probe, from), (probe, to));
        builder.channel(probe, "in", Direction::Input);
        builder.build()
    }
}

/// The shell, the session and what it saw.
pub(crate) struct Rig {
    /// The name of the thread of the loop.
    pub(crate) name: String,
    pub(crate) handle: Handle,
    pub(crate) plans: Plans,
    pub(crate) observed: Arc<Mutex<Vec<String>>>,
    seen: Receiver<Seen>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Rig {
    /// A show with one session that wants these ports, numbered from 0.
    pub(crate) fn start(habit: Habit, specs: Vec<PortSpec>) -> Self {
        Self::with(habit, specs, |_| ())
    }

    /// The same, with something done to the shell before it runs.
    pub(crate) fn with(habit: Habit, specs: Vec<PortSpec>, ready: impl FnOnce(&mut Shell)) -> Self {
        let (told, seen) = mpsc::channel();
        let plans = Plans::new(told);
        let mut shell = Shell::new().unwrap();
        ready(&mut shell);
        let handle = shell.handle();
        let observed = Arc::new(Mutex::new(Vec::new()));
        let lines = observed.clone();
        static RIGS: AtomicU32 = AtomicU32::new(0);
        let name = format!("rig{}", RIGS.fetch_add(1, Ordering::Relaxed));
        let thread = std::thread::Builder::new().name(name.clone()).spawn(move || {
            shell.run(&mut |now, _, observed: Observed<'_>| {
                lines.lock().unwrap().push(format!("{now} {observed}"));
            })
        });
        let thread = thread.unwrap();
        handle.install(plans.plan("probe", habit, specs, None));
        Self { name, handle, plans, observed, seen, thread: Some(thread) }
    }

    /// Has the session do something.
    pub(crate) fn act(&self, action: impl FnOnce(&mut Outbox) + Send + 'static) {
        self.plans.todo.lock().unwrap().push(Box::new(action));
        assert!(self.handle.set_value("probe.do", 1.0), "the plan has no probe");
    }

    /// Has the session send something.
    pub(crate) fn send(&self, port: u16, to: Peer, bytes: impl Into<Vec<u8>>) {
        let bytes = bytes.into();
        self.act(move |out| out.send(Port(port), to, |buf| buf.extend_from_slice(&bytes)));
    }

    /// What the session saw next.
    pub(crate) fn next(&self) -> Seen {
        self.seen.recv_timeout(PATIENCE).expect("the session was told nothing")
    }

    /// Waits until the session sees something of that kind, whatever else it sees before.
    pub(crate) fn wait<T>(&self, mut wanted: impl FnMut(&Seen) -> Option<T>) -> T {
        let end = Moment::now() + PATIENCE;
        let mut others = Vec::new();
        loop {
            let left = end.saturating_duration_since(Moment::now());
            match self.seen.recv_timeout(left) {
                Ok(seen) => match wanted(&seen) {
                    Some(found) => return found,
                    None => others.push(brief(&seen)),
                },
                Err(error) => panic!("{error}; the session saw only {others:#?}"),
            }
        }
    }

    pub(crate) fn wait_open(&self, port: u16) -> Peer {
        self.wait(|seen| match seen {
            Seen::Open(at, peer) if at.0 == port => Some(*peer),
            _ => None,
        })
    }

    pub(crate) fn wait_close(&self, port: u16) -> Closed {
        self.wait(|seen| match seen {
            Seen::Close(at, _, reason) if at.0 == port => Some(reason.clone()),
            _ => None,
        })
    }

    pub(crate) fn wait_data(&self, port: u16) -> (Peer, Vec<u8>) {
        self.wait(|seen| match seen {
            Seen::Data(at, peer, data) if at.0 == port => Some((*peer, data.clone())),
            _ => None,
        })
    }

    /// All calls that the session has received so far.
    pub(crate) fn so_far(&self) -> Vec<Seen> {
        self.seen.try_iter().collect()
    }

    /// Waits for a line of the log that contains all of this.
    pub(crate) fn wait_line(&self, words: &[&str]) -> String {
        until(|| {
            let lines = self.observed.lock().unwrap();
            lines.iter().find(|line| words.iter().all(|word| line.contains(word))).cloned()
        })
    }

    /// Ends the show and returns how long that took.
    pub(crate) fn stop(&mut self) -> Duration {
        let start = Moment::now();
        self.handle.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the loop does not panic").expect("the loop does not fail");
        }
        start.elapsed()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let took = self.stop();
            assert!(took < Duration::from_secs(1), "the end took {took:?}");
        }
    }
}

fn brief(seen: &Seen) -> String {
    let text = format!("{seen:?}");
    text.chars().take(120).collect()
}

/// Waits until there is something, with a deadline.
pub(crate) fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let end = Moment::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Moment::now() < end, "it never came to be");
        std::thread::yield_now();
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A port number that is unused on an address, for both UDP and TCP.
pub(crate) fn free_port(ip: &str) -> u16 {
    until(|| {
        let listener = std::net::TcpListener::bind((ip, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        std::net::UdpSocket::bind((ip, port)).ok().map(|_| port)
    })
}

pub(crate) fn endpoint(host: &str, port: u16) -> Endpoint {
    let Ok(host) = host.parse();
    Endpoint { host, port }
}

pub(crate) fn udp(host: &str, port: u16) -> PortSpec {
    PortSpec::Udp(Udp::new(endpoint(host, port)))
}

pub(crate) fn connect(host: &str, port: u16, timeout: Duration) -> PortSpec {
    PortSpec::TcpConnect(Connect { to: endpoint(host, port), timeout })
}

pub(crate) fn web_socket(host: &str, port: u16, timeout: Duration) -> PortSpec {
    let connect = Connect { to: endpoint(host, port), timeout };
    PortSpec::WebSocketConnect(WebSocketConnect { connect, path: "/?ma=1".to_owned() })
}

pub(crate) fn listen(host: &str, port: u16, limit: u32) -> PortSpec {
    PortSpec::TcpListen(listening(host, port, limit))
}

pub(crate) fn web_socket_listen(host: &str, port: u16, limit: u32) -> PortSpec {
    PortSpec::WebSocketListen(listening(host, port, limit))
}

fn listening(host: &str, port: u16, limit: u32) -> Listen {
    Listen { at: endpoint(host, port), limits: connections(limit), ping: None, origins: Arc::default() }
}

/// Limits for this many connections, from any address, with messages as long as those of a console.
pub(crate) fn connections(limit: u32) -> Limits {
    Limits { connections: limit, per_address: limit, message: 16 << 20, ..Limits::default() }
}

pub(crate) fn address(host: &str, port: u16) -> SocketAddr {
    SocketAddr::new(host.parse::<IpAddr>().unwrap(), port)
}

/// A server of the test on a free port, and the port.
pub(crate) fn server(ip: &str) -> (TcpListener, u16) {
    let listener = TcpListener::bind((ip, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// The next connection to a server of the test; reading and writing have a deadline.
pub(crate) fn accept(listener: &TcpListener) -> TcpStream {
    let (stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// A connection to a server of ours, from an address of choice.
pub(crate) fn client_from(from: &str, ip: &str, port: u16) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&address(from, 0).into()).unwrap();
    socket.connect(&address(ip, port).into()).unwrap();
    socket.into()
}

/// A connection to a server of ours; reading and writing have a deadline.
pub(crate) fn client(ip: &str, port: u16) -> TcpStream {
    let stream = TcpStream::connect((ip, port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}
