//! The options of an instance.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crosspatch_core::{Endpoint, Host, Interface, OptionSpec, Options, Scope};
use rustc_hash::FxHasher;

use crate::midi::translate::{Dialect, OPTIONS, with_dialect};

/// The port of control that everybody expects; the data port is the next one.
const CONTROL_PORT: u16 = 5004;

/// A part of a name of mDNS has so many bytes at most (RFC 1035, clause 2.3.4).
const MAX_LABEL: usize = 63;

/// The options of this backend alone.
const OWN: [OptionSpec; 10] = [
    OptionSpec {
        scope: Scope::Global,
        ..OptionSpec::new("detect", "on", "off", "logs incoming messages as channels with their values")
    },
    OptionSpec {
        scope: Scope::Global,
        ..OptionSpec::new(
            "mdns-name",
            "foh-rack",
            "",
            "the name of this machine for mDNS; announces the sessions",
        )
    },
    OptionSpec {
        scope: Scope::Global,
        ..OptionSpec::new("mdns-interface", "eth0", "", "the interface for mDNS, by name or address")
    },
    OptionSpec::new(
        "mode",
        "direct",
        "apple",
        "`apple` for sessions, `direct` for packets without a session",
    ),
    OptionSpec::new(
        "bind",
        "* 5004",
        "* 5004",
        "host and port to listen on; sessions also use the next port",
    ),
    OptionSpec {
        repeatable: true,
        ..OptionSpec::new("peer", "10.0.0.9 5004", "", "host and port of a peer to invite, or to send to")
    },
    OptionSpec::new("ssrc", "0xDEADBEEF", "", "the source identifier of our streams; random by default"),
    OptionSpec::new("learn", "on", "off", "in `direct` mode, whether to send to every peer that sends to us"),
    OptionSpec {
        repeatable: true,
        ..OptionSpec::new(
            "join",
            "iPad",
            "*",
            "the name of a peer whose invitations are accepted, or `*` for all",
        )
    },
    OptionSpec {
        repeatable: true,
        ..OptionSpec::new(
            "invite",
            "iPad",
            "",
            "the name of a session to find by mDNS and invite, or `*` for all",
        )
    },
];

/// All options, as the manual lists them.
pub(crate) const ALL: [OptionSpec; OWN.len() + OPTIONS.len()] = with_dialect(&OWN);

/// The options of an instance, read.
#[derive(Debug)]
pub(crate) struct Config {
    /// The name of the instance, which peers see.
    pub(crate) name: String,
    pub(crate) is_direct: bool,
    pub(crate) bind: Endpoint,
    pub(crate) peers: Vec<Endpoint>,
    pub(crate) ssrc: Option<u32>,
    pub(crate) learns: bool,
    /// The names whose invitations are accepted; none means all.
    pub(crate) joins: Vec<String>,
    /// Whom to find by mDNS and invite; `*` is everybody.
    pub(crate) invites: Vec<String>,
    /// The name of this machine, if the session is to be announced.
    pub(crate) mdns_name: Option<String>,
    pub(crate) mdns_interface: Option<Interface>,
    pub(crate) detects: bool,
    pub(crate) dialect: Arc<Dialect>,
}

impl Config {
    /// A number that is the same for the same configuration and seeds, and most likely no other's: for sources and tokens.
    pub(crate) fn number(&self, seeds: impl Hash) -> u32 {
        let mut hasher = FxHasher::default();
        (&self.name, &self.bind, &self.peers, seeds).hash(&mut hasher);
        let number = hasher.finish();
        (number ^ number >> 32) as u32
    }
}

/// Reads the options.
pub(crate) fn read(options: &mut Options<'_>) -> Option<Config> {
    let is_direct = options.parse_with("mode", "`apple` or `direct`", |text| match text {
        "apple" => Some(false),
        "direct" => Some(true),
        _ => None,
    });
    let is_direct = is_direct.unwrap_or(false);
    let is_apple = !is_direct;
    let words = [("learn", "direct", is_direct), ("join", "apple", is_apple), ("invite", "apple", is_apple)];
    for (name, mode, is_wanted) in words {
        if let Some((at, _)) = options.all(name).last().filter(|_| !is_wanted) {
            options.error(at, format!("expected `{name}` with `mode = {mode}` only"));
        }
    }
    let ssrc = options.parse_with("ssrc", "a number of 32 bits such as `0xDEADBEEF`", |text| {
        let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
        digits.map_or_else(|| text.parse().ok(), |digits| u32::from_str_radix(digits, 16).ok())
    });
    let bind = read_bind(options, is_direct);
    let mdns_name = read_mdns_name(options, is_direct);
    let peers: Vec<_> = options.all("peer").map(|(at, _)| at).collect();
    let peers = peers.into_iter().filter_map(|at| read_peer(options, at)).collect();
    let joins = options.all("join").map(|(_, name)| name.to_owned());
    Some(Config {
        name: options.instance().to_owned(),
        is_direct,
        bind: bind?,
        peers,
        ssrc,
        learns: is_direct && options.flag_or("learn", false),
        joins: if options.all("join").any(|(_, name)| name == "*") { Vec::new() } else { joins.collect() },
        invites: options.all("invite").map(|(_, name)| name.to_owned()).collect(),
        mdns_name,
        mdns_interface: options.all("mdns-interface").last().and_then(|(_, text)| text.parse().ok()),
        detects: options.flag_or("detect", true),
        dialect: Arc::new(Dialect::read(options)),
    })
}

fn read_bind(options: &mut Options<'_>, is_direct: bool) -> Option<Endpoint> {
    let Some((at, value)) = options.all("bind").last() else {
        return Some(Endpoint { host: Host::Any, port: CONTROL_PORT });
    };
    let endpoint = options.endpoint(at, Some(CONTROL_PORT))?;
    if !is_direct && matches!(endpoint.port, 0 | u16::MAX) {
        options.error(at, format!("expected a port from 1 to 65534, found `{value}`"));
        options.help("sessions take this port and the next one");
        return None;
    }
    Some(endpoint)
}

/// The name of this machine: one label of a host name (RFC 1123, clause 2.1).
fn read_mdns_name(options: &mut Options<'_>, is_direct: bool) -> Option<String> {
    let (at, value) = options.all("mdns-name").last()?;
    let name = value.strip_suffix(".local").unwrap_or(value).to_owned();
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if name.is_empty() || name.len() > MAX_LABEL || !name.bytes().all(is_fine) {
        let text = format!("expected a host name of letters, digits and hyphens, found `{value}`");
        options.error(at, text);
        return None;
    }
    if !is_direct && options.instance().len() > MAX_LABEL {
        options.error(at, format!("expected an instance name of at most {MAX_LABEL} bytes to announce"));
    }
    Some(name)
}

fn read_peer(options: &mut Options<'_>, at: usize) -> Option<Endpoint> {
    let endpoint = options.endpoint(at, Some(CONTROL_PORT))?;
    if !endpoint.is_target() || endpoint.port == u16::MAX {
        options.error(at, "expected a host and a port from 1 to 65534 to send to");
        return None;
    }
    Some(endpoint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::test_options;

    fn read_all(given: &[(&str, &str)]) -> (Option<Config>, Vec<String>) {
        test_options::read("desk", &ALL, given, read)
    }

    #[test]
    fn options_are_read() {
        let (config, errors) = read_all(&[
            ("bind", "10.0.0.1 6000"),
            ("peer", "10.0.0.9"),
            ("peer", "tablet.local 5010"),
            ("ssrc", "0xDEADBEEF"),
            ("join", "iPad"),
            ("epn-tx", "short"),
        ]);
        assert_eq!(errors, [] as [String; 0]);
        let config = config.expect("a configuration");
        assert_eq!((config.is_direct, config.ssrc), (false, Some(0xdead_beef)));
        assert_eq!(config.bind.to_string(), "10.0.0.1:6000");
        let peers: Vec<_> = config.peers.iter().map(Endpoint::to_string).collect();
        assert_eq!(peers, ["10.0.0.9:5004", "tablet.local:5010"]);
        assert_eq!(config.joins, ["iPad"]);
        assert!(!config.dialect.deselects);
        assert_ne!(config.number(1), config.number(2));
        assert_eq!(config.number(1), config.number(1));
    }

    #[test]
    fn nothing_at_all_waits_for_anybody_on_the_usual_ports() {
        let (config, errors) = read_all(&[]);
        assert_eq!(errors, [] as [String; 0]);
        let config = config.expect("a configuration");
        assert_eq!(config.bind.to_string(), "*:5004");
        assert!(config.joins.is_empty() && config.peers.is_empty() && !config.is_direct);
    }

    #[test]
    fn every_mistake_is_named() {
        let (config, errors) = read_all(&[
            ("mode", "bonjour"),
            ("bind", "* 65535"),
            ("peer", "* 5004"),
            ("peer", "10.0.0.9 5004 x"),
            ("ssrc", "0xyz"),
            ("learn", "on"),
        ]);
        assert!(config.is_none());
        assert_eq!(errors.len(), 6, "{errors:?}");
        let (config, errors) = read_all(&[("mode", "direct"), ("join", "iPad"), ("bind", "* 65535")]);
        assert!(config.is_some());
        assert_eq!(errors, ["expected `join` with `mode = apple` only"]);
    }

    #[test]
    fn sessions_are_found_and_announced_if_that_is_wanted() {
        let (config, errors) = read_all(&[
            ("invite", "iPad"),
            ("invite", "Stage Piano"),
            ("mdns-name", "foh.local"),
            ("mdns-interface", "eth0"),
        ]);
        assert_eq!(errors, [] as [String; 0]);
        let config = config.expect("a configuration");
        assert_eq!(config.invites, ["iPad", "Stage Piano"]);
        assert_eq!(config.mdns_name.as_deref(), Some("foh"));
        assert_eq!(config.mdns_interface, Some(Interface::Name("eth0".into())));
    }

    #[test]
    fn names_that_no_host_can_have_are_mistakes() {
        let long = "x".repeat(64);
        for name in ["my rack", "a.b", ".local", "räck", &long] {
            let (_, errors) = read_all(&[("mdns-name", name)]);
            let expected = format!("expected a host name of letters, digits and hyphens, found `{name}`");
            assert_eq!(errors, [expected]);
        }
        let (_, errors) = read_all(&[("mode", "direct"), ("invite", "*")]);
        assert_eq!(errors, ["expected `invite` with `mode = apple` only"]);
    }
}
