//! The few questions and requests to the operating system that neither the standard library nor `socket2` has.

use md5::{Digest, Md5};

/// Raises the limit of open files and sockets of this process as far as it is permitted.
/// The name of this machine in its network, if it has one.
pub fn host_name() -> Option<String> {
    String::from_utf8(name_bytes()).ok().filter(|name| !name.is_empty())
}

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

/// Raises the limit of open files and sockets of this process as far as it is permitted.
#[cfg(not(unix))]
pub(crate) fn raise_file_limit() {}

/// Makes large blocks of memory go back to the system as soon as they are freed.
///
/// By default, glibc keeps what it has freed once and serves later requests of up to 32 MB from there. A reload of a
/// million mappings leaves holes of such sizes, and each further one makes the process larger (measured: 323 MB at the
/// start, 513 MB after three reloads; with this, 316 MB after each).
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "the allocator's parameters have no safe form")]
pub(crate) fn return_large_blocks() {
    const LARGE: libc::c_int = 128 * 1024;
    // SAFETY: the call changes a number that the allocator reads. If it fails, the default holds.
    unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE) };
}

/// Makes large blocks of memory go back to the system as soon as they are freed.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn return_large_blocks() {}

/// The identity of the machine: bytes that stay the same and differ from those of every other machine. On Linux they
/// are derived from the machine ID that was assigned at installation, and from the serial number of a small computer,
/// whose memory cards are copied together with the system. On other systems the host name is used. Only a digest leaves
/// this function: recordings are passed on, and those numbers are private.
pub(crate) fn machine() -> Vec<u8> {
    const FILES: [&str; 2] = ["/etc/machine-id", "/sys/firmware/devicetree/base/serial-number"];
    let known: Vec<u8> = FILES.into_iter().filter_map(|file| std::fs::read(file).ok()).flatten().collect();
    let known = if known.is_empty() { name_bytes() } else { known };
    Md5::new().chain_update(b"crosspatch").chain_update(known).finalize().to_vec()
}

#[cfg(unix)]
#[expect(unsafe_code, reason = "the name of the host comes from the C library only")]
fn name_bytes() -> Vec<u8> {
    let mut name = [0_u8; 256];
    // SAFETY: the call writes at most as many bytes as the buffer has.
    let failed = unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len()) } != 0;
    if failed { Vec::new() } else { name.into_iter().take_while(|byte| *byte != 0).collect() }
}

#[cfg(not(unix))]
fn name_bytes() -> Vec<u8> {
    std::env::var_os("COMPUTERNAME")
        .map(|name| name.to_string_lossy().into_owned().into_bytes())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_is_the_same_when_asked_again_and_is_somebody() {
        assert_eq!(machine(), machine());
        assert_eq!(machine().len(), 16);
    }
}
