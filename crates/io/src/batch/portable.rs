//! One datagram per system call.

use std::io;
use std::net::SocketAddr;

use mio::net::UdpSocket;

use super::{Datagram, LONGEST};

/// Room for what is received at once.
pub(crate) struct Inbox {
    buffer: Box<[u8]>,
    from: Option<SocketAddr>,
    len: usize,
}

impl Inbox {
    pub(crate) fn new() -> Self {
        Self { buffer: vec![0; LONGEST].into(), from: None, len: 0 }
    }

    /// Receives, and returns how many datagrams came and whether more may be waiting.
    pub(crate) fn receive(&mut self, socket: &UdpSocket) -> io::Result<(usize, bool)> {
        let (len, from) = socket.recv_from(&mut self.buffer)?;
        (self.len, self.from) = (len, Some(from));
        Ok((1, true))
    }

    /// A datagram that was received. Without a sender it came from nowhere that has an address.
    pub(crate) fn datagram(&self, _at: usize) -> (Option<SocketAddr>, &[u8]) {
        (self.from, &self.buffer[..self.len])
    }
}

/// How many datagrams the system has dropped because nobody read them in time: it does not say.
pub(crate) fn drops(_socket: &UdpSocket) -> Option<u32> {
    None
}

/// Room for what is sent at once.
#[derive(Default)]
pub(crate) struct Outbound;

impl Outbound {
    /// Sends the first of the datagrams and returns how many are gone.
    pub(crate) fn send(
        &mut self,
        socket: &UdpSocket,
        datagrams: &[Datagram],
        bytes: &[u8],
    ) -> io::Result<usize> {
        let Some(datagram) = datagrams.first() else { return Ok(0) };
        socket.send_to(&bytes[datagram.bytes.clone()], datagram.to)?;
        Ok(1)
    }
}
