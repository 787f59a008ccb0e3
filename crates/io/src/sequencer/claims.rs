//! Assigns devices to sessions, where several devices have the same name.
//!
//! A session that names a device by its name alone has it exclusively, unless a session without a device names it more
//! exactly. When two devices of one kind return, each session receives its previous one, by serial number or by USB
//! socket.

use std::collections::BTreeMap;

use crosspatch_core::{Direction, MidiDevice, MidiPresent, SessionId};

/// Who has which device, and who had which.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    wishes: BTreeMap<(SessionId, Direction), MidiDevice>,
    taken: BTreeMap<(SessionId, Direction), (u8, u8)>,
    had: BTreeMap<(SessionId, Direction), (String, u8)>,
}

impl Claims {
    /// Claims a device for a session.
    pub(crate) fn want(&mut self, session: SessionId, direction: Direction, device: &MidiDevice) {
        self.wishes.insert((session, direction), device.clone());
    }

    /// The device that is meant, among those that are there.
    pub(crate) fn choose<'a>(
        &self,
        session: SessionId,
        direction: Direction,
        device: &MidiDevice,
        present: &'a [MidiPresent],
    ) -> Option<&'a MidiPresent> {
        let is_free = |candidate: &&MidiPresent| {
            let address = (candidate.client, candidate.port);
            !matches!(device, MidiDevice::Name(..))
                || !self
                    .taken
                    .iter()
                    .any(|((other, way), taken)| *other != session && *way == direction && *taken == address)
        };
        let own = self.taken.iter().find(|((other, _), _)| *other == session).map(|(_, taken)| taken.0);
        let is_wanted_more = |candidate: &MidiPresent| {
            self.wishes.iter().any(|(wish, other)| {
                wish.0 != session
                    && wish.1 == direction
                    && exactness(other) > exactness(device)
                    && other.matches(candidate)
                    && !self.taken.contains_key(wish)
            })
        };
        let candidates = present
            .iter()
            .filter(|candidate| device.matches(candidate) && !is_wanted_more(candidate))
            .filter(is_free);
        candidates
            .filter_map(|candidate| {
                let rank = match candidate.identity() {
                    _ if own == Some(candidate.client) => 0,
                    Some(identity) if self.had_by((session, direction), identity) => 1,
                    Some(identity)
                        if matches!(device, MidiDevice::Name(..))
                            && self.is_missed((session, direction), identity) =>
                    {
                        return None;
                    }
                    Some(_) | None => 2,
                };
                Some((rank, candidate))
            })
            .min_by_key(|(rank, _)| *rank)
            .map(|(_, candidate)| candidate)
    }

    /// The session has the device.
    pub(crate) fn take(&mut self, session: SessionId, direction: Direction, device: &MidiPresent) {
        self.taken.insert((session, direction), (device.client, device.port));
        if let Some((identity, port)) = device.identity() {
            self.had.insert((session, direction), (identity.to_owned(), port));
        }
    }

    /// Releases a device.
    pub(crate) fn let_go(&mut self, session: SessionId, direction: Direction) {
        self.wishes.remove(&(session, direction));
        self.release(session, direction);
    }

    /// The device has disappeared.
    pub(crate) fn release(&mut self, session: SessionId, direction: Direction) {
        self.taken.remove(&(session, direction));
    }

    /// The session has ended.
    pub(crate) fn forget(&mut self, session: SessionId) {
        self.taken.retain(|(other, _), _| *other != session);
        self.had.retain(|(other, _), _| *other != session);
        self.wishes.retain(|(other, _), _| *other != session);
    }

    fn had_by(&self, wish: (SessionId, Direction), (identity, port): (&str, u8)) -> bool {
        self.had.get(&wish).is_some_and(|(had, had_port)| had == identity && *had_port == port)
    }

    /// Whether another session had the device and has none in its place.
    fn is_missed(&self, (session, direction): (SessionId, Direction), identity: (&str, u8)) -> bool {
        let has_none = |wish: &(SessionId, Direction)| !self.taken.contains_key(wish);
        self.had.keys().any(|wish| {
            wish.0 != session && wish.1 == direction && self.had_by(*wish, identity) && has_none(wish)
        })
    }
}

/// How exactly a device is named.
fn exactness(device: &MidiDevice) -> usize {
    match device {
        MidiDevice::Name(name, port) => 2 * name.len() + usize::from(port.is_some()),
        MidiDevice::Address(..) | MidiDevice::Usb(..) | MidiDevice::Serial(..) => usize::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEFT: SessionId = SessionId(1);
    const RIGHT: SessionId = SessionId(2);

    fn nano(client: u8, usb: &str) -> MidiPresent {
        let (client_name, port_name) = ("nanoKONTROL2".to_owned(), "nanoKONTROL2 MIDI 1".to_owned());
        let usb = Some(usb.to_owned()).filter(|usb| !usb.is_empty());
        MidiPresent { client, port: 0, client_name, port_name, usb, serial: None }
    }

    /// Both directions of a session look for the device. Returns the number of the one found.
    fn join(claims: &mut Claims, session: SessionId, device: &str, present: &[MidiPresent]) -> Option<u8> {
        let Ok(device) = device.parse();
        let found = [Direction::Input, Direction::Output].map(|direction| {
            claims.want(session, direction, &device);
            let chosen = claims.choose(session, direction, &device, present)?;
            claims.take(session, direction, chosen);
            Some(chosen.client)
        });
        assert_eq!(found[0], found[1], "a session has one device");
        found[0]
    }

    fn pull(claims: &mut Claims, session: SessionId) {
        for direction in [Direction::Input, Direction::Output] {
            claims.release(session, direction);
        }
    }

    #[test]
    fn two_of_a_kind_go_to_two_sessions_and_come_back_to_them_in_any_order() {
        let mut claims = Claims::default();
        let both = [nano(20, "1-1"), nano(24, "1-2")];
        assert_eq!(join(&mut claims, LEFT, "nano", &both), Some(20));
        assert_eq!(join(&mut claims, RIGHT, "nano", &both), Some(24));
        pull(&mut claims, LEFT);
        pull(&mut claims, RIGHT);
        // The second returns first, with the number of the first.
        let second = [nano(20, "1-2")];
        assert_eq!(join(&mut claims, LEFT, "nano", &second), None);
        assert_eq!(join(&mut claims, RIGHT, "nano", &second), Some(20));
        let both = [nano(20, "1-2"), nano(28, "1-1")];
        assert_eq!(join(&mut claims, LEFT, "nano", &both), Some(28));
    }

    #[test]
    fn one_that_is_plugged_in_elsewhere_is_taken_by_whom_it_lacks() {
        let mut claims = Claims::default();
        let both = [nano(20, "1-1"), nano(24, "1-2")];
        join(&mut claims, LEFT, "nano", &both);
        join(&mut claims, RIGHT, "nano", &both);
        pull(&mut claims, LEFT);
        assert_eq!(join(&mut claims, LEFT, "nano", &[nano(24, "1-2")]), None);
        assert_eq!(join(&mut claims, LEFT, "nano", &[nano(24, "1-2"), nano(20, "1-4")]), Some(20));
    }

    #[test]
    fn a_device_that_is_named_exactly_may_have_several_sessions() {
        let mut claims = Claims::default();
        let only = [nano(20, "1-1")];
        assert_eq!(join(&mut claims, LEFT, "nano", &only), Some(20));
        assert_eq!(join(&mut claims, RIGHT, "nano", &only), None);
        assert_eq!(join(&mut claims, RIGHT, "usb:1-1", &only), Some(20));
        claims.forget(LEFT);
        assert_eq!(join(&mut claims, SessionId(3), "20:0", &only), Some(20));
    }

    #[test]
    fn who_names_a_device_more_exactly_has_it_before_others() {
        let mut claims = Claims::default();
        assert_eq!(join(&mut claims, LEFT, "nanoKONTROL2", &[]), None);
        assert_eq!(join(&mut claims, RIGHT, "nano", &[nano(20, "")]), None);
        assert_eq!(join(&mut claims, RIGHT, "nano", &[nano(20, ""), nano(24, "")]), None);
        assert_eq!(join(&mut claims, LEFT, "nanoKONTROL2", &[nano(20, ""), nano(24, "")]), Some(20));
        assert_eq!(join(&mut claims, RIGHT, "nano", &[nano(20, ""), nano(24, "")]), Some(24));
        pull(&mut claims, LEFT);
        pull(&mut claims, RIGHT);
        for direction in [Direction::Input, Direction::Output] {
            claims.let_go(LEFT, direction);
        }
        assert_eq!(join(&mut claims, RIGHT, "nano", &[nano(20, "")]), Some(20));
    }

    #[test]
    fn devices_without_an_identity_are_taken_in_the_order_of_their_numbers() {
        let mut claims = Claims::default();
        let both = [nano(20, ""), nano(24, "")];
        assert_eq!(join(&mut claims, LEFT, "nano", &both), Some(20));
        assert_eq!(join(&mut claims, RIGHT, "nano", &both), Some(24));
    }
}
