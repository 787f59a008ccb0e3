//! Ports for the shows of a soak.

use std::net::{TcpListener, UdpSocket};

use anyhow::{Result, bail};

/// Allocates free ports, each once.
///
/// They are below the ephemeral range of the system: inside it, a port of a show that is down for a moment could become
/// the local end of another connection, even of a connection to itself.
#[derive(Debug)]
pub(super) struct PortAllocator {
    next: u16,
}

const FIRST: u16 = 10_000;
const LAST: u16 = 30_000;
const APART: u32 = 64;

impl PortAllocator {
    pub(super) fn new() -> Self {
        // Soaks that run at once begin at different places, which are further apart than the number of ports that one takes.
        let place = std::process::id() % (u32::from(LAST - FIRST) / APART);
        Self { next: FIRST + (place * APART) as u16 }
    }

    /// A port that is free for UDP and TCP.
    pub(super) fn one(&mut self) -> Result<u16> {
        self.row(1)
    }

    /// A free even port with a free successor: an RTP-MIDI session uses two.
    pub(super) fn two(&mut self) -> Result<u16> {
        self.row(2)
    }

    fn row(&mut self, count: u16) -> Result<u16> {
        for _ in FIRST..LAST {
            let first = self.next.next_multiple_of(count);
            self.next = first + count;
            if self.next > LAST {
                self.next = FIRST;
            }
            if (first..first + count).all(is_free) {
                return Ok(first);
            }
        }
        bail!("no port of this machine is free")
    }
}

fn is_free(port: u16) -> bool {
    UdpSocket::bind(("127.0.0.1", port)).is_ok() && TcpListener::bind(("127.0.0.1", port)).is_ok()
}
