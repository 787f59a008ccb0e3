//! The numbers by which the parts of a show refer to each other.
//!
//! Five kinds, never mixed: a [`Slot`] counts the channels of one session, a [`ChannelId`] the channels of one plan, an
//! [`InstanceId`] the instances of one plan, a [`SessionId`] every session that ever ran in this process, and a [`Port`] the
//! sockets and devices of one session.

use std::fmt;

/// A channel's dense number within its session. Slots only ever grow, so they survive reloads.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub u32);

/// A channel's number within one plan: the base of its instance plus its slot.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelId(pub u32);

/// An instance's position in its plan.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceId(pub u32);

/// A running session. Never reused within a process, because sockets outlive plans.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

/// A session's own number for one of its sockets or devices.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port(pub u16);

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Slot {
    /// The slot as an index into tables of its session.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl ChannelId {
    /// The channel as an index into tables of its plan.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl InstanceId {
    /// The instance as an index into tables of its plan.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "session {}", self.0)
    }
}
