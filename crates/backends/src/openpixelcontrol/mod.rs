//! Open Pixel Control: strips of coloured pixels over TCP, in both roles.
//!
//! [`wire`] is the codec. A session has a frame for each strip that is mapped, in and out.

mod address;
mod options;
mod session;
pub mod wire;

use std::borrow::Cow;
use std::sync::Arc;

use crosspatch_core::{AddressError, Backend, Direction, Instance, Options, Session};

use address::Address;
use options::Config;

/// The Open Pixel Control backend.
pub const BACKEND: Backend = Backend {
    name: "openpixelcontrol",
    summary: "Open Pixel Control: strips of coloured pixels over TCP",
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
    Some(Arc::new(Pixels { name, config: Arc::new(config) }))
}

struct Pixels {
    name: Arc<str>,
    config: Arc<Config>,
}

impl Instance for Pixels {
    fn canonical<'a>(&self, address: &'a str, direction: Direction) -> Result<Cow<'a, str>, AddressError> {
        let parsed = Address::parse(address, self.config.depth, direction)?;
        let (missing, way) = match direction {
            Direction::Input => (self.config.listen.is_none(), ("listen", "read")),
            Direction::Output => (self.config.destination.is_none(), ("destination", "written")),
        };
        if missing {
            let (option, done) = way;
            let error =
                AddressError::new(format!("without `{option}` no channel of this instance can be {done}"));
            return Err(error.help(format!("add `{option} = HOST PORT` to the instance")));
        }
        Ok(parsed.to_string().into())
    }

    fn session(&self) -> Box<dyn Session> {
        Box::new(session::PixelSession::new(&self.name, self.config.clone()))
    }
}
