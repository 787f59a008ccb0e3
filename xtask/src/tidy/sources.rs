//! Rules for every Rust file: it says what it is, it is short, and it leaves nothing open.

use super::{File, Finding};

/// The most lines that a file may have, its tests not counted.
const MOST_LINES: usize = 600;

/// What must not be left in code, and what to do about it. Written in halves, so that the table does not find itself.
const OPEN_ENDS: &[(&str, &str)] = &[
    (concat!("TO", "DO"), "do it, or file an issue"),
    (concat!("FIX", "ME"), "mend it, or file an issue"),
    (concat!("XX", "X"), "say what is meant"),
    (concat!("todo", "!("), "do it, or file an issue"),
    (concat!("unimplemented", "!("), "do it, or file an issue"),
    (concat!("[al", "low("), "use `#[expect(lint, reason = \"...\")]`"),
    (concat!("[ign", "ore"), "a test that does not run is none"),
    (concat!("[should_", "panic"), "assert what happens"),
];

fn rust(files: &[File]) -> impl Iterator<Item = &File> {
    files.iter().filter(|file| file.path.ends_with(".rs"))
}

/// Every file begins with `//!` and text after it.
pub(super) fn begin_with_a_sentence(files: &[File]) -> Vec<Finding> {
    let begins =
        |text: &str| text.lines().next().is_some_and(|line| line.len() > 8 && line.starts_with("//! "));
    rust(files)
        .filter(|file| !begins(&file.text))
        .map(|file| {
            Finding::line(&file.path, 0, "does not begin with `//!` and a sentence on what the file is")
        })
        .collect()
}

/// No file is too long to be read, its tests not counted.
pub(super) fn are_short(files: &[File]) -> Vec<Finding> {
    rust(files)
        .filter(|file| !is_test(&file.path))
        .filter_map(|file| {
            let lines = file.text.lines().take_while(|line| *line != "#[cfg(test)]").count();
            let message =
                format!("has {lines} lines without tests, more than {MOST_LINES}; split it by layer");
            (lines > MOST_LINES).then(|| Finding::file(&file.path, message))
        })
        .collect()
}

/// No open end is left.
pub(super) fn leave_nothing_open(files: &[File]) -> Vec<Finding> {
    let lines =
        rust(files).flat_map(|file| file.text.lines().enumerate().map(move |(at, line)| (file, at, line)));
    lines
        .flat_map(|(file, at, line)| {
            let found = OPEN_ENDS.iter().filter(move |(word, _)| line.contains(word));
            found.map(move |(word, advice)| Finding::line(&file.path, at, format!("`{word}`: {advice}")))
        })
        .collect()
}

fn is_test(path: &str) -> bool {
    path.split('/').any(|part| part == "tests" || part == "tests.rs")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: impl Into<String>) -> File {
        File { path: path.into(), text: text.into() }
    }

    #[test]
    fn a_file_without_a_first_sentence_is_found() {
        let good = file("a.rs", "//! Says what it is.\n\nfn main() {}\n");
        for bad in ["", "fn main() {}", "//!", "//! lib", "// A plain comment.", "\n//! Too late it is said."]
        {
            let files = [file("b.rs", bad), file("b.md", bad)];
            assert_eq!(begin_with_a_sentence(&files).len(), 1, "{bad:?}");
        }
        assert_eq!(begin_with_a_sentence(&[good]), []);
    }

    #[test]
    fn a_file_is_too_long_only_without_its_tests() {
        let body = "fn f() {}\n".repeat(MOST_LINES);
        let tests = "#[cfg(test)]\nmod tests {}\n".repeat(9);
        assert_eq!(are_short(&[file("a.rs", body.clone() + &tests)]), []);
        assert_eq!(are_short(&[file("crates/a/tests/b.rs", body.repeat(2))]), []);
        assert_eq!(are_short(&[file("a.rs", body + "fn g() {}\n" + &tests)]).len(), 1);
    }

    #[test]
    fn every_open_end_is_found_with_its_line() {
        for (word, _) in OPEN_ENDS {
            let found = leave_nothing_open(&[file("a.rs", format!("//! A file.\n// {word}\n"))]);
            assert!(
                found.iter().any(|finding| finding.to_string().starts_with("a.rs:2: ")),
                "{word}: {found:?}"
            );
        }
        assert_eq!(
            leave_nothing_open(&[file("a.md", OPEN_ENDS[0].0), file("a.rs", "#[expect(x, reason = \"y\")]")]),
            []
        );
    }
}
