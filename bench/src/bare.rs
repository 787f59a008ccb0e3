//! The bare limit: programs that only receive and send, each in its own process. No program that does the real work can
//! be much faster with the same calls.

use std::io;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tungstenite::Message;

use crate::process::Process;
use crate::wire::Wire;

/// How a bare program receives and sends.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Calls {
    /// One datagram a call.
    Single,
    /// Many datagrams a call, and those of one length to one peer as segments of one piece.
    #[cfg(target_os = "linux")]
    Batched,
}

/// The argument after `bench` that makes the program a bare one.
pub(crate) const WORD: &str = "--bare";

/// Starts a program that turns each packet of `traffic.0` at `at` into `copies` packets of `traffic.1` to `to`.
pub(crate) fn start(
    calls: Calls,
    traffic: (Wire, Wire),
    copies: u64,
    at: SocketAddr,
    to: SocketAddr,
) -> Result<Process> {
    let calls = match calls {
        Calls::Single => "single",
        #[cfg(target_os = "linux")]
        Calls::Batched => "batched",
    };
    let is_same = traffic.0 == traffic.1;
    let length = if is_same { 0 } else { traffic.1.packet().len() };
    let mut command = own_program()?;
    command.args([WORD, &format!("{calls} {length} {copies} {at} {to}")]);
    Process::start(command)
}

/// Starts a program that turns each datagram at `at` into a WebSocket message to a console at `to`.
pub(crate) fn start_web_socket(at: SocketAddr, to: SocketAddr) -> Result<Process> {
    let mut command = own_program()?;
    command.args([WORD, &format!("websocket {at} {to}")]);
    Process::start(command)
}

/// Starts a program that receives at each of these addresses and sends what comes there from the same socket to `to`.
#[cfg(target_os = "linux")]
pub(crate) fn start_many(at: &[SocketAddr], to: SocketAddr) -> Result<Process> {
    let ports: Vec<_> = at.iter().map(|at| at.port().to_string()).collect();
    let mut command = own_program()?;
    command.args([WORD, &format!("many {to} {}", ports.join(","))]);
    Process::start(command)
}

/// Starts a program that polls a console at `to` with a request every `interval` and reads the answers.
pub(crate) fn start_poller(interval: Duration, to: SocketAddr) -> Result<Process> {
    let mut command = own_program()?;
    command.args([WORD, &format!("poller {} {to}", interval.as_millis())]);
    Process::start(command)
}

fn own_program() -> Result<Command> {
    Ok(Command::new(std::env::current_exe().context("cannot find this program")?))
}

/// What such a program does.
///
/// # Errors
///
/// If the words are not those of `start`, or there is no network.
pub fn run(words: &str) -> Result<()> {
    let words: Vec<_> = words.split_ascii_whitespace().collect();
    match words[..] {
        ["websocket", at, to] => Ok(web_socket(at.parse()?, to.parse()?)?),
        ["poller", millis, to] => Ok(poller(Duration::from_millis(millis.parse()?), to.parse()?)?),
        #[cfg(target_os = "linux")]
        ["many", to, ports] => {
            let ports = ports.split(',').map(str::parse).collect::<Result<Vec<u16>, _>>()?;
            Ok(many(&ports, to.parse()?)?)
        }
        [calls @ ("single" | "batched"), length, copies, at, to] => {
            let input = UdpSocket::bind(at).context("the port is taken")?;
            let output = UdpSocket::bind("127.0.0.1:0")?;
            let reply = Reply::new(length.parse()?);
            let forwarder = Forwarder { input, output, reply, copies: copies.parse()?, to: to.parse()? };
            match calls {
                #[cfg(target_os = "linux")]
                "batched" => Ok(forwarder.batched()?),
                _ => Ok(forwarder.single()?),
            }
        }
        _ => bail!("no bare program has the words {words:?}"),
    }
}

/// What is sent for a packet: the packet itself, or one of another kind with the level from it.
struct Reply(Vec<u8>);

/// Where the levels are in packets of slots, by their length.
fn levels(length: usize) -> usize {
    length.saturating_sub(512)
}

impl Reply {
    fn new(length: usize) -> Self {
        let packet = match length {
            20 => Wire::Osc(1).packet(),
            length => vec![0; length],
        };
        Self(packet)
    }

    fn to<'a>(&'a mut self, packet: &'a [u8]) -> &'a [u8] {
        let Some(own) = self.0.len().checked_sub(1) else { return packet };
        let (from, to) = (levels(packet.len()), levels(own + 1));
        match (packet.len() == 20, own + 1 == 20) {
            // From slots to slots.
            (false, false) => self.0[to..to + 2].copy_from_slice(&packet[from..from + 2]),
            (_, true) => {
                let level = u16::from_be_bytes([packet[from], packet[from + 1]]);
                self.0[16..20].copy_from_slice(&(f32::from(level) / 65_535.0).to_be_bytes());
            }
            (true, false) => {
                let level = f32::from_be_bytes([packet[16], packet[17], packet[18], packet[19]]);
                let number = (level * 65_535.0).round() as u16;
                self.0[to..to + 2].copy_from_slice(&number.to_be_bytes());
            }
        }
        &self.0
    }
}

/// Receives packets and sends replies.
struct Forwarder {
    input: UdpSocket,
    output: UdpSocket,
    reply: Reply,
    copies: usize,
    to: SocketAddr,
}

impl Forwarder {
    fn single(mut self) -> io::Result<()> {
        let mut buffer = vec![0; 2048];
        loop {
            let len = self.input.recv(&mut buffer)?;
            let reply = self.reply.to(&buffer[..len]);
            for _ in 0..self.copies {
                self.output.send_to(reply, self.to)?;
            }
        }
    }

    /// As [`single`](Self::single), with as few calls as the kernel needs: what waits is received in one, and what goes out is
    /// cut up there.
    #[cfg(target_os = "linux")]
    fn batched(mut self) -> io::Result<()> {
        use std::io::IoSliceMut;

        use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};
        use rustix::event::{PollFd, PollFlags, poll};
        let receiving = UdpSocketState::new((&self.input).into())?;
        let sending = UdpSocketState::new((&self.output).into())?;
        self.output.set_nonblocking(false)?;
        let mut buffers = vec![[0; 1 << 16]; BATCH_SIZE];
        let mut meta = vec![RecvMeta::default(); BATCH_SIZE];
        let mut piece = Vec::new();
        loop {
            let mut slices: Vec<_> = buffers.iter_mut().map(|buffer| IoSliceMut::new(buffer)).collect();
            let count = match receiving.recv((&self.input).into(), &mut slices, &mut meta) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    poll(&mut [PollFd::new(&self.input, PollFlags::IN)], None)?;
                    continue;
                }
                received => received?,
            };
            piece.clear();
            let mut length = 0;
            for (buffer, meta) in buffers.iter().zip(&meta[..count]) {
                for packet in buffer[..meta.len].chunks(meta.stride.max(1)) {
                    let reply = self.reply.to(packet);
                    length = reply.len();
                    (0..self.copies).for_each(|_| piece.extend_from_slice(reply));
                }
            }
            let most = sending.max_gso_segments().min(60_000 / length.max(1)).max(1);
            for contents in piece.chunks((length * most).max(1)) {
                let segment_size = (contents.len() > length).then_some(length);
                let transmit =
                    Transmit { destination: self.to, ecn: None, contents, segment_size, src_ip: None };
                sending.try_send((&self.output).into(), &transmit)?;
            }
        }
    }
}

/// Waits for all sockets at once, and receives and sends one datagram of each that has one.
#[cfg(target_os = "linux")]
fn many(ports: &[u16], to: SocketAddr) -> io::Result<()> {
    use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
    let bind = |port: &u16| UdpSocket::bind(SocketAddr::from(([127, 0, 0, 1], *port)));
    let sockets = ports.iter().map(bind).collect::<io::Result<Vec<_>>>()?;
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    for (number, socket) in sockets.iter().enumerate() {
        epoll::add(&epoll, socket, EventData::new_u64(number as u64), EventFlags::IN)?;
    }
    let (mut events, mut buffer) = (Vec::with_capacity(256), [0; 2048]);
    loop {
        events.clear();
        epoll::wait(&epoll, rustix::buffer::spare_capacity(&mut events), None)?;
        for event in &events {
            let socket = &sockets[event.data.u64() as usize];
            let len = socket.recv(&mut buffer)?;
            socket.send_to(&buffer[..len], to)?;
        }
    }
}

/// Asks a console for thirty faders, as MA's page does.
fn poller(interval: Duration, to: SocketAddr) -> Result<()> {
    let stream = TcpStream::connect(to)?;
    stream.set_nodelay(true)?;
    let (mut socket, _) = tungstenite::client("ws://127.0.0.1/?ma=1", stream)?;
    socket.read()?;
    let mut due = Instant::now();
    loop {
        due += interval;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        socket.send(Message::text(POLL))?;
        socket.read()?;
    }
}

const POLL: &str = r#"{"requestType":"playbacks","startIndex":[0],"itemsCount":[30],"pageIndex":0,"itemsType":[2],"view":2,"execButtonViewMode":1,"buttonsViewMode":0,"session":1,"maxRequests":1}"#;

fn web_socket(at: SocketAddr, to: SocketAddr) -> Result<()> {
    let input = UdpSocket::bind(at)?;
    let stream = TcpStream::connect(to)?;
    stream.set_nodelay(true)?;
    let (mut socket, _) = tungstenite::client("ws://127.0.0.1/?ma=1", stream)?;
    let mut buffer = [0; 64];
    loop {
        input.recv(&mut buffer)?;
        let text = r#"{"requestType":"playbacks_userInput","execIndex":0,"pageIndex":0,"faderValue":0.5,"type":1,"session":1}"#;
        socket.send(Message::text(text))?;
    }
}
