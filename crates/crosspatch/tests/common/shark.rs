//! What tshark, which others wrote, makes of the packets on a cable.

use std::process::{Command, Stdio};

use super::Program;
use super::cable::Cable;

/// A tshark at the near end that writes these fields of every datagram, separated by `;`, and listens already. Without
/// tshark, says so and returns nothing.
pub(crate) fn shark(cable: &Cable, fields: &[&str]) -> Option<Program> {
    let is_there =
        Command::new("tshark").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !is_there {
        super::skip("tshark is not installed (Debian: apt-get install tshark)");
        return None;
    }
    let mut command = cable.near("tshark");
    command.args(["-l", "-n", "-i", "cable", "-f", "udp", "-T", "fields"]);
    command.args(["-E", "separator=;", "-E", "occurrence=f"]);
    // It knows sACN only if it is asked to look for it.
    command.args(["--enable-heuristic", "acn", "-o", "acn.dmx_enable:TRUE"]);
    command.args(fields.iter().flat_map(|field| ["-e", field]));
    let shark = Program::spawn(command, tempfile::tempdir().expect("a folder"));
    shark.wait_for("Capturing on");
    Some(shark)
}
