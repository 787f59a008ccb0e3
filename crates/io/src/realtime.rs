//! Real-time priority for the loop, and memory that is never paged out (Linux, see `sched(7)` and `mlockall(2)`).

use std::fmt;
use std::io;

/// Why the loop cannot run in real time.
#[derive(Debug)]
pub enum RealtimeError {
    /// This system has neither.
    Unsupported,
    /// The priority was refused.
    Priority(io::Error),
    /// The memory cannot be locked.
    Memory(io::Error),
    /// The limit of locked memory, in bytes. A show that reached it could not allocate memory any more.
    MemoryLimit(u64),
}

impl fmt::Display for RealtimeError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported => write!(out, "only Linux has real-time priorities for programs"),
            Self::Priority(error) => write!(
                out,
                "the system refuses real-time priority ({error}); allow it with `ulimit -r 99`, with `LimitRTPRIO=99` in a \
                 systemd service, or for user or group in /etc/security/limits.conf"
            ),
            Self::Memory(error) => write!(out, "the system refuses to lock memory ({error})"),
            Self::MemoryLimit(bytes) => write!(
                out,
                "only {} KiB of memory may be locked; allow all with `ulimit -l unlimited`, with `LimitMEMLOCK=infinity` in a \
                 systemd service, or for user or group in /etc/security/limits.conf",
                bytes >> 10
            ),
        }
    }
}

impl std::error::Error for RealtimeError {}

/// Gives the calling thread a priority of `SCHED_FIFO`, which threads that it starts do not inherit, and keeps all pages of
/// the process in memory, once they have been used.
///
/// # Errors
///
/// If the system or a limit of this process does not permit it. Then nothing has changed.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "there are no safe calls for priorities and locked memory")]
pub(crate) fn enter(priority: u8) -> Result<(), RealtimeError> {
    // SAFETY: the call has no arguments.
    let is_root = unsafe { libc::geteuid() } == 0;
    let limit = memory_limit();
    if limit != libc::RLIM_INFINITY && !is_root {
        return Err(RealtimeError::MemoryLimit(limit));
    }
    let parameters = libc::sched_param { sched_priority: priority.into() };
    // SAFETY: `parameters` is valid and only read, and the thread is this one. `sched_setscheduler` does not exist in musl.
    let error = unsafe {
        let policy = libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK;
        libc::pthread_setschedparam(libc::pthread_self(), policy, &raw const parameters)
    };
    if error != 0 {
        return Err(RealtimeError::Priority(io::Error::from_raw_os_error(error)));
    }
    // With MCL_ONFAULT, the unused parts of stacks and buffers take no memory.
    // SAFETY: the call has no pointers.
    if unsafe { libc::mlockall(libc::MCL_CURRENT | libc::MCL_FUTURE | libc::MCL_ONFAULT) } == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    let normal = libc::sched_param { sched_priority: 0 };
    // SAFETY: as above.
    unsafe { libc::pthread_setschedparam(libc::pthread_self(), libc::SCHED_OTHER, &raw const normal) };
    Err(RealtimeError::Memory(error))
}

/// The limit of locked memory, raised as far as it is permitted.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "there is no safe call for the limits of a process")]
fn memory_limit() -> libc::rlim_t {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a valid rlimit that the call fills in.
    if unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &raw mut limit) } != 0 {
        return 0;
    }
    let before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: `limit` is a valid rlimit that the call only reads.
    let raised = unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const limit) } == 0;
    if raised { limit.rlim_max } else { before }
}

/// There are no such calls here.
#[cfg(not(target_os = "linux"))]
pub(crate) fn enter(_priority: u8) -> Result<(), RealtimeError> {
    Err(RealtimeError::Unsupported)
}
