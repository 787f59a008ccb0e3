//! The ports of a session.

use std::sync::Arc;

use crosspatch_core::{Connect, Duration, Endpoint, Host, Limits, Listen, Port, PortSpec, Udp};

use crate::shared::ports::ReconnectingPorts;

use super::options::{Config, Destination};
use super::wire::Framing;

/// The socket for datagrams, or the server.
pub(crate) const SERVER: Port = Port(0);
/// The outgoing connection.
pub(crate) const CLIENT: Port = Port(1);
/// The look-up of the destination's name.
pub(crate) const LOOKUP: Port = Port(2);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// All ports that the configuration asks for.
pub(crate) fn all(name: &str, config: &Config) -> ReconnectingPorts {
    let mut ports = ReconnectingPorts::new(name, "osc-port");
    let fixed = match &config.destination {
        Destination::Fixed(endpoint) => Some(endpoint),
        Destination::None | Destination::Learn(_) => None,
    };
    match (config.framing, &config.bind) {
        (Framing::Datagram, None) if fixed.is_none() => {}
        (Framing::Datagram, bind) => {
            ports.add(SERVER, PortSpec::Udp(udp(config, bind.as_ref(), fixed)));
            if let Some(endpoint) = fixed.filter(|endpoint| endpoint.address().is_none()) {
                ports.add(LOOKUP, PortSpec::Lookup(endpoint.clone()));
            }
        }
        (Framing::Length | Framing::Slip, bind) => {
            if let Some(at) = bind.clone() {
                let (limits, origins) = (Limits::default(), Arc::default());
                ports.add(SERVER, PortSpec::TcpListen(Listen { at, limits, ping: None, origins }));
            }
            if let Some(to) = fixed.cloned() {
                ports.add(CLIENT, PortSpec::TcpConnect(Connect { to, timeout: CONNECT_TIMEOUT }));
            }
        }
    }
    ports
}

fn udp(config: &Config, bind: Option<&Endpoint>, destination: Option<&Endpoint>) -> Udp {
    let any = || match destination.and_then(Endpoint::address) {
        Some(address) if address.is_ipv4() => Host::Address(std::net::Ipv4Addr::UNSPECIFIED.into()),
        Some(_) | None => Host::Any,
    };
    Udp {
        // Of two programs on one port only one hears a datagram, unless it goes to a group.
        shared: !config.joins.is_empty(),
        broadcast: true,
        joins: config.joins.clone(),
        outgoing: config.joins.iter().find_map(|join| join.interface.clone()),
        ..Udp::new(bind.cloned().unwrap_or_else(|| Endpoint { host: any(), port: 0 }))
    }
}
