//! Modules shared by several protocols.
//!
//! A module here does not depend on any protocol; the protocols use it. Only [`recognize`](crate::recognize), which is
//! outside this folder, uses the wire formats of the protocols.

pub(crate) mod button;
pub(crate) mod detect;
pub(crate) mod dmx;
pub(crate) mod echo;
pub(crate) mod feedback;
pub(crate) mod hex;
pub(crate) mod mdns;
pub(crate) mod paced;
pub(crate) mod ports;
pub(crate) mod reconnecting_port;
pub(crate) mod runs;
pub(crate) mod sequence;
#[cfg(test)]
pub(crate) mod test_options;
pub(crate) mod units;
pub(crate) mod unmapped;
