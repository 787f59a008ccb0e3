//! The position of a channel in a frame, and its level there.

/// One byte of a frame, or two bytes for a 16-bit level. Counted from 0.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    /// The only byte, or the most significant one.
    pub(crate) coarse: u16,
    /// The least significant byte of a 16-bit level.
    pub(crate) fine: Option<u16>,
}

impl Place {
    /// The minimum length of a frame that contains the whole channel.
    pub(crate) fn end(self) -> usize {
        usize::from(self.coarse.max(self.fine.unwrap_or(0))) + 1
    }

    /// The positions in a frame.
    pub(crate) fn positions(self) -> impl Iterator<Item = u16> {
        std::iter::once(self.coarse).chain(self.fine)
    }

    /// The level in `frame`, 0 to 255 or to 65535, or `None` if the frame ends before it.
    pub(crate) fn read(self, frame: &[u8]) -> Option<u16> {
        let coarse = u16::from(*frame.get(usize::from(self.coarse))?);
        let Some(fine) = self.fine else { return Some(coarse) };
        Some(coarse << 8 | u16::from(*frame.get(usize::from(fine))?))
    }

    /// Writes a level of [`quantise`](Self::quantise) to `frame`, which must be long enough.
    pub(crate) fn write(self, frame: &mut [u8], level: u16) {
        match self.fine {
            Some(fine) => {
                let [high, low] = level.to_be_bytes();
                frame[usize::from(self.coarse)] = high;
                frame[usize::from(fine)] = low;
            }
            None => frame[usize::from(self.coarse)] = level.to_be_bytes()[1],
        }
    }

    /// Converts a value of 0.0 to 1.0 to the nearest level.
    pub(crate) fn quantise(self, value: f64) -> u16 {
        // Nothing is negative here, so this equals `round`, for which many target processors have no instruction.
        (value.clamp(0.0, 1.0) * f64::from(self.most()) + 0.5) as u16
    }

    /// Converts a level to a value of 0.0 to 1.0.
    pub(crate) fn value(self, level: u16) -> f64 {
        f64::from(level) / f64::from(self.most())
    }

    /// The highest level.
    pub(crate) fn most(self) -> u16 {
        if self.fine.is_some() { u16::MAX } else { u16::from(u8::MAX) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NARROW: Place = Place { coarse: 2, fine: None };
    const WIDE: Place = Place { coarse: 3, fine: Some(0) };

    #[test]
    fn levels_are_rounded_and_the_ends_are_exact() {
        for (value, narrow, wide) in
            [(0.0, 0, 0), (1.0, 255, 65_535), (0.5, 128, 32_768), (0.9, 230, 58_982), (2.0, 255, 65_535)]
        {
            assert_eq!((NARROW.quantise(value), WIDE.quantise(value)), (narrow, wide), "{value}");
        }
    }

    #[test]
    fn a_frame_that_ends_early_has_no_level() {
        assert_eq!(NARROW.read(&[1, 2]), None);
        assert_eq!(NARROW.read(&[1, 2, 3]), Some(3));
        assert_eq!(WIDE.read(&[1, 2, 3]), None);
        assert_eq!(WIDE.read(&[1, 2, 3, 4]), Some(0x0401));
        assert_eq!((NARROW.end(), WIDE.end()), (3, 4));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again_and_touches_nothing_else(level: u16, narrow: u8) {
            let mut frame = [0xa5; 5];
            WIDE.write(&mut frame, level);
            NARROW.write(&mut frame, narrow.into());
            prop_assert_eq!(WIDE.read(&frame), Some(level));
            prop_assert_eq!(NARROW.read(&frame), Some(narrow.into()));
            prop_assert_eq!((frame[1], frame[4]), (0xa5, 0xa5));
        }

        #[test]
        fn every_level_survives_being_a_value(level: u16, narrow: u8) {
            prop_assert_eq!(WIDE.quantise(WIDE.value(level)), level);
            prop_assert_eq!(NARROW.quantise(NARROW.value(narrow.into())), u16::from(narrow));
        }
    }
}
