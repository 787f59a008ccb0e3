//! A virtual world for tests of crosspatch, a show-control translator: the engine, a clock that tests advance, virtual
//! links between sessions, and a transcript.
//!
//! Only tests, fuzz targets and benchmarks depend on this crate; the program does not contain it. It names no protocol.
//! Nothing here waits. [`World::advance`] jumps from one due event to the next, so an hour of keep-alives takes
//! milliseconds, and the same steps give the same transcript every time.
//!
//! Transcript lines, with `T` a time such as `+1.250s`. Lines marked *in* are also read by [`ScriptStep::parse`]; a scenario
//! lists both kinds and only the *in* lines are played.
//!
//! ```text
//!     +T NAME opens P SPEC            a port is requested; UDP sockets and servers then open by themselves
//! in  +T NAME.P opened [PEER]         a connection is up, a client was accepted, a name was looked up
//! in  +T NAME.P closed [PEER] REASON  by-peer reset refused timed-out unreachable not-found in-use no-address
//!                                     not-permitted not-websocket-404 garbage too-long not-reading unplugged
//!                                     exhausted
//! in  +T NAME.P full|writable [PEER]  a stream is full, has room again
//! in  +T NAME.P lost                  datagrams were dropped before they were read
//! in  +T NAME.P <- [PEER] MESSAGE     a message is received: what the backend's `compose` reads, or `hex 00 ff 3a`
//!     +T NAME.P -> [PEER] MESSAGE     a message is sent
//!     +T NAME closes P [PEER]         a port or connection is to be closed
//!     +T NAME.P ~ ...                 the virtual network opened or closed something
//!     +T NAME.ADDRESS = VALUE         a value is received on a channel
//! in  +T NAME.ADDRESS := VALUE        a value is set on a channel: a number, or a text in quotes
//!     +T NAME info|warning|error: ... a notice; without NAME the engine's own
//!     +T NAME stopped                 the session has ended
//! in  +T NAME status                  the status of the session is requested
//!     +T NAME status: ...             a port or peer in its status
//! in  +T reload                       the next config block is installed
//! in  +T end                          time passes until here
//! ```
//!
//! `PEER` is an address, or `client3` for an accepted connection; there is none where a port has only one peer.

mod network;
mod script;
mod transcript;

use std::sync::Arc;

pub use network::{Link, Network};
pub use script::{Script, ScriptStep};
pub use transcript::Transcript;

use crosspatch_core::{
    Closed, Duration, Engine, InstanceId, Instant, Outbox, Peer, Plan, Port, SessionId, Value,
};

/// More events than this at one point in time are taken for two sessions answering each other for ever.
const MAX_EVENTS_AT_ONCE: usize = 100_000;

/// The engine in a virtual world.
pub struct World {
    engine: Engine,
    out: Outbox,
    now: Instant,
    transcript: Transcript,
    network: Network,
}

impl World {
    /// A world in which the plan has just been installed, at time zero.
    pub fn new(plan: Plan) -> Self {
        let mut out = Outbox::new();
        out.watch_values(true);
        let mut world = Self {
            engine: Engine::new(),
            out,
            now: Instant::START,
            transcript: Transcript::default(),
            network: Network::default(),
        };
        world.install(plan);
        world
    }

    /// Replaces the running plan. Like every step it ends with all work that is due at that moment.
    pub fn install(&mut self, plan: Plan) {
        self.transcript.learn(&self.engine);
        self.engine.install(self.now, Arc::new(plan), &mut self.out);
        self.settle();
        self.advance_none();
    }

    /// Ends the show.
    pub fn shut_down(&mut self) {
        self.transcript.learn(&self.engine);
        self.engine.shut_down(self.now, &mut self.out);
        self.settle();
        self.advance_none();
    }

    /// Breaks every span into values when it is emitted, for a comparison with a world that passes spans as a whole.
    pub fn break_spans(&mut self) {
        self.out.break_spans(true);
    }

    /// The time.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The engine, for access without a session: to record changes and to collect them.
    pub fn engine_mut(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// The virtual network.
    pub fn network(&mut self) -> &mut Network {
        &mut self.network
    }

    /// Lets time pass.
    pub fn advance(&mut self, time: Duration) {
        self.advance_to(self.now + time);
    }

    /// Handles all due events without advancing the time.
    pub fn advance_none(&mut self) {
        self.advance_to(self.now);
    }

    /// Lets time pass until `end`: everything due by then happens, in order.
    pub fn advance_to(&mut self, end: Instant) {
        let mut at_once = 0;
        loop {
            let (arrival, timeout) = (self.network.next_arrival(), self.engine.next_timeout());
            let Some(next) = arrival.into_iter().chain(timeout).min().filter(|next| *next <= end) else {
                break;
            };
            at_once = if next > self.now { 0 } else { at_once + 1 };
            assert!(
                at_once < MAX_EVENTS_AT_ONCE,
                "two sessions answer each other for ever:\n{}",
                self.transcript.tail()
            );
            self.now = self.now.max(next);
            if arrival == Some(next) {
                self.arrive();
            } else {
                self.engine.handle_timeout(self.now, &mut self.out);
            }
            self.settle();
        }
        self.now = self.now.max(end);
    }

    /// Brings a message from outside to a port of the instance of that name.
    pub fn receive(&mut self, name: &str, port: Port, from: Peer, message: &[u8]) {
        self.transcript.received(self.now, self.session(name), port, from, message);
        self.deliver(name, port, from, message);
    }

    /// Reports a port or connection as open.
    pub fn opened(&mut self, name: &str, port: Port, peer: Peer) {
        let session = self.session(name);
        self.transcript.port_event(self.now, session, port, "opened", peer);
        self.network.answered(session, port);
        self.engine.handle_open(self.now, session, port, peer, &mut self.out);
        self.settle();
        self.advance_none();
    }

    /// Reports a port or connection as closed.
    pub fn closed(&mut self, name: &str, port: Port, peer: Peer, reason: Closed) {
        let session = self.session(name);
        self.transcript.closed(self.now, session, port, peer, &reason);
        self.network.answered(session, port);
        self.engine.handle_close(self.now, session, port, peer, reason, &mut self.out);
        self.settle();
        self.advance_none();
    }

    /// Reports a stream as full.
    pub fn full(&mut self, name: &str, port: Port, peer: Peer) {
        let session = self.session(name);
        self.transcript.port_event(self.now, session, port, "full", peer);
        self.engine.handle_full(self.now, session, port, peer, &mut self.out);
        self.settle();
        self.advance_none();
    }

    /// Reports datagrams as dropped before they were read.
    pub fn lost(&mut self, name: &str, port: Port) {
        let session = self.session(name);
        self.transcript.port_event(self.now, session, port, "lost", Peer::Only);
        self.engine.handle_loss(self.now, session, port, &mut self.out);
        self.settle();
        self.advance_none();
    }

    /// Reports a stream as having room again.
    pub fn writable(&mut self, name: &str, port: Port, peer: Peer) {
        let session = self.session(name);
        self.transcript.port_event(self.now, session, port, "writable", peer);
        self.engine.handle_writable(self.now, session, port, peer, &mut self.out);
        self.settle();
        self.advance_none();
    }

    /// Puts a value on a channel, written `instance.address` with a canonical address.
    pub fn put(&mut self, channel: &str, value: impl Into<Value>) {
        let Some((instance, slot)) = self.engine.plan().find_channel(channel) else {
            panic!("no mapping uses `{channel}`");
        };
        self.engine.handle_value(self.now, instance, slot, value.into(), &mut self.out);
        self.settle();
        self.advance_none();
    }

    /// Plays one step of a script, at the present time. `Reload` is the caller's.
    pub fn play(&mut self, step: &ScriptStep) {
        match step {
            ScriptStep::Opened(name, port, peer) => self.opened(name, *port, *peer),
            ScriptStep::Closed(name, port, peer, reason) => self.closed(name, *port, *peer, reason.clone()),
            ScriptStep::Full(name, port, peer) => self.full(name, *port, *peer),
            ScriptStep::Lost(name, port) => self.lost(name, *port),
            ScriptStep::Writable(name, port, peer) => self.writable(name, *port, *peer),
            ScriptStep::Received(name, port, peer, text) => {
                let message = script::message(self.instance(name).1, text);
                self.transcript.received_text(self.now, self.session(name), *port, *peer, text);
                self.deliver(name, *port, *peer, &message);
            }
            ScriptStep::Put(channel, value) => {
                self.transcript.note(self.now, &format!("{channel} := {value}"));
                self.put(channel, value.clone());
            }
            ScriptStep::Status(name) => {
                self.transcript.note(self.now, &format!("{name} status"));
                let (instance, _) = self.instance(name);
                for link in self.engine.status_of(instance).links {
                    self.transcript.note(self.now, &format!("{name} status: {link}"));
                }
            }
            ScriptStep::End => self.transcript.note(self.now, "end"),
            ScriptStep::Reload => self.transcript.note(self.now, "reload"),
        }
    }

    /// The transcript so far.
    pub fn transcript(&self) -> &str {
        self.transcript.text()
    }

    /// The transcript since the last call, for tests that look at one thing after another.
    pub fn take_transcript(&mut self) -> String {
        self.transcript.take()
    }

    fn deliver(&mut self, name: &str, port: Port, from: Peer, message: &[u8]) {
        self.engine.handle_data(self.now, self.session(name), port, from, message, &mut self.out);
        self.settle();
        self.advance_none();
    }

    fn instance(&self, name: &str) -> (InstanceId, &'static crosspatch_core::Backend) {
        let Some(instance) = self.engine.plan().find(name) else { panic!("no instance is named `{name}`") };
        (instance, self.engine.plan().instances()[instance.index()].backend)
    }

    fn session(&self, name: &str) -> SessionId {
        self.engine.session_of(self.instance(name).0)
    }

    /// Something reaches its destination over the virtual network.
    fn arrive(&mut self) {
        let Some(arrival) = self.network.take_arrival() else { return };
        let (session, port, now) = (arrival.session, arrival.port, self.now);
        match arrival.what {
            network::What::Ready => self.engine.handle_open(now, session, port, Peer::Only, &mut self.out),
            network::What::Open(peer) => {
                self.transcript.port_event(now, session, port, "~ opened", peer);
                self.engine.handle_open(now, session, port, peer, &mut self.out);
            }
            network::What::Close(peer, reason) => {
                self.transcript.port_event(now, session, port, &format!("~ {reason}"), peer);
                self.engine.handle_close(now, session, port, peer, reason, &mut self.out);
            }
            network::What::Data(peer, bytes) => {
                self.engine.handle_data(now, session, port, peer, &bytes, &mut self.out);
            }
        }
    }

    /// Records the effects of the last call and passes them to the network.
    fn settle(&mut self) {
        loop {
            self.transcript.learn(&self.engine);
            for effect in self.out.effects() {
                self.transcript.effect(self.now, effect, &self.out);
                self.network.handle_effect(self.now, effect, &self.out);
            }
            self.out.clear();
            if !self.engine.is_unfinished() {
                break;
            }
            self.engine.resume(self.now, &mut self.out);
        }
    }
}

#[cfg(test)]
mod tests;
