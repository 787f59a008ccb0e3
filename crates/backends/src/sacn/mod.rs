//! Streaming ACN (sACN, ANSI E1.31-2018): DMX universes over IP, by multicast or from one host to another.
//!
//! [`wire`] is the codec. `receive` merges the sources of a universe, `send` sends a universe, and `identity` has the
//! identifier that receivers see. The addresses and the paced frame are shared with other DMX protocols (`dmx`).

mod identity;
mod options;
mod receive;
mod send;
mod session;
pub mod wire;

use std::borrow::Cow;
use std::sync::Arc;

use crosspatch_core::{AddressError, Backend, Content, Direction, Instance, Kind, Options, Session};

use crate::shared::dmx::Address;
use crate::shared::feedback::Guarded;
use options::Config;

/// The sACN backend.
pub const BACKEND: Backend = Backend {
    name: "sacn",
    summary: "DMX over IP by sACN (E1.31)",
    manual: include_str!("README.md"),
    options: options::OPTIONS,
    words: &[],
    loops_back: false,
    stands_alone: false,
    configure,
    describe: wire::describe,
    compose: wire::compose,
};

fn configure(options: &mut Options<'_>) -> Option<Arc<dyn Instance>> {
    let name = options.instance().into();
    let config = options::read(options)?;
    Some(Arc::new(Sacn { name, config: Arc::new(config) }))
}

struct Sacn {
    name: Arc<str>,
    config: Arc<Config>,
}

impl Instance for Sacn {
    fn canonical<'a>(&self, address: &'a str, _: Direction) -> Result<Cow<'a, str>, AddressError> {
        Ok(Address::parse(address)?.to_string().into())
    }

    fn kind(&self, _: &str, _: Direction) -> Kind {
        Kind::State
    }

    fn content(&self, _: &str, _: Direction) -> Content {
        Content::Number
    }

    fn session(&self) -> Box<dyn Session> {
        let session = session::SacnSession::new(&self.name, self.config.clone());
        let is_realtime = self.config.sending.as_ref().is_some_and(|sending| sending.realtime);
        // Output at the pace of a DMX line is no faster in a loop.
        if is_realtime { Box::new(Guarded::frames(session)) } else { Box::new(session) }
    }
}
