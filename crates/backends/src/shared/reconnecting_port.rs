//! A port that is reopened whenever it is lost, with a notice when it is lost and when it works again. In the first
//! minute it is retried about every second, later less often.

use crosspatch_core::{
    Backoff, Closed, Condition, Duration, Instant, NextTry, Notice, Outbox, Port, PortSpec, Status,
};

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A port, and when to reopen it.
#[derive(Debug)]
pub(crate) struct ReconnectingPort {
    port: Port,
    spec: PortSpec,
    notice: &'static str,
    backoff: Backoff,
    retry_at: Option<Instant>,
    condition: Condition,
}

impl ReconnectingPort {
    /// The port of the instance `name`, whose notices are of the kind `notice`.
    pub(crate) fn new(name: &str, port: Port, spec: PortSpec, notice: &'static str) -> Self {
        let backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE, (name, port));
        Self { port, spec, notice, backoff, retry_at: None, condition: Condition::Starting }
    }

    /// The number of the port.
    pub(crate) fn port(&self) -> Port {
        self.port
    }

    /// Whether the port is open.
    pub(crate) fn is_open(&self) -> bool {
        self.condition.is_working()
    }

    /// When the port has to be reopened.
    pub(crate) fn retry_at(&self) -> Option<Instant> {
        self.retry_at
    }

    /// Opens the port.
    pub(crate) fn open(&mut self, out: &mut Outbox) {
        self.retry_at = None;
        out.open(self.port, self.spec.clone());
    }

    /// Reopens the port if it is due.
    pub(crate) fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) {
        if self.retry_at.is_some_and(|at| at <= now) {
            self.open(out);
        }
    }

    /// Called when the port has opened. Connections and ports that others can reach are reported every time, other
    /// ports only after a failure.
    pub(crate) fn handle_open(&mut self, out: &mut Outbox) {
        if self.backoff.failures() > 0 {
            out.notice(Notice::info(self.notice, format!("{} works again", self.spec)));
        } else if matches!(self.spec, PortSpec::TcpConnect(_) | PortSpec::WebSocketConnect(_)) {
            out.notice(Notice::info(self.notice, format!("connected: {}", self.spec)));
        } else if self.spec.listens() {
            out.notice(Notice::info("listening", format!("listening: {}", self.spec)));
        }
        self.backoff.reset();
        self.condition = Condition::Working;
    }

    /// Called when the port could not be opened or was closed.
    pub(crate) fn handle_close(&mut self, now: Instant, reason: &Closed, out: &mut Outbox) {
        let is_first = self.backoff.failures() == 0;
        let pause = self.backoff.retry_pause(now);
        if is_first {
            let text = format!("{}: {reason}; {}", self.spec, NextTry { pause });
            out.notice(Notice::warning(self.notice, text));
        }
        self.retry_at = Some(now + pause);
        self.condition.handle_close(now, reason);
    }

    /// Adds the status of the port.
    pub(crate) fn add_status(&self, status: &mut Status) {
        status.add(self.spec.to_string(), "", self.condition.clone());
    }
}
