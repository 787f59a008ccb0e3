//! The wire format of Open Sound Control: OSC 1.0 (sections "OSC Syntax" and "OSC Type Tag String"), and of OSC 1.1 the
//! type tags `T F N I t` and SLIP framing.
//!
//! Decoding borrows and is checked: a [`Message`] that was decoded holds every argument that its type tags promise.
//! Not implemented: `//` in address patterns (OSC 1.1) and any meaning of time tags other than "immediately".

mod bundle;
mod error;
mod framing;
mod message;
mod text;

pub use bundle::{Bundle, Elements, MAX_DEPTH, Messages, Packet, begin_bundle, encode_element};
pub use error::DecodeError;
pub use framing::{Deframer, Framing, MAX_FRAME};
pub(crate) use message::encode_arguments;
pub use message::{Argument, ArgumentIter, Message, OscStr, TimeTag, encode_message};
pub(crate) use text::time_tag;
pub use text::{compose, describe};

#[cfg(test)]
mod tests;
