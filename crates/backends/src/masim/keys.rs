//! The command keys of a web remote: the text that each adds to its command line, or its action.

/// A key of the command section.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum DeskKey {
    /// Adds a word; pressed again with the cursor after it, replaces it by the next of the list.
    Word(&'static [&'static str]),
    /// Adds a digit or a point, without a blank before it.
    Digit(char),
    /// Executes the line.
    Enter,
    /// Steps the programmer back, or empties the line.
    Clear,
    /// Removes the last word.
    Oops,
    /// Empties the line.
    Escape,
    /// Toggles a lamp.
    Set,
    High,
    Solo,
    /// Works on the selected executor when the line is empty, adds a word otherwise.
    Run(&'static str),
    /// Has no visible effect.
    Nothing,
}

/// All keys that web remotes have.
pub(super) const KEYS: &[(&str, DeskKey)] = &[
    ("SET", DeskKey::Set),
    ("PREV", DeskKey::Nothing),
    ("NEXT", DeskKey::Nothing),
    ("CLEAR", DeskKey::Clear),
    ("FIXTURE_CHANNEL", DeskKey::Word(&["Fixture", "Channel"])),
    ("FIXTURE_GROUP_PRESET", DeskKey::Word(&["Fixture", "Group", "Preset"])),
    ("EXEC_CUE", DeskKey::Word(&["Executor", "Cue"])),
    ("STORE_UPDATE", DeskKey::Word(&["Store", "Update"])),
    ("OOPS", DeskKey::Oops),
    ("ESC", DeskKey::Escape),
    ("0", DeskKey::Digit('0')),
    ("1", DeskKey::Digit('1')),
    ("2", DeskKey::Digit('2')),
    ("3", DeskKey::Digit('3')),
    ("4", DeskKey::Digit('4')),
    ("5", DeskKey::Digit('5')),
    ("6", DeskKey::Digit('6')),
    ("7", DeskKey::Digit('7')),
    ("8", DeskKey::Digit('8')),
    ("9", DeskKey::Digit('9')),
    ("PUNKT", DeskKey::Digit('.')),
    ("PLUS", DeskKey::Word(&["+"])),
    ("MINUS", DeskKey::Word(&["-"])),
    ("THRU", DeskKey::Word(&["Thru"])),
    ("IF", DeskKey::Word(&["If"])),
    ("AT", DeskKey::Word(&["At", "Normal"])),
    ("FULL", DeskKey::Word(&["Full"])),
    ("HIGH", DeskKey::High),
    ("ENTER", DeskKey::Enter),
    ("OFF", DeskKey::Word(&["Off"])),
    ("ON", DeskKey::Word(&["On"])),
    ("ASSIGN", DeskKey::Word(&["Assign"])),
    ("LABEL", DeskKey::Word(&["Label"])),
    ("COPY", DeskKey::Word(&["Copy"])),
    ("TIME", DeskKey::Word(&["Time"])),
    ("PAGE", DeskKey::Word(&["Page"])),
    ("MACRO", DeskKey::Word(&["Macro"])),
    ("DELETE", DeskKey::Word(&["Delete"])),
    ("GOTO", DeskKey::Word(&["Goto"])),
    ("GO_PLUS", DeskKey::Run("Go")),
    ("GO_MINUS", DeskKey::Run("GoBack")),
    ("PAUSE", DeskKey::Run("Pause")),
    ("SELECT", DeskKey::Word(&["Select"])),
    ("FIXTURE", DeskKey::Word(&["Fixture"])),
    ("SEQU", DeskKey::Word(&["Sequence"])),
    ("CUE", DeskKey::Word(&["Cue"])),
    ("PRESET", DeskKey::Word(&["Preset"])),
    ("EDIT", DeskKey::Word(&["Edit"])),
    ("UPDATE", DeskKey::Word(&["Update"])),
    ("EXEC", DeskKey::Word(&["Executor"])),
    ("STORE", DeskKey::Word(&["Store"])),
    ("GROUP", DeskKey::Word(&["Group"])),
    ("PROG_ONLY", DeskKey::Nothing),
    ("SPECIAL_DIALOGUE", DeskKey::Nothing),
    ("SOLO", DeskKey::Solo),
    ("ODD", DeskKey::Nothing),
    ("EVEN", DeskKey::Nothing),
    ("WINGS", DeskKey::Nothing),
    ("RESET", DeskKey::Nothing),
    ("MA", DeskKey::Nothing),
    ("layerMode", DeskKey::Nothing),
    ("featureSort", DeskKey::Nothing),
    ("fixtureSort", DeskKey::Nothing),
    ("channelSort", DeskKey::Nothing),
    ("hideName", DeskKey::Nothing),
];

/// The key with that name.
pub(super) fn find(name: &str) -> Option<(&'static str, DeskKey)> {
    KEYS.iter().copied().find(|(known, _)| *known == name)
}

/// The maximum length of a command line.
const MOST: usize = 1_000;

/// Adds a word to a command line, followed by a blank.
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

/// Removes the last word of a command line.
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
            if let DeskKey::Word(words) = key {
                add_word(&mut line, words);
            } else if let DeskKey::Digit(digit) = key {
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
