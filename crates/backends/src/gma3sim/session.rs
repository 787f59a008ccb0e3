//! A running simulated grandMA3: handles messages, performs the actions of a person at the console, and reports
//! changes.

use std::collections::{BTreeSet, HashMap};

use crosspatch_core::{
    Closed, Direction, Instant, Notice, Outbox, Peer, Port, PortSpec, Slot, Status, Udp, Value, parse_color,
};

use super::address::{Address, ExecutorNumber};
use super::command::Outcome;
use super::content;
use super::feedback::{self, PORT};
use super::options::Config;
use super::plugin::Plugin;
use super::show::{Function, Show};
use super::target::{ExecutorControl, MessageTarget};
use crate::osc::wire::{Argument, Message, Packet};
use crate::shared::reconnecting_port::ReconnectingPort;

/// The variable and value that request the complete state from the plugin.
const REFRESH: (&str, &str) = ("crosspatch", "refresh");
/// Command lines and names longer than this are truncated.
const MOST_LETTERS: usize = 1000;

/// A simulated grandMA3.
pub(super) struct Session {
    settings: Config,
    show: Show,
    plugin: Option<Plugin>,
    port: ReconnectingPort,
    inputs: HashMap<Address, Slot>,
    outputs: HashMap<Slot, Address>,
    /// The keys that are held through OSC.
    held: BTreeSet<ExecutorNumber>,
}

impl Session {
    pub(super) fn new(settings: Config) -> Self {
        let spec = PortSpec::Udp(Udp { broadcast: true, ..Udp::new(settings.listen.clone()) });
        Self {
            show: content::show(),
            plugin: settings.has_plugin.then(Plugin::default),
            port: ReconnectingPort::new(&settings.name, PORT, spec, "gma3sim-port"),
            inputs: HashMap::new(),
            outputs: HashMap::new(),
            held: BTreeSet::new(),
            settings,
        }
    }

    fn emit(&self, address: Address, value: impl Into<Value>, out: &mut Outbox) {
        if let Some(slot) = self.inputs.get(&address) {
            out.emit(*slot, value);
        }
    }

    fn handle_message(&mut self, now: Instant, message: &Message<'_>, out: &mut Outbox) {
        let address = message.address().to_text();
        let Config { prefix, version, .. } = &self.settings;
        let target =
            address.strip_prefix(&**prefix).and_then(|path| MessageTarget::parse(path, version.sequences()));
        let Some(target) = target else {
            return out.notice(Notice::info(
                "not-for-us",
                format!("`{address}` is not an address of this console"),
            ));
        };
        let is_command = target == MessageTarget::Command;
        let is_taken = if is_command { self.settings.receives_commands } else { self.settings.receives };
        if !is_taken {
            let column = if is_command { "receive-command" } else { "receive" };
            return out.notice(Notice::warning(
                "not-received",
                format!("`{address}` is ignored: `{column}` is off"),
            ));
        }
        match target {
            MessageTarget::Command => match message.arguments().next() {
                Some(Argument::String(text) | Argument::Symbol(text)) => {
                    let line: String = text.to_text().chars().take(MOST_LETTERS).collect();
                    self.emit(Address::Command, &*line, out);
                    self.execute(now, &line, out);
                }
                Some(_) | None => out.notice(Notice::warning("bad-value", "`/cmd` needs a string")),
            },
            MessageTarget::Executor(page, control, executor) => {
                let place = ExecutorNumber { page: page.unwrap_or(self.show.page), executor };
                match message.arguments().next().and_then(number) {
                    Some(number) => self.touch(place, control, number, out),
                    None => out.notice(Notice::warning("bad-value", format!("`{address}` needs a number"))),
                }
            }
            MessageTarget::Sequence(sequence) => {
                let mut arguments = message.arguments();
                let function = match arguments.next() {
                    Some(Argument::String(text) | Argument::Symbol(text)) => text.to_text(),
                    Some(_) | None => "".into(),
                };
                let (second, third) = (arguments.next().and_then(number), arguments.next());
                if !self.play(sequence, &function, second, third) {
                    let text = format!("`{address}` needs a function and numbers, such as \"Go+\" 1");
                    out.notice(Notice::warning("bad-value", text));
                }
            }
        }
    }

    fn touch(&mut self, place: ExecutorNumber, control: ExecutorControl, number: f64, out: &mut Outbox) {
        match control {
            ExecutorControl::Fader => {
                let level = (number / self.settings.fader_range).clamp(0.0, 1.0);
                if let Some(sequence) = self.show.sequence_at(place) {
                    self.show.set_level(sequence, level);
                }
                self.emit(Address::Fader(place), level, out);
            }
            ExecutorControl::Key => self.press(place, number > 0.0, out),
            ExecutorControl::Knob => {}
        }
    }

    fn press(&mut self, place: ExecutorNumber, pressed: bool, out: &mut Outbox) {
        // The sender can send any number.
        let is_key = self.show.sequence_at(place).is_some() || self.inputs.contains_key(&Address::Key(place));
        if pressed && is_key {
            self.held.insert(place);
        } else {
            self.held.remove(&place);
        }
        self.show.press(place, pressed);
        self.emit(Address::Key(place), Value::edge(pressed), out);
    }

    /// Handles a message to the address of a sequence. Returns whether it was valid.
    fn play(
        &mut self,
        sequence: u32,
        function: &str,
        second: Option<f64>,
        third: Option<Argument<'_>>,
    ) -> bool {
        if function.eq_ignore_ascii_case("FaderMaster") {
            let Some((value, third)) = third.and_then(|third| Some((number(third)?, third))) else {
                return false;
            };
            let before = self.show.sequences.get(&sequence).map_or(0.0, |sequence| sequence.level);
            let is_step = matches!(third, Argument::Int32(_));
            self.show.set_level(sequence, if is_step { before + value / 100.0 } else { value / 100.0 });
            return true;
        }
        let (Some(function), Some(pressed)) = (Function::find(function), second) else { return false };
        self.show.perform(sequence, function, pressed > 0.0);
        true
    }

    fn execute(&mut self, now: Instant, line: &str, out: &mut Outbox) {
        let name = &self.settings.name;
        match self.show.execute(line) {
            Outcome::Done => out.notice(Notice::info("command", format!("`{name}` executes `{line}`"))),
            Outcome::Variable(variable, value) => {
                if (&*variable, &*value) == REFRESH
                    && let Some(plugin) = &mut self.plugin
                {
                    plugin.refresh(now);
                }
            }
            Outcome::Taken => {
                let text = format!("`{name}` accepts `{line}`, which has no effect here");
                out.notice(Notice::info("command", text));
            }
        }
    }

    fn set(&mut self, now: Instant, address: Address, value: &Value, is_state: bool, out: &mut Outbox) {
        match (address, value) {
            (Address::Fader(place), Value::Number(level)) => {
                if let Some(sequence) = self.show.sequence_at(place) {
                    self.show.set_level(sequence, *level);
                }
            }
            (Address::Key(place), Value::Number(_)) if !is_state => {
                self.show.press(place, value.is_pressed())
            }
            (Address::Name(place), Value::Text(name)) => {
                if let Some(sequence) = self.show.sequence_mut(place) {
                    sequence.name = name.chars().take(MOST_LETTERS).collect();
                }
            }
            (Address::Color(place), Value::Text(color)) => {
                if let (Some(color), Some(sequence)) = (parse_color(color), self.show.sequence_mut(place)) {
                    let [red, green, blue, _] = color.to_be_bytes();
                    sequence.color = [red, green, blue];
                }
            }
            (Address::Command, Value::Text(line)) if !is_state => self.execute(now, line, out),
            // A number for a text channel, a text for a number channel, and events that are long past.
            (
                Address::Fader(_) | Address::Key(_) | Address::Name(_) | Address::Color(_) | Address::Command,
                Value::Number(_) | Value::Text(_),
            ) => {}
        }
    }

    /// Reports the changes made in this call.
    fn report(&mut self, now: Instant, out: &mut Outbox) {
        let mut actions = std::mem::take(&mut self.show.actions);
        feedback::report(&self.settings, &self.show, &actions, out);
        actions.clear();
        self.show.actions = actions;
        if let Some(plugin) = &mut self.plugin {
            plugin.mark(now);
        }
    }
}

/// The argument types that the console accepts as a number (manual, "SendOSC": "The supported OSC types to control
/// faders").
fn number(argument: Argument<'_>) -> Option<f64> {
    match argument {
        Argument::Int32(number) => Some(f64::from(number)),
        Argument::Float32(number) => Some(f64::from(number)).filter(|number| number.is_finite()),
        Argument::True => Some(1.0),
        Argument::False | Argument::Nil => Some(0.0),
        Argument::String(_)
        | Argument::Symbol(_)
        | Argument::Blob(_)
        | Argument::Int64(_)
        | Argument::TimeTag(_)
        | Argument::Double(_)
        | Argument::Char(_)
        | Argument::Rgba(_)
        | Argument::Midi(_)
        | Argument::Infinitum
        | Argument::ArrayBegin
        | Argument::ArrayEnd => None,
    }
}

impl crosspatch_core::Session for Session {
    fn bind(&mut self, slot: Slot, address: &str, direction: Direction) {
        // Only addresses that were checked by the instance arrive here.
        let Ok(address) = address.parse::<Address>() else { return };
        match direction {
            Direction::Input => drop(self.inputs.insert(address, slot)),
            Direction::Output => drop(self.outputs.insert(slot, address)),
        }
    }

    fn unbind(&mut self, slot: Slot, direction: Direction) {
        match direction {
            Direction::Input => self.inputs.retain(|_, bound| *bound != slot),
            Direction::Output => drop(self.outputs.remove(&slot)),
        }
    }

    fn start(&mut self, _now: Instant, out: &mut Outbox) {
        self.port.open(out);
    }

    fn handle_open(&mut self, now: Instant, _port: Port, peer: Peer, out: &mut Outbox) {
        if peer == Peer::Only {
            self.port.handle_open(out);
            let text = format!("a simulated grandMA3 is ready at {}", self.settings.listen);
            out.notice(Notice::info("listening", text));
            if let Some(plugin) = &mut self.plugin {
                plugin.refresh(now);
            }
        }
    }

    fn handle_data(&mut self, now: Instant, _port: Port, _from: Peer, data: &[u8], out: &mut Outbox) {
        match Packet::decode(data) {
            Ok(Packet::Message(message)) => self.handle_message(now, &message, out),
            Ok(Packet::Bundle(_)) => {
                let text = "an OSC bundle is ignored: a grandMA3 accepts single messages only";
                out.notice(Notice::warning("bundle", text));
            }
            Err(error) => out
                .notice(Notice::warning("bad-message", format!("ignored a packet that is not OSC: {error}"))),
        }
        self.report(now, out);
    }

    fn handle_close(&mut self, now: Instant, _port: Port, _peer: Peer, reason: Closed, out: &mut Outbox) {
        self.port.handle_close(now, &reason, out);
        // A release cannot arrive after the port has closed.
        for place in std::mem::take(&mut self.held) {
            self.press(place, false, out);
        }
        self.report(now, out);
    }

    fn handle_values(&mut self, now: Instant, values: &[(Slot, Value)], out: &mut Outbox) {
        for (slot, value) in values {
            if let Some(address) = self.outputs.get(slot).copied() {
                self.set(now, address, value, false, out);
            }
        }
        self.report(now, out);
    }

    fn handle_recall(&mut self, now: Instant, values: &[(Slot, Value)], out: &mut Outbox) {
        for (slot, value) in values {
            if let Some(address) = self.outputs.get(slot).copied() {
                self.set(now, address, value, true, out);
            }
        }
        self.report(now, out);
    }

    fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) {
        self.port.handle_timeout(now, out);
        if let Some(plugin) = &mut self.plugin {
            plugin.handle_timeout(now, &self.settings, &self.show, out);
        }
    }

    fn status(&self) -> Status {
        let mut status = Status::default();
        self.port.add_status(&mut status);
        status
    }

    fn next_timeout(&self) -> Option<Instant> {
        let plugin = self.plugin.as_ref().and_then(Plugin::next_timeout);
        self.port.retry_at().into_iter().chain(plugin).min()
    }
}
