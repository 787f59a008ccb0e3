//! Several sources of one target, and which of them it follows.
//!
//! One of the sources leads: the one with the highest priority, and among equal ones the one that sent last. Where
//! levels are joined, all have the same priority, and only the text of the leader counts because a text has no level.

use crate::Value;

/// How sources are joined.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum JoinRule {
    /// The highest takes precedence.
    Htp,
    /// The latest takes precedence.
    Ltp,
    /// All together, at most 1.
    Sum,
    /// The mean of the sources that have sent a value.
    Average,
    /// The one with the largest number takes precedence; among equal ones the latest.
    Priority,
}

/// What one source says about its part.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Merge {
    /// How sources are joined; the same for all of a target.
    pub rule: JoinRule,
    /// How much this one counts with [`JoinRule::Priority`], 0 to 200 as in sACN (ANSI E1.31, 6.2.3); 0 with the others.
    pub priority: u8,
}

/// The sources of one target at work.
#[derive(Debug)]
pub struct Merging {
    rule: JoinRule,
    sources: Vec<JoinedSource>,
    statements: u64,
    /// The value that the target follows.
    followed: Option<Value>,
}

#[derive(Debug)]
struct JoinedSource {
    priority: u8,
    /// Its last value, and how many there had been before it.
    value: Option<(u64, Value)>,
}

impl JoinedSource {
    fn word(&self) -> Option<&Value> {
        self.value.as_ref().map(|(_, value)| value)
    }
}

impl Merging {
    /// Sources with their priorities.
    pub fn new(rule: JoinRule, priorities: impl IntoIterator<Item = u8>) -> Self {
        let sources = priorities.into_iter().map(|priority| JoinedSource { priority, value: None }).collect();
        Self { rule, sources, statements: 0, followed: None }
    }

    /// A source has a new value, or none any more. Returns the value to send to the target.
    ///
    /// Repeated values are sent again: each value of the followed source and of the highest, and where levels are added
    /// each repeated value. Any other value is sent only if it changes the result.
    pub fn handle_value(&mut self, source: usize, value: Option<Value>) -> Option<Value> {
        self.statements += 1;
        let statements = self.statements;
        let before =
            std::mem::replace(&mut self.sources[source].value, value.map(|value| (statements, value)));
        let is_repeated = before.is_some_and(|(_, value)| self.sources[source].word() == Some(&value));
        self.follow(Some((source, is_repeated)))
    }

    /// The present state of a source that may not have sent anything: it counts as sent before everything else. Returns
    /// the value to send to the target, which is none while it follows a single source.
    pub fn handle_recall(&mut self, source: usize, state: Value) -> Option<Value> {
        self.sources[source].value.get_or_insert((0, state));
        let follows_one = matches!(self.rule, JoinRule::Ltp | JoinRule::Priority) && !self.is_silent();
        if follows_one { None } else { self.follow(None) }
    }

    /// Whether the target follows no source.
    pub fn is_silent(&self) -> bool {
        self.followed.is_none()
    }

    /// Takes over the value of a source from before a reload.
    pub fn adopt(&mut self, source: usize, before: &mut Self, its_number: usize) {
        self.sources[source].value = before.sources[its_number].value.take();
        self.statements = self.statements.max(before.statements);
        self.followed = before.followed.clone();
    }

    /// Returns the value to send to the target, possibly the same as before, when the source `speaker`, if any, has
    /// sent something.
    fn follow(&mut self, speaker: Option<(usize, bool)>) -> Option<Value> {
        let Some((leader, word)) = self.leader() else {
            self.followed = None;
            return None;
        };
        let joined = word.as_number().and_then(|_| self.joined()).map(Value::number);
        let has_say = speaker.is_some_and(|(speaker, is_repeated)| match (&joined, self.rule) {
            (None, _) => speaker == leader,
            (Some(joined), JoinRule::Htp) => self.sources[speaker].word() == Some(joined),
            (Some(_), _) => is_repeated,
        });
        let followed = joined.unwrap_or_else(|| word.clone());
        if !has_say && self.followed.as_ref() == Some(&followed) {
            return None;
        }
        self.followed = Some(followed.clone());
        Some(followed)
    }

    /// The source that takes precedence, and its value.
    fn leader(&self) -> Option<(usize, &Value)> {
        let spoken = self.sources.iter().enumerate().filter_map(|(at, source)| {
            let (order, value) = source.value.as_ref()?;
            Some((at, (source.priority, *order), value))
        });
        spoken.max_by_key(|(_, rank, _)| *rank).map(|(at, _, value)| (at, value))
    }

    /// All levels joined by the rule.
    fn joined(&self) -> Option<f64> {
        let levels = self.sources.iter().filter_map(|source| source.word()?.as_number());
        match self.rule {
            JoinRule::Ltp | JoinRule::Priority => None,
            JoinRule::Htp => levels.reduce(f64::max),
            JoinRule::Sum => Some(levels.sum()),
            JoinRule::Average => {
                let (count, sum) = levels.fold((0.0, 0.0), |(count, sum), level| (count + 1.0, sum + level));
                Some(sum / count)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values sent to the target of `sources` sources for a sequence of (source, value), `None` for the end of a
    /// source.
    fn told(rule: JoinRule, sources: usize, words: &[(usize, Option<Value>)]) -> Vec<Option<Value>> {
        let mut merging = Merging::new(rule, vec![0; sources]);
        words.iter().map(|(source, word)| merging.handle_value(*source, word.clone())).collect()
    }

    fn level(level: f64) -> Option<Value> {
        Some(Value::number(level))
    }

    fn text(text: &str) -> Option<Value> {
        Some(Value::text(text))
    }

    #[test]
    fn each_rule_joins_levels_in_its_way() {
        let words = [(0, level(0.5)), (1, level(0.25)), (2, level(0.75)), (0, level(0.125)), (2, level(0.0))];
        for (rule, expected) in [
            (JoinRule::Htp, [level(0.5), None, level(0.75), None, level(0.25)]),
            (JoinRule::Ltp, [level(0.5), level(0.25), level(0.75), level(0.125), level(0.0)]),
            (JoinRule::Sum, [level(0.5), level(0.75), level(1.0), None, level(0.375)]),
            (JoinRule::Average, [level(0.5), level(0.375), level(0.5), level(0.375), level(0.125)]),
        ] {
            assert_eq!(told(rule, 3, &words), expected, "{rule:?}");
        }
    }

    #[test]
    fn a_source_that_withdraws_leaves_the_others() {
        let words = [(0, level(0.5)), (1, level(1.0)), (1, None), (1, None), (0, None), (0, level(0.5))];
        for (rule, expected) in [
            (JoinRule::Htp, [level(0.5), level(1.0), level(0.5), None, None, level(0.5)]),
            (JoinRule::Ltp, [level(0.5), level(1.0), level(0.5), None, None, level(0.5)]),
            (JoinRule::Sum, [level(0.5), level(1.0), level(0.5), None, None, level(0.5)]),
            (JoinRule::Average, [level(0.5), level(0.75), level(0.5), None, None, level(0.5)]),
        ] {
            assert_eq!(told(rule, 2, &words), expected, "{rule:?}");
        }
    }

    #[test]
    fn the_latest_that_is_left_follows_the_one_that_withdraws() {
        let words = [(2, level(0.75)), (0, level(0.5)), (1, level(0.25)), (1, None), (0, None)];
        let expected = [level(0.75), level(0.5), level(0.25), level(0.5), level(0.75)];
        assert_eq!(told(JoinRule::Ltp, 3, &words), expected);
    }

    #[test]
    fn the_highest_priority_counts_and_among_equal_ones_the_latest() {
        let mut merging = Merging::new(JoinRule::Priority, [100, 150, 150]);
        for (source, word, expected) in [
            (0, level(0.5), level(0.5)),
            (1, level(0.25), level(0.25)),
            (0, level(1.0), None),
            (2, level(0.75), level(0.75)),
            (1, text("blue"), text("blue")),
            (1, None, level(0.75)),
            (2, None, level(1.0)),
            (0, None, None),
        ] {
            assert_eq!(merging.handle_value(source, word.clone()), expected, "{source} says {word:?}");
        }
    }

    #[test]
    fn a_text_is_followed_until_somebody_says_a_level() {
        for (rule, joined) in
            [(JoinRule::Htp, 0.5), (JoinRule::Sum, 0.75), (JoinRule::Average, 0.375), (JoinRule::Ltp, 0.25)]
        {
            let words =
                [(0, level(0.5)), (1, text("red")), (2, level(0.25)), (2, None), (0, None), (1, text("red"))];
            let expected = [level(0.5), text("red"), level(joined), text("red"), None, text("red")];
            let found = told(rule, 3, &words);
            // Of the remaining sources, the one that sent last has the text.
            assert_eq!(found, expected, "{rule:?}");
        }
    }

    #[test]
    fn a_command_that_is_given_twice_arrives_twice() {
        for rule in [JoinRule::Htp, JoinRule::Ltp, JoinRule::Sum, JoinRule::Average, JoinRule::Priority] {
            let words = [(0, text("go")), (0, text("go")), (1, text("go"))];
            assert_eq!(told(rule, 2, &words), [text("go"), text("go"), text("go")], "{rule:?}");
        }
        let words = [(0, level(1.0)), (0, level(1.0)), (1, level(1.0)), (1, level(1.0))];
        for rule in [JoinRule::Htp, JoinRule::Ltp, JoinRule::Priority] {
            assert_eq!(told(rule, 2, &words), vec![level(1.0); 4], "{rule:?}");
        }
        for rule in [JoinRule::Sum, JoinRule::Average] {
            assert_eq!(told(rule, 2, &words), [level(1.0), level(1.0), None, level(1.0)], "{rule:?}");
        }
        let words = [(0, level(0.5)), (1, level(0.25)), (1, level(0.25))];
        assert_eq!(told(JoinRule::Htp, 2, &words), [level(0.5), None, None], "who is lower has no say");
    }

    #[test]
    fn a_source_keeps_its_say_and_its_rank_over_a_reload() {
        let mut before = Merging::new(JoinRule::Ltp, [0, 0]);
        before.handle_value(0, level(0.5));
        before.handle_value(1, level(0.25));
        let mut after = Merging::new(JoinRule::Ltp, [0, 0, 0]);
        after.adopt(2, &mut before, 0);
        after.adopt(1, &mut before, 1);
        assert_eq!(after.handle_value(0, level(0.75)), level(0.75));
        assert_eq!(after.handle_value(0, None), level(0.25));
        assert_eq!(after.handle_value(1, None), level(0.5));
    }

    #[test]
    fn the_state_of_a_source_counts_as_said_before_all_else() {
        let mut merging = Merging::new(JoinRule::Ltp, [0, 0]);
        assert_eq!(merging.handle_recall(0, Value::number(0.5)), level(0.5));
        assert_eq!(merging.handle_value(1, level(0.25)), level(0.25));
        assert_eq!(merging.handle_recall(0, Value::number(0.75)), None);
        assert_eq!(merging.handle_recall(1, Value::number(1.0)), None);
        assert_eq!(merging.handle_value(1, None), level(0.5));
        // Of two sources, the one that sent last has a line that was changed.
        let mut before = Merging::new(JoinRule::Ltp, [0, 0]);
        before.handle_value(0, level(0.75));
        before.handle_value(1, level(0.25));
        let mut after = Merging::new(JoinRule::Ltp, [0, 0]);
        after.adopt(0, &mut before, 0);
        assert_eq!(after.handle_recall(1, Value::number(0.375)), None);
        assert_eq!(after.handle_value(0, None), level(0.375));
        let mut highest = Merging::new(JoinRule::Htp, [0, 0]);
        highest.handle_value(0, level(0.5));
        assert_eq!(highest.handle_recall(1, Value::number(0.75)), level(0.75));
    }
}
