//! The log of the running program: lines for an operator, JSON for a machine, values on request.

mod common;

use common::osc::Osc;
use common::{Program, command, free_port};
use serde_json::Value;

fn show(listen: u16, osc: &Osc) -> String {
    format!(
        "[osc tablet]\nbind = 127.0.0.1 {listen}\ndestination = 127.0.0.1 {}\n/* = f 0 1\n[map]\ntablet./in > tablet./out\n",
        osc.port()
    )
}

#[test]
fn every_line_of_a_json_log_is_an_object_and_so_are_the_mistakes_of_a_reload() {
    let listen = free_port();
    let osc = Osc::to(listen);
    let program = Program::show_with(&show(listen, &osc), &["--log-format", "json", "-vv"]);
    osc.until_answered("/in", "/out");
    program.rewrite("[ocs tablet]\n");
    program.wait_for("the show goes on as it was");
    let text = program.lines().text();
    let mut mistakes = 0;
    for line in text.lines() {
        let event: Value = serde_json::from_str(line).expect(line);
        for field in ["timestamp", "level", "message", "id"] {
            assert!(event[field].is_string(), "no `{field}` in {line}");
        }
        if event["id"] == "unknown-backend" {
            assert_eq!((&event["line"], &event["level"]), (&Value::from(1), &Value::from("ERROR")), "{line}");
            mistakes += 1;
        }
    }
    assert_eq!(mistakes, 1, "{text}");
    program.stop();
}

#[test]
fn a_line_for_an_operator_has_a_time_an_instance_and_no_colour_in_a_file() {
    let listen = free_port();
    let osc = Osc::to(listen);
    let program = Program::show_with(&show(listen, &osc), &["--values"]);
    osc.until_answered("/in", "/out");
    let line = program.wait_for("/in ");
    let (time, rest) = line.split_once(' ').expect("a time in front");
    assert_eq!(time.split(':').map(str::len).collect::<Vec<_>>(), [2, 2, 2], "{line}");
    assert!(rest.starts_with("tablet     /in "), "{line}");
    assert!(!program.lines().text().contains('\x1b'));
    program.stop();
}

#[test]
fn messages_on_the_wire_are_told_only_when_asked_for() {
    let listen = free_port();
    let osc = Osc::to(listen);
    for (arguments, are_told) in
        [(&[][..], false), (&["-v"], false), (&["-vv"], true), (&["--log", "trace"], true)]
    {
        let program = Program::show_with(&show(listen, &osc), arguments);
        osc.until_answered("/in", "/out");
        osc.send("/in", 0.984375);
        osc.wait_for("/out", 0.984375);
        if are_told {
            program.wait_for("/out ,f 0.984375");
        }
        program.signal("HUP");
        program.wait_for("reloaded");
        assert_eq!(program.lines().text().contains("/out ,f 0.984375"), are_told, "{arguments:?}");
        program.stop();
    }
}

#[test]
fn colour_is_used_where_it_is_wanted() {
    for (color, is_wanted) in [("always", true), ("auto", false), ("never", false)] {
        let output =
            command().args(["run", "/no/such/file.cfg", "--color", color]).output().expect("it starts");
        assert_eq!(output.stderr.contains(&0x1b), is_wanted, "{color}");
        let output =
            command().args(["check", "/no/such/file.cfg", "--color", color]).output().expect("it starts");
        assert_eq!(output.stdout.contains(&0x1b), is_wanted, "{color}");
    }
}
