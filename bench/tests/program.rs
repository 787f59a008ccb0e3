//! The benchmark as a user runs it. What it measures is not judged here: machines that run tests are busy.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::process::{Command, ExitStatus};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

/// Runs the benchmark to its end and returns its status, standard output and standard error. What it measures lies beside it:
/// `cargo test --workspace` builds both.
fn run(arguments: &[&str]) -> (ExitStatus, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_crosspatch-bench")).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status, text(output.stdout), text(output.stderr))
}

/// Measurements share the same two processors, so there is one at a time.
static PROCESSORS: Mutex<()> = Mutex::new(());

#[test]
fn everybody_who_is_measured_passes_events_on() {
    let _alone = PROCESSORS.lock().unwrap_or_else(PoisonError::into_inner);
    for work in
        ["OSC to OSC, 64 mapped, three", "OSC to OSC, 1 to 64", "sACN, 10 universes", "RTP-MIDI to RTP-MIDI"]
    {
        let arguments = [work, "--rounds", "1", "--measure", "40", "--format", "json"];
        let (status, figures, progress) = run(&arguments);
        assert!(status.success(), "{progress}");
        let report: Value = serde_json::from_str(&figures).expect("JSON");
        let rows = report["tables"][0]["rows"].as_array().expect("rows");
        let subjects: Vec<_> =
            rows.iter().filter(|row| row["cells"].get(1).is_some_and(|cpu| !cpu.is_null())).collect();
        let names: Vec<_> = subjects.iter().filter_map(|row| row["name"].as_str()).collect();
        assert!(names.contains(&"bare") && names.contains(&"crosspatch"), "{names:?}");
        let passes = |row: &&Value| row["cells"][0].as_f64().is_some_and(|a_second| a_second > 0.0);
        assert!(subjects.iter().all(passes), "{figures}");
    }
}

/// Every table that has sizes, with the smallest of them, and which of its columns has to have a figure in every measured row.
#[test]
fn every_other_work_has_figures() {
    let _alone = PROCESSORS.lock().unwrap_or_else(PoisonError::into_inner);
    for (work, largest, measured) in [
        ("OSC alone", "0", &["CPU", "p50"][..]),
        ("a loopback hop", "0", &["CPU ns"]),
        ("universes at 44 Hz", "1", &["p50", "packets", "core %"]),
        ("a poll of a console", "0", &["CPU"]),
        ("many consoles", "1", &["p50", "core %", "polls/s", "MiB"]),
        ("many OSC peers", "10", &["start", "CPU", "p50", "MiB"]),
        ("start and reload", "1000", &["start", "memory"]),
        ("reloads of many lines", "10000", &["p50", "reload", "MiB", "after 10"]),
    ] {
        let arguments = [work, "--rounds", "1", "--measure", "40", "--format", "json", "--largest", largest];
        let (status, figures, progress) = run(&arguments);
        assert!(status.success(), "{work}: {progress}");
        let report: Value = serde_json::from_str(&figures).expect("JSON");
        let [table] = &report["tables"].as_array().expect("tables")[..] else { panic!("{work}: one table") };
        let columns = table["columns"].as_array().expect("columns");
        let cells = |row: &Value| row["cells"].as_array().cloned().unwrap_or_default();
        let rows = table["rows"].as_array().expect("rows").iter();
        let ours = rows.filter(|row| {
            let name = row["name"].as_str().unwrap_or_default();
            !cells(row).is_empty() && name != "times bare" && name != "bytes of an answer"
        });
        let ours: Vec<_> = ours.collect();
        assert!(!ours.is_empty(), "{work}: {figures}");
        for row in ours {
            assert_eq!(cells(row).len(), columns.len(), "{work}: {row}");
            for name in measured {
                let at = columns.iter().position(|column| column == name).expect("a column");
                assert!(cells(row)[at].as_f64().is_some_and(|figure| figure > 0.0), "{work}, {name}: {row}");
            }
        }
    }
}

#[test]
fn an_unrelated_mapping_is_measured_with_a_flood_and_without() {
    let _alone = PROCESSORS.lock().unwrap_or_else(PoisonError::into_inner);
    for flood in ["small OSC", "SLIP", "Art-Net, frames", "small requests"] {
        let arguments = [flood, "--rounds", "1", "--measure", "40", "--format", "json"];
        let (status, figures, progress) = run(&arguments);
        assert!(status.success(), "{progress}");
        let report: Value = serde_json::from_str(&figures).expect("JSON");
        let rows = report["tables"][0]["rows"].as_array().expect("rows");
        let [nothing, flooded, goal] = &rows[..] else { panic!("three rows: {figures}") };
        assert_eq!((&nothing["name"], &goal["name"]), (&"nothing".into(), &"goal".into()));
        let columns = report["tables"][0]["columns"].as_array().expect("columns");
        assert_eq!(flooded["cells"].as_array().map(Vec::len), Some(columns.len()));
        let is_measured = |row: &Value| row["cells"][0].as_f64().is_some_and(|median| median > 0.0);
        assert!(is_measured(nothing) && is_measured(flooded), "{figures}");
    }
}

#[test]
fn a_name_that_nothing_has_is_answered_with_those_that_there_are() {
    let (status, _, errors) = run(&["nonsense"]);
    assert_eq!(status.code(), Some(1));
    assert!(
        errors.contains("nothing is called \"nonsense\"") && errors.contains("Art-Net to OSC"),
        "{errors}"
    );
}
