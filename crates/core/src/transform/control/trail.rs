//! Where a target is, by what went there and by what it says.
//!
//! A target reports its value rounded, a console in hundredths, a motor fader in steps of 1/127, and late, when it has
//! already been sent on. A stage that took such a report for the truth would lose small steps, or believe that somebody
//! else had moved the target. One that ignored reports would jump when somebody has. So a report that can be explained by
//! what was sent lately changes nothing, and any other is the truth.

use crate::{Duration, Instant};

/// How much a target may round: consoles cut to hundredths, and a hundredth is no exact number.
pub(super) const ROUNDING: f64 = 0.0101;

/// How late a report may be.
const LAG: Duration = Duration::from_secs(1);

/// What a mapping has sent to its target without a pause longer than [`LAG`].
#[derive(Clone, Debug, Default)]
pub(super) struct Trail {
    sent: Option<Sent>,
}

#[derive(Clone, Debug)]
struct Sent {
    last: f64,
    at: Instant,
    /// The lowest and the highest position since the pause, with the one at which it began.
    low: f64,
    high: f64,
}

impl Trail {
    /// Where the target is, if its last known value is `known`: where it was sent to, if that and `tolerance` explain the
    /// known value.
    pub(super) fn position(&self, now: Instant, known: Option<f64>, tolerance: f64) -> Option<f64> {
        let Some(sent) = &self.sent else { return known };
        let (low, high) = if now - sent.at > LAG { (sent.last, sent.last) } else { (sent.low, sent.high) };
        match known {
            Some(known) if !(low - tolerance..=high + tolerance).contains(&known) => Some(known),
            Some(_) | None => Some(sent.last),
        }
    }

    /// The target is sent to `to` from `position`, or nobody knows from where.
    pub(super) fn send(&mut self, now: Instant, position: Option<f64>, to: f64) {
        let (low, high) = match &self.sent {
            Some(sent) if position == Some(sent.last) && now - sent.at <= LAG => (sent.low, sent.high),
            Some(_) | None => (position.unwrap_or(to), position.unwrap_or(to)),
        };
        self.sent = Some(Sent { last: to, at: now, low: low.min(to), high: high.max(to) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: u64) -> Instant {
        Instant::from_micros(millis * 1000)
    }

    #[test]
    fn a_rounded_report_does_not_take_away_what_was_sent() {
        let mut trail = Trail::default();
        assert_eq!(trail.position(at(0), None, ROUNDING), None);
        assert_eq!(trail.position(at(0), Some(0.3), ROUNDING), Some(0.3));
        trail.send(at(0), Some(0.3), 0.3039);
        for reported in [0.3, 0.31, 0.3039] {
            assert_eq!(trail.position(at(60_000), Some(reported), ROUNDING), Some(0.3039));
        }
        assert_eq!(trail.position(at(60_000), None, ROUNDING), Some(0.3039));
    }

    #[test]
    fn a_late_report_is_one_of_a_place_on_the_way_and_only_for_a_second() {
        let mut trail = Trail::default();
        trail.send(at(0), Some(0.2), 0.3);
        trail.send(at(900), Some(0.3), 0.6);
        assert_eq!(trail.position(at(1900), Some(0.19), ROUNDING), Some(0.6));
        assert_eq!(trail.position(at(1901), Some(0.3), ROUNDING), Some(0.3));
        // After the pause the way begins where the target is.
        trail.send(at(2000), Some(0.6), 0.7);
        assert_eq!(trail.position(at(2000), Some(0.6), ROUNDING), Some(0.7));
        assert_eq!(trail.position(at(2000), Some(0.5), ROUNDING), Some(0.5));
    }

    #[test]
    fn what_somebody_else_has_set_is_true_at_once() {
        let mut trail = Trail::default();
        trail.send(at(0), None, 0.3);
        assert_eq!(trail.position(at(1), Some(0.32), ROUNDING), Some(0.32));
        assert_eq!(trail.position(at(1), Some(0.32), 0.03), Some(0.3));
        trail.send(at(2), Some(0.32), 0.33);
        assert_eq!(trail.position(at(3), Some(0.3), ROUNDING), Some(0.3));
    }
}
