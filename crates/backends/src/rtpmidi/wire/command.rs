//! The commands of a session: invitation, clock, feedback and goodbye, as Apple's "MIDI Network Driver Protocol" has them.

use super::{ByteReader, DecodeError};

/// What every command begins with. No packet of RTP does: it would be of version 3.
pub(super) const SIGNATURE: [u8; 2] = [0xff, 0xff];

/// The version of the protocol.
const VERSION: u32 = 2;

/// The name of a session is cut to so many bytes.
pub const MAX_NAME: usize = 64;

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionCommand {
    /// `IN`: come into a session with me.
    Invite(SessionExchange),
    /// `OK`: I do.
    Accept(SessionExchange),
    /// `NO`: I do not.
    Reject(SessionExchange),
    /// `BY`: the session is over.
    Bye(SessionExchange),
    /// `CK`: one of the three messages that compare clocks.
    Clock(Timing),
    /// `RS`: everything up to this sequence number has been received, or recovered.
    Feedback {
        /// The source of the command.
        ssrc: u32,
        /// The sequence number of RTP.
        sequence: u16,
    },
    /// `RL`: the peer wants no more than so much.
    BitRate {
        /// The source of the command.
        ssrc: u32,
        /// Bits a second.
        limit: u32,
    },
}

/// What invitations, their answers and goodbyes say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionExchange {
    /// A number that the initiator made up, and which its answer repeats.
    pub token: u32,
    /// The source of the command, the same as of its packets of RTP.
    pub ssrc: u32,
    /// The name of the source; only invitations and acceptances have one, and not all of them.
    pub name: Option<String>,
}

/// A clock message. Times are in units of 100 microseconds.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// The source of the command.
    pub ssrc: u32,
    /// 0, 1 or 2: how many messages went before, and so how many times but one are filled in.
    pub count: u8,
    /// When the initiator sent the first message, the other one answered, and the initiator had that.
    pub times: [u64; 3],
}

impl SessionCommand {
    /// Reads a command. Further bytes are ignored.
    ///
    /// # Errors
    ///
    /// If the command is not known or not whole.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = ByteReader(bytes);
        let [_, _, first, second] = reader.array()?;
        Ok(match &[first, second] {
            b"IN" => Self::Invite(SessionExchange::decode(reader)?),
            b"OK" => Self::Accept(SessionExchange::decode(reader)?),
            b"NO" => Self::Reject(SessionExchange::decode(reader)?),
            b"BY" => Self::Bye(SessionExchange::decode(reader)?),
            b"CK" => {
                let ssrc = reader.u32()?;
                let count = reader.u8()?;
                reader.take(3)?;
                if count > 2 {
                    return Err(DecodeError::BadCount(count));
                }
                let times = [reader.u64()?, reader.u64()?, reader.u64()?];
                Self::Clock(Timing { ssrc, count, times })
            }
            b"RS" => Self::Feedback { ssrc: reader.u32()?, sequence: reader.u16()? },
            b"RL" => Self::BitRate { ssrc: reader.u32()?, limit: reader.u32()? },
            _ => return Err(DecodeError::BadCommand([first, second])),
        })
    }

    /// Appends the command.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend(SIGNATURE);
        match self {
            Self::Invite(session) => session.encode(b"IN", out),
            Self::Accept(session) => session.encode(b"OK", out),
            Self::Reject(session) => session.encode(b"NO", out),
            Self::Bye(session) => session.encode(b"BY", out),
            Self::Clock(Timing { ssrc, count, times }) => {
                out.extend(b"CK");
                out.extend(ssrc.to_be_bytes());
                out.extend([*count, 0, 0, 0]);
                times.iter().for_each(|time| out.extend(time.to_be_bytes()));
            }
            Self::Feedback { ssrc, sequence } => {
                out.extend(b"RS");
                out.extend(ssrc.to_be_bytes());
                out.extend(sequence.to_be_bytes());
                out.extend([0, 0]);
            }
            Self::BitRate { ssrc, limit } => {
                out.extend(b"RL");
                out.extend(ssrc.to_be_bytes());
                out.extend(limit.to_be_bytes());
            }
        }
    }
}

impl SessionExchange {
    fn decode(mut reader: ByteReader<'_>) -> Result<Self, DecodeError> {
        let version = reader.u32()?;
        if version != VERSION {
            return Err(DecodeError::BadSession(version));
        }
        let (token, ssrc) = (reader.u32()?, reader.u32()?);
        let name = reader.0.split(|byte| *byte == 0).next().filter(|_| !reader.0.is_empty());
        let name = name.map(|name| cut(String::from_utf8_lossy(name).into_owned()));
        Ok(Self { token, ssrc, name })
    }

    fn encode(&self, command: &[u8; 2], out: &mut Vec<u8>) {
        out.extend(command);
        out.extend(VERSION.to_be_bytes());
        out.extend(self.token.to_be_bytes());
        out.extend(self.ssrc.to_be_bytes());
        if let Some(name) = &self.name {
            out.extend(name.bytes().filter(|byte| *byte != 0));
            out.push(0);
        }
    }
}

/// Cuts a name to a length, and between characters.
fn cut(mut name: String) -> String {
    let end = (0..=MAX_NAME).rfind(|end| name.is_char_boundary(*end));
    name.truncate(if name.len() > MAX_NAME { end.unwrap_or(0) } else { MAX_NAME });
    name
}
