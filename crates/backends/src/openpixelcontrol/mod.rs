//! Open Pixel Control: strips of RGB pixels over TCP.
//!
//! [`wire`] is the codec. A session is a client (`client`), a server (`server`), or both.

mod address;
mod client;
mod options;
mod server;
mod session;
pub mod wire;

use std::borrow::Cow;
use std::sync::Arc;

use crosspatch_core::{AddressError, Backend, Direction, Instance, Kind, Options, Session};

use crate::shared::dmx::Place;
use crate::shared::feedback::Guarded;
use address::Address;
use options::Config;

/// The Open Pixel Control backend.
pub const BACKEND: Backend = Backend {
    name: "openpixelcontrol",
    summary: "Open Pixel Control: strips of RGB pixels over TCP",
    manual: include_str!("README.md"),
    options: options::OPTIONS,
    words: address::WORDS,
    loops_back: false,
    stands_alone: false,
    configure,
    describe: wire::describe,
    compose: wire::compose,
};

/// The resolution of a colour.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Mode {
    Bits8,
    Bits16,
}

impl Mode {
    /// The command that sets colours of this resolution.
    fn command(self) -> u8 {
        match self {
            Self::Bits8 => wire::SET_8_BIT,
            Self::Bits16 => wire::SET_16_BIT,
        }
    }

    /// The number of bytes of a component.
    fn width(self) -> u16 {
        match self {
            Self::Bits8 => 1,
            Self::Bits16 => 2,
        }
    }

    /// The maximum number of pixels in a message.
    fn max_pixels(self) -> u16 {
        wire::MAX_DATA as u16 / (3 * self.width())
    }

    /// The position of a component in the data of a message.
    fn place(self, component: u16) -> Place {
        let coarse = component * self.width();
        Place { coarse, fine: (self == Self::Bits16).then_some(coarse + 1) }
    }
}

fn configure(options: &mut Options<'_>) -> Option<Arc<dyn Instance>> {
    let name = options.instance().into();
    let config = options::read(options)?;
    Some(Arc::new(OpenPixelControl { name, config: Arc::new(config) }))
}

struct OpenPixelControl {
    name: Arc<str>,
    config: Arc<Config>,
}

impl Instance for OpenPixelControl {
    fn canonical<'a>(&self, address: &'a str, direction: Direction) -> Result<Cow<'a, str>, AddressError> {
        let parsed = Address::parse(address, self.config.mode)?;
        parsed.check(direction)?;
        let (is_usable, verb, option) = match direction {
            Direction::Input => (self.config.listen.is_some(), "read", "listen"),
            Direction::Output => (self.config.destination.is_some(), "written", "destination"),
        };
        if is_usable {
            return Ok(parsed.to_string().into());
        }
        Err(AddressError::new(format!(
            "`{address}` cannot be {verb}, because `{}` has no `{option}`",
            self.name
        )))
    }

    fn kind(&self, _: &str, _: Direction) -> Kind {
        Kind::State
    }

    fn session(&self) -> Box<dyn Session> {
        Box::new(Guarded::frames(session::OpenPixelControlSession::new(&self.name, self.config.clone())))
    }
}

#[cfg(test)]
mod tests {
    use crosspatch_core::Given;

    use super::*;

    fn instance(given: &[Given]) -> Arc<dyn Instance> {
        let mut options = Options::new("wall", given, options::OPTIONS);
        configure(&mut options).expect("an instance")
    }

    #[test]
    fn both_spellings_of_a_component_are_one_channel() {
        let instance = instance(&[Given::of_instance("destination", "10.0.0.2")]);
        for address in ["strip3.channel8", "strip3.green3"] {
            let canonical = instance.canonical(address, Direction::Output);
            assert_eq!(canonical.as_deref(), Ok("strip3.green3"));
        }
    }

    #[test]
    fn what_is_not_listened_for_cannot_be_read_and_what_goes_nowhere_not_written() {
        for (option, good, bad, message) in [
            (
                "destination",
                Direction::Output,
                Direction::Input,
                "`strip1.red1` cannot be read, because `wall` has no `listen`",
            ),
            (
                "listen",
                Direction::Input,
                Direction::Output,
                "`strip1.red1` cannot be written, because `wall` has no `destination`",
            ),
        ] {
            let instance = instance(&[Given::of_instance(option, "10.0.0.2")]);
            assert!(instance.canonical("strip1.red1", good).is_ok());
            let error = instance.canonical("strip1.red1", bad).expect_err("the wrong direction");
            assert_eq!(error.message, message);
        }
    }

    #[test]
    fn the_longest_strip_fills_the_longest_message() {
        for (mode, end) in [(Mode::Bits8, 65_535), (Mode::Bits16, 65_532)] {
            assert_eq!(mode.place(mode.max_pixels() * 3 - 1).end(), end);
            assert!(end + 3 * usize::from(mode.width()) > wire::MAX_DATA);
        }
    }
}
