//! Fuzz traffic to the subject: undecodable bytes, and abandoned connections.

use std::io::Write;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use anyhow::{Context, Result};

use super::families::FuzzDestination;
use super::random::Random;

/// A source of fuzz traffic.
#[derive(Debug)]
pub(super) struct FuzzTraffic {
    random: Random,
    socket: UdpSocket,
    targets: Vec<FuzzDestination>,
    /// Connections that are open, and until when.
    connections: Vec<(TcpStream, Duration)>,
}

impl FuzzTraffic {
    pub(super) fn new(seed: u64, targets: Vec<FuzzDestination>) -> Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0").context("cannot open a socket for garbage")?;
        Ok(Self { random: Random::new(seed, "stranger"), socket, targets, connections: Vec::new() })
    }

    /// Sends garbage to one of the ports: an empty packet, a valid beginning without an end, or a valid beginning followed by random bytes.
    pub(super) fn sends_garbage(&mut self) {
        let target = self.targets[self.random.below(self.targets.len())];
        for _ in 0..20 {
            let bytes = match target {
                FuzzDestination::Udp(_, head) | FuzzDestination::Tcp(_, head) => self.garbage(head),
            };
            // Whether it arrives does not matter.
            let _ = match target {
                FuzzDestination::Udp(port, _) => self.socket.send_to(&bytes, ("127.0.0.1", port)).map(|_| ()),
                FuzzDestination::Tcp(port, _) => {
                    connect(port).and_then(|mut stream| stream.write_all(&bytes))
                }
            };
        }
    }

    /// Connects to a server a few times, sends an incomplete message or nothing, and reads nothing.
    pub(super) fn connects(&mut self, until: Duration) {
        let servers: Vec<FuzzDestination> = self
            .targets
            .iter()
            .copied()
            .filter(|target| matches!(target, FuzzDestination::Tcp(..)))
            .collect();
        let Some(FuzzDestination::Tcp(port, head)) =
            servers.get(self.random.below(servers.len().max(1))).copied()
        else {
            return;
        };
        for count in 0..5 {
            let Ok(mut stream) = connect(port) else { continue };
            let _ = stream.write_all(&head[..head.len().min(count)]);
            self.connections.push((stream, until));
        }
    }

    /// Closes connections whose time is over.
    pub(super) fn leaves(&mut self, now: Duration) {
        self.connections.retain(|(_, until)| *until > now);
    }

    fn garbage(&mut self, head: &[u8]) -> Vec<u8> {
        let mut rubbish = |len| (0..len).map(|_| self.random.next() as u8).collect::<Vec<u8>>();
        match rubbish(1)[0] % 4 {
            0 => Vec::new(),
            1 => head[..head.len() / 2].to_vec(),
            2 => head.to_vec(),
            // Less than a message would need, so that no rubbish happens to be one that makes sense.
            _ => [head, &rubbish(3)].concat(),
        }
    }
}

/// Connects to a server of the subject.
pub(super) fn connect(port: u16) -> std::io::Result<TcpStream> {
    TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), Duration::from_millis(500))
}
