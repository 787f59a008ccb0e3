//! Hosts and ports, and the one place that reads them from text.
//!
//! [`WrittenEndpoint::parse`] accepts every notation in use:
//!
//! | notation | example |
//! | --- | --- |
//! | host and port, separated by a space (MIDIMonster) | `10.0.0.1 8000`, `::1 8000`, `* 8000` |
//! | host and port, separated by a colon | `10.0.0.1:8000`, `[::1]:8000`, `*:8000`, `:8000` |
//! | host without port | `10.0.0.1`, `foh.local`, `::1`, `[::1]` |
//! | URL | `http://10.0.0.1:8080/`, `osc.udp://10.0.0.1:9000` |

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

/// A host as a person writes it: `*` (any address of this machine), an IP address, or a name to be looked up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// Every address of this machine, IPv6 and IPv4, where the system allows both on one socket.
    Any,
    /// An IP address, `0.0.0.0` and `::` included.
    Address(IpAddr),
    /// A name; looking it up may take long or fail.
    Name(Arc<str>),
}

impl FromStr for Host {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        Ok(match bare.parse::<IpAddr>() {
            Ok(address) => Self::Address(address),
            Err(_) if bare == "*" => Self::Any,
            Err(_) => Self::Name(bare.into()),
        })
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Address(address) => address.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// A host and a port number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// The host.
    pub host: Host,
    /// The port number, 1 to 65535; 0 requests a free one from the system for a local endpoint.
    pub port: u16,
}

impl Host {
    /// The address, if it is that of one interface.
    pub fn specific(&self) -> Option<IpAddr> {
        match self {
            Self::Address(address) => Some(*address).filter(|address| !address.is_unspecified()),
            Self::Any | Self::Name(_) => None,
        }
    }
}

impl Endpoint {
    /// Whether it is one host and one port, so that something can be sent there.
    pub fn is_target(&self) -> bool {
        self.host != Host::Any && self.port != 0
    }

    /// The socket address, unless the host is a name. `*` counts as the unspecified IPv6 address.
    pub fn address(&self) -> Option<SocketAddr> {
        match self.host {
            Host::Any => Some(SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), self.port)),
            Host::Address(address) => Some(SocketAddr::new(address, self.port)),
            Host::Name(_) => None,
        }
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Self { host: Host::Address(address.ip()), port: address.port() }
    }
}

/// `host:port`, with brackets round an IPv6 address.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Address(IpAddr::V6(address)) => write!(f, "[{address}]:{}", self.port),
            host @ (Host::Any | Host::Address(_) | Host::Name(_)) => write!(f, "{host}:{}", self.port),
        }
    }
}

/// An endpoint as written, and the words after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenEndpoint<'a> {
    /// The scheme of a URL, such as `http`.
    pub scheme: Option<&'a str>,
    /// The host. Whether a name can be one is up to [`check_host`].
    pub host: Host,
    /// The position of the host in the text.
    pub host_at: Range<usize>,
    /// The port, if one is written.
    pub port: Option<u16>,
    /// The path of a URL and everything after it up to the next space.
    pub path: &'a str,
    /// The words after the host and port.
    pub rest: &'a str,
}

/// Why a text is not an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointError {
    /// Which bytes of the text are wrong.
    pub part: Range<usize>,
    /// What was expected and what was found.
    pub message: String,
    /// How to correct it.
    pub help: Option<String>,
}

impl EndpointError {
    fn new(part: Range<usize>, message: impl Into<String>) -> Self {
        Self { part, message: message.into(), help: None }
    }

    fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    fn suggest(self, meant: impl fmt::Display) -> Self {
        self.help(format!("did you mean `{meant}`?"))
    }
}

impl<'a> WrittenEndpoint<'a> {
    /// Takes a text apart.
    ///
    /// # Errors
    ///
    /// The text is empty, a port is not a number up to 65535, or brackets do not match.
    pub fn parse(text: &'a str) -> Result<Self, EndpointError> {
        let start = text.len() - text.trim_start().len();
        let (word, mut rest) = split_word(text);
        if word.is_empty() {
            return Err(EndpointError::new(0..text.len(), "expected a host and a port, found nothing"));
        }
        let (scheme, at) = match word.find("://") {
            Some(end) => (Some(&word[..end]), start + end + 3),
            None => (None, start),
        };
        let authority = &text[at..start + word.len()];
        let len = match scheme {
            Some(_) => authority.find(['/', '?', '#']).unwrap_or(authority.len()),
            None => authority.len(),
        };
        let (authority, path) = authority.split_at(len);
        if authority.contains('@') && scheme.is_some() {
            return Err(EndpointError::new(
                at..at + len,
                "expected a host and a port, found a user name before the host",
            )
            .help("leave out everything up to the `@`"));
        }
        let (host, mut port) = split_port(authority, at)?;
        let host_start = at + usize::from(authority.starts_with('['));
        let host_at = host_start..host_start + host.len();
        if port.is_none() && scheme.is_none() {
            (port, rest) = port_after_space(text, rest)?;
        } else if let (Some(written), (next, _)) = (port, split_word(rest))
            && next.parse::<u16>().is_ok()
        {
            let from = text.len() - rest.len();
            let message = format!("expected one port, found `{written}` and `{next}`");
            return Err(EndpointError::new(from..from + next.len(), message));
        }
        let host = match host {
            "" => Host::Any,
            host => {
                let Ok(host) = host.parse();
                host
            }
        };
        Ok(Self { scheme, host, host_at, port, path, rest })
    }
}

/// Splits `HOST:PORT`, `[HOST]:PORT` or `HOST`. `at` is the position in the whole text.
fn split_port(authority: &str, at: usize) -> Result<(&str, Option<u16>), EndpointError> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(inside) => {
            let Some((host, behind)) = inside.split_once(']') else {
                let message = format!("expected a `]` after the address in `{authority}`");
                return Err(EndpointError::new(at..at + authority.len(), message));
            };
            match (behind, behind.strip_prefix(':')) {
                ("", _) => (host, None),
                (_, Some(port)) => (host, Some(port)),
                (_, None) => {
                    let from = at + authority.len() - behind.len();
                    let message = format!("expected `:` and a port after the `]`, found `{behind}`");
                    return Err(EndpointError::new(from..at + authority.len(), message));
                }
            }
        }
        // Several colons outside brackets are an IPv6 address without a port.
        None => match authority.split_once(':') {
            Some((host, port)) if !port.contains(':') => (host, Some(port)),
            Some(_) | None => (authority, None),
        },
    };
    let Some(port) = port else { return Ok((host, None)) };
    match port.parse() {
        Ok(port) => Ok((host, Some(port))),
        Err(_) => {
            let (part, found) = match port {
                "" => (at..at + authority.len(), "nothing".to_owned()),
                port => (at + authority.len() - port.len()..at + authority.len(), format!("`{port}`")),
            };
            Err(EndpointError::new(
                part,
                format!("expected a port number from 0 to 65535 after the host, found {found}"),
            ))
        }
    }
}

/// Reads the port in `HOST PORT WORDS`, where `rest` is what follows the host. A word that begins like a number must be one.
fn port_after_space<'a>(text: &str, rest: &'a str) -> Result<(Option<u16>, &'a str), EndpointError> {
    let (word, behind) = split_word(rest);
    match word.parse() {
        Ok(port) => Ok((Some(port), behind)),
        Err(_) if word.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
            let from = text.len() - rest.len();
            let message = format!("expected a port number from 0 to 65535 after the host, found `{word}`");
            Err(EndpointError::new(from..from + word.len(), message))
        }
        Err(_) => Ok((None, rest)),
    }
}

/// Checks whether a name can be that of a host, before it is looked up: letters, digits, `-` and `_` between dots (RFC
/// 1123, section 2.1), not a number that resembles an IP address but is invalid. Letters beyond ASCII are accepted.
///
/// # Errors
///
/// If the name is invalid. Positions are those within `name`.
pub fn check_host(name: &str) -> Result<(), EndpointError> {
    let expected = |part: Range<usize>| {
        EndpointError::new(part, format!("expected a host name or an IP address, found `{name}`"))
    };
    let whole = 0..name.len();
    if name.contains(':') {
        // An address of one link names the interface: `fe80::1%eth0`.
        let (address, _) = name.split_once('%').unwrap_or((name, ""));
        return match address.parse::<Ipv6Addr>() {
            Ok(_) => Ok(()),
            Err(_) => Err(expected(whole)
                .help("an IPv6 address is written `::1`, and `[::1]:8000` with a port after a colon")),
        };
    }
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') || !c.is_ascii();
    if let Some((at, c)) = name.char_indices().find(|&(_, c)| !is_of_name(c)) {
        let error = expected(at..at + c.len_utf8());
        let (before, after) = (&name[..at], &name[at + c.len_utf8()..]);
        let port = after.parse::<u16>();
        return Err(match (c, port) {
            (',' | ';', Ok(port)) => error.suggest(format!("{before}:{port}")),
            ('/', _) if !before.is_empty() && !after.starts_with('/') => error.suggest(before),
            _ => error.help(format!("a host name contains letters, digits, `-` and `.`, but no `{c}`")),
        });
    }
    // A dot at the end marks a complete name.
    let labels = name.strip_suffix('.').unwrap_or(name);
    if labels.split('.').any(str::is_empty) {
        let meant: Vec<_> = labels.split('.').filter(|label| !label.is_empty()).collect();
        let at = name.find("..").map_or(whole, |at| at..at + 2);
        let error = expected(at);
        return Err(match &meant[..] {
            [] => error,
            meant => error.suggest(meant.join(".")),
        });
    }
    const MAX_NAME: usize = 253;
    const MAX_LABEL: usize = 63;
    if name.len() > MAX_NAME || labels.split('.').any(|label| label.len() > MAX_LABEL) {
        return Err(expected(whole).help("it has at most 253 characters, and 63 between two dots"));
    }
    let last = labels.rsplit('.').next().unwrap_or_default();
    if is_number(last) && old_ipv4(labels).is_none() {
        return Err(
            expected(whole).help("an IPv4 address has four numbers from 0 to 255, such as `10.0.0.1`")
        );
    }
    Ok(())
}

/// The address that a name means to the system although it is not written with four decimal numbers: `127.1` and
/// `0x7f000001` are 127.0.0.1, `010.0.0.1` is 8.0.0.1 (`inet_aton`).
pub fn old_ipv4(name: &str) -> Option<Ipv4Addr> {
    let number = |text: &str| match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some("") => Some(0),
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None if text.len() > 1 && text.starts_with('0') => u32::from_str_radix(text, 8).ok(),
        None => text.parse().ok(),
    };
    let numbers: Vec<u32> = name.split('.').map(number).collect::<Option<_>>()?;
    let (last, head) = numbers.split_last()?;
    if head.len() > 3 || head.iter().any(|number| *number > 255) {
        return None;
    }
    let room = 32 - 8 * head.len() as u32;
    if u64::from(*last) >= 1 << room {
        return None;
    }
    let high = [24, 16, 8].into_iter().zip(head).map(|(shift, number)| number << shift);
    Some(Ipv4Addr::from(high.sum::<u32>() + last))
}

fn is_number(label: &str) -> bool {
    let hexadecimal = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    match hexadecimal {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => label.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

/// The first word of a text, and the rest of it.
fn split_word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_as_people_write_them() {
        for (text, shown) in
            [("*", "*"), ("10.0.0.1", "10.0.0.1"), ("::", "::"), ("[::1]", "::1"), ("foh.local", "foh.local")]
        {
            let Ok(host) = text.parse::<Host>();
            assert_eq!(host.to_string(), shown);
        }
        let endpoint = Endpoint { host: Host::Address("::1".parse().expect("an address")), port: 80 };
        assert_eq!(endpoint.to_string(), "[::1]:80");
    }

    #[test]
    fn endpoints_are_read_in_every_notation() {
        for (text, host, port, rest) in [
            ("10.0.0.1", "10.0.0.1", None, ""),
            ("10.0.0.1 80", "10.0.0.1", Some(80), ""),
            ("10.0.0.1:80", "10.0.0.1", Some(80), ""),
            ("10.0.0.1:80 local now", "10.0.0.1", Some(80), "local now"),
            ("foh.local udp", "foh.local", None, "udp"),
            ("*:80", "*", Some(80), ""),
            (":80", "*", Some(80), ""),
            ("::1", "::1", None, ""),
            ("::1 80", "::1", Some(80), ""),
            ("[::1]", "::1", None, ""),
            ("[::1] 80", "::1", Some(80), ""),
            ("[::1]:80", "::1", Some(80), ""),
            ("[fe80::1%eth0]:80", "fe80::1%eth0", Some(80), ""),
            ("  a:80", "a", Some(80), ""),
        ] {
            let written = WrittenEndpoint::parse(text).expect(text);
            assert_eq!(
                (&*written.host.to_string(), written.port, written.rest),
                (host, port, rest),
                "{text}"
            );
        }
        for (text, scheme, host, port, path) in [
            ("http://10.0.0.1", "http", "10.0.0.1", None, ""),
            ("http://10.0.0.1:8080/?ma=1", "http", "10.0.0.1", Some(8080), "/?ma=1"),
            ("ws://[::1]:80/", "ws", "::1", Some(80), "/"),
            ("osc.udp://:9000", "osc.udp", "*", Some(9000), ""),
        ] {
            let written = WrittenEndpoint::parse(text).expect(text);
            assert_eq!(
                (written.scheme, &*written.host.to_string(), written.port, written.path),
                (Some(scheme), host, port, path)
            );
        }
    }

    #[test]
    fn the_wrong_part_of_an_endpoint_is_named() {
        for (text, part) in [
            ("", ""),
            ("10.0.0.1:", "10.0.0.1:"),
            ("10.0.0.1:x", "x"),
            ("10.0.0.1:70000", "70000"),
            ("10.0.0.1 80x", "80x"),
            ("10.0.0.1 -1", "-1"),
            ("10.0.0.1:80 81", "81"),
            ("[::1", "[::1"),
            ("[::1]80", "80"),
            ("http://me:pass@10.0.0.1/", "me:pass@10.0.0.1"),
        ] {
            let error = WrittenEndpoint::parse(text).expect_err(text);
            assert_eq!(&text[error.part], part, "{text}");
        }
    }

    #[test]
    fn names_that_cannot_be_hosts_are_refused() {
        for name in [
            "foh",
            "foh.local",
            "foh.local.",
            "my_desk",
            "a-b",
            "-a",
            "küche.local",
            "fe80::1%eth0",
            "127.1",
            "0x7f.1",
            "1.example",
            "4",
            "10.0.0.1.nip.io",
        ] {
            assert_eq!(check_host(name), Ok(()), "{name}");
        }
        for (name, part, help) in [
            ("256.1.1.1", "256.1.1.1", "an IPv4 address has four numbers from 0 to 255, such as `10.0.0.1`"),
            (
                "10.0.0.0.1",
                "10.0.0.0.1",
                "an IPv4 address has four numbers from 0 to 255, such as `10.0.0.1`",
            ),
            ("a..b", "..", "did you mean `a.b`?"),
            (".a", ".a", "did you mean `a`?"),
            ("ho$t", "$", "a host name contains letters, digits, `-` and `.`, but no `$`"),
            ("10.0.0.1,80", ",", "did you mean `10.0.0.1:80`?"),
            ("10.0.0.1/24", "/", "did you mean `10.0.0.1`?"),
            (
                "fe80::x",
                "fe80::x",
                "an IPv6 address is written `::1`, and `[::1]:8000` with a port after a colon",
            ),
        ] {
            let error = check_host(name).expect_err(name);
            assert_eq!((&name[error.part], error.help.as_deref()), (part, Some(help)));
        }
        assert!(check_host(".").is_err() && check_host(&"a".repeat(64)).is_err());
    }

    #[test]
    fn old_notations_of_ipv4_addresses_are_known() {
        for (name, address) in [
            ("127.1", Some([127, 0, 0, 1])),
            ("0x7f000001", Some([127, 0, 0, 1])),
            ("010.0.0.1", Some([8, 0, 0, 1])),
            ("10.1.258", Some([10, 1, 1, 2])),
            ("256.1", None),
            ("10.0.0.256", None),
            ("1.2.3.4.5", None),
            ("a.1", None),
        ] {
            assert_eq!(old_ipv4(name), address.map(Ipv4Addr::from), "{name}");
        }
    }
}
