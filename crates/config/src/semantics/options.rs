//! Matches the names of options to the backend's table.

use crosspatch_core::address::unquoted;
use crosspatch_core::{Backend, OptionSpec, Scope};

use crate::report::diagnostic::{Diagnostics, Draft};
use crate::report::suggest::{closest, did_you_mean};
use crate::syntax::source::Location;
use crate::wording::quote;

/// An option that is set, with its entry in the backend's table.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) spec: &'static OptionSpec,
    pub(crate) name: Location,
    pub(crate) value: Location,
    pub(crate) from_command_line: bool,
}

/// The options of one section, or of all sections of one backend.
#[derive(Debug, Default)]
pub(crate) struct OptionSet {
    pub(crate) settings: Vec<Setting>,
    /// Whether a name was unknown. An option that seems to be missing may have been meant by it.
    pub(crate) has_unknown: bool,
}

/// An option as written.
pub(crate) struct WrittenOption<'t> {
    pub(crate) text: &'t str,
    pub(crate) name: Location,
    pub(crate) value: Location,
    pub(crate) from_command_line: bool,
}

impl OptionSet {
    /// Adds an option. A misspelt name is reported and replaced by the closest one, so that the value is checked too.
    pub(crate) fn add(
        &mut self,
        backend: &'static Backend,
        scope: Scope,
        written: &WrittenOption<'_>,
        diagnostics: &mut Diagnostics,
    ) {
        let text = &*unquoted(written.text);
        let found = find(backend, scope, text);
        if found.is_none() {
            self.has_unknown = true;
            if !diagnostics.has_room() {
                diagnostics.add(Draft::error("unknown-option", "").at(written.name));
                return;
            }
            diagnostics.add(unknown(backend, scope, text, written.name));
        }
        let &WrittenOption { name, value, from_command_line, .. } = written;
        if let Some(spec) = found.or_else(|| closest_option(backend, scope, text)) {
            self.settings.push(Setting { spec, name, value, from_command_line });
        }
    }
}

/// The option whose name is closest. Members of a family have no fixed names and are left out.
fn closest_option(backend: &'static Backend, scope: Scope, name: &str) -> Option<&'static OptionSpec> {
    let plain = backend.options.iter().filter(|spec| spec.scope == scope && spec.family.is_none());
    let known = plain.flat_map(|spec| std::iter::once(&spec.name).chain(spec.aliases)).copied();
    find(backend, scope, closest(name, known)?)
}

/// Finds an option by name: first by its exact name or alias, then by an abbreviation, then by its family.
fn find(backend: &'static Backend, scope: Scope, name: &str) -> Option<&'static OptionSpec> {
    let rank = |spec: &OptionSpec| match spec.family {
        None if spec.name == name || spec.aliases.contains(&name) => usize::MAX,
        None => usize::MAX - 1,
        Some(family) => family.len(),
    };
    let matching = backend.options.iter().filter(|spec| spec.scope == scope && spec.matches(name));
    matching.max_by_key(|spec| rank(spec))
}

/// The diagnostic for an unknown name.
fn unknown(backend: &'static Backend, scope: Scope, name: &str, at: Location) -> Draft {
    let other = match scope {
        Scope::Global => Scope::Instance,
        Scope::Instance => Scope::Global,
    };
    if find(backend, other, name).is_some() {
        let (belongs, section) = match other {
            Scope::Global => ("all instances of a backend", format!("[backend {}]", backend.name)),
            Scope::Instance => ("one instance", format!("[{} NAME]", backend.name)),
        };
        return Draft::error("option-scope", format!("the option {} applies to {belongs}", quote(name)))
            .at(at)
            .help(format!("write it in the section `{section}`"));
    }
    let here = || backend.options.iter().filter(move |spec| spec.scope == scope);
    let plain = || here().filter(|spec| spec.family.is_none());
    let known = plain().flat_map(|spec| std::iter::once(&spec.name).chain(spec.aliases)).copied();
    let names = || here().map(|spec| format!("`{}`", spec.name)).collect::<Vec<_>>().join(", ");
    let kind = match scope {
        Scope::Global => "global option",
        Scope::Instance => "option",
    };
    let help = did_you_mean(name, known).or_else(|| misspelt_family(name, here())).unwrap_or_else(|| {
        match here().count() {
            0 => format!("there is no {kind} of `{}`", backend.name),
            1..=8 => format!("known options: {}", names()),
            _ => format!("`crosspatch help {}` lists all", backend.name),
        }
    });
    Draft::error("unknown-option", format!("`{}` has no {kind} {}", backend.name, quote(name)))
        .at(at)
        .help(help)
}

/// A suggestion if the prefix of a family is misspelt: `comand.x` for `command.x`.
fn misspelt_family<'s>(name: &str, specs: impl Iterator<Item = &'s OptionSpec>) -> Option<String> {
    let (word, rest) = name.split_once('.')?;
    let families = specs.filter_map(|spec| spec.family?.strip_suffix('.'));
    closest(word, families).map(|family| format!("did you mean {}?", quote(&format!("{family}.{rest}"))))
}
