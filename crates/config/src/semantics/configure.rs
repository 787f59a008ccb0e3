//! Configures each instance from its options, those of its backend and those of the command line.

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::path::PathBuf;
use std::sync::Arc;

use crosspatch_core::address::unquoted;
use crosspatch_core::{Backend, Given, Instance, InstanceId, OptionError, Options, PlanBuilder};
use rustc_hash::FxHashMap;

use crate::files::{Files, beside, unreadable};
use crate::report::diagnostic::{Diagnostics, Draft};
use crate::semantics::options::{OptionSet, Setting};
use crate::semantics::sections::{InstanceSection, Sections};
use crate::syntax::source::{Location, SourceFiles, SourceId, Span};
use crate::wording::{between_quotes, quote};

/// An instance that mappings can use.
#[derive(Clone)]
pub(crate) struct ConfiguredInstance {
    pub(crate) id: InstanceId,
    pub(crate) backend: &'static Backend,
    pub(crate) instance: Arc<dyn Instance>,
    /// Whether an option of it has a mistake. Its addresses can be checked, but it must not be started.
    pub(crate) has_mistake: bool,
}

/// Configures every instance. Returns them in the order of their sections, with none for one that mappings cannot use.
pub(crate) fn configure_instances(
    sections: &mut Sections<'_>,
    builder: &mut PlanBuilder<'_>,
) -> Vec<Option<ConfiguredInstance>> {
    let Sections { files, sources, diagnostics, read: read_files, .. } = sections;
    let mut env = Environment::new(*files, sources, diagnostics, read_files);
    let mut names: Vec<_> = sections.globals.keys().copied().collect();
    names.sort_unstable();
    for name in names {
        hide_secrets(&sections.globals[name].settings, sections.registry.find(name), &mut env);
    }
    for section in &sections.instances {
        hide_secrets(&section.options.settings, section.backend, &mut env);
    }
    let configure = |section: &InstanceSection| {
        let backend = section.backend?;
        let globals = sections.globals.get(backend.name);
        let (given, instance, has_mistake) = read(section, globals, &mut env, backend.configure)?;
        section.is_named.then(|| {
            let id = builder.instance(&section.name, backend, given, Arc::clone(&instance));
            ConfiguredInstance { id, backend, instance, has_mistake }
        })
    };
    sections.instances.iter().map(configure).collect()
}

/// Reads the options of the section `[web]`, if there is one, and returns whether it has a mistake.
pub(crate) fn read_page<T>(
    sections: &mut Sections<'_>,
    build: impl FnOnce(&mut Options<'_>) -> Option<T>,
) -> Option<(T, bool)> {
    let Sections { files, sources, diagnostics, read: read_files, web, .. } = sections;
    let section = web.as_ref()?;
    let mut env = Environment::new(*files, sources, diagnostics, read_files);
    hide_secrets(&section.options.settings, section.backend, &mut env);
    read(section, None, &mut env, build).map(|(_, built, has_mistake)| (built, has_mistake))
}

/// The context for reading options.
struct Environment<'a> {
    files: &'a dyn Files,
    sources: &'a mut SourceFiles,
    diagnostics: &'a mut Diagnostics,
    /// Every file that was requested.
    read: &'a mut Vec<PathBuf>,
    /// The files for which a warning has reported that their secrets are readable by all users.
    readable: Vec<SourceId>,
}

impl<'a> Environment<'a> {
    fn new(
        files: &'a dyn Files,
        sources: &'a mut SourceFiles,
        diagnostics: &'a mut Diagnostics,
        read: &'a mut Vec<PathBuf>,
    ) -> Self {
        Self { files, sources, diagnostics, read, readable: Vec::new() }
    }
}

/// Hides secrets in everything that is shown, and warns once for each file whose secrets other users can read. A value that is
/// the documented default is not a secret.
fn hide_secrets(settings: &[Setting], backend: Option<&'static Backend>, env: &mut Environment<'_>) {
    for setting in settings.iter().filter(|setting| setting.spec.secret && !setting.spec.file) {
        env.sources.hide(setting.value);
        let value = env.sources.at(setting.value);
        if value.is_empty() || value == setting.spec.default {
            continue;
        }
        let (name, source) = (setting.spec.name, env.sources.get(setting.value.source));
        let draft = if setting.from_command_line {
            let message = format!("every user of this machine can see `{name}` in the list of processes");
            let options = backend.into_iter().flat_map(|backend| backend.options);
            let mut files =
                options.filter(|spec| spec.secret && spec.file && spec.scope == setting.spec.scope);
            let help = match files.next() {
                Some(file) => {
                    format!("write it to a file that only its owner can read, and set `{}`", file.name)
                }
                None => "write it in the configuration".to_owned(),
            };
            Draft::warning("secret-in-process-list", message).help(help)
        } else if env.readable.contains(&setting.value.source) {
            continue;
        } else if env.files.is_readable_by_all(&source.path) {
            env.readable.push(setting.value.source);
            let message = format!("every user of this machine can read the file with `{name}`");
            Draft::warning("secret-readable", message).help(ONLY_OWNER)
        } else {
            continue;
        };
        env.diagnostics.add(draft.at(setting.name));
    }
}

const ONLY_OWNER: &str = "make the file readable by its owner only: `chmod 600 FILE`";

/// Reads the options of one section, and returns whether it has a mistake. Returns `None` if it cannot be used; the reason has
/// been reported.
fn read<T>(
    section: &InstanceSection,
    globals: Option<&OptionSet>,
    env: &mut Environment<'_>,
    build: impl FnOnce(&mut Options<'_>) -> Option<T>,
) -> Option<(Vec<Given>, T, bool)> {
    let backend = section.backend?;
    let mut given = Vec::new();
    let mut settings = Vec::new();
    let mut is_incomplete = section.is_guessed
        || section.options.has_unknown
        || globals.is_some_and(|globals| globals.has_unknown);
    let of_backend = globals.map_or(&[][..], |globals| &globals.settings);
    for setting in effective(of_backend, env).into_iter().chain(effective(&section.options.settings, env)) {
        let Some(value) = value_of(setting, env) else {
            is_incomplete = true;
            continue;
        };
        let name = match setting.spec.family {
            Some(_) => unquoted(env.sources.at(setting.name)),
            None => setting.spec.name.into(),
        };
        given.push(Given { name: name.into_owned(), value, scope: setting.spec.scope });
        settings.push(setting);
    }
    let mut options = Options::new(&section.name, &given, backend.options);
    let built = build(&mut options);
    let mut errors = options.into_errors();
    report_slips(&mut errors, &settings, env);
    let explained = is_incomplete || errors.iter().any(|error| !error.is_warning);
    for error in &errors {
        // A missing option may be there under a misspelt name.
        if error.option.is_some() || error.is_warning || !is_incomplete {
            env.diagnostics.add(option_error(error, section, &settings, &given, env.sources));
        }
    }
    if built.is_none() && !explained {
        let message = format!("the instance {} cannot be used as configured", quote(&section.name));
        env.diagnostics.add(Draft::error("option-missing", message).at(section.name_at));
    }
    Some((given, built?, explained))
}

/// A part of a value that was probably not meant to be one.
struct Slip<'s> {
    id: &'static str,
    what: &'static str,
    advice: &'static str,
    /// The value without it.
    meant: &'s str,
}

impl<'s> Slip<'s> {
    /// The slip in a value, if there is one and it is not a part of the syntax of the option.
    fn of(setting: &Setting, sources: &'s SourceFiles) -> Option<Self> {
        if setting.spec.quotes || setting.spec.family == Some("") {
            return None;
        }
        let value = sources.at(setting.value);
        let quotes = between_quotes(value).map(|meant| Self {
            id: "quotes",
            what: "the quotes are",
            advice: "leave out the quotes",
            meant,
        });
        quotes.or_else(|| {
            let end = [" # ", " ; "].iter().filter_map(|mark| value.find(mark)).min()?;
            let meant = value[..end].trim_end();
            Some(Self {
                id: "comment-in-value",
                what: "the comment is",
                advice: "write the comment on a line of its own",
                meant,
            })
        })
    }
}

/// Warns of slips in values, or adds the advice to what the backend says about the value.
fn report_slips(errors: &mut [OptionError], settings: &[&Setting], env: &mut Environment<'_>) {
    for (at, setting) in settings.iter().enumerate().filter(|(_, setting)| !setting.spec.file) {
        let Some(Slip { id, what, advice, meant }) = Slip::of(setting, env.sources) else { continue };
        if let Some(error) = errors.iter_mut().find(|error| error.option == Some(at)) {
            error.help = Some(advice.to_owned());
            continue;
        }
        let name = env.sources.at(setting.name);
        let help = match setting.spec.secret {
            true => format!("{advice}, unless intended"),
            false => format!("{advice}: {}", quote(&format!("{name} = {meant}"))),
        };
        let message = format!("{what} a part of the value of {}", quote(name));
        let draft = Draft::warning(id, message);
        env.diagnostics.add(draft.at(setting.value).help(help));
    }
}

/// The options that take effect. Options from the command line override all others; of an option that is set several times
/// and is not repeatable, the last one counts.
fn effective<'s>(settings: &'s [Setting], env: &mut Environment<'_>) -> Vec<&'s Setting> {
    // Options are compared by their documented names, members of a family by the names as written.
    let mut by_name: FxHashMap<(&str, Cow<'_, str>), (bool, usize)> = FxHashMap::default();
    let mut kept: Vec<Option<&Setting>> = Vec::with_capacity(settings.len());
    let ordered = settings.iter().filter(|setting| setting.from_command_line);
    for setting in ordered.chain(settings.iter().filter(|setting| !setting.from_command_line)) {
        let written = match setting.spec.family {
            Some(_) => unquoted(env.sources.at(setting.name)),
            None => "".into(),
        };
        let at = kept.len();
        match by_name.entry((setting.spec.name, written)) {
            Entry::Vacant(entry) => {
                entry.insert((setting.from_command_line, at));
            }
            Entry::Occupied(mut entry) => {
                let (overridden, before) = *entry.get();
                if overridden && !setting.from_command_line {
                    continue;
                }
                if !setting.spec.repeatable {
                    let earlier = kept[before].take().map(|earlier| earlier.name);
                    entry.insert((overridden, at));
                    env.diagnostics.add(option_twice(setting, earlier, env.sources));
                }
            }
        }
        kept.push(Some(setting));
    }
    kept.into_iter().flatten().collect()
}

fn option_twice(setting: &Setting, earlier: Option<Location>, sources: &SourceFiles) -> Draft {
    let message = format!("{} is set twice; the last one counts", quote(sources.at(setting.name)));
    let draft = Draft::warning("option-twice", message).label(setting.name, "this one counts");
    match earlier {
        Some(earlier) => draft.label(earlier, "this one does not"),
        None => draft,
    }
}

/// The value of an option. If the option names a file, the value is the text of that file.
fn value_of(setting: &Setting, env: &mut Environment<'_>) -> Option<String> {
    let written = env.sources.at(setting.value).to_owned();
    if !setting.spec.file {
        return Some(written);
    }
    let source = env.sources.get(setting.value.source);
    let path = match setting.from_command_line {
        true => PathBuf::from(&written),
        false => beside(&source.path, &written),
    };
    let at = value_or_name(setting);
    if written.is_empty() {
        let message = format!("expected a file name for `{}`, found nothing", setting.spec.name);
        env.diagnostics.add(Draft::error("option-file", message).at(at));
        return None;
    }
    if !env.read.contains(&path) {
        env.read.push(path.clone());
    }
    let text = env.files.read(&path).map(String::from_utf8);
    match text {
        Ok(Ok(text)) => {
            if setting.spec.secret && env.files.is_readable_by_all(&path) {
                let message =
                    format!("every user of this machine can read {}", quote(&path.to_string_lossy()));
                env.diagnostics.add(Draft::warning("secret-readable", message).at(at).help(ONLY_OWNER));
            }
            let line = text.strip_suffix('\n').unwrap_or(&text);
            Some(line.strip_suffix('\r').unwrap_or(line).to_owned())
        }
        Ok(Err(_)) => {
            let message = format!("{} is not UTF-8 text", quote(&path.to_string_lossy()));
            env.diagnostics.add(Draft::error("option-file", message).at(at));
            None
        }
        Err(error) => {
            let draft = Draft::error("option-file", unreadable(&path.to_string_lossy(), &error)).at(at);
            env.diagnostics.add(draft.help_if(Slip::of(setting, env.sources).map(|slip| slip.advice)));
            None
        }
    }
}

/// The location of the value, or of the name if the value is empty.
fn value_or_name(setting: &Setting) -> Location {
    if setting.value.span.is_empty() { setting.name } else { setting.value }
}

fn option_error(
    error: &OptionError,
    section: &InstanceSection,
    settings: &[&Setting],
    given: &[Given],
    sources: &SourceFiles,
) -> Draft {
    let (new, id): (fn(&'static str, String) -> Draft, _) = match (error.is_warning, error.option) {
        (true, _) => (Draft::warning, "option-doubtful"),
        (false, Some(_)) => (Draft::error, "option-value"),
        (false, None) => (Draft::error, "option-missing"),
    };
    let Some((setting, given)) = error.option.and_then(|at| Some((settings.get(at)?, given.get(at)?))) else {
        return new(id, error.message.clone()).at(section.name_at).help_if(error.help.clone());
    };
    let mut message = error.message.clone();
    if setting.spec.secret && given.value.len() > 2 {
        message = message.replace(&given.value, "...");
    }
    let help = error.help.clone().or_else(|| {
        let is_plain = !error.is_warning && setting.spec.family.is_none() && !setting.spec.example.is_empty();
        is_plain.then(|| format!("for example `{} = {}`", setting.spec.name, setting.spec.example))
    });
    new(id, message).at(error_location(setting, error, sources)).help_if(help)
}

/// The part of a value that is wrong, or the whole value if it comes from another file.
fn error_location(setting: &Setting, error: &OptionError, sources: &SourceFiles) -> Location {
    let whole = value_or_name(setting);
    let Some(part) = error.part.clone().filter(|_| !setting.spec.file) else { return whole };
    let start = setting.value.span.start as usize;
    match sources.at(setting.value).get(part.clone()) {
        Some(text) if !text.is_empty() => {
            Location { span: Span::new(start + part.start, start + part.end), ..setting.value }
        }
        _ => whole,
    }
}
