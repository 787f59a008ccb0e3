//! Checks that no two instances require the same port of this machine exclusively.

use std::net::IpAddr;

use crosspatch_core::{Endpoint, Host, PortSpec, ports_at_start};
use rustc_hash::FxHashMap;

use crate::report::diagnostic::{Diagnostics, Draft};
use crate::semantics::configure::ConfiguredInstance;
use crate::semantics::sections::InstanceSection;
use crate::wording::quote;

/// A port of this machine that an instance requires.
struct WantedPort<'s> {
    section: &'s InstanceSection,
    at: Endpoint,
    is_udp: bool,
    /// Whether sockets of others may have the same port, if they allow it, too.
    is_shared: bool,
}

/// Reports instances that require the port of an earlier one: a server is an error, a UDP socket a warning, because
/// MIDIMonster opens it, although only one of the instances receives anything there.
pub(crate) fn check(
    sections: &[InstanceSection],
    configured: &[Option<ConfiguredInstance>],
    diagnostics: &mut Diagnostics,
) {
    // Ports of one number on which the same conditions hold count once.
    let mut all: FxHashMap<(bool, u16), Vec<WantedPort<'_>>> = FxHashMap::default();
    for (section, configured) in sections.iter().zip(configured) {
        let Some(configured) = configured.as_ref().filter(|configured| !configured.has_mistake) else {
            continue;
        };
        let wanted = ports_at_start(&*configured.instance).into_iter();
        let wanted: Vec<_> = wanted.filter_map(|spec| wanted_port(section, spec)).collect();
        let taken = |wanted: &WantedPort<'_>| {
            all.get(&wanted.number()).into_iter().flatten().find(|earlier| earlier.excludes(wanted))
        };
        if let Some((first, second)) = wanted.iter().find_map(|wanted| Some((taken(wanted)?, wanted))) {
            diagnostics.add(port_twice(first, second));
        }
        for wanted in wanted {
            let known = all.entry(wanted.number()).or_default();
            if !known.iter().any(|earlier| earlier.is_like(&wanted)) {
                known.push(wanted);
            }
        }
    }
}

fn wanted_port(section: &InstanceSection, spec: PortSpec) -> Option<WantedPort<'_>> {
    let (at, is_udp, is_shared) = match spec {
        PortSpec::Udp(udp) => (udp.bind, true, udp.shared || !udp.joins.is_empty()),
        PortSpec::TcpListen(listen) | PortSpec::WebSocketListen(listen) => (listen.at, false, false),
        PortSpec::TcpConnect(_)
        | PortSpec::WebSocketConnect(_)
        | PortSpec::Lookup(_)
        | PortSpec::Machine
        | PortSpec::Midi(_)
        | PortSpec::MidiLink(_)
        | PortSpec::Jack(_) => return None,
    };
    // For port 0, the system chooses a free one.
    (at.port > 0).then_some(WantedPort { section, at, is_udp, is_shared })
}

impl WantedPort<'_> {
    fn number(&self) -> (bool, u16) {
        (self.is_udp, self.at.port)
    }

    /// Whether the other port, of the same number, excludes the same ports.
    fn is_like(&self, other: &Self) -> bool {
        (&self.at.host, self.is_shared) == (&other.at.host, other.is_shared)
    }

    /// Whether only one of both can be opened.
    fn excludes(&self, other: &Self) -> bool {
        self.is_udp == other.is_udp
            && self.at.port == other.at.port
            && !(self.is_shared && other.is_shared)
            && overlap(&self.at.host, &other.at.host)
    }
}

/// Whether two hosts have an address in common. Names are not looked up.
fn overlap(one: &Host, other: &Host) -> bool {
    let includes = |wide: &Host, narrow: &Host| match (wide, narrow) {
        (Host::Any, _) => true,
        (Host::Address(IpAddr::V4(wide)), Host::Address(IpAddr::V4(_))) => wide.is_unspecified(),
        (Host::Address(IpAddr::V6(wide)), Host::Address(IpAddr::V6(_))) => wide.is_unspecified(),
        (Host::Address(_) | Host::Name(_), _) => false,
    };
    one == other || includes(one, other) || includes(other, one)
}

fn port_twice(first: &WantedPort<'_>, second: &WantedPort<'_>) -> Draft {
    let names = [&first.section.name, &second.section.name].map(|name| quote(name));
    let transport = if second.is_udp { "UDP" } else { "TCP" };
    let port = second.at.port;
    let message = format!("{} and {} both use {transport} port {port} of this machine", names[0], names[1]);
    let new = if second.is_udp { Draft::warning } else { Draft::error };
    let draft = new("port-twice", message);
    let draft = draft.label(second.section.name_at, "this one cannot open it");
    let help = "give each instance a port of its own, or use one instance for both";
    draft.label(first.section.name_at, format!("opens {}", first.at)).help(help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_overlap_if_one_includes_the_other() {
        for (one, other, overlaps) in [
            ("*", "10.0.0.1", true),
            ("*", "::1", true),
            ("0.0.0.0", "10.0.0.1", true),
            ("0.0.0.0", "::", false),
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1", "10.0.0.2", false),
            ("foh.local", "foh.local", true),
            ("foh.local", "10.0.0.1", false),
        ] {
            let [one, other] = [one, other].map(|host| {
                let Ok(host) = host.parse::<Host>();
                host
            });
            assert_eq!((overlap(&one, &other), overlap(&other, &one)), (overlaps, overlaps));
        }
    }
}
