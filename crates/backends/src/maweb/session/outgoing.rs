//! Values to the console: passes them to the shaper, and converts its output to messages.

use crosspatch_core::{Duration, Instant, Notice, Outbox, Slot, Text, Value};

use super::{Session, send};
use crate::maweb::address::{Address, ExecutorPart, Resolution};
use crate::maweb::command::CommandTrigger;
use crate::maweb::keys::{self, CommandKey};
use crate::maweb::login::Login;
use crate::maweb::options::{Cmdline, Config};
use crate::maweb::output::{OutgoingCommand, Taken};
use crate::maweb::wire::{ConsoleFamily, Request};
use crate::maweb::{poll, watch};
use crate::shared::button::Edge;

/// From this time after the release of a key, a report of its lamp is emitted even if the lamp has not changed: pads
/// switch off their own lamp at a release.
const KEY_SETTLE: Duration = Duration::from_millis(100);

impl Session {
    /// Handles a value for an output. A state, such as after a log-in, does not press a key.
    pub(super) fn take(&mut self, now: Instant, slot: Slot, value: &Value, is_state: bool, out: &mut Outbox) {
        let Some(channel) = self.channels.get_mut(slot) else { return };
        let number = value.as_number();
        channel.fader.received = number.or(channel.fader.received);
        if self.login.is_ready() && !is_there(&self.login, &self.settings, &channel.address) {
            return;
        }
        let level = if is_state { channel.fader.received } else { number };
        let taken = match &channel.address {
            Address::Executor(_, ExecutorPart::Fader) => {
                let Some(level) = level else { return };
                channel.fader.is_consoles &= is_state;
                if !channel.fader.is_consoles {
                    self.shaper.level(now, channel, level, |other| other == level);
                }
                return;
            }
            Address::Command(name) => match self.settings.commands.get(&**name) {
                Some(command) if command.trigger() == CommandTrigger::Level => {
                    let Some(level) = level else { return };
                    let line = command.line(&Value::number(level));
                    self.shaper
                        .level(now, channel, level, |other| command.line(&Value::number(other)) == line);
                    return;
                }
                _ if is_state => return,
                Some(command) if command.trigger() == CommandTrigger::Text => {
                    let text = value.as_text().map_or_else(|| value.to_string().into(), Text::from);
                    self.shaper.event(slot, Some(text))
                }
                _ => match channel.key.button.edge(value) {
                    Some(Edge::Press | Edge::PressAgain) => self.shaper.event(slot, None),
                    Some(Edge::Release) | None => return,
                },
            },
            Address::Executor(..) | Address::Key(_) | Address::Confirm(_) | Address::Encoder(..)
                if is_state =>
            {
                return;
            }
            Address::Encoder(_, Resolution::Normal | Resolution::Fine | Resolution::Ultra) => {
                let Some(level) = number else { return };
                let by = (level - 0.5) * 2.0 * self.settings.encoder_turn;
                if by != 0.0 {
                    self.shaper.turn(now, channel, by);
                }
                return;
            }
            Address::Executor(..) | Address::Key(_) => {
                if channel.is_echo(now, value) {
                    return;
                }
                match channel.key.button.edge(value) {
                    Some(edge) => self.shaper.edge(channel, edge),
                    None => return,
                }
            }
            Address::Confirm(_) => {
                let is_answer = self.question.as_ref().is_some_and(|question| question.answerable_at <= now);
                match channel.key.button.edge(value) {
                    Some(Edge::Press | Edge::PressAgain) if is_answer => self.shaper.event(slot, None),
                    Some(Edge::Press | Edge::PressAgain | Edge::Release) | None => return,
                }
            }
            Address::Led(_) => return,
        };
        self.notify_taken(slot, taken, out);
    }

    /// Sends one message of the output. Returns whether there was one for this console.
    pub(super) fn send(&mut self, now: Instant, what: &OutgoingCommand, out: &mut Outbox) -> bool {
        let (OutgoingCommand::Level(slot, _)
        | OutgoingCommand::Edge(slot, _)
        | OutgoingCommand::Event(slot, _)
        | OutgoingCommand::Turn(slot, _)) = what;
        let Some(channel) = self.channels.get_mut(*slot) else { return false };
        let session = self.login.session();
        let console = self.login.console();
        match (&channel.address, what) {
            (Address::Executor(executor, ExecutorPart::Fader), OutgoingCommand::Level(_, level)) => {
                let (exec_index, page_index) = (executor.index(), executor.page_index());
                send(out, &Request::Fader { exec_index, page_index, value: *level, session });
            }
            (Address::Executor(executor, part), OutgoingCommand::Edge(_, pressed)) => {
                let Some(button_id) = watch::key(console, *part) else { return false };
                let (exec_index, page_index) = (executor.index(), executor.page_index());
                let (pressed, cmdline) = (*pressed, self.cmdline.as_str().into());
                send(out, &Request::Button { exec_index, page_index, button_id, pressed, cmdline, session });
                // The release before a further press leaves the key down in the mapping.
                if !pressed && !channel.key.button.is_down() {
                    channel.note_sent(0.0, now + KEY_SETTLE);
                }
            }
            (Address::Key(key), OutgoingCommand::Edge(_, pressed)) => {
                let key = *key;
                let Some(request) = self.key_request(key, *pressed) else { return false };
                send(out, &request);
            }
            (Address::Command(name), OutgoingCommand::Level(..) | OutgoingCommand::Event(..)) => {
                let value = match what {
                    OutgoingCommand::Level(_, level) => Value::number(*level),
                    OutgoingCommand::Event(_, Some(text)) => Value::Text(text.clone()),
                    OutgoingCommand::Event(_, None)
                    | OutgoingCommand::Edge(..)
                    | OutgoingCommand::Turn(..) => Value::edge(true),
                };
                let command = self.settings.commands.get(&**name);
                let Some(line) = command.and_then(|command| command.line(&value)) else { return false };
                send(out, &Request::Command { command: line.into(), session });
            }
            (Address::Encoder(attribute, resolution), OutgoingCommand::Turn(_, by)) => {
                let (name, resolution) = ((&**attribute).into(), resolution.number());
                send(out, &Request::Encoder { name, value: *by, resolution, session });
            }
            (Address::Confirm(id), OutgoingCommand::Event(..)) => {
                let Some(question) = &self.question else { return false };
                let result = i64::from(*id);
                match question.preset_mode {
                    Some(mode) => send(out, &Request::PresetConfirmationResult { mode, result, session }),
                    None => send(out, &Request::ConfirmationResult { result, session }),
                }
                self.close_question(out);
            }
            (
                Address::Executor(..)
                | Address::Key(_)
                | Address::Command(_)
                | Address::Encoder(..)
                | Address::Led(_)
                | Address::Confirm(_),
                OutgoingCommand::Level(..)
                | OutgoingCommand::Edge(..)
                | OutgoingCommand::Event(..)
                | OutgoingCommand::Turn(..),
            ) => return false,
        }
        true
    }

    /// The message for a press or release of a key, if this console has one.
    fn key_request(&self, key: &'static CommandKey, pressed: bool) -> Option<Request<'static>> {
        let session = self.login.session();
        let is_dot2 = self.login.console() == Some(ConsoleFamily::Dot2);
        match (self.settings.cmdline, key.hardkey, key.web) {
            (Cmdline::Console | Cmdline::Downgrade, Some(hardkey), _) if !is_dot2 => {
                let command = keys::hardkey_command(hardkey, pressed).into();
                Some(Request::Command { command, session })
            }
            (Cmdline::Remote | Cmdline::Downgrade, _, Some(web)) => {
                let pressed = web.edges.sent_for(pressed)?;
                let (keyname, auto_submit) = (key.name.into(), web.submits);
                Some(Request::Keyname { keyname, pressed, auto_submit, cmdline_text: None, session })
            }
            (Cmdline::Remote | Cmdline::Console | Cmdline::Downgrade, _, _) => None,
        }
    }

    /// Sends a notice about an event that was not accepted.
    fn notify_taken(&mut self, slot: Slot, taken: Taken, out: &mut Outbox) {
        let Some(name) = self.channels.get_mut(slot).map(|channel| channel.address.to_string()) else {
            return;
        };
        match taken {
            Taken::Yes => {}
            Taken::Offline => {
                if !std::mem::replace(&mut self.notified.lost_presses, true) {
                    let host = self.login.endpoint();
                    let text = format!(
                        "`{name}` was pressed while the console at {host} is away; it will not be pressed later"
                    );
                    self.notify(Notice::warning("lost-press", text), out);
                }
            }
            Taken::TooMany => {
                let text =
                    format!("more presses than the console is sent a second: one of `{name}` was left out");
                self.notify(Notice::warning("too-many", text), out);
            }
        }
    }
}

/// Whether the console in use has the target of a channel.
#[inline]
pub(super) fn is_there(login: &Login, settings: &Config, address: &Address) -> bool {
    let console = login.console();
    match address {
        Address::Executor(executor, part) => {
            let is_key = matches!(
                part,
                ExecutorPart::Upper | ExecutorPart::Lower | ExecutorPart::Flash | ExecutorPart::Button
            );
            poll::exists(console, executor.number.get()) && (!is_key || watch::key(console, *part).is_some())
        }
        Address::Key(key) => {
            let by_lua = key.hardkey.is_some() && console != Some(ConsoleFamily::Dot2);
            match settings.cmdline {
                Cmdline::Remote => key.web.is_some(),
                Cmdline::Console => by_lua,
                Cmdline::Downgrade => by_lua || key.web.is_some(),
            }
        }
        Address::Command(_) | Address::Encoder(..) | Address::Led(_) | Address::Confirm(_) => true,
    }
}
