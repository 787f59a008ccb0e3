//! Systems without a sequencer: opening a port fails.

use std::io;

use crosspatch_core::{Closed, Duration, Midi, MidiLink, SessionId};
use mio::{Registry, Token};

use super::{Claims, SendOutcome, SequencerInput};

/// A port that cannot exist.
pub(crate) enum Sequencer {}

impl Sequencer {
    /// Always fails.
    ///
    /// # Errors
    ///
    /// `Unsupported`.
    pub(crate) fn open(_spec: &Midi, _session: SessionId) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// The reason why there is no port, in words.
    pub(crate) fn reason(error: &io::Error) -> Option<Closed> {
        let is_unsupported = error.kind() == io::ErrorKind::Unsupported;
        is_unsupported.then(|| Closed::Other("MIDI devices cannot be reached on this system".into()))
    }

    pub(crate) fn register(&mut self, _registry: &Registry, _token: Token) -> io::Result<()> {
        match *self {}
    }

    pub(crate) fn deregister(&mut self, _registry: &Registry) -> io::Result<()> {
        match *self {}
    }

    pub(crate) fn add_link(&mut self, _token: Token, _wanted: MidiLink, _claims: &mut Claims) {
        match *self {}
    }

    pub(crate) fn remove_link(&mut self, _token: Token, _claims: &mut Claims) {
        match *self {}
    }

    pub(crate) fn leave(&mut self, _claims: &mut Claims) {
        match *self {}
    }

    pub(crate) fn next(
        &mut self,
        _buffer: &mut [u8],
        _claims: &mut Claims,
    ) -> io::Result<Option<SequencerInput>> {
        match *self {}
    }

    pub(crate) fn look_again_in(&self) -> Option<Duration> {
        match *self {}
    }

    pub(crate) fn look_again(&mut self) {
        match *self {}
    }

    pub(crate) fn send(&mut self, _messages: &[u8]) -> SendOutcome {
        match *self {}
    }

    pub(crate) fn has_unsent(&self) -> bool {
        match *self {}
    }

    pub(crate) fn send_unsent(&mut self) -> bool {
        match *self {}
    }
}
