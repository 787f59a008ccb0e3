//! ArtAddress, ArtCommand, ArtTimeCode and ArtTrigger: small packets that trigger actions.

use super::{DecodeError, OP_ADDRESS, OP_COMMAND, OP_TIME_CODE, OP_TRIGGER, begin};

/// The product code for all products.
const OEM_GLOBAL: u16 = 0xffff;

/// The offset of the command in ArtAddress, after the version.
const COMMAND: usize = 94;

/// Programs a node. Names and universes are not decoded, because the configuration sets them.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct ArtAddress {
    /// The index of the addressed device among those with the same IP address, as in its ArtPollReply.
    pub bind_index: u8,
    /// The command.
    pub command: u8,
}

impl ArtAddress {
    /// Cancels merging: the sender of the next packet becomes the only source.
    pub const CANCEL_MERGE: u8 = 0x01;
    /// Sets the first port to LTP.
    pub const MERGE_LTP: u8 = 0x10;
    /// Sets the first port to HTP.
    pub const MERGE_HTP: u8 = 0x50;

    pub(super) fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        match (body.get(1), body.get(COMMAND)) {
            (Some(&bind_index), Some(&command)) => Ok(Self { bind_index, command }),
            _ => Err(DecodeError::TooShort),
        }
    }

    pub(super) fn encode(self, out: &mut Vec<u8>) {
        begin(OP_ADDRESS, out);
        let start = out.len();
        // 0x7f: no change.
        out.extend_from_slice(&[0x7f, self.bind_index]);
        out.resize(start + 84, 0);
        out.resize(start + COMMAND, 0x7f);
        out.push(self.command);
    }
}

/// A text command for the devices of one manufacturer; all others ignore it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct ArtCommand<'a> {
    /// The ESTA code of the manufacturer.
    pub esta: u16,
    /// Up to 511 bytes, usually `name=value&`.
    pub text: &'a [u8],
}

impl<'a> ArtCommand<'a> {
    /// The maximum length of the text.
    const LONGEST: usize = 511;

    pub(super) fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let Some((&[esta_high, esta_low, high, low], rest)) = body.split_first_chunk::<4>() else {
            return Err(DecodeError::TooShort);
        };
        let data = rest.get(..usize::from(u16::from_be_bytes([high, low]))).ok_or(DecodeError::TooShort)?;
        let text = data.split(|&byte| byte == 0).next().unwrap_or_default();
        Ok(Self {
            esta: u16::from_be_bytes([esta_high, esta_low]),
            text: &text[..text.len().min(Self::LONGEST)],
        })
    }

    pub(super) fn encode(self, out: &mut Vec<u8>) {
        begin(OP_COMMAND, out);
        let text = &self.text[..self.text.len().min(Self::LONGEST)];
        out.extend_from_slice(&self.esta.to_be_bytes());
        out.extend_from_slice(&(text.len() as u16 + 1).to_be_bytes());
        out.extend_from_slice(text);
        out.push(0);
    }
}

/// The time of a show.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct ArtTimeCode {
    /// 0 to 29.
    pub frames: u8,
    /// 0 to 59.
    pub seconds: u8,
    /// 0 to 59.
    pub minutes: u8,
    /// 0 to 23.
    pub hours: u8,
    /// The frame rate: 0 film (24), 1 EBU (25), 2 drop frame (29.97), 3 SMPTE (30).
    pub kind: u8,
}

impl ArtTimeCode {
    pub(super) fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        match body.first_chunk::<7>() {
            Some(&[_, _, frames, seconds, minutes, hours, kind]) => {
                Ok(Self { frames, seconds, minutes, hours, kind })
            }
            None => Err(DecodeError::TooShort),
        }
    }

    pub(super) fn encode(self, out: &mut Vec<u8>) {
        begin(OP_TIME_CODE, out);
        out.extend_from_slice(&[0, 0, self.frames, self.seconds, self.minutes, self.hours, self.kind]);
    }
}

/// Triggers an action.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct ArtTrigger {
    /// The code of the addressed product, 0xffff for all.
    pub oem: u16,
    /// The kind of trigger.
    pub key: u8,
    /// The number of the trigger.
    pub sub_key: u8,
}

/// The kinds of triggers that are defined for all products.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// A character, as typed on a keyboard.
    Ascii,
    /// A macro.
    Macro,
    /// A soft key.
    Soft,
    /// A show.
    Show,
}

impl Key {
    /// All kinds, by number.
    pub const ALL: [Self; 4] = [Self::Ascii, Self::Macro, Self::Soft, Self::Show];

    /// The name in addresses and text.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ascii => "ascii",
            Self::Macro => "macro",
            Self::Soft => "soft",
            Self::Show => "show",
        }
    }

    /// The key with that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.name() == name)
    }
}

impl ArtTrigger {
    /// A trigger for all products.
    pub fn new(key: Key, sub_key: u8) -> Self {
        Self { oem: OEM_GLOBAL, key: key as u8, sub_key }
    }

    /// The kind, if the trigger is for all products and the kind is known.
    pub fn kind(&self) -> Option<Key> {
        Key::ALL.get(usize::from(self.key)).copied().filter(|_| self.oem == OEM_GLOBAL)
    }

    pub(super) fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        match body.first_chunk::<6>() {
            Some(&[_, _, oem_high, oem_low, key, sub_key]) => {
                Ok(Self { oem: u16::from_be_bytes([oem_high, oem_low]), key, sub_key })
            }
            None => Err(DecodeError::TooShort),
        }
    }

    pub(super) fn encode(self, out: &mut Vec<u8>) {
        begin(OP_TRIGGER, out);
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&self.oem.to_be_bytes());
        out.extend_from_slice(&[self.key, self.sub_key]);
        // Space for data of other products.
        out.resize(out.len() + 512, 0);
    }
}
