//! Runs of equal levels in a line of text: `255 0*511`.

use std::fmt;
use std::str::FromStr;

/// The minimum length of a run to be shown as one.
const SHORTEST: usize = 3;

/// Shows a run, with a space before each word.
pub(crate) fn show(f: &mut fmt::Formatter<'_>, level: impl fmt::Display, count: usize) -> fmt::Result {
    if count >= SHORTEST {
        write!(f, " {level}*{count}")
    } else {
        (0..count).try_for_each(|_| write!(f, " {level}"))
    }
}

/// Parses `7`, or `7*3` for three of them.
pub(crate) fn parse<T: FromStr>(word: &str) -> Option<(T, usize)> {
    let (level, count) = word.split_once('*').unwrap_or((word, "1"));
    Some((level.parse().ok()?, count.parse::<u16>().ok()?.into()))
}
