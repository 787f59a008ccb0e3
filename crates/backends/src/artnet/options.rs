//! The options of an instance.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crosspatch_core::{Endpoint, EndpointForm, GivenEndpoint, Host, OptionSpec, Options, Scope};

use super::wire::{PORT, PortAddress};
use crate::shared::dmx::{
    Detect, INTERFACE, Loss, REALTIME, Rule, START, read_destinations, read_detect, read_interface,
    read_loss, read_merge, read_start,
};

/// All options, in the order of the manual.
pub(crate) const OPTIONS: &[OptionSpec] = &[
    OptionSpec {
        scope: Scope::Global,
        repeatable: true,
        ..OptionSpec::new(
            "bind",
            "0.0.0.0 6454 announce=10.0.0.5",
            "0.0.0.0 6454",
            "an address to listen on and send from; the first is interface 0",
        )
    },
    OptionSpec {
        scope: Scope::Global,
        ..OptionSpec::new("net", "1", "0", "the net, 0 to 127, of instances without one")
    },
    OptionSpec {
        scope: Scope::Global,
        ..OptionSpec::new(
            "detect",
            "on",
            "off",
            "`on` logs the sources of the instances' universes, `verbose` everything that is received",
        )
    },
    OptionSpec::new("net", "1", "0", "the net of the universe, 0 to 127"),
    OptionSpec {
        abbreviation: Some("uni"),
        ..OptionSpec::new(
            "universe",
            "5",
            "0",
            "the universe within its net, 0 to 255, or `net:sub:universe`",
        )
    },
    OptionSpec {
        abbreviation: Some("dest"),
        repeatable: true,
        ..OptionSpec::new(
            "destination",
            "10.0.0.9",
            "discover",
            "where the universe is sent: an address, `broadcast`, or `discover` for all devices that subscribe to it",
        )
    },
    INTERFACE,
    REALTIME,
    OptionSpec::new(
        "merge",
        "ltp",
        "htp",
        "how two sources of the same universe are merged: the highest level, or the latest change",
    ),
    OptionSpec::new(
        "lost",
        "0 after 10s",
        "hold",
        "the levels of the universe when it has no source any more: `hold` keeps them, or a level from 0 to 1",
    ),
    START,
    OptionSpec::new("sync", "on", "off", "send ArtSync after each of the instance's frames"),
];

/// The parsed options of an instance.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Config {
    pub(crate) port_address: PortAddress,
    pub(crate) interface: BindInterface,
    pub(crate) target: Target,
    pub(crate) realtime: bool,
    pub(crate) merge: Rule,
    pub(crate) loss: Loss,
    pub(crate) start: Option<f64>,
    pub(crate) sync: bool,
    pub(crate) detect: Detect,
}

/// A parsed `bind`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BindInterface {
    pub(crate) bind: Endpoint,
    /// The address that we announce; unspecified if it is unknown.
    pub(crate) announce: Ipv4Addr,
    /// The address that polls are sent to.
    pub(crate) broadcast: IpAddr,
}

/// The destination of a universe.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Target {
    /// Nodes that request the universe in their reply to a poll.
    Discover,
    Fixed(Vec<Endpoint>),
}

/// Parses the options.
pub(crate) fn read(options: &mut Options<'_>) -> Option<Config> {
    let interface = read_site(options);
    let port_address = read_port_address(options);
    let (detect, merge, loss) = (read_detect(options), read_merge(options), read_loss(options));
    let (start, realtime, sync) = (read_start(options), options.flag("realtime"), options.flag("sync"));
    let interface = interface?;
    let target = read_target(options, &interface);
    let port_address = port_address?;
    Some(Config { port_address, target, interface, realtime, merge, loss, start, sync, detect })
}

fn read_site(options: &mut Options<'_>) -> Option<BindInterface> {
    let bind = Endpoint { host: Host::Address(Ipv4Addr::UNSPECIFIED.into()), port: PORT };
    read_interface(options, "artnet", BindInterface::new(bind), read_bind)
}

fn read_bind(options: &mut Options<'_>, at: usize) -> Option<BindInterface> {
    let form = EndpointForm { default_port: Some(PORT), words: true, ..EndpointForm::default() };
    let GivenEndpoint { endpoint: mut bind, words, .. } = options.endpoint_with(at, form)?;
    if bind.port == 0 {
        options.error(at, "expected a port from 1 to 65535, the one that the other devices use, found `0`");
        return None;
    }
    // Art-Net supports IPv4 only.
    if bind.host == Host::Any {
        bind.host = Host::Address(Ipv4Addr::UNSPECIFIED.into());
    }
    let mut interface = BindInterface::new(bind);
    for word in words.split_whitespace() {
        let known =
            word.split_once('=').and_then(|(name, value)| Some((name, value.parse::<Ipv4Addr>().ok()?)));
        match known {
            Some(("announce", address)) => interface.announce = address,
            Some(("broadcast", address)) => interface.broadcast = address.into(),
            Some(_) | None => {
                options
                    .error(at, format!("expected `announce=ADDRESS` or `broadcast=ADDRESS`, found `{word}`"));
            }
        }
    }
    Some(interface)
}

impl BindInterface {
    fn new(bind: Endpoint) -> Self {
        let announce = match bind.host {
            Host::Address(IpAddr::V4(address)) => address,
            Host::Address(IpAddr::V6(_)) | Host::Any | Host::Name(_) => Ipv4Addr::UNSPECIFIED,
        };
        let broadcast = match announce.is_loopback() {
            true => Ipv4Addr::new(127, 255, 255, 255),
            false => Ipv4Addr::BROADCAST,
        };
        Self { bind, announce, broadcast: broadcast.into() }
    }

    /// The address for broadcasts.
    pub(crate) fn everybody(&self) -> SocketAddr {
        SocketAddr::new(self.broadcast, self.bind.port)
    }
}

fn read_port_address(options: &mut Options<'_>) -> Option<PortAddress> {
    let net = options
        .parse_with("net", "a net from 0 to 127", |text| text.parse::<u8>().ok().filter(|net| *net < 128));
    let universe =
        options.parse_with("universe", "a universe from 0 to 255, or `net:sub:universe`", |text| {
            let within = |net| text.parse().ok().map(|low| PortAddress::new(net, low));
            text.parse().ok().or_else(|| within(net.unwrap_or(0)))
        });
    universe.filter(|_| net.is_some())
}

fn read_target(options: &mut Options<'_>, interface: &BindInterface) -> Target {
    let expected = "an address to send to, `broadcast` or `discover`";
    let fixed = read_destinations(options, PORT, expected, |mut endpoint, value| {
        if endpoint.host == Host::Name("broadcast".into()) {
            endpoint.host = Host::Address(interface.broadcast);
        }
        (value != "discover").then_some(endpoint)
    });
    if fixed.is_empty() { Target::Discover } else { Target::Fixed(fixed) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::test_options;

    fn config(given: &[(&str, &str)]) -> (Option<Config>, Vec<String>) {
        test_options::read("desk", OPTIONS, given, read)
    }

    #[test]
    fn defaults_are_those_of_the_manual() {
        let (config, errors) = config(&[]);
        let config = config.expect("nothing is needed");
        assert_eq!(errors, [""; 0]);
        assert_eq!((config.port_address.to_string(), config.target), ("0:0:0".to_owned(), Target::Discover));
        assert_eq!(config.interface.bind.to_string(), "0.0.0.0:6454");
        assert_eq!(config.interface.broadcast.to_string(), "255.255.255.255");
        assert_eq!(
            (config.realtime, config.merge, config.sync, config.detect),
            (false, Rule::Htp, false, Detect::Off)
        );
    }

    #[test]
    fn interfaces_are_numbered_and_know_what_to_announce() {
        let binds = [("bind", "* 6454 announce=10.0.0.5 broadcast=10.255.255.255"), ("bind", "127.0.0.1")];
        for (number, bind, announce, broadcast) in [
            ("0", "0.0.0.0:6454", "10.0.0.5", "10.255.255.255"),
            ("1", "127.0.0.1:6454", "127.0.0.1", "127.255.255.255"),
        ] {
            let (config, errors) = config(&[binds[0], binds[1], ("interface", number)]);
            let interface = config.expect("a configuration").interface;
            let shown =
                (interface.bind.to_string(), interface.announce.to_string(), interface.broadcast.to_string());
            assert_eq!(shown, (bind.to_owned(), announce.to_owned(), broadcast.to_owned()));
            assert_eq!(errors, [""; 0]);
        }
    }

    #[test]
    fn universes_and_destinations_are_written_in_several_ways() {
        let universe =
            |options: &[(&str, &str)]| config(options).0.expect("a configuration").port_address.to_string();
        assert_eq!(universe(&[("net", "3"), ("universe", "17")]), "3:1:1");
        assert_eq!(universe(&[("net", "3"), ("net", "4"), ("universe", "1:2:3")]), "1:2:3");
        let target = |value| config(&[("destination", value)]).0.expect("a configuration").target;
        let fixed =
            |text: &str| Target::Fixed(vec![text.parse::<std::net::SocketAddr>().expect(text).into()]);
        assert_eq!(target("10.2.2.2"), fixed("10.2.2.2:6454"));
        assert_eq!(target("10.2.2.2 7000"), fixed("10.2.2.2:7000"));
        assert_eq!(target("broadcast"), fixed("255.255.255.255:6454"));
        assert_eq!(target("discover"), Target::Discover);
    }

    #[test]
    fn every_mistake_is_noted() {
        for (option, value, part) in [
            ("bind", "0.0.0.0 70000", "expected a port number"),
            ("bind", "0.0.0.0 announce=me", "`announce=ADDRESS`"),
            ("bind", "0.0.0.0 0", "a port from 1 to 65535"),
            ("net", "128", "a net from 0 to 127"),
            ("universe", "256", "a universe from 0 to 255"),
            ("universe", "0:16:0", "a universe from 0 to 255"),
            ("interface", "1", "an interface from 0 to 0"),
            ("interface", "-1", "the number of a `bind`"),
            ("destination", "*", "an address to send to"),
            ("destination", "10.0.0.1 6454 now", "a host and a port and nothing else"),
            ("destination", "*:6454", "an address to send to"),
            ("merge", "both", "`htp` or `ltp`"),
            ("lost", "dark", "`hold`, or a value from 0 to 1"),
            ("start", "2", "a value from 0 to 1"),
            ("realtime", "2", "`on` or `off`"),
            ("sync", "maybe", "`on` or `off`"),
            ("detect", "loud", "`on`, `verbose` or `off`"),
        ] {
            let (_, errors) = config(&[(option, value)]);
            assert!(errors.len() == 1 && errors[0].contains(part), "{option} = {value}: {errors:?}");
        }
    }
}
