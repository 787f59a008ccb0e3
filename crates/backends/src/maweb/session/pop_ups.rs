//! Questions of the console: indicated on the channels of the available answers, and answered once.

use crosspatch_core::{Duration, Instant, Notice, Outbox, is_plain};

use super::Session;
use crate::maweb::address::Address;
use crate::maweb::channel::MappedChannel;
use crate::maweb::wire::Confirmation;

/// The minimum time that a person takes to answer a pop-up. An earlier answer is a peer's echo of the answer's lamp.
const REACTION_TIME: Duration = Duration::from_millis(200);

/// The pop-up that needs an answer.
pub(super) struct OpenPopUp {
    /// The mode to store in, if the question is about a preset. Such a question has its own kind of answer.
    pub(super) preset_mode: Option<i64>,
    /// The earliest time of an answer by a person.
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
        // The mode selected by the console is kept, as on MA's page when the list is not opened.
        let preset_mode = is_preset.then(|| question.choice.unwrap_or(0).max(0));
        self.question = Some(OpenPopUp { preset_mode, answers, answerable_at: now + REACTION_TIME });
        self.show_question(out, 1.0);
    }

    pub(super) fn close_question(&mut self, out: &mut Outbox) {
        self.show_question(out, 0.0);
        self.question = None;
    }

    /// Whether any channel can answer a pop-up.
    fn has_answer(&self) -> bool {
        let is_answer =
            |channel: &MappedChannel| channel.is_output && matches!(channel.address, Address::Confirm(_));
        self.channels.iter().any(is_answer)
    }

    /// Switches the lamps of the available answers on or off.
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

/// A console's text on one log line, truncated if necessary.
fn printable(text: &str) -> String {
    text.chars().map(|letter| if is_plain(letter) { letter } else { ' ' }).take(300).collect()
}
