//! The state that the threads of a client share: the loop, the owner thread of the client, and JACK's threads. The only lock is
//! for the result of opening the client, which the audio cycle never uses.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crosspatch_core::{Closed, Direction, Jack, JackEvent, JackKind, JackPort};
use mio::unix::pipe::Sender;

use super::ring::Ring;

/// The size of the ring for input, in bytes: the data of twenty MIDI cables in a second.
const INCOMING: usize = 64 * 1024;

/// The size of the ring of an output port, in bytes: four of the longest messages.
const OUTGOING: usize = 64 * 1024;

/// The number of blocks after which a new connection is reported. The server announces it before it carries data.
const UNTIL_JOINED: u8 = 4;

/// The number of blocks after the last missed one before the loop is notified. Blocks are missed in rows.
const UNTIL_RESTED: u8 = 64;

/// The shared state.
#[derive(Debug)]
pub(super) struct SharedClient {
    pub(super) ports: Box<[PortState]>,
    /// Written by the audio cycle, read by the loop.
    pub(super) incoming: Ring,
    /// The number of input messages without room, and of output messages that are too long for any block.
    pub(super) lost: AtomicU32,
    pub(super) unfit: AtomicU32,
    /// The server has closed.
    pub(super) is_over: AtomicBool,
    /// The client is closed, and its threads have ended.
    pub(super) is_closed: AtomicBool,
    /// The result of opening the client, until the loop takes it.
    opened: Mutex<Option<Result<(), Closed>>>,
    /// Wakes the loop.
    waker: Sender,
}

/// A port.
#[derive(Debug)]
pub(super) struct PortState {
    pub(super) line: PortBuffer,
    /// The number of blocks until a new listener is reported. 0 if there is none.
    joined_in: AtomicU8,
    /// The same for blocks that were missed.
    missed_in: AtomicU8,
}

/// The buffer of a port, by its kind and direction.
#[derive(Debug)]
pub(super) enum PortBuffer {
    MidiIn,
    /// Written by the loop, read by the audio cycle.
    MidiOut(Ring),
    /// With the change of a voltage that is reported.
    CvIn(f32),
    /// The bits of the target voltage.
    CvOut(AtomicU32),
}

impl SharedClient {
    pub(super) fn new(spec: &Jack, waker: Sender) -> Self {
        Self {
            ports: spec.ports.iter().map(PortState::new).collect(),
            incoming: Ring::new(INCOMING),
            lost: AtomicU32::new(0),
            unfit: AtomicU32::new(0),
            is_over: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
            opened: Mutex::new(None),
            waker,
        }
    }

    /// Wakes the loop. Does not allocate or block: the pipe is non-blocking, and if it is full, the loop has been woken.
    pub(super) fn wake_loop(&self) {
        let _: io::Result<usize> = (&self.waker).write(&[1]);
    }

    /// Called in the audio cycle: passes input to the loop. Returns whether there was room.
    pub(super) fn push_incoming(&self, port: u8, event: JackEvent<'_>) -> bool {
        let head = event.head(port);
        match event {
            JackEvent::Midi(message) => self.incoming.push(&[&head, message]),
            JackEvent::Cv(voltage) => self.incoming.push(&[&head, &voltage.to_le_bytes()]),
            JackEvent::Joined | JackEvent::Missed => self.incoming.push(&[&head]),
        }
    }

    /// Called in the owner thread: the client is open, or the reason why it is not.
    pub(super) fn set_opened(&self, opened: Result<(), Closed>) {
        *self.opened() = Some(opened);
        self.wake_loop();
    }

    /// Called in the loop: takes the result of opening the client.
    pub(super) fn take_opened(&self) -> Option<Result<(), Closed>> {
        self.opened().take()
    }

    fn opened(&self) -> MutexGuard<'_, Option<Result<(), Closed>>> {
        // Nothing panics while it holds the lock.
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PortState {
    fn new(port: &JackPort) -> Self {
        let line = match (port.kind, port.direction) {
            (JackKind::Midi, Direction::Input) => PortBuffer::MidiIn,
            (JackKind::Midi, Direction::Output) => PortBuffer::MidiOut(Ring::new(OUTGOING)),
            (JackKind::Cv { step_millionths }, Direction::Input) => {
                PortBuffer::CvIn(step_millionths as f32 / 1e6)
            }
            (JackKind::Cv { .. }, Direction::Output) => PortBuffer::CvOut(AtomicU32::new(0)),
        };
        Self { line, joined_in: AtomicU8::new(0), missed_in: AtomicU8::new(0) }
    }

    /// Called in another thread of JACK: a listener was connected.
    pub(super) fn has_joined(&self) {
        self.joined_in.store(UNTIL_JOINED, Ordering::Relaxed);
    }

    /// Called in another thread of JACK: a block was missed.
    pub(super) fn has_missed(&self) {
        self.missed_in.store(UNTIL_RESTED, Ordering::Relaxed);
    }

    /// Called in the audio cycle, once per block: reports new listeners and missed blocks that are due. Returns whether it
    /// reported anything.
    pub(super) fn take_incoming(&self, mut push: impl FnMut(JackEvent<'_>) -> bool) -> bool {
        let mut is_any = false;
        for (due_in, event) in [(&self.joined_in, JackEvent::Joined), (&self.missed_in, JackEvent::Missed)] {
            match due_in.load(Ordering::Relaxed) {
                0 => {}
                1 if push(event) => {
                    // If it has happened again in the meantime, it is reported again.
                    let _ = due_in.compare_exchange(1, 0, Ordering::Relaxed, Ordering::Relaxed);
                    is_any = true;
                }
                // There is no room yet.
                1 => {}
                // An event that happens at this moment counts as one of the previous block.
                blocks => due_in.store(blocks - 1, Ordering::Relaxed),
            }
        }
        is_any
    }
}
