//! Presses and releases in a stream of values.

use crosspatch_core::Value;
use crosspatch_core::transform::Moment;

/// What somebody did to a button.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Edge {
    Press,
    Release,
}

/// What is known of the button in front of a stage.
#[derive(Clone, Debug, Default)]
pub(super) struct Button {
    is_pressed: bool,
    last: f64,
}

impl Button {
    /// What a value does to the button, if it does anything. Each trigger is a press of its own, and so is a level that is
    /// said twice: a sender that knows no releases says 1 each time. A level that only moves above the threshold is not.
    pub(super) fn edge(
        &mut self,
        moment: &mut Moment<'_>,
        value: &Value,
        transform: &'static str,
    ) -> Option<Edge> {
        let level = moment.number(value, transform)?;
        let is_pressed = value.is_pressed();
        let is_repeated = std::mem::replace(&mut self.last, level) == level;
        if std::mem::take(&mut moment.is_trigger) && is_pressed {
            return Some(Edge::Press);
        }
        match (std::mem::replace(&mut self.is_pressed, is_pressed), is_pressed) {
            (false, true) => Some(Edge::Press),
            (true, false) => Some(Edge::Release),
            (true, true) if is_repeated => Some(Edge::Press),
            (false, false) | (true, true) => None,
        }
    }

    /// Whether a value presses the button.
    pub(super) fn is_press(
        &mut self,
        moment: &mut Moment<'_>,
        value: &Value,
        transform: &'static str,
    ) -> bool {
        self.edge(moment, value, transform) == Some(Edge::Press)
    }
}
