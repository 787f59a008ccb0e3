//! Randomness from a seed: the same seed makes the same soak.

use std::time::Duration;

/// A random generator for each purpose (SplitMix64), so that the draws for one do not affect those for another.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    /// The generator of a purpose, under the seed of the whole.
    pub(super) fn new(seed: u64, purpose: &str) -> Self {
        // FNV-1a, which is the same on every machine and in every version of the compiler.
        let hash = purpose.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self(seed ^ hash)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number below another one, which is not 0.
    pub(super) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// A number from 0 to 1.
    pub(super) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A time within bounds, in milliseconds.
    pub(super) fn millis(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_millis(least + self.next() % (most - least + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_and_a_purpose_make_the_sequence() {
        let draw = |seed, purpose| {
            let mut random = Random::new(seed, purpose);
            [random.next(), random.next()]
        };
        assert_eq!(draw(1, "artnet"), draw(1, "artnet"));
        assert_ne!(draw(1, "artnet"), draw(2, "artnet"));
        assert_ne!(draw(1, "artnet"), draw(1, "sacn"));
    }

    #[test]
    fn what_is_drawn_keeps_within_its_bounds() {
        let mut random = Random::new(7, "bounds");
        for _ in 0..1000 {
            assert!(random.below(3) < 3);
            assert!((0.0..1.0).contains(&random.unit()));
            let millis = random.millis(10, 20).as_millis();
            assert!((10..=20).contains(&millis));
        }
    }
}
