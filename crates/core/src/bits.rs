//! Bitmaps over bytes: which of 64 levels differ, and copies of those whose bit is set.
//!
//! The loops over blocks of 64 bytes are written so that the compiler turns them into vector instructions. Bit `n` of a
//! word belongs to byte `n`.

/// The lowest bit of each byte, and all but the highest.
const LOWEST: u64 = 0x0101_0101_0101_0101;
const ALL_BUT_HIGHEST: u64 = 0x7f7f_7f7f_7f7f_7f7f;

/// A word whose first `count` bits are set.
#[inline]
pub fn first(count: usize) -> u64 {
    if count >= 64 { u64::MAX } else { (1 << count) - 1 }
}

/// The numbers of the bits that are set, in ascending order.
#[inline]
pub fn each(bits: u64) -> impl Iterator<Item = usize> {
    let mut left = bits;
    std::iter::from_fn(move || {
        let at = (left != 0).then(|| left.trailing_zeros() as usize)?;
        left &= left - 1;
        Some(at)
    })
}

/// The 64 bits of a bitmap from bit `start` on. Bits before its beginning and after its end are not set.
#[inline]
pub fn window(bitmap: &[u64], start: isize) -> u64 {
    let word = |at: isize| bitmap.get(at as usize).copied().unwrap_or(0);
    let (at, shift) = (start >> 6, start & 63);
    if shift == 0 { word(at) } else { word(at) >> shift | word(at + 1) << (64 - shift) }
}

/// Which of at most 64 bytes differ. Only as many as both have are compared.
#[inline]
pub fn differing(one: &[u8], other: &[u8]) -> u64 {
    if let (Some(one), Some(other)) = (one.first_chunk(), other.first_chunk()) {
        return differing_block(one, other);
    }
    let pairs = one.iter().zip(other).take(64).enumerate();
    pairs.fold(0, |bits, (at, (one, other))| bits | u64::from(one != other) << at)
}

/// Which of 64 bytes differ.
#[inline]
pub fn differing_block(one: &[u8; 64], other: &[u8; 64]) -> u64 {
    let mut marks = [0; 64];
    for at in 0..64 {
        marks[at] = u8::from(one[at] != other[at]);
    }
    // Gathers the mark of byte `n` of eight in bit `n` of the highest byte.
    let gather = |marks: &[u8; 8]| u64::from_le_bytes(*marks).wrapping_mul(0x0102_0408_1020_4080) >> 56;
    let (eights, _) = marks.as_chunks();
    (0..).step_by(8).zip(eights).fold(0, |bits, (shift, marks)| bits | gather(marks) << shift)
}

/// Copies those of at most 64 bytes whose bit is set.
#[inline]
pub fn copy_where(bits: u64, from: &[u8], to: &mut [u8]) {
    match (from.first_chunk(), to.first_chunk_mut()) {
        (Some(from), Some(to)) => copy_block_where(bits, from, to),
        _ => {
            for (at, (from, to)) in from.iter().zip(to).take(64).enumerate() {
                *to = if bits >> at & 1 != 0 { *from } else { *to };
            }
        }
    }
}

/// Copies those of 64 bytes whose bit is set.
#[inline]
pub fn copy_block_where(bits: u64, from: &[u8; 64], to: &mut [u8; 64]) {
    if bits == u64::MAX {
        *to = *from;
    } else if bits != 0 {
        merge_block_where(bits, from, to);
    }
}

#[inline(never)]
fn merge_block_where(bits: u64, from: &[u8; 64], to: &mut [u8; 64]) {
    let ((froms, _), (tos, _)) = (from.as_chunks::<8>(), to.as_chunks_mut::<8>());
    for (at, (from, to)) in froms.iter().zip(tos).enumerate() {
        let (from, before) = (u64::from_le_bytes(*from), u64::from_le_bytes(*to));
        *to = (before ^ (before ^ from) & bytes(bits >> (8 * at))).to_le_bytes();
    }
}

/// Eight bytes, each with all bits set if its bit of the lowest eight is set.
#[inline]
fn bytes(bits: u64) -> u64 {
    let spread = (bits & 0xff).wrapping_mul(LOWEST) & 0x8040_2010_0804_0201;
    ((spread + ALL_BUT_HIGHEST) >> 7 & LOWEST) * 0xff
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_window_may_begin_before_the_bitmap_and_end_after_it() {
        let bitmap = [1, 1 << 63 | 2];
        assert_eq!(window(&bitmap, 0), 1);
        assert_eq!(window(&bitmap, 1), 0);
        assert_eq!(window(&bitmap, 2), 1 << 63);
        assert_eq!(window(&bitmap, -63), 1 << 63);
        assert_eq!((window(&bitmap, -64), window(&bitmap, 128)), (0, 0));
        assert_eq!(window(&bitmap, 127), 1);
        assert_eq!((first(0), first(3), first(64)), (0, 7, u64::MAX));
        assert_eq!(each(0b1001).collect::<Vec<_>>(), [0, 3]);
    }

    proptest! {
        /// The same as byte by byte, for any length.
        #[test]
        fn whole_words_give_the_same_as_single_bytes(
            pairs in prop::collection::vec((0..4_u8, 0..4_u8), 0..=64),
            scale in 0..=63_u8,
            bits: u64,
        ) {
            let (one, mut other): (Vec<_>, Vec<_>) = pairs.iter().map(|(one, other)| (one * scale, other * scale)).unzip();
            let mut expected = 0;
            let mut copy = other.clone();
            for at in 0..one.len() {
                expected |= u64::from(one[at] != other[at]) << at;
                if bits >> at & 1 != 0 {
                    copy[at] = one[at];
                }
            }
            prop_assert_eq!(differing(&one, &other), expected);
            copy_where(bits, &one, &mut other);
            prop_assert_eq!(other, copy);
        }
    }
}
