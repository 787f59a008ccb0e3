//! The target of a mapping as a stage of its line sees it.

use std::sync::Arc;

use crate::transform::{Arguments, Moment, Shape, Stage};

/// The target's last known level, taken back through the shapes that stand between the stage and the target.
#[derive(Clone, Debug)]
pub(super) struct Target {
    reference: usize,
    /// The way back. There is none through a stage with a memory, or from where several sources are merged.
    back: Option<Arc<[Shape]>>,
}

impl Target {
    pub(super) fn new(arguments: &mut Arguments<'_>) -> Self {
        Self { reference: arguments.target(), back: None }
    }

    /// Learns which stages stand between it and the target.
    pub(super) fn behind(&mut self, stages: &[Stage]) {
        let inverse = |stage: &Stage| match stage {
            Stage::Shape(shape) => shape.inverse(),
            Stage::Stateful(_) | Stage::Merge(_) => None,
        };
        self.back = stages.iter().rev().map(inverse).collect();
    }

    /// The level that the stage would have to give for the target to be as it is, if that is known.
    pub(super) fn level(&self, moment: &Moment<'_>) -> Option<f64> {
        let back = self.back.as_ref()?;
        let level = moment.known(self.reference)?.as_number()?;
        Some(back.iter().fold(level, |level, shape| shape.apply(level)))
    }
}
