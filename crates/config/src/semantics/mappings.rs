//! Reads the mapping lines and has their routes written.

use crosspatch_core::transform::transforms;
use crosspatch_core::{Direction, PlanBuilder, canonical_address};
use rustc_hash::FxHashMap;

use crate::report::diagnostic::Draft;
use crate::report::lines::LineOrigin;
use crate::report::suggest::closest;
use crate::semantics::chains::NamedChains;
use crate::semantics::configure::ConfiguredInstance;
use crate::semantics::endpoints::{Addresses, ChannelList, DoubtfulBar, Referenced};
use crate::semantics::origins::Origins;
use crate::semantics::routes::{Conversion, MAX_ROUTES, RouteWriter};
use crate::semantics::sections::{InstanceSection, MapPart, Sections};
use crate::semantics::stages::{self, StageReference, Stages};
use crate::syntax::lexer::{self, Lines, Operator};
use crate::syntax::parser::parse_line;
use crate::syntax::pattern::Pattern;
use crate::syntax::source::{Location, SourceFiles, SourceId, Span};
use crate::syntax::tree::{Item, MappingLine, SectionKind};
use crate::wording::{count, quote};

/// The most names that are compared to find suggestions for unknown instances.
const MAX_COMPARISONS: usize = 1_000_000;

/// The left and the right side of a line, as far as they can be read.
type Endpoints<'e, 't> = (Option<&'e ChannelList<'t>>, Option<&'e ChannelList<'t>>);

/// Reads all mapping lines, adds their routes to `builder`, and returns the origin of each route.
pub(crate) fn map_everything(
    sections: &mut Sections<'_>,
    builder: &mut PlanBuilder<'_>,
    configured: Vec<Option<ConfiguredInstance>>,
) -> Origins {
    let Sections { sources, diagnostics, names, instances, chains, maps, .. } = sections;
    let mut mapper = Mapper {
        sources,
        names,
        instances,
        chains,
        is_mapped: vec![false; configured.len()],
        writer: RouteWriter::new(builder, diagnostics, configured, sections.registry.families),
        unknown: FxHashMap::default(),
        unknown_order: Vec::new(),
        lines: Vec::new(),
        missing: None,
    };
    for part in maps {
        mapper.map_part(part);
    }
    mapper.check_idle_chains();
    mapper.report_unknown();
    mapper.report_unused();
    Origins { lines: mapper.lines, chains: mapper.writer.chains }
}

struct Mapper<'m, 'a> {
    sources: &'m SourceFiles,
    names: &'m FxHashMap<String, usize>,
    instances: &'m [InstanceSection],
    chains: &'m mut NamedChains,
    writer: RouteWriter<'m, 'a>,
    /// Whether a mapping uses the instance, by its index.
    is_mapped: Vec<bool>,
    /// For each name that is not an instance, the first mention and the number of further ones.
    unknown: FxHashMap<String, (Location, u128)>,
    unknown_order: Vec<String>,
    lines: Vec<LineOrigin>,
    /// The instance because of which the present line is left out.
    missing: Option<usize>,
}

impl Mapper<'_, '_> {
    fn map_part(&mut self, &MapPart { source, lines }: &MapPart) {
        let text = self.sources.text(source);
        for span in Lines::within(text.as_str(), lines) {
            let line = parse_line(text.as_str(), span, SectionKind::Map);
            for fault in line.faults {
                self.report(Draft::of_fault(fault, source));
            }
            if let Item::Mapping(mapping) = line.item {
                self.map(source, text.as_str(), &mapping, span);
            }
        }
    }

    fn report(&mut self, draft: Draft) {
        self.writer.diagnostics.add(draft);
    }

    fn route_count(&self) -> u32 {
        self.writer.builder.route_count() as u32
    }

    fn map(&mut self, source: SourceId, text: &str, mapping: &MappingLine, line: Span) {
        let left = self.endpoint(source, text, mapping.left.channels);
        let right = self.endpoint(source, text, mapping.right.channels);
        let endpoints = (left.as_ref(), right.as_ref());
        self.missing = None;
        self.note_missing(left.iter().chain(&right));
        let first_route = self.route_count();
        if mapping.left.transforms.is_empty() && mapping.right.transforms.is_empty() {
            let is_broken = !self.check_counts(endpoints, Some(false));
            let conversion = Conversion { is_broken, ..Conversion::default() };
            self.write(mapping.operator, endpoints, &conversion, &conversion);
        } else {
            self.map_through(source, mapping, endpoints);
        }
        if let Some(index) = self.missing {
            self.report_skipped(index, Location { source, span: lexer::trim(text, line) });
        }
        if self.route_count() > first_route {
            self.lines.push(LineOrigin { first_route, start: line.start, source });
        }
    }

    /// Checks the channels in chains that no line uses, so that a mistake shows before a line begins to use the chain.
    fn check_idle_chains(&mut self) {
        let mut left = MAX_ROUTES as u128;
        for reference in stages::idle(self.chains, self.sources) {
            let StageReference::Channel { at, may_be_output } = reference else { continue };
            let text = self.sources.text(at.source);
            if let Some(endpoint) = self.referenced_endpoint(at, text.as_str(), (None, None)) {
                self.writer.check(&endpoint, may_be_output, &mut left);
            }
        }
    }

    /// Maps one side to the other through the stages of their line.
    fn map_through(&mut self, source: SourceId, mapping: &MappingLine, endpoints: Endpoints<'_, '_>) {
        let Stages { chain, back, references } =
            stages::read(source, mapping, self.chains, self.sources, self.writer.diagnostics);
        let is_layered = chain.as_ref().map(|chain| chain.is_layered());
        let is_broken = !self.check_counts(endpoints, is_layered) || chain.is_none();
        // A channel of a named chain may be in another file than the line.
        let texts = references.iter().map(|reference| match reference {
            StageReference::Target => None,
            StageReference::Channel { at, .. } => Some(self.sources.text(at.source)),
        });
        let texts: Vec<_> = texts.collect();
        let referenced = references.iter().zip(&texts).map(|(reference, text)| match (reference, text) {
            (&StageReference::Channel { at, may_be_output }, Some(text)) => {
                let endpoint = self.referenced_endpoint(at, text.as_str(), endpoints);
                Referenced::Channel { endpoint, may_be_output }
            }
            (StageReference::Target | StageReference::Channel { .. }, _) => Referenced::Target,
        });
        let referenced: Vec<_> = referenced.collect();
        self.note_missing(referenced.iter().filter_map(|referenced| match referenced {
            Referenced::Target => None,
            Referenced::Channel { endpoint, .. } => endpoint.as_ref(),
        }));
        let conversion = |chain| Conversion { chain, referenced: &referenced, is_broken };
        let (chain, back) = (chain.as_ref(), back.as_ref().or(chain.as_ref()));
        self.write(mapping.operator, endpoints, &conversion(chain), &conversion(back));
    }

    /// Remembers the first instance of a line that is left out because its backend is missing.
    fn note_missing<'e, 't: 'e>(&mut self, endpoints: impl IntoIterator<Item = &'e ChannelList<'t>>) {
        let mut instances = endpoints.into_iter().filter_map(|endpoint| endpoint.instance);
        let missing = instances.find(|&index| self.instances[index].missing.is_some());
        self.missing = self.missing.or(missing);
    }

    fn report_skipped(&mut self, index: usize, at: Location) {
        let section = &self.instances[index];
        let backend = section.missing.as_deref().unwrap_or_default();
        let message = format!(
            "this mapping is left out, because the backend {} of {} is missing",
            quote(backend),
            quote(&section.name)
        );
        self.report(Draft::warning("mapping-skipped", message).at(at));
    }

    fn write(
        &mut self,
        operator: Operator,
        (left, right): Endpoints<'_, '_>,
        there: &Conversion<'_, '_>,
        back: &Conversion<'_, '_>,
    ) {
        match operator {
            Operator::Right => self.writer.write(left, right, there),
            Operator::Left => self.writer.write(right, left, there),
            Operator::Both => {
                self.writer.write(left, right, there);
                self.writer.write(right, left, back);
            }
        }
    }

    /// Whether the numbers of channels on both sides fit together, as far as they are known. A line whose chain is unknown
    /// may be layered.
    fn check_counts(&mut self, endpoints: Endpoints<'_, '_>, is_layered: Option<bool>) -> bool {
        let (Some(left), Some(right)) = endpoints else { return true };
        let (few, many) = (left.addresses.count(), right.addresses.count());
        let (few, many) = (few.min(many), few.max(many));
        let is_multiple = many.is_multiple_of(few);
        if few == 1 || few == many || is_multiple && is_layered != Some(false) {
            return true;
        }
        let help = match is_layered {
            Some(true) => Some("with `layer`, one side may have a multiple of the other side's channels"),
            Some(false) if is_multiple => {
                Some("`crosspatch help layer` shows how to spread a few channels over many")
            }
            Some(false) | None => None,
        };
        let message = "expected the same number of channels on both sides, or one channel on either side";
        self.report(counts_differ(message, left, right).help_if(help));
        false
    }

    /// Reads the channels that a stage refers to: one, or as many as the line has mappings.
    fn referenced_endpoint<'t>(
        &mut self,
        at: Location,
        text: &'t str,
        (left, right): Endpoints<'_, '_>,
    ) -> Option<ChannelList<'t>> {
        let endpoint = self.endpoint(at.source, text, at.span)?;
        let widest = left.into_iter().chain(right).max_by_key(|endpoint| endpoint.addresses.count());
        let referenced = endpoint.addresses.count();
        match widest.filter(|widest| referenced != 1 && referenced != widest.addresses.count()) {
            None => Some(endpoint),
            Some(widest) => {
                let message = "expected one channel in the transform, or as many as the line has mappings";
                self.report(counts_differ(message, &endpoint, widest));
                None
            }
        }
    }

    /// Reads one side of a mapping, or a channel within a stage. None if not even the number of channels is clear.
    fn endpoint<'t>(&mut self, source: SourceId, text: &'t str, channels: Span) -> Option<ChannelList<'t>> {
        let written = channels.of(text);
        if written.is_empty() {
            return None;
        }
        let location = Location { source, span: channels };
        let Some((name, address)) = written.split_once('.').filter(|(name, _)| !name.is_empty()) else {
            self.report_missing_dot(written, location);
            return None;
        };
        let start = channels.start as usize;
        let instance = self.names.get(name).copied();
        match instance {
            Some(index) => self.is_mapped[index] = true,
            None => {
                let span = Span::new(start, start + name.len());
                self.note_unknown(name, Location { source, span });
            }
        }
        if matches!(address, "" | "\"\"") {
            let message = format!("expected a channel after {}, found nothing", quote(written));
            self.report(Draft::error("channel", message).at(location));
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
                    self.report(Draft::of_fault(fault, source));
                }
                return None;
            }
            Addresses::Many(pattern)
        } else {
            Addresses::One(address)
        };
        let bar = match has_bar && !address.starts_with('"') {
            true => self.doubtful_bar(address),
            false => None,
        };
        Some(ChannelList { instance, addresses, location: Location { source, span }, bar })
    }

    /// The probable meaning of a `|` in an address.
    fn doubtful_bar(&self, address: &str) -> Option<DoubtfulBar> {
        if address.contains(" |") || address.contains("| ") {
            return Some(DoubtfulBar::Loose);
        }
        let is_stage = |part: &str| {
            let word = part.split(char::is_whitespace).next().unwrap_or(part);
            transforms(self.chains.families).any(|transform| transform.name == word)
                || self.chains.names().any(|name| name == word)
        };
        address.split('|').skip(1).any(is_stage).then_some(DoubtfulBar::Stage)
    }

    fn report_missing_dot(&mut self, written: &str, at: Location) {
        let message = format!("expected `instance.channel`, found {}", quote(written));
        let is_instance = self.names.contains_key(written);
        let help = match is_instance {
            true => Some(format!("write the channel after a dot: {}", quote(&format!("{written}.CHANNEL")))),
            false => self.with_dot(written).map(|meant| format!("did you mean {}?", quote(&meant))),
        };
        self.report(Draft::error("channel", message).at(at).help_if(help));
    }

    /// The same with a dot after the name of an instance, where another character separates it from the channel.
    fn with_dot(&self, written: &str) -> Option<String> {
        let is_separator =
            |c: char| matches!(c, '/' | ':' | ',' | '_' | '-' | '@' | '\\') || c.is_whitespace();
        let separators = written.char_indices().filter(|&(at, c)| at > 0 && is_separator(c));
        let split = |(at, c): (usize, char)| {
            let (name, rest) = (&written[..at], &written[at..]);
            let after = &rest[c.len_utf8()..];
            self.names.get(name).map(|&index| (index, name, rest, after))
        };
        let (index, name, rest, after) = separators.filter_map(split).next()?;
        let after = after.trim();
        // The slash of a path may be the separator.
        let path = if rest.starts_with('/') { rest.trim() } else { after };
        let candidates = [path.to_owned(), after.to_owned(), after.replace(['/', ' ', ':'], ".")];
        let configured = self.writer.configured[index].as_ref();
        let is_valid = |address: &&String| {
            let is_valid = |direction| {
                configured.is_some_and(|configured| {
                    canonical_address(&*configured.instance, address, direction).is_ok()
                })
            };
            !address.is_empty() && (is_valid(Direction::Input) || is_valid(Direction::Output))
        };
        let meant = candidates.iter().find(is_valid).unwrap_or(&candidates[1]);
        (!meant.is_empty()).then(|| format!("{name}.{meant}"))
    }

    fn note_unknown(&mut self, name: &str, at: Location) {
        match self.unknown.get_mut(name) {
            // Several lines that use the same chain count as one mention.
            Some((first, _)) if *first == at => {}
            Some((_, more)) => *more += 1,
            None => {
                self.unknown.insert(name.to_owned(), (at, 0));
                self.unknown_order.push(name.to_owned());
            }
        }
    }

    fn report_unknown(&mut self) {
        let mut comparisons = 0;
        for name in std::mem::take(&mut self.unknown_order) {
            let (at, more) = self.unknown[&name];
            let candidates = match comparisons < MAX_COMPARISONS && self.writer.diagnostics.has_room() {
                true => self.instances,
                false => &[],
            };
            comparisons += candidates.len();
            let of_backend =
                candidates.iter().find(|section| section.backend.is_some_and(|backend| backend.name == name));
            let named = candidates.iter().map(|section| section.name.as_str());
            let meant = of_backend.map(|section| section.name.as_str()).or_else(|| closest(&name, named));
            let help = match meant {
                Some(meant) if of_backend.is_some() => {
                    format!("`{name}` is a backend; its instance is called {}", quote(meant))
                }
                Some(meant) => format!("did you mean {}?", quote(meant)),
                None if name.starts_with(['#', '/']) => "a comment begins with `;`".to_owned(),
                None if let Some(channel) = self.with_dot(&self.channel_at(at)) => {
                    format!("did you mean {}?", quote(&channel))
                }
                None => "an instance needs a section `[BACKEND NAME]`".to_owned(),
            };
            // The instance that was probably meant is not reported as unused.
            if let Some(meant) = meant.and_then(|meant| self.names.get(meant)) {
                self.is_mapped[*meant] = true;
            }
            let label = match more {
                0 => String::new(),
                1 => "and once more".to_owned(),
                more => format!("and {more} more times"),
            };
            let draft = Draft::error("unknown-instance", format!("there is no instance {}", quote(&name)));
            self.report(draft.label(at, label).help(help));
        }
    }

    /// The channel, as far as it reaches without quotes, whose instance is written at a location.
    fn channel_at(&self, at: Location) -> String {
        const LONGEST: usize = 200;
        let text = self.sources.text(at.source);
        let rest = &text.as_str()[at.span.start as usize..];
        let is_end = |c: &char| c.is_control() || matches!(c, '<' | '>' | '|');
        let channel: String = rest.chars().take(LONGEST).take_while(|c| !is_end(c)).collect();
        channel.trim_end().to_owned()
    }

    fn report_unused(&mut self) {
        self.chains.report_unused(self.writer.diagnostics);
        for (section, is_mapped) in self.instances.iter().zip(&self.is_mapped) {
            let is_idle = !is_mapped && section.backend.is_some_and(|backend| !backend.stands_alone);
            if is_idle && section.is_named && !section.is_guessed {
                let message = format!("no mapping uses the instance {}", quote(&section.name));
                let draft = Draft::warning("instance-unused", message).at(section.name_at);
                self.writer.diagnostics.add(draft);
            }
        }
    }
}

/// A mistake in the numbers of channels of two endpoints.
fn counts_differ(message: &str, one: &ChannelList<'_>, other: &ChannelList<'_>) -> Draft {
    let label = |endpoint: &ChannelList<'_>| format!("{} here", count(endpoint.addresses.count(), "channel"));
    let draft = Draft::error("size-mismatch", message);
    draft.label(one.location, label(one)).label(other.location, label(other))
}
