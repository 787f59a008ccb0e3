//! Output: turns values into messages, in order and no faster than the device can receive them.

use crosspatch_core::{Instant, Slot, Value};

use super::super::address::{Address, System, TimeCodePart, Voice, is_cue};
use super::super::wire::{Message, Parser, SysEx, U4, U7, U14};
use super::parameter::controllers;
use super::queue::QueuedMessage;
use super::show_control::ShowControlCommand;
use super::{Alarm, Echo, PatternState, QUIET, Release, SETTLED, TimeCode, Translator};
use crate::shared::echo::{ECHO, MAX_GENERATIONS, MAX_HELD_BACK, OWN_WORD};

/// Sends a message.
type SendMessage<'s> = &'s mut dyn FnMut(&Message<'_>);

impl Translator {
    /// Sets values of channels, with a [generation](crosspatch_core::Outbox::generation). [`flush`](Self::flush) sends the
    /// resulting messages.
    pub fn set(&mut self, now: Instant, values: &[(Slot, Value)], generation: u8) {
        for (slot, value) in values {
            self.set_one(now, *slot, value, generation);
        }
        (0..self.patterns.len()).for_each(|at| self.finish_pattern(now, at, generation));
    }

    /// Sets the states of channels for a new receiver. This triggers no events.
    pub fn restore(&mut self, values: &[(Slot, Value)]) {
        for (slot, value) in values {
            let Some(channel) = self.channels.at(*slot).filter(|channel| channel.is_output) else { continue };
            let address = channel.address.clone();
            match (address.greatest(), &address, value.as_number()) {
                (Some(_), Address::Voice(_, Voice::AnyNote), _) | (Some(_), _, None) => {}
                (Some(greatest), _, Some(level)) => {
                    let number = self.number_of(&address, greatest, level);
                    let Some(channel) = self.channels.at(*slot) else { continue };
                    channel.want(number, level);
                    if channel.last_sent != Some(number) {
                        self.queue_number(*slot, number, false);
                    }
                }
                (None, Address::SysEx(..), _) => {
                    if let Some((at, part)) = self.pattern_of(&address) {
                        self.patterns[at].put(part, value);
                    }
                }
                (None, _, _) => {}
            }
        }
        for at in 0..self.patterns.len() {
            if self.patterns[at].is_changed.contains(&true) {
                self.patterns[at].is_changed.fill(false);
                self.queue_pattern(at);
            }
        }
    }

    fn set_one(&mut self, now: Instant, slot: Slot, value: &Value, generation: u8) {
        let Some(channel) = self.channels.at(slot).filter(|channel| channel.is_output) else { return };
        let address = channel.address.clone();
        match (address.greatest(), &address) {
            (Some(greatest), _) => {
                if let Some(level) = value.as_number() {
                    self.set_number(now, slot, self.number_of(&address, greatest, level), level, generation);
                }
            }
            // A value that circulates between two devices and has no state.
            (None, _) if generation >= MAX_GENERATIONS => {}
            (None, Address::TimeCode(TimeCodePart::Whole)) => {
                let text = value.as_text();
                if let Some(time) = text.and_then(|text| TimeCode::parse(text, self.dialect.rate)) {
                    self.queue_sysex(slot, &time.encode());
                }
            }
            (None, Address::ShowControl(command, cue)) => {
                let named = value.as_text().filter(|text| cue.is_none() && is_cue(text));
                if named.is_some() || self.is_tapped(now, slot, value, generation) {
                    let (device, format) = self.dialect.show_control;
                    let cue = named.or(cue.as_deref()).unwrap_or_default().to_owned();
                    self.queue_sysex(
                        slot,
                        &ShowControlCommand { device, format, command: *command, cue }.encode(),
                    );
                }
            }
            (None, Address::SysEx(..)) => {
                let is_plain =
                    self.pattern_of(&address).is_some_and(|(at, _)| self.patterns[at].values.is_empty());
                if !is_plain {
                    self.set_part(now, &address, value, generation);
                } else if let (true, Some((at, _))) =
                    (self.is_tapped(now, slot, value, generation), self.pattern_of(&address))
                {
                    let data = self.dialect.sysex[at].1.encode(&[]);
                    self.queue_sysex(slot, &data);
                }
            }
            (None, Address::System(system)) => {
                if let (true, Some(message)) = (self.is_tapped(now, slot, value, generation), plain(*system))
                {
                    self.queue_message(slot, &message);
                }
            }
            (None, Address::Voice(..) | Address::TimeCode(_)) => {}
        }
    }

    /// Whether a value triggers a channel without a state. An event of the device is not sent back to it.
    fn is_tapped(&mut self, now: Instant, slot: Slot, value: &Value, generation: u8) -> bool {
        let echo = self.dialect.echo;
        let Some(channel) = self.channels.at(slot) else { return false };
        let was_pressed = channel.wanted == Some(1);
        let is_repeated = channel.want(value.is_pressed().into(), value.as_number().unwrap_or_default());
        let is_reflection = echo != Echo::On && channel.last_received == Some((now, 1));
        let is_tapped = value.is_pressed() && (!was_pressed || is_repeated) && !is_reflection;
        if is_tapped {
            channel.generation = generation;
            channel.send(now, 1);
        }
        is_tapped
    }

    fn set_number(&mut self, now: Instant, slot: Slot, number: u16, level: f64, generation: u8) {
        let echo = self.dialect.echo;
        let Some(channel) = self.channels.at(slot) else { return };
        let is_same = channel.wanted == Some(number) && channel.last_sent == Some(number);
        let is_repeated = channel.want(number, level);
        let is_reflection = match echo {
            Echo::On => false,
            Echo::Off if channel.is_own_word(now, number) => true,
            Echo::Off | Echo::Settle => channel.last_received == Some((now, number)),
        };
        let is_strike = matches!(channel.address, Address::Voice(_, Voice::AnyNote));
        let is_unseen = is_same && !is_repeated && !is_strike;
        if is_reflection || channel.is_moving || is_unseen {
            return;
        }
        channel.generation = generation;
        if generation < MAX_GENERATIONS {
            channel.send(now, number);
            self.queue_number(slot, number, is_repeated);
        } else if generation <= MAX_HELD_BACK {
            channel.is_moving = true;
            self.alarms.insert((now + QUIET, slot, Alarm::Settled));
        }
    }

    /// Queues a number. Presses, releases and repetitions are all sent. A fader's level replaces one that waits. In a long queue,
    /// only the last two edges of a button wait.
    fn queue_number(&mut self, slot: Slot, number: u16, is_repeated: bool) {
        let is_long = self.queue.is_long();
        let Some(channel) = self.channels.at(slot) else { return };
        if let Some(waiting) = self.queue.waiting_number(channel.ticket) {
            let last = *waiting;
            let is_edge = match is_long {
                true => (last == 0) != (number == 0),
                false => is_repeated || channel.is_repeat || channel.is_edge(number) || channel.is_edge(last),
            };
            if !is_edge {
                *waiting = number;
                return;
            }
            if is_long && let Some(earlier) = self.queue.waiting_number(channel.earlier) {
                *earlier = last;
                self.queue.waiting_number(channel.ticket).into_iter().for_each(|waiting| *waiting = number);
                return;
            }
        }
        channel.is_repeat = is_repeated;
        channel.earlier = channel.ticket.replace(self.queue.push(QueuedMessage::Number(slot, number)));
    }

    /// Queues a message of a channel without a state. In a long queue, only the last one of each channel waits.
    fn queue_message(&mut self, slot: Slot, message: &Message<'_>) {
        let mut bytes = Vec::with_capacity(message.encoded_len());
        message.encode(&mut bytes);
        let is_long = self.queue.is_long();
        let Some(channel) = self.channels.at(slot) else { return };
        match self.queue.waiting(channel.ticket).filter(|_| is_long) {
            Some(waiting) => *waiting = QueuedMessage::Messages(bytes.into()),
            None => channel.ticket = Some(self.queue.push(QueuedMessage::Messages(bytes.into()))),
        }
    }

    fn queue_sysex(&mut self, slot: Slot, data: &[u8]) {
        if let Some(sysex) = SysEx::new(data) {
            self.queue_message(slot, &Message::SysEx(sysex));
        }
    }

    /// The message of the options that a channel belongs to, and the index of its value.
    fn pattern_of(&self, address: &Address) -> Option<(usize, usize)> {
        self.patterns
            .iter()
            .enumerate()
            .find_map(|(at, state)| Some((at, state.addresses.iter().position(|known| known == address)?)))
    }

    /// Sets a value of a message with several values. The message is queued when all of them are set.
    fn set_part(&mut self, now: Instant, address: &Address, value: &Value, generation: u8) {
        let Some((at, part)) = self.pattern_of(address) else { return };
        if self.patterns[at].is_changed.get(part) == Some(&true) {
            self.finish_pattern(now, at, generation);
        }
        self.patterns[at].put(part, value);
    }

    /// Queues the messages whose values have been set.
    fn finish_pattern(&mut self, now: Instant, at: usize, generation: u8) {
        let state = &mut self.patterns[at];
        if !state.is_changed.contains(&true) {
            return;
        }
        state.is_changed.fill(false);
        let is_repeated = std::mem::take(&mut state.is_repeated);
        if self.queue.is_long() {
            return self.queue_pattern(at);
        }
        let data = self.dialect.sysex[at].1.encode(&state.values);
        let is_own_word = state.received_at.is_some_and(|heard| now.since(heard) < OWN_WORD);
        let is_news = state.last_sent.as_ref() != Some(&data) || (is_repeated && !is_own_word);
        if let (Some(sysex), true) = (SysEx::new(&data), is_news) {
            (state.generation, state.received_at) = (generation, None);
            state.echoes.send(now, &data, ECHO);
            let mut bytes = Vec::with_capacity(data.len() + 2);
            Message::SysEx(sysex).encode(&mut bytes);
            self.queue.push(QueuedMessage::Messages(bytes.into()));
            (state.last_sent, state.is_queued) = (Some(data), false);
        }
    }

    fn queue_pattern(&mut self, at: usize) {
        if !std::mem::replace(&mut self.patterns[at].is_queued, true) {
            self.queue.push(QueuedMessage::Pattern(at));
        }
    }

    /// Sends the position of faders that have stopped moving.
    pub(super) fn settle(&mut self, now: Instant, slot: Slot) {
        let Some(channel) = self.channels.at(slot).filter(|channel| channel.is_moving) else { return };
        let settled_at = channel.last_received.map_or(now, |(at, _)| at + SETTLED);
        if settled_at > now {
            self.alarms.insert((settled_at, slot, Alarm::Settled));
            return;
        }
        (channel.is_moving, channel.last_sent) = (false, None);
        if let Some(number) = channel.wanted {
            channel.send(now, number);
            self.queue_number(slot, number, false);
        }
    }
}

impl PatternState {
    /// Sets one of its values.
    fn put(&mut self, part: usize, value: &Value) {
        if let (Some(known), Some(is_changed)) = (self.values.get_mut(part), self.is_changed.get_mut(part)) {
            self.is_repeated |= known == value;
            (*known, *is_changed) = (value.clone(), true);
        }
    }
}

/// Sending.
impl Translator {
    /// Sends the messages that the device can receive now.
    pub fn flush(&mut self, now: Instant, send: SendMessage<'_>) {
        while let Some(item) = self.queue.pop(now) {
            let mut bytes = 0;
            self.send_item(now, &item, &mut |message| {
                bytes += message.encoded_len();
                send(message);
            });
            self.queue.sent(now, bytes);
        }
    }

    fn send_item(&mut self, now: Instant, item: &QueuedMessage, send: SendMessage<'_>) {
        match item {
            // A fader that has begun to move is sent its position when it has stopped.
            QueuedMessage::Number(slot, number)
                if self.channels.at(*slot).is_some_and(|channel| !channel.is_moving) =>
            {
                self.send_number(*slot, *number, send);
            }
            QueuedMessage::Number(..) => {}
            QueuedMessage::Pattern(at) => {
                let state = &mut self.patterns[*at];
                let data = self.dialect.sysex[*at].1.encode(&state.values);
                state.is_queued = false;
                if let (Some(sysex), true) = (SysEx::new(&data), state.last_sent.as_ref() != Some(&data)) {
                    send(&Message::SysEx(sysex));
                    state.last_sent = Some(data);
                }
            }
            QueuedMessage::Messages(bytes) => Parser::default().push(bytes, |message| {
                if let Ok(message) = message {
                    send(&message);
                }
            }),
            QueuedMessage::Pause(pause) => self.queue.wait(now, *pause),
        }
    }

    fn send_number(&mut self, slot: Slot, number: u16, send: SendMessage<'_>) {
        let dialect = self.dialect.clone();
        let Some(channel) = self.channels.at(slot) else { return };
        if let Address::Voice(at, Voice::AnyNote) = channel.address {
            let sounding = std::mem::replace(&mut channel.last_sent, (number > 0).then_some(number));
            if let Some(note) = sounding {
                send(&released(at, U7::masked(note), dialect.release));
            }
            if number > 0 {
                send(&Message::NoteOn { channel: at, note: U7::masked(number), velocity: U7::MAX });
            }
            return;
        }
        channel.last_sent = Some(number);
        let (value, wide) = (U7::masked(number), U14::masked(number));
        match channel.address {
            Address::Voice(channel, voice) => match voice {
                Voice::Control(controller) => send(&Message::ControlChange { channel, controller, value }),
                Voice::Pair(pair) => {
                    for (controller, value) in [(pair.get(), wide.msb()), (pair.get() + 32, wide.lsb())] {
                        send(&Message::ControlChange { channel, controller: U7::masked(controller), value });
                    }
                }
                Voice::Note(note) if number == 0 => send(&released(channel, note, dialect.release)),
                Voice::Note(note) => send(&Message::NoteOn { channel, note, velocity: value }),
                Voice::Pressure(note) => send(&Message::PolyPressure { channel, note, pressure: value }),
                Voice::Aftertouch => send(&Message::ChannelPressure { channel, pressure: value }),
                Voice::Pitch => send(&Message::PitchBend { channel, bend: wide }),
                Voice::Program => send(&Message::ProgramChange { channel, program: value }),
                Voice::Rpn(parameter) | Voice::Nrpn(parameter) => {
                    let data = if dialect.is_short {
                        (U7::of_level(wide.level()), None)
                    } else {
                        (wide.msb(), Some(wide.lsb()))
                    };
                    let is_registered = matches!(voice, Voice::Rpn(_));
                    for (controller, value) in controllers(is_registered, parameter, data, dialect.deselects)
                    {
                        send(&Message::ControlChange { channel, controller, value });
                    }
                }
                Voice::AnyNote => {}
            },
            Address::System(System::SongPosition) => send(&Message::SongPosition(wide)),
            Address::System(System::Song) => send(&Message::SongSelect(value)),
            Address::System(_) | Address::TimeCode(_) | Address::ShowControl(..) | Address::SysEx(..) => {}
        }
    }
}

fn released(channel: U4, note: U7, release: Release) -> Message<'static> {
    match release {
        Release::NoteOn => Message::NoteOn { channel, note, velocity: U7::default() },
        Release::NoteOff(velocity) => Message::NoteOff { channel, note, velocity },
    }
}

/// The message of a channel without a state.
fn plain(system: System) -> Option<Message<'static>> {
    Some(match system {
        System::Clock => Message::Clock,
        System::Start => Message::Start,
        System::Continue => Message::Continue,
        System::Stop => Message::Stop,
        System::TuneRequest => Message::TuneRequest,
        System::Reset => Message::Reset,
        System::SongPosition | System::Song => return None,
    })
}
