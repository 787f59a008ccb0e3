//! What crosses a port, as one line of text and back: its number and `cc ch0 7 127`, `cv 0.5`, `joined` or `missed`.

use std::fmt::Write;

use crosspatch_core::JackEvent;

use crate::midi::wire;

/// Shows an event.
pub(super) fn describe(bytes: &[u8], line: &mut String) {
    // Writing to a `String` cannot fail.
    let _ = match JackEvent::decode(bytes) {
        Some((port, JackEvent::Midi(message))) => {
            let _ = write!(line, "{port} ");
            wire::describe(message, line);
            Ok(())
        }
        Some((port, JackEvent::Cv(voltage))) => write!(line, "{port} cv {voltage}"),
        Some((port, JackEvent::Joined)) => write!(line, "{port} joined"),
        Some((port, JackEvent::Missed)) => write!(line, "{port} missed"),
        None => write!(line, "{} bytes that are no event", bytes.len()),
    };
}

/// Parses the text form of [`describe`]. `None` if it is invalid.
pub(super) fn compose(line: &str) -> Option<Vec<u8>> {
    let (port, event) = line.split_once(' ')?;
    let port = port.parse().ok()?;
    let mut out = Vec::new();
    match event.split_once(' ') {
        Some(("cv", voltage)) => JackEvent::Cv(voltage.parse().ok()?).encode(port, &mut out),
        None if event == "joined" => JackEvent::Joined.encode(port, &mut out),
        None if event == "missed" => JackEvent::Missed.encode(port, &mut out),
        Some(_) | None => JackEvent::Midi(&wire::compose(event)?).encode(port, &mut out),
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_read_again() {
        for line in ["0 cc ch0 7 127", "3 cv 0.25", "255 joined", "0 missed", "1 clock", "2 cv -10"] {
            let bytes = compose(line).expect(line);
            let mut shown = String::new();
            describe(&bytes, &mut shown);
            assert_eq!(shown, line);
        }
        for line in ["", "joined", "256 joined", "0 cv", "0 cv high", "0 cc ch0 7"] {
            assert_eq!(compose(line), None, "{line}");
        }
        let mut shown = String::new();
        describe(&[1, 1, 0], &mut shown);
        assert_eq!(shown, "3 bytes that are no event");
    }
}
