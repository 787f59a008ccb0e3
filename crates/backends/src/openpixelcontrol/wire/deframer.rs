//! Splits a stream into messages.

use super::{HEADER, MAX_DATA, Message};

/// Finds the messages in a stream. Stores at most one incomplete message.
#[derive(Clone, Debug, Default)]
pub struct Deframer {
    held: Vec<u8>,
}

impl Deframer {
    /// Adds bytes, and passes on every message that they complete.
    pub fn push(&mut self, mut bytes: &[u8], mut message: impl FnMut(Message<'_>)) {
        while !self.held.is_empty() && !bytes.is_empty() {
            let (taken, rest) = bytes.split_at(self.missing().min(bytes.len()));
            self.held.extend_from_slice(taken);
            bytes = rest;
            if let Some((whole, _)) = Message::decode(&self.held) {
                message(whole);
                self.held.clear();
            }
        }
        while let Some((whole, rest)) = Message::decode(bytes) {
            message(whole);
            bytes = rest;
        }
        self.held.extend_from_slice(bytes);
        debug_assert!(self.held.len() < HEADER + MAX_DATA, "a whole message is not held");
    }

    /// The number of missing bytes, of the header or of the data after it.
    fn missing(&self) -> usize {
        let len = self.held.first_chunk().map_or(0, |&[_, _, high, low]| u16::from_be_bytes([high, low]));
        HEADER + usize::from(len) - self.held.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn push(deframer: &mut Deframer, bytes: &[u8]) -> Vec<(u8, u8, Vec<u8>)> {
        let mut found = Vec::new();
        deframer.push(bytes, |message| found.push((message.strip, message.command, message.data.to_vec())));
        found
    }

    #[test]
    fn a_length_that_lies_swallows_what_it_covers_and_nothing_is_held_twice() {
        let mut deframer = Deframer::default();
        assert_eq!(push(&mut deframer, &[1, 0, 0xff, 0xff]), []);
        for _ in 0..7 {
            assert_eq!(push(&mut deframer, &[9; 9362]), []);
        }
        assert!(deframer.held.capacity() <= 2 * (HEADER + MAX_DATA));
        let found = push(&mut deframer, &[9, 2, 0, 0, 0, 3]);
        assert_eq!((found.len(), found[0].2.len(), &found[1]), (2, MAX_DATA, &(2, 0, vec![])));
        assert_eq!(deframer.held, [3]);
    }

    proptest! {
        #[test]
        fn messages_survive_any_cut(
            sent in prop::collection::vec((any::<u8>(), any::<u8>(), prop::collection::vec(any::<u8>(), 0..20)), 0..8),
            cuts in prop::collection::vec(1_usize..30, 0..60),
        ) {
            let mut stream = Vec::new();
            for (strip, command, data) in &sent {
                Message { strip: *strip, command: *command, data }.encode(&mut stream);
            }
            let (mut deframer, mut found, mut rest) = (Deframer::default(), Vec::new(), &stream[..]);
            for cut in cuts {
                let (piece, behind) = rest.split_at(cut.min(rest.len()));
                found.extend(push(&mut deframer, piece));
                rest = behind;
            }
            found.extend(push(&mut deframer, rest));
            prop_assert_eq!(found, sent);
            prop_assert!(deframer.held.is_empty());
        }
    }
}
