//! JACK: MIDI and control voltages (CV) between audio programs.
//!
//! The codec, the addresses after the name of a port and the conversion between messages and values are those of [`midi`](super::midi).

mod options;
mod session;
mod text;

use std::borrow::Cow;
use std::sync::Arc;

use crosspatch_core::{AddressError, Backend, Direction, Instance, Kind, Options, Session};

use super::midi::address;
use options::Config;

/// The JACK backend.
pub const BACKEND: Backend = Backend {
    name: "jack",
    summary: "MIDI and control voltages (CV) of audio programs, through JACK or PipeWire",
    manual: include_str!("README.md"),
    options: &options::ALL,
    words: address::WORDS,
    loops_back: false,
    stands_alone: false,
    configure,
    describe: text::describe,
    compose: text::compose,
};

fn configure(options: &mut Options<'_>) -> Option<Arc<dyn Instance>> {
    let config = options::read(options);
    Some(Arc::new(JackInstance { config: Arc::new(config) }))
}

struct JackInstance {
    config: Arc<Config>,
}

impl Instance for JackInstance {
    fn canonical<'a>(&self, address: &'a str, direction: Direction) -> Result<Cow<'a, str>, AddressError> {
        self.config.canonical(address, direction)
    }

    fn kind(&self, address: &str, _: Direction) -> Kind {
        self.config.channel_kind(address)
    }

    fn session(&self) -> Box<dyn Session> {
        Box::new(session::JackSession::new(self.config.clone()))
    }
}
