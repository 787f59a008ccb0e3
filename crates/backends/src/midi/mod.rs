//! MIDI: controllers, surfaces, instruments and show control.
//!
//! [`wire`] is the codec, [`address`] has the channels, and [`translate`] converts between messages and values. All three are
//! shared with the other backends for MIDI. This backend connects to the MIDI devices of this machine.

pub mod address;
pub(crate) mod detect;
mod options;
mod session;
pub mod translate;
pub mod wire;

use std::borrow::Cow;
use std::sync::Arc;

use crosspatch_core::{AddressError, Backend, Content, Direction, Instance, Kind, Options, Session};

use options::Config;

/// The MIDI backend.
pub const BACKEND: Backend = Backend {
    name: "midi",
    summary: "MIDI devices of this machine, and other MIDI programs",
    manual: include_str!("README.md"),
    options: &options::ALL,
    words: address::WORDS,
    loops_back: false,
    stands_alone: false,
    configure,
    describe: wire::describe,
    compose: wire::compose,
};

fn configure(options: &mut Options<'_>) -> Option<Arc<dyn Instance>> {
    let config = options::read(options);
    Some(Arc::new(MidiInstance { config: Arc::new(config) }))
}

struct MidiInstance {
    config: Arc<Config>,
}

impl Instance for MidiInstance {
    fn canonical<'a>(&self, address: &'a str, direction: Direction) -> Result<Cow<'a, str>, AddressError> {
        self.config.dialect.canonical(address, direction)
    }

    fn kind(&self, address: &str, _: Direction) -> Kind {
        self.config.dialect.kind(address)
    }

    fn content(&self, address: &str, _: Direction) -> Content {
        self.config.dialect.content(address)
    }

    fn session(&self) -> Box<dyn Session> {
        Box::new(session::MidiSession::new(self.config.clone()))
    }
}
