//! A client of a JACK server, as data: its ports, and the encoding of their data between the shell and a session.

use std::fmt;

use crate::Direction;

/// The maximum number of ports of a client.
pub const MAX_JACK_PORTS: usize = 256;

/// A client of a JACK server, as other programs see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jack {
    /// The name of the client. The server appends a number if another client has it.
    pub client: String,
    /// The name of the server. Without one, JACK chooses it (`JACK_DEFAULT_SERVER`, or `default`).
    pub server: Option<String>,
    /// The ports, at most [`MAX_JACK_PORTS`]. Messages name them by their place in this list.
    pub ports: Vec<JackPort>,
}

/// A port of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JackPort {
    /// The name of the port, after that of the client.
    pub name: String,
    /// The kind of its data.
    pub kind: JackKind,
    /// Whether it is listened to, or sent to.
    pub direction: Direction,
}

/// The kind of data of a port.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum JackKind {
    /// MIDI messages.
    Midi,
    /// A control voltage: samples, where 1 is the full scale of the sound card.
    Cv {
        /// The minimum change of a voltage, in millionths of the full scale, that is reported before it has settled.
        step_millionths: u32,
    },
}

/// One event of a port. Its bytes follow the number of the port in one byte and the kind of the event in another.
#[derive(Copy, Clone, Debug, PartialEq)]
pub enum JackEvent<'a> {
    /// One whole MIDI message; as its bytes, kind 0.
    Midi(&'a [u8]),
    /// A voltage; as four bytes, the least significant first, kind 1.
    Cv(f32),
    /// A new client has connected to the port; no bytes, kind 2. Input only.
    Joined,
    /// The server has missed a block, and the output of the port in it may be lost; no bytes, kind 3. Input only.
    Missed,
}

impl<'a> JackEvent<'a> {
    /// The two bytes before those of the event.
    pub fn head(&self, port: u8) -> [u8; 2] {
        let kind = match self {
            Self::Midi(_) => 0,
            Self::Cv(_) => 1,
            Self::Joined => 2,
            Self::Missed => 3,
        };
        [port, kind]
    }

    /// Appends the number of the port and the event.
    pub fn encode(&self, port: u8, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head(port));
        match self {
            Self::Midi(message) => out.extend_from_slice(message),
            Self::Cv(voltage) => out.extend_from_slice(&voltage.to_le_bytes()),
            Self::Joined | Self::Missed => {}
        }
    }

    /// The number of the port and the event; `None` if it is neither.
    pub fn decode(bytes: &'a [u8]) -> Option<(u8, Self)> {
        let (&[port, kind], body) = bytes.split_first_chunk()?;
        let event = match kind {
            0 if !body.is_empty() => Self::Midi(body),
            1 => Self::Cv(f32::from_le_bytes(body.try_into().ok()?)),
            2 if body.is_empty() => Self::Joined,
            3 if body.is_empty() => Self::Missed,
            _ => return None,
        };
        Some((port, event))
    }
}

/// `jack CLIENT`, `jack CLIENT at SERVER`.
impl fmt::Display for Jack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "jack {}", self.client)?;
        self.server.as_ref().map_or(Ok(()), |server| write!(f, " at {server}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_cross_as_bytes() {
        for (event, bytes) in [
            (JackEvent::Midi(&[0xb0, 7, 127]), &[3, 0, 0xb0, 7, 127][..]),
            (JackEvent::Cv(-1.0), &[3, 1, 0, 0, 0x80, 0xbf]),
            (JackEvent::Joined, &[3, 2]),
            (JackEvent::Missed, &[3, 3]),
        ] {
            let mut out = vec![0xa5];
            event.encode(3, &mut out);
            assert_eq!(out[1..], *bytes);
            assert_eq!(JackEvent::decode(bytes), Some((3, event)));
        }
    }

    #[test]
    fn what_is_no_event_is_refused() {
        for bytes in [
            &[][..],
            &[0],
            &[0, 0],
            &[0, 1, 0, 0, 0],
            &[0, 1, 0, 0, 0, 0, 0],
            &[0, 2, 0],
            &[0, 3, 0],
            &[0, 4],
        ] {
            assert_eq!(JackEvent::decode(bytes), None, "{bytes:?}");
        }
    }
}
