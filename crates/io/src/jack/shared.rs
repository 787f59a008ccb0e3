//! What the threads of a client share: the loop, the thread that keeps the client, and those of JACK. Nothing here waits for
//! another thread but the word of the keeper, which the thread of the audio cycle never touches.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crosspatch_core::{Closed, Direction, Jack, JackEvent, JackKind, JackPort};
use mio::unix::pipe::Sender;

use super::ring::Ring;

/// What comes in waits in so many bytes: a second of everything that a MIDI cable carries, for twenty cables.
const INCOMING: usize = 64 * 1024;

/// What goes out through a port waits in so many bytes, four of the longest messages.
const OUTGOING: usize = 64 * 1024;

/// The server announces a connection before it carries anything: that begins with one of the next blocks.
const UNTIL_JOINED: u8 = 4;

/// Blocks are missed in rows. When so many have passed without another one, the loop is told.
const UNTIL_RESTED: u8 = 64;

/// What the threads share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) ports: Box<[PortState]>,
    /// Written by the audio cycle, read by the loop.
    pub(super) incoming: Ring,
    /// How many messages that came in had no room, and how many that go out never fit into a cycle.
    pub(super) lost: AtomicU32,
    pub(super) unfit: AtomicU32,
    /// The server is gone.
    pub(super) is_over: AtomicBool,
    /// The client is closed, and its threads are gone.
    pub(super) is_closed: AtomicBool,
    /// Whether the client could be opened, until the loop has heard it.
    opened: Mutex<Option<Result<(), Closed>>>,
    /// Wakes the loop.
    bell: Sender,
}

/// A port.
#[derive(Debug)]
pub(super) struct PortState {
    pub(super) line: Line,
    /// In how many blocks the loop is to be told that somebody new listens; 0 if nobody is new.
    joined_in: AtomicU8,
    /// The same for blocks that were missed.
    missed_in: AtomicU8,
}

/// What crosses a port, and which way.
#[derive(Debug)]
pub(super) enum Line {
    MidiIn,
    /// Written by the loop, read by the audio cycle.
    MidiOut(Ring),
    /// With the step after which a voltage is told.
    CvIn(f32),
    /// The bits of the voltage that is wanted.
    CvOut(AtomicU32),
}

impl Shared {
    pub(super) fn new(spec: &Jack, bell: Sender) -> Self {
        Self {
            ports: spec.ports.iter().map(PortState::new).collect(),
            incoming: Ring::new(INCOMING),
            lost: AtomicU32::new(0),
            unfit: AtomicU32::new(0),
            is_over: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
            opened: Mutex::new(None),
            bell,
        }
    }

    /// Wakes the loop. It allocates nothing and does not wait: the pipe does not block, and one that is full has woken it.
    pub(super) fn ring_bell(&self) {
        let _: io::Result<usize> = (&self.bell).write(&[1]);
    }

    /// From the audio cycle: something came in. Returns whether it had room.
    pub(super) fn hear(&self, port: u8, event: JackEvent<'_>) -> bool {
        let head = event.head(port);
        match event {
            JackEvent::Midi(message) => self.incoming.push(&[&head, message]),
            JackEvent::Cv(voltage) => self.incoming.push(&[&head, &voltage.to_le_bytes()]),
            JackEvent::Joined | JackEvent::Missed => self.incoming.push(&[&head]),
        }
    }

    /// From the keeper: the client is open, or why it is not.
    pub(super) fn set_opened(&self, opened: Result<(), Closed>) {
        *self.opened() = Some(opened);
        self.ring_bell();
    }

    /// To the loop: the word of the keeper, once.
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
            (JackKind::Midi, Direction::Input) => Line::MidiIn,
            (JackKind::Midi, Direction::Output) => Line::MidiOut(Ring::new(OUTGOING)),
            (JackKind::Cv { step_millionths }, Direction::Input) => Line::CvIn(step_millionths as f32 / 1e6),
            (JackKind::Cv { .. }, Direction::Output) => Line::CvOut(AtomicU32::new(0)),
        };
        Self { line, joined_in: AtomicU8::new(0), missed_in: AtomicU8::new(0) }
    }

    /// From another thread of JACK: somebody new listens.
    pub(super) fn has_joined(&self) {
        self.joined_in.store(UNTIL_JOINED, Ordering::Relaxed);
    }

    /// From another thread of JACK: a block was missed.
    pub(super) fn has_missed(&self) {
        self.missed_in.store(UNTIL_RESTED, Ordering::Relaxed);
    }

    /// From the audio cycle, once a block: tells what is due about who listens. Returns whether anything was told.
    pub(super) fn tell(&self, mut tell: impl FnMut(JackEvent<'_>) -> bool) -> bool {
        let mut is_any = false;
        for (due_in, event) in [(&self.joined_in, JackEvent::Joined), (&self.missed_in, JackEvent::Missed)] {
            match due_in.load(Ordering::Relaxed) {
                0 => {}
                1 if tell(event) => {
                    // What has happened again meanwhile is told again.
                    let _ = due_in.compare_exchange(1, 0, Ordering::Relaxed, Ordering::Relaxed);
                    is_any = true;
                }
                // It has no room yet.
                1 => {}
                // Whatever happens at this very moment counts as having happened a block ago.
                blocks => due_in.store(blocks - 1, Ordering::Relaxed),
            }
        }
        is_any
    }
}
