//! The shell of crosspatch, a translator for show control: sockets, devices, the clock and the main loop.
//!
//! A program creates a [`Shell`], installs plans through its [`Handle`] from any thread, and calls [`Shell::run`]. The shell turns
//! effects of the engine into system calls, and events of the operating system into calls of the engine.
//!
//! ```text
//!  poll ─▶ Ports: a batch is read ─▶ Runner: recorder, observer, one turn of the engine per message
//!    ▲                                 │ effects
//!    └── sleep until the next timeout ◀┴─▶ Ports: streams are written at once, datagrams at the end of the batch
//! ```
//!
//! Everything runs in one thread; no value crosses a task or a channel. Helper threads look up names (`lookup`), and another
//! thread writes recordings (`record`).

mod batch;
mod bounds;
mod clock;
mod closed;
mod connection;
mod handle;
mod hosts;
mod interfaces;
mod jack;
mod listener;
mod lookup;
mod losses;
mod membership;
mod observe;
mod port_owner;
mod ports;
mod realtime;
mod record;
mod replay;
mod runner;
mod sequencer;
mod subscribers;
mod system;
mod tcp;
mod udp;
mod upgrade;
mod value_observers;

use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use crosspatch_core::{Duration, Engine, Instant, Notice};
use mio::{Events, Poll, Waker};

pub use handle::{Handle, StatusReport};
pub use observe::{Observed, PortName};
pub use realtime::RealtimeError;
pub use replay::{ReplayError, replay};

pub use system::host_name;

pub use subscribers::ReceiverLookup;

pub use value_observers::{Interest, Observation, ValueFrame};

use clock::Clock;
use handle::LoopCommand;
use lookup::LookupHelpers;
use ports::Ports;
use record::Recorder;
use runner::Runner;

/// How long the goodbyes of the sessions may take when the show ends.
const GOODBYE: Duration = Duration::from_millis(400);

/// A show that can run: an engine, its ports and the clock.
#[derive(Debug)]
pub struct Shell {
    poll: Poll,
    handle: Handle,
    helpers: LookupHelpers,
    recorder: Option<Recorder>,
    notices: Vec<Notice>,
}

impl Shell {
    /// Creates a shell with an empty plan. Raises the process's limit of open files as far as the system permits, and
    /// has large blocks of memory returned to the system when they are freed. A program therefore creates it before it
    /// compiles a large plan.
    ///
    /// # Errors
    ///
    /// If the operating system has no means of waiting for sockets left.
    pub fn new() -> io::Result<Self> {
        system::raise_file_limit();
        system::return_large_blocks();
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), ports::WAKER)?);
        let handle = Handle::new(waker.clone());
        Ok(Self { poll, handle, helpers: LookupHelpers::new(waker), recorder: None, notices: Vec::new() })
    }

    /// The way into the running show from other threads.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Looks names up with another function than the operating system's. It may take as long as it likes.
    pub fn look_up_with(
        &mut self,
        look_up: impl Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync + 'static,
    ) {
        self.helpers.look_up_with(Arc::new(look_up));
    }

    /// Records all input in a new file, for [`replay`]. If that is impossible, the show runs without a recording, and a
    /// notice reports it.
    pub fn record_to(&mut self, path: &Path) {
        match Recorder::create(path) {
            Ok(recorder) => self.recorder = Some(recorder),
            Err(error) => {
                let text = format!("the recording `{}` cannot be written: {error}", path.display());
                self.notices.push(Notice::warning("recording-stopped", text));
            }
        }
    }

    /// Gives the calling thread, which is to [`run`](Self::run) the show, a real-time priority from 1 to 99, and keeps the
    /// memory of the process from being paged out.
    ///
    /// # Errors
    ///
    /// If the system does not permit it. Then nothing has changed.
    pub fn enter_real_time(&self, priority: u8) -> Result<(), RealtimeError> {
        realtime::enter(priority)
    }

    /// Runs the show until [`Handle::stop`]; then every session says goodbye, and the call returns within a second.
    ///
    /// # Errors
    ///
    /// If the operating system refuses to wait for sockets. No port and no peer can cause that.
    pub fn run(mut self, observer: &mut dyn FnMut(Instant, &Engine, Observed<'_>)) -> io::Result<()> {
        let clock = Clock::start();
        let mut runner = Runner::new(observer, self.recorder.take());
        let mut ports = Ports::new(self.poll.registry().try_clone()?, self.helpers, clock);
        let mut events = Events::with_capacity(256);
        let mut commands = Vec::new();
        let mut end: Option<Instant> = None;
        for notice in self.notices {
            runner.notice(None, notice);
        }
        // Commands of other threads and results of lookups come with a wake-up.
        let mut is_woken = true;
        loop {
            runner.now = clock.now();
            let mut has_worked = false;
            if std::mem::take(&mut is_woken) {
                self.handle.take(&mut commands);
                has_worked = !commands.is_empty();
                for command in commands.drain(..) {
                    match command {
                        LoopCommand::Observe(observer) => runner.add_value_observer(observer),
                        LoopCommand::ReportStatus(report) => runner.report_status(&report),
                        LoopCommand::Trace(on) => runner.trace(on),
                        LoopCommand::Install(..) | LoopCommand::Put(..) if end.is_some() => {}
                        LoopCommand::Install(transition, replaced) => {
                            // Nobody may wait for it.
                            let _ = replaced.try_send(runner.install(*transition));
                        }
                        LoopCommand::Put(channel, value) => runner.put(&channel, value),
                        LoopCommand::Stop if end.is_some() => {}
                        LoopCommand::Stop => {
                            end = Some(runner.now + GOODBYE);
                            runner.shut_down();
                        }
                    }
                    ports.apply(&mut runner);
                }
                ports.take_answers(&mut runner);
            }
            if runner.engine().next_timeout().is_some_and(|due| due <= runner.now) {
                runner.timeout();
                ports.apply(&mut runner);
                has_worked = true;
            }
            if runner.engine().is_unfinished() {
                runner.resume();
                ports.apply(&mut runner);
                has_worked = true;
            }
            // An event that comes alone finds the clock's code and data in no cache, so it is read no more often than needed.
            if has_worked {
                runner.now = clock.now();
            }
            ports.work(&mut runner);
            runner.serve_value_observers();
            if end.is_some_and(|end| ports.is_idle() || end <= runner.now) {
                return Ok(());
            }
            let at_once = runner.engine().is_unfinished().then_some(Instant::START);
            let due = [at_once, runner.next_timeout(), ports.next_timeout(), end].into_iter().flatten().min();
            match self.poll.poll(&mut events, due.map(|due| due.since(runner.now))) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                Ok(()) | Err(_) => {}
            }
            for event in &events {
                match event.token() {
                    ports::WAKER => is_woken = true,
                    _ => ports.wake(event),
                }
            }
        }
    }
}
