//! The stages of a mapping line, in sequence.

use std::fmt;

use crate::transform::{LinePosition, Merge, Moment, Obstacle, Shape, Signal, Stage};
use crate::value::normalise;
use crate::{Instant, Kind, Value};

/// How many stages a chain may have: with this many, factors of a million cannot leave the range of a number.
pub const MAX_STAGES: usize = 32;

/// A chain as it was written, in the state in which it starts. Shared by all mappings of its line.
pub struct Chain {
    /// How it is written, named chains written out. With the ends of the mapping it is its identity over reloads.
    text: Box<str>,
    stages: Box<[Stage]>,
    /// The stage that needs each of the channels that the chain names.
    listeners: Box<[u32]>,
    merge: Option<Merge>,
    /// Whether a chain of shapes alone may give the same number for different ones.
    flattens: bool,
}

impl Chain {
    /// A chain of stages; `listeners` contains, for each channel that they name in order, the number of the stage. A
    /// stage that merges is the last one.
    pub fn new(text: impl Into<Box<str>>, mut stages: Vec<Stage>, listeners: Vec<usize>) -> Self {
        let merge = match stages.last() {
            Some(Stage::Merge(merge)) => Some(*merge),
            Some(Stage::Shape(_) | Stage::Stateful(_)) | None => None,
        };
        for at in 0..stages.len() {
            let (front, behind) = stages.split_at_mut(at + 1);
            if let Stage::Stateful(stage) = &mut front[at] {
                stage.set_following(behind);
            }
        }
        stages.retain(|stage| !matches!(stage, Stage::Merge(_)));
        let listeners = listeners.into_iter().map(|stage| stage as u32).collect();
        let flattens = flattens(&stages);
        Self { text: text.into(), stages: stages.into(), listeners, merge, flattens }
    }

    /// How it is written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How its value is merged with those of others.
    pub fn merge(&self) -> Option<Merge> {
        self.merge
    }

    /// The group that one of its stages belongs to.
    pub fn group(&self) -> Option<&str> {
        self.stateful().find_map(|stage| stage.properties().group)
    }

    /// The kind of the values that leave it when those that enter it are of this kind.
    pub fn kind(&self, kind: Kind) -> Kind {
        self.stateful().fold(kind, |kind, stage| {
            let (weakest, strongest) = stage.properties().kinds;
            kind.clamp(weakest, strongest)
        })
    }

    /// Whether it distributes over layers.
    pub fn is_layered(&self) -> bool {
        self.stateful().any(|stage| stage.properties().is_layered)
    }

    /// Whether a stage has a memory or a place, so that no two mappings of its line need to do the same.
    pub fn is_stateful(&self) -> bool {
        self.stateful().next().is_some()
    }

    /// Whether it is a function of one number that gives different numbers for different ones.
    pub(crate) fn is_shape(&self) -> bool {
        !self.is_stateful() && self.merge.is_none() && !self.flattens
    }

    /// Whether another chain has the same text and, if both are made of shapes only, the same shapes.
    pub(crate) fn has_same_shapes(&self, other: &Self) -> bool {
        let is_same = |(one, other): (&Stage, &Stage)| match (one, other) {
            (Stage::Shape(one), Stage::Shape(other)) => one == other,
            (Stage::Shape(_) | Stage::Stateful(_) | Stage::Merge(_), _) => false,
        };
        self.text == other.text
            && self.stages.len() == other.stages.len()
            && self.stages.iter().zip(&other.stages).all(is_same)
    }

    fn stateful(&self) -> impl Iterator<Item = &dyn super::Stateful> {
        self.stages.iter().filter_map(|stage| match stage {
            Stage::Stateful(stage) => Some(&**stage),
            Stage::Shape(_) | Stage::Merge(_) => None,
        })
    }

    /// The chain of the way back: the inverse of each stage, the last one first.
    ///
    /// # Errors
    ///
    /// The number of the first stage that has no inverse.
    pub fn inverse(&self) -> Result<Self, usize> {
        let inverse = |(at, stage): (usize, &Stage)| stage.inverse().ok_or(at);
        let mut stages = self.stages.iter().enumerate().map(inverse).collect::<Result<Vec<_>, _>>()?;
        stages.reverse();
        let count = stages.len();
        let listeners = self.listeners.iter().map(|&stage| count - 1 - stage as usize).collect();
        Ok(Self::new(format!("back: {}", self.text), stages, listeners))
    }

    /// A copy that runs.
    pub fn live(&self, place: LinePosition) -> LiveChain {
        let mut stages = self.stages.clone();
        for stage in &mut stages {
            if let Stage::Stateful(stage) = stage {
                stage.place(place);
            }
        }
        let is_stateful = stages.iter().any(|stage| matches!(stage, Stage::Stateful(_)));
        LiveChain { stages, is_stateful, flattens: self.flattens }
    }

    /// How many channels its stages name.
    pub fn references(&self) -> usize {
        self.listeners.len()
    }

    /// The stage that needs a channel that the chain names.
    pub fn listener(&self, reference: usize) -> usize {
        self.listeners[reference] as usize
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Chain").field(&self.text).finish()
    }
}

/// A chain at work between two channels.
#[derive(Debug, Default)]
pub struct LiveChain {
    stages: Box<[Stage]>,
    is_stateful: bool,
    flattens: bool,
}

impl LiveChain {
    /// Handles a value from the source. Returns the value for the target.
    pub fn handle_value(&mut self, moment: &mut Moment<'_>, value: Value) -> Option<Value> {
        self.pass(0, moment, value)
    }

    /// Applies a chain of shapes only to a number. Most chains are of this kind; for them a value costs no more than
    /// its arithmetic (measured: a third of the general case).
    #[inline]
    pub fn shaped(&self, number: f64) -> Option<f64> {
        if self.is_stateful {
            return None;
        }
        let apply = |number, stage: &Stage| match stage {
            Stage::Shape(shape) => shape.apply(number),
            Stage::Stateful(_) | Stage::Merge(_) => number,
        };
        Some(self.stages.iter().fold(number, apply))
    }

    /// Whether the shapes may give the same number for different ones, so that a move of the source may have no effect.
    #[inline]
    pub fn flattens(&self) -> bool {
        self.flattens
    }

    /// Handles the present state of the source. Returns the resulting state of the target.
    pub fn handle_recall(&mut self, moment: &mut Moment<'_>, value: Value) -> Option<Value> {
        let pass = |value, stage: &mut Stage| match stage {
            Stage::Stateful(stage) => stage.handle_recall(moment, value),
            Stage::Shape(_) | Stage::Merge(_) => step(stage, moment, value),
        };
        self.stages.iter_mut().try_fold(value, pass).map(Value::normalised)
    }

    /// A channel that a stage names has a new value.
    pub fn handle_channel(
        &mut self,
        moment: &mut Moment<'_>,
        stage: usize,
        reference: usize,
        value: &Value,
    ) -> Option<Value> {
        let Some(Stage::Stateful(listener)) = self.stages.get_mut(stage) else { return None };
        let value = listener.handle_signal(moment, Signal::Channel(reference, value))?;
        self.pass(stage + 1, moment, value)
    }

    /// A member of the chain's group has announced itself.
    pub fn handle_group(&mut self, moment: &mut Moment<'_>, is_of_same_source: bool) -> Option<Value> {
        let member =
            |stage: &Stage| matches!(stage, Stage::Stateful(stage) if stage.properties().group.is_some());
        let at = self.stages.iter().position(member)?;
        let Stage::Stateful(stage) = &mut self.stages[at] else { return None };
        let value = stage.handle_signal(moment, Signal::Group { is_of_same_source })?;
        self.pass(at + 1, moment, value)
    }

    /// The time of `next_timeout` has come, for one of the stages. To be called again while it lies in the past.
    pub fn handle_timeout(&mut self, moment: &mut Moment<'_>) -> Option<Value> {
        let due = |stage: &Stage| timeout(stage).is_some_and(|due| due <= moment.now);
        let at = (0..self.stages.len())
            .filter(|&at| due(&self.stages[at]))
            .min_by_key(|&at| timeout(&self.stages[at]))?;
        let Stage::Stateful(stage) = &mut self.stages[at] else { return None };
        let value = stage.handle_timeout(moment)?;
        self.pass(at + 1, moment, value)
    }

    /// The time of the next call of `handle_timeout`.
    pub fn next_timeout(&self) -> Option<Instant> {
        if !self.is_stateful {
            return None;
        }
        self.stages.iter().filter_map(timeout).min()
    }

    /// Whether a stage holds everything back.
    pub fn is_asleep(&self) -> bool {
        self.stages.iter().any(is_asleep)
    }

    /// The reason why values do not reach the target at the moment.
    pub fn obstacle(&self) -> Option<Obstacle> {
        self.stages.iter().find_map(|stage| match stage {
            Stage::Stateful(stage) => stage.obstacle(),
            Stage::Shape(_) | Stage::Merge(_) => None,
        })
    }

    fn pass(&mut self, first: usize, moment: &mut Moment<'_>, value: Value) -> Option<Value> {
        let mut value = value;
        for at in first..self.stages.len() {
            let Some(next) = step(&mut self.stages[at], moment, value) else {
                self.report_miss(at, moment);
                return None;
            };
            value = next;
        }
        Some(value.normalised())
    }

    /// A value has ended at a stage. If the stage is asleep, the later stages are notified.
    fn report_miss(&mut self, at: usize, moment: &mut Moment<'_>) {
        if !is_asleep(&self.stages[at]) {
            return;
        }
        for stage in &mut self.stages[at + 1..] {
            if let Stage::Stateful(stage) = stage {
                stage.handle_signal(moment, Signal::Missed);
            }
        }
    }
}

/// Whether the shapes give the same number for two neighbouring ones anywhere.
fn flattens(stages: &[Stage]) -> bool {
    let apply = |number: f64| {
        stages.iter().try_fold(number, |number, stage| match stage {
            Stage::Shape(shape) => Some(shape.apply(number)),
            Stage::Stateful(_) | Stage::Merge(_) => None,
        })
    };
    let given = |number: f64| apply(number).map(normalise);
    let is_flat = |at: u32| {
        let number = f64::from(at) / 64.0;
        given(number).is_some_and(|level| given(number + 1e-6) == Some(level))
    };
    (0..64).any(is_flat)
}

fn step(stage: &mut Stage, moment: &mut Moment<'_>, value: Value) -> Option<Value> {
    match stage {
        Stage::Shape(shape) => match value {
            Value::Number(number) => Some(Value::Number(shape.apply(number))),
            Value::Text(_) if *shape == Shape::IDENTITY => Some(value),
            Value::Text(_) => moment.number(&value, shape.name()).map(Value::Number),
        },
        Stage::Stateful(stage) => stage.handle_value(moment, value),
        Stage::Merge(_) => Some(value),
    }
}

fn is_asleep(stage: &Stage) -> bool {
    matches!(stage, Stage::Stateful(stage) if stage.is_asleep())
}

fn timeout(stage: &Stage) -> Option<Instant> {
    match stage {
        Stage::Stateful(stage) => stage.next_timeout(),
        Stage::Shape(_) | Stage::Merge(_) => None,
    }
}
