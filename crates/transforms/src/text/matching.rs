//! `match`: turns names of states into numbers, and numbers into names.

use std::sync::Arc;

use crosspatch_core::Value;
use crosspatch_core::transform::{ArgumentError, Arguments, Moment, Stage, Stateful, Transform};

pub(crate) const MATCH: Transform = Transform {
    name: "match",
    usage: "match <pattern>=<result> ... [else=<result>]",
    summary: "translates values by a list: `match \"off\"=0 \"on\"=1`",
    read,
};

/// The largest difference from a listed number with exact matching: the sixth decimal, up to which values are shown.
const SAME: f64 = 1e-6;

fn read(arguments: &mut Arguments<'_>) -> Result<Stage, ArgumentError> {
    let mut entries: Vec<MatchEntry> = Vec::new();
    let mut otherwise = None;
    while otherwise.is_none() && (entries.is_empty() || !arguments.is_empty()) {
        let twice = arguments.unexpected("a pattern that is not in the list yet");
        if arguments.keyword("else") {
            arguments.expect_keyword("=")?;
            otherwise = Some(read_result(arguments)?);
            continue;
        }
        let pattern = read_pattern(arguments)?;
        if entries.iter().any(|entry| entry.pattern == pattern) {
            return Err(twice);
        }
        arguments.expect_keyword("=")?;
        entries.push(MatchEntry { pattern, result: read_result(arguments)? });
    }
    let is_exact = otherwise.is_some();
    Ok(Stage::Stateful(Box::new(MatchStage { list: Arc::new(MatchList { entries, otherwise, is_exact }) })))
}

fn read_pattern(arguments: &mut Arguments<'_>) -> Result<MatchPattern, ArgumentError> {
    if arguments.is_text_next() {
        return Ok(MatchPattern::Text(arguments.pattern("a pattern")?));
    }
    number(arguments, "a quoted text, a number or `else`").map(MatchPattern::Number)
}

fn read_result(arguments: &mut Arguments<'_>) -> Result<Value, ArgumentError> {
    if arguments.is_text_next() {
        return arguments.text("a result").map(Value::text);
    }
    number(arguments, "a number or a quoted text").map(Value::Number)
}

fn number(arguments: &mut Arguments<'_>, what: &str) -> Result<f64, ArgumentError> {
    arguments.number(what, -1e6..=1e6)
}

#[derive(Clone, Debug, PartialEq)]
enum MatchPattern {
    Number(f64),
    /// The texts before, between and after the stars.
    Text(Vec<String>),
}

impl MatchPattern {
    fn is_text_like(&self, text: &str) -> bool {
        let Self::Text(pieces) = self else { return false };
        let [first, middle @ .., last] = &**pieces else { return pieces.iter().all(|piece| piece == text) };
        let Some(mut rest) = text.strip_prefix(&**first).and_then(|rest| rest.strip_suffix(&**last)) else {
            return false;
        };
        middle.iter().all(|piece| {
            let found = rest.find(&**piece);
            rest = found.map_or("", |at| &rest[at + piece.len()..]);
            found.is_some()
        })
    }

    /// The distance of a number from the pattern.
    fn distance(&self, number: f64) -> Option<f64> {
        match self {
            Self::Number(listed) => Some((listed - number).abs()),
            Self::Text(_) => None,
        }
    }
}

#[derive(Debug)]
struct MatchEntry {
    pattern: MatchPattern,
    result: Value,
}

#[derive(Debug)]
struct MatchList {
    entries: Vec<MatchEntry>,
    otherwise: Option<Value>,
    /// Whether numbers match exactly. Otherwise, the nearest listed number matches.
    is_exact: bool,
}

impl MatchList {
    fn result(&self, value: &Value) -> Option<&Value> {
        let entry = match value {
            Value::Text(text) => self.entries.iter().find(|entry| entry.pattern.is_text_like(text)),
            Value::Number(number) => self.nearest(*number),
        };
        entry.map(|entry| &entry.result).or(self.otherwise.as_ref())
    }

    /// The entry of a number; among equally near ones the first.
    fn nearest(&self, number: f64) -> Option<&MatchEntry> {
        let numbers = self.entries.iter().filter_map(|entry| Some((entry.pattern.distance(number)?, entry)));
        let nearest = numbers.reduce(|best, next| if next.0 < best.0 { next } else { best });
        nearest.filter(|(distance, _)| !self.is_exact || *distance <= SAME).map(|(_, entry)| entry)
    }

    /// The list of the way back: results become patterns. A pattern with a star has no way back.
    fn swapped(&self) -> Option<Self> {
        let swap = |entry: &MatchEntry| {
            let result = match &entry.pattern {
                MatchPattern::Number(number) => Value::Number(*number),
                MatchPattern::Text(pieces) => match &**pieces {
                    [text] => Value::text(&**text),
                    _ => return None,
                },
            };
            let pattern = match &entry.result {
                Value::Number(number) => MatchPattern::Number(*number),
                Value::Text(text) => MatchPattern::Text(vec![text.to_string()]),
            };
            Some(MatchEntry { pattern, result })
        };
        let entries = self.entries.iter().map(swap).collect::<Option<_>>()?;
        Some(Self { entries, otherwise: None, is_exact: self.is_exact })
    }
}

#[derive(Clone, Debug)]
struct MatchStage {
    list: Arc<MatchList>,
}

impl Stateful for MatchStage {
    fn handle_value(&mut self, _: &mut Moment<'_>, value: Value) -> Option<Value> {
        self.list.result(&value).cloned()
    }

    fn handle_recall(&mut self, moment: &mut Moment<'_>, value: Value) -> Option<Value> {
        self.handle_value(moment, value)
    }

    fn inverse(&self) -> Option<Stage> {
        let list = Arc::new(self.list.swapped()?);
        Some(Stage::Stateful(Box::new(Self { list })))
    }
}

#[cfg(test)]
mod tests {
    use crosspatch_core::transform::LinePosition;
    use proptest::prelude::*;

    use super::*;
    use crate::rig::{ChainRig, chain, read_stage};

    #[test]
    fn a_text_takes_the_first_pattern_that_is_like_it() {
        let mut rig = ChainRig::new(r#"match "off"=0 "o*"=0.25 "*cue*go*"=0.5 "2\*3"=0.75"#);
        for (text, number) in [
            ("off", Some(0.0)),
            ("on", Some(0.25)),
            ("o", Some(0.25)),
            ("cuego", Some(0.5)),
            ("the cue will go now", Some(0.5)),
            ("go cue", None),
            ("2*3", Some(0.75)),
            ("2x3", None),
            ("OFF", None),
            ("", None),
        ] {
            assert_eq!(rig.put(text), number.map(Value::Number), "{text}");
        }
        assert!(rig.notices.is_empty());
    }

    #[test]
    fn a_star_is_nothing_or_anything_and_pieces_do_not_overlap() {
        let mut rig = ChainRig::new(r#"match "ab*ba"=0 "*x*"=1"#);
        for (text, number) in
            [("aba", None), ("abba", Some(0.0)), ("ab-ba", Some(0.0)), ("x", Some(1.0)), ("axa", Some(1.0))]
        {
            assert_eq!(rig.put(text), number.map(Value::Number), "{text}");
        }
        assert_eq!(ChainRig::new(r#"match "*"="any""#).put(""), Some(Value::text("any")));
    }

    #[test]
    fn a_number_takes_the_nearest_and_of_equals_the_first() {
        let mut rig = ChainRig::new(r#"match 0="closed" 50%="half" 1="open""#);
        for (number, text) in
            [(0.0, "closed"), (0.2, "closed"), (0.25, "closed"), (0.3, "half"), (0.9, "open")]
        {
            assert_eq!(rig.put(number), Some(Value::text(text)), "{number}");
        }
        assert_eq!(rig.put("half"), None);
        assert_eq!(rig.recall(1.0), Some(Value::text("open")));
    }

    #[test]
    fn with_else_a_number_has_to_be_the_listed_one_up_to_the_sixth_decimal() {
        let mut rig = ChainRig::new(r#"match 0.503937="here" else="elsewhere""#);
        for (number, text) in [(64.0 / 127.0, "here"), (0.503_94, "elsewhere"), (0.5, "elsewhere")] {
            assert_eq!(rig.put(number), Some(Value::text(text)), "{number}");
        }
        assert_eq!(rig.put("anything"), Some(Value::text("elsewhere")));
    }

    #[test]
    fn results_are_prepared() {
        let mut rig = ChainRig::new(r#"match 0="off" 1="on""#);
        let [one, two] = [1.0, 0.9].map(|number| match rig.put(number) {
            Some(Value::Text(text)) => text,
            value => panic!("{value:?} is no text"),
        });
        assert!(std::ptr::eq(&*one, &*two));
    }

    #[test]
    fn the_way_back_is_the_list_the_other_way_round() {
        let mut back =
            ChainRig::of(chain(r#"match "off"=0 "idle"=0 "on"=1"#).inverse().unwrap(), LinePosition::ONLY);
        for (number, text) in [(0.0, "off"), (0.4, "off"), (1.0, "on")] {
            assert_eq!(back.put(number), Some(Value::text(text)));
        }
        let mut exact =
            ChainRig::of(chain(r#"match "off"=0 "on"=1 else=0.5"#).inverse().unwrap(), LinePosition::ONLY);
        assert_eq!((exact.put(0.5), exact.put(1.0)), (None, Some(Value::text("on"))));
        let mut star = ChainRig::of(chain(r#"match 0.5="2*3""#).inverse().unwrap(), LinePosition::ONLY);
        assert_eq!(
            (star.number(0.5), star.put("2*3"), star.put("2x3")),
            (None, Some(Value::Number(0.5)), None)
        );
        assert_eq!(chain(r#"match "o*"=0 "on"=1"#).inverse().unwrap_err(), 0);
    }

    #[test]
    fn a_list_that_makes_no_sense_says_where() {
        for (stage, at, found) in [
            ("match", 5..5, "a quoted text, a number or `else`, found nothing"),
            (r#"match off=0"#, 6..9, "a quoted text, a number or `else`, found `off`"),
            (r#"match "off" 0"#, 12..13, "`=`, found `0`"),
            (r#"match "off"=on"#, 12..14, "a number or a quoted text, found `on`"),
            (r#"match "off"=0 "off"=1"#, 14..19, "a pattern that is not in the list yet, found `\"off\"`"),
            (r#"match 0=1 0.0=1"#, 10..13, "a pattern that is not in the list yet, found `0.0`"),
            (r#"match 0=1 else=0 1=0"#, 17..20, "nothing more, found `1=0`"),
        ] {
            let error = read_stage(stage, &mut Vec::new()).unwrap_err();
            assert_eq!((error.at, error.message), (at, format!("expected {found}")), "{stage}");
        }
        assert_eq!(ChainRig::new(r#"match else="x""#).put(0.5), Some(Value::text("x")));
    }

    /// What a pattern is like, letter by letter.
    fn is_like(pattern: &[char], text: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['*', rest @ ..] => (0..=text.len()).any(|at| is_like(rest, &text[at..])),
            [letter, rest @ ..] => text.first() == Some(letter) && is_like(rest, &text[1..]),
        }
    }

    proptest! {
        #[test]
        fn patterns_find_what_a_search_letter_by_letter_finds(pattern in "[ab*]{0,6}", text in "[ab]{0,8}") {
            let found = ChainRig::new(&format!("match \"{pattern}\"=1")).number(&*text).is_some();
            let letters = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(found, is_like(&letters(&pattern), &letters(&text)));
        }
    }
}
