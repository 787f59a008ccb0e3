//! The options of an instance.

use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::Range;

use crosspatch_core::address::unquoted;
use crosspatch_core::{Duration, Endpoint, EndpointForm, GivenEndpoint, Join, OptionSpec, Options, Scope};

use super::address::check_path;
use super::format::{self, ArgumentSpec, BARE, DEFAULT, MessageFormat, UNCONFIGURED};
use super::pattern::{self, AddressPattern, PatternError};
use super::wire::{Framing, compose};
use crate::shared::units::duration;

/// Messages are repeated no more often than this.
const SHORTEST_REPEAT: Duration = Duration::from_millis(10);
const LONGEST_REPEAT: Duration = Duration::from_secs(24 * 60 * 60);

/// All options, as the manual lists them.
pub(crate) const OPTIONS: &[OptionSpec] = &[
    OptionSpec {
        scope: Scope::Global,
        ..OptionSpec::new(
            "detect",
            "on",
            "off",
            "logs the addresses of incoming messages: `on` all of them, `unmapped` those that no mapping uses",
        )
    },
    OptionSpec {
        quotes: true,
        ..OptionSpec::new("root", "/my/osc/path", "", "prefix of the path of every channel")
    },
    OptionSpec::new("bind", "* 8000", "", "host and port to listen on"),
    OptionSpec {
        abbreviation: Some("dest"),
        ..OptionSpec::new(
            "destination",
            "10.0.0.2 9000",
            "",
            "host and port to send to; `learn` sends to the last sender, `learn@PORT` to that host and another port",
        )
    },
    OptionSpec::new(
        "transport",
        "slip",
        "udp",
        "`udp`, `tcp` (TCP with lengths, OSC 1.0) or `slip` (TCP with SLIP, OSC 1.1)",
    ),
    OptionSpec::new("bundle", "on", "off", "sends messages that belong together in one bundle"),
    OptionSpec::new(
        "lost",
        "hold",
        "release",
        "what happens to the buttons that a TCP connection holds when it ends: `release`, or `hold` to leave them as they are",
    ),
    OptionSpec {
        repeatable: true,
        ..OptionSpec::new("repeat", "/xremote 8s", "", "a message, as text, that is sent at this interval")
    },
    OptionSpec {
        repeatable: true,
        ..OptionSpec::new(
            "join",
            "239.0.0.1",
            "",
            "a multicast group to listen to, optionally with the name or address of the interface",
        )
    },
    OptionSpec {
        family: Some("/"),
        repeatable: true,
        ..OptionSpec::new("/<path>", "f 0.0 1.0", "", "types and ranges of the messages whose path matches")
    },
];

/// The options of an instance, read.
#[derive(Debug)]
pub(crate) struct Config {
    /// Without a slash at its end.
    pub(crate) root: String,
    pub(crate) bind: Option<Endpoint>,
    pub(crate) destination: Destination,
    pub(crate) framing: Framing,
    pub(crate) bundle: bool,
    pub(crate) releases_lost: bool,
    pub(crate) joins: Vec<Join>,
    pub(crate) repeats: Vec<Repeat>,
    pub(crate) formats: Formats,
    pub(crate) detect: Detect,
}

/// Where messages go.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Destination {
    /// Nowhere, but to the clients of a server.
    None,
    /// To the last sender, optionally at another port.
    Learn(Option<u16>),
    Fixed(Endpoint),
}

/// A message that is sent again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Repeat {
    pub(crate) packet: Vec<u8>,
    pub(crate) every: Duration,
}

/// Which incoming messages are logged.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Detect {
    Off,
    Unmapped,
    All,
}

/// Reads the options.
pub(crate) fn read(options: &mut Options<'_>) -> Option<Config> {
    let written = options.parse_with("transport", "`udp`, `tcp` or `slip`", |text| match text {
        "udp" => Some(Framing::Datagram),
        "tcp" => Some(Framing::Length),
        "slip" => Some(Framing::Slip),
        _ => None,
    });
    let mut framing = TransportOption {
        framing: written.unwrap_or(Framing::Datagram),
        is_written: options.text("transport").is_some(),
    };
    let detect =
        options.parse_or("detect", "`on`, `unmapped` or `off`", ("on", Detect::All), |text| match text {
            "on" | "1" | "true" | "yes" | "all" => Some(Detect::All),
            "unmapped" => Some(Detect::Unmapped),
            "off" | "0" | "false" | "no" => Some(Detect::Off),
            _ => None,
        });
    let (bind, is_bind_fine) = match options.all("bind").last() {
        Some((at, _)) => {
            let bind = endpoint(options, at, &mut framing);
            (bind.clone(), bind.is_some())
        }
        None => (None, true),
    };
    let destination = match options.all("destination").last() {
        Some((at, value)) => destination(options, at, value, &mut framing),
        None => Some(Destination::None),
    };
    let releases_lost = options
        .parse_with("lost", "`release` or `hold`", |text| match text {
            "release" => Some(true),
            "hold" => Some(false),
            _ => None,
        })
        .unwrap_or(true);
    let root = read_root(options);
    let config = Config {
        root,
        framing: framing.framing,
        bundle: options.flag("bundle"),
        joins: read_joins(options),
        repeats: read_repeats(options),
        formats: Formats::read(options),
        detect,
        releases_lost,
        destination: destination.clone().unwrap_or(Destination::None),
        bind,
    };
    let has_target = matches!(config.destination, Destination::Fixed(_));
    let is_fine = is_bind_fine && destination.is_some();
    if is_fine && config.bind.is_none() && !has_target {
        let message =
            "without `bind` nothing is received, and without a `destination` with a port nothing is sent";
        options.missing_warning(message);
        options.help(
            "`bind = * 8000` listens on port 8000 of every network; `destination = learn` sends to the last sender",
        );
    }
    is_fine.then_some(config)
}

/// The transport, and whether the option or a URL says so.
struct TransportOption {
    framing: Framing,
    is_written: bool,
}

/// The schemes of URLs of OSC, as liblo and others write them.
const SCHEMES: &[&str] = &["osc.udp", "osc.tcp", "osc.slip", "osc", "udp", "tcp"];

/// A host and port, or a URL, which also sets the transport.
fn endpoint(options: &mut Options<'_>, at: usize, transport: &mut TransportOption) -> Option<Endpoint> {
    let form = EndpointForm { schemes: SCHEMES, ..EndpointForm::default() };
    let GivenEndpoint { endpoint, scheme, .. } = options.endpoint_with(at, form)?;
    let Some(scheme) = scheme else { return Some(endpoint) };
    let (framing, name) = match scheme {
        "osc.tcp" | "tcp" => (Framing::Length, "tcp"),
        "osc.slip" => (Framing::Slip, "slip"),
        _ => (Framing::Datagram, "udp"),
    };
    // The scheme of TCP does not name the framing.
    let fits =
        framing == transport.framing || (framing == Framing::Length && transport.framing == Framing::Slip);
    if transport.is_written && !fits {
        options.error(at, format!("expected one transport, found `{scheme}://` and another one"));
        options.help(format!("write `transport = {name}`, or the address without `{scheme}://`"));
        return None;
    }
    if !transport.is_written {
        *transport = TransportOption { framing, is_written: true };
    }
    Some(endpoint)
}

fn destination(
    options: &mut Options<'_>,
    at: usize,
    value: &str,
    transport: &mut TransportOption,
) -> Option<Destination> {
    if value == "learn" {
        return Some(Destination::Learn(None));
    }
    if let Some(port) = value.strip_prefix("learn@") {
        let Some(port) = port.parse::<u16>().ok().filter(|&port| port > 0) else {
            options.error(at, format!("expected a port from 1 to 65535 after `learn@`, found `{port}`"));
            options.part(6..value.len());
            return None;
        };
        return Some(Destination::Learn(Some(port)));
    }
    if let Some(port) = value.strip_prefix("learn").and_then(|rest| rest.strip_prefix([' ', ':']))
        && let Ok(port @ 1..) = port.trim().parse::<u16>()
    {
        options.warning(at, format!("`{value}` is read as `learn@{port}`"));
        return Some(Destination::Learn(Some(port)));
    }
    let endpoint = endpoint(options, at, transport)?;
    if !endpoint.is_target() {
        options.error(at, format!("expected a host and a port to send to, found `{value}`"));
        return None;
    }
    Some(Destination::Fixed(endpoint))
}

fn read_root(options: &mut Options<'_>) -> String {
    let Some((at, written)) = options.all("root").last() else { return String::new() };
    let value = &*unquoted(written);
    if let Err(error) = check_path(value) {
        options.error(at, error.message);
        return String::new();
    }
    if pattern::is_pattern(value.as_bytes()) {
        options.error(at, format!("expected a path without pattern characters, found `{value}`"));
        return String::new();
    }
    value.trim_end_matches('/').to_owned()
}

fn read_joins(options: &mut Options<'_>) -> Vec<Join> {
    let mut joins = Vec::new();
    for (at, value) in options.all("join") {
        let mut words = value.split_whitespace();
        let group = words.next().and_then(|word| word.parse().ok()).filter(IpAddr::is_multicast);
        match (group, words.next().map(str::parse), words.next()) {
            (Some(group), None, None) => joins.push(Join { group, interface: None }),
            (Some(group), Some(Ok(interface)), None) => joins.push(Join { group, interface: Some(interface) }),
            _ => options.error(
                at,
                format!("expected the address of a multicast group and optionally the name or address of an interface, found `{value}`"),
            ),
        }
    }
    joins
}

fn read_repeats(options: &mut Options<'_>) -> Vec<Repeat> {
    let mut repeats = Vec::new();
    for (at, value) in options.all("repeat") {
        let (text, word) = value.rsplit_once(char::is_whitespace).unwrap_or(("", value));
        let Some(every) = duration(word).filter(|time| (SHORTEST_REPEAT..=LONGEST_REPEAT).contains(time))
        else {
            options.error(
                at,
                format!("expected a message and a time from 10ms to 24h such as `8s`, found `{word}`"),
            );
            options.part(value.len() - word.len()..value.len());
            continue;
        };
        match compose(text).filter(|_| text.starts_with(['/', '[', '"'])) {
            Some(packet) => repeats.push(Repeat { packet, every }),
            None => {
                options.error(at, format!("expected a message such as `/fader/1 ,f 0.5`, found `{text}`"));
                options.part(0..text.len());
            }
        }
    }
    repeats
}

/// Which format belongs to which path: the first that matches, in the order of the file. Paths without pattern characters
/// are looked up, so that a show with a line for each of its channels costs no more than one with a single pattern.
#[derive(Debug)]
pub(crate) struct Formats {
    /// Those for arguments of which nothing is configured, and then those of all formats.
    specs: Vec<ArgumentSpec>,
    formats: Vec<Range<u32>>,
    exact: HashMap<String, usize>,
    patterns: Vec<(String, usize)>,
}

impl Formats {
    fn read(options: &mut Options<'_>) -> Self {
        let mut formats = Self {
            specs: UNCONFIGURED.to_vec(),
            formats: Vec::new(),
            exact: HashMap::new(),
            patterns: Vec::new(),
        };
        for (at, path, value) in options.family("/") {
            if let Err(error) = check_path(path) {
                options.error(at, error.message);
                continue;
            }
            if let Err(error) = AddressPattern::parse(path.as_bytes()) {
                let found = match error {
                    PatternError::Open(place) | PatternError::NotOpen(place) => &path[place..],
                    PatternError::TooLong => path,
                };
                options.error(at, format!("expected a pattern such as `/fader*`, but {error} at `{found}`"));
                continue;
            }
            let end = format::ignored(value).unwrap_or(value.len());
            match format::parse(value[..end].trim_end()) {
                Ok(format) => {
                    formats.add(path, &format);
                    if end < value.len() {
                        let message = format!("`{}` after the ranges is ignored", &value[end..]);
                        options.warning(at, message);
                        options.part(end..value.len());
                    }
                }
                Err(error) => {
                    options.error(at, error.message);
                    options.part(error.part);
                }
            }
        }
        formats
    }

    fn add(&mut self, path: &str, format: &MessageFormat) {
        let order = self.formats.len();
        let start = self.specs.len() as u32;
        self.specs.extend_from_slice(format);
        self.formats.push(start..self.specs.len() as u32);
        if pattern::is_pattern(path.as_bytes()) {
            self.patterns.push((path.to_owned(), order));
        } else {
            self.exact.entry(path.to_owned()).or_insert(order);
        }
    }

    /// The number of the format of the messages with that path.
    pub(crate) fn find(&self, path: &str) -> Option<usize> {
        let exact = self.exact.get(path).copied();
        let matching =
            self.patterns.iter().take_while(|(_, order)| exact.is_none_or(|exact| *order < exact)).find(
                |(pattern, _)| {
                    AddressPattern::parse(pattern.as_bytes())
                        .is_ok_and(|pattern| pattern.matches(path.as_bytes(), &mut 0))
                },
            );
        matching.map(|(_, order)| *order).or(exact)
    }

    /// Whether any message, or argument of one, only says that something happens.
    pub(crate) fn has_events(&self) -> bool {
        self.formats.iter().any(|format| format.is_empty())
            || self.specs[UNCONFIGURED.len()..].iter().any(ArgumentSpec::is_event)
    }

    /// A format by its number.
    pub(crate) fn get(&self, number: usize) -> &MessageFormat {
        let Range { start, end } = self.formats[number];
        &self.specs[start as usize..end as usize]
    }

    /// The descriptions of arguments, by their numbers.
    pub(crate) fn specs(&self) -> &[ArgumentSpec] {
        &self.specs
    }

    /// What is sent as an argument of a message with that format.
    pub(crate) fn spec(&self, format: Option<usize>, argument: usize) -> u32 {
        let Some(Range { start, end }) = format.map(|number| &self.formats[number]) else { return DEFAULT };
        match start + argument as u32 {
            _ if start == end => BARE,
            number if number < *end => number,
            _ => DEFAULT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::test_options;

    fn read_all(given: &[(&str, &str)]) -> (Option<Config>, Vec<String>) {
        test_options::read("desk", OPTIONS, given, read)
    }

    #[test]
    fn the_first_pattern_of_the_file_that_matches_counts() {
        let (config, errors) = read_all(&[
            ("bind", "* 8000"),
            ("/fader?", "f 0 2"),
            ("/fader1", "f 0 3"),
            ("/exact", "i"),
            ("/fader12", "i 0 12"),
            ("/exact", "h"),
            ("/my layer/*", "i 0 7"),
            ("/*", "d"),
        ]);
        assert_eq!(errors, [""; 0]);
        let formats = config.expect("a configuration").formats;
        let found = |path| {
            formats
                .find(path)
                .map(|number| formats.get(number))
                .map(|format| (format[0].kind.tag(), format[0].max))
        };
        assert_eq!(found("/fader1"), Some(('f', 2.0)));
        assert_eq!(found("/fader12"), Some(('i', 12.0)));
        assert_eq!(found("/exact"), Some(('i', 255.0)));
        assert_eq!(found("/other"), Some(('d', 1.0)));
        assert_eq!(found("/my layer/x"), Some(('i', 7.0)));
        assert_eq!(found("/a/b"), None);
    }

    #[test]
    fn options_are_read() {
        let (config, errors) = read_all(&[
            ("bind", ":: 8000"),
            ("destination", "learn@8001"),
            ("root", "\"/my 4/\""),
            ("transport", "udp"),
            ("repeat", "/xremote 8s"),
            ("repeat", "/sub ,si \"a b\" 5 500ms"),
            ("join", "239.0.0.1 10.0.0.1"),
            ("bundle", "on"),
        ]);
        assert_eq!(errors, [""; 0]);
        let config = config.expect("a configuration");
        assert_eq!(
            (&*config.root, config.destination, config.bundle),
            ("/my 4", Destination::Learn(Some(8001)), true)
        );
        let every: Vec<_> = config.repeats.iter().map(|repeat| repeat.every.as_millis()).collect();
        assert_eq!(every, [8000, 500]);
        assert_eq!(config.repeats[0].packet, b"/xremote\0\0\0\0,\0\0\0");
    }

    #[test]
    fn a_url_sets_the_transport() {
        for (url, address, framing) in [
            ("osc.udp://10.0.0.1:9000/", "10.0.0.1:9000", Framing::Datagram),
            ("osc.tcp://foh.local:9000", "foh.local:9000", Framing::Length),
            ("osc.slip://[::1]:9000", "[::1]:9000", Framing::Slip),
            ("10.0.0.1:9000", "10.0.0.1:9000", Framing::Datagram),
        ] {
            let (config, errors) = read_all(&[("destination", url)]);
            assert_eq!(errors, [""; 0]);
            let config = config.expect("a configuration");
            let Destination::Fixed(endpoint) = config.destination else { panic!("no destination") };
            assert_eq!((&*endpoint.to_string(), config.framing), (address, framing));
        }
        let slip = read_all(&[("transport", "slip"), ("bind", "osc.tcp://:9000")]);
        assert_eq!((slip.0.map(|config| config.framing), slip.1), (Some(Framing::Slip), vec![]));
        let both = read_all(&[("transport", "udp"), ("bind", "osc.tcp://:9000")]);
        assert_eq!(both.1, ["expected one transport, found `osc.tcp://` and another one"]);
        let learned = read_all(&[("bind", ":8000"), ("destination", "learn 9000")]);
        assert_eq!(learned.0.map(|config| config.destination), Some(Destination::Learn(Some(9000))));
        assert_eq!(learned.1, ["`learn 9000` is read as `learn@9000`"]);
    }

    #[test]
    fn every_mistake_is_named() {
        let (config, errors) = read_all(&[
            ("bind", "* 70000"),
            ("destination", "learn@0"),
            ("root", "x"),
            ("transport", "quic"),
            ("detect", "perhaps"),
            ("bundle", "maybe"),
            ("repeat", "/x"),
            ("repeat", "x 8s"),
            ("repeat", "/x 1ms"),
            ("repeat", "/x nans"),
            ("join", "10.0.0.1"),
            ("/a[", "f"),
            ("/b", "q"),
        ]);
        assert!(config.is_none());
        assert_eq!(errors.len(), 13, "{errors:#?}");
        let (config, errors) = read_all(&[("destination", "learn")]);
        assert!(config.is_some() && errors[0].contains("without `bind`"), "{errors:?}");
        for bad in ["* 9000", "10.0.0.1 0", "10.0.0.1", "10.0.0.1 9000 x"] {
            assert_eq!(read_all(&[("destination", bad)]).1.len(), 1, "{bad}");
        }
    }
}
