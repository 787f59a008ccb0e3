//! A simulated console: answers web remotes like a grandMA2 or dot2, with an example show.
//!
//! It implements the console's side of the messages in [`maweb::wire`](crate::maweb::wire), based on the same captures
//! and programs. Where consoles differ, an option selects the behaviour.

mod address;
mod command;
mod content;
mod desk;
mod keys;
mod line;
mod options;
mod pace;
mod presets;
mod remotes;
mod render;
mod session;
mod show;

use std::borrow::Cow;
use std::sync::Arc;

use crosspatch_core::{AddressError, Backend, Direction, Instance, Kind, Session};

use self::address::Address;
use self::options::Config;
use crate::maweb::wire;

/// The simulated console.
pub const BACKEND: Backend = Backend {
    name: "masim",
    summary: "a simulated grandMA2 or dot2 that web remotes connect to",
    manual: include_str!("README.md"),
    options: options::OPTIONS,
    words: address::WORDS,
    loops_back: false,
    stands_alone: true,
    configure: |options| Config::read(options).map(|settings| Arc::new(Simulation { settings }) as _),
    describe: wire::describe,
    // Clients may send any text.
    compose: |line| Some(line.as_bytes().to_vec()),
};

struct Simulation {
    settings: Config,
}

impl Instance for Simulation {
    fn canonical<'a>(&self, address: &'a str, direction: Direction) -> Result<Cow<'a, str>, AddressError> {
        let parsed: Address = address.parse()?;
        parsed.check(direction)?;
        parsed.check_console(self.settings.console)?;
        let canonical = parsed.to_string();
        Ok(if canonical == address { address.into() } else { canonical.into() })
    }

    fn kind(&self, address: &str, direction: Direction) -> Kind {
        address.parse().map_or(Kind::State, |address: Address| address.kind(direction))
    }

    fn conceal(&self, message: &[u8]) -> Option<Vec<u8>> {
        self.settings.conceal(message)
    }

    fn reveal(&self, message: &[u8]) -> Option<Vec<u8>> {
        self.settings.reveal(message)
    }

    fn session(&self) -> Box<dyn Session> {
        Box::new(session::Session::new(self.settings.clone()))
    }
}
