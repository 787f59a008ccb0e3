//! The Open Lighting Architecture at the far end of a cable: `olad` with the plugins that a test wants, and its tools.

use std::process::{Command, Stdio};
use std::time::Duration;

use super::cable::Cable;
use super::{Program, until};

/// All plugins of `olad`, off unless a test configures them.
const PLUGINS: &str = "artnet dummy e131 espnet ftdidmx gpio karate kinet milinst nanoleaf opendmx openpixelcontrol osc \
                       pathport renard sandnet shownet spi spidmx stageprofi uartdmx usbdmx usbserial usbpro";

/// A running `olad`.
pub(crate) struct Ola<'a> {
    cable: &'a Cable,
    daemon: Program,
}

impl<'a> Ola<'a> {
    /// Starts `olad` with one plugin, configured by these lines. Without OLA, says so and returns nothing.
    pub(crate) fn start(cable: &'a Cable, plugin: &str, configuration: &str) -> Option<Self> {
        let is_there = |name| {
            Command::new(name).arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
        };
        if !is_there("olad") || !is_there("setpriv") {
            super::skip("olad is not installed (Debian: apt-get install ola)");
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        for name in PLUGINS.split(' ').filter(|name| !name.is_empty()) {
            let text = if name == plugin { configuration } else { "enabled = false\n" };
            std::fs::write(folder.path().join(format!("ola-{name}.conf")), text).expect("a file");
        }
        // It refuses to run as root, and wants to write into its folder.
        let path = folder.path().to_str().expect("a path in UTF-8").to_owned();
        let status = Command::new("chown").args(["-R", "nobody", &path]).status();
        assert!(status.expect("chown starts").success());
        let mut command = cable.far("setpriv");
        command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups", "olad", "-c", &path]);
        command.args(["--no-http", "--no-register-with-dns-sd", "-l", "3"]);
        let ola = Self { cable, daemon: Program::spawn(command, folder) };
        ola.daemon.wait_for("Installed device");
        until("olad answers", || ola.run("ola_dev_info").contains("Device 1"));
        Some(ola)
    }

    /// Runs one of its tools and returns what it says.
    pub(crate) fn run(&self, line: &str) -> String {
        let mut words = line.split(' ');
        let output =
            self.cable.far(words.next().expect("a tool")).args(words).output().expect("the tool starts");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The levels that a universe gets within half a second, frame by frame.
    pub(crate) fn frames(&self, universe: u16) -> Vec<Vec<u8>> {
        let file = self.daemon.folder().join("recording");
        let mut command = self.cable.far("timeout");
        command.args(["--signal=INT", &Duration::from_millis(500).as_secs_f32().to_string(), "ola_recorder"]);
        command.args([
            "--record",
            file.to_str().expect("a path in UTF-8"),
            "--universes",
            &universe.to_string(),
        ]);
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.expect("ola_recorder starts");
        let recording = std::fs::read_to_string(&file).unwrap_or_default();
        // Each frame is a line with the universe and its levels; lines in between are pauses.
        let levels = recording
            .lines()
            .filter_map(|line| line.split_once(' '))
            .filter(|(first, _)| *first == universe.to_string());
        levels
            .map(|(_, levels)| levels.split(',').filter_map(|level| level.trim().parse().ok()).collect())
            .collect()
    }
}
