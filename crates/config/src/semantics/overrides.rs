//! Options from the command line: `-b backend.option=value` and `-i instance.option=value`.

use crosspatch_core::Scope;
use crosspatch_core::address::quotes_of_channel;

use crate::files::Override;
use crate::report::diagnostic::Draft;
use crate::report::suggest::did_you_mean;
use crate::semantics::options::WrittenOption;
use crate::semantics::sections::Sections;
use crate::syntax::lexer;
use crate::syntax::source::{COMMAND_LINE, Location, SourceFile, SourceId, SourceText, Span};
use crate::wording::quote;

/// Adds the overrides to the options of their sections.
pub(crate) fn apply(overrides: &[Override], sections: &mut Sections<'_>) {
    if overrides.is_empty() {
        return;
    }
    let (text, spans) = command_line(overrides);
    let source = sections.sources.add(text);
    for (given, span) in overrides.iter().zip(spans) {
        let span = lexer::trim(sections.sources.text(source).as_str(), span);
        apply_one(given.scope, source, span, sections);
    }
}

/// The command line as a source with one line per override.
fn command_line(overrides: &[Override]) -> (SourceFile, Vec<Span>) {
    let mut text = String::new();
    let mut spans = Vec::new();
    for given in overrides {
        text.push_str(match given.scope {
            Scope::Global => "-b ",
            Scope::Instance => "-i ",
        });
        let start = text.len();
        text.extend(given.text.chars().map(|c| if c == '\n' { ' ' } else { c }));
        spans.push(Span::new(start, text.len()));
        text.push('\n');
    }
    let text = SourceText::decode(text.into_bytes());
    (SourceFile::new(COMMAND_LINE.as_ref(), text), spans)
}

/// An override in its parts.
struct Parts {
    target: Location,
    option: Location,
    value: Location,
}

fn split(source: SourceId, span: Span, text: &str) -> Option<Parts> {
    let written = span.of(text);
    let quotes = quotes_of_channel(written).map_or(0, |quotes| quotes.end);
    let equals = quotes + written[quotes..].find('=')?;
    let dot = written[..equals].find('.')?;
    let location = |start: usize, end: usize| {
        let part = Span::new(span.start as usize + start, span.start as usize + end);
        Location { source, span: lexer::trim(text, part) }
    };
    let parts = Parts {
        target: location(0, dot),
        option: location(dot + 1, equals),
        value: location(equals + 1, written.len()),
    };
    (!parts.target.span.is_empty() && !parts.option.span.is_empty()).then_some(parts)
}

fn apply_one(scope: Scope, source: SourceId, span: Span, sections: &mut Sections<'_>) {
    let text = sections.sources.text(source);
    let text = text.as_str();
    let Some(Parts { target, option, value }) = split(source, span, text) else {
        let form = match scope {
            Scope::Global => "-b BACKEND.OPTION=VALUE",
            Scope::Instance => "-i INSTANCE.OPTION=VALUE",
        };
        let message = format!("expected `{form}`, found {}", quote(span.of(text)));
        sections.diagnostics.add(Draft::error("override-syntax", message).at(Location { source, span }));
        return;
    };
    let name = target.span.of(text);
    let backend = match scope {
        Scope::Global => sections.registry.find(name),
        Scope::Instance => {
            sections.names.get(name).copied().and_then(|index| sections.instances[index].backend)
        }
    };
    let is_used = match scope {
        Scope::Global => sections.instances.iter().any(|section| {
            backend.is_some_and(|backend| section.backend.is_some_and(|own| own.name == backend.name))
        }),
        Scope::Instance => sections.names.contains_key(name),
    };
    if !is_used {
        sections.diagnostics.add(unused(scope, name, target, sections));
        return;
    }
    // A missing backend has been reported at the section of its instance.
    let Some(backend) = backend else { return };
    let set = match scope {
        Scope::Global => sections.globals.entry(backend.name).or_default(),
        Scope::Instance => &mut sections.instances[sections.names[name]].options,
    };
    let written = WrittenOption { text: option.span.of(text), name: option, value, from_command_line: true };
    set.add(backend, scope, &written, &mut sections.diagnostics);
}

fn unused(scope: Scope, name: &str, at: Location, sections: &Sections<'_>) -> Draft {
    let (message, help) = match scope {
        Scope::Global => {
            let used =
                sections.instances.iter().filter_map(|section| section.backend).map(|backend| backend.name);
            (format!("no instance of the backend {} is configured", quote(name)), did_you_mean(name, used))
        }
        Scope::Instance => {
            let names = sections.instances.iter().map(|section| section.name.as_str());
            (format!("there is no instance {}", quote(name)), did_you_mean(name, names))
        }
    };
    Draft::warning("override-unused", format!("{message}; the option has no effect")).at(at).help_if(help)
}
