//! What a compilation returns.

use std::path::PathBuf;

use crosspatch_core::Plan;

use crate::report::diagnostic::Diagnostic;
use crate::syntax::source::Sources;

/// What came of it.
#[derive(Debug)]
pub struct Compiled {
    /// The plan, unless there is an error.
    pub plan: Option<Plan>,
    /// Errors and warnings by file and line; of very many only the first ones.
    pub diagnostics: Vec<Diagnostic>,
    /// Every file that was asked for, whether it could be read or not: those to watch for changes.
    pub files: Vec<PathBuf>,
    pub(crate) sources: Sources,
    pub(crate) errors: usize,
    pub(crate) warnings: usize,
}

impl Compiled {
    /// How many errors there are, those that are not kept included.
    pub fn errors(&self) -> usize {
        self.errors
    }

    /// How many warnings there are, those that are not kept included.
    pub fn warnings(&self) -> usize {
        self.warnings
    }
}
