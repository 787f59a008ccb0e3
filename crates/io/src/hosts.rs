//! Reads the hosts file when all threads that may query the system are waiting for an answer.
//!
//! Otherwise the system's resolver reads it.

use std::net::IpAddr;

#[cfg(not(windows))]
const FILE: &str = "/etc/hosts";
#[cfg(windows)]
const FILE: &str = r"C:\Windows\System32\drivers\etc\hosts";

/// The addresses that the file has for a name; none if it does not have it.
pub(crate) fn find(name: &str) -> Vec<IpAddr> {
    // Bytes that are not UTF-8 can only be in comments. Without the file there are no names.
    let bytes = std::fs::read(FILE).unwrap_or_default();
    find_in(&String::from_utf8_lossy(&bytes), name)
}

fn find_in(text: &str, name: &str) -> Vec<IpAddr> {
    let wanted = name.strip_suffix('.').unwrap_or(name);
    let mut found = Vec::new();
    for line in text.lines() {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        let address = words.next().and_then(|word| word.parse().ok());
        if let Some(address) = address
            && words.any(|word| word.eq_ignore_ascii_case(wanted))
            && !found.contains(&address)
        {
            found.push(address);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_every_address_that_stands_before_it() {
        let text = "# remark\n127.0.0.1\tlocalhost\n::1 localhost ip6-localhost # me\n\n10.0.0.5 Desk desk.lan #spare\nnonsense desk\n";
        let find = |name| find_in(text, name).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(find("localhost"), ["127.0.0.1", "::1"]);
        assert_eq!(find("DESK.lan."), ["10.0.0.5"]);
        assert_eq!(find("desk"), ["10.0.0.5"]);
        assert!(find("spare").is_empty());
        assert!(find("10.0.0.5").is_empty());
    }
}
