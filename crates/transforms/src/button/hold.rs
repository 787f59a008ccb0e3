//! `hold`: the long press of a button.

use crosspatch_core::transform::{ArgumentError, Arguments, Moment, Stage, Stateful, Transform};
use crosspatch_core::{Duration, Instant, Value};

use crate::button::edge::{ButtonEdge, ButtonState};

pub(crate) const HOLD: Transform = Transform {
    name: "hold",
    usage: "hold <time>",
    summary: "gives 1 when a button has been held for a time, and 0 at its release",
    read,
};

fn read(arguments: &mut Arguments<'_>) -> Result<Stage, ArgumentError> {
    let time = arguments.duration("a time")?;
    Ok(Stage::Stateful(Box::new(Hold { time, button: ButtonState::default(), due: None, is_held: false })))
}

#[derive(Clone, Debug)]
struct Hold {
    time: Duration,
    button: ButtonState,
    /// When the pressed button will have been held long enough.
    due: Option<Instant>,
    is_held: bool,
}

impl Stateful for Hold {
    fn handle_value(&mut self, moment: &mut Moment<'_>, value: Value) -> Option<Value> {
        // A trigger has no duration.
        if moment.is_trigger {
            return None;
        }
        match self.button.edge(moment, &value, HOLD.name)? {
            // Some controllers repeat the press while a button is down.
            ButtonEdge::Press if self.is_held || self.due.is_some() => None,
            ButtonEdge::Press => {
                self.due = Some(moment.now + self.time);
                None
            }
            ButtonEdge::Release => {
                self.due = None;
                std::mem::take(&mut self.is_held).then(|| Value::edge(false))
            }
        }
    }

    fn handle_timeout(&mut self, _: &mut Moment<'_>) -> Option<Value> {
        self.due = None;
        self.is_held = true;
        Some(Value::edge(true))
    }

    fn next_timeout(&self) -> Option<Instant> {
        self.due
    }
}

#[cfg(test)]
mod tests {
    use crosspatch_core::{Duration, Value};

    use crate::rig::{ChainRig, chain};

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_long_press_begins_when_it_is_long_enough_and_ends_with_the_release() {
        let mut rig = ChainRig::new("hold 500ms");
        assert_eq!((rig.number(1.0), rig.advance(300 * MS), rig.number(0.92)), (None, vec![], None));
        assert_eq!(rig.advance(2000 * MS), [(500, Value::edge(true))]);
        assert_eq!((rig.next_timeout(), rig.number(0.5), rig.number(0.0)), (None, Some(0.0), None));
    }

    #[test]
    fn a_short_press_is_nothing() {
        let mut rig = ChainRig::new("hold 500ms");
        for _ in 0..3 {
            assert_eq!((rig.number(1.0), rig.advance(499 * MS)), (None, vec![]));
            assert_eq!((rig.number(0.0), rig.next_timeout()), (None, None));
        }
    }

    #[test]
    fn a_trigger_a_recall_and_a_text_hold_nothing_and_there_is_no_way_back() {
        let mut rig = ChainRig::new("press | hold 1s");
        assert_eq!((rig.number(1.0), rig.next_timeout()), (None, None));
        let mut rig = ChainRig::new("hold 1s");
        assert_eq!((rig.recall(1.0), rig.put("go"), rig.next_timeout()), (None, None, None));
        assert_eq!(chain("hold 1s").inverse().unwrap_err(), 0);
        let mut rig = ChainRig::new("press | toggle | hold 1s");
        assert_eq!((rig.number(1.0), rig.advance(1000 * MS)), (None, vec![(1000, Value::edge(true))]));
    }
}
