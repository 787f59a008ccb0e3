//! Reads the stages of a mapping line, checks them, and joins them to a chain.

use std::sync::Arc;

use crosspatch_core::transform::{Chain, Reference, Stage, read_stage};

use crate::report::diagnostic::{Diagnostics, Draft};
use crate::semantics::chains::{ExpandedStage, NamedChains};
use crate::syntax::lexer::Operator;
use crate::syntax::source::{Location, SourceFiles, SourceId, Span};
use crate::syntax::tree::MappingLine;
use crate::wording::quote;

/// The stages of a line, read and checked.
#[derive(Debug, Default)]
pub(crate) struct Stages {
    /// The chain from the source to the target, in a two-way line from left to right. None if there is a mistake.
    pub(crate) chain: Option<Arc<Chain>>,
    /// The chain from right to left, in a two-way line.
    pub(crate) back: Option<Arc<Chain>>,
    /// The channels that the stages refer to.
    pub(crate) references: Vec<StageReference>,
}

/// A channel that a stage refers to.
#[derive(Copy, Clone, Debug)]
pub(crate) enum StageReference {
    /// The target of the mapping.
    Target,
    /// The channel that is written in the stage.
    Channel {
        at: Location,
        /// Whether a channel that has no input is allowed.
        may_be_output: bool,
    },
}

impl StageReference {
    fn of(stage: Location, reference: &Reference) -> Self {
        match reference {
            Reference::Target => Self::Target,
            Reference::Channel(at) => Self::Channel { at: stage.part(at), may_be_output: false },
            Reference::Known(at) => Self::Channel { at: stage.part(at), may_be_output: true },
        }
    }
}

/// The channels that the stages of unused chains refer to. Other mistakes in these chains have been reported.
pub(crate) fn idle(chains: &NamedChains, sources: &SourceFiles) -> Vec<StageReference> {
    let mut found = Vec::new();
    for stage in chains.idle_stages(sources) {
        let mut references = Vec::new();
        if read_stage(sources.at(stage), chains.families, &mut references).is_ok() {
            found.extend(references.iter().map(|reference| StageReference::of(stage, reference)));
        }
    }
    found
}

/// A line with stages.
struct StagedLine<'l> {
    source: SourceId,
    mapping: &'l MappingLine,
    sources: &'l SourceFiles,
}

/// Reads the stages of a line.
pub(crate) fn read(
    source: SourceId,
    mapping: &MappingLine,
    chains: &mut NamedChains,
    sources: &SourceFiles,
    diagnostics: &mut Diagnostics,
) -> Stages {
    let line = StagedLine { source, mapping, sources };
    line.check_side(diagnostics);
    let Some(expanded) = chains.expand(line.stages(), sources, diagnostics) else { return Stages::default() };
    let (mut stages, mut references) = (Vec::new(), Vec::new());
    let (mut located, mut listeners) = (Vec::new(), Vec::new());
    for (number, ExpandedStage { stage, .. }) in expanded.iter().enumerate() {
        stages.extend(chains.read_stage(*stage, &mut references, sources, diagnostics));
        located.extend(
            references[located.len()..].iter().map(|reference| StageReference::of(*stage, reference)),
        );
        listeners.resize(located.len(), number);
    }
    let is_two_way = mapping.operator == Operator::Both;
    let is_right = stages.len() == expanded.len()
        && check_merge(&stages, &expanded, diagnostics)
            & (!is_two_way || line.check_inverses(&stages, &expanded, diagnostics));
    if !is_right {
        return Stages { references: located, ..Stages::default() };
    }
    let text: Vec<_> = expanded.iter().map(|expanded| sources.at(expanded.stage)).collect();
    let chain = Chain::new(text.join(" | "), stages, listeners);
    let back = is_two_way.then(|| chain.inverse().expect("every stage has an inverse"));
    Stages { chain: Some(Arc::new(chain)), back: back.map(Arc::new), references: located }
}

fn check_merge(stages: &[Stage], expanded: &[ExpandedStage], diagnostics: &mut Diagnostics) -> bool {
    let before = stages.len().saturating_sub(1);
    let is_early = |(stage, _): &(&Stage, &ExpandedStage)| matches!(stage, Stage::Merge(_));
    let mut early = stages[..before].iter().zip(expanded).filter(is_early).peekable();
    let is_right = early.peek().is_none();
    for (_, expanded) in early {
        let draft =
            Draft::error("merge-last", "expected `merge` as the last stage, found more stages after it");
        diagnostics.add(draft.at(expanded.used));
    }
    is_right
}

impl StagedLine<'_> {
    /// The stages in the order in which values pass through them, whichever side they are written on.
    fn stages(&self) -> impl Iterator<Item = Location> {
        let MappingLine { left, right, .. } = self.mapping;
        let (source_side, target_side) = match self.mapping.operator {
            Operator::Right | Operator::Both => (left, right),
            Operator::Left => (right, left),
        };
        let source = self.source;
        source_side
            .transforms
            .iter()
            .chain(&target_side.transforms)
            .map(move |&span| Location { source, span })
    }

    /// The line as it should be written: with `operator` between the channels, and its stages on the given side.
    fn rewritten(&self, operator: &str, stages: StageSide) -> String {
        let at = |span| self.sources.at(Location { source: self.source, span });
        let (left, right) = (at(self.mapping.left.channels), at(self.mapping.right.channels));
        let joined = || self.stages().map(|stage| self.sources.at(stage)).collect::<Vec<_>>().join(" | ");
        match stages {
            StageSide::Left => format!("`{left} | {} {operator} {right}`", joined()),
            StageSide::Right => format!("`{left} {operator} {right} | {}`", joined()),
            StageSide::Neither => format!("`{left} {operator} {right}`"),
        }
    }

    /// Reports stages that are written after the target.
    fn check_side(&self, diagnostics: &mut Diagnostics) {
        let MappingLine { left, right, operator, .. } = self.mapping;
        let (target_side, expected, operator, side) = match operator {
            Operator::Right => (right, "after the source channel and before `>`", ">", StageSide::Left),
            Operator::Left => {
                (left, "after the source channel, at the end of the line", "<", StageSide::Right)
            }
            Operator::Both => {
                (right, "before `<>` (their inverses apply from right to left)", "<>", StageSide::Left)
            }
        };
        let (Some(first), Some(last)) = (target_side.transforms.first(), target_side.transforms.last())
        else {
            return;
        };
        let at = Location { source: self.source, span: Span { start: first.start, end: last.end } };
        let message = format!("expected transforms {expected}, found {}", quote(self.sources.at(at)));
        let draft = Draft::error("transform-side", message).at(at);
        diagnostics.add(draft.help(format!("write {}", self.rewritten(operator, side))));
    }

    /// Whether every stage of a two-way line has an inverse.
    fn check_inverses(
        &self,
        stages: &[Stage],
        expanded: &[ExpandedStage],
        diagnostics: &mut Diagnostics,
    ) -> bool {
        let both = stages.iter().zip(expanded);
        let one_way: Vec<_> = both.filter(|(stage, _)| stage.inverse().is_none()).collect();
        for &(_, &ExpandedStage { stage, used }) in &one_way {
            let of_chain = match stage == used {
                true => String::new(),
                false => format!(" of the chain {}", quote(self.sources.at(used))),
            };
            let name = quote(self.sources.at(stage));
            let message = format!(
                "expected only transforms with an inverse in a two-way mapping, found {name}{of_chain}"
            );
            let (there, back) =
                (self.rewritten(">", StageSide::Left), self.rewritten("<", StageSide::Neither));
            let help = format!("write two lines, {there} and {back}");
            diagnostics.add(Draft::error("transform-inverse", message).at(used).help(help));
        }
        one_way.is_empty()
    }
}

/// The side of a line on which its stages are written.
enum StageSide {
    Left,
    Right,
    Neither,
}
