//! Delays log-ins by address: after each wrong password, the next attempt has to wait twice as long.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::limits::AddressKey;

/// The pause after the first wrong password, and the longest.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(32);

/// An address that has not tried for this time begins anew.
const FORGOTTEN: Duration = Duration::from_secs(600);

/// How many addresses are remembered.
const MAX_ADDRESSES: usize = 1024;

#[derive(Default)]
pub(super) struct Attempts(Mutex<BTreeMap<AddressKey, LogInAttempt>>);

struct LogInAttempt {
    last: Instant,
    pause: Duration,
}

impl Attempts {
    /// Begins an attempt, which counts as failed until [`forget`](Self::forget). The error is the time that is left to wait.
    pub(super) fn begin(&self, from: AddressKey) -> Result<(), Duration> {
        self.begin_at(Instant::now(), from)
    }

    fn begin_at(&self, now: Instant, from: AddressKey) -> Result<(), Duration> {
        let mut attempts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        attempts.retain(|_, attempt| now.duration_since(attempt.last) < FORGOTTEN);
        if let Some(attempt) = attempts.get_mut(&from) {
            let left = attempt.pause.saturating_sub(now.duration_since(attempt.last));
            if !left.is_zero() {
                return Err(left);
            }
            *attempt = LogInAttempt { last: now, pause: (attempt.pause * 2).min(LONGEST) };
            return Ok(());
        }
        if attempts.len() >= MAX_ADDRESSES {
            let oldest = attempts.iter().min_by_key(|(_, attempt)| attempt.last).map(|(address, _)| *address);
            oldest.map(|oldest| attempts.remove(&oldest));
        }
        attempts.insert(from, LogInAttempt { last: now, pause: FIRST });
        Ok(())
    }

    /// The attempt has succeeded.
    pub(super) fn forget(&self, from: AddressKey) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wrong_password_doubles_the_pause_of_its_address() {
        let attempts = Attempts::default();
        let [one, other] = [[10, 0, 0, 1], [10, 0, 0, 2]].map(|address| AddressKey::of(address.into()));
        let mut now = Instant::now();
        for seconds in [1, 2, 4, 8, 16, 32, 32] {
            assert_eq!(attempts.begin_at(now, one), Ok(()));
            assert_eq!(attempts.begin_at(now, one), Err(Duration::from_secs(seconds)));
            now += Duration::from_secs(seconds);
        }
        assert_eq!(attempts.begin_at(now, other), Ok(()), "it has not tried before");
        attempts.forget(one);
        assert_eq!(attempts.begin_at(now, one), Ok(()));
        for number in 0..2 * MAX_ADDRESSES as u32 {
            let address = AddressKey::of(std::net::Ipv4Addr::from(number).into());
            attempts.begin_at(now, address).expect("it has not tried before");
        }
        assert_eq!(attempts.0.lock().expect("no panic").len(), MAX_ADDRESSES);
    }
}
