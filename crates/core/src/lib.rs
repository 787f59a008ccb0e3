//! The core of crosspatch, a translator for show control: values, sessions, routes, plans, and the engine that runs them.
//!
//! The other crates depend on this one and not on each other. A backend implements [`Session`] and [`Instance`] and describes
//! itself in a [`Backend`]. The configuration language builds a [`Plan`] with a [`PlanBuilder`]. The shell, which owns sockets
//! and the clock, passes events and the time to an [`Engine`] and carries out the [`Effect`]s that it returns.
//!
//! ```text
//!             crates/io          crates/backends                  crates/core                   crates/backends     crates/io
//!  wire ─▶ port ─▶ Session::handle_data ─▶ wire::decode ─▶ out.emit(slot, value)
//!                                                                   │ channel = base[instance] + slot
//!                                                                   ▼
//!                                              RouteTable::row(channel) ─▶ chain ─▶ inbox of each target
//!                                                                   │
//!                             Session::handle_values ◀──────────────┘
//!                                      └─▶ wire::encode ─▶ out.send(port, peer, ...) ─▶ port ─▶ wire
//! ```
//!
//! There is no I/O here, no clock, no thread and no protocol.

pub mod address;
mod backend;
mod backoff;
pub mod bits;
mod color;
mod engine;
mod ids;
mod key_index;
mod kind;
mod notices;
mod options;
mod outbox;
mod plain;
mod plan;
mod port;
mod routes;
mod session;
mod span;
mod status;
mod time;
pub mod transform;
mod value;

pub use backend::{
    AddressError, Alias, Backend, Instance, Planned, Registry, canonical_address, ports_at_start,
};
pub use backoff::{Backoff, NextTry};
pub use color::parse_color;
pub use engine::{Change, Engine, HeldBack, MAX_HOPS, Replaced, Transition};
pub use ids::{ChannelId, InstanceId, Port, SessionId, Slot};
pub use key_index::{Interned, KeyIndex};
pub use kind::{Content, Direction, Kind};
pub use options::{EndpointForm, Given, GivenEndpoint, OptionError, OptionSpec, Options, Scope};
pub use outbox::{Effect, Notice, Outbox, Severity};
pub use plain::{Plain, is_plain, plain};
pub use plan::{Channels, Difference, Mapping, Plan, PlanBuilder, PlannedInstance};
pub use port::{
    Closed, Connect, Endpoint, EndpointError, Host, Interface, Jack, JackEvent, JackKind, JackPort, Join,
    Limits, Listen, MAX_JACK_PORTS, Midi, MidiDevice, MidiLink, MidiPresent, Peer, PortSpec, Selection, Udp,
    WebSocketConnect, WrittenEndpoint, check_host, old_ipv4,
};
use routes::{Route, RouteTable};
pub use session::Session;
pub use span::{LevelNumbers, Part, SlotSpan, SlotSpans, SpannedValues};
pub use status::{Condition, LinkStatus, Status};
pub use time::{Duration, Instant};
pub use value::{PRESSED_ABOVE, Text, Value};
