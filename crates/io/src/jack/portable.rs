//! Systems on which JACK is not supported: no client can be opened.

use std::io;

use crosspatch_core::Jack;
use mio::{Registry, Token};

use super::{JackInput, SendOutcome};

/// A client that cannot exist.
pub(crate) enum JackClient {}

impl JackClient {
    pub(crate) fn open(_spec: &Jack, _registry: &Registry, _token: Token) -> io::Result<Self> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "JACK cannot be reached from this operating system"))
    }

    pub(crate) fn drain_wake_ups(&mut self) {
        match *self {}
    }

    pub(crate) fn next<'c>(&mut self, _chunk: &'c mut [u8]) -> Option<JackInput<'c>> {
        match *self {}
    }

    pub(crate) fn send(&mut self, _event: &[u8]) -> SendOutcome {
        match *self {}
    }

    pub(crate) fn send_unsent(&mut self) -> bool {
        match *self {}
    }

    pub(crate) fn has_unsent(&self) -> bool {
        match *self {}
    }

    pub(crate) fn close(&mut self) -> bool {
        match *self {}
    }

    pub(crate) fn deregister(&mut self, _registry: &Registry) -> io::Result<()> {
        match *self {}
    }
}
