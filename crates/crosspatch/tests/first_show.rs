//! `docs/first-show.md`, typed as it is written: its files, its commands, and what the screen shows.
//!
//! A block ` ```config ` is saved as `show.cfg`. In a block ` ```console `, a line after `$` is typed, and the lines after it
//! are what that program then shows; for `oscsend`, what the show does. A block ` ```log ` is what the show shows meanwhile.
//! Times, and ports other than those that are written, are not compared.

mod common;

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::path::Path;

use common::{Program, command, free_port};

const GUIDE: &str = include_str!("../../../docs/first-show.md");

/// The ports of the guide, which may be taken on this machine.
const PORTS: [&str; 4] = ["8000", "8080", "5010", "5020"];

struct Session {
    folder: tempfile::TempDir,
    /// Ports of the guide, and those that are used in their place.
    ports: BTreeMap<&'static str, String>,
    show: Option<Program>,
    others: Vec<Program>,
    /// The lines of the show that have been read.
    read: usize,
}

impl Session {
    /// A text of the guide with the ports that are used here.
    fn real(&self, text: &str) -> String {
        self.ports.iter().fold(text.to_owned(), |text, (written, used)| text.replace(written, used))
    }

    fn show(&self) -> &Program {
        self.show.as_ref().expect("the show runs")
    }

    /// Types a line, and sees what is expected.
    fn type_line(&mut self, line: &str, expected: &[String]) {
        let words: Vec<_> = line.split_whitespace().collect();
        match words[..] {
            ["crosspatch", "check", file] => {
                let output = command()
                    .args(["check", file])
                    .current_dir(self.folder.path())
                    .output()
                    .expect("the program starts");
                let text = [output.stdout, output.stderr].concat();
                assert_eq!(String::from_utf8(text).expect("UTF-8").trim_end(), expected.join("\n"));
            }
            ["crosspatch", "sim", console] => {
                let port = &self.ports["8080"];
                let sim = Program::start(&["sim", console, "--listen", &format!("127.0.0.1:{port}")]);
                expected.iter().for_each(|line| drop(sim.wait_for(line)));
                self.others.push(sim);
            }
            ["crosspatch", "show.cfg", "--values"] => {
                let mut command = command();
                command.args(["show.cfg", "--values"]).current_dir(self.folder.path());
                self.show = Some(Program::spawn(command, tempfile::tempdir().expect("a folder")));
                self.expect(expected);
            }
            ["oscsend", host, port, address, "f", level] => {
                let level: f32 = level.parse().expect("a level");
                let packet = common::osc::message(address, level);
                let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
                self.read = self.show().lines().len();
                socket.send_to(&packet, format!("{host}:{port}")).expect("a message sent");
                self.expect(expected);
            }
            _ => panic!("nobody knows how to type `{line}`"),
        }
    }

    /// Waits until the show has shown these lines, after those that have been read.
    fn expect(&self, expected: &[String]) {
        for line in expected {
            self.show().lines().wait_from(self.read, line);
        }
    }
}

#[test]
fn the_guide_is_true_when_it_is_typed() {
    let mut session = Session {
        folder: tempfile::tempdir().expect("a folder"),
        ports: PORTS.into_iter().map(|port| (port, free_port().to_string())).collect(),
        show: None,
        others: Vec::new(),
        read: 0,
    };
    let (mut blocks, mut open) = (0, None::<(&str, Vec<&str>)>);
    for line in GUIDE.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(info), None) => open = Some((info, Vec::new())),
            (None, Some((_, lines))) => lines.push(line),
            (None, None) => {}
            (Some(_), Some(_)) => {
                let Some((info, lines)) = open.take() else { continue };
                blocks += 1;
                play(&mut session, info, &lines);
            }
        }
    }
    assert!(blocks > 10 && session.others.len() == 1);
    session.show.take().expect("the show runs").stop();
    for sim in session.others {
        sim.stop();
    }
}

fn play(session: &mut Session, info: &str, lines: &[&str]) {
    let lines: Vec<_> = lines.iter().map(|line| session.real(line)).collect();
    match info {
        "config" => {
            session.read = session.show.as_ref().map_or(0, |show| show.lines().len());
            save(&session.folder.path().join("show.cfg"), &lines.join("\n"));
        }
        "console" => {
            let typed = lines[0].strip_prefix("$ ").expect("a command");
            session.type_line(typed, &lines[1..]);
        }
        "log" => session.expect(&lines),
        _ => {}
    }
}

fn save(file: &Path, text: &str) {
    std::fs::write(file, format!("{text}\n")).expect("a file");
}
