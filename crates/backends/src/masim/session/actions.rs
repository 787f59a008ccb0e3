//! Actions on the simulated console, by a remote or by a person at the console.

use crosspatch_core::{Instant, Notice, Outbox, Slot, Value};

use super::Session;
use crate::masim::address::{Address, ExecKey};
use crate::masim::command::Outcome;
use crate::masim::keys::{self, DeskKey};
use crate::masim::remotes::HeldKey;
use crate::masim::show::{ExecutorPosition, FIRST_BUTTON, Touched};
use crate::maweb::wire::{Answer, Color, Confirmation, ConsoleFamily, Response};
use crate::shared::button::Edge;

/// The origin of an action: a remote, or a person at the console.
#[derive(Copy, Clone, PartialEq, Eq)]
pub(super) enum Who {
    Remote(i64),
    Hand,
}

impl Session {
    /// Presses or releases a key of an executor. If the command line is not empty, the key completes it.
    #[expect(clippy::too_many_arguments, reason = "they are the parts of one message")]
    pub(super) fn press(
        &mut self,
        now: Instant,
        session: i64,
        place: ExecutorPosition,
        button: u32,
        pressed: bool,
        cmdline: &str,
        out: &mut Outbox,
    ) -> Answer<'static> {
        if let Some(key) = self.key_of(place, button) {
            self.emit(&Address::Key(place, key), Value::edge(pressed), out);
            self.remotes.hold(session, HeldKey::Executor(place, button), pressed && self.is_key(place, key));
        }
        let line = match self.remotes.get_mut(session) {
            Some(remote) if cmdline.trim().is_empty() => remote.line.clone(),
            Some(_) | None => cmdline.to_owned(),
        };
        if pressed && !line.trim().is_empty() {
            self.set_line(Who::Remote(session), String::new(), out);
            let number = format!("{}.{}", u64::from(place.page) + 1, u64::from(place.index) + 1);
            return self.execute(
                now,
                Who::Remote(session),
                &format!("{} Executor {number}", line.trim()),
                out,
            );
        }
        self.touch(now, Who::Remote(session), place, button, pressed, out)
    }

    /// Whether this key has a function, so that its holder has to be recorded. Remotes can name any number.
    fn is_key(&self, place: ExecutorPosition, key: ExecKey) -> bool {
        self.desk.show.executor(place).is_some() || self.inputs.contains_key(&Address::Key(place, key))
    }

    /// Releases the keys of a remote that has disconnected.
    pub(super) fn release(&mut self, now: Instant, held: Vec<HeldKey>, out: &mut Outbox) {
        for key in held {
            match key {
                HeldKey::Executor(place, button) => {
                    if let Some(key) = self.key_of(place, button) {
                        self.emit(&Address::Key(place, key), Value::edge(false), out);
                    }
                    self.touch(now, Who::Hand, place, button, false, out);
                }
                HeldKey::Command(name) => self.emit(&Address::CommandKey(name), Value::edge(false), out),
            }
        }
    }

    fn touch(
        &mut self,
        now: Instant,
        who: Who,
        place: ExecutorPosition,
        button: u32,
        pressed: bool,
        out: &mut Outbox,
    ) -> Answer<'static> {
        match self.desk.show.press(now, place, button, pressed) {
            Touched::Runs(command) => self.execute(now, who, &command, out),
            Touched::Done | Touched::Nothing => Answer::bare(),
        }
    }

    /// The key of an executor with a number in messages.
    fn key_of(&self, place: ExecutorPosition, button: u32) -> Option<ExecKey> {
        if place.index >= FIRST_BUTTON {
            return (button == 0).then_some(ExecKey::Button);
        }
        match (self.settings.console, button) {
            (ConsoleFamily::Gma2, 0) => Some(ExecKey::Flash),
            (ConsoleFamily::Gma2 | ConsoleFamily::Dot2, 1) => Some(ExecKey::Lower),
            (ConsoleFamily::Gma2, 2) | (ConsoleFamily::Dot2, 0) => Some(ExecKey::Upper),
            (ConsoleFamily::Gma2 | ConsoleFamily::Dot2, _) => None,
        }
    }

    /// The number of a key in messages.
    fn button_of(&self, key: ExecKey) -> Option<u32> {
        match (self.settings.console, key) {
            (_, ExecKey::Button)
            | (ConsoleFamily::Gma2, ExecKey::Flash)
            | (ConsoleFamily::Dot2, ExecKey::Upper) => Some(0),
            (_, ExecKey::Lower) => Some(1),
            (ConsoleFamily::Gma2, ExecKey::Upper) => Some(2),
            (ConsoleFamily::Dot2, ExecKey::Flash) => None,
        }
    }

    pub(super) fn execute(
        &mut self,
        now: Instant,
        who: Who,
        line: &str,
        out: &mut Outbox,
    ) -> Answer<'static> {
        let line: String = line.chars().take(1000).collect();
        let by = match who {
            Who::Remote(session) => self.remotes.get_mut(session).and_then(|remote| remote.user.clone()),
            Who::Hand => None,
        };
        let by = by.unwrap_or_else(|| self.settings.name.clone());
        let outcome = self.desk.execute(now, &line);
        if who != Who::Hand {
            self.emit(&Address::Command, &*line, out);
        }
        match outcome {
            Outcome::Done => out.notice(Notice::info("command", format!("`{by}` executes `{line}`"))),
            Outcome::Taken => {
                out.notice(Notice::info(
                    "command",
                    format!("`{by}` executes `{line}`, which has no effect here"),
                ));
            }
            Outcome::Refused(why) => out.notice(Notice::warning("command-refused", format!("`{by}`: {why}"))),
            Outcome::Asks(question) => {
                out.notice(Notice::info("question", format!("`{by}` is asked: {}", question.message)));
                let buttons = question
                    .buttons
                    .iter()
                    .map(|(text, id)| (std::borrow::Cow::Borrowed(*text), *id))
                    .collect();
                let confirmation = Confirmation {
                    title: question.title.clone().into(),
                    question: None,
                    message: question.message.clone().into(),
                    buttons,
                    choice: None,
                };
                if let Who::Remote(session) = who
                    && let Some(remote) = self.remotes.get_mut(session)
                {
                    remote.question = Some(question);
                    return Answer::to(Response::Confirmation(confirmation));
                }
            }
        }
        Answer::bare()
    }

    /// Presses or releases a key of the command section.
    pub(super) fn press_key(
        &mut self,
        now: Instant,
        who: Who,
        name: &str,
        pressed: bool,
        out: &mut Outbox,
    ) -> Answer<'static> {
        let Some((name, key)) = keys::find(name) else {
            let name: String = name.chars().take(40).collect();
            out.notice(Notice::warning("unknown-key", format!("there is no key `{name}`")));
            return Answer::bare();
        };
        if let Who::Remote(session) = who {
            self.emit(&Address::CommandKey(name), Value::edge(pressed), out);
            self.remotes.hold(session, HeldKey::Command(name), pressed);
        }
        if !pressed {
            return Answer::bare();
        }
        let mut line = match who {
            Who::Remote(session) => {
                self.remotes.get_mut(session).map(|remote| remote.line.clone()).unwrap_or_default()
            }
            Who::Hand => self.own_line.clone(),
        };
        let mut command = None;
        match key {
            DeskKey::Word(words) => keys::add_word(&mut line, words),
            DeskKey::Digit(digit) => keys::add_digit(&mut line, digit),
            DeskKey::Enter => command = Some(std::mem::take(&mut line)),
            DeskKey::Run(word) if line.trim().is_empty() => command = Some(word.to_owned()),
            DeskKey::Run(word) => keys::add_word(&mut line, &[word]),
            DeskKey::Clear if line.is_empty() => self.desk.clear(),
            DeskKey::Clear | DeskKey::Escape => line.clear(),
            DeskKey::Oops => keys::remove_word(&mut line),
            DeskKey::Set => self.desk.is_set = !self.desk.is_set,
            DeskKey::High => self.desk.is_high = !self.desk.is_high,
            DeskKey::Solo => self.desk.is_solo = !self.desk.is_solo,
            DeskKey::Nothing => {}
        }
        self.set_line(who, line, out);
        match command.filter(|command| !command.trim().is_empty()) {
            Some(command) => self.execute(now, who, command.trim(), out),
            None => Answer::bare(),
        }
    }

    fn set_line(&mut self, who: Who, line: String, out: &mut Outbox) {
        let own = match who {
            Who::Hand => &mut self.own_line,
            Who::Remote(session) => {
                let Some(remote) = self.remotes.get_mut(session) else { return };
                if remote.line == line {
                    return;
                }
                remote.is_line_news = true;
                &mut remote.line
            }
        };
        *own = line.clone();
        if who != Who::Hand && self.shown_line != line {
            self.emit(&Address::CommandLine, &*line, out);
            self.shown_line = line;
        }
    }

    /// Sets a channel, like a person at the console.
    pub(super) fn set(&mut self, now: Instant, slot: Slot, value: &Value, is_state: bool, out: &mut Outbox) {
        let Some(Some(output)) = self.outputs.get_mut(slot.index()) else { return };
        let address = output.address.clone();
        if let Address::Key(..) | Address::CommandKey(_) = address {
            // A recalled state does not press a key.
            if !is_state && let Some(edge) = output.button.edge(value) {
                // The key was released before it was pressed again.
                if edge == Edge::PressAgain {
                    self.press_by_hand(now, &address, false, out);
                }
                self.press_by_hand(now, &address, edge != Edge::Release, out);
            }
            return;
        }
        match (address, value) {
            (Address::Fader(place), Value::Number(level)) => {
                self.desk.show.move_fader(now, place, *level);
            }
            (Address::Name(place), Value::Text(name)) => {
                if let Some(executor) = self.desk.show.executor_mut(place) {
                    executor.name = name.chars().take(200).collect();
                }
            }
            (Address::Color(place), Value::Text(color)) => {
                if let (Some(color), Some(executor)) =
                    (Color::parse(color), self.desk.show.executor_mut(place))
                {
                    executor.color = color;
                }
            }
            (Address::Command, Value::Text(line)) if !is_state => {
                self.execute(now, Who::Hand, line, out);
            }
            (Address::Encoder(attribute), Value::Number(level)) => {
                let before = self.desk.attributes.get(&*attribute).copied().unwrap_or(0.0);
                self.desk.turn(&attribute, level * 100.0 - before);
            }
            // A number for a text channel, or a text for a number channel.
            (
                Address::Fader(_)
                | Address::Key(..)
                | Address::CommandKey(_)
                | Address::Name(_)
                | Address::Color(_)
                | Address::Command
                | Address::CommandLine
                | Address::Encoder(_),
                Value::Number(_) | Value::Text(_),
            ) => {}
        }
    }

    /// Presses or releases a key, like a person at the console.
    fn press_by_hand(&mut self, now: Instant, address: &Address, pressed: bool, out: &mut Outbox) {
        match address {
            Address::Key(place, key) => {
                if let Some(button) = self.button_of(*key) {
                    self.touch(now, Who::Hand, *place, button, pressed, out);
                }
            }
            Address::CommandKey(key) => {
                self.press_key(now, Who::Hand, key, pressed, out);
            }
            Address::Fader(_)
            | Address::Name(_)
            | Address::Color(_)
            | Address::Command
            | Address::CommandLine
            | Address::Encoder(_) => {}
        }
    }
}
