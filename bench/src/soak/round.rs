//! A round of the soak: what came is heard, shows are looked after and disturbed, faders and keys are moved.

use std::sync::atomic::Ordering;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use super::attacks::ATTACKS;
use super::channel::Direction;
use super::count::Stroke;
use super::disturb::{Harm, Planned, Trick};
use super::far::News;
use super::link::{Event, Link, Seen, What};
use super::rig::{Mode, Rig};

/// How long a round takes.
const ROUND: Duration = Duration::from_millis(5);

impl Rig {
    /// Goes round once: hears what came, looks after the shows, disturbs them, moves what is to move.
    pub(super) fn round(&mut self, mode: Mode) -> Result<()> {
        let end = Instant::now() + ROUND;
        loop {
            match self.events.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(event) => self.handle_event(event),
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => bail!("nobody listens any more"),
            }
        }
        ensure!(!self.interrupted.load(Ordering::Relaxed), "interrupted");
        if !self.near.runs() {
            bail!("the near show has ended");
        }
        if self.near.link.is_none() {
            self.near.link = self.wires.connect(self.hand_port);
            if self.near.link.is_some() {
                self.tell_all(|spec| spec != Direction::Back, None);
            }
        }
        let suffers = mode == Mode::Suffers;
        // What a far show says by UDP before anybody hears it is lost.
        let fars = if self.near.link.is_some() { self.fars.len() } else { 0 };
        for at in 0..fars {
            let now = self.now();
            if let Some(news) = self.fars[at].step(now, suffers, &mut self.wires)? {
                self.handle_news(at, news);
            }
        }
        let now = self.now();
        self.stranger.leaves(now);
        if suffers && let Some(trick) = self.tricks.due(now) {
            self.play(trick, now)?;
        }
        self.faults.extend(self.attacks.step(now));
        if suffers
            && self.attacks.rest()
            && let Some(attack) = self.attack_plan.due(now)
        {
            self.attacks.begin(attack.what, attack.lasts)?;
            self.done.push(ATTACKS[attack.what].name.to_owned());
        }
        if mode != Mode::Rests {
            self.move_all();
        }
        self.strike_all(mode != Mode::Rests);
        self.flush();
        Ok(())
    }

    fn handle_event(&mut self, event: Event) {
        let now = self.now();
        let is_near = self.near.link.as_ref().is_some_and(|link| link.id == event.link);
        let is_known = is_near || self.fars.iter_mut().any(|far| far.handle_event(now, event));
        match event.what {
            // The last words of a show that was killed since.
            What::Heard { .. } if !is_known => {}
            What::Heard { seen: Seen::Count(at), value } => self.counts[at].handle_heard(value),
            What::Heard { seen: Seen::Channel(channel), value } => {
                let channel = &mut self.channels[channel];
                channel.handle_heard(value);
                if is_near && let Some(far) = self.far_of[channel.spec.family] {
                    self.fars[far].note_heard(1, now);
                }
            }
            What::Closed if is_near => {
                self.near.link = None;
                self.faults.push("the near show closed the connection of its hand".into());
            }
            What::Closed => {}
        }
    }

    fn handle_news(&mut self, at: usize, news: News) {
        let (family, name) = (self.fars[at].family, self.fars[at].name);
        match news {
            News::Harmed(harm) => {
                let word = match harm {
                    Harm::Kill => "killed",
                    Harm::End => "ended",
                    Harm::Freeze => "stopped",
                };
                self.done.push(format!("{word} {name}"));
            }
            News::Connected => {
                // What the show before it had told is of the past, and this one begins with telling all it knows.
                for channel in &mut self.channels {
                    if channel.spec.family == family && channel.spec.direction == Direction::Out {
                        channel.forget();
                    }
                }
                self.tell_all(|direction| direction == Direction::Back, Some(family));
            }
            News::Fault(fault) => self.faults.push(fault),
        }
    }

    fn play(&mut self, trick: Planned<Trick>, now: Duration) -> Result<()> {
        let word = match trick.what {
            Trick::Change => {
                self.near.reload(|texts| &texts.changed)?;
                "changed the file"
            }
            Trick::Restore => {
                self.near.reload(|texts| &texts.whole)?;
                "restored the file"
            }
            Trick::Break => {
                self.near.reload(|texts| &texts.broken)?;
                "broke the file"
            }
            Trick::Garbage => {
                self.stranger.sends_garbage();
                "sent garbage"
            }
            Trick::Connections => {
                self.stranger.connects(now + trick.lasts);
                "left connections"
            }
        };
        self.done.push(word.to_owned());
        Ok(())
    }

    fn move_all(&mut self) {
        let now = self.now();
        for at in 0..self.channels.len() {
            let spec = &self.channels[at].spec;
            let far = self.far_of[spec.family];
            let calm = match (spec.direction, far) {
                (Direction::Here, _) | (_, None) => Some(0),
                (Direction::Out, Some(far)) => self.fars[far].calm(0, now),
                (Direction::Back, Some(far)) => {
                    // Nobody holds the faders of a show that is not there.
                    if self.fars[far].hand().is_none() {
                        continue;
                    }
                    self.fars[far].calm(1, now)
                }
            };
            if self.channels[at].moves(now, calm) {
                self.tell(at);
            }
        }
    }

    /// Says what is to be said on the ways on which messages are counted.
    fn strike_all(&mut self, plays: bool) {
        let now = self.now();
        for at in 0..self.counts.len() {
            let ends = self.ends(at, now);
            let count = &mut self.counts[at];
            let strokes = count.step(now, ends, plays);
            let link = match count.spec.ends[0].and_then(|family| self.far_of[family]) {
                Some(far) => self.fars[far].hand(),
                None => self.near.link.as_mut(),
            };
            let Some(link) = link else { continue };
            for _ in 0..strokes {
                match count.spec.stroke {
                    Stroke::Level => link.set(&count.set, count.level()),
                    Stroke::Text => link.say(&count.set, &format!("Go+ {}", count.level())),
                    Stroke::Press => link.set(&count.set, 1.0),
                    Stroke::Click => {
                        link.set(&count.set, 1.0);
                        link.set(&count.set, 0.0);
                    }
                }
            }
        }
    }

    /// Tells the state of channels that go these ways, of all families or of one.
    fn tell_all(&mut self, goes: fn(Direction) -> bool, family: Option<usize>) {
        for at in 0..self.channels.len() {
            let spec = &self.channels[at].spec;
            if goes(spec.direction) && family.is_none_or(|family| family == spec.family) {
                self.tell(at);
            }
        }
    }

    pub(super) fn tell(&mut self, at: usize) {
        let channel = &mut self.channels[at];
        let link = match (channel.spec.direction, self.far_of[channel.spec.family]) {
            (Direction::Back, Some(far)) => self.fars[far].hand(),
            _ => self.near.link.as_mut(),
        };
        if let Some(link) = link {
            link.set(&channel.set, channel.source());
            channel.sets += 1;
        }
    }

    fn flush(&mut self) {
        if let Some(Err(error)) = self.near.link.as_mut().map(Link::flush) {
            self.near.link = None;
            self.faults.push(format!("the near show does not take what its hand says: {error}"));
        }
        for far in &mut self.fars {
            // A show that goes while it is told something is told again when it is back.
            let _ = far.hand().map(Link::flush);
        }
    }
}
