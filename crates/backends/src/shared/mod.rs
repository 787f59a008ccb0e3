//! What several protocols share.
//!
//! A module here names no protocol and uses none: the protocols are beside this folder, and use it. The one module that uses
//! the protocols' wire formats is [`recognize`](crate::recognize), which is beside them, too.

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
