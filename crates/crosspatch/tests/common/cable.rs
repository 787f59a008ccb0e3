//! Two network namespaces joined by a cable, so that two programs can have the same port on two machines.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use super::Program;

/// The address of the near end, where crosspatch is.
pub(crate) const NEAR: &str = "10.77.0.1";
/// The address of the far end, where a peer is.
pub(crate) const FAR: &str = "10.77.0.2";

/// A cable between two machines, gone when it is dropped.
pub(crate) struct Cable {
    name: String,
}

impl Cable {
    /// Lays a cable; without the right to do so, says that and returns nothing.
    pub(crate) fn lay() -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("cp{}x{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let cable = Self { name };
        let (near, far) = (cable.end("n"), cable.end("f"));
        let mut lines = vec![
            format!("ip netns add {near}"),
            format!("ip netns add {far}"),
            format!("ip -n {near} link add cable type veth peer name cable netns {far}"),
        ];
        for (end, own, other) in [(&near, NEAR, FAR), (&far, FAR, NEAR)] {
            lines.push(format!("ip -n {end} link set lo up"));
            lines.push(format!("ip -n {end} addr add {own}/24 broadcast + dev cable"));
            lines.push(format!("ip -n {end} link set cable up"));
            lines.push(format!("ip -n {end} route add default via {other}"));
        }
        if !lines.iter().all(|line| works(line)) {
            eprintln!(
                "skipped: this needs `ip netns`, with the right to use it (Debian: apt-get install iproute2)"
            );
            return None;
        }
        Some(cable)
    }

    /// A command at the near end.
    pub(crate) fn near(&self, program: &str) -> Command {
        self.at("n", program)
    }

    /// Runs a show at the near end, with its values shown.
    pub(crate) fn show(&self, configuration: &str) -> Program {
        show(self.near(env!("CARGO_BIN_EXE_crosspatch")), configuration)
    }

    /// Runs a show at the far end, with its values shown.
    pub(crate) fn far_show(&self, configuration: &str) -> Program {
        show(self.far(env!("CARGO_BIN_EXE_crosspatch")), configuration)
    }

    /// Pulls the cable at the near end, and plugs it in again.
    pub(crate) fn pull_and_plug_in(&self) {
        self.set("n", "down");
        self.set("n", "up");
    }

    /// Pulls the cable at the far end: no data passes, and neither end is notified.
    pub(crate) fn pull_far(&self) {
        self.set("f", "down");
    }

    /// Plugs the far end in again.
    pub(crate) fn plug_in_far(&self) {
        self.set("f", "up");
    }

    fn set(&self, end: &str, state: &str) {
        let end = self.end(end);
        assert!(works(&format!("ip -n {end} link set cable {state}")), "the cable goes {state}");
    }

    /// A command at the far end.
    pub(crate) fn far(&self, program: &str) -> Command {
        self.at("f", program)
    }

    fn at(&self, end: &str, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.end(end), program]).stdin(Stdio::null());
        command
    }

    fn end(&self, end: &str) -> String {
        format!("{}{end}", self.name)
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        for end in ["n", "f"] {
            works(&format!("ip netns del {}", self.end(end)));
        }
    }
}

fn show(mut command: Command, configuration: &str) -> Program {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("show.cfg");
    std::fs::write(&file, configuration).expect("a file");
    command.args(["run", "--values"]).arg(&file);
    Program::spawn(command, folder)
}

fn works(line: &str) -> bool {
    let output = Command::new("sh").args(["-c", line]).output();
    output.is_ok_and(|output| output.status.success())
}
