//! The command keys of a web remote: what each adds to its command line, or does.

/// A key of the command section.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// Adds a word; pressed again with the cursor after it, replaces it by the next of the list.
    Word(&'static [&'static str]),
    /// Adds a digit or a point, without a blank before it.
    Digit(char),
    /// Executes the line.
    Enter,
    /// Steps the programmer back, or empties the line.
    Clear,
    /// Takes the last word back.
    Oops,
    /// Empties the line.
    Escape,
    /// Toggles a lamp.
    Set,
    High,
    Solo,
    /// Works on the selected executor when the line is empty, adds a word otherwise.
    Run(&'static str),
    /// Nothing that could be seen.
    Nothing,
}

/// All keys that web remotes have.
pub(super) const KEYS: &[(&str, Key)] = &[
    ("SET", Key::Set),
    ("PREV", Key::Nothing),
    ("NEXT", Key::Nothing),
    ("CLEAR", Key::Clear),
    ("FIXTURE_CHANNEL", Key::Word(&["Fixture", "Channel"])),
    ("FIXTURE_GROUP_PRESET", Key::Word(&["Fixture", "Group", "Preset"])),
    ("EXEC_CUE", Key::Word(&["Executor", "Cue"])),
    ("STORE_UPDATE", Key::Word(&["Store", "Update"])),
    ("OOPS", Key::Oops),
    ("ESC", Key::Escape),
    ("0", Key::Digit('0')),
    ("1", Key::Digit('1')),
    ("2", Key::Digit('2')),
    ("3", Key::Digit('3')),
    ("4", Key::Digit('4')),
    ("5", Key::Digit('5')),
    ("6", Key::Digit('6')),
    ("7", Key::Digit('7')),
    ("8", Key::Digit('8')),
    ("9", Key::Digit('9')),
    ("PUNKT", Key::Digit('.')),
    ("PLUS", Key::Word(&["+"])),
    ("MINUS", Key::Word(&["-"])),
    ("THRU", Key::Word(&["Thru"])),
    ("IF", Key::Word(&["If"])),
    ("AT", Key::Word(&["At", "Normal"])),
    ("FULL", Key::Word(&["Full"])),
    ("HIGH", Key::High),
    ("ENTER", Key::Enter),
    ("OFF", Key::Word(&["Off"])),
    ("ON", Key::Word(&["On"])),
    ("ASSIGN", Key::Word(&["Assign"])),
    ("LABEL", Key::Word(&["Label"])),
    ("COPY", Key::Word(&["Copy"])),
    ("TIME", Key::Word(&["Time"])),
    ("PAGE", Key::Word(&["Page"])),
    ("MACRO", Key::Word(&["Macro"])),
    ("DELETE", Key::Word(&["Delete"])),
    ("GOTO", Key::Word(&["Goto"])),
    ("GO_PLUS", Key::Run("Go")),
    ("GO_MINUS", Key::Run("GoBack")),
    ("PAUSE", Key::Run("Pause")),
    ("SELECT", Key::Word(&["Select"])),
    ("FIXTURE", Key::Word(&["Fixture"])),
    ("SEQU", Key::Word(&["Sequence"])),
    ("CUE", Key::Word(&["Cue"])),
    ("PRESET", Key::Word(&["Preset"])),
    ("EDIT", Key::Word(&["Edit"])),
    ("UPDATE", Key::Word(&["Update"])),
    ("EXEC", Key::Word(&["Executor"])),
    ("STORE", Key::Word(&["Store"])),
    ("GROUP", Key::Word(&["Group"])),
    ("PROG_ONLY", Key::Nothing),
    ("SPECIAL_DIALOGUE", Key::Nothing),
    ("SOLO", Key::Solo),
    ("ODD", Key::Nothing),
    ("EVEN", Key::Nothing),
    ("WINGS", Key::Nothing),
    ("RESET", Key::Nothing),
    ("MA", Key::Nothing),
    ("layerMode", Key::Nothing),
    ("featureSort", Key::Nothing),
    ("fixtureSort", Key::Nothing),
    ("channelSort", Key::Nothing),
    ("hideName", Key::Nothing),
];

/// The key of that name.
pub(super) fn find(name: &str) -> Option<(&'static str, Key)> {
    KEYS.iter().copied().find(|(known, _)| *known == name)
}

/// Longer lines than this are not typed by anybody.
const MOST: usize = 1_000;

/// Adds a word to a command line; words are followed by a blank.
pub(super) fn add_word(line: &mut String, words: &[&str]) {
    let last = line.trim_end().rsplit(' ').next().unwrap_or("");
    let at = words.iter().position(|word| *word == last);
    let next = match at {
        Some(at) if words.len() > 1 => {
            line.truncate(line.trim_end().len() - last.len());
            words[(at + 1) % words.len()]
        }
        Some(_) | None => words.first().copied().unwrap_or(""),
    };
    if line.len() + next.len() < MOST {
        if line.ends_with(|last: char| last != ' ') {
            line.push(' ');
        }
        line.push_str(next);
        line.push(' ');
    }
}

/// Adds a digit to a command line.
pub(super) fn add_digit(line: &mut String, digit: char) {
    if line.len() < MOST {
        line.push(digit);
    }
}

/// Takes the last word of a command line back.
pub(super) fn remove_word(line: &mut String) {
    let kept = line.trim_end().rfind(' ').map_or(0, |blank| blank + 1);
    line.truncate(kept);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_grows_by_words_and_digits_and_shrinks_by_words() {
        let mut line = String::new();
        for name in ["STORE", "EXEC", "1", "PUNKT", "5", "THRU", "1", "PUNKT", "7"] {
            let key = find(name).expect("a key").1;
            if let Key::Word(words) = key {
                add_word(&mut line, words);
            } else if let Key::Digit(digit) = key {
                add_digit(&mut line, digit);
            } else {
                panic!("{key:?} types nothing");
            }
        }
        assert_eq!(line, "Store Executor 1.5 Thru 1.7");
        remove_word(&mut line);
        remove_word(&mut line);
        assert_eq!(line, "Store Executor 1.5 ");
    }

    #[test]
    fn a_key_with_two_words_changes_between_them() {
        let mut line = String::new();
        let words = &["Fixture", "Channel"];
        for expected in ["Fixture ", "Channel ", "Fixture "] {
            add_word(&mut line, words);
            assert_eq!(line, expected);
        }
    }
}
