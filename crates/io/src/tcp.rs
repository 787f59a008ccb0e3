//! Outgoing connections: every address of a host is tried in turn, within one time-out.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};

use crosspatch_core::{Closed, Duration, Instant};
use mio::net::TcpStream;

use crate::closed;
use crate::connection;

/// A connection that is being made.
pub(crate) struct Connecting {
    /// The one that is tried.
    pub(crate) stream: Option<TcpStream>,
    /// Those that come after it.
    left: VecDeque<SocketAddr>,
    /// When all of it has to be over.
    pub(crate) deadline: Instant,
    /// Why the last one failed.
    failure: Closed,
}

impl Connecting {
    pub(crate) fn new(addresses: &[IpAddr], port: u16, deadline: Instant) -> Self {
        let left = addresses.iter().map(|ip| SocketAddr::new(*ip, port)).collect();
        Self { stream: None, left, deadline, failure: Closed::NameNotFound }
    }

    /// Tries the next address. Returns the deadline of the attempt, or the reason why there is no further address.
    pub(crate) fn next(&mut self, now: Instant) -> Result<Instant, Closed> {
        self.stream = None;
        while let Some(address) = self.left.pop_front() {
            match TcpStream::connect(address) {
                Ok(stream) => {
                    connection::prepare(&stream);
                    self.stream = Some(stream);
                    // A host that is silent on its first address leaves time for the others.
                    let share = self.deadline.since(now) / (self.left.len() as u32 + 1);
                    return Ok(now + share.max(Duration::from_millis(1)));
                }
                Err(error) => self.failure = closed::reason(&error),
            }
        }
        Err(self.failure.clone())
    }

    /// The stream, if it is connected by now.
    pub(crate) fn take_if_connected(&mut self) -> io::Result<Option<TcpStream>> {
        let Some(stream) = &self.stream else { return Ok(None) };
        if let Some(error) = stream.take_error()? {
            return Err(error);
        }
        match stream.peer_addr() {
            // If no program listens on a port of this machine, the system may connect a socket to itself.
            Ok(peer) if stream.local_addr().is_ok_and(|own| own == peer) => {
                Err(ErrorKind::ConnectionRefused.into())
            }
            Ok(_) => Ok(self.stream.take()),
            Err(error) if error.kind() == ErrorKind::NotConnected => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The address that is tried has failed.
    pub(crate) fn failed(&mut self, reason: Closed) {
        self.failure = reason;
    }
}
