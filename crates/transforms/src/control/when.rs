//! `when`: passes values while the value of another channel meets a condition.

use crosspatch_core::transform::{ArgumentError, Arguments, Stage, Transform};

use super::gate::{GateCondition, Test, read_end};

pub(crate) const WHEN: Transform = Transform {
    name: "when",
    usage: "when [not] <channel> [>|>=|<|<=|= <level>|= \"<text>\"|in <from>..<to>] [resend]",
    summary: "passes values only while a condition on a channel is true",
    read,
};

fn read(arguments: &mut Arguments<'_>) -> Result<Stage, ArgumentError> {
    let is_negated = arguments.keyword("not");
    let reference = arguments.channel()?;
    let test = read_test(arguments)?;
    read_end(arguments, GateCondition::Test { test, is_negated }, reference)
}

/// A comparison, if one comes next.
fn read_test(arguments: &mut Arguments<'_>) -> Result<Test, ArgumentError> {
    let level = |arguments: &mut Arguments<'_>| arguments.number("a level", 0.0..=1.0);
    if arguments.keyword(">") {
        // `>=` is two tokens.
        return if arguments.keyword("=") {
            level(arguments).map(Test::AtLeast)
        } else {
            level(arguments).map(Test::Above)
        };
    }
    if arguments.keyword("<") {
        return if arguments.keyword("=") {
            level(arguments).map(Test::AtMost)
        } else {
            level(arguments).map(Test::Below)
        };
    }
    if arguments.keyword("=") {
        return match arguments.is_text_next() {
            true => Ok(Test::Text(arguments.text("a text")?.into())),
            false => level(arguments).map(Test::Equals),
        };
    }
    if arguments.keyword("in") {
        let (one, other) = arguments.range("a range", 0.0..=1.0)?;
        return Ok(Test::Within(one.min(other), one.max(other)));
    }
    Ok(Test::Set)
}

#[cfg(test)]
mod tests {
    use crosspatch_core::Value;

    use crate::rig::{ChainRig, read_stage};

    /// Which of some values of its channel a gate is awake at.
    fn awake_at(text: &str, values: &[f64]) -> Vec<f64> {
        let mut rig = ChainRig::new(text);
        let is_awake = |value: &&f64| {
            rig.channel(0, **value);
            !rig.is_asleep()
        };
        values.iter().filter(is_awake).copied().collect()
    }

    #[test]
    fn every_comparison_holds_where_it_says() {
        let values = [0.0, 0.25, 0.375, 0.5, 1.0];
        for (text, awake) in [
            ("when a.x", vec![0.25, 0.375, 0.5, 1.0]),
            ("when not a.x", vec![0.0]),
            ("when a.x > 0.25", vec![0.375, 0.5, 1.0]),
            ("when a.x >= 25%", vec![0.25, 0.375, 0.5, 1.0]),
            ("when a.x < 0.5", vec![0.0, 0.25, 0.375]),
            ("when a.x <= 0.5", vec![0.0, 0.25, 0.375, 0.5]),
            ("when a.x = 0.375", vec![0.375]),
            ("when a.x =0.5", vec![0.5]),
            ("when a.x in 0.25..0.5", vec![0.25, 0.375, 0.5]),
            ("when a.x in 0.5..0.25", vec![0.25, 0.375, 0.5]),
            ("when not a.x in 0.25..0.5", vec![0.0, 1.0]),
            ("when not a.x > 0.25 resend", vec![0.0, 0.25]),
        ] {
            assert_eq!(awake_at(text, &values), awake, "{text}");
        }
    }

    #[test]
    fn a_level_of_seven_bits_equals_what_is_written_with_three_decimals() {
        for raw in 0..=127 {
            let level = f64::from(raw) / 127.0;
            let text = format!("when a.x = {level:.3}");
            let neighbours = [-1.0, 0.0, 1.0].map(|step| level + step / 127.0);
            assert_eq!(awake_at(&text, &neighbours[1..2]), [level], "{text}");
            assert!(!awake_at(&text, &neighbours).contains(&neighbours[2]) || raw == 127, "{text}");
        }
    }

    #[test]
    fn texts_are_compared_as_they_are() {
        for (text, at) in [
            (r#"when a.x = "On Air""#, [false, false, true]),
            (r#"when not a.x = "On Air""#, [true, true, false]),
            ("when a.x", [false, true, true]),
            ("when a.x < 0.5", [false; 3]),
            ("when not a.x = 0", [true; 3]),
        ] {
            let mut rig = ChainRig::new(text);
            let awake = ["", "on air", "On Air"].map(|word| {
                rig.channel(0, word);
                !rig.is_asleep()
            });
            assert_eq!(awake, at, "{text}");
        }
        let mut rig = ChainRig::new(r#"when a.x = "1""#);
        assert_eq!((rig.channel(0, 1.0), rig.is_asleep()), (None, true));
    }

    #[test]
    fn a_channel_that_has_not_spoken_is_zero() {
        for (text, passed) in [("when a.x", None), ("when not a.x", Some(0.5)), ("when a.x < 0.1", Some(0.5))]
        {
            let mut rig = ChainRig::new(text);
            assert_eq!((rig.is_asleep(), rig.number(0.5)), (passed.is_none(), passed), "{text}");
        }
    }

    #[test]
    fn both_ends_of_two_pages_can_be_distinguished() {
        let mut rig = ChainRig::new("when pages.x >= 0.5 resend | invert");
        rig.number(0.25);
        assert_eq!(rig.channel(0, 0.5), Some(Value::Number(0.75)));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for text in [
            "when",
            "when not",
            "when a.x >",
            "when a.x > 2",
            "when a.x > \"b\"",
            "when a.x => 0.5",
            "when a.x in 0.5",
            "when a.x 0.5",
            "when a.x resend now",
        ] {
            assert!(read_stage(text, &mut Vec::new()).is_err(), "{text}");
        }
    }
}
