//! "Did you mean": the known word that is closest to a typed one.

/// The candidate that is close enough to `typed` to have been meant. None that is the same.
pub fn closest<'a>(typed: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const LONGEST: usize = 100;
    if typed.len() > LONGEST || typed.is_empty() {
        return None;
    }
    let lower = typed.to_lowercase();
    let letters = lower.chars().count();
    candidates
        .into_iter()
        .filter(|candidate| *candidate != typed && candidate.len() <= LONGEST)
        .filter_map(|candidate| {
            let known = candidate.to_lowercase();
            let distance = strsim::osa_distance(&lower, &known);
            // A third of the letters may be wrong; two words that merely share their length are not alike.
            let allowed = (letters.min(known.chars().count()) / 3).max(1);
            let is_alike = distance <= allowed && distance < letters;
            let is_beginning = letters >= 2 && known.starts_with(&lower);
            (is_alike || is_beginning).then_some((if is_alike { distance } else { allowed + 1 }, candidate))
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// The same as a sentence.
pub(crate) fn did_you_mean<'a>(typed: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    closest(typed, candidates).map(|known| format!("did you mean `{known}`?"))
}

/// An address whose misspelt word is replaced by the one of `words` that is closest, if `is_valid` takes it.
pub(crate) fn corrected(
    address: &str,
    words: &[&'static str],
    is_valid: impl Fn(&str) -> bool,
) -> Option<String> {
    const LONGEST: usize = 200;
    if address.len() > LONGEST {
        return None;
    }
    let mut start = 0;
    while start < address.len() {
        let rest = &address[start..];
        let len = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
        if len == 0 {
            start += rest.chars().next().map_or(1, char::len_utf8);
            continue;
        }
        let word = &rest[..len];
        if !words.contains(&word)
            && let Some(known) = closest(word, words.iter().copied())
        {
            let corrected = format!("{}{known}{}", &address[..start], &rest[len..]);
            if is_valid(&corrected) {
                return Some(corrected);
            }
        }
        start += len;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_mended_and_a_different_word_is_not() {
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
        assert_eq!(corrected("page1.fadr6", &words, is_valid), None);
        assert_eq!(corrected("ü", &words, is_valid), None);
    }
}
