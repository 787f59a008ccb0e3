//! The names by which browsers may reach the page.
//!
//! A page of somebody else can have its own name lead to this machine (DNS rebinding), and then sends requests whose `Host` and
//! `Origin` are both that name. So each of them is compared with a list, and only then with each other.

use std::net::IpAddr;

use crate::settings::ServerSettings;

/// The names and addresses of the page.
pub(crate) struct HostList {
    /// Those of the machine.
    own: Vec<String>,
    /// Those that the configuration adds.
    allowed: Vec<String>,
}

impl HostList {
    pub(crate) fn new(settings: &ServerSettings) -> Self {
        let name = settings.host_name.as_deref().map(|name| name.to_ascii_lowercase());
        let local = name.as_ref().map(|name| format!("{}.local", name.split('.').next().unwrap_or(name)));
        let own = name.into_iter().chain(local).chain(["localhost".to_owned()]).collect();
        let allowed = settings.allowed_hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        Self { own, allowed }
    }

    /// Whether a request may have this `Host`. `local` is the address of this machine at which it arrived.
    pub(crate) fn allows_host(&self, authority: &str, local: IpAddr) -> bool {
        let Some(host) = host_of(authority) else { return false };
        if self.is_listed(&host) || self.own.contains(&host) {
            return true;
        }
        // Only a name can be made to lead here.
        let address = host.parse::<IpAddr>().map(|address| address.to_canonical());
        address.is_ok_and(|address| address.is_loopback() || address == local.to_canonical())
    }

    /// Whether a request to the given `Host`, which is allowed, may come from a page with this origin: the page itself, or that
    /// of a proxy which has an allowed name.
    pub(crate) fn allows_origin(&self, origin: &str, host: &str) -> bool {
        let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        let Some(authority) = authority else { return false };
        authority.eq_ignore_ascii_case(host) || host_of(authority).is_some_and(|host| self.is_listed(&host))
    }

    fn is_listed(&self, host: &str) -> bool {
        self.allowed.iter().any(|allowed| allowed.trim_matches(['[', ']']) == host)
    }
}

/// The host of `host:port`, in lower case and without the brackets of an IPv6 address.
fn host_of(authority: &str) -> Option<String> {
    let (host, rest) = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let is_port = rest.is_empty() || rest.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    let host = host.strip_suffix('.').unwrap_or(host);
    (is_port && !host.is_empty()).then(|| host.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts() -> HostList {
        HostList::new(&ServerSettings {
            listen: "10.0.0.5:8100".parse().expect("an address"),
            any_port: false,
            password: None,
            view_password: None,
            allowed_hosts: vec!["Show.example".to_owned(), "192.168.1.9".to_owned()],
            host_name: Some("FOH".to_owned()),
        })
    }

    #[test]
    fn only_the_names_of_the_machine_and_allowed_ones_are_hosts() {
        let hosts = hosts();
        let allows = |host| hosts.allows_host(host, [10, 0, 0, 5].into());
        for host in [
            "localhost",
            "localhost:8100",
            "LOCALHOST:1",
            "127.0.0.1:8100",
            "[::1]:8100",
            "[::1]",
            "10.0.0.5:8100",
            "foh",
            "foh.local:8100",
            "foh.local.",
            "show.example",
            "show.example:443",
            "192.168.1.9",
        ] {
            assert!(allows(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:8100",
            "localhost.evil.example",
            "10.0.0.6",
            "foh.evil",
            "[::2]:8100",
            "localhost:x",
            "localhost:8100:1",
            "[::1",
            "127.0.0.1.nip.io",
            "evil.example#localhost",
            "user@localhost",
            ".",
            ":8100",
        ] {
            assert!(!allows(host), "{host}");
        }
        let mapped: IpAddr = "::ffff:10.0.0.5".parse().expect("an address");
        assert!(hosts.allows_host("10.0.0.5", mapped));
    }

    #[test]
    fn only_the_page_itself_and_that_of_an_allowed_host_are_origins() {
        let hosts = hosts();
        for (origin, host) in [
            ("http://localhost:8100", "localhost:8100"),
            ("http://LOCALHOST:8100", "localhost:8100"),
            ("https://show.example", "show.example"),
            ("https://show.example", "127.0.0.1:8100"),
            ("http://[::1]:8100", "[::1]:8100"),
        ] {
            assert!(hosts.allows_origin(origin, host), "{origin}");
        }
        for origin in [
            "null",
            "",
            "http://evil.example",
            "http://localhost:3000",
            "http://localhost",
            "file://localhost:8100",
            "localhost:8100",
            "https://show.example.evil.example",
            "http://127.0.0.1:8100",
        ] {
            assert!(!hosts.allows_origin(origin, "localhost:8100"), "{origin}");
        }
    }
}
