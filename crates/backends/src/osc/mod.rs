//! Open Sound Control over UDP and TCP: what tablets, media servers, sound desks and scripts speak.
//!
//! [`wire`] is the codec, [`pattern`] the matching of addresses. A session keeps a table of its mapped messages
//! (`table`) and of what it has sent (`output`), the peers it sends to (`links`), and what arguments mean (`format`).

mod address;
mod format;
mod held;
mod links;
mod options;
mod output;
pub mod pattern;
mod ports;
mod receive;
mod refuse;
mod session;
#[cfg(test)]
mod session_tests;
mod table;
pub mod wire;

use std::borrow::Cow;
use std::sync::Arc;

use crosspatch_core::address::{Quoted, needs_quotes};
use crosspatch_core::{AddressError, Backend, Direction, Instance, Kind, Options, Session};

use address::Address;
use options::Config;

/// The OSC backend.
pub const BACKEND: Backend = Backend {
    name: "osc",
    summary: "Open Sound Control over UDP or TCP",
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
    Some(Arc::new(Osc { name, config: Arc::new(config) }))
}

struct Osc {
    name: Arc<str>,
    config: Arc<Config>,
}

impl Instance for Osc {
    fn canonical<'a>(&self, address: &'a str, direction: Direction) -> Result<Cow<'a, str>, AddressError> {
        let parsed = Address::parse(address)?;
        parsed.check_plain()?;
        self.check(&parsed, direction)?;
        // Only an argument can be written in two ways.
        Ok(if parsed.path == address { address.into() } else { parsed.to_string().into() })
    }

    fn kind(&self, address: &str, _: Direction) -> Kind {
        let formats = &self.config.formats;
        // To look for the format of each of a million messages is worth it only if it can make a difference.
        if !formats.has_events() {
            return Kind::Control;
        }
        let Ok(Address { path, argument }) = Address::parse(address) else { return Kind::Control };
        let spec = formats.spec(formats.find(path), argument.into());
        if formats.specs()[spec as usize].is_event() { Kind::Event } else { Kind::Control }
    }

    fn canonical_quoted(&self, quoted: &Quoted<'_>, direction: Direction) -> Result<String, AddressError> {
        let parsed = Address::parse_quoted(&quoted.name, quoted.rest)?;
        if direction == Direction::Input && pattern::is_pattern(parsed.path.as_bytes()) {
            let path = parsed.path;
            let error =
                AddressError::new(format!("the pattern `{path}` can only be sent, not mapped as an input"));
            return Err(error.help("map each path that it matches"));
        }
        self.check(&parsed, direction)?;
        Ok(parsed.to_string())
    }

    fn quotable(&self, canonical: &str) -> Option<usize> {
        let is_special = needs_quotes(canonical) || pattern::is_pattern(canonical.as_bytes());
        is_special.then(|| Address::parse(canonical).map_or(canonical.len(), |address| address.path.len()))
    }

    fn session(&self) -> Box<dyn Session> {
        Box::new(session::OscSession::new(&self.name, self.config.clone()))
    }
}

impl Osc {
    fn check(&self, address: &Address<'_>, direction: Direction) -> Result<(), AddressError> {
        let len = self.config.root.len() + address.path.len();
        if len > pattern::MAX_ADDRESS {
            return Err(AddressError::new(format!(
                "an OSC path has at most {} bytes together with the root, found {len}",
                pattern::MAX_ADDRESS
            )));
        }
        if direction == Direction::Output { self.check_output(address) } else { Ok(()) }
    }

    /// A message is sent with the arguments that its pattern names and no others.
    fn check_output(&self, address: &Address<'_>) -> Result<(), AddressError> {
        let formats = &self.config.formats;
        let Some(format) = formats.find(address.path).map(|number| formats.get(number)) else {
            return Ok(());
        };
        if usize::from(address.argument) < format.len().max(1) {
            return Ok(());
        }
        let Address { path, argument } = address;
        let message = match format.len() {
            0 => format!("`{path}` is configured without arguments, so `:{argument}` does not exist"),
            1 => format!("`{path}` is configured with one argument, `:0`, so `:{argument}` does not exist"),
            len => format!(
                "`{path}` is configured with {len} arguments, `:0` to `:{}`, so `:{argument}` does not exist",
                len - 1
            ),
        };
        Err(AddressError::new(message))
    }
}
