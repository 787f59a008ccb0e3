//! MIDI over the network: RTP-MIDI with AppleMIDI sessions, and without.
//!
//! [`wire`] is the codec. A session has a `link` to each peer, with a `clock`, and a `sender` and a `receiver` that maintain the
//! recovery journal. Channels and values are the same as in [`crate::midi`].

mod clock;
mod link;
mod options;
mod receiver;
mod sender;
mod session;
pub mod wire;

use std::borrow::Cow;
use std::sync::Arc;

use crosspatch_core::{AddressError, Backend, Content, Direction, Instance, Kind, Options, Session};

use crate::midi::address::WORDS;
use options::Config;

/// The RTP-MIDI backend.
pub const BACKEND: Backend = Backend {
    name: "rtpmidi",
    summary: "MIDI over the network: computers, tablets and devices with AppleMIDI sessions",
    manual: include_str!("README.md"),
    options: &options::ALL,
    words: WORDS,
    loops_back: false,
    stands_alone: false,
    configure,
    describe: wire::describe,
    compose: wire::compose,
};

fn configure(options: &mut Options<'_>) -> Option<Arc<dyn Instance>> {
    let config = Arc::new(options::read(options)?);
    Some(Arc::new(RtpMidi { config }))
}

struct RtpMidi {
    config: Arc<Config>,
}

impl Instance for RtpMidi {
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
        Box::new(session::RtpMidiSession::new(self.config.clone()))
    }
}
