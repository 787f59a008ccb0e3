//! Hides secrets in diagnostics, including those on malformed lines such as `password T0PSECRET` without `=`.
//!
//! In every line that a diagnostic shows, the words before `=` are checked. If one resembles the name of a secret, the rest of
//! the line is hidden, both in the excerpt and in the message.

use std::collections::BTreeMap;

use crosspatch_core::Registry;

use crate::report::diagnostic::Diagnostic;
use crate::report::suggest::closest;
use crate::syntax::source::{COMMAND_LINE, Location, SourceFile, SourceFiles, Span};

/// Common names of secrets, in addition to the options of the backends.
const NAMES: [&str; 6] = ["password", "passwd", "passphrase", "passcode", "secret", "token"];

/// Replaces a secret in a sentence.
const HIDDEN: &str = "...";

/// Shorter parts of a secret are not hidden. They reveal nothing and may occur in a sentence by chance.
const MIN_PART: usize = 3;

/// The name of a secret is searched for in this many characters at the start of a line.
const MAX_NAME: usize = 200;

/// A secret of more bytes is not searched for in sentences. The sentences are dropped instead.
const MAX_SECRET: usize = 2000;

/// Hides the secrets of all lines that are shown.
pub(crate) fn mask(diagnostics: &mut [Diagnostic], sources: &mut SourceFiles, registry: Registry) {
    let options = registry.backends.iter().flat_map(|backend| backend.options);
    let secret = options.filter(|spec| spec.secret && !spec.file);
    let mut names: Vec<&str> =
        secret.flat_map(|spec| std::iter::once(&spec.name).chain(spec.aliases)).copied().collect();
    names.extend(NAMES);
    // A line with many mistakes is searched once.
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

/// Removes the secret after `word` from all sentences of a diagnostic.
fn hide(diagnostic: &mut Diagnostic, word: &str, secret: &str) {
    let labels = diagnostic.labels.iter_mut().map(|label| &mut label.text);
    if secret.len() > MAX_SECRET {
        labels.for_each(String::clear);
        diagnostic.help.clear();
        "this line has a mistake; it may contain a secret and is not shown"
            .clone_into(&mut diagnostic.message);
        return;
    }
    let sentences = std::iter::once(&mut diagnostic.message).chain(&mut diagnostic.help).chain(labels);
    sentences.for_each(|sentence| *sentence = without(sentence, word, secret));
}

/// The first word of a line that resembles the name of a secret, and the secret after it.
fn secret_of(source: &SourceFile, number: usize, names: &[&str]) -> Option<(Span, Span)> {
    let line = source.line(number);
    let text = line.of(source.text.as_str());
    let head = text.char_indices().nth(MAX_NAME).map_or(text, |(len, _)| &text[..len]);
    let equals = head.find('=');
    let name_len = equals.unwrap_or(head.len());
    let is_option = equals.is_some() || source.path.as_os_str() == COMMAND_LINE;
    let is_between = |c: char| c.is_whitespace() || matches!(c, '=' | ':' | '\u{feff}');
    let mut end = 0;
    while end < name_len {
        let start = end + head[end..].find(|c| !is_between(c))?;
        end = start + head[start..].find(is_between)?;
        let word = text[start..end].trim_matches('"');
        // Only an option can follow the name of an instance; in a mapping, it is an address.
        let last = word.rsplit('.').next().filter(|_| is_option).unwrap_or(word);
        let secret = text[end..].trim_matches(is_between);
        if is_secret_name(last, names) && !secret.is_empty() {
            let skipped = end + text[end..].len() - text[end..].trim_start_matches(is_between).len();
            let at = line.start as usize;
            let word = Span::new(at + start, at + end);
            return Some((word, Span::new(at + skipped, at + skipped + secret.len())));
        }
    }
    None
}

fn is_secret_name(word: &str, names: &[&str]) -> bool {
    let is_one = names.iter().any(|name| name.eq_ignore_ascii_case(word));
    // Short words such as `to` are prefixes of a name by chance.
    is_one || word.len() > MIN_PART && closest(word, names.iter().copied()).is_some()
}

/// The sentence without the secret, even if it quotes only a part of the line.
fn without(sentence: &str, word: &str, secret: &str) -> String {
    let mut safe = without_beginning(sentence, word, secret).replace(secret, HIDDEN);
    let parts = secret.split(|c: char| c.is_whitespace() || c == '=');
    for part in parts.filter(|part| part.len() >= MIN_PART && *part != HIDDEN) {
        safe = safe.replace(part, HIDDEN);
    }
    safe
}

/// Removes the beginning of a secret after its name, which is left where the quote of a long line was shortened.
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
    fn a_quoted_secret_is_removed_from_the_sentence() {
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
