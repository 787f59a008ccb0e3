//! Compiles the configurations that tests are written with.

use std::path::Path;

use crosspatch_backends::registry;
use crosspatch_config::{CompileInput, MemoryFiles};
use crosspatch_core::Plan;
use crosspatch_transforms::FAMILIES;

/// Compiles a configuration on top of the running one; the diagnostics if there are errors.
pub(crate) fn plan(text: &str, previous: Option<&Plan>) -> Result<Plan, String> {
    let files = MemoryFiles::default().with("show.cfg", text);
    let input = CompileInput {
        file: Path::new("show.cfg"),
        files: &files,
        overrides: &[],
        registry: registry(FAMILIES),
        previous,
        skip_missing: false,
        keeps_lines: false,
    };
    let compiled = crosspatch_config::compile(&input);
    let rendered = compiled.render(false);
    compiled.plan.ok_or(rendered)
}
