//! MA Web Remote, the client: grandMA2 and dot2 consoles and their onPC versions.
//!
//! | part | does |
//! | --- | --- |
//! | [`wire`] | the messages, both directions |
//! | `options`, `command` | what is configured |
//! | `address`, `keys` | how channels are written, and the tables of keys |
//! | `login` | hosts, greeting, session, log-in, keep-alive, reconnect |
//! | `channel` | the record of a mapped channel |
//! | `poll` | which requests cover the mapped executors, and when they are sent |
//! | `watch` | which values of the answers become events |
//! | `output` | order and rate of messages, and how far they may run ahead of the console |
//! | `session` | joins them |
//!
//! `login`, `poll`, `watch` and `output` do not use each other or the outbox, and are tested alone. `watch` and `output` work
//! on the records of `channel`.

mod address;
mod channel;
mod command;
mod keys;
mod login;
mod options;
mod output;
mod poll;
mod session;
mod watch;
pub mod wire;

use std::borrow::Cow;
use std::sync::Arc;

use crosspatch_core::{AddressError, Backend, Content, Direction, Instance, Kind, Options, Session};

use address::{Address, ExecutorPart};
use command::{CommandLine, CommandTrigger};
use options::{Cmdline, Config};

/// The MA Web Remote backend.
pub const BACKEND: Backend = Backend {
    name: "maweb",
    summary: "the web remote of grandMA2 and dot2 consoles: faders, keys, command lines and what the console shows",
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
    let settings = Arc::new(Config::read(options));
    Some(Arc::new(MaWeb { settings }))
}

/// A configured console.
struct MaWeb {
    settings: Arc<Config>,
}

impl Instance for MaWeb {
    fn canonical<'a>(&self, address: &'a str, direction: Direction) -> Result<Cow<'a, str>, AddressError> {
        let parsed: Address = address.parse().map_err(|error| self.suggest_command(address, error))?;
        parsed.check(direction)?;
        match &parsed {
            Address::Command(name) if !self.settings.commands.contains_key(&**name) => {
                let error = AddressError::new(format!(
                    "there is no `command.{name}` among the options of this instance"
                ));
                let known = self.settings.commands.keys().map(String::as_str);
                return Err(match address::nearest(name, sorted(known).into_iter()) {
                    Some(known) => error.suggest(format!("command.{known}")),
                    None => error.help(format!("add a line such as `command.{name} = Off Page Thru`")),
                });
            }
            Address::Key(key) => {
                if let Err(reason) = self.settings.cmdline.allows(key) {
                    let help = match self.settings.cmdline {
                        Cmdline::Remote => "set `cmdline = console` or `cmdline = downgrade` to press it",
                        Cmdline::Console | Cmdline::Downgrade => {
                            "set `cmdline = remote` or `cmdline = downgrade` to press it"
                        }
                    };
                    return Err(AddressError::new(format!("`{}` {reason}", key.name)).help(help));
                }
            }
            Address::Executor(..)
            | Address::Command(_)
            | Address::Encoder(..)
            | Address::Led(_)
            | Address::Confirm(_) => {}
        }
        let canonical = parsed.to_string();
        Ok(if canonical == address { address.into() } else { canonical.into() })
    }

    fn kind(&self, address: &str, direction: Direction) -> Kind {
        match (direction, address.parse()) {
            (Direction::Input, _) | (_, Ok(Address::Executor(_, ExecutorPart::Fader)) | Err(_)) => {
                Kind::State
            }
            (_, Ok(Address::Command(name))) => {
                match self.settings.commands.get(&*name).map(CommandLine::trigger) {
                    Some(CommandTrigger::Level) => Kind::State,
                    Some(_) | None => Kind::Event,
                }
            }
            (Direction::Output, Ok(_)) => Kind::Event,
        }
    }

    fn content(&self, address: &str, direction: Direction) -> Content {
        match (direction, address.parse()) {
            (
                Direction::Input,
                Ok(Address::Executor(
                    _,
                    ExecutorPart::Name | ExecutorPart::Cue | ExecutorPart::Color | ExecutorPart::Level,
                )),
            ) => Content::Text,
            (_, Ok(Address::Executor(..) | Address::Key(_) | Address::Led(_))) => Content::Number,
            (_, Ok(Address::Command(_) | Address::Encoder(..) | Address::Confirm(_)) | Err(_)) => {
                Content::Any
            }
        }
    }

    fn session(&self) -> Box<dyn Session> {
        Box::new(session::Session::new(self.settings.clone()))
    }
}

impl MaWeb {
    /// Suggests `command.` before the name of a command that was written without it.
    fn suggest_command(&self, address: &str, error: AddressError) -> AddressError {
        if self.settings.commands.contains_key(address) {
            error.suggest(format!("command.{address}"))
        } else {
            error
        }
    }
}

fn sorted<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    names
}
