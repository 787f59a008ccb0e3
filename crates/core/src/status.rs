//! How a session is doing: the answer of [`Session::status`](crate::Session::status).

use std::cmp::Reverse;
use std::fmt;

use crate::{Closed, Instant};

/// The connections of a session, and those it still waits for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Status {
    /// A line for each port and peer: consoles, sockets, devices, sources. A protocol without any has none.
    pub links: Vec<LinkStatus>,
}

/// How one port or peer is doing.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkStatus {
    /// Its name: an address, a device, the name of a source.
    pub name: String,
    /// Further details, such as `grandMA2, session 5`; may be empty. The reminder of missing connections omits it.
    pub description: String,
    /// Whether it works.
    pub condition: Condition,
}

/// Whether something works.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Condition {
    /// It is being tried for the first time.
    #[default]
    Starting,
    /// It works.
    Working,
    /// It is missing, and is used as soon as it is there: a peer that is switched off, a device that is not plugged in.
    Waiting {
        /// The missing part, in a few words.
        reason: String,
        /// Since when.
        since: Instant,
    },
    /// It will not work until someone changes something: a refused log-in, an address that another program uses.
    Failing {
        /// The problem, in a few words.
        reason: String,
        /// Since when.
        since: Instant,
    },
}

impl Status {
    /// Adds a line.
    pub fn add(&mut self, name: impl Into<String>, description: impl Into<String>, condition: Condition) {
        self.links.push(LinkStatus { name: name.into(), description: description.into(), condition });
    }

    /// The condition of the session as a whole: that of the first link that is failing, otherwise of the first that is waiting or
    /// starting. A session without any such link works.
    pub fn condition(&self) -> Condition {
        let worst =
            self.links.iter().map(|link| &link.condition).min_by_key(|condition| Reverse(condition.rank()));
        worst.cloned().unwrap_or(Condition::Working)
    }
}

impl Condition {
    /// It could not be opened, or was closed. Reasons that only a person can fix count as failing. Keeps the time since
    /// when it has not worked.
    pub fn handle_close(&mut self, now: Instant, reason: &Closed) {
        let is_failing = match reason {
            Closed::ByPeer
            | Closed::Reset
            | Closed::Refused
            | Closed::TimedOut
            | Closed::Unreachable
            | Closed::NameNotFound
            | Closed::NotReading
            | Closed::Unplugged => false,
            Closed::InUse(_)
            | Closed::NoSuchAddress
            | Closed::NotPermitted
            | Closed::NotWebSocket(_)
            | Closed::Garbage
            | Closed::TooLong
            | Closed::Exhausted
            | Closed::Other(_) => true,
        };
        self.set_missing(now, reason.to_string(), is_failing);
    }

    /// It does not work now. Keeps the time since when it has not.
    pub fn set_missing(&mut self, now: Instant, reason: String, is_failing: bool) {
        let since = self.since().unwrap_or(now);
        *self = if is_failing { Self::Failing { reason, since } } else { Self::Waiting { reason, since } };
    }

    /// Since when it has been waiting or failing.
    pub fn since(&self) -> Option<Instant> {
        match self {
            Self::Starting | Self::Working => None,
            Self::Waiting { since, .. } | Self::Failing { since, .. } => Some(*since),
        }
    }

    /// Whether it works.
    pub fn is_working(&self) -> bool {
        *self == Self::Working
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Working => 0,
            Self::Starting => 1,
            Self::Waiting { .. } => 2,
            Self::Failing { .. } => 3,
        }
    }
}

impl fmt::Display for LinkStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if !self.description.is_empty() {
            write!(f, " ({})", self.description)?;
        }
        write!(f, ": {}", self.condition)
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting => f.write_str("starting"),
            Self::Working => f.write_str("working"),
            Self::Waiting { reason, since } => write!(f, "waiting since {since}: {reason}"),
            Self::Failing { reason, since } => write!(f, "failing since {since}: {reason}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Duration;

    #[test]
    fn the_worst_link_decides() {
        let (mut waiting, mut failing) = (Condition::Working, Condition::Working);
        waiting.handle_close(Instant::START, &Closed::Refused);
        failing.handle_close(Instant::START, &Closed::InUse(None));
        let mut status = Status::default();
        assert_eq!(status.condition(), Condition::Working);
        for (condition, whole) in [
            (Condition::Working, &Condition::Working),
            (Condition::Starting, &Condition::Starting),
            (waiting.clone(), &waiting),
            (failing.clone(), &failing),
            (Condition::Working, &failing),
        ] {
            status.add("link", "", condition);
            assert_eq!(status.condition(), *whole);
        }
        let mut other = Condition::Working;
        other.handle_close(Instant::START, &Closed::NotPermitted);
        status.add("link", "", other);
        assert_eq!(status.condition(), failing, "the first of them");
        assert_eq!(status.links[2].to_string(), "link: waiting since +0.000s: refused: nobody listens there");
    }

    #[test]
    fn it_is_known_since_when_something_does_not_work() {
        let at = |seconds| Instant::START + Duration::from_secs(seconds);
        let mut condition = Condition::Working;
        condition.handle_close(at(3), &Closed::Reset);
        condition.handle_close(at(5), &Closed::InUse(None));
        let reason = "the address is in use by another program".to_owned();
        assert_eq!(condition, Condition::Failing { reason, since: at(3) });
        condition = Condition::Working;
        condition.handle_close(at(9), &Closed::Reset);
        assert_eq!(condition.since(), Some(at(9)));
    }
}
