//! Messages from a client.

use std::borrow::Cow;
use std::fmt::{self, Write};

use super::executor::list;
use super::json::{JsonReader, Writer};
use super::{DecodeError, Flaws, ItemsType, OneLine, PlaybacksFormat, View};

/// A message from a client. `session` is the number assigned by the console, 0 before that.
#[derive(Clone, Debug, PartialEq)]
pub enum Request<'a> {
    /// Requests a session (0), or keeps it alive.
    Session {
        /// The session.
        session: i64,
    },
    /// `login`.
    Login {
        /// The user; on a dot2 always `remote`.
        username: Cow<'a, str>,
        /// The MD5 of the password, in lower-case hexadecimal digits.
        password: Cow<'a, str>,
        /// The session.
        session: i64,
    },
    /// `playbacks`: requests executors.
    Playbacks(PlaybacksRequest),
    /// `playbacks_userInput` of type 1: moves a fader.
    Fader {
        /// The executor, counted from 0.
        exec_index: u32,
        /// The page, counted from 0.
        page_index: u32,
        /// The new position, 0 to 1 from the lower to the upper end.
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
        /// The key: on a grandMA2 0 is below the fader, 1 above, 2 on top; on a dot2 0 is the upper, 1 the lower one.
        button_id: u32,
        /// Pressed or released.
        pressed: bool,
        /// The content of the remote's command line, so that `Store` and a key of an executor work together.
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
        /// Whether the key acts immediately and is not added to the command line (SET, HIGH, SOLO, PROG_ONLY).
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
        /// The amount.
        value: f64,
        /// 0 normal, 1 fine, 2 ultra.
        resolution: u32,
        /// The session.
        session: i64,
    },
    /// `getdata`: requests lamps and other values.
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
        /// `presetStoreMode`: the selected entry of the list.
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
    /// Any other `requestType`; empty if there is none and no other key implies the type.
    Unknown {
        /// The `requestType`.
        request_type: Cow<'a, str>,
        /// The session.
        session: i64,
    },
}

/// A request for executors of one page.
#[derive(Clone, Debug, PartialEq)]
pub struct PlaybacksRequest {
    /// The dialect of the request; the flat one takes exactly one range.
    pub dialect: PlaybacksFormat,
    /// The ranges.
    pub ranges: Vec<Range>,
    /// The page, counted from 0.
    pub page_index: u32,
    /// The view, which the answer repeats. The flat dialect has none.
    pub view: View,
    /// `execButtonViewMode`: 1 short, 2 extended.
    pub exec_button_view_mode: Option<u32>,
    /// `buttonsViewMode`: 0 simple, 1 with the first key, 2 with all keys of button executors.
    pub buttons_view_mode: Option<u32>,
    /// The session.
    pub session: i64,
}

/// Consecutive executors.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first, counted from 0 (executor 101 is 100).
    pub start: u32,
    /// The number of executors.
    pub count: u32,
    /// The kind of executors.
    pub items_type: ItemsType,
}

impl<'a> Request<'a> {
    /// Decodes a client's message.
    ///
    /// # Errors
    ///
    /// If it is not a JSON object, is incomplete, or lacks a required field.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        Self::decode_with_flaws(bytes).map(|(request, _)| request)
    }

    /// Decodes a client's message, and returns the tolerated errors in it.
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode).
    pub fn decode_with_flaws(bytes: &'a [u8]) -> Result<(Self, Flaws), DecodeError> {
        let mut reader = JsonReader::new(bytes)?;
        if !reader.is_object() {
            return Err(DecodeError::NotAnObject);
        }
        let mut keys = Keys::default();
        reader.object(|reader, key| keys.entry(reader, key))?;
        reader.end();
        Ok((keys.into_request()?, reader.flaws))
    }

    /// Encodes the message, with the keys in the order of MA's own browser page.
    pub fn encode(&self, out: &mut Vec<u8>) {
        Writer::new(out).object(|object| self.encode_entries(object));
    }

    fn encode_entries(&self, object: &mut Writer<'_>) {
        // The browser page's own limit of concurrent requests. Consoles work without this field, too.
        let mut max_requests = Some(0);
        match self {
            Self::Session { .. } => max_requests = None,
            Self::Login { username, password, .. } => {
                object.key("requestType").text("login");
                object.key("username").text(username);
                object.key("password").text(password);
                max_requests = Some(10);
            }
            Self::Playbacks(request) => return request.encode(request.session, object),
            Self::Fader { exec_index, page_index, value, .. } => {
                object.key("requestType").text("playbacks_userInput");
                object.key("execIndex").integer((*exec_index).into());
                object.key("pageIndex").integer((*page_index).into());
                object.key("faderValue").float(*value);
                object.key("type").integer(1);
            }
            Self::Button { exec_index, page_index, button_id, pressed, cmdline, .. } => {
                object.key("requestType").text("playbacks_userInput");
                object.key("cmdline").text(cmdline);
                object.key("execIndex").integer((*exec_index).into());
                object.key("pageIndex").integer((*page_index).into());
                object.key("buttonId").integer((*button_id).into());
                object.key("pressed").boolean(*pressed);
                object.key("released").boolean(!pressed);
                object.key("type").integer(0);
            }
            // The browser page uses a different order here.
            Self::Command { command, session } => {
                object.key("command").text(command);
                object.key("session").integer(*session);
                object.key("requestType").text("command");
                object.key("maxRequests").integer(0);
                return;
            }
            Self::Keyname { keyname, pressed, auto_submit, cmdline_text, .. } => {
                object.key("requestType").text("keyname");
                object.key("keyname").text(keyname);
                object.key("value").integer((*pressed).into());
                object.key("autoSubmit").boolean(*auto_submit);
                object.optional_text("cmdlineText", cmdline_text.as_deref());
            }
            Self::Encoder { name, value, resolution, .. } => {
                object.key("requestType").text("encoder");
                object.key("name").text(name);
                object.key("value").float(*value);
                if *resolution > 0 {
                    object.key("resolution").integer((*resolution).into());
                }
            }
            Self::GetData { names, .. } => {
                object.key("requestType").text("getdata");
                object.key("data").text(names);
                max_requests = Some(1);
            }
            Self::ConfirmationResult { result, .. } => {
                object.key("requestType").text("commandConfirmationResult");
                object.key("result").integer(*result);
                object.key("option").list(|_| {});
            }
            Self::PresetConfirmationResult { mode, result, .. } => {
                object.key("requestType").text("presetCommandConfirmationResult");
                object.key("presetStoreMode").integer(*mode);
                object.key("result").integer(*result);
            }
            Self::Close { .. } => object.key("requestType").text("close"),
            Self::Unknown { request_type, .. } => {
                object.key("requestType").text(request_type);
                max_requests = Some(1);
            }
        }
        object.key("session").integer(self.session());
        if let Some(max_requests) = max_requests {
            object.key("maxRequests").integer(max_requests);
        }
    }

    /// The session in the message; 0 if there is none.
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

impl PlaybacksRequest {
    /// Whether an executor is within its ranges.
    pub fn covers(&self, index: u32) -> bool {
        self.ranges.iter().any(|range| index.checked_sub(range.start).is_some_and(|at| at < range.count))
    }

    /// Encodes the message for a session, whatever its own is.
    pub fn encode_for(&self, session: i64, out: &mut Vec<u8>) {
        Writer::new(out).object(|object| self.encode(session, object));
    }

    fn encode(&self, session: i64, object: &mut Writer<'_>) {
        object.key("requestType").text("playbacks");
        let numbers = |number: fn(&Range, PlaybacksFormat) -> i64| {
            self.ranges.iter().map(move |range| number(range, self.dialect))
        };
        let starts = numbers(|range, _| range.start.into());
        let counts = numbers(|range, _| range.count.into());
        let types = numbers(|range, dialect| range.items_type.number(dialect));
        self.encode_numbers(object.key("startIndex"), starts);
        self.encode_numbers(object.key("itemsCount"), counts);
        object.key("pageIndex").integer(self.page_index.into());
        self.encode_numbers(object.key("itemsType"), types);
        match self.dialect {
            PlaybacksFormat::Grouped => object.key("view").integer(self.view.number()),
            PlaybacksFormat::Flat => {}
        }
        for (key, mode) in
            [("execButtonViewMode", self.exec_button_view_mode), ("buttonsViewMode", self.buttons_view_mode)]
        {
            if let Some(mode) = mode {
                object.key(key).integer(mode.into());
            }
        }
        object.key("session").integer(session);
        match self.dialect {
            PlaybacksFormat::Grouped => object.key("maxRequests").integer(1),
            PlaybacksFormat::Flat => {}
        }
    }

    fn encode_numbers(&self, writer: &mut Writer<'_>, mut numbers: impl Iterator<Item = i64>) {
        match self.dialect {
            PlaybacksFormat::Grouped => {
                writer.list(|list| numbers.for_each(|number| list.item().integer(number)));
            }
            PlaybacksFormat::Flat => writer.integer(numbers.next().unwrap_or(0)),
        }
    }
}

/// The keys of a request, collected before its type is known.
#[derive(Default)]
struct Keys<'a> {
    request_type: Option<Cow<'a, str>>,
    session: Option<i64>,
    username: Option<Cow<'a, str>>,
    password: Option<Cow<'a, str>>,
    start_index: NumberOrList,
    items_count: NumberOrList,
    items_type: NumberOrList,
    page_index: Option<u32>,
    view: Option<i64>,
    exec_button_view_mode: Option<u32>,
    buttons_view_mode: Option<u32>,
    exec_index: Option<u32>,
    fader_value: Option<f64>,
    button_id: Option<u32>,
    pressed: Option<bool>,
    released: Option<bool>,
    kind: Option<i64>,
    cmdline: Option<Cow<'a, str>>,
    command: Option<Cow<'a, str>>,
    keyname: Option<Cow<'a, str>>,
    value: Option<f64>,
    auto_submit: Option<bool>,
    cmdline_text: Option<Cow<'a, str>>,
    name: Option<Cow<'a, str>>,
    resolution: Option<u32>,
    data: Option<Cow<'a, str>>,
    result: Option<i64>,
    mode: Option<i64>,
}

/// One number, or a list of them.
#[derive(Default)]
struct NumberOrList {
    is_list: bool,
    values: Vec<Option<i64>>,
}

impl NumberOrList {
    fn decode(reader: &mut JsonReader<'_>) -> Result<Self, DecodeError> {
        let is_list = reader.is_list();
        let values = if is_list { list(reader, 3, JsonReader::integer)? } else { vec![reader.integer()?] };
        Ok(Self { is_list, values })
    }
}

impl<'a> Keys<'a> {
    fn entry(&mut self, reader: &mut JsonReader<'a>, key: &str) -> Result<(), DecodeError> {
        match key {
            "requestType" => self.request_type = reader.text()?,
            "session" => self.session = reader.integer()?,
            "username" => self.username = reader.text()?,
            "password" => self.password = reader.text()?,
            "startIndex" => self.start_index = NumberOrList::decode(reader)?,
            "itemsCount" => self.items_count = NumberOrList::decode(reader)?,
            "itemsType" => self.items_type = NumberOrList::decode(reader)?,
            "pageIndex" => self.page_index = reader.unsigned()?,
            "view" => self.view = reader.integer()?,
            "execButtonViewMode" => self.exec_button_view_mode = reader.unsigned()?,
            "buttonsViewMode" => self.buttons_view_mode = reader.unsigned()?,
            "execIndex" => self.exec_index = reader.unsigned()?,
            "faderValue" => self.fader_value = reader.number()?,
            "buttonId" => self.button_id = reader.unsigned()?,
            "pressed" => self.pressed = reader.boolean()?,
            "released" => self.released = reader.boolean()?,
            "type" => self.kind = reader.integer()?,
            "cmdline" => self.cmdline = reader.text()?,
            "command" => self.command = reader.text()?,
            "keyname" => self.keyname = reader.text()?,
            "value" => self.value = reader.number()?,
            "autoSubmit" => self.auto_submit = reader.boolean()?,
            "cmdlineText" | "cmdlinetext" => self.cmdline_text = reader.text()?,
            "name" => self.name = reader.text()?,
            "resolution" => self.resolution = reader.unsigned()?,
            "data" => self.data = reader.text()?,
            "result" => self.result = reader.integer()?,
            "presetStoreMode" => self.mode = reader.integer()?,
            _ => {}
        }
        Ok(())
    }

    fn into_request(mut self) -> Result<Request<'a>, DecodeError> {
        let session = self.session.unwrap_or(0);
        let Some(request_type) = self.request_type.take() else {
            // MIDIMonster sends key names without a type; consoles accept some of them.
            return match (self.keyname.is_some(), self.session) {
                (true, _) => self.into_keyname(session),
                (false, Some(session)) => Ok(Request::Session { session }),
                (false, None) => Ok(Request::Unknown { request_type: Cow::default(), session }),
            };
        };
        Ok(match &*request_type {
            "login" => Request::Login {
                username: self.username.unwrap_or_default(),
                password: self.password.unwrap_or_default(),
                session,
            },
            "playbacks" => Request::Playbacks(self.into_playbacks(session)?),
            "playbacks_userInput" => return self.into_user_input(session),
            "command" => {
                Request::Command { command: self.command.ok_or(DecodeError::Missing("command"))?, session }
            }
            "keyname" => return self.into_keyname(session),
            "encoder" => Request::Encoder {
                name: self.name.ok_or(DecodeError::Missing("name"))?,
                value: self.value.ok_or(DecodeError::Missing("value"))?,
                resolution: self.resolution.unwrap_or(0),
                session,
            },
            "getdata" => Request::GetData { names: self.data.unwrap_or_default(), session },
            "commandConfirmationResult" => {
                Request::ConfirmationResult { result: self.result.unwrap_or(-1), session }
            }
            "presetCommandConfirmationResult" => Request::PresetConfirmationResult {
                mode: self.mode.unwrap_or(0),
                result: self.result.unwrap_or(-1),
                session,
            },
            "close" => Request::Close { session },
            _ => Request::Unknown { request_type, session },
        })
    }

    fn into_keyname(self, session: i64) -> Result<Request<'a>, DecodeError> {
        Ok(Request::Keyname {
            keyname: self.keyname.ok_or(DecodeError::Missing("keyname"))?,
            pressed: self.value.is_some_and(|value| value != 0.0),
            auto_submit: self.auto_submit.unwrap_or(false),
            cmdline_text: self.cmdline_text,
            session,
        })
    }

    /// A fader or key of an executor, by `type`, or by the other keys if that is missing.
    fn into_user_input(self, session: i64) -> Result<Request<'a>, DecodeError> {
        let exec_index = self.exec_index.ok_or(DecodeError::Missing("execIndex"))?;
        let page_index = self.page_index.unwrap_or(0);
        let is_fader = self.kind.map_or(self.fader_value.is_some(), |kind| kind == 1);
        Ok(if is_fader {
            let value = self.fader_value.ok_or(DecodeError::Missing("faderValue"))?;
            Request::Fader { exec_index, page_index, value, session }
        } else {
            let pressed = self.pressed.or_else(|| self.released.map(|released| !released));
            Request::Button {
                exec_index,
                page_index,
                button_id: self.button_id.unwrap_or(0),
                pressed: pressed.ok_or(DecodeError::Missing("pressed"))?,
                cmdline: self.cmdline.unwrap_or_default(),
                session,
            }
        })
    }

    fn into_playbacks(self, session: i64) -> Result<PlaybacksRequest, DecodeError> {
        let (starts, counts, types) = (self.start_index, self.items_count, self.items_type);
        let dialect =
            if starts.is_list || counts.is_list { PlaybacksFormat::Grouped } else { PlaybacksFormat::Flat };
        let unequal = starts.values.len() != counts.values.len() || starts.values.len() != types.values.len();
        if starts.values.is_empty() && !starts.is_list {
            return Err(DecodeError::Missing("startIndex"));
        }
        if unequal {
            return Err(DecodeError::UnequalRanges);
        }
        let unsigned = |number: Option<i64>, key| {
            number.and_then(|number| u32::try_from(number).ok()).ok_or(DecodeError::Missing(key))
        };
        let mut ranges = Vec::with_capacity(starts.values.len());
        for ((start, count), items_type) in starts.values.into_iter().zip(counts.values).zip(types.values) {
            ranges.push(Range {
                start: unsigned(start, "startIndex")?,
                count: unsigned(count, "itemsCount")?,
                items_type: ItemsType::from_number(items_type.unwrap_or(0), dialect),
            });
        }
        Ok(PlaybacksRequest {
            dialect,
            ranges,
            page_index: self.page_index.unwrap_or(0),
            view: match dialect {
                PlaybacksFormat::Grouped => self.view.map(View::from_number).unwrap_or_default(),
                PlaybacksFormat::Flat => View::None,
            },
            exec_button_view_mode: self.exec_button_view_mode,
            buttons_view_mode: self.buttons_view_mode,
            session,
        })
    }
}

/// One line, for logs and monitors.
impl fmt::Display for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = OneLine(f);
        let f = &mut line;
        match self {
            Self::Session { session: 0 } => f.write_str("asks for a session"),
            Self::Session { .. } => f.write_str("keep-alive"),
            Self::Login { username, .. } => write!(f, "log-in {username:?}"),
            Self::Playbacks(request) => {
                write!(f, "playbacks page {}", u64::from(request.page_index) + 1)?;
                for range in &request.ranges {
                    write!(f, " [{} from {}]", range.count, u64::from(range.start) + 1)?;
                }
                Ok(())
            }
            Self::Fader { exec_index, page_index, value, .. } => {
                let (page, number) = (u64::from(*page_index) + 1, u64::from(*exec_index) + 1);
                write!(f, "fader {page}.{number} at {value:.3}")
            }
            Self::Button { exec_index, page_index, button_id, pressed, cmdline, .. } => {
                let edge = if *pressed { "press" } else { "release" };
                let (page, number) = (u64::from(*page_index) + 1, u64::from(*exec_index) + 1);
                write!(f, "{edge} {page}.{number} key {button_id}")?;
                if cmdline.is_empty() { Ok(()) } else { write!(f, " with {cmdline:?}") }
            }
            Self::Command { command, .. } => write!(f, "command {command:?}"),
            Self::Keyname { keyname, pressed, .. } => {
                write!(f, "key {keyname} {}", if *pressed { "pressed" } else { "released" })
            }
            Self::Encoder { name, value, resolution, .. } => {
                write!(
                    f,
                    "encoder {name} {value:+.3}{}",
                    [" fine", " ultra"].get((*resolution as usize).wrapping_sub(1)).unwrap_or(&"")
                )
            }
            Self::GetData { names, .. } => write!(f, "getdata {names}"),
            Self::ConfirmationResult { result, .. } => write!(f, "confirms {result}"),
            Self::PresetConfirmationResult { mode, result, .. } => {
                write!(f, "confirms preset {result} mode {mode}")
            }
            Self::Close { .. } => f.write_str("close"),
            Self::Unknown { request_type, .. } => write!(f, "request {request_type:?}"),
        }?;
        match self.session() {
            0 => Ok(()),
            session => write!(f, " (session {session})"),
        }
    }
}
