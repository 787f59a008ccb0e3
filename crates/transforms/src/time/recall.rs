//! `event` and `state`: whether the last value is sent again after a reconnect.

use crosspatch_core::transform::{Moment, Properties, Stage, Stateful, Transform};
use crosspatch_core::{Kind, Value};

pub(crate) const EVENT: Transform = Transform {
    name: "event",
    usage: "event",
    summary: "marks values as events, which are not sent again after a reconnect",
    read: |_| Ok(Stage::Stateful(Box::new(Meaning { kind: Kind::Event }))),
};

pub(crate) const STATE: Transform = Transform {
    name: "state",
    usage: "state",
    summary: "marks values as states; the last one is sent again after a reconnect",
    read: |_| Ok(Stage::Stateful(Box::new(Meaning { kind: Kind::State }))),
};

#[derive(Clone, Debug)]
struct Meaning {
    kind: Kind,
}

impl Stateful for Meaning {
    fn handle_value(&mut self, _: &mut Moment<'_>, value: Value) -> Option<Value> {
        Some(value)
    }

    fn handle_recall(&mut self, _: &mut Moment<'_>, value: Value) -> Option<Value> {
        (self.kind != Kind::Event).then_some(value)
    }

    fn properties(&self) -> Properties<'_> {
        Properties { kinds: (self.kind, self.kind), is_transparent: true, ..Properties::default() }
    }

    fn inverse(&self) -> Option<Stage> {
        Some(Stage::Stateful(Box::new(self.clone())))
    }
}

#[cfg(test)]
mod tests {
    use crosspatch_core::transform::LinePosition;

    use super::*;
    use crate::rig::{ChainRig, chain};

    #[test]
    fn values_pass_as_they_are_and_only_states_are_recalled() {
        for (stage, recalled) in [("event", None), ("state", Some(Value::number(0.25)))] {
            for mut rig in
                [ChainRig::new(stage), ChainRig::of(chain(stage).inverse().unwrap(), LinePosition::ONLY)]
            {
                assert_eq!((rig.number(0.5), rig.put("go")), (Some(0.5), Some("go".into())));
                assert_eq!(rig.recall(0.25), recalled, "{stage}");
            }
        }
        assert_eq!(ChainRig::new("press | event | toggle").number(1.0), Some(1.0), "a trigger stays one");
    }

    #[test]
    fn the_last_word_on_the_kind_is_that_of_the_last_stage() {
        let kinds = |text: &str| Kind::ALL.map(|kind| chain(text).kind(kind));
        assert_eq!(kinds("invert | delay 1s"), Kind::ALL);
        assert_eq!(kinds("press"), [Kind::Event; 3]);
        assert_eq!(kinds("event | state"), [Kind::State; 3]);
        assert_eq!(kinds("press | toggle"), [Kind::Control; 3]);
        assert_eq!(kinds("toggle"), [Kind::State, Kind::Control, Kind::Control]);
    }
}
