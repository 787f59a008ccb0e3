//! The sessions of a console: their users, time-outs, command lines and held keys.

use std::collections::{BTreeMap, BTreeSet};

use crosspatch_core::{Condition, Duration, Instant, Peer, Status};

use super::desk::StoreQuestion;
use super::show::ExecutorPosition;

/// A key that can be held down.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum HeldKey {
    /// A key of an executor, by its number in messages.
    Executor(ExecutorPosition, u32),
    /// A command key.
    Command(&'static str),
}

/// A remote, by its session number.
#[derive(Debug, Default)]
pub(super) struct Remote {
    /// The connection it is used on, if that is still there.
    pub(super) connection: Option<u32>,
    /// The user that is logged in.
    pub(super) user: Option<String>,
    /// Its command line, and whether a change has not been sent to the client yet.
    pub(super) line: String,
    pub(super) is_line_news: bool,
    /// The question that waits for an answer.
    pub(super) question: Option<StoreQuestion>,
    /// The keys that it has pressed and not released.
    held: BTreeSet<HeldKey>,
    /// Its previous number. Requests with it may still arrive.
    previous: Option<i64>,
    messages: u32,
    seen: Instant,
}

/// All sessions.
#[derive(Debug, Default)]
pub(super) struct Remotes {
    remotes: BTreeMap<i64, Remote>,
    given: i64,
}

impl Remotes {
    /// A new session for a connection. `None` if there are too many.
    pub(super) fn create(&mut self, now: Instant, connection: u32, most: usize) -> Option<i64> {
        if self.remotes.len() >= most {
            return None;
        }
        self.given += 1;
        let remote = Remote { connection: Some(connection), seen: now, ..Remote::default() };
        self.remotes.insert(self.given, remote);
        Some(self.given)
    }

    /// The session that a connection uses.
    pub(super) fn of(&self, connection: u32) -> Option<i64> {
        let mut remotes = self.remotes.iter();
        remotes.find(|(_, remote)| remote.connection == Some(connection)).map(|(session, _)| *session)
    }

    /// Whether a connection may use a number: it is its session's, or was until just now.
    pub(super) fn fits(&self, session: i64, named: i64) -> bool {
        session == named || self.remotes.get(&session).is_some_and(|remote| remote.previous == Some(named))
    }

    pub(super) fn get_mut(&mut self, session: i64) -> Option<&mut Remote> {
        self.remotes.get_mut(&session)
    }

    /// An unused session continues with a new connection.
    pub(super) fn take_over(&mut self, session: i64, connection: u32) -> bool {
        match self.remotes.get_mut(&session) {
            Some(remote) if remote.connection.is_none() => {
                remote.connection = Some(connection);
                true
            }
            Some(_) | None => false,
        }
    }

    /// Handles a keep-alive.
    pub(super) fn keep_alive(&mut self, now: Instant, session: i64) {
        if let Some(remote) = self.remotes.get_mut(&session) {
            remote.seen = now;
        }
    }

    /// Counts a message. Returns the new number of the session if it changes.
    pub(super) fn count(&mut self, session: i64, change_after: Option<u32>) -> Option<i64> {
        let remote = self.remotes.get_mut(&session)?;
        remote.messages += 1;
        if remote.messages < change_after? {
            return None;
        }
        let mut remote = self.remotes.remove(&session)?;
        remote.messages = 0;
        remote.previous = Some(session);
        self.given += 1;
        self.remotes.insert(self.given, remote);
        Some(self.given)
    }

    /// Records that a remote has pressed or released a key.
    pub(super) fn hold(&mut self, session: i64, key: HeldKey, pressed: bool) {
        let Some(remote) = self.remotes.get_mut(&session) else { return };
        if pressed {
            remote.held.insert(key);
        } else {
            remote.held.remove(&key);
        }
    }

    /// Closes a session. Returns the keys that no client holds any more.
    pub(super) fn end(&mut self, session: i64) -> Vec<HeldKey> {
        let held = self.remotes.remove(&session).map(|remote| remote.held).unwrap_or_default();
        self.no_longer_held(held)
    }

    /// Handles a closed connection. Its session stays until it times out. Returns the keys that no client holds any more.
    pub(super) fn disconnected(&mut self, connection: u32) -> Vec<HeldKey> {
        let mut held = BTreeSet::new();
        for remote in self.remotes.values_mut() {
            if remote.connection == Some(connection) {
                remote.connection = None;
                held.append(&mut remote.held);
            }
        }
        self.no_longer_held(held)
    }

    /// Closes all connections. Returns the keys that were held.
    pub(super) fn all_disconnected(&mut self) -> Vec<HeldKey> {
        let mut held = BTreeSet::new();
        for remote in self.remotes.values_mut() {
            remote.connection = None;
            held.append(&mut remote.held);
        }
        held.into_iter().collect()
    }

    fn no_longer_held(&self, held: BTreeSet<HeldKey>) -> Vec<HeldKey> {
        let is_held = |key: &HeldKey| self.remotes.values().any(|remote| remote.held.contains(key));
        held.into_iter().filter(|key| !is_held(key)).collect()
    }

    /// The sessions that were not kept alive, with their connections.
    pub(super) fn expired(&self, now: Instant, timeout: Option<Duration>) -> Vec<(i64, Option<u32>)> {
        let Some(timeout) = timeout else { return Vec::new() };
        let late = self.remotes.iter().filter(|(_, remote)| remote.seen + timeout <= now);
        late.map(|(session, remote)| (*session, remote.connection)).collect()
    }

    /// Adds the sessions of remotes that are connected.
    pub(super) fn add_status(&self, status: &mut Status) {
        for (session, remote) in &self.remotes {
            if let Some(connection) = remote.connection {
                let user = remote.user.as_deref().unwrap_or("nobody");
                let description = format!("session {session}, user {user}");
                status.add(Peer::Connection(connection).to_string(), description, Condition::Working);
            }
        }
    }

    pub(super) fn next_timeout(&self, timeout: Option<Duration>) -> Option<Instant> {
        let timeout = timeout?;
        self.remotes.values().map(|remote| remote.seen + timeout).min()
    }
}
