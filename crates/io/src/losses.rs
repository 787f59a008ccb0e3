//! Decides when to query the number of datagrams that the kernel has dropped, and when to report it.
//!
//! The kernel drops datagrams while the memory of a socket is full: the program is stopped, or slower than its peers.
//! It drops the newest, so the last state of a peer is among them. Losses are reported after all queued datagrams have
//! been read, because before that the kernel would also drop the answers to the resulting requests; in an endless flood
//! they are reported after a while.

use crosspatch_core::{Duration, Instant};

/// The minimum memory of a datagram in the kernel, in addition to its bytes.
const OVERHEAD: usize = 512;

/// The shortest interval between two reports, and the longest time until losses are reported.
const PAUSE: Duration = Duration::from_secs(1);

/// The state of the loss detection at one socket.
#[derive(Debug)]
pub(crate) struct Losses {
    /// How much the kernel keeps, in bytes.
    pub(crate) room: usize,
    /// The number of bytes, in kernel memory, that were read since the queue was empty. The kernel only drops when the
    /// queue is full, so there is no need to query it before this is a good part of its size.
    read: usize,
    /// The number of dropped datagrams at the last query.
    dropped: u32,
    /// Whether some may have been dropped since.
    is_due: bool,
    /// Whether that has been so for long.
    is_late: bool,
    reported_at: Option<Instant>,
}

/// The next step after a check.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum LossAction {
    Nothing,
    /// Ask the kernel, and report losses.
    Ask,
    /// Check again at that time, even without input.
    Wait(Instant),
}

impl Losses {
    pub(crate) fn new(room: usize) -> Self {
        Self { room, read: 0, dropped: 0, is_due: false, is_late: false, reported_at: None }
    }

    /// Records that datagrams were read. The kernel may have more.
    pub(crate) fn handle_read(
        &mut self,
        now: Instant,
        count: usize,
        bytes: usize,
        has_more: bool,
    ) -> LossAction {
        self.read += bytes + count * OVERHEAD;
        self.is_due |= self.read > self.room / 8;
        if !has_more {
            self.read = 0;
        }
        match self.reported_at.map(|told| told + PAUSE) {
            _ if !self.is_due => LossAction::Nothing,
            Some(soonest) if soonest > now => LossAction::Wait(soonest),
            _ if has_more && !self.is_late => LossAction::Wait(now + PAUSE),
            _ => LossAction::Ask,
        }
    }

    /// The time of [`LossAction::Wait`] has come.
    pub(crate) fn handle_timeout(&mut self) {
        self.is_late = true;
    }

    /// Records how many datagrams were dropped since the socket was opened. Returns how many of them are new.
    pub(crate) fn take(&mut self, now: Instant, dropped: u32) -> Option<u32> {
        (self.is_due, self.is_late) = (false, false);
        // The kernel's count wraps.
        let lost = dropped.wrapping_sub(std::mem::replace(&mut self.dropped, dropped));
        if lost == 0 {
            return None;
        }
        self.reported_at = Some(now);
        Some(lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: usize = 400_000;

    fn at(millis: u64) -> Instant {
        Instant::START + Duration::from_millis(millis)
    }

    #[test]
    fn the_kernel_is_asked_when_a_good_part_of_its_room_has_been_read_to_the_end() {
        let mut losses = Losses::new(ROOM);
        for step in 0..100 {
            assert_eq!(
                losses.handle_read(at(step), 1, 40, false),
                LossAction::Nothing,
                "one at a time fills no room"
            );
        }
        assert_eq!(losses.handle_read(at(100), 128, 5_000, true), LossAction::Wait(at(1100)));
        assert_eq!(losses.handle_read(at(101), 10, 400, false), LossAction::Ask);
        assert_eq!(losses.take(at(101), 0), None);
        assert_eq!(losses.handle_read(at(102), 1, 40, false), LossAction::Nothing);
    }

    #[test]
    fn losses_are_reported_once_a_second_and_none_is_forgotten() {
        let mut losses = Losses::new(ROOM);
        assert_eq!(losses.handle_read(at(0), 128, 5_000, false), LossAction::Ask);
        assert_eq!(losses.take(at(0), 7), Some(7));
        assert_eq!(losses.handle_read(at(10), 128, 5_000, false), LossAction::Wait(at(1000)));
        losses.handle_timeout();
        assert_eq!(losses.handle_read(at(1000), 0, 0, false), LossAction::Ask);
        assert_eq!(losses.take(at(1000), 9), Some(2));
    }

    #[test]
    fn an_endless_flood_is_reported_after_a_second() {
        let mut losses = Losses::new(ROOM);
        assert_eq!(losses.handle_read(at(0), 128, 5_000, true), LossAction::Wait(at(1000)));
        losses.handle_timeout();
        assert_eq!(losses.handle_read(at(1000), 128, 5_000, true), LossAction::Ask);
        assert_eq!(losses.take(at(1000), u32::MAX), Some(u32::MAX));
        losses.handle_timeout();
        assert_eq!(losses.handle_read(at(2000), 128, 5_000, true), LossAction::Ask);
        assert_eq!(losses.take(at(2000), 1), Some(2), "the count of the kernel goes round");
    }
}
