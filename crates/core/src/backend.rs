//! The description of a protocol, as data, and the configuration of its instances.
//!
//! The documentation of a backend (its manual, its options, its suggestions after a typing error) follows from the
//! [`Backend`] value in the registry; nothing is registered at run time.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::address::{Quoted, needs_quotes, quoted};
use crate::transform::Family;
use crate::{
    Content, Direction, Effect, Instant, Kind, OptionSpec, Options, Outbox, PortSpec, Session, SessionId,
};

/// A protocol.
pub struct Backend {
    /// The name in configurations: lower case, the same as the folder's.
    pub name: &'static str,
    /// One line for lists.
    pub summary: &'static str,
    /// The whole manual: the README of the backend's folder.
    pub manual: &'static str,
    /// All options, global ones and those of an instance.
    pub options: &'static [OptionSpec],
    /// Words that addresses are built from, for "did you mean" and completion.
    pub words: &'static [&'static str],
    /// Whether a value sent on a channel is received again on the same one (loopback), so that mappings can form loops.
    pub loops_back: bool,
    /// Whether an instance is useful without mappings, such as a simulated console.
    pub stands_alone: bool,
    /// Reads the options. Every mistake is noted in `options` ([`Options::error`]), not only the first; `None` only if
    /// nothing useful can be built without mending them.
    pub configure: fn(&mut Options<'_>) -> Option<Arc<dyn Instance>>,
    /// Shows a message on the wire as one line, for logs, monitor and transcripts.
    pub describe: fn(&[u8], &mut String),
    /// Parses the output of `describe`, for scenarios and for messages that an operator writes; `None` if it is
    /// invalid.
    pub compose: fn(&str) -> Option<Vec<u8>>,
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backend").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Everything that a configuration can name: the protocols and the transforms of a program.
#[derive(Copy, Clone, Debug)]
pub struct Registry {
    /// Those that are built in, by name.
    pub backends: &'static [&'static Backend],
    /// Backends of MIDIMonster that are known but not built in.
    pub planned: &'static [Planned],
    /// Names that people write for a backend that is called otherwise.
    pub aliases: &'static [Alias],
    /// The transforms, in the order in which they are listed.
    pub families: &'static [&'static Family],
}

/// A backend of MIDIMonster that is not built in.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Its name in MIDIMonster.
    pub name: &'static str,
    /// The alternative, in lower case without a full stop.
    pub instead: &'static str,
}

/// Names of products and protocols, and the backend that serves them.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// The names, in lower case.
    pub names: &'static [&'static str],
    /// The name of the backend; none if no backend does that.
    pub backend: Option<&'static str>,
    /// Why it is that backend, or why there is none, in lower case without a full stop.
    pub why: &'static str,
}

impl Registry {
    /// The planned backend of that name.
    pub fn planned(&self, name: &str) -> Option<&'static Planned> {
        self.planned.iter().find(|planned| planned.name == name)
    }

    /// The alias of that name, in upper or lower case.
    pub fn alias(&self, name: &str) -> Option<&'static Alias> {
        self.aliases.iter().find(|alias| alias.names.iter().any(|known| known.eq_ignore_ascii_case(name)))
    }

    /// The backend of that name.
    pub fn find(&self, name: &str) -> Option<&'static Backend> {
        self.backends.iter().copied().find(|backend| backend.name == name)
    }
}

/// A configured instance: options read, nothing opened yet.
pub trait Instance: Send + Sync {
    /// Checks an address written by a person without quotes and returns its canonical spelling, also without quotes.
    /// Called by [`canonical_address`], which adds the quotes.
    ///
    /// # Errors
    ///
    /// If the address is invalid, or cannot be used in this direction.
    fn canonical<'a>(&self, address: &'a str, direction: Direction) -> Result<Cow<'a, str>, AddressError>;

    /// Whether a channel, by its canonical address, is a state, a control or an event in this direction. Where
    /// [`Backend::loops_back`] holds, the engine derives the kind from the mappings to the channel instead.
    fn kind(&self, address: &str, direction: Direction) -> Kind;

    /// The content of the values of a channel in this direction, by its canonical address.
    fn content(&self, _address: &str, _direction: Direction) -> Content {
        Content::Any
    }

    /// The same as [`canonical`](Self::canonical) for a quoted address. The quoted text is a complete name, for
    /// backends whose names may look like other syntax.
    ///
    /// # Errors
    ///
    /// As [`canonical`](Self::canonical).
    fn canonical_quoted(&self, quoted: &Quoted<'_>, direction: Direction) -> Result<String, AddressError> {
        self.canonical(&quoted.joined(), direction).map(Cow::into_owned)
    }

    /// The length in bytes of the part that has to be quoted, if a canonical address needs quotes.
    fn quotable(&self, canonical: &str) -> Option<usize> {
        needs_quotes(canonical).then_some(canonical.len())
    }

    /// A received message in the form for recordings: a secret in it is replaced by a mark that shows whether it is
    /// correct. `None` if it contains no secret.
    fn conceal(&self, _message: &[u8]) -> Option<Vec<u8>> {
        None
    }

    /// A message as it has to come in from a recording: the mark for the right secret is replaced by the secret. `None` if
    /// there is no mark in it.
    fn reveal(&self, _message: &[u8]) -> Option<Vec<u8>> {
        None
    }

    /// A new session of this instance.
    fn session(&self) -> Box<dyn Session>;
}

/// Why an address is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressError {
    /// What was expected and what was found, in lower case without a full stop.
    pub message: String,
    /// A whole address that was perhaps meant.
    pub suggestion: Option<String>,
    /// Additional help.
    pub help: Option<String>,
}

impl AddressError {
    /// An error with nothing but a message.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), suggestion: None, help: None }
    }

    /// The same with an address that was perhaps meant.
    #[must_use]
    pub fn suggest(mut self, address: impl Into<String>) -> Self {
        self.suggestion = Some(address.into());
        self
    }

    /// The same with a hint.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for AddressError {}

/// Checks an address as written, with or without quotes, and returns its canonical spelling, with quotes where needed.
/// This is the identity of the channel; its session receives it [unquoted](crate::address::unquoted).
///
/// # Errors
///
/// If the address is invalid, or cannot be used in this direction.
pub fn canonical_address<'a>(
    instance: &dyn Instance,
    written: &'a str,
    direction: Direction,
) -> Result<Cow<'a, str>, AddressError> {
    if !written.starts_with('"') {
        return match instance.canonical(written, direction) {
            Ok(canonical) => Ok(spelt(instance, canonical)),
            Err(error) => Err(with_spelt_suggestion(instance, error)),
        };
    }
    let canonical = match Quoted::parse(written) {
        Some(quoted) => instance.canonical_quoted(&quoted, direction),
        None => instance
            .canonical(written, direction)
            .map(Cow::into_owned)
            .map_err(|_| AddressError::new(format!("expected a second quote after the name in `{written}`"))),
    };
    match canonical {
        Ok(canonical) => Ok(spelt(instance, canonical.into())),
        Err(error) => Err(with_spelt_suggestion(instance, error)),
    }
}

/// The ports that a session of an instance opens when it starts, as far as they do not depend on its channels.
pub fn ports_at_start(instance: &dyn Instance) -> Vec<PortSpec> {
    let mut out = Outbox::new();
    out.begin(SessionId(0));
    instance.session().start(Instant::START, &mut out);
    let spec = |effect: &Effect| match effect {
        Effect::Open(_, _, spec) => Some((**spec).clone()),
        Effect::Close(..) | Effect::Send(..) | Effect::Retire(_) | Effect::Notice(..) | Effect::Value(..) => {
            None
        }
    };
    out.effects().iter().filter_map(spec).collect()
}

/// A canonical address of an instance as one writes it.
fn spelt<'a>(instance: &dyn Instance, canonical: Cow<'a, str>) -> Cow<'a, str> {
    let Some(end) = instance.quotable(&canonical) else { return canonical };
    let (name, rest) = canonical.split_at(end);
    format!("{}{rest}", quoted(name)).into()
}

fn with_spelt_suggestion(instance: &dyn Instance, error: AddressError) -> AddressError {
    let suggestion = error.suggestion.map(|address| spelt(instance, address.into()).into_owned());
    AddressError { suggestion, ..error }
}
