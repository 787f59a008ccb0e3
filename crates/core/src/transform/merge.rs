//! `merge`: several sources of one target, and which of them it follows.

use crate::Value;
use crate::transform::{ArgumentError, Arguments, Stage, Transform};

pub(super) const MERGE: Transform = Transform {
    name: "merge",
    usage: "merge htp|ltp|sum|average|priority <number>",
    summary: "joins all sources of the target whose lines end so; the last stage of a line",
    read,
};

/// How sources are joined.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The highest takes precedence.
    Htp,
    /// The latest takes precedence.
    Ltp,
    /// All together, at most 1.
    Sum,
    /// The mean of those that have spoken.
    Average,
    /// The one with the largest number takes precedence; among equal ones the latest.
    Priority,
}

/// What one source says about its part.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Merge {
    /// How sources are joined; the same for all of a target.
    pub rule: Rule,
    /// How much this one counts with [`Rule::Priority`], 0 to 200.
    pub priority: u8,
}

fn read(arguments: &mut Arguments<'_>) -> Result<Stage, ArgumentError> {
    const RULES: [(&str, Rule); 5] = [
        ("htp", Rule::Htp),
        ("ltp", Rule::Ltp),
        ("sum", Rule::Sum),
        ("average", Rule::Average),
        ("priority", Rule::Priority),
    ];
    let rule = arguments.one_of("a rule", &RULES)?;
    let priority = match rule {
        Rule::Priority => arguments.number("a priority", 0.0..=200.0)? as u8,
        Rule::Htp | Rule::Ltp | Rule::Sum | Rule::Average => 0,
    };
    Ok(Stage::Merge(Merge { rule, priority }))
}

/// The sources of one target at work.
#[derive(Debug)]
pub struct Merging {
    rule: Rule,
    sources: Vec<Source>,
    statements: u64,
    /// What the target follows.
    followed: Option<Value>,
}

#[derive(Debug)]
struct Source {
    priority: u8,
    /// Its last value, and how many there had been before it.
    value: Option<(u64, Value)>,
}

impl Merging {
    /// Sources with their priorities.
    pub fn new(rule: Rule, priorities: impl IntoIterator<Item = u8>) -> Self {
        let sources = priorities.into_iter().map(|priority| Source { priority, value: None }).collect();
        Self { rule, sources, statements: 0, followed: None }
    }

    /// A source has a new value, or none any more. Returns what the target follows by that, if it is something else.
    pub fn handle_value(&mut self, source: usize, value: Option<Value>) -> Option<Value> {
        self.statements += 1;
        let statements = self.statements;
        self.sources[source].value = value.map(|value| (statements, value));
        let followed = self.result();
        if followed == self.followed {
            return None;
        }
        self.followed.clone_from(&followed);
        followed
    }

    /// Whether the target follows nobody.
    pub fn is_silent(&self) -> bool {
        self.followed.is_none()
    }

    /// Takes over what a source said before a reload.
    pub fn adopt(&mut self, source: usize, before: &mut Self, its_number: usize) {
        self.sources[source].value = before.sources[its_number].value.take();
        self.statements = self.statements.max(before.statements);
        self.followed = before.followed.clone();
    }

    fn result(&self) -> Option<Value> {
        let speaking = || self.sources.iter().filter_map(|source| Some((source, source.value.as_ref()?)));
        let latest = || speaking().max_by_key(|(_, (order, _))| *order).map(|(_, (_, value))| value.clone());
        let numbers = || speaking().filter_map(|(_, (_, value))| value.as_number());
        // A text has no height: whoever sends one is followed as the latest.
        if speaking().any(|(_, (_, value))| value.as_text().is_some()) && self.rule != Rule::Priority {
            return latest();
        }
        match self.rule {
            Rule::Ltp => latest(),
            Rule::Htp => numbers().reduce(f64::max).map(Value::number),
            Rule::Sum => numbers().reduce(|sum, number| sum + number).map(Value::number),
            Rule::Average => {
                let count = numbers().count() as f64;
                numbers().reduce(|sum, number| sum + number).map(|sum| Value::number(sum / count))
            }
            Rule::Priority => speaking()
                .max_by_key(|(source, (order, _))| (source.priority, *order))
                .map(|(_, (_, value))| value.clone()),
        }
    }
}
