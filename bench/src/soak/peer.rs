//! A peer: the show at the other end of a family, which is killed, stopped and restarted.

use std::time::Duration;

use anyhow::Result;
use rustix::process::Signal;

use super::SoakOptions;
use super::disturb::{Harm, Schedule};
use super::link::{ControlLink, LinkEvent, LinkEventKind};
use super::rig::LinkFactory;
use crate::process::Process;

/// How long a show may take to end in good order. It promises a second; the machine may be busy.
const END: Duration = Duration::from_secs(3);

/// How long after [`ENOUGH`] values a path counts as calm. A few may be late values of a show that was killed, or
/// releases of keys that it held.
const CALM: Duration = Duration::from_secs(3);
const ENOUGH: u32 = 50;

/// A peer.
#[derive(Debug)]
pub(super) struct PeerShow {
    /// The number of its family.
    pub(super) family: usize,
    pub(super) name: &'static str,
    options: SoakOptions,
    configuration: String,
    /// The port of its control link.
    port: u16,
    process: Option<Process>,
    link: Option<ControlLink>,
    state: PeerState,
    schedule: Schedule<Harm>,
    /// The number of disturbances.
    disturbances: u32,
    /// Values since the last disturbance, received from it and at the subject.
    arrivals: [Arrivals; 2],
    /// How often it was killed, ended and stopped.
    pub(super) harms: [u32; 3],
    /// When it was let run for the last time.
    runs_since: Duration,
    /// The longest time that it then took until it received something.
    pub(super) longest_return: Duration,
}

/// The values received on a path.
#[derive(Copy, Clone, Debug, Default)]
struct Arrivals {
    count: u32,
    /// When it was enough.
    enough: Option<Duration>,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum PeerState {
    Runs,
    Frozen { until: Duration },
    Ending { by: Duration, until: Duration },
    Down { until: Duration },
}

/// Whether the show at the end of a path is running.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// It runs, and has had time to read all queued data.
    There,
    /// It does not run at all: values sent to it are lost.
    Absent,
    /// It is stopped, ends, or has just started: values sent to it may arrive late.
    Between,
}

/// How long a show that runs again may take to read all queued data.
const WAKES: Duration = Duration::from_secs(1);

/// An event of a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// Something was done to it.
    Harmed(Harm),
    /// It can receive everything.
    Connected,
    /// It misbehaved.
    Fault(String),
}

impl PeerShow {
    /// One that will be started by the first [`step`](Self::step).
    pub(super) fn new(
        family: usize,
        name: &'static str,
        options: SoakOptions,
        configuration: String,
        port: u16,
        schedule: Schedule<Harm>,
    ) -> Self {
        Self {
            family,
            name,
            options,
            configuration,
            port,
            process: None,
            link: None,
            state: PeerState::Down { until: Duration::ZERO },
            schedule,
            disturbances: 0,
            arrivals: [Arrivals::default(); 2],
            harms: [0; 3],
            runs_since: Duration::ZERO,
            longest_return: Duration::ZERO,
        }
    }

    /// Performs the due actions. Without `disturbs` it is only restarted where needed.
    pub(super) fn step(
        &mut self,
        now: Duration,
        disturbs: bool,
        wires: &mut LinkFactory,
    ) -> Result<Option<News>> {
        if disturbs
            && self.state == PeerState::Runs
            && let Some(planned) = self.schedule.due(now)
        {
            self.harm(planned.what, now, now + planned.lasts)?;
            return Ok(Some(News::Harmed(planned.what)));
        }
        match self.state {
            PeerState::Runs => return Ok(self.watch(wires)),
            PeerState::Frozen { until } if now >= until || !disturbs => {
                self.signal(Signal::CONT)?;
                (self.state, self.runs_since) = (PeerState::Runs, now);
            }
            PeerState::Ending { by, until } => {
                if !self.process.as_mut().is_some_and(Process::runs) {
                    self.state = PeerState::Down { until };
                    self.take_down();
                } else if now >= by {
                    self.state = PeerState::Down { until };
                    self.take_down();
                    return Ok(Some(self.fault("did not end in time")));
                }
            }
            PeerState::Down { until } if now >= until || !disturbs => {
                let log = self.options.log(self.name)?;
                let process = Process::show_with_log(&self.options.program, &self.configuration, log)?;
                self.process = Some(process);
                (self.state, self.runs_since) = (PeerState::Runs, now);
            }
            PeerState::Frozen { .. } | PeerState::Down { .. } => {}
        }
        Ok(None)
    }

    /// The control link, if the show can receive.
    pub(super) fn hand(&mut self) -> Option<&mut ControlLink> {
        self.link.as_mut().filter(|_| self.state == PeerState::Runs)
    }

    /// Whether an event is from this show; if so, records that it was received.
    pub(super) fn handle_event(&mut self, now: Duration, event: LinkEvent) -> bool {
        let is_mine = self.link.as_ref().is_some_and(|link| link.id == event.link);
        if is_mine {
            match event.what {
                LinkEventKind::Heard { .. } => self.note_arrival(0, now),
                LinkEventKind::Closed => self.link = None,
            }
        }
        is_mine
    }

    /// Records a value of this family: way 1 is one sent by the subject, way 0 one sent by this show.
    pub(super) fn note_arrival(&mut self, way: usize, now: Duration) {
        if self.state != PeerState::Runs {
            return;
        }
        let heard = &mut self.arrivals[way];
        heard.count = heard.count.saturating_add(1);
        if heard.count == ENOUGH {
            heard.enough = Some(now);
        }
        if heard.count == 1 && way == 0 {
            self.note_return(now);
        }
    }

    /// How often a way has been disturbed, if it is calm.
    pub(super) fn calm(&self, way: usize, now: Duration) -> Option<u32> {
        let is_calm = self.state == PeerState::Runs
            && self.arrivals[way].enough.is_some_and(|since| now >= since + CALM);
        is_calm.then_some(self.disturbances)
    }

    /// Whether it is there.
    pub(super) fn presence(&self, now: Duration) -> Presence {
        match self.state {
            PeerState::Runs if now >= self.runs_since + WAKES => Presence::There,
            PeerState::Down { .. } => Presence::Absent,
            PeerState::Runs | PeerState::Frozen { .. } | PeerState::Ending { .. } => Presence::Between,
        }
    }

    /// Whether it is up and connected.
    pub(super) fn is_up(&self) -> bool {
        self.state == PeerState::Runs && self.link.is_some()
    }

    fn harm(&mut self, harm: Harm, now: Duration, until: Duration) -> Result<()> {
        if self.arrivals[0].count == 0 {
            // It would have taken longer than this.
            self.note_return(now);
        }
        self.disturbances += 1;
        self.arrivals = [Arrivals::default(); 2];
        self.harms[harm as usize] += 1;
        match harm {
            Harm::Kill => {
                self.take_down();
                self.state = PeerState::Down { until };
            }
            Harm::End => {
                self.signal(Signal::TERM)?;
                self.state = PeerState::Ending { by: now + END, until };
            }
            Harm::Freeze => {
                self.signal(Signal::STOP)?;
                self.state = PeerState::Frozen { until };
            }
        }
        Ok(())
    }

    fn note_return(&mut self, now: Duration) {
        if self.disturbances > 0 {
            self.longest_return = self.longest_return.max(now.saturating_sub(self.runs_since));
        }
    }

    /// Looks after one that should run.
    fn watch(&mut self, wires: &mut LinkFactory) -> Option<News> {
        if !self.process.as_mut().is_some_and(Process::runs) {
            self.take_down();
            self.state = PeerState::Down { until: Duration::ZERO };
            return Some(self.fault("ended by itself"));
        }
        if self.link.is_none() {
            self.link = wires.connect(self.port);
            return self.link.as_ref().map(|_| News::Connected);
        }
        None
    }

    fn take_down(&mut self) {
        self.link = None;
        // A process that is dropped is killed.
        self.process = None;
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        self.process.as_ref().map_or(Ok(()), |process| process.signal(signal))
    }

    fn fault(&self, what: &str) -> News {
        News::Fault(format!("the peer of {} {what}", self.name))
    }
}
