//! The session: joins connection, polling, watching and output. What goes out is in `outgoing`, pop-ups are in `pop_ups`.

mod outgoing;
mod pop_ups;

use std::collections::VecDeque;
use std::sync::Arc;

use crosspatch_core::{
    Closed, Connect, Direction, Duration, Instant, Notice, Outbox, Peer, Port, PortSpec, Slot, Value,
    WebSocketConnect,
};

use super::address::{Address, Part};
use super::login::{self, CONNECT_TIMEOUT, Login, Step};
use super::options::Settings;
use super::output::Shaper;
use super::poll::{self, Poller, What};
use super::watch::{Asked, Watches};
use super::wire::{Answer, Console, Dialect, Playbacks, Request, Response};
use crate::button::Button;
use crate::paced::Paced;
use pop_ups::Question;

/// The one connection.
const CONSOLE: Port = Port(0);

/// How many executors a notice names.
const NAMED: usize = 6;

/// After this many polls without an answer in a row, the operator is told and the other dialect is tried.
const UNANSWERED_POLLS: u32 = 3;

/// A console that was heard of so recently is alive; it answers a keep-alive every four seconds.
const ALIVE: Duration = Duration::from_secs(5);

/// A peer that sends back what it is told does so within this time.
const ECHO_TIME: Duration = Duration::from_millis(100);

/// A running connection to a console.
pub(crate) struct Session {
    settings: Arc<Settings>,
    channels: Vec<Option<Channel>>,
    login: Login,
    poller: Poller,
    watches: Watches,
    shaper: Shaper,
    dialect: Dialect,
    /// How often a question in a dialect that is not known to be right was answered with nothing.
    refusals: u32,
    /// When the console was heard of last.
    heard: Instant,
    /// What the command line of this remote reads.
    cmdline: String,
    /// The pop-up that waits for an answer.
    question: Option<Question>,
    /// What was told already on this connection.
    told: Told,
    /// What the console has told and the show has not been yet.
    paced: Paced,
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
    /// What holds a key down.
    button: Button,
}

impl Channel {
    /// Whether a value is the lamp told last, on its way back. Within the same turn it comes through a loop in the mapping;
    /// a little later, and while the key is down, it is what a peer sends back of the lamp that the press has lit. A lamp
    /// has one echo, and a release is none.
    fn is_echo(&mut self, now: Instant, value: &Value) -> bool {
        let is_pressed = value.is_pressed();
        match self.shown {
            Some((at, was_on)) if at == now => was_on == is_pressed,
            Some((at, true)) if is_pressed && self.button.is_down() && now.since(at) < ECHO_TIME => {
                self.shown = None;
                true
            }
            Some(_) | None => false,
        }
    }
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
            login: Login::new(&settings.hosts, &settings.name, settings.console),
            poller: Poller::new(settings.interval),
            watches: Watches::default(),
            shaper: Shaper::new(settings.rate, settings.fader_interval),
            dialect: Dialect::default(),
            refusals: 0,
            heard: Instant::START,
            cmdline: String::new(),
            question: None,
            told: Told::default(),
            paced: Paced::default(),
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
        (self.dialect, self.refusals) = (self.login.dialect(), 0);
        self.told = Told::default();
        self.shaper.open();
        self.watches.begin_anew();
        self.plan();
        self.poller.start(now);
        if self.login.must_try_dialects() {
            self.poller.probe();
        }
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
                let Self { watches, paced, channels, .. } = self;
                watches.handle_leds(data, &mut |slot, value| {
                    if let Some(value) = paced.put(now, slot, value) {
                        show(channels, now, slot, value, out);
                    }
                });
            }
            Some(Response::Confirmation(question)) => self.open_question(now, question, false, out),
            Some(Response::PresetConfirmation(question)) => self.open_question(now, question, true, out),
            None if answer.session.is_none() && answer.greeting.is_none() => {
                if !self.shaper.handle_answer() && answer.text.is_none() {
                    self.handle_refusal(now);
                }
            }
            Some(
                Response::Login { .. }
                | Response::PresetTypes { .. }
                | Response::PresetTypeList(_)
                | Response::Other(_),
            )
            | None => {}
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
        let Self { watches, shaper, poller, channels, login, settings, paced, .. } = self;
        let echoes_until = now + settings.settle;
        let asked = poll.and_then(|poll| match poll.what {
            What::Executors(at) => poller.requests().get(at),
            What::Leds => None,
        });
        // An answer in the other dialect is none to this request.
        let asked = asked.filter(|request| request.dialect == playbacks.dialect);
        let page = asked.map(|request| request.page_index + 1);
        let asked = asked.map(|request| Asked { page_index: request.page_index, ranges: &request.ranges });
        // An answer that nobody waits for may tell of any time.
        let asked_at = poll.map_or(Instant::START, |poll| poll.sent);
        watches.handle_playbacks(login.console(), playbacks, asked_at, asked, &mut |slot, value| {
            if let Some(Some(channel)) = channels.get_mut(slot.index())
                && let (true, Some(level)) = (channel.is_output, value.as_number())
                && let Address::Executor(_, Part::Fader) = channel.address
            {
                shaper.learn(slot, level, echoes_until);
            }
            if let Some(value) = paced.put(now, slot, value) {
                show(channels, now, slot, value, out);
            }
        });
        if let Some(page) = page.filter(|page| *page != playbacks.page && playbacks.page > 0) {
            self.tell_other_page(page, playbacks.page, out);
        }
        self.login.learn_dialect(playbacks.dialect);
        if playbacks.dialect != self.dialect {
            self.dialect = playbacks.dialect;
            self.plan();
        }
    }

    /// Names the mapped channels that this console does not have.
    fn tell_missing(&self, out: &mut Outbox) {
        let missing = self
            .channels
            .iter()
            .flatten()
            .filter(|channel| !outgoing::is_there(&self.login, &self.settings, &channel.address));
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

    fn tell(&self, notice: Notice, out: &mut Outbox) {
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
        if slot.index() >= self.channels.len() {
            self.channels.resize_with(slot.index() + 1, || None);
        }
        let channel = self.channels[slot.index()].get_or_insert(Channel {
            address,
            is_input: false,
            is_output: false,
            shown: None,
            level: None,
            button: Button::default(),
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
                self.paced.forget(slot);
                self.watches.remove(slot);
            }
            Direction::Output => {
                channel.is_output = false;
                channel.button = Button::default();
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
        // Whatever stream was full before, this one is new.
        self.shaper.handle_writable();
        self.login.handle_open(now);
        self.proceed(now, out);
    }

    fn handle_data(&mut self, now: Instant, _port: Port, _from: Peer, data: &[u8], out: &mut Outbox) {
        self.heard = now;
        self.login.note_heard();
        match Answer::decode_wanted(data, self.watches.wanted()) {
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
        while let Some((slot, value)) = self.paced.next(now) {
            show(&mut self.channels, now, slot, value, out);
        }
        self.login.handle_timeout(now, &mut self.steps);
        // One that answers nothing at all is dead, which is another matter.
        if let Some(unanswered) = self.poller.give_up(now)
            && now.since(self.heard) < ALIVE
        {
            self.handle_unanswered(unanswered, out);
        }
        self.proceed(now, out);
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
fn show(channels: &mut [Option<Channel>], now: Instant, slot: Slot, value: Value, out: &mut Outbox) {
    if let Some(Some(channel)) = channels.get_mut(slot.index())
        && channel.is_output
        && value.as_number().is_some()
    {
        channel.shown = Some((now, value.is_pressed()));
    }
    out.emit(slot, value);
}

impl Session {
    /// The console lives and leaves polls without an answer.
    fn handle_unanswered(&mut self, unanswered: u32, out: &mut Outbox) {
        let is_long = unanswered >= UNANSWERED_POLLS;
        if is_long && !std::mem::replace(&mut self.told.unanswered, true) {
            let host = self.login.endpoint();
            let text =
                format!("the console at {host} does not answer when asked for executors; is a show loaded?");
            self.tell(Notice::warning("unanswered", text), out);
        }
        if is_long || self.login.must_try_dialects() {
            self.try_other_dialect();
        }
    }

    /// An answer that says nothing came, and only a question for executors was waiting for one. A console that does not
    /// understand its dialect answers so. If it has answered both so, that is not the reason.
    fn handle_refusal(&mut self, now: Instant) {
        if !self.login.knows_dialect() && self.refusals < 2 && self.poller.take_nothing(now) {
            self.refusals += 1;
            self.try_other_dialect();
        }
    }

    /// An old console does not answer the newer form of the question, and not every one that greets like an old one is.
    fn try_other_dialect(&mut self) {
        if self.login.console() != Some(Console::Dot2) {
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
