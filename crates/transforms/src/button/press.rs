//! `press` and `release`: one of the two edges of a button, as a trigger.

use crosspatch_core::transform::{Moment, Properties, Stage, Stateful, Transform};
use crosspatch_core::{Kind, Value};

use crate::button::edge::{Button, Edge};

pub(crate) const PRESS: Transform = Transform {
    name: "press",
    usage: "press",
    summary: "gives 1 when a button goes down, and nothing else",
    read: |_| Ok(Stage::Stateful(Box::new(Trigger::at(Edge::Press)))),
};

pub(crate) const RELEASE: Transform = Transform {
    name: "release",
    usage: "release",
    summary: "gives 1 when a button goes up, and nothing else",
    read: |_| Ok(Stage::Stateful(Box::new(Trigger::at(Edge::Release)))),
};

#[derive(Clone, Debug)]
struct Trigger {
    edge: Edge,
    button: Button,
}

impl Trigger {
    fn at(edge: Edge) -> Self {
        Self { edge, button: Button::default() }
    }

    fn name(&self) -> &'static str {
        match self.edge {
            Edge::Press => PRESS.name,
            Edge::Release => RELEASE.name,
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
    use crate::rig::{Rig, chain};

    const STROKES: [f64; 7] = [0.0, 1.0, 0.95, 0.9, 0.5, 0.91, 0.0];

    fn passed(chain: &str) -> Vec<Option<f64>> {
        let mut rig = Rig::new(chain);
        STROKES.map(|level| rig.number(level)).to_vec()
    }

    #[test]
    fn each_takes_one_edge_and_leaves_the_other() {
        assert_eq!(passed("press"), [None, Some(1.0), None, None, None, Some(1.0), None]);
        assert_eq!(passed("release"), [None, None, None, Some(1.0), None, None, Some(1.0)]);
    }

    #[test]
    fn every_trigger_is_a_press_for_the_stages_behind_it() {
        assert_eq!(passed("press | toggle"), [None, Some(1.0), None, None, None, Some(0.0), None]);
        assert_eq!(passed("release | toggle"), [None, None, None, Some(1.0), None, None, Some(0.0)]);
        assert_eq!(passed("press | press"), passed("press"));
        assert_eq!(passed("release | invert | invert | press"), passed("release"));
    }

    #[test]
    fn a_recall_and_a_text_are_no_edges_and_there_is_no_way_back() {
        for name in ["press", "release"] {
            let mut rig = Rig::new(name);
            assert_eq!((rig.number(1.0).is_some(), rig.recall(0.0)), (name == "press", None));
            assert_eq!((rig.put("off"), rig.notices.len()), (None, 1));
            assert_eq!(rig.number(0.0).is_some(), name == "release", "a text has released the button");
            assert_eq!(chain(name).inverse().unwrap_err(), 0);
        }
    }
}
