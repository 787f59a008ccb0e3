//! Reloads the configuration while the show runs.
//!
//! A thread of its own waits for a change of the files or a SIGHUP, compiles, and hands over a plan if there is one without
//! mistakes. Nothing that goes wrong here reaches the show.

mod trigger;
mod watch;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crosspatch_io::Handle;
use tracing::{debug, warn};

use crate::files::{Disk, Helpers, PATIENCE};
use crate::log::Log;
use crate::source::{self, Source};
pub(crate) use trigger::{Reason, ReloadTrigger};
use watch::Watch;

/// How long files must be unchanged before a reload; editors and copy programs write in several steps.
const QUIET: Duration = Duration::from_millis(100);

/// A file that keeps changing is read anyway after this time.
const RESTLESS: Duration = Duration::from_secs(1);

/// The minimum time between two reloads, however many are requested.
const PAUSE: Duration = Duration::from_millis(100);

/// Reloads a configuration.
pub(crate) struct Reloader {
    source: Source,
    disk: Disk,
    helpers: Helpers,
    show: Handle,
    log: Log,
}

impl Reloader {
    /// A reloader for a show whose first plan was compiled from `source` through `disk`, which has these helpers.
    pub(crate) fn new(source: Source, disk: Disk, helpers: Helpers, show: Handle, log: Log) -> Self {
        Self { source, disk, helpers, show, log }
    }

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
                // What changed before the watch was there is found by this look.
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
        let compiled = self.source.compile(&disk, Some(&running));
        self.disk = disk;
        source::report(&compiled, &self.log);
        let name = self.source.name();
        match source::usable(compiled) {
            Ok(plan) => self.show.install(plan),
            Err(refusal) => {
                warn!(id = "reload", "did not reload {name}: {refusal}; the show goes on as it was");
            }
        }
    }
}
