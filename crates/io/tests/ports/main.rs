//! Real sockets on loopback addresses: every kind of port both ways, and every way in which a peer or the machine misbehaves.

#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    clippy::print_stdout,
    reason = "tests, and their helpers that the lints do not know as such; one of them talks to its parent process"
)]

mod lookup;
mod machine;
mod multicast;
mod recording;
mod reports;
mod rig;
mod tcp;
mod udp;
mod value_observers;
mod web_socket;
