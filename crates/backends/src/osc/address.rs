//! Channels as a person writes them: an OSC path, and behind a colon the number of the argument if it is not the first.

use std::fmt;

use crosspatch_core::AddressError;

use super::pattern::{self, MAX_ADDRESS};

/// The argument with the highest number that can be mapped.
pub(crate) const MAX_ARGUMENT: u8 = 255;

/// A channel of an instance: `/fader/1`, `/xy:1`.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address<'a> {
    /// The path, without the root of the instance.
    pub(crate) path: &'a str,
    /// Which argument, counted from 0.
    pub(crate) argument: u8,
}

impl<'a> Address<'a> {
    /// Reads an address.
    pub(crate) fn parse(text: &'a str) -> Result<Self, AddressError> {
        let (path, argument) = split_argument(text)?;
        check_path(path)?;
        if pattern::is_pattern(path.as_bytes()) {
            let error = AddressError::new(format!("a channel is one path, found the pattern `{path}`"));
            return Err(error.help("patterns with `? * [] {}` belong into the options of the instance"));
        }
        Ok(Self { path, argument })
    }
}

/// Checks what holds for paths, roots and patterns alike.
pub(crate) fn check_path(path: &str) -> Result<(), AddressError> {
    if !path.starts_with('/') {
        let error = AddressError::new(format!("an OSC path begins with `/`, found `{path}`"));
        return Err(if path.is_empty() { error } else { error.suggest(format!("/{path}")) });
    }
    if let Some(c) = path.chars().find(|&c| c.is_whitespace() || c.is_control()) {
        return Err(AddressError::new(format!("an OSC path has no blanks, found `{}`", c.escape_debug())));
    }
    if path.len() > MAX_ADDRESS {
        return Err(AddressError::new(format!(
            "an OSC path has at most {MAX_ADDRESS} bytes, found {}",
            path.len()
        )));
    }
    Ok(())
}

/// Splits off `:n`. A colon with anything but a number behind it belongs to the path, unless it looks like a slip.
fn split_argument(text: &str) -> Result<(&str, u8), AddressError> {
    let Some((path, number)) = text.rsplit_once(':') else { return Ok((text, 0)) };
    if !number.is_empty() && !number.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '+') {
        return Ok((text, 0));
    }
    match number.parse::<u8>() {
        Ok(argument) if !number.starts_with('+') => Ok((path, argument)),
        Ok(_) | Err(_) => Err(AddressError::new(format!(
            "expected the number of an argument from 0 to {MAX_ARGUMENT} behind the colon, found `{number}`"
        ))
        .suggest(path)),
    }
}

impl fmt::Display for Address<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path)?;
        // A path that itself ends like an argument keeps its `:0`.
        if self.argument > 0 || split_argument(self.path) != Ok((self.path, 0)) {
            write!(f, ":{}", self.argument)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_are_read_and_shown() {
        for (text, path, argument, shown) in [
            ("/fader/1", "/fader/1", 0, "/fader/1"),
            ("/fader/1:0", "/fader/1", 0, "/fader/1"),
            ("/xy:1", "/xy", 1, "/xy:1"),
            ("/xy:01", "/xy", 1, "/xy:1"),
            ("/batch/#0", "/batch/#0", 0, "/batch/#0"),
            ("/bühne", "/bühne", 0, "/bühne"),
            ("/cue:go", "/cue:go", 0, "/cue:go"),
            ("/a:1:0", "/a:1", 0, "/a:1:0"),
            ("/a:1:2", "/a:1", 2, "/a:1:2"),
            ("/", "/", 0, "/"),
        ] {
            let address = Address::parse(text).expect(text);
            assert_eq!((address.path, address.argument, &*address.to_string()), (path, argument, shown));
        }
    }

    #[test]
    fn slips_are_refused_with_a_reason() {
        for (text, reason) in [
            ("", "begins with `/`"),
            ("fader", "begins with `/`"),
            ("/a b", "no blanks"),
            ("/a\u{7}", "no blanks"),
            ("/a:", "number of an argument"),
            ("/a:256", "number of an argument"),
            ("/a:-1", "number of an argument"),
            ("/a:5xyz", "number of an argument"),
            ("/a:0x1", "number of an argument"),
            ("/a*", "is one path"),
            ("/[ab]", "is one path"),
            ("/{a,b}", "is one path"),
        ] {
            let error = Address::parse(text).expect_err(text);
            assert!(error.message.contains(reason), "{text}: {error}");
        }
        assert!(Address::parse(&format!("/{}", "a".repeat(255))).is_err());
        assert_eq!(Address::parse("fader").expect_err("no slash").suggestion.as_deref(), Some("/fader"));
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_again(text in "/[a-z0-9:/#-]{0,12}") {
            if let Ok(address) = Address::parse(&text) {
                let shown = address.to_string();
                prop_assert_eq!(Address::parse(&shown), Ok(address));
            }
        }
    }
}
