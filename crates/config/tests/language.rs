//! The language by examples: every block of configuration in `language/*.md` has the results below it.
//!
//! An example is one or several blocks of input and the blocks of results after them. Input: ` ```config ` is `show.cfg`,
//! ` ```config NAME ` another file, ` ```public NAME ` a file that every user can read, ` ```command-line ` options.
//! Results: ` ```diagnostics `, as rendered, and ` ```routes `, one `a.x > b.y` per line. An example without a block of
//! diagnostics has none. `ACCEPT=1` rewrites the results.

#![expect(clippy::disallowed_methods, reason = "the examples are files, and `ACCEPT` is for people")]

use std::fmt::Write as _;
use std::path::Path;

use crosspatch_config::{CompileInput, Compiled, MemoryFiles, Override, compile};
use crosspatch_core::{InstanceId, Mapping, Plan, Scope, Slot};

#[path = "support/markdown.rs"]
mod markdown;
mod support;

use markdown::{Piece, first_difference, pieces};

#[test]
fn every_example_has_the_expected_result() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/language");
    let accept = std::env::var_os("ACCEPT").is_some();
    let (mut wrong, mut examples) = (String::new(), 0);
    for entry in folder.read_dir().expect("the examples are in the repository") {
        let path = entry.expect("a readable folder").path();
        let text = std::fs::read_to_string(&path).expect("a readable file");
        let found = with_results(&text, &mut examples);
        if found == text {
            continue;
        }
        if accept {
            std::fs::write(&path, &found).expect("a writable file");
        } else {
            let _ = writeln!(wrong, "{}:\n{}", path.display(), first_difference(&text, &found));
        }
    }
    assert!(wrong.is_empty(), "{wrong}`ACCEPT=1` accepts these results");
    assert!(examples > 30, "only {examples} examples were found");
}

/// The same text with the actual results of its examples.
fn with_results(text: &str, examples: &mut usize) -> String {
    let mut out = String::new();
    let mut example = Example::default();
    for piece in pieces(text) {
        match piece {
            Piece::Prose(line) => {
                if line.starts_with('#') {
                    example = Example::default();
                }
                let _ = writeln!(out, "{line}");
            }
            Piece::Block(info, body) => {
                let body = match info {
                    "diagnostics" | "routes" => {
                        *examples += usize::from(!example.has_result);
                        example.result(info)
                    }
                    _ => {
                        example = example.with_input(info, &body);
                        body
                    }
                };
                let _ = writeln!(out, "```{info}\n{body}```");
            }
        }
    }
    out
}

/// The input so far.
#[derive(Default)]
struct Example {
    files: MemoryFiles,
    overrides: Vec<Override>,
    skip_missing: bool,
    has_result: bool,
}

impl Example {
    fn with_input(self, info: &str, body: &str) -> Self {
        let mut example = if self.has_result { Self::default() } else { self };
        let (kind, name) = info.split_once(' ').unwrap_or((info, "show.cfg"));
        match kind {
            "config" => example.files = example.files.with(name, body),
            "public" => example.files = example.files.with_public(name, body),
            "command-line" => {
                example.skip_missing = body.lines().any(|line| line == "--skip-missing");
                let overrides = body.lines().filter(|line| !line.starts_with("--"));
                example.overrides = overrides.map(read_override).collect();
            }
            other => panic!("there is no kind of block called `{other}`"),
        }
        example
    }

    fn result(&mut self, kind: &str) -> String {
        let compiled = self.compile();
        if kind == "diagnostics" {
            self.has_result = true;
            assert!(
                !compiled.diagnostics.is_empty(),
                "an example without diagnostics must have no block of them"
            );
            return compiled.render(false);
        }
        // The block of routes is the last one.
        if !self.has_result {
            assert_eq!(compiled.render(false), "", "an example with diagnostics needs a block of them");
        }
        self.has_result = true;
        routes(&compiled.plan.expect("routes come of a plan"))
    }

    fn compile(&self) -> Compiled {
        compile(&CompileInput {
            file: Path::new("show.cfg"),
            files: &self.files,
            overrides: &self.overrides,
            registry: support::REGISTRY,
            previous: None,
            skip_missing: self.skip_missing,
            keeps_lines: false,
        })
    }
}

fn read_override(line: &str) -> Override {
    let (kind, text) = line.split_once(' ').expect("`-b` or `-i`");
    let scope = match kind {
        "-b" => Scope::Global,
        "-i" => Scope::Instance,
        other => panic!("there is no override `{other}`"),
    };
    Override { scope, text: text.to_owned() }
}

/// All routes by source.
fn routes(plan: &Plan) -> String {
    let name = |(instance, slot): (InstanceId, Slot)| {
        let planned = &plan.instances()[instance.index()];
        format!("{}.{}", planned.name, planned.channels.address(slot))
    };
    let line = |mapping: Mapping<'_>| match mapping.chain {
        None => format!("{} > {}\n", name(mapping.from), name(mapping.to)),
        Some(chain) => format!("{} | {} > {}\n", name(mapping.from), chain.text(), name(mapping.to)),
    };
    plan.mappings().map(line).collect()
}
