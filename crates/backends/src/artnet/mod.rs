//! Art-Net 4: DMX universes over UDP, as used by nodes, desks, media servers and visualisers.
//!
//! [`wire`] is the codec. A session has one universe: `receive` merges the received levels, `send` paces the sent ones,
//! `discovery` finds the nodes that want the universe, and `cues` handles time code and triggers.

mod address;
mod cues;
mod detect;
mod discovery;
mod echoes;
mod options;
mod receive;
mod send;
mod session;
pub mod wire;

use std::borrow::Cow;
use std::sync::Arc;

use crosspatch_core::{AddressError, Backend, Content, Direction, Instance, Kind, Options, Session};

use crate::shared::feedback::Guarded;
use address::Address;
use options::Config;

/// The Art-Net backend.
pub const BACKEND: Backend = Backend {
    name: "artnet",
    summary: "Art-Net 4: DMX universes over the network",
    manual: include_str!("README.md"),
    options: options::OPTIONS,
    words: address::WORDS,
    loops_back: false,
    stands_alone: false,
    configure,
    describe: wire::describe,
    compose: wire::compose,
};

fn configure(options: &mut Options<'_>) -> Option<Arc<dyn Instance>> {
    let name = options.instance().into();
    let config = options::read(options)?;
    Some(Arc::new(ArtNet { name, config: Arc::new(config) }))
}

struct ArtNet {
    name: Arc<str>,
    config: Arc<Config>,
}

impl Instance for ArtNet {
    fn canonical<'a>(&self, address: &'a str, direction: Direction) -> Result<Cow<'a, str>, AddressError> {
        Ok(Address::parse(address, direction)?.to_string().into())
    }

    fn kind(&self, address: &str, direction: Direction) -> Kind {
        Address::parse(address, direction).map_or(Kind::State, |address| address.kind(direction))
    }

    fn content(&self, address: &str, direction: Direction) -> Content {
        match Address::parse(address, direction) {
            Ok(Address::Dmx(_)) => Content::Number,
            Ok(Address::TimePart(_) | Address::TimeCode | Address::Trigger(..)) | Err(_) => Content::Any,
        }
    }

    fn session(&self) -> Box<dyn Session> {
        Box::new(Guarded::frames(session::ArtNetSession::new(&self.name, self.config.clone())))
    }
}
