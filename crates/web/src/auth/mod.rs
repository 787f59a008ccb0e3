//! Who may do what.
//!
//! The module `guard` passes every request through the same checks, in this order: its host ([`hosts`]), its origin, its session
//! ([`sessions`]), the role that its route needs, and the lock.

mod attempts;
mod hosts;
mod password;
mod sessions;

use std::time::Duration;

use tokio::sync::Semaphore;

use attempts::Attempts;
use hosts::HostList;
pub use password::hash_password;
use sessions::Sessions;
pub(crate) use sessions::Token;

use crate::answer::Role;
use crate::limits::AddressKey;
use crate::settings::ServerSettings;

/// How many log-ins may wait for the one that is being checked.
const MAX_WAITING: usize = 8;

/// Passwords, sessions and hosts of a page.
pub(crate) struct Auth {
    settings: ServerSettings,
    pub(crate) hosts: HostList,
    pub(crate) sessions: Sessions,
    attempts: Attempts,
    /// A password is checked with a lot of memory and time, so one at a time.
    checking: Semaphore,
    waiting: Semaphore,
}

/// Why a log-in has failed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The password is another one.
    Wrong,
    /// The last attempt from this address was too short ago.
    TooEarly(Duration),
    /// Too many others wait.
    Busy,
}

impl Auth {
    pub(crate) fn new(settings: &ServerSettings) -> Self {
        Self {
            hosts: HostList::new(settings),
            settings: settings.clone(),
            sessions: Sessions::default(),
            attempts: Attempts::default(),
            checking: Semaphore::new(1),
            waiting: Semaphore::new(MAX_WAITING),
        }
    }

    /// Whether somebody has to log in to see anything.
    pub(crate) fn needs_password(&self) -> bool {
        self.settings.password.is_some() || self.settings.view_password.is_some()
    }

    /// Checks a password. Each attempt makes the address wait longer for the next, until one succeeds.
    pub(crate) async fn log_in(&self, from: AddressKey, password: String) -> Result<Role, Refusal> {
        let Ok(_place) = self.waiting.try_acquire() else { return Err(Refusal::Busy) };
        self.attempts.begin(from).map_err(Refusal::TooEarly)?;
        // The semaphore is never closed.
        let _turn = self.checking.acquire().await;
        let ServerSettings { password: operate, view_password: look, .. } = self.settings.clone();
        let check = move || {
            let known = [(operate, Role::Operate), (look, Role::Look)];
            let is_it = |(known, role): (Option<_>, Role)| {
                known.is_some_and(|known| password::is_correct(&known, &password)).then_some(role)
            };
            known.into_iter().find_map(is_it)
        };
        match tokio::task::spawn_blocking(check).await {
            Ok(Some(role)) => {
                self.attempts.forget(from);
                Ok(role)
            }
            Ok(None) | Err(_) => Err(Refusal::Wrong),
        }
    }
}
