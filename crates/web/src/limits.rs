//! How many connections there may be.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The most connections at a time, WebSockets apart, and the most of them from one address of the network.
const MAX_CONNECTIONS: usize = 64;
const MAX_CONNECTIONS_OF_ADDRESS: usize = 32;

/// The most WebSockets at a time, which this machine may have all, and the most from one address of the network.
const MAX_SOCKETS: usize = 256;
const MAX_SOCKETS_OF_ADDRESS: usize = 16;

/// Where somebody is: an IPv4 address, or the network of an IPv6 address, because everybody there has countless addresses.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AddressKey(IpAddr);

impl AddressKey {
    pub(crate) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(address) if !address.is_loopback() => {
                Self(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into())
            }
            address @ (IpAddr::V4(_) | IpAddr::V6(_)) => Self(address),
        }
    }
}

/// What is counted.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum ConnectionKind {
    Connection,
    Socket,
}

/// The present connections.
#[derive(Clone, Default)]
pub(crate) struct ConnectionLimits(Arc<Mutex<ConnectionCounts>>);

#[derive(Default)]
struct ConnectionCounts {
    all: [usize; 2],
    by_address: BTreeMap<AddressKey, [usize; 2]>,
}

/// A connection that counts until it is dropped.
pub(crate) struct CountedConnection {
    limits: ConnectionLimits,
    address: AddressKey,
    kind: ConnectionKind,
}

impl ConnectionLimits {
    /// ConnectionCounts a connection, if there is room for one more.
    pub(crate) fn enter(&self, address: AddressKey, kind: ConnectionKind) -> Option<CountedConnection> {
        let mut counts = self.lock();
        let (most, most_of_address) = match kind {
            ConnectionKind::Connection => (MAX_CONNECTIONS, MAX_CONNECTIONS_OF_ADDRESS),
            ConnectionKind::Socket => (MAX_SOCKETS, MAX_SOCKETS_OF_ADDRESS),
        };
        let most_of_address = if address.0.is_loopback() { most } else { most_of_address };
        let of_address = counts.by_address.get(&address).map_or(0, |counts| counts[kind as usize]);
        if counts.all[kind as usize] >= most || of_address >= most_of_address {
            return None;
        }
        counts.all[kind as usize] += 1;
        counts.by_address.entry(address).or_default()[kind as usize] += 1;
        Some(CountedConnection { limits: self.clone(), address, kind })
    }

    /// How many connections and WebSockets there are.
    pub(crate) fn counts(&self) -> [usize; 2] {
        self.lock().all
    }

    fn lock(&self) -> MutexGuard<'_, ConnectionCounts> {
        // Nothing panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for CountedConnection {
    fn drop(&mut self) {
        let mut counts = self.limits.lock();
        counts.all[self.kind as usize] -= 1;
        if let Some(of_address) = counts.by_address.get_mut(&self.address) {
            of_address[self.kind as usize] -= 1;
            if *of_address == [0, 0] {
                counts.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(
        limits: &ConnectionLimits,
        address: &str,
        kind: ConnectionKind,
        wanted: usize,
    ) -> Vec<CountedConnection> {
        let address = AddressKey::of(address.parse().expect("an address"));
        (0..wanted).map_while(|_| limits.enter(address, kind)).collect()
    }

    #[test]
    fn an_address_of_the_network_gets_a_part_of_the_connections_and_this_machine_all() {
        let limits = ConnectionLimits::default();
        let one = enter(&limits, "10.0.0.1", ConnectionKind::Socket, 999);
        let here = enter(&limits, "127.0.0.1", ConnectionKind::Socket, 999);
        assert_eq!((one.len(), here.len()), (16, 240));
        assert!(enter(&limits, "10.0.0.2", ConnectionKind::Socket, 1).is_empty());
        drop(here);
        assert_eq!(enter(&limits, "10.0.0.2", ConnectionKind::Socket, 999).len(), 16);
        assert_eq!(enter(&limits, "10.0.0.1", ConnectionKind::Connection, 999).len(), 32);
        assert_eq!(enter(&limits, "::1", ConnectionKind::Connection, 999).len(), 64);
        drop(one);
        assert_eq!(limits.counts(), [0, 0]);
        assert!(limits.lock().by_address.is_empty());
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_address() {
        let key = |address: &str| AddressKey::of(address.parse().expect("an address"));
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:1"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_eq!(key("::ffff:10.0.0.1"), key("10.0.0.1"));
    }
}
