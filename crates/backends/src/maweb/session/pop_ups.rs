//! Questions of the console: shown on the channels of the answers that they offer, and answered once.

use crosspatch_core::{Duration, Instant, Notice, Outbox, Slot, is_plain};

use super::{Channel, Session};
use crate::maweb::address::Address;
use crate::maweb::wire::Confirmation;

/// Nobody answers a pop-up sooner than this after it has come up. What comes sooner is an answer's lamp that a peer echoes.
const REACTION_TIME: Duration = Duration::from_millis(200);

/// The pop-up that waits for an answer.
pub(super) struct Question {
    /// If it is about storing a preset, which is answered by another message: the mode to store in.
    pub(super) preset_mode: Option<i64>,
    /// From then on, answers may be a person's.
    pub(super) answerable_at: Instant,
    answers: Vec<i64>,
}

impl Session {
    pub(super) fn open_question(
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
        // The mode that the console has chosen stays, as on MA's page for whoever does not open the list.
        let preset_mode = is_preset.then(|| question.choice.unwrap_or(0).max(0));
        self.question = Some(Question { preset_mode, answers, answerable_at: now + REACTION_TIME });
        self.show_question(out, 1.0);
    }

    pub(super) fn close_question(&mut self, out: &mut Outbox) {
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
}

/// A text of the console on one line of a log, and not longer than one.
fn printable(text: &str) -> String {
    text.chars().map(|letter| if is_plain(letter) { letter } else { ' ' }).take(300).collect()
}
