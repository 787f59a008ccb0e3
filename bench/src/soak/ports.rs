//! Ports for the shows of a soak.

use std::net::{TcpListener, UdpSocket};

use anyhow::{Result, bail};

/// Hands out ports that nobody has, each once.
///
/// They are from below the range that the system hands out by itself: there, a port of a show that is dead for a moment could
/// become the near end of somebody's connection, even of one to itself.
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

    /// An even port that is free, and the one behind it, too: a session of RTP-MIDI has two.
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
