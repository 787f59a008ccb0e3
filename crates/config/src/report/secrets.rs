//! Keeps what may be a secret out of diagnostics, also on lines that are no options: `password T0PSECRET` without `=`.
//!
//! Of every line that a diagnostic shows, the words before a `=` are looked at. Behind one that is like the name of a secret,
//! the rest of the line is hidden, and so it is in the message.

use std::collections::BTreeMap;

use crosspatch_core::Registry;

use crate::report::diagnostic::Diagnostic;
use crate::report::suggest::closest;
use crate::syntax::source::{COMMAND_LINE, Location, Source, Sources, Span};

/// What secrets are called everywhere, beside the options of the backends.
const NAMES: [&str; 6] = ["password", "passwd", "passphrase", "passcode", "secret", "token"];

/// What hides a secret in a sentence.
const HIDDEN: &str = "...";

/// A word of fewer letters is no secret that a sentence could give away, and may stand in it by chance.
const SHORTEST: usize = 3;

/// Among so many letters at the beginning of a line there is a name, if it has one.
const LONGEST_NAME: usize = 200;

/// A secret of more bytes than this is not searched for in sentences; they are left out.
const LONGEST: usize = 2000;

/// Hides the secrets of all lines that are shown.
pub(crate) fn mask(diagnostics: &mut [Diagnostic], sources: &mut Sources, registry: Registry) {
    let options = registry.backends.iter().flat_map(|backend| backend.options);
    let secret = options.filter(|spec| spec.secret && !spec.file);
    let mut names: Vec<&str> =
        secret.flat_map(|spec| std::iter::once(&spec.name).chain(spec.aliases)).copied().collect();
    names.extend(NAMES);
    // A line with a thousand mistakes is looked at once.
    let mut found = BTreeMap::new();
    for diagnostic in diagnostics {
        let locations: Vec<_> = diagnostic.labels.iter().map(|label| label.location).collect();
        for location in locations {
            let source = sources.get(location.source);
            let number = source.line_of(location.span.start);
            let secret =
                found.entry((location.source, number)).or_insert_with(|| secret_of(source, number, &names));
            if let Some((word, rest)) = *secret {
                let text = source.text.as_str();
                hide(diagnostic, word.of(text), rest.of(text));
                sources.hide(Location { span: rest, ..location });
            }
        }
    }
}

/// Takes the secret behind a word out of all that is said.
fn hide(diagnostic: &mut Diagnostic, word: &str, secret: &str) {
    let labels = diagnostic.labels.iter_mut().map(|label| &mut label.text);
    if secret.len() > LONGEST {
        labels.for_each(String::clear);
        diagnostic.help.clear();
        "this line is mistaken; it may hold a secret and is not shown".clone_into(&mut diagnostic.message);
        return;
    }
    let sentences = std::iter::once(&mut diagnostic.message).chain(&mut diagnostic.help).chain(labels);
    sentences.for_each(|sentence| *sentence = without(sentence, word, secret));
}

/// The first word of a line that is like the name of a secret, and what stands behind it.
fn secret_of(source: &Source, number: usize, names: &[&str]) -> Option<(Span, Span)> {
    let line = source.line(number);
    let text = line.of(source.text.as_str());
    let head = text.char_indices().nth(LONGEST_NAME).map_or(text, |(len, _)| &text[..len]);
    let equals = head.find('=');
    let name_len = equals.unwrap_or(head.len());
    let is_option = equals.is_some() || source.path.as_os_str() == COMMAND_LINE;
    let is_between = |letter: char| letter.is_whitespace() || matches!(letter, '=' | ':' | '\u{feff}');
    let mut end = 0;
    while end < name_len {
        let start = end + head[end..].find(|letter| !is_between(letter))?;
        end = start + head[start..].find(is_between)?;
        let word = text[start..end].trim_matches('"');
        // Only an option has an instance in front of it; what a mapping has there is an address.
        let last = word.rsplit('.').next().filter(|_| is_option).unwrap_or(word);
        let secret = text[end..].trim_matches(is_between);
        if is_secret_name(last, names) && !secret.is_empty() {
            let behind = end + text[end..].len() - text[end..].trim_start_matches(is_between).len();
            let at = line.start as usize;
            let word = Span::new(at + start, at + end);
            return Some((word, Span::new(at + behind, at + behind + secret.len())));
        }
    }
    None
}

fn is_secret_name(word: &str, names: &[&str]) -> bool {
    let is_one = names.iter().any(|name| name.eq_ignore_ascii_case(word));
    // `to` is the beginning of a token, and no reason to hide anything.
    is_one || word.len() > SHORTEST && closest(word, names.iter().copied()).is_some()
}

/// A sentence without the secret, wherever it quotes the line or a part of it.
fn without(sentence: &str, word: &str, secret: &str) -> String {
    let mut safe = without_beginning(sentence, word, secret).replace(secret, HIDDEN);
    let parts = secret.split(|letter: char| letter.is_whitespace() || letter == '=');
    for part in parts.filter(|part| part.len() >= SHORTEST && *part != HIDDEN) {
        safe = safe.replace(part, HIDDEN);
    }
    safe
}

/// A long line is quoted as far as there is room: then the beginning of the secret is behind its name.
fn without_beginning(sentence: &str, word: &str, secret: &str) -> String {
    let mut safe = sentence.to_owned();
    let mut from = 0;
    while let Some(found) = safe[from..].find(word) {
        from += found + word.len();
        let rest = &safe[from..];
        let start = from + rest.len() - rest.trim_start_matches([' ', '=', ':']).len();
        let end = from + rest.rfind(HIDDEN).unwrap_or(0);
        if start < end && secret.starts_with(&safe[start..end]) {
            safe.replace_range(start..end, "");
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_that_quotes_a_secret_has_it_no_more() {
        for (sentence, secret, expected) in [
            ("found `password T0P SECRET`", "T0P SECRET", "found `password ...`"),
            ("found `password T0P SEC...`", "T0P SECRET", "found `password ...`"),
            ("no option `password T0P`", "T0P = x", "no option `password ...`"),
            ("`password` is `T0P`", "T0P", "`password` is `...`"),
            ("the password is short", "T0P", "the password is short"),
            ("for example `password = VALUE`", "T0P", "for example `password = VALUE`"),
        ] {
            assert_eq!(without(sentence, "password", secret), expected);
        }
    }
}
