//! The component identifier, which identifies a source whatever its address (ANSI E1.17 and E1.31, clause 5.6).

use std::fmt;
use std::str::FromStr;

use crate::shared::hex;

/// The identifier of a component: a UUID.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cid(pub [u8; 16]);

/// The text is not an identifier.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct NoCid;

/// A UUID; sixteen equal bytes as `aa*16`.
impl fmt::Display for Cid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.iter().all(|byte| *byte == self.0[0]) {
            return write!(f, "{:02x}*16", self.0[0]);
        }
        for (at, byte) in self.0.iter().enumerate() {
            let hyphen = if matches!(at, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(f, "{hyphen}{byte:02x}")?;
        }
        Ok(())
    }
}

/// Parses a UUID with or without hyphens, `aa*16`, or up to sixteen numbers such as `0xAA 0xBB`, as MIDIMonster writes
/// them; missing numbers are zero.
impl FromStr for Cid {
    type Err = NoCid;

    fn from_str(text: &str) -> Result<Self, NoCid> {
        let byte = |digits: &str, radix| u8::from_str_radix(digits, radix).map_err(|_| NoCid);
        if let Some(digits) = text.strip_suffix("*16") {
            return byte(digits, 16).map(|byte| Self([byte; 16]));
        }
        let bare = text.replace('-', "");
        if let Some(Ok(cid)) = hex::parse(&bare).map(<[u8; 16]>::try_from) {
            return Ok(Self(cid));
        }
        let mut cid = [0; 16];
        let mut count = 0;
        for number in text.split_whitespace() {
            let hexadecimal = number.strip_prefix("0x").or_else(|| number.strip_prefix("0X"));
            let place = cid.get_mut(count).ok_or(NoCid)?;
            *place = hexadecimal.map_or_else(|| byte(number, 10), |digits| byte(digits, 16))?;
            count += 1;
        }
        if count == 0 { Err(NoCid) } else { Ok(Self(cid)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_read_as_people_and_programs_write_it() {
        let shown = "00112233-4455-6677-8899-aabbccddeeff";
        let cid: Cid = shown.parse().expect("a UUID");
        assert_eq!(cid.to_string(), shown);
        for text in [
            "00112233445566778899AABBCCDDEEFF",
            "0x00 0x11 0x22 0x33 0x44 0x55 0x66 0x77 0x88 0x99 0xAA 0xBB 0xCC 0xDD 0xEE 0xFF",
            "0 17 34 51 68 85 102 119 136 153 170 187 204 221 238 255",
        ] {
            assert_eq!(text.parse(), Ok(cid), "{text}");
        }
        let mut short = Cid([0; 16]);
        short.0[..2].copy_from_slice(&[0xaa, 11]);
        assert_eq!("0xAA 11".parse(), Ok(short), "what is missing is zero");
        assert_eq!("aa*16".parse(), Ok(Cid([0xaa; 16])));
        assert_eq!(Cid([0xaa; 16]).to_string(), "aa*16");
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in ["", "0x", "aa*15", "xx*16", "00112233-4455-6677-8899-aabbccddeef", "MIDIMonster", "é*16"]
        {
            assert_eq!(text.parse::<Cid>(), Err(NoCid), "{text}");
        }
        for many in ["256 ".repeat(16), "1 ".repeat(17)] {
            assert_eq!(many.parse::<Cid>(), Err(NoCid), "{many}");
        }
    }
}
