//! What the values of a channel do to a button that is their target.

use crosspatch_core::Value;

/// An action on a button.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Edge {
    /// Pressed it.
    Press,
    /// Pressed it again without a release in between: a trigger, a program change, a pad that sends no note-off.
    PressAgain,
    /// Let it go.
    Release,
}

/// A button by the value that holds it down.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct Button {
    held_by: Option<f64>,
}

impl Button {
    /// What a value does. The same value again is another press; another one that is still a press comes from a control that
    /// moves on, a fader above the threshold or a pad with pressure, and holds the button.
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

    /// Whether it is down.
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
