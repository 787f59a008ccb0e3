//! Channels as a person writes them: an OSC path, and after a colon the number of the argument if it is not the first.

use std::fmt;

use crosspatch_core::AddressError;
use crosspatch_core::address::quoted;

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
    /// Reads an address without quotes around it, as a session is bound to it.
    pub(crate) fn parse(text: &'a str) -> Result<Self, AddressError> {
        let (path, argument) = split_argument(text)?;
        check_path(path)?;
        Ok(Self { path, argument })
    }

    /// Reads an address with `path` in quotes and `behind` after them.
    pub(crate) fn parse_quoted(path: &'a str, behind: &str) -> Result<Self, AddressError> {
        check_path(path)?;
        let argument = match behind.strip_prefix(':') {
            Some(number) => read_argument(number),
            None => behind.is_empty().then_some(0),
        };
        let argument = argument.ok_or_else(|| {
            let expected = format!("expected `:0` to `:{MAX_ARGUMENT}` or nothing after the quotes");
            let meant = Self { path, argument: 0 }.to_string();
            AddressError::new(format!("{expected}, found `{behind}`")).suggest(meant)
        })?;
        Ok(Self { path, argument })
    }

    /// Refuses what has to stand between quotes.
    pub(crate) fn check_plain(&self) -> Result<(), AddressError> {
        if let Some(blank) = self.path.chars().find(|letter| letter.is_whitespace()) {
            let error = AddressError::new(format!(
                "an OSC path with blanks must be quoted, found `{}`",
                blank.escape_debug()
            ));
            return Err(error.suggest(self.to_string()));
        }
        if pattern::is_pattern(self.path.as_bytes()) {
            let path = self.path;
            let error = AddressError::new(format!("a channel is one path, found the pattern `{path}`"));
            return Err(error.help(
                "patterns with `? * [] {}` belong in the options of the instance; quote a pattern to send it unchanged",
            ));
        }
        Ok(())
    }
}

/// Checks what holds for paths, roots and patterns alike.
pub(crate) fn check_path(path: &str) -> Result<(), AddressError> {
    if !path.starts_with('/') {
        let error = AddressError::new(format!("an OSC path begins with `/`, found `{path}`"));
        return Err(if path.is_empty() { error } else { error.suggest(format!("/{path}")) });
    }
    if let Some(c) = path.chars().find(|c| c.is_control()) {
        return Err(AddressError::new(format!(
            "an OSC path has no control characters, found `{}`",
            c.escape_debug()
        )));
    }
    if path.len() > MAX_ADDRESS {
        return Err(AddressError::new(format!(
            "an OSC path has at most {MAX_ADDRESS} bytes, found {}",
            path.len()
        )));
    }
    Ok(())
}

/// Splits off a `:n` at the end. A colon followed by anything else belongs to the path, unless it looks like a slip.
fn split_argument(text: &str) -> Result<(&str, u8), AddressError> {
    let Some((path, number)) = text.rsplit_once(':') else { return Ok((text, 0)) };
    let digits = number.strip_prefix(['-', '+']).unwrap_or(number);
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok((text, 0));
    }
    match read_argument(number) {
        Some(argument) => Ok((path, argument)),
        None => Err(AddressError::new(format!(
            "expected the number of an argument from 0 to {MAX_ARGUMENT} after the colon, found `{number}`"
        ))
        .suggest(path)
        .help(format!("if the colon belongs to the path, quote it: `{}`", quoted(text)))),
    }
}

fn read_argument(number: &str) -> Option<u8> {
    number.parse().ok().filter(|_| !number.starts_with('+'))
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
            ("/layer:1/opacity", "/layer:1/opacity", 0, "/layer:1/opacity"),
            ("/layer:1/opacity:2", "/layer:1/opacity", 2, "/layer:1/opacity:2"),
            ("/a:5xyz", "/a:5xyz", 0, "/a:5xyz"),
            ("/a:0x1", "/a:0x1", 0, "/a:0x1"),
            ("/my layer/x:2", "/my layer/x", 2, "/my layer/x:2"),
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
            ("/a\u{7}", "no control characters"),
            ("/a:", "number of an argument"),
            ("/a:256", "number of an argument"),
            ("/a:-1", "number of an argument"),
            ("/a b", "must be quoted"),
            ("/a*", "is one path"),
            ("/[ab]", "is one path"),
            ("/{a,b}", "is one path"),
        ] {
            let checked = Address::parse(text).and_then(|address| address.check_plain());
            let error = checked.expect_err(text);
            assert!(error.message.contains(reason), "{text}: {error}");
        }
        assert!(Address::parse(&format!("/{}", "a".repeat(255))).is_err());
        let blank = Address::parse("/a b:2").and_then(|address| address.check_plain());
        assert_eq!(blank.expect_err("a blank").suggestion.as_deref(), Some("/a b:2"));
        assert_eq!(Address::parse("fader").expect_err("no slash").suggestion.as_deref(), Some("/fader"));
    }

    #[test]
    fn what_is_quoted_is_the_path() {
        for (path, behind, argument, shown) in [
            ("/my layer/x", "", 0, "/my layer/x"),
            ("/my layer/x", ":2", 2, "/my layer/x:2"),
            ("/layer:5", "", 0, "/layer:5:0"),
            ("/layer:5", ":2", 2, "/layer:5:2"),
            ("/layer:", "", 0, "/layer::0"),
            ("/cue/*/stop", "", 0, "/cue/*/stop"),
        ] {
            let address = Address::parse_quoted(path, behind).expect(path);
            assert_eq!((address.path, address.argument, &*address.to_string()), (path, argument, shown));
            assert_eq!(Address::parse(shown), Ok(address));
        }
        for behind in [":", ":256", ":+1", ":x", "x", " :1", "/y"] {
            let error = Address::parse_quoted("/a b", behind).expect_err(behind);
            assert!(error.message.contains("after the quotes"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_again(text in "/[a-z0-9:/# +-]{0,12}") {
            if let Ok(address) = Address::parse(&text) {
                let shown = address.to_string();
                prop_assert_eq!(Address::parse(&shown), Ok(address));
            }
        }
    }
}
