//! Compiles the configurations that tests are written with.

use std::path::Path;

use crosspatch_backends::registry;
use crosspatch_config::{Compiled, Input, MemoryFiles};
use crosspatch_core::Plan;
use crosspatch_transforms::FAMILIES;

/// Compiles a configuration on top of the running one; the diagnostics if there are errors.
pub(crate) fn plan(text: &str, previous: Option<&Plan>) -> Result<Plan, String> {
    let compiled = compile(text, previous);
    let rendered = compiled.render(false);
    compiled.plan.ok_or(rendered)
}

fn compile(text: &str, previous: Option<&Plan>) -> Compiled {
    let files = MemoryFiles::default().with("show.cfg", text);
    crosspatch_config::compile(&Input {
        file: Path::new("show.cfg"),
        files: &files,
        overrides: &[],
        registry: registry(FAMILIES),
        previous,
    })
}
