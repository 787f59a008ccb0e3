//! The events of a running show that the program receives, for a log, a monitor or a transcript.

use std::fmt;
use std::sync::Arc;

use crosspatch_core::{Backend, Closed, Notice, Peer, Plan, Port, PortSpec, Severity, Value};

/// An observed event. All but notices and plans are reported only on request, see
/// [`Handle::trace`](crate::Handle::trace). To see values rather than all events, use
/// [`Handle::observe`](crate::Handle::observe).
///
/// Its `Display` is one line, in the form of the transcripts of `crosspatch-sim`.
#[derive(Debug)]
pub enum Observed<'a> {
    /// A plan runs.
    Installed(&'a Arc<Plan>),
    /// A notice for the operator. Without an instance it is about the whole show. `held` counts the equal notices that
    /// were held back before.
    Notice {
        /// The instance that it is about.
        instance: Option<&'a str>,
        /// The notice.
        notice: &'a Notice,
        /// How many equal notices were left out.
        held: u32,
    },
    /// A value came from a channel. Only while tracing, as all that follows.
    Value {
        /// The instance.
        instance: &'a str,
        /// The channel's canonical address.
        address: &'a str,
        /// The value.
        value: &'a Value,
    },
    /// A session opens a port.
    Opening(PortName<'a>, &'a PortSpec),
    /// A port has opened or accepted a connection.
    Opened(PortName<'a>, Peer),
    /// A port or connection has closed, or could not be opened.
    Closed(PortName<'a>, Peer, &'a Closed),
    /// A session closes a port or connection.
    Closing(PortName<'a>, Peer),
    /// A stream is full.
    Full(PortName<'a>, Peer),
    /// A stream that was full has room again.
    Writable(PortName<'a>, Peer),
    /// Datagrams were dropped before they were read.
    Lost(PortName<'a>),
    /// A message, or some bytes of a stream, was received.
    Received(PortName<'a>, Peer, &'a [u8]),
    /// A message was passed to a port.
    Sent(PortName<'a>, Peer, &'a [u8]),
    /// A session has ended.
    Stopped(&'a str),
}

/// Which port of which instance.
#[derive(Copy, Clone, Debug)]
pub struct PortName<'a> {
    /// The name of the instance.
    pub instance: &'a str,
    /// Its protocol; [`Backend::describe`] shows its messages.
    pub backend: &'static Backend,
    /// The session's number for the port.
    pub port: Port,
}

impl fmt::Display for PortName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.instance, self.port)
    }
}

impl fmt::Display for Observed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Installed(plan) => {
                write!(f, "runs {} instances, {} mappings", plan.instances().len(), plan.mapping_count())
            }
            Self::Notice { instance, notice, held } => {
                let severity = match notice.severity {
                    Severity::Debug => "debug",
                    Severity::Info => "info",
                    Severity::Warning => "warning",
                    Severity::Error => "error",
                };
                if let Some(instance) = instance {
                    write!(f, "{instance} ")?;
                }
                write!(f, "{severity}: {}", notice.text)?;
                if *held > 0 { write!(f, " ({held} more)") } else { Ok(()) }
            }
            Self::Value { instance, address, value } => write!(f, "{instance}.{address} = {value}"),
            Self::Opening(port_name, spec) => {
                write!(f, "{} opens {} {spec}", port_name.instance, port_name.port)
            }
            Self::Opened(port_name, peer) => write!(f, "{port_name} opened{}", shown(*peer)),
            Self::Closed(port_name, peer, reason) => {
                write!(f, "{port_name} closed{}: {reason}", shown(*peer))
            }
            Self::Closing(port_name, peer) => {
                write!(f, "{} closes {}{}", port_name.instance, port_name.port, shown(*peer))
            }
            Self::Full(port_name, peer) => write!(f, "{port_name} full{}", shown(*peer)),
            Self::Writable(port_name, peer) => write!(f, "{port_name} writable{}", shown(*peer)),
            Self::Lost(port_name) => write!(f, "{port_name} lost"),
            Self::Received(port_name, peer, bytes) => {
                write!(f, "{port_name} <-{} {}", shown(*peer), text(port_name, bytes))
            }
            Self::Sent(port_name, peer, bytes) => {
                write!(f, "{port_name} ->{} {}", shown(*peer), text(port_name, bytes))
            }
            Self::Stopped(instance) => write!(f, "{instance} stopped"),
        }
    }
}

/// The peer after a blank, unless it is the only one.
fn shown(peer: Peer) -> String {
    match peer {
        Peer::Only => String::new(),
        Peer::Address(_) | Peer::Connection(_) => format!(" {peer}"),
    }
}

fn text(port_name: &PortName<'_>, bytes: &[u8]) -> String {
    let mut line = String::new();
    (port_name.backend.describe)(bytes, &mut line);
    line
}
