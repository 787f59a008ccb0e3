//! MIDI devices through the operating system's library: CoreMIDI on macOS, WinMM on Windows.
//!
//! The library calls back from its own threads. Input is sent to the loop in datagrams on the loopback interface, because that
//! is what the loop can wait for on both systems. The receiving socket only accepts the sending one. Devices are listed
//! periodically.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;

use crosspatch_core::{Closed, Direction, Duration, Midi, MidiLink, MidiPresent, SessionId};
use midir::{Ignore, MidiInput, MidiInputConnection, MidiOutput, MidiOutputConnection};
use mio::{Interest, Registry, Token};
use rustc_hash::FxHasher;

use super::split::split;
use super::{Claims, SendOutcome, SequencerInput};

/// How often the devices are listed.
const LOOK: Duration = Duration::from_secs(1);

/// The longest piece of a message in a datagram to the loop. A datagram on macOS holds 9216 bytes.
const PIECE: usize = 4096;

/// Precedes each piece: the token of the link, or 0 for the own port.
const HEADER: usize = size_of::<usize>();

/// An own port, and the devices that are connected to it.
pub(crate) struct Sequencer {
    session: SessionId,
    spec: Midi,
    links: Vec<Subscription>,
    incoming: VecDeque<SequencerInput>,
    is_stale: bool,
    heard: mio::net::UdpSocket,
    crossing: Arc<UdpSocket>,
    #[cfg(target_os = "macos")]
    own: Own,
}

/// The port that other programs see.
#[cfg(target_os = "macos")]
struct Own {
    _input: MidiInputConnection<()>,
    output: MidiOutputConnection,
}

/// A device that a session has requested, and its connection.
struct Subscription {
    token: Token,
    wanted: MidiLink,
    joined: Option<Joined>,
}

/// A device, by the identity that the system gives it.
enum Joined {
    Listening(
        String,
        #[expect(dead_code, reason = "it listens for as long as it lives")] MidiInputConnection<()>,
    ),
    Sending(String, MidiOutputConnection),
    /// Our own port, to which every program may connect.
    Anybody,
}

impl Joined {
    fn identity(&self) -> Option<&str> {
        match self {
            Self::Listening(identity, _) | Self::Sending(identity, _) => Some(identity),
            Self::Anybody => None,
        }
    }
}

impl Sequencer {
    /// Creates our own port, if the system supports virtual ports.
    ///
    /// # Errors
    ///
    /// If the system's library refuses.
    pub(crate) fn open(spec: &Midi, session: SessionId) -> io::Result<Self> {
        let receiver = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let sender = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        sender.connect(receiver.local_addr()?)?;
        receiver.connect(sender.local_addr()?)?;
        receiver.set_nonblocking(true)?;
        sender.set_nonblocking(true)?;
        let crossing = Arc::new(sender);
        Ok(Self {
            session,
            spec: spec.clone(),
            links: Vec::new(),
            incoming: VecDeque::new(),
            is_stale: false,
            heard: mio::net::UdpSocket::from_std(receiver),
            #[cfg(target_os = "macos")]
            own: Own::new(spec, &crossing)?,
            crossing,
        })
    }

    /// The reason why there is no port, in words.
    pub(crate) fn reason(_error: &io::Error) -> Option<Closed> {
        None
    }

    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.heard, token, Interest::READABLE)
    }

    pub(crate) fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        registry.deregister(&mut self.heard)
    }

    /// Adds a link. [`next`](Self::next) reports when it is connected.
    pub(crate) fn add_link(&mut self, token: Token, wanted: MidiLink, claims: &mut Claims) {
        if let Some(device) = &wanted.device {
            claims.want(self.session, wanted.direction, device);
        }
        self.links.push(Subscription { token, wanted, joined: None });
        self.is_stale = true;
    }

    /// Removes a link.
    pub(crate) fn remove_link(&mut self, token: Token, claims: &mut Claims) {
        let Some(at) = self.links.iter().position(|link| link.token == token) else { return };
        let link = self.links.swap_remove(at);
        claims.let_go(self.session, link.wanted.direction);
    }

    /// Closes all devices.
    pub(crate) fn leave(&mut self, claims: &mut Claims) {
        for link in self.links.drain(..) {
            claims.let_go(self.session, link.wanted.direction);
        }
    }

    /// Returns the next input, or `Ok(None)` if there is none at the moment.
    ///
    /// # Errors
    ///
    /// If the socket for input has failed.
    pub(crate) fn next(
        &mut self,
        buffer: &mut [u8],
        claims: &mut Claims,
    ) -> io::Result<Option<SequencerInput>> {
        loop {
            if let Some(incoming) = self.incoming.pop_front() {
                return Ok(Some(incoming));
            }
            match self.heard.recv(buffer) {
                Ok(len) => {
                    let Some((token, bytes)) = buffer[..len].split_first_chunk::<HEADER>() else { continue };
                    let token = Token(usize::from_ne_bytes(*token));
                    let link = self.links.iter().find(|link| link.token == token).map(|link| link.token);
                    return Ok(Some(SequencerInput::Data(link, bytes.to_vec())));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if !std::mem::take(&mut self.is_stale) {
                        return Ok(None);
                    }
                    self.look_around(claims);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Connects the links whose devices are present.
    fn look_around(&mut self, claims: &mut Claims) {
        let (Ok(input), Ok(output)) = (self.input(), MidiOutput::new(&self.spec.client)) else { return };
        let inputs: Vec<_> = input
            .ports()
            .into_iter()
            .filter_map(|port| Some((port.id(), input.port_name(&port).ok()?, port)))
            .collect();
        let outputs: Vec<_> = output
            .ports()
            .into_iter()
            .filter_map(|port| Some((port.id(), output.port_name(&port).ok()?, port)))
            .collect();
        let heard: Vec<_> = inputs.iter().map(|(id, name, _)| present(id, name)).collect();
        let told: Vec<_> = outputs.iter().map(|(id, name, _)| present(id, name)).collect();
        for link in &mut self.links {
            let there = if link.wanted.direction == Direction::Input { &heard } else { &told };
            let is_there =
                |identity: &str| there.iter().any(|found| found.serial.as_deref() == Some(identity));
            if link
                .joined
                .take_if(|joined| joined.identity().is_some_and(|identity| !is_there(identity)))
                .is_some()
            {
                claims.release(self.session, link.wanted.direction);
                self.incoming.push_back(SequencerInput::Gone(link.token));
            }
        }
        // Its session opens a new link for it.
        let incoming = &self.incoming;
        self.links.retain(|link| !incoming.contains(&SequencerInput::Gone(link.token)));
        for at in 0..self.links.len() {
            let Subscription { token, wanted, joined: None } = &self.links[at] else { continue };
            let (token, direction) = (*token, wanted.direction);
            let there = if direction == Direction::Input { &heard } else { &told };
            let (joined, chosen) = match &wanted.device {
                None if cfg!(target_os = "macos") => (Some(Joined::Anybody), None),
                None => (None, None),
                Some(device) => {
                    let Some(chosen) = claims.choose(self.session, direction, device, there) else {
                        continue;
                    };
                    let identity = chosen.serial.clone().unwrap_or_default();
                    let joined = match direction {
                        Direction::Input => {
                            inputs.iter().find(|(id, ..)| *id == identity).and_then(|(.., port)| {
                                let callback = crossing(&self.crossing, token.0);
                                let connection =
                                    self.input().ok()?.connect(port, &self.spec.name, callback, ()).ok()?;
                                Some(Joined::Listening(identity.clone(), connection))
                            })
                        }
                        Direction::Output => {
                            outputs.iter().find(|(id, ..)| *id == identity).and_then(|(.., port)| {
                                let output = MidiOutput::new(&self.spec.client).ok()?;
                                Some(Joined::Sending(
                                    identity.clone(),
                                    output.connect(port, &self.spec.name).ok()?,
                                ))
                            })
                        }
                    };
                    (joined, Some(chosen))
                }
            };
            if joined.is_some() {
                if let Some(chosen) = chosen {
                    claims.take(self.session, direction, chosen);
                }
                self.links[at].joined = joined;
                self.incoming.push_back(SequencerInput::Joined(token));
            }
        }
    }

    fn input(&self) -> Result<MidiInput, midir::InitError> {
        let mut input = MidiInput::new(&self.spec.client)?;
        input.ignore(Ignore::None);
        Ok(input)
    }

    /// When the devices are listed next.
    pub(crate) fn look_again_in(&self) -> Option<Duration> {
        Some(LOOK)
    }

    /// Lists the devices.
    pub(crate) fn look_again(&mut self) {
        self.is_stale = true;
    }

    /// Sends complete messages to all connected devices. What a device does not accept is lost.
    pub(crate) fn send(&mut self, messages: &[u8]) -> SendOutcome {
        for message in split(messages) {
            for link in &mut self.links {
                if let Some(Joined::Sending(_, connection)) = &mut link.joined {
                    let _: Result<(), midir::SendError> = connection.send(message);
                }
            }
            #[cfg(target_os = "macos")]
            let _: Result<(), midir::SendError> = self.own.output.send(message);
        }
        SendOutcome::Fine
    }

    /// Nothing ever waits.
    pub(crate) fn has_unsent(&self) -> bool {
        false
    }

    pub(crate) fn send_unsent(&mut self) -> bool {
        true
    }
}

#[cfg(target_os = "macos")]
impl Own {
    fn new(spec: &Midi, socket: &Arc<UdpSocket>) -> io::Result<Self> {
        use midir::os::unix::{VirtualInput, VirtualOutput};
        let refused = |error: &dyn std::fmt::Display| io::Error::other(error.to_string());
        let mut input = MidiInput::new(&spec.client).map_err(|error| refused(&error))?;
        input.ignore(Ignore::None);
        let output = MidiOutput::new(&spec.client).map_err(|error| refused(&error))?;
        Ok(Self {
            _input: input
                .create_virtual(&spec.name, crossing(socket, 0), ())
                .map_err(|error| refused(&error))?,
            output: output.create_virtual(&spec.name).map_err(|error| refused(&error))?,
        })
    }
}

/// The library calls this with each message, and it passes the message to the loop.
fn crossing(socket: &Arc<UdpSocket>, token: usize) -> impl FnMut(u64, &[u8], &mut ()) + Send + 'static {
    let socket = socket.clone();
    move |_, message, ()| {
        for piece in message.chunks(PIECE) {
            // If the socket's buffer is full, the message is lost, as with any receiver.
            let _: io::Result<usize> = socket.send(&[&token.to_ne_bytes()[..], piece].concat());
        }
    }
}

/// A device as the system describes it. It has no numbers; two bytes of its identity stand for them.
fn present(identity: &str, name: &str) -> MidiPresent {
    let mut hasher = FxHasher::default();
    identity.hash(&mut hasher);
    let [client, port, ..] = hasher.finish().to_be_bytes();
    let serial = Some(identity.to_owned());
    MidiPresent { client, port, client_name: name.to_owned(), port_name: name.to_owned(), usb: None, serial }
}
