//! Estimates the position of a target from the levels that were sent to it and from its reports.
//!
//! A target reports its level rounded (a console in hundredths, a motor fader in steps of 1/127), and late, when the next level
//! has already been sent. A stage that believed each report would lose small steps, or assume that the target had been moved by
//! another source. A stage that ignored reports would jump after such a movement. Therefore a report that recently sent levels
//! explain changes nothing, and any other report is the target's position.
//!
//! Positions are levels of the stage. Reports are compared as levels of the target, because the shapes in between scale the
//! rounding.

use crosspatch_core::Instant;
use crosspatch_core::transform::Moment;

use crate::target::{LAG, TargetState};

/// The largest rounding error of a target. Consoles truncate to hundredths, which are not exact in binary.
const ROUNDING: f64 = 0.0101;

/// The levels that a mapping has sent to its target without a pause longer than [`LAG`].
#[derive(Clone, Debug)]
pub(super) struct Trail {
    pub(super) target: TargetState,
    /// The smallest difference that counts as a movement by another source.
    tolerance: f64,
    sent: Option<SentLevel>,
}

#[derive(Clone, Debug)]
struct SentLevel {
    /// The last position.
    last: f64,
    at: Instant,
    /// The lowest and the highest level at the target since the pause, including the first one.
    low: f64,
    high: f64,
}

impl Trail {
    /// A trail that ignores differences of up to `tolerance`, and rounding.
    pub(super) fn new(target: TargetState, tolerance: f64) -> Self {
        Self { target, tolerance: tolerance.max(ROUNDING), sent: None }
    }

    /// The position of the target: the last sent one if that explains the report, or else the reported one.
    pub(super) fn position(&self, moment: &Moment<'_>) -> Option<f64> {
        let known = self.target.known(moment);
        match (&self.sent, known) {
            (Some(sent), Some(known)) if self.explains(moment.now, sent, known) => Some(sent.last),
            (Some(sent), None) => Some(sent.last),
            (_, known) => Some(self.target.back(known?)?.clamp(0.0, 1.0)),
        }
    }

    fn explains(&self, now: Instant, sent: &SentLevel, known: f64) -> bool {
        let last = self.target.there(sent.last);
        let (low, high) = if now - sent.at > LAG { (last, last) } else { (sent.low, sent.high) };
        (low - self.tolerance..=high + self.tolerance).contains(&known)
    }

    /// Records that the target is sent from `position`, if that is known, to `to`.
    pub(super) fn send(&mut self, now: Instant, position: Option<f64>, to: f64) {
        let level = self.target.there(to);
        let (low, high) = match &self.sent {
            Some(sent) if position == Some(sent.last) && now - sent.at <= LAG => (sent.low, sent.high),
            Some(_) | None => {
                let begin = position.map_or(level, |position| self.target.there(position));
                (begin, begin)
            }
        };
        self.sent = Some(SentLevel { last: to, at: now, low: low.min(level), high: high.max(level) });
    }
}

#[cfg(test)]
mod tests {
    use crosspatch_core::Value;
    use crosspatch_core::transform::{Arguments, Stage};

    use super::*;
    use crate::rig::read_stage;

    /// A trail to a target, with some stages in between.
    fn trail(tolerance: f64, behind: &[&str]) -> Trail {
        let mut target = TargetState::new(&mut Arguments::new("", 0, &mut Vec::new()));
        let stages: Vec<Stage> =
            behind.iter().map(|stage| read_stage(stage, &mut Vec::new()).unwrap()).collect();
        target.set_following(&stages);
        Trail::new(target, tolerance)
    }

    const fn at(millis: u64) -> Instant {
        Instant::from_micros(millis * 1000)
    }

    /// The position some time after the start while the target is known to be somewhere.
    fn position(trail: &Trail, millis: u64, known: impl Into<Option<f64>>) -> Option<f64> {
        let known = known.into();
        trail.position(&Moment::new(at(millis), &|_| known.map(Value::number)))
    }

    #[test]
    fn a_rounded_report_does_not_take_away_what_was_sent() {
        let mut trail = trail(0.0, &[]);
        assert_eq!((position(&trail, 0, None), position(&trail, 0, 0.3)), (None, Some(0.3)));
        trail.send(at(0), Some(0.3), 0.3039);
        for reported in [Some(0.3), Some(0.31), Some(0.3039), None] {
            assert_eq!(position(&trail, 60_000, reported), Some(0.3039));
        }
    }

    #[test]
    fn a_late_report_is_one_of_a_place_on_the_way_and_only_for_a_second() {
        let mut trail = trail(0.0, &[]);
        trail.send(at(0), Some(0.2), 0.3);
        trail.send(at(900), Some(0.3), 0.6);
        assert_eq!(position(&trail, 1900, 0.19), Some(0.6));
        assert_eq!(position(&trail, 1901, 0.3), Some(0.3));
        // After the pause the way begins where the target is.
        trail.send(at(2000), Some(0.6), 0.7);
        assert_eq!(position(&trail, 2000, 0.6), Some(0.7));
        assert_eq!(position(&trail, 2000, 0.5), Some(0.5));
    }

    #[test]
    fn what_somebody_else_has_set_is_true_at_once() {
        for (tolerance, seen) in [(0.0, 0.32), (0.03, 0.3)] {
            let mut trail = trail(tolerance, &[]);
            trail.send(at(0), None, 0.3);
            assert_eq!(position(&trail, 1, 0.32), Some(seen));
            trail.send(at(2), Some(0.32), 0.33);
            assert_eq!(position(&trail, 3, 0.2), Some(0.2));
        }
    }

    #[test]
    fn shapes_between_are_gone_back_through_and_do_not_blow_up_what_is_rounded() {
        let mut squeezed = trail(0.0, &["invert", "range 0.4..0.6"]);
        assert_eq!(position(&squeezed, 0, 0.45).map(|position| (position * 1e6).round()), Some(750_000.0));
        assert_eq!(position(&squeezed, 0, 0.9), Some(0.0), "nearer it cannot come");
        squeezed.send(at(0), None, 0.52);
        assert_eq!(position(&squeezed, 60_000, 0.49), Some(0.52));
        assert_eq!(
            position(&squeezed, 60_000, 0.45).map(|position| (position * 1e6).round()),
            Some(750_000.0)
        );
        let mut coarse = trail(0.0, &["steps 3"]);
        coarse.send(at(0), None, 0.6);
        assert_eq!((position(&coarse, 60_000, 0.5), position(&coarse, 60_000, 1.0)), (Some(0.6), Some(1.0)));
        let mut slow = trail(0.0, &["toggle"]);
        slow.send(at(0), None, 0.6);
        assert_eq!((position(&slow, 60_000, 0.6), position(&slow, 60_000, 0.1)), (Some(0.6), Some(0.1)));
    }
}
