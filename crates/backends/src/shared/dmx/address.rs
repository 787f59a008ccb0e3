//! Addresses of channels in a universe: `1` to `512`, or `1+2` for a 16-bit channel of two slots, coarse first.

use std::fmt;

use crosspatch_core::AddressError;

use super::{Place, SLOTS};

/// A channel of a universe.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Address(pub(crate) Place);

impl Address {
    /// Parses an address.
    pub(crate) fn parse(text: &str) -> Result<Self, AddressError> {
        let Some((coarse, fine)) = text.split_once('+') else {
            return Ok(Self(Place { coarse: slot(text, text)?, fine: None }));
        };
        let (coarse, fine) = (slot(coarse, text)?, slot(fine, text)?);
        if coarse == fine {
            let error = AddressError::new(format!("a 16-bit channel has two slots, found `{text}`"));
            let next = if usize::from(fine) + 1 < SLOTS { fine + 2 } else { fine };
            return Err(error.suggest(format!("{}+{next}", coarse + 1)));
        }
        Ok(Self(Place { coarse, fine: Some(fine) }))
    }
}

/// Parses a slot number, which counts from 1, into a slot that counts from 0.
fn slot(number: &str, text: &str) -> Result<u16, AddressError> {
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let slot =
        number.parse::<u16>().ok().filter(|slot| is_number && (1..=SLOTS).contains(&usize::from(*slot)));
    slot.map(|slot| slot - 1).ok_or_else(|| {
        let found = if number == text { format!("`{text}`") } else { format!("`{number}` in `{text}`") };
        let error = AddressError::new(format!("expected a DMX channel from 1 to {SLOTS}, found {found}"));
        error.help("`1` is the first channel, `1+2` a 16-bit one with its coarse slot first")
    })
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { coarse, fine } = self.0;
        write!(f, "{}", coarse + 1)?;
        fine.map_or(Ok(()), |fine| write!(f, "+{}", fine + 1))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_are_read_as_midimonster_writes_them() {
        for (text, coarse, fine, shown) in [
            ("1", 0, None, "1"),
            ("007", 6, None, "7"),
            ("512", 511, None, "512"),
            ("1+2", 0, Some(1), "1+2"),
            ("512+1", 511, Some(0), "512+1"),
        ] {
            let address = Address::parse(text).expect(text);
            assert_eq!((address.0.coarse, address.0.fine, &*address.to_string()), (coarse, fine, shown));
        }
    }

    #[test]
    fn slips_are_refused_with_a_reason() {
        for text in
            ["", "0", "513", "70000", "-1", "+1", "1+", "1+0", "1+513", "1+2+3", " 1", "5xyz", "0x10", "a"]
        {
            let error = Address::parse(text).expect_err(text);
            assert!(error.message.starts_with("expected a DMX channel from 1 to 512, found `"), "{error}");
        }
        for (text, suggestion) in [("5+5", "5+6"), ("512+512", "512+511")] {
            let error = Address::parse(text).expect_err(text);
            assert_eq!(error.suggestion.as_deref(), Some(suggestion), "{error}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_again(coarse in 0..512_u16, fine in proptest::option::of(0..512_u16)) {
            prop_assume!(fine != Some(coarse));
            let address = Address(Place { coarse, fine });
            prop_assert_eq!(Address::parse(&address.to_string()), Ok(address));
        }
    }
}
