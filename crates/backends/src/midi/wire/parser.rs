//! Parses messages out of a stream of bytes, as on a MIDI cable.

use super::message::{DecodeError, END_OF_SYSEX, Message, SYSEX, SysEx, data_len};

/// The most bytes of a system exclusive message between `F0` and `F7`. A longer one is skipped.
pub const MAX_SYSEX: usize = 16 * 1024;

/// Assembles messages. Malformed bytes are reported and skipped up to the next status byte.
#[derive(Debug, Default)]
pub struct Parser {
    state: ParserState,
    /// The running status, for data without a status byte.
    running: Option<u8>,
    data: [u8; 2],
    filled: usize,
    sysex: Vec<u8>,
}

#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
enum ParserState {
    #[default]
    Ready,
    /// Between the `F0` and the end.
    SysEx,
    /// Data to skip: it is too long, or has no status byte. Reported once.
    Skipping,
}

impl Parser {
    /// Adds bytes, and passes on each message that they complete.
    pub fn push(&mut self, bytes: &[u8], mut found: impl FnMut(Result<Message<'_>, DecodeError>)) {
        for &byte in bytes {
            match byte {
                0x00..=0x7f => self.push_data(byte, &mut found),
                END_OF_SYSEX => self.end_sysex(&mut found),
                // Real-time messages may occur anywhere and change nothing.
                0xf8.. => found(Message::of(byte, [0; 2]).ok_or(DecodeError::BadStatus(byte))),
                _ => self.push_status(byte, &mut found),
            }
        }
    }

    /// Drops an incomplete message, after a connection was lost.
    pub fn reset(&mut self) {
        self.state = ParserState::Ready;
        self.running = None;
        self.filled = 0;
        self.sysex.clear();
    }

    fn push_data(&mut self, byte: u8, found: &mut impl FnMut(Result<Message<'_>, DecodeError>)) {
        match (self.state, self.running) {
            (ParserState::Skipping, _) => {}
            (ParserState::SysEx, _) if self.sysex.len() < MAX_SYSEX => self.sysex.push(byte),
            (ParserState::SysEx, _) => {
                self.state = ParserState::Skipping;
                self.sysex.clear();
                found(Err(DecodeError::TooLong));
            }
            (ParserState::Ready, None) => {
                self.state = ParserState::Skipping;
                found(Err(DecodeError::NoStatus));
            }
            (ParserState::Ready, Some(status)) => {
                self.data[self.filled] = byte;
                self.filled += 1;
                if Some(self.filled) == data_len(status) {
                    self.filled = 0;
                    if status >= SYSEX {
                        self.running = None;
                    }
                    found(Message::of(status, self.data).ok_or(DecodeError::BadStatus(status)));
                }
            }
        }
    }

    fn push_status(&mut self, status: u8, found: &mut impl FnMut(Result<Message<'_>, DecodeError>)) {
        self.cut(found);
        match data_len(status) {
            None if status == SYSEX => self.state = ParserState::SysEx,
            None => found(Err(DecodeError::BadStatus(status))),
            Some(0) => found(Message::of(status, [0; 2]).ok_or(DecodeError::BadStatus(status))),
            Some(_) => self.running = Some(status),
        }
    }

    fn end_sysex(&mut self, found: &mut impl FnMut(Result<Message<'_>, DecodeError>)) {
        match self.state {
            ParserState::SysEx => {
                self.state = ParserState::Ready;
                if let Some(sysex) = SysEx::new(&self.sysex) {
                    found(Ok(Message::SysEx(sysex)));
                }
            }
            ParserState::Skipping => {}
            ParserState::Ready => {
                self.cut(found);
                found(Err(DecodeError::BadStatus(END_OF_SYSEX)));
            }
        }
        self.reset();
    }

    /// Ends an incomplete message.
    fn cut(&mut self, found: &mut impl FnMut(Result<Message<'_>, DecodeError>)) {
        if self.state == ParserState::SysEx {
            found(Err(DecodeError::SysExCut));
        } else if self.filled > 0 {
            found(Err(DecodeError::Cut));
        }
        self.reset();
    }
}
