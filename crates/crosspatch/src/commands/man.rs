//! `crosspatch man`: the man pages, generated from `args.rs`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use clap::CommandFactory;
use clap_mangen::Man;

use crate::args::{self, Args};
use crate::output;

/// Prints the page of the program, or writes it and a page for every command into a folder.
pub(crate) fn run(man: &args::Man) -> Result<()> {
    match &man.install {
        Some(folder) => install(folder).with_context(|| format!("cannot write to {}", folder.display())),
        None => {
            let mut page = Vec::new();
            Man::new(Args::command()).render(&mut page)?;
            output::print(&String::from_utf8_lossy(&page))
        }
    }
}

fn install(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    Ok(clap_mangen::generate_to(Args::command(), folder)?)
}
