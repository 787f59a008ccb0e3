//! The few questions and requests to the operating system that neither the standard library nor `socket2` has.

use std::net::IpAddr;

/// Raises the number of files and sockets that this process may have open as far as it may itself.
#[cfg(unix)]
#[expect(unsafe_code, reason = "there is no safe call for the limits of a process")]
pub(crate) fn raise_file_limit() {
    /// More than any show needs. macOS refuses more than its `OPEN_MAX`.
    const ENOUGH: libc::rlim_t = if cfg!(target_vendor = "apple") { 10_240 } else { 65_536 };
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a valid rlimit that the call fills in.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
        return;
    }
    let wanted = limit.rlim_max.min(ENOUGH);
    if limit.rlim_cur < wanted {
        limit.rlim_cur = wanted;
        // SAFETY: `limit` is a valid rlimit that the call only reads. If it fails, the old limit holds.
        unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) };
    }
}

/// Raises the number of files and sockets that this process may have open as far as it may itself.
#[cfg(not(unix))]
pub(crate) fn raise_file_limit() {}

/// The number of the interface that has an address, as IPv6 multicast wants it.
#[cfg(unix)]
#[expect(unsafe_code, reason = "interfaces are listed by the C library only")]
pub(crate) fn interface_index(address: IpAddr) -> Option<u32> {
    let mut list: *mut libc::ifaddrs = std::ptr::null_mut();
    // SAFETY: the call fills in `list`, which is freed below.
    if unsafe { libc::getifaddrs(&raw mut list) } != 0 {
        return None;
    }
    let mut index = None;
    let mut next = list;
    // SAFETY: `next` walks the list that getifaddrs made; it ends with null and is not freed before the loop ends.
    while let Some(entry) = unsafe { next.as_ref() } {
        // SAFETY: `ifa_addr` is null or points to a socket address, and `ifa_name` to a C string, both of this entry.
        let found = unsafe { socket_ip(entry.ifa_addr) };
        if found == Some(address) {
            // SAFETY: as above.
            index = Some(unsafe { libc::if_nametoindex(entry.ifa_name) }).filter(|index| *index != 0);
            break;
        }
        next = entry.ifa_next;
    }
    // SAFETY: `list` came from getifaddrs, is freed once, and nothing of it is used afterwards.
    unsafe { libc::freeifaddrs(list) };
    index
}

/// The number of the interface that has an address, as IPv6 multicast wants it.
#[cfg(not(unix))]
pub(crate) fn interface_index(_address: IpAddr) -> Option<u32> {
    None
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

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_interface_has_a_number_and_a_foreign_address_has_none() {
        assert!(interface_index("127.0.0.1".parse().expect("an address")).is_some());
        assert_eq!(interface_index("192.0.2.77".parse().expect("an address")), None);
    }
}
