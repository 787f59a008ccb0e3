//! The log: one line per event that matters, for an operator to read, or JSON for a machine.
//!
//! All messages go through `tracing`. A stopped reader of the log does not stop the show: lines wait in a bounded queue
//! for a separate thread, and further ones are counted and dropped.

mod format;
mod sink;

use std::io::IsTerminal;

use anyhow::{Context, Result};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::args::{Format, LogArgs as Arguments};
use crate::output::wants_color;
use format::OperatorFormat;
pub(crate) use sink::LogSink;

/// The log of this process.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    sink: LogSink,
    format: Format,
    color: bool,
}

impl Log {
    /// Starts the log with the options of the command line.
    ///
    /// # Errors
    ///
    /// Fails if the level is invalid.
    pub(crate) fn start(arguments: &Arguments) -> Result<Self> {
        let sink = LogSink::start(std::io::stderr());
        let log = Self {
            sink,
            format: arguments.log_format,
            color: wants_color(arguments.color, std::io::stderr().is_terminal()),
        };
        let registry = tracing_subscriber::registry().with(filter(arguments)?);
        let layer = tracing_subscriber::fmt::layer().with_writer(log.sink.clone());
        match log.format {
            Format::Text => registry.with(layer.with_ansi(log.color).event_format(OperatorFormat)).try_init(),
            Format::Json => registry.with(layer.json().flatten_event(true)).try_init(),
        }
        .context("cannot start the log")?;
        Ok(log)
    }

    /// Whether the log is JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Whether the log is in colour.
    pub(crate) fn is_colored(&self) -> bool {
        self.color
    }

    /// Writes lines to a text log unchanged.
    pub(crate) fn lines(&self, text: &str) {
        self.sink.put(text.as_bytes().to_vec());
    }

    /// Waits briefly until everything is written.
    pub(crate) fn finish(&self) {
        self.sink.finish();
    }
}

/// The filter of events. A bare level applies to our own events; libraries log warnings and errors.
fn filter(arguments: &Arguments) -> Result<EnvFilter> {
    let level = match (&arguments.filter, arguments.verbose) {
        (Some(filter), _) => filter,
        (None, 0) => "info",
        (None, 1) => "debug",
        (None, _) => "trace",
    };
    let is_bare = level.chars().all(|c| c.is_ascii_alphabetic());
    let directives = if is_bare { format!("warn,crosspatch={level}") } else { level.to_owned() };
    let wanted = || format!("expected a level such as `info` or `info,crosspatch_io=trace`, found `{level}`");
    if is_bare && !["off", "error", "warn", "info", "debug", "trace"].contains(&level) {
        anyhow::bail!(wanted());
    }
    EnvFilter::builder().parse(directives).with_context(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::ColorChoice;

    fn arguments(filter: Option<&str>, verbose: u8) -> Arguments {
        let filter = filter.map(str::to_owned);
        Arguments { verbose, filter, log_format: Format::Text, color: ColorChoice::Never }
    }

    #[test]
    fn a_level_means_our_own_events() {
        for (given, verbose, filter_of) in [
            (None, 0, "crosspatch=info,warn"),
            (None, 1, "crosspatch=debug,warn"),
            (None, 7, "crosspatch=trace,warn"),
            (Some("error"), 2, "crosspatch=error,warn"),
            (Some("debug,crosspatch_io=trace"), 0, "crosspatch_io=trace,debug"),
        ] {
            assert_eq!(filter(&arguments(given, verbose)).unwrap().to_string(), filter_of);
        }
    }

    #[test]
    fn what_is_no_level_is_named() {
        for bad in ["loud", "crosspatch=loud", "a=b=c"] {
            let error = filter(&arguments(Some(bad), 0)).unwrap_err().to_string();
            assert!(error.contains(&format!("found `{bad}`")), "{error}");
        }
    }
}
