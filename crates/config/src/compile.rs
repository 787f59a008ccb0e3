//! Runs the stages of a compilation in their order.

use std::path::Path;

use crosspatch_core::{Plan, PlanBuilder, Registry};

use crate::files::{Files, MemoryFiles, Override};
use crate::report::compiled::Compiled;
use crate::report::diagnostic::Draft;
use crate::report::lines::WrittenMappings;
use crate::report::secrets;
use crate::semantics::configure::configure_instances;
use crate::semantics::sections::Sections;
use crate::semantics::{loops, mappings, merges, overrides, ports, web};

/// The input of a compilation.
#[derive(Copy, Clone)]
pub struct CompileInput<'a> {
    /// The main file of the configuration.
    pub file: &'a Path,
    /// Reads this file and all other files.
    pub files: &'a dyn Files,
    /// Options from the command line.
    pub overrides: &'a [Override],
    /// The available backends and transforms.
    pub registry: Registry,
    /// The running plan that the new one will replace, if any.
    pub previous: Option<&'a Plan>,
    /// Whether instances of missing backends are left out with a warning, together with their mappings.
    pub skip_missing: bool,
    /// Whether the result has the mapping lines, for those who show them. It also has them if the configuration has a page.
    pub keeps_lines: bool,
}

/// Compiles a configuration. The result holds the plan or all mistakes. Never panics, whatever the files contain.
pub fn compile(input: &CompileInput<'_>) -> Compiled {
    let mut sections = Sections::read(input.file, input.files, input.registry, input.skip_missing);
    overrides::apply(input.overrides, &mut sections);
    let keeps_lines = input.keeps_lines || sections.web.is_some();
    let (web, errors_of_page) = web::configure_page(&mut sections);
    let mut builder = PlanBuilder::new(input.previous);
    let configured = configure_instances(&mut sections, &mut builder);
    ports::check(&sections.instances, &configured, &mut sections.diagnostics);
    let origins = mappings::map_everything(&mut sections, &mut builder, configured);
    let repeated = loops::check(&builder, &origins, &sections.sources, &mut sections.diagnostics);
    merges::check(&builder, &origins, &sections.sources, &mut sections.diagnostics);
    let mappings = keeps_lines.then(|| WrittenMappings::collect(&origins.lines, &builder, &sections.sources));
    drop(origins);
    // The plan itself drops repeated plain routes.
    if !repeated.is_empty() {
        builder.remove_routes(&repeated);
    }
    report_empty(&mut sections);
    let Sections { mut sources, diagnostics, read, .. } = sections;
    let (errors, warnings) = (diagnostics.errors, diagnostics.warnings);
    let plan = (errors == errors_of_page).then(|| builder.build());
    let mut diagnostics = diagnostics.finish(&sources);
    secrets::mask(&mut diagnostics, &mut sources, input.registry);
    Compiled { plan, diagnostics, files: read, mappings, web, sources, errors, warnings }
}

/// Compiles a configuration that consists of one text. Diagnostics call it `show.cfg`.
pub fn compile_text(text: &str, registry: Registry) -> Compiled {
    let file = Path::new("show.cfg");
    let files = MemoryFiles::default().with(file, text);
    compile(&CompileInput {
        file,
        files: &files,
        overrides: &[],
        registry,
        previous: None,
        skip_missing: false,
        keeps_lines: false,
    })
}

/// Reports a configuration without instances as a mistake. Some editors leave an empty file for a moment while they save,
/// and a reload at that moment must not end the show.
fn report_empty(sections: &mut Sections<'_>) {
    if sections.diagnostics.errors > 0 || sections.instances.iter().any(|section| section.missing.is_none()) {
        return;
    }
    let message = match sections.instances.is_empty() {
        true => "no instance is configured",
        false => "no instance is left, because the backends of all of them are missing",
    };
    let file = sections.read.first().cloned().unwrap_or_default();
    sections.diagnostics.add(Draft::error("empty", message).file(file));
}
