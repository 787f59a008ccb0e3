//! Writes routes into the plan: checks each address, looks up its channel, and connects sources to targets.

use std::sync::Arc;

use crosspatch_core::address::unquoted;
use crosspatch_core::transform::{self, Chain, Family, transforms};
use crosspatch_core::{AddressError, Content, Direction, InstanceId, PlanBuilder, Slot, canonical_address};

use crate::report::diagnostic::{Diagnostics, Draft};
use crate::report::suggest::corrected;
use crate::semantics::configure::ConfiguredInstance;
use crate::semantics::endpoints::{Addresses, ChannelList, DoubtfulBar, Referenced};
use crate::semantics::origins::ChainOrigin;
use crate::syntax::source::{Location, Span};
use crate::wording::quote;

/// The most routes that a plan may have. They take a few hundred megabytes.
pub(crate) const MAX_ROUTES: usize = 4_000_000;

/// The most bytes that all addresses may have together. It limits what a long address with a wide range can cost.
const MAX_ADDRESS_BYTES: usize = 1 << 28;

const BAR: &str = "a transform is written after ` | `, with a space on both sides";

const TRANSLATE: &str =
    "the transform `match` turns texts into numbers, and `color` reads a component of a colour";

/// A channel of the plan.
pub(crate) type PlanChannel = (InstanceId, Slot);

/// A channel as a user writes it.
pub(crate) fn channel_name(builder: &PlanBuilder<'_>, (instance, slot): PlanChannel) -> String {
    let planned = &builder.instances()[instance.index()];
    format!("{}.{}", planned.name, planned.channels.address(slot))
}

/// The processing of a value between the source and the target of a mapping.
#[derive(Default)]
pub(crate) struct Conversion<'c, 't> {
    /// None if values pass unchanged, and if the line has a mistake.
    pub(crate) chain: Option<&'c Arc<Chain>>,
    /// The channels that the stages of the chain refer to.
    pub(crate) referenced: &'c [Referenced<'t>],
    /// Whether the line has a mistake that has been reported. Its addresses are still checked, but it gets no route.
    pub(crate) is_broken: bool,
}

/// Adds routes to a plan.
pub(crate) struct RouteWriter<'w, 'a> {
    pub(crate) builder: &'w mut PlanBuilder<'a>,
    pub(crate) diagnostics: &'w mut Diagnostics,
    /// The instances by index; none for one that mappings cannot use.
    pub(crate) configured: Vec<Option<ConfiguredInstance>>,
    /// The chains of the routes written so far.
    pub(crate) chains: Vec<ChainOrigin>,
    /// The channels that the stages of the current mapping refer to.
    referenced: Vec<PlanChannel>,
    families: &'static [&'static Family],
    /// A buffer for the address that is being checked.
    address: String,
    address_bytes: usize,
    is_full: bool,
}

impl<'w, 'a> RouteWriter<'w, 'a> {
    pub(crate) fn new(
        builder: &'w mut PlanBuilder<'a>,
        diagnostics: &'w mut Diagnostics,
        configured: Vec<Option<ConfiguredInstance>>,
        families: &'static [&'static Family],
    ) -> Self {
        Self {
            families,
            builder,
            diagnostics,
            configured,
            chains: Vec::new(),
            referenced: Vec::new(),
            address: String::new(),
            address_bytes: 0,
            is_full: false,
        }
    }

    /// Checks the addresses of both endpoints and those in the stages, as far as they can be read, and adds the routes.
    pub(crate) fn write(
        &mut self,
        from: Option<&ChannelList<'_>>,
        to: Option<&ChannelList<'_>>,
        conversion: &Conversion<'_, '_>,
    ) {
        let count =
            |endpoint: Option<&ChannelList<'_>>| endpoint.map_or(0, |endpoint| endpoint.addresses.count());
        let total = count(from).max(count(to));
        if total > (MAX_ROUTES - self.builder.route_count()) as u128 {
            self.report_full(from, to);
            return;
        }
        let mut from = Cursor::new(from, Direction::Input);
        let mut to = Cursor::new(to, Direction::Output);
        let mut referenced: Vec<_> = conversion.referenced.iter().map(Cursor::of_referenced).collect();
        // Channels in stages are checked even if the line itself has none.
        let total = if total == 0 && !referenced.is_empty() { 1 } else { total };
        let narrow = count(from.endpoint).min(count(to.endpoint)) as u32;
        let mut self_mapped = None;
        let first_route = self.builder.route_count();
        for number in 0..total {
            if self.address_bytes > MAX_ADDRESS_BYTES {
                self.report_full(from.endpoint, to.endpoint);
                break;
            }
            let source = from.channel(number, self);
            let target = to.channel(number, self);
            let all_are_known =
                referenced.is_empty() || self.look_up_referenced(&mut referenced, number, target);
            match (source, target) {
                (Some(source), Some(target)) if !conversion.is_broken && all_are_known => match conversion
                    .chain
                {
                    Some(chain) => {
                        let place =
                            transform::LinePosition { number: number as u32, count: total as u32, narrow };
                        self.builder.route_through(source, target, chain, place, &self.referenced);
                    }
                    None => {
                        self.builder.route(source, target);
                        if source == target {
                            self_mapped.get_or_insert(source);
                        }
                    }
                },
                (Some(_), _) | (None, Some(_)) => {}
                (None, None) if self.referenced.is_empty() => break,
                (None, None) => {}
            }
        }
        self.referenced.clear();
        let (first_route, next_route) = (first_route as u32, self.builder.route_count() as u32);
        if let Some(chain) = conversion.chain.filter(|_| next_route > first_route) {
            self.chains.push(ChainOrigin { first_route, next_route, chain: chain.clone() });
        }
        for cursor in [&from, &to] {
            self.warn_of_bar(cursor);
        }
        if next_route > first_route && conversion.chain.is_none_or(|chain| !chain.is_stateful()) {
            self.warn_of_text(first_route, &from, &to);
        }
        if let (Some(channel), Some(from), Some(to)) = (self_mapped, from.endpoint, to.endpoint) {
            self.report_self_mapped(from, to, channel);
        }
    }

    /// Checks addresses that belong to no mapping, up to the first wrong one. `left` limits how many addresses are checked,
    /// and is reduced by as many.
    pub(crate) fn check(&mut self, endpoint: &ChannelList<'_>, may_be_output: bool, left: &mut u128) {
        let Some(configured) = endpoint.instance.and_then(|instance| self.configured[instance].clone())
        else {
            return;
        };
        let count = endpoint.addresses.count().min(*left);
        *left -= count;
        for number in 0..count {
            let address = endpoint.addresses.nth(number, &mut self.address);
            let checked = canonical_address(&*configured.instance, address, Direction::Input).err();
            let is_output = || canonical_address(&*configured.instance, address, Direction::Output).is_ok();
            if let Some(error) = checked.filter(|_| !may_be_output || !is_output()) {
                self.report_address(endpoint, &configured, Direction::Input, number, error);
                return;
            }
        }
    }

    /// Collects the channels that the stages of a line refer to into `referenced`. Returns whether all of them exist.
    fn look_up_referenced(
        &mut self,
        cursors: &mut [Option<Cursor<'_, '_>>],
        number: u128,
        target: Option<PlanChannel>,
    ) -> bool {
        self.referenced.clear();
        for cursor in &mut *cursors {
            let channel = match cursor {
                Some(cursor) => cursor.channel(number, self),
                None => target.map(|target| self.observe(target)),
            };
            self.referenced.extend(channel);
        }
        self.referenced.len() == cursors.len()
    }

    /// Registers a target as an input as well, if its backend reports changes of that channel.
    fn observe(&mut self, target @ (instance, slot): PlanChannel) -> PlanChannel {
        let Self { builder, address, .. } = self;
        let planned = &builder.instances()[instance.index()];
        address.clear();
        address.push_str(planned.channels.address(slot));
        if canonical_address(&*planned.instance, address, Direction::Input)
            .is_ok_and(|canonical| canonical == *address)
        {
            builder.channel(instance, address, Direction::Input);
        }
        target
    }

    /// Warns of a text that reaches a channel of numbers through no stage that could translate it. The first route stands
    /// for all of its line.
    fn warn_of_text(&mut self, first_route: u32, from: &Cursor<'_, '_>, to: &Cursor<'_, '_>) {
        let (source, target) = self.builder.route_at(first_route as usize);
        let content = |(instance, slot): PlanChannel, direction| {
            let planned = &self.builder.instances()[instance.index()];
            planned.instance.content(&unquoted(planned.channels.address(slot)), direction)
        };
        let ends = (content(source, Direction::Input), content(target, Direction::Output));
        if ends != (Content::Text, Content::Number) {
            return;
        }
        let (Some(from), Some(to)) = (from.endpoint, to.endpoint) else { return };
        let [source, target] = [source, target].map(|channel| quote(&channel_name(self.builder, channel)));
        let message = format!("{source} is a text, and {target} only takes numbers");
        let draft = Draft::warning("text-to-number", message).label(from.location, "this is a text");
        self.diagnostics.add(draft.label(to.location, "this takes numbers").help(TRANSLATE));
    }

    /// Warns of a bar that was most likely meant to begin a stage.
    fn warn_of_bar(&mut self, cursor: &Cursor<'_, '_>) {
        let Some(endpoint) = cursor.endpoint.filter(|_| !cursor.has_failed) else { return };
        let message = match endpoint.bar {
            Some(DoubtfulBar::Loose) => "expected a space on both sides of `|`, or on neither",
            Some(DoubtfulBar::Stage) => {
                "the `|` and the transform after it belong to the name of the channel"
            }
            None => return,
        };
        self.diagnostics.add(Draft::warning("bar-in-channel", message).at(endpoint.location).help(BAR));
    }

    fn report_full(&mut self, from: Option<&ChannelList<'_>>, to: Option<&ChannelList<'_>>) {
        let endpoints = from.into_iter().chain(to);
        let Some(largest) = endpoints.max_by_key(|endpoint| endpoint.addresses.count()) else { return };
        let message = match largest.addresses.count() {
            u128::MAX => {
                format!("this names more channels than can be counted; at most {MAX_ROUTES} are possible")
            }
            count if count > MAX_ROUTES as u128 => {
                format!("this names {count} channels; at most {MAX_ROUTES} are possible")
            }
            _ if self.is_full => return,
            _ => {
                self.is_full = true;
                format!(
                    "expected at most {MAX_ROUTES} mappings with short addresses; the rest is not checked"
                )
            }
        };
        self.diagnostics.add(Draft::error("too-many", message).at(largest.location));
    }

    fn report_self_mapped(&mut self, from: &ChannelList<'_>, to: &ChannelList<'_>, channel: PlanChannel) {
        // If the backend loops values back, this is reported as a loop.
        if self.builder.instances()[channel.0.index()].backend.loops_back {
            return;
        }
        let name = quote(&channel_name(self.builder, channel));
        let first = from.location.min(to.location);
        let span = Span { start: first.span.start, end: from.location.max(to.location).span.end };
        let draft = Draft::warning("mapping-self", format!("{name} is mapped to itself"))
            .at(Location { span, ..first })
            .help("its values are sent back to it; remove the line unless the device needs that");
        self.diagnostics.add(draft);
    }

    fn report_address(
        &mut self,
        endpoint: &ChannelList<'_>,
        configured: &ConfiguredInstance,
        direction: Direction,
        number: u128,
        error: AddressError,
    ) {
        let address = endpoint.addresses.nth(number, &mut self.address);
        let is_transform = |name: &str| transforms(self.families).any(|transform| transform.name == name);
        let suggestion = match self.diagnostics.has_room() {
            true if let Some(meant) = with_bar(address, is_transform) => Some(meant),
            true => {
                let is_valid =
                    |address: &str| canonical_address(&*configured.instance, address, direction).is_ok();
                let corrected = |address: &str| corrected(address, configured.backend.words, is_valid);
                // A backend corrects one part of an address, and another one may be wrong, too.
                match error.suggestion {
                    Some(suggestion) if is_valid(&suggestion) => Some(suggestion),
                    Some(suggestion) => {
                        corrected(&suggestion).or_else(|| corrected(address)).or(Some(suggestion))
                    }
                    None => corrected(address),
                }
            }
            false => None,
        };
        let label = match &endpoint.addresses {
            Addresses::One(_) => String::new(),
            Addresses::Many(pattern) if pattern.size() == 1 => format!("this is {}", quote(address)),
            Addresses::Many(pattern) => {
                format!("{} is number {} of {}", quote(address), number + 1, pattern.size())
            }
        };
        let draft = Draft::error("channel", error.message)
            .label(endpoint.location, label)
            .help_if(suggestion.map(|address| format!("did you mean {}?", quote(&address))))
            .help_if(error.help)
            .help_if(address.contains('|').then_some(BAR));
        self.diagnostics.add(draft);
    }
}

/// The same text with the bar that is missing before the name of a transform: `/fader | curve 2` for `/fader curve 2`.
fn with_bar(address: &str, is_transform: impl Fn(&str) -> bool) -> Option<String> {
    let (channel, stage) = address.split_once(' ')?;
    let name = stage.split_whitespace().next()?;
    is_transform(name).then(|| format!("{channel} | {}", stage.trim_start()))
}

/// Walks through the addresses of an endpoint.
struct Cursor<'e, 't> {
    endpoint: Option<&'e ChannelList<'t>>,
    direction: Direction,
    /// Whether an output is taken where there is no input. The last value sent to an output is known as well.
    may_be_output: bool,
    /// The channel, if there is only one.
    only: Option<PlanChannel>,
    has_failed: bool,
}

impl<'e, 't> Cursor<'e, 't> {
    fn new(endpoint: Option<&'e ChannelList<'t>>, direction: Direction) -> Self {
        Self { endpoint, direction, may_be_output: false, only: None, has_failed: false }
    }

    /// None for the target, which has a cursor already.
    fn of_referenced(referenced: &'e Referenced<'t>) -> Option<Self> {
        match referenced {
            Referenced::Target => None,
            Referenced::Channel { endpoint, may_be_output } => {
                Some(Self { may_be_output: *may_be_output, ..Self::new(endpoint.as_ref(), Direction::Input) })
            }
        }
    }

    /// The channel with the given number, where numbers past the last address start again at the first. None from the
    /// first wrong address on.
    fn channel(&mut self, number: u128, writer: &mut RouteWriter<'_, '_>) -> Option<PlanChannel> {
        let endpoint = self.endpoint?;
        if self.has_failed || self.only.is_some() {
            return self.only;
        }
        let RouteWriter { configured, builder, address, address_bytes, .. } = &mut *writer;
        let configured = configured[endpoint.instance?].as_ref()?;
        let address = endpoint.addresses.nth(number, address);
        let (canonical, slot) = match canonical_address(&*configured.instance, address, self.direction) {
            Ok(canonical) => {
                let slot = builder.channel(configured.id, &canonical, self.direction);
                (canonical, slot)
            }
            Err(error) => match canonical_address(&*configured.instance, address, Direction::Output) {
                Ok(canonical) if self.may_be_output => {
                    let slot = builder.mention(configured.id, &canonical);
                    (canonical, slot)
                }
                Ok(_) | Err(_) => {
                    self.has_failed = true;
                    let configured = configured.clone();
                    writer.report_address(endpoint, &configured, self.direction, number, error);
                    return None;
                }
            },
        };
        *address_bytes += canonical.len();
        let channel = Some((configured.id, slot));
        if endpoint.addresses.count() == 1 {
            self.only = channel;
        }
        channel
    }
}
