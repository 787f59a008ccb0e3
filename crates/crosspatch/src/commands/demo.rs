//! `crosspatch demo`: runs a complete show without any hardware.

use std::process::ExitCode;

use anyhow::Result;
use crosspatch_config::DEFAULT_LISTEN;

use crate::args::{Demo, LogArgs};
use crate::output;
use crate::page::WantedPage;
use crate::show::RunnableShow;
use crate::source::ConfigSource;

/// The configuration, which is an example like any other.
const CONFIGURATION: &str = include_str!("../../../../examples/demo.cfg");

/// The welcome text. The README contains it; a test compares them.
const WELCOME: &str = include_str!("demo.txt");

/// Runs the demo until a signal ends it.
pub(crate) fn run(demo: &Demo, log: &LogArgs) -> Result<ExitCode> {
    if demo.print {
        output::print(CONFIGURATION)?;
        return Ok(ExitCode::SUCCESS);
    }
    output::print(&format!("{WELCOME}\n"))?;
    let source = ConfigSource::embedded("demo.cfg", CONFIGURATION, &demo.overrides);
    let web = Some(WantedPage { listen: DEFAULT_LISTEN, any_port: true });
    RunnableShow { source, watches: false, values: true, web, record: None, realtime: None }.run(log)
}
