//! A JACK client as the loop sees it. Calls into the library block for as long as the server does. Therefore a separate thread,
//! the owner thread, opens the client, waits until the loop closes it, and closes it in the library.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};

use crosspatch_core::{Closed, Jack, JackEvent};
use mio::unix::pipe;
use mio::{Interest, Registry, Token};

use super::library::ActiveClient;
use super::shared::{PortBuffer, SharedClient};
use super::{JackInput, SendOutcome};

/// The most bytes that may wait for room in the ports.
const MAX_UNSENT: usize = 256 * 1024;

/// The most owner threads. They only accumulate if a server hangs.
const MAX_OWNERS: usize = 32;

static OWNERS: AtomicUsize = AtomicUsize::new(0);

/// A client of a JACK server.
pub(crate) struct JackClient {
    shared: Arc<SharedClient>,
    wake_ups: pipe::Receiver,
    /// Dropped to make the owner thread close the client.
    wanted: Option<mpsc::Sender<()>>,
    is_open: bool,
    unsent: VecDeque<Box<[u8]>>,
    unsent_len: usize,
}

impl JackClient {
    /// Begins to open a client. [`next`](Self::next) returns the result.
    pub(crate) fn open(spec: &Jack, registry: &Registry, token: Token) -> io::Result<Self> {
        let (sender, mut wake_ups) = pipe::new()?;
        registry.register(&mut wake_ups, token, Interest::READABLE)?;
        let shared = Arc::new(SharedClient::new(spec, sender));
        let (wanted, end) = mpsc::channel();
        if OWNERS.fetch_add(1, Ordering::Relaxed) >= MAX_OWNERS {
            OWNERS.fetch_sub(1, Ordering::Relaxed);
            return Err(io::ErrorKind::TimedOut.into());
        }
        let (spec, theirs) = (spec.clone(), shared.clone());
        let owner = std::thread::Builder::new().name("jack".into());
        owner.spawn(move || own(&spec, &theirs, &end)).inspect_err(|_| {
            OWNERS.fetch_sub(1, Ordering::Relaxed);
        })?;
        Ok(Self {
            shared,
            wake_ups,
            wanted: Some(wanted),
            is_open: false,
            unsent: VecDeque::new(),
            unsent_len: 0,
        })
    }

    /// Empties the pipe that woke the loop.
    pub(crate) fn drain_wake_ups(&mut self) {
        let mut wake_ups = [0; 64];
        while matches!(self.wake_ups.read(&mut wake_ups), Ok(1..)) {}
    }

    /// The next input for the session, with its bytes in `chunk`.
    pub(crate) fn next<'c>(&mut self, chunk: &'c mut [u8]) -> Option<JackInput<'c>> {
        if !self.is_open {
            return match self.shared.take_opened()? {
                Ok(()) => {
                    self.is_open = true;
                    Some(JackInput::Opened)
                }
                Err(reason) => Some(JackInput::Gone(reason)),
            };
        }
        if let Some(len) = self.shared.incoming.next_len() {
            let bytes = &mut chunk[..len];
            self.shared.incoming.pop(bytes);
            return Some(JackInput::Data(bytes));
        }
        let lost = self.shared.lost.swap(0, Ordering::Relaxed);
        let unfit = self.shared.unfit.swap(0, Ordering::Relaxed);
        if lost > 0 || unfit > 0 {
            return Some(JackInput::Lost { lost, unfit });
        }
        let is_over = self.shared.is_over.load(Ordering::Acquire);
        is_over.then_some(JackInput::Gone(Closed::ByPeer))
    }

    /// Sends one event through its port.
    pub(crate) fn send(&mut self, event: &[u8]) -> SendOutcome {
        if self.unsent.is_empty() && self.put(event) {
            return SendOutcome::Fine;
        }
        self.unsent_len += event.len();
        self.unsent.push_back(event.into());
        if self.unsent_len > MAX_UNSENT { SendOutcome::NotReading } else { SendOutcome::Full }
    }

    /// Sends the events that wait for room. Returns whether all of them were sent.
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

    /// Whether events wait for room.
    pub(crate) fn has_unsent(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// Writes an event to the buffer of its port. Returns whether there was room. An event for an unknown port is dropped.
    fn put(&self, event: &[u8]) -> bool {
        let Some((port, event)) = JackEvent::decode(event) else { return true };
        match (self.shared.ports.get(usize::from(port)).map(|port| &port.line), event) {
            (Some(PortBuffer::MidiOut(ring)), JackEvent::Midi(message)) => ring.push(&[message]),
            (Some(PortBuffer::CvOut(wanted)), JackEvent::Cv(voltage)) => {
                wanted.store(voltage.to_bits(), Ordering::Relaxed);
                true
            }
            _ => true,
        }
    }

    /// Begins to close the client. Returns whether it is closed; otherwise, the loop is woken when it is.
    pub(crate) fn close(&mut self) -> bool {
        self.wanted = None;
        self.shared.is_closed.load(Ordering::Acquire)
    }

    /// Removes the pipe from the poller.
    pub(crate) fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        registry.deregister(&mut self.wake_ups)
    }
}

/// The owner thread.
fn own(spec: &Jack, shared: &Arc<SharedClient>, end: &Receiver<()>) {
    match ActiveClient::open(spec, shared.clone()) {
        Ok(client) => {
            shared.set_opened(Ok(()));
            // Nothing is ever sent: this returns when the sender is dropped.
            let _: Result<(), mpsc::RecvError> = end.recv();
            drop(client);
        }
        Err(reason) => shared.set_opened(Err(reason)),
    }
    shared.is_closed.store(true, Ordering::Release);
    OWNERS.fetch_sub(1, Ordering::Relaxed);
    shared.wake_loop();
}

#[cfg(test)]
mod tests {
    use crosspatch_core::{Direction, JackKind, JackPort};

    use super::*;

    /// A client without an owner thread, and the state that it would share with the audio cycle.
    fn client() -> (JackClient, Arc<SharedClient>) {
        let port = |name: &str, kind, direction| JackPort { name: name.to_owned(), kind, direction };
        let ports = vec![
            port("keys", JackKind::Midi, Direction::Input),
            port("lamps", JackKind::Midi, Direction::Output),
            port("filter", JackKind::Cv { step_millionths: 0 }, Direction::Output),
        ];
        let (sender, wake_ups) = pipe::new().expect("a pipe");
        let spec = Jack { client: "test".to_owned(), server: None, ports };
        let shared = Arc::new(SharedClient::new(&spec, sender));
        let client = JackClient {
            shared: shared.clone(),
            wake_ups,
            wanted: None,
            is_open: false,
            unsent: VecDeque::new(),
            unsent_len: 0,
        };
        (client, shared)
    }

    fn encoded(port: u8, event: JackEvent<'_>) -> Vec<u8> {
        let mut bytes = Vec::new();
        event.encode(port, &mut bytes);
        bytes
    }

    fn outgoing(shared: &SharedClient) -> &super::super::ring::Ring {
        let PortBuffer::MidiOut(ring) = &shared.ports[1].line else { panic!("it is a MIDI port") };
        ring
    }

    #[test]
    fn input_follows_the_opening_and_lost_messages_are_counted() {
        let (mut client, shared) = client();
        let mut chunk = vec![0; 65_536];
        let mut count = 0_u32;
        while shared.push_incoming(0, JackEvent::Midi(&[0xb0, 7, (count % 128) as u8])) {
            count += 1;
        }
        shared.lost.fetch_add(3, Ordering::Relaxed);
        assert_eq!(client.next(&mut chunk), None, "it is not open yet");
        shared.set_opened(Ok(()));
        assert_eq!(client.next(&mut chunk), Some(JackInput::Opened));
        for step in 0..count {
            let expected = [0, 0, 0xb0, 7, (step % 128) as u8];
            assert_eq!(client.next(&mut chunk), Some(JackInput::Data(&expected)));
        }
        assert!(count > 5000, "{count}");
        assert_eq!(client.next(&mut chunk), Some(JackInput::Lost { lost: 3, unfit: 0 }));
        assert_eq!(client.next(&mut chunk), None);
        shared.is_over.store(true, Ordering::Release);
        assert_eq!(client.next(&mut chunk), Some(JackInput::Gone(Closed::ByPeer)));
    }

    #[test]
    fn a_client_that_could_not_be_opened_says_why() {
        let (mut client, shared) = client();
        shared.set_opened(Err(Closed::Refused));
        assert_eq!(client.next(&mut []), Some(JackInput::Gone(Closed::Refused)));
    }

    #[test]
    fn a_port_that_takes_nothing_keeps_the_order_up_to_a_bound() {
        let (mut client, shared) = client();
        let message = |number: u8| encoded(1, JackEvent::Midi(&[number; 16_000]));
        for number in 0..4 {
            assert_eq!(client.send(&message(number)), SendOutcome::Fine);
        }
        assert_eq!(client.send(&message(4)), SendOutcome::Full);
        // It would have room, but not its turn.
        let short = encoded(1, JackEvent::Midi(&[0xf8]));
        assert_eq!(client.send(&short), SendOutcome::Full);
        assert!(!client.send_unsent());
        let mut taken = [0];
        for number in 0..4 {
            outgoing(&shared).pop(&mut taken);
            assert_eq!(taken, [number]);
        }
        assert!(client.send_unsent() && !client.has_unsent());
        for expected in [4, 0xf8] {
            outgoing(&shared).pop(&mut taken);
            assert_eq!(taken, [expected]);
        }
        let results: Vec<_> = (0..40).map(|number| client.send(&message(number))).collect();
        assert_eq!(results.last(), Some(&SendOutcome::NotReading));
        assert_eq!(results.iter().position(|sent| *sent == SendOutcome::NotReading), Some(4 + 16));
    }

    #[test]
    fn what_is_for_no_port_or_the_wrong_one_goes_nowhere() {
        let (mut client, shared) = client();
        for event in [
            encoded(0, JackEvent::Midi(&[0xf8])),
            encoded(1, JackEvent::Cv(1.0)),
            encoded(2, JackEvent::Midi(&[0xf8])),
            encoded(9, JackEvent::Cv(1.0)),
            vec![],
        ] {
            assert_eq!(client.send(&event), SendOutcome::Fine);
        }
        assert_eq!(outgoing(&shared).next_len(), None);
        assert_eq!(client.send(&encoded(2, JackEvent::Cv(0.5))), SendOutcome::Fine);
        let PortBuffer::CvOut(wanted) = &shared.ports[2].line else { panic!("it is a voltage") };
        assert_eq!(f32::from_bits(wanted.load(Ordering::Relaxed)), 0.5);
    }

    #[test]
    fn any_number_of_wake_ups_can_be_drained() {
        let (mut client, shared) = client();
        for _ in 0..200_000 {
            shared.wake_loop();
        }
        client.drain_wake_ups();
        assert!(client.wake_ups.read(&mut [0]).is_err(), "nothing is left");
    }

    #[test]
    fn a_new_listener_is_reported_some_blocks_later_and_once() {
        let (_, shared) = client();
        let port = &shared.ports[1];
        let blocks = |count: usize, has_room: bool| {
            let mut told = Vec::new();
            for block in 1..=count {
                let mut tell = |event: JackEvent<'_>| {
                    let is_joined = event == JackEvent::Joined;
                    told.extend(has_room.then_some((block, is_joined)));
                    has_room
                };
                port.take_incoming(&mut tell);
            }
            told
        };
        assert_eq!(blocks(99, true), []);
        port.has_joined();
        assert_eq!(blocks(99, false), []);
        assert_eq!(blocks(99, true), [(1, true)], "until it was told");
        port.has_joined();
        port.has_missed();
        assert_eq!(blocks(10, true), [(4, true)]);
        // Blocks are missed in rows.
        port.has_missed();
        assert_eq!(blocks(99, true), [(64, false)]);
    }
}
