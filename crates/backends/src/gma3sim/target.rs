//! The targets of OSC addresses on a grandMA3 (manual, "OSC (Open Sound Control)": "Receive OSC", "Object Playback
//! Control").

use super::address::{EXECUTORS, PAGES};

/// The target of a message.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum MessageTarget {
    /// A control of an executor, on a page or on the current one.
    Executor(Option<u32>, ExecutorControl, u32),
    /// The command line.
    Command,
    /// A sequence, by number.
    Sequence(u32),
}

/// A control of an executor. The words are the defaults of the columns Fader, Key and ExecutorKnob.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum ExecutorControl {
    Fader,
    Key,
    Knob,
}

impl MessageTarget {
    /// Parses an address without its prefix. `sequences` is the address of the console's sequence pool.
    pub(super) fn parse(address: &str, sequences: &str) -> Option<Self> {
        let path = address.strip_prefix('/')?;
        // Some programs end their addresses with a slash.
        let path = path.strip_suffix('/').unwrap_or(path);
        if path == "cmd" {
            return Some(Self::Command);
        }
        if let Some(number) = path.strip_prefix(sequences).and_then(|rest| rest.strip_prefix('.')) {
            return digits(number).map(Self::Sequence);
        }
        let path = match path.split_once('/') {
            Some(("DataPool1", rest)) => rest,
            Some(_) | None => path,
        };
        let (page, control) = match path.split_once('/') {
            // Companion writes the current page like this.
            Some(("Page", control)) => (None, control),
            Some((page, control)) => {
                let number = digits(page.strip_prefix("Page")?).filter(|page| PAGES.contains(page))?;
                (Some(number), control)
            }
            None => (None, path),
        };
        let words = [
            ("Fader", ExecutorControl::Fader),
            ("Key", ExecutorControl::Key),
            ("ExecutorKnob", ExecutorControl::Knob),
            ("Encoder", ExecutorControl::Knob),
        ];
        words.into_iter().find_map(|(word, kind)| {
            let number = digits(control.strip_prefix(word)?).filter(|number| EXECUTORS.contains(number))?;
            Some(Self::Executor(page, kind, number))
        })
    }
}

fn digits(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(address: &str) -> Option<MessageTarget> {
        MessageTarget::parse(address, "14.14.1.6")
    }

    #[test]
    fn addresses_of_the_manual_and_of_public_programs_are_read() {
        for (address, target) in [
            ("/Page1/Fader201", MessageTarget::Executor(Some(1), ExecutorControl::Fader, 201)),
            ("/Page12/Key101/", MessageTarget::Executor(Some(12), ExecutorControl::Key, 101)),
            ("/Fader201", MessageTarget::Executor(None, ExecutorControl::Fader, 201)),
            ("/Page/Key201", MessageTarget::Executor(None, ExecutorControl::Key, 201)),
            ("/DataPool1/Page1/Fader498", MessageTarget::Executor(Some(1), ExecutorControl::Fader, 498)),
            ("/Page1/ExecutorKnob301", MessageTarget::Executor(Some(1), ExecutorControl::Knob, 301)),
            ("/Encoder301", MessageTarget::Executor(None, ExecutorControl::Knob, 301)),
            ("/cmd", MessageTarget::Command),
            ("/14.14.1.6.3", MessageTarget::Sequence(3)),
        ] {
            assert_eq!(parse(address), Some(target), "{address}");
        }
    }

    #[test]
    fn anything_else_is_not_for_the_console() {
        for address in [
            "",
            "/",
            "/page1/fader201",
            "/Page0/Fader201",
            "/Page1/Fader5",
            "/Page1/Fader+201",
            "/Page1/Fader",
            "/DataPool2/Page1/Fader201",
            "/14.14.1.6",
            "/14.14.1.6.",
            "/14.14.1.6.x",
            "/14.14.1.7.3",
            "/Cmd",
            "cmd",
        ] {
            assert_eq!(parse(address), None, "{address}");
        }
    }
}
