//! `crosspatch run FILE`: runs a show.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crosspatch_config::{DEFAULT_LISTEN, listen_address};

use crate::args::{LogArgs, RunArgs};
use crate::files::{Helpers, PATIENCE};
use crate::page::WantedPage;
use crate::show::RunnableShow;
use crate::source::ConfigSource;

/// Runs until a signal ends the show.
pub(crate) fn run(run: &RunArgs, log: &LogArgs) -> Result<ExitCode> {
    let web = run.web.as_ref().map(|address| wanted_page(address.as_deref())).transpose()?;
    let source = ConfigSource::file(run.file.as_deref(), &run.overrides)?.skip_missing(run.skip_missing);
    if let Some(path) = &run.record {
        check_recording(path, run.force)?;
    }
    let (watches, values, record) = (!run.no_watch, run.values, run.record.clone());
    RunnableShow { source, watches, values, web, record, realtime: run.realtime }.run(log)
}

/// The page of `--web` or `--web ADDRESS`.
fn wanted_page(address: Option<&str>) -> Result<WantedPage> {
    let listen = match address.map(listen_address) {
        None => DEFAULT_LISTEN,
        Some(Ok(listen)) => listen,
        Some(Err(error)) => bail!("{error} after `--web`; name the configuration before `--web`"),
    };
    Ok(WantedPage { listen, any_port: false })
}

/// Refuses a recording that would overwrite another one, or that cannot be written.
fn check_recording(path: &Path, force: bool) -> Result<()> {
    let (wanted, folder) = (path.to_owned(), path.parent().unwrap_or(path));
    let probe = Helpers::default().within(PATIENCE, folder, move || probe(&wanted));
    let is_there = probe.and_then(|found| found);
    let is_there = is_there.with_context(|| format!("cannot write the recording `{}`", path.display()))?;
    if is_there && !force {
        bail!("`{}` exists already; choose another name, or overwrite it with `--force`", path.display());
    }
    Ok(())
}

/// Whether a file with contents is there. Fails if the file cannot be written.
fn probe(path: &Path) -> io::Result<bool> {
    match path.metadata() {
        Ok(found) if found.is_file() => {
            OpenOptions::new().append(true).open(path)?;
            Ok(found.len() > 0)
        }
        Ok(found) if found.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        // A pipe or a device has nothing that could be overwritten.
        Ok(_) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            OpenOptions::new().write(true).create_new(true).open(path)?;
            // A show that does not start leaves no empty file.
            std::fs::remove_file(path).map(|()| false)
        }
        Err(error) => Err(error),
    }
}
