//! Bitmaps over bytes: which of 64 levels differ, and copies of those whose bit is set.
//!
//! The loops work on eight bytes at a time in plain arithmetic, and the compiler unrolls them. Bit `n` of a word belongs to
//! byte `n`.

/// The lowest bit, the highest bit and the other bits of each byte.
const LOWEST: u64 = 0x0101_0101_0101_0101;
const HIGHEST: u64 = 0x8080_8080_8080_8080;
const OTHERS: u64 = !HIGHEST;

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
    let word = |at: isize| usize::try_from(at).ok().and_then(|at| bitmap.get(at)).copied().unwrap_or(0);
    let (at, shift) = (start.div_euclid(64), start.rem_euclid(64));
    if shift == 0 { word(at) } else { word(at) >> shift | word(at + 1) << (64 - shift) }
}

/// Which of at most 64 bytes differ. Only as many as both have are compared.
#[inline]
pub fn differing(one: &[u8], other: &[u8]) -> u64 {
    let len = one.len().min(other.len()).min(64);
    let ((ones, one_rest), (others, other_rest)) =
        (one[..len].as_chunks::<8>(), other[..len].as_chunks::<8>());
    let mut bits = 0;
    for (at, (one, other)) in ones.iter().zip(others).enumerate() {
        let difference = u64::from_le_bytes(*one) ^ u64::from_le_bytes(*other);
        let marks = ((difference & OTHERS) + OTHERS | difference) & HIGHEST;
        // Gathers the mark of byte `n` in bit `n` of the highest byte.
        bits |= ((marks >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * at);
    }
    for (at, (one, other)) in one_rest.iter().zip(other_rest).enumerate() {
        bits |= u64::from(one != other) << (8 * ones.len() + at);
    }
    bits
}

/// Copies those of at most 64 bytes whose bit is set.
#[inline]
pub fn copy_where(bits: u64, from: &[u8], to: &mut [u8]) {
    let len = from.len().min(to.len()).min(64);
    if bits & first(len) == first(len) {
        return to[..len].copy_from_slice(&from[..len]);
    }
    change_where(bits, from, &mut to[..len], |new, _| new, |new, _| new);
}

/// Changes those of `to`, at most 64 bytes, whose bit is set: `eight` gets eight bytes of `from` and eight of `to`, and
/// returns eight bytes, of which some are used; `one` does the same for a single byte.
#[inline]
pub fn change_where(
    bits: u64,
    from: &[u8],
    to: &mut [u8],
    eight: impl Fn(u64, u64) -> u64,
    one: impl Fn(u8, u8) -> u8,
) {
    let ((news, new_rest), (olds, old_rest)) = (from.as_chunks::<8>(), to.as_chunks_mut::<8>());
    let whole = olds.len();
    for (at, (new, old)) in news.iter().zip(olds).enumerate() {
        let mask = bytes(bits >> (8 * at));
        let (new, before) = (u64::from_le_bytes(*new), u64::from_le_bytes(*old));
        *old = (before ^ (before ^ eight(new, before)) & mask).to_le_bytes();
    }
    for (at, (new, old)) in new_rest.iter().zip(old_rest).enumerate() {
        if bits >> (8 * whole + at) & 1 != 0 {
            *old = one(*new, *old);
        }
    }
}

/// Eight bytes, each with all bits set if its bit of the lowest eight is set.
#[inline]
pub fn bytes(bits: u64) -> u64 {
    let spread = (bits & 0xff).wrapping_mul(LOWEST) & 0x8040_2010_0804_0201;
    ((spread + OTHERS) >> 7 & LOWEST) * 0xff
}

/// The same value in all eight bytes.
#[inline]
pub fn eight(value: u8) -> u64 {
    LOWEST * u64::from(value)
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
