//! The network interfaces of this machine: which there are, and when that may have changed.

use std::io;
use std::net::IpAddr;

use crosspatch_core::Interface;
use mio::{Registry, Token};

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Nic {
    /// Its number, by which groups are joined.
    pub(crate) index: u32,
    name: String,
    addresses: Vec<IpAddr>,
    is_up: bool,
    /// Whether there is a cable in it, or the like.
    pub(crate) is_running: bool,
    takes_groups: bool,
}

impl Nic {
    /// Whether this is the interface that is meant, or one of them if none is named.
    pub(crate) fn is_meant(&self, interface: Option<&Interface>) -> bool {
        match interface {
            // Without information on interfaces, a single one represents all.
            _ if self.index == 0 => true,
            None => self.is_up && self.takes_groups,
            Some(Interface::Name(name)) => self.name == **name,
            Some(Interface::Address(address)) => self.addresses.contains(address),
        }
    }

    /// Whether groups of IPv4 beyond this machine can be reached through it.
    pub(crate) fn leads_out(&self) -> bool {
        self.is_meant(None) && self.v4().is_some_and(|v4| !v4.is_loopback())
    }

    /// Its first address of IPv4.
    pub(crate) fn v4(&self) -> Option<std::net::Ipv4Addr> {
        self.addresses.iter().find_map(|address| match address {
            IpAddr::V4(v4) => Some(*v4),
            IpAddr::V6(_) => None,
        })
    }
}

/// The interfaces, in the order of their numbers.
#[cfg(unix)]
#[expect(unsafe_code, reason = "interfaces are listed by the C library only")]
pub(crate) fn list() -> io::Result<Vec<Nic>> {
    let mut list: *mut libc::ifaddrs = std::ptr::null_mut();
    // SAFETY: the call fills in `list`, which is freed below.
    if unsafe { libc::getifaddrs(&raw mut list) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let mut nics: Vec<Nic> = Vec::new();
    let mut next = list;
    // SAFETY: `next` walks the list that getifaddrs made; it ends with null and is not freed before the loop ends.
    while let Some(entry) = unsafe { next.as_ref() } {
        next = entry.ifa_next;
        // SAFETY: `ifa_name` is a C string of this entry.
        let index = unsafe { libc::if_nametoindex(entry.ifa_name) };
        if index == 0 {
            continue;
        }
        // SAFETY: as above.
        let name = unsafe { std::ffi::CStr::from_ptr(entry.ifa_name) }.to_string_lossy();
        let has = |flag: libc::c_int| entry.ifa_flags & flag as libc::c_uint != 0;
        if !nics.iter().any(|nic| nic.index == index) {
            nics.push(Nic {
                index,
                name: name.into_owned(),
                addresses: Vec::new(),
                is_up: has(libc::IFF_UP),
                is_running: has(libc::IFF_RUNNING),
                // Linux does not report it for the loopback interface, which supports it.
                takes_groups: has(libc::IFF_MULTICAST) || has(libc::IFF_LOOPBACK),
            });
        }
        // SAFETY: `ifa_addr` is null or points to a socket address of this entry.
        let address = unsafe { socket_ip(entry.ifa_addr) };
        let nic = nics.iter_mut().find(|nic| nic.index == index);
        nic.into_iter().for_each(|nic| nic.addresses.extend(address));
    }
    // SAFETY: `list` came from getifaddrs, is freed once, and nothing of it is used afterwards.
    unsafe { libc::freeifaddrs(list) };
    nics.sort_by_key(|nic| nic.index);
    Ok(nics)
}

/// The interfaces. This system does not list them, so groups are joined on the interface that the system chooses.
#[cfg(not(unix))]
pub(crate) fn list() -> io::Result<Vec<Nic>> {
    let (name, addresses) = (String::new(), Vec::new());
    Ok(vec![Nic { index: 0, name, addresses, is_up: true, is_running: true, takes_groups: true }])
}

/// # Safety
///
/// `address` is null or points to a socket address that is as long as its family demands.
#[cfg(unix)]
#[expect(unsafe_code, reason = "a socket address of the C library is read by its family")]
unsafe fn socket_ip(address: *const libc::sockaddr) -> Option<IpAddr> {
    if address.is_null() {
        return None;
    }
    // SAFETY: not null, and the caller vouches for the rest; read unaligned because nothing promises an alignment.
    unsafe {
        match i32::from((*address).sa_family) {
            libc::AF_INET => {
                let v4 = address.cast::<libc::sockaddr_in>().read_unaligned();
                Some(IpAddr::from(v4.sin_addr.s_addr.to_ne_bytes()))
            }
            libc::AF_INET6 => {
                let v6 = address.cast::<libc::sockaddr_in6>().read_unaligned();
                Some(IpAddr::from(v6.sin6_addr.s6_addr))
            }
            _ => None,
        }
    }
}

/// Wakes the loop when interfaces or their addresses change. Only Linux has that; elsewhere, the interfaces are listed periodically.
pub(crate) struct InterfaceWatch {
    #[cfg(target_os = "linux")]
    socket: socket2::Socket,
}

#[cfg(target_os = "linux")]
impl InterfaceWatch {
    /// Begins to watch; from here on `token` is woken.
    #[expect(unsafe_code, reason = "addresses of netlink have no safe form")]
    pub(crate) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        use std::os::fd::AsRawFd;

        let domain = socket2::Domain::from(libc::AF_NETLINK);
        let socket = socket2::Socket::new(domain, socket2::Type::RAW, Some(libc::NETLINK_ROUTE.into()))?;
        socket.set_nonblocking(true)?;
        // SAFETY: a netlink address has no value that is invalid as zeros.
        let mut address: libc::sockaddr_nl = unsafe { std::mem::zeroed() };
        address.nl_family = libc::AF_NETLINK as libc::sa_family_t;
        address.nl_groups = (libc::RTMGRP_LINK | libc::RTMGRP_IPV4_IFADDR | libc::RTMGRP_IPV6_IFADDR) as u32;
        let len = size_of_val(&address) as libc::socklen_t;
        // SAFETY: the address is a netlink address of that length, and is only read.
        if unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), len) } != 0 {
            return Err(io::Error::last_os_error());
        }
        registry.register(&mut mio::unix::SourceFd(&socket.as_raw_fd()), token, mio::Interest::READABLE)?;
        Ok(Self { socket })
    }

    /// Discards the messages of the system. Their content does not matter, because the interfaces are listed afterwards.
    pub(crate) fn drain(&self) {
        let mut buffer = [std::mem::MaybeUninit::uninit(); 4096];
        // An error other than "no data" means that something was lost.
        while !matches!(self.socket.recv(&mut buffer), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
        {
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl InterfaceWatch {
    pub(crate) fn new(_registry: &Registry, _token: Token) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn drain(&self) {}
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_interface_is_known_by_name_and_address_and_a_foreign_address_is_not() {
        let nics = list().expect("interfaces can be listed");
        let meant = |text: &str| {
            let Ok(interface) = text.parse();
            nics.iter().filter(|nic| nic.is_meant(Some(&interface))).count()
        };
        assert_eq!((meant("127.0.0.1"), meant("192.0.2.77"), meant("no-such-interface0")), (1, 0, 0));
        let loopback = nics.iter().find(|nic| nic.v4().is_some_and(|v4| v4.is_loopback()));
        let loopback = loopback.expect("there is a loopback interface");
        assert_eq!(meant(&loopback.name), 1);
        assert!(loopback.is_meant(None) && loopback.index > 0);
    }
}
