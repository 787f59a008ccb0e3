//! The sessions that a console has given out: who they belong to, when they end, and what each has typed.

use std::collections::BTreeMap;

use crosspatch_core::{Duration, Instant};

use super::desk::Question;

/// A remote, by its session number.
#[derive(Debug, Default)]
pub(super) struct Remote {
    /// The connection it is used on, if that is still there.
    pub(super) connection: Option<u32>,
    /// Who has logged in.
    pub(super) user: Option<String>,
    /// Its command line, and whether the client has still to be told of a change.
    pub(super) line: String,
    pub(super) is_line_news: bool,
    /// What it has been asked.
    pub(super) question: Option<Question>,
    /// The number it had before the last change: requests with it may still be on their way.
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
    /// A new session for a connection; none if there are too many already.
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

    /// A session that nobody uses any more goes on with a new connection.
    pub(super) fn take_over(&mut self, session: i64, connection: u32) -> bool {
        match self.remotes.get_mut(&session) {
            Some(remote) if remote.connection.is_none() => {
                remote.connection = Some(connection);
                true
            }
            Some(_) | None => false,
        }
    }

    /// A keep-alive came.
    pub(super) fn keep_alive(&mut self, now: Instant, session: i64) {
        if let Some(remote) = self.remotes.get_mut(&session) {
            remote.seen = now;
        }
    }

    /// Counts a message; the new number of the session if it changes after so many.
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

    /// The client has said goodbye.
    pub(super) fn end(&mut self, session: i64) {
        self.remotes.remove(&session);
    }

    /// A connection is gone; its session stays until it times out.
    pub(super) fn disconnected(&mut self, connection: u32) {
        for remote in self.remotes.values_mut() {
            if remote.connection == Some(connection) {
                remote.connection = None;
            }
        }
    }

    /// Ends the sessions that were not kept alive; what they were, and their connections.
    pub(super) fn expire(&mut self, now: Instant, timeout: Option<Duration>) -> Vec<(i64, Option<u32>)> {
        let Some(timeout) = timeout else { return Vec::new() };
        let late = self.remotes.iter().filter(|(_, remote)| remote.seen + timeout <= now);
        let late: Vec<_> = late.map(|(session, remote)| (*session, remote.connection)).collect();
        for (session, _) in &late {
            self.remotes.remove(session);
        }
        late
    }

    pub(super) fn next_timeout(&self, timeout: Option<Duration>) -> Option<Instant> {
        let timeout = timeout?;
        self.remotes.values().map(|remote| remote.seen + timeout).min()
    }
}
