//! The session: connects login, polling, watching and output. Messages of the console are handled in `answers`, sent ones in
//! `outgoing`, pop-ups in `pop_ups`.

mod answers;
mod outgoing;
mod pop_ups;

use std::collections::VecDeque;
use std::sync::Arc;

use crosspatch_core::{
    Closed, Connect, Direction, Duration, Instant, Notice, Outbox, Peer, Port, PortSpec, Slot, Status, Value,
    WebSocketConnect,
};

use super::address::Address;
use super::channel::{MappedChannel, MappedChannels};
use super::login::{self, CONNECT_TIMEOUT, Login, LoginStep};
use super::options::Config;
use super::output::Shaper;
use super::poll::{self, PollKind, Poller};
use super::watch::Watches;
use super::wire::{LastAnswer, PlaybacksFormat, Request};
use crate::shared::paced::Paced;
use pop_ups::OpenPopUp;

/// The only connection.
const CONSOLE: Port = Port(0);

/// The maximum number of executors named in a notice.
const NAMED: usize = 6;

/// A console that sent something within this time is alive; it answers a keep-alive every four seconds.
const ALIVE: Duration = Duration::from_secs(5);

/// A running connection to a console.
pub(crate) struct Session {
    settings: Arc<Config>,
    channels: MappedChannels,
    login: Login,
    poller: Poller,
    watches: Watches,
    /// The last answer to each request of the poller.
    last_answers: Vec<LastAnswer>,
    shaper: Shaper,
    dialect: PlaybacksFormat,
    /// The number of requests in an uncertain dialect that had an empty answer.
    refusals: u32,
    /// When the console last sent something.
    last_received: Instant,
    /// The content of this remote's command line.
    cmdline: String,
    /// The pop-up that needs an answer.
    question: Option<OpenPopUp>,
    /// The notices sent on this connection.
    notified: Notified,
    /// States of the console that wait to be emitted.
    paced: Paced,
    steps: Vec<LoginStep>,
}

#[derive(Default)]
struct Notified {
    denied: bool,
    unanswered: bool,
    lost_presses: bool,
    pages: VecDeque<u32>,
}

impl Session {
    /// A session that has not started.
    pub(crate) fn new(settings: Arc<Config>) -> Self {
        Self {
            channels: MappedChannels::default(),
            login: Login::new(&settings.hosts, &settings.name, settings.console),
            poller: Poller::new(
                settings.interval,
                settings.idle_interval,
                poll::phase(&settings.name, settings.interval),
            ),
            watches: Watches::default(),
            last_answers: Vec::new(),
            shaper: Shaper::new(settings.rate, settings.fader_interval, settings.settle),
            dialect: PlaybacksFormat::default(),
            refusals: 0,
            last_received: Instant::START,
            cmdline: String::new(),
            question: None,
            notified: Notified::default(),
            paced: Paced::default(),
            steps: Vec::new(),
            settings,
        }
    }

    /// Performs the steps of the connection, then sends everything that is due.
    fn proceed(&mut self, now: Instant, out: &mut Outbox) {
        let mut steps = std::mem::take(&mut self.steps);
        for step in steps.drain(..) {
            match step {
                LoginStep::Open(to) => {
                    let connect = Connect { to, timeout: CONNECT_TIMEOUT };
                    let socket = WebSocketConnect { connect, path: "/?ma=1".into() };
                    out.open(CONSOLE, PortSpec::WebSocketConnect(socket));
                }
                LoginStep::Close => out.close(CONSOLE, Peer::Only),
                LoginStep::SendSession(session) => {
                    send(out, &Request::Session { session });
                    if session > 0 {
                        self.shaper.note_question(now);
                    }
                }
                LoginStep::SendClose(session) => send(out, &Request::Close { session }),
                LoginStep::LogIn => {
                    let username = self.settings.user_on(self.login.console()).into();
                    let password = self.settings.password.as_str().into();
                    send(out, &Request::Login { username, password, session: self.login.session() });
                }
                LoginStep::Ready => self.begin(now, out),
                LoginStep::Down => self.end(out),
                LoginStep::Notice(notice) => self.notify(notice, out),
            }
        }
        self.steps = steps;
        self.flush(now, out);
    }

    /// Called when the console is ready: sends and requests everything again.
    fn begin(&mut self, now: Instant, out: &mut Outbox) {
        (self.dialect, self.refusals) = (self.login.dialect(), 0);
        self.notified = Notified::default();
        self.shaper.open(&self.channels);
        self.channels.begin_connection();
        self.plan();
        self.poller.start(now);
        if self.login.must_try_dialects() {
            self.poller.probe();
        }
        self.notify_missing(out);
        out.recall();
    }

    fn end(&mut self, out: &mut Outbox) {
        self.poller.stop();
        self.shaper.close(self.last_received, &mut self.channels);
        self.cmdline.clear();
        self.close_question(out);
    }

    fn plan(&mut self) {
        let requests = poll::plan(self.watches.executors(), self.login.console(), self.dialect);
        self.last_answers.clear();
        self.last_answers.resize_with(requests.len(), LastAnswer::default);
        self.poller.ask_for(requests, self.watches.leds().len() > 0);
    }

    /// Sends the messages that may be sent now.
    fn flush(&mut self, now: Instant, out: &mut Outbox) {
        while let Some(what) = self.shaper.next(now, &mut self.channels) {
            if self.send(now, &what, out) {
                self.shaper.sent(now);
                self.login.note_sent(now);
                self.poller.note_activity(now);
            }
        }
        if self.shaper.wants_question() {
            send(out, &Request::Session { session: self.login.session() });
            self.shaper.note_question(now);
            self.login.note_keep_alive(now);
        }
        if let Some(what) = self.poller.due(now) {
            self.send_poll(what, out);
            self.login.note_sent(now);
        }
    }

    fn send_poll(&self, what: PollKind, out: &mut Outbox) {
        let session = self.login.session();
        match what {
            PollKind::Executors(at) => {
                let request = &self.poller.requests()[at];
                out.send(CONSOLE, Peer::Only, |bytes| request.encode_for(session, bytes));
            }
            PollKind::Leds => {
                let mut names: Vec<_> = self.watches.leds().collect();
                names.sort_unstable();
                names.dedup();
                send(out, &Request::GetData { names: names.join(",").into(), session });
            }
        }
    }

    /// Names the mapped channels that this console does not have.
    fn notify_missing(&self, out: &mut Outbox) {
        let missing = self
            .channels
            .iter()
            .filter(|channel| !outgoing::is_there(&self.login, &self.settings, &channel.address));
        let names: Vec<_> = missing.map(|channel| channel.address.to_string()).collect();
        if names.is_empty() {
            return;
        }
        let more =
            if names.len() > NAMED { format!(" and {} more", names.len() - NAMED) } else { String::new() };
        let console = login::console_name(self.login.console());
        let list = names[..names.len().min(NAMED)].join(", ");
        self.notify(Notice::warning("not-there", format!("this {console} does not have {list}{more}")), out);
    }

    fn notify(&self, notice: Notice, out: &mut Outbox) {
        let may_be_left_out =
            matches!(notice.id, "connected" | "not-there" | "page" | "asks" | "garbage" | "lost-press");
        if !(self.settings.quiet && may_be_left_out) {
            out.notice(notice);
        }
    }
}

impl crosspatch_core::Session for Session {
    fn bind(&mut self, slot: Slot, address: &str, direction: Direction) {
        let Ok(address) = address.parse::<Address>() else {
            debug_assert!(false, "`{address}` was checked before");
            return;
        };
        let channel = self.channels.get_or_insert(slot, address);
        match direction {
            Direction::Input => channel.set_input(true),
            Direction::Output => channel.is_output = true,
        }
    }

    fn unbind(&mut self, slot: Slot, direction: Direction) {
        let Some(channel) = self.channels.get_mut(slot) else { return };
        match direction {
            Direction::Input => {
                channel.set_input(false);
                self.paced.forget(slot);
            }
            Direction::Output => {
                channel.is_output = false;
                self.shaper.forget(channel);
            }
        }
    }

    fn start(&mut self, now: Instant, out: &mut Outbox) {
        self.watches.arrange(&self.channels);
        self.login.connect(now, &mut self.steps);
        self.proceed(now, out);
    }

    fn stop(&mut self, now: Instant, out: &mut Outbox) {
        self.login.stop(&mut self.steps);
        self.poller.stop();
        self.shaper.close(self.last_received, &mut self.channels);
        self.proceed(now, out);
    }

    fn handle_rebind(&mut self, now: Instant, out: &mut Outbox) {
        self.watches.arrange(&self.channels);
        if self.login.is_ready() {
            self.plan();
            self.notify_missing(out);
        }
        self.flush(now, out);
    }

    fn handle_open(&mut self, now: Instant, _port: Port, _peer: Peer, out: &mut Outbox) {
        // A new stream is not full.
        self.shaper.handle_writable();
        self.login.handle_open(now);
        self.proceed(now, out);
    }

    fn handle_data(&mut self, now: Instant, _port: Port, _from: Peer, data: &[u8], out: &mut Outbox) {
        self.last_received = now;
        self.login.note_received();
        self.shaper.handle_received();
        if !self.handle_repetition(now, data, out) {
            self.handle_message(now, data, out);
        }
        self.proceed(now, out);
    }

    fn handle_close(&mut self, now: Instant, _port: Port, _peer: Peer, reason: Closed, out: &mut Outbox) {
        self.login.handle_close(now, &reason, &mut self.steps);
        self.proceed(now, out);
    }

    fn handle_full(&mut self, _now: Instant, _port: Port, _peer: Peer, _out: &mut Outbox) {
        self.shaper.handle_full();
    }

    fn handle_writable(&mut self, now: Instant, _port: Port, _peer: Peer, out: &mut Outbox) {
        self.shaper.handle_writable();
        self.flush(now, out);
    }

    fn handle_values(&mut self, now: Instant, values: &[(Slot, Value)], out: &mut Outbox) {
        for (slot, value) in values {
            self.take(now, *slot, value, false, out);
        }
        self.flush(now, out);
    }

    fn handle_recall(&mut self, now: Instant, values: &[(Slot, Value)], out: &mut Outbox) {
        for (slot, value) in values {
            self.take(now, *slot, value, true, out);
        }
        self.flush(now, out);
    }

    fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) {
        while let Some((slot, value)) = self.paced.next(now) {
            if let Some(channel) = self.channels.get_mut(slot) {
                emit(channel, now, value, out);
            }
        }
        self.login.handle_timeout(now, &mut self.steps);
        // A console that sends nothing at all is lost; `login` handles that.
        if let Some(unanswered) = self.poller.give_up(now)
            && now.since(self.last_received) < ALIVE
        {
            self.handle_unanswered(unanswered, out);
        }
        self.proceed(now, out);
    }

    fn status(&self) -> Status {
        let mut status = Status::default();
        self.login.add_status(&mut status);
        status
    }

    fn next_timeout(&self) -> Option<Instant> {
        let timeouts = [
            self.login.next_timeout(),
            self.poller.next_timeout(),
            self.shaper.next_timeout(),
            self.paced.next_timeout(),
        ];
        timeouts.into_iter().flatten().min()
    }
}

/// Emits a state of the console.
fn emit(channel: &mut MappedChannel, now: Instant, value: Value, out: &mut Outbox) {
    if channel.is_output && value.as_number().is_some() {
        channel.last_emitted = Some((now, value.is_pressed()));
    }
    out.emit(channel.slot, value);
}

fn send(out: &mut Outbox, request: &Request<'_>) {
    out.send(CONSOLE, Peer::Only, |bytes| request.encode(bytes));
}
