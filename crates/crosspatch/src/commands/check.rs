//! `crosspatch check FILE`: reports every mistake in a configuration.

use std::process::ExitCode;

use anyhow::Result;

use crate::args::{Check, ColorChoice, Format};
use crate::files::{Disk, Helpers};
use crate::output;
use crate::source::{ConfigSource, counted, size, usable};

/// Prints the diagnostics; errors make the exit status 1.
pub(crate) fn run(check: &Check, color: ColorChoice) -> Result<ExitCode> {
    let source =
        ConfigSource::file(check.file.as_deref(), &check.overrides)?.skip_missing(check.skip_missing);
    let compiled = source.compile(&Disk::new(Helpers::default()), None);
    let format = if check.json { Format::Json } else { check.format };
    let mut text = match format {
        Format::Json => compiled.to_json(),
        Format::Text => compiled.render(output::color(color)),
    };
    let warnings = match compiled.warnings() {
        0 => String::new(),
        number => format!(", {}", counted(number, "warning")),
    };
    let errors = compiled.errors();
    let (verdict, status) = match usable(compiled) {
        // The show would run, but without its page.
        Ok(_) if errors > 0 => (counted(errors, "error"), ExitCode::FAILURE),
        Ok(plan) => (format!("good: {}", size(&plan)), ExitCode::SUCCESS),
        Err(refusal) => (refusal, ExitCode::FAILURE),
    };
    if format == Format::Text {
        text.push_str(&format!("{}: {verdict}{warnings}\n", source.name()));
    }
    output::print(&text)?;
    Ok(status)
}
