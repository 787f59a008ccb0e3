//! Those who have logged in.

use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use subtle::ConstantTimeEq;

use crate::answer::Role;

/// A session that is not used ends after this time.
const IDLE: Duration = Duration::from_secs(12 * 3600);

/// Every session ends after this time.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// How many there are at most; the one that was not used for the longest time ends first.
const MAX_SESSIONS: usize = 256;

/// The secret of a session.
#[derive(Copy, Clone)]
pub(crate) struct Token([u8; 32]);

impl Token {
    fn random() -> Option<Self> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).ok()?;
        Some(Self(bytes))
    }

    /// As it is written in cookies and headers.
    pub(crate) fn to_hex(self) -> String {
        self.0.iter().fold(String::new(), |mut text, byte| {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    pub(crate) fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        for (number, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * number..2 * number + 2], 16).ok()?;
        }
        Some(Self(bytes))
    }
}

/// All sessions.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<Vec<LogInSession>>);

struct LogInSession {
    token: Token,
    role: Role,
    begun: Instant,
    used: Instant,
}

impl Sessions {
    /// Begins a session. None if the system has no random numbers.
    pub(crate) fn begin(&self, role: Role) -> Option<Token> {
        let (token, now) = (Token::random()?, Instant::now());
        let mut sessions = self.lock(now);
        if sessions.len() >= MAX_SESSIONS {
            let oldest = (0..sessions.len()).min_by_key(|at| sessions[*at].used);
            oldest.map(|oldest| sessions.swap_remove(oldest));
        }
        sessions.push(LogInSession { token, role, begun: now, used: now });
        Some(token)
    }

    /// The role of a session, if it has not ended.
    pub(crate) fn role(&self, token: &Token) -> Option<Role> {
        self.role_at(Instant::now(), token)
    }

    fn role_at(&self, now: Instant, token: &Token) -> Option<Role> {
        let mut sessions = self.lock(now);
        let found = sessions.iter_mut().find(|session| session.token.0.ct_eq(&token.0).into())?;
        found.used = now;
        Some(found.role)
    }

    /// Ends a session.
    pub(crate) fn end(&self, token: &Token) {
        self.lock(Instant::now()).retain(|session| !bool::from(session.token.0.ct_eq(&token.0)));
    }

    /// The sessions that have not ended.
    fn lock(&self, now: Instant) -> MutexGuard<'_, Vec<LogInSession>> {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|session| {
            now.duration_since(session.used) < IDLE && now.duration_since(session.begun) < LONGEST
        });
        sessions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_by_itself_and_old_ones_make_room() {
        let sessions = Sessions::default();
        let first = sessions.begin(Role::Look).expect("a token");
        let again = Token::from_hex(&first.to_hex()).expect("the same");
        assert_eq!(sessions.role(&again), Some(Role::Look));
        assert_eq!(sessions.role(&Token([0; 32])), None);
        let now = Instant::now();
        let hours = |hours: u64| now + Duration::from_secs(hours * 3600);
        assert_eq!(sessions.role_at(hours(11), &first), Some(Role::Look));
        assert_eq!(sessions.role_at(hours(22), &first), Some(Role::Look), "it was used in between");
        assert_eq!(sessions.role_at(hours(35), &first), None);
        let used = sessions.begin(Role::Operate).expect("a token");
        for hour in (0..24 * 7).step_by(10) {
            assert_eq!(sessions.role_at(hours(hour), &used), Some(Role::Operate));
        }
        assert_eq!(sessions.role_at(hours(24 * 7 + 1), &used), None);
        let first = sessions.begin(Role::Look).expect("a token");
        for _ in 0..MAX_SESSIONS {
            sessions.begin(Role::Look).expect("a token");
        }
        assert_eq!(sessions.role(&first), None);
        let last = sessions.begin(Role::Look).expect("a token");
        sessions.end(&last);
        assert_eq!(sessions.role(&last), None);
    }

    #[test]
    fn only_the_whole_token_is_one() {
        let hex = "0f".repeat(32);
        assert!(Token::from_hex(&hex).is_some_and(|token| token.0 == [15; 32]));
        for wrong in ["", &hex[..62], &format!("{hex}00"), &"0g".repeat(32), &"é".repeat(32)] {
            assert!(Token::from_hex(wrong).is_none(), "{wrong}");
        }
    }
}
