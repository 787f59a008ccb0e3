//! Schedules frames at a limited long-term rate (a generic cell rate algorithm).
//!
//! Standards limit how many frames are sent, not when. A frame may be early by as much as the frames before it were
//! late, one interval at most. A source at the same rate thus passes without delay despite its jitter, and any second
//! has at most one frame more than the rate. Two rules are added. Frames are at least half an interval apart, so that
//! the parts of a change that arrives in pieces share the second frame. And if a source is slightly too fast, a frame
//! that exceeds the rate waits and is sent with the next frame of its source: sent as soon as possible, every later
//! frame would be late, too.

use crosspatch_core::Instant;

/// When frames were sent, and when the next one is due.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    interval: Nanos,
    /// When the last frame was sent, and when the rate allows another.
    last: Option<(Nanos, Nanos)>,
    due: Option<Instant>,
}

/// Nanoseconds since the start. With a 44th of a second in whole microseconds, the rate would be too high by up to a
/// frame.
type Nanos = u64;

impl Bucket {
    /// A bucket for this many frames per second.
    pub(crate) fn new(a_second: u32) -> Self {
        Self { interval: 1_000_000_000_u64.div_ceil(a_second.max(1).into()), last: None, due: None }
    }

    /// Schedules a frame from a source that may soon send more.
    pub(crate) fn want(&mut self, now: Instant) {
        let earliest = self.earliest();
        let is_free = now >= earliest;
        if self.due.is_some() && !is_free {
            return;
        }
        self.due = Some(match self.last {
            Some((sent_at, _)) if !is_free && nanos(now) >= sent_at + self.interval / 2 => {
                earliest.max(instant(sent_at + 2 * self.interval))
            }
            _ => earliest,
        });
    }

    /// Schedules a frame as early as possible, because no source will add to it.
    pub(crate) fn want_soon(&mut self) {
        self.due = Some(self.earliest());
    }

    /// When the scheduled frame is due.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// The earliest time of the next frame.
    pub(crate) fn earliest(&self) -> Instant {
        self.last
            .map_or(Instant::START, |(sent_at, free_at)| instant(free_at.max(sent_at + self.interval / 2)))
    }

    /// Records a sent frame.
    pub(crate) fn take(&mut self, now: Instant) {
        let now = nanos(now);
        let free_at = self.last.map_or(now, |(_, free_at)| now.max(free_at + self.interval));
        (self.last, self.due) = (Some((now, free_at)), None);
    }
}

fn nanos(time: Instant) -> Nanos {
    time.as_micros().saturating_mul(1_000)
}

/// The first instant that is not before a time.
fn instant(time: Nanos) -> Instant {
    Instant::from_micros(time.div_ceil(1_000))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INTERVAL: u64 = 20_000;

    fn at(micros: u64) -> Instant {
        Instant::from_micros(micros)
    }

    /// When frames are sent if there are changes at these times, and how long each of the changes waits.
    fn pass(changes: impl IntoIterator<Item = u64>) -> (Vec<u64>, Vec<u64>) {
        let mut bucket = Bucket::new(50);
        let (mut sent, mut waits, mut waiting) = (Vec::new(), Vec::new(), Vec::new());
        let mut send_until = |bucket: &mut Bucket, waiting: &mut Vec<u64>, end: u64| {
            if let Some(due) = bucket.due().filter(|due| due.as_micros() <= end) {
                let now = due.as_micros().max(waiting.last().copied().unwrap_or(0));
                bucket.take(at(now));
                sent.push(now);
                waits.extend(waiting.drain(..).map(|change| now - change));
            }
        };
        for change in changes {
            send_until(&mut bucket, &mut waiting, change);
            waiting.push(change);
            bucket.want(at(change));
            send_until(&mut bucket, &mut waiting, change);
        }
        send_until(&mut bucket, &mut waiting, u64::MAX);
        (sent, waits)
    }

    /// Times `period` apart, each late by a random time up to `jitter`.
    fn source(period: u64, jitter: u64, count: u64) -> impl Iterator<Item = u64> {
        let mut random = 1_u64;
        (1..=count).map(move |number| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            number * period + (random >> 33) % (jitter + 1)
        })
    }

    #[test]
    fn a_source_at_the_rate_passes_at_once_however_it_jitters() {
        for jitter in [0, 2_000, 9_900] {
            let (sent, waits) = pass(source(INTERVAL, jitter, 10_000));
            assert_eq!(sent.len(), 10_000, "{jitter}");
            assert_eq!(waits.iter().max(), Some(&0), "{jitter}");
        }
    }

    #[test]
    fn a_source_that_is_a_little_too_fast_loses_a_frame_now_and_then_and_the_others_pass_at_once() {
        for period in [19_990, 19_500, 18_000, 15_000] {
            let (sent, waits) = pass(source(period, 1_000, 10_000));
            let at_once = waits.iter().filter(|wait| **wait == 0).count() as u64;
            assert!(at_once * INTERVAL >= 9_900 * period, "{at_once} of those {period} apart");
            assert!(sent.len() as u64 * INTERVAL >= 9_900 * period, "{} of those {period} apart", sent.len());
            assert!(waits.iter().all(|wait| *wait <= INTERVAL * 3 / 2));
        }
    }

    #[test]
    fn after_a_debt_a_source_at_the_rate_is_in_time_again_soon() {
        let extra = source(INTERVAL, 0, 1_000).flat_map(|time| {
            let is_extra = time == 10 * INTERVAL || time == 20 * INTERVAL;
            std::iter::once(time).chain(is_extra.then_some(time + 11_000))
        });
        let (_, waits) = pass(extra);
        assert!(waits.iter().filter(|wait| **wait > 0).count() <= 2, "{waits:?}");
    }

    #[test]
    fn a_fast_source_gets_one_frame_an_interval() {
        let (sent, waits) = pass((0..1_000).map(|millis| 1_000_000 + millis * 1_000));
        let gaps: Vec<_> = sent.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(gaps[..2], [10_000, 10_000]);
        assert!(gaps[2..].iter().all(|gap| *gap == INTERVAL), "{gaps:?}");
        assert!(waits.iter().all(|wait| *wait <= INTERVAL));
    }

    #[test]
    fn what_comes_in_pieces_has_two_frames() {
        let (sent, _) = pass((0..10).map(|piece| 1_000_000 + piece * 500));
        assert_eq!(sent, [1_000_000, 1_010_000]);
    }

    proptest! {
        /// For any changes, no second has more than one frame above the rate, and no change waits for long.
        #[test]
        fn the_rate_holds(gaps in prop::collection::vec(0..60_000_u64, 1..400)) {
            let mut now = 0;
            let (sent, waits) = pass(gaps.into_iter().map(|gap| {
                now += gap;
                now
            }));
            let limit = 1_000_000 / INTERVAL + 1;
            for (first, start) in sent.iter().enumerate() {
                let second = sent[first..].iter().take_while(|time| **time < start + 1_000_000);
                prop_assert!(second.count() as u64 <= limit);
            }
            prop_assert!(sent.windows(2).all(|pair| pair[1] - pair[0] >= INTERVAL / 2));
            prop_assert!(waits.iter().all(|wait| *wait <= INTERVAL * 3 / 2));
        }
    }
}
