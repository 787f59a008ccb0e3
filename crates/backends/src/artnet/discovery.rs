//! Finds the nodes that want the universe: polls, and evaluates the replies.
//!
//! Several universes are several sessions on one port, and each receives all replies. A session therefore delays its
//! own poll while replies to polls of other sessions arrive. The delay is limited, because those replies may be
//! broadcasts from only some of the nodes.
//!
//! Anyone can reply from forged addresses. A node is confirmed when it has answered a second poll. The number of
//! unconfirmed nodes that receive the universe at a time is limited, and confirmed nodes are never replaced by new
//! ones.

use std::hash::Hash;
use std::net::IpAddr;

use crosspatch_core::{Duration, Instant};

use super::echoes::hash;
use super::wire::{ArtPollReply, PortAddress};

/// The time between two polls: 2.5 s to 3 s, as the specification requires.
const SHORTEST_POLL: Duration = Duration::from_millis(2_500);
const POLL_JITTER: Duration = Duration::from_millis(500);

/// The longest time between two polls, even if the next one is delayed.
const LONGEST_POLL: Duration = Duration::from_secs(10);

/// The time within which nodes answer a poll: a random delay of up to a second, plus the network.
const ANSWERS: Duration = Duration::from_millis(1_200);

/// A node that has not answered for this time is removed. Longer than a restart, so that a restarted node receives
/// levels at once.
const FORGOTTEN: Duration = Duration::from_secs(30);

/// The maximum number of node ports that receive the universe.
const MAX_NODES: usize = 256;

/// The maximum number of nodes that have answered only one poll. Art-Net requires unicast for up to this many nodes.
const MAX_NEW: usize = 40;

/// The minimum time between the answers to two different polls.
const SECOND_ANSWER: Duration = Duration::from_secs(2);

/// A new node that has not answered for this time can be replaced by another new node. Usually there was a second poll
/// by then.
const PATIENCE: Duration = Duration::from_millis(4_500);

/// The nodes that want the universe.
#[derive(Debug)]
pub(crate) struct SubscriberSearch {
    nodes: Vec<Node>,
    polled_at: Instant,
    poll_at: Option<Instant>,
    /// A different value in each session, so that sessions do not all poll at once.
    jitter: Duration,
}

#[derive(Debug)]
struct Node {
    ip: IpAddr,
    bind_index: u8,
    since: Instant,
    heard: Instant,
}

impl Node {
    /// Whether the node has answered only one poll.
    fn is_new(&self) -> bool {
        self.heard.since(self.since) < SECOND_ANSWER
    }
}

impl SubscriberSearch {
    /// No nodes yet. The seed is the name of the instance.
    pub(crate) fn new(seed: impl Hash) -> Self {
        let jitter = spread(seed, POLL_JITTER);
        Self { nodes: Vec::new(), polled_at: Instant::START, poll_at: None, jitter }
    }

    /// Starts polling. Called when the port has opened.
    pub(crate) fn start(&mut self, now: Instant) {
        self.polled_at = now;
        self.poll_at = Some(now + self.jitter);
    }

    /// Stops polling. Called when the port has closed, or if there is nothing to send.
    pub(crate) fn stop(&mut self) {
        self.poll_at = None;
    }

    /// Whether polls are sent.
    pub(crate) fn is_running(&self) -> bool {
        self.poll_at.is_some()
    }

    /// When the next poll is due.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.poll_at
    }

    /// Whether a poll is due.
    pub(crate) fn take_due(&mut self, now: Instant) -> bool {
        let is_due = self.poll_at.is_some_and(|at| at <= now);
        if is_due {
            self.nodes.retain(|node| now.since(node.heard) < FORGOTTEN);
            self.polled_at = now;
            self.poll_at = Some(now + SHORTEST_POLL + self.jitter);
        }
        is_due
    }

    /// Polls as soon as the answers to the last poll have had time to arrive. Called after data was lost, which may
    /// include an answer.
    pub(crate) fn hurry(&mut self) {
        let soonest = self.polled_at + ANSWERS;
        self.poll_at = self.poll_at.map(|at| at.min(soonest));
    }

    /// Handles a node's reply to any controller. Returns whether this is a new node that wants the universe.
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
            (None, true) if self.make_room(now) => {
                let is_new = self.nodes.iter().all(|node| node.ip != ip);
                self.nodes.push(Node { ip, bind_index: reply.bind_index, since: now, heard: now });
                return is_new;
            }
            (None, _) => {}
        }
        false
    }

    /// Makes room for a new node, if necessary by removing one that has not answered again. Returns whether there is
    /// room.
    fn make_room(&mut self, now: Instant) -> bool {
        let new = self.nodes.iter().filter(|node| node.is_new()).count();
        if new < MAX_NEW && self.nodes.len() < MAX_NODES {
            return true;
        }
        let silent = self.nodes.iter().position(|node| node.is_new() && now.since(node.heard) >= PATIENCE);
        silent.is_some_and(|at| {
            self.nodes.remove(at);
            true
        })
    }

    /// The addresses to send the universe to, each once.
    pub(crate) fn subscribers(&self) -> impl Iterator<Item = IpAddr> + '_ {
        let is_first = |at: usize| !self.nodes[..at].iter().any(|node| node.ip == self.nodes[at].ip);
        (0..self.nodes.len()).filter(move |&at| is_first(at)).map(|at| self.nodes[at].ip)
    }
}

/// A duration of up to `most` that depends only on the seed.
pub(crate) fn spread(seed: impl Hash, most: Duration) -> Duration {
    most.mul_f64((hash(seed) >> 11) as f64 / (1_u64 << 53) as f64)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::super::wire::{Packet, compose};
    use super::*;

    fn universe() -> PortAddress {
        PortAddress::new(0, 1)
    }

    fn ip(number: u16) -> IpAddr {
        let [high, low] = number.to_be_bytes();
        Ipv4Addr::new(10, 1, high, low).into()
    }

    /// A node answers a poll.
    fn answer(discovery: &mut SubscriberSearch, now: Instant, number: u16) -> bool {
        let bytes = compose("ArtPollReply 10.0.0.9 bind 1 \"node\" out 0:0:1").expect("a packet");
        let Ok(Packet::PollReply(reply)) = Packet::decode(&bytes) else { panic!("it is an answer") };
        discovery.handle_reply(now, ip(number), &reply, universe())
    }

    #[test]
    fn thousands_of_made_up_nodes_get_little_and_those_that_are_there_everything() {
        let mut discovery = SubscriberSearch::new("rack");
        let mut now = Instant::START + Duration::from_secs(10);
        // Sixty existing nodes: some are accepted at once, all after a few polls.
        for poll in 0..4 {
            for node in 0..60 {
                answer(&mut discovery, now, node);
            }
            assert_eq!(discovery.subscribers().count(), if poll == 0 { MAX_NEW } else { 60 }, "poll {poll}");
            now += Duration::from_secs(3);
        }
        for second in 0..20 {
            for fake in 0..1_000 {
                answer(&mut discovery, now, 1_000 + second * 200 + fake);
            }
            if second % 3 == 0 {
                for node in 0..60 {
                    answer(&mut discovery, now, node);
                }
            }
            now += Duration::from_secs(1);
        }
        let served: Vec<_> = discovery.subscribers().collect();
        assert!((0..60).all(|node| served.contains(&ip(node))), "those heard longest stay");
        assert!(served.len() <= MAX_NODES, "{} are served", served.len());
    }

    #[test]
    fn a_node_that_comes_during_a_flood_of_made_up_ones_gets_its_turn() {
        let (mut discovery, mut now) =
            (SubscriberSearch::new("rack"), Instant::START + Duration::from_secs(10));
        for fake in 0..4_000 {
            answer(&mut discovery, now, 1_000 + fake);
        }
        assert_eq!(discovery.subscribers().count(), MAX_NEW);
        assert!(!answer(&mut discovery, now, 1));
        now += PATIENCE;
        assert!(answer(&mut discovery, now, 1));
        assert!(discovery.subscribers().any(|node| node == ip(1)));
        assert_eq!(discovery.subscribers().count(), MAX_NEW);
    }
}
