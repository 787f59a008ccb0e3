//! Input: turns messages into values.

use crosspatch_core::{Instant, Outbox, Slot, Value};

use super::super::address::{Address, System, TimeCodePart, Voice};
use super::super::wire::{Bits, Message, U4, U7, U14};
use super::channel::MappedChannel;
use super::parameter::{DATA_LSB, DATA_MSB, DECREMENT, INCREMENT};
use super::show_control::{ALL_DEVICES, ALL_TYPES, ShowControlCommand};
use super::{Alarm, Echo, HALF, SETTLED, TimeCode, Translator};

impl Translator {
    /// Handles a received message and emits its values. Returns whether a mapping uses one of its channels.
    pub fn receive(&mut self, now: Instant, message: &Message<'_>, out: &mut Outbox) -> bool {
        self.channels.was_found = false;
        self.emit_values(now, message, out);
        self.channels.was_found
    }

    fn emit_values(&mut self, now: Instant, message: &Message<'_>, out: &mut Outbox) {
        match *message {
            Message::NoteOn { channel, note, velocity } if velocity > U7::default() => {
                self.receive_number(now, &Address::Voice(channel, Voice::Note(note)), velocity.get(), out);
                self.receive_number(now, &Address::Voice(channel, Voice::AnyNote), note.get(), out);
            }
            // The release velocity, 127 with some controllers, is not the value of the key.
            Message::NoteOn { channel, note, .. } | Message::NoteOff { channel, note, .. } => {
                self.receive_number(now, &Address::Voice(channel, Voice::Note(note)), 0, out);
            }
            Message::PolyPressure { channel, note, pressure } => {
                self.receive_number(
                    now,
                    &Address::Voice(channel, Voice::Pressure(note)),
                    pressure.get(),
                    out,
                );
            }
            Message::ControlChange { channel, controller, value } => {
                self.receive_control(now, channel, controller, value, out);
            }
            Message::ProgramChange { channel, program } => {
                self.receive_number(now, &Address::Voice(channel, Voice::Program), program.get(), out);
            }
            Message::ChannelPressure { channel, pressure } => {
                self.receive_number(now, &Address::Voice(channel, Voice::Aftertouch), pressure.get(), out);
            }
            Message::PitchBend { channel, bend } => {
                self.receive_number(now, &Address::Voice(channel, Voice::Pitch), bend.get(), out);
            }
            Message::SysEx(sysex) => self.receive_sysex(now, sysex.data(), out),
            Message::QuarterFrame(quarter) => {
                if let Some(time) = self.pieces.push(quarter) {
                    self.receive_time(time, out);
                }
            }
            Message::SongPosition(position) => {
                self.receive_number(now, &Address::System(System::SongPosition), position.get(), out);
            }
            Message::SongSelect(song) => {
                self.receive_number(now, &Address::System(System::Song), song.get(), out);
            }
            Message::TuneRequest => self.receive_tap(now, &Address::System(System::TuneRequest), out),
            Message::Clock => self.receive_tap(now, &Address::System(System::Clock), out),
            Message::Start => self.receive_tap(now, &Address::System(System::Start), out),
            Message::Continue => self.receive_tap(now, &Address::System(System::Continue), out),
            Message::Stop => self.receive_tap(now, &Address::System(System::Stop), out),
            Message::Reset => self.receive_tap(now, &Address::System(System::Reset), out),
            Message::ActiveSensing => {}
        }
    }

    fn receive_number(&mut self, now: Instant, address: &Address, number: u16, out: &mut Outbox) {
        let Some(greatest) = address.greatest() else { return };
        let Some(channel) = self.channels.find(address) else { return };
        if channel.is_input {
            out.emit(channel.slot, f64::from(number) / f64::from(greatest));
        }
        if let Some(generation) = channel.echoed(now, number) {
            out.returned(generation);
        }
        channel.last_received = Some((now, number));
        match (address, self.dialect.echo) {
            // What sounds at the device depends on the notes that we send, not on the keys that are pressed there.
            (Address::Voice(_, Voice::AnyNote), _) => {}
            (_, Echo::On) => channel.last_sent = None,
            // A pad or a button sends how it was hit and not how it is lit. A fader sends its position.
            (_, Echo::Off) => channel.last_sent = Some(number).filter(|number| !channel.is_edge(*number)),
            (_, Echo::Settle) if channel.is_key() => channel.last_sent = None,
            (_, Echo::Settle) if channel.is_output => {
                (channel.last_sent, channel.wanted) = (Some(number), Some(number));
                if !std::mem::replace(&mut channel.is_moving, true) {
                    self.alarms.insert((now + SETTLED, channel.slot, Alarm::Settled));
                }
            }
            (_, Echo::Settle) => {}
        }
    }

    /// Emits an event without a state: a press and its release.
    fn receive_tap(&mut self, now: Instant, address: &Address, out: &mut Outbox) {
        let Some(channel) = self.channels.find(address) else { return };
        channel.last_received = Some((now, 1));
        if let Some(generation) = channel.echoed(now, 1) {
            out.returned(generation);
        }
        if channel.is_input {
            out.emit(channel.slot, 1.0);
            out.emit(channel.slot, 0.0);
        }
    }

    fn receive_value(&mut self, address: &Address, value: Value, out: &mut Outbox) {
        if let Some(channel) = self.channels.find(address)
            && channel.is_input
        {
            out.emit(channel.slot, value);
        }
    }

    fn receive_control(&mut self, now: Instant, at: U4, controller: U7, value: U7, out: &mut Outbox) {
        self.receive_number(now, &Address::Voice(at, Voice::Control(controller)), value.get(), out);
        let number = controller.get();
        let pair = Address::Voice(at, Voice::Pair(Bits::masked(number)));
        match number {
            0..=31 => self.receive_upper(now, &pair, value, out),
            32..=63 => self.receive_lower(now, &pair, value, out),
            _ => {}
        }
        let selected = &mut self.selected[usize::from(at.get())];
        if selected.select(controller, value) {
            // Which parameter the next value belongs to is no value of its own.
            self.channels.was_found = true;
            return;
        }
        let Some(parameter) = selected.parameter() else { return };
        let address = Address::Voice(at, parameter);
        match number {
            DATA_MSB if self.dialect.is_short => self.receive_number(now, &address, alone(value), out),
            DATA_MSB => self.receive_upper(now, &address, value, out),
            DATA_LSB if !self.dialect.is_short => self.receive_lower(now, &address, value, out),
            INCREMENT => self.receive_step(now, &address, 1, out),
            DECREMENT => self.receive_step(now, &address, -1, out),
            _ => {}
        }
    }

    /// Handles the upper half of a number, whose lower half may follow.
    fn receive_upper(&mut self, now: Instant, address: &Address, msb: U7, out: &mut Outbox) {
        let Some(channel) = self.channels.find(address) else { return };
        let due = now + HALF;
        self.alarms.insert((due, channel.slot, Alarm::Half));
        if let Some((_, before)) = channel.half.replace((due, msb)) {
            self.receive_number(now, address, alone(before), out);
        }
    }

    /// Handles the lower half of a number. Alone, it changes the last number.
    fn receive_lower(&mut self, now: Instant, address: &Address, lsb: U7, out: &mut Outbox) {
        let Some(channel) = self.channels.find(address) else { return };
        let waiting = channel.half.take().map(|(_, msb)| msb);
        let msb = waiting.unwrap_or_else(|| U14::masked(channel.known().unwrap_or(0)).msb());
        self.receive_number(now, address, U14::of_halves(msb, lsb).get(), out);
    }

    pub(super) fn half_is_due(&mut self, now: Instant, at: Instant, slot: Slot, out: &mut Outbox) {
        let Some(channel) = self.channels.at(slot) else { return };
        if let Some((_, msb)) = channel.half.take_if(|(due, _)| *due == at) {
            let address = channel.address.clone();
            self.receive_number(now, &address, alone(msb), out);
        }
    }

    /// Handles an increment or decrement (RP-018): a step of the lower half, or of a 7-bit number.
    fn receive_step(&mut self, now: Instant, address: &Address, step: i32, out: &mut Outbox) {
        let Some(known) = self.channels.find(address).and_then(|channel| channel.known()) else { return };
        let number = if self.dialect.is_short {
            let only = U7::of_level(U14::masked(known).level());
            alone(U7::masked(stepped(only.get(), step, U7::MAX.get())))
        } else {
            stepped(known, step, U14::MAX.get())
        };
        self.receive_number(now, address, number, out);
    }

    fn receive_sysex(&mut self, now: Instant, data: &[u8], out: &mut Outbox) {
        let dialect = self.dialect.clone();
        for (at, (_, pattern)) in dialect.sysex.iter().enumerate() {
            let Some(values) = pattern.decode(data) else { continue };
            let state = &mut self.patterns[at];
            if state.echoes.is_echo(now, &data) {
                out.returned(state.generation);
            }
            state.last_sent = (dialect.echo == Echo::Off).then(|| data.to_vec());
            state.received_at = Some(now);
            state.values.clone_from(&values);
            let addresses = state.addresses.clone();
            if values.is_empty() {
                self.receive_tap(now, &addresses[0], out);
            }
            for (address, value) in addresses.iter().zip(values) {
                self.receive_value(address, value, out);
            }
        }
        if let Some(time) = TimeCode::decode(data) {
            self.receive_time(time, out);
        }
        if let Some(command) = ShowControlCommand::decode(data) {
            self.receive_command(now, &command, out);
        }
    }

    fn receive_time(&mut self, time: TimeCode, out: &mut Outbox) {
        let before = self.time.replace(time);
        self.receive_value(&Address::TimeCode(TimeCodePart::Whole), Value::text(time.to_string()), out);
        let parts = |time: TimeCode| {
            [
                (TimeCodePart::Hours, time.hours, 23.0),
                (TimeCodePart::Minutes, time.minutes, 59.0),
                (TimeCodePart::Seconds, time.seconds, 59.0),
                (TimeCodePart::Frames, time.frames, 29.0),
            ]
        };
        let before = before.map(parts);
        for (at, (part, number, greatest)) in parts(time).into_iter().enumerate() {
            if before.is_none_or(|before| before[at].1 != number) {
                self.receive_value(&Address::TimeCode(part), (f64::from(number) / greatest).into(), out);
            }
        }
    }

    fn receive_command(&mut self, now: Instant, command: &ShowControlCommand, out: &mut Outbox) {
        let (device, format) = self.dialect.show_control;
        let is_ours = [command.device, device].contains(&ALL_DEVICES) || command.device == device;
        let is_our_kind = [command.format, format].contains(&ALL_TYPES) || command.format == format;
        if !is_ours || !is_our_kind {
            return;
        }
        let any = Address::ShowControl(command.command, None);
        if command.cue.is_empty() {
            return self.receive_tap(now, &any, out);
        }
        self.receive_value(&any, Value::text(&*command.cue), out);
        self.receive_tap(now, &Address::ShowControl(command.command, Some((&*command.cue).into())), out);
        // A mapped cue with list and path also receives the command without them.
        if let Some((cue, _)) = command.cue.split_once('/') {
            self.receive_tap(now, &Address::ShowControl(command.command, Some(cue.into())), out);
        }
    }
}

impl MappedChannel {
    /// The number that the device has, if it is known.
    fn known(&self) -> Option<u16> {
        self.last_received.map(|(_, number)| number).or(self.last_sent)
    }
}

/// The 14-bit number at the same level as a 7-bit number.
fn alone(msb: U7) -> u16 {
    U14::of_level(msb.level()).get()
}

fn stepped(number: u16, step: i32, greatest: u16) -> u16 {
    (i32::from(number) + step).clamp(0, greatest.into()) as u16
}
