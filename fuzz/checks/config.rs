//! What holds of every configuration, however broken. Shared by the fuzz target and by the test that replays its corpus.
//!
//! An input is one or several files: a line `--- NAME` begins a further one, the first is `show.cfg`. The lines of the file
//! `command line` are overrides, `-b ...` or `-i ...`.

use std::path::Path;
use std::sync::Arc;

use crosspatch_backends::registry;
use crosspatch_config::{CompileInput, DiagnosticSeverity, Document, MemoryFiles, Override, compile};
use crosspatch_core::{Duration, Engine, Instant, Outbox, Plan, Scope, Value};
use crosspatch_transforms::FAMILIES;

/// Compiles the files in `data` and checks the result.
pub(crate) fn check(data: &[u8]) {
    let mut files = MemoryFiles::default();
    let mut overrides = Vec::new();
    for (name, bytes) in split(data) {
        assert_eq!(Document::parse(bytes).print(), bytes, "a document is printed as it was read");
        if name == "command line" {
            overrides = String::from_utf8_lossy(bytes).lines().map(read_override).collect();
        }
        files = files.with_public(name, bytes);
    }
    let input = CompileInput {
        file: Path::new("show.cfg"),
        files: &files,
        overrides: &overrides,
        registry: registry(FAMILIES),
        previous: None,
        skip_missing: false,
        keeps_lines: false,
    };
    let compiled = compile(&input);
    assert_eq!(compiled.plan.is_none(), compiled.errors() > 0, "no plan comes of an error, and one of none");
    for diagnostic in &compiled.diagnostics {
        assert!(diagnostic.column > 0 || diagnostic.line == 0, "{diagnostic:?}");
        assert!(diagnostic.end_column >= diagnostic.column, "{diagnostic:?}");
        assert!(matches!(diagnostic.severity, DiagnosticSeverity::Error | DiagnosticSeverity::Warning));
    }
    assert_eq!(compiled.render(false).is_empty(), compiled.diagnostics.is_empty());
    assert!(compiled.to_json().starts_with('{'));
    // Once more on top of what came of it: nothing changes.
    if let Some(plan) = compiled.plan {
        let again = compile(&CompileInput { previous: Some(&plan), ..input });
        let routes = again.plan.map(|plan| plan.mapping_count());
        assert_eq!(routes, Some(plan.mapping_count()), "the same text gives the same plan");
        play(plan);
    }
}

/// Puts values through the first mappings of a plan and lets time pass: whatever was accepted must also run.
fn play(plan: Plan) {
    const MOST_MAPPINGS: usize = 40;
    const MOST_WAKES: usize = 200;
    let (mut engine, mut out, mut now) = (Engine::new(), Outbox::new(), Instant::START);
    let sources: Vec<_> = plan.mappings().take(MOST_MAPPINGS).map(|mapping| mapping.from).collect();
    engine.install(now, Arc::new(plan), &mut out);
    for value in [Value::number(0.3), Value::number(1.0), Value::text("#ff8000"), Value::number(0.0)] {
        for &(instance, slot) in &sources {
            engine.handle_value(now, instance, slot, value.clone(), &mut out);
            out.clear();
        }
        for _ in 0..MOST_WAKES {
            let Some(due) = engine.next_timeout() else { break };
            now = now.max(due);
            engine.handle_timeout(now, &mut out);
            out.clear();
        }
        now += Duration::from_millis(100);
    }
}

fn split(data: &[u8]) -> Vec<(String, &[u8])> {
    const MARK: &[u8] = b"--- ";
    let mut files = Vec::new();
    let (mut name, mut start, mut at) = (String::from("show.cfg"), 0, 0);
    for line in data.split_inclusive(|&byte| byte == b'\n') {
        if let Some(next) = line.strip_prefix(MARK) {
            files.push((name, &data[start..at]));
            name = String::from_utf8_lossy(next).trim().to_owned();
            start = at + line.len();
        }
        at += line.len();
    }
    files.push((name, &data[start..]));
    files
}

fn read_override(line: &str) -> Override {
    let (scope, text) = match line.strip_prefix("-i ") {
        Some(text) => (Scope::Instance, text),
        None => (Scope::Global, line.strip_prefix("-b ").unwrap_or(line)),
    };
    Override { scope, text: text.to_owned() }
}
