//! The command line as its user types it: what is printed, where, and with which exit status.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::io::Read;
use std::process::Stdio;

use serde_json::Value;

/// Eight mistakes of different kinds, each on a separate line that contains `mistake`.
const MISTAKES: &str = "\
[loopback bus]
[ocs mistake1]
[atem mistake2]
[loopback bus]
; the line above is the third mistake
[map]
bus.a > mistake4.b
mistake5.a > bus.b
bus.{1..3} > bus.mistake6{1..2}
bus.mistake7
bus.{1..mistake8 > bus.a
";

fn in_folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn check(text: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let folder = in_folder(&[("show.cfg", text)]);
    let file = folder.path().join("show.cfg");
    let arguments: Vec<_> =
        ["check", file.to_str().unwrap()].into_iter().chain(arguments.iter().copied()).collect();
    let (status, out, err) = common::run(&arguments);
    (status.code(), out, err)
}

#[test]
fn check_names_every_mistake_of_a_file_with_many() {
    let (status, out, err) = check(MISTAKES, &[]);
    assert_eq!((status, err.as_str()), (Some(1), ""));
    for number in [1, 2, 4, 5, 6, 7, 8] {
        assert!(out.contains(&format!("mistake{number}")), "mistake{number} is not in\n{out}");
    }
    assert!(out.contains("show.cfg:4:"), "the name that is there twice is not in\n{out}");
    assert!(out.contains("`osc`") || !out.contains("did you mean `atem`"), "{out}");
    assert!(!out.contains('\x1b'), "colour without a terminal");
}

#[test]
fn check_writes_the_same_as_json() {
    let (status, out, err) = check(MISTAKES, &["--format", "json"]);
    assert_eq!((status, err.as_str()), (Some(1), ""));
    let mut diagnostics: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let summary = diagnostics.pop().unwrap();
    assert!(diagnostics.iter().all(|mistake| mistake["type"] == "diagnostic"));
    assert_eq!(check(MISTAKES, &["--json"]).1.lines().count(), diagnostics.len() + 1);
    let lines: Vec<_> = diagnostics.iter().map(|mistake| mistake["line"].as_u64().unwrap()).collect();
    for line in [2, 3, 4, 7, 8, 9, 10, 11] {
        assert!(lines.contains(&line), "line {line} is not in {out}");
    }
    assert!(diagnostics.iter().all(|mistake| mistake["file"].as_str().unwrap().ends_with("show.cfg")));
    assert!(summary["errors"].as_u64().unwrap() >= 8, "{out}");
}

#[test]
fn check_is_content_with_a_good_file_and_says_what_is_in_it() {
    let (status, out, _) = check("[loopback bus]\n[map]\nbus.a > bus.b\n", &[]);
    assert_eq!(status, Some(0), "{out}");
    assert!(out.contains("good: 1 instance, 1 mapping"), "{out}");
}

#[test]
fn warnings_are_told_and_are_no_failure() {
    let (status, out, _) = check("[loopback bus]\n[loopback other]\n[map]\nbus.a > bus.b\n", &[]);
    assert_eq!(status, Some(0), "{out}");
    assert!(out.contains("other") && out.contains("1 warning"), "{out}");
}

#[test]
fn a_file_without_any_instance_is_refused() {
    for text in ["", "; nothing\n", "[map]\n"] {
        let (status, out, _) = check(text, &[]);
        assert_eq!(status, Some(1), "{text:?}: {out}");
        assert!(out.contains("no instance is configured"), "{text:?}: {out}");
    }
}

#[test]
fn a_show_with_a_missing_backend_is_checked_and_started_without_it_if_asked() {
    let show = "[lua script]\n[loopback bus]\n[map]\nbus.a > script.f\nbus.a > bus.b\n";
    let (status, out, _) = check(show, &[]);
    assert!(status == Some(1) && out.contains("--skip-missing") && out.contains("help transforms"), "{out}");
    let (status, out, _) = check(show, &["--skip-missing"]);
    assert_eq!(status, Some(0), "{out}");
    assert!(out.contains("good: 1 instance, 1 mapping, 2 warnings"), "{out}");
    common::Program::show_with(show, &["--skip-missing"]).wait_for("running");
}

#[test]
fn help_knows_the_names_of_products() {
    let (status, out, _) = common::run(&["help", "gma3"]);
    assert!(status.success() && out.starts_with("`gma3`: a grandMA3 is controlled by OSC"), "{out}");
    assert!(out.contains("# osc"), "{out}");
    let (status, _, err) = common::run(&["help", "serial"]);
    assert!(!status.success() && err.contains("no backend uses serial ports"), "{err}");
}

#[test]
fn a_command_that_does_not_exist_is_answered_with_the_one_that_does() {
    for (word, answer) in [
        ("dem", "did you mean the command `demo`?"),
        ("chek", "did you mean the command `check`?"),
        ("status", "the log of a running show tells its state"),
        ("stop", "Ctrl-C"),
    ] {
        let folder = in_folder(&[]);
        let output = common::command().arg(word).current_dir(folder.path()).output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(1) && err.contains(answer), "{word}: {err}");
    }
    let (status, version, _) = common::run(&["version"]);
    assert!(status.success());
    assert_eq!(version, common::run(&["--version"]).1);
}

#[test]
fn overrides_that_match_nothing_are_told() {
    let (_, out, _) =
        check("[loopback bus]\n[map]\nbus.a > bus.b\n", &["-i", "buss.note=x", "-b", "looback.note=x"]);
    assert!(out.contains("buss") && out.contains("looback"), "{out}");
}

#[test]
fn what_cannot_be_read_is_an_error_with_the_reason() {
    let folder = in_folder(&[("binary.cfg", "a\0b\0c\0d\0")]);
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for file in [path("gone.cfg"), path("binary.cfg"), path(".")] {
        for command in ["check", "run"] {
            let (status, out, err) = common::run(&[command, &file]);
            assert_eq!(status.code(), Some(1), "{command} {file}");
            assert!((out + &err).contains("error"), "{command} {file}");
        }
    }
}

#[test]
fn a_show_with_mistakes_does_not_start_and_names_all_of_them() {
    let folder = in_folder(&[("show.cfg", MISTAKES)]);
    let file = folder.path().join("show.cfg");
    for arguments in [&["run"][..], &[]] {
        let (status, out, err) = common::run(&[arguments, &[file.to_str().unwrap()]].concat());
        assert_eq!((status.code(), out.as_str()), (Some(1), ""));
        for number in [1, 2, 4, 5, 6, 7, 8] {
            assert!(err.contains(&format!("mistake{number}")), "mistake{number} is not in\n{err}");
        }
    }
}

#[test]
fn the_usual_names_are_looked_for() {
    for name in ["crosspatch.cfg", "monster.cfg"] {
        let folder = in_folder(&[(name, "[loopback bus]\n[map]\nbus.a > bus.b\n")]);
        let output = common::command().arg("check").current_dir(folder.path()).output().unwrap();
        assert!(output.status.success());
        assert!(String::from_utf8_lossy(&output.stdout).contains(name));
    }
    let folder = in_folder(&[]);
    let output = common::command().current_dir(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(err.contains("crosspatch demo"), "{err}");
}

#[test]
fn help_prints_every_manual_and_lists_all() {
    let (status, overview, _) = common::run(&["help"]);
    assert!(status.success());
    for backend in crosspatch_backends::BACKENDS {
        assert!(overview.contains(backend.name), "{overview}");
        let (status, manual, _) = common::run(&["help", backend.name]);
        assert!(status.success());
        assert_eq!(manual, backend.manual);
    }
    let (status, out, err) = common::run(&["help", "mawbe"]);
    assert_eq!((status.code(), out.as_str()), (Some(1), ""));
    assert!(err.contains("there is no backend or transform `mawbe`; did you mean `maweb`?"), "{err}");
}

#[test]
fn help_lists_all_transforms_and_prints_what_the_manual_says_of_each() {
    let (status, list, _) = common::run(&["help", "transforms"]);
    assert!(status.success());
    for transform in crosspatch_core::transform::transforms(crosspatch_transforms::FAMILIES) {
        assert!(list.contains(&format!("\n  {} ", transform.name)), "{list}");
        let (status, section, _) = common::run(&["help", transform.name]);
        assert!(status.success());
        assert!(
            section.starts_with(&format!("## {}\n\nWritten `{}`", transform.name, transform.usage)),
            "{section}"
        );
    }
    let (status, out, err) = common::run(&["help", "invrt"]);
    assert_eq!((status.code(), out.as_str()), (Some(1), ""));
    assert!(err.contains("did you mean `invert`?"), "{err}");
    let (_, script, _) = common::run(&["completions", "bash"]);
    assert!(
        script.contains("invert") && script.contains("maweb") && script.contains("transforms"),
        "{script}"
    );
}

#[test]
fn the_command_line_explains_itself() {
    let (status, help, _) = common::run(&["--help"]);
    assert!(status.success());
    for word in
        ["run", "check", "sim", "demo", "help", "replay", "completions", "--log-format", "Examples:", "HUP"]
    {
        assert!(help.contains(word), "`{word}` is not in\n{help}");
    }
    let (status, version, _) = common::run(&["--version"]);
    assert!(status.success() && version.starts_with("crosspatch "));
    for wrong in
        [&["--no-such-option"][..], &["sim", "gma4"], &["check", "--format", "xml"], &["completions", "cmd"]]
    {
        assert_eq!(common::run(wrong).0.code(), Some(2), "{wrong:?}");
    }
    let (status, _, err) = common::run(&["--log", "loud", "show.cfg"]);
    assert_eq!(status.code(), Some(1));
    assert!(err.contains("found `loud`"), "{err}");
}

#[test]
fn every_shell_gets_its_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (status, script, _) = common::run(&["completions", shell]);
        assert!(status.success() && script.contains("crosspatch") && script.contains("replay"), "{shell}");
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let mut child = common::command()
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!((child.wait().unwrap().code(), err.as_str()), (Some(0), ""));
}

#[test]
fn no_secret_is_printed_and_one_on_the_command_line_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("show.cfg");
    let path = file.to_str().unwrap();
    let show = "[maweb desk]\nhost = 127.0.0.1 1\nuser = u\n";
    let map = "[map]\ndesk.page1.fader1 > desk.page1.fader2\n";
    for line in
        ["password T0PSECRET", "password: T0PSECRET", "Passwort = T0PSECRET", "password T0PSECRET = 1"]
    {
        std::fs::write(&file, format!("{show}{line}\n{map}")).unwrap();
        for format in ["text", "json"] {
            let (status, out, err) = common::run(&["check", path, "--format", format]);
            assert_eq!(status.code(), Some(1), "{out}");
            assert!(!out.contains("T0PSECRET") && !err.contains("T0PSECRET"), "{line}:\n{out}{err}");
        }
    }
    std::fs::write(&file, format!("{show}{map}")).unwrap();
    let (status, out, _) = common::run(&["check", path, "-i", "desk.password=T0PSECRET"]);
    assert!(status.success(), "{out}");
    assert!(out.contains("list of processes") && out.contains("`password-file`"), "{out}");
    assert!(!out.contains("T0PSECRET"), "{out}");
}

#[test]
fn without_the_benchmark_beside_it_the_program_says_how_to_get_it() {
    let folder = tempfile::tempdir().unwrap();
    let alone = folder.path().join("crosspatch");
    std::fs::copy(env!("CARGO_BIN_EXE_crosspatch"), &alone).unwrap();
    // The program is busy as long as a process that another test has just started has the descriptor of the copy.
    let mut output = None;
    common::until("the copy can be started", || {
        let started = std::process::Command::new(&alone).args(["bench", "--help"]).env("PATH", "").output();
        let is_busy =
            started.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::ExecutableFileBusy);
        output = (!is_busy).then_some(started);
        !is_busy
    });
    let output = output.expect("it was started").unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("cargo build --release -p crosspatch-bench"), "{said}");
}
