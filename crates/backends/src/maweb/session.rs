//! The session: joins connection, polling, watching and output, and turns channels into messages.

use std::collections::VecDeque;
use std::sync::Arc;

use crosspatch_core::{
    Closed, Connect, Direction, Duration, Instant, Notice, Outbox, Peer, Port, PortSpec, Slot, Value,
    WebSocketConnect,
};

use super::address::{Address, Executor, Part, Resolution};
use super::command::Trigger;
use super::keys::{self, Key};
use super::login::{self, CONNECT_TIMEOUT, Login, Step};
use super::options::{Cmdline, Settings};
use super::output::{Send, Shaper, Taken};
use super::poll::{self, Poller, What};
use super::watch::{self, Asked, Watches};
use super::wire::{Answer, Confirmation, Console, Dialect, Playbacks, Request, Response};

/// The one connection.
const CONSOLE: Port = Port(0);

/// Nobody answers a pop-up sooner than this after it has come up. What comes sooner is an answer's lamp that a peer echoes.
const REACTION_TIME: Duration = Duration::from_millis(200);

/// How many executors a notice names.
const NAMED: usize = 6;

/// After this many polls without an answer in a row, the operator is told and the other dialect is tried.
const UNANSWERED_POLLS: u32 = 3;

/// A console that was heard of so recently is alive; it answers a keep-alive every four seconds.
const ALIVE: Duration = Duration::from_secs(5);

/// A running connection to a console.
pub(crate) struct Session {
    settings: Arc<Settings>,
    channels: Vec<Option<Channel>>,
    login: Login,
    poller: Poller,
    watches: Watches,
    shaper: Shaper,
    dialect: Dialect,
    /// When the console was heard of last.
    heard: Instant,
    /// What the command line of this remote reads.
    cmdline: String,
    /// The pop-up that waits for an answer.
    question: Option<Question>,
    /// What was told already on this connection.
    told: Told,
    steps: Vec<Step>,
}

struct Channel {
    address: Address,
    is_input: bool,
    is_output: bool,
    /// The state told last, and when.
    shown: Option<(Instant, bool)>,
    /// The last level that was wanted. A text that strays here does not make it void.
    level: Option<f64>,
}

struct Question {
    is_preset: bool,
    answers: Vec<i64>,
    /// Answers that come sooner are not a person's.
    answerable_at: Instant,
}

#[derive(Default)]
struct Told {
    denied: bool,
    unanswered: bool,
    lost_presses: bool,
    pages: VecDeque<u32>,
}

impl Session {
    /// A session that has not begun.
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        Self {
            channels: Vec::new(),
            login: Login::new(&settings.hosts, &settings.name),
            poller: Poller::new(settings.interval),
            watches: Watches::default(),
            shaper: Shaper::new(settings.rate, settings.fader_interval),
            dialect: Dialect::default(),
            heard: Instant::START,
            cmdline: String::new(),
            question: None,
            told: Told::default(),
            steps: Vec::new(),
            settings,
        }
    }

    /// Does what the connection wants done, and then everything that is due.
    fn proceed(&mut self, now: Instant, out: &mut Outbox) {
        let mut steps = std::mem::take(&mut self.steps);
        for step in steps.drain(..) {
            match step {
                Step::Open(to) => {
                    let connect = Connect { to, timeout: CONNECT_TIMEOUT };
                    let socket = WebSocketConnect { connect, path: "/?ma=1".into() };
                    out.open(CONSOLE, PortSpec::WebSocketConnect(socket));
                }
                Step::Close => out.close(CONSOLE, Peer::Only),
                Step::SendSession(session) => send(out, &Request::Session { session }),
                Step::SendClose(session) => send(out, &Request::Close { session }),
                Step::LogIn => {
                    let username = self.settings.user_on(self.login.console()).into();
                    let password = self.settings.password.as_str().into();
                    send(out, &Request::Login { username, password, session: self.login.session() });
                }
                Step::Ready => self.begin(now, out),
                Step::Down => self.end(out),
                Step::Tell(notice) => self.tell(notice, out),
            }
        }
        self.steps = steps;
        self.flush(now, out);
    }

    /// The console is ready and is told and asked everything.
    fn begin(&mut self, now: Instant, out: &mut Outbox) {
        self.dialect = if self.login.greeted_bare() { Dialect::Flat } else { Dialect::Grouped };
        self.told = Told::default();
        self.shaper.open();
        self.watches.forget();
        self.plan();
        self.poller.start(now);
        self.tell_missing(out);
        out.recall();
    }

    fn end(&mut self, out: &mut Outbox) {
        self.poller.stop();
        self.shaper.close(self.heard);
        self.cmdline.clear();
        self.close_question(out);
    }

    fn plan(&mut self) {
        let requests = poll::plan(self.watches.executors(), self.login.console(), self.dialect);
        self.poller.ask_for(requests, self.watches.leds().len() > 0);
    }

    /// Sends what may be sent now.
    fn flush(&mut self, now: Instant, out: &mut Outbox) {
        while let Some(what) = self.shaper.next(now) {
            if self.send(now, &what, out) {
                self.shaper.sent(now);
                self.login.note_sent(now);
            }
        }
        if let Some(what) = self.poller.due(now) {
            self.send_poll(what, out);
            self.login.note_sent(now);
        }
    }

    fn send_poll(&self, what: What, out: &mut Outbox) {
        let session = self.login.session();
        match what {
            What::Executors(at) => {
                let mut request = self.poller.requests()[at].clone();
                request.session = session;
                send(out, &Request::Playbacks(request));
            }
            What::Leds => {
                let mut names: Vec<_> = self.watches.leds().collect();
                names.sort_unstable();
                names.dedup();
                send(out, &Request::GetData { names: names.join(",").into(), session });
            }
        }
    }

    /// Sends one message of the output; whether there was anything to send on this console.
    fn send(&mut self, now: Instant, what: &Send, out: &mut Outbox) -> bool {
        let (Send::Level(slot, _) | Send::Edge(slot, _) | Send::Event(slot, _) | Send::Turn(slot, _)) = what;
        let Some(Some(channel)) = self.channels.get(slot.index()) else { return false };
        let session = self.login.session();
        let console = self.login.console();
        match (&channel.address, what) {
            (Address::Executor(executor, Part::Fader), Send::Level(_, level)) => {
                let (exec_index, page_index) = (executor.index(), executor.page_index());
                send(out, &Request::Fader { exec_index, page_index, value: *level, session });
                self.watches.note_moved(*executor, *level, now + self.settings.settle);
            }
            (Address::Executor(executor, part), Send::Edge(_, pressed)) => {
                let Some(button_id) = watch::key(console, *part) else { return false };
                let (exec_index, page_index) = (executor.index(), executor.page_index());
                let (pressed, cmdline) = (*pressed, self.cmdline.as_str().into());
                send(out, &Request::Button { exec_index, page_index, button_id, pressed, cmdline, session });
                if !pressed {
                    self.watches.note_released(now, *executor, *part);
                }
            }
            (Address::Key(key), Send::Edge(_, pressed)) => {
                let Some(request) = self.key_request(key, *pressed) else { return false };
                send(out, &request);
            }
            (Address::Command(name), Send::Level(..) | Send::Event(..)) => {
                let value = match what {
                    Send::Level(_, level) => Value::number(*level),
                    Send::Event(_, Some(text)) => Value::Text(text.clone()),
                    Send::Event(_, None) | Send::Edge(..) | Send::Turn(..) => Value::edge(true),
                };
                let command = self.settings.commands.get(&**name);
                let Some(line) = command.and_then(|command| command.line(&value)) else { return false };
                send(out, &Request::Command { command: line.into(), session });
            }
            (Address::Encoder(attribute, resolution), Send::Turn(_, by)) => {
                let (name, resolution) = ((&**attribute).into(), resolution.number());
                send(out, &Request::Encoder { name, value: *by, resolution, session });
            }
            (Address::Confirm(id), Send::Event(..)) => {
                let Some(question) = &self.question else { return false };
                let result = i64::from(*id);
                if question.is_preset {
                    send(out, &Request::PresetConfirmationResult { mode: 0, result, session });
                } else {
                    send(out, &Request::ConfirmationResult { result, session });
                }
                self.close_question(out);
            }
            (
                Address::Executor(..)
                | Address::Key(_)
                | Address::Command(_)
                | Address::Encoder(..)
                | Address::Led(_)
                | Address::Confirm(_),
                Send::Level(..) | Send::Edge(..) | Send::Event(..) | Send::Turn(..),
            ) => return false,
        }
        true
    }

    /// The message for an edge of a key, if this console is to hear of it.
    fn key_request(&self, key: &'static Key, pressed: bool) -> Option<Request<'static>> {
        let session = self.login.session();
        let is_dot2 = self.login.console() == Some(Console::Dot2);
        match (self.settings.cmdline, key.hardkey, key.web) {
            (Cmdline::Console | Cmdline::Downgrade, Some(hardkey), _) if !is_dot2 => {
                let command = keys::hardkey_command(hardkey, pressed).into();
                Some(Request::Command { command, session })
            }
            (Cmdline::Remote | Cmdline::Downgrade, _, Some(web)) if web.edges.include(pressed) => {
                let (keyname, auto_submit) = (key.name.into(), web.submits);
                Some(Request::Keyname { keyname, pressed, auto_submit, cmdline_text: None, session })
            }
            (Cmdline::Remote | Cmdline::Console | Cmdline::Downgrade, _, _) => None,
        }
    }

    /// Whether the console in use has what a channel stands for.
    fn is_there(&self, address: &Address) -> bool {
        let console = self.login.console();
        match address {
            Address::Executor(executor, part) => {
                let is_key = matches!(part, Part::Upper | Part::Lower | Part::Flash | Part::Button);
                poll::exists(console, executor.number.get())
                    && (!is_key || watch::key(console, *part).is_some())
            }
            Address::Key(key) => {
                let by_lua = key.hardkey.is_some() && console != Some(Console::Dot2);
                match self.settings.cmdline {
                    Cmdline::Remote => key.web.is_some(),
                    Cmdline::Console => by_lua,
                    Cmdline::Downgrade => by_lua || key.web.is_some(),
                }
            }
            Address::Command(_) | Address::Encoder(..) | Address::Led(_) | Address::Confirm(_) => true,
        }
    }

    fn handle_answer(&mut self, now: Instant, answer: &Answer<'_>, out: &mut Outbox) {
        self.login.handle_answer(now, answer, &mut self.steps);
        if let Some(text) = &answer.text {
            text.as_ref().clone_into(&mut self.cmdline);
        }
        if !self.login.is_ready() {
            return;
        }
        match &answer.response {
            Some(Response::Playbacks(playbacks)) => self.handle_playbacks(now, playbacks, out),
            Some(Response::GetData(data)) => {
                self.poller.take_leds(now);
                let data = data.iter().map(|(name, state)| (&**name, &**state));
                self.watches.handle_leds(data, &mut |slot, value| out.emit(slot, value));
            }
            Some(Response::Confirmation(question)) => self.open_question(now, question, false, out),
            Some(Response::PresetConfirmation(question)) => self.open_question(now, question, true, out),
            None if answer.session.is_none() && answer.greeting.is_none() => self.shaper.handle_answer(),
            Some(Response::Login { .. } | Response::Other(_)) | None => {}
        }
    }

    fn handle_playbacks(&mut self, now: Instant, playbacks: &Playbacks<'_>, out: &mut Outbox) {
        let poll = self.poller.take_executors(now);
        if playbacks.access_denied {
            if !std::mem::replace(&mut self.told.denied, true) {
                let text = "the console does not show its executors to this user: give the user more rights";
                self.tell(Notice::error("denied", text), out);
            }
            return;
        }
        let Self { watches, shaper, poller, channels, login, settings, .. } = self;
        let echoes_until = now + settings.settle;
        let asked = poll.and_then(|poll| match poll.what {
            What::Executors(at) => poller.requests().get(at),
            What::Leds => None,
        });
        let page = asked.map(|request| request.page_index + 1);
        let asked = asked.map(|request| Asked { page_index: request.page_index, ranges: &request.ranges });
        // An answer that nobody waits for may tell of any time.
        let asked_at = poll.map_or(Instant::START, |poll| poll.sent);
        watches.handle_playbacks(login.console(), playbacks, asked_at, asked, &mut |slot, value| {
            if let Some(Some(channel)) = channels.get_mut(slot.index())
                && let (true, Some(level)) = (channel.is_output, value.as_number())
            {
                if let Address::Executor(_, Part::Fader) = channel.address {
                    shaper.learn(slot, level, echoes_until);
                }
                channel.shown = Some((now, value.is_pressed()));
            }
            out.emit(slot, value);
        });
        if let Some(page) = page.filter(|page| *page != playbacks.page && playbacks.page > 0) {
            self.tell_other_page(page, playbacks.page, out);
        }
        if playbacks.dialect != self.dialect {
            self.dialect = playbacks.dialect;
            self.plan();
        }
    }

    fn open_question(
        &mut self,
        now: Instant,
        question: &Confirmation<'_>,
        is_preset: bool,
        out: &mut Outbox,
    ) {
        self.close_question(out);
        let mut answers: Vec<i64> = question.buttons.iter().map(|(_, id)| *id).collect();
        if !answers.contains(&-1) {
            answers.push(-1);
        }
        let named: Vec<_> =
            question.buttons.iter().map(|(text, id)| format!("confirm.{id} = {text}")).collect();
        let text =
            format!("the console asks: {} {} ({})", question.title, question.message, named.join(", "));
        let level = if self.has_answer() { Notice::info } else { Notice::warning };
        self.tell(level("asks", printable(&text)), out);
        self.question = Some(Question { is_preset, answers, answerable_at: now + REACTION_TIME });
        self.show_question(out, 1.0);
    }

    fn close_question(&mut self, out: &mut Outbox) {
        self.show_question(out, 0.0);
        self.question = None;
    }

    /// Whether any mapping could answer a pop-up.
    fn has_answer(&self) -> bool {
        let is_answer =
            |channel: &Channel| channel.is_output && matches!(channel.address, Address::Confirm(_));
        self.channels.iter().flatten().any(is_answer)
    }

    /// Lights the answers that the pop-up offers, or darkens them.
    fn show_question(&self, out: &mut Outbox, level: f64) {
        let Some(question) = &self.question else { return };
        for (slot, channel) in (0..).map(Slot).zip(&self.channels) {
            if let Some(Channel { address: Address::Confirm(id), is_input: true, .. }) = channel
                && question.answers.contains(&i64::from(*id))
            {
                out.emit(slot, level);
            }
        }
    }

    /// Names the mapped channels that this console does not have.
    fn tell_missing(&self, out: &mut Outbox) {
        let missing = self.channels.iter().flatten().filter(|channel| !self.is_there(&channel.address));
        let names: Vec<_> = missing.map(|channel| channel.address.to_string()).collect();
        if names.is_empty() {
            return;
        }
        let more =
            if names.len() > NAMED { format!(" and {} more", names.len() - NAMED) } else { String::new() };
        let console = login::console_name(self.login.console());
        let list = names[..names.len().min(NAMED)].join(", ");
        self.tell(Notice::warning("not-there", format!("this {console} does not have {list}{more}")), out);
    }

    fn tell_other_page(&mut self, asked: u32, answered: u32, out: &mut Outbox) {
        if self.told.pages.contains(&asked) {
            return;
        }
        if self.told.pages.len() >= 32 {
            self.told.pages.pop_front();
        }
        self.told.pages.push_back(asked);
        let text = format!(
            "the console answers with page {answered} where page {asked} was asked for: create page {asked} on the console"
        );
        self.tell(Notice::warning("page", text), out);
    }

    /// Tells what became of an event, if it was not taken.
    fn tell_taken(&mut self, slot: Slot, taken: Taken, out: &mut Outbox) {
        let name = match self.channels.get(slot.index()) {
            Some(Some(channel)) => channel.address.to_string(),
            Some(None) | None => return,
        };
        match taken {
            Taken::Yes => {}
            Taken::Offline => {
                if !std::mem::replace(&mut self.told.lost_presses, true) {
                    let host = self.login.endpoint();
                    let text = format!(
                        "`{name}` was pressed while the console at {host} is away; it will not be pressed later"
                    );
                    self.tell(Notice::warning("lost-press", text), out);
                }
            }
            Taken::TooMany => {
                let text =
                    format!("more presses than the console is sent a second: one of `{name}` was left out");
                self.tell(Notice::warning("too-many", text), out);
            }
        }
    }

    fn tell(&self, notice: Notice, out: &mut Outbox) {
        let may_be_left_out =
            matches!(notice.id, "connected" | "not-there" | "page" | "asks" | "garbage" | "lost-press");
        if !(self.settings.quiet && may_be_left_out) {
            out.notice(notice);
        }
    }

    /// Takes a value for an output. States alone, such as after a log-in, press nothing.
    fn take(&mut self, now: Instant, slot: Slot, value: &Value, is_state: bool, out: &mut Outbox) {
        if let (Some(Some(channel)), Some(level)) = (self.channels.get_mut(slot.index()), value.as_number()) {
            channel.level = Some(level);
        }
        let Some(Some(channel)) = self.channels.get(slot.index()) else { return };
        let level = if is_state { channel.level } else { value.as_number() };
        if self.login.is_ready() && !self.is_there(&channel.address) {
            return;
        }
        let taken = match &channel.address {
            Address::Executor(executor, Part::Fader) => {
                let (executor, Some(level)) = (*executor, level) else { return };
                if !is_state {
                    self.watches.note_set(executor);
                }
                if !self.watches.is_consoles(executor) {
                    self.shaper.level(now, slot, level, |known| known == level);
                    self.hold(now, executor, slot);
                }
                return;
            }
            Address::Command(name) => match self.settings.commands.get(&**name) {
                Some(command) if command.trigger() == Trigger::Level => {
                    let Some(level) = level else { return };
                    let line = command.line(&Value::number(level));
                    self.shaper.level(now, slot, level, |known| command.line(&Value::number(known)) == line);
                    return;
                }
                _ if is_state => return,
                Some(command) if command.trigger() == Trigger::Text => {
                    let text = value.as_text().map_or_else(|| value.to_string().into(), Arc::from);
                    self.shaper.text(slot, text)
                }
                _ => self.shaper.fire(slot, value.is_pressed()),
            },
            Address::Executor(..) | Address::Key(_) | Address::Confirm(_) | Address::Encoder(..)
                if is_state =>
            {
                return;
            }
            Address::Encoder(_, Resolution::Normal | Resolution::Fine | Resolution::Ultra) => {
                let Some(level) = value.as_number() else { return };
                let by = (level - 0.5) * 2.0 * self.settings.encoder_turn;
                if by != 0.0 {
                    self.shaper.turn(now, slot, by);
                }
                return;
            }
            Address::Executor(..) | Address::Key(_) => {
                // What comes back within the same turn is the lamp itself, on its way through a loop in the mapping.
                if value.as_number().is_none() || channel.shown == Some((now, value.is_pressed())) {
                    return;
                }
                self.shaper.edge(slot, value.is_pressed())
            }
            Address::Confirm(_) => {
                let is_answer = self.question.as_ref().is_some_and(|question| question.answerable_at <= now);
                if value.is_pressed() && !is_answer {
                    return;
                }
                self.shaper.fire(slot, value.is_pressed())
            }
            Address::Led(_) => return,
        };
        self.tell_taken(slot, taken, out);
    }

    /// While a move waits to be sent, what the console reports of that fader is the past, whatever the settle time.
    fn hold(&mut self, now: Instant, executor: Executor, slot: Slot) {
        if self.shaper.is_waiting(slot) {
            self.watches.hold(executor);
        } else {
            self.watches.let_go(executor, now + self.settings.settle);
        }
    }
}

impl crosspatch_core::Session for Session {
    fn bind(&mut self, slot: Slot, address: &str, direction: Direction) {
        let Ok(address) = address.parse::<Address>() else {
            debug_assert!(false, "`{address}` was checked before");
            return;
        };
        if slot.index() >= self.channels.len() {
            self.channels.resize_with(slot.index() + 1, || None);
        }
        let channel = self.channels[slot.index()].get_or_insert(Channel {
            address,
            is_input: false,
            is_output: false,
            shown: None,
            level: None,
        });
        match direction {
            Direction::Input => {
                channel.is_input = true;
                match &channel.address {
                    Address::Executor(executor, part) => self.watches.add(*executor, *part, slot),
                    Address::Led(name) => self.watches.add_led(name, slot),
                    Address::Key(_) | Address::Command(_) | Address::Encoder(..) | Address::Confirm(_) => {}
                }
            }
            Direction::Output => channel.is_output = true,
        }
    }

    fn unbind(&mut self, slot: Slot, direction: Direction) {
        let Some(Some(channel)) = self.channels.get_mut(slot.index()) else { return };
        match direction {
            Direction::Input => {
                channel.is_input = false;
                self.watches.remove(slot);
            }
            Direction::Output => {
                channel.is_output = false;
                self.shaper.forget(slot);
                if let Address::Executor(executor, Part::Fader) = channel.address {
                    self.watches.let_go(executor, Instant::START);
                }
            }
        }
    }

    fn start(&mut self, now: Instant, out: &mut Outbox) {
        self.watches.arrange();
        self.login.start(now, &mut self.steps);
        self.proceed(now, out);
    }

    fn stop(&mut self, now: Instant, out: &mut Outbox) {
        self.login.stop(&mut self.steps);
        self.poller.stop();
        self.shaper.close(self.heard);
        self.proceed(now, out);
    }

    fn handle_rebind(&mut self, now: Instant, out: &mut Outbox) {
        self.watches.arrange();
        if self.login.is_ready() {
            self.plan();
            self.tell_missing(out);
        }
        self.flush(now, out);
    }

    fn handle_open(&mut self, now: Instant, _port: Port, _peer: Peer, out: &mut Outbox) {
        self.login.handle_open(now);
        self.proceed(now, out);
    }

    fn handle_data(&mut self, now: Instant, _port: Port, _from: Peer, data: &[u8], out: &mut Outbox) {
        self.heard = now;
        self.login.note_heard();
        match Answer::decode(data) {
            Ok(answer) => self.handle_answer(now, &answer, out),
            Err(error) => {
                let host = self.login.endpoint();
                let text = format!("the console at {host} sent something that makes no sense: {error}");
                self.tell(Notice::warning("garbage", text), out);
            }
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
        self.login.handle_timeout(now, &mut self.steps);
        let unanswered = self.poller.give_up(now).unwrap_or(0);
        // One that answers nothing at all is dead, which is another matter.
        if unanswered >= UNANSWERED_POLLS && now.since(self.heard) < ALIVE {
            self.handle_unanswered(out);
        }
        self.proceed(now, out);
    }

    fn next_timeout(&self) -> Option<Instant> {
        let timeouts = [self.login.next_timeout(), self.poller.next_timeout(), self.shaper.next_timeout()];
        timeouts.into_iter().flatten().min()
    }
}

impl Session {
    /// The console lives and leaves polls without an answer.
    fn handle_unanswered(&mut self, out: &mut Outbox) {
        if !std::mem::replace(&mut self.told.unanswered, true) {
            let host = self.login.endpoint();
            let text =
                format!("the console at {host} does not answer when asked for executors; is a show loaded?");
            self.tell(Notice::warning("unanswered", text), out);
        }
        // An old console does not answer the newer form of the question, and not every one that greets like an old one is.
        if self.login.console() == Some(Console::Gma2) {
            self.dialect = match self.dialect {
                Dialect::Grouped => Dialect::Flat,
                Dialect::Flat => Dialect::Grouped,
            };
            self.plan();
        }
    }
}

fn send(out: &mut Outbox, request: &Request<'_>) {
    out.send(CONSOLE, Peer::Only, |bytes| request.encode(bytes));
}

/// A text of the console on one line of a log, and not longer than one.
fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(300).collect()
}
