//! The identity of a source: a component identifier (CID) that is stable across restarts and unique to this machine.
//!
//! Without `cid`, the identifier is derived from the machine's identity, the name of the instance and the universe: the
//! first ten bytes from the machine alone, so that the machine recognizes its own sources, the last six from all three.
//! It is a UUID of version 8 (RFC 9562, 5.8). Each sending instance is thus a source of its own, with its own list of
//! universes, and two machines that run copies of one configuration have different identifiers.

use md5::{Digest, Md5};

use super::wire::Cid;

/// The number of leading bytes that all sources of a machine have in common.
const COMMON: usize = 10;

/// The identifier of this instance, and how to recognize other instances of this machine.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) cid: Cid,
    is_derived: bool,
}

impl Identity {
    /// The identifier from the configuration. All instances share it.
    pub(crate) fn given(cid: Cid) -> Self {
        Self { cid, is_derived: false }
    }

    /// The identifier derived for an instance on a machine.
    pub(crate) fn derived(machine: &[u8], instance: &str, universe: u16) -> Self {
        let of_machine = Md5::new().chain_update(b"crosspatch").chain_update(machine);
        let of_instance =
            of_machine.clone().chain_update(instance).chain_update(universe.to_be_bytes()).finalize();
        let mut cid = [0; 16];
        cid[..COMMON].copy_from_slice(&of_machine.finalize()[..COMMON]);
        cid[COMMON..].copy_from_slice(&of_instance[..16 - COMMON]);
        cid[6] = cid[6] & 0x0f | 0x80;
        cid[8] = cid[8] & 0x3f | 0x80;
        Self { cid: Cid(cid), is_derived: true }
    }

    /// Whether a packet comes from a source of this machine, or from this instance if `is_strict`.
    pub(crate) fn is_own(&self, cid: Cid, is_strict: bool) -> bool {
        let is_of_house = self.is_derived && !is_strict && cid.0[..COMMON] == self.cid.0[..COMMON];
        is_of_house || cid == self.cid
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_stay_and_differ_by_machine_instance_and_universe() {
        let derived = |machine: &str, instance: &str, universe| {
            Identity::derived(machine.as_bytes(), instance, universe).cid
        };
        let one = derived("rack", "out", 1);
        assert_eq!(one, derived("rack", "out", 1));
        // Receivers identify a source by this; it must not change between versions of this program.
        assert_eq!(one.to_string(), "a9510b6b-eb6a-8aed-9409-73eccc52e651");
        for other in [derived("rack2", "out", 1), derived("rack", "out2", 1), derived("rack", "out", 2)] {
            assert_ne!(one, other);
        }
        assert_eq!((one.0[6] >> 4, one.0[8] >> 6), (8, 0b10), "a UUID of version 8");
    }

    #[test]
    fn sources_of_the_same_machine_are_known() {
        let [one, sibling, stranger] = [("rack", 1), ("rack", 2), ("desk", 1)]
            .map(|(machine, universe)| Identity::derived(machine.as_bytes(), "out", universe));
        assert!(
            one.is_own(sibling.cid, false) && !one.is_own(sibling.cid, true) && one.is_own(one.cid, true)
        );
        assert!(!one.is_own(stranger.cid, false));
        let given = Identity::given(one.cid);
        assert!(given.is_own(one.cid, false) && !given.is_own(sibling.cid, false));
    }
}
