//! A simulated grandMA3: receives OSC like the console, stores executors and sequences, and sends the console's
//! feedback.
//!
//! A grandMA3 has nothing in common with the web remote of older consoles, which [`masim`](crate::masim) simulates:
//! transport, numbers and keys all differ. The message format is in [`osc::wire`](crate::osc::wire). The behaviour
//! follows MA's manual ("OSC (Open Sound Control)", "SendOSC") and public programs; the manual of this backend lists
//! the uncertain parts.

mod address;
mod command;
mod content;
mod feedback;
mod options;
mod plugin;
mod session;
mod show;
mod target;

use std::borrow::Cow;
use std::sync::Arc;

use crosspatch_core::{AddressError, Backend, Direction, Instance, Kind, Session};

use self::address::Address;
use self::options::Config;
use crate::osc::wire;

/// The simulated grandMA3.
pub const BACKEND: Backend = Backend {
    name: "gma3sim",
    summary: "a simulated grandMA3 that is driven by OSC",
    manual: include_str!("README.md"),
    options: options::OPTIONS,
    words: address::WORDS,
    loops_back: false,
    stands_alone: true,
    configure: |options| Config::read(options).map(|settings| Arc::new(Simulation { settings }) as _),
    describe: wire::describe,
    compose: wire::compose,
};

struct Simulation {
    settings: Config,
}

impl Instance for Simulation {
    fn canonical<'a>(&self, address: &'a str, direction: Direction) -> Result<Cow<'a, str>, AddressError> {
        let parsed: Address = address.parse()?;
        parsed.check(direction)?;
        let canonical = parsed.to_string();
        Ok(if canonical == address { address.into() } else { canonical.into() })
    }

    fn kind(&self, address: &str, direction: Direction) -> Kind {
        address.parse().map_or(Kind::State, |address: Address| address.kind(direction))
    }

    fn session(&self) -> Box<dyn Session> {
        Box::new(session::Session::new(self.settings.clone()))
    }
}
