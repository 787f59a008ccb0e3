//! A running JACK instance: a client, a translator for each of its MIDI ports, and the CV ports.

use std::sync::Arc;

use crosspatch_core::{
    Backoff, Closed, Condition, Direction, Duration, Instant, Jack, JackEvent, NextTry, Notice, Outbox, Peer,
    Port, PortSpec, Session, Slot, Status, Value,
};

use super::options::{Config, SignalKind};
use crate::midi::detect::record_unmapped;
use crate::midi::translate::{HeldKeys, Translator};
use crate::midi::wire::Parser;
use crate::shared::unmapped::Unmapped;

/// The client.
const CLIENT: Port = Port(0);

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The running state of an instance.
pub(super) struct JackSession {
    config: Arc<Config>,
    /// In the order of the configuration, which is that of their numbers.
    lines: Vec<PortTranslation>,
    unmapped: Unmapped,
    /// The bytes of the message that is being sent.
    message: Vec<u8>,
    backoff: Backoff,
    /// When the client is to be opened again.
    retry_at: Option<Instant>,
    condition: Condition,
}

/// What is known of a port.
enum PortTranslation {
    MidiIn(Translator, Parser, Box<HeldKeys>),
    MidiOut(Translator),
    Cv { slot: Option<Slot>, direction: Direction, min: f64, max: f64 },
}

impl JackSession {
    /// The session of an instance.
    pub(super) fn new(config: Arc<Config>) -> Self {
        let translator = || Translator::new(config.dialect.clone());
        let lines = config.ports.iter().map(|port| match (port.kind, port.direction) {
            (SignalKind::Midi, Direction::Input) => {
                PortTranslation::MidiIn(translator(), Parser::default(), Box::default())
            }
            (SignalKind::Midi, Direction::Output) => PortTranslation::MidiOut(translator()),
            (SignalKind::Cv(min, max), direction) => PortTranslation::Cv { slot: None, direction, min, max },
        });
        Self {
            lines: lines.collect(),
            unmapped: Unmapped::new("jack-unmapped"),
            message: Vec::new(),
            backoff: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE, &config.name),
            retry_at: None,
            condition: Condition::Starting,
            config,
        }
    }

    fn open(&mut self, out: &mut Outbox) {
        self.retry_at = None;
        let (client, server) = (self.config.client.clone(), self.config.server.clone());
        let ports = self.config.ports.iter().map(super::options::PortConfig::spec).collect();
        out.open(CLIENT, PortSpec::Jack(Jack { client, server, ports }));
    }

    /// The translators of the ports that are sent to.
    fn outputs(&mut self) -> impl Iterator<Item = &mut Translator> {
        self.lines.iter_mut().filter_map(|line| match line {
            PortTranslation::MidiOut(translator) => Some(translator),
            PortTranslation::MidiIn(..) | PortTranslation::Cv { .. } => None,
        })
    }

    /// Hands out what the ports can take.
    fn flush(&mut self, now: Instant, out: &mut Outbox) {
        if !self.condition.is_working() {
            return;
        }
        let Self { lines, message: bytes, .. } = self;
        for (number, line) in (0..).zip(lines) {
            if let PortTranslation::MidiOut(translator) = line {
                translator.flush(now, &mut |message| {
                    bytes.clear();
                    message.encode(bytes);
                    out.send(CLIENT, Peer::Only, |out| JackEvent::Midi(bytes).encode(number, out));
                });
            }
        }
    }

    fn send_cv(&self, values: &[(Slot, Value)], out: &mut Outbox) {
        for (number, line) in (0..).zip(&self.lines) {
            let PortTranslation::Cv { slot: Some(slot), direction: Direction::Output, min, max } = line
            else {
                continue;
            };
            let last = values.iter().rev().find(|(at, value)| at == slot && value.as_number().is_some());
            if let Some(level) = last.and_then(|(_, value)| value.as_number()) {
                let voltage = JackEvent::Cv((min + level * (max - min)) as f32);
                out.send(CLIENT, Peer::Only, |out| voltage.encode(number, out));
            }
        }
    }

    fn server(&self) -> String {
        self.config
            .server
            .as_deref()
            .map_or_else(|| "JACK".to_owned(), |name| format!("JACK server `{name}`"))
    }
}

impl Session for JackSession {
    fn bind(&mut self, slot: Slot, address: &str, direction: Direction) {
        let Some((at, rest)) = self.config.find(address) else { return };
        match (&mut self.lines[at], rest) {
            (PortTranslation::MidiIn(translator, ..) | PortTranslation::MidiOut(translator), Some(rest)) => {
                translator.bind(slot, rest, direction);
            }
            (PortTranslation::Cv { slot: bound, .. }, _) => *bound = Some(slot),
            (PortTranslation::MidiIn(..) | PortTranslation::MidiOut(_), None) => {}
        }
    }

    fn unbind(&mut self, slot: Slot, direction: Direction) {
        for line in &mut self.lines {
            match line {
                PortTranslation::MidiIn(translator, ..) | PortTranslation::MidiOut(translator) => {
                    translator.unbind(slot, direction)
                }
                PortTranslation::Cv { slot: bound, .. } => {
                    bound.take_if(|bound| *bound == slot);
                }
            }
        }
    }

    fn start(&mut self, _now: Instant, out: &mut Outbox) {
        self.open(out);
    }

    fn handle_rebind(&mut self, _now: Instant, _out: &mut Outbox) {
        self.unmapped.clear();
    }

    fn handle_open(&mut self, now: Instant, _port: Port, _peer: Peer, out: &mut Outbox) {
        self.condition = Condition::Working;
        self.backoff.reset();
        out.notice(Notice::info("jack-server", format!("connected to {}", self.server())));
        for translator in self.outputs() {
            translator.set_blocked(false);
            translator.begin();
        }
        out.recall();
        // The initial messages of the options do not wait for any state.
        self.flush(now, out);
    }

    fn handle_close(&mut self, now: Instant, _port: Port, _peer: Peer, reason: Closed, out: &mut Outbox) {
        let was_open = self.condition.is_working();
        let is_first = self.backoff.failures() == 0;
        let pause = self.backoff.retry_pause(now);
        if was_open || is_first {
            let server = self.server();
            let text = match (&reason, was_open) {
                (Closed::ByPeer, true) => format!("{server} is gone"),
                (Closed::Refused, false) => format!("{server} is not running"),
                _ => format!("cannot connect to {server}: {reason}"),
            };
            out.notice(Notice::warning("jack-server", format!("{text}; {}", NextTry { pause })));
        }
        self.retry_at = Some(now + pause);
        self.condition.handle_close(now, &reason);
        for line in &mut self.lines {
            if let PortTranslation::MidiIn(translator, parser, held) = line {
                translator.forget();
                parser.reset();
                let messages = held.release(&HeldKeys::default());
                if self.config.dialect.releases_lost {
                    messages.for_each(|message| {
                        translator.receive(now, &message, out);
                    });
                }
            }
        }
    }

    fn handle_data(&mut self, now: Instant, _port: Port, _from: Peer, data: &[u8], out: &mut Outbox) {
        let Some((number, event)) = JackEvent::decode(data) else { return };
        let Self { lines, unmapped, config, .. } = self;
        match (lines.get_mut(usize::from(number)), event) {
            (Some(PortTranslation::MidiIn(translator, parser, held)), JackEvent::Midi(bytes)) => {
                parser.push(bytes, |message| match message {
                    Ok(message) => {
                        held.record(&message);
                        if !translator.receive(now, &message, out) && unmapped.has_room() {
                            let prefix = format!("{}.", config.ports[usize::from(number)].name);
                            record_unmapped(unmapped, &prefix, &message, Peer::Only, out);
                        }
                    }
                    Err(error) => {
                        let text = format!("ignored malformed MIDI: {error}");
                        out.notice(Notice::warning("jack-garbage", text));
                    }
                });
            }
            (
                Some(PortTranslation::Cv { slot: Some(slot), direction: Direction::Input, min, max }),
                JackEvent::Cv(voltage),
            ) if voltage.is_finite() => {
                out.emit(*slot, (f64::from(voltage) - *min) / (*max - *min));
            }
            // Whoever has just been connected knows nothing of what was sent before.
            (Some(PortTranslation::MidiOut(translator)), JackEvent::Joined) => {
                translator.begin();
                out.recall();
                self.flush(now, out);
            }
            (Some(PortTranslation::MidiOut(translator)), JackEvent::Missed) => {
                translator.doubt();
                out.recall();
            }
            _ => {}
        }
    }

    fn handle_full(&mut self, _now: Instant, _port: Port, _peer: Peer, _out: &mut Outbox) {
        self.outputs().for_each(|translator| translator.set_blocked(true));
    }

    fn handle_writable(&mut self, now: Instant, _port: Port, _peer: Peer, out: &mut Outbox) {
        self.outputs().for_each(|translator| translator.set_blocked(false));
        self.flush(now, out);
    }

    fn handle_values(&mut self, now: Instant, values: &[(Slot, Value)], out: &mut Outbox) {
        if self.condition.is_working() {
            self.outputs().for_each(|translator| translator.set(now, values, out.generation()));
            self.flush(now, out);
            self.send_cv(values, out);
        }
    }

    fn handle_recall(&mut self, now: Instant, values: &[(Slot, Value)], out: &mut Outbox) {
        if self.condition.is_working() {
            self.outputs().for_each(|translator| translator.restore(values));
            self.flush(now, out);
            self.send_cv(values, out);
        }
    }

    fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) {
        if self.retry_at.is_some_and(|at| at <= now) {
            self.open(out);
        }
        for line in &mut self.lines {
            if let PortTranslation::MidiIn(translator, ..) | PortTranslation::MidiOut(translator) = line {
                translator.handle_timeout(now, out);
            }
        }
        self.flush(now, out);
    }

    fn status(&self) -> Status {
        let mut status = Status::default();
        status.add(self.server(), "", self.condition.clone());
        status
    }

    fn next_timeout(&self) -> Option<Instant> {
        let translators = self.lines.iter().filter_map(|line| match line {
            PortTranslation::MidiIn(translator, ..) => translator.next_timeout(),
            // Without a server nothing can be sent, whatever is due.
            PortTranslation::MidiOut(translator) => {
                translator.next_timeout().filter(|_| self.condition.is_working())
            }
            PortTranslation::Cv { .. } => None,
        });
        translators.chain(self.retry_at).min()
    }
}
