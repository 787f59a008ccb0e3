//! `toggle`: each press changes between on and off.

use crate::Value;
use crate::transform::{ArgumentError, Arguments, Moment, Stage, Stateful, Transform};

pub(in crate::transform) const TOGGLE: Transform =
    Transform { name: "toggle", usage: "toggle", summary: "changes between 0 and 1 with each press", read };

fn read(_: &mut Arguments<'_>) -> Result<Stage, ArgumentError> {
    Ok(Stage::Stateful(Box::new(Toggle::default())))
}

#[derive(Clone, Debug, Default)]
struct Toggle {
    is_pressed: bool,
    is_on: bool,
}

impl Stateful for Toggle {
    fn handle_value(&mut self, moment: &mut Moment<'_>, value: Value) -> Option<Value> {
        moment.number(&value, TOGGLE.name)?;
        let was_pressed = std::mem::replace(&mut self.is_pressed, value.is_pressed());
        if was_pressed || !self.is_pressed {
            return None;
        }
        self.is_on = !self.is_on;
        Some(Value::edge(self.is_on))
    }

    fn boxed(&self) -> Box<dyn Stateful> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use crate::transform::rig::Rig;

    #[test]
    fn each_press_changes_it_and_releases_do_nothing() {
        let mut rig = Rig::new("toggle");
        let passed: Vec<_> =
            [1.0, 0.0, 0.95, 1.0, 0.9, 1.0].into_iter().map(|level| rig.number(level)).collect();
        assert_eq!(passed, [Some(1.0), None, Some(0.0), None, None, Some(1.0)]);
    }

    #[test]
    fn a_recall_and_a_text_press_nothing() {
        let mut rig = Rig::new("toggle");
        assert_eq!((rig.recall(1.0), rig.put("on")), (None, None));
        assert_eq!(rig.notices.len(), 1);
        assert_eq!(rig.number(1.0), Some(1.0));
    }
}
