//! `pulse`: a press of a certain length, however long the button is held.

use crosspatch_core::transform::{ArgumentError, Arguments, Moment, Properties, Stage, Stateful, Transform};
use crosspatch_core::{Duration, Instant, Kind, Value};

use crate::button::edge::ButtonState;

pub(crate) const PULSE: Transform = Transform {
    name: "pulse",
    usage: "pulse <time>",
    summary: "gives 1 at a press, and 0 after a time",
    read,
};

fn read(arguments: &mut Arguments<'_>) -> Result<Stage, ArgumentError> {
    let time = arguments.duration("a time")?;
    Ok(Stage::Stateful(Box::new(Pulse { time, button: ButtonState::default(), ends: None })))
}

#[derive(Clone, Debug)]
struct Pulse {
    time: Duration,
    button: ButtonState,
    ends: Option<Instant>,
}

impl Stateful for Pulse {
    fn handle_value(&mut self, moment: &mut Moment<'_>, value: Value) -> Option<Value> {
        if !self.button.is_press(moment, &value, PULSE.name) {
            return None;
        }
        self.ends = Some(moment.now + self.time);
        Some(Value::edge(true))
    }

    fn handle_timeout(&mut self, _: &mut Moment<'_>) -> Option<Value> {
        self.ends = None;
        Some(Value::edge(false))
    }

    fn next_timeout(&self) -> Option<Instant> {
        self.ends
    }

    // The result is a state even if the source sends events.
    fn properties(&self) -> Properties<'_> {
        Properties { kinds: (Kind::State, Kind::Control), ..Properties::default() }
    }
}

#[cfg(test)]
mod tests {
    use crosspatch_core::{Duration, Value};

    use crate::rig::{ChainRig, chain};

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn it_lasts_its_time_whether_the_button_is_held_or_not() {
        let mut rig = ChainRig::new("pulse 100ms");
        assert_eq!((rig.number(1.0), rig.advance(30 * MS), rig.number(0.0)), (Some(1.0), vec![], None));
        assert_eq!(rig.advance(100 * MS), [(100, Value::edge(false))]);
        assert_eq!((rig.number(1.0), rig.number(0.95)), (Some(1.0), None));
        assert_eq!(rig.advance(1000 * MS), [(230, Value::edge(false))]);
        assert_eq!((rig.next_timeout(), rig.number(0.0)), (None, None));
    }

    #[test]
    fn a_press_during_the_pulse_is_output_and_restarts_its_time() {
        let mut rig = ChainRig::new("threshold 0 | press | pulse 50ms");
        assert_eq!(rig.number(0.2), Some(1.0));
        assert_eq!((rig.advance(40 * MS), rig.number(0.0), rig.number(0.3)), (vec![], None, Some(1.0)));
        assert_eq!(rig.advance(100 * MS), [(90, Value::edge(false))]);
    }

    #[test]
    fn a_pulse_without_length_is_a_press_and_its_release() {
        let mut rig = ChainRig::new("pulse 0ms");
        assert_eq!((rig.number(1.0), rig.advance(MS)), (Some(1.0), vec![(0, Value::edge(false))]));
    }

    #[test]
    fn a_recall_and_a_text_start_nothing_and_there_is_no_way_back() {
        let mut rig = ChainRig::new("pulse 1s");
        assert_eq!((rig.recall(1.0), rig.put("go"), rig.next_timeout()), (None, None, None));
        assert_eq!(rig.notices.len(), 1);
        assert_eq!(chain("pulse 1s").inverse().unwrap_err(), 0);
    }
}
