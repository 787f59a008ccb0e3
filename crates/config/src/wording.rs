//! How sentences of diagnostics quote what a person typed.

use std::borrow::Cow;

use crosspatch_core::is_plain;

/// Something that a person typed, in backticks, fit to be shown: short and without control characters.
pub(crate) fn quote(typed: &str) -> String {
    const LONGEST: usize = 60;
    format!("`{}`", shortened(typed, LONGEST))
}

/// A sentence, which may contain anything that a person typed, fit to be shown.
pub(crate) fn fit(sentence: &str) -> String {
    const LONGEST: usize = 400;
    shortened(sentence, LONGEST)
}

fn shortened(text: &str, longest: usize) -> String {
    let mut shown = String::new();
    let mut letters = text.chars();
    for letter in letters.by_ref().take(longest) {
        match letter {
            '\t' => shown.push(' '),
            letter if is_plain(letter) => shown.push(letter),
            letter => shown.extend(letter.escape_default()),
        }
    }
    if letters.next().is_some() {
        shown.push_str("...");
    }
    shown
}

/// `1 channel`, `2 channels`.
pub(crate) fn count(number: u128, what: &str) -> String {
    let plural: Cow<'_, str> = if number == 1 { what.into() } else { format!("{what}s").into() };
    format!("{number} {plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_is_made_fit_to_be_shown() {
        assert_eq!(quote("a\tb\u{1b}[31m"), "`a b\\u{1b}[31m`");
        assert_eq!(quote(&"x".repeat(100)).len(), 65);
    }
}
