//! Questions of the console: shown on the channels of the answers that they offer, and answered once.

use crosspatch_core::{Duration, Instant, Notice, Outbox, is_plain};

use super::Session;
use crate::maweb::address::Address;
use crate::maweb::channel::MappedChannel;
use crate::maweb::wire::Confirmation;

/// A person takes at least this long to answer a pop-up. An earlier answer is the echo of the answer's lamp by a peer.
const REACTION_TIME: Duration = Duration::from_millis(200);

/// The pop-up that waits for an answer.
pub(super) struct OpenPopUp {
    /// The mode to store in, if the question is about a preset. Such a question has an answer of its own kind.
    pub(super) preset_mode: Option<i64>,
    /// The earliest time of a person's answer.
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
        self.notify(level("asks", printable(&text)), out);
        // The mode that the console has chosen stays, as on MA's page when the list is not opened.
        let preset_mode = is_preset.then(|| question.choice.unwrap_or(0).max(0));
        self.question = Some(OpenPopUp { preset_mode, answers, answerable_at: now + REACTION_TIME });
        self.show_question(out, 1.0);
    }

    pub(super) fn close_question(&mut self, out: &mut Outbox) {
        self.show_question(out, 0.0);
        self.question = None;
    }

    /// Whether any mapping could answer a pop-up.
    fn has_answer(&self) -> bool {
        let is_answer =
            |channel: &MappedChannel| channel.is_output && matches!(channel.address, Address::Confirm(_));
        self.channels.iter().any(is_answer)
    }

    /// Lights the answers that the pop-up offers, or darkens them.
    fn show_question(&self, out: &mut Outbox, level: f64) {
        let Some(question) = &self.question else { return };
        for channel in self.channels.iter() {
            if let MappedChannel { slot, address: Address::Confirm(id), is_input: true, .. } = channel
                && question.answers.contains(&i64::from(*id))
            {
                out.emit(*slot, level);
            }
        }
    }
}

/// A text of the console on one line of a log, and not longer than one.
fn printable(text: &str) -> String {
    text.chars().map(|letter| if is_plain(letter) { letter } else { ' ' }).take(300).collect()
}
