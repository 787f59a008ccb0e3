//! The client: converts values to pixel colours, and sends frames of them to a server.
//!
//! The frame of a strip extends to its highest mapped pixel. All strips share one pace, so that simultaneous changes
//! are shown together: all changes are sent in one piece, as whole messages, no more often than the rate allows.
//! Between two frames only the latest level of each component counts, except for edges that would otherwise be lost
//! ([`Output`]).
//!
//! Strip 0 is all strips. Its values are also set in the frames of the other strips. Since a message for all strips
//! overwrites everything up to its end, it is followed by the frames of the other strips.

use crosspatch_core::{
    Closed, Connect, Duration, Endpoint, Instant, Outbox, Part, Peer, Port, PortSpec, Slot, SlotSpan,
    SpannedValues, Status, Value, parse_color,
};

use super::Mode;
use super::address::{Address, StripPart};
use super::wire::{ALL, Message};
use crate::recognize::{Beginning, Diagnosis, WireFormat};
use crate::shared::dmx::{Bucket, FRAME, Output, Pace};
use crate::shared::reconnecting_port::ReconnectingPort;

/// The outgoing connection.
pub(crate) const CLIENT: Port = Port(1);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The time after which a server that reads nothing is reconnected.
const LONGEST_STALL: Duration = Duration::from_secs(10);

/// The longest interval between two messages of a strip. It reveals a server that has disappeared, and prevents servers that show
/// their own patterns when they receive nothing from doing so.
const KEEP_ALIVE: Duration = Duration::from_secs(1);

/// The pixels of a server.
pub(crate) struct Client {
    to: Endpoint,
    port: ReconnectingPort,
    /// The first bytes received from the server.
    beginning: Beginning,
    link: ServerLink,
    mode: Mode,
    /// The pace of all strips together.
    bucket: Bucket,
    rate: u32,
    /// Sorted by number, so that strip 0 (all strips) is first.
    strips: Vec<OutputStrip>,
    /// By slot; `None` for channels that are not mapped.
    targets: Vec<Option<Address>>,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum ServerLink {
    Down,
    Up,
    /// The server has not read everything since this time.
    Full(Instant),
}

struct OutputStrip {
    number: u8,
    /// The number of components in the frame. The component's index is its channel number in `frame`.
    components: u16,
    frame: Output,
}

impl Client {
    /// The client of the instance `name`.
    pub(crate) fn new(name: &str, to: Endpoint, mode: Mode, rate: u32) -> Self {
        let spec = PortSpec::TcpConnect(Connect { to: to.clone(), timeout: CONNECT_TIMEOUT });
        Self {
            to,
            beginning: Beginning::default(),
            port: ReconnectingPort::new(name, CLIENT, spec, "openpixelcontrol-port"),
            link: ServerLink::Down,
            mode,
            bucket: Bucket::new(rate),
            rate,
            strips: Vec::new(),
            targets: Vec::new(),
        }
    }

    /// Maps a channel. Extends the frame of its strip if necessary.
    pub(crate) fn bind(&mut self, slot: Slot, address: Address) {
        if slot.index() >= self.targets.len() {
            self.targets.resize(slot.index() + 1, None);
        }
        self.targets[slot.index()] = Some(address);
        let at = self.strips.binary_search_by_key(&address.strip, |strip| strip.number);
        let at = at.unwrap_or_else(|at| {
            // Frames are built when they can be sent.
            let press = FRAME.min(Duration::from_secs(1) / self.rate);
            let pace = Pace { a_second: None, press, repeats: 0, keep_alive: Some(KEEP_ALIVE) };
            let frame = Output::new(pace, 0);
            self.strips.insert(at, OutputStrip { number: address.strip, components: 0, frame });
            at
        });
        self.strips[at].lengthen(self.mode, (address.part.pixel() + 1) * 3);
    }

    /// Removes the mapping of a channel. Its pixel keeps its colour while the strip has other mapped channels.
    pub(crate) fn unbind(&mut self, slot: Slot) {
        if let Some(target) = self.targets.get_mut(slot.index()) {
            *target = None;
        }
    }

    /// Handles a change of the mapped channels. Strips without mapped channels are not sent any more.
    pub(crate) fn handle_rebind(&mut self) {
        let targets = &self.targets;
        self.strips.retain(|strip| targets.iter().flatten().any(|target| target.strip == strip.number));
    }

    /// Connects.
    pub(crate) fn start(&mut self, out: &mut Outbox) {
        self.port.open(out);
    }

    /// Sends all queued changes at once, because the session ends.
    pub(crate) fn finish(&mut self, now: Instant, out: &mut Outbox) {
        let mut now = now;
        while self.strips.iter().any(|strip| strip.frame.is_pending())
            && let Some(due) = self.due()
        {
            now = now.max(due);
            self.flush(now, out);
        }
    }

    /// Called when the server is connected. It receives the current state without the queued steps, which no server has
    /// seen.
    pub(crate) fn handle_open(&mut self, now: Instant, out: &mut Outbox) {
        self.port.handle_open(out);
        self.link = ServerLink::Up;
        self.beginning = Beginning::default();
        self.bucket = Bucket::new(self.rate);
        self.strips.iter_mut().for_each(|strip| strip.frame.restart());
        self.flush(now, out);
    }

    /// Handles received data, which Open Pixel Control servers do not send.
    pub(crate) fn handle_data(&mut self, now: Instant, data: &[u8], out: &mut Outbox) {
        self.beginning.add_bytes(now, data);
        if self.beginning.is_undecided() {
            let server = format!("the server at {}", self.to);
            match self.beginning.explain(&server, WireFormat::OpenPixelControl) {
                Diagnosis::News(notice) => out.notice(notice),
                Diagnosis::Old | Diagnosis::Nothing => self.beginning.settle(),
            }
        }
    }

    /// Called when the server cannot be reached or has disconnected.
    pub(crate) fn handle_close(&mut self, now: Instant, reason: &Closed, out: &mut Outbox) {
        self.link = ServerLink::Down;
        self.port.handle_close(now, reason, out);
    }

    /// Called when the server reads more slowly than frames are sent.
    pub(crate) fn handle_full(&mut self, now: Instant) {
        self.link = ServerLink::Full(now);
    }

    /// Called when the server has read everything. It receives the current state of everything that has changed.
    pub(crate) fn handle_writable(&mut self, now: Instant, out: &mut Outbox) {
        self.link = ServerLink::Up;
        self.flush(now, out);
    }

    /// Sets values, and sends a frame if the rate allows it.
    pub(crate) fn handle_values(&mut self, now: Instant, values: &[(Slot, Value)], out: &mut Outbox) {
        self.set_values(now, values);
        self.send(now, out);
    }

    /// As [`handle_values`](Self::handle_values), for values with spans among them.
    pub(crate) fn handle_spans(&mut self, now: Instant, batch: SpannedValues<'_>, out: &mut Outbox) {
        batch.for_each(|part| match part {
            Part::Values(values) => self.set_values(now, values),
            Part::Span(span) => self.set_span(now, span),
        });
        self.send(now, out);
    }

    fn set_values(&mut self, now: Instant, values: &[(Slot, Value)]) {
        for (slot, value) in values {
            let Some(Address { strip, part }) = self.targets.get(slot.index()).copied().flatten() else {
                continue;
            };
            match part {
                StripPart::Component(component) => self.set(now, strip, component, value),
                StripPart::Color(pixel) => {
                    for (component, value) in (pixel * 3..).zip(components(value).into_iter().flatten()) {
                        self.set(now, strip, component, &value);
                    }
                }
            }
        }
    }

    /// Sets each run of consecutive components of a strip as a whole.
    fn set_span(&mut self, now: Instant, span: SlotSpan<'_>) {
        let mut at = 0;
        while at < span.levels.len() {
            let targets = self.targets.get(span.first.index() + at..).unwrap_or_default();
            let targets = &targets[..targets.len().min(span.levels.len() - at)];
            let Some(&Some(Address { strip, part: StripPart::Component(first) })) = targets.first() else {
                span.part(at..at + 1).values().for_each(|value| self.set_values(now, &[value]));
                at += 1;
                continue;
            };
            let follows = |(at, target): (u16, &Option<Address>)| {
                *target == Some(Address { strip, part: StripPart::Component(first + at) })
            };
            let len = (0..).zip(targets).take_while(|pair| follows(*pair)).count();
            for strip in strips_of(&mut self.strips, strip) {
                let len = len.min(strip.components.saturating_sub(first).into());
                strip.frame.set_span(now, span.part(at..at + len).at(channel(first)));
            }
            at += len;
        }
    }

    /// Sends the frame with the values that have just been set, if the rate allows it.
    fn send(&mut self, now: Instant, out: &mut Outbox) {
        if self.strips.iter().any(|strip| strip.frame.has_changed()) {
            self.bucket.want(now);
        }
        self.flush(now, out);
    }

    /// Handles the timeouts that are due.
    pub(crate) fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) {
        self.port.handle_timeout(now, out);
        if let ServerLink::Full(since) = self.link
            && since + LONGEST_STALL <= now
        {
            out.close(CLIENT, Peer::Only);
            self.handle_close(now, &Closed::NotReading, out);
        }
        self.flush(now, out);
    }

    /// Adds the status of the connection.
    pub(crate) fn add_status(&self, status: &mut Status) {
        self.port.add_status(status);
    }

    /// When the next frame is due, or the connection has to be retried.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        let stall = match self.link {
            ServerLink::Full(since) => Some(since + LONGEST_STALL),
            ServerLink::Up | ServerLink::Down => None,
        };
        [self.port.retry_at(), stall, self.due()].into_iter().flatten().min()
    }

    fn set(&mut self, now: Instant, strip: u8, component: u16, value: &Value) {
        for strip in
            strips_of(&mut self.strips, strip).iter_mut().filter(|strip| component < strip.components)
        {
            strip.frame.set(now, channel(component), value);
        }
    }

    /// When the next frame is due, if there are changes and the connection is ready.
    fn due(&self) -> Option<Instant> {
        if self.link != ServerLink::Up {
            return None;
        }
        let due = self.strips.iter().filter_map(|strip| strip.frame.next_due()).min()?;
        Some(due.max(self.bucket.due().unwrap_or(self.bucket.earliest())))
    }

    fn flush(&mut self, now: Instant, out: &mut Outbox) {
        if self.due().is_none_or(|due| due > now) {
            return;
        }
        self.bucket.take(now);
        let (command, mut is_covered) = (self.mode.command(), false);
        out.send(CLIENT, Peer::Only, |buffer| {
            for OutputStrip { number, frame, .. } in &mut self.strips {
                if is_covered {
                    frame.refresh();
                }
                if let Some(data) = frame.take_due(now) {
                    Message { strip: *number, command, data }.encode(buffer);
                    is_covered |= *number == ALL;
                }
            }
        });
    }
}

/// The strip of that number, if it is mapped, or all of them.
fn strips_of(strips: &mut [OutputStrip], number: u8) -> &mut [OutputStrip] {
    if number == ALL {
        return strips;
    }
    let at = strips.partition_point(|known| known.number < number);
    match strips.get(at) {
        Some(strip) if strip.number == number => &mut strips[at..=at],
        _ => &mut [],
    }
}

impl OutputStrip {
    fn lengthen(&mut self, mode: Mode, components: u16) {
        for component in self.components..components {
            self.frame.bind(channel(component), mode.place(component));
        }
        self.components = self.components.max(components);
    }
}

/// The channel of a component in its strip's frame.
fn channel(component: u16) -> Slot {
    Slot(component.into())
}

/// The red, green and blue of a colour. A number is a grey, and any other text is not a colour.
fn components(value: &Value) -> Option<[Value; 3]> {
    match value {
        Value::Number(level) => Some([*level; 3].map(Value::number)),
        Value::Text(text) => {
            let [red, green, blue, _] = parse_color(text)?.to_be_bytes();
            Some([red, green, blue].map(|level| Value::number(f64::from(level) / 255.0)))
        }
    }
}
