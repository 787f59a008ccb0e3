//! Suggestions: the known word that is closest to what was typed, and valid names in place of invalid ones.

use crate::report::diagnostic::Draft;
use crate::syntax::source::Location;
use crate::wording::quote;

/// The candidate that was probably meant by `typed`, if one is similar enough. Never `typed` itself.
pub fn closest<'a>(typed: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const LONGEST: usize = 100;
    if typed.len() > LONGEST || typed.is_empty() {
        return None;
    }
    let lower = typed.to_lowercase();
    let length = lower.chars().count();
    candidates
        .into_iter()
        .filter(|candidate| *candidate != typed && candidate.len() <= LONGEST)
        .filter_map(|candidate| {
            let known = candidate.to_lowercase();
            let distance = strsim::osa_distance(&lower, &known);
            // Up to a third of the characters may differ. Two words of the same length with nothing in common are not similar.
            let allowed = (length.min(known.chars().count()) / 3).max(1);
            let is_similar = distance <= allowed && distance < length;
            let is_beginning = length >= 2 && known.starts_with(&lower);
            (is_similar || is_beginning)
                .then_some((if is_similar { distance } else { allowed + 1 }, candidate))
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// The closest candidate, as a question.
pub(crate) fn did_you_mean<'a>(typed: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    closest(typed, candidates).map(|known| format!("did you mean `{known}`?"))
}

/// The address in the other case, or with misspelt words replaced by the closest ones of `words`, if `is_valid` accepts the
/// result.
pub(crate) fn corrected(
    address: &str,
    words: &[&'static str],
    is_valid: impl Fn(&str) -> bool,
) -> Option<String> {
    const LONGEST: usize = 200;
    if address.len() > LONGEST {
        return None;
    }
    // A whole address in the wrong case is more likely than one misspelt word.
    let cases = [address.to_lowercase(), address.to_uppercase()];
    if let Some(meant) = cases.into_iter().find(|meant| meant != address && is_valid(meant)) {
        return Some(meant);
    }
    // Words are replaced one after the other, until the address is valid.
    let mut out = String::new();
    let mut start = 0;
    while start < address.len() {
        let rest = &address[start..];
        let len = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
        if len == 0 {
            let next = rest.chars().next().map_or(1, char::len_utf8);
            out.push_str(&rest[..next]);
            start += next;
            continue;
        }
        let (word, after) = rest.split_at(len);
        let known = if words.contains(&word) { None } else { closest(word, words.iter().copied()) };
        out.push_str(known.unwrap_or(word));
        if let Some(known) = known {
            // With the earlier corrections, or without them.
            let candidates = [format!("{out}{after}"), format!("{}{known}{after}", &address[..start])];
            if let Some(meant) = candidates.into_iter().find(|meant| is_valid(meant)) {
                return Some(meant);
            }
        }
        start += len;
    }
    None
}

/// Reports a name that contains white space or one of the `forbidden` characters.
pub(crate) fn invalid_name(id: &'static str, at: Location, name: &str, forbidden: &str) -> Option<Draft> {
    let is_wrong = |c: char| c.is_whitespace() || forbidden.contains(c);
    let wrong = name.chars().find(|&c| is_wrong(c))?;
    let found = if wrong.is_whitespace() { "spaces".to_owned() } else { format!("`{wrong}`") };
    let message = format!("expected a name without {found}, found {}", quote(name));
    let help = format!("for example {}", quote(&name.replace(is_wrong, "-")));
    Some(Draft::error(id, message).at(at).help(help))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_error_is_corrected_and_a_different_word_is_not() {
        let known = ["osc", "maweb", "masim", "loopback"];
        for (typed, meant) in [
            ("ocs", Some("osc")),
            ("OSC", Some("osc")),
            ("mawbe", Some("maweb")),
            ("loop", Some("loopback")),
            ("midi", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(closest(typed, known), meant, "{typed}");
        }
    }

    #[test]
    fn the_misspelt_word_of_an_address_is_replaced_if_that_makes_it_valid() {
        let words = ["page", "fader", "upper"];
        let is_valid = |address: &str| address == "page1.fader5";
        assert_eq!(corrected("page1.fadr5", &words, is_valid).as_deref(), Some("page1.fader5"));
        assert_eq!(corrected("pgae1.fader5", &words, is_valid).as_deref(), Some("page1.fader5"));
        assert_eq!(corrected("Page1.Fader5", &words, is_valid).as_deref(), Some("page1.fader5"));
        assert_eq!(corrected("PAGE1.fadr5", &words, is_valid).as_deref(), Some("page1.fader5"));
        assert_eq!(corrected("pgae1.fadr5", &words, is_valid).as_deref(), Some("page1.fader5"));
        assert_eq!(corrected("store", &words, |address| address == "STORE").as_deref(), Some("STORE"));
        assert_eq!(corrected("page1.fadr6", &words, is_valid), None);
        assert_eq!(corrected("ü", &words, is_valid), None);
    }
}
