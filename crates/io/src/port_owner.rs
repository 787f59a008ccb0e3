//! Finds the program that has a port that we cannot open: its name and process id, for the notice.
//!
//! On Linux, `/proc/net` has the inode of every bound socket, and `/proc/<pid>/fd` who holds it. Processes of other users
//! do not show their files; then no program is named. On other systems, none is named.

use std::fmt;

/// The transport of a port number.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Transport {
    Udp,
    Tcp,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
        })
    }
}

/// The program that has a port, such as `olad (pid 123)`. Reads many small files: not for the loop.
#[cfg(target_os = "linux")]
pub(crate) fn of(transport: Transport, port: u16) -> Option<String> {
    let tables = [format!("/proc/net/{transport}"), format!("/proc/net/{transport}6")];
    let inodes: Vec<_> = tables
        .iter()
        .filter_map(|table| std::fs::read_to_string(table).ok())
        .flat_map(|table| inodes(&table, transport, port))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    if inodes.is_empty() {
        return None;
    }
    let processes = std::fs::read_dir("/proc").ok()?.flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let holds = |pid: &u32| {
        std::fs::read_dir(format!("/proc/{pid}/fd")).is_ok_and(|files| {
            files.flatten().filter_map(|file| std::fs::read_link(file.path()).ok()).any(|target| {
                target.to_str().is_some_and(|target| inodes.iter().any(|inode| inode == target))
            })
        })
    };
    let pid = pids.into_iter().find(holds)?;
    if pid == std::process::id() {
        return Some("this show itself".to_owned());
    }
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some(format!("{} (pid {pid})", name.trim_end()))
}

/// The program that has a port; unknown on this system.
#[cfg(not(target_os = "linux"))]
pub(crate) fn of(_transport: Transport, _port: u16) -> Option<String> {
    None
}

/// The inodes of the sockets that are bound to a port, out of a table such as `/proc/net/udp`. Of TCP, only those that
/// listen count.
#[cfg(target_os = "linux")]
fn inodes(table: &str, transport: Transport, port: u16) -> Vec<u64> {
    const LISTENS: &str = "0A";
    let rows = table.lines().skip(1).map(|row| row.split_ascii_whitespace().collect::<Vec<_>>());
    rows.filter(|row| {
        let local = row.get(1).and_then(|local| u16::from_str_radix(local.rsplit(':').next()?, 16).ok());
        local == Some(port) && (transport == Transport::Udp || row.get(3) == Some(&LISTENS))
    })
    .filter_map(|row| row.get(9)?.parse().ok())
    .filter(|inode| *inode != 0)
    .collect()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn reads_the_tables_of_the_kernel() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 77 1 0 100 0 0 10 0\n\
            1: 0100007F:1F40 0100007F:1234 01 00000000:00000000 00:00000000 00000000     0        0 78 1 0 100 0 0 10 0\n\
            2: broken\n";
        assert_eq!(inodes(table, Transport::Tcp, 8000), [77]);
        assert_eq!(inodes(table, Transport::Udp, 8000), [77, 78]);
        assert!(inodes(table, Transport::Tcp, 8001).is_empty());
    }
}
