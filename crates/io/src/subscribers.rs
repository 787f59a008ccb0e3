//! The sessions that share a UDP socket, and the selection of the receivers of each datagram.
//!
//! A hundred universes on one port are a hundred sessions, and each selects its own datagrams by two bytes. So the
//! sessions are found by those bytes, and the cost of a datagram does not grow with the number of other sessions.

use std::collections::BTreeMap;

use crosspatch_core::{Port, Selection, SessionId};
use rustc_hash::FxHashMap;

use crate::runner::Owner;

/// The sessions that use one socket, in the order in which they joined.
#[derive(Debug, Default)]
pub(crate) struct Subscribers {
    all: BTreeMap<u64, Subscriber>,
    numbers: BTreeMap<Owner, u64>,
    last_number: u64,
    /// Those that get every datagram.
    unselective: SubscriberList,
    selective: Vec<Selective>,
}

#[derive(Debug)]
struct Subscriber {
    owner: Owner,
    selection: Option<Selection>,
    /// Whether it has been notified that the socket is open. Until then it is in no list and receives nothing.
    is_announced: bool,
}

/// Subscribers in their order.
type SubscriberList = Vec<(u64, Owner)>;

/// Subscribers that select by the same two bytes of the same kind of datagram.
#[derive(Debug)]
struct Selective {
    /// The selection of one of them.
    sample: Selection,
    /// The receivers of datagrams of other kinds.
    all: SubscriberList,
    by_whom: FxHashMap<u16, SubscriberList>,
}

/// A subscriber that a datagram is for.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct MatchedSubscriber {
    pub(crate) owner: Owner,
    /// Where to look for the next one.
    pub(crate) next: u64,
    pub(crate) is_last: bool,
}

impl Subscribers {
    /// A session uses the socket.
    pub(crate) fn join(&mut self, owner: Owner, selection: Option<Selection>) {
        self.leave(owner);
        self.last_number += 1;
        self.numbers.insert(owner, self.last_number);
        self.all.insert(self.last_number, Subscriber { owner, selection, is_announced: false });
    }

    /// A session has been notified that the socket is open.
    pub(crate) fn announce(&mut self, owner: Owner) {
        let Some(number) = self.numbers.get(&owner) else { return };
        let Some(subscriber) = self.all.get_mut(number) else { return };
        if std::mem::replace(&mut subscriber.is_announced, true) {
            return;
        }
        let entry = (*number, owner);
        let Some(selection) = subscriber.selection else { return insert(&mut self.unselective, entry) };
        let at = self.selective.iter().position(|group| group.is_of(&selection)).unwrap_or_else(|| {
            let (all, by_whom) = (SubscriberList::new(), FxHashMap::default());
            self.selective.push(Selective { sample: selection, all, by_whom });
            self.selective.len() - 1
        });
        let group = &mut self.selective[at];
        insert(&mut group.all, entry);
        insert(group.by_whom.entry(key(selection.whom.1)).or_default(), entry);
    }

    /// A session does not use the socket any more. Returns the first one that still does.
    pub(crate) fn leave(&mut self, owner: Owner) -> Option<Owner> {
        if let Some(number) = self.numbers.remove(&owner)
            && let Some(subscriber) = self.all.remove(&number)
        {
            let Some(selection) = subscriber.selection else {
                remove(&mut self.unselective, number);
                return self.first();
            };
            for group in self.selective.iter_mut().filter(|group| group.is_of(&selection)) {
                remove(&mut group.all, number);
                let Some(list) = group.by_whom.get_mut(&key(selection.whom.1)) else { continue };
                remove(list, number);
                if list.is_empty() {
                    group.by_whom.remove(&key(selection.whom.1));
                }
            }
            self.selective.retain(|group| !group.all.is_empty());
        }
        self.first()
    }

    fn first(&self) -> Option<Owner> {
        self.all.first_key_value().map(|(_, subscriber)| subscriber.owner)
    }

    /// The first subscriber of a datagram, starting at the position that the last [`MatchedSubscriber`] contains, or at
    /// 0.
    #[inline]
    pub(crate) fn find(&self, datagram: &[u8], from: u64) -> Option<MatchedSubscriber> {
        let mut found = first_in(&self.unselective, from);
        for group in &self.selective {
            let Some(other) = group.list(datagram).and_then(|list| first_in(list, from)) else { continue };
            found = Some(match found {
                Some(found) if found.next < other.next => MatchedSubscriber { is_last: false, ..found },
                Some(_) => MatchedSubscriber { is_last: false, ..other },
                None => other,
            });
        }
        found
    }

    /// Whether the session uses the socket.
    pub(crate) fn has(&self, session: SessionId) -> bool {
        let [first, last] = [0, u16::MAX].map(|port| Owner { session, port: Port(port) });
        self.numbers.range(first..=last).next().is_some()
    }

    /// All subscribers that have been notified that the socket is open.
    pub(crate) fn announced(&self) -> Vec<Owner> {
        let announced = self.all.values().filter(|subscriber| subscriber.is_announced);
        announced.map(|subscriber| subscriber.owner).collect()
    }
}

/// The look-up of the sessions that share a socket, without the socket. For measuring it.
#[derive(Debug, Default)]
pub struct ReceiverLookup {
    subscribers: Subscribers,
}

impl ReceiverLookup {
    /// A session uses the socket.
    pub fn add(&mut self, session: SessionId, selection: Option<Selection>) {
        let owner = Owner { session, port: Port(0) };
        self.subscribers.join(owner, selection);
        self.subscribers.announce(owner);
    }

    /// Calls `each` with every session that a datagram is for.
    #[inline]
    pub fn find(&self, datagram: &[u8], mut each: impl FnMut(SessionId)) {
        let mut next = 0;
        while let Some(found) = self.subscribers.find(datagram, next) {
            each(found.owner.session);
            if found.is_last {
                break;
            }
            next = found.next;
        }
    }
}

impl Selective {
    /// Those that a datagram is for.
    #[inline]
    fn list(&self, datagram: &[u8]) -> Option<&SubscriberList> {
        match self.sample.whom_in(datagram) {
            Some(whom) => self.by_whom.get(&key(whom)),
            None => Some(&self.all),
        }
    }

    fn is_of(&self, selection: &Selection) -> bool {
        (self.sample.kind, self.sample.whom.0) == (selection.kind, selection.whom.0)
    }
}

fn key(whom: [u8; 2]) -> u16 {
    u16::from_be_bytes(whom)
}

#[inline]
fn first_in(list: &SubscriberList, from: u64) -> Option<MatchedSubscriber> {
    // A list is mostly short, and mostly all of it is to come.
    let start = match list.first() {
        Some((number, _)) if *number >= from => 0,
        _ => list.partition_point(|(number, _)| *number < from),
    };
    let (number, owner) = *list.get(start)?;
    Some(MatchedSubscriber { owner, next: number + 1, is_last: start + 1 == list.len() })
}

fn insert(list: &mut SubscriberList, entry: (u64, Owner)) {
    list.insert(list.partition_point(|(number, _)| *number < entry.0), entry);
}

fn remove(list: &mut SubscriberList, number: u64) {
    if let Ok(at) = list.binary_search_by_key(&number, |(number, _)| *number) {
        list.remove(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(number: u64) -> Owner {
        Owner { session: SessionId(number), port: Port(0) }
    }

    fn universe(number: u16) -> Option<Selection> {
        Some(Selection { kind: (0, *b"dm"), whom: (2, number.to_be_bytes()) })
    }

    fn datagram(number: u16) -> Vec<u8> {
        [*b"dm", number.to_be_bytes()].concat()
    }

    fn found(subscribers: &Subscribers, datagram: &[u8]) -> Vec<u64> {
        let (mut found, mut next) = (Vec::new(), 0);
        while let Some(subscriber) = subscribers.find(datagram, next) {
            found.push(subscriber.owner.session.0);
            next = subscriber.next;
            assert_eq!(subscriber.is_last, subscribers.find(datagram, next).is_none());
        }
        found
    }

    #[test]
    fn a_datagram_for_one_of_a_thousand_universes_is_compared_with_none_of_the_others() {
        let mut subscribers = Subscribers::default();
        for number in 0..1000 {
            subscribers.join(owner(number), universe(number as u16));
            subscribers.announce(owner(number));
        }
        subscribers.join(owner(5000), None);
        subscribers.announce(owner(5000));
        for number in [0, 1, 500, 999] {
            let lists = subscribers.selective.iter().filter_map(|group| group.list(&datagram(number)));
            assert_eq!(lists.map(Vec::len).collect::<Vec<_>>(), [1], "universe {number}");
            assert_eq!(found(&subscribers, &datagram(number)), [number.into(), 5000]);
        }
        assert_eq!(found(&subscribers, &datagram(1000)), [5000]);
        assert_eq!(found(&subscribers, b"op").len(), 1001, "every session gets the other kinds");
    }

    #[test]
    fn subscribers_are_found_in_the_order_in_which_they_joined_however_they_select() {
        let selections = [
            None,
            universe(1),
            universe(2),
            Some(Selection { kind: (0, *b"sy"), whom: (2, [0, 1]) }),
            universe(1),
            Some(Selection { kind: (1, *b"m\0"), whom: (3, [1, 7]) }),
            None,
        ];
        let mut subscribers = Subscribers::default();
        let mut expected = Vec::new();
        let datagrams =
            [datagram(1), datagram(2), b"sy\0\x01".to_vec(), b"dm\0\x01\x07".to_vec(), b"d".to_vec()];
        for step in 0..200_u64 {
            // Some leave and return last, and they are notified in another order.
            let (number, selection) = (step * 7 % 40, selections[(step % 7) as usize]);
            subscribers.join(owner(number), selection);
            expected.retain(|(other, _)| *other != number);
            expected.push((number, selection));
            if step % 5 == 4 {
                expected.iter().rev().for_each(|(number, _)| subscribers.announce(owner(*number)));
                for datagram in &datagrams {
                    let takes = |selection: &Option<Selection>| selection.is_none_or(|it| it.takes(datagram));
                    let all = expected.iter().filter(|(_, selection)| takes(selection));
                    let all: Vec<_> = all.map(|(number, _)| *number).collect();
                    assert_eq!(found(&subscribers, datagram), all, "step {step}, {datagram:?}");
                }
            }
        }
        for (number, _) in std::mem::take(&mut expected) {
            assert!(subscribers.has(SessionId(number)));
            subscribers.leave(owner(number));
        }
        assert_eq!(subscribers.leave(owner(0)), None);
        assert!(subscribers.selective.is_empty() && subscribers.unselective.is_empty());
    }

    #[test]
    fn a_session_that_does_not_know_that_the_socket_is_open_gets_nothing() {
        let mut subscribers = Subscribers::default();
        subscribers.join(owner(1), universe(1));
        subscribers.join(owner(2), None);
        assert_eq!((found(&subscribers, &datagram(1)), subscribers.announced()), (vec![], vec![]));
        subscribers.announce(owner(2));
        assert_eq!((found(&subscribers, &datagram(1)), subscribers.announced()), (vec![2], vec![owner(2)]));
        assert_eq!(subscribers.leave(owner(2)), Some(owner(1)), "the socket belongs to the next one");
    }
}
