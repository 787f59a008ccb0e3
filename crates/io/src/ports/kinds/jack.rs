//! Ports that are clients of a JACK server.

use std::io;

use crosspatch_core::{Closed, Jack, Notice, Peer};
use mio::Token;

use super::unsent;
use crate::closed;
use crate::jack::{JackClient, JackInput};
use crate::ports::Ports;
use crate::ports::kind::{Admission, Context, Opener, Opening, PortKind, Step, Tools};
use crate::runner::Runner;

impl Opener for &Jack {
    fn open(&self, opening: &Opening<'_>, ports: &mut Ports) -> Result<(), Closed> {
        ports.set_deadline(opening.token, None);
        let client = JackClient::open(self, &ports.tools.registry, opening.token);
        let opened = client.and_then(|client| ports.put(opening, JackClientPort { client, is_open: false }));
        opened.map_err(|error| closed::reason(&error))
    }
}

/// A client of a JACK server.
struct JackClientPort {
    client: JackClient,
    is_open: bool,
}

impl PortKind for JackClientPort {
    fn register(&mut self, _context: &mut Context<'_>) -> io::Result<()> {
        Ok(())
    }

    fn deregister(&mut self, tools: &mut Tools, _token: Token) -> io::Result<()> {
        self.client.deregister(&tools.registry)
    }

    fn is_for_session(&self) -> bool {
        self.is_open
    }

    fn begin_turn(&mut self) {
        self.client.drain_wake_ups();
    }

    fn step(&mut self, chunk: &mut [u8], runner: &mut Runner<'_>, context: &mut Context<'_>) -> Step {
        match self.client.next(chunk) {
            Some(JackInput::Opened) => {
                self.is_open = true;
                return Step::Opened(context.token);
            }
            Some(JackInput::Data(event)) => {
                runner.received(context.owner, Peer::Only, event);
                return Step::More(event.len());
            }
            Some(JackInput::Lost { lost, unfit }) => {
                if lost > 0 {
                    let text = format!(
                        "{lost} messages came in faster than they could be taken; of each channel the last state counts"
                    );
                    runner.notice(Some(context.owner), Notice::warning("lost", text));
                }
                if unfit > 0 {
                    let text = format!("{unfit} messages are too long for a block of the server");
                    runner.notice(Some(context.owner), Notice::warning("lost", text));
                }
                return Step::More(0);
            }
            Some(JackInput::Gone(reason)) => context.fail(reason),
            None => {}
        }
        Step::Nothing
    }

    fn handle_writable(&mut self, context: &mut Context<'_>) {
        if self.client.has_unsent() {
            unsent::handle_retried(self.client.send_unsent(), context);
        }
    }

    fn send(&mut self, event: &[u8], context: &mut Context<'_>) -> Admission {
        let had_unsent = self.client.has_unsent();
        unsent::handle_sent(self.client.send(event), had_unsent, context);
        Admission::Done
    }

    fn is_over(&mut self) -> bool {
        self.client.close()
    }
}
