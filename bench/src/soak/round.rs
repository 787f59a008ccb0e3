//! A round of the soak: receives values, supervises and disturbs shows, moves faders and keys.

use std::sync::atomic::Ordering;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use super::attacks::ATTACKS;
use super::channel::Path;
use super::count::Stroke;
use super::disturb::{Harm, PlannedDisturbance, Trick};
use super::link::{ControlLink, LinkEvent, LinkEventKind, ObservedItem};
use super::peer::News;
use super::rig::{Rig, RoundMode};

/// How long a round takes.
const ROUND: Duration = Duration::from_millis(5);

impl Rig {
    /// Runs one round: receives values, supervises the shows, disturbs them, and moves the controls.
    pub(super) fn round(&mut self, mode: RoundMode) -> Result<()> {
        let end = Instant::now() + ROUND;
        loop {
            match self.events.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(event) => self.handle_event(event),
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => bail!("nobody listens any more"),
            }
        }
        ensure!(!self.interrupted.load(Ordering::Relaxed), "interrupted");
        if !self.subject.runs() {
            bail!("the subject has ended");
        }
        if self.subject.link.is_none() {
            self.subject.link = self.links.connect(self.hand_port);
            if self.subject.link.is_some() {
                self.send_all(|spec| spec != Path::Back, None);
            }
        }
        let suffers = mode == RoundMode::Suffers;
        // Values that a peer sends by UDP before the subject is up are lost.
        let peers = if self.subject.link.is_some() { self.peers.len() } else { 0 };
        for at in 0..peers {
            let now = self.now();
            if let Some(news) = self.peers[at].step(now, suffers, &mut self.links)? {
                self.handle_news(at, news);
            }
        }
        let now = self.now();
        self.fuzz_traffic.leaves(now);
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
        if mode != RoundMode::Rests {
            self.move_all();
        }
        self.strike_all(mode != RoundMode::Rests);
        self.flush();
        Ok(())
    }

    fn handle_event(&mut self, event: LinkEvent) {
        let now = self.now();
        let is_subject = self.subject.link.as_ref().is_some_and(|link| link.id == event.link);
        let is_known = is_subject || self.peers.iter_mut().any(|peer| peer.handle_event(now, event));
        match event.what {
            // The last messages of a show that has been killed.
            LinkEventKind::Heard { .. } if !is_known => {}
            LinkEventKind::Heard { seen: ObservedItem::Count(at), value } => {
                self.counts[at].handle_message(value)
            }
            LinkEventKind::Heard { seen: ObservedItem::Channel(channel), value } => {
                let channel = &mut self.channels[channel];
                channel.handle_value(value);
                if is_subject && let Some(peer) = self.peer_of[channel.spec.family] {
                    self.peers[peer].note_arrival(1, now);
                }
            }
            LinkEventKind::Closed if is_subject => {
                self.subject.link = None;
                self.faults.push("the subject closed the connection of its hand".into());
            }
            LinkEventKind::Closed => {}
        }
    }

    fn handle_news(&mut self, at: usize, news: News) {
        let (family, name) = (self.peers[at].family, self.peers[at].name);
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
                // Values of the previous show are outdated, and this one starts by sending all its states.
                for channel in &mut self.channels {
                    if channel.spec.family == family && channel.spec.direction == Path::Out {
                        channel.forget();
                    }
                }
                self.send_all(|direction| direction == Path::Back, Some(family));
            }
            News::Fault(fault) => self.faults.push(fault),
        }
    }

    fn play(&mut self, trick: PlannedDisturbance<Trick>, now: Duration) -> Result<()> {
        let word = match trick.what {
            Trick::Change => {
                self.subject.reload(|texts| &texts.changed)?;
                "changed the file"
            }
            Trick::Restore => {
                self.subject.reload(|texts| &texts.whole)?;
                "restored the file"
            }
            Trick::Break => {
                self.subject.reload(|texts| &texts.broken)?;
                "broke the file"
            }
            Trick::Garbage => {
                self.fuzz_traffic.sends_garbage();
                "sent garbage"
            }
            Trick::Connections => {
                self.fuzz_traffic.connects(now + trick.lasts);
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
            let peer = self.peer_of[spec.family];
            let calm = match (spec.direction, peer) {
                (Path::Here, _) | (_, None) => Some(0),
                (Path::Out, Some(peer)) => self.peers[peer].calm(0, now),
                (Path::Back, Some(peer)) => {
                    // The faders of a show that is down are not held.
                    if self.peers[peer].hand().is_none() {
                        continue;
                    }
                    self.peers[peer].calm(1, now)
                }
            };
            if self.channels[at].moves(now, calm) {
                self.send(at);
            }
        }
    }

    /// Sends the due messages on all paths on which messages are counted.
    fn strike_all(&mut self, plays: bool) {
        let now = self.now();
        for at in 0..self.counts.len() {
            let ends = self.ends(at, now);
            let count = &mut self.counts[at];
            let strokes = count.step(now, ends, plays);
            let link = match count.spec.ends[0].and_then(|family| self.peer_of[family]) {
                Some(peer) => self.peers[peer].hand(),
                None => self.subject.link.as_mut(),
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

    /// Sends the state of channels in these directions, of all families or of one.
    fn send_all(&mut self, goes: fn(Path) -> bool, family: Option<usize>) {
        for at in 0..self.channels.len() {
            let spec = &self.channels[at].spec;
            if goes(spec.direction) && family.is_none_or(|family| family == spec.family) {
                self.send(at);
            }
        }
    }

    pub(super) fn send(&mut self, at: usize) {
        let channel = &mut self.channels[at];
        let link = match (channel.spec.direction, self.peer_of[channel.spec.family]) {
            (Path::Back, Some(peer)) => self.peers[peer].hand(),
            _ => self.subject.link.as_mut(),
        };
        if let Some(link) = link {
            link.set(&channel.set, channel.source());
            channel.sets += 1;
        }
    }

    fn flush(&mut self) {
        if let Some(Err(error)) = self.subject.link.as_mut().map(ControlLink::flush) {
            self.subject.link = None;
            self.faults.push(format!("the subject does not take what its hand says: {error}"));
        }
        for peer in &mut self.peers {
            // A show that ends while values are sent to it receives them again when it is back.
            let _ = peer.hand().map(ControlLink::flush);
        }
    }
}
