//! `cycle` and `toggle`: each press outputs the next level of a list.

use std::sync::Arc;

use crosspatch_core::transform::{ArgumentError, Arguments, Moment, Properties, Stage, Stateful, Transform};
use crosspatch_core::{Instant, Kind, Value};

use crate::button::edge::ButtonState;
use crate::target::{LAG, TargetState};

pub(crate) const TOGGLE: Transform = Transform {
    name: "toggle",
    usage: "toggle",
    summary: "switches between 0 and 1 at each press",
    read: |arguments| Ok(Cycle::stage(TOGGLE.name, vec![1.0, 0.0], arguments)),
};

pub(crate) const CYCLE: Transform = Transform {
    name: "cycle",
    usage: "cycle <level> <level>...",
    summary: "gives the next level of a list at each press, and starts again after the last",
    read: read_cycle,
};

const MAX_LEVELS: usize = 64;

fn read_cycle(arguments: &mut Arguments<'_>) -> Result<Stage, ArgumentError> {
    let mut levels = Vec::new();
    while levels.len() < 2 || !arguments.is_empty() {
        if levels.len() == MAX_LEVELS {
            return Err(arguments.unexpected(&format!("at most {MAX_LEVELS} levels")));
        }
        levels.push(arguments.number("a level", 0.0..=1.0)?);
    }
    Ok(Cycle::stage(CYCLE.name, levels, arguments))
}

#[derive(Clone, Debug)]
struct Cycle {
    name: &'static str,
    levels: Arc<[f64]>,
    /// The index of the last output level, and its time.
    given: Option<(usize, Instant)>,
    button: ButtonState,
    target: TargetState,
}

impl Cycle {
    fn stage(name: &'static str, levels: Vec<f64>, arguments: &mut Arguments<'_>) -> Stage {
        let (button, target) = (ButtonState::default(), TargetState::new(arguments));
        Stage::Stateful(Box::new(Self { name, levels: levels.into(), given: None, button, target }))
    }

    /// The index of the target's level: the nearest one if the target's level is known. While the target may still report an
    /// older level, the last output counts. Among equally near levels, the last output wins, so that a level may be in the list
    /// twice.
    fn present(&self, moment: &Moment<'_>) -> Option<usize> {
        let given = self.given.map(|(at, _)| at);
        if self.given.is_some_and(|(_, since)| moment.now - since < LAG) {
            return given;
        }
        let Some(level) = self.target.level(moment) else { return given };
        let distance = |at: usize| (self.levels[at] - level).abs();
        let all = given.into_iter().chain(0..self.levels.len());
        all.min_by(|&one, &other| distance(one).total_cmp(&distance(other)))
    }
}

impl Stateful for Cycle {
    fn handle_value(&mut self, moment: &mut Moment<'_>, value: Value) -> Option<Value> {
        if !self.button.is_press(moment, &value, self.name) {
            return None;
        }
        let next = self.present(moment).map_or(0, |at| (at + 1) % self.levels.len());
        self.given = Some((next, moment.now));
        Some(Value::Number(self.levels[next]))
    }

    fn set_following(&mut self, stages: &[Stage]) {
        self.target.set_following(stages);
    }

    // The result is a state even if the source sends events.
    fn properties(&self) -> Properties<'_> {
        Properties { kinds: (Kind::State, Kind::Control), ..Properties::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::{ChainRig, chain, read_stage};

    impl ChainRig {
        /// A stroke one second after the previous one.
        fn stroke(&mut self) -> Option<f64> {
            self.advance(LAG);
            let given = self.number(1.0);
            assert_eq!(self.number(0.0), None);
            given
        }

        /// Strokes after each of which the target is what came out.
        fn strokes<const N: usize>(&mut self) -> [f64; N] {
            std::array::from_fn(|_| {
                let given = self.stroke().unwrap();
                self.known.fill(Some(Value::number(given)));
                given
            })
        }
    }

    #[test]
    fn each_press_toggles_and_releases_do_nothing() {
        let mut rig = ChainRig::new("toggle");
        let passed: Vec<_> =
            [1.0, 0.0, 0.95, 1.0, 0.9, 1.0].into_iter().map(|level| rig.number(level)).collect();
        assert_eq!(passed, [Some(1.0), None, Some(0.0), None, None, Some(1.0)]);
    }

    #[test]
    fn a_recall_and_a_text_press_nothing() {
        for text in ["toggle", "cycle 1 0"] {
            let mut rig = ChainRig::new(text);
            assert_eq!((rig.recall(1.0), rig.put("on")), (None, None));
            assert_eq!((rig.notices.len(), rig.number(1.0)), (1, Some(1.0)));
            assert_eq!(chain(text).inverse().unwrap_err(), 0);
        }
    }

    #[test]
    fn a_list_begins_again_after_its_last_level() {
        assert_eq!(ChainRig::new("cycle 0 50% 1").strokes(), [0.0, 0.5, 1.0, 0.0]);
        assert_eq!(ChainRig::new("cycle 0 0.5 1 0.5").strokes(), [0.0, 0.5, 1.0, 0.5, 0.0, 0.5]);
    }

    #[test]
    fn a_toggle_turns_off_what_somebody_else_has_turned_on() {
        let mut rig = ChainRig::new("toggle");
        rig.known[0] = Some(1.0.into());
        assert_eq!(rig.strokes(), [0.0, 1.0]);
        rig.known[0] = Some(0.0.into());
        assert_eq!(rig.stroke(), Some(1.0));
        rig.known[0] = Some("running".into());
        assert_eq!(rig.stroke(), Some(0.0), "a text is no level, so its own memory counts");
    }

    #[test]
    fn a_row_goes_on_from_the_level_next_to_its_target() {
        for (known, given) in [(0.0, 0.5), (0.2, 0.5), (0.3, 1.0), (0.9, 0.0)] {
            let mut rig = ChainRig::new("cycle 0 0.5 1");
            rig.known[0] = Some(known.into());
            assert_eq!(rig.stroke(), Some(given), "from {known}");
        }
        let mut rig = ChainRig::new("cycle 0 0.5 1 0.5");
        assert_eq!(rig.strokes(), [0.0, 0.5, 1.0, 0.5]);
        rig.known[0] = Some(0.498.into());
        assert_eq!(rig.stroke(), Some(0.0), "which of the equal levels it was is not forgotten");
    }

    #[test]
    fn what_a_target_says_late_undoes_no_press() {
        let mut rig = ChainRig::new("toggle");
        assert_eq!((rig.stroke(), rig.advance(LAG / 2).len()), (Some(1.0), 0));
        assert_eq!((rig.number(1.0), rig.number(0.0)), (Some(0.0), None));
        // It reports what the first press has brought about.
        rig.known[0] = Some(1.0.into());
        assert_eq!((rig.number(1.0), rig.number(0.0)), (Some(1.0), None));
        assert_eq!(rig.stroke(), Some(0.0));
    }

    #[test]
    fn the_target_is_seen_through_the_shapes_before_it() {
        let mut rig = ChainRig::new("toggle | print | invert");
        assert_eq!(rig.strokes(), [0.0, 1.0, 0.0]);
        rig.known[0] = Some(1.0.into());
        assert_eq!(rig.stroke(), Some(0.0));
    }

    #[test]
    fn where_the_target_cannot_be_seen_its_own_memory_counts() {
        for text in ["toggle | threshold 0.5", "toggle | merge htp"] {
            let mut rig = ChainRig::new(text);
            rig.known[0] = Some(1.0.into());
            assert_eq!((rig.stroke(), rig.stroke()), (Some(1.0), Some(0.0)), "{text}");
        }
    }

    #[test]
    fn a_row_has_two_to_sixty_four_levels() {
        let row = |count: usize| format!("cycle{}", " 0.5".repeat(count));
        assert!(
            read_stage(&row(2), &mut Vec::new()).is_ok() && read_stage(&row(64), &mut Vec::new()).is_ok()
        );
        let error = |stage: &str| read_stage(stage, &mut Vec::new()).unwrap_err().message;
        assert_eq!(error(&row(1)), "expected a level, found nothing");
        assert_eq!(error(&row(65)), "expected at most 64 levels, found `0.5`");
        assert_eq!(error("cycle 0 2"), "expected a level from 0 to 1, found `2`");
    }
}
