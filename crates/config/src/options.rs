//! Options: which one a name means, and how an instance is configured from those that were given.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;

use crosspatch_core::address::unquoted;
use crosspatch_core::{Backend, Given, Instance, OptionError, OptionSpec, Options, Scope};
use rustc_hash::FxHashMap;

use crate::diagnostic::{Book, Draft, quote};
use crate::files::{Files, beside};
use crate::resolve::DraftInstance;
use crate::source::{Place, Source, Sources, Span};
use crate::suggest::{closest, did_you_mean};

/// An option as given, matched to its entry in the backend's table.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) spec: &'static OptionSpec,
    pub(crate) name: Place,
    pub(crate) value: Place,
    pub(crate) from_command_line: bool,
}

/// The options of one section, or of all sections of one backend.
#[derive(Debug, Default)]
pub(crate) struct OptionSet {
    pub(crate) settings: Vec<Setting>,
    /// Whether one had a name that means nothing. What is missing may have been meant by it.
    pub(crate) mistaken: bool,
}

/// An option as written.
pub(crate) struct Written<'t> {
    pub(crate) text: &'t str,
    pub(crate) name: Place,
    pub(crate) value: Place,
    pub(crate) from_command_line: bool,
}

impl OptionSet {
    /// Adds an option. A misspelt one counts as what was perhaps meant, so that its value is checked, too.
    pub(crate) fn add(
        &mut self,
        backend: &'static Backend,
        scope: Scope,
        written: &Written<'_>,
        book: &mut Book,
    ) {
        let text = &*unquoted(written.text);
        let found = find(backend, scope, text);
        if found.is_none() {
            self.mistaken = true;
            if !book.has_room() {
                book.add(Draft::error("unknown-option", "").at(written.name));
                return;
            }
            book.add(unknown(backend, scope, text, written.name));
        }
        let &Written { name, value, from_command_line, .. } = written;
        if let Some(spec) = found.or_else(|| meant(backend, scope, text)) {
            self.settings.push(Setting { spec, name, value, from_command_line });
        }
    }
}

/// The option whose name is closest; no member of a family, because those are known by the name as written.
fn meant(backend: &'static Backend, scope: Scope, name: &str) -> Option<&'static OptionSpec> {
    let plain = backend.options.iter().filter(|spec| spec.scope == scope && spec.family.is_none());
    let known = plain.flat_map(|spec| std::iter::once(&spec.name).chain(spec.aliases)).copied();
    find(backend, scope, closest(name, known)?)
}

/// Finds the option that `name` means: an exact name or alias before an abbreviation, and both before a family.
fn find(backend: &'static Backend, scope: Scope, name: &str) -> Option<&'static OptionSpec> {
    let rank = |spec: &OptionSpec| match spec.family {
        None if spec.name == name || spec.aliases.contains(&name) => usize::MAX,
        None => usize::MAX - 1,
        Some(family) => family.len(),
    };
    let matching = backend.options.iter().filter(|spec| spec.scope == scope && spec.matches(name));
    matching.max_by_key(|spec| rank(spec))
}

/// What to say of a name that means no option here.
fn unknown(backend: &'static Backend, scope: Scope, name: &str, at: Place) -> Draft {
    let other = match scope {
        Scope::Global => Scope::Instance,
        Scope::Instance => Scope::Global,
    };
    if find(backend, other, name).is_some() {
        let (belongs, section) = match other {
            Scope::Global => ("all instances together", format!("[backend {}]", backend.name)),
            Scope::Instance => ("each instance", format!("[{} NAME]", backend.name)),
        };
        return Draft::error("option-scope", format!("the option {} is set for {belongs}", quote(name)))
            .at(at)
            .help(format!("write it into the section `{section}`"));
    }
    let here = || backend.options.iter().filter(move |spec| spec.scope == scope);
    let plain = || here().filter(|spec| spec.family.is_none());
    let known = plain().flat_map(|spec| std::iter::once(&spec.name).chain(spec.aliases)).copied();
    let names = || here().map(|spec| format!("`{}`", spec.name)).collect::<Vec<_>>().join(", ");
    let kind = match scope {
        Scope::Global => "global option",
        Scope::Instance => "option",
    };
    let help =
        did_you_mean(name, known).or_else(|| member(name, here())).unwrap_or_else(|| match here().count() {
            0 => format!("there is no {kind} of `{}`", backend.name),
            1..=8 => format!("there is {}", names()),
            _ => format!("`crosspatch help {}` lists all", backend.name),
        });
    Draft::error("unknown-option", format!("`{}` has no {kind} {}", backend.name, quote(name)))
        .at(at)
        .help(help)
}

/// The member of a family that was meant, if its beginning is misspelt: `comand.x` for `command.x`.
fn member<'s>(name: &str, specs: impl Iterator<Item = &'s OptionSpec>) -> Option<String> {
    let (word, rest) = name.split_once('.')?;
    let families = specs.filter_map(|spec| spec.family?.strip_suffix('.'));
    closest(word, families).map(|family| format!("did you mean {}?", quote(&format!("{family}.{rest}"))))
}

/// What reading options needs.
pub(crate) struct Configuring<'a> {
    pub(crate) files: &'a dyn Files,
    pub(crate) sources: &'a mut Sources,
    pub(crate) book: &'a mut Book,
    /// Every file that was asked for.
    pub(crate) read: &'a mut Vec<PathBuf>,
}

/// Keeps secrets out of what is shown, and says so where everybody can read them. Comes before anything is rendered.
pub(crate) fn guard_secrets(
    settings: &[Setting],
    backend: Option<&'static Backend>,
    with: &mut Configuring<'_>,
) {
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
        with.book.add(draft.at(setting.name));
    }
}

const ONLY_OWNER: &str = "let only its owner read the file: `chmod 600 FILE`";

/// Configures one instance; `None` if it cannot be used, in which case the reason has been said.
pub(crate) fn configure(
    draft: &DraftInstance,
    backend: &'static Backend,
    globals: Option<&OptionSet>,
    with: &mut Configuring<'_>,
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
            with.book.add(option_error(error, draft, &settings, &given, with.sources));
        }
    }
    if instance.is_none() && !explained {
        let message = format!("the instance {} cannot be used as configured", quote(&draft.name));
        with.book.add(Draft::error("option-missing", message).at(draft.name_at));
    }
    Some((given, instance?))
}

/// What counts of the options given: those from the command line take the place of others, and of several that exclude
/// each other the last one wins.
fn effective<'s>(settings: &'s [Setting], with: &mut Configuring<'_>) -> Vec<&'s Setting> {
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
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert((setting.from_command_line, at));
            }
            std::collections::hash_map::Entry::Occupied(mut entry) => {
                let (overridden, before) = *entry.get();
                if overridden && !setting.from_command_line {
                    continue;
                }
                if !setting.spec.repeatable {
                    let earlier = kept[before].take().map(|earlier| earlier.name);
                    entry.insert((overridden, at));
                    with.book.add(given_twice(setting, earlier, with.sources));
                }
            }
        }
        kept.push(Some(setting));
    }
    kept.into_iter().flatten().collect()
}

fn given_twice(setting: &Setting, earlier: Option<Place>, sources: &Sources) -> Draft {
    let message = format!("{} is given twice; the last one counts", quote(sources.at(setting.name)));
    let draft = Draft::warning("option-twice", message).label(setting.name, "this one counts");
    match earlier {
        Some(earlier) => draft.label(earlier, "this one does not"),
        None => draft,
    }
}

/// The value of an option; for one that names a file, the text of that file.
fn value_of(setting: &Setting, with: &mut Configuring<'_>) -> Option<String> {
    let written = with.sources.at(setting.value).to_owned();
    if !setting.spec.file {
        return Some(written);
    }
    let source = with.sources.get(setting.value.source);
    let path = match setting.from_command_line {
        true => PathBuf::from(&written),
        false => beside(&source.path, &written),
    };
    let at = or_name(setting);
    if written.is_empty() {
        let message = format!("expected a file, found nothing behind `{}`", setting.spec.name);
        with.book.add(Draft::error("option-file", message).at(at));
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
                with.book.add(Draft::warning("secret-readable", message).at(at).help(ONLY_OWNER));
            }
            let line = text.strip_suffix('\n').unwrap_or(&text);
            Some(line.strip_suffix('\r').unwrap_or(line).to_owned())
        }
        Ok(Err(_)) => {
            let message = format!("{} is not UTF-8 text", quote(&path.to_string_lossy()));
            with.book.add(Draft::error("option-file", message).at(at));
            None
        }
        Err(error) => {
            with.book.add(Draft::error("option-file", unreadable(&path.to_string_lossy(), &error)).at(at));
            None
        }
    }
}

/// Why a file could not be read, in words.
pub(crate) fn unreadable(path: &str, error: &std::io::Error) -> String {
    use std::io::ErrorKind;
    let path = quote(path);
    let kind = error.kind();
    if kind == ErrorKind::NotFound {
        format!("there is no file {path}")
    } else if kind == ErrorKind::IsADirectory {
        format!("{path} is a folder, not a file")
    } else if kind == ErrorKind::PermissionDenied {
        format!("{path} may not be read by this user")
    } else {
        format!("{path} cannot be read: {error}")
    }
}

/// The value's place, or the name's where the value is empty.
fn or_name(setting: &Setting) -> Place {
    if setting.value.span.is_empty() { setting.name } else { setting.value }
}

fn option_error(
    error: &OptionError,
    draft: &DraftInstance,
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
fn part(setting: &Setting, error: &OptionError, sources: &Sources) -> Place {
    let whole = or_name(setting);
    let Some(part) = error.part.clone().filter(|_| !setting.spec.file) else { return whole };
    let start = setting.value.span.start as usize;
    match sources.at(setting.value).get(part.clone()) {
        Some(text) if !text.is_empty() => {
            Place { span: Span::new(start + part.start, start + part.end), ..setting.value }
        }
        _ => whole,
    }
}

/// The command line as a text: one line for each override.
pub(crate) fn command_line(overrides: &[crate::Override]) -> (Source, Vec<Span>) {
    let mut text = String::new();
    let mut spans = Vec::new();
    for given in overrides {
        text.push_str(match given.scope {
            Scope::Global => "-b ",
            Scope::Instance => "-i ",
        });
        let start = text.len();
        text.extend(given.text.chars().map(|letter| if letter == '\n' { ' ' } else { letter }));
        spans.push(Span::new(start, text.len()));
        text.push('\n');
    }
    let text = crate::source::Text::decode(text.into_bytes());
    (Source::new(COMMAND_LINE.as_ref(), text), spans)
}

/// What stands for the name of a file where an override is meant.
pub(crate) const COMMAND_LINE: &str = "command line";
