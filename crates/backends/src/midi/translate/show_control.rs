//! MIDI Show Control 1.1: commands with cues, as system exclusive messages (MMA RP-002).

use super::super::address::{ShowCommand, is_cue};
use super::super::wire::U7;

/// The device number that means all devices.
pub(super) const ALL_DEVICES: U7 = U7::MAX;

/// The command format that means all kinds of devices.
pub(super) const ALL_TYPES: U7 = U7::MAX;

/// The commands and their numbers.
const COMMANDS: [(u8, ShowCommand); 8] = [
    (0x01, ShowCommand::Go),
    (0x02, ShowCommand::Stop),
    (0x03, ShowCommand::Resume),
    (0x05, ShowCommand::Load),
    (0x08, ShowCommand::AllOff),
    (0x09, ShowCommand::Restore),
    (0x0a, ShowCommand::Reset),
    (0x0b, ShowCommand::GoOff),
];

/// TIMED_GO: as GO, after a time of five bytes.
const TIMED_GO: u8 = 0x04;
const TIME: usize = 5;

/// A command, without `F0` and `F7`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ShowControlCommand {
    /// The device, 0 to 111, a group from 112, or [`ALL_DEVICES`].
    pub(super) device: U7,
    /// The kind of devices, 1 for lighting, or [`ALL_TYPES`].
    pub(super) format: U7,
    /// The command.
    pub(super) command: ShowCommand,
    /// The cue: `12.5`, `12.5/2` with a list, `12.5/2/1` with a path. The next cue if empty.
    pub(super) cue: String,
}

impl ShowControlCommand {
    /// Reads the data of a message. `None` if it is no command, or an unknown one.
    pub(super) fn decode(data: &[u8]) -> Option<Self> {
        let (&[0x7f, device, 0x02, format, number], data) = data.split_first_chunk()? else { return None };
        let (number, data) = if number == TIMED_GO { (0x01, data.get(TIME..)?) } else { (number, data) };
        let (_, command) = COMMANDS.into_iter().find(|(known, _)| *known == number)?;
        let parts =
            data.split(|byte| *byte == 0).map(std::str::from_utf8).collect::<Result<Vec<_>, _>>().ok()?;
        let end = parts.iter().rposition(|part| !part.is_empty()).map_or(0, |last| last + 1);
        let cue = parts[..end].join("/");
        (cue.is_empty() || (command.has_cue() && is_cue(&cue))).then(|| Self {
            device: U7::masked(device.into()),
            format: U7::masked(format.into()),
            command,
            cue,
        })
    }

    /// The data of the message.
    pub(super) fn encode(&self) -> Vec<u8> {
        let number =
            COMMANDS.iter().find(|(_, known)| *known == self.command).map_or(0, |(number, _)| *number);
        let mut data = vec![0x7f, self.device.byte(), 0x02, self.format.byte(), number];
        data.extend(self.cue.bytes().map(|byte| if byte == b'/' { 0 } else { byte }));
        data
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(command: ShowCommand, cue: &str) -> ShowControlCommand {
        ShowControlCommand { device: U7::masked(5), format: U7::masked(1), command, cue: cue.to_owned() }
    }

    #[test]
    fn commands_go_both_ways() {
        for (command, data) in [
            (command(ShowCommand::Go, ""), &b"\x7f\x05\x02\x01\x01"[..]),
            (command(ShowCommand::Go, "12.5"), b"\x7f\x05\x02\x01\x0112.5"),
            (command(ShowCommand::Stop, "12.5/2"), b"\x7f\x05\x02\x01\x0212.5\x002"),
            (command(ShowCommand::GoOff, "1/2/3"), b"\x7f\x05\x02\x01\x0b1\x002\x003"),
            (command(ShowCommand::AllOff, ""), b"\x7f\x05\x02\x01\x08"),
        ] {
            assert_eq!(command.encode(), data);
            assert_eq!(ShowControlCommand::decode(data), Some(command));
        }
        let timed =
            ShowControlCommand::decode(b"\x7f\x05\x02\x01\x04\x01\x02\x03\x04\x0512").expect("a timed go");
        assert_eq!(timed, command(ShowCommand::Go, "12"));
        assert_eq!(
            ShowControlCommand::decode(b"\x7f\x05\x02\x01\x017\x00\x00"),
            Some(command(ShowCommand::Go, "7"))
        );
    }

    #[test]
    fn what_is_no_command_is_none() {
        for data in [
            &b""[..],
            b"\x7f\x05\x02\x01",
            b"\x7e\x05\x02\x01\x01",
            b"\x7f\x05\x01\x01\x01",
            b"\x7f\x05\x02\x01\x06",
            b"\x7f\x05\x02\x01\x01abc",
            b"\x7f\x05\x02\x01\x011\x002\x003\x004",
            b"\x7f\x05\x02\x01\x0812",
            b"\x7f\x05\x02\x01\x04\x01\x02",
        ] {
            assert_eq!(ShowControlCommand::decode(data), None, "{data:x?}");
        }
    }
}
