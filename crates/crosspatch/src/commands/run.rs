//! `crosspatch run FILE`: runs a show.

use std::process::ExitCode;

use anyhow::Result;

use crate::args::{Log, Run};
use crate::show::Show;
use crate::source::Source;

/// Runs until a signal ends the show.
pub(crate) fn run(run: &Run, log: &Log) -> Result<ExitCode> {
    let source = Source::file(run.file.as_deref(), &run.overrides)?.skip_missing(run.skip_missing);
    Show { source, watches: !run.no_watch, values: run.values, record: run.record.clone() }.run(log)
}
