//! The target of a mapping, as seen by a stage of its line.

use std::sync::Arc;

use crosspatch_core::Duration;
use crosspatch_core::transform::{ArgumentError, Arguments, Moment, Shape, Stage};

/// How late a target may report a level that was sent to it.
pub(super) const LAG: Duration = Duration::from_secs(1);

/// The target's last known level, and the shapes between the stage and the target.
#[derive(Clone, Debug)]
pub(super) struct TargetState {
    reference: usize,
    /// The shapes on the way to the target. A stateful stage counts as one that passes everything.
    there: Arc<[Shape]>,
    /// Their inverses, if every shape has one.
    back: Option<Arc<[Shape]>>,
    /// Whether there are only shapes on the way: no stateful stages and no merge with other sources.
    is_direct: bool,
}

impl TargetState {
    pub(super) fn new(arguments: &mut Arguments<'_>) -> Self {
        Self::known_as(arguments.target())
    }

    /// A target whose level is reported by another channel.
    ///
    /// # Errors
    ///
    /// If the next argument is not a channel.
    pub(super) fn named(arguments: &mut Arguments<'_>) -> Result<Self, ArgumentError> {
        Ok(Self::known_as(arguments.known_channel()?))
    }

    fn known_as(reference: usize) -> Self {
        Self { reference, there: Arc::default(), back: None, is_direct: false }
    }

    /// Sets the stages between this one and the target.
    pub(super) fn set_following(&mut self, stages: &[Stage]) {
        let is_seen_through =
            |stage: &&Stage| matches!(stage, Stage::Stateful(stage) if stage.properties().is_transparent);
        let shapes = stages.iter().filter(|stage| !is_seen_through(stage)).map(|stage| match stage {
            Stage::Shape(shape) => Some(shape),
            Stage::Stateful(_) | Stage::Merge(_) => None,
        });
        self.is_direct = shapes.clone().all(|shape| shape.is_some());
        self.there = shapes.clone().flatten().cloned().collect();
        self.back = shapes.rev().flatten().map(Shape::inverse).collect();
    }

    /// The level of the target, if it is known.
    pub(super) fn known(&self, moment: &Moment<'_>) -> Option<f64> {
        moment.known(self.reference)?.as_number()
    }

    /// The level that the target receives if the stage outputs this one.
    pub(super) fn there(&self, level: f64) -> f64 {
        self.there.iter().fold(level, |level, shape| shape.apply(level)).clamp(0.0, 1.0)
    }

    /// The level that the stage has to output for the target to receive this one, if that is possible.
    pub(super) fn back(&self, level: f64) -> Option<f64> {
        Some(self.back.as_ref()?.iter().fold(level, |level, shape| shape.apply(level)))
    }

    /// The level that the stage has to output for the target to stay as it is, if that is certain.
    pub(super) fn level(&self, moment: &Moment<'_>) -> Option<f64> {
        self.back(self.known(moment).filter(|_| self.is_direct)?)
    }
}
