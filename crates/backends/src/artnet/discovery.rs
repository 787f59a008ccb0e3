//! Who wants the universe: polling, and the answers of the nodes.
//!
//! Many universes are many sessions on one port, and each hears all answers. So a session puts its own poll off while answers
//! come that others have asked for, but not for long, since those may have come by broadcast from a part of the nodes only.

use std::hash::Hash;
use std::net::IpAddr;

use crosspatch_core::{Duration, Instant};

use super::echoes::hash;
use super::wire::{ArtPollReply, PortAddress};

/// Between two polls: 2.5 s to 3 s, as the specification has it.
const SHORTEST_POLL: Duration = Duration::from_millis(2_500);
const POLL_JITTER: Duration = Duration::from_millis(500);

/// A poll is put off no longer than this after the one before.
const LONGEST_POLL: Duration = Duration::from_secs(10);

/// Within this time nodes answer a poll: a second at random, and a little for the network.
const ANSWERS: Duration = Duration::from_millis(1_200);

/// A node that has not answered for so long is forgotten. Longer than a restart takes, so that it has its levels at once.
const FORGOTTEN: Duration = Duration::from_secs(30);

/// How many ports of nodes are sent the same universe.
const MAX_NODES: usize = 256;

/// Who wants the universe.
#[derive(Debug)]
pub(crate) struct Discovery {
    nodes: Vec<Node>,
    polled_at: Instant,
    poll_at: Option<Instant>,
    /// Different in each session, so that they do not all poll at once.
    jitter: Duration,
}

#[derive(Debug)]
struct Node {
    ip: IpAddr,
    bind_index: u8,
    heard: Instant,
}

impl Discovery {
    /// Nobody yet. The seed is the name of the instance.
    pub(crate) fn new(seed: impl Hash) -> Self {
        let jitter = spread(seed, POLL_JITTER);
        Self { nodes: Vec::new(), polled_at: Instant::START, poll_at: None, jitter }
    }

    /// The port is open: polls begin.
    pub(crate) fn start(&mut self, now: Instant) {
        self.polled_at = now;
        self.poll_at = Some(now + self.jitter);
    }

    /// The port is gone, or there is nothing to send.
    pub(crate) fn stop(&mut self) {
        self.poll_at = None;
    }

    /// Whether there are polls.
    pub(crate) fn is_running(&self) -> bool {
        self.poll_at.is_some()
    }

    /// When something is to be done.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.poll_at
    }

    /// Whether it is time for a poll.
    pub(crate) fn take_due(&mut self, now: Instant) -> bool {
        let is_due = self.poll_at.is_some_and(|at| at <= now);
        if is_due {
            self.nodes.retain(|node| now.since(node.heard) < FORGOTTEN);
            self.polled_at = now;
            self.poll_at = Some(now + SHORTEST_POLL + self.jitter);
        }
        is_due
    }

    /// Something was lost, perhaps an answer: the next poll comes as soon as those to the last one have had their time.
    pub(crate) fn hurry(&mut self) {
        let soonest = self.polled_at + ANSWERS;
        self.poll_at = self.poll_at.map(|at| at.min(soonest));
    }

    /// A node has answered somebody. Returns whether it is a new one that wants the universe.
    pub(crate) fn handle_reply(
        &mut self,
        now: Instant,
        ip: IpAddr,
        reply: &ArtPollReply<'_>,
        universe: PortAddress,
    ) -> bool {
        if let Some(poll_at) = self.poll_at.filter(|_| now.since(self.polled_at) > ANSWERS) {
            let latest = self.polled_at + LONGEST_POLL + self.jitter;
            self.poll_at = Some((now + SHORTEST_POLL + self.jitter).min(latest).max(poll_at));
        }
        let known = self.nodes.iter().position(|node| (node.ip, node.bind_index) == (ip, reply.bind_index));
        let is_wanted = reply.wanted().any(|wanted| wanted == universe);
        match (known, is_wanted) {
            (Some(at), true) => self.nodes[at].heard = now,
            (Some(at), false) => drop(self.nodes.remove(at)),
            (None, true) if self.nodes.len() < MAX_NODES => {
                let is_new = self.nodes.iter().all(|node| node.ip != ip);
                self.nodes.push(Node { ip, bind_index: reply.bind_index, heard: now });
                return is_new;
            }
            (None, _) => {}
        }
        false
    }

    /// Whom to send the universe, each once.
    pub(crate) fn subscribers(&self) -> impl Iterator<Item = IpAddr> + '_ {
        let is_first = |at: usize| !self.nodes[..at].iter().any(|node| node.ip == self.nodes[at].ip);
        (0..self.nodes.len()).filter(move |&at| is_first(at)).map(|at| self.nodes[at].ip)
    }
}

/// A part of `most` that depends on nothing but the seed.
pub(crate) fn spread(seed: impl Hash, most: Duration) -> Duration {
    most.mul_f64((hash(seed) >> 11) as f64 / (1_u64 << 53) as f64)
}
