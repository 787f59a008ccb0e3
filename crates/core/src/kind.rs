//! The direction of a channel, and its kind: whether its values are states, settings or events.
//!
//! ```text
//! art.1 > osc./fader            a state: sent when it changes
//! pad.ch0.cc7 > osc./fader      a control: sent as often as it is received
//! pad.ch0.program > osc./cue    an event: sent as often as it happens, and never repeated
//! ```
//!
//! Backends declare the kind of each channel ([`Instance::kind`](crate::Instance::kind)), the plan computes the kind of
//! each mapping, and the engine keeps events out of recalls.

use std::fmt;

/// Which way a channel is used. *Input* means into crosspatch, *output* out of it.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// The protocol's side changes the channel; it is the source of a mapping.
    Input,
    /// crosspatch changes the channel; it is the target of a mapping.
    Output,
}

/// The kind of a channel, from the weakest to the strongest: where several meet, the strongest counts.
///
/// | kind | the same value again | after a reconnect |
/// | --- | --- | --- |
/// | state | is ignored: an input does not emit it, an output need not send it | the last value is sent |
/// | control | is emitted and sent each time it is received | the last number is sent; a text is a command and is not |
/// | event | is emitted and sent each time it is received | nothing is sent |
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A state, such as a slot of a universe or a fader that a console reports on request.
    #[default]
    State,
    /// A value set by a message, such as a control change or an OSC message: the message is an event, the value is a
    /// state.
    Control,
    /// An occurrence, such as a program change, a cue or a key of a console.
    Event,
}

/// The content of the values of a channel, as far as its backend knows it.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum Content {
    /// Numbers, texts or both.
    #[default]
    Any,
    /// Numbers. A text as output has no effect.
    Number,
    /// Texts.
    Text,
}

impl Kind {
    /// Every kind, from the weakest to the strongest.
    pub const ALL: [Self; 3] = [Self::State, Self::Control, Self::Event];

    /// Its name in manuals and on pages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Control => "control",
            Self::Event => "event",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
