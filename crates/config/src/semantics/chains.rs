//! Named chains: the stages of each `[chain NAME]` section, expanded for the lines that use it.
//!
//! A chain may use other chains, in any order. All chains are expanded and checked once, after all files have been read, so
//! that a mistake is reported where it is written and not wherever the chain is used.

use crosspatch_core::transform::{
    ArgumentError, Family, MAX_STAGES, Reference, Stage, read_stage, transforms,
};
use rustc_hash::FxHashMap;

use crate::report::diagnostic::{Diagnostics, Draft};
use crate::report::suggest::{closest, invalid_name};
use crate::syntax::source::{Location, SourceFiles};
use crate::wording::quote;

/// How deep chains may be nested.
const MAX_DEPTH: usize = MAX_STAGES;

/// A section `[chain NAME]`.
#[derive(Debug)]
struct NamedChain {
    name: String,
    name_at: Location,
    /// Its stages as written.
    stages: Vec<Location>,
    /// Whether stages can use it by its name. Not so if the name is invalid or belongs to an earlier chain.
    is_named: bool,
    is_used: bool,
    /// Whether a mapping line uses it. If so, the channels in its stages are checked with that line.
    is_mapped: bool,
    expansion: Option<Expansion>,
}

/// The stages of a chain, including those of the chains that it uses.
#[derive(Clone, Debug, Default)]
struct Expansion {
    stages: Vec<Location>,
    /// Whether stages are missing. The reason has been reported.
    is_broken: bool,
}

/// A stage of a line.
#[derive(Copy, Clone, Debug)]
pub(crate) struct ExpandedStage {
    /// Where the stage is written.
    pub(crate) stage: Location,
    /// Where the line uses it: the stage itself, or the name of its chain.
    pub(crate) used: Location,
}

/// All named chains.
#[derive(Debug)]
pub(crate) struct NamedChains {
    /// The transforms that stages can name.
    pub(crate) families: &'static [&'static Family],
    all: Vec<NamedChain>,
    names: FxHashMap<String, usize>,
}

impl NamedChains {
    pub(crate) fn new(families: &'static [&'static Family]) -> Self {
        Self { families, all: Vec::new(), names: FxHashMap::default() }
    }

    /// Adds an empty chain and returns its number.
    pub(crate) fn begin(&mut self, name_at: Location, name: &str, diagnostics: &mut Diagnostics) -> usize {
        let number = self.all.len();
        let is_named = !name.is_empty()
            && self.check_name(name_at, name, diagnostics)
            && self.is_first(name_at, name, diagnostics);
        if is_named {
            self.names.insert(name.to_owned(), number);
        }
        self.all.push(NamedChain {
            name: name.to_owned(),
            name_at,
            stages: Vec::new(),
            is_named,
            is_used: false,
            is_mapped: false,
            expansion: None,
        });
        number
    }

    /// Appends stages to a chain.
    pub(crate) fn extend(&mut self, number: usize, stages: impl Iterator<Item = Location>) {
        self.all[number].stages.extend(stages);
    }

    /// Whether a chain can have that name. Reports why not.
    fn check_name(&self, at: Location, name: &str, diagnostics: &mut Diagnostics) -> bool {
        diagnostics.check(if transforms(self.families).any(|transform| transform.name == name) {
            let message = format!("expected a name that is not a transform, found {}", quote(name));
            Some(Draft::error("chain-name", message).at(at))
        } else {
            invalid_name("chain-name", at, name, "|<>{}\";")
        })
    }

    fn is_first(&self, name_at: Location, name: &str, diagnostics: &mut Diagnostics) -> bool {
        let Some(&first) = self.names.get(name) else { return true };
        let first = self.all[first].name_at;
        // A file of chains that is included twice is no mistake.
        if first != name_at {
            let draft = Draft::error("chain-twice", format!("there are two chains {}", quote(name)));
            diagnostics.add(draft.label(name_at, "second definition").label(first, "first definition"));
        }
        false
    }

    /// The names of the chains that stages can use.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.all.iter().filter(|chain| chain.is_named).map(|chain| chain.name.as_str())
    }

    /// Marks the chain with that name as used, or as probably meant by a stage.
    pub(crate) fn mark_used(&mut self, name: &str) {
        if let Some(&number) = self.names.get(name) {
            self.all[number].is_used = true;
        }
    }

    /// Expands and checks every chain.
    pub(crate) fn finish(&mut self, sources: &SourceFiles, diagnostics: &mut Diagnostics) {
        for number in 0..self.all.len() {
            self.expand_chain(number, &mut Vec::new(), sources, diagnostics);
            for at in 0..self.all[number].stages.len() {
                let stage = self.all[number].stages[at];
                if self.find(sources.at(stage)).is_none() {
                    self.read_stage(stage, &mut Vec::new(), sources, diagnostics);
                }
            }
            let NamedChain { stages, name, name_at, .. } = &self.all[number];
            if stages.is_empty() && !name.is_empty() {
                let message = format!("expected stages in the chain {}, found none", quote(name));
                let draft = Draft::error("chain-empty", message).at(*name_at);
                diagnostics.add(draft.help("for example `curve 2.2 | smooth 80ms`"));
            }
        }
    }

    /// Reads a stage that is not the name of a chain, and reports its mistakes.
    pub(crate) fn read_stage(
        &mut self,
        at: Location,
        references: &mut Vec<Reference>,
        sources: &SourceFiles,
        diagnostics: &mut Diagnostics,
    ) -> Option<Stage> {
        let written = sources.at(at);
        let error = match read_stage(written, self.families, references) {
            Ok(stage) => return Some(stage),
            Err(error) => error,
        };
        let ArgumentError { at: part, message, words, help } = error;
        let typed = &written[part.clone()];
        // A mistake at the start of the stage concerns the name of the transform.
        let is_name = part.start == 0;
        let id = if is_name { "unknown-transform" } else { "transform" };
        let meant = match diagnostics.has_room() {
            true if is_name => closest(typed, words.iter().copied().chain(self.names())).map(str::to_owned),
            true => closest(typed, words.iter().copied()).map(str::to_owned),
            false => None,
        };
        let mut draft = Draft::error(id, message).at(at.part(&part));
        if let Some(meant) = &meant {
            self.mark_used(meant);
            draft = draft.help(format!("did you mean {}?", quote(meant)));
        } else if is_name && help.is_none() {
            draft = draft.help("`crosspatch help transforms` lists all");
        }
        diagnostics.add(draft.help_if(help));
        None
    }

    /// The stages of a line, with named chains expanded. None if one of the chains is broken.
    pub(crate) fn expand(
        &mut self,
        line: impl Iterator<Item = Location>,
        sources: &SourceFiles,
        diagnostics: &mut Diagnostics,
    ) -> Option<Vec<ExpandedStage>> {
        let mut out = Vec::new();
        let mut is_broken = false;
        for used in line {
            let Some(number) = self.find(sources.at(used)) else {
                out.push(ExpandedStage { stage: used, used });
                continue;
            };
            (self.all[number].is_used, self.all[number].is_mapped) = (true, true);
            check_no_arguments(used, sources, diagnostics);
            let expansion = self.all[number].expansion.as_ref().expect("all chains have been expanded");
            is_broken |= expansion.is_broken;
            out.extend(expansion.stages.iter().map(|&stage| ExpandedStage { stage, used }));
        }
        if let Some(first) = out.get(MAX_STAGES).filter(|_| !is_broken) {
            report_long(first.used, out.len(), diagnostics);
            is_broken = true;
        }
        (!is_broken).then_some(out)
    }

    /// The stages of all chains that no mapping line uses, directly or through another chain.
    pub(crate) fn idle_stages(&self, sources: &SourceFiles) -> Vec<Location> {
        let mut is_idle = vec![true; self.all.len()];
        let mut busy: Vec<_> = (0..self.all.len()).filter(|&number| self.all[number].is_mapped).collect();
        while let Some(number) = busy.pop() {
            if std::mem::take(&mut is_idle[number]) {
                busy.extend(self.all[number].stages.iter().filter_map(|&stage| self.find(sources.at(stage))));
            }
        }
        let idle = self.all.iter().zip(is_idle).filter(|(_, is_idle)| *is_idle);
        idle.flat_map(|(chain, _)| &chain.stages)
            .copied()
            .filter(|&stage| self.find(sources.at(stage)).is_none())
            .collect()
    }

    /// Warns of unused chains.
    pub(crate) fn report_unused(&self, diagnostics: &mut Diagnostics) {
        for chain in self.all.iter().filter(|chain| chain.is_named && !chain.is_used) {
            let message = format!("no mapping uses the chain {}", quote(&chain.name));
            diagnostics.add(Draft::warning("chain-unused", message).at(chain.name_at));
        }
    }

    /// The chain that a stage uses.
    fn find(&self, stage: &str) -> Option<usize> {
        self.names.get(stage.split_whitespace().next()?).copied()
    }

    /// Expands a chain. `open` holds the chains that are being expanded, the outermost first.
    fn expand_chain(
        &mut self,
        number: usize,
        open: &mut Vec<usize>,
        sources: &SourceFiles,
        diagnostics: &mut Diagnostics,
    ) {
        if self.all[number].expansion.is_some() {
            return;
        }
        open.push(number);
        let mut out = Expansion::default();
        for at in 0..self.all[number].stages.len() {
            let stage = self.all[number].stages[at];
            let Some(inner) = self.find(sources.at(stage)) else {
                out.stages.push(stage);
                continue;
            };
            check_no_arguments(stage, sources, diagnostics);
            self.all[inner].is_used = true;
            if let Some(outer) = open.iter().position(|open| *open == inner) {
                self.report_circle(stage, &open[outer..], diagnostics);
                out.is_broken = true;
            } else if open.len() >= MAX_DEPTH {
                let message = format!("expected chains that are nested at most {MAX_DEPTH} deep");
                diagnostics.add(Draft::error("chain-depth", message).at(stage));
                out.is_broken = true;
            } else {
                self.expand_chain(inner, open, sources, diagnostics);
                let inner = self.all[inner].expansion.as_ref().expect("it has just been expanded");
                out.is_broken |= inner.is_broken;
                out.stages.extend_from_slice(&inner.stages);
            }
            if out.stages.len() > MAX_STAGES {
                break;
            }
        }
        open.pop();
        if out.stages.len() > MAX_STAGES && !out.is_broken {
            report_long(self.all[number].name_at, out.stages.len(), diagnostics);
            out.is_broken = true;
        }
        // Nested chains could multiply to very many stages. Those past the limit are never used.
        out.stages.truncate(MAX_STAGES);
        self.all[number].expansion = Some(out);
    }

    fn report_circle(&self, at: Location, circle: &[usize], diagnostics: &mut Diagnostics) {
        let name = |number: &usize| quote(&self.all[*number].name);
        let message = match circle {
            [only] => format!("the chain {} uses itself", name(only)),
            _ => {
                let names: Vec<_> = circle.iter().chain(circle.first()).map(name).collect();
                format!("these chains use each other in a circle: {}", names.join(" > "))
            }
        };
        diagnostics.add(Draft::error("chain-circle", message).at(at));
    }
}

/// Reports arguments of a chain, which takes none.
fn check_no_arguments(stage: Location, sources: &SourceFiles, diagnostics: &mut Diagnostics) {
    let written = sources.at(stage);
    if let Some((name, rest)) = written.split_once(char::is_whitespace) {
        let rest = rest.trim_start();
        let at = stage.part(&(written.len() - rest.len()..written.len()));
        let message = format!("expected nothing after the chain {}, found {}", quote(name), quote(rest));
        diagnostics.add(Draft::error("transform", message).at(at));
    }
}

fn report_long(at: Location, count: usize, diagnostics: &mut Diagnostics) {
    let message = format!("expected at most {MAX_STAGES} stages, found {count}");
    diagnostics.add(Draft::error("too-many-stages", message).at(at));
}
