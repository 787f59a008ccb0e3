//! Datagrams in batches: many per system call where the system can do that, one where it cannot.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod portable;

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

#[cfg(target_os = "linux")]
pub(crate) use linux::{ReceiveBatch, SendBatch, drops};
#[cfg(not(target_os = "linux"))]
pub(crate) use portable::{ReceiveBatch, SendBatch, drops};

/// The longest datagram there can be, and room to see that none is longer.
const LONGEST: usize = 65_536;

/// A datagram to be sent; the bytes are elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct Datagram {
    pub(crate) to: SocketAddr,
    pub(crate) bytes: Range<usize>,
}

/// Converts an IPv4 address that was received through an IPv6 socket back to IPv4.
pub(crate) fn unmapped(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(_) => address,
        SocketAddr::V6(v6) => match v6.ip().to_ipv4_mapped() {
            Some(v4) => SocketAddr::new(IpAddr::V4(v4), v6.port()),
            None => address,
        },
    }
}

/// An IPv4 address in the form that an IPv6 socket needs.
pub(crate) fn mapped(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) => SocketAddr::new(IpAddr::V6(v4.ip().to_ipv6_mapped()), v4.port()),
        SocketAddr::V6(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_survive_the_way_through_a_socket_for_both_families() {
        let v4: SocketAddr = "10.1.2.3:7000".parse().expect("an address");
        let v6: SocketAddr = "[fe80::1]:7000".parse().expect("an address");
        assert_eq!(mapped(v4).to_string(), "[::ffff:10.1.2.3]:7000");
        assert_eq!(unmapped(mapped(v4)), v4);
        assert_eq!(unmapped(mapped(v6)), v6);
    }
}
