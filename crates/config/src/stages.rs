//! The stages of a mapping line: read, checked, and joined to a chain.

use std::sync::Arc;

use crosspatch_core::transform::{ArgumentError, Chain, Reference, Stage, read_stage};

use crate::ast::Mapping;
use crate::chains::{Chains, Standing};
use crate::diagnostic::{Book, Draft, quote};
use crate::lexer::Operator;
use crate::resolve::Resolved;
use crate::source::{Place, SourceId, Sources, Span};
use crate::suggest::closest;

/// What the stages of a line came to.
#[derive(Debug, Default)]
pub(crate) struct Stages {
    /// From the source to the target, in a two-way line from left to right; none if there is a mistake.
    pub(crate) chain: Option<Arc<Chain>>,
    /// From right to left, in a two-way line.
    pub(crate) back: Option<Arc<Chain>>,
    /// The channels that the stages name.
    pub(crate) wanted: Vec<Wanted>,
}

/// A channel that a stage wants to know of.
#[derive(Copy, Clone, Debug)]
pub(crate) enum Wanted {
    /// The target of the mapping.
    Target,
    /// The one that is written there.
    Channel {
        at: Place,
        /// Whether it may be one that can only be written.
        may_be_output: bool,
    },
}

impl Wanted {
    fn of(stage: Place, reference: &Reference) -> Self {
        match reference {
            Reference::Target => Self::Target,
            Reference::Channel(at) => Self::Channel { at: stage.part(at), may_be_output: false },
            Reference::Known(at) => Self::Channel { at: stage.part(at), may_be_output: true },
        }
    }
}

/// The channels that the stages of chains name which no line uses. What else is wrong with them has been noted.
pub(crate) fn idle(resolved: &Resolved<'_>) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    for stage in resolved.chains.idle_stages(&resolved.sources) {
        let mut references = Vec::new();
        if read_stage(resolved.sources.at(stage), &mut references).is_ok() {
            wanted.extend(references.iter().map(|reference| Wanted::of(stage, reference)));
        }
    }
    wanted
}

/// A line with stages.
struct Line<'l> {
    source: SourceId,
    mapping: &'l Mapping,
    sources: &'l Sources,
}

/// Reads the stages of a line.
pub(crate) fn read(resolved: &mut Resolved<'_>, source: SourceId, mapping: &Mapping) -> Stages {
    let Resolved { book, sources, chains, .. } = resolved;
    let line = Line { source, mapping, sources };
    line.check_side(book);
    let Some(standing) = chains.expand(line.stages(), sources, book) else { return Stages::default() };
    let (mut stages, mut references) = (Vec::new(), Vec::new());
    let (mut wanted, mut listeners) = (Vec::new(), Vec::new());
    for (number, Standing { stage, .. }) in standing.iter().enumerate() {
        stages.extend(read_one(*stage, &mut references, chains, sources, book));
        wanted.extend(references[wanted.len()..].iter().map(|reference| Wanted::of(*stage, reference)));
        listeners.resize(wanted.len(), number);
    }
    let is_two_way = mapping.operator == Operator::Both;
    let is_right = stages.len() == standing.len()
        && check_merge(&stages, &standing, book)
            & (!is_two_way || line.check_way_back(&stages, &standing, book));
    if !is_right {
        return Stages { wanted, ..Stages::default() };
    }
    let text: Vec<_> = standing.iter().map(|standing| sources.at(standing.stage)).collect();
    let chain = Chain::new(text.join(" | "), stages, listeners);
    let back = is_two_way.then(|| chain.inverse().expect("every stage has an inverse"));
    Stages { chain: Some(Arc::new(chain)), back: back.map(Arc::new), wanted }
}

/// Reads one stage that is no name of a chain; what is wrong with it is noted.
pub(crate) fn read_one(
    at: Place,
    references: &mut Vec<Reference>,
    chains: &mut Chains,
    sources: &Sources,
    book: &mut Book,
) -> Option<Stage> {
    let written = sources.at(at);
    let error = match read_stage(written, references) {
        Ok(stage) => return Some(stage),
        Err(error) => error,
    };
    let ArgumentError { at: part, message, words, help } = error;
    let typed = &written[part.clone()];
    // Whatever is wrong with the name is wrong at the beginning.
    let is_name = part.start == 0;
    let id = if is_name { "unknown-transform" } else { "transform" };
    let meant = match book.has_room() {
        true if is_name => closest(typed, words.iter().copied().chain(chains.names())).map(str::to_owned),
        true => closest(typed, words.iter().copied()).map(str::to_owned),
        false => None,
    };
    let mut draft = Draft::error(id, message).at(at.part(&part));
    if let Some(meant) = &meant {
        chains.mark_used(meant);
        draft = draft.help(format!("did you mean {}?", quote(meant)));
    } else if is_name && help.is_none() {
        draft = draft.help("`crosspatch help transforms` lists all");
    }
    book.add(draft.help_if(help));
    None
}

fn check_merge(stages: &[Stage], standing: &[Standing], book: &mut Book) -> bool {
    let before = stages.len().saturating_sub(1);
    let is_early = |(stage, _): &(&Stage, &Standing)| matches!(stage, Stage::Merge(_));
    let mut early = stages[..before].iter().zip(standing).filter(is_early).peekable();
    let is_right = early.peek().is_none();
    for (_, standing) in early {
        let draft =
            Draft::error("merge-last", "expected `merge` behind all other stages, found more behind it");
        book.add(draft.at(standing.used));
    }
    is_right
}

impl Line<'_> {
    /// Its stages in the order in which they are to stand, wherever they do.
    fn stages(&self) -> impl Iterator<Item = Place> {
        let Mapping { left, right, .. } = self.mapping;
        let (near, far) = match self.mapping.operator {
            Operator::Right | Operator::Both => (left, right),
            Operator::Left => (right, left),
        };
        let source = self.source;
        near.transforms.iter().chain(&far.transforms).map(move |&span| Place { source, span })
    }

    /// The line as it is to stand: its channels with `operator` between them and its stages on either side.
    fn spelt(&self, operator: &str, stages: Side) -> String {
        let at = |span| self.sources.at(Place { source: self.source, span });
        let (left, right) = (at(self.mapping.left.channels), at(self.mapping.right.channels));
        let joined = || self.stages().map(|stage| self.sources.at(stage)).collect::<Vec<_>>().join(" | ");
        match stages {
            Side::Left => format!("`{left} | {} {operator} {right}`", joined()),
            Side::Right => format!("`{left} {operator} {right} | {}`", joined()),
            Side::Neither => format!("`{left} {operator} {right}`"),
        }
    }

    /// Tells of stages that stand behind the target.
    fn check_side(&self, book: &mut Book) {
        let Mapping { left, right, operator, .. } = self.mapping;
        let (far, place, sign, side) = match operator {
            Operator::Right => {
                (right, "behind the channel that they read from, in front of `>`", ">", Side::Left)
            }
            Operator::Left => {
                (left, "behind the channel that they read from, at the end of the line", "<", Side::Right)
            }
            Operator::Both => (right, "in front of `<>`, the way back undoes them", "<>", Side::Left),
        };
        let (Some(first), Some(last)) = (far.transforms.first(), far.transforms.last()) else { return };
        let at = Place { source: self.source, span: Span { start: first.start, end: last.end } };
        let message = format!("expected transforms {place}, found {}", quote(self.sources.at(at)));
        let draft = Draft::error("transform-side", message).at(at);
        book.add(draft.help(format!("write {}", self.spelt(sign, side))));
    }

    /// Whether every stage of a two-way line has an inverse.
    fn check_way_back(&self, stages: &[Stage], standing: &[Standing], book: &mut Book) -> bool {
        let both = stages.iter().zip(standing);
        let one_way: Vec<_> = both.filter(|(stage, _)| stage.inverse().is_none()).collect();
        for &(_, &Standing { stage, used }) in &one_way {
            let of_chain = match stage == used {
                true => String::new(),
                false => format!(" of the chain {}", quote(self.sources.at(used))),
            };
            let name = quote(self.sources.at(stage));
            let message = format!("expected stages with an inverse for the way back, found {name}{of_chain}");
            let (there, back) = (self.spelt(">", Side::Left), self.spelt("<", Side::Neither));
            let help = format!("write two lines, {there} and {back}");
            book.add(Draft::error("transform-inverse", message).at(used).help(help));
        }
        one_way.is_empty()
    }
}

/// Where the stages of a line stand.
enum Side {
    Left,
    Right,
    Neither,
}
