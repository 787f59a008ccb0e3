//! Reloads the configuration while the show runs.
//!
//! A separate thread waits for a change of the files or a SIGHUP, compiles, and installs the plan if there are no
//! errors. No failure here affects the show.

mod trigger;
mod watch;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crosspatch_core::Difference;
use crosspatch_io::Handle;
use tracing::{debug, warn};

use crate::files::{Disk, Helpers, PATIENCE};
use crate::log::Log;
use crate::page::ShowPage;
use crate::source::{self, ConfigSource, SeenWarnings};
pub(crate) use trigger::{Reason, ReloadTrigger};
use watch::Watch;

/// How long files must be unchanged before a reload; editors and copy programs write in several steps.
const QUIET: Duration = Duration::from_millis(100);

/// A file that keeps changing is read anyway after this time.
const RESTLESS: Duration = Duration::from_secs(1);

/// The minimum time between two reloads, however many are requested.
const PAUSE: Duration = Duration::from_millis(100);

/// The changes of reloads that have been installed but do not run yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reloads(Arc<Mutex<VecDeque<Difference>>>);

impl Reloads {
    fn add(&self, difference: Difference) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(difference);
    }

    /// The changes of the next reload, which is about to run.
    pub(crate) fn take(&self) -> Option<Difference> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

/// Reloads a configuration. Its first plan was compiled from `source` through `disk`, which has these helpers.
pub(crate) struct Reloader {
    pub(crate) source: ConfigSource,
    pub(crate) disk: Disk,
    pub(crate) helpers: Helpers,
    /// The warnings already reported.
    pub(crate) known: SeenWarnings,
    pub(crate) show: Handle,
    pub(crate) page: ShowPage,
    /// The changes of every reload.
    pub(crate) reloads: Reloads,
    pub(crate) log: Log,
}

impl Reloader {
    /// Starts the thread. It lives as long as the program. The trigger that it returns requests a reload.
    ///
    /// # Errors
    ///
    /// Fails if the thread cannot be started.
    pub(crate) fn start(mut self, watches: bool) -> std::io::Result<Arc<ReloadTrigger>> {
        let trigger = Arc::new(ReloadTrigger::default());
        let own = trigger.clone();
        if watches {
            let requests = trigger.clone();
            self.helpers.on_return(move || requests.fire(Reason::Files));
        }
        std::thread::Builder::new().name("reload".to_owned()).spawn(move || {
            let mut watch = watches.then(|| Watch::new(&own));
            loop {
                if watches {
                    watch = self.follow(watch, &own);
                }
                // This check finds changes made before the watch existed.
                if watches && self.disk.has_changed() {
                    own.fire(Reason::Files);
                }
                let reason = own.settle(own.wait(), QUIET, RESTLESS);
                self.reload(reason);
                std::thread::sleep(PAUSE);
            }
        })?;
        Ok(trigger)
    }

    /// Watches exactly the files that were read last. A watch that hangs is dropped.
    fn follow(&self, watch: Option<Watch>, trigger: &Arc<ReloadTrigger>) -> Option<Watch> {
        let mut watch = watch.unwrap_or_else(|| Watch::new(trigger));
        let paths = self.disk.paths();
        let following = move || {
            watch.follow(&paths);
            watch
        };
        match self.helpers.within(PATIENCE, Path::new("the folders of the configuration"), following) {
            Ok(watch) => Some(watch),
            Err(error) => {
                watch::warn_incomplete(&error);
                None
            }
        }
    }

    /// Compiles the configuration, and installs the plan if it has no errors.
    fn reload(&mut self, reason: Reason) {
        if reason == Reason::Files && !self.disk.has_changed() {
            debug!(id = "reload", "{} was written without a change", self.source.name());
            return;
        }
        let disk = self.disk.anew();
        let running = self.show.plan();
        let mut compiled = self.source.compile(&disk, Some(&running));
        self.disk = disk;
        source::report(&mut compiled, &mut self.known, &self.log);
        let name = self.source.name();
        let (lines, web) = (compiled.mappings.take(), compiled.web.take());
        match source::usable(compiled) {
            Ok(plan) => {
                self.reloads.add(plan.difference(&running));
                self.page.set_lines(&plan, lines);
                let replaced = self.show.install(plan);
                self.page.apply(web);
                drop(running);
                // Freed here, it does not hold up the show.
                drop(replaced.recv());
            }
            Err(refusal) => {
                warn!(id = "reload", "did not reload {name}: {refusal}; the show goes on as it was");
            }
        }
    }
}
