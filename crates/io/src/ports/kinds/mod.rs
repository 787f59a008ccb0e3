//! The kinds of ports, a file each, and the table [`opener`]. ARCHITECTURE.md says how to add one.

mod connect;
mod groups;
mod jack;
mod listener;
mod midi;
mod question;
mod stream;
mod udp;
mod unsent;

use crosspatch_core::PortSpec;

use super::kind::Opener;
pub(super) use groups::Groups;
pub(super) use udp::Datagrams;

/// Returns the opener for the kind of a port.
pub(super) fn opener(spec: &PortSpec) -> Box<dyn Opener + '_> {
    match spec {
        PortSpec::Udp(udp) => Box::new(udp),
        PortSpec::TcpConnect(connect) => Box::new(connect::Tcp(connect)),
        PortSpec::TcpListen(listen) => Box::new(listener::ListeningServer { listen, is_web_socket: false }),
        PortSpec::WebSocketConnect(socket) => Box::new(connect::WebSocket(socket)),
        PortSpec::WebSocketListen(listen) => {
            Box::new(listener::ListeningServer { listen, is_web_socket: true })
        }
        PortSpec::Lookup(endpoint) => Box::new(question::Lookup(endpoint)),
        PortSpec::Machine => Box::new(question::Machine),
        PortSpec::Midi(midi) => Box::new(midi),
        PortSpec::MidiLink(link) => Box::new(link),
        PortSpec::Jack(jack) => Box::new(jack),
    }
}
