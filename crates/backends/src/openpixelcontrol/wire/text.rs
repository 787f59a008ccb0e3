//! Messages as one line of text: `strip1 8bit 255 0*5, strip2 16bit 65535 0 0`. The manual describes the format under
//! "Messages as text".

use std::fmt::{self, Write};
use std::str::FromStr;

use super::{MAX_DATA, Message, SET_8_BIT, SET_16_BIT, SYSTEM_EXCLUSIVE};
use crate::shared::{hex, runs};

/// The separator between messages.
const SEPARATOR: &str = ", ";

/// Formats the messages in a piece of a stream. A piece that ends within a message, or that the text cannot represent
/// fully, is shown in hexadecimal.
pub fn describe(bytes: &[u8], line: &mut String) {
    hex::show_unless_read_again(bytes, line, compose, |line| {
        let mut rest = bytes;
        while let Some((message, behind)) = Message::decode(rest) {
            rest = behind;
            // Writing to a `String` cannot fail.
            let _ = write!(line, "{message}{}", if rest.is_empty() { "" } else { SEPARATOR });
        }
        rest.is_empty()
    });
}

/// Parses the text form of [`describe`]. `None` if it is invalid.
pub fn compose(line: &str) -> Option<Vec<u8>> {
    let line = line.trim();
    if let Some(digits) = line.strip_prefix("0x") {
        return hex::parse(digits);
    }
    let mut out = Vec::new();
    line.split(SEPARATOR).try_for_each(|message| compose_one(message, &mut out))?;
    Some(out)
}

impl fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "strip{}", self.strip)?;
        match self.command {
            SET_8_BIT => {
                f.write_str(" 8bit")?;
                self.data
                    .chunk_by(|one, other| one == other)
                    .try_for_each(|run| runs::show(f, run[0], run.len()))
            }
            SET_16_BIT => {
                f.write_str(" 16bit")?;
                let (levels, _) = self.data.as_chunks::<2>();
                let mut runs = levels.chunk_by(|one, other| one == other);
                runs.try_for_each(|run| runs::show(f, u16::from_be_bytes(run[0]), run.len()))
            }
            command => {
                match command {
                    SYSTEM_EXCLUSIVE => f.write_str(" sysex ")?,
                    _ => write!(f, " command {command} ")?,
                }
                let mut digits = String::new();
                hex::show(self.data, &mut digits);
                f.write_str(&digits)
            }
        }
    }
}

fn compose_one(text: &str, out: &mut Vec<u8>) -> Option<()> {
    let mut words = text.split(' ');
    let strip = words.next()?.strip_prefix("strip")?.parse().ok()?;
    let kind = words.next()?;
    let mut data = Vec::new();
    let command = match kind {
        "8bit" => {
            words.try_for_each(|word| read_run(word, &mut data, u8::to_be_bytes))?;
            SET_8_BIT
        }
        "16bit" => {
            words.try_for_each(|word| read_run(word, &mut data, u16::to_be_bytes))?;
            SET_16_BIT
        }
        "sysex" | "command" => {
            let command =
                if kind == "sysex" { SYSTEM_EXCLUSIVE } else { words.next()?.parse::<u8>().ok()? };
            data = hex::parse(words.next()?.strip_prefix("0x")?)?;
            words.next().is_none().then_some(command)?
        }
        _ => return None,
    };
    (data.len() <= MAX_DATA).then(|| Message { strip, command, data: &data }.encode(out))
}

/// Parses a run of levels, limited to the size of a message.
fn read_run<T: FromStr, const N: usize>(
    word: &str,
    data: &mut Vec<u8>,
    bytes: fn(T) -> [u8; N],
) -> Option<()> {
    let (level, count) = runs::parse(word)?;
    data.extend(std::iter::repeat_n(bytes(level), count).flatten());
    (data.len() <= MAX_DATA).then_some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn round_trip(line: &str, bytes: &[u8]) {
        assert_eq!(compose(line).as_deref(), Some(bytes), "{line}");
        let mut shown = String::new();
        describe(bytes, &mut shown);
        assert_eq!(shown, line);
    }

    #[test]
    fn messages_are_shown_as_a_person_reads_them_and_read_again() {
        round_trip("strip1 8bit 255 0*5", &[1, 0, 0, 6, 255, 0, 0, 0, 0, 0]);
        round_trip("strip0 8bit", &[0, 0, 0, 0]);
        round_trip("strip255 16bit 65535 257 257", &[255, 2, 0, 6, 255, 255, 1, 1, 1, 1]);
        round_trip("strip0 sysex 0x000100", &[0, 255, 0, 3, 0, 1, 0]);
        round_trip("strip71 command 69 0x2f", &[71, 69, 0, 1, 0x2f]);
        round_trip("strip1 8bit 1, strip2 8bit 2", &[1, 0, 0, 1, 1, 2, 0, 0, 1, 2]);
    }

    #[test]
    fn what_is_no_whole_message_is_shown_as_its_bytes() {
        for bytes in [&[][..], &[1], &[1, 0, 0, 1], &[1, 0, 0, 1, 7, 2], &[1, 2, 0, 3, 0, 1, 2]] {
            let mut line = String::new();
            describe(bytes, &mut line);
            assert!(line.starts_with("0x"), "{line}");
            assert_eq!(compose(&line).as_deref(), Some(bytes));
        }
    }

    #[test]
    fn texts_that_make_no_sense_are_none() {
        let lines = "strip1|strip256 8bit 0|strip1 9bit 0|strip1 8bit 256|strip1 8bit 0*|strip1 8bit 0*65535 0|strip1 16bit -1|\
                     strip1 sysex|strip1 sysex 0x0|strip1 sysex 0x00 1|strip1 command 0x00|red|strip1 8bit  1|strip1 8bit 0,";
        for line in lines.split('|') {
            assert_eq!(compose(line), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_shown_is_read_again(bytes in prop::collection::vec(0..4_u8, 0..60)) {
            let mut line = String::new();
            describe(&bytes, &mut line);
            prop_assert_eq!(compose(&line), Some(bytes));
        }
    }
}
