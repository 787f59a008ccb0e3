//! The show of a simulated grandMA3: sequences, and the executors on its pages that control them.

use std::collections::BTreeMap;

use super::address::ExecutorNumber;

/// A sequence.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sequence {
    pub(super) name: String,
    /// The back colour of the sequence's appearance.
    pub(super) color: [u8; 3],
    pub(super) cues: Vec<Cue>,
    /// The current cue, if the sequence runs.
    pub(super) current: Option<usize>,
    /// The level of the master, 0 to 1.
    pub(super) level: f64,
    /// The held key function that switched the sequence on, if any.
    pub(super) held: Option<Function>,
}

/// A cue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cue {
    pub(super) number: String,
    pub(super) name: String,
}

/// The assignment of an executor.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Assignment {
    pub(super) sequence: u32,
    pub(super) key: Function,
}

/// A key function, named as on the console.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Function {
    FastBackward,
    FastForward,
    Flash,
    GoMinus,
    GoPlus,
    Goto,
    Off,
    On,
    Temp,
    Toggle,
    Top,
}

impl Function {
    const ALL: [(Self, &'static str); 11] = [
        (Self::FastBackward, "<<<"),
        (Self::FastForward, ">>>"),
        (Self::Flash, "Flash"),
        (Self::GoMinus, "Go-"),
        (Self::GoPlus, "Go+"),
        (Self::Goto, "Goto"),
        (Self::Off, "Off"),
        (Self::On, "On"),
        (Self::Temp, "Temp"),
        (Self::Toggle, "Toggle"),
        (Self::Top, "Top"),
    ];

    /// The function with that name, in any case.
    pub(super) fn find(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|(_, known)| known.eq_ignore_ascii_case(word))
            .map(|(function, _)| function)
    }

    /// The name as the console writes it.
    pub(super) fn word(self) -> &'static str {
        Self::ALL.into_iter().find(|(function, _)| *function == self).map_or("", |(_, word)| word)
    }

    /// Whether the console's feedback names the cue that the function led to.
    pub(super) fn names_the_cue(self) -> bool {
        !matches!(self, Self::Flash | Self::Temp | Self::Off)
    }
}

/// A change of a sequence, for the feedback.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SequenceEvent {
    pub(super) sequence: u32,
    pub(super) what: SequenceChange,
}

/// The kind of change.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum SequenceChange {
    /// A key function was pressed or released.
    Key(Function, bool),
    /// The master was moved; 0 to 1.
    Fader(f64),
}

/// The show.
#[derive(Debug, Default)]
pub(super) struct Show {
    pub(super) sequences: BTreeMap<u32, Sequence>,
    pub(super) executors: BTreeMap<ExecutorNumber, Assignment>,
    /// The current page.
    pub(super) page: u32,
    /// The selected sequence.
    pub(super) selected: u32,
    /// The changes since the last feedback.
    pub(super) actions: Vec<SequenceEvent>,
}

impl Show {
    /// The number of the sequence on an executor.
    pub(super) fn sequence_at(&self, place: ExecutorNumber) -> Option<u32> {
        self.executors.get(&place).map(|executor| executor.sequence)
    }

    /// The sequence on an executor, mutable.
    pub(super) fn sequence_mut(&mut self, place: ExecutorNumber) -> Option<&mut Sequence> {
        self.sequences.get_mut(&self.sequence_at(place)?)
    }

    /// The number of the sequence with that name.
    pub(super) fn sequence_named(&self, name: &str) -> Option<u32> {
        let named = |sequence: &Sequence| sequence.name.eq_ignore_ascii_case(name);
        self.sequences.iter().find(|(_, sequence)| named(sequence)).map(|(number, _)| *number)
    }

    /// Presses or releases the key of an executor.
    pub(super) fn press(&mut self, place: ExecutorNumber, pressed: bool) {
        if let Some(Assignment { sequence, key }) = self.executors.get(&place).copied() {
            self.perform(sequence, key, pressed);
        }
    }

    /// Presses or releases a key function of a sequence.
    pub(super) fn perform(&mut self, number: u32, function: Function, pressed: bool) {
        let Some(sequence) = self.sequences.get_mut(&number) else { return };
        sequence.perform(function, pressed);
        self.actions.push(SequenceEvent { sequence: number, what: SequenceChange::Key(function, pressed) });
    }

    /// Moves a sequence to a cue, by number. Returns whether the cue exists.
    pub(super) fn go_to(&mut self, number: u32, cue: &str) -> bool {
        let Some(sequence) = self.sequences.get_mut(&number) else { return false };
        let Some(at) = sequence.cues.iter().position(|known| known.number == cue) else { return false };
        sequence.current = Some(at);
        sequence.held = None;
        self.actions
            .push(SequenceEvent { sequence: number, what: SequenceChange::Key(Function::Goto, true) });
        true
    }

    /// Moves the master of a sequence.
    pub(super) fn set_level(&mut self, number: u32, level: f64) {
        let Some(sequence) = self.sequences.get_mut(&number) else { return };
        let level = level.clamp(0.0, 1.0);
        // Auto start and auto stop, which are on in a new sequence.
        if level == 0.0 {
            sequence.current = None;
        } else if sequence.level == 0.0 && sequence.current.is_none() {
            sequence.current = Some(0);
        }
        sequence.level = level;
        self.actions.push(SequenceEvent { sequence: number, what: SequenceChange::Fader(level) });
    }

    /// Switches off all running sequences.
    pub(super) fn off_everywhere(&mut self) {
        let running = self.sequences.iter().filter(|(_, sequence)| sequence.current.is_some());
        let running: Vec<u32> = running.map(|(number, _)| *number).collect();
        for number in running {
            self.perform(number, Function::Off, true);
        }
    }
}

impl Sequence {
    /// The current cue.
    pub(super) fn cue(&self) -> Option<&Cue> {
        self.cues.get(self.current?)
    }

    fn perform(&mut self, function: Function, pressed: bool) {
        if !pressed {
            if self.held == Some(function) {
                self.held = None;
                self.current = None;
            }
            return;
        }
        let (last, first) = (self.cues.len().saturating_sub(1), Some(0));
        let next = self.current.map_or(0, |at| if at >= last { 0 } else { at + 1 });
        let previous = self.current.map_or(last, |at| if at == 0 { last } else { at - 1 });
        match function {
            Function::GoPlus | Function::FastForward => self.current = Some(next),
            Function::GoMinus | Function::FastBackward => self.current = Some(previous),
            Function::On => self.current = self.current.or(first),
            Function::Off => self.current = None,
            Function::Toggle => self.current = if self.current.is_some() { None } else { first },
            Function::Top => self.current = first,
            Function::Flash | Function::Temp if self.current.is_none() => {
                self.current = first;
                self.held = Some(function);
                return;
            }
            Function::Flash | Function::Temp | Function::Goto => return,
        }
        self.held = None;
    }
}

#[cfg(test)]
mod tests {
    use super::super::content;
    use super::*;

    #[test]
    fn every_word_of_a_function_is_found_again() {
        for (function, word) in Function::ALL {
            assert_eq!((Function::find(&word.to_lowercase()), function.word()), (Some(function), word));
        }
        assert_eq!(Function::find("Go"), None);
    }

    #[test]
    fn go_walks_through_the_cues_and_begins_again() {
        let mut show = content::show();
        let mut cues = Vec::new();
        for _ in 0..5 {
            show.perform(1, Function::GoPlus, true);
            show.perform(1, Function::GoPlus, false);
            cues.push(show.sequences[&1].cue().expect("a cue").number.clone());
        }
        assert_eq!(cues, ["1", "2", "3", "4", "1"]);
        show.perform(1, Function::GoMinus, true);
        assert_eq!(show.sequences[&1].cue().expect("a cue").number, "4");
    }

    #[test]
    fn a_flash_ends_with_its_key_and_leaves_on_what_was_on() {
        let mut show = content::show();
        let strobe = ExecutorNumber { page: 1, executor: 206 };
        show.press(strobe, true);
        assert!(show.sequences[&6].current.is_some());
        show.press(strobe, false);
        assert!(show.sequences[&6].current.is_none());
        show.perform(6, Function::On, true);
        show.press(strobe, true);
        show.press(strobe, false);
        assert!(show.sequences[&6].current.is_some());
    }

    #[test]
    fn a_fader_switches_its_sequence_on_and_off() {
        let mut show = content::show();
        show.set_level(2, 0.0);
        show.set_level(2, 0.5);
        assert!(show.sequences[&2].current.is_some());
        show.set_level(2, 0.0);
        assert!(show.sequences[&2].current.is_none());
    }
}
