//! The command line of the simulated console, limited to the commands that programs send by OSC.

use super::address::{EXECUTORS, ExecutorNumber, PAGES};
use super::show::{Function, Show};

/// The result of a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was executed.
    Done,
    /// A variable of the show was set: its name and value.
    Variable(String, String),
    /// It has no effect in the simulation.
    Taken,
}

/// The state that a command line works on.
enum Object {
    Sequence(u32),
    Cue(u32, String),
    Everything,
}

impl Show {
    /// Executes a command line.
    pub(super) fn execute(&mut self, line: &str) -> Outcome {
        let words = split(line);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let Some((verb, rest)) = words.split_first() else { return Outcome::Taken };
        if let Some(function) = Function::find(verb) {
            return self.perform_line(function, rest);
        }
        match verb.to_ascii_lowercase().as_str() {
            "fadermaster" => self.move_fader(rest),
            "page" => self.select_page(rest),
            "select" => match rest {
                [word, rest @ ..] if is(word, "page") => self.select_page(rest),
                _ => match self.object(rest) {
                    Some((Object::Sequence(number), [])) => {
                        self.selected = number;
                        Outcome::Done
                    }
                    _ => Outcome::Taken,
                },
            },
            "setglobalvariable" | "setg" => match rest {
                [name, value] => Outcome::Variable((*name).to_owned(), (*value).to_owned()),
                _ => Outcome::Taken,
            },
            _ => Outcome::Taken,
        }
    }

    fn perform_line(&mut self, function: Function, words: &[&str]) -> Outcome {
        match self.object(words) {
            Some((Object::Sequence(number), [])) => {
                // A command is a key press; `Flash` and `Temp` need `Off` to end.
                self.perform(number, function, true);
                Outcome::Done
            }
            Some((Object::Cue(number, cue), [])) if self.go_to(number, &cue) => Outcome::Done,
            Some((Object::Everything, [])) if function == Function::Off => {
                self.off_everywhere();
                Outcome::Done
            }
            _ => Outcome::Taken,
        }
    }

    /// `FaderMaster Page 1.201 At 50`, optionally followed by `Fade 5`.
    fn move_fader(&mut self, words: &[&str]) -> Outcome {
        let Some((Object::Sequence(number), [at, level, ..])) = self.object(words) else {
            return Outcome::Taken;
        };
        match level.parse::<f64>() {
            Ok(level) if is(at, "at") && level.is_finite() => {
                self.set_level(number, level / 100.0);
                Outcome::Done
            }
            Ok(_) | Err(_) => Outcome::Taken,
        }
    }

    fn select_page(&mut self, words: &[&str]) -> Outcome {
        match words {
            [number] => match number.parse() {
                Ok(page) if PAGES.contains(&page) => {
                    self.page = page;
                    Outcome::Done
                }
                Ok(_) | Err(_) => Outcome::Taken,
            },
            _ => Outcome::Taken,
        }
    }

    /// Parses an object, by default the selected sequence. Returns it with the rest of the line.
    fn object<'a>(&self, words: &'a [&'a str]) -> Option<(Object, &'a [&'a str])> {
        let (object, rest) = match words {
            [word, thru] if is(word, "sequence") && is(thru, "thru") => {
                return Some((Object::Everything, &[]));
            }
            [word, name, rest @ ..] if is(word, "sequence") => {
                let number = name.parse().ok().or_else(|| self.sequence_named(name))?;
                (number, rest)
            }
            [word, place, rest @ ..] if is(word, "page") => {
                let (page, executor) = place.split_once('.')?;
                (self.on(page.parse().ok()?, executor)?, rest)
            }
            [word, executor, rest @ ..] if is(word, "executor") => (self.on(self.page, executor)?, rest),
            _ => (self.selected, words),
        };
        if !self.sequences.contains_key(&object) {
            return None;
        }
        Some(match rest {
            [word, cue, rest @ ..] if is(word, "cue") => (Object::Cue(object, (*cue).to_owned()), rest),
            _ => (Object::Sequence(object), rest),
        })
    }

    fn on(&self, page: u32, executor: &str) -> Option<u32> {
        let executor = executor.parse().ok().filter(|number| EXECUTORS.contains(number))?;
        self.sequence_at(ExecutorNumber { page, executor })
    }
}

/// Whether a word is a keyword or an abbreviation of at least three letters, as on the console; two for `At`.
fn is(word: &str, keyword: &str) -> bool {
    let word = word.to_ascii_lowercase();
    keyword.starts_with(&word) && word.len() >= keyword.len().min(3)
}

/// Words, and texts in double or single quotes.
fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter.is_whitespace() {
            continue;
        }
        if letter == '"' || letter == '\'' {
            words.push(letters.by_ref().take_while(|next| *next != letter).collect());
            continue;
        }
        let mut word = String::from(letter);
        while let Some(next) = letters.next_if(|next| !next.is_whitespace()) {
            word.push(next);
        }
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::super::content;
    use super::*;

    fn cue(show: &Show, sequence: u32) -> Option<&str> {
        show.sequences[&sequence].cue().map(|cue| cue.number.as_str())
    }

    #[test]
    fn sequences_are_started_by_number_name_page_and_executor() {
        for line in [
            "Go+ Sequence 1",
            "go+ seq \"Main\"",
            "Go+ Page 1.201",
            "On Exec 201",
            "Toggle Sequence 1",
            "Go+",
            "Goto Sequence 1 Cue 1",
            "Goto Cue 1",
        ] {
            let mut show = content::show();
            assert_eq!((show.execute(line), cue(&show, 1)), (Outcome::Done, Some("1")), "{line}");
        }
    }

    #[test]
    fn what_names_nothing_changes_nothing() {
        for line in [
            "",
            "Go+ Sequence 99",
            "Goto Sequence 1 Cue 9",
            "Go+ Page 1",
            "Go+ Page 1.9",
            "Go+ Sequence",
            "FaderMaster Page 1.201 At full",
            "FaderMaster Page 1.201",
            "Page 0",
            "Fixture 1 At 75",
            "\"",
            "Off Sequence Thru Sequence 3",
        ] {
            let mut show = content::show();
            assert_eq!(show.execute(line), Outcome::Taken, "{line}");
            assert!(show.actions.is_empty() && show.page == 1, "{line}");
        }
    }

    #[test]
    fn faders_pages_and_variables_are_set() {
        let mut show = content::show();
        assert_eq!(show.execute("FaderMaster Page 1.201 At 50 Fade 5"), Outcome::Done);
        assert!((show.sequences[&1].level - 0.5).abs() < 1e-9);
        assert_eq!((show.execute("Select Page 2"), show.page), (Outcome::Done, 2));
        assert_eq!(show.execute("Go+ Exec 201"), Outcome::Done);
        assert_eq!(cue(&show, 11), Some("1"));
        assert_eq!(show.execute("Off Sequence Thru"), Outcome::Done);
        assert!(show.sequences.values().all(|sequence| sequence.current.is_none()));
        let set = Outcome::Variable("crosspatch".into(), "refresh".into());
        assert_eq!(show.execute("SetGlobalVariable \"crosspatch\" \"refresh\""), set);
    }
}
