//! Handles signals of the operating system: INT and TERM end the show, HUP reloads.
//!
//! The end is clean if it takes less than a second: sessions log out of their peers. A hang (a full buffer, a
//! disk that does not answer) does not hold up the end for longer. A second signal ends at once. Writing into a closed
//! pipe is an error like any other; the runtime of the language ignores SIGPIPE from the start.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::log::Log;

/// The time limit of a clean end, so that the whole stays below a second.
const PATIENCE: Duration = Duration::from_millis(700);

/// The exit status after a second signal, as shells count: 128 and the number of SIGINT.
const IMPATIENT: i32 = 130;

type Action = Box<dyn Fn() + Send>;

/// The actions of the signals. None is set until a show runs.
#[derive(Clone, Default)]
pub(crate) struct Signals(Arc<Mutex<Actions>>);

#[derive(Default)]
struct Actions {
    stop: Option<Action>,
    reload: Option<Action>,
    is_ending: bool,
}

impl Signals {
    /// Installs the handlers. Until [`on_stop`](Self::on_stop), a signal ends the program at once, with status 0.
    ///
    /// # Errors
    ///
    /// Fails if the operating system refuses the handlers.
    #[cfg(unix)]
    pub(crate) fn listen(log: &Log) -> std::io::Result<Self> {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        let signals = Self::default();
        let (actions, log) = (signals.clone(), log.clone());
        let mut queue = signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGTERM])?;
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for signal in queue.forever() {
                if signal == SIGHUP { actions.reload() } else { actions.stop(&log) }
            }
        })?;
        Ok(signals)
    }

    /// Does nothing where there are no signals: Ctrl-C ends the program.
    #[cfg(not(unix))]
    pub(crate) fn listen(_log: &Log) -> std::io::Result<Self> {
        Ok(Self::default())
    }

    /// Sets the action of INT and TERM.
    pub(crate) fn on_stop(&self, stop: impl Fn() + Send + 'static) {
        self.actions().stop = Some(Box::new(stop));
    }

    /// Sets the action of HUP.
    pub(crate) fn on_reload(&self, reload: impl Fn() + Send + 'static) {
        self.actions().reload = Some(Box::new(reload));
    }

    #[cfg(unix)]
    fn reload(&self) {
        if let Some(reload) = &self.actions().reload {
            reload();
        }
    }

    #[cfg(unix)]
    fn stop(&self, log: &Log) {
        let mut actions = self.actions();
        if std::mem::replace(&mut actions.is_ending, true) {
            std::process::exit(IMPATIENT);
        }
        let Some(stop) = &actions.stop else { std::process::exit(0) };
        stop();
        drop(actions);
        let log = log.clone();
        let guard = std::thread::Builder::new().name("last-resort".to_owned()).spawn(move || {
            std::thread::sleep(PATIENCE);
            tracing::warn!(id = "end", "the show did not end in time; exiting without a clean end");
            log.finish();
            std::process::exit(0);
        });
        if guard.is_err() {
            std::process::exit(0);
        }
    }

    // Actions only wake other threads and do not panic.
    fn actions(&self) -> std::sync::MutexGuard<'_, Actions> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
