//! The ports of a session, which are opened again when they are lost.

use crosspatch_core::{
    Backoff, Closed, Connect, Duration, Endpoint, Host, Instant, Listen, Notice, Outbox, Port, PortSpec, Udp,
};

use super::options::{Config, Destination};
use super::wire::Framing;

/// The socket for datagrams, or the server.
pub(crate) const SERVER: Port = Port(0);
/// The outgoing connection.
pub(crate) const CLIENT: Port = Port(1);
/// The look-up of the destination's name.
pub(crate) const LOOKUP: Port = Port(2);

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const MAX_CLIENTS: u32 = 64;

/// A port, and when to try again to open it.
pub(crate) struct KeptPort {
    port: Port,
    spec: PortSpec,
    backoff: Backoff,
    retry_at: Option<Instant>,
}

impl KeptPort {
    /// All ports that the configuration asks for.
    pub(crate) fn all(name: &str, config: &Config) -> Vec<Self> {
        let mut specs = Vec::new();
        let fixed = match &config.destination {
            Destination::Fixed(endpoint) => Some(endpoint),
            Destination::None | Destination::Learn(_) => None,
        };
        match (config.framing, &config.bind) {
            (Framing::Datagram, bind) => {
                specs.push((SERVER, PortSpec::Udp(udp(config, bind.as_ref(), fixed))));
                if let Some(endpoint) = fixed.filter(|endpoint| endpoint.address().is_none()) {
                    specs.push((LOOKUP, PortSpec::Lookup(endpoint.clone())));
                }
            }
            (Framing::Length | Framing::Slip, bind) => {
                if let Some(at) = bind.clone() {
                    specs.push((SERVER, PortSpec::TcpListen(Listen { at, limit: MAX_CLIENTS, ping: None })));
                }
                if let Some(to) = fixed.cloned() {
                    specs.push((CLIENT, PortSpec::TcpConnect(Connect { to, timeout: CONNECT_TIMEOUT })));
                }
            }
        }
        let kept = |(port, spec): (Port, PortSpec)| Self {
            port,
            spec,
            backoff: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE, (name, port)),
            retry_at: None,
        };
        specs.into_iter().map(kept).collect()
    }

    /// Its number.
    pub(crate) fn port(&self) -> Port {
        self.port
    }

    /// When it is to be opened again.
    pub(crate) fn retry_at(&self) -> Option<Instant> {
        self.retry_at
    }

    /// Opens it.
    pub(crate) fn open(&mut self, out: &mut Outbox) {
        self.retry_at = None;
        out.open(self.port, self.spec.clone());
    }

    /// It is open.
    pub(crate) fn handle_open(&mut self, out: &mut Outbox) {
        if self.backoff.failures() > 0 {
            out.notice(Notice::info("osc-port", format!("{} works again", self.spec)));
        } else if self.port == CLIENT {
            out.notice(Notice::info("osc-port", format!("connected: {}", self.spec)));
        }
        self.backoff.reset();
    }

    /// It could not be opened, or is gone.
    pub(crate) fn handle_close(&mut self, now: Instant, reason: &Closed, out: &mut Outbox) {
        if self.backoff.failures() == 0 {
            out.notice(Notice::warning("osc-port", format!("{}: {reason}; trying again", self.spec)));
        }
        self.retry_at = Some(now + self.backoff.pause());
    }
}

fn udp(config: &Config, bind: Option<&Endpoint>, destination: Option<&Endpoint>) -> Udp {
    let any = || match destination.and_then(Endpoint::address) {
        Some(address) if address.is_ipv4() => Host::Address(std::net::Ipv4Addr::UNSPECIFIED.into()),
        Some(_) | None => Host::Any,
    };
    Udp {
        bind: bind.cloned().unwrap_or_else(|| Endpoint { host: any(), port: 0 }),
        // Of two programs on one port only one hears a datagram, unless it goes to a group.
        shared: !config.joins.is_empty(),
        broadcast: true,
        joins: config.joins.clone(),
    }
}
