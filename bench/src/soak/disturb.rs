//! The disturbances of the shows and their times: derived from the seed alone, so that the same seed gives the same
//! sequence.

use std::time::Duration;

use super::random::Random;

/// A disturbance of a peer.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Harm {
    /// Ended at once, without a goodbye (SIGKILL), and started again after a while.
    Kill,
    /// Ended in good order (SIGTERM), and started again after a while.
    End,
    /// Stopped for a while (SIGSTOP), and let go on.
    Freeze,
}

/// A disturbance of the subject.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Trick {
    /// It reads a configuration with other instances and mappings.
    Change,
    /// It reads the first configuration again.
    Restore,
    /// It reads one that is full of mistakes.
    Break,
    /// Bytes that make no sense come to one of its ports.
    Garbage,
    /// Connections are made to one of its servers, used a little or not at all, and left.
    Connections,
}

/// Something that is done at a time, for a while.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct PlannedDisturbance<T> {
    pub(super) at: Duration,
    pub(super) lasts: Duration,
    pub(super) what: T,
}

/// For how long nothing is done to a peer between two disturbances, in milliseconds: a way needs some seconds to be calm, so
/// that presses are watched on it, too.
const CALM: [u64; 2] = [6000, 14_000];

/// An endless sequence of disturbances.
#[derive(Debug)]
pub(super) struct Schedule<T> {
    random: Random,
    /// All disturbances, and those that remain before any is repeated.
    all: Vec<T>,
    left: Vec<T>,
    /// Between the end of one and the beginning of the next.
    gap: [u64; 2],
    next: PlannedDisturbance<T>,
}

impl Schedule<Harm> {
    /// The schedule of disturbances of the peer of a family.
    pub(super) fn of_harm(seed: u64, family: &str, may_freeze: bool) -> Self {
        let mut all = vec![Harm::Kill, Harm::End];
        all.extend(may_freeze.then_some(Harm::Freeze));
        Self::new(Random::new(seed, family), all, CALM)
    }
}

impl Schedule<Trick> {
    /// The schedule of disturbances of the subject.
    pub(super) fn of_tricks(seed: u64) -> Self {
        use Trick::{Break, Change, Connections, Garbage, Restore};
        let all = vec![Change, Restore, Break, Garbage, Garbage, Connections];
        Self::new(Random::new(seed, "tricks"), all, [300, 1500])
    }
}

impl Schedule<usize> {
    /// The schedule of `count` attacks on the subject.
    pub(super) fn of_attacks(seed: u64, count: usize) -> Self {
        Self::new(Random::new(seed, "attacks"), (0..count).collect(), [600, 1500])
    }
}

impl<T: Copy> Schedule<T> {
    fn new(mut random: Random, all: Vec<T>, gap: [u64; 2]) -> Self {
        let mut left = all.clone();
        let next = plan(&mut random, &all, &mut left, Duration::ZERO, gap);
        Self { random, all, left, gap, next }
    }

    /// The next one, if its time has come.
    pub(super) fn due(&mut self, now: Duration) -> Option<PlannedDisturbance<T>> {
        let next = self.next;
        (next.at <= now).then(|| {
            self.next = plan(&mut self.random, &self.all, &mut self.left, next.at + next.lasts, self.gap);
            next
        })
    }
}

fn plan<T: Copy>(
    random: &mut Random,
    all: &[T],
    left: &mut Vec<T>,
    after: Duration,
    gap: [u64; 2],
) -> PlannedDisturbance<T> {
    let at = after + random.millis(gap[0], gap[1]);
    if left.is_empty() {
        left.extend(all);
    }
    let what = left.swap_remove(random.below(left.len()));
    PlannedDisturbance { at, what, lasts: random.millis(300, 4000) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_does_not_depend_on_how_often_one_looks() {
        let row = |step: usize| {
            let mut schedule = Schedule::of_harm(5, "sacn", true);
            let times = (0..120_000).step_by(step).map(|millis| Duration::from_millis(millis as u64));
            let row: Vec<_> = times.filter_map(|now| schedule.due(now)).collect();
            row
        };
        let often = row(1);
        assert!(often.len() > 5);
        assert_eq!(row(500)[..], often[..row(500).len()]);
        assert!(often.windows(2).all(|pair| pair[1].at > pair[0].at + pair[0].lasts));
    }

    #[test]
    fn each_attack_is_made_before_any_comes_again() {
        let mut schedule = Schedule::of_attacks(5, 11);
        let row: Vec<_> = (0..600)
            .filter_map(|second| schedule.due(Duration::from_secs(second)))
            .map(|next| next.what)
            .collect();
        let mut first = row[..11].to_vec();
        assert_ne!(first, row[11..22]);
        first.sort_unstable();
        assert_eq!(first, (0..11).collect::<Vec<_>>());
    }
}
