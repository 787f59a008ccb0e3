//! Devices for which messages wait while there is no room for them. Nothing wakes the loop when there is, so they are tried
//! again and again.

use crosspatch_core::{Closed, Duration};

use crate::jack::JackClient;
use crate::ports::kind::Context;
use crate::ports::reports::What;
use crate::sequencer::{Sent, Sequencer};

/// A device that took nothing is tried again after so long.
pub(super) const RETRY: Duration = Duration::from_millis(5);

/// A device that keeps what it has no room for.
pub(super) trait Unsent {
    fn put(&mut self, message: &[u8]) -> Sent;

    /// Sends what waits. Returns whether nothing does any more.
    fn put_waiting(&mut self) -> bool;

    fn is_waiting(&self) -> bool;
}

impl Unsent for Sequencer {
    fn put(&mut self, message: &[u8]) -> Sent {
        self.send(message)
    }

    fn put_waiting(&mut self) -> bool {
        self.send_unsent()
    }

    fn is_waiting(&self) -> bool {
        self.has_unsent()
    }
}

impl Unsent for JackClient {
    fn put(&mut self, message: &[u8]) -> Sent {
        self.send(message)
    }

    fn put_waiting(&mut self) -> bool {
        self.send_unsent()
    }

    fn is_waiting(&self) -> bool {
        self.has_unsent()
    }
}

/// Sends a message, or keeps it. The session is told when it is the first to wait.
pub(super) fn send(device: &mut impl Unsent, message: &[u8], context: &mut Context<'_>) {
    let was_waiting = device.is_waiting();
    match device.put(message) {
        Sent::Fine => {}
        Sent::Full => {
            if !was_waiting {
                context.report(What::Full);
            }
            context.set_deadline(Some(context.now + RETRY));
        }
        Sent::NotReading => context.fail(Closed::NotReading),
    }
}

/// Sends what waits, as far as there is room.
pub(super) fn send_waiting(device: &mut impl Unsent, context: &mut Context<'_>) {
    if !device.is_waiting() {
        return;
    }
    if device.put_waiting() {
        context.report(What::Writable);
    } else {
        context.set_deadline(Some(context.now + RETRY));
    }
}
