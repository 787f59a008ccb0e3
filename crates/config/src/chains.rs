//! Named chains: what a `[chain NAME]` section holds, written out for the lines that use it.
//!
//! A chain may use others, wherever they stand. All of them are written out and checked once, when all files have been read,
//! so that a mistake in one is told at its own place and not at each of its uses.

use crosspatch_core::transform::{MAX_STAGES, transforms};
use rustc_hash::FxHashMap;

use crate::diagnostic::{Book, Draft, quote};
use crate::source::{Place, Sources};
use crate::stages;

/// How deep chains may use each other.
const MAX_DEPTH: usize = MAX_STAGES;

/// A section `[chain NAME]`.
#[derive(Debug)]
struct NamedChain {
    name: String,
    name_at: Place,
    /// What stands between its bars.
    stages: Vec<Place>,
    /// Whether it has its name to itself, so that stages can mean it.
    is_named: bool,
    is_used: bool,
    /// Whether a line uses it, so that the channels that its stages name are checked with that.
    is_in_line: bool,
    written_out: Option<WrittenOut>,
}

/// A chain with the stages of those that it uses in their place.
#[derive(Clone, Debug, Default)]
struct WrittenOut {
    stages: Vec<Place>,
    /// Whether something is missing; why has been said.
    is_broken: bool,
}

/// A stage as written, and which part of the line asks for it: itself, or the name of a chain.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) stage: Place,
    pub(crate) used: Place,
}

/// All named chains.
#[derive(Debug, Default)]
pub(crate) struct Chains {
    all: Vec<NamedChain>,
    names: FxHashMap<String, usize>,
}

impl Chains {
    /// Begins a chain and returns its number.
    pub(crate) fn begin(&mut self, name_at: Place, name: &str, book: &mut Book) -> usize {
        let number = self.all.len();
        let is_named =
            !name.is_empty() && check_name(name_at, name, book) && self.is_first(name_at, name, book);
        if is_named {
            self.names.insert(name.to_owned(), number);
        }
        self.all.push(NamedChain {
            name: name.to_owned(),
            name_at,
            stages: Vec::new(),
            is_named,
            is_used: false,
            is_in_line: false,
            written_out: None,
        });
        number
    }

    /// Adds stages to a chain.
    pub(crate) fn extend(&mut self, number: usize, stages: impl Iterator<Item = Place>) {
        self.all[number].stages.extend(stages);
    }

    fn is_first(&self, name_at: Place, name: &str, book: &mut Book) -> bool {
        let Some(&first) = self.names.get(name) else { return true };
        let first = self.all[first].name_at;
        // A file of chains that is included twice says the same twice.
        if first != name_at {
            let draft = Draft::error("chain-twice", format!("there are two chains {}", quote(name)));
            book.add(draft.label(name_at, "this is the second").label(first, "this is the first"));
        }
        false
    }

    /// The names of all chains.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.all.iter().filter(|chain| chain.is_named).map(|chain| chain.name.as_str())
    }

    /// Notes that a stage means, or was perhaps to mean, the chain of that name.
    pub(crate) fn mark_used(&mut self, name: &str) {
        if let Some(&number) = self.names.get(name) {
            self.all[number].is_used = true;
        }
    }

    /// Writes out and checks every chain.
    pub(crate) fn finish(&mut self, sources: &Sources, book: &mut Book) {
        for number in 0..self.all.len() {
            self.write_out(number, &mut Vec::new(), sources, book);
            for at in 0..self.all[number].stages.len() {
                let stage = self.all[number].stages[at];
                if self.meant_by(sources.at(stage)).is_none() {
                    stages::read_one(stage, &mut Vec::new(), self, sources, book);
                }
            }
            let NamedChain { stages, name, name_at, .. } = &self.all[number];
            if stages.is_empty() && !name.is_empty() {
                let message = format!("expected stages in the chain {}, found none", quote(name));
                let draft = Draft::error("chain-empty", message).at(*name_at);
                book.add(draft.help("for example `curve 2.2 | smooth 80ms`"));
            }
        }
    }

    /// The stages of a line with those of named chains in their place; none if one of the chains is broken.
    pub(crate) fn expand(
        &mut self,
        line: impl Iterator<Item = Place>,
        sources: &Sources,
        book: &mut Book,
    ) -> Option<Vec<Standing>> {
        let mut out = Vec::new();
        let mut is_broken = false;
        for used in line {
            let Some(number) = self.meant_by(sources.at(used)) else {
                out.push(Standing { stage: used, used });
                continue;
            };
            (self.all[number].is_used, self.all[number].is_in_line) = (true, true);
            check_alone(used, sources, book);
            let written_out =
                self.all[number].written_out.as_ref().expect("all chains have been written out");
            is_broken |= written_out.is_broken;
            out.extend(written_out.stages.iter().map(|&stage| Standing { stage, used }));
        }
        if let Some(first) = out.get(MAX_STAGES).filter(|_| !is_broken) {
            report_long(first.used, out.len(), book);
            is_broken = true;
        }
        (!is_broken).then_some(out)
    }

    /// The stages of all chains that no line uses, neither by itself nor through another chain.
    pub(crate) fn idle_stages(&self, sources: &Sources) -> Vec<Place> {
        let mut is_idle = vec![true; self.all.len()];
        let mut busy: Vec<_> = (0..self.all.len()).filter(|&number| self.all[number].is_in_line).collect();
        while let Some(number) = busy.pop() {
            if std::mem::take(&mut is_idle[number]) {
                busy.extend(
                    self.all[number].stages.iter().filter_map(|&stage| self.meant_by(sources.at(stage))),
                );
            }
        }
        let idle = self.all.iter().zip(is_idle).filter(|(_, is_idle)| *is_idle);
        idle.flat_map(|(chain, _)| &chain.stages)
            .copied()
            .filter(|&stage| self.meant_by(sources.at(stage)).is_none())
            .collect()
    }

    /// Warns of chains that nothing uses.
    pub(crate) fn report_unused(&self, book: &mut Book) {
        for chain in self.all.iter().filter(|chain| chain.is_named && !chain.is_used) {
            let message = format!("no mapping uses the chain {}", quote(&chain.name));
            book.add(Draft::warning("chain-unused", message).at(chain.name_at));
        }
    }

    /// The chain that a stage names.
    fn meant_by(&self, stage: &str) -> Option<usize> {
        self.names.get(stage.split_whitespace().next()?).copied()
    }

    /// Writes out one chain. `open` are those that are being written out, the outermost first.
    fn write_out(&mut self, number: usize, open: &mut Vec<usize>, sources: &Sources, book: &mut Book) {
        if self.all[number].written_out.is_some() {
            return;
        }
        open.push(number);
        let mut out = WrittenOut::default();
        for at in 0..self.all[number].stages.len() {
            let stage = self.all[number].stages[at];
            let Some(inner) = self.meant_by(sources.at(stage)) else {
                out.stages.push(stage);
                continue;
            };
            check_alone(stage, sources, book);
            self.all[inner].is_used = true;
            if let Some(outer) = open.iter().position(|open| *open == inner) {
                self.report_circle(stage, &open[outer..], book);
                out.is_broken = true;
            } else if open.len() >= MAX_DEPTH {
                let message = format!("expected chains that use each other at most {MAX_DEPTH} deep");
                book.add(Draft::error("chain-depth", message).at(stage));
                out.is_broken = true;
            } else {
                self.write_out(inner, open, sources, book);
                let inner = self.all[inner].written_out.as_ref().expect("it has just been written out");
                out.is_broken |= inner.is_broken;
                out.stages.extend_from_slice(&inner.stages);
            }
            if out.stages.len() > MAX_STAGES {
                break;
            }
        }
        open.pop();
        if out.stages.len() > MAX_STAGES && !out.is_broken {
            report_long(self.all[number].name_at, out.stages.len(), book);
            out.is_broken = true;
        }
        // What nobody will use need not be kept; chains that use each other could make a lot of it.
        out.stages.truncate(MAX_STAGES);
        self.all[number].written_out = Some(out);
    }

    fn report_circle(&self, at: Place, circle: &[usize], book: &mut Book) {
        let name = |number: &usize| quote(&self.all[*number].name);
        let message = match circle {
            [only] => format!("the chain {} uses itself", name(only)),
            _ => {
                let names: Vec<_> = circle.iter().chain(circle.first()).map(name).collect();
                format!("the chains use each other in a circle: {}", names.join(" > "))
            }
        };
        book.add(Draft::error("chain-circle", message).at(at));
    }
}

/// Whether a chain can have that name.
fn check_name(at: Place, name: &str, book: &mut Book) -> bool {
    if transforms().any(|transform| transform.name == name) {
        let message = format!("expected a name that no transform has, found {}", quote(name));
        book.add(Draft::error("chain-name", message).at(at));
        return false;
    }
    let is_wrong = |letter: char| letter.is_whitespace() || "|<>{}\";".contains(letter);
    let Some(wrong) = name.chars().find(|&letter| is_wrong(letter)) else { return true };
    let found = if wrong.is_whitespace() { "a blank".to_owned() } else { format!("`{wrong}`") };
    let message = format!("expected a name without {found}, found {}", quote(name));
    let help = format!("for example {}", quote(&name.replace(is_wrong, "-")));
    book.add(Draft::error("chain-name", message).at(at).help(help));
    false
}

/// A chain takes no arguments.
fn check_alone(stage: Place, sources: &Sources, book: &mut Book) {
    let written = sources.at(stage);
    if let Some((name, rest)) = written.split_once(char::is_whitespace) {
        let rest = rest.trim_start();
        let at = stage.part(&(written.len() - rest.len()..written.len()));
        let message = format!("expected nothing behind the chain {}, found {}", quote(name), quote(rest));
        book.add(Draft::error("transform", message).at(at));
    }
}

fn report_long(at: Place, count: usize, book: &mut Book) {
    let message = format!("expected at most {MAX_STAGES} stages, found {count}");
    book.add(Draft::error("too-many-stages", message).at(at));
}
