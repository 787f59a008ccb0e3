//! The numbers of MIDI: whole numbers of 4, 7 or 14 bits, which cannot be out of their range.

use std::fmt;

/// A whole number of `N` bits.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bits<const N: u32>(u16);

/// A channel, 0 to 15; people and displays of devices often count from 1.
pub type U4 = Bits<4>;
/// A data byte, 0 to 127.
pub type U7 = Bits<7>;
/// Two data bytes, 0 to 16383.
pub type U14 = Bits<14>;

impl<const N: u32> Bits<N> {
    /// The greatest number.
    pub const MAX: Self = Self((1 << N) - 1);

    /// The number, if it has no more than `N` bits.
    pub const fn new(number: u16) -> Option<Self> {
        if number <= Self::MAX.0 { Some(Self(number)) } else { None }
    }

    /// The lowest `N` bits of any number.
    pub const fn masked(number: u16) -> Self {
        Self(number & Self::MAX.0)
    }

    /// The number.
    pub const fn get(self) -> u16 {
        self.0
    }

    /// The number that a level of 0.0 to 1.0 comes nearest to.
    pub fn of_level(level: f64) -> Self {
        // `as` brings what is out of range, and what is no number, into it.
        Self((level.clamp(0.0, 1.0) * f64::from(Self::MAX.0)).round() as u16)
    }

    /// The part of the greatest number, 0.0 to 1.0.
    pub fn level(self) -> f64 {
        f64::from(self.0) / f64::from(Self::MAX.0)
    }
}

impl U4 {
    /// The number as the low half of a status byte.
    pub const fn byte(self) -> u8 {
        self.0 as u8
    }
}

impl U7 {
    /// The number as a data byte.
    pub const fn byte(self) -> u8 {
        self.0 as u8
    }
}

impl U14 {
    /// The number that two data bytes make.
    pub const fn of_halves(msb: U7, lsb: U7) -> Self {
        Self(msb.0 << 7 | lsb.0)
    }

    /// The upper seven bits.
    pub const fn msb(self) -> U7 {
        Bits(self.0 >> 7)
    }

    /// The lower seven bits.
    pub const fn lsb(self) -> U7 {
        Bits(self.0 & 0x7f)
    }
}

impl<const N: u32> fmt::Display for Bits<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_survives_as_a_level() {
        for number in 0..=U14::MAX.get() {
            let number = U14::masked(number);
            assert_eq!(U14::of_level(number.level()), number);
            assert_eq!(U14::of_halves(number.msb(), number.lsb()), number);
        }
        for number in 0..=U7::MAX.get() {
            assert_eq!(U7::of_level(U7::masked(number).level()), U7::masked(number));
        }
    }

    #[test]
    fn levels_are_rounded_and_clipped() {
        for (level, number) in [
            (0.0, 0),
            (0.003, 0),
            (0.004, 1),
            (0.5, 64),
            (1.0, 127),
            (7.0, 127),
            (-1.0, 0),
            (f64::NAN, 0),
            (f64::INFINITY, 127),
        ] {
            assert_eq!(U7::of_level(level).get(), number, "{level}");
        }
        assert_eq!(U7::new(128), None);
        assert_eq!(U14::new(16384), None);
        assert_eq!(U4::masked(0x97).get(), 7);
    }
}
