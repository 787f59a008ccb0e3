//! An own port in the ALSA sequencer, and its links to devices.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::path::Path;

use crosspatch_core::{Closed, Direction, Duration, Midi, MidiLink, MidiPresent, SessionId};
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};

use super::event::{self, SequencerAddress, SequencerEvent};
use super::kernel::{Kernel, capability};
use super::{Claims, SendOutcome, SequencerInput, identity};

/// How much may wait while the kernel or a device takes nothing.
const MOST_UNSENT: usize = 1 << 20;

/// How many times sending to a device is retried, every 5 ms. Then the message is lost.
const MOST_TRIES: u32 = 200;

/// The pause before subscribing to a device is retried.
const REFUSED: Duration = Duration::from_secs(2);

/// The capabilities that a device needs for input, or for output.
const LISTENED: u32 = capability::READ | capability::SUBS_READ;
const SENT: u32 = capability::WRITE | capability::SUBS_WRITE;

/// An own port.
pub(crate) struct Sequencer {
    kernel: Kernel,
    session: SessionId,
    own: SequencerAddress,
    links: Vec<Subscription>,
    incoming: VecDeque<SequencerInput>,
    /// Whether a device appeared or disappeared since the devices were listed.
    is_stale: bool,
    /// Whether a device is present and cannot be subscribed to yet.
    is_refused: bool,
    listeners: i32,
    /// Events for which the kernel or a device had no room.
    unsent: VecDeque<Vec<u8>>,
    unsent_bytes: usize,
    tries: u32,
}

/// A device that a session has requested, and its subscription in the kernel.
struct Subscription {
    token: Token,
    wanted: MidiLink,
    joined: Option<SequencerAddress>,
}

impl Sequencer {
    /// Creates an own port.
    ///
    /// # Errors
    ///
    /// If there is no sequencer, or it may not be used.
    pub(crate) fn open(spec: &Midi, session: SessionId) -> io::Result<Self> {
        Self::with(Kernel::open()?, spec, session)
    }

    pub(super) fn with(kernel: Kernel, spec: &Midi, session: SessionId) -> io::Result<Self> {
        let client = kernel.client()?;
        kernel.introduce(client, &format!("{} {}", spec.client, spec.name))?;
        let port = kernel.create_port(client, &spec.name, LISTENED | SENT)?;
        let ear = kernel.create_port(client, "announcements", capability::WRITE | capability::NO_EXPORT)?;
        kernel.subscribe(SequencerAddress::ANNOUNCEMENTS, SequencerAddress { client, port: ear })?;
        Ok(Self {
            kernel,
            session,
            own: SequencerAddress { client, port },
            links: Vec::new(),
            incoming: VecDeque::new(),
            is_stale: false,
            is_refused: false,
            listeners: 0,
            unsent: VecDeque::new(),
            unsent_bytes: 0,
            tries: 0,
        })
    }

    /// Has the loop woken when there is something to read or room to write.
    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let both = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut SourceFd(&self.kernel.fd()), token, both)
    }

    /// Has the loop woken no more.
    pub(crate) fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        registry.deregister(&mut SourceFd(&self.kernel.fd()))
    }

    /// The reason why there is no port, in words.
    pub(crate) fn reason(error: &io::Error) -> Option<Closed> {
        let is_missing =
            matches!(error.kind(), ErrorKind::NotFound) || error.raw_os_error() == Some(libc::ENODEV);
        let text = "this system has no `/dev/snd/seq`; the kernel module `snd-seq` is not loaded";
        is_missing.then(|| Closed::Other(text.into()))
    }

    /// Requests a link. [`next`](Self::next) reports when it is connected.
    pub(crate) fn add_link(&mut self, token: Token, wanted: MidiLink, claims: &mut Claims) {
        match &wanted.device {
            Some(device) => claims.want(self.session, wanted.direction, device),
            None => self.listeners = 0,
        }
        self.links.push(Subscription { token, wanted, joined: None });
        self.is_stale = true;
    }

    /// Removes a link.
    pub(crate) fn remove_link(&mut self, token: Token, claims: &mut Claims) {
        let Some(at) = self.links.iter().position(|link| link.token == token) else { return };
        let link = self.links.swap_remove(at);
        claims.let_go(self.session, link.wanted.direction);
        if let Some(device) = link.joined {
            let (sender, receiver) = self.ends(link.wanted.direction, device);
            // The subscription may already be gone.
            let _: io::Result<()> = self.kernel.unsubscribe(sender, receiver);
        }
    }

    /// Releases every device; queued data is sent as far as it is accepted.
    pub(crate) fn leave(&mut self, claims: &mut Claims) {
        self.send_unsent();
        for link in self.links.drain(..) {
            claims.let_go(self.session, link.wanted.direction);
        }
    }

    /// Returns the next event, or `Ok(None)` if there is none at the moment.
    ///
    /// # Errors
    ///
    /// If the sequencer is gone.
    pub(crate) fn next(
        &mut self,
        buffer: &mut [u8],
        claims: &mut Claims,
    ) -> io::Result<Option<SequencerInput>> {
        loop {
            if let Some(incoming) = self.incoming.pop_front() {
                return Ok(Some(incoming));
            }
            match self.kernel.read(buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(len) => self.take_events(&buffer[..len], claims),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if !std::mem::take(&mut self.is_stale) {
                        return Ok(None);
                    }
                    self.look_around(claims);
                }
                // The lost event may have been an announcement.
                Err(error) if error.raw_os_error() == Some(libc::ENOSPC) => {
                    self.is_stale = true;
                    return Ok(Some(SequencerInput::Lost));
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn take_events(&mut self, mut bytes: &[u8], claims: &mut Claims) {
        while let Some((event, rest)) = event::decode(bytes) {
            bytes = rest;
            match event {
                Some(SequencerEvent::Data(from, data)) => {
                    let is_from = |link: &&Subscription| {
                        link.joined == Some(from) && link.wanted.direction == Direction::Input
                    };
                    let link = self.links.iter().find(is_from).map(|link| link.token);
                    self.incoming.push_back(SequencerInput::Data(link, data));
                }
                Some(SequencerEvent::Announcement { is_exit, about }) => {
                    self.is_stale = true;
                    if is_exit {
                        self.part(
                            |device| {
                                device.client == about.client && [device.port, 0xff].contains(&about.port)
                            },
                            claims,
                        );
                    }
                }
                None => {}
            }
        }
    }

    /// The matching devices have disappeared, even if others have their numbers now.
    fn part(&mut self, is_gone: impl Fn(SequencerAddress) -> bool, claims: &mut Claims) {
        for link in &mut self.links {
            if link.joined.take_if(|device| is_gone(*device)).is_some() {
                claims.release(self.session, link.wanted.direction);
                self.incoming.push_back(SequencerInput::Gone(link.token));
            }
        }
        // Its session opens a new link for it.
        let incoming = &self.incoming;
        self.links.retain(|link| !incoming.contains(&SequencerInput::Gone(link.token)));
    }

    /// Subscribes to the devices of links that are present.
    fn look_around(&mut self, claims: &mut Claims) {
        let devices = self.devices();
        let present = |device: SequencerAddress, capability: u32| {
            devices.iter().any(|(found, can)| {
                (found.client, found.port) == (device.client, device.port) && can & capability == capability
            })
        };
        self.part(|device| !present(device, 0), claims);
        self.is_refused = false;
        for at in 0..self.links.len() {
            let Subscription { wanted, joined: None, token } = &self.links[at] else { continue };
            let (direction, token) = (wanted.direction, *token);
            let needed = if direction == Direction::Input { LISTENED } else { SENT };
            let usable: Vec<_> = devices
                .iter()
                .filter(|(_, can)| can & needed == needed)
                .map(|(found, _)| found.clone())
                .collect();
            let Some(device) = &wanted.device else { continue };
            let Some(chosen) = claims.choose(self.session, direction, device, &usable) else { continue };
            let device = SequencerAddress { client: chosen.client, port: chosen.port };
            let (sender, receiver) = self.ends(direction, device);
            match self.kernel.subscribe(sender, receiver) {
                // The user has already connected them.
                Err(error) if error.raw_os_error() != Some(libc::EBUSY) => self.is_refused = true,
                Ok(()) | Err(_) => {
                    claims.take(self.session, direction, chosen);
                    self.links[at].joined = Some(device);
                    self.incoming.push_back(SequencerInput::Joined(token));
                }
            }
        }
        self.count_listeners();
    }

    /// A link without a device name is connected each time when a program connects to our port.
    fn count_listeners(&mut self) {
        let Some(link) = self.links.iter().find(|link| link.wanted.device.is_none()) else { return };
        let before = self.listeners;
        self.listeners = self.kernel.port(self.own).map_or(0, |port| port.listeners);
        if self.listeners > before {
            self.incoming.push_back(SequencerInput::Joined(link.token));
        } else if self.listeners == 0 && before > 0 {
            let token = link.token;
            self.incoming.push_back(SequencerInput::Gone(token));
            self.links.retain(|link| link.token != token);
        }
    }

    /// All devices except the own ports, with their capabilities.
    fn devices(&self) -> Vec<(MidiPresent, u32)> {
        let mut devices = Vec::new();
        for client in
            self.kernel.clients().into_iter().filter(|client| ![0, self.own.client].contains(&client.number))
        {
            let (usb, serial) =
                client.card.map_or((None, None), |card| identity::of_card(Path::new("/sys"), card));
            for port in self.kernel.ports(client.number) {
                if port.capability & capability::NO_EXPORT != 0 {
                    continue;
                }
                let found = MidiPresent {
                    client: client.number,
                    port: port.address.port,
                    client_name: client.name.clone(),
                    port_name: port.name,
                    usb: usb.clone(),
                    serial: serial.clone(),
                };
                devices.push((found, port.capability));
            }
        }
        devices
    }

    fn ends(&self, direction: Direction, device: SequencerAddress) -> (SequencerAddress, SequencerAddress) {
        match direction {
            Direction::Input => (device, self.own),
            Direction::Output => (self.own, device),
        }
    }

    /// When a device that is there and could not be joined is to be tried again.
    pub(crate) fn look_again_in(&self) -> Option<Duration> {
        self.is_refused.then_some(REFUSED)
    }

    /// Looks at the devices again.
    pub(crate) fn look_again(&mut self) {
        self.is_stale = true;
    }

    /// Sends whole messages to all who are joined.
    pub(crate) fn send(&mut self, messages: &[u8]) -> SendOutcome {
        let Self { kernel, unsent, unsent_bytes, own, .. } = self;
        event::encode(own.port, messages, |event| {
            if unsent.is_empty() && is_taken(kernel, &event) {
                return;
            }
            *unsent_bytes += event.len();
            unsent.push_back(event);
        });
        match self.unsent_bytes {
            0 => SendOutcome::Fine,
            waiting if waiting > MOST_UNSENT => SendOutcome::NotReading,
            _ => SendOutcome::Full,
        }
    }

    /// Whether something waits to be sent.
    pub(crate) fn has_unsent(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// Sends queued data as far as it is accepted. Returns whether none is left.
    pub(crate) fn send_unsent(&mut self) -> bool {
        while let Some(event) = self.unsent.front() {
            let is_taken = is_taken(&mut self.kernel, event);
            self.tries += 1;
            if !is_taken && self.tries < MOST_TRIES {
                return false;
            }
            self.tries = 0;
            self.unsent_bytes -= event.len();
            self.unsent.pop_front();
        }
        true
    }
}

/// Whether the kernel has taken an event, or never will.
fn is_taken(kernel: &mut Kernel, event: &[u8]) -> bool {
    match kernel.write(event) {
        Ok(_) => true,
        Err(error) => {
            error.kind() != ErrorKind::WouldBlock
                && !matches!(
                    error.raw_os_error(),
                    Some(libc::ENOMEM | libc::ENOSPC | libc::EAGAIN | libc::ENOBUFS)
                )
        }
    }
}
