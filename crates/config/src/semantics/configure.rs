//! Configures each instance from the options that were given.

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
use crate::syntax::source::{Location, Sources, Span};
use crate::wording::quote;

/// An instance that mappings can mean.
#[derive(Clone)]
pub(crate) struct ConfiguredInstance {
    pub(crate) id: InstanceId,
    pub(crate) backend: &'static Backend,
    pub(crate) instance: Arc<dyn Instance>,
}
/// Configures every instance. In parallel to the instances of `resolved`: none for one that mappings cannot use.
pub(crate) fn configure_instances(
    sections: &mut Sections<'_>,
    builder: &mut PlanBuilder<'_>,
) -> Vec<Option<ConfiguredInstance>> {
    let mut with = Environment {
        files: sections.files,
        sources: &mut sections.sources,
        diagnostics: &mut sections.diagnostics,
        read: &mut sections.read,
    };
    let mut names: Vec<_> = sections.globals.keys().copied().collect();
    names.sort_unstable();
    for name in names {
        hide_secrets(&sections.globals[name].settings, sections.registry.find(name), &mut with);
    }
    for draft in &sections.instances {
        hide_secrets(&draft.options.settings, draft.backend, &mut with);
    }
    let configure = |draft: &InstanceSection| {
        let backend = draft.backend?;
        let (given, instance) = configure(draft, backend, sections.globals.get(backend.name), &mut with)?;
        draft.is_named.then(|| {
            let id = builder.instance(&draft.name, backend, given, Arc::clone(&instance));
            ConfiguredInstance { id, backend, instance }
        })
    };
    sections.instances.iter().map(configure).collect()
}

/// What reading options needs.
struct Environment<'a> {
    files: &'a dyn Files,
    sources: &'a mut Sources,
    diagnostics: &'a mut Diagnostics,
    /// Every file that was asked for.
    read: &'a mut Vec<PathBuf>,
}

/// Keeps secrets out of what is shown, and says so where everybody can read them. Comes before anything is rendered.
fn hide_secrets(settings: &[Setting], backend: Option<&'static Backend>, with: &mut Environment<'_>) {
    for setting in settings.iter().filter(|setting| setting.spec.secret && !setting.spec.file) {
        with.sources.hide(setting.value);
        if setting.value.span.is_empty() {
            continue;
        }
        let (name, source) = (setting.spec.name, with.sources.get(setting.value.source));
        let draft = if setting.from_command_line {
            let message = format!(
                "`{name}` stands in the list of processes, which every user of this machine may read"
            );
            let options = backend.into_iter().flat_map(|backend| backend.options);
            let mut files =
                options.filter(|spec| spec.secret && spec.file && spec.scope == setting.spec.scope);
            let help = match files.next() {
                Some(file) => {
                    format!("write it into a file that only its owner may read, and give `{}`", file.name)
                }
                None => "write it into the configuration".to_owned(),
            };
            Draft::warning("secret-in-process-list", message).help(help)
        } else if with.files.is_readable_by_all(&source.path) {
            let message = format!("`{name}` stands in a file that every user of this machine may read");
            Draft::warning("secret-readable", message).help(ONLY_OWNER)
        } else {
            continue;
        };
        with.diagnostics.add(draft.at(setting.name));
    }
}

const ONLY_OWNER: &str = "let only its owner read the file: `chmod 600 FILE`";

/// Configures one instance; `None` if it cannot be used, in which case the reason has been said.
fn configure(
    draft: &InstanceSection,
    backend: &'static Backend,
    globals: Option<&OptionSet>,
    with: &mut Environment<'_>,
) -> Option<(Vec<Given>, Arc<dyn Instance>)> {
    let mut given = Vec::new();
    let mut settings = Vec::new();
    let mut mistaken =
        draft.is_guessed || draft.options.mistaken || globals.is_some_and(|globals| globals.mistaken);
    let of_backend = globals.map_or(&[][..], |globals| &globals.settings);
    for setting in effective(of_backend, with).into_iter().chain(effective(&draft.options.settings, with)) {
        let Some(value) = value_of(setting, with) else {
            mistaken = true;
            continue;
        };
        let name = match setting.spec.family {
            Some(_) => unquoted(with.sources.at(setting.name)),
            None => setting.spec.name.into(),
        };
        given.push(Given { name: name.into_owned(), value, scope: setting.spec.scope });
        settings.push(setting);
    }
    let mut options = Options::new(&draft.name, &given, backend.options);
    let instance = (backend.configure)(&mut options);
    let errors = options.into_errors();
    let explained = mistaken || errors.iter().any(|error| !error.is_warning);
    for error in &errors {
        // What is missing may well be there under a misspelt name.
        if error.option.is_some() || error.is_warning || !mistaken {
            with.diagnostics.add(option_error(error, draft, &settings, &given, with.sources));
        }
    }
    if instance.is_none() && !explained {
        let message = format!("the instance {} cannot be used as configured", quote(&draft.name));
        with.diagnostics.add(Draft::error("option-missing", message).at(draft.name_at));
    }
    Some((given, instance?))
}

/// What counts of the options given: those from the command line take the place of others, and of several that exclude
/// each other the last one wins.
fn effective<'s>(settings: &'s [Setting], with: &mut Environment<'_>) -> Vec<&'s Setting> {
    // An option is known by its documented name, a member of a family by the written one.
    let mut by_name: FxHashMap<(&str, Cow<'_, str>), (bool, usize)> = FxHashMap::default();
    let mut kept: Vec<Option<&Setting>> = Vec::with_capacity(settings.len());
    let ordered = settings.iter().filter(|setting| setting.from_command_line);
    for setting in ordered.chain(settings.iter().filter(|setting| !setting.from_command_line)) {
        let written = match setting.spec.family {
            Some(_) => unquoted(with.sources.at(setting.name)),
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
                    with.diagnostics.add(option_twice(setting, earlier, with.sources));
                }
            }
        }
        kept.push(Some(setting));
    }
    kept.into_iter().flatten().collect()
}

fn option_twice(setting: &Setting, earlier: Option<Location>, sources: &Sources) -> Draft {
    let message = format!("{} is given twice; the last one counts", quote(sources.at(setting.name)));
    let draft = Draft::warning("option-twice", message).label(setting.name, "this one counts");
    match earlier {
        Some(earlier) => draft.label(earlier, "this one does not"),
        None => draft,
    }
}

/// The value of an option; for one that names a file, the text of that file.
fn value_of(setting: &Setting, with: &mut Environment<'_>) -> Option<String> {
    let written = with.sources.at(setting.value).to_owned();
    if !setting.spec.file {
        return Some(written);
    }
    let source = with.sources.get(setting.value.source);
    let path = match setting.from_command_line {
        true => PathBuf::from(&written),
        false => beside(&source.path, &written),
    };
    let at = value_or_name(setting);
    if written.is_empty() {
        let message = format!("expected a file, found nothing behind `{}`", setting.spec.name);
        with.diagnostics.add(Draft::error("option-file", message).at(at));
        return None;
    }
    if !with.read.contains(&path) {
        with.read.push(path.clone());
    }
    let text = with.files.read(&path).map(String::from_utf8);
    match text {
        Ok(Ok(text)) => {
            if setting.spec.secret && with.files.is_readable_by_all(&path) {
                let message =
                    format!("every user of this machine may read {}", quote(&path.to_string_lossy()));
                with.diagnostics.add(Draft::warning("secret-readable", message).at(at).help(ONLY_OWNER));
            }
            let line = text.strip_suffix('\n').unwrap_or(&text);
            Some(line.strip_suffix('\r').unwrap_or(line).to_owned())
        }
        Ok(Err(_)) => {
            let message = format!("{} is not UTF-8 text", quote(&path.to_string_lossy()));
            with.diagnostics.add(Draft::error("option-file", message).at(at));
            None
        }
        Err(error) => {
            with.diagnostics
                .add(Draft::error("option-file", unreadable(&path.to_string_lossy(), &error)).at(at));
            None
        }
    }
}

/// The value's place, or the name's where the value is empty.
fn value_or_name(setting: &Setting) -> Location {
    if setting.value.span.is_empty() { setting.name } else { setting.value }
}

fn option_error(
    error: &OptionError,
    draft: &InstanceSection,
    settings: &[&Setting],
    given: &[Given],
    sources: &Sources,
) -> Draft {
    let (new, id): (fn(&'static str, String) -> Draft, _) = match (error.is_warning, error.option) {
        (true, _) => (Draft::warning, "option-doubtful"),
        (false, Some(_)) => (Draft::error, "option-value"),
        (false, None) => (Draft::error, "option-missing"),
    };
    let Some((setting, given)) = error.option.and_then(|at| Some((settings.get(at)?, given.get(at)?))) else {
        return new(id, error.message.clone()).at(draft.name_at).help_if(error.help.clone());
    };
    let mut message = error.message.clone();
    if setting.spec.secret && given.value.len() > 2 {
        message = message.replace(&given.value, "...");
    }
    let help = error.help.clone().or_else(|| {
        let is_plain = !error.is_warning && setting.spec.family.is_none() && !setting.spec.example.is_empty();
        is_plain.then(|| format!("for example `{} = {}`", setting.spec.name, setting.spec.example))
    });
    new(id, message).at(part(setting, error, sources)).help_if(help)
}

/// The part of a value that is wrong, as far as the value stands in the file itself.
fn part(setting: &Setting, error: &OptionError, sources: &Sources) -> Location {
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
