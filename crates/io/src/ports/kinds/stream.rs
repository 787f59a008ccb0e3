//! Connections that are open, plain or WebSocket, outgoing or accepted.

use std::io;

use crosspatch_core::{Closed, Duration};
use mio::Token;

use crate::connection::{Connection, Received, WriteOutcome};
use crate::ports::BOTH;
use crate::ports::kind::{Admission, Context, PortKind, Step, Tools};
use crate::ports::reports::ReportKind;
use crate::runner::Runner;

/// How long a closed connection may take to send queued data.
const LINGER: Duration = Duration::from_millis(300);

/// The most bytes of a stream that are passed to its session at once: thousands of the shortest messages.
const STREAM_CHUNK: usize = 16 * 1024;

/// A connection.
pub(super) struct Stream {
    pub(super) connection: Connection,
    /// How often the peer is pinged.
    pub(super) ping: Option<Duration>,
}

impl PortKind for Stream {
    fn register(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        context.tools.registry.register(self.connection.source(), context.token, BOTH)
    }

    fn deregister(&mut self, tools: &mut Tools, _token: Token) -> io::Result<()> {
        tools.registry.deregister(self.connection.source())
    }

    fn begin_turn(&mut self) {
        self.connection.begin_turn();
    }

    fn step(&mut self, chunk: &mut [u8], runner: &mut Runner<'_>, context: &mut Context<'_>) -> Step {
        if self.connection.is_full_unreported() {
            return Step::Later;
        }
        match self.connection.receive(&mut chunk[..STREAM_CHUNK]) {
            Received::Bytes(bytes) => {
                runner.received(context.owner, context.peer, bytes);
                Step::More(bytes.len())
            }
            Received::Message(message) => {
                let data = message.into_data();
                runner.received(context.owner, context.peer, &data);
                Step::More(data.len())
            }
            Received::Control => Step::More(0),
            Received::Later => Step::Later,
            Received::Nothing => Step::Nothing,
            Received::Gone(reason) => {
                context.fail(reason);
                Step::Nothing
            }
        }
    }

    fn handle_writable(&mut self, context: &mut Context<'_>) {
        if self.connection.send_waiting() {
            context.report(ReportKind::Writable);
        }
        // The remaining data gives the reason.
        if self.connection.is_broken() {
            context.serve_again();
        }
    }

    fn handle_deadline(&mut self, context: &mut Context<'_>) {
        self.connection.ping();
        context.set_deadline(self.ping.map(|ping| context.now + ping));
    }

    fn send(&mut self, message: &[u8], context: &mut Context<'_>) -> Admission {
        match self.connection.send(message) {
            WriteOutcome::Fine => {}
            WriteOutcome::Full => context.report(ReportKind::Full),
            WriteOutcome::Broken => context.serve_again(),
            WriteOutcome::NotReading => context.fail(Closed::NotReading),
            WriteOutcome::Crowded => return Admission::Crowded,
        }
        Admission::Done
    }

    fn unsent(&mut self) -> usize {
        self.connection.unsent()
    }

    fn handle_full(&mut self) {
        self.connection.mark_full_reported();
    }

    fn close(&mut self) {
        self.connection.say_goodbye();
    }

    fn is_over(&mut self) -> bool {
        self.connection.is_over()
    }

    fn longest_end(&self) -> Option<Duration> {
        Some(LINGER)
    }
}
