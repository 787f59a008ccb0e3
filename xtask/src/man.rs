//! Writes the man pages from the same description of the command line that the program itself reads.

use std::path::Path;

use anyhow::{Context, Result};
use clap::CommandFactory;

#[path = "../../crates/crosspatch/src/args.rs"]
mod args;

/// Writes `crosspatch.1` and a page for every command into `folder`.
///
/// # Errors
///
/// Fails if the folder cannot be written.
pub(crate) fn run(folder: &Path) -> Result<()> {
    let wanted = || format!("cannot write to {}", folder.display());
    std::fs::create_dir_all(folder).with_context(wanted)?;
    clap_mangen::generate_to(args::Args::command(), folder).with_context(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_page_for_the_program_and_for_every_command() {
        let mut command = args::Args::command();
        command.build();
        let mut page = Vec::new();
        clap_mangen::Man::new(command.clone()).render(&mut page).unwrap();
        let page = String::from_utf8(page).unwrap();
        for name in
            command.get_subcommands().filter(|command| !command.is_hide_set()).map(clap::Command::get_name)
        {
            assert!(page.contains(&format!("crosspatch\\-{name}")), "{name} is missing in\n{page}");
        }
        assert!(command.get_subcommands().count() > 5);
    }
}
