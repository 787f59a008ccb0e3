//! Mapping lines: what they say, checked and written out as routes.

use std::sync::Arc;

use crosspatch_core::{Backend, Instance, InstanceId, PlanBuilder};
use rustc_hash::FxHashMap;

use crate::ast::{Context, Item, Mapping};
use crate::diagnostic::{Draft, count, quote};
use crate::expand::Pattern;
use crate::flow::{Addresses, Channel, End, Named, Way};
use crate::lexer::{Lines, Operator};
use crate::origins::{Origins, Run, Statement};
use crate::parser::parse_line;
use crate::resolve::{Resolved, fault_draft};
use crate::source::{Place, SourceId, Span};
use crate::stages::{self, Stages, Wanted};
use crate::suggest::closest;

/// How many routes a plan may have: a few hundred megabytes of them.
pub(crate) const MAX_ROUTES: usize = 4_000_000;

/// How many bytes all mentioned addresses may have together, so that a long one with a wide range does no harm.
pub(crate) const MAX_ADDRESS_BYTES: usize = 1 << 28;

/// How many names are compared to find those that were meant by unknown ones.
const MOST_COMPARISONS: usize = 1_000_000;

/// An instance that mappings can mean.
#[derive(Clone)]
pub(crate) struct Usable {
    pub(crate) id: InstanceId,
    pub(crate) backend: &'static Backend,
    pub(crate) instance: Arc<dyn Instance>,
}

/// Left and right side of a line, as far as they can be read.
type Ends<'e, 't> = (Option<&'e End<'t>>, Option<&'e End<'t>>);

/// Reads all mapping lines, adds their routes to `builder` and says which line each route came from.
pub(crate) fn map_everything<'a>(
    resolved: &mut Resolved<'a>,
    builder: &mut PlanBuilder<'a>,
    usable: Vec<Option<Usable>>,
) -> Origins {
    let mut mapper = Mapper {
        is_mapped: vec![false; usable.len()],
        usable,
        resolved,
        builder,
        strangers: FxHashMap::default(),
        stranger_order: Vec::new(),
        statements: Vec::new(),
        runs: Vec::new(),
        referred: Vec::new(),
        spelt: String::new(),
        address_bytes: 0,
        is_full: false,
    };
    mapper.map_parts();
    mapper.check_idle_chains();
    mapper.report_strangers();
    mapper.report_unused();
    Origins { statements: mapper.statements, runs: mapper.runs }
}

pub(crate) struct Mapper<'m, 'a> {
    pub(crate) resolved: &'m mut Resolved<'a>,
    pub(crate) builder: &'m mut PlanBuilder<'a>,
    /// In parallel to the instances of `resolved`, as `is_mapped` is.
    pub(crate) usable: Vec<Option<Usable>>,
    is_mapped: Vec<bool>,
    /// The first mention of each name that is no instance, and how many more there are.
    strangers: FxHashMap<String, (Place, u128)>,
    stranger_order: Vec<String>,
    statements: Vec<Statement>,
    pub(crate) runs: Vec<Run>,
    /// The channels that the stages of one mapping name.
    pub(crate) referred: Vec<Channel>,
    pub(crate) spelt: String,
    pub(crate) address_bytes: usize,
    pub(crate) is_full: bool,
}

impl Mapper<'_, '_> {
    fn map_parts(&mut self) {
        for part in std::mem::take(&mut self.resolved.maps) {
            let text = self.resolved.sources.text(part.source);
            for span in Lines::within(text.as_str(), part.lines) {
                let line = parse_line(text.as_str(), span, Context::Map);
                for fault in line.faults {
                    self.resolved.book.add(fault_draft(fault, part.source));
                }
                if let Item::Mapping(mapping) = line.item {
                    self.map(part.source, text.as_str(), &mapping, span);
                }
            }
        }
    }

    fn map(&mut self, source: SourceId, text: &str, mapping: &Mapping, line: Span) {
        let left = self.end(source, text, mapping.left.channels);
        let right = self.end(source, text, mapping.right.channels);
        let ends = (left.as_ref(), right.as_ref());
        let first_route = self.builder.route_count() as u32;
        if mapping.left.transforms.is_empty() && mapping.right.transforms.is_empty() {
            let way = Way { is_broken: !self.check_sizes(ends, Some(false)), ..Way::default() };
            self.both_ways(mapping.operator, ends, &way, &way);
        } else {
            self.map_through(source, mapping, ends);
        }
        if self.builder.route_count() as u32 > first_route {
            self.statements.push(Statement { first_route, start: line.start, source });
        }
    }

    /// Checks the channels in chains that no line uses: one that is used later would not be found wrong before the show.
    fn check_idle_chains(&mut self) {
        let mut left = MAX_ROUTES as u128;
        for wanted in stages::idle(self.resolved) {
            let Wanted::Channel { at, may_be_output } = wanted else { continue };
            let text = self.resolved.sources.text(at.source);
            if let Some(end) = self.named_end(at, text.as_str(), (None, None)) {
                self.check(&end, may_be_output, &mut left);
            }
        }
    }

    /// Maps one side to the other through the stages of their line.
    fn map_through(&mut self, source: SourceId, mapping: &Mapping, ends: Ends<'_, '_>) {
        let Stages { chain, back, wanted } = stages::read(self.resolved, source, mapping);
        let is_layered = chain.as_ref().map(|chain| chain.is_layered());
        let is_broken = !self.check_sizes(ends, is_layered) || chain.is_none();
        // The channels of a named chain stand in another text than the line.
        let texts = wanted.iter().map(|wanted| match wanted {
            Wanted::Target => None,
            Wanted::Channel { at, .. } => Some(self.resolved.sources.text(at.source)),
        });
        let texts: Vec<_> = texts.collect();
        let named = wanted.iter().zip(&texts).map(|(wanted, text)| match (wanted, text) {
            (Wanted::Channel { at, may_be_output }, Some(text)) => Named::Channel {
                end: self.named_end(*at, text.as_str(), ends),
                may_be_output: *may_be_output,
            },
            (Wanted::Target | Wanted::Channel { .. }, _) => Named::Target,
        });
        let named: Vec<_> = named.collect();
        let way = |chain| Way { chain, named: &named, is_broken };
        self.both_ways(mapping.operator, ends, &way(chain.as_ref()), &way(back.as_ref().or(chain.as_ref())));
    }

    fn both_ways(
        &mut self,
        operator: Operator,
        (left, right): Ends<'_, '_>,
        there: &Way<'_, '_>,
        back: &Way<'_, '_>,
    ) {
        match operator {
            Operator::Right => self.flow(left, right, there),
            Operator::Left => self.flow(right, left, there),
            Operator::Both => {
                self.flow(left, right, there);
                self.flow(right, left, back);
            }
        }
    }

    /// Whether both sides have as many channels as they should, as far as that is known. A line whose chain is not known
    /// may be layered.
    fn check_sizes(&mut self, ends: Ends<'_, '_>, is_layered: Option<bool>) -> bool {
        let (Some(left), Some(right)) = ends else { return true };
        let (one, other) = (left.addresses.size(), right.addresses.size());
        let (few, many) = (one.min(other), one.max(other));
        let is_multiple = many.is_multiple_of(few);
        if few == 1 || few == many || is_multiple && is_layered != Some(false) {
            return true;
        }
        let help = match is_layered {
            Some(true) => Some("with `layer`, one side may have a multiple of the other's channels"),
            Some(false) if is_multiple => Some("`crosspatch help layer` tells how to spread a few over many"),
            Some(false) | None => None,
        };
        let message = "expected as many channels on one side as on the other, or one";
        let draft = Draft::error("size-mismatch", message)
            .label(left.place, format!("{} here", count(one, "channel")))
            .label(right.place, format!("{} here", count(other, "channel")));
        self.resolved.book.add(draft.help_if(help));
        false
    }

    /// Reads a channel that a stage names; it goes with the line, or there is only one.
    fn named_end<'t>(&mut self, at: Place, text: &'t str, (left, right): Ends<'_, '_>) -> Option<End<'t>> {
        let end = self.end(at.source, text, at.span)?;
        let Some(widest) = left.into_iter().chain(right).max_by_key(|end| end.addresses.size()) else {
            return Some(end);
        };
        let (named, mapped) = (end.addresses.size(), widest.addresses.size());
        if named == 1 || named == mapped {
            return Some(end);
        }
        let message = "expected as many channels in a transform as the line has mappings, or one";
        let draft = Draft::error("size-mismatch", message)
            .label(end.place, format!("{} here", count(named, "channel")))
            .label(widest.place, format!("{} here", count(mapped, "channel")));
        self.resolved.book.add(draft);
        None
    }

    /// Reads one side of a mapping, or a channel within a stage; `None` if it does not even say how many channels there
    /// are.
    fn end<'t>(&mut self, source: SourceId, text: &'t str, channels: Span) -> Option<End<'t>> {
        let written = channels.of(text);
        if written.is_empty() {
            return None;
        }
        let place = Place { source, span: channels };
        let Some((name, address)) = written.split_once('.').filter(|(name, _)| !name.is_empty()) else {
            self.resolved.book.add(self.dotless(written, place));
            return None;
        };
        let start = channels.start as usize;
        let name_at = Place { source, span: Span::new(start, start + name.len()) };
        let instance = self.resolved.names.get(name).copied();
        match instance {
            Some(index) => self.is_mapped[index] = true,
            None => self.meet_stranger(name, name_at),
        }
        if matches!(address, "" | "\"\"") {
            let message = format!("expected a channel behind {}, found nothing", quote(written));
            self.resolved.book.add(Draft::error("channel", message).at(place));
            return None;
        }
        let span = Span::new(start + name.len() + 1, channels.end as usize);
        let (mut has_braces, mut has_bar) = (false, false);
        for byte in address.bytes() {
            has_braces |= matches!(byte, b'{' | b'}');
            has_bar |= byte == b'|';
        }
        let addresses = if has_braces {
            let mut faults = Vec::new();
            let pattern = Pattern::parse(text, span, &mut faults);
            if !faults.is_empty() {
                for fault in faults {
                    self.resolved.book.add(fault_draft(fault, source));
                }
                return None;
            }
            Addresses::Many(pattern)
        } else {
            Addresses::One(address)
        };
        let has_loose_bar =
            has_bar && !address.starts_with('"') && (address.contains(" |") || address.contains("| "));
        Some(End { instance, addresses, place: Place { source, span }, has_loose_bar })
    }

    fn dotless(&self, written: &str, place: Place) -> Draft {
        let message = format!("expected `instance.channel`, found {}", quote(written));
        let draft = Draft::error("channel", message).at(place);
        if self.resolved.names.contains_key(written) {
            return draft.help(format!("which channel of {}? write it behind a dot", quote(written)));
        }
        draft
    }

    fn meet_stranger(&mut self, name: &str, at: Place) {
        match self.strangers.get_mut(name) {
            // A chain that several lines use is one mention.
            Some((first, _)) if *first == at => {}
            Some((_, more)) => *more += 1,
            None => {
                self.strangers.insert(name.to_owned(), (at, 0));
                self.stranger_order.push(name.to_owned());
            }
        }
    }

    fn report_strangers(&mut self) {
        let mut comparisons = 0;
        for name in std::mem::take(&mut self.stranger_order) {
            let (at, more) = self.strangers[&name];
            let instances = &self.resolved.instances;
            let candidates = match comparisons < MOST_COMPARISONS && self.resolved.book.has_room() {
                true => &instances[..],
                false => &[],
            };
            comparisons += candidates.len();
            let of_backend =
                candidates.iter().find(|draft| draft.backend.is_some_and(|own| own.name == name));
            let named = candidates.iter().map(|draft| draft.name.as_str());
            let meant = of_backend.map(|draft| draft.name.as_str()).or_else(|| closest(&name, named));
            let help = match meant {
                Some(meant) if of_backend.is_some() => {
                    format!("`{name}` is a backend; its instance is called {}", quote(meant))
                }
                Some(meant) => format!("did you mean {}?", quote(meant)),
                None if name.starts_with(['#', '/']) => "a comment begins with `;`".to_owned(),
                None => "an instance begins with a section `[BACKEND NAME]`".to_owned(),
            };
            // What was meant is not unused.
            if let Some(meant) = meant.and_then(|meant| self.resolved.names.get(meant)) {
                self.is_mapped[*meant] = true;
            }
            let draft = Draft::error("unknown-instance", format!("there is no instance {}", quote(&name)));
            let label = match more {
                0 => String::new(),
                1 => "and once more".to_owned(),
                more => format!("and {more} more times"),
            };
            self.resolved.book.add(draft.label(at, label).help(help));
        }
    }

    fn report_unused(&mut self) {
        let resolved = &mut self.resolved;
        resolved.chains.report_unused(&mut resolved.book);
        for (draft, is_mapped) in resolved.instances.iter().zip(&self.is_mapped) {
            let is_idle = !is_mapped && draft.backend.is_some_and(|backend| !backend.stands_alone);
            if is_idle && draft.is_named && !draft.is_guessed {
                let message = format!("no mapping uses the instance {}", quote(&draft.name));
                resolved.book.add(Draft::warning("instance-unused", message).at(draft.name_at));
            }
        }
    }
}
