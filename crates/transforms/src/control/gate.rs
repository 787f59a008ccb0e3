//! The gate of `when` and `layer`, which passes values while a condition holds.
//!
//! A gate is open (*awake*) while its condition on a channel holds. While it is closed (*asleep*), it stores the last value. One
//! value passes a closed gate: the release of a button whose press has passed, because a key without a release would hang at the
//! target.

use crosspatch_core::Value;
use crosspatch_core::transform::{
    ArgumentError, Arguments, LinePosition, Moment, Obstacle, Properties, Signal, Stage, Stateful,
};

/// The condition of a gate.
#[derive(Clone, Debug)]
pub(super) enum GateCondition {
    /// A comparison with the channel's value is true, or false.
    Test { test: Test, is_negated: bool },
    /// The channel selects this layer, counted from 0.
    Layer { number: u32, count: u32 },
}

impl GateCondition {
    /// Whether the condition holds for this value of the channel. `None` if the channel has no value yet.
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

/// The largest difference of numbers that count as equal, so that a level of a MIDI or DMX channel can be written with three
/// decimals.
const EQUAL: f64 = 0.0005;

/// A test of a value.
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
    /// Whether the value passes. A test of numbers is false for a text, and a test of texts is false for a number.
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

/// Reads the end of a gate's arguments, after the channel.
pub(super) fn read_end(
    arguments: &mut Arguments<'_>,
    condition: GateCondition,
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
    condition: GateCondition,
    reference: usize,
    /// Whether the last value passes when the gate opens.
    resends: bool,
    /// Whether it belongs to the way back, whose targets are the motors and lamps of a control.
    is_back: bool,
    is_awake: bool,
    /// The last value.
    kept: Option<Value>,
    /// The last value, if it was a press that has passed.
    held: Option<Value>,
}

impl Gate {
    /// Whether a value is the release of a press that has passed. A button goes from 1 to 0 directly. A fader has other values in
    /// between, so its movement belongs to another layer.
    fn releases(&mut self, value: &Value) -> bool {
        self.held.take_if(|held| held != value).is_some() && *value == Value::Number(0.0) && !self.is_back
    }
}

impl Stateful for Gate {
    fn handle_value(&mut self, moment: &mut Moment<'_>, value: Value) -> Option<Value> {
        self.is_awake = self.condition.holds(moment.known(self.reference).as_ref());
        // A trigger has no duration: there is nothing to store, and no release to wait for.
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

    fn place(&mut self, place: LinePosition) {
        if let GateCondition::Layer { number, count } = &mut self.condition {
            let narrow = place.narrow.max(1);
            (*number, *count) = (place.number / narrow, (place.count / narrow).max(1));
            self.is_awake = self.condition.holds(None);
        }
    }

    fn properties(&self) -> Properties<'_> {
        let is_layered = matches!(self.condition, GateCondition::Layer { .. });
        Properties { is_layered, ..Properties::default() }
    }

    /// The same gate for the way back. When it opens, it sends the last value to the motor or lamp. When it closes, it sends
    /// nothing, so that another layer's state stays visible.
    fn inverse(&self) -> Option<Stage> {
        Some(Stage::Stateful(Box::new(Self { resends: true, is_back: true, ..self.clone() })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::{ChainRig, chain};

    #[test]
    fn asleep_it_keeps_the_last_value_and_passes_it_on_waking_only_where_that_is_written() {
        for (text, sent) in [("when a.x", None), ("when a.x resend", Some(Value::Number(0.4)))] {
            let mut rig = ChainRig::new(text);
            assert_eq!((rig.number(0.3), rig.number(0.4), rig.is_asleep()), (None, None, true));
            assert_eq!((rig.channel(0, 1.0), rig.is_asleep()), (sent, false), "{text}");
            assert_eq!(rig.channel(0, 0.5), None, "it was awake");
            assert_eq!((rig.number(0.6), rig.put("cue")), (Some(0.6), Some(Value::text("cue"))));
            assert_eq!((rig.channel(0, 0.0), rig.number(0.7)), (None, None));
        }
    }

    #[test]
    fn resend_has_nothing_to_say_before_the_source_has() {
        assert_eq!(ChainRig::new("when a.x resend").channel(0, 1.0), None);
    }

    #[test]
    fn a_channel_that_has_spoken_before_the_gate_was_there_counts() {
        let mut rig = ChainRig::new("when a.x");
        rig.known[0] = Some(Value::Number(1.0));
        assert_eq!(rig.number(0.5), Some(0.5));
        let mut rig = ChainRig::new("when not a.x");
        rig.known[0] = Some(Value::Number(1.0));
        assert_eq!((rig.recall(0.5), rig.is_asleep()), (None, true));
    }

    #[test]
    fn a_recall_passes_while_the_gate_is_awake() {
        let mut rig = ChainRig::new("when a.x resend");
        assert_eq!(rig.recall(0.5), None);
        assert_eq!(rig.channel(0, 1.0), Some(Value::Number(0.5)));
        assert_eq!(rig.recall(0.5), Some(Value::Number(0.5)));
    }

    #[test]
    fn a_button_that_is_held_while_the_gate_falls_asleep_is_released() {
        let mut rig = ChainRig::new("when a.x");
        rig.channel(0, 1.0);
        assert_eq!((rig.number(1.0), rig.channel(0, 0.0)), (Some(1.0), None));
        let passed = [1.0, 0.0, 0.0, 1.0, 0.0].map(|level| rig.number(level));
        assert_eq!(passed, [None, Some(0.0), None, None, None], "the release, once");
    }

    #[test]
    fn a_release_of_which_the_press_was_not_seen_does_not_pass() {
        let mut rig = ChainRig::new("when a.x");
        rig.channel(0, 1.0);
        assert_eq!((rig.number(1.0), rig.number(0.0)), (Some(1.0), Some(0.0)));
        rig.channel(0, 0.0);
        assert_eq!([1.0, 0.0].map(|level| rig.number(level)), [None, None]);
    }

    #[test]
    fn a_fader_that_comes_down_from_its_end_stop_on_another_layer_moves_nothing() {
        let mut rig = ChainRig::new("when a.x");
        rig.channel(0, 1.0);
        assert_eq!((rig.number(1.0), rig.channel(0, 0.0)), (Some(1.0), None));
        assert_eq!([0.98, 0.5, 0.0].map(|level| rig.number(level)), [None; 3]);
    }

    #[test]
    fn a_trigger_is_neither_kept_nor_released() {
        let mut rig = ChainRig::new("press | when a.x resend");
        assert_eq!([1.0, 0.0].map(|level| rig.number(level)), [None, None]);
        assert_eq!(rig.channel(0, 1.0), None);
        assert_eq!([1.0, 0.0].map(|level| rig.number(level)), [Some(1.0), None]);
        assert_eq!((rig.channel(0, 0.0), rig.channel(0, 1.0)), (None, None));
    }

    #[test]
    fn the_way_back_shows_the_layer_that_is_awake_and_leaves_the_others_alone() {
        let back = chain("when a.x").inverse().unwrap();
        let mut rig = ChainRig::of(back, LinePosition::ONLY);
        assert_eq!(rig.number(0.3), None);
        assert_eq!(rig.channel(0, 1.0), Some(Value::Number(0.3)));
        assert_eq!((rig.number(1.0), rig.channel(0, 0.0)), (Some(1.0), None));
        assert_eq!(rig.number(0.0), None, "the lamp shows another layer");
        assert_eq!(rig.channel(0, 1.0), Some(Value::Number(0.0)));
    }
}
