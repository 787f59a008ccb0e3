//! `crosspatch run FILE`: runs a show.

use std::process::ExitCode;

use anyhow::Result;

use crate::args::{LogArgs, RunArgs};
use crate::show::RunnableShow;
use crate::source::ConfigSource;

/// Runs until a signal ends the show.
pub(crate) fn run(run: &RunArgs, log: &LogArgs) -> Result<ExitCode> {
    let source = ConfigSource::file(run.file.as_deref(), &run.overrides)?.skip_missing(run.skip_missing);
    RunnableShow { source, watches: !run.no_watch, values: run.values, record: run.record.clone() }.run(log)
}
