//! MIDI devices and the program's own MIDI ports, as data: how a user names a device, and which of the present devices
//! matches.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::{Direction, Port};

/// An own port that is visible to other programs: it receives what they send to it, and sends to all subscribers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Midi {
    /// The name of the program.
    pub client: String,
    /// The name of the port.
    pub name: String,
}

/// A subscription of an own port to a device. The link opens whenever the device appears, even hours later, and closes
/// when it disappears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MidiLink {
    /// The session's own port, a [`Midi`].
    pub own: Port,
    /// Whether the device is listened to, or sent to.
    pub direction: Direction,
    /// The device. Without one, the link opens each time a program begins to listen to the own port.
    pub device: Option<MidiDevice>,
}

/// How a person names a device.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MidiDevice {
    /// `20:0`: the numbers that the system has given it. They change when it is plugged in again.
    Address(u8, u8),
    /// `nanoKONTROL2`, `nanoKONTROL2:1`: the beginning of a name, perhaps with the number of one of its ports.
    Name(Arc<str>, Option<u8>),
    /// `usb:1-2.3`, `usb:1-2.3:1`: the socket that it is plugged into, perhaps with the number of one of its ports.
    Usb(Arc<str>, Option<u8>),
    /// `serial:A1B2`, `serial:A1B2:1`: its serial number, perhaps with the number of one of its ports.
    Serial(Arc<str>, Option<u8>),
}

/// A port of a device that is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MidiPresent {
    /// The number of the device.
    pub client: u8,
    /// The number of the port.
    pub port: u8,
    /// The name of the device.
    pub client_name: String,
    /// The name of the port.
    pub port_name: String,
    /// The USB socket that the device is plugged into, such as `1-2.3`.
    pub usb: Option<String>,
    /// The serial number of the device.
    pub serial: Option<String>,
}

impl FromStr for MidiDevice {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, name) = match text.split_once(':') {
            Some((kind @ ("usb" | "serial"), name)) => (kind, name),
            Some(_) | None => ("", text),
        };
        let (name, port) = match name.rsplit_once(':').map(|(name, port)| (name, port.parse::<u8>())) {
            Some((name, Ok(port))) => (name, Some(port)),
            Some((_, Err(_))) | None => (name, None),
        };
        Ok(match (kind, name.parse(), port) {
            ("usb", ..) => Self::Usb(name.into(), port),
            ("serial", ..) => Self::Serial(name.into(), port),
            (_, Ok(client), Some(port)) => Self::Address(client, port),
            _ => Self::Name(name.into(), port),
        })
    }
}

impl fmt::Display for MidiDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = match self {
            Self::Address(client, port) => return write!(f, "{client}:{port}"),
            Self::Name(name, port) => write!(f, "{name}").map(|()| port)?,
            Self::Usb(socket, port) => write!(f, "usb:{socket}").map(|()| port)?,
            Self::Serial(serial, port) => write!(f, "serial:{serial}").map(|()| port)?,
        };
        port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl MidiDevice {
    /// Whether this device is meant. Names are compared without regard to upper and lower case.
    pub fn matches(&self, present: &MidiPresent) -> bool {
        let begins = |name: &str, wanted: &str| {
            name.get(..wanted.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(wanted))
        };
        let (is_it, port) = match self {
            Self::Address(client, port) => return (present.client, present.port) == (*client, *port),
            Self::Name(name, port) => {
                (begins(&present.client_name, name) || begins(&present.port_name, name), port)
            }
            Self::Usb(socket, port) => (present.usb.as_deref() == Some(socket), port),
            Self::Serial(serial, port) => (present.serial.as_deref() == Some(serial), port),
        };
        is_it && port.is_none_or(|port| port == present.port)
    }
}

impl MidiPresent {
    /// The properties that remain when the device is plugged in again: its socket or its serial number, and its port.
    pub fn identity(&self) -> Option<(&str, u8)> {
        Some((self.serial.as_deref().or(self.usb.as_deref())?, self.port))
    }
}

/// `midi NAME`.
impl fmt::Display for Midi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "midi {}", self.name)
    }
}

/// `midi from NAME`, `midi to NAME`, `midi to anybody`.
impl fmt::Display for MidiLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = match self.direction {
            Direction::Input => "from",
            Direction::Output => "to",
        };
        match &self.device {
            Some(device) => write!(f, "midi {way} {device}"),
            None => write!(f, "midi {way} anybody"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(text: &str) -> MidiDevice {
        let Ok(device) = text.parse();
        device
    }

    #[test]
    fn devices_are_read_as_people_write_them() {
        for (text, expected) in [
            ("20:0", MidiDevice::Address(20, 0)),
            ("nanoKONTROL2", MidiDevice::Name("nanoKONTROL2".into(), None)),
            ("Launchpad Mini MK3:1", MidiDevice::Name("Launchpad Mini MK3".into(), Some(1))),
            ("X: the box", MidiDevice::Name("X: the box".into(), None)),
            ("300:0", MidiDevice::Name("300".into(), Some(0))),
            ("usb:1-2.3", MidiDevice::Usb("1-2.3".into(), None)),
            ("usb:1-2.3:1", MidiDevice::Usb("1-2.3".into(), Some(1))),
            ("serial:A1B2", MidiDevice::Serial("A1B2".into(), None)),
            ("serial:12:0", MidiDevice::Serial("12".into(), Some(0))),
        ] {
            assert_eq!(device(text), expected, "{text}");
            assert_eq!(expected.to_string(), text);
        }
        assert_eq!(device("serial:12"), MidiDevice::Serial("12".into(), None));
    }

    #[test]
    fn devices_are_recognised() {
        let present = MidiPresent {
            client: 24,
            port: 1,
            client_name: "Launchpad Mini".to_owned(),
            port_name: "Launchpad Mini MIDI 2".to_owned(),
            usb: Some("1-2".to_owned()),
            serial: Some("777".to_owned()),
        };
        for (text, is_it) in [
            ("24:1", true),
            ("24:0", false),
            ("launchpad", true),
            ("Launchpad:1", true),
            ("Launchpad:0", false),
            ("Mini", false),
            ("Launchpad Mini MIDI 2", true),
            ("usb:1-2", true),
            ("usb:1-2:1", true),
            ("usb:1-2.1", false),
            ("serial:777", true),
            ("serial:77", false),
        ] {
            assert_eq!(device(text).matches(&present), is_it, "{text}");
        }
        assert_eq!(present.identity(), Some(("777", 1)));
        assert_eq!(MidiPresent::default().identity(), None);
        assert!(!device("ä").matches(&MidiPresent { client_name: "a\u{308}".to_owned(), ..present }));
    }
}
