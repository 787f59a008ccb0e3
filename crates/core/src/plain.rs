//! Makes texts of peers safe to display: they contain nothing invisible and nothing that reorders the surrounding text.
//!
//! A terminal and a page act on control characters, and characters such as U+202E RIGHT-TO-LEFT OVERRIDE change the
//! apparent meaning of a line. They are shown as `\u{202e}`. Letters of every script and their accents remain
//! unchanged.

use std::borrow::Cow;
use std::fmt::{self, Write};

/// Shows a text with everything escaped that would not be seen.
#[derive(Copy, Clone, Debug)]
pub struct Plain<'a>(pub &'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|letter| {
            if is_plain(letter) { f.write_char(letter) } else { write!(f, "{}", letter.escape_default()) }
        })
    }
}

/// The text with everything escaped that would not be seen; mostly it is the same.
pub fn plain<'a>(text: impl Into<Cow<'a, str>>) -> Cow<'a, str> {
    let text = text.into();
    if text.chars().all(is_plain) { text } else { Plain(&text).to_string().into() }
}

/// Whether a character can be seen, or is a blank, and is neither a control nor a mark for the direction of writing.
pub fn is_plain(letter: char) -> bool {
    if letter.is_ascii() {
        return !letter.is_ascii_control();
    }
    !is_blank_letter(letter) && {
        // The standard library escapes characters that are not printable: controls, formats, separators, unassigned and
        // private characters. It does not escape accents after a letter, which belong to that letter.
        let mut bytes = [b'a'; 5];
        let len = letter.encode_utf8(&mut bytes[1..]).len();
        let shown = std::str::from_utf8(&bytes[..=len]).unwrap_or_default();
        shown.escape_debug().nth(1) != Some('\\')
    }
}

/// Letters and marks that count as printable and show nothing (Unicode: `Default_Ignorable_Code_Point`, and the empty braille
/// pattern).
fn is_blank_letter(letter: char) -> bool {
    matches!(
        letter,
        '\u{34f}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0d}'
            | '\u{ffa0}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_turns_the_line_round_or_is_not_seen_is_escaped() {
        for (text, shown) in [
            ("cue\u{202e}1 og", r"cue\u{202e}1 og"),
            ("\u{2066}a\u{2069}\u{200f}\u{61c}", r"\u{2066}a\u{2069}\u{200f}\u{61c}"),
            ("a\u{200b}b\u{feff}\u{ad}c", r"a\u{200b}b\u{feff}\u{ad}c"),
            ("\u{2028}\u{2029}\u{85}", r"\u{2028}\u{2029}\u{85}"),
            ("\u{1b}[2J\0\n\t\u{7f}\u{9b}", r"\u{1b}[2J\u{0}\n\t\u{7f}\u{9b}"),
            ("a\u{3164}\u{e0041}\u{34f}", r"a\u{3164}\u{e0041}\u{34f}"),
        ] {
            assert_eq!(plain(text), shown);
            assert_eq!(Plain(text).to_string(), shown);
        }
    }

    #[test]
    fn letters_of_every_script_stay_as_they_are() {
        let text = "Grüße `\"\\' e\u{301} Ελλάδα Москва עברית العربية हिन्दी ไทย 日本語 한국어 ☺\u{fe0f} 🎭";
        assert!(matches!(plain(text), Cow::Borrowed(same) if same == text), "{}", plain(text));
    }
}
