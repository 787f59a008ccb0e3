//! What comes in: messages become values.

use crosspatch_core::{Instant, Outbox, Slot, Value};

use super::super::address::{Address, System, TimePart, Voice};
use super::super::wire::{Bits, Message, U4, U7, U14};
use super::channel::Channel;
use super::parameter::{DATA_LSB, DATA_MSB, DECREMENT, INCREMENT};
use super::show_control::{ALL_DEVICES, ALL_TYPES, Command};
use super::{Alarm, Echo, HALF, SETTLED, TimeCode, Translator};

impl Translator {
    /// Hears a message and emits what it means.
    pub fn hear(&mut self, now: Instant, message: &Message<'_>, out: &mut Outbox) {
        match *message {
            Message::NoteOn { channel, note, velocity } if velocity > U7::default() => {
                self.hear_number(now, &Address::Voice(channel, Voice::Note(note)), velocity.get(), out);
                self.hear_number(now, &Address::Voice(channel, Voice::AnyNote), note.get(), out);
            }
            // What a key is released with, 127 with some controllers, is not its value.
            Message::NoteOn { channel, note, .. } | Message::NoteOff { channel, note, .. } => {
                self.hear_number(now, &Address::Voice(channel, Voice::Note(note)), 0, out);
            }
            Message::PolyPressure { channel, note, pressure } => {
                self.hear_number(now, &Address::Voice(channel, Voice::Pressure(note)), pressure.get(), out);
            }
            Message::ControlChange { channel, controller, value } => {
                self.hear_control(now, channel, controller, value, out);
            }
            Message::ProgramChange { channel, program } => {
                self.hear_number(now, &Address::Voice(channel, Voice::Program), program.get(), out);
            }
            Message::ChannelPressure { channel, pressure } => {
                self.hear_number(now, &Address::Voice(channel, Voice::Aftertouch), pressure.get(), out);
            }
            Message::PitchBend { channel, bend } => {
                self.hear_number(now, &Address::Voice(channel, Voice::Pitch), bend.get(), out);
            }
            Message::SysEx(sysex) => self.hear_sysex(now, sysex.data(), out),
            Message::QuarterFrame(quarter) => {
                if let Some(time) = self.pieces.push(quarter) {
                    self.hear_time(time, out);
                }
            }
            Message::SongPosition(position) => {
                self.hear_number(now, &Address::System(System::SongPosition), position.get(), out);
            }
            Message::SongSelect(song) => {
                self.hear_number(now, &Address::System(System::Song), song.get(), out);
            }
            Message::TuneRequest => self.hear_tap(now, &Address::System(System::TuneRequest), out),
            Message::Clock => self.hear_tap(now, &Address::System(System::Clock), out),
            Message::Start => self.hear_tap(now, &Address::System(System::Start), out),
            Message::Continue => self.hear_tap(now, &Address::System(System::Continue), out),
            Message::Stop => self.hear_tap(now, &Address::System(System::Stop), out),
            Message::Reset => self.hear_tap(now, &Address::System(System::Reset), out),
            Message::ActiveSensing => {}
        }
    }

    fn hear_number(&mut self, now: Instant, address: &Address, number: u16, out: &mut Outbox) {
        let Some(greatest) = address.greatest() else { return };
        let Some(channel) = self.channels.find(address) else { return };
        if channel.is_input {
            out.emit(channel.slot, f64::from(number) / f64::from(greatest));
        }
        if let Some(generation) = channel.echoed(now, number) {
            out.returned(generation);
        }
        channel.heard = Some((now, number));
        match (address, self.dialect.echo) {
            // What sounds is what we have struck, whatever is struck at the device.
            (Address::Voice(_, Voice::AnyNote), _) => {}
            (_, Echo::On) => channel.told = None,
            // A pad or a button says how it was hit and not how it is lit; a fader is where it says.
            (_, Echo::Off) => channel.told = Some(number).filter(|number| !channel.is_edge(*number)),
            (_, Echo::Settle) if channel.is_key() => channel.told = None,
            (_, Echo::Settle) if channel.is_output => {
                (channel.told, channel.wanted) = (Some(number), Some(number));
                if !std::mem::replace(&mut channel.is_moving, true) {
                    self.alarms.insert((now + SETTLED, channel.slot, Alarm::Settled));
                }
            }
            (_, Echo::Settle) => {}
        }
    }

    /// Something happened that has no state: a press and its release.
    fn hear_tap(&mut self, now: Instant, address: &Address, out: &mut Outbox) {
        let Some(channel) = self.channels.find(address) else { return };
        channel.heard = Some((now, 1));
        if let Some(generation) = channel.echoed(now, 1) {
            out.returned(generation);
        }
        if channel.is_input {
            out.emit(channel.slot, 1.0);
            out.emit(channel.slot, 0.0);
        }
    }

    fn hear_value(&mut self, address: &Address, value: Value, out: &mut Outbox) {
        if let Some(channel) = self.channels.find(address)
            && channel.is_input
        {
            out.emit(channel.slot, value);
        }
    }

    fn hear_control(&mut self, now: Instant, at: U4, controller: U7, value: U7, out: &mut Outbox) {
        self.hear_number(now, &Address::Voice(at, Voice::Control(controller)), value.get(), out);
        let number = controller.get();
        let pair = Address::Voice(at, Voice::Pair(Bits::masked(number)));
        match number {
            0..=31 => self.hear_upper(now, &pair, value, out),
            32..=63 => self.hear_lower(now, &pair, value, out),
            _ => {}
        }
        let selected = &mut self.selected[usize::from(at.get())];
        if selected.select(controller, value) {
            return;
        }
        let Some(parameter) = selected.parameter() else { return };
        let address = Address::Voice(at, parameter);
        match number {
            DATA_MSB if self.dialect.is_short => self.hear_number(now, &address, alone(value), out),
            DATA_MSB => self.hear_upper(now, &address, value, out),
            DATA_LSB if !self.dialect.is_short => self.hear_lower(now, &address, value, out),
            INCREMENT => self.hear_step(now, &address, 1, out),
            DECREMENT => self.hear_step(now, &address, -1, out),
            _ => {}
        }
    }

    /// The upper half of a number has come; its lower half will, or not.
    fn hear_upper(&mut self, now: Instant, address: &Address, msb: U7, out: &mut Outbox) {
        let Some(channel) = self.channels.find(address) else { return };
        let due = now + HALF;
        self.alarms.insert((due, channel.slot, Alarm::Half));
        if let Some((_, before)) = channel.half.replace((due, msb)) {
            self.hear_number(now, address, alone(before), out);
        }
    }

    /// The lower half of a number has come. Alone it changes the number that is known.
    fn hear_lower(&mut self, now: Instant, address: &Address, lsb: U7, out: &mut Outbox) {
        let Some(channel) = self.channels.find(address) else { return };
        let waiting = channel.half.take().map(|(_, msb)| msb);
        let msb = waiting.unwrap_or_else(|| U14::masked(channel.known().unwrap_or(0)).msb());
        self.hear_number(now, address, U14::of_halves(msb, lsb).get(), out);
    }

    pub(super) fn half_is_due(&mut self, now: Instant, at: Instant, slot: Slot, out: &mut Outbox) {
        let Some(channel) = self.channels.at(slot) else { return };
        if let Some((_, msb)) = channel.half.take_if(|(due, _)| *due == at) {
            let address = channel.address.clone();
            self.hear_number(now, &address, alone(msb), out);
        }
    }

    /// One up or down (RP-018): a step of the lower half, or of the only one.
    fn hear_step(&mut self, now: Instant, address: &Address, step: i32, out: &mut Outbox) {
        let Some(known) = self.channels.find(address).and_then(|channel| channel.known()) else { return };
        let number = if self.dialect.is_short {
            let only = U7::of_level(U14::masked(known).level());
            alone(U7::masked(stepped(only.get(), step, U7::MAX.get())))
        } else {
            stepped(known, step, U14::MAX.get())
        };
        self.hear_number(now, address, number, out);
    }

    fn hear_sysex(&mut self, now: Instant, data: &[u8], out: &mut Outbox) {
        let dialect = self.dialect.clone();
        for (at, (_, pattern)) in dialect.sysex.iter().enumerate() {
            let Some(values) = pattern.decode(data) else { continue };
            let state = &mut self.patterns[at];
            if state.echoes.hear(now, &data) {
                out.returned(state.generation);
            }
            state.told = (dialect.echo == Echo::Off).then(|| data.to_vec());
            state.heard_at = Some(now);
            state.values.clone_from(&values);
            let addresses = state.addresses.clone();
            if values.is_empty() {
                self.hear_tap(now, &addresses[0], out);
            }
            for (address, value) in addresses.iter().zip(values) {
                self.hear_value(address, value, out);
            }
        }
        if let Some(time) = TimeCode::decode(data) {
            self.hear_time(time, out);
        }
        if let Some(command) = Command::decode(data) {
            self.hear_command(now, &command, out);
        }
    }

    fn hear_time(&mut self, time: TimeCode, out: &mut Outbox) {
        let before = self.time.replace(time);
        self.hear_value(&Address::TimeCode(TimePart::Whole), Value::text(time.to_string()), out);
        let parts = |time: TimeCode| {
            [
                (TimePart::Hours, time.hours, 23.0),
                (TimePart::Minutes, time.minutes, 59.0),
                (TimePart::Seconds, time.seconds, 59.0),
                (TimePart::Frames, time.frames, 29.0),
            ]
        };
        let before = before.map(parts);
        for (at, (part, number, greatest)) in parts(time).into_iter().enumerate() {
            if before.is_none_or(|before| before[at].1 != number) {
                self.hear_value(&Address::TimeCode(part), (f64::from(number) / greatest).into(), out);
            }
        }
    }

    fn hear_command(&mut self, now: Instant, command: &Command, out: &mut Outbox) {
        let (device, format) = self.dialect.show_control;
        let is_ours = [command.device, device].contains(&ALL_DEVICES) || command.device == device;
        let is_our_kind = [command.format, format].contains(&ALL_TYPES) || command.format == format;
        if !is_ours || !is_our_kind {
            return;
        }
        let any = Address::ShowControl(command.command, None);
        if command.cue.is_empty() {
            return self.hear_tap(now, &any, out);
        }
        self.hear_value(&any, Value::text(&*command.cue), out);
        self.hear_tap(now, &Address::ShowControl(command.command, Some((&*command.cue).into())), out);
        // Who names the cue of `go` in full hears it without its list and path as well.
        if let Some((cue, _)) = command.cue.split_once('/') {
            self.hear_tap(now, &Address::ShowControl(command.command, Some(cue.into())), out);
        }
    }
}

impl Channel {
    /// The number that the device is at, as far as that is known.
    fn known(&self) -> Option<u16> {
        self.heard.map(|(_, number)| number).or(self.told)
    }
}

/// The number of 14 bits at the same place as one of 7.
fn alone(msb: U7) -> u16 {
    U14::of_level(msb.level()).get()
}

fn stepped(number: u16, step: i32, greatest: u16) -> u16 {
    (i32::from(number) + step).clamp(0, greatest.into()) as u16
}
