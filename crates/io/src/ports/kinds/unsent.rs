//! Devices for which messages wait while there is no room for them. Nothing wakes the loop when there is, so they are tried
//! again and again.

use crosspatch_core::{Closed, Duration};

use crate::ports::kind::Context;
use crate::ports::reports::ReportKind;
use crate::sequencer::SendOutcome;

/// The pause before sending to a full device is retried.
pub(super) const RETRY: Duration = Duration::from_millis(5);

/// Handles the outcome of sending a message to a device. The first one that waits is reported to the session.
pub(super) fn handle_sent(sent: SendOutcome, had_unsent: bool, context: &mut Context<'_>) {
    match sent {
        SendOutcome::Fine => {}
        SendOutcome::Full => {
            if !had_unsent {
                context.report(ReportKind::Full);
            }
            context.set_deadline(Some(context.now + RETRY));
        }
        SendOutcome::NotReading => context.fail(Closed::NotReading),
    }
}

/// Handles the result of sending queued data. When none is left, this is reported to the session.
pub(super) fn handle_retried(is_all_sent: bool, context: &mut Context<'_>) {
    if is_all_sent {
        context.report(ReportKind::Writable);
    } else {
        context.set_deadline(Some(context.now + RETRY));
    }
}
