//! Address patterns (OSC 1.0, "OSC Message Dispatching and Pattern Matching"): `? * [abc] [a-z] [!x] {one,two}`.
//!
//! A pattern can come from the network, so matching must not explode. All positions of the address that the pattern can
//! have reached are followed at once, as bits: each item of the pattern looks at each position once, and the work is
//! bounded by the product of both lengths. It is counted, for a budget over many addresses.

/// The longest address that a pattern is held against, and that can be mapped.
pub const MAX_ADDRESS: usize = 255;

/// The longest pattern that is followed.
pub const MAX_PATTERN: usize = 1_024;

/// Whether an address has characters that make it a pattern.
pub fn is_pattern(address: &[u8]) -> bool {
    address.iter().any(|byte| b"?*[]{}".contains(byte))
}

/// The part before the first special character.
pub fn literal_prefix(pattern: &[u8]) -> &[u8] {
    let end = pattern.iter().position(|byte| b"?*[]{}".contains(byte)).unwrap_or(pattern.len());
    &pattern[..end]
}

/// Why a pattern can match nothing.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum PatternError {
    /// A `[` or `{` is not closed before the next `/` or the end; its position.
    Open(usize),
    /// A `]` or `}` was not opened; its position.
    NotOpen(usize),
    /// It has more than [`MAX_PATTERN`] bytes.
    TooLong,
}

impl std::fmt::Display for PatternError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Open(_) => "a bracket is not closed",
            Self::NotOpen(_) => "a bracket is closed that was not opened",
            Self::TooLong => "the pattern is too long",
        })
    }
}

impl std::error::Error for PatternError {}

/// A pattern whose brackets match.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct AddressPattern<'a>(&'a [u8]);

impl<'a> AddressPattern<'a> {
    /// Checks a pattern.
    ///
    /// # Errors
    ///
    /// Says which bracket has no partner.
    pub fn parse(text: &'a [u8]) -> Result<Self, PatternError> {
        if text.len() > MAX_PATTERN {
            return Err(PatternError::TooLong);
        }
        let mut at = 0;
        while at < text.len() {
            at += match text[at] {
                b']' | b'}' => return Err(PatternError::NotOpen(at)),
                b'[' | b'{' => bracket(&text[at..]).ok_or(PatternError::Open(at))?,
                _ => 1,
            };
        }
        Ok(Self(text))
    }

    /// Whether the address matches. Addresses longer than [`MAX_ADDRESS`] never do. The work is added to `steps`.
    pub fn matches(self, address: &[u8], steps: &mut usize) -> bool {
        if address.len() > MAX_ADDRESS {
            return false;
        }
        let mut reached = Positions::default();
        reached.add(0);
        let mut rest = self.0;
        while let Some(&first) = rest.first() {
            let (next, len) = match first {
                b'*' => (reached.spread(address, steps), 1),
                b'?' => (reached.step(address, steps, |byte| byte != b'/'), 1),
                b'[' => {
                    let len = bracket(rest).unwrap_or(rest.len());
                    let class = &rest[1..len - 1];
                    (reached.step(address, steps, |byte| class_has(class, byte)), len)
                }
                b'{' => {
                    let len = bracket(rest).unwrap_or(rest.len());
                    (reached.choose(address, &rest[1..len - 1], steps), len)
                }
                literal => (reached.step(address, steps, |byte| byte == literal), 1),
            };
            if next.is_empty() {
                return false;
            }
            reached = next;
            rest = &rest[len..];
        }
        reached.has(address.len())
    }
}

/// The length of the bracket at the beginning, both ends included.
fn bracket(text: &[u8]) -> Option<usize> {
    let (close, other) = if text[0] == b'[' { (b']', b'[') } else { (b'}', b'{') };
    let end = text.iter().skip(1).position(|&byte| byte == close || byte == other || byte == b'/')? + 1;
    (text[end] == close).then_some(end + 1)
}

/// Whether a class such as `a-z_` or `!0-9` has the byte. A range may be written in either order.
fn class_has(class: &[u8], byte: u8) -> bool {
    let (is_negated, mut rest) = match class {
        [b'!', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let mut found = false;
    while let [first, behind @ ..] = rest {
        match behind {
            [b'-', last, behind @ ..] => {
                found |= (*first.min(last)..=*first.max(last)).contains(&byte);
                rest = behind;
            }
            _ => {
                found |= *first == byte;
                rest = behind;
            }
        }
    }
    byte != b'/' && found != is_negated
}

/// A set of positions in an address, 0 to `MAX_ADDRESS`.
#[derive(Copy, Clone, Default)]
struct Positions([u64; MAX_ADDRESS / 64 + 1]);

impl Positions {
    fn add(&mut self, at: usize) {
        self.0[at / 64] |= 1 << (at % 64);
    }

    fn has(&self, at: usize) -> bool {
        self.0[at / 64] & 1 << (at % 64) != 0
    }

    fn is_empty(&self) -> bool {
        self.0 == [0; MAX_ADDRESS / 64 + 1]
    }

    fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().flat_map(|(word, &bits)| {
            std::iter::successors(Some(bits), |bits| Some(bits & bits.wrapping_sub(1)))
                .take_while(|&bits| bits != 0)
                .map(move |bits| word * 64 + bits.trailing_zeros() as usize)
        })
    }

    /// One byte further, where it fits.
    fn step(&self, address: &[u8], steps: &mut usize, fits: impl Fn(u8) -> bool) -> Self {
        let mut next = Self::default();
        for at in self.iter() {
            *steps += 1;
            if address.get(at).is_some_and(|&byte| fits(byte)) {
                next.add(at + 1);
            }
        }
        next
    }

    /// Any number of bytes further, up to the next `/`.
    fn spread(&self, address: &[u8], steps: &mut usize) -> Self {
        let mut next = *self;
        for (at, &byte) in address.iter().enumerate() {
            if next.has(at) && byte != b'/' {
                next.add(at + 1);
            }
        }
        *steps += address.len();
        next
    }

    /// Behind each of the words, separated by commas, that stands there.
    fn choose(&self, address: &[u8], words: &[u8], steps: &mut usize) -> Self {
        let mut next = Self::default();
        for at in self.iter() {
            for word in words.split(|&byte| byte == b',') {
                *steps += 1;
                if address[at..].starts_with(word) {
                    next.add(at + word.len());
                }
            }
        }
        next
    }
}

#[cfg(test)]
mod tests {

    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, address: &str) -> bool {
        AddressPattern::parse(pattern.as_bytes()).expect("a pattern").matches(address.as_bytes(), &mut 0)
    }

    #[test]
    fn every_pattern_character_works() {
        for (pattern, fits, does_not) in [
            ("/a", &["/a"][..], &["/b", "/a/b", "/", "/aa"][..]),
            ("/fader?", &["/fader1", "/faderx"], &["/fader", "/fader12", "/fader/"]),
            ("/fader*", &["/fader", "/fader12"], &["/fader/1", "/fade"]),
            ("/*/level", &["/1/level", "//level"], &["/1/2/level", "/level"]),
            ("/[abc]", &["/a", "/c"], &["/d", "/ab", "/"]),
            ("/[a-c5]", &["/b", "/5"], &["/-", "/d"]),
            ("/[c-a]", &["/b"], &["/d"]),
            ("/[a-]", &["/a", "/-"], &["/b"]),
            ("/[!a-c]", &["/d", "/-"], &["/b", "//", "/"]),
            ("/[!]x", &["/ax"], &["/x"]),
            ("/{one,two}", &["/one", "/two"], &["/on", "/onetwo", "/one,two"]),
            ("/{a,ab}c", &["/ac", "/abc"], &["/c", "/aabc"]),
            ("/{,x}y", &["/y", "/xy"], &["/x"]),
            ("/*{foo,bar}*", &["/foo", "/afoob", "/xxbar"], &["/fo", "/ba"]),
            ("/a*b*c", &["/abc", "/axxbyybzzc"], &["/ab", "/acb"]),
            ("/**", &["/", "/x"], &["/x/y"]),
        ] {
            for address in fits {
                assert!(matches(pattern, address), "{pattern} does not match {address}");
            }
            for address in does_not {
                assert!(!matches(pattern, address), "{pattern} matches {address}");
            }
        }
    }

    #[test]
    fn brackets_without_a_partner_are_refused() {
        for (pattern, error) in [
            ("/[abc", PatternError::Open(1)),
            ("/a{b", PatternError::Open(2)),
            ("/[a/b]", PatternError::Open(1)),
            ("/{a/b}", PatternError::Open(1)),
            ("/{a{b}}", PatternError::Open(1)),
            ("/a]", PatternError::NotOpen(2)),
            ("/a}", PatternError::NotOpen(2)),
        ] {
            assert_eq!(AddressPattern::parse(pattern.as_bytes()), Err(error), "{pattern}");
        }
        assert_eq!(AddressPattern::parse(&[b'*'; MAX_PATTERN + 1]), Err(PatternError::TooLong));
    }

    #[test]
    fn patterns_made_to_explode_cost_no_more_than_both_lengths() {
        let address = format!("/{}", "a".repeat(MAX_ADDRESS - 1));
        for (unit, tail) in
            [("*a", "b"), ("*", "b"), ("{a,aa,aaa}", "b"), ("*{a,a}", "b"), ("*[!b]", "b"), ("?*", "b")]
        {
            let pattern = format!("/{}{tail}", unit.repeat((MAX_PATTERN - 2) / unit.len()));
            let mut steps = 0;
            let pattern = AddressPattern::parse(pattern.as_bytes()).expect("a pattern");
            assert!(!pattern.matches(address.as_bytes(), &mut steps), "{unit}");
            assert!(steps <= (MAX_ADDRESS + 1) * MAX_PATTERN, "{unit}: {steps} steps");
        }
    }

    /// The obvious definition, exponential and right.
    fn model(pattern: &[u8], address: &[u8]) -> bool {
        let Some(&first) = pattern.first() else { return address.is_empty() };
        let one = |fits: &dyn Fn(u8) -> bool, len: usize| {
            address.first().is_some_and(|&byte| byte != b'/' && fits(byte))
                && model(&pattern[len..], &address[1..])
        };
        match first {
            b'*' => {
                let most = address.iter().position(|&byte| byte == b'/').unwrap_or(address.len());
                (0..=most).any(|skip| model(&pattern[1..], &address[skip..]))
            }
            b'?' => one(&|_| true, 1),
            b'[' => {
                let len = bracket(pattern).expect("a class");
                one(&|byte| class_has(&pattern[1..len - 1], byte), len)
            }
            b'{' => {
                let len = bracket(pattern).expect("a choice");
                pattern[1..len - 1]
                    .split(|&byte| byte == b',')
                    .any(|word| address.strip_prefix(word).is_some_and(|rest| model(&pattern[len..], rest)))
            }
            literal => address.first() == Some(&literal) && model(&pattern[1..], &address[1..]),
        }
    }

    proptest! {
        #[test]
        fn matches_like_the_obvious_definition(
            items in prop::collection::vec(
                prop::sample::select(vec!["a", "b", "/", "*", "?", "[ab]", "[!a]", "{a,b}", "{ab,a,}"]), 0..7),
            address in "[ab/]{0,8}",
        ) {
            let pattern = items.concat();
            prop_assert_eq!(matches(&pattern, &address), model(pattern.as_bytes(), address.as_bytes()));
        }

        #[test]
        fn no_bytes_panic(pattern in prop::collection::vec(any::<u8>(), 0..60), address in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(pattern) = AddressPattern::parse(&pattern) {
                pattern.matches(&address, &mut 0);
            }
        }
    }
}
