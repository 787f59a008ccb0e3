//! A running simulated console: answers every frame with exactly one frame.

mod actions;

use crosspatch_core::{
    Backoff, Closed, Condition, Direction, Duration, Instant, Limits, Listen, NextTry, Notice, Outbox, Peer,
    Port, PortSpec, Slot, Status, Value,
};
use rustc_hash::FxHashMap;

use self::actions::Who;
use super::address::Address;
use super::content;
use super::desk::Desk;
use super::line::{ClientConnections, PORT};
use super::options::{Config, GreetingStyle};
use super::pace::LoginPace;
use super::remotes::Remotes;
use super::show::ExecutorPosition;
use crate::maweb::wire::{
    Answer, Color, ConsoleFamily, Greeting, Playbacks, PlaybacksFormat, PlaybacksRequest, Request, Response,
};
use crate::recognize::{self, WireFormat};
use crate::shared::button::Button;

/// The maximum number of connections, more than any console allows.
const LIMITS: Limits =
    Limits { connections: 64, per_address: 32, message: 64 << 10, unsent: 1 << 20, unsent_in_all: 8 << 20 };

const PROMPT: &str = " [Fixture]>";
const PROMPT_COLOR: Color = Color([0x80, 0x80, 0x80]);

/// A simulated console.
pub(super) struct Session {
    settings: Config,
    desk: Desk,
    remotes: Remotes,
    lines: ClientConnections,
    pace: LoginPace,
    inputs: FxHashMap<Address, Slot>,
    outputs: Vec<Option<OutputChannel>>,
    /// The console's own command line, for keys that are pressed at the console.
    own_line: String,
    /// The last value of `commandline`.
    shown_line: String,
    again: Backoff,
    open_at: Option<Instant>,
    condition: Condition,
}

/// A channel that crosspatch sets.
struct OutputChannel {
    address: Address,
    button: Button,
}

impl Session {
    pub(super) fn new(settings: Config) -> Self {
        let mut show = content::show(settings.console);
        if !settings.has_wide {
            content::narrow(&mut show);
        }
        if !settings.has_macros {
            content::drop_macros(&mut show);
        }
        Self {
            desk: Desk::new(show),
            remotes: Remotes::default(),
            lines: ClientConnections::default(),
            pace: LoginPace::default(),
            inputs: FxHashMap::default(),
            outputs: Vec::new(),
            own_line: String::new(),
            shown_line: String::new(),
            again: Backoff::new(Duration::from_secs(1), Duration::from_secs(30), &settings.name),
            open_at: None,
            condition: Condition::Starting,
            settings,
        }
    }

    fn listen(&mut self, out: &mut Outbox) {
        let Config { listen: at, ping, origins, .. } = self.settings.clone();
        let listen = Listen { at, limits: LIMITS, ping, origins };
        out.open(PORT, PortSpec::WebSocketListen(listen));
    }

    fn emit(&self, address: &Address, value: impl Into<Value>, out: &mut Outbox) {
        if let Some(slot) = self.inputs.get(address) {
            out.emit(*slot, value);
        }
    }

    /// Handles a request and answers it.
    fn handle_request(&mut self, now: Instant, connection: u32, request: &Request<'_>, out: &mut Outbox) {
        if let Request::Session { session } = request {
            return self.handle_session(now, connection, *session, out);
        }
        let Some(session) =
            self.remotes.of(connection).filter(|own| self.remotes.fits(*own, request.session()))
        else {
            // A console that does not know the session answers with the number 0.
            return self.send(now, connection, Answer::session(0, None), out);
        };
        let changed = self.remotes.count(session, self.settings.session_change);
        let session = changed.unwrap_or(session);
        let is_guest = self.remotes.get_mut(session).is_none_or(|remote| remote.user.is_none());
        let mut answer = match request {
            Request::Login { username, password, .. } => {
                self.log_in(now, connection, session, username, password, out)
            }
            Request::Close { .. } => {
                let held = self.remotes.end(session);
                self.release(now, held, out);
                out.notice(Notice::info(
                    "session-closed",
                    format!("session {session} of client {connection} closed"),
                ));
                Answer::bare()
            }
            Request::GetData { names, .. } => self.get_data(session, names),
            _ if is_guest && self.settings.ignores_guests => return,
            _ if is_guest => Answer::bare(),
            Request::Playbacks(request) => {
                return self.answer_playbacks(now, connection, session, changed, request, out);
            }
            Request::Fader { exec_index, page_index, value, .. } => {
                let place = ExecutorPosition { page: *page_index, index: *exec_index };
                self.desk.show.move_fader(now, place, *value);
                self.emit(&Address::Fader(place), *value, out);
                Answer::bare()
            }
            Request::Button { exec_index, page_index, button_id, pressed, cmdline, .. } => {
                let place = ExecutorPosition { page: *page_index, index: *exec_index };
                self.press(now, session, place, *button_id, *pressed, cmdline, out)
            }
            Request::Command { command, .. } => self.execute(now, Who::Remote(session), command, out),
            Request::Keyname { keyname, pressed, cmdline_text, .. } => {
                if let (Some(text), Some(remote)) = (cmdline_text, self.remotes.get_mut(session)) {
                    text.chars().take(1000).collect::<String>().clone_into(&mut remote.line);
                }
                self.press_key(now, Who::Remote(session), keyname, *pressed, out)
            }
            Request::Encoder { name, value, resolution, .. } => {
                let step = match resolution {
                    0 => *value,
                    1 => value / 10.0,
                    _ => value / 100.0,
                };
                let stands = self.desk.turn(name, step);
                self.emit(&Address::Encoder(name.to_ascii_uppercase().into()), stands / 100.0, out);
                Answer::bare()
            }
            Request::ConfirmationResult { result, .. } => {
                let question = self.remotes.get_mut(session).and_then(|remote| remote.question.take());
                if let Some(question) = question {
                    self.desk.answer(now, &question, *result);
                }
                Answer::bare()
            }
            Request::PresetConfirmationResult { .. } | Request::Session { .. } => Answer::bare(),
            Request::Unknown { request_type, .. } if request_type == "presetTypes" => {
                Answer::to(Response::PresetTypes { kind: "full".into(), types: self.desk.preset_types() })
            }
            Request::Unknown { request_type, .. } if request_type == "presetTypeList" => {
                Answer::to(Response::PresetTypeList(self.desk.preset_type_list()))
            }
            // A client that requests pools or sheets waits for an answer under that name.
            Request::Unknown { request_type, .. } if LISTS.contains(&&**request_type) => {
                Answer::to(Response::Other(request_type.clone()))
            }
            Request::Unknown { .. } => Answer::bare(),
        };
        if changed.is_some() {
            answer.session = changed;
        }
        self.finish(now, connection, session, answer, out);
    }

    fn handle_session(&mut self, now: Instant, connection: u32, named: i64, out: &mut Outbox) {
        if !self.settings.remotes {
            return self.send(now, connection, Answer::session(-1, None), out);
        }
        let own = self.remotes.of(connection);
        let taken_over = own.is_none() && named > 0 && self.remotes.take_over(named, connection);
        if let Some(session) = own.or(taken_over.then_some(named)) {
            self.remotes.keep_alive(now, session);
            let changed = self.remotes.count(session, self.settings.session_change);
            let session = changed.unwrap_or(session);
            return self.finish(now, connection, session, Answer::session(session, None), out);
        }
        match self.remotes.create(now, connection, self.settings.sessions) {
            Some(session) => self.send(now, connection, Answer::session(session, Some(true)), out),
            None => {
                let text =
                    format!("client {connection} was refused: there are {} sessions", self.settings.sessions);
                out.notice(Notice::info("too-many-sessions", text));
                self.send(now, connection, Answer::limit_reached(), out);
            }
        }
    }

    fn log_in(
        &mut self,
        now: Instant,
        connection: u32,
        session: i64,
        username: &str,
        password: &str,
        out: &mut Outbox,
    ) -> Answer<'static> {
        let is_held = self.lines.is_held(now, connection);
        let result = if is_held {
            Err("another log-in is still being refused")
        } else {
            self.settings.log_in(username, password)
        };
        let Some(remote) = self.remotes.get_mut(session) else { return Answer::bare() };
        match result {
            Ok(()) => {
                remote.user = Some(username.to_owned());
                let text = format!("client {connection} logged in as `{username}`, session {session}");
                out.notice(Notice::info("logged-in", text));
            }
            Err(why) => {
                if !is_held {
                    self.lines.hold(now, connection, self.pace.failed(now));
                }
                let text = format!("client {connection} was not logged in as `{username}`: {why}");
                out.notice(Notice::warning("login-refused", text));
            }
        }
        let mut answer = Answer::to(Response::Login { result: result.is_ok() });
        if self.settings.console == ConsoleFamily::Dot2 {
            answer.prompt = Some(PROMPT.into());
            answer.prompt_color = Some(PROMPT_COLOR);
        }
        answer
    }

    fn get_data(&mut self, session: i64, names: &str) -> Answer<'static> {
        let line = self.remotes.get_mut(session).map(|remote| remote.line.clone()).unwrap_or_default();
        let names = names.split(',').map(str::trim).filter(|name| !name.is_empty()).take(100);
        let data = names.map(|name| (name.to_owned().into(), self.desk.lamp(name, &line).into()));
        Answer::to(Response::GetData(data.collect()))
    }

    fn answer_playbacks(
        &mut self,
        now: Instant,
        connection: u32,
        session: i64,
        changed: Option<i64>,
        request: &PlaybacksRequest,
        out: &mut Outbox,
    ) {
        if self.settings.dialect.is_some_and(|only| only != request.dialect) {
            let answer = Answer { session: changed, ..Answer::bare() };
            return self.finish(now, connection, session, answer, out);
        }
        let playbacks = if self.settings.access_denied {
            Playbacks {
                dialect: request.dialect,
                view: request.view,
                page: request.page_index.saturating_add(1),
                access_denied: true,
                ..Playbacks::default()
            }
        } else {
            self.desk.show.playbacks(now, request)
        };
        let mut answer = Answer::to(Response::Playbacks(playbacks));
        if request.dialect == PlaybacksFormat::Flat {
            answer.realtime = None;
        }
        answer.session = changed;
        let (line, is_news) = match self.remotes.get_mut(session) {
            Some(remote) => (Some(&*remote.line), std::mem::take(&mut remote.is_line_news)),
            None => (None, false),
        };
        decorate(&mut answer, &self.settings, line, is_news);
        if self.lines.send(now, &self.settings, connection, &answer, out) {
            self.hang_up(now, connection, out);
        }
    }

    /// Sends an answer to a remote, with additional fields.
    fn finish(&mut self, now: Instant, connection: u32, session: i64, answer: Answer<'_>, out: &mut Outbox) {
        let (line, is_news) = match self.remotes.get_mut(session) {
            Some(remote) => (Some(remote.line.clone()), std::mem::take(&mut remote.is_line_news)),
            None => (None, false),
        };
        let mut answer: Answer<'_> = answer;
        decorate(&mut answer, &self.settings, line.as_deref(), is_news);
        self.send(now, connection, answer, out);
    }

    fn send(&mut self, now: Instant, connection: u32, answer: Answer<'_>, out: &mut Outbox) {
        if self.lines.send(now, &self.settings, connection, &answer, out) {
            self.hang_up(now, connection, out);
        }
    }

    fn hang_up(&mut self, now: Instant, connection: u32, out: &mut Outbox) {
        self.disconnect(now, connection, out);
        out.close(PORT, Peer::Connection(connection));
    }

    fn disconnect(&mut self, now: Instant, connection: u32, out: &mut Outbox) {
        self.lines.closed(connection);
        let held = self.remotes.disconnected(connection);
        self.release(now, held, out);
    }
}

/// Names the protocol of a client that did not request a WebSocket. Requests after the end of a connection are text.
fn notify_not_websocket(connection: u32, data: &[u8], out: &mut Outbox) {
    if recognize::stream(data) == Some(WireFormat::Text) {
        return;
    }
    let client = format!("client {connection}");
    if let Some(origin) = foreign_page(data) {
        let text = format!(
            "refused {client}, a web page of `{origin}` in a browser; set `origin = {origin}` to allow it"
        );
        return out.notice(Notice::warning("foreign-page", text));
    }
    if let Some(notice) = recognize::explain_stream(&client, data, WireFormat::WebSocket) {
        out.notice(notice);
    }
}

/// The origin of a web page that has requested a WebSocket.
fn foreign_page(head: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(head);
    let header = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    };
    header("Upgrade").filter(|protocol| protocol.eq_ignore_ascii_case("websocket"))?;
    header("Origin").map(|origin| origin.chars().take(200).collect())
}

/// Requests that are answered with their own name.
const LISTS: &[&str] = &["pool", "fixtureSheet", "channelSheet", "executorSheet", "commandHistory"];

/// Adds fields that any answer may have: the command line if it has changed, or always if the option is set, and its
/// prompt.
fn decorate<'a>(answer: &mut Answer<'a>, settings: &Config, line: Option<&'a str>, is_news: bool) {
    if is_news || settings.is_chatty {
        answer.text = line.map(Into::into);
    }
    if settings.is_chatty {
        answer.prompt = Some(PROMPT.into());
        answer.prompt_color = Some(PROMPT_COLOR);
    }
}

impl crosspatch_core::Session for Session {
    fn bind(&mut self, slot: Slot, address: &str, direction: Direction) {
        // Only addresses that were checked by the instance arrive here.
        let Ok(address) = address.parse::<Address>() else { return };
        match direction {
            Direction::Input => drop(self.inputs.insert(address, slot)),
            Direction::Output => {
                if self.outputs.len() <= slot.index() {
                    self.outputs.resize_with(slot.index() + 1, || None);
                }
                self.outputs[slot.index()] = Some(OutputChannel { address, button: Button::default() });
            }
        }
    }

    fn unbind(&mut self, slot: Slot, direction: Direction) {
        match direction {
            Direction::Input => self.inputs.retain(|_, bound| *bound != slot),
            Direction::Output => {
                if let Some(output) = self.outputs.get_mut(slot.index()) {
                    *output = None;
                }
            }
        }
    }

    fn start(&mut self, _now: Instant, out: &mut Outbox) {
        self.listen(out);
    }

    fn handle_open(&mut self, now: Instant, _port: Port, peer: Peer, out: &mut Outbox) {
        match peer {
            Peer::Only => {
                self.again.reset();
                self.condition = Condition::Working;
                let Config { console, listen, .. } = &self.settings;
                out.notice(Notice::info("listening", format!("a simulated {console} is ready at {listen}")));
            }
            Peer::Connection(connection) => {
                out.notice(Notice::info("client-connected", format!("client {connection} connected")));
                self.lines.opened(connection);
                let answer = match self.settings.greeting {
                    GreetingStyle::Json => Answer::greeting(self.settings.console),
                    GreetingStyle::Text => Answer { greeting: Some(Greeting::Text), ..Answer::default() },
                    GreetingStyle::None => return,
                };
                self.send(now, connection, answer, out);
            }
            Peer::Address(_) => {}
        }
    }

    fn handle_data(&mut self, now: Instant, _port: Port, from: Peer, data: &[u8], out: &mut Outbox) {
        let Peer::Connection(connection) = from else { return };
        if !self.lines.is_open(connection) {
            return notify_not_websocket(connection, data, out);
        }
        match Request::decode_with_flaws(data) {
            Ok((request, flaws)) => {
                for (flaw, at) in self.lines.new_flaws(connection, &flaws).iter() {
                    let text = format!("client {connection} sends malformed JSON: {flaw} at byte {at}");
                    out.notice(Notice::warning("wrong-json", text));
                }
                self.handle_request(now, connection, &request, out);
            }
            Err(error) => {
                let text = format!("ignored a malformed request of client {connection}: {error}");
                out.notice(Notice::warning("bad-request", text));
                self.send(now, connection, Answer::bare(), out);
            }
        }
    }

    fn handle_close(&mut self, now: Instant, _port: Port, peer: Peer, reason: Closed, out: &mut Outbox) {
        match peer {
            Peer::Only => {
                self.lines.clear();
                let held = self.remotes.all_disconnected();
                self.release(now, held, out);
                let is_first = self.again.failures() == 0;
                let pause = self.again.retry_pause(now);
                self.open_at = Some(now + pause);
                self.condition.handle_close(now, &reason);
                if is_first {
                    let listen = &self.settings.listen;
                    let text = format!("cannot listen on {listen}: {reason}; {}", NextTry { pause });
                    out.notice(Notice::error("cannot-listen", text));
                }
            }
            Peer::Connection(connection) => {
                self.disconnect(now, connection, out);
                out.notice(Notice::info(
                    "client-gone",
                    format!("client {connection} disconnected: {reason}"),
                ));
            }
            Peer::Address(_) => {}
        }
    }

    fn handle_values(&mut self, now: Instant, values: &[(Slot, Value)], out: &mut Outbox) {
        for (slot, value) in values {
            self.set(now, *slot, value, false, out);
        }
    }

    fn handle_recall(&mut self, now: Instant, values: &[(Slot, Value)], out: &mut Outbox) {
        for (slot, value) in values {
            self.set(now, *slot, value, true, out);
        }
    }

    fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) {
        self.lines.handle_timeout(now, out);
        if self.open_at.is_some_and(|at| at <= now) {
            self.open_at = None;
            self.listen(out);
        }
        for (session, connection) in self.remotes.expired(now, self.settings.timeout) {
            let held = self.remotes.end(session);
            self.release(now, held, out);
            let text = format!("session {session} expired: it received no keep-alive");
            out.notice(Notice::info("session-expired", text));
            if let Some(connection) = connection {
                self.hang_up(now, connection, out);
            }
        }
    }

    fn status(&self) -> Status {
        let Config { console, listen, .. } = &self.settings;
        let mut status = Status::default();
        status.add(listen.to_string(), format!("simulated {console}"), self.condition.clone());
        self.remotes.add_status(&mut status);
        status
    }

    fn next_timeout(&self) -> Option<Instant> {
        let expiry = self.remotes.next_timeout(self.settings.timeout);
        self.lines.next_timeout().into_iter().chain(self.open_at).chain(expiry).min()
    }
}
