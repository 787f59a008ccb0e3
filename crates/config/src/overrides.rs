//! Options from the command line: `-b backend.option=value` and `-i instance.option=value`.

use crosspatch_core::Scope;
use crosspatch_core::address::quotes_of_channel;

use crate::Override;
use crate::diagnostic::{Draft, quote};
use crate::lexer;
use crate::options::{self, Written};
use crate::resolve::Resolved;
use crate::source::{Place, SourceId, Span};
use crate::suggest::did_you_mean;

/// Adds the overrides to the options of the sections that they mean.
pub(crate) fn apply(overrides: &[Override], resolved: &mut Resolved<'_>) {
    if overrides.is_empty() {
        return;
    }
    let (text, spans) = options::command_line(overrides);
    let source = resolved.sources.add(text);
    for (given, span) in overrides.iter().zip(spans) {
        let span = lexer::trim(resolved.sources.text(source).as_str(), span);
        apply_one(given.scope, source, span, resolved);
    }
}

/// An override in its parts.
struct Parts {
    target: Place,
    option: Place,
    value: Place,
}

fn split(source: SourceId, span: Span, text: &str) -> Option<Parts> {
    let written = span.of(text);
    let quotes = quotes_of_channel(written).map_or(0, |quotes| quotes.end);
    let equals = quotes + written[quotes..].find('=')?;
    let dot = written[..equals].find('.')?;
    let place = |start: usize, end: usize| {
        let part = Span::new(span.start as usize + start, span.start as usize + end);
        Place { source, span: lexer::trim(text, part) }
    };
    let parts = Parts {
        target: place(0, dot),
        option: place(dot + 1, equals),
        value: place(equals + 1, written.len()),
    };
    (!parts.target.span.is_empty() && !parts.option.span.is_empty()).then_some(parts)
}

fn apply_one(scope: Scope, source: SourceId, span: Span, resolved: &mut Resolved<'_>) {
    let text = resolved.sources.text(source);
    let text = text.as_str();
    let Some(Parts { target, option, value }) = split(source, span, text) else {
        let form = match scope {
            Scope::Global => "-b BACKEND.OPTION=VALUE",
            Scope::Instance => "-i INSTANCE.OPTION=VALUE",
        };
        let message = format!("expected `{form}`, found {}", quote(span.of(text)));
        resolved.book.add(Draft::error("override-syntax", message).at(Place { source, span }));
        return;
    };
    let name = target.span.of(text);
    let backend = match scope {
        Scope::Global => resolved.registry.find(name),
        Scope::Instance => {
            resolved.names.get(name).copied().and_then(|index| resolved.instances[index].backend)
        }
    };
    let is_used = match scope {
        Scope::Global => resolved.instances.iter().any(|draft| {
            backend.is_some_and(|backend| draft.backend.is_some_and(|own| own.name == backend.name))
        }),
        Scope::Instance => resolved.names.contains_key(name),
    };
    if !is_used {
        resolved.book.add(unused(scope, name, target, resolved));
        return;
    }
    // An instance whose backend is not there has been reported.
    let Some(backend) = backend else { return };
    let set = match scope {
        Scope::Global => resolved.globals.entry(backend.name).or_default(),
        Scope::Instance => &mut resolved.instances[resolved.names[name]].options,
    };
    let written = Written { text: option.span.of(text), name: option, value, from_command_line: true };
    set.add(backend, scope, &written, &mut resolved.book);
}

fn unused(scope: Scope, name: &str, at: Place, resolved: &Resolved<'_>) -> Draft {
    let (message, help) = match scope {
        Scope::Global => {
            let used =
                resolved.instances.iter().filter_map(|draft| draft.backend).map(|backend| backend.name);
            (format!("no instance of the backend {} is configured", quote(name)), did_you_mean(name, used))
        }
        Scope::Instance => {
            let names = resolved.instances.iter().map(|draft| draft.name.as_str());
            (format!("there is no instance {}", quote(name)), did_you_mean(name, names))
        }
    };
    Draft::warning("override-unused", format!("{message}; the option has no effect")).at(at).help_if(help)
}
