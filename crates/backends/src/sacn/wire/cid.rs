//! The component identifier, by which a source is known whatever its address (ANSI E1.17 and E1.31, clause 5.6).

use std::fmt;
use std::str::FromStr;

/// The identifier of a component: a UUID.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cid(pub [u8; 16]);

/// What was to be an identifier is none.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct NoCid;

/// A UUID; sixteen times the same byte as `aa*16`.
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

/// Reads a UUID with or without its hyphens, `aa*16`, or sixteen numbers such as `0xAA 0xBB`, as MIDIMonster writes them.
impl FromStr for Cid {
    type Err = NoCid;

    fn from_str(text: &str) -> Result<Self, NoCid> {
        if let Some(byte) = text.strip_suffix("*16") {
            return u8::from_str_radix(byte, 16).map(|byte| Self([byte; 16])).map_err(|_| NoCid);
        }
        let mut cid = Self([0; 16]);
        let numbers: Vec<_> = text.split_whitespace().collect();
        if numbers.len() == 16 {
            for (byte, number) in cid.0.iter_mut().zip(numbers) {
                let parsed = match number.strip_prefix("0x").or_else(|| number.strip_prefix("0X")) {
                    Some(digits) => u8::from_str_radix(digits, 16),
                    None => number.parse(),
                };
                *byte = parsed.map_err(|_| NoCid)?;
            }
            return Ok(cid);
        }
        let digits: Vec<_> =
            text.chars().filter(|c| *c != '-').map(|c| c.to_digit(16)).collect::<Option<_>>().ok_or(NoCid)?;
        let (pairs, rest) = digits.as_chunks::<2>();
        if pairs.len() != 16 || !rest.is_empty() {
            return Err(NoCid);
        }
        for (byte, [high, low]) in cid.0.iter_mut().zip(pairs) {
            *byte = (high << 4 | low) as u8;
        }
        Ok(cid)
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
        assert_eq!("aa*16".parse(), Ok(Cid([0xaa; 16])));
        assert_eq!(Cid([0xaa; 16]).to_string(), "aa*16");
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in
            ["", "0xAA", "aa*15", "xx*16", "00112233-4455-6677-8899-aabbccddeef", "MIDIMonster", "é*16"]
        {
            assert_eq!(text.parse::<Cid>(), Err(NoCid), "{text}");
        }
        let beyond = "256 ".repeat(16);
        assert_eq!(beyond.parse::<Cid>(), Err(NoCid));
    }
}
