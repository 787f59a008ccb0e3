//! Reloads of the running program: good ones, broken ones, and far too many.

mod common;

use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use common::osc::Osc;
use common::{Program, free_port, until};

/// A show that answers `/from` at `/to`, from one instance to itself.
fn echo(name: &str, listen: u16, answer: u16, from: &str, to: &str) -> String {
    format!(
        "[osc {name}]\nbind = 127.0.0.1 {listen}\ndestination = 127.0.0.1 {answer}\n/* = f 0.0 1.0\n\
         [map]\n{name}.{from} > {name}.{to}\n"
    )
}

fn start(listen: u16, osc: &Osc) -> Program {
    let program = Program::show(&echo("tablet", listen, osc.port(), "/in", "/out"));
    osc.until_answered("/in", "/out");
    program
}

#[test]
fn a_saved_file_is_taken_up_and_the_old_mapping_is_gone() {
    let listen = free_port();
    let osc = Osc::to(listen);
    let program = start(listen, &osc);
    program.rewrite(&echo("tablet", listen, osc.port(), "/in", "/elsewhere"));
    program.wait_for("reloaded");
    osc.until_answered("/in", "/elsewhere");
    program.stop();
}

#[test]
fn a_broken_file_changes_nothing_and_every_mistake_is_told() {
    let listen = free_port();
    let osc = Osc::to(listen);
    let program = start(listen, &osc);
    program.rewrite("[ocs tablet]\nbind = 127.0.0.1 1\n[atem node]\n[map]\nx.y > tablet./b\nnonsense\n");
    program.wait_for("the show goes on as it was");
    let text = program.lines().text();
    for mistake in ["`ocs`", "`atem`", "`x`", "nonsense"] {
        assert!(text.contains(mistake), "{mistake} is not in\n{text}");
    }
    osc.until_answered("/in", "/out");
    program.stop();
}

#[test]
fn an_empty_file_does_not_end_a_show() {
    let listen = free_port();
    let osc = Osc::to(listen);
    let program = start(listen, &osc);
    for empty in ["", "\n\n", "; later\n", "[map]\n"] {
        let before = program.lines().len();
        program.rewrite(empty);
        program.lines().wait_from(before, "no instance is configured");
        osc.until_answered("/in", "/out");
    }
    program.stop();
}

#[test]
fn a_file_that_renames_everything_takes_over_the_ports() {
    let listen = free_port();
    let osc = Osc::to(listen);
    let program = start(listen, &osc);
    for name in ["other", "third", "tablet"] {
        let before = program.lines().len();
        program.rewrite(&echo(name, listen, osc.port(), "/in", &format!("/{name}")));
        program.lines().wait_from(before, "reloaded");
        osc.until_answered("/in", &format!("/{name}"));
    }
    program.stop();
}

#[test]
fn a_connection_that_a_reload_does_not_concern_stays() {
    let (listen, server) = (free_port(), TcpListener::bind("127.0.0.1:0").unwrap());
    let osc = Osc::to(listen);
    let show = |out: &str| {
        echo("tablet", listen, osc.port(), "/in", out)
            + &format!(
                "[osc wall]\ntransport = tcp\ndestination = 127.0.0.1 {}\n/* = f 0.0 1.0\n[map]\ntablet./wall > wall./wall\n",
                server.local_addr().unwrap().port()
            )
    };
    let program = Program::show(&show("/out"));
    let (mut connection, _) = server.accept().unwrap();
    osc.until_answered("/in", "/out");
    program.rewrite(&show("/changed"));
    program.wait_for("reloaded");
    osc.until_answered("/in", "/changed");
    osc.send("/wall", 0.5);
    // The same connection still carries values, and there is no second one.
    connection.set_read_timeout(Some(common::PATIENCE)).unwrap();
    let mut length = [0; 4];
    connection.read_exact(&mut length).unwrap();
    assert_eq!(u32::from_be_bytes(length), 16);
    server.set_nonblocking(true).unwrap();
    assert!(server.accept().is_err());
    program.stop();
}

#[test]
fn an_included_file_is_watched_and_so_is_one_that_is_missing() {
    let listen = free_port();
    let osc = Osc::to(listen);
    let folder = tempfile::tempdir().unwrap();
    let (main, part) = (folder.path().join("show.cfg"), folder.path().join("parts/part.cfg"));
    fs::create_dir(folder.path().join("parts")).unwrap();
    fs::write(&main, "[include parts/part.cfg]\n").unwrap();
    fs::write(&part, echo("tablet", listen, osc.port(), "/in", "/out")).unwrap();
    let program = Program::start(&["run", main.to_str().unwrap()]);
    osc.until_answered("/in", "/out");
    fs::write(&part, echo("tablet", listen, osc.port(), "/in", "/part")).unwrap();
    osc.until_answered("/in", "/part");
    let before = program.lines().len();
    fs::write(&main, "[include parts/part.cfg]\n[include parts/more.cfg]\n").unwrap();
    program.lines().wait_from(before, "the show goes on as it was");
    let before = program.lines().len();
    fs::write(folder.path().join("parts/more.cfg"), "[map]\ntablet./more > tablet./much\n").unwrap();
    program.lines().wait_from(before, "reloaded");
    osc.until_answered("/more", "/much");
    program.stop();
}

#[test]
fn a_folder_that_vanishes_and_comes_back_is_survived() {
    let listen = free_port();
    let osc = Osc::to(listen);
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("stick");
    let file = inner.join("show.cfg");
    fs::create_dir(&inner).unwrap();
    fs::write(&file, echo("tablet", listen, osc.port(), "/in", "/out")).unwrap();
    let program = Program::start(&["run", file.to_str().unwrap()]);
    osc.until_answered("/in", "/out");
    fs::remove_dir_all(&inner).unwrap();
    program.wait_for("the show goes on as it was");
    osc.until_answered("/in", "/out");
    fs::create_dir(&inner).unwrap();
    fs::write(&file, echo("tablet", listen, osc.port(), "/in", "/back")).unwrap();
    osc.until_answered("/in", "/back");
    program.stop();
}

/// What saves a hundred times a second, and takes some time for it, saves again after this.
const BETWEEN_SAVES: Duration = Duration::from_millis(5);

#[test]
fn a_hundred_saves_a_second_end_in_the_last_one() {
    let listen = free_port();
    let osc = Osc::to(listen);
    let program = start(listen, &osc);
    for number in 0..200 {
        let text = match number % 4 {
            0 => String::new(),
            1 => "[osc broken\n".to_owned(),
            _ => echo("tablet", listen, osc.port(), "/in", &format!("/out{number}")),
        };
        program.rewrite(&text);
        osc.send("/in", 0.5);
        std::thread::sleep(BETWEEN_SAVES);
    }
    osc.until_answered("/in", "/out199");
    program.stop();
}

#[test]
fn a_storm_of_hups_reloads_a_few_times_and_disturbs_nobody() {
    let listen = free_port();
    let osc = Osc::to(listen);
    let program = start(listen, &osc);
    let (start, mut answers) = (Instant::now(), Vec::new());
    let before = program.memory();
    for _ in 0..100 {
        program.signal("HUP");
        let asked = Instant::now();
        osc.until_answered("/in", "/out");
        answers.push(asked.elapsed());
    }
    program.wait_for("reloaded");
    let reloads = program.lines().text().matches("reloaded").count();
    let most = 2 + start.elapsed().as_millis() / 100;
    assert!(reloads as u128 <= most, "{reloads} reloads, and not at most {most}");
    // The patience of one try is 30 ms; more than one of them on a busy machine is no disturbance by us, nor is one answer
    // that is late because the machine stood still.
    answers.sort();
    assert!(answers[90] < Duration::from_millis(500), "answers took {answers:?}");
    let after = program.memory();
    assert!(after < before + 8 * 1024, "memory went from {before} to {after} KiB");
    program.stop();
}

#[test]
fn saving_the_same_again_does_nothing() {
    let listen = free_port();
    let osc = Osc::to(listen);
    let same = echo("tablet", listen, osc.port(), "/in", "/out");
    let program = Program::show_with(&same, &["-v"]);
    osc.until_answered("/in", "/out");
    // What was written before the folder is watched is not noticed, because nothing has changed.
    until("it is noticed", || {
        program.rewrite(&same);
        program.lines().text().contains("without a change")
    });
    assert!(!program.lines().text().contains("reloaded"));
    program.stop();
}

#[test]
fn without_watching_only_a_hup_reloads() {
    let listen = free_port();
    let osc = Osc::to(listen);
    let program = Program::show_with(&echo("tablet", listen, osc.port(), "/in", "/out"), &["--no-watch"]);
    osc.until_answered("/in", "/out");
    program.rewrite(&echo("tablet", listen, osc.port(), "/in", "/new"));
    osc.until_answered("/in", "/out");
    program.signal("HUP");
    osc.until_answered("/in", "/new");
    program.wait_for("reloaded");
    assert_eq!(program.lines().text().matches("reloaded").count(), 1);
    program.stop();
}

#[test]
fn the_environment_of_a_reload_may_be_hostile() {
    let listen = free_port();
    let osc = Osc::to(listen);
    let program = start(listen, &osc);
    let file = program.file();
    // A folder in the place of the file, a file that includes itself, a binary, UTF-16, ten megabytes in one line.
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    program.wait_for("the show goes on as it was");
    fs::remove_dir(&file).unwrap();
    let good = echo("tablet", listen, osc.port(), "/in", "/new");
    let utf16: Vec<u8> = good.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let long_line = format!("; {}\n[map]\n{}\n", "x".repeat(10_000_000), "a.b > ".repeat(100_000));
    for hostile in [
        b"[include show.cfg]\n".to_vec(),
        vec![0, 1, 2, 255],
        [&[0xff, 0xfe], &utf16[..]].concat(),
        long_line.into_bytes(),
    ] {
        let before = program.lines().len();
        fs::write(&file, &hostile).unwrap();
        program.lines().wait_from(before, "the show goes on as it was");
        osc.until_answered("/in", "/out");
    }
    fs::write(&file, good.replace('\n', "\r\n")).unwrap();
    until("the good file is taken up", || program.lines().text().contains("reloaded"));
    osc.until_answered("/in", "/new");
    program.stop();
}

#[test]
fn a_reload_says_what_changed_and_repeats_no_warning() {
    let listen = free_port();
    let osc = Osc::to(listen);
    let show = |address: &str, more: &str| {
        let echo = echo("tablet", listen, osc.port(), "/in", "/out");
        format!(
            "{echo}{more}[loopback bus]\n[osc stage]\ndestination = {address} 9\n[map]\nbus.a > bus.b\nbus.a > bus.b\n"
        )
    };
    let program = Program::show(&show("127.0.0.1", ""));
    program.wait_for("running");
    let warning = "is mapped twice";
    assert_eq!(program.lines().text().matches(warning).count(), 1, "{}", program.lines().text());
    for (text, said) in [
        (show("127.0.0.1", "tablet./a > tablet./b\n"), "1 mapping added; 3 instances kept"),
        (
            show("127.0.0.2", "tablet./b > tablet./a\n"),
            "1 mapping added, 1 removed; `stage` restarted: option `destination` changed; 2 instances kept",
        ),
        (show("127.0.0.2", "tablet./b > tablet./a\n; a remark\n"), "nothing changed"),
        (show("127.0.0.2", "tablet./b > tablet./a\n[loopback other]\n"), "`other` added; 3 instances kept"),
    ] {
        let before = program.lines().len();
        program.rewrite(&text);
        program.lines().wait_from(before, said);
    }
    assert_eq!(program.lines().text().matches(warning).count(), 1, "{}", program.lines().text());
    program.stop();
}
