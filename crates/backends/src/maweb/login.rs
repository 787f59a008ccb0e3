//! Connects to the first host that answers, logs in, keeps the session alive, and reconnects after a failure.
//!
//! A state machine without I/O: its input is events and the time, its output is [`LoginStep`]s. Greeting, session and
//! log-in follow MA's own page, which also requests a session if a console does not greet after a moment, and
//! reconnects after a second.
//!
//! ```text
//!   Resting ─▶ Connecting ─▶ Greeting ─▶ LoggingIn ─▶ Ready
//!      ▲            │            │            │          │
//!      └────────────┴──── any failure ────────┴──────────┘   the next host at once, a pause after the last
//! ```

use crosspatch_core::{
    Backoff, Closed, Condition, Duration, Endpoint, Instant, NextTry, Notice, Severity, Status,
};

use super::wire::{Answer, ConsoleFamily, Greeting, PlaybacksFormat, Response};

/// The maximum total time for look-up, connection and upgrade.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Every failed connection is reported. Without a report after this time, the connection counts as failed.
const CONNECT_GRACE: Duration = Duration::from_secs(2);

/// If a console has not greeted after this time, a session is requested, as MA's page does.
const GREETING_GRACE: Duration = Duration::from_millis(50);

/// A session request sent before the greeting may have been missed; after this time it is repeated.
const REPEAT_AFTER_GREETING: Duration = Duration::from_millis(250);

/// A session request that was answered with 0 is not repeated earlier than this.
const REPEAT_AFTER_ZERO: Duration = Duration::from_secs(1);

/// The maximum time for greeting and session, and again for the log-in.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Consoles drop sessions that send nothing for ten seconds.
const KEEP_ALIVE: Duration = Duration::from_secs(4);

/// A console that sends nothing for this time is lost, even if the connection is open.
const SILENCE: Duration = Duration::from_secs(6);

/// If a wake-up is late by more than this, the process was suspended, and answers of the console may be unread.
const OVERSLEPT: Duration = Duration::from_secs(1);

/// After a refused log-in, or with remotes disabled, the operator has to change something on the console first.
const REFUSED_PAUSE: Duration = Duration::from_secs(10);

/// A console permits three remotes; sessions that were not closed properly count until they time out, after ten to
/// twenty seconds.
const LIMIT_PAUSE: Duration = Duration::from_secs(30);

/// A session that lasted this long was successful, and resets the pauses after sessions.
const STABLE: Duration = Duration::from_secs(10);

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A step for the caller to perform.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum LoginStep {
    /// Open a connection.
    Open(Endpoint),
    /// Close the connection.
    Close,
    /// Send the session number: 0 requests a session, another number keeps it alive.
    SendSession(i64),
    /// Log in.
    LogIn,
    /// End the session.
    SendClose(i64),
    /// The console is ready, without any state of this remote.
    Ready,
    /// The console is not ready any more.
    Down,
    /// Send a notice to the operator.
    Notice(Notice),
}

/// The state of a connection.
#[derive(Debug)]
pub(crate) struct Login {
    hosts: Vec<ConsoleHost>,
    at: usize,
    /// The number of failures since the last pause.
    failures: usize,
    /// The pauses after rounds in which no host could be reached.
    backoff: Backoff,
    /// The pauses after lost sessions. A console keeps these for a while, and they count towards its limit of three.
    after_session: Backoff,
    phase: LoginPhase,
    session: i64,
    /// The configured kind of console.
    named: Option<ConsoleFamily>,
    greeted: Greeted,
    keep_alive_at: Instant,
    /// Since when a message is unanswered and nothing was received.
    silent_since: Option<Instant>,
    condition: Condition,
}

#[derive(Debug)]
struct ConsoleHost {
    endpoint: Endpoint,
    not_before: Instant,
    /// The last notice of a failure, which is not repeated.
    last_notice: Option<String>,
    /// The kind of console by its last greeting.
    console: Option<ConsoleFamily>,
    /// The dialect of its answers.
    dialect: Option<PlaybacksFormat>,
    /// Whether a notice was sent that the greeting contradicts the configured kind.
    is_mismatch_reported: bool,
}

/// The greeting received on a connection.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Greeted {
    Not,
    /// The bare text of old consoles, and of some newer ones.
    Bare,
    Json,
}

#[derive(Copy, Clone, Debug, PartialEq)]
enum LoginPhase {
    Stopped,
    Resting {
        until: Instant,
    },
    Connecting {
        until: Instant,
    },
    /// Waits for a session, which is requested at `ask_at`.
    Greeting {
        ask_at: Option<Instant>,
        until: Instant,
    },
    LoggingIn {
        until: Instant,
    },
    Ready {
        since: Instant,
    },
}

impl Login {
    /// No connection yet. `name` distributes the pauses of several instances; `named` is the configured kind of
    /// console.
    pub(crate) fn new(hosts: &[Endpoint], name: &str, named: Option<ConsoleFamily>) -> Self {
        let host = |endpoint: &Endpoint| ConsoleHost {
            endpoint: endpoint.clone(),
            not_before: Instant::START,
            last_notice: None,
            console: None,
            dialect: None,
            is_mismatch_reported: false,
        };
        Self {
            hosts: hosts.iter().map(host).collect(),
            at: 0,
            failures: 0,
            backoff: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE, name),
            after_session: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE, (name, "session")),
            phase: LoginPhase::Stopped,
            session: 0,
            named,
            greeted: Greeted::Not,
            keep_alive_at: Instant::START,
            silent_since: None,
            condition: Condition::Starting,
        }
    }

    /// The kind of console: as configured, or else by the last greeting, possibly on an earlier connection.
    pub(crate) fn console(&self) -> Option<ConsoleFamily> {
        self.named.or(self.hosts[self.at].console)
    }

    /// The dialect of requests: the one in which this host has answered, or else the likely one for its greeting.
    pub(crate) fn dialect(&self) -> PlaybacksFormat {
        match (self.console(), self.hosts[self.at].dialect, self.greeted) {
            (Some(ConsoleFamily::Dot2), ..) => PlaybacksFormat::Grouped,
            (Some(ConsoleFamily::Gma2) | None, Some(dialect), _) => dialect,
            (Some(ConsoleFamily::Gma2) | None, None, Greeted::Bare) => PlaybacksFormat::Flat,
            (Some(ConsoleFamily::Gma2) | None, None, Greeted::Not | Greeted::Json) => {
                PlaybacksFormat::Grouped
            }
        }
    }

    /// Whether that dialect is certain.
    pub(crate) fn knows_dialect(&self) -> bool {
        self.console() == Some(ConsoleFamily::Dot2) || self.hosts[self.at].dialect.is_some()
    }

    /// Whether the dialect is unknown after the greeting. All known consoles with a JSON greeting use the grouped
    /// dialect; the bare text occurs with both.
    pub(crate) fn must_try_dialects(&self) -> bool {
        !self.knows_dialect() && self.greeted != Greeted::Json
    }

    /// Records the dialect in which this host has answered. It is kept across reconnects.
    pub(crate) fn learn_dialect(&mut self, dialect: PlaybacksFormat) {
        self.hosts[self.at].dialect = Some(dialect);
    }

    /// The session number for requests.
    pub(crate) fn session(&self) -> i64 {
        self.session
    }

    /// Whether requests other than those of the log-in may be sent.
    pub(crate) fn is_ready(&self) -> bool {
        matches!(self.phase, LoginPhase::Ready { .. })
    }

    /// The console in use, or the one being tried.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.hosts[self.at].endpoint
    }

    /// Adds the status of the console.
    pub(crate) fn add_status(&self, status: &mut Status) {
        let mut description = console_name(self.console()).to_owned();
        if self.session > 0 {
            description += &format!(", session {}", self.session);
        }
        let name = if self.condition.is_working() {
            self.endpoint().to_string()
        } else {
            let hosts: Vec<_> = self.hosts.iter().map(|host| host.endpoint.to_string()).collect();
            hosts.join(" or ")
        };
        status.add(name, description, self.condition.clone());
    }

    /// Ends the session, so that it does not count towards the console's limit of three.
    pub(crate) fn stop(&mut self, steps: &mut Vec<LoginStep>) {
        if self.is_connected() && self.session > 0 {
            steps.push(LoginStep::SendClose(self.session));
        }
        self.phase = LoginPhase::Stopped;
    }

    /// Called when the connection has opened.
    pub(crate) fn handle_open(&mut self, now: Instant) {
        if matches!(self.phase, LoginPhase::Connecting { .. }) {
            self.phase =
                LoginPhase::Greeting { ask_at: Some(now + GREETING_GRACE), until: now + LOGIN_TIMEOUT };
        }
    }

    /// Called when the connection was closed or could not be opened.
    pub(crate) fn handle_close(&mut self, now: Instant, reason: &Closed, steps: &mut Vec<LoginStep>) {
        let host = self.endpoint();
        match self.phase {
            LoginPhase::Stopped | LoginPhase::Resting { .. } => {}
            LoginPhase::Connecting { .. } => {
                let text = if let Closed::NotWebSocket(_) = reason {
                    format!(
                        "{host} is not a web remote: {reason}; check the address and port, and that the web remote is switched on"
                    )
                } else {
                    format!("cannot reach the console at {host}: {reason}")
                };
                self.fail(now, Notice::warning("unreachable", text), Duration::ZERO, false, steps);
                self.condition.handle_close(now, reason);
            }
            LoginPhase::Greeting { .. } | LoginPhase::LoggingIn { .. } => {
                let text = format!("the console at {host} ended the connection before a log-in: {reason}");
                self.fail(now, Notice::warning("unreachable", text), Duration::ZERO, false, steps);
            }
            LoginPhase::Ready { .. } => {
                let text = format!("lost the console at {host}: {reason}");
                self.fail(now, Notice::warning("lost", text), Duration::ZERO, false, steps);
                self.condition.handle_close(now, reason);
            }
        }
    }

    /// Records that a message was sent that the console answers.
    pub(crate) fn note_sent(&mut self, now: Instant) {
        self.silent_since.get_or_insert(now);
    }

    /// Records that the session number was sent, which keeps the session alive.
    pub(crate) fn note_keep_alive(&mut self, now: Instant) {
        self.keep_alive_at = now + KEEP_ALIVE;
        self.note_sent(now);
    }

    /// Records that the console has sent something.
    pub(crate) fn note_received(&mut self) {
        self.silent_since = None;
    }

    /// Handles the parts of an answer that concern the connection.
    pub(crate) fn handle_answer(&mut self, now: Instant, answer: &Answer<'_>, steps: &mut Vec<LoginStep>) {
        if !self.is_connected() {
            return;
        }
        if let Some(greeting) = &answer.greeting {
            self.handle_greeting(now, greeting, steps);
        }
        if answer.limit_reached {
            self.handle_session(now, LIMIT_REACHED, false, steps);
        } else if let Some(session) = answer.session {
            self.handle_session(now, session, answer.force_login == Some(true), steps);
        } else if answer.force_login == Some(true) && self.session > 0 {
            self.log_in(now, steps);
        }
        if let Some(Response::Login { result }) = answer.response {
            self.handle_login(now, result, steps);
        }
    }

    fn handle_greeting(&mut self, now: Instant, greeting: &Greeting<'_>, steps: &mut Vec<LoginStep>) {
        if let Greeting::Status { app_type: None, .. } = greeting {
            let host = self.endpoint();
            let text = format!(
                "{host} is neither a grandMA2 nor a dot2: a grandMA3 is to be driven by OSC, its web remote sends pictures only"
            );
            self.fail(now, Notice::error("refused", text), REFUSED_PAUSE, true, steps);
            return;
        }
        self.greeted = if let Greeting::Text = greeting { Greeted::Bare } else { Greeted::Json };
        self.take_console(greeting, steps);
        match &mut self.phase {
            LoginPhase::Greeting { ask_at: ask_at @ None, .. } => *ask_at = Some(now + REPEAT_AFTER_GREETING),
            LoginPhase::Greeting { .. } => self.ask(now, steps),
            // The console has restarted on the same connection.
            LoginPhase::LoggingIn { .. } | LoginPhase::Ready { .. } => self.begin_anew(now, steps),
            LoginPhase::Stopped | LoginPhase::Resting { .. } | LoginPhase::Connecting { .. } => {}
        }
    }

    /// Records the kind of console by its greeting. The configuration has precedence; a contradiction is reported once.
    fn take_console(&mut self, greeting: &Greeting<'_>, steps: &mut Vec<LoginStep>) {
        let host = &mut self.hosts[self.at];
        let Some(greets) = greeting.console() else { return };
        if host.console.replace(greets).is_some_and(|before| before != greets) {
            host.dialect = None;
        }
        let Greeting::Status { .. } = greeting else { return };
        if let Some(named) = self.named.filter(|named| *named != greets)
            && !std::mem::replace(&mut host.is_mismatch_reported, true)
        {
            let text = format!(
                "the console at {} greets as {greets}, and `console = {named}` says otherwise: it is taken for a {named}",
                host.endpoint
            );
            steps.push(LoginStep::Notice(Notice::warning("other-console", text)));
        }
    }

    fn handle_session(&mut self, now: Instant, session: i64, forces_login: bool, steps: &mut Vec<LoginStep>) {
        let host = self.endpoint();
        match session {
            LIMIT_REACHED => {
                let text = format!(
                    "the console at {host} has three remotes already, which is its limit: close one of them"
                );
                self.fail(now, Notice::error("refused", text), LIMIT_PAUSE, true, steps);
            }
            ..0 => {
                let way = match self.console() {
                    Some(ConsoleFamily::Dot2) => {
                        "on the dot2 switch on Setup > Global Settings > Web Remote and set a password"
                    }
                    Some(ConsoleFamily::Gma2) | None => {
                        "on the grandMA2 set Setup > Console > Global Settings > Remotes to Login Enabled"
                    }
                };
                let text = format!("remotes are disabled on the console at {host}: {way}");
                self.fail(now, Notice::error("refused", text), REFUSED_PAUSE, true, steps);
            }
            0 => match &mut self.phase {
                LoginPhase::Greeting { ask_at, .. } => {
                    let again = now + REPEAT_AFTER_ZERO;
                    *ask_at = Some(ask_at.map_or(again, |at| at.min(again)));
                }
                LoginPhase::LoggingIn { .. } | LoginPhase::Ready { .. } => self.begin_anew(now, steps),
                LoginPhase::Stopped | LoginPhase::Resting { .. } | LoginPhase::Connecting { .. } => {}
            },
            1.. => {
                let is_new = self.session != session;
                self.session = session;
                match self.phase {
                    LoginPhase::Greeting { .. } => self.log_in(now, steps),
                    LoginPhase::LoggingIn { .. } if is_new || forces_login => self.log_in(now, steps),
                    LoginPhase::Ready { .. } if forces_login => self.log_in(now, steps),
                    LoginPhase::LoggingIn { .. } | LoginPhase::Ready { .. } => {}
                    LoginPhase::Stopped | LoginPhase::Resting { .. } | LoginPhase::Connecting { .. } => {}
                }
            }
        }
    }

    fn handle_login(&mut self, now: Instant, result: bool, steps: &mut Vec<LoginStep>) {
        if !matches!(self.phase, LoginPhase::LoggingIn { .. }) {
            return;
        }
        let host = self.endpoint();
        if result {
            let console = console_name(self.console());
            steps.push(LoginStep::Notice(Notice::info(
                "connected",
                format!("logged in to the {console} at {host}"),
            )));
            self.hosts[self.at].last_notice = None;
            self.failures = 0;
            self.backoff.reset();
            self.phase = LoginPhase::Ready { since: now };
            self.condition = Condition::Working;
            steps.push(LoginStep::Ready);
            return;
        }
        let way = match self.console() {
            Some(ConsoleFamily::Dot2) => "check `password` against Setup > Global Settings > Web Remote",
            Some(ConsoleFamily::Gma2) | None => {
                "check `user` and `password` against Setup > Console > User & Profiles Setup (Administrator cannot log in remotely)"
            }
        };
        let text = format!("the console at {host} refuses the log-in: {way}");
        self.fail(now, Notice::error("login", text), REFUSED_PAUSE, true, steps);
    }

    /// Handles the timeouts that are due.
    pub(crate) fn handle_timeout(&mut self, now: Instant, steps: &mut Vec<LoginStep>) {
        if self.next_timeout().is_some_and(|due| now.since(due) > OVERSLEPT) {
            self.silent_since = self.silent_since.map(|_| now);
        }
        match self.phase {
            LoginPhase::Resting { until } if until <= now => self.connect(now, steps),
            LoginPhase::Connecting { until } if until <= now => {
                let text = format!("cannot reach the console at {}: {}", self.endpoint(), Closed::TimedOut);
                self.fail(now, Notice::warning("unreachable", text), Duration::ZERO, true, steps);
                self.condition.handle_close(now, &Closed::TimedOut);
            }
            LoginPhase::Greeting { until, .. } if until <= now => {
                let text =
                    format!("{} accepts connections and does not answer like a console", self.endpoint());
                self.fail(now, Notice::warning("unreachable", text), Duration::ZERO, true, steps);
            }
            LoginPhase::Greeting { ask_at: Some(at), .. } if at <= now => self.ask(now, steps),
            LoginPhase::LoggingIn { until } if until <= now => {
                let text = format!("the console at {} does not answer the log-in", self.endpoint());
                self.fail(now, Notice::warning("unreachable", text), Duration::ZERO, true, steps);
            }
            LoginPhase::Stopped
            | LoginPhase::Resting { .. }
            | LoginPhase::Connecting { .. }
            | LoginPhase::Greeting { .. }
            | LoginPhase::LoggingIn { .. }
            | LoginPhase::Ready { .. } => {}
        }
        if !self.has_session() {
            return;
        }
        if self.silent_since.is_some_and(|since| now.since(since) >= SILENCE) {
            let text = format!("lost the console at {}: it has stopped answering", self.endpoint());
            self.fail(now, Notice::warning("lost", text), Duration::ZERO, true, steps);
        } else if self.keep_alive_at <= now {
            steps.push(LoginStep::SendSession(self.session));
            self.note_keep_alive(now);
        }
    }

    /// When `handle_timeout` is due.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        let own = match self.phase {
            LoginPhase::Stopped | LoginPhase::Ready { .. } => None,
            LoginPhase::Resting { until }
            | LoginPhase::Connecting { until }
            | LoginPhase::LoggingIn { until } => Some(until),
            LoginPhase::Greeting { ask_at, until } => Some(ask_at.map_or(until, |at| at.min(until))),
        };
        let silent = self.silent_since.map(|since| since + SILENCE);
        let alive = [Some(self.keep_alive_at), silent].into_iter().flatten().filter(|_| self.has_session());
        own.into_iter().chain(alive).min()
    }

    fn is_connected(&self) -> bool {
        match self.phase {
            LoginPhase::Greeting { .. } | LoginPhase::LoggingIn { .. } | LoginPhase::Ready { .. } => true,
            LoginPhase::Stopped | LoginPhase::Resting { .. } | LoginPhase::Connecting { .. } => false,
        }
    }

    fn has_session(&self) -> bool {
        matches!(self.phase, LoginPhase::LoggingIn { .. } | LoginPhase::Ready { .. })
    }

    /// Starts to connect.
    pub(crate) fn connect(&mut self, now: Instant, steps: &mut Vec<LoginStep>) {
        (self.session, self.greeted, self.silent_since) = (0, Greeted::Not, None);
        self.phase = LoginPhase::Connecting { until: now + CONNECT_TIMEOUT + CONNECT_GRACE };
        steps.push(LoginStep::Open(self.endpoint().clone()));
    }

    fn ask(&mut self, now: Instant, steps: &mut Vec<LoginStep>) {
        if let LoginPhase::Greeting { ask_at, .. } = &mut self.phase {
            *ask_at = None;
            self.session = 0;
            steps.push(LoginStep::SendSession(0));
            self.note_sent(now);
        }
    }

    /// Requests a new session on the same connection.
    fn begin_anew(&mut self, now: Instant, steps: &mut Vec<LoginStep>) {
        if self.is_ready() {
            steps.push(LoginStep::Down);
        }
        self.phase = LoginPhase::Greeting { ask_at: None, until: now + LOGIN_TIMEOUT };
        self.ask(now, steps);
    }

    fn log_in(&mut self, now: Instant, steps: &mut Vec<LoginStep>) {
        if self.is_ready() {
            steps.push(LoginStep::Down);
        }
        self.phase = LoginPhase::LoggingIn { until: now + LOGIN_TIMEOUT };
        self.keep_alive_at = now + KEEP_ALIVE;
        steps.push(LoginStep::LogIn);
        self.note_sent(now);
    }

    /// Abandons the host and tries the next one, immediately or, if all have failed, after a pause. The host is not
    /// tried again within `avoid`. `is_open` says whether the connection must be closed.
    fn fail(
        &mut self,
        now: Instant,
        mut notice: Notice,
        mut avoid: Duration,
        is_open: bool,
        steps: &mut Vec<LoginStep>,
    ) {
        if let LoginPhase::Ready { since } = self.phase {
            steps.push(LoginStep::Down);
            if now.since(since) >= STABLE {
                self.after_session.reset();
            }
        }
        if is_open {
            if self.session > 0 {
                steps.push(LoginStep::SendClose(self.session));
            }
            steps.push(LoginStep::Close);
        }
        self.condition.set_missing(now, notice.text.clone(), notice.severity == Severity::Error);
        if self.session > 0 {
            avoid = avoid.max(self.after_session.pause());
        }
        let failed = self.at;
        self.hosts[failed].not_before = now + avoid;
        self.failures += 1;
        let mut earliest = now;
        if self.failures >= self.hosts.len() {
            self.failures = 0;
            earliest = now + self.backoff.retry_pause(now);
        }
        let count = self.hosts.len();
        let in_turn = (1..=count).map(|step| (self.at + step) % count);
        // Among hosts that may be tried equally soon, the first in turn.
        self.at = in_turn.min_by_key(|&at| self.hosts[at].not_before.max(earliest)).unwrap_or(0);
        let until = self.hosts[self.at].not_before.max(earliest);
        self.session = 0;
        self.silent_since = None;
        let host = &mut self.hosts[failed];
        if host.last_notice.as_ref() != Some(&notice.text) {
            host.last_notice = Some(notice.text.clone());
            notice.text += &if until <= now {
                format!("; trying {}", self.endpoint())
            } else {
                format!("; {}", NextTry { pause: until.since(now) })
            };
            steps.push(LoginStep::Notice(notice));
        }
        if until <= now {
            self.connect(now, steps);
        } else {
            self.phase = LoginPhase::Resting { until };
        }
    }
}

/// The session number for too many remotes.
const LIMIT_REACHED: i64 = -2;

/// The name of the console.
pub(crate) fn console_name(console: Option<ConsoleFamily>) -> &'static str {
    match console {
        Some(ConsoleFamily::Gma2) => "grandMA2",
        Some(ConsoleFamily::Dot2) => "dot2",
        None => "console",
    }
}

#[cfg(test)]
mod tests;
