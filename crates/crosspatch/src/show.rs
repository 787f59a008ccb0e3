//! Runs a show from its start to its end: what `run`, `sim` and `demo` have in common.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use crosspatch_core::{Engine, Severity};
use crosspatch_io::{Observed, Shell};
use tracing::{Level, error, info, trace, warn};

use crate::args;
use crate::files::{Disk, Helpers};
use crate::log::Log;
use crate::reload::{Reason, Reloader};
use crate::signals::Signals;
use crate::source::{self, Source};
use crate::values;

/// A show that is to run.
#[derive(Debug)]
pub(crate) struct Show {
    /// Its configuration.
    pub(crate) source: Source,
    /// Whether changes of its files are taken up.
    pub(crate) watches: bool,
    /// Whether values are told.
    pub(crate) values: bool,
    /// Where to write down what comes in.
    pub(crate) record: Option<PathBuf>,
}

impl Show {
    /// Runs until a signal ends it.
    ///
    /// # Errors
    ///
    /// Fails if the show cannot even begin, because the log or the loop cannot be had. Mistakes of the configuration are
    /// told in the log and are exit status 1.
    pub(crate) fn run(self, arguments: &args::Log) -> Result<ExitCode> {
        let log = Log::start(arguments)?;
        let result = self.run_with(&log);
        log.finish();
        result
    }

    fn run_with(self, log: &Log) -> Result<ExitCode> {
        let signals = Signals::listen(log).context("signals cannot be listened to")?;
        let name = self.source.name();
        let helpers = Helpers::default();
        let disk = Disk::new(helpers.clone());
        let compiled = self.source.compile(&disk, None);
        source::tell(&compiled, log);
        let plan = match source::usable(compiled) {
            Ok(plan) => plan,
            Err(refusal) => {
                error!(id = "start", "{name}: {refusal}");
                return Ok(ExitCode::FAILURE);
            }
        };
        let mut shell = Shell::new().context("cannot create the poller")?;
        let show = shell.handle();
        if let Some(path) = &self.record {
            shell.record_to(path);
        }
        if self.values {
            values::show(&show).context("cannot start a thread")?;
        }
        show.trace(tracing::enabled!(Level::TRACE));
        show.install(plan);
        let reloader = Reloader::new(self.source, disk, helpers, show.clone(), log.clone());
        let trigger = reloader.start(self.watches).context("cannot start a thread")?;
        signals.on_reload(move || trigger.fire(Reason::Asked));
        signals.on_stop(move || show.stop());
        let mut word = "running";
        let mut observer = |_, _: &Engine, observed: Observed<'_>| {
            if let Observed::Installed(plan) = observed {
                info!(id = "plan", "{word} {name}: {}", source::size(plan));
                word = "reloaded";
            }
            tell(&observed);
        };
        shell.run(&mut observer).context("the loop has failed")?;
        info!(id = "end", "ended");
        Ok(ExitCode::SUCCESS)
    }
}

/// Tells the operator what has happened.
fn tell(observed: &Observed<'_>) {
    match observed {
        Observed::Notice { instance, notice, held } => {
            let (instance, id, held, text) =
                (instance.unwrap_or_default(), notice.id, u64::from(*held), &notice.text);
            match notice.severity {
                Severity::Info => info!(instance, id, held, "{text}"),
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
