//! The settings of the page.

use std::fmt;
use std::net::SocketAddr;

/// Where the page listens, and who may use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerSettings {
    /// The address to listen on. Without a password, only a loopback address is accepted.
    pub listen: SocketAddr,
    /// Whether to take another port of the same address if this one is in use.
    pub any_port: bool,
    /// The password of those who may see everything and send values. Without it, everybody may.
    pub password: Option<Password>,
    /// The password of those who may see everything.
    pub view_password: Option<Password>,
    /// Further names and addresses by which browsers reach the page, for example through a proxy.
    pub allowed_hosts: Vec<String>,
    /// The name of this machine.
    pub host_name: Option<String>,
}

impl ServerSettings {
    /// Whether anybody in the network could operate the show. Such a page does not start.
    pub fn is_open(&self) -> bool {
        !self.listen.ip().to_canonical().is_loopback() && self.password.is_none()
    }
}

/// A password, or its hash.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// A password as written, or a hash of it as [`hash_password`](crate::hash_password) makes it.
    pub fn new(written: impl Into<String>) -> Self {
        Self(written.into())
    }

    pub(crate) fn written(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(...)")
    }
}
