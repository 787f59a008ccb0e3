//! A client as the loop sees it. The library takes as long as the server does, so a thread of its own, the keeper, opens the
//! client, waits until it is not wanted any more, and closes it.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};

use crosspatch_core::{Closed, Jack, JackEvent};
use mio::unix::pipe;
use mio::{Interest, Registry, Token};

use super::library::Client;
use super::shared::{Line, Shared};
use super::{Incoming, Sent};

/// What waits for room in a port is no more than this.
const MAX_UNSENT: usize = 256 * 1024;

/// So many keepers there are at most: each one more means that a server hangs.
const MAX_KEEPERS: usize = 32;

static KEEPERS: AtomicUsize = AtomicUsize::new(0);

/// A client of a JACK server.
pub(crate) struct JackClient {
    shared: Arc<Shared>,
    bell: pipe::Receiver,
    /// Its end is what the keeper waits for.
    wanted: Option<mpsc::Sender<()>>,
    is_open: bool,
    unsent: VecDeque<Box<[u8]>>,
    unsent_len: usize,
}

impl JackClient {
    /// Begins to open a client. What becomes of it is [told](Self::next).
    pub(crate) fn open(spec: &Jack, registry: &Registry, token: Token) -> io::Result<Self> {
        let (sender, mut bell) = pipe::new()?;
        registry.register(&mut bell, token, Interest::READABLE)?;
        let shared = Arc::new(Shared::new(spec, sender));
        let (wanted, end) = mpsc::channel();
        if KEEPERS.fetch_add(1, Ordering::Relaxed) >= MAX_KEEPERS {
            KEEPERS.fetch_sub(1, Ordering::Relaxed);
            return Err(io::ErrorKind::TimedOut.into());
        }
        let (spec, theirs) = (spec.clone(), shared.clone());
        let keeper = std::thread::Builder::new().name("jack".into());
        keeper.spawn(move || keep(&spec, &theirs, &end)).inspect_err(|_| {
            KEEPERS.fetch_sub(1, Ordering::Relaxed);
        })?;
        Ok(Self {
            shared,
            bell,
            wanted: Some(wanted),
            is_open: false,
            unsent: VecDeque::new(),
            unsent_len: 0,
        })
    }

    /// The bell has been heard: it can ring again.
    pub(crate) fn answer_bell(&mut self) {
        let mut rung = [0; 64];
        while matches!(self.bell.read(&mut rung), Ok(1..)) {}
    }

    /// The next thing to tell, with its bytes in `chunk`.
    pub(crate) fn next<'c>(&mut self, chunk: &'c mut [u8]) -> Option<Incoming<'c>> {
        if !self.is_open {
            return match self.shared.take_opened()? {
                Ok(()) => {
                    self.is_open = true;
                    Some(Incoming::Opened)
                }
                Err(reason) => Some(Incoming::Gone(reason)),
            };
        }
        if let Some(len) = self.shared.incoming.next_len() {
            let bytes = &mut chunk[..len];
            self.shared.incoming.pop(bytes);
            return Some(Incoming::Data(bytes));
        }
        let lost = self.shared.lost.swap(0, Ordering::Relaxed);
        let unfit = self.shared.unfit.swap(0, Ordering::Relaxed);
        if lost > 0 || unfit > 0 {
            return Some(Incoming::Lost { lost, unfit });
        }
        let is_over = self.shared.is_over.load(Ordering::Acquire);
        is_over.then_some(Incoming::Gone(Closed::ByPeer))
    }

    /// Sends one event through its port.
    pub(crate) fn send(&mut self, event: &[u8]) -> Sent {
        if self.unsent.is_empty() && self.put(event) {
            return Sent::Fine;
        }
        self.unsent_len += event.len();
        self.unsent.push_back(event.into());
        if self.unsent_len > MAX_UNSENT { Sent::NotReading } else { Sent::Full }
    }

    /// Sends what waits. Returns whether nothing does any more.
    pub(crate) fn send_unsent(&mut self) -> bool {
        while let Some(event) = self.unsent.pop_front() {
            if !self.put(&event) {
                self.unsent.push_front(event);
                return false;
            }
            self.unsent_len -= event.len();
        }
        true
    }

    /// Whether something waits for room.
    pub(crate) fn has_unsent(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// Puts an event where the audio cycle takes it. Returns whether it had room; what is for no port needs none.
    fn put(&self, event: &[u8]) -> bool {
        let Some((port, event)) = JackEvent::decode(event) else { return true };
        match (self.shared.ports.get(usize::from(port)).map(|port| &port.line), event) {
            (Some(Line::MidiOut(ring)), JackEvent::Midi(message)) => ring.push(&[message]),
            (Some(Line::CvOut(wanted)), JackEvent::Cv(voltage)) => {
                wanted.store(voltage.to_bits(), Ordering::Relaxed);
                true
            }
            _ => true,
        }
    }

    /// Wants it closed. Returns whether it is; otherwise the bell rings when it is.
    pub(crate) fn close(&mut self) -> bool {
        self.wanted = None;
        self.shared.is_closed.load(Ordering::Acquire)
    }

    /// Does not watch the bell any more.
    pub(crate) fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        registry.deregister(&mut self.bell)
    }
}

/// What the keeper does.
fn keep(spec: &Jack, shared: &Arc<Shared>, end: &Receiver<()>) {
    match Client::open(spec, shared.clone()) {
        Ok(client) => {
            shared.set_opened(Ok(()));
            // Nothing is ever sent: it ends when the other side is dropped.
            let _: Result<(), mpsc::RecvError> = end.recv();
            drop(client);
        }
        Err(reason) => shared.set_opened(Err(reason)),
    }
    shared.is_closed.store(true, Ordering::Release);
    KEEPERS.fetch_sub(1, Ordering::Relaxed);
    shared.ring_bell();
}
