//! One datagram for each system call.

use std::io;
use std::net::SocketAddr;

use mio::net::UdpSocket;

use super::{Datagram, LONGEST};

/// The buffer of a received datagram.
pub(crate) struct ReceiveBatch {
    buffer: Box<[u8]>,
    from: Option<SocketAddr>,
    len: usize,
}

impl ReceiveBatch {
    pub(crate) fn new() -> Self {
        Self { buffer: vec![0; LONGEST].into(), from: None, len: 0 }
    }

    /// Receives a batch. Returns the number of datagrams, and whether more may be waiting.
    pub(crate) fn receive(&mut self, socket: &UdpSocket) -> io::Result<(usize, bool)> {
        let (len, from) = socket.recv_from(&mut self.buffer)?;
        (self.len, self.from) = (len, Some(from));
        Ok((1, true))
    }

    /// The received datagram, and its sender if that has an address.
    pub(crate) fn datagram(&self, _at: usize) -> (Option<SocketAddr>, &[u8]) {
        (self.from, &self.buffer[..self.len])
    }
}

/// The number of datagrams that the system has dropped. It is unknown here.
pub(crate) fn drops(_socket: &UdpSocket) -> Option<u32> {
    None
}

/// Sends datagrams one at a time.
#[derive(Default)]
pub(crate) struct SendBatch;

impl SendBatch {
    /// Sends the first of the datagrams and returns how many were sent.
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
