//! The limit of open files: big shows and the benchmark itself need a descriptor for each peer.

/// Descriptors that a program has besides those of its peers.
const OTHERS: u64 = 100;

/// Raises the limit of this process, which the programs that it starts inherit, as far as the system permits. Returns the
/// number of peers that this leaves room for.
#[cfg(unix)]
pub(crate) fn room_for_peers() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let limit = if raised.is_ok() { maximum } else { current };
    limit.unwrap_or(u64::MAX).saturating_sub(OTHERS)
}

/// The number of peers that there is room for: the system has no such limit.
#[cfg(not(unix))]
pub(crate) fn room_for_peers() -> u64 {
    u64::MAX
}

/// Whether there is room for `peers`. If not, the name of the row that says so.
pub(crate) fn shortage(peers: u32) -> Option<String> {
    let room = room_for_peers();
    (room < u64::from(peers))
        .then(|| format!("{peers}: left out, the limit of open files leaves room for {room} (`ulimit -Hn`)"))
}
