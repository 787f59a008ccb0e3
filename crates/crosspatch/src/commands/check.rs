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
    let mut text = match check.format {
        Format::Json => compiled.to_json() + "\n",
        Format::Text => compiled.render(output::color(color)),
    };
    let warnings = match compiled.warnings() {
        0 => String::new(),
        number => format!(", {}", counted(number, "warning")),
    };
    let (verdict, status) = match usable(compiled) {
        Ok(plan) => (format!("good: {}", size(&plan)), ExitCode::SUCCESS),
        Err(refusal) => (refusal, ExitCode::FAILURE),
    };
    if check.format == Format::Text {
        text.push_str(&format!("{}: {verdict}{warnings}\n", source.name()));
    }
    output::print(&text)?;
    Ok(status)
}
