//! MIDI input that waits while the ring to the loop is full: the last state of each key, controller and parameter. If a button
//! was pressed and released, both messages wait. They are sent as soon as the ring has room.
//!
//! Only the audio cycle uses the backlog. All memory is allocated in advance, and the cost of a message does not depend on how
//! many wait. Messages without a state (clocks, system exclusive messages, increments and decrements) are lost.

/// The number of states of a channel: keys, controllers, key pressures, program, channel pressure and pitch bend.
const PER_CHANNEL: usize = 3 * 128 + 3;

/// The states of all channels, followed by those of the system: song position, song, and whether it plays.
const STATES: usize = 16 * PER_CHANNEL + 3;

/// The most parameters (RPN and NRPN) that wait.
const MAX_PARAMETERS: usize = 256;

const NONE: u16 = u16::MAX;

/// The messages that wait.
#[derive(Debug)]
pub(super) struct Backlog {
    /// All states. Those that wait form a linked list, the least recently changed one first.
    states: Box<[ControllerState]>,
    first: u16,
    last: u16,
    /// The parameters that wait, the least recently changed one first.
    parameters: Vec<Parameter>,
    /// The parameter that each channel has selected.
    selected: [SelectedNumber; 16],
    /// One bit for each channel whose selection has to be sent again, because the loop has received another one.
    is_stale: u16,
}

/// A message of up to three bytes.
type Short = [u8; 3];

#[derive(Copy, Clone, Debug)]
struct ControllerState {
    /// The press before a release, or the release before a press.
    before: Option<Short>,
    /// The last message. `None` if nothing waits.
    last: Option<Short>,
    previous: u16,
    next: u16,
}

/// The selection made by controllers 98 and 99 (NRPN) or 100 and 101 (RPN).
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
struct SelectedNumber {
    is_registered: bool,
    lsb: Option<u8>,
    msb: Option<u8>,
}

#[derive(Copy, Clone, Debug)]
struct Parameter {
    channel: u8,
    selected: SelectedNumber,
    /// The values of controllers 6 and 38.
    msb: Option<u8>,
    lsb: Option<u8>,
}

impl Backlog {
    pub(super) fn new() -> Self {
        Self {
            states: vec![ControllerState { before: None, last: None, previous: NONE, next: NONE }; STATES]
                .into(),
            first: NONE,
            last: NONE,
            parameters: Vec::with_capacity(MAX_PARAMETERS),
            selected: [SelectedNumber::default(); 16],
            is_stale: 0,
        }
    }

    /// Passes a message on if nothing waits and there is room. Otherwise, stores the state that it sets. Returns false if that
    /// lost a message, even if only an intermediate step of a fader.
    pub(super) fn push(&mut self, message: &[u8], push: impl FnOnce(&[u8]) -> bool) -> bool {
        let selecting = self.select(message);
        if self.is_empty() && push(message) {
            return true;
        }
        match selecting {
            Some(channel) => {
                self.is_stale |= 1 << channel;
                true
            }
            None => self.keep(message),
        }
    }

    /// Passes on queued data, as far as there is room. Returns whether anything was passed on.
    pub(super) fn drain(&mut self, mut push: impl FnMut(&[u8]) -> bool) -> bool {
        let mut is_any = false;
        while let Some(state) = self.states.get_mut(usize::from(self.first)) {
            let message = state.before.or(state.last).unwrap_or_default();
            if !push(trimmed(&message)) {
                return is_any;
            }
            is_any = true;
            if state.before.take().is_none() {
                state.last = None;
                self.unlink(self.first);
            }
        }
        while let Some(Parameter { channel, selected, msb, lsb }) = self.parameters.first().copied() {
            let mut message = ControlMessages::default();
            selected.spell(channel, &mut message);
            message.control(channel, 6, msb);
            message.control(channel, 38, lsb);
            if !push(message.bytes()) {
                return is_any;
            }
            is_any = true;
            self.is_stale |= 1 << channel;
            self.parameters.remove(0);
        }
        for channel in 0..16_u8 {
            if self.is_stale & 1 << channel != 0 {
                let mut message = ControlMessages::default();
                self.selected[usize::from(channel)].spell(channel, &mut message);
                if !push(message.bytes()) {
                    return is_any;
                }
                is_any = true;
                self.is_stale &= !(1 << channel);
            }
        }
        is_any
    }

    fn is_empty(&self) -> bool {
        self.first == NONE && self.parameters.is_empty() && self.is_stale == 0
    }

    /// Records the parameter that a message selects, and returns the channel if it selects one.
    fn select(&mut self, message: &[u8]) -> Option<u8> {
        let &[status @ 0xb0..=0xbf, controller @ 98..=101, value] = message else { return None };
        let channel = status & 0x0f;
        let selected = &mut self.selected[usize::from(channel)];
        let is_registered = controller >= 100;
        if selected.is_registered != is_registered {
            *selected = SelectedNumber { is_registered, ..SelectedNumber::default() };
        }
        *(if controller % 2 == 0 { &mut selected.lsb } else { &mut selected.msb }) = Some(value);
        Some(channel)
    }

    /// Stores the state that a message sets, in place of the previous one. Returns whether nothing is lost.
    fn keep(&mut self, message: &[u8]) -> bool {
        if let &[status @ 0xb0..=0xbf, controller @ (6 | 38), value] = message {
            let selected = self.selected[usize::from(status & 0x0f)];
            if selected.is_complete() {
                return self.keep_parameter(status & 0x0f, selected, controller, value);
            }
        }
        let Some(at) = state_of(message) else { return false };
        let mut short = Short::default();
        short[..message.len()].copy_from_slice(message);
        let state = &mut self.states[usize::from(at)];
        let replaced = state.last.replace(short);
        let is_edge = replaced.is_some_and(|replaced| is_released(replaced) != is_released(short));
        // A fader needs its last step, a button its last two edges.
        let is_lossless = replaced.is_none() || (is_edge && state.before.is_none());
        if is_edge {
            state.before = replaced;
        }
        if replaced.is_some() {
            self.unlink(at);
        }
        self.link(at);
        is_lossless
    }

    fn keep_parameter(&mut self, channel: u8, selected: SelectedNumber, controller: u8, value: u8) -> bool {
        let known = |known: &Parameter| known.channel == channel && known.selected == selected;
        let found = self.parameters.iter().position(known).map(|at| self.parameters.remove(at));
        if self.parameters.len() == MAX_PARAMETERS {
            return false;
        }
        let mut parameter = found.unwrap_or(Parameter { channel, selected, msb: None, lsb: None });
        let half = if controller == 6 { &mut parameter.msb } else { &mut parameter.lsb };
        let is_lossless = half.replace(value).is_none();
        self.parameters.push(parameter);
        is_lossless
    }

    /// Appends a state to the list.
    fn link(&mut self, at: u16) {
        let before = std::mem::replace(&mut self.last, at);
        let state = &mut self.states[usize::from(at)];
        (state.previous, state.next) = (before, NONE);
        match self.states.get_mut(usize::from(before)) {
            Some(before) => before.next = at,
            None => self.first = at,
        }
    }

    /// Takes a state out of the list.
    fn unlink(&mut self, at: u16) {
        let ControllerState { previous, next, .. } = self.states[usize::from(at)];
        match self.states.get_mut(usize::from(previous)) {
            Some(previous) => previous.next = next,
            None => self.first = next,
        }
        match self.states.get_mut(usize::from(next)) {
            Some(next) => next.previous = previous,
            None => self.last = previous,
        }
    }
}

impl SelectedNumber {
    /// Whether a parameter is selected. The numbers 127 and 127 select none.
    fn is_complete(self) -> bool {
        self.lsb.is_some() && self.msb.is_some() && (self.lsb, self.msb) != (Some(127), Some(127))
    }

    fn spell(self, channel: u8, message: &mut ControlMessages) {
        let lower = if self.is_registered { 100 } else { 98 };
        message.control(channel, lower + 1, self.msb);
        message.control(channel, lower, self.lsb);
    }
}

/// Up to four control changes.
#[derive(Default)]
struct ControlMessages {
    bytes: [u8; 12],
    len: usize,
}

impl ControlMessages {
    fn control(&mut self, channel: u8, controller: u8, value: Option<u8>) {
        if let Some(value) = value {
            self.bytes[self.len..self.len + 3].copy_from_slice(&[0xb0 | channel, controller, value]);
            self.len += 3;
        }
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// The number of the state that a complete message sets, if it sets one.
fn state_of(message: &[u8]) -> Option<u16> {
    let in_channel = match *message {
        [0x80..=0x9f, note, _] => usize::from(note),
        // Increments and decrements change a state and are none themselves.
        [0xb0..=0xbf, 96 | 97, _] => return None,
        [0xb0..=0xbf, controller, _] => 128 + usize::from(controller),
        [0xa0..=0xaf, note, _] => 256 + usize::from(note),
        [0xc0..=0xcf, _] => 384,
        [0xd0..=0xdf, _] => 385,
        [0xe0..=0xef, _, _] => 386,
        [0xf2, _, _] => return Some(STATES as u16 - 3),
        [0xf3, _] => return Some(STATES as u16 - 2),
        [0xfa..=0xfc] => return Some(STATES as u16 - 1),
        _ => return None,
    };
    let is_data = message[1..].iter().all(|byte| *byte < 128);
    is_data.then_some((usize::from(message[0] & 0x0f) * PER_CHANNEL + in_channel) as u16)
}

/// Whether a message is a release.
fn is_released([status, _, value]: Short) -> bool {
    match status {
        0x80..=0x8f => true,
        0x90..=0xbf => value == 0,
        _ => false,
    }
}

/// A message without its padding.
fn trimmed(message: &Short) -> &[u8] {
    match message[0] {
        0xc0..=0xdf | 0xf3 => &message[..2],
        0xf8.. => &message[..1],
        _ => message,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The messages that are passed on if there is room for this many.
    fn drained(backlog: &mut Backlog, room: usize) -> Vec<Vec<u8>> {
        let mut passed = Vec::new();
        backlog.drain(|message| {
            let has_room = passed.len() < room;
            if has_room {
                passed.push(message.to_vec());
            }
            has_room
        });
        passed
    }

    fn full(backlog: &mut Backlog, messages: &[&[u8]]) -> usize {
        messages.iter().filter(|message| !backlog.push(message, |_| false)).count()
    }

    #[test]
    fn nothing_waits_while_there_is_room() {
        let mut backlog = Backlog::new();
        for message in [&[0xb0, 7, 1][..], &[0xb0, 99, 1], &[0xf0, 1, 0xf7], &[0xf8]] {
            assert!(backlog.push(message, |passed| passed == message));
        }
        assert!(drained(&mut backlog, 9).is_empty());
    }

    #[test]
    fn the_last_state_of_each_follows_in_the_order_of_the_last_changes() {
        let mut backlog = Backlog::new();
        let lost = full(
            &mut backlog,
            &[&[0xb0, 7, 1], &[0xe1, 2, 3], &[0xb0, 7, 2], &[0xc0, 5], &[0xb0, 7, 3], &[0xfa], &[0xfc]],
        );
        assert_eq!(lost, 3);
        // What comes now has room and not its turn.
        assert!(backlog.push(&[0xd2, 4], |_| panic!("it has not its turn")));
        assert_eq!(drained(&mut backlog, 2), [&[0xe1, 2, 3][..], &[0xc0, 5]]);
        assert!(backlog.push(&[0xe1, 7, 7], |_| panic!("it has not its turn")));
        let rest: [&[u8]; 4] = [&[0xb0, 7, 3], &[0xfc], &[0xd2, 4], &[0xe1, 7, 7]];
        assert_eq!(drained(&mut backlog, 9), rest);
        assert!(backlog.push(&[0xb0, 7, 4], |_| true));
    }

    #[test]
    fn a_button_keeps_its_last_two_edges_and_ends_as_it_is() {
        let mut backlog = Backlog::new();
        assert_eq!(full(&mut backlog, &[&[0x90, 60, 100], &[0x80, 60, 64], &[0xb0, 20, 127]]), 0);
        assert_eq!(full(&mut backlog, &[&[0xb0, 20, 0], &[0x91, 60, 1]]), 0);
        let both: [&[u8]; 5] =
            [&[0x90, 60, 100], &[0x80, 60, 64], &[0xb0, 20, 127], &[0xb0, 20, 0], &[0x91, 60, 1]];
        assert_eq!(drained(&mut backlog, 9), both);
        let storm: [&[u8]; 5] =
            [&[0x90, 60, 1], &[0x90, 60, 0], &[0x90, 60, 2], &[0x90, 60, 0], &[0x90, 60, 3]];
        assert_eq!(full(&mut backlog, &storm), 3);
        assert_eq!(drained(&mut backlog, 1), [[0x90, 60, 0]]);
        assert_eq!(full(&mut backlog, &[&[0x90, 60, 0]]), 0);
        assert_eq!(drained(&mut backlog, 9), [[0x90, 60, 3], [0x90, 60, 0]]);
    }

    #[test]
    fn parameters_come_with_what_selects_them_and_the_selection_is_what_it_was() {
        let mut backlog = Backlog::new();
        // NRPN 1:2 was selected while there was room.
        for message in [[0xb3, 99, 1], [0xb3, 98, 2]] {
            assert!(backlog.push(&message, |_| true));
        }
        let messages: [&[u8]; 7] = [
            &[0xb3, 6, 10],
            &[0xb3, 38, 11],
            &[0xb3, 101, 0],
            &[0xb3, 100, 5],
            &[0xb3, 6, 20],
            &[0xb3, 101, 127],
            &[0xb3, 100, 127],
        ];
        assert_eq!(full(&mut backlog, &messages), 0);
        // Without a parameter it is a controller like any other; steps are no states.
        assert_eq!(full(&mut backlog, &[&[0xb3, 6, 99], &[0xb3, 96, 0]]), 1);
        let expected: [&[u8]; 4] = [
            &[0xb3, 6, 99],
            &[0xb3, 99, 1, 0xb3, 98, 2, 0xb3, 6, 10, 0xb3, 38, 11],
            &[0xb3, 101, 0, 0xb3, 100, 5, 0xb3, 6, 20],
            &[0xb3, 101, 127, 0xb3, 100, 127],
        ];
        assert_eq!(drained(&mut backlog, 9), expected);
        assert!(backlog.push(&[0xb3, 6, 1], |_| true));
    }

    #[test]
    fn what_has_no_state_is_lost_and_parameters_are_limited() {
        let mut backlog = Backlog::new();
        let stateless: [&[u8]; 7] =
            [&[0xf8], &[0xf0, 1, 2, 0xf7], &[], &[0x90, 60], &[0x90, 200, 1], &[7, 7, 7], &[0xb0, 7, 1, 2]];
        assert_eq!(full(&mut backlog, &stateless), stateless.len());
        assert!(drained(&mut backlog, 9).is_empty());
        for number in 0..300_u16 {
            let [msb, lsb] = [(number >> 7) as u8, (number & 127) as u8];
            full(&mut backlog, &[&[0xb0, 99, msb], &[0xb0, 98, lsb]]);
            assert_eq!(full(&mut backlog, &[&[0xb0, 6, 1]]), usize::from(number >= 256));
        }
        assert_eq!(drained(&mut backlog, 999).len(), 256 + 1);
    }

    /// Any message of a voice that sets a state.
    fn message() -> impl Strategy<Value = Vec<u8>> {
        let parts = (0x8..=0xe_u8, 0..16_u8, 0..4_u8, prop::sample::select(vec![0, 1, 64, 127]));
        parts.prop_map(|(kind, channel, number, value)| match kind {
            0xc | 0xd => vec![kind << 4 | channel, value],
            _ => vec![kind << 4 | channel, number, value],
        })
    }

    proptest! {
        #[test]
        fn every_state_ends_as_received_whatever_room_there_is(
            steps in prop::collection::vec((message(), 0..4_usize), 0..200),
        ) {
            let mut backlog = Backlog::new();
            let mut heard = std::collections::BTreeMap::new();
            let mut told = std::collections::BTreeMap::new();
            let mut tell = |message: &[u8]| {
                told.insert(state_of(message), message.to_vec());
            };
            for (message, room) in &steps {
                heard.insert(state_of(message), message.clone());
                drained(&mut backlog, *room).iter().for_each(|message| tell(message));
                let has_room = *room > 1;
                backlog.push(message, |message| {
                    if has_room {
                        tell(message);
                    }
                    has_room
                });
            }
            drained(&mut backlog, usize::MAX).iter().for_each(|message| tell(message));
            prop_assert_eq!(told, heard);
        }
    }
}
