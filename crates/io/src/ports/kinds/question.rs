//! Ports that are a question: answered once, and done with that.

use crosspatch_core::{Closed, Endpoint, Peer};

use crate::ports::Ports;
use crate::ports::kind::{Opener, Opening};
use crate::ports::reports::ReportKind;
use crate::system;

/// Where a name leads to.
pub(super) struct Lookup<'s>(pub(super) &'s Endpoint);

impl Opener for Lookup<'_> {
    fn address(&self) -> Option<&Endpoint> {
        Some(self.0)
    }

    fn open(&self, opening: &Opening<'_>, ports: &mut Ports) -> Result<(), Closed> {
        let first = opening.addresses.and_then(|addresses| addresses.first().copied());
        let found = first.map_or(self.0.address(), |ip| Some((ip, self.0.port).into()));
        if let (Some(address), Some(socket)) = (found, ports.sockets.get_mut(&opening.token)) {
            socket.peer = Peer::Address(address);
            ports.report(opening.token, ReportKind::Open);
        }
        ports.remove(opening.token);
        Ok(())
    }
}

/// Which machine this is.
pub(super) struct Machine;

impl Opener for Machine {
    fn open(&self, opening: &Opening<'_>, ports: &mut Ports) -> Result<(), Closed> {
        ports.report(opening.token, ReportKind::Answer(system::machine()));
        ports.remove(opening.token);
        Ok(())
    }
}
