//! `crosspatch help [TOPIC]`: the manuals of backends and transforms.

use std::fmt::Write;

use anyhow::{Result, bail};
use clap::CommandFactory;
use crosspatch_config::{EXPLANATIONS, closest, explanation};
use crosspatch_core::Registry;
use crosspatch_core::transform::transforms;

use crate::args::{Args, Help};
use crate::output;

/// The topic that lists all transforms.
const TRANSFORMS: &str = "transforms";

/// Prints the manual of a topic, or a list of topics.
pub(crate) fn run(registry: &Registry, help: &Help) -> Result<()> {
    if let Some(word) = &help.search {
        return output::print(&search(registry, word)?);
    }
    match help.topic.as_deref() {
        Some(TRANSFORMS) => output::print(&list_of_transforms(registry)),
        Some(name) => output::print(&page(registry, name)?),
        None => output::print(&overview(registry)),
    }
}

/// Chapters of the user guide: name, title and text.
const CHAPTERS: [(&str, &str, &str); 7] = [
    ("language", "the configuration language", include_str!("../../../../docs/configuration.md")),
    ("first-show", "from an empty folder to a show", include_str!("../../../../docs/first-show.md")),
    ("cookbook", "recipes by task", include_str!("../../../../docs/cookbook.md")),
    ("command-line", "commands, signals, the log", include_str!("../../../../docs/command-line.md")),
    ("web", "the page in the browser", include_str!("../../../../docs/web.md")),
    ("troubleshooting", "when nothing happens", include_str!("../../../../docs/troubleshooting.md")),
    ("midimonster", "moving from MIDIMonster", include_str!("../../../../docs/from-midimonster.md")),
];

/// Words that lead to the chapter on the language although they are no names.
const OF_THE_LANGUAGE: [&str; 8] =
    ["map", "mapping", "mappings", "syntax", "configuration", "chain", "include", "ranges"];

/// All topics.
pub(crate) fn topics(registry: &Registry) -> impl Iterator<Item = &'static str> {
    let backends = registry.backends.iter().map(|backend| backend.name);
    let chapters = CHAPTERS.iter().map(|(name, ..)| *name);
    let transforms = transforms(registry.families).map(|transform| transform.name);
    backends.chain([TRANSFORMS]).chain(chapters).chain(transforms)
}

/// The topics that contain a word, each with the first matching line.
fn search(registry: &Registry, word: &str) -> Result<String> {
    let wanted = word.to_lowercase();
    let mut text = String::new();
    let manuals =
        topics(registry).filter(|name| *name != TRANSFORMS).map(|name| (name, manual(registry, name)));
    let manuals = manuals.filter_map(|(name, manual)| Some((name, manual.ok()?)));
    for (name, manual) in manuals.chain(EXPLANATIONS.iter().copied()) {
        let lines: Vec<_> = manual.lines().filter(|line| line.to_lowercase().contains(&wanted)).collect();
        if name.contains(&wanted) || !lines.is_empty() {
            let line: String = lines.first().unwrap_or(&"").trim().chars().take(SHOWN).collect();
            // Writing to a string does not fail.
            let _ = writeln!(text, "  {name:<18} {:>3}  {line}", lines.len());
        }
    }
    if text.is_empty() {
        bail!("no manual contains `{word}`");
    }
    Ok(format!(
        "`{word}` occurs in these topics, in so many lines; `crosspatch help TOPIC` prints one:\n\n{text}"
    ))
}

/// As many characters of a line are shown.
const SHOWN: usize = 90;

/// The help for a name: a manual, the explanation of a diagnostic, or both.
fn page(registry: &Registry, name: &str) -> Result<String> {
    let alias = registry.alias(name).and_then(|alias| Some((alias, registry.find(alias.backend?)?)));
    let manual = match alias {
        Some((alias, backend)) => Ok(format!("`{name}`: {}\n\n{}", alias.why, backend.manual)),
        None => manual(registry, name).map(str::to_owned),
    };
    let Some(text) = explanation(name) else { return manual };
    let text = format!("The diagnostic `{name}`: {text}\n");
    Ok(manual.map_or_else(|_| text.clone(), |manual| format!("{manual}\n{text}")))
}

fn manual(registry: &Registry, name: &str) -> Result<&'static str> {
    if let Some(backend) = registry.find(name) {
        return Ok(backend.manual);
    }
    if let Some(manual) = section(registry, name) {
        return Ok(manual);
    }
    let chapter = if OF_THE_LANGUAGE.contains(&name) { "language" } else { name };
    if let Some((.., text)) = CHAPTERS.iter().find(|(known, ..)| *known == chapter) {
        return Ok(text);
    }
    let commands = Args::command();
    if commands.get_subcommands().any(|command| command.get_name() == name) {
        bail!("`crosspatch {name} --help` prints the help of this command");
    }
    if let Some(planned) = registry.planned(name) {
        bail!("the backend `{name}` of MIDIMonster is not part of crosspatch yet; {}", planned.instead);
    }
    if let Some(alias) = registry.alias(name) {
        bail!("{}", alias.why);
    }
    let ids = EXPLANATIONS.iter().map(|(id, _)| *id);
    match closest(name, topics(registry).chain(ids)) {
        Some(meant) => bail!("there is no backend or transform `{name}`; did you mean `{meant}`?"),
        None => bail!(
            "there is no backend or transform `{name}`; `crosspatch help` lists backends, `crosspatch help {TRANSFORMS}` transforms"
        ),
    }
}

/// The section on a transform in the manual of its family.
fn section(registry: &Registry, name: &str) -> Option<&'static str> {
    let family = registry
        .families
        .iter()
        .find(|family| family.transforms.iter().any(|transform| transform.name == name))?;
    let heading = format!("\n## {name}\n");
    let start = family.manual.find(&heading)? + 1;
    let rest = &family.manual[start..];
    Some(rest.find("\n## ").map_or(rest, |end| &rest[..=end]))
}

fn overview(registry: &Registry) -> String {
    let mut text = String::from("Backends:\n");
    let width = registry.backends.iter().map(|backend| backend.name.len()).max().unwrap_or(0);
    for backend in registry.backends {
        // Writing to a string does not fail.
        let _ = writeln!(text, "  {:width$}  {}", backend.name, backend.summary);
    }
    text.push_str("\n`crosspatch help BACKEND` prints the manual of one of them.\n");
    text.push_str("`crosspatch help transforms` lists what a mapping line can do to a value.\n");
    text.push_str("`crosspatch help ID` explains a diagnostic, such as `option-missing`.\n");
    text.push_str("\nThe guide, with `crosspatch help CHAPTER`:\n");
    for (name, title, _) in CHAPTERS {
        let _ = writeln!(text, "  {name:width$}  {title}");
    }
    text.push_str("\n`crosspatch help --search WORD` searches all of these.\n");
    text.push_str("`crosspatch --help` prints the help of the command line.\n");
    text
}

fn list_of_transforms(registry: &Registry) -> String {
    let width = transforms(registry.families).map(|transform| transform.name.len()).max().unwrap_or(0);
    let mut text = String::from("Transforms follow the source channel of a mapping, separated by ` | `.\n");
    for family in registry.families {
        let title = family.manual.lines().next().unwrap_or_default().trim_start_matches("# ");
        let _ = writeln!(text, "\n{title}:");
        for transform in family.transforms {
            let _ = writeln!(text, "  {:width$}  {}", transform.name, transform.summary);
        }
    }
    text.push_str("\n`crosspatch help TRANSFORM` prints the manual of one of them.\n");
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::REGISTRY;

    #[test]
    fn every_backend_is_listed_and_has_its_manual() {
        let overview = overview(&REGISTRY);
        for backend in REGISTRY.backends {
            assert!(overview.contains(&format!("{}  ", backend.name)), "{overview}");
            assert!(manual(&REGISTRY, backend.name).unwrap().starts_with(&format!("# {}\n", backend.name)));
        }
    }

    #[test]
    fn every_transform_is_listed_and_has_its_section() {
        let list = list_of_transforms(&REGISTRY);
        for transform in transforms(REGISTRY.families) {
            assert!(list.contains(&format!("\n  {} ", transform.name)), "{list}");
            let section = manual(&REGISTRY, transform.name).unwrap();
            assert!(section.starts_with(&format!("## {}\n", transform.name)), "{section}");
            assert!(section.contains(transform.usage) && section.ends_with('\n'), "{section}");
            assert_eq!(section.matches("\n## ").count(), 0, "{section}");
        }
        for family in REGISTRY.families {
            let title = family.manual.lines().next().and_then(|line| line.strip_prefix("# ")).unwrap();
            assert!(
                list.contains(&format!(
                    "
{title}:
"
                )),
                "{list}"
            );
        }
    }

    #[test]
    fn no_name_has_two_manuals() {
        let mut seen = BTreeSet::new();
        assert_eq!(topics(&REGISTRY).find(|name| !seen.insert(*name)), None);
    }

    #[test]
    fn every_diagnostic_is_explained() {
        for (id, text) in EXPLANATIONS {
            assert!(page(&REGISTRY, id).unwrap().ends_with(&format!("{text}\n")), "{id}");
        }
        assert!(page(&REGISTRY, "range").unwrap().starts_with("## range\n"));
    }

    #[test]
    fn a_topic_that_is_not_there_is_told_from_one_that_is_not_there_yet() {
        let error = |name| manual(&REGISTRY, name).unwrap_err().to_string();
        assert!(error(REGISTRY.planned[0].name).contains("not part of crosspatch yet"));
        assert!(error("ocs").ends_with("did you mean `osc`?"));
        assert!(error("smoth").ends_with("did you mean `smooth`?"));
        assert!(error("zzzzzz").ends_with("`crosspatch help transforms` transforms"));
    }
}
