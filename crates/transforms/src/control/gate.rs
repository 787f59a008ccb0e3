//! What lets values through only at times: the machinery of `when` and `layer`.
//!
//! A gate is awake while its condition on a channel holds. Asleep, it keeps the last value that came. One value passes a
//! gate that sleeps: the release of a button whose press has passed, for a key that nobody releases hangs at the target.

use crosspatch_core::Value;
use crosspatch_core::transform::{
    ArgumentError, Arguments, Moment, Obstacle, Place, Properties, Signal, Stage, Stateful,
};

/// When a gate is awake.
#[derive(Clone, Debug)]
pub(super) enum Condition {
    /// A comparison of the channel holds, or does not.
    Test { test: Test, is_negated: bool },
    /// The channel chooses one of several layers, and it is this one, counted from 0.
    Layer { number: u32, count: u32 },
}

impl Condition {
    /// Whether it holds while the channel has this value, or has not spoken.
    fn holds(&self, value: Option<&Value>) -> bool {
        const SILENT: Value = Value::Number(0.0);
        let value = value.unwrap_or(&SILENT);
        match self {
            Self::Test { test, is_negated } => test.holds(value) != *is_negated,
            Self::Layer { number, count } => {
                let chosen = value.as_number().unwrap_or(0.0) * f64::from(*count);
                (chosen as u32).min(count - 1) == *number
            }
        }
    }
}

/// How far numbers are apart that count as equal, so that a level of a MIDI or DMX channel can be written with three
/// decimals.
const EQUAL: f64 = 0.0005;

/// What has to hold of a value.
#[derive(Clone, Debug)]
pub(super) enum Test {
    /// It is not zero, or not an empty text.
    Set,
    Above(f64),
    AtLeast(f64),
    Below(f64),
    AtMost(f64),
    Equals(f64),
    /// It is this text.
    Text(Box<str>),
    /// It is between both, with these.
    Within(f64, f64),
}

impl Test {
    /// Whether it holds. What compares numbers does not hold of a text, nor the other way round.
    fn holds(&self, value: &Value) -> bool {
        let number = match value {
            Value::Number(number) => *number,
            Value::Text(text) => {
                return match self {
                    Self::Set => !text.is_empty(),
                    Self::Text(wanted) => **wanted == **text,
                    Self::Above(_)
                    | Self::AtLeast(_)
                    | Self::Below(_)
                    | Self::AtMost(_)
                    | Self::Equals(_)
                    | Self::Within(..) => false,
                };
            }
        };
        match self {
            Self::Set => number != 0.0,
            Self::Above(level) => number > *level,
            Self::AtLeast(level) => number >= *level,
            Self::Below(level) => number < *level,
            Self::AtMost(level) => number <= *level,
            Self::Equals(level) => (number - level).abs() < EQUAL,
            Self::Text(_) => false,
            Self::Within(from, to) => (*from..=*to).contains(&number),
        }
    }
}

/// Reads what stands at the end of a gate, whose channel has been read.
pub(super) fn read_end(
    arguments: &mut Arguments<'_>,
    condition: Condition,
    reference: usize,
) -> Result<Stage, ArgumentError> {
    let resends = arguments.keyword("resend");
    let is_awake = condition.holds(None);
    let (kept, held) = (None, None);
    let gate = Gate { condition, reference, resends, is_back: false, is_awake, kept, held };
    Ok(Stage::Stateful(Box::new(gate)))
}

#[derive(Clone, Debug)]
struct Gate {
    condition: Condition,
    reference: usize,
    /// Whether waking up passes the last value.
    resends: bool,
    /// Whether it stands in a way back, in front of the motors and lamps of a control.
    is_back: bool,
    is_awake: bool,
    /// The last value that came.
    kept: Option<Value>,
    /// The last value that came, if it was a press and has passed.
    held: Option<Value>,
}

impl Gate {
    /// Whether a value is the release of a press that has passed. The end of a button is 0; a fader that comes down from
    /// its end stop has other values first, and belongs to another layer.
    fn releases(&mut self, value: &Value) -> bool {
        self.held.take_if(|held| held != value).is_some() && *value == Value::Number(0.0) && !self.is_back
    }
}

impl Stateful for Gate {
    fn handle_value(&mut self, moment: &mut Moment<'_>, value: Value) -> Option<Value> {
        self.is_awake = self.condition.holds(moment.known(self.reference).as_ref());
        // A trigger is over at once: there is nothing to keep, and no release to wait for.
        if moment.is_trigger {
            return Some(value).filter(|_| self.is_awake);
        }
        self.kept = Some(value.clone());
        if self.is_awake {
            self.held = value.is_pressed().then(|| value.clone());
            return Some(value);
        }
        self.releases(&value).then_some(value)
    }

    fn handle_recall(&mut self, moment: &mut Moment<'_>, value: Value) -> Option<Value> {
        self.handle_value(moment, value)
    }

    fn handle_signal(&mut self, _: &mut Moment<'_>, signal: Signal<'_>) -> Option<Value> {
        let Signal::Channel(_, value) = signal else { return None };
        let was_awake = std::mem::replace(&mut self.is_awake, self.condition.holds(Some(value)));
        let wakes = self.is_awake && !was_awake;
        let sent = self.kept.clone().filter(|_| wakes && self.resends)?;
        self.held = sent.is_pressed().then(|| sent.clone());
        Some(sent)
    }

    fn is_asleep(&self) -> bool {
        !self.is_awake
    }

    fn obstacle(&self) -> Option<Obstacle> {
        (!self.is_awake).then_some(Obstacle::Asleep(self.reference))
    }

    fn place(&mut self, place: Place) {
        if let Condition::Layer { number, count } = &mut self.condition {
            let narrow = place.narrow.max(1);
            (*number, *count) = (place.number / narrow, (place.count / narrow).max(1));
            self.is_awake = self.condition.holds(None);
        }
    }

    fn properties(&self) -> Properties<'_> {
        let is_layered = matches!(self.condition, Condition::Layer { .. });
        Properties { is_layered, ..Properties::default() }
    }

    /// The same gate for the way back. It tells a motor or a lamp at once what it has to show from there on, and what another
    /// layer shows on it is not to be put out.
    fn inverse(&self) -> Option<Stage> {
        Some(Stage::Stateful(Box::new(Self { resends: true, is_back: true, ..self.clone() })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::{Rig, chain};

    #[test]
    fn asleep_it_keeps_the_last_value_and_passes_it_on_waking_only_where_that_is_written() {
        for (text, sent) in [("when a.x", None), ("when a.x resend", Some(Value::Number(0.4)))] {
            let mut rig = Rig::new(text);
            assert_eq!((rig.number(0.3), rig.number(0.4), rig.is_asleep()), (None, None, true));
            assert_eq!((rig.channel(0, 1.0), rig.is_asleep()), (sent, false), "{text}");
            assert_eq!(rig.channel(0, 0.5), None, "it was awake");
            assert_eq!((rig.number(0.6), rig.put("cue")), (Some(0.6), Some(Value::text("cue"))));
            assert_eq!((rig.channel(0, 0.0), rig.number(0.7)), (None, None));
        }
    }

    #[test]
    fn resend_has_nothing_to_say_before_the_source_has() {
        assert_eq!(Rig::new("when a.x resend").channel(0, 1.0), None);
    }

    #[test]
    fn a_channel_that_has_spoken_before_the_gate_was_there_counts() {
        let mut rig = Rig::new("when a.x");
        rig.known[0] = Some(Value::Number(1.0));
        assert_eq!(rig.number(0.5), Some(0.5));
        let mut rig = Rig::new("when not a.x");
        rig.known[0] = Some(Value::Number(1.0));
        assert_eq!((rig.recall(0.5), rig.is_asleep()), (None, true));
    }

    #[test]
    fn a_recall_tells_the_state_of_a_source_that_is_awake() {
        let mut rig = Rig::new("when a.x resend");
        assert_eq!(rig.recall(0.5), None);
        assert_eq!(rig.channel(0, 1.0), Some(Value::Number(0.5)));
        assert_eq!(rig.recall(0.5), Some(Value::Number(0.5)));
    }

    #[test]
    fn a_button_that_is_held_while_the_gate_falls_asleep_is_released() {
        let mut rig = Rig::new("when a.x");
        rig.channel(0, 1.0);
        assert_eq!((rig.number(1.0), rig.channel(0, 0.0)), (Some(1.0), None));
        let passed = [1.0, 0.0, 0.0, 1.0, 0.0].map(|level| rig.number(level));
        assert_eq!(passed, [None, Some(0.0), None, None, None], "the release, once");
    }

    #[test]
    fn a_release_of_which_the_press_was_not_seen_does_not_pass() {
        let mut rig = Rig::new("when a.x");
        rig.channel(0, 1.0);
        assert_eq!((rig.number(1.0), rig.number(0.0)), (Some(1.0), Some(0.0)));
        rig.channel(0, 0.0);
        assert_eq!([1.0, 0.0].map(|level| rig.number(level)), [None, None]);
    }

    #[test]
    fn a_fader_that_comes_down_from_its_end_stop_on_another_layer_moves_nothing() {
        let mut rig = Rig::new("when a.x");
        rig.channel(0, 1.0);
        assert_eq!((rig.number(1.0), rig.channel(0, 0.0)), (Some(1.0), None));
        assert_eq!([0.98, 0.5, 0.0].map(|level| rig.number(level)), [None; 3]);
    }

    #[test]
    fn a_trigger_is_neither_kept_nor_released() {
        let mut rig = Rig::new("press | when a.x resend");
        assert_eq!([1.0, 0.0].map(|level| rig.number(level)), [None, None]);
        assert_eq!(rig.channel(0, 1.0), None);
        assert_eq!([1.0, 0.0].map(|level| rig.number(level)), [Some(1.0), None]);
        assert_eq!((rig.channel(0, 0.0), rig.channel(0, 1.0)), (None, None));
    }

    #[test]
    fn the_way_back_shows_the_layer_that_is_awake_and_leaves_the_others_alone() {
        let back = chain("when a.x").inverse().unwrap();
        let mut rig = Rig::of(back, Place::ONLY);
        assert_eq!(rig.number(0.3), None);
        assert_eq!(rig.channel(0, 1.0), Some(Value::Number(0.3)));
        assert_eq!((rig.number(1.0), rig.channel(0, 0.0)), (Some(1.0), None));
        assert_eq!(rig.number(0.0), None, "the lamp shows another layer");
        assert_eq!(rig.channel(0, 1.0), Some(Value::Number(0.0)));
    }
}
