//! Transforms in the running program: over real sockets, on the real clock, and across reloads.

mod common;

use common::osc::Osc;
use common::{PATIENCE, Program, free_port};
use rosc::OscType;

/// A show that listens on a port, answers a peer, and has the given mappings.
fn show(listen: u16, osc: &Osc, map: &str) -> String {
    format!(
        "[osc pad]\nbind = 127.0.0.1 {listen}\ndestination = 127.0.0.1 {}\n\n[map]\npad./ping > pad./pong\n{map}\n",
        osc.port()
    )
}

fn start(map: &str) -> (Program, Osc, u16) {
    let listen = free_port();
    let osc = Osc::to(listen);
    let program = Program::show(&show(listen, &osc, map));
    osc.until_answered("/ping", "/pong");
    (program, osc, listen)
}

/// The numbers that arrive at an address until one of them is the last.
fn until(osc: &Osc, address: &str, last: f32) -> Vec<f32> {
    let mut levels = Vec::new();
    while levels.last() != Some(&last) {
        match osc.hear(PATIENCE) {
            Some((heard, OscType::Float(level))) if heard == address => levels.push(level),
            Some(_) => {}
            None => panic!("waited in vain for {address} {last}, heard {levels:?}"),
        }
    }
    levels
}

#[test]
fn a_value_is_shaped_on_its_way() {
    let (program, osc, _) = start("pad./in | invert | range 0..0.5 > pad./out");
    osc.send("/in", 0.25);
    osc.wait_for("/out", 0.375);
    program.stop();
}

#[test]
fn a_glide_goes_on_by_itself_and_ends_where_it_was_to() {
    let (program, osc, _) = start("pad./in | smooth 100ms > pad./out");
    osc.send("/in", 0.0);
    until(&osc, "/out", 0.0);
    osc.send("/in", 1.0);
    let levels = until(&osc, "/out", 1.0);
    assert!(levels.len() > 5 && levels.is_sorted(), "{levels:?}");
    program.stop();
}

#[test]
fn a_toggle_keeps_its_state_over_a_reload_of_other_lines_and_an_edited_line_begins_anew() {
    let map = "pad./button | toggle > pad./lamp";
    let (program, osc, listen) = start(map);
    let press = || {
        osc.send("/button", 1.0);
        osc.send("/button", 0.0);
    };
    press();
    osc.wait_for("/lamp", 1.0);
    program.rewrite(&show(listen, &osc, &format!("pad./other | curve 2 > pad./else\n{map}")));
    program.wait_for("reloaded");
    press();
    osc.wait_for("/lamp", 0.0);
    let before = program.lines().len();
    program.rewrite(&show(listen, &osc, "pad./button | toggle | invert > pad./lamp"));
    program.lines().wait_from(before, "reloaded");
    osc.until_answered("/ping", "/pong");
    program.stop();
}

#[test]
fn printed_values_and_texts_in_the_wrong_place_are_in_the_log() {
    let (program, osc, _) = start("pad./in | print \"the fader\" | text \"{value:.0}%\" | invert > pad./out");
    osc.send("/in", 0.5);
    program.wait_for("the fader: 0.5");
    program.wait_for("expected a number at `invert`, found the text \"50%\"");
    program.stop();
}

#[test]
fn mistakes_in_transforms_keep_the_show_as_it_was() {
    let (program, osc, listen) = start("pad./in | invert > pad./out");
    program.rewrite(&show(listen, &osc, "pad./in | invrt | smooth 100 > pad./out"));
    program.wait_for("the show goes on as it was");
    let text = program.lines().text();
    for part in ["did you mean `invert`?", "did you mean `100ms`?"] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    osc.send("/in", 0.25);
    osc.wait_for("/out", 0.75);
    program.stop();
}
