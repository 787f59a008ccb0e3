//! The settings of the page.

use std::net::SocketAddr;

/// Where the page listens, and who may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// Whether to take another port of the same address if this one is in use.
    pub any_port: bool,
    /// The name of this machine, by which browsers may reach it.
    pub host_name: Option<String>,
}
