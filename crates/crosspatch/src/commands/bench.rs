//! `crosspatch bench`: starts the benchmark, which is a separate program (`crosspatch-bench`) to keep this one small.

use std::io::ErrorKind;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::args::Bench;

/// Runs the benchmark in the same folder as this program, or else the one in `PATH`.
pub(crate) fn run(bench: &Bench) -> Result<ExitCode> {
    let own = std::env::current_exe().context("cannot find this program")?;
    let beside = own.with_file_name(format!("crosspatch-bench{}", std::env::consts::EXE_SUFFIX));
    let program = if beside.exists() { beside } else { "crosspatch-bench".into() };
    let status = Command::new(program).args(&bench.arguments).arg("--program").arg(&own).status();
    match status {
        Ok(status) => {
            let code = status.code().and_then(|code| u8::try_from(code).ok());
            Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => bail!(
            "`crosspatch-bench` is neither beside this program nor in `PATH`; `cargo build --release -p crosspatch-bench` in the source folder builds it"
        ),
        Err(error) => Err(error).context("cannot start `crosspatch-bench`"),
    }
}
