//! Files as they should not be: whatever is in them, the compiler says what is wrong, briefly and soon.

use std::io;
use std::path::{Path, PathBuf};

use crosspatch_config::{CompileInput, Compiled, Files, MemoryFiles, compile, compile_text};

mod support;

use support::REGISTRY;

const GOOD: &str = "[bus one]\nnote = x\n[map]\none.a > one.b\n; end";

fn compile_files(files: &dyn Files) -> Compiled {
    compile(&CompileInput {
        file: Path::new("show.cfg"),
        files,
        overrides: &[],
        registry: REGISTRY,
        previous: None,
        skip_missing: false,
        keeps_lines: false,
    })
}

fn compile_bytes(bytes: impl Into<Vec<u8>>) -> Compiled {
    compile_files(&MemoryFiles::default().with("show.cfg", bytes))
}

fn ids(compiled: &Compiled) -> Vec<&'static str> {
    compiled.diagnostics.iter().map(|diagnostic| diagnostic.id).collect()
}

fn messages(compiled: &Compiled) -> Vec<&str> {
    compiled.diagnostics.iter().map(|diagnostic| diagnostic.message.as_str()).collect()
}

#[test]
fn line_ends_and_byte_order_marks_make_no_difference() {
    for text in [
        GOOD.to_owned(),
        GOOD.replace('\n', "\r\n"),
        format!("\u{feff}{GOOD}"),
        format!("\u{feff}{}\r\n", GOOD.replace('\n', "\r\n")),
        GOOD.replace('\n', "\n\n\t \n"),
    ] {
        let compiled = compile_text(&text, REGISTRY);
        assert_eq!(compiled.render(false), "");
        assert_eq!(compiled.plan.expect("a plan").mapping_count(), 1, "{text:?}");
    }
}

#[test]
fn a_file_that_is_not_text_has_one_error() {
    let utf16 =
        |text: &str, unit: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
    for (bytes, message) in [
        (
            utf16(&format!("\u{feff}{GOOD}"), u16::to_le_bytes),
            "expected UTF-8 text, found UTF-16 in `show.cfg`",
        ),
        (
            utf16(&format!("\u{feff}{GOOD}"), u16::to_be_bytes),
            "expected UTF-8 text, found UTF-16 in `show.cfg`",
        ),
        (utf16(GOOD, u16::to_le_bytes), "expected UTF-8 text, found UTF-16 in `show.cfg`"),
        (b"\x7fELF\x02\x01\x01\0\0\0".to_vec(), "expected text, found a binary file in `show.cfg`"),
        (vec![0; 5000], "expected text, found a binary file in `show.cfg`"),
        ((0..=255).cycle().take(5000).collect(), "expected text, found a binary file in `show.cfg`"),
    ] {
        let compiled = compile_bytes(bytes);
        assert_eq!(messages(&compiled), [message]);
        assert!(compiled.plan.is_none());
        assert!(compiled.render(false).contains("show.cfg"));
    }
}

#[test]
fn an_old_encoding_is_read_with_a_warning() {
    let compiled = compile_bytes(b"; B\xfchne\n[bus b\xfchne]\n[map]\nb\xfchne.x > b\xfchne.y\n");
    assert_eq!(ids(&compiled), ["encoding"]);
    assert_eq!((compiled.diagnostics[0].line, compiled.diagnostics[0].column), (1, 4));
    assert!(compiled.plan.expect("a plan").find("b\u{fc}hne").is_some());
}

#[test]
fn a_line_of_ten_megabytes_is_not_shown() {
    let longest = "x".repeat(10_000_000);
    let long = "x".repeat(1_000_000);
    for (text, expected) in [
        (format!("[map]\none.a > one.{{{longest}"), "range"),
        (format!("[console desk]\n{longest} = 1\n"), "unknown-option"),
        (format!("[map]\n{long}"), "mapping-syntax"),
        (format!("[map]\none.a > {long}"), "channel"),
        (format!("[bus {long}.]\n"), "instance-name"),
        (format!("[{long}\n"), "section"),
        (format!("[console desk]\n{long}"), "option-syntax"),
        (format!("[map]\none.{}", "{".repeat(1_000_000)), "mapping-syntax"),
        (format!("[map]\none.a > one.{}", "{1..2}".repeat(100_000)), "too-many"),
        (format!("[map]\none.{}{long} > one.y", "\u{fc}".repeat(50)), ""),
        (format!("[map]\none.a | text \"{long}"), "mapping-syntax"),
        (format!("[map]\none.a | {} > one.b", "\"\\".repeat(500_000)), "unknown-transform"),
        (format!("[map]\none.a | {} > one.b", "|".repeat(1_000_000)), "unknown-transform"),
        (format!("[map]\none.a{} > one.b", " | invert".repeat(100_000)), "too-many-stages"),
        (format!("[map]\none.a | when {}", "> 1 ".repeat(200_000)), "mapping-syntax"),
        (format!("[chain {long}] invert"), "chain-unused"),
        (format!("[chain x] {long}\n[map]\none.a | x > one.b"), "unknown-transform"),
        (format!("; {long}\n[map]\none.a > one.b"), ""),
        (format!("[backend bus]\nnote = {long}"), ""),
    ] {
        let compiled = compile_text(&format!("[bus one]\n{text}"), REGISTRY);
        assert!(expected.is_empty() || ids(&compiled).contains(&expected), "{:?}", ids(&compiled));
        let shown = compiled.render(true);
        assert!(shown.len() < 5_000, "{} bytes for {expected}", shown.len());
        assert!(compiled.to_json().len() < 5_000);
    }
}

#[test]
fn the_position_of_a_mistake_in_a_long_line_is_correct() {
    for numbers in [200, 2_000] {
        let text = format!("[dimmer rack]\n[map]\nrack.{{1..2}} > rack.{{{}}}", "1,".repeat(numbers));
        let compiled = compile_text(&text, REGISTRY);
        let mistake = compiled.diagnostics.iter().find(|diagnostic| diagnostic.id == "range");
        let column = "rack.{1..2} > rack.{".len() + 2 * numbers + 1;
        assert_eq!(mistake.map(|mistake| mistake.column), Some(column));
        let shown = compiled.render(false);
        assert!(shown.contains(&format!("show.cfg:3:{column}")) && shown.len() < 2_000, "{shown}");
    }
}

#[test]
fn a_hundred_thousand_wrong_lines_are_counted_and_the_first_ones_shown() {
    let compiled = compile_text(&format!("[map]\n{}", "nonsense\n".repeat(100_000)), REGISTRY);
    assert_eq!(compiled.errors(), 100_000);
    assert_eq!(compiled.diagnostics.len(), 1_000);
    assert!(compiled.render(false).ends_with("99000 more errors and warnings are not shown\n"));
}

#[test]
fn half_a_million_bars_without_anything_between_them_are_counted() {
    let compiled =
        compile_text(&format!("[bus one]\n[map]\none.a {}> one.b\n", "| ".repeat(500_000)), REGISTRY);
    assert_eq!((compiled.errors(), compiled.diagnostics.len()), (500_000, 1_000));
}

#[test]
fn a_long_line_with_a_secret_and_a_thousand_mistakes_is_not_shown() {
    let line = format!("password T0PSECRET {}", "| | T0PSECRET ".repeat(50_000));
    let compiled = compile_text(&format!("[bus one]\n[map]\n{line} > one.b\n"), REGISTRY);
    assert!(compiled.errors() > 1_000, "{}", compiled.to_json());
    assert!(!compiled.render(false).contains("T0P") && !compiled.to_json().contains("T0P"));
}

#[test]
fn a_long_name_with_a_wide_range_is_refused_before_it_fills_the_memory() {
    let text = format!("[bus one]\n[map]\none.{}{{1..4000000}} > one.x", "x".repeat(1_000_000));
    assert!(ids(&compile_text(&text, REGISTRY)).contains(&"too-many"));
}

/// What an operating system may say.
struct Refusing(io::ErrorKind);

impl Files for Refusing {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match path.file_name() {
            Some(name) if name == "show.cfg" => Ok(b"[include x]\n[console desk]\nmacros = y".to_vec()),
            _ => Err(self.0.into()),
        }
    }

    fn is_readable_by_all(&self, _path: &Path) -> bool {
        false
    }
}

#[test]
fn an_unreadable_file_is_reported_where_it_is_named() {
    for (kind, message) in [
        (io::ErrorKind::NotFound, "there is no file `x`"),
        (io::ErrorKind::IsADirectory, "`x` is a folder, not a file"),
        (io::ErrorKind::PermissionDenied, "no permission to read `x`"),
        (io::ErrorKind::Interrupted, "cannot read `x`: operation interrupted"),
    ] {
        let compiled = compile_files(&Refusing(kind));
        let wrong: Vec<_> =
            compiled.diagnostics.iter().filter(|diagnostic| diagnostic.id != "instance-unused").collect();
        assert_eq!(wrong[0].message, message);
        assert_eq!((wrong[0].line, wrong[0].column), (1, 10));
        assert_eq!((wrong[1].id, wrong[1].line), ("option-file", 3));
        let watched: Vec<PathBuf> = ["show.cfg", "x", "y"].map(PathBuf::from).into();
        assert_eq!(compiled.files, watched, "missing files are watched too");
    }
    let compiled = compile_files(&MemoryFiles::default());
    assert_eq!(compiled.render(false), "error[file]: there is no file `show.cfg`\n--> show.cfg\n");
    assert_eq!(compiled.files, [PathBuf::from("show.cfg")]);
}

#[test]
fn a_thousand_includes_work_and_one_more_does_not() {
    let mut files = MemoryFiles::default();
    let mut main = String::from("[bus one]\n[map]\n");
    for number in 0..1_000 {
        files = files.with(format!("{number}.cfg"), format!("one.{number} > one.x{number}\n"));
        main.push_str(&format!("[include {number}.cfg]\n"));
    }
    let compiled = compile_files(&files.clone().with("show.cfg", main.clone()));
    assert_eq!(compiled.render(false), "");
    assert_eq!(compiled.plan.expect("a plan").mapping_count(), 1_000);
    main.push_str("[include 1.cfg]\n[include 2.cfg]\n");
    assert_eq!(ids(&compile_files(&files.with("show.cfg", main))), ["include-count"]);
}

#[test]
fn any_nesting_of_includes_terminates() {
    // Every file includes the next one twice: a thousand million files without a limit.
    let mut files = MemoryFiles::default().with("show.cfg", "[include 0.cfg]\n");
    for number in 0..30 {
        let next = format!("[include {0}.cfg]\n[include {0}.cfg]\n", number + 1);
        files = files.with(format!("{number}.cfg"), next);
    }
    let compiled = compile_files(&files.with("30.cfg", ""));
    assert_eq!(ids(&compiled), ["include-count"]);

    let mut files = MemoryFiles::default().with("show.cfg", "[include 0.cfg]\n");
    for number in 0..100 {
        files = files.with(format!("{number}.cfg"), format!("[include {}.cfg]\n", number + 1));
    }
    assert_eq!(ids(&compile_files(&files)), ["include-depth"]);

    let itself =
        MemoryFiles::default().with("show.cfg", "[include ./show.cfg]\n[bus one]\n[map]\none.a > one.b\n");
    assert_eq!(ids(&compile_files(&itself)), ["include-circle"]);
}

#[test]
fn any_nesting_of_chains_terminates() {
    const CHAINS: usize = 20_000;
    let in_a_row: String = (0..CHAINS).map(|number| format!("[chain c{number}] c{}\n", number + 1)).collect();
    let text = format!("[bus one]\n{in_a_row}[chain c{CHAINS}] invert\n[map]\none.a | c0 > one.b\n");
    assert!(ids(&compile_text(&text, REGISTRY)).contains(&"chain-depth"));
    // Each chain uses the next one twice: a thousand million stages if they were all written out, or none at all.
    for end in ["invert", ""] {
        let doubling: String =
            (0..30).map(|number| format!("[chain c{number}] c{0} | c{0}\n", number + 1)).collect();
        let text = format!("[bus one]\n{doubling}[chain c30] {end}\n[map]\none.a | c0 > one.b\n");
        let expected = if end.is_empty() { "chain-empty" } else { "too-many-stages" };
        assert_eq!(ids(&compile_text(&text, REGISTRY)), [expected]);
    }
}

#[test]
fn diagnostics_contain_no_control_characters() {
    let compiled = compile_text("[map]\n\u{1b}[2Jevil\u{7} \u{202e}txt\n[\u{1b}c x]\n", REGISTRY);
    let shown = compiled.render(false);
    assert!(!shown.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{shown:?}");
    assert!(!compiled.to_json().contains(['\u{1b}', '\u{7}']));
}

#[test]
fn colours_are_optional() {
    let compiled = compile_text("[map]\nx", REGISTRY);
    assert!(compiled.render(true).contains("\u{1b}["));
    assert!(!compiled.render(false).contains('\u{1b}'));
}

#[test]
fn json_has_the_same_content_as_text() {
    let compiled = compile_text("[bus one]\n[bus one]\n[map]\n\tone.ü > oen.x\n", REGISTRY);
    let lines: Vec<serde_json::Value> =
        compiled.to_json().lines().map(|line| serde_json::from_str(line).expect("valid JSON")).collect();
    assert_eq!(lines[2], serde_json::json!({ "type": "summary", "errors": 2, "warnings": 0 }));
    let twice = &lines[0];
    assert_eq!(twice["type"], "diagnostic");
    assert_eq!((&twice["id"], &twice["severity"]), (&"instance-twice".into(), &"error".into()));
    assert_eq!(twice["labels"].as_array().map(Vec::len), Some(2));
    assert_eq!(
        (&twice["labels"][1]["line"], &twice["labels"][1]["text"]),
        (&1.into(), &"first definition".into())
    );
    let unknown = &lines[1];
    assert_eq!(unknown["file"], "show.cfg");
    assert_eq!(
        (&unknown["line"], &unknown["column"], &unknown["end_column"]),
        (&4.into(), &10.into(), &13.into())
    );
    assert_eq!(unknown["help"][0], "did you mean `one`?");
}

#[test]
fn an_unchanged_instance_keeps_its_slots_through_a_reload() {
    let before = compile_text("[bus one]\n[bus two]\n[map]\none.a > two.x\none.b > two.y\n", REGISTRY);
    let plan = before.plan.expect("a plan");
    let files = MemoryFiles::default()
        .with("show.cfg", "[bus two]\n[bus one]\n[map]\none.c > two.z\none.b > two.y\n");
    let after = compile(&CompileInput {
        file: Path::new("show.cfg"),
        files: &files,
        overrides: &[],
        registry: REGISTRY,
        previous: Some(&plan),
        skip_missing: false,
        keeps_lines: false,
    });
    let after = after.plan.expect("a plan");
    for channel in ["one.b", "two.y"] {
        let slot = |plan: &crosspatch_core::Plan| plan.find_channel(channel).map(|(_, slot)| slot);
        assert!(slot(&plan).is_some() && slot(&plan) == slot(&after), "{channel}");
    }
}
