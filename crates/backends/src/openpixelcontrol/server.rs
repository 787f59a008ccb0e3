//! The server: clients send frames of pixels, and mapped channels that have changed are emitted.
//!
//! A message takes effect when it is complete. It does not affect the pixels after its end, nor a pixel that is cut off at
//! its end ("Set 8-bit pixel colours"). All clients write the same strips; the latest message counts.

use std::sync::Arc;

use crosspatch_core::{
    Closed, Condition, Endpoint, Instant, Limits, Listen, Notice, Outbox, Peer, Port, PortSpec, Slot, Status,
    Value,
};

use super::Mode;
use super::address::{Address, StripPart};
use super::wire::{ALL, Deframer, Message, SET_8_BIT, SET_16_BIT, SYSTEM_EXCLUSIVE};
use crate::recognize::{Beginning, Diagnosis, WireFormat};
use crate::shared::dmx::Input;
use crate::shared::reconnecting_port::ReconnectingPort;

/// The port that clients connect to.
const SERVER: Port = Port(0);

/// The server, with the strips that clients write to.
pub(crate) struct Server {
    port: ReconnectingPort,
    mode: Mode,
    /// The strips with mapped channels.
    strips: Vec<InputStrip>,
    clients: Vec<ServedClient>,
    /// When to check the clients that have not sent a complete message yet.
    judge_at: Option<Instant>,
    /// The data of a message in the other resolution, converted.
    converted: Vec<u8>,
}

struct ServedClient {
    peer: Peer,
    deframer: Deframer,
    beginning: Beginning,
}

struct InputStrip {
    number: u8,
    frame: Input,
    colors: Vec<ColorChannel>,
}

/// A mapped channel with the colour of a pixel.
struct ColorChannel {
    slot: Slot,
    pixel: u16,
    /// The last colour emitted.
    last_emitted: Option<[u8; 3]>,
}

impl Server {
    /// The server of the instance `name`.
    pub(crate) fn new(name: &str, at: Endpoint, mode: Mode) -> Self {
        let limits = Limits::default();
        let spec = PortSpec::TcpListen(Listen { at, limits, ping: None, origins: Arc::default() });
        Self {
            port: ReconnectingPort::new(name, SERVER, spec, "openpixelcontrol-port"),
            mode,
            strips: Vec::new(),
            clients: Vec::new(),
            judge_at: None,
            converted: Vec::new(),
        }
    }

    /// Maps a channel.
    pub(crate) fn bind(&mut self, slot: Slot, address: Address) {
        let at = self.strips.iter().position(|strip| strip.number == address.strip).unwrap_or_else(|| {
            self.strips.push(InputStrip {
                number: address.strip,
                frame: Input::default(),
                colors: Vec::new(),
            });
            self.strips.len() - 1
        });
        match address.part {
            StripPart::Component(component) => self.strips[at].frame.bind(slot, self.mode.place(component)),
            StripPart::Color(pixel) => {
                self.strips[at].colors.push(ColorChannel { slot, pixel, last_emitted: None })
            }
        }
    }

    /// Removes the mapping of a channel.
    pub(crate) fn unbind(&mut self, slot: Slot) {
        for strip in &mut self.strips {
            strip.frame.unbind(slot);
            strip.colors.retain(|color| color.slot != slot);
        }
    }

    /// Emits the known levels of channels that were mapped at run time.
    pub(crate) fn emit_changes(&mut self, out: &mut Outbox) {
        for strip in &mut self.strips {
            strip.frame.tell(out);
            strip.emit_colors(self.mode, out);
        }
    }

    /// Starts to listen.
    pub(crate) fn start(&mut self, out: &mut Outbox) {
        self.port.open(out);
    }

    /// Handles an opened port or a new client.
    pub(crate) fn handle_open(&mut self, peer: Peer, out: &mut Outbox) {
        match peer {
            Peer::Connection(_) => {
                let (deframer, beginning) = Default::default();
                self.clients.push(ServedClient { peer, deframer, beginning });
                out.notice(Notice::info("opc-client", format!("{peer} has connected")));
            }
            Peer::Only | Peer::Address(_) => self.port.handle_open(out),
        }
    }

    /// Handles a disconnected client, whose incomplete message is dropped, or a closed port, which disconnects all
    /// clients.
    pub(crate) fn handle_close(&mut self, now: Instant, peer: Peer, reason: &Closed, out: &mut Outbox) {
        match peer {
            Peer::Connection(_) => {
                for ended in self.clients.extract_if(.., |client| client.peer == peer) {
                    let ServedClient { mut beginning, .. } = ended;
                    if let Some(notice) = beginning.explain_end(&peer, WireFormat::OpenPixelControl) {
                        out.notice(notice);
                    }
                }
                out.notice(Notice::info("opc-client", format!("{peer} is gone: {reason}")));
            }
            Peer::Only | Peer::Address(_) => {
                self.clients.clear();
                self.port.handle_close(now, reason, out);
            }
        }
    }

    /// Handles data from a client.
    pub(crate) fn handle_data(&mut self, now: Instant, from: Peer, data: &[u8], out: &mut Outbox) {
        let Some(at) = self.clients.iter().position(|client| client.peer == from) else { return };
        let client = &mut self.clients[at];
        let (mut deframer, mut beginning) =
            (std::mem::take(&mut client.deframer), std::mem::take(&mut client.beginning));
        if let Some(due) = beginning.add_bytes(now, data) {
            self.judge_at = Some(self.judge_at.map_or(due, |at| at.min(due)));
        }
        deframer.push(data, |message| self.handle_message(from, message, &mut beginning, out));
        (self.clients[at].deframer, self.clients[at].beginning) = (deframer, beginning);
    }

    /// Handles the timeouts that are due.
    pub(crate) fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) {
        self.port.handle_timeout(now, out);
        if self.judge_at.is_none_or(|at| at > now) {
            return;
        }
        for ServedClient { peer, beginning, .. } in &mut self.clients {
            if beginning.is_due(now)
                && let Some(notice) = beginning.explain_silence(peer, WireFormat::OpenPixelControl)
            {
                out.notice(notice);
            }
        }
        self.judge_at = self.clients.iter().filter_map(|client| client.beginning.due()).min();
    }

    /// Adds the status of the port and of the clients.
    pub(crate) fn add_status(&self, status: &mut Status) {
        self.port.add_status(status);
        for client in &self.clients {
            status.add(client.peer.to_string(), "client", Condition::Working);
        }
    }

    /// When the port has to be reopened, or clients have to be checked.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.port.retry_at().into_iter().chain(self.judge_at).min()
    }

    fn handle_message(
        &mut self,
        from: Peer,
        message: Message<'_>,
        beginning: &mut Beginning,
        out: &mut Outbox,
    ) {
        let sent = match message.command {
            SET_8_BIT => Some(Mode::Bits8),
            SET_16_BIT => Some(Mode::Bits16),
            SYSTEM_EXCLUSIVE => None,
            command => {
                let finding = beginning.explain(&from, WireFormat::OpenPixelControl);
                finding.report("openpixelcontrol-unknown", out, || {
                    format!(
                        "{from} sends the unknown command {command}; is it a client of Open Pixel Control?"
                    )
                });
                if beginning.is_undecided() {
                    beginning.give_up();
                }
                return;
            }
        };
        if beginning.is_undecided() {
            // OSC packets with a length prefix are also valid colour messages.
            match beginning.explain(&from, WireFormat::OpenPixelControl) {
                Diagnosis::News(notice) => out.notice(notice),
                Diagnosis::Old | Diagnosis::Nothing => beginning.settle(),
            }
        }
        let Some(sent) = sent else { return };
        let whole = message.data.len() - message.data.len() % usize::from(3 * sent.width());
        let data = &message.data[..whole];
        let Self { mode, strips, converted, .. } = self;
        let levels = if sent == *mode {
            data
        } else {
            convert(data, sent, converted);
            converted
        };
        for strip in strips.iter_mut().filter(|strip| message.strip == ALL || message.strip == strip.number) {
            strip.frame.update(levels, out);
            strip.emit_colors(*mode, out);
        }
    }
}

impl InputStrip {
    /// Emits every known colour that has not been emitted.
    fn emit_colors(&mut self, mode: Mode, out: &mut Outbox) {
        for color in &mut self.colors {
            let component = |component| {
                let place = mode.place(color.pixel * 3 + component);
                place.read(self.frame.levels()).map(|level| (place.value(level) * 255.0).round() as u8)
            };
            let (Some(red), Some(green), Some(blue)) = (component(0), component(1), component(2)) else {
                continue;
            };
            if color.last_emitted.replace([red, green, blue]) != Some([red, green, blue]) {
                out.emit(color.slot, Value::text(format!("#{red:02x}{green:02x}{blue:02x}")));
            }
        }
    }
}

/// Converts levels to the other resolution, rounded to the nearest. Full stays full.
fn convert(data: &[u8], from: Mode, out: &mut Vec<u8>) {
    out.clear();
    match from {
        Mode::Bits8 => out.extend(data.iter().flat_map(|level| [*level; 2])),
        Mode::Bits16 => {
            let (levels, _) = data.as_chunks::<2>();
            out.extend(
                levels.iter().map(|level| ((u32::from(u16::from_be_bytes(*level)) + 128) / 257) as u8),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn converted_levels_are_the_nearest_and_the_ends_are_exact() {
        let mut out = Vec::new();
        convert(&[0, 1, 128, 255], Mode::Bits8, &mut out);
        assert_eq!(out, [0, 0, 1, 1, 128, 128, 255, 255]);
        let wide: Vec<_> =
            [0, 128, 129, 0x8080, 0xff7e, 0xff80, 0xffff].into_iter().flat_map(u16::to_be_bytes).collect();
        convert(&wide, Mode::Bits16, &mut out);
        assert_eq!(out, [0, 0, 1, 128, 254, 255, 255]);
    }
}
