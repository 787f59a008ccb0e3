//! Why bytes are no OSC.

use std::fmt;

/// What is wrong with a packet, in words an operator understands.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// There is nothing.
    Empty,
    /// The length is not a multiple of four.
    Misaligned,
    /// It begins neither with `/` nor with `#bundle`.
    NoAddress,
    /// A string does not end.
    Unterminated,
    /// A type tag that neither OSC 1.0 nor 1.1 knows.
    UnknownType(u8),
    /// A `[` without its `]`, or the other way round.
    Unbalanced,
    /// Less data than the type tags promise.
    Truncated,
    /// The length of a blob is negative or goes beyond the end.
    BlobLength,
    /// The length of an element of a bundle is negative or goes beyond the end.
    ElementLength,
    /// Bundles within bundles, more than [`MAX_DEPTH`](super::MAX_DEPTH).
    TooDeep,
    /// The length in front of a message in a stream is negative or more than [`MAX_FRAME`](super::MAX_FRAME).
    FrameLength,
    /// A SLIP escape that RFC 1055 does not know.
    Escape,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "it is empty",
            Self::Misaligned => "its length is not a multiple of four",
            Self::NoAddress => "it begins neither with `/` nor with `#bundle`",
            Self::Unterminated => "a string in it does not end",
            Self::UnknownType(tag) => {
                return write!(f, "it has an argument of unknown type `{}`", tag.escape_ascii());
            }
            Self::Unbalanced => "its `[` and `]` do not match",
            Self::Truncated => "it has fewer arguments than type tags",
            Self::BlobLength => "a blob in it is longer than the packet",
            Self::ElementLength => "a message in the bundle is longer than the bundle",
            Self::TooDeep => "its bundles are nested too deeply",
            Self::FrameLength => "its length is beyond the limit",
            Self::Escape => "its SLIP escapes are wrong",
        })
    }
}

impl std::error::Error for DecodeError {}
