//! What a client sends.

use std::borrow::Cow;

use super::{Dialect, ItemsType, View};

/// A message of a client. `session` is the number that the console has given, 0 before that.
#[derive(Clone, Debug, PartialEq)]
pub enum Request<'a> {
    /// Asks for a session (0), or keeps it alive.
    Session {
        /// The session.
        session: i64,
    },
    /// `login`.
    Login {
        /// The user; on a dot2 always `remote`.
        username: Cow<'a, str>,
        /// The MD5 of the password, in small hexadecimal digits.
        password: Cow<'a, str>,
        /// The session.
        session: i64,
    },
    /// `playbacks`: asks for executors.
    Playbacks(PlaybacksRequest),
    /// `playbacks_userInput` of type 1: moves a fader.
    Fader {
        /// The executor, counted from 0.
        exec_index: u32,
        /// The page, counted from 0.
        page_index: u32,
        /// Where to, 0 to 1 from its lower to its upper end.
        value: f64,
        /// The session.
        session: i64,
    },
    /// `playbacks_userInput` of type 0: presses or releases a key of an executor.
    Button {
        /// The executor, counted from 0.
        exec_index: u32,
        /// The page, counted from 0.
        page_index: u32,
        /// Which key: on a grandMA2 0 is below the fader, 1 above, 2 on top; on a dot2 0 is the upper, 1 the lower one.
        button_id: u32,
        /// Pressed or released.
        pressed: bool,
        /// What the remote's command line reads, so that `Store` and a key of an executor work together.
        cmdline: Cow<'a, str>,
        /// The session.
        session: i64,
    },
    /// `command`: runs a command line.
    Command {
        /// The line.
        command: Cow<'a, str>,
        /// The session.
        session: i64,
    },
    /// `keyname`: presses or releases a key of the command section.
    Keyname {
        /// The key.
        keyname: Cow<'a, str>,
        /// Pressed or released.
        pressed: bool,
        /// Whether the key acts at once and is not added to the command line (SET, HIGH, SOLO, PROG_ONLY).
        auto_submit: bool,
        /// The command line, if it was edited by hand.
        cmdline_text: Option<Cow<'a, str>>,
        /// The session.
        session: i64,
    },
    /// `encoder`: turns the encoder of an attribute.
    Encoder {
        /// The attribute, such as `PAN`.
        name: Cow<'a, str>,
        /// By how much.
        value: f64,
        /// 0 normal, 1 fine, 2 ultra.
        resolution: u32,
        /// The session.
        session: i64,
    },
    /// `getdata`: asks for lamps and the like.
    GetData {
        /// The names, separated by commas.
        names: Cow<'a, str>,
        /// The session.
        session: i64,
    },
    /// `commandConfirmationResult`: answers a pop-up.
    ConfirmationResult {
        /// The number of the button, -1 to cancel.
        result: i64,
        /// The session.
        session: i64,
    },
    /// `presetCommandConfirmationResult`: answers a pop-up about storing a preset.
    PresetConfirmationResult {
        /// `presetStoreMode`: which entry of its list is chosen.
        mode: i64,
        /// The number of the button, -1 to cancel.
        result: i64,
        /// The session.
        session: i64,
    },
    /// `close`: ends the session.
    Close {
        /// The session.
        session: i64,
    },
    /// Any other `requestType`; empty if there is none and nothing else tells what is wanted.
    Unknown {
        /// The `requestType`.
        request_type: Cow<'a, str>,
        /// The session.
        session: i64,
    },
}

/// Asks for executors of one page.
#[derive(Clone, Debug, PartialEq)]
pub struct PlaybacksRequest {
    /// In which dialect to ask; the flat one takes exactly one range.
    pub dialect: Dialect,
    /// The ranges.
    pub ranges: Vec<Range>,
    /// The page, counted from 0.
    pub page_index: u32,
    /// The view that the answer names again. The flat dialect has none.
    pub view: View,
    /// `execButtonViewMode`: 1 short, 2 extended.
    pub exec_button_view_mode: Option<u32>,
    /// `buttonsViewMode`: 0 simple, 1 with the first key, 2 with all keys of button executors.
    pub buttons_view_mode: Option<u32>,
    /// The session.
    pub session: i64,
}

/// Executors that follow each other.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first, counted from 0 (executor 101 is 100).
    pub start: u32,
    /// How many.
    pub count: u32,
    /// Which kind.
    pub items_type: ItemsType,
}

impl Request<'_> {
    /// The session that the message names; 0 if it names none.
    pub fn session(&self) -> i64 {
        match self {
            Self::Playbacks(request) => request.session,
            Self::Session { session }
            | Self::Login { session, .. }
            | Self::Fader { session, .. }
            | Self::Button { session, .. }
            | Self::Command { session, .. }
            | Self::Keyname { session, .. }
            | Self::Encoder { session, .. }
            | Self::GetData { session, .. }
            | Self::ConfirmationResult { session, .. }
            | Self::PresetConfirmationResult { session, .. }
            | Self::Close { session }
            | Self::Unknown { session, .. } => *session,
        }
    }
}
