//! Rules for texts that people read: links resolve, documents name existing files, and texts with a limit keep it.

use super::{File, Finding};

/// The maximum number of recipes, so that they can be remembered.
const MOST_RECIPES: usize = 12;

/// A longer description of the structure takes more than ten minutes to read.
const MOST_LINES_OF_ARCHITECTURE: usize = 200;

/// Every relative link of a document names a file or a folder of the repository.
pub(super) fn links_lead_somewhere(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.path.ends_with(".md")) {
        for (at, line) in file.text.lines().enumerate() {
            for target in line.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
                if target.is_empty() || target.contains(':') || target.contains(' ') {
                    continue;
                }
                let path = resolve(&file.path, target);
                let below = format!("{}/", path.trim_end_matches('/'));
                if !files.iter().any(|file| file.path == path || file.path.starts_with(&below)) {
                    findings.push(Finding::line(
                        &file.path,
                        at,
                        format!("the link to `{target}` leads nowhere"),
                    ));
                }
            }
        }
    }
    findings
}

/// Every test and scenario that the list of faults names exists.
pub(super) fn faults_name_real_tests(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for list in files.iter().filter(|file| file.path == "docs/faults.md") {
        for (at, line) in list.text.lines().enumerate() {
            for name in line.split('`').skip(1).step_by(2) {
                let exists = if name.ends_with(".md") {
                    files.iter().any(|file| file.path.ends_with(&format!("/{name}")))
                } else if name.contains('_') {
                    let test = format!("fn {name}(");
                    files.iter().any(|file| file.path.ends_with(".rs") && file.text.contains(&test))
                } else {
                    true
                };
                if !exists {
                    findings.push(Finding::line(&list.path, at, format!("there is no test `{name}`")));
                }
            }
        }
    }
    findings
}

/// Every Rust file that the documents for developers name exists. A path may leave out folders at its start.
pub(super) fn documents_name_real_files(files: &[File]) -> Vec<Finding> {
    let is_for_developers = |file: &&File| {
        matches!(&*file.path, "ARCHITECTURE.md" | "CONTRIBUTING.md") || file.path.starts_with("docs/design/")
    };
    let mut findings = Vec::new();
    for document in files.iter().filter(is_for_developers) {
        for (at, line) in document.text.lines().enumerate() {
            let names = line.split('`').skip(1).step_by(2);
            for name in
                names.filter(|name| name.ends_with(".rs") && name.contains('/') && !name.contains('<'))
            {
                if !files.iter().any(|file| format!("/{}", file.path).ends_with(&format!("/{name}"))) {
                    findings.push(Finding::line(&document.path, at, format!("there is no file `{name}`")));
                }
            }
        }
    }
    findings
}

/// The description of the structure is short.
pub(super) fn architecture_is_short(files: &[File]) -> Vec<Finding> {
    let architecture = files.iter().filter(|file| file.path == "ARCHITECTURE.md");
    architecture
        .map(|file| file.text.lines().count())
        .filter(|lines| *lines > MOST_LINES_OF_ARCHITECTURE)
        .map(|lines| {
            let message = format!(
                "has {lines} lines, more than {MOST_LINES_OF_ARCHITECTURE}; reasons belong to `docs/design`"
            );
            Finding::file("ARCHITECTURE.md", message)
        })
        .collect()
}

/// The path from the root that a link in the document `from` means.
fn resolve(from: &str, target: &str) -> String {
    let mut parts: Vec<_> = from.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The justfile has few recipes.
pub(super) fn recipes_are_few(files: &[File]) -> Vec<Finding> {
    let justfile = files.iter().filter(|file| file.path == "justfile");
    let is_recipe = |line: &&str| {
        // Those with an underscore are not listed.
        line.starts_with(|c: char| c.is_ascii_alphabetic()) && line.contains(':') && !line.contains(":=")
    };
    justfile
        .map(|file| (&file.path, file.text.lines().filter(is_recipe).count()))
        .filter(|(_, recipes)| *recipes > MOST_RECIPES)
        .map(|(path, recipes)| {
            Finding::file(path, format!("has {recipes} recipes, more than {MOST_RECIPES}"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: impl Into<String>) -> File {
        File { path: path.into(), text: text.into() }
    }

    #[test]
    fn a_link_into_the_void_is_found_with_its_line() {
        let text = "[a](../b/c.md#part) [b](https://example.com) [c](#here)\n[d](gone.md) [e](../b)\n";
        let found = links_lead_somewhere(&[file("docs/a.md", text), file("b/c.md", "")]);
        assert_eq!(found, [Finding::line("docs/a.md", 1, "the link to `gone.md` leads nowhere")]);
    }

    #[test]
    fn a_fault_without_its_test_is_found() {
        let list =
            file("docs/faults.md", "`cargo xtask tidy`\n`a_real_one`, `gone_away`, `real.md`, `gone.md`\n");
        let found = faults_name_real_tests(&[
            list,
            file("crates/a/tests/b.rs", "fn a_real_one() {}"),
            file("crates/a/scenarios/real.md", ""),
        ]);
        let missing = |name: &str| Finding::line("docs/faults.md", 1, format!("there is no test `{name}`"));
        assert_eq!(found, [missing("gone_away"), missing("gone.md")]);
    }

    #[test]
    fn a_file_that_does_not_exist_is_found() {
        let text = "`lib.rs`, `a/src/lib.rs` and `src/lib.rs`\n`src/gone.rs`, but `x.cfg/y`\n";
        let source = || file("crates/a/src/lib.rs", "");
        let missing = Finding::line("docs/design/0001-a.md", 1, "there is no file `src/gone.rs`");
        assert_eq!(documents_name_real_files(&[file("docs/design/0001-a.md", text), source()]), [missing]);
        assert_eq!(documents_name_real_files(&[file("docs/b.md", text), source()]), []);
    }

    #[test]
    fn a_long_architecture_is_found() {
        let long = |lines| [file("ARCHITECTURE.md", "a\n".repeat(lines))];
        assert_eq!(architecture_is_short(&long(MOST_LINES_OF_ARCHITECTURE)), []);
        assert_eq!(architecture_is_short(&long(MOST_LINES_OF_ARCHITECTURE + 1)).len(), 1);
    }

    #[test]
    fn a_justfile_with_too_many_recipes_is_found() {
        let recipes = |count: usize| {
            let recipes =
                (0..count).map(|number| format!("# what it does\nr{number} *ARGS:\n    echo a: b\n"));
            file("justfile", format!("name := \"x\"\n{}", recipes.collect::<String>()))
        };
        assert_eq!(recipes_are_few(&[recipes(MOST_RECIPES)]), []);
        assert_eq!(recipes_are_few(&[recipes(MOST_RECIPES + 1)]).len(), 1);
    }
}
