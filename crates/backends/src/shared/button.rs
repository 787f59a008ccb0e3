//! Converts the values of a channel to actions on the button it controls.

use crosspatch_core::Value;

/// An action on a button.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Edge {
    /// A press.
    Press,
    /// Another press without a release in between: a trigger, a program change, a pad that sends no note-off.
    PressAgain,
    /// A release.
    Release,
}

/// The state of a button, with the value that holds it down.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct Button {
    held_by: Option<f64>,
}

impl Button {
    /// The action of a value. An equal value is another press. A different value that is still a press comes from a
    /// control in motion, such as a fader above the threshold or a pad with pressure, and holds the button.
    pub(crate) fn edge(&mut self, value: &Value) -> Option<Edge> {
        let level = value.as_number()?;
        let held_by = value.is_pressed().then_some(level);
        match (std::mem::replace(&mut self.held_by, held_by), held_by) {
            (None, Some(_)) => Some(Edge::Press),
            (Some(before), Some(level)) => (before == level).then_some(Edge::PressAgain),
            (Some(_), None) => Some(Edge::Release),
            (None, None) => None,
        }
    }

    /// Whether the button is down.
    pub(crate) fn is_down(&self) -> bool {
        self.held_by.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_press_again_counts_and_a_fader_that_moves_on_does_not() {
        let mut button = Button::default();
        for (level, edge) in [
            (0.0, None),
            (1.0, Some(Edge::Press)),
            (1.0, Some(Edge::PressAgain)),
            (0.95, None),
            (0.95, Some(Edge::PressAgain)),
            (0.9, Some(Edge::Release)),
            (0.5, None),
            (0.95, Some(Edge::Press)),
            (0.0, Some(Edge::Release)),
        ] {
            assert_eq!(button.edge(&Value::number(level)), edge, "{level}");
        }
        assert_eq!(button.edge(&Value::text("1")), None);
    }
}
