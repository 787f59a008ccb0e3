//! `double`: two presses of a button in quick succession.

use crosspatch_core::transform::{ArgumentError, Arguments, Moment, Stage, Stateful, Transform};
use crosspatch_core::{Duration, Instant, Value};

use crate::button::edge::{ButtonEdge, ButtonState};

pub(crate) const DOUBLE: Transform = Transform {
    name: "double",
    usage: "double <time>",
    summary: "gives 1 at a second press within a time after the first, and 0 at its release",
    read,
};

fn read(arguments: &mut Arguments<'_>) -> Result<Stage, ArgumentError> {
    let time = arguments.duration("a time")?;
    Ok(Stage::Stateful(Box::new(Double {
        time,
        button: ButtonState::default(),
        first: None,
        is_given: false,
    })))
}

#[derive(Clone, Debug)]
struct Double {
    time: Duration,
    button: ButtonState,
    /// The time of a press that waits for a second one.
    first: Option<Instant>,
    is_given: bool,
}

impl Stateful for Double {
    fn handle_value(&mut self, moment: &mut Moment<'_>, value: Value) -> Option<Value> {
        let is_trigger = moment.is_trigger;
        match self.button.edge(moment, &value, DOUBLE.name)? {
            ButtonEdge::Press => {
                let first = self.first.replace(moment.now);
                first.filter(|first| moment.now.since(*first) <= self.time)?;
                // A third press is the first of the next two.
                self.first = None;
                self.is_given = !is_trigger;
                moment.is_trigger = is_trigger;
                Some(Value::edge(true))
            }
            ButtonEdge::Release => std::mem::take(&mut self.is_given).then(|| Value::edge(false)),
        }
    }
}

#[cfg(test)]
mod tests {
    use crosspatch_core::Duration;

    use crate::rig::{ChainRig, chain};

    const MS: Duration = Duration::from_millis(1);

    /// Returns the output for presses and releases, each preceded by a pause in milliseconds.
    fn strokes(chain: &str, pauses: &[u32]) -> Vec<Option<f64>> {
        let mut rig = ChainRig::new(chain);
        let stroke = |(at, &pause): (usize, &u32)| {
            assert_eq!(rig.advance(pause * MS), []);
            rig.number(if at % 2 == 0 { 1.0 } else { 0.0 })
        };
        pauses.iter().enumerate().map(stroke).collect()
    }

    #[test]
    fn the_second_press_counts_if_it_comes_in_time() {
        assert_eq!(strokes("double 300ms", &[0, 100, 200, 50]), [None, None, Some(1.0), Some(0.0)]);
        assert_eq!(
            strokes("double 300ms", &[0, 100, 201, 50, 250, 10]),
            [None, None, None, None, Some(1.0), Some(0.0)]
        );
    }

    #[test]
    fn of_four_quick_presses_every_other_counts() {
        let quick = strokes("double 300ms", &[10; 8]);
        assert_eq!(quick, [None, None, Some(1.0), Some(0.0), None, None, Some(1.0), Some(0.0)]);
    }

    #[test]
    fn two_triggers_are_a_trigger() {
        let quick = strokes("press | double 300ms | toggle", &[10; 8]);
        assert_eq!(quick, [None, None, Some(1.0), None, None, None, Some(0.0), None]);
    }

    #[test]
    fn a_recall_and_a_text_count_for_nothing_and_there_is_no_way_back() {
        let mut rig = ChainRig::new("double 1s");
        assert_eq!((rig.number(1.0), rig.recall(1.0), rig.put("go")), (None, None, None));
        assert_eq!((rig.number(0.95), rig.number(0.0), rig.number(1.0)), (None, None, Some(1.0)));
        assert_eq!(rig.next_timeout(), None);
        assert_eq!(chain("double 1s").inverse().unwrap_err(), 0);
    }
}
