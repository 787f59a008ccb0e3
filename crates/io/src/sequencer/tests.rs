//! A test double of the kernel's side of the sequencer, and an own port that uses it: the tests add and remove devices.
//!
//! The double answers control calls with the same blocks of bytes as the kernel, and events cross a pair of sockets
//! that preserves their boundaries.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixDatagram;
use std::sync::{Arc, Mutex, MutexGuard};

use crosspatch_core::{Direction, Midi, MidiLink, Port, SessionId};
use mio::Token;

use super::alsa::Sequencer;
use super::event::{EVENT, SequencerAddress};
use super::kernel::{self as layout, Kernel, capability};
use super::{Claims, SendOutcome, SequencerInput};

/// Our number with the kernel.
const OURS: u8 = 128;
const BOTH_WAYS: u32 = capability::READ | capability::WRITE | capability::SUBS_READ | capability::SUBS_WRITE;

/// Answers as the kernel would.
#[derive(Debug)]
pub(super) struct Double {
    state: Arc<Mutex<State>>,
    events: UnixDatagram,
}

#[derive(Debug, Default)]
struct State {
    name: String,
    our_ports: Vec<(String, u32)>,
    /// Number, name, capabilities of the only port.
    devices: Vec<(u8, String, u32)>,
    joined: Vec<(SequencerAddress, SequencerAddress)>,
    listeners: i32,
    /// The error of every write and every subscription, and the result of the next read.
    write_error: Option<i32>,
    join_error: Option<i32>,
    read_error: Option<i32>,
}

impl Double {
    pub(super) fn fd(&self) -> RawFd {
        self.events.as_raw_fd()
    }

    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match lock(&self.state).read_error.take() {
            Some(error) => Err(io::Error::from_raw_os_error(error)),
            None => self.events.recv(buffer),
        }
    }

    pub(super) fn write(&self, events: &[u8]) -> io::Result<usize> {
        match lock(&self.state).write_error {
            Some(error) => Err(io::Error::from_raw_os_error(error)),
            None => self.events.send(events),
        }
    }

    /// The requests of `<sound/asequencer.h>` by their number.
    pub(super) fn control(&self, request: u8, block: &mut [u8]) -> io::Result<()> {
        let mut state = lock(&self.state);
        let none = || io::Error::from_raw_os_error(libc::ENOENT);
        match request {
            0x01 => block[0] = OURS,
            0x10 | 0x4b | 0x4c => assert_eq!(block[layout::CLIENT], OURS),
            0x11 => state.name = layout::name(block, layout::CLIENT_NAME),
            0x20 => {
                let port =
                    (layout::name(block, layout::PORT_NAME), layout::get(block, layout::CAPABILITY) as u32);
                block[layout::PORT_ADDRESS + 1] = state.our_ports.len() as u8;
                state.our_ports.push(port);
            }
            0x22 => layout::put(block, layout::READ_USE, state.listeners),
            0x30 | 0x31 => {
                let ends = (
                    SequencerAddress { client: block[0], port: block[1] },
                    SequencerAddress { client: block[2], port: block[3] },
                );
                match state.join_error {
                    Some(error) if ends.0 != SequencerAddress::ANNOUNCEMENTS => {
                        return Err(io::Error::from_raw_os_error(error));
                    }
                    _ if request == 0x30 => state.joined.push(ends),
                    _ => state.joined.retain(|joined| *joined != ends),
                }
            }
            0x51 => {
                let after = layout::get(block, layout::CLIENT);
                let (number, name, _) =
                    state.devices.iter().find(|(number, ..)| i32::from(*number) > after).ok_or_else(none)?;
                layout::put(block, layout::CLIENT, (*number).into());
                layout::put_name(block, layout::CLIENT_NAME, name);
                layout::put(block, layout::CARD, -1);
            }
            0x52 => {
                let client = block[layout::PORT_ADDRESS];
                let device = state.devices.iter().find(|(number, ..)| *number == client);
                let (_, name, can) = device.filter(|_| block[1] == 0xff).ok_or_else(none)?;
                block[layout::PORT_ADDRESS + 1] = 0;
                layout::put_name(block, layout::PORT_NAME, &format!("{name} MIDI 1"));
                layout::put(block, layout::CAPABILITY, *can as i32);
            }
            other => panic!("an unknown request {other:#x}"),
        }
        Ok(())
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().expect("no test panics while it holds the lock")
}

/// An own port with a link in each direction, and the kernel's end of it.
struct Rig {
    sequencer: Sequencer,
    claims: Claims,
    state: Arc<Mutex<State>>,
    kernel: UnixDatagram,
}

const READ: Token = Token(1);
const WRITE: Token = Token(2);

impl Rig {
    /// A port with a link in each direction; without a name, no input device and any output subscriber.
    fn new(device: Option<&str>) -> Self {
        let (events, kernel) = UnixDatagram::pair().expect("a pair of sockets");
        events.set_nonblocking(true).expect("a socket");
        kernel.set_nonblocking(true).expect("a socket");
        let state = Arc::new(Mutex::new(State::default()));
        let double = Kernel::Double(Double { state: state.clone(), events });
        let spec = Midi { client: "show".to_owned(), name: "pads".to_owned() };
        let sequencer = Sequencer::with(double, &spec, SessionId(1)).expect("a port");
        let mut rig = Self { sequencer, claims: Claims::default(), state, kernel };
        if device.is_some() {
            rig.want(READ, Direction::Input, device);
        }
        rig.want(WRITE, Direction::Output, device);
        rig
    }

    fn want(&mut self, token: Token, direction: Direction, device: Option<&str>) {
        let device = device.map(|device| {
            let Ok(device) = device.parse();
            device
        });
        let wanted = MidiLink { own: Port(0), direction, device };
        self.sequencer.add_link(token, wanted, &mut self.claims);
    }

    fn next(&mut self) -> Option<SequencerInput> {
        self.sequencer.next(&mut [0; 4096], &mut self.claims).expect("the sequencer is there")
    }

    /// Everything that has happened.
    fn all(&mut self) -> Vec<SequencerInput> {
        std::iter::from_fn(|| self.next()).collect()
    }

    fn plug(&mut self, number: u8, name: &str, can: u32) {
        lock(&self.state).devices.push((number, name.to_owned(), can));
        self.announce(63, number);
    }

    fn pull(&mut self, number: u8) {
        lock(&self.state).devices.retain(|(device, ..)| *device != number);
        self.announce(64, number);
    }

    fn announce(&mut self, kind: u8, client: u8) {
        let mut event = [0; EVENT];
        (event[0], event[13], event[16]) = (kind, 1, client);
        self.kernel.send(&event).expect("room");
    }

    /// A note from a device, or from another client.
    fn play(&mut self, client: u8, note: u8) {
        let mut event = [0; EVENT];
        (event[0], event[12], event[17], event[18]) = (6, client, note, 100);
        self.kernel.send(&event).expect("room");
    }

    fn joined(&self) -> Vec<(SequencerAddress, SequencerAddress)> {
        lock(&self.state).joined.clone()
    }

    fn written(&self) -> usize {
        let mut buffer = [0; 65536];
        std::iter::from_fn(|| self.kernel.recv(&mut buffer).ok()).count()
    }
}

fn port(client: u8, port: u8) -> SequencerAddress {
    SequencerAddress { client, port }
}

#[test]
fn a_port_has_its_names_and_hears_announcements_where_nobody_sees_it() {
    let rig = Rig::new(Some("nano"));
    let state = lock(&rig.state);
    assert_eq!(state.name, "show pads");
    let hidden = capability::WRITE | capability::NO_EXPORT;
    assert_eq!(state.our_ports, [("pads".to_owned(), BOTH_WAYS), ("announcements".to_owned(), hidden)]);
    assert_eq!(state.joined, [(SequencerAddress::ANNOUNCEMENTS, port(OURS, 1))]);
}

#[test]
fn a_device_that_is_missing_is_joined_when_it_appears_parted_when_it_vanishes_and_joined_under_another_number()
 {
    let mut rig = Rig::new(Some("nano"));
    assert_eq!(rig.all(), []);
    rig.plug(14, "Midi Through", BOTH_WAYS);
    assert_eq!(rig.all(), []);
    rig.plug(20, "nanoKONTROL2", BOTH_WAYS);
    assert_eq!(rig.all(), [SequencerInput::Joined(READ), SequencerInput::Joined(WRITE)]);
    assert_eq!(rig.joined()[1..], [(port(20, 0), port(OURS, 0)), (port(OURS, 0), port(20, 0))]);
    rig.pull(20);
    assert_eq!(rig.all(), [SequencerInput::Gone(READ), SequencerInput::Gone(WRITE)]);
    rig.want(Token(3), Direction::Input, Some("nano"));
    rig.want(Token(4), Direction::Output, Some("nano"));
    assert_eq!(rig.all(), []);
    rig.plug(28, "nanoKONTROL2", BOTH_WAYS);
    assert_eq!(rig.all(), [SequencerInput::Joined(Token(3)), SequencerInput::Joined(Token(4))]);
}

#[test]
fn a_device_that_was_replaced_by_another_of_the_same_number_is_joined_anew() {
    let mut rig = Rig::new(Some("nano"));
    rig.plug(20, "nanoKONTROL2", BOTH_WAYS);
    assert_eq!(rig.all().len(), 2);
    rig.pull(20);
    rig.plug(20, "nanoKONTROL2", BOTH_WAYS);
    assert_eq!(rig.all(), [SequencerInput::Gone(READ), SequencerInput::Gone(WRITE)]);
    rig.want(Token(3), Direction::Input, Some("nano"));
    assert_eq!(rig.all(), [SequencerInput::Joined(Token(3))]);
}

#[test]
fn only_what_a_device_can_do_is_asked_of_it() {
    let mut rig = Rig::new(Some("knobs"));
    rig.plug(20, "knobs", capability::READ | capability::SUBS_READ);
    assert_eq!(rig.all(), [SequencerInput::Joined(READ)]);
    rig.plug(24, "knobs", BOTH_WAYS | capability::NO_EXPORT);
    assert_eq!(rig.all(), [], "one that is not to be seen");
}

#[test]
fn what_comes_in_is_told_apart_by_who_sent_it() {
    let mut rig = Rig::new(Some("nano"));
    rig.plug(20, "nanoKONTROL2", BOTH_WAYS);
    rig.all();
    rig.play(20, 60);
    rig.play(130, 61);
    let expected = [
        SequencerInput::Data(Some(READ), vec![0x90, 60, 100]),
        SequencerInput::Data(None, vec![0x90, 61, 100]),
    ];
    assert_eq!(rig.all(), expected);
}

#[test]
fn whoever_begins_to_listen_opens_a_link_that_wants_anybody() {
    let mut rig = Rig::new(None);
    assert_eq!(rig.all(), []);
    for (listeners, expected) in [
        (1, vec![SequencerInput::Joined(WRITE)]),
        (2, vec![SequencerInput::Joined(WRITE)]),
        (1, vec![]),
        (0, vec![SequencerInput::Gone(WRITE)]),
    ] {
        lock(&rig.state).listeners = listeners;
        rig.announce(66, OURS);
        assert_eq!(rig.all(), expected, "{listeners}");
    }
}

#[test]
fn a_link_that_is_not_wanted_any_more_is_parted_and_the_device_is_free() {
    let mut rig = Rig::new(Some("nano"));
    rig.plug(20, "nanoKONTROL2", BOTH_WAYS);
    rig.all();
    rig.sequencer.remove_link(READ, &mut rig.claims);
    assert_eq!(rig.joined()[1..], [(port(OURS, 0), port(20, 0))]);
    rig.sequencer.leave(&mut rig.claims);
    let (mut other, claims) = (Rig::new(Some("nano")), rig.claims);
    other.claims = claims;
    other.plug(20, "nanoKONTROL2", BOTH_WAYS);
    assert_eq!(other.all().len(), 2);
}

#[test]
fn a_device_that_cannot_be_joined_yet_is_tried_again() {
    let mut rig = Rig::new(Some("nano"));
    lock(&rig.state).join_error = Some(libc::EPERM);
    rig.plug(20, "nanoKONTROL2", BOTH_WAYS);
    assert_eq!(rig.all(), []);
    assert!(rig.sequencer.look_again_in().is_some());
    lock(&rig.state).join_error = None;
    rig.sequencer.look_again();
    assert_eq!(rig.all(), [SequencerInput::Joined(READ), SequencerInput::Joined(WRITE)]);
    assert_eq!(rig.sequencer.look_again_in(), None);
}

#[test]
fn what_a_device_does_not_take_waits_in_order_and_is_given_up_in_the_end() {
    let mut rig = Rig::new(Some("nano"));
    assert_eq!(rig.sequencer.send(&[0x90, 60, 1, 0xf8]), SendOutcome::Fine);
    assert_eq!(rig.written(), 2);
    for error in [libc::EAGAIN, libc::ENOMEM, libc::ENOSPC] {
        lock(&rig.state).write_error = Some(error);
        assert_eq!(rig.sequencer.send(&[0x90, 60, 1]), SendOutcome::Full);
        assert!(!rig.sequencer.send_unsent());
        lock(&rig.state).write_error = None;
        assert_eq!(rig.sequencer.send(&[0x90, 61, 1]), SendOutcome::Full, "it has to wait behind the other");
        assert!(rig.sequencer.send_unsent());
        assert_eq!(rig.written(), 2);
    }
    lock(&rig.state).write_error = Some(libc::ENOMEM);
    rig.sequencer.send(&[0x90, 60, 1]);
    let tries = (0..1000).position(|_| rig.sequencer.send_unsent());
    assert!(tries.is_some_and(|tries| tries > 100), "{tries:?}");
    assert!(!rig.sequencer.has_unsent());
}

#[test]
fn an_endless_flood_to_a_device_that_takes_nothing_has_an_end() {
    let mut rig = Rig::new(Some("nano"));
    lock(&rig.state).write_error = Some(libc::EAGAIN);
    let sent = (0..100_000)
        .map(|_| rig.sequencer.send(&[0x90, 60, 1]))
        .position(|sent| sent == SendOutcome::NotReading);
    assert!(sent.is_some());
}

#[test]
fn a_queue_that_ran_over_may_have_lost_an_announcement() {
    let mut rig = Rig::new(Some("nano"));
    rig.all();
    lock(&rig.state).devices.push((20, "nanoKONTROL2".to_owned(), BOTH_WAYS));
    assert_eq!(rig.all(), [], "nobody has said so");
    lock(&rig.state).read_error = Some(libc::ENOSPC);
    assert_eq!(
        rig.all(),
        [SequencerInput::Lost, SequencerInput::Joined(READ), SequencerInput::Joined(WRITE)]
    );
}

#[test]
fn a_sequencer_that_is_gone_is_told_in_words() {
    let mut rig = Rig::new(Some("nano"));
    lock(&rig.state).read_error = Some(libc::ENODEV);
    let error = rig.sequencer.next(&mut [0; 4096], &mut rig.claims).expect_err("it is gone");
    let reason = Sequencer::reason(&error).map(|reason| reason.to_string());
    assert!(reason.is_some_and(|reason| reason.contains("/dev/snd/seq")));
}
