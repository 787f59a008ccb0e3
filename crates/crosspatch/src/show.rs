//! Runs a show from start to end; shared by `run`, `sim` and `demo`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use crosspatch_core::{Engine, Instant, Severity};
use crosspatch_io::{Observed, Shell};
use tracing::{Level, debug, error, info, trace, warn};

use crate::args;
use crate::files::{Disk, Helpers};
use crate::line_limit::{LineLimit, Visibility};
use crate::log::Log;
use crate::page::{ShowPage, WantedPage};
use crate::reload::{Reason, Reloader, Reloads};
use crate::reminder::Reminder;
use crate::signals::Signals;
use crate::source::{self, ConfigSource, SeenWarnings};
use crate::values;

/// A show, ready to run.
#[derive(Debug)]
pub(crate) struct RunnableShow {
    /// Its configuration.
    pub(crate) source: ConfigSource,
    /// Whether to reload when its files change.
    pub(crate) watches: bool,
    /// Whether to print values.
    pub(crate) values: bool,
    /// The page that the command line asks for.
    pub(crate) web: Option<WantedPage>,
    /// The file to record input to.
    pub(crate) record: Option<PathBuf>,
    /// The real-time priority to run with.
    pub(crate) realtime: Option<u8>,
}

impl RunnableShow {
    /// Runs until a signal ends it.
    ///
    /// # Errors
    ///
    /// Fails if the log or the event loop cannot start. Errors of the configuration are
    /// logged, and the exit status is 1.
    pub(crate) fn run(self, arguments: &args::LogArgs) -> Result<ExitCode> {
        let log = Log::start(arguments)?;
        let result = self.run_with(&log);
        log.finish();
        result
    }

    fn run_with(mut self, log: &Log) -> Result<ExitCode> {
        self.source = self.source.keep_lines(self.web.is_some());
        let signals = Signals::listen(log).context("cannot install the signal handlers")?;
        let name = self.source.name();
        let mut shell = Shell::new().context("cannot create the poller")?;
        let helpers = Helpers::default();
        let disk = Disk::new(helpers.clone());
        let mut compiled = self.source.compile(&disk, None);
        let mut known = SeenWarnings::default();
        source::report(&mut compiled, &mut known, log);
        let (lines, web) = (compiled.mappings.take(), compiled.web.take());
        let plan = match source::usable(compiled) {
            Ok(plan) => plan,
            Err(refusal) => {
                error!(id = "start", "{name}: {refusal}");
                return Ok(ExitCode::FAILURE);
            }
        };
        if let Some(priority) = self.realtime {
            shell.enter_real_time(priority).context("cannot run in real time")?;
        }
        let show = shell.handle();
        if let Some(path) = &self.record {
            shell.record_to(path);
        }
        if self.values {
            values::show(&show).context("cannot start a thread")?;
        }
        show.trace(tracing::enabled!(Level::TRACE));
        let page = ShowPage::new(self.web, name.clone(), show.clone());
        page.set_lines(&plan, lines);
        show.install(plan);
        page.apply(web);
        let reminder = Reminder::start(show.clone()).context("cannot start a thread")?;
        let reloads = Reloads::default();
        let reloader = Reloader {
            source: self.source,
            disk,
            helpers,
            known,
            show: show.clone(),
            page: page.clone(),
            reloads: reloads.clone(),
            log: log.clone(),
        };
        let trigger = reloader.start(self.watches).context("cannot start a thread")?;
        signals.on_reload(move || trigger.fire(Reason::Asked));
        signals.on_stop(move || show.stop());
        let (mut is_first, mut limit) = (true, LineLimit::default());
        let mut observer = |now, _: &Engine, observed: Observed<'_>| {
            if let Observed::Installed(plan) = observed {
                let size = source::size(plan);
                match (std::mem::take(&mut is_first), reloads.take()) {
                    (true, _) => info!(id = "plan", "running {name}: {size}"),
                    // The end of the show is an empty plan.
                    (false, None) => {}
                    (false, Some(difference)) => info!(id = "plan", "reloaded {name}: {size}; {difference}"),
                }
            }
            if let Observed::Notice { instance: Some(_), .. } = &observed {
                reminder.handle_notice();
            }
            page.handle(&observed);
            log_event(now, &observed, &mut limit);
        };
        shell.run(&mut observer).context("the event loop failed")?;
        page.end();
        info!(id = "end", "ended");
        Ok(ExitCode::SUCCESS)
    }
}

/// Logs an event of the show.
fn log_event(now: Instant, observed: &Observed<'_>, limit: &mut LineLimit) {
    match observed {
        Observed::Notice { instance, notice, held } => {
            let (instance, id, held, text) =
                (instance.unwrap_or_default(), notice.id, u64::from(*held), &notice.text);
            match notice.severity {
                Severity::Debug => debug!(instance, id, held, "{text}"),
                Severity::Info => match limit.admit(now, id) {
                    Visibility::Shown => info!(instance, id, held, "{text}"),
                    Visibility::Last => info!(instance, id, held, "{text}; more follow, `-v` shows them"),
                    Visibility::Hidden => debug!(instance, id, held, "{text}"),
                },
                Severity::Warning => warn!(instance, id, held, "{text}"),
                Severity::Error => error!(instance, id, held, "{text}"),
            }
        }
        Observed::Installed(_)
        | Observed::Value { .. }
        | Observed::Opening(..)
        | Observed::Opened(..)
        | Observed::Closed(..)
        | Observed::Closing(..)
        | Observed::Full(..)
        | Observed::Writable(..)
        | Observed::Lost(_)
        | Observed::Received(..)
        | Observed::Sent(..)
        | Observed::Stopped(_) => trace!(id = "wire", "{observed}"),
    }
}
