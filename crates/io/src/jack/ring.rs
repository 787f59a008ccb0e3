//! A ring buffer of bytes between a writing and a reading thread. Neither ever waits or allocates.
//!
//! Each entry is its length in two bytes and then its bytes. Every byte is a separate atomic, so that no unsafe code is
//! needed: the two counters order them. The cost of copying some bytes a cycle is not measurable next to the cycle
//! itself.

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

/// The ring. One thread at a time may write, and one at a time may read.
#[derive(Debug)]
pub(super) struct Ring {
    bytes: Box<[AtomicU8]>,
    /// How many bytes were ever read, and ever written.
    read: AtomicUsize,
    written: AtomicUsize,
}

impl Ring {
    /// Creates a ring of `capacity` bytes, a power of two so that the counters may overflow.
    pub(super) fn new(capacity: usize) -> Self {
        let capacity = capacity.next_power_of_two();
        Self {
            bytes: (0..capacity).map(|_| AtomicU8::new(0)).collect(),
            read: AtomicUsize::new(0),
            written: AtomicUsize::new(0),
        }
    }

    /// Appends an entry that consists of these parts; `false` if it has no room.
    pub(super) fn push(&self, parts: &[&[u8]]) -> bool {
        let len = parts.iter().map(|part| part.len()).sum::<usize>();
        let start = self.written.load(Ordering::Relaxed);
        let room = self.bytes.len() - start.wrapping_sub(self.read.load(Ordering::Acquire));
        let Ok(head) = u16::try_from(len) else { return false };
        if room < len + 2 {
            return false;
        }
        let bytes = head.to_le_bytes().into_iter().chain(parts.iter().copied().flatten().copied());
        for (at, byte) in bytes.enumerate() {
            self.at(start.wrapping_add(at)).store(byte, Ordering::Relaxed);
        }
        self.written.store(start.wrapping_add(len + 2), Ordering::Release);
        true
    }

    /// The length of the next entry.
    pub(super) fn next_len(&self) -> Option<usize> {
        let start = self.read.load(Ordering::Relaxed);
        let is_empty = self.written.load(Ordering::Acquire) == start;
        let byte = |at| self.at(start.wrapping_add(at)).load(Ordering::Relaxed);
        (!is_empty).then(|| u16::from_le_bytes([byte(0), byte(1)]).into())
    }

    /// Takes the next entry out, if there is one, and copies as much of it as there is room for.
    pub(super) fn pop(&self, buffer: &mut [u8]) {
        let Some(len) = self.next_len() else { return };
        let start = self.read.load(Ordering::Relaxed);
        for (at, byte) in buffer.iter_mut().take(len).enumerate() {
            *byte = self.at(start.wrapping_add(2 + at)).load(Ordering::Relaxed);
        }
        self.read.store(start.wrapping_add(2 + len), Ordering::Release);
    }

    fn at(&self, count: usize) -> &AtomicU8 {
        &self.bytes[count & (self.bytes.len() - 1)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn popped(ring: &Ring) -> Option<Vec<u8>> {
        let mut buffer = vec![0xa5; ring.next_len()?];
        ring.pop(&mut buffer);
        Some(buffer)
    }

    #[test]
    fn entries_come_out_as_they_went_in() {
        let ring = Ring::new(32);
        assert_eq!(popped(&ring), None);
        // Often enough to pass the end at every offset.
        for round in 0..100_u8 {
            assert!(ring.push(&[&[round], &[1, 2]]));
            assert!(ring.push(&[]));
            assert!(ring.push(&[&[round; 9]]));
            assert_eq!(popped(&ring), Some(vec![round, 1, 2]));
            assert_eq!(popped(&ring), Some(vec![]));
            assert_eq!(popped(&ring), Some(vec![round; 9]));
            assert_eq!(popped(&ring), None);
        }
    }

    #[test]
    fn what_has_no_room_is_refused_whole() {
        let ring = Ring::new(16);
        assert!(!ring.push(&[&[0; 15]]));
        assert!(ring.push(&[&[1; 8]]));
        assert!(!ring.push(&[&[2; 5]]));
        assert!(ring.push(&[&[3; 4]]));
        assert_eq!((popped(&ring), popped(&ring)), (Some(vec![1; 8]), Some(vec![3; 4])));
        assert!(!Ring::new(1 << 17).push(&[&[0; 65_536]]));
    }

    #[test]
    fn two_threads_lose_and_invent_nothing() {
        const COUNT: u32 = 100_000;
        let ring = Ring::new(256);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for number in 0..COUNT {
                    while !ring.push(&[&number.to_le_bytes(), &[0; 7][..number as usize % 7]]) {
                        std::thread::yield_now();
                    }
                }
            });
            for number in 0..COUNT {
                let entry = loop {
                    match popped(&ring) {
                        Some(entry) => break entry,
                        None => std::thread::yield_now(),
                    }
                };
                assert_eq!(entry[..4], number.to_le_bytes());
                assert_eq!(entry.len(), 4 + number as usize % 7);
            }
        });
    }
}
