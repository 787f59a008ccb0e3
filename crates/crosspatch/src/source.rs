//! Finds and compiles a configuration, and reports its mistakes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::CommandFactory;
use crosspatch_config::{
    CompileInput, Compiled, Diagnostic, DiagnosticSeverity, MemoryFiles, Override, closest, compile,
};
use crosspatch_core::{Plan, Scope};
use tracing::{error, warn};

use crate::REGISTRY;
use crate::args::Overrides;
use crate::files::{Disk, Helpers, PATIENCE};
use crate::log::Log;

/// The files to look for if none is named.
const DEFAULT_FILES: [&str; 2] = ["crosspatch.cfg", "monster.cfg"];

/// A configuration that can be compiled repeatedly.
#[derive(Clone, Debug)]
pub(crate) struct ConfigSource {
    text: CachedText,
    overrides: Vec<Override>,
    skip_missing: bool,
    keeps_lines: bool,
}

#[derive(Clone, Debug)]
enum CachedText {
    File(PathBuf),
    /// A text that is part of the program, under a name for its diagnostics.
    Embedded(&'static str, String),
}

impl ConfigSource {
    /// A file on the disk.
    ///
    /// # Errors
    ///
    /// Fails if no file is named and no default file exists, or the folder does not answer.
    pub(crate) fn file(named: Option<&Path>, overrides: &Overrides) -> anyhow::Result<Self> {
        let usual = || DEFAULT_FILES.iter().map(Path::new).find(|path| path.exists());
        let found = match named {
            Some(file) => Some(file),
            None => Helpers::default()
                .within(PATIENCE, Path::new("."), usual)
                .context("cannot look for a configuration in this folder")?,
        };
        let Some(file) = found else {
            bail!(
                "no configuration found: name a file, or put a `{}` into this folder\n\
                 (`crosspatch demo` runs an example, `crosspatch --help` lists all options)",
                DEFAULT_FILES[0]
            );
        };
        if let Some(advice) = named.and_then(misspelt_command) {
            bail!("there is no file and no command `{}`; {advice}", file.display());
        }
        Ok(Self {
            text: CachedText::File(file.to_owned()),
            overrides: convert(overrides),
            skip_missing: false,
            keeps_lines: false,
        })
    }

    /// Leaves out instances whose backends are missing, if `skip` is set.
    pub(crate) fn skip_missing(self, skip: bool) -> Self {
        Self { skip_missing: skip, ..self }
    }

    /// Keeps the mapping lines as written, for the page.
    pub(crate) fn keep_lines(self, keep: bool) -> Self {
        Self { keeps_lines: keep, ..self }
    }

    /// A text that is part of the program.
    pub(crate) fn embedded(name: &'static str, text: impl Into<String>, overrides: &Overrides) -> Self {
        Self {
            text: CachedText::Embedded(name, text.into()),
            overrides: convert(overrides),
            skip_missing: false,
            keeps_lines: false,
        }
    }

    /// The path, for messages.
    pub(crate) fn name(&self) -> String {
        match &self.text {
            CachedText::File(path) => path.display().to_string(),
            CachedText::Embedded(name, _) => (*name).to_owned(),
        }
    }

    /// Compiles the configuration on top of the running plan. Files are read anew through `disk`.
    pub(crate) fn compile(&self, disk: &Disk, previous: Option<&Plan>) -> Compiled {
        let Self { overrides, skip_missing, keeps_lines, .. } = self;
        let (skip_missing, keeps_lines) = (*skip_missing, *keeps_lines);
        let input = |file, files| CompileInput {
            file,
            files,
            overrides,
            registry: REGISTRY,
            previous,
            skip_missing,
            keeps_lines,
        };
        match &self.text {
            CachedText::File(file) => compile(&input(file, disk)),
            CachedText::Embedded(name, text) => {
                let file = Path::new(name);
                let files = MemoryFiles::default().with(file, text.as_bytes());
                compile(&input(file, &files))
            }
        }
    }
}

/// Commands of other programs, and the equivalent here.
const FOREIGN_COMMANDS: [(&[&str], &str); 7] = [
    (&["manual", "manuals", "docs"], "`crosspatch help` prints the manuals"),
    (&["status", "ps", "info"], "the log of a running show tells its state; `run --values` prints values"),
    (&["start", "play", "open"], "`crosspatch run FILE` runs a show"),
    (&["stop", "quit", "kill", "end"], "Ctrl-C or the signal TERM ends a show"),
    (&["reload", "restart"], "save the file, or send the signal HUP to a running show"),
    (&["lint", "validate", "verify", "test"], "`crosspatch check FILE` reports every mistake"),
    (&["list", "backends", "ls"], "`crosspatch help` lists all backends"),
];

/// Advice if a file that does not exist looks like a misspelt command.
pub(crate) fn misspelt_command(file: &Path) -> Option<String> {
    let word = file.to_str().filter(|word| word.chars().all(|c| c.is_ascii_alphabetic()))?;
    let command = crate::args::Args::command();
    let known = command.get_subcommands().map(clap::Command::get_name);
    let foreign = FOREIGN_COMMANDS.iter().find(|(words, _)| words.contains(&word));
    let advice = match foreign {
        Some((_, advice)) => (*advice).to_owned(),
        None => closest(word, known).map(|meant| format!("did you mean the command `{meant}`?"))?,
    };
    let wanted = file.to_owned();
    let exists = Helpers::default().within(PATIENCE, Path::new("."), move || wanted.exists());
    exists.is_ok_and(|exists| !exists).then_some(advice)
}

fn convert(overrides: &Overrides) -> Vec<Override> {
    let all = |texts: &[String], scope| {
        texts.iter().map(|text| Override { scope, text: text.clone() }).collect::<Vec<_>>()
    };
    [all(&overrides.backend, Scope::Global), all(&overrides.instance, Scope::Instance)].concat()
}

/// The plan of a configuration, or a short reason why there is none.
pub(crate) fn usable(compiled: Compiled) -> Result<Plan, String> {
    let errors = compiled.errors();
    compiled.plan.ok_or_else(|| counted(errors, "error"))
}

/// The size of a plan: `2 instances, 16 mappings`.
pub(crate) fn size(plan: &Plan) -> String {
    format!("{}, {}", counted(plan.instances().len(), "instance"), counted(plan.mapping_count(), "mapping"))
}

/// `1 error`, `2 errors`.
pub(crate) fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// The warnings that the operator has seen: their ids, files and messages. Lines move when a file is edited.
#[derive(Debug, Default)]
pub(crate) struct SeenWarnings(BTreeSet<(&'static str, PathBuf, String)>);

/// Reports every mistake of a configuration to the operator, except for warnings of the compilation before.
pub(crate) fn report(compiled: &mut Compiled, known: &mut SeenWarnings, log: &Log) {
    let key = |mistake: &Diagnostic| (mistake.id, mistake.file.clone(), mistake.message.clone());
    let is_warning = |mistake: &&Diagnostic| mistake.severity == DiagnosticSeverity::Warning;
    let warnings = compiled.diagnostics.iter().filter(is_warning).map(key).collect();
    let before = std::mem::replace(&mut known.0, warnings);
    compiled.remove_warnings(|mistake| before.contains(&key(mistake)));
    if !log.is_json() {
        log.lines(&compiled.render(log.is_colored()));
        return;
    }
    for mistake in &compiled.diagnostics {
        let (id, line, column, message) = (mistake.id, mistake.line, mistake.column, &mistake.message);
        let (file, help) = (mistake.file.display(), mistake.help.join("; "));
        match mistake.severity {
            DiagnosticSeverity::Error => error!(id, %file, line, column, help, "{message}"),
            DiagnosticSeverity::Warning => warn!(id, %file, line, column, help, "{message}"),
        }
    }
}
