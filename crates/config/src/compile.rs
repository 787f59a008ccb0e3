//! From the text of a configuration to a plan: the stages in their order.

use std::path::Path;

use crosspatch_core::{Plan, PlanBuilder, Registry};

use crate::files::{Files, MemoryFiles, Override};
use crate::report::compiled::Compiled;
use crate::report::diagnostic::Draft;
use crate::report::secrets;
use crate::semantics::configure::configure_instances;
use crate::semantics::sections::Sections;
use crate::semantics::{loops, mappings, merges, overrides};

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

/// Compiles a configuration. Mistakes are in the result, all of them; nothing panics, whatever the files contain.
pub fn compile(input: &Input<'_>) -> Compiled {
    let mut sections = Sections::read(input.file, input.files, input.registry);
    overrides::apply(input.overrides, &mut sections);
    let mut builder = PlanBuilder::new(input.previous);
    let configured = configure_instances(&mut sections, &mut builder);
    let origins = mappings::map_everything(&mut sections, &mut builder, configured);
    let repeated = loops::check(&builder, &origins, &sections.sources, &mut sections.diagnostics);
    merges::check(&builder, &origins, &sections.sources, &mut sections.diagnostics);
    drop(origins);
    // The plan itself drops repeated plain routes.
    if !repeated.is_empty() {
        builder.remove_routes(&repeated);
    }
    report_empty(&mut sections);
    let Sections { mut sources, diagnostics, read, .. } = sections;
    let (errors, warnings) = (diagnostics.errors, diagnostics.warnings);
    let plan = (errors == 0).then(|| builder.build());
    let mut diagnostics = diagnostics.finish(&sources);
    secrets::mask(&mut diagnostics, &mut sources, input.registry);
    Compiled { plan, diagnostics, files: read, sources, errors, warnings }
}

/// Compiles a configuration that is one text, under the name `show.cfg`.
pub fn compile_text(text: &str, registry: Registry) -> Compiled {
    let file = Path::new("show.cfg");
    let files = MemoryFiles::default().with(file, text);
    compile(&Input { file, files: &files, overrides: &[], registry, previous: None })
}

/// A configuration without any instance is a mistake: it is what an editor leaves for a moment while it saves, and ending a
/// show for it would be the worst answer.
fn report_empty(sections: &mut Sections<'_>) {
    if sections.instances.is_empty() && sections.diagnostics.errors == 0 {
        let file = sections.read.first().cloned().unwrap_or_default();
        sections.diagnostics.add(Draft::error("empty", "no instance is configured").file(file));
    }
}
