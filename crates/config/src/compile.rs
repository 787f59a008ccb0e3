//! From the text of a configuration to a plan: the stages in their order.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crosspatch_core::{Plan, PlanBuilder, Registry};

use crate::diagnostic::{Diagnostic, Draft};
use crate::files::{Files, MemoryFiles, Override};
use crate::mapping::{self, Usable};
use crate::options::{self, Configuring};
use crate::resolve::{DraftInstance, Resolved};
use crate::source::Sources;
use crate::{loops, merges, overrides, secrets};

/// What is compiled.
#[derive(Copy, Clone)]
pub struct Input<'a> {
    /// The configuration.
    pub file: &'a Path,
    /// Reads it and everything that it names.
    pub files: &'a dyn Files,
    /// Options from the command line.
    pub overrides: &'a [Override],
    /// All backends.
    pub registry: Registry,
    /// The plan that runs, if the new one is to take its place.
    pub previous: Option<&'a Plan>,
}

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

/// Compiles a configuration. Mistakes are in the result, all of them; nothing panics, whatever the files contain.
pub fn compile(input: &Input<'_>) -> Compiled {
    let mut resolved = Resolved::read(input.file, input.files, input.registry);
    overrides::apply(input.overrides, &mut resolved);
    let mut builder = PlanBuilder::new(input.previous);
    let usable = configure_instances(&mut resolved, &mut builder);
    let origins = mapping::map_everything(&mut resolved, &mut builder, usable);
    let again = loops::check(&builder, &origins, &mut resolved);
    merges::check(&builder, &origins, &mut resolved);
    drop(origins);
    // What is mapped twice counts once. Plain routes see to that themselves.
    if !again.is_empty() {
        builder.remove_routes(&again);
    }
    report_empty(&mut resolved);
    let Resolved { mut sources, book, read, .. } = resolved;
    let (errors, warnings) = (book.errors, book.warnings);
    let plan = (errors == 0).then(|| builder.build());
    let mut diagnostics = book.finish(&sources);
    secrets::veil(&mut diagnostics, &mut sources, input.registry);
    Compiled { plan, diagnostics, files: read, sources, errors, warnings }
}

/// Compiles a configuration that is one text, under the name `show.cfg`.
pub fn compile_text(text: &str, registry: Registry) -> Compiled {
    let file = Path::new("show.cfg");
    let files = MemoryFiles::default().with(file, text);
    compile(&Input { file, files: &files, overrides: &[], registry, previous: None })
}

/// Configures every instance. In parallel to the instances of `resolved`: none for one that mappings cannot use.
fn configure_instances(resolved: &mut Resolved<'_>, builder: &mut PlanBuilder<'_>) -> Vec<Option<Usable>> {
    let mut with = Configuring {
        files: resolved.files,
        sources: &mut resolved.sources,
        book: &mut resolved.book,
        read: &mut resolved.read,
    };
    let mut names: Vec<_> = resolved.globals.keys().copied().collect();
    names.sort_unstable();
    for name in names {
        options::guard_secrets(&resolved.globals[name].settings, resolved.registry.find(name), &mut with);
    }
    for draft in &resolved.instances {
        options::guard_secrets(&draft.options.settings, draft.backend, &mut with);
    }
    let configure = |draft: &DraftInstance| {
        let backend = draft.backend?;
        let (given, instance) =
            options::configure(draft, backend, resolved.globals.get(backend.name), &mut with)?;
        draft.is_named.then(|| {
            let id = builder.instance(&draft.name, backend, given, Arc::clone(&instance));
            Usable { id, backend, instance }
        })
    };
    resolved.instances.iter().map(configure).collect()
}

/// A configuration without any instance is a mistake: it is what an editor leaves for a moment while it saves, and ending a
/// show for it would be the worst answer.
fn report_empty(resolved: &mut Resolved<'_>) {
    if resolved.instances.is_empty() && resolved.book.errors == 0 {
        let file = resolved.read.first().cloned().unwrap_or_default();
        resolved.book.add(Draft::error("empty", "no instance is configured").file(file));
    }
}
