//! The result of a compilation.

use std::path::PathBuf;

use crosspatch_core::Plan;

use crate::page::WebSettings;
use crate::report::diagnostic::{Diagnostic, DiagnosticSeverity};
use crate::report::lines::WrittenMappings;
use crate::syntax::source::SourceFiles;

/// The result of a compilation.
#[derive(Debug)]
pub struct Compiled {
    /// The plan. None if there is an error, except for one that only concerns the page.
    pub plan: Option<Plan>,
    /// Errors and warnings by file and line. At most the first thousand are kept.
    pub diagnostics: Vec<Diagnostic>,
    /// Every file that was requested, whether or not it could be read. These are the files to watch for changes.
    pub files: Vec<PathBuf>,
    /// The mapping lines, if they were asked for.
    pub mappings: Option<WrittenMappings>,
    /// The settings of the page, if the configuration has any.
    pub web: Option<WebSettings>,
    pub(crate) sources: SourceFiles,
    pub(crate) errors: usize,
    pub(crate) warnings: usize,
}

impl Compiled {
    /// The number of errors, including those that are not kept.
    pub fn errors(&self) -> usize {
        self.errors
    }

    /// The number of warnings, including those that are not kept.
    pub fn warnings(&self) -> usize {
        self.warnings
    }

    /// Removes the warnings for which `is_known` returns true, for a user who has already seen them.
    pub fn remove_warnings(&mut self, is_known: impl Fn(&Diagnostic) -> bool) {
        let before = self.diagnostics.len();
        self.diagnostics.retain(|one| one.severity == DiagnosticSeverity::Error || !is_known(one));
        self.warnings -= before - self.diagnostics.len();
    }
}
