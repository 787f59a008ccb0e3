//! Mapping lines: what they say, checked and written out as routes.

use std::sync::Arc;

use crosspatch_core::{AddressError, Backend, Direction, Instance, InstanceId, PlanBuilder, Slot};
use rustc_hash::FxHashMap;

use crate::ast::{Context, Item, Mapping, Side};
use crate::diagnostic::{Draft, count, quote};
use crate::expand::Pattern;
use crate::lexer::{Lines, Operator};
use crate::parser::parse_line;
use crate::resolve::{Resolved, fault_draft};
use crate::source::{Place, SourceId, Span};
use crate::suggest::{closest, respelt};

/// How many routes a plan may have: a few hundred megabytes of them.
pub(crate) const MAX_ROUTES: usize = 4_000_000;

/// How many bytes all mentioned addresses may have together, so that a long one with a wide range does no harm.
const MAX_ADDRESS_BYTES: usize = 1 << 28;

/// How many names are compared to find those that were meant by unknown ones.
const MOST_COMPARISONS: usize = 1_000_000;

/// An instance that mappings can mean.
#[derive(Clone)]
pub(crate) struct Usable {
    pub(crate) id: InstanceId,
    pub(crate) backend: &'static Backend,
    pub(crate) instance: Arc<dyn Instance>,
}

/// A mapping line that gave routes: the number of its first one, and where it stands.
#[derive(Copy, Clone)]
pub(crate) struct Statement {
    pub(crate) first_route: u32,
    pub(crate) start: u32,
    pub(crate) source: SourceId,
}

/// Reads all mapping lines, adds their routes to `builder` and says which line each route came from.
pub(crate) fn map_everything<'a>(
    resolved: &mut Resolved<'a>,
    builder: &mut PlanBuilder<'a>,
    usable: Vec<Option<Usable>>,
) -> Vec<Statement> {
    let mut mapper = Mapper {
        is_mapped: vec![false; usable.len()],
        usable,
        resolved,
        builder,
        strangers: FxHashMap::default(),
        stranger_order: Vec::new(),
        statements: Vec::new(),
        spelt: String::new(),
        address_bytes: 0,
        is_full: false,
    };
    mapper.map_parts();
    mapper.report_strangers();
    mapper.report_unused();
    mapper.statements
}

struct Mapper<'m, 'a> {
    resolved: &'m mut Resolved<'a>,
    builder: &'m mut PlanBuilder<'a>,
    /// In parallel to the instances of `resolved`, as `is_mapped` is.
    usable: Vec<Option<Usable>>,
    is_mapped: Vec<bool>,
    /// The first mention of each name that is no instance, and how many more there are.
    strangers: FxHashMap<String, (Place, u128)>,
    stranger_order: Vec<String>,
    statements: Vec<Statement>,
    spelt: String,
    address_bytes: usize,
    is_full: bool,
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
        for side in [&mapping.left, &mapping.right] {
            if let (Some(first), Some(last)) = (side.transforms.first(), side.transforms.last()) {
                let span = Span { start: first.start, end: last.end };
                let message = format!("transforms are not built yet, found {}", quote(span.of(text)));
                let draft = Draft::error("transform-not-built", message).at(Place { source, span });
                self.resolved
                    .book
                    .add(draft.help("until they are, leave out ` | ` and what stands behind it"));
            }
        }
        let left = self.end(source, text, &mapping.left);
        let right = self.end(source, text, &mapping.right);
        if let (Some(left), Some(right)) = (&left, &right)
            && !sizes_fit(left, right)
        {
            let size = |end: &End<'_>| count(end.addresses.size(), "channel");
            let draft = Draft::error(
                "size-mismatch",
                "expected as many channels on one side as on the other, or one",
            )
            .label(left.place, format!("{} here", size(left)))
            .label(right.place, format!("{} here", size(right)));
            self.resolved.book.add(draft);
            self.check_alone(left, right, mapping.operator);
            return;
        }
        let first_route = self.builder.route_count() as u32;
        let is_plain = mapping.left.transforms.is_empty() && mapping.right.transforms.is_empty();
        if matches!(mapping.operator, Operator::Right | Operator::Both) {
            self.flow(left.as_ref(), right.as_ref(), is_plain);
        }
        if matches!(mapping.operator, Operator::Left | Operator::Both) {
            self.flow(right.as_ref(), left.as_ref(), is_plain);
        }
        if self.builder.route_count() as u32 > first_route {
            self.statements.push(Statement { first_route, start: line.start, source });
        }
    }

    /// Checks the addresses of two sides that do not fit each other.
    fn check_alone(&mut self, left: &End<'_>, right: &End<'_>, operator: Operator) {
        if matches!(operator, Operator::Right | Operator::Both) {
            self.flow(Some(left), None, false);
            self.flow(None, Some(right), false);
        }
        if matches!(operator, Operator::Left | Operator::Both) {
            self.flow(Some(right), None, false);
            self.flow(None, Some(left), false);
        }
    }

    /// Reads one side of a mapping; `None` if it does not even say how many channels there are.
    fn end<'t>(&mut self, source: SourceId, text: &'t str, side: &Side) -> Option<End<'t>> {
        let written = side.channels.of(text);
        if written.is_empty() {
            return None;
        }
        let place = Place { source, span: side.channels };
        let Some((name, address)) = written.split_once('.').filter(|(name, _)| !name.is_empty()) else {
            self.resolved.book.add(self.dotless(written, place));
            return None;
        };
        let start = side.channels.start as usize;
        let name_at = Place { source, span: Span::new(start, start + name.len()) };
        let instance = self.resolved.names.get(name).copied();
        match instance {
            Some(index) => self.is_mapped[index] = true,
            None => self.meet_stranger(name, name_at),
        }
        if address.is_empty() {
            let message = format!("expected a channel behind {}, found nothing", quote(written));
            self.resolved.book.add(Draft::error("channel", message).at(place));
            return None;
        }
        let span = Span::new(start + name.len() + 1, side.channels.end as usize);
        let addresses = if address.contains(['{', '}']) {
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
        Some(End { instance, addresses, place: Place { source, span } })
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
            Some((_, more)) => *more += 1,
            None => {
                self.strangers.insert(name.to_owned(), (at, 0));
                self.stranger_order.push(name.to_owned());
            }
        }
    }

    /// Checks the addresses of both sides, as far as they are usable. If it `is_plain`, adds the routes between them.
    fn flow(&mut self, from: Option<&End<'_>>, to: Option<&End<'_>>, is_plain: bool) {
        let size = |end: Option<&End<'_>>| end.map_or(0, |end| end.addresses.size());
        let total = size(from).max(size(to));
        if total > (MAX_ROUTES - self.builder.route_count()) as u128 {
            self.report_full(from, to);
            return;
        }
        let mut from = Progress::of(from, Direction::Input);
        let mut to = Progress::of(to, Direction::Output);
        let mut to_itself = None;
        for number in 0..total {
            if self.address_bytes > MAX_ADDRESS_BYTES {
                self.report_full(from.end, to.end);
                break;
            }
            let source = from.channel(number, self);
            let target = to.channel(number, self);
            match (source, target) {
                (Some(source), Some(target)) if is_plain => {
                    self.builder.route(source, target);
                    if source == target {
                        to_itself.get_or_insert(source);
                    }
                }
                (Some(_), _) | (None, Some(_)) => {}
                (None, None) => break,
            }
        }
        if let Some(channel) = to_itself {
            self.report_itself(&from, &to, channel);
        }
    }

    fn report_full(&mut self, from: Option<&End<'_>>, to: Option<&End<'_>>) {
        let ends = || from.into_iter().chain(to);
        let Some(largest) = ends().max_by_key(|end| end.addresses.size()) else { return };
        let size = largest.addresses.size();
        let draft = if size > MAX_ROUTES as u128 {
            let message = match size {
                u128::MAX => "this stands for more channels than can be counted".to_owned(),
                size => format!("this stands for {size} channels"),
            };
            Draft::error("too-many", format!("{message}; at most {MAX_ROUTES} are possible"))
        } else if self.is_full {
            return;
        } else {
            self.is_full = true;
            Draft::error(
                "too-many",
                format!(
                    "expected at most {MAX_ROUTES} mappings of short names; further ones are not looked at"
                ),
            )
        };
        self.resolved.book.add(draft.at(largest.place));
    }

    fn report_itself(&mut self, from: &Progress<'_, '_>, to: &Progress<'_, '_>, channel: (InstanceId, Slot)) {
        let (Some(from), Some(to)) = (from.end, to.end) else { return };
        let planned = &self.builder.instances()[channel.0.index()];
        // Where a value comes back by itself, this is a loop, which is reported as one.
        if planned.backend.loops_back {
            return;
        }
        let name = quote(&format!("{}.{}", planned.name, planned.channels.address(channel.1)));
        let first = from.place.min(to.place);
        let span = Span { start: first.span.start, end: from.place.max(to.place).span.end };
        let draft = Draft::warning("mapping-self", format!("{name} is mapped to itself"))
            .at(Place { span, ..first })
            .help("what comes from it goes back to it; leave the line out unless the device wants that");
        self.resolved.book.add(draft);
    }

    fn report_address(
        &mut self,
        end: &End<'_>,
        usable: &Usable,
        direction: Direction,
        number: u128,
        error: AddressError,
    ) {
        let Place { source, span } = end.place;
        let spelt = std::mem::take(&mut self.spelt);
        let address = match &end.addresses {
            Addresses::One(address) => address,
            Addresses::Many(_) => spelt.as_str(),
        };
        let suggestion = error.suggestion.filter(|_| self.resolved.book.has_room()).or_else(|| {
            if !self.resolved.book.has_room() {
                return None;
            }
            let is_valid = |address: &str| usable.instance.canonical(address, direction).is_ok();
            respelt(address, usable.backend.words, is_valid)
        });
        let draft = Draft::error("channel", error.message);
        let place = Place { source, span };
        let draft = match &end.addresses {
            Addresses::One(_) => draft.at(place),
            Addresses::Many(pattern) if pattern.size() == 1 => {
                draft.label(place, format!("this is {}", quote(address)))
            }
            Addresses::Many(pattern) => {
                let which = format!("{} is number {} of {}", quote(address), number + 1, pattern.size());
                draft.label(place, which)
            }
        };
        let draft = draft
            .help_if(suggestion.map(|address| format!("did you mean {}?", quote(&address))))
            .help_if(error.help);
        self.resolved.book.add(draft);
        self.spelt = spelt;
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
        for (draft, is_mapped) in resolved.instances.iter().zip(&self.is_mapped) {
            let is_idle = !is_mapped && draft.backend.is_some_and(|backend| !backend.stands_alone);
            if is_idle && draft.is_named && !draft.is_guessed {
                let message = format!("no mapping uses the instance {}", quote(&draft.name));
                resolved.book.add(Draft::warning("instance-unused", message).at(draft.name_at));
            }
        }
    }
}

/// One side of a mapping line, read as far as it can be.
struct End<'t> {
    /// None if there is no such instance.
    instance: Option<usize>,
    addresses: Addresses<'t>,
    place: Place,
}

enum Addresses<'t> {
    One(&'t str),
    Many(Pattern<'t>),
}

impl Addresses<'_> {
    fn size(&self) -> u128 {
        match self {
            Self::One(_) => 1,
            Self::Many(pattern) => pattern.size(),
        }
    }
}

fn sizes_fit(left: &End<'_>, right: &End<'_>) -> bool {
    let (left, right) = (left.addresses.size(), right.addresses.size());
    left == right || left == 1 || right == 1
}

/// How far one side of a mapping has come.
struct Progress<'e, 't> {
    end: Option<&'e End<'t>>,
    direction: Direction,
    /// The channel, if there is only one.
    only: Option<(InstanceId, Slot)>,
    has_failed: bool,
}

impl<'e, 't> Progress<'e, 't> {
    fn of(end: Option<&'e End<'t>>, direction: Direction) -> Self {
        Self { end, direction, only: None, has_failed: false }
    }

    /// The channel of that number; none from the first address on that is wrong.
    fn channel(&mut self, number: u128, mapper: &mut Mapper<'_, '_>) -> Option<(InstanceId, Slot)> {
        let end = self.end?;
        if self.has_failed || self.only.is_some() {
            return self.only;
        }
        let Mapper { usable, builder, spelt, address_bytes, .. } = &mut *mapper;
        let usable = usable[end.instance?].as_ref()?;
        let address = match &end.addresses {
            Addresses::One(address) => address,
            Addresses::Many(pattern) => {
                pattern.spell(number, spelt);
                spelt.as_str()
            }
        };
        match usable.instance.canonical(address, self.direction) {
            Ok(canonical) => {
                let slot = builder.channel(usable.id, &canonical, self.direction);
                *address_bytes += canonical.len();
                let channel = Some((usable.id, slot));
                if end.addresses.size() == 1 {
                    self.only = channel;
                }
                channel
            }
            Err(error) => {
                self.has_failed = true;
                let usable = usable.clone();
                mapper.report_address(end, &usable, self.direction, number, error);
                None
            }
        }
    }
}
