//! Connections being established: TCP connections to a host, and WebSocket handshakes as client or server.

use std::io;

use crosspatch_core::{Closed, Connect, Duration, Endpoint, WebSocketConnect};
use mio::Token;
use tungstenite::protocol::Role;

use super::stream::Stream;
use crate::bounds::Bounds;
use crate::closed;
use crate::connection::Connection;
use crate::ports::kind::{Context, Opener, Opening, OpeningStage, PortKind, Step, Tools};
use crate::ports::reports::ReportKind;
use crate::ports::{BOTH, Ports};
use crate::runner::Runner;
use crate::tcp::Connecting;
use crate::upgrade::{Progress, Upgrade, UpgradeRole};

/// How long a client of a server may take to request a WebSocket.
const UPGRADE: Duration = Duration::from_secs(5);

/// How many bytes of another protocol are passed on for diagnosis.
const SHOWN: usize = 512;

/// An outgoing TCP connection.
pub(super) struct Tcp<'s>(pub(super) &'s Connect);

impl Opener for Tcp<'_> {
    fn address(&self) -> Option<&Endpoint> {
        Some(&self.0.to)
    }

    fn timeout(&self) -> Duration {
        self.0.timeout
    }

    fn open(&self, opening: &Opening<'_>, ports: &mut Ports) -> Result<(), Closed> {
        connect(self.0, None, opening, ports)
    }
}

/// An outgoing WebSocket connection.
pub(super) struct WebSocket<'s>(pub(super) &'s WebSocketConnect);

impl Opener for WebSocket<'_> {
    fn address(&self) -> Option<&Endpoint> {
        Some(&self.0.connect.to)
    }

    fn timeout(&self) -> Duration {
        self.0.connect.timeout
    }

    fn open(&self, opening: &Opening<'_>, ports: &mut Ports) -> Result<(), Closed> {
        connect(&self.0.connect, Some(self.0.clone()), opening, ports)
    }
}

fn connect(
    spec: &Connect,
    upgrade: Option<WebSocketConnect>,
    opening: &Opening<'_>,
    ports: &mut Ports,
) -> Result<(), Closed> {
    // Every address of this machine is, seen from it, itself.
    let own = [std::net::Ipv6Addr::LOCALHOST.into(), std::net::Ipv4Addr::LOCALHOST.into()];
    let addresses = opening.addresses.unwrap_or(&own);
    let connecting = Connecting::new(addresses, spec.to.port, opening.deadline);
    let attempt = Attempt { connecting, upgrade };
    ports.put(opening, attempt).map_err(|error| closed::reason(&error))
}

/// A host that is connected to.
struct Attempt {
    connecting: Connecting,
    /// The WebSocket to request after the connection is established.
    upgrade: Option<WebSocketConnect>,
}

impl Attempt {
    /// Tries the next address of the host.
    fn try_next(&mut self, context: &mut Context<'_>) {
        loop {
            if let Some(mut last) = self.connecting.stream.take() {
                // It is closed right after.
                let _: io::Result<()> = context.tools.registry.deregister(&mut last);
            }
            match self.connecting.next(context.now) {
                Ok(until) => {
                    let registered = match &mut self.connecting.stream {
                        Some(stream) => context.tools.registry.register(stream, context.token, BOTH),
                        None => Ok(()),
                    };
                    match registered {
                        Ok(()) => return context.set_deadline(Some(until)),
                        Err(error) => self.connecting.failed(closed::reason(&error)),
                    }
                }
                Err(reason) => return context.fail(reason),
            }
        }
    }
}

impl PortKind for Attempt {
    fn register(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        self.try_next(context);
        Ok(())
    }

    fn deregister(&mut self, tools: &mut Tools, _token: Token) -> io::Result<()> {
        self.connecting.stream.as_mut().map_or(Ok(()), |stream| tools.registry.deregister(stream))
    }

    fn is_for_session(&self) -> bool {
        false
    }

    fn step(&mut self, _chunk: &mut [u8], _show: &mut Runner<'_>, context: &mut Context<'_>) -> Step {
        let stream = match self.connecting.take_if_connected() {
            Ok(None) => return Step::Nothing,
            Ok(Some(stream)) => stream,
            Err(error) => {
                self.connecting.failed(closed::reason(&error));
                self.try_next(context);
                return Step::Nothing;
            }
        };
        let Some(wanted) = &self.upgrade else {
            context.set_deadline(None);
            let stream = Stream { connection: Connection::plain(stream, Bounds::outgoing()), ping: None };
            return Step::Become(Box::new(stream), OpeningStage::Open);
        };
        match Upgrade::ask(stream, &wanted.connect.to, &wanted.path) {
            Ok(upgrade) => {
                context.set_deadline(Some(self.connecting.deadline));
                let upgrading = Upgrading::new(upgrade, Bounds::outgoing(), None);
                Step::Become(Box::new(upgrading), OpeningStage::Opening)
            }
            Err(reason) => {
                context.fail(reason);
                Step::Nothing
            }
        }
    }

    fn handle_deadline(&mut self, context: &mut Context<'_>) {
        self.connecting.failed(Closed::TimedOut);
        self.try_next(context);
    }
}

/// A connection that is to become a WebSocket.
pub(super) struct Upgrading {
    /// Nothing once it has become something else.
    upgrade: Option<Upgrade>,
    /// The bounds of the connection.
    bounds: Bounds,
    /// How often it is pinged.
    ping: Option<Duration>,
}

impl Upgrading {
    pub(super) fn new(upgrade: Upgrade, bounds: Bounds, ping: Option<Duration>) -> Self {
        Self { upgrade: Some(upgrade), bounds, ping }
    }

    /// A client does not request a WebSocket: the data that it has sent shows which protocol it expects.
    fn report_unknown_client(&self, context: &mut Context<'_>) {
        if let Some(upgrade) = self.upgrade.as_ref().filter(|upgrade| upgrade.side() == UpgradeRole::Server)
            && !upgrade.head().is_empty()
        {
            let shown = &upgrade.head()[..upgrade.head().len().min(SHOWN)];
            context.report(ReportKind::UnknownClient(shown.to_vec()));
        }
    }
}

impl PortKind for Upgrading {
    fn register(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        context.set_deadline(Some(context.now + UPGRADE));
        let stream = self.upgrade.as_mut().map(|upgrade| &mut upgrade.stream);
        stream.map_or(Ok(()), |stream| context.tools.registry.register(stream, context.token, BOTH))
    }

    fn deregister(&mut self, tools: &mut Tools, _token: Token) -> io::Result<()> {
        let stream = self.upgrade.as_mut().map(|upgrade| &mut upgrade.stream);
        stream.map_or(Ok(()), |stream| tools.registry.deregister(stream))
    }

    fn is_for_session(&self) -> bool {
        false
    }

    fn step(&mut self, chunk: &mut [u8], _show: &mut Runner<'_>, context: &mut Context<'_>) -> Step {
        let Some(upgrade) = &mut self.upgrade else { return Step::Nothing };
        let side = upgrade.side();
        let rest = match upgrade.advance(chunk) {
            Progress::Waiting => return Step::Nothing,
            Progress::Done(rest) => Some(rest),
            Progress::Refused(reason) if side == UpgradeRole::Client => {
                context.fail(reason);
                return Step::Nothing;
            }
            Progress::Refused(_) => {
                self.report_unknown_client(context);
                None
            }
        };
        let Some(Upgrade { stream, .. }) = self.upgrade.take() else { return Step::Nothing };
        let Some(rest) = rest else {
            // The client has received the reason. Nothing more is written.
            let stream = Stream { connection: Connection::plain(stream, Bounds::outgoing()), ping: None };
            return Step::Become(Box::new(stream), OpeningStage::Closing);
        };
        let role = match side {
            UpgradeRole::Client => Role::Client,
            UpgradeRole::Server => Role::Server,
        };
        context.set_deadline(self.ping.map(|ping| context.now + ping));
        let connection = Connection::web_socket(stream, role, rest, self.bounds.clone());
        Step::Become(Box::new(Stream { connection, ping: self.ping }), OpeningStage::Open)
    }

    fn handle_deadline(&mut self, context: &mut Context<'_>) {
        self.report_unknown_client(context);
        context.fail(Closed::TimedOut);
    }
}
