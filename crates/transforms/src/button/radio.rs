//! `radio`: the last pressed button of a group is on.

use std::sync::Arc;

use crosspatch_core::transform::{
    ArgumentError, Arguments, Moment, Properties, Signal, Stage, Stateful, Transform,
};
use crosspatch_core::{Kind, Value};

use crate::button::edge::ButtonState;
use crate::target::TargetState;

pub(crate) const RADIO: Transform = Transform {
    name: "radio",
    usage: "radio <group>",
    summary: "gives 1 at a press, and 0 when another button of the group is pressed",
    read,
};

fn read(arguments: &mut Arguments<'_>) -> Result<Stage, ArgumentError> {
    let group = arguments.name("the name of a group")?.into();
    let (button, target) = (ButtonState::default(), TargetState::new(arguments));
    Ok(Stage::Stateful(Box::new(Radio { group, button, is_on: None, target })))
}

#[derive(Clone, Debug)]
struct Radio {
    group: Arc<str>,
    button: ButtonState,
    /// The last output.
    is_on: Option<bool>,
    target: TargetState,
}

impl Radio {
    /// Outputs a state, unless it was the last output and the target has not changed since.
    fn give(&mut self, moment: &Moment<'_>, is_on: bool) -> Option<Value> {
        let is_changed = self.target.level(moment).is_some_and(|level| (level > 0.5) != is_on);
        (self.is_on.replace(is_on) != Some(is_on) || is_changed).then(|| Value::edge(is_on))
    }
}

impl Stateful for Radio {
    fn handle_value(&mut self, moment: &mut Moment<'_>, value: Value) -> Option<Value> {
        if !self.button.is_press(moment, &value, RADIO.name) {
            return None;
        }
        moment.announce();
        self.give(moment, true)
    }

    fn handle_signal(&mut self, moment: &mut Moment<'_>, signal: Signal<'_>) -> Option<Value> {
        let Signal::Group { is_of_same_source } = signal else { return None };
        self.give(moment, is_of_same_source)
    }

    // The result is a state even if the source sends events.
    fn properties(&self) -> Properties<'_> {
        let kinds = (Kind::State, Kind::Control);
        Properties { group: Some(&self.group), kinds, ..Properties::default() }
    }

    fn set_following(&mut self, stages: &[Stage]) {
        self.target.set_following(stages);
    }
}

#[cfg(test)]
mod tests {
    use crate::rig::{ChainRig, chain, read_stage};

    #[test]
    fn a_press_turns_it_on_and_the_others_of_the_group_off() {
        let mut rig = ChainRig::new("radio looks");
        assert_eq!(rig.chain.group(), Some("looks"));
        assert_eq!((rig.number(0.0), rig.has_announced), (None, false));
        assert_eq!((rig.number(1.0), rig.has_announced), (Some(1.0), true));
        assert_eq!((rig.number(0.0), rig.has_announced), (None, false));
    }

    #[test]
    fn another_press_turns_it_off_and_one_of_the_same_source_on() {
        let mut rig = ChainRig::new("radio looks | invert");
        assert_eq!((rig.group(false), rig.group(false)), (Some(1.0.into()), None), "off, and off already");
        assert_eq!((rig.group(true), rig.number(1.0)), (Some(0.0.into()), None), "on, and on already");
        assert_eq!(rig.group(false), Some(1.0.into()));
    }

    #[test]
    fn every_press_is_announced_so_that_new_members_learn_of_it() {
        let mut rig = ChainRig::new("press | radio looks");
        assert_eq!((rig.number(1.0), rig.number(0.0)), (Some(1.0), None));
        assert_eq!((rig.number(1.0), rig.has_announced), (None, true));
    }

    #[test]
    fn what_somebody_else_has_changed_is_given_again() {
        let mut rig = ChainRig::new("radio looks");
        assert_eq!((rig.number(1.0), rig.number(0.0)), (Some(1.0), None));
        rig.known[0] = Some(0.0.into());
        assert_eq!((rig.number(1.0), rig.number(0.0)), (Some(1.0), None));
        rig.known[0] = Some(1.0.into());
        assert_eq!((rig.number(1.0), rig.group(false)), (None, Some(0.0.into())));
        assert_eq!(rig.group(false), Some(0.0.into()), "it is still on");
    }

    #[test]
    fn a_recall_and_a_text_choose_nothing_and_there_is_no_way_back() {
        let mut rig = ChainRig::new("radio looks");
        assert_eq!((rig.recall(1.0), rig.put("go"), rig.has_announced), (None, None, false));
        assert_eq!(chain("radio looks").inverse().unwrap_err(), 0);
        let error = read_stage("radio", &mut Vec::new()).unwrap_err();
        assert_eq!(error.message, "expected the name of a group, found nothing");
    }
}
