//! Families that send messages: their messages, and how both shows write them.

use std::collections::BTreeMap;

/// A kind of message.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TestedMessage {
    Float,
    Integer,
    Text,
    Impulse,
    Program,
    Note,
    Controller,
    Macro,
    Key,
    CommandLine,
}

/// The content of a message.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum MessageContent {
    Number,
    Text,
    /// It is sent when pressed, and received as a press and a release.
    Trigger,
    /// It is pressed and released.
    Key,
    /// It is sent when pressed, and received as a press alone.
    Command,
}

/// Which way messages go, as the subject sees it.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    In,
    Out,
}

/// A family that sends messages.
#[derive(Debug)]
pub(super) struct Speaker {
    pub(super) family: &'static str,
    /// The kinds of messages received from it and sent to it.
    pub(super) says: &'static [TestedMessage],
    pub(super) receives: &'static [TestedMessage],
    /// Whether the protocol itself sends controllers and keys again to a peer that reconnects, whatever moved them.
    pub(super) has_journal: bool,
    /// Whether a server in between may miss cycles.
    pub(super) may_miss: bool,
    /// The names of the instance or port at the subject and the peer: for messages from the family, and for messages to
    /// it.
    from: [&'static str; 2],
    to: [&'static str; 2],
}

use TestedMessage::{CommandLine, Controller, Float, Impulse, Integer, Key, Macro, Note, Program, Text};

const OSC: &[TestedMessage] = &[Float, Text, Impulse, Integer];
const MIDI: &[TestedMessage] = &[Program, Note, Controller];
const CONSOLE: &[TestedMessage] = &[Key, CommandLine];

pub(super) const SPEAKERS: &[Speaker] = &[
    speaker("osc-udp", OSC, ["udp"; 2]),
    speaker("osc-tcp", OSC, ["tcp"; 2]),
    speaker("rtpmidi", MIDI, ["rtpmidi"; 2]),
    Speaker { has_journal: true, ..speaker("rtpmidi-direct", MIDI, ["rtpmididirect"; 2]) },
    Speaker {
        may_miss: true,
        from: ["subject.from", "peer.to"],
        ..speaker("jack", MIDI, ["subject.to", "peer.from"])
    },
    speaker("midi", MIDI, ["subject", "peer"]),
    Speaker { from: ["artin", "artout"], ..speaker("artnet", &[Macro], ["artout", "artin"]) },
    Speaker { says: &[], ..speaker("grandma2", CONSOLE, ["gma2"; 2]) },
    Speaker { says: &[], ..speaker("dot2", CONSOLE, ["dot2"; 2]) },
];

const fn speaker(
    family: &'static str,
    messages: &'static [TestedMessage],
    instances: [&'static str; 2],
) -> Speaker {
    Speaker {
        family,
        says: messages,
        receives: messages,
        has_journal: false,
        may_miss: false,
        from: instances,
        to: instances,
    }
}

/// Keys of the command section whose press and release are sent to both consoles, and that move no executor.
const KEYS: &[&str] = &["FULL", "THRU", "IF", "AT", "PLUS", "MINUS", "PUNKT", "ODD", "EVEN", "ESC"];

/// The number of channels with programs in each direction: the subject sends on the lower ones.
const MIDI_CHANNELS: u32 = 8;

impl TestedMessage {
    pub(super) fn form(self) -> MessageContent {
        match self {
            Self::Float | Self::Integer | Self::Program | Self::Note | Self::Controller => {
                MessageContent::Number
            }
            Self::Text => MessageContent::Text,
            Self::Impulse | Self::Macro => MessageContent::Trigger,
            Self::Key => MessageContent::Key,
            Self::CommandLine => MessageContent::Command,
        }
    }

    /// Whether it is never sent again. A text is not, either, but the value derived from it may be.
    pub(super) fn is_event(self) -> bool {
        match self {
            Self::Float | Self::Integer | Self::Note | Self::Controller | Self::Text => false,
            Self::Impulse | Self::Program | Self::Macro | Self::Key | Self::CommandLine => true,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Float => "float",
            Self::Integer => "integer",
            Self::Text => "text",
            Self::Impulse => "impulse",
            Self::Program => "program",
            Self::Note => "note",
            Self::Controller => "controller",
            Self::Macro => "macro",
            Self::Key => "key",
            Self::CommandLine => "command",
        }
    }

    /// How many of them there are each way.
    fn room(self) -> u32 {
        match self {
            Self::Program => MIDI_CHANNELS,
            Self::Controller => 18,
            Self::Key => KEYS.len() as u32,
            Self::Float
            | Self::Integer
            | Self::Text
            | Self::Impulse
            | Self::Note
            | Self::Macro
            | Self::CommandLine => 100,
        }
    }

    /// How a show writes the message of this number, after the name of the instance.
    fn channel(self, way: Way, number: u32) -> String {
        let midi = if way == Way::Out { 0 } else { MIDI_CHANNELS };
        match self {
            Self::Float | Self::Integer | Self::Text | Self::Impulse => {
                let way = if way == Way::Out { "out" } else { "back" };
                format!("/{way}/{}/{number}", self.name())
            }
            Self::Program => format!("ch{}.program", midi + number),
            // Channels and numbers that no fader and no key of the soak has.
            Self::Note => format!("ch{}.note{number}", midi + 5),
            Self::Controller => format!("ch{}.cc{}", midi + 6, 102 + number),
            Self::Macro if way == Way::Out => format!("trigger.macro{number}"),
            Self::Macro => format!("trigger.show{number}"),
            Self::Key => KEYS[number as usize].to_owned(),
            Self::CommandLine => format!("command.event{number}"),
        }
    }
}

/// Hands out messages of families, each once.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    used: BTreeMap<(&'static str, Way, TestedMessage), u32>,
}

impl Exchange {
    /// Whether there is an unused message.
    pub(super) fn has(&self, speaker: &Speaker, way: Way, message: TestedMessage) -> bool {
        self.used.get(&(speaker.family, way, message)).is_none_or(|used| *used < message.room())
    }

    /// Returns how the subject and the peer write an unused message. The subject may need an option for it.
    pub(super) fn next(
        &mut self,
        speaker: &Speaker,
        way: Way,
        message: TestedMessage,
        options: &mut String,
    ) -> [String; 2] {
        let used = self.used.entry((speaker.family, way, message)).or_default();
        let number = *used;
        *used += 1;
        let [subject, peer] = if way == Way::Out { speaker.to } else { speaker.from };
        let channel = message.channel(way, number);
        if message == TestedMessage::CommandLine {
            let line = format!("Chat {number}");
            *options += &format!("{channel} = {line}\n");
            return [format!("{subject}.{channel}"), format!("{peer}.command | match \"{line}\"=1")];
        }
        [subject, peer].map(|instance| format!("{instance}.{channel}"))
    }
}
