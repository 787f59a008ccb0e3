//! Helpers for the wording of diagnostics.

use std::borrow::Cow;

use crosspatch_core::is_plain;

/// Quotes user input in backticks: shortened, and without control characters.
pub(crate) fn quote(typed: &str) -> String {
    const MAX_LEN: usize = 60;
    format!("`{}`", shortened(typed, MAX_LEN))
}

/// Makes a sentence that contains user input safe to show.
pub(crate) fn sanitized(sentence: &str) -> String {
    const MAX_LEN: usize = 400;
    shortened(sentence, MAX_LEN)
}

fn shortened(text: &str, max_len: usize) -> String {
    let mut shown = String::new();
    let mut characters = text.chars();
    for c in characters.by_ref().take(max_len) {
        match c {
            '\t' => shown.push(' '),
            c if is_plain(c) => shown.push(c),
            c => shown.extend(c.escape_default()),
        }
    }
    if characters.next().is_some() {
        shown.push_str("...");
    }
    shown
}

/// What stands between quotes that surround the whole text: `"tablet"`.
pub(crate) fn between_quotes(text: &str) -> Option<&str> {
    ['"', '\''].into_iter().find_map(|quote| {
        let inside = text.strip_prefix(quote)?.strip_suffix(quote)?;
        (!inside.contains(quote)).then_some(inside)
    })
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
    fn quotes_surround_a_text_as_a_whole() {
        for (text, inside) in [
            (r#""a b""#, Some("a b")),
            ("'a'", Some("a")),
            (r#""""#, Some("")),
            (r#"""#, None),
            (r#""a" "b""#, None),
            (r#""a'"#, None),
            ("a", None),
        ] {
            assert_eq!(between_quotes(text), inside, "{text}");
        }
    }

    #[test]
    fn input_is_shortened_and_escaped() {
        assert_eq!(quote("a\tb\u{1b}[31m"), "`a b\\u{1b}[31m`");
        assert_eq!(quote(&"x".repeat(100)).len(), 65);
    }
}
