//! Runs the turns of the engine. The recorder receives the input, and the observer is called with the output. A live
//! show and a replay both have a runner.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use crosspatch_core::{
    Backend, Closed, Effect, Engine, InstanceId, Instant, Notice, Outbox, Peer, Port, Replaced, SessionId,
    Transition, Value,
};
use rustc_hash::FxHashMap;

use crate::handle::StatusReport;
use crate::observe::{Observed, PortName};
use crate::record::{RecordedEvent, Recorder};
use crate::value_observers::{ValueObserver, ValueObservers};

/// Whose port something is.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Owner {
    pub(crate) session: SessionId,
    pub(crate) port: Port,
}

/// The notices of the shell itself.
pub(crate) const NOTICES: [&str; 8] = [
    "cannot-send",
    "cannot-accept",
    "too-many-connections",
    "cut-off",
    "datagrams-lost",
    "multicast",
    "recording-stopped",
    "lost",
];

/// Receives the events of the show.
pub(crate) type Observer<'a> = &'a mut dyn FnMut(Instant, &Engine, Observed<'_>);

/// An engine, its outbox and its value_observers.
pub(crate) struct Runner<'a> {
    /// The time that is passed to the engine.
    pub(crate) now: Instant,
    engine: Engine,
    out: Outbox,
    /// How many of the outbox's effects have been taken.
    taken: usize,
    observer: Observer<'a>,
    recorder: Option<Recorder>,
    value_observers: ValueObservers,
    traced: bool,
    /// The name and backend of each session, kept after the engine has removed it.
    names: FxHashMap<SessionId, (Arc<str>, &'static Backend)>,
}

impl<'a> Runner<'a> {
    pub(crate) fn new(observer: Observer<'a>, recorder: Option<Recorder>) -> Self {
        Self {
            now: Instant::START,
            engine: Engine::new(),
            out: Outbox::new(),
            taken: 0,
            observer,
            recorder,
            value_observers: ValueObservers::default(),
            traced: false,
            names: FxHashMap::default(),
        }
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn add_value_observer(&mut self, observer: ValueObserver) {
        self.value_observers.add(observer, &mut self.engine);
    }

    /// Asks all sessions how they are doing.
    pub(crate) fn report_status(&self, report: &SyncSender<StatusReport>) {
        let instances = (0..).map(InstanceId).zip(self.engine.plan().instances());
        let instances =
            instances.map(|(at, planned)| (planned.name.clone(), self.engine.status_of(at))).collect();
        // A receiver that no longer waits needs no report.
        let _ = report.try_send(StatusReport { now: self.now, instances });
    }

    /// Sends the due frames to the value observers.
    pub(crate) fn serve_value_observers(&mut self) {
        self.value_observers.handle_timeout(self.now, &mut self.engine);
    }

    /// When the engine or an observer has to be served.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.engine.next_timeout().into_iter().chain(self.value_observers.next_timeout()).min()
    }

    pub(crate) fn trace(&mut self, on: bool) {
        self.traced = on;
        self.out.watch_values(on);
    }

    pub(crate) fn install(&mut self, transition: Transition) -> Replaced {
        self.record(None, RecordedEvent::Install);
        let replaced = self.engine.install_prepared(self.now, transition, &mut self.out);
        for (at, planned) in (0..).zip(self.engine.plan().instances()) {
            let known = || (planned.name.clone(), planned.backend);
            self.names.entry(self.engine.session_of(InstanceId(at))).or_insert_with(known);
        }
        self.value_observers.handle_install(self.engine.plan());
        (self.observer)(self.now, &self.engine, Observed::Installed(self.engine.plan()));
        replaced
    }

    pub(crate) fn shut_down(&mut self) {
        self.record(None, RecordedEvent::Stop);
        self.engine.shut_down(self.now, &mut self.out);
    }

    pub(crate) fn put(&mut self, channel: &str, value: Value) {
        let Some((instance, slot)) = self.engine.plan().find_channel(channel) else { return };
        self.value_observers.handle_event();
        self.record(None, RecordedEvent::Put(channel, &value));
        self.engine.handle_value(self.now, instance, slot, value, &mut self.out);
    }

    pub(crate) fn opened(&mut self, owner: Owner, peer: Peer) {
        self.event(owner, RecordedEvent::Open(peer));
        self.engine.handle_open(self.now, owner.session, owner.port, peer, &mut self.out);
    }

    pub(crate) fn received(&mut self, owner: Owner, from: Peer, data: &[u8]) {
        self.event(owner, RecordedEvent::Data(from, data));
        self.engine.handle_data(self.now, owner.session, owner.port, from, data, &mut self.out);
    }

    pub(crate) fn closed(&mut self, owner: Owner, peer: Peer, reason: Closed) {
        self.event(owner, RecordedEvent::Close(peer, &reason));
        self.engine.handle_close(self.now, owner.session, owner.port, peer, reason, &mut self.out);
    }

    pub(crate) fn full(&mut self, owner: Owner, peer: Peer) {
        self.event(owner, RecordedEvent::Full(peer));
        self.engine.handle_full(self.now, owner.session, owner.port, peer, &mut self.out);
    }

    pub(crate) fn writable(&mut self, owner: Owner, peer: Peer) {
        self.event(owner, RecordedEvent::Writable(peer));
        self.engine.handle_writable(self.now, owner.session, owner.port, peer, &mut self.out);
    }

    pub(crate) fn lost(&mut self, owner: Owner) {
        self.event(owner, RecordedEvent::Lost);
        self.engine.handle_loss(self.now, owner.session, owner.port, &mut self.out);
    }

    pub(crate) fn timeout(&mut self) {
        self.value_observers.handle_event();
        self.record(None, RecordedEvent::Timeout);
        self.engine.handle_timeout(self.now, &mut self.out);
    }

    /// Goes on with interrupted turns, for one slice.
    pub(crate) fn resume(&mut self) {
        self.value_observers.handle_event();
        self.record(None, RecordedEvent::Resume);
        self.engine.resume(self.now, &mut self.out);
    }

    /// A notice of the shell, about a port or the whole show.
    pub(crate) fn notice(&mut self, owner: Option<Owner>, notice: Notice) {
        debug_assert!(NOTICES.contains(&notice.id), "a notice that no replay knows");
        let port_name = owner.and_then(|owner| Some((&*self.names.get(&owner.session)?.0, owner.port)));
        if let Some(recorder) = &mut self.recorder {
            recorder.write(self.now, port_name, &RecordedEvent::Notice(&notice));
        }
        self.engine.handle_notice(self.now, owner.map(|owner| owner.session), notice, &mut self.out);
    }

    /// The next effect. It is passed to the observer, too.
    pub(crate) fn next_effect(&mut self) -> Option<Effect> {
        let effect = self.out.effects().get(self.taken)?.clone();
        self.taken += 1;
        self.observe(&effect);
        if let Effect::Retire(session) = effect {
            self.names.remove(&session);
        }
        Some(effect)
    }

    /// The outbox that the send effects refer to.
    pub(crate) fn out(&self) -> &Outbox {
        &self.out
    }

    /// All effects have been taken up, and their bytes are not needed any more.
    pub(crate) fn clear(&mut self) {
        debug_assert_eq!(self.taken, self.out.effects().len(), "an effect was overlooked");
        self.out.clear();
        self.taken = 0;
    }

    /// Reports a failure of the recorder and continues without it.
    pub(crate) fn check_recorder(&mut self) {
        if let Some(trouble) = self.recorder.as_ref().and_then(Recorder::trouble) {
            let notice = Notice::warning("recording-stopped", trouble);
            self.recorder = None;
            self.notice(None, notice);
        }
    }

    /// Passes an input to the recorder and, while tracing, to the observer.
    fn event(&mut self, owner: Owner, event: RecordedEvent<'_>) {
        self.value_observers.handle_event();
        if !self.traced && self.recorder.is_none() {
            return;
        }
        let Some((name, backend)) = self.names.get(&owner.session) else { return };
        if let Some(recorder) = &mut self.recorder {
            let port_name = Some((&**name, owner.port));
            let planned = self.engine.instance_of(owner.session);
            if let RecordedEvent::Data(from, data) = event
                && let Some(safe) = planned.and_then(|planned| planned.instance.conceal(data))
            {
                recorder.write(self.now, port_name, &RecordedEvent::Data(from, &safe));
            } else {
                recorder.write(self.now, port_name, &event);
            }
        }
        if self.traced {
            let port_name = PortName { instance: name, backend, port: owner.port };
            let observed = match event {
                RecordedEvent::Open(peer) => Observed::Opened(port_name, peer),
                RecordedEvent::Data(from, data) => Observed::Received(port_name, from, data),
                RecordedEvent::Close(peer, reason) => Observed::Closed(port_name, peer, reason),
                RecordedEvent::Full(peer) => Observed::Full(port_name, peer),
                RecordedEvent::Writable(peer) => Observed::Writable(port_name, peer),
                RecordedEvent::Lost => Observed::Lost(port_name),
                RecordedEvent::Install
                | RecordedEvent::Timeout
                | RecordedEvent::Resume
                | RecordedEvent::Put(..)
                | RecordedEvent::Stop
                | RecordedEvent::Notice(_) => return,
            };
            (self.observer)(self.now, &self.engine, observed);
        }
    }

    fn record(&mut self, port_name: Option<(&str, Port)>, event: RecordedEvent<'_>) {
        if let Some(recorder) = &mut self.recorder {
            recorder.write(self.now, port_name, &event);
        }
    }

    fn observe(&mut self, effect: &Effect) {
        let observer = &mut *self.observer;
        let known = |session: &SessionId| self.names.get(session);
        let port_name = |session: &SessionId, port: Port| {
            known(session).map(|(instance, backend)| PortName { instance, backend, port })
        };
        let observed = match effect {
            Effect::Notice(session, notice, held) => {
                let instance = session.as_ref().and_then(known).map(|(name, _)| &**name);
                Some(Observed::Notice { instance, notice, held: *held })
            }
            Effect::Value(session, slot, value) => self.engine.instance_of(*session).map(|planned| {
                Observed::Value { instance: &planned.name, address: planned.channels.address(*slot), value }
            }),
            _ if !self.traced => None,
            Effect::Open(session, port, spec) => {
                port_name(session, *port).map(|port_name| Observed::Opening(port_name, spec))
            }
            Effect::Close(session, port, peer) => {
                port_name(session, *port).map(|port_name| Observed::Closing(port_name, *peer))
            }
            Effect::Send(session, port, peer, range) => port_name(session, *port)
                .map(|port_name| Observed::Sent(port_name, *peer, self.out.bytes(range))),
            Effect::Retire(session) => known(session).map(|(name, _)| Observed::Stopped(name)),
        };
        if let Some(observed) = observed {
            observer(self.now, &self.engine, observed);
        }
    }
}
