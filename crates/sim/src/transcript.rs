//! Records events, one line each.

use std::fmt::Write;
use std::sync::Arc;

use crosspatch_core::{
    Backend, Closed, Effect, Engine, InstanceId, Instant, Outbox, Peer, Port, SessionId, Severity, Slot,
};

/// The log of a world. Also shows the effects of a replayed recording.
#[derive(Default)]
pub struct Transcript {
    text: String,
    known: Vec<Known>,
}

/// The data of a session, because the engine removes it when it ends.
struct Known {
    session: SessionId,
    name: Arc<str>,
    backend: &'static Backend,
    addresses: Vec<Box<str>>,
}

impl Transcript {
    /// Takes up the sessions that the engine runs. To be called before and after every installation of a plan.
    pub fn learn(&mut self, engine: &Engine) {
        for (at, planned) in (0..).zip(engine.plan().instances()) {
            let session = engine.session_of(InstanceId(at));
            if !self.known.iter().any(|known| known.session == session) {
                let (name, backend) = (planned.name.clone(), planned.backend);
                self.known.push(Known { session, name, backend, addresses: Vec::new() });
            }
            let Some(known) = self.known.iter_mut().find(|known| known.session == session) else { continue };
            let new = (known.addresses.len()..planned.channels.len()).map(|slot| Slot(slot as u32));
            known.addresses.extend(new.map(|slot| planned.channels.address(slot).into()));
        }
    }

    /// Writes down an effect.
    pub fn effect(&mut self, now: Instant, effect: &Effect, out: &Outbox) {
        match effect {
            Effect::Open(session, port, spec) => {
                let name = self.name(*session);
                self.line(now, format_args!("{name} opens {port} {spec}"));
            }
            Effect::Close(session, port, peer) => {
                let (name, peer) = (self.name(*session), shown(*peer));
                self.line(now, format_args!("{name} closes {port}{peer}"));
            }
            Effect::Send(session, port, peer, range) => {
                self.message(now, *session, *port, "->", *peer, out.bytes(range));
            }
            Effect::Retire(session) => {
                let name = self.name(*session);
                self.line(now, format_args!("{name} stopped"));
            }
            Effect::Notice(session, notice, held) => {
                let name = session.map(|session| format!("{} ", self.name(session))).unwrap_or_default();
                let severity = match notice.severity {
                    Severity::Debug => "debug",
                    Severity::Info => "info",
                    Severity::Warning => "warning",
                    Severity::Error => "error",
                };
                let more = if *held > 0 { format!(" ({held} more)") } else { String::new() };
                self.line(now, format_args!("{name}{severity}: {}{more}", notice.text));
            }
            Effect::Value(session, slot, value) => {
                let Some(known) = self.known(*session) else { return };
                let channel = format!("{}.{}", known.name, known.addresses[slot.index()]);
                self.line(now, format_args!("{channel} = {value}"));
            }
        }
    }

    /// Records a received message.
    pub fn received(&mut self, now: Instant, session: SessionId, port: Port, from: Peer, message: &[u8]) {
        self.message(now, session, port, "<-", from, message);
    }

    /// Records a received message as written in the script.
    pub(crate) fn received_text(
        &mut self,
        now: Instant,
        session: SessionId,
        port: Port,
        from: Peer,
        text: &str,
    ) {
        let (name, peer) = (self.name(session), shown(from));
        self.line(now, format_args!("{name}.{port} <-{peer} {text}"));
    }

    /// Records an event of a port or connection.
    pub fn port_event(&mut self, now: Instant, session: SessionId, port: Port, event: &str, peer: Peer) {
        let (name, peer) = (self.name(session), shown(peer));
        self.line(now, format_args!("{name}.{port} {event}{peer}"));
    }

    /// Records that a port or connection has closed, in the form that a script reads.
    pub fn closed(&mut self, now: Instant, session: SessionId, port: Port, peer: Peer, reason: &Closed) {
        let (name, peer) = (self.name(session), shown(peer));
        self.line(now, format_args!("{name}.{port} closed{peer} {}", crate::script::reason_word(reason)));
    }

    /// Records any other event.
    pub fn note(&mut self, now: Instant, text: &str) {
        self.line(now, format_args!("{text}"));
    }

    /// Everything so far.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Everything since the last call.
    pub fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    /// The last lines.
    pub(crate) fn tail(&self) -> &str {
        let start = self.text.rmatch_indices('\n').nth(12).map_or(0, |(at, _)| at + 1);
        &self.text[start..]
    }

    fn message(
        &mut self,
        now: Instant,
        session: SessionId,
        port: Port,
        arrow: &str,
        peer: Peer,
        bytes: &[u8],
    ) {
        let mut text = String::new();
        let Some(known) = self.known(session) else { return };
        (known.backend.describe)(bytes, &mut text);
        let (name, peer) = (known.name.clone(), shown(peer));
        self.line(now, format_args!("{name}.{port} {arrow}{peer} {text}"));
    }

    fn known(&self, session: SessionId) -> Option<&Known> {
        self.known.iter().find(|known| known.session == session)
    }

    fn name(&self, session: SessionId) -> Arc<str> {
        self.known(session).map_or_else(|| session.to_string().into(), |known| known.name.clone())
    }

    fn line(&mut self, now: Instant, line: std::fmt::Arguments<'_>) {
        // Writing to a `String` cannot fail.
        let _ = writeln!(self.text, "{now} {line}");
    }
}

/// The peer with a blank before it; nothing where there is only one.
fn shown(peer: Peer) -> String {
    match peer {
        Peer::Only => String::new(),
        Peer::Address(_) | Peer::Connection(_) => format!(" {peer}"),
    }
}
