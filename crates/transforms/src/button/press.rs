//! `press` and `release`: one of the two edges of a button, as a trigger.

use crosspatch_core::transform::{Moment, Properties, Stage, Stateful, Transform};
use crosspatch_core::{Kind, Value};

use crate::button::edge::{ButtonEdge, ButtonState};

pub(crate) const PRESS: Transform = Transform {
    name: "press",
    usage: "press",
    summary: "gives 1 when a button goes down, and nothing else",
    read: |_| Ok(Stage::Stateful(Box::new(Trigger::at(ButtonEdge::Press)))),
};

pub(crate) const RELEASE: Transform = Transform {
    name: "release",
    usage: "release",
    summary: "gives 1 when a button goes up, and nothing else",
    read: |_| Ok(Stage::Stateful(Box::new(Trigger::at(ButtonEdge::Release)))),
};

#[derive(Clone, Debug)]
struct Trigger {
    edge: ButtonEdge,
    button: ButtonState,
}

impl Trigger {
    fn at(edge: ButtonEdge) -> Self {
        Self { edge, button: ButtonState::default() }
    }

    fn name(&self) -> &'static str {
        match self.edge {
            ButtonEdge::Press => PRESS.name,
            ButtonEdge::Release => RELEASE.name,
        }
    }
}

impl Stateful for Trigger {
    fn handle_value(&mut self, moment: &mut Moment<'_>, value: Value) -> Option<Value> {
        let edge = self.button.edge(moment, &value, self.name())?;
        moment.is_trigger = edge == self.edge;
        moment.is_trigger.then(|| Value::edge(true))
    }

    fn properties(&self) -> Properties<'_> {
        Properties { kinds: (Kind::Event, Kind::Event), ..Properties::default() }
    }
}

#[cfg(test)]
mod tests {
    use crate::rig::{ChainRig, chain};

    const STROKES: [f64; 7] = [0.0, 1.0, 0.95, 0.9, 0.5, 0.91, 0.0];

    fn passed(chain: &str) -> Vec<Option<f64>> {
        let mut rig = ChainRig::new(chain);
        STROKES.map(|level| rig.number(level)).to_vec()
    }

    #[test]
    fn each_takes_one_edge_and_leaves_the_other() {
        assert_eq!(passed("press"), [None, Some(1.0), None, None, None, Some(1.0), None]);
        assert_eq!(passed("release"), [None, None, None, Some(1.0), None, None, Some(1.0)]);
    }

    #[test]
    fn every_trigger_is_a_press_for_the_following_stages() {
        assert_eq!(passed("press | toggle"), [None, Some(1.0), None, None, None, Some(0.0), None]);
        assert_eq!(passed("release | toggle"), [None, None, None, Some(1.0), None, None, Some(0.0)]);
        assert_eq!(passed("press | press"), passed("press"));
        assert_eq!(passed("release | invert | invert | press"), passed("release"));
    }

    #[test]
    fn a_recall_and_a_text_are_no_edges_and_there_is_no_way_back() {
        for name in ["press", "release"] {
            let mut rig = ChainRig::new(name);
            assert_eq!((rig.number(1.0).is_some(), rig.recall(0.0)), (name == "press", None));
            assert_eq!((rig.put("off"), rig.notices.len()), (None, 1));
            assert_eq!(rig.number(0.0).is_some(), name == "release", "a text has released the button");
            assert_eq!(chain(name).inverse().unwrap_err(), 0);
        }
    }
}
