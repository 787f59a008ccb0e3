//! Messages from a console.

use std::borrow::Cow;
use std::fmt::{self, Write};

use super::confirmation::{self, Confirmation};
use super::executor::list;
use super::json::{JsonReader, Writer};
use super::{
    Color, ConsoleFamily, DecodeError, Executor, ItemsType, OneLine, PlaybacksFormat, PresetType, View,
    Wanted,
};

/// The greeting of an old grandMA2, which is not JSON.
const READY: &str = "server ready";

/// A message from a console. Every field may come with every answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer<'a> {
    /// The console is ready for requests.
    pub greeting: Option<Greeting<'a>>,
    /// `session`: the session number from this message on; 0 if there is no such session, -1 if remotes are
    /// disabled, -2 if there are too many.
    pub session: Option<i64>,
    /// `forceLogin`: whether a log-in is requested.
    pub force_login: Option<bool>,
    /// Whether `connections_limit_reached` is present.
    pub limit_reached: bool,
    /// `text`: the content of this remote's command line.
    pub text: Option<Cow<'a, str>>,
    /// `prompt`: the text to the left of the command line.
    pub prompt: Option<Cow<'a, str>>,
    /// `promptcolor`.
    pub prompt_color: Option<Color>,
    /// `realtime`: false in all captures.
    pub realtime: Option<bool>,
    /// `worldIndex`: 0 in all captures.
    pub world_index: Option<i64>,
    /// The content of the message, by its `responseType`.
    pub response: Option<Response<'a>>,
}

impl<'a> Answer<'a> {
    /// The greeting of a console.
    pub fn greeting(console: ConsoleFamily) -> Self {
        let app_type = Some(console.app_type().into());
        let greeting = Some(Greeting::Status { status: READY.into(), app_type });
        Self { greeting, ..Self::default() }
    }

    /// An answer with only the fields that every answer has.
    pub fn bare() -> Self {
        Self { realtime: Some(false), world_index: Some(0), ..Self::default() }
    }

    /// An answer to a request of this type.
    pub fn to(response: Response<'a>) -> Self {
        Self { response: Some(response), ..Self::bare() }
    }

    /// The answer to `{"session":...}`.
    pub fn session(session: i64, force_login: Option<bool>) -> Self {
        Self { session: Some(session), force_login, ..Self::bare() }
    }

    /// The answer if there are too many sessions.
    pub fn limit_reached() -> Self {
        Self { session: Some(-2), limit_reached: true, world_index: None, ..Self::bare() }
    }

    /// Whether it concerns the session or its command line, besides its response.
    pub fn concerns_session(&self) -> bool {
        self.greeting.is_some()
            || self.session.is_some()
            || self.force_login.is_some()
            || self.limit_reached
            || self.text.is_some()
    }

    /// Decodes a console's message.
    ///
    /// # Errors
    ///
    /// If it is neither a JSON object nor a greeting, or is incomplete.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        Self::decode_wanted(bytes, Wanted::ALL)
    }

    /// Decodes a console's message, and only the wanted parts of executors.
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode), but unwanted parts may contain errors.
    pub fn decode_wanted(bytes: &'a [u8], wanted: Wanted) -> Result<Self, DecodeError> {
        let mut reader = JsonReader::new(bytes)?;
        reader.wanted = wanted;
        let mut answer = Self::default();
        if bytes.trim_ascii() == READY.as_bytes() {
            answer.greeting = Some(Greeting::Text);
            return Ok(answer);
        }
        if !reader.is_object() {
            return Err(DecodeError::NotAnObject);
        }
        let mut status = None;
        let mut app_type = None;
        let mut body = Body::default();
        reader.object(|reader, key| {
            match key {
                "status" => status = reader.text()?,
                "appType" => app_type = reader.text()?,
                "session" => answer.session = reader.integer()?,
                "forceLogin" => answer.force_login = reader.boolean()?,
                "connections_limit_reached" => answer.limit_reached = true,
                "text" => answer.text = reader.text()?,
                "prompt" => answer.prompt = reader.text()?,
                "promptcolor" => answer.prompt_color = reader.color()?,
                "realtime" => answer.realtime = reader.boolean()?,
                "worldIndex" => answer.world_index = reader.integer()?,
                _ => body.entry(reader, key)?,
            }
            Ok(())
        })?;
        answer.greeting = status.map(|status| Greeting::Status { status, app_type });
        answer.response = body.into_response();
        Ok(answer)
    }

    /// Encodes the message.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match &self.greeting {
            Some(Greeting::Text) => out.extend_from_slice(READY.as_bytes()),
            // Consoles write a blank after this comma and no other.
            Some(Greeting::Status { status, app_type: Some(app_type) }) => {
                out.extend_from_slice(b"{\"status\":");
                Writer::new(out).text(status);
                out.extend_from_slice(b", \"appType\":");
                Writer::new(out).text(app_type);
                out.push(b'}');
            }
            Some(Greeting::Status { status, app_type: None }) => {
                Writer::new(out).object(|object| object.key("status").text(status));
            }
            None => Writer::new(out).object(|object| self.encode_entries(object)),
        }
    }

    fn encode_entries(&self, object: &mut Writer<'_>) {
        object.optional_text("text", self.text.as_deref());
        object.optional_text("prompt", self.prompt.as_deref());
        object.optional_color("promptcolor", self.prompt_color);
        if let Some(realtime) = self.realtime {
            object.key("realtime").boolean(realtime);
        }
        if self.limit_reached {
            object.key("connections_limit_reached").text("");
        }
        if let Some(session) = self.session {
            object.key("session").integer(session);
        }
        if let Some(force_login) = self.force_login {
            object.key("forceLogin").boolean(force_login);
        }
        if let Some(response) = &self.response {
            response.encode(object);
        }
        if let Some(world_index) = self.world_index {
            object.key("worldIndex").integer(world_index);
        }
    }
}

/// The fields that depend on the kind of message. They are collected first, because `responseType` may follow them.
#[derive(Default)]
struct Body<'a> {
    response_type: Option<Cow<'a, str>>,
    result: bool,
    data: Vec<Datum<'a>>,
    playbacks: Playbacks<'a>,
    /// The single group of a flat answer, with its `itemsType` as sent.
    rows: Option<Vec<Vec<Executor<'a>>>>,
    items_type: i64,
    offset: u32,
    pages: u32,
    title: Option<Cow<'a, str>>,
    message: Option<Cow<'a, str>>,
    question: Option<Cow<'a, str>>,
    buttons: Vec<(Cow<'a, str>, i64)>,
    choice: Option<i64>,
    kind: Option<Cow<'a, str>>,
    preset_types: Vec<PresetType<'a>>,
}

impl<'a> Body<'a> {
    fn entry(&mut self, reader: &mut JsonReader<'a>, key: &str) -> Result<(), DecodeError> {
        match key {
            "responseType" => self.response_type = reader.text()?,
            "result" => self.result = reader.boolean()?.unwrap_or(false),
            "data" => self.data = pairs(reader)?,
            "responseSubType" => {
                self.playbacks.view = reader.integer()?.map(View::from_number).unwrap_or_default();
            }
            "iPage" => self.playbacks.page = reader.unsigned()?.unwrap_or(0),
            "accessDenied" => self.playbacks.access_denied = reader.boolean()?.unwrap_or(false),
            "itemGroups" => self.playbacks.groups = list(reader, 1, Group::decode)?,
            "items" => self.rows = Some(rows(reader)?),
            "itemsType" => self.items_type = reader.integer()?.unwrap_or(0),
            "iExecOff" => self.offset = reader.unsigned()?.unwrap_or(0),
            "cntPages" => self.pages = reader.unsigned()?.unwrap_or(0),
            "tt" => self.title = reader.text()?,
            "msg" => self.message = reader.text()?,
            "ques" => self.question = reader.text()?,
            "buttons" => self.buttons = list(reader, 2, confirmation::button)?,
            "dropDownItemIndex" => self.choice = reader.integer()?,
            "type" => self.kind = reader.text()?,
            "pre" => self.preset_types = list(reader, 7, PresetType::decode)?,
            _ => {}
        }
        Ok(())
    }

    fn into_response(self) -> Option<Response<'a>> {
        let response_type = self.response_type?;
        Some(match &*response_type {
            "login" => Response::Login { result: self.result },
            "getdata" => Response::GetData(self.data),
            "playbacks" => {
                let mut playbacks = Playbacks { page_name: self.title, ..self.playbacks };
                if let Some(rows) = self.rows {
                    playbacks.dialect = PlaybacksFormat::Flat;
                    let items_type = ItemsType::from_number(self.items_type, PlaybacksFormat::Flat);
                    let (offset, pages) = (self.offset, self.pages);
                    playbacks.groups = vec![Group { items_type, offset, pages, rows }];
                }
                Response::Playbacks(playbacks)
            }
            "presetTypes" => {
                Response::PresetTypes { kind: self.kind.unwrap_or_default(), types: self.preset_types }
            }
            "presetTypeList" => Response::PresetTypeList(self.preset_types),
            "commandConfirmation" | "presetCommandConfirmation" => {
                let is_preset = response_type.starts_with('p');
                let confirmation = Confirmation {
                    title: self.title.unwrap_or_default(),
                    question: self.question.filter(|_| is_preset),
                    message: self.message.unwrap_or_default(),
                    buttons: self.buttons,
                    choice: self.choice.filter(|_| is_preset),
                };
                if is_preset {
                    Response::PresetConfirmation(confirmation)
                } else {
                    Response::Confirmation(confirmation)
                }
            }
            _ => Response::Other(response_type),
        })
    }
}

/// Reads the answer to `getdata`: a list of objects with one key each, or one object with all keys.
fn pairs<'a>(reader: &mut JsonReader<'a>) -> Result<Vec<Datum<'a>>, DecodeError> {
    let mut pairs = Vec::new();
    let object = |reader: &mut JsonReader<'a>, pairs: &mut Vec<_>| {
        reader.object(|reader, key| {
            let value = reader.text()?.unwrap_or_default();
            pairs.push((Cow::Owned(key.to_owned()), value));
            Ok(())
        })
    };
    if reader.is_list() {
        reader.list(|reader| object(reader, &mut pairs))?;
    } else {
        object(reader, &mut pairs)?;
    }
    Ok(pairs)
}

/// Reads the rows of executors, or all executors as one row if the layout is not needed.
fn rows<'a>(reader: &mut JsonReader<'a>) -> Result<Vec<Vec<Executor<'a>>>, DecodeError> {
    if reader.wanted.rest {
        return list(reader, 18, |reader| list(reader, 5, Executor::decode));
    }
    // The maximum number in our requests.
    let mut row = Vec::with_capacity(60);
    reader.list(|reader| {
        reader.list(|reader| {
            row.push(Executor::decode(reader)?);
            Ok(())
        })
    })?;
    Ok(vec![row])
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
        /// `appType`: `gma2` or `dot2`; missing on a grandMA3.
        app_type: Option<Cow<'a, str>>,
    },
}

impl Greeting<'_> {
    /// The family of the console that sent the greeting; `None` if it is missing or unknown.
    pub fn console(&self) -> Option<ConsoleFamily> {
        match self {
            Self::Text => Some(ConsoleFamily::Gma2),
            Self::Status { app_type, .. } => ConsoleFamily::from_app_type(app_type.as_deref()?),
        }
    }
}

/// A name and a value.
pub type Datum<'a> = (Cow<'a, str>, Cow<'a, str>);

/// The content of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Response<'a> {
    /// `login`: whether user and password were accepted.
    Login {
        /// Whether they were accepted.
        result: bool,
    },
    /// `playbacks`: executors.
    Playbacks(Playbacks<'a>),
    /// `getdata`: names and values, in the order of the request; values are `0`, `1`, or `b` for blinking.
    GetData(Vec<Datum<'a>>),
    /// `commandConfirmation`: a pop-up that needs an answer.
    Confirmation(Confirmation<'a>),
    /// `presetCommandConfirmation`: a pop-up about storing a preset that needs an answer.
    PresetConfirmation(Confirmation<'a>),
    /// `presetTypes`: the attributes of the fixtures, with their values.
    PresetTypes {
        /// `type`: `full` or `update`, as requested.
        kind: Cow<'a, str>,
        /// The types.
        types: Vec<PresetType<'a>>,
    },
    /// `presetTypeList`: the names of the preset types.
    PresetTypeList(Vec<PresetType<'a>>),
    /// Any other `responseType`.
    Other(Cow<'a, str>),
}

impl<'a> Response<'a> {
    /// The `responseType`.
    pub fn name(&self) -> &str {
        match self {
            Self::Login { .. } => "login",
            Self::Playbacks(_) => "playbacks",
            Self::GetData(_) => "getdata",
            Self::Confirmation(_) => "commandConfirmation",
            Self::PresetConfirmation(_) => "presetCommandConfirmation",
            Self::PresetTypes { .. } => "presetTypes",
            Self::PresetTypeList(_) => "presetTypeList",
            Self::Other(name) => name,
        }
    }

    fn encode(&self, object: &mut Writer<'_>) {
        object.key("responseType").text(self.name());
        match self {
            Self::Login { result } => object.key("result").boolean(*result),
            Self::Playbacks(playbacks) => playbacks.encode(object),
            Self::GetData(data) => object.key("data").list(|list| {
                for (name, value) in data {
                    list.item().object(|pair| pair.foreign_key(name).text(value));
                }
            }),
            Self::Confirmation(confirmation) | Self::PresetConfirmation(confirmation) => {
                confirmation.encode(object);
            }
            Self::PresetTypes { kind, types } => {
                object.key("type").text(kind);
                encode_types(types, object);
            }
            Self::PresetTypeList(types) => encode_types(types, object),
            Self::Other(_) => {}
        }
    }
}

fn encode_types(types: &[PresetType<'_>], object: &mut Writer<'_>) {
    object.key("pre").list(|items| types.iter().for_each(|preset_type| preset_type.encode(items.item())));
}

/// Executors.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Playbacks<'a> {
    /// The dialect of the message.
    pub dialect: PlaybacksFormat,
    /// `responseSubType`: the view of the request. The flat dialect has none.
    pub view: View,
    /// `iPage`: the page, counted from 1.
    pub page: u32,
    /// `tt`: the name of the page.
    pub page_name: Option<Cow<'a, str>>,
    /// `accessDenied`: the user is not permitted to see executors.
    pub access_denied: bool,
    /// The groups, in the order of the request's ranges.
    pub groups: Vec<Group<'a>>,
}

impl Playbacks<'_> {
    fn encode(&self, object: &mut Writer<'_>) {
        match self.dialect {
            PlaybacksFormat::Grouped => {
                object.key("responseSubType").integer(self.view.number());
                object.key("iPage").integer(self.page.into());
                object.optional_text("tt", self.page_name.as_deref());
                if self.access_denied {
                    object.key("accessDenied").boolean(true);
                }
                object.key("itemGroups").list(|groups| {
                    for group in &self.groups {
                        groups.item().object(|object| {
                            object.key("itemsType").integer(group.items_type.number(self.dialect));
                            group.encode_offset(object);
                            object.key("cntPages").integer(group.pages.into());
                            group.encode_items(self.dialect, object);
                        });
                    }
                });
            }
            PlaybacksFormat::Flat => {
                object.key("iPage").integer(self.page.into());
                object.optional_text("tt", self.page_name.as_deref());
                if self.access_denied {
                    object.key("accessDenied").boolean(true);
                }
                if let Some(group) = self.groups.first() {
                    group.encode_offset(object);
                    object.key("cntPages").integer(group.pages.into());
                    object.key("itemsType").integer(group.items_type.number(self.dialect));
                    group.encode_items(self.dialect, object);
                }
            }
        }
    }
}

/// The executors of one range.
#[derive(Clone, Debug, PartialEq)]
pub struct Group<'a> {
    /// The kind of the executors.
    pub items_type: ItemsType,
    /// `iExecOff`: the first index of the section that contains the executors; 0 if missing.
    pub offset: u32,
    /// `cntPages`: the number of pages.
    pub pages: u32,
    /// The executors in rows as displayed: five per row on a grandMA2 (fewer if some are wide), one on a dot2. A single
    /// row if the layout is not [wanted](super::Wanted::rest).
    pub rows: Vec<Vec<Executor<'a>>>,
}

impl<'a> Group<'a> {
    fn decode(reader: &mut JsonReader<'a>) -> Result<Self, DecodeError> {
        let mut group = Self { items_type: ItemsType::Main, offset: 0, pages: 0, rows: Vec::new() };
        reader.object(|reader, key| {
            match key {
                "itemsType" => {
                    let number = reader.integer()?.unwrap_or(0);
                    group.items_type = ItemsType::from_number(number, PlaybacksFormat::Grouped);
                }
                "iExecOff" => group.offset = reader.unsigned()?.unwrap_or(0),
                "cntPages" => group.pages = reader.unsigned()?.unwrap_or(0),
                "items" => group.rows = rows(reader)?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(group)
    }

    fn encode_offset(&self, object: &mut Writer<'_>) {
        if self.offset > 0 {
            object.key("iExecOff").integer(self.offset.into());
        }
    }

    fn encode_items(&self, dialect: PlaybacksFormat, object: &mut Writer<'_>) {
        object.key("items").list(|rows| {
            for row in &self.rows {
                rows.item().list(|items| {
                    row.iter().for_each(|executor| executor.encode(dialect, items.item()));
                });
            }
        });
    }

    /// All executors in order.
    pub fn executors(&self) -> impl Iterator<Item = &Executor<'a>> + Clone {
        self.rows.iter().flatten()
    }
}

/// One line, for logs and monitors.
impl fmt::Display for Answer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        match &self.greeting {
            Some(Greeting::Text) => parts.push("ready, old dialect".to_owned()),
            Some(Greeting::Status { status, app_type }) => {
                parts.push(format!("{status}, {}", app_type.as_deref().unwrap_or("no appType")));
            }
            None => {}
        }
        if let Some(session) = self.session {
            parts.push(format!("session {session}"));
        }
        if self.force_login == Some(true) {
            parts.push("log-in wanted".to_owned());
        }
        if self.limit_reached {
            parts.push("too many sessions".to_owned());
        }
        if let Some(text) = &self.text {
            parts.push(format!("text {text:?}"));
        }
        if let Some(prompt) = &self.prompt {
            parts.push(format!("prompt {prompt:?}"));
        }
        if let Some(response) = &self.response {
            parts.push(response.to_string());
        }
        let line = if parts.is_empty() { "done" } else { &parts.join(", ") };
        OneLine(f).write_str(line)
    }
}

impl fmt::Display for Response<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Login { result: true } => f.write_str("logged in"),
            Self::Login { result: false } => f.write_str("log-in refused"),
            Self::Playbacks(playbacks) => {
                write!(f, "playbacks page {}", playbacks.page)?;
                if playbacks.access_denied {
                    f.write_str(" access denied")?;
                }
                for group in &playbacks.groups {
                    let mut executors = group.executors().peekable();
                    let first = executors.peek().map_or(group.offset, |executor| executor.index) + 1;
                    let (count, assigned) = executors.fold((0, 0), |(count, assigned), executor| {
                        (count + 1, assigned + u32::from(!executor.is_empty()))
                    });
                    write!(f, " [{count} from {first}, {assigned} assigned]")?;
                }
                Ok(())
            }
            Self::GetData(data) => {
                f.write_str("data")?;
                data.iter().try_for_each(|(name, value)| write!(f, " {name}={value}"))
            }
            Self::Confirmation(confirmation) | Self::PresetConfirmation(confirmation) => {
                write!(f, "asks {:?} {:?}", confirmation.title, confirmation.message)?;
                confirmation.buttons.iter().try_for_each(|(text, id)| write!(f, " {id}={text:?}"))
            }
            Self::PresetTypes { types, .. } | Self::PresetTypeList(types) => {
                write!(f, "{} preset types", types.len())
            }
            Self::Other(name) => write!(f, "response {name:?}"),
        }
    }
}
