//! What a console sends.

use std::borrow::Cow;

use super::{Color, Console, Dialect, Executor, ItemsType, View};

/// A message of a console. Anything can ride on it, whatever it answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer<'a> {
    /// The console is ready to be talked to.
    pub greeting: Option<Greeting<'a>>,
    /// `session`: the number to use from here on; 0 if there is no such session, -1 if remotes are disabled, -2 if there are
    /// too many.
    pub session: Option<i64>,
    /// `forceLogin`: whether a log-in is wanted.
    pub force_login: Option<bool>,
    /// `connections_limit_reached` is there.
    pub limit_reached: bool,
    /// `text`: what the command line of this remote reads.
    pub text: Option<Cow<'a, str>>,
    /// `prompt`: what stands left of the command line.
    pub prompt: Option<Cow<'a, str>>,
    /// `promptcolor`.
    pub prompt_color: Option<Color>,
    /// `realtime`: false wherever it was seen.
    pub realtime: Option<bool>,
    /// `worldIndex`: 0 wherever it was seen.
    pub world_index: Option<i64>,
    /// What the message answers or asks by its `responseType`.
    pub response: Option<Response<'a>>,
}

/// The first message of a console.
#[derive(Clone, Debug, PartialEq)]
pub enum Greeting<'a> {
    /// The bare text `server ready`: an old grandMA2.
    Text,
    /// An object with a `status`.
    Status {
        /// `server ready`.
        status: Cow<'a, str>,
        /// `appType`: `gma2` or `dot2`; a grandMA3 sends none.
        app_type: Option<Cow<'a, str>>,
    },
}

impl Greeting<'_> {
    /// Which console greets; none if it does not say or says something unknown.
    pub fn console(&self) -> Option<Console> {
        match self {
            Self::Text => Some(Console::Gma2),
            Self::Status { app_type, .. } => Console::from_app_type(app_type.as_deref()?),
        }
    }
}

/// What a message answers or asks.
#[derive(Clone, Debug, PartialEq)]
pub enum Response<'a> {
    /// `login`: whether user and password were right.
    Login {
        /// Whether they were.
        result: bool,
    },
    /// `playbacks`: executors.
    Playbacks(Playbacks<'a>),
    /// `getdata`: names and values, in the order asked for; values are `0`, `1`, or `b` for blinking.
    GetData(Vec<(Cow<'a, str>, Cow<'a, str>)>),
    /// `commandConfirmation`: a pop-up wants an answer.
    Confirmation(Confirmation<'a>),
    /// `presetCommandConfirmation`: a pop-up about storing a preset wants an answer.
    PresetConfirmation(Confirmation<'a>),
    /// Any other `responseType`.
    Other(Cow<'a, str>),
}

/// Executors.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Playbacks<'a> {
    /// In which dialect it is written.
    pub dialect: Dialect,
    /// `responseSubType`: the view of the request. The flat dialect has none.
    pub view: View,
    /// `iPage`: the page, counted from 1.
    pub page: u32,
    /// `tt`: the name of the page.
    pub page_name: Option<Cow<'a, str>>,
    /// `accessDenied`: the user may not see executors.
    pub access_denied: bool,
    /// The groups, in the order of the request's ranges.
    pub groups: Vec<Group<'a>>,
}

/// The executors of one range.
#[derive(Clone, Debug, PartialEq)]
pub struct Group<'a> {
    /// Which kind they are.
    pub items_type: ItemsType,
    /// `iExecOff`: the first index of the section they belong to; 0 if not said.
    pub offset: u32,
    /// `cntPages`: how many pages there are.
    pub pages: u32,
    /// The executors as they are drawn in rows: five to a row on a grandMA2 (fewer if some are wide), one on a dot2.
    pub rows: Vec<Vec<Executor<'a>>>,
}

impl<'a> Group<'a> {
    /// All executors in order.
    pub fn executors(&self) -> impl Iterator<Item = &Executor<'a>> {
        self.rows.iter().flatten()
    }
}

/// A pop-up that wants an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Confirmation<'a> {
    /// `tt`: the title.
    pub title: Cow<'a, str>,
    /// `msg`, or for presets `ques` where there is no message.
    pub message: Cow<'a, str>,
    /// Text and number of each button; the number is the answer.
    pub buttons: Vec<(Cow<'a, str>, i64)>,
}
