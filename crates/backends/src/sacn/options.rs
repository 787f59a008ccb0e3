//! The options of an instance.

use std::net::IpAddr;

use crosspatch_core::{Endpoint, EndpointForm, GivenEndpoint, Host, Interface, OptionSpec, Options, Scope};

use super::receive::Rules;
use super::wire::{Cid, LAST_UNIVERSE, MAX_NAME, MAX_PRIORITY, PORT};
use crate::shared::dmx::{
    Detect, INTERFACE, REALTIME, START, read_destinations, read_detect, read_interface, read_loss,
    read_merge, read_start,
};

/// All options, in the order of the manual.
pub(crate) const OPTIONS: &[OptionSpec] = &[
    OptionSpec {
        scope: Scope::Global,
        ..OptionSpec::new("name", "FOH rack", "crosspatch", "the name of this source, as receivers show it")
    },
    OptionSpec {
        scope: Scope::Global,
        ..OptionSpec::new(
            "cid",
            "0xAA 0xBB ...",
            "",
            "the identifier of this source: sixteen bytes, or a UUID",
        )
    },
    OptionSpec {
        scope: Scope::Global,
        repeatable: true,
        ..OptionSpec::new(
            "bind",
            "eth0 5568 local",
            "* 5568",
            "an interface by name or address to listen on and send from, and its port; the first is number 0",
        )
    },
    OptionSpec {
        scope: Scope::Global,
        ..OptionSpec::new(
            "detect",
            "on",
            "off",
            "`on` logs each source of the universe, `verbose` also what any source announces",
        )
    },
    OptionSpec {
        abbreviation: Some("uni"),
        ..OptionSpec::new("universe", "1", "", "the universe, 1 to 63999")
    },
    INTERFACE,
    OptionSpec::new("priority", "100", "", "the priority to send with, 0 to 200; without it nothing is sent"),
    OptionSpec {
        abbreviation: Some("dest"),
        repeatable: true,
        ..OptionSpec::new(
            "destination",
            "10.2.2.2",
            "",
            "a host to send to, with an optional port; the default is the universe's multicast group",
        )
    },
    OptionSpec::new("from", "0xAA 0xBB ...", "", "the identifier (`cid`) of the only source to listen to"),
    OptionSpec::new("unicast", "1", "0", "1 does not join the universe's multicast group"),
    REALTIME,
    OptionSpec::new(
        "merge",
        "ltp",
        "htp",
        "how sources of the same priority are merged: the highest level, or the latest change",
    ),
    OptionSpec::new("preview", "on", "off", "also receive preview data, which is not meant for live output"),
    OptionSpec::new(
        "lost",
        "0 after 10s",
        "hold",
        "the levels of slots that have no source any more: `hold` keeps them, or a level from 0 to 1",
    ),
    START,
    OptionSpec::new(
        "slot-priorities",
        "on",
        "off",
        "claim only the mapped slots, with a priority for each slot (start code 0xDD)",
    ),
    OptionSpec::new(
        "sync",
        "7962",
        "",
        "the universe that synchronizes ours; with `follow` after it, another source sends the synchronization",
    ),
    OptionSpec::new("discovery", "off", "on", "announce the universe while it is sent"),
];

/// The parsed options of an instance.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Config {
    pub(crate) name: String,
    pub(crate) cid: Option<Cid>,
    pub(crate) site: Site,
    pub(crate) detect: Detect,
    pub(crate) universe: u16,
    pub(crate) from: Option<Cid>,
    pub(crate) unicast: bool,
    pub(crate) rules: Rules,
    /// How the universe is sent, if it is.
    pub(crate) sending: Option<Sending>,
}

/// How a universe is sent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sending {
    pub(crate) priority: u8,
    /// The hosts to send to; if empty, the group of the universe.
    pub(crate) destinations: Vec<Endpoint>,
    pub(crate) realtime: bool,
    pub(crate) start: Option<f64>,
    pub(crate) slot_priorities: bool,
    pub(crate) sync: Option<SyncTo>,
    pub(crate) discovery: bool,
}

/// The synchronization that receivers wait for.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct SyncTo {
    pub(crate) address: u16,
    /// Whether another instance sends the synchronization packets.
    pub(crate) follows: bool,
}

/// A parsed `bind`: the addresses to receive on and to send from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Site {
    pub(crate) bind: Endpoint,
    pub(crate) interface: Option<Interface>,
    /// Whether packets from this machine are received.
    pub(crate) local: bool,
}

/// Parses the options.
pub(crate) fn read(options: &mut Options<'_>) -> Option<Config> {
    let site = read_site(options);
    let name = options.parse_with("name", "a name of at most 63 bytes", |name| {
        (name.len() <= MAX_NAME && !name.contains('\0')).then(|| name.to_owned())
    });
    let rules =
        Rules { merge: read_merge(options), preview: options.flag("preview"), loss: read_loss(options) };
    let universe = read_universe(options);
    Some(Config {
        name: name?,
        cid: read_cid(options, "cid"),
        site: site?,
        detect: read_detect(options),
        from: read_cid(options, "from"),
        unicast: options.flag("unicast"),
        rules,
        sending: read_sending(options),
        universe: universe?,
    })
}

fn read_universe(options: &mut Options<'_>) -> Option<u16> {
    if options.text("universe").is_none() {
        options.missing("expected `universe`, the number of the universe from 1 to 63999");
        return None;
    }
    options.parse_with("universe", "a universe from 1 to 63999", universe)
}

fn universe(text: &str) -> Option<u16> {
    text.parse().ok().filter(|universe| (1..=LAST_UNIVERSE).contains(universe))
}

fn read_cid(options: &mut Options<'_>, name: &str) -> Option<Cid> {
    options.text(name)?;
    options.parse(name, "sixteen bytes such as `0xAA 0xBB ...`, or a UUID")
}

fn read_site(options: &mut Options<'_>) -> Option<Site> {
    let bind = Endpoint { host: Host::Any, port: PORT };
    read_interface(options, "sacn", Site { bind, interface: None, local: false }, read_bind)
}

fn read_bind(options: &mut Options<'_>, at: usize) -> Option<Site> {
    let form =
        EndpointForm { default_port: Some(PORT), words: true, interface: true, ..EndpointForm::default() };
    let GivenEndpoint { endpoint: bind, words, .. } = options.endpoint_with(at, form)?;
    if !matches!(words, "" | "local") {
        options.error(at, format!("expected `local` or nothing after the port, found `{words}`"));
    }
    let (host, interface) = match bind.host {
        Host::Name(name) => (Host::Any, Some(Interface::Name(name))),
        host @ (Host::Any | Host::Address(_)) => {
            let interface = host.specific().map(Interface::Address);
            (host, interface)
        }
    };
    Some(Site { bind: Endpoint { host, port: bind.port }, interface, local: words == "local" })
}

fn read_sending(options: &mut Options<'_>) -> Option<Sending> {
    let expected = "a host and perhaps a port to send to";
    let destinations = read_destinations(options, PORT, expected, |endpoint, _| Some(endpoint));
    let start = read_start(options);
    let sync = options.text("sync").and_then(|_| {
        options.parse_with("sync", "a universe from 1 to 63999 and perhaps `follow`", |text| {
            let (address, word) = text.split_once(' ').unwrap_or((text, ""));
            let follows = word.trim() == "follow";
            (follows || word.is_empty()).then_some(SyncTo { address: universe(address)?, follows })
        })
    });
    let (realtime, slot_priorities) = (options.flag("realtime"), options.flag("slot-priorities"));
    let discovery = options.flag("discovery");
    options.text("priority")?;
    let priority = options.parse_with("priority", "a priority from 0 to 200", |text| {
        text.parse().ok().filter(|priority| *priority <= MAX_PRIORITY)
    })?;
    Some(Sending { priority, destinations, realtime, start, slot_priorities, sync, discovery })
}

impl Site {
    /// Whether IPv4 groups and IPv6 groups are joined.
    pub(crate) fn families(&self) -> (bool, bool) {
        match self.bind.host {
            Host::Address(IpAddr::V4(_)) => (true, false),
            Host::Address(IpAddr::V6(_)) => (false, true),
            Host::Any | Host::Name(_) => (true, true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::dmx::{Loss, Rule};
    use crate::shared::test_options;

    fn config(given: &[(&str, &str)]) -> (Option<Config>, Vec<String>) {
        test_options::read("out", OPTIONS, given, read)
    }

    #[test]
    fn defaults_are_those_of_the_manual() {
        let (config, errors) = config(&[("universe", "1")]);
        let config = config.expect("nothing else is needed");
        assert_eq!(errors, [""; 0]);
        assert_eq!((&*config.name, config.cid, config.sending), ("crosspatch", None, None));
        assert_eq!((config.site.bind.to_string(), config.site.interface), ("*:5568".to_owned(), None));
        assert_eq!((config.rules.merge, config.rules.loss), (Rule::Htp, Loss::Hold));
    }

    #[test]
    fn binds_are_interfaces_by_name_or_address() {
        let binds =
            [("bind", "0.0.0.0 5568"), ("bind", "10.0.0.1"), ("bind", "eth0 5569 local"), ("bind", "::")];
        for (number, at, interface, local, families) in [
            ("0", "0.0.0.0:5568", None, false, (true, false)),
            ("1", "10.0.0.1:5568", Some("10.0.0.1"), false, (true, false)),
            ("2", "*:5569", Some("eth0"), true, (true, true)),
            ("3", "[::]:5568", None, false, (false, true)),
        ] {
            let given = [&binds[..], &[("universe", "1"), ("interface", number)]].concat();
            let site = config(&given).0.expect("a configuration").site;
            assert_eq!(site.bind.to_string(), at);
            assert_eq!(site.interface.as_ref().map(ToString::to_string).as_deref(), interface);
            assert_eq!((site.local, site.families()), (local, families));
        }
        let given = [&binds[..], &[("universe", "1"), ("interface", "4")]].concat();
        assert_eq!(config(&given).1, ["expected an interface from 0 to 3, found `4`"]);
    }

    #[test]
    fn what_is_sent_follows_from_the_priority() {
        let given = [
            ("universe", "63999"),
            ("priority", "0"),
            ("destination", "10.2.2.2"),
            ("destination", "node.local 5570"),
            ("start", "0.5"),
            ("sync", "7962 follow"),
            ("slot-priorities", "on"),
            ("discovery", "off"),
        ];
        let (config, errors) = config(&given);
        assert_eq!(errors, [""; 0]);
        let sending = config.and_then(|config| config.sending).expect("something is sent");
        let to: Vec<_> = sending.destinations.iter().map(ToString::to_string).collect();
        assert_eq!(to, ["10.2.2.2:5568", "node.local:5570"]);
        assert_eq!((sending.priority, sending.start), (0, Some(0.5)));
        assert_eq!(sending.sync, Some(SyncTo { address: 7962, follows: true }));
        assert!(sending.slot_priorities && !sending.discovery && !sending.realtime);
    }

    #[test]
    fn every_mistake_is_noted_with_what_was_expected() {
        for (name, value, message) in [
            ("universe", "0", "expected a universe from 1 to 63999, found `0`"),
            ("universe", "64000", "expected a universe from 1 to 63999, found `64000`"),
            ("universe", "5xyz", "expected a universe from 1 to 63999, found `5xyz`"),
            ("priority", "201", "expected a priority from 0 to 200, found `201`"),
            ("from", "desk", "expected sixteen bytes such as `0xAA 0xBB ...`, or a UUID, found `desk`"),
            ("bind", "eth0 5568 remote", "expected `local` or nothing after the port, found `remote`"),
            ("destination", "* 5568", "expected a host and perhaps a port to send to, found `* 5568`"),
            ("sync", "7 later", "expected a universe from 1 to 63999 and perhaps `follow`, found `7 later`"),
            ("start", "2", "expected a value from 0 to 1, found `2`"),
            ("merge", "best", "expected `htp` or `ltp`, found `best`"),
            ("lost", "dark", "expected `hold`, or a value from 0 to 1 and perhaps `after 10s`, found `dark`"),
        ] {
            let given = [(name, value), ("universe", "1")];
            let given = if name == "universe" { &given[..1] } else { &given };
            assert_eq!(config(given).1, [message], "{name} = {value}");
        }
        assert_eq!(config(&[]).1, ["expected `universe`, the number of the universe from 1 to 63999"]);
        let long = "x".repeat(64);
        assert_eq!(config(&[("universe", "1"), ("name", &long)]).1.len(), 1);
    }
}
