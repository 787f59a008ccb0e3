//! Membership of a socket in a multicast group, on one interface or on all, renewed when interfaces come back.
//!
//! Each group has its own socket, bound to the address of the group. So a port can listen to any number of groups
//! (Linux lets a socket join twenty), the kernel delivers each datagram only to the sockets of its group, and these
//! sockets receive no unicast datagrams.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};

use crosspatch_core::{Interface, Join};
use socket2::{InterfaceIndexOrAddress, SockRef};

use crate::interfaces::Nic;

/// The memberships of a socket.
#[derive(Debug)]
pub(crate) struct Membership {
    join: Join,
    /// The numbers of the interfaces, and whether each had a cable in it.
    joined: BTreeMap<u32, bool>,
    is_missing: bool,
}

/// The result of an update of a membership.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Renewal {
    /// Nothing to report.
    Same,
    /// The interface is not there any more.
    Lost,
    /// It is there again.
    Back,
}

impl Membership {
    /// A membership that is still to be had.
    pub(crate) fn new(join: Join) -> Self {
        Self { join, joined: BTreeMap::new(), is_missing: false }
    }

    /// The group, and the interface on which it is joined.
    pub(crate) fn join(&self) -> &Join {
        &self.join
    }

    /// Where the socket has to be bound, on port `port`.
    ///
    /// # Errors
    ///
    /// If the interface is not there.
    pub(crate) fn address(&self, port: u16, nics: &[Nic]) -> io::Result<SocketAddr> {
        let first = self.meant(nics).next();
        if self.join.interface.is_some() && first.is_none() {
            return Err(io::ErrorKind::AddrNotAvailable.into());
        }
        if cfg!(windows) {
            // There a socket cannot be bound to a group.
            let any: IpAddr = match self.join.group {
                IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
                IpAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
            };
            return Ok((any, port).into());
        }
        Ok(match self.join.group {
            IpAddr::V4(group) => (group, port).into(),
            IpAddr::V6(group) => {
                // A group of the interface or the link is one on each interface (RFC 4291, 2.7).
                let is_local = matches!(group.segments()[0] & 0xf, 1 | 2);
                let scope = first.filter(|_| is_local).map_or(0, |nic| nic.index);
                SocketAddrV6::new(group, port, 0, scope).into()
            }
        })
    }

    /// Joins where the socket is not a member and should be, and leaves where it should not.
    ///
    /// # Errors
    ///
    /// If the group can be joined on none of the interfaces that are meant.
    pub(crate) fn renew(&mut self, socket: &SockRef<'_>, nics: &[Nic]) -> io::Result<Renewal> {
        let gone: Vec<_> = self
            .joined
            .keys()
            .copied()
            .filter(|index| !self.meant(nics).any(|nic| nic.index == *index))
            .collect();
        for index in gone {
            self.joined.remove(&index);
            self.leave(socket, index);
        }
        let mut refused = None;
        let meant: Vec<_> = self.meant(nics).map(|nic| (nic.index, nic.is_running)).collect();
        for (index, is_running) in meant {
            match self.joined.get_mut(&index) {
                // A cable was plugged in: the network at its other end has to receive our memberships.
                Some(false) if is_running => self.leave(socket, index),
                Some(runs) => {
                    *runs = is_running;
                    continue;
                }
                None => {}
            }
            match self.enter(socket, index) {
                Ok(()) => drop(self.joined.insert(index, is_running)),
                Err(error) => refused = Some(error),
            }
        }
        let was_missing = std::mem::replace(&mut self.is_missing, self.joined.is_empty());
        match (refused, self.is_missing) {
            (Some(error), true) => Err(error),
            (None, true) if self.join.interface.is_some() && !was_missing => Ok(Renewal::Lost),
            (_, false) if was_missing => Ok(Renewal::Back),
            _ => Ok(Renewal::Same),
        }
    }

    /// The interfaces on which it is to be joined.
    fn meant<'a>(&'a self, nics: &'a [Nic]) -> impl Iterator<Item = &'a Nic> {
        nics.iter().filter(|nic| nic.is_meant(self.join.interface.as_ref()))
    }

    fn enter(&self, socket: &SockRef<'_>, index: u32) -> io::Result<()> {
        match self.join.group {
            IpAddr::V4(group) => socket.join_multicast_v4_n(&group, &self.at(index)),
            IpAddr::V6(group) => socket.join_multicast_v6(&group, index),
        }
    }

    /// A group that cannot be left because its interface has disappeared has been left by the system.
    fn leave(&self, socket: &SockRef<'_>, index: u32) {
        let _: io::Result<()> = match self.join.group {
            IpAddr::V4(group) => socket.leave_multicast_v4_n(&group, &self.at(index)),
            IpAddr::V6(group) => socket.leave_multicast_v6(&group, index),
        };
    }

    /// An interface in the form that the system needs: its index, or its address where there are no indices.
    fn at(&self, index: u32) -> InterfaceIndexOrAddress {
        match (index, &self.join.interface) {
            (0, Some(Interface::Address(IpAddr::V4(address)))) => InterfaceIndexOrAddress::Address(*address),
            (0, _) => InterfaceIndexOrAddress::Address(Ipv4Addr::UNSPECIFIED),
            (index, _) => InterfaceIndexOrAddress::Index(index),
        }
    }
}
