//! The channels at one end of a mapping, or within a stage, as far as they can be read.

use crate::syntax::pattern::Pattern;
use crate::syntax::source::Location;

/// One channel, or several, as written.
pub(crate) struct ChannelList<'t> {
    /// The index of the instance, if it exists.
    pub(crate) instance: Option<usize>,
    pub(crate) addresses: Addresses<'t>,
    /// The location of the address.
    pub(crate) location: Location,
    /// If a `|` belongs to the address, but was probably meant otherwise.
    pub(crate) bar: Option<DoubtfulBar>,
}

/// A `|` in an address that was probably meant to begin a stage.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum DoubtfulBar {
    /// It has a space on one side only.
    Loose,
    /// The name of a transform or of a chain follows.
    Stage,
}

/// The addresses of an endpoint.
pub(crate) enum Addresses<'t> {
    One(&'t str),
    Many(Pattern<'t>),
}

impl Addresses<'_> {
    pub(crate) fn count(&self) -> u128 {
        match self {
            Self::One(_) => 1,
            Self::Many(pattern) => pattern.size(),
        }
    }

    /// The address with the given number, counted from 0. An address of a pattern is written into `buf`.
    pub(crate) fn nth<'s>(&'s self, number: u128, buf: &'s mut String) -> &'s str {
        match self {
            Self::One(address) => address,
            Self::Many(pattern) => {
                pattern.write_nth(number, buf);
                buf
            }
        }
    }
}

/// A channel that a stage refers to, read from its text.
pub(crate) enum Referenced<'t> {
    /// The target of the mapping.
    Target,
    /// The channel that is written in the stage.
    Channel {
        /// None if it cannot be read.
        endpoint: Option<ChannelList<'t>>,
        /// Whether a channel that has no input is allowed.
        may_be_output: bool,
    },
}
