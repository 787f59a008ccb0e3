//! `dedup`: drops repetitions.

use crosspatch_core::Value;
use crosspatch_core::transform::{ArgumentError, Arguments, Moment, Stage, Stateful, Transform};

pub(crate) const DEDUP: Transform = Transform {
    name: "dedup",
    usage: "dedup [<epsilon>]",
    summary: "drops values that equal the last one, or differ too little",
    read,
};

fn read(arguments: &mut Arguments<'_>) -> Result<Stage, ArgumentError> {
    let epsilon = if arguments.is_empty() { 0.0 } else { arguments.number("a difference", 0.0..=1.0)? };
    Ok(Stage::Stateful(Box::new(Dedup { epsilon, last: None })))
}

#[derive(Clone, Debug)]
struct Dedup {
    /// Smaller differences count as repetitions.
    epsilon: f64,
    last: Option<Value>,
}

impl Dedup {
    fn is_news(&self, value: &Value) -> bool {
        match (&self.last, value) {
            (Some(Value::Number(last)), Value::Number(number)) => {
                // A fader at its end stop always passes.
                let is_at_end = *number <= 0.0 || *number >= 1.0;
                (number - last).abs() > self.epsilon || (is_at_end && number != last)
            }
            (last, value) => last.as_ref() != Some(value),
        }
    }
}

impl Stateful for Dedup {
    fn handle_value(&mut self, moment: &mut Moment<'_>, value: Value) -> Option<Value> {
        (moment.is_trigger || self.is_news(&value)).then(|| self.last.insert(value).clone())
    }

    fn handle_recall(&mut self, _: &mut Moment<'_>, value: Value) -> Option<Value> {
        Some(self.last.insert(value).clone())
    }

    fn inverse(&self) -> Option<Stage> {
        Some(Stage::Stateful(Box::new(self.clone())))
    }
}

#[cfg(test)]
mod tests {
    use crosspatch_core::Value;
    use crosspatch_core::transform::LinePosition;

    use crate::rig::{ChainRig, chain, read_stage};

    /// Which of the values pass.
    fn passed(chain: &str, values: &[f64]) -> Vec<f64> {
        let mut rig = ChainRig::new(chain);
        values.iter().filter_map(|&value| rig.number(value)).collect()
    }

    #[test]
    fn equal_values_are_not_repeated() {
        assert_eq!(passed("dedup", &[0.0, 0.0, 0.5, 0.5, 0.500001, 0.0]), [0.0, 0.5, 0.500001, 0.0]);
    }

    #[test]
    fn small_differences_are_none_but_the_ends_are_reached() {
        let creep = [0.5, 0.55, 0.6, 0.61, 0.9, 0.95, 1.0, 1.0, 0.95, 0.1, 0.05, 0.0, 0.0];
        assert_eq!(passed("dedup 10%", &creep), [0.5, 0.61, 0.9, 1.0, 0.1, 0.0]);
        assert_eq!(passed("scale 2 | dedup 0.5", &[0.45, 0.55]), [0.9, 1.0], "beyond an end is at it");
    }

    #[test]
    fn texts_are_compared_with_texts() {
        let mut rig = ChainRig::new("dedup 0.1");
        assert_eq!((rig.put("a"), rig.put("a"), rig.put("b")), (Some("a".into()), None, Some("b".into())));
        assert_eq!((rig.number(0.0), rig.put("b")), (Some(0.0), Some("b".into())));
    }

    #[test]
    fn every_trigger_passes() {
        assert_eq!(passed("press | dedup", &[1.0, 0.0, 1.0]), [1.0, 1.0]);
    }

    #[test]
    fn a_recall_passes_and_counts_and_the_way_back_is_the_same() {
        let mut rig = ChainRig::of(chain("dedup").inverse().unwrap(), LinePosition::ONLY);
        assert_eq!((rig.number(0.5), rig.recall(0.5)), (Some(0.5), Some(Value::number(0.5))));
        assert_eq!((rig.recall(0.6), rig.number(0.6)), (Some(Value::number(0.6)), None));
        assert!(
            read_stage("dedup 2", &mut Vec::new()).is_err()
                && read_stage("dedup 0.1 0.2", &mut Vec::new()).is_err()
        );
    }
}
