//! Presses and releases in a stream of values.

use crosspatch_core::Value;
use crosspatch_core::transform::Moment;

/// A press or a release.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum ButtonEdge {
    Press,
    Release,
}

/// The state of the button that a stage receives.
#[derive(Clone, Debug, Default)]
pub(super) struct ButtonState {
    is_pressed: bool,
    last: f64,
}

impl ButtonState {
    /// The edge that a value means, if any. Each trigger is a press, and so is a repeated level, because a sender without
    /// releases sends 1 for each press. A level that only moves above the threshold is none.
    pub(super) fn edge(
        &mut self,
        moment: &mut Moment<'_>,
        value: &Value,
        transform: &'static str,
    ) -> Option<ButtonEdge> {
        let level = moment.number(value, transform)?;
        let is_pressed = value.is_pressed();
        let is_repeated = std::mem::replace(&mut self.last, level) == level;
        if std::mem::take(&mut moment.is_trigger) && is_pressed {
            return Some(ButtonEdge::Press);
        }
        match (std::mem::replace(&mut self.is_pressed, is_pressed), is_pressed) {
            (false, true) => Some(ButtonEdge::Press),
            (true, false) => Some(ButtonEdge::Release),
            (true, true) if is_repeated => Some(ButtonEdge::Press),
            (false, false) | (true, true) => None,
        }
    }

    /// Whether the value is a press.
    pub(super) fn is_press(
        &mut self,
        moment: &mut Moment<'_>,
        value: &Value,
        transform: &'static str,
    ) -> bool {
        self.edge(moment, value, transform) == Some(ButtonEdge::Press)
    }
}
