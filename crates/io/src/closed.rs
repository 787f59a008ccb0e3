//! Translates errors of the operating system for the operator.

use std::io::{Error, ErrorKind};

use crosspatch_core::Closed;

/// The reason why a port has closed or could not be opened.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a foreign enum with many kinds, of which few mean something here"
)]
pub(crate) fn reason(error: &Error) -> Closed {
    if is_exhausted(error) {
        return Closed::Exhausted;
    }
    match error.kind() {
        ErrorKind::ConnectionRefused => Closed::Refused,
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => Closed::Reset,
        ErrorKind::TimedOut => Closed::TimedOut,
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => {
            Closed::Unreachable
        }
        ErrorKind::AddrInUse => Closed::InUse(None),
        ErrorKind::AddrNotAvailable => Closed::NoSuchAddress,
        ErrorKind::PermissionDenied => Closed::NotPermitted,
        ErrorKind::OutOfMemory => Closed::Exhausted,
        _ => no_such_device(error).unwrap_or_else(|| Closed::Other(words(error).into())),
    }
}

/// Whether IPv4 may work where both families together do not.
pub(crate) fn ipv6_may_be_missing(error: &Error) -> bool {
    !matches!(error.kind(), ErrorKind::AddrInUse | ErrorKind::PermissionDenied) && !is_exhausted(error)
}

/// Whether the process or the machine has run out of sockets, files or memory for them.
pub(crate) fn is_exhausted(error: &Error) -> bool {
    #[cfg(unix)]
    let codes = [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM];
    #[cfg(windows)]
    let codes = [10024, 10055]; // WSAEMFILE, WSAENOBUFS
    #[cfg(not(any(unix, windows)))]
    let codes: [i32; 0] = [];
    error.raw_os_error().is_some_and(|code| codes.contains(&code))
}

/// The text of the operating system, without the number that the standard library appends.
pub(crate) fn words(error: &Error) -> String {
    let text = error.to_string();
    let bare = text.split(" (os error").next().unwrap_or_default();
    bare.to_lowercase()
}

/// A multicast group was to be joined on an interface that is not there.
fn no_such_device(error: &Error) -> Option<Closed> {
    #[cfg(unix)]
    if matches!(error.raw_os_error(), Some(libc::ENODEV | libc::ENXIO)) {
        return Some(Closed::NoSuchAddress);
    }
    let _ = error;
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_apart_and_unknown_ones_keep_their_words() {
        assert_eq!(reason(&ErrorKind::ConnectionRefused.into()), Closed::Refused);
        assert_eq!(reason(&ErrorKind::BrokenPipe.into()), Closed::Reset);
        #[cfg(unix)]
        {
            assert_eq!(reason(&Error::from_raw_os_error(libc::EMFILE)), Closed::Exhausted);
            assert_eq!(reason(&Error::from_raw_os_error(libc::ENODEV)), Closed::NoSuchAddress);
            let Closed::Other(words) = reason(&Error::from_raw_os_error(libc::EXDEV)) else {
                panic!("a strange error was taken for a known one")
            };
            assert!(!words.contains("os error"), "{words}");
        }
    }
}
