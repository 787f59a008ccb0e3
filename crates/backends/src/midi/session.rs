//! A running MIDI instance: its own port, which other programs can connect to, and connections to the devices of the options
//! whenever they are present.

use std::sync::Arc;

use crosspatch_core::{
    Backoff, Closed, Condition, Direction, Duration, Instant, Midi, MidiDevice, MidiLink, NextTry, Notice,
    Outbox, Peer, Port, PortSpec, Session, Slot, Status, Value,
};

use crate::shared::detect::Detector;
use crate::shared::unmapped::Unmapped;

use super::detect::{describe_channel, record_unmapped};
use super::options::Config;
use super::translate::{HeldKeys, Translator};
use super::wire::Parser;

/// The instance's own port.
const OWN: Port = Port(0);
/// The device of the option `read`.
const READ: Port = Port(1);
/// The device of the option `write`, or any receiver.
const WRITE: Port = Port(2);

/// How long a device may be missing before it is reported.
const MISSING: Duration = Duration::from_secs(1);

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The running state of an instance.
pub(crate) struct MidiSession {
    config: Arc<Config>,
    translator: Translator,
    detector: Detector,
    unmapped: Unmapped,
    /// The parsers of the own port and of the device of `read`. They are separate, because their messages may interleave.
    parsers: [Parser; 2],
    /// The keys that each of them holds.
    held: [HeldKeys; 2],
    links: [DeviceLink; 2],
    backoff: Backoff,
    /// When the own port is reopened.
    retry_at: Option<Instant>,
    condition: Condition,
}

/// A device of the options.
struct DeviceLink {
    port: Port,
    direction: Direction,
    device: Option<MidiDevice>,
    /// When to report the device as missing.
    missing_at: Option<Instant>,
    condition: Condition,
}

impl MidiSession {
    /// The session of an instance.
    pub(crate) fn new(config: Arc<Config>) -> Self {
        let link = |port, direction, device: &Option<MidiDevice>| DeviceLink {
            port,
            direction,
            device: device.clone(),
            missing_at: None,
            condition: Condition::Starting,
        };
        Self {
            translator: Translator::new(config.dialect.clone()),
            detector: Detector::new("midi-detect"),
            unmapped: Unmapped::new("midi-unmapped"),
            parsers: Default::default(),
            held: Default::default(),
            links: [
                link(READ, Direction::Input, &config.read),
                link(WRITE, Direction::Output, &config.write),
            ],
            backoff: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE, &config.name),
            retry_at: None,
            condition: Condition::Starting,
            config,
        }
    }

    fn open(&mut self, out: &mut Outbox) {
        self.retry_at = None;
        let (client, name) = (self.config.client.clone(), self.config.name.clone());
        out.open(OWN, PortSpec::Midi(Midi { client, name }));
    }

    /// Whether there is a receiver.
    fn has_receiver(&self) -> bool {
        self.links[1].condition.is_working()
    }

    /// Releases the keys that are held at a port that was lost, unless the options say that they stay.
    fn release(&mut self, now: Instant, port: Port, out: &mut Outbox) {
        let [own, read] = &mut self.held;
        let (gone, other) = if port == READ { (read, own) } else { (own, read) };
        let messages = gone.release(other);
        if self.config.dialect.releases_lost {
            messages.for_each(|message| {
                self.translator.receive(now, &message, out);
            });
        }
    }

    fn flush(&mut self, now: Instant, out: &mut Outbox) {
        self.translator.flush(now, &mut |message| out.send(OWN, Peer::Only, |bytes| message.encode(bytes)));
    }
}

impl Session for MidiSession {
    fn bind(&mut self, slot: Slot, address: &str, direction: Direction) {
        self.translator.bind(slot, address, direction);
    }

    fn unbind(&mut self, slot: Slot, direction: Direction) {
        self.translator.unbind(slot, direction);
    }

    fn start(&mut self, _now: Instant, out: &mut Outbox) {
        self.open(out);
    }

    fn handle_rebind(&mut self, _now: Instant, _out: &mut Outbox) {
        self.unmapped.clear();
    }

    fn handle_open(&mut self, now: Instant, port: Port, _peer: Peer, out: &mut Outbox) {
        if port == OWN {
            if self.backoff.failures() > 0 {
                out.notice(Notice::info("midi-port", "MIDI works again"));
            }
            self.backoff.reset();
            self.condition = Condition::Working;
            for link in self.links.iter_mut().filter(|link| link.is_wanted()) {
                link.missing_at = link.device.as_ref().map(|_| now + MISSING);
                link.open(out);
            }
            return;
        }
        let Some(link) = self.links.iter_mut().find(|link| link.port == port) else { return };
        link.missing_at = None;
        link.condition = Condition::Working;
        if let Some(device) = &link.device {
            out.notice(Notice::info("midi-device", format!("{} `{device}`", link.verb())));
        }
        if port == WRITE {
            self.translator.set_blocked(false);
            self.translator.begin();
            out.recall();
            // The initial messages of the options do not wait for any state.
            self.flush(now, out);
        }
    }

    fn handle_close(&mut self, now: Instant, port: Port, _peer: Peer, reason: Closed, out: &mut Outbox) {
        self.parsers[usize::from(port == READ)].reset();
        if port == OWN {
            let is_first = self.backoff.failures() == 0;
            let pause = self.backoff.retry_pause(now);
            if is_first {
                let text = format!("cannot open MIDI: {reason}; {}", NextTry { pause });
                out.notice(Notice::warning("midi-port", text));
            }
            self.retry_at = Some(now + pause);
            self.condition.handle_close(now, &reason);
            for link in &mut self.links {
                link.missing_at = None;
                link.condition = Condition::Starting;
            }
            self.release(now, OWN, out);
            self.release(now, READ, out);
            return;
        }
        let [read, write] = &mut self.links;
        let (link, other) = if port == READ { (read, write) } else { (write, read) };
        let was_open = link.condition.is_working();
        link.condition.handle_close(now, &reason);
        // A device that is listened to and sent to goes twice and is reported once.
        let is_told = link.device == other.device && !other.condition.is_working();
        if let (Some(device), true, false) = (&link.device, was_open, is_told) {
            out.notice(Notice::warning("midi-device", format!("`{device}` is gone; waiting for it")));
        }
        link.open(out);
        if port == READ {
            self.translator.forget();
            self.release(now, READ, out);
        }
    }

    fn handle_data(&mut self, now: Instant, port: Port, _from: Peer, data: &[u8], out: &mut Outbox) {
        let Self { translator, detector, unmapped, parsers, held, config, .. } = self;
        let source = usize::from(port == READ);
        parsers[source].push(data, |message| match message {
            Ok(message) => {
                held[source].record(&message);
                let is_mapped = translator.receive(now, &message, out);
                if config.detects
                    && let Some((address, shown)) = describe_channel(&message)
                {
                    detector.record(now, address.as_bytes(), Peer::Only, &shown, out);
                } else if !is_mapped {
                    record_unmapped(unmapped, "", &message, Peer::Only, out);
                }
            }
            Err(error) => {
                out.notice(Notice::warning("midi-garbage", format!("ignored malformed MIDI: {error}")))
            }
        });
    }

    fn handle_full(&mut self, _now: Instant, _port: Port, _peer: Peer, _out: &mut Outbox) {
        self.translator.set_blocked(true);
    }

    fn handle_writable(&mut self, now: Instant, _port: Port, _peer: Peer, out: &mut Outbox) {
        self.translator.set_blocked(false);
        self.flush(now, out);
    }

    fn handle_values(&mut self, now: Instant, values: &[(Slot, Value)], out: &mut Outbox) {
        if self.has_receiver() {
            self.translator.set(now, values, out.generation());
            self.flush(now, out);
        }
    }

    fn handle_recall(&mut self, now: Instant, values: &[(Slot, Value)], out: &mut Outbox) {
        if self.has_receiver() {
            self.translator.restore(values);
            self.flush(now, out);
        }
    }

    fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) {
        if self.retry_at.is_some_and(|at| at <= now) {
            self.open(out);
        }
        let due = |link: &mut DeviceLink| {
            link.missing_at.take_if(|at| *at <= now)?;
            link.condition.set_missing(now, "not connected".to_owned(), false);
            link.device.clone()
        };
        let [read, write] = self.links.each_mut().map(due);
        let write = write.filter(|device| read.as_ref() != Some(device));
        for device in read.into_iter().chain(write) {
            out.notice(Notice::warning(
                "midi-device",
                format!("`{device}` is not connected; waiting for it"),
            ));
        }
        self.translator.handle_timeout(now, out);
        self.flush(now, out);
        self.detector.handle_timeout(now, out);
    }

    fn status(&self) -> Status {
        let mut status = Status::default();
        status.add("MIDI", "", self.condition.clone());
        for link in &self.links {
            if let Some(device) = &link.device {
                status.add(device.to_string(), link.verb(), link.condition.clone());
            }
        }
        status
    }

    fn next_timeout(&self) -> Option<Instant> {
        let missing = self.links.iter().filter_map(|link| link.missing_at);
        let others = [self.retry_at, self.translator.next_timeout(), self.detector.next_timeout()];
        missing.chain(others.into_iter().flatten()).min()
    }
}

impl DeviceLink {
    /// Whether there is something to wait for: a device or a receiver.
    fn is_wanted(&self) -> bool {
        self.device.is_some() || self.direction == Direction::Output
    }

    fn open(&self, out: &mut Outbox) {
        let (direction, device) = (self.direction, self.device.clone());
        out.open(self.port, PortSpec::MidiLink(MidiLink { own: OWN, direction, device }));
    }

    fn verb(&self) -> &'static str {
        match self.direction {
            Direction::Input => "listening to",
            Direction::Output => "sending to",
        }
    }
}
