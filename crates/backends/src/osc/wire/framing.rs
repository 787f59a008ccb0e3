//! Packets in a byte stream: an int32 length in front (OSC 1.0), or SLIP with END on both sides (OSC 1.1, RFC 1055).

use super::DecodeError;

/// The longest packet that is accepted from a stream: as long as a datagram can be.
pub const MAX_FRAME: usize = 65_536;

const END: u8 = 0xc0;
const ESC: u8 = 0xdb;
const ESC_END: u8 = 0xdc;
const ESC_ESC: u8 = 0xdd;

/// The framing of packets in a stream.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Each is a datagram.
    Datagram,
    /// Each has its length in front.
    Length,
    /// Each packet is between END bytes.
    Slip,
}

impl Framing {
    /// Appends one packet, written by `encode`, with its framing.
    pub fn encode(self, out: &mut Vec<u8>, encode: impl FnOnce(&mut Vec<u8>)) {
        match self {
            Self::Datagram => encode(out),
            Self::Length => super::encode_element(out, encode),
            Self::Slip => {
                out.push(END);
                let start = out.len();
                encode(out);
                escape(out, start);
                out.push(END);
            }
        }
    }
}

/// Escapes the bytes after `start` in place, back to front.
fn escape(out: &mut Vec<u8>, start: usize) {
    let special = out[start..].iter().filter(|&&byte| byte == END || byte == ESC).count();
    let (mut from, mut to) = (out.len(), out.len() + special);
    out.resize(to, 0);
    while from < to {
        from -= 1;
        let (first, second) = match out[from] {
            END => (ESC, Some(ESC_END)),
            ESC => (ESC, Some(ESC_ESC)),
            byte => (byte, None),
        };
        if let Some(second) = second {
            to -= 1;
            out[to] = second;
        }
        to -= 1;
        out[to] = first;
    }
}

/// Finds the packets in a stream that arrives in pieces. Holds at most one packet.
#[derive(Clone, Debug)]
pub struct Deframer {
    framing: Framing,
    held: Vec<u8>,
    /// SLIP: the last byte was ESC.
    is_escaped: bool,
    /// SLIP: what is left of the packet is worthless.
    is_broken: bool,
}

impl Deframer {
    /// A deframer at the beginning of a stream.
    pub fn new(framing: Framing) -> Self {
        Self { framing, held: Vec::new(), is_escaped: false, is_broken: false }
    }

    /// Takes some bytes and hands over every packet that they complete. A broken one comes as an error in its place, and
    /// SLIP goes on with the next.
    ///
    /// # Errors
    ///
    /// An impossible length: the rest of the stream cannot be decoded, and the connection must be closed.
    pub fn push(
        &mut self,
        bytes: &[u8],
        mut packet: impl FnMut(Result<&[u8], DecodeError>),
    ) -> Result<(), DecodeError> {
        match self.framing {
            Framing::Datagram => packet(Ok(bytes)),
            Framing::Length => return self.push_length(bytes, packet),
            Framing::Slip => bytes.iter().for_each(|&byte| self.push_slip(byte, &mut packet)),
        }
        Ok(())
    }

    fn push_length(
        &mut self,
        mut bytes: &[u8],
        mut packet: impl FnMut(Result<&[u8], DecodeError>),
    ) -> Result<(), DecodeError> {
        while !self.held.is_empty() && !bytes.is_empty() {
            let wanted = match self.held.split_first_chunk() {
                None => 4 - self.held.len(),
                Some((len, rest)) => packet_len(*len)? - rest.len(),
            };
            let (taken, rest) = bytes.split_at(wanted.min(bytes.len()));
            self.held.extend_from_slice(taken);
            bytes = rest;
            let Some((len, rest)) = self.held.split_first_chunk() else { continue };
            if packet_len(*len)? == rest.len() {
                packet(Ok(rest));
                self.held.clear();
            }
        }
        while let Some((len, rest)) = bytes.split_first_chunk() {
            let Some((whole, behind)) = rest.split_at_checked(packet_len(*len)?) else { break };
            packet(Ok(whole));
            bytes = behind;
        }
        self.held.extend_from_slice(bytes);
        Ok(())
    }

    fn push_slip(&mut self, byte: u8, packet: &mut impl FnMut(Result<&[u8], DecodeError>)) {
        let plain = match (byte, std::mem::take(&mut self.is_escaped)) {
            (END, _) => {
                // Two ENDs in a row are the end of one packet and the beginning of the next.
                if !self.held.is_empty() && !self.is_broken {
                    packet(Ok(&self.held));
                }
                self.held.clear();
                self.is_broken = false;
                return;
            }
            (ESC, false) => {
                self.is_escaped = true;
                return;
            }
            (ESC_END, true) => END,
            (ESC_ESC, true) => ESC,
            (_, true) => return self.give_up(DecodeError::Escape, packet),
            (byte, false) => byte,
        };
        if self.held.len() >= MAX_FRAME {
            self.give_up(DecodeError::FrameLength, packet);
        } else if !self.is_broken {
            self.held.push(plain);
        }
    }

    fn give_up(&mut self, error: DecodeError, packet: &mut impl FnMut(Result<&[u8], DecodeError>)) {
        if !std::mem::replace(&mut self.is_broken, true) {
            packet(Err(error));
        }
        self.held.clear();
    }
}

fn packet_len(len: [u8; 4]) -> Result<usize, DecodeError> {
    usize::try_from(i32::from_be_bytes(len))
        .ok()
        .filter(|&len| len <= MAX_FRAME)
        .ok_or(DecodeError::FrameLength)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packets(
        deframer: &mut Deframer,
        pieces: &[&[u8]],
    ) -> (Vec<Result<Vec<u8>, DecodeError>>, Option<DecodeError>) {
        let mut found = Vec::new();
        for piece in pieces {
            if let Err(error) = deframer.push(piece, |packet| found.push(packet.map(<[u8]>::to_vec))) {
                return (found, Some(error));
            }
        }
        (found, None)
    }

    #[test]
    fn slip_is_as_in_rfc_1055_with_end_on_both_sides() {
        let mut out = vec![0xa5; 3];
        Framing::Slip.encode(&mut out, |out| out.extend([1, END, 2, ESC, ESC_END, 3]));
        assert_eq!(out, [0xa5, 0xa5, 0xa5, END, 1, ESC, ESC_END, 2, ESC, ESC_ESC, ESC_END, 3, END]);
    }

    #[test]
    fn a_length_stands_in_front() {
        let mut out = vec![0xa5];
        Framing::Length.encode(&mut out, |out| out.extend(b"/a\0\0"));
        assert_eq!(out, *b"\xa5\0\0\0\x04/a\0\0");
    }

    #[test]
    fn a_length_that_cannot_be_ends_the_stream() {
        for len in [-1_i32, i32::MIN, MAX_FRAME as i32 + 1, i32::MAX] {
            let bytes = len.to_be_bytes();
            for pieces in [&[&bytes[..]][..], &[&bytes[..1], &bytes[1..], b"rest"]] {
                let (found, error) = packets(&mut Deframer::new(Framing::Length), pieces);
                assert_eq!((found, error), (vec![], Some(DecodeError::FrameLength)), "{len}");
            }
        }
    }

    #[test]
    fn slip_finds_the_next_packet_behind_rubbish() {
        let endless = vec![b'x'; MAX_FRAME + 10];
        let mut deframer = Deframer::new(Framing::Slip);
        let (found, _) =
            packets(&mut deframer, &[&[ESC, 7, 1, 2, END, 5, END], &endless, &[END, END, END, 6, END]]);
        let expected = [Err(DecodeError::Escape), Ok(vec![5]), Err(DecodeError::FrameLength), Ok(vec![6])];
        assert_eq!(found, expected);
    }

    proptest! {
        #[test]
        fn packets_survive_any_cut(
            sent in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..8),
            cuts in prop::collection::vec(1_usize..30, 0..60),
            slip in any::<bool>(),
        ) {
            let framing = if slip { Framing::Slip } else { Framing::Length };
            let mut stream = Vec::new();
            for packet in &sent {
                framing.encode(&mut stream, |out| out.extend(packet));
            }
            let mut pieces = Vec::new();
            let mut rest = &stream[..];
            for cut in cuts {
                let (piece, behind) = rest.split_at(cut.min(rest.len()));
                pieces.push(piece);
                rest = behind;
            }
            pieces.push(rest);
            let (found, error) = packets(&mut Deframer::new(framing), &pieces);
            prop_assert_eq!(error, None);
            prop_assert_eq!(found.into_iter().map(Result::unwrap).collect::<Vec<_>>(), sent);
        }

        #[test]
        fn no_stream_makes_a_deframer_panic_or_grow(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..20),
            slip in any::<bool>(),
        ) {
            let mut deframer = Deframer::new(if slip { Framing::Slip } else { Framing::Length });
            for piece in pieces {
                if deframer.push(&piece, |_| {}).is_err() {
                    break;
                }
                prop_assert!(deframer.held.len() <= MAX_FRAME + 4);
            }
        }
    }
}
