//! From one side of a mapping line to the other: addresses spelt out one by one, checked, and joined by routes.

use std::sync::Arc;

use crosspatch_core::address::canonical;
use crosspatch_core::transform::{self, Chain};
use crosspatch_core::{AddressError, Direction, InstanceId, Slot};

use crate::diagnostic::{Draft, quote};
use crate::expand::Pattern;
use crate::mapping::{MAX_ADDRESS_BYTES, MAX_ROUTES, Mapper, Usable};
use crate::origins::Run;
use crate::source::{Place, Span};
use crate::suggest::respelt;

/// A channel of the plan.
pub(crate) type Channel = (InstanceId, Slot);

/// What lies between the ends of a mapping.
#[derive(Default)]
pub(crate) struct Way<'w, 't> {
    /// None if values pass as they are, and if it is broken.
    pub(crate) chain: Option<&'w Arc<Chain>>,
    /// The channels that its stages name.
    pub(crate) named: &'w [Named<'t>],
    /// Whether nothing can pass, because of a mistake that has been told.
    pub(crate) is_broken: bool,
}

/// A channel that a stage names.
pub(crate) enum Named<'t> {
    /// The target of the mapping.
    Target,
    /// The one that is written there, if it makes sense.
    Channel {
        end: Option<End<'t>>,
        /// Whether it may be one that can only be written.
        may_be_output: bool,
    },
}

impl Mapper<'_, '_> {
    /// Checks the addresses of both sides, and of what stages name, as far as they are usable, and adds the routes.
    pub(crate) fn flow(&mut self, from: Option<&End<'_>>, to: Option<&End<'_>>, way: &Way<'_, '_>) {
        let size = |end: Option<&End<'_>>| end.map_or(0, |end| end.addresses.size());
        let total = size(from).max(size(to));
        if total > (MAX_ROUTES - self.builder.route_count()) as u128 {
            self.report_full(from, to);
            return;
        }
        let mut from = Progress::of(from, Direction::Input);
        let mut to = Progress::of(to, Direction::Output);
        let mut named: Vec<_> = way.named.iter().map(Progress::of_named).collect();
        // Of a line without any channel the channels that its stages name are checked all the same.
        let total = if total == 0 && !named.is_empty() { 1 } else { total };
        let narrow = size(from.end).min(size(to.end)) as u32;
        let mut to_itself = None;
        let first_route = self.builder.route_count();
        for number in 0..total {
            if self.address_bytes > MAX_ADDRESS_BYTES {
                self.report_full(from.end, to.end);
                break;
            }
            let source = from.channel(number, self);
            let target = to.channel(number, self);
            let all_are_known = named.is_empty() || self.refer(&mut named, number, target);
            match (source, target) {
                (Some(source), Some(target)) if !way.is_broken && all_are_known => match way.chain {
                    Some(chain) => {
                        let place = transform::Place { number: number as u32, count: total as u32, narrow };
                        self.builder.route_through(source, target, chain, place, &self.referred);
                    }
                    None => {
                        self.builder.route(source, target);
                        if source == target {
                            to_itself.get_or_insert(source);
                        }
                    }
                },
                (Some(_), _) | (None, Some(_)) => {}
                (None, None) if self.referred.is_empty() => break,
                (None, None) => {}
            }
        }
        self.referred.clear();
        let (first_route, next_route) = (first_route as u32, self.builder.route_count() as u32);
        if let Some(chain) = way.chain.filter(|_| next_route > first_route) {
            self.runs.push(Run { first_route, next_route, chain: chain.clone() });
        }
        for progress in [&from, &to] {
            self.warn_of_bar(progress);
        }
        if let Some(channel) = to_itself {
            self.report_itself(&from, &to, channel);
        }
    }

    /// Checks the addresses of a channel that belongs to no mapping, up to the first that is wrong. As many as `left` says
    /// are looked at.
    pub(crate) fn check(&mut self, end: &End<'_>, may_be_output: bool, left: &mut u128) {
        let Some(usable) = end.instance.and_then(|instance| self.usable[instance].clone()) else { return };
        let size = end.addresses.size().min(*left);
        *left -= size;
        for number in 0..size {
            let address = match &end.addresses {
                Addresses::One(address) => address,
                Addresses::Many(pattern) => {
                    pattern.spell(number, &mut self.spelt);
                    self.spelt.as_str()
                }
            };
            let checked = canonical(&*usable.instance, address, Direction::Input).err();
            let is_output = || canonical(&*usable.instance, address, Direction::Output).is_ok();
            if let Some(error) = checked.filter(|_| !may_be_output || !is_output()) {
                self.report_address(end, &usable, Direction::Input, number, error);
                return;
            }
        }
    }

    /// Collects the channels that the stages of a line name into `referred`; whether all of them are there.
    fn refer(
        &mut self,
        named: &mut [Option<Progress<'_, '_>>],
        number: u128,
        target: Option<Channel>,
    ) -> bool {
        self.referred.clear();
        for progress in &mut *named {
            let channel = match progress {
                Some(progress) => progress.channel(number, self),
                None => target.map(|target| self.listen(target)),
            };
            self.referred.extend(channel);
        }
        self.referred.len() == named.len()
    }

    /// A target that a stage wants to know of: where the backend tells what it does by itself, that is mapped, too.
    fn listen(&mut self, target @ (instance, slot): Channel) -> Channel {
        let Self { builder, spelt, .. } = self;
        let planned = &builder.instances()[instance.index()];
        spelt.clear();
        spelt.push_str(planned.channels.address(slot));
        if canonical(&*planned.instance, spelt, Direction::Input).is_ok_and(|canonical| canonical == *spelt) {
            builder.channel(instance, spelt, Direction::Input);
        }
        target
    }

    /// A bar with a blank beside it was most likely meant to begin a stage.
    fn warn_of_bar(&mut self, progress: &Progress<'_, '_>) {
        if let Some(end) = progress.end.filter(|end| end.has_loose_bar && !progress.has_failed) {
            let draft = Draft::warning("bar-in-channel", "expected a blank on both sides of `|`, or on none");
            self.resolved.book.add(draft.at(end.place).help(BAR));
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

    fn report_itself(&mut self, from: &Progress<'_, '_>, to: &Progress<'_, '_>, channel: Channel) {
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
            let is_valid = |address: &str| canonical(&*usable.instance, address, direction).is_ok();
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
            .help_if(error.help)
            .help_if(address.contains('|').then_some(BAR));
        self.resolved.book.add(draft);
        self.spelt = spelt;
    }
}

const BAR: &str = "a transform stands behind ` | `, with a blank on both sides";

/// A channel, or several, as written at one end of a mapping or within a stage, read as far as it can be.
pub(crate) struct End<'t> {
    /// None if there is no such instance.
    pub(crate) instance: Option<usize>,
    pub(crate) addresses: Addresses<'t>,
    /// Where the address stands.
    pub(crate) place: Place,
    /// Whether there is a `|` with a blank on one side only.
    pub(crate) has_loose_bar: bool,
}

pub(crate) enum Addresses<'t> {
    One(&'t str),
    Many(Pattern<'t>),
}

impl Addresses<'_> {
    pub(crate) fn size(&self) -> u128 {
        match self {
            Self::One(_) => 1,
            Self::Many(pattern) => pattern.size(),
        }
    }
}

/// How far one end of a mapping has come.
struct Progress<'e, 't> {
    end: Option<&'e End<'t>>,
    direction: Direction,
    /// Whether a channel that cannot be an input may be an output: what it was told is known, too.
    may_be_output: bool,
    /// The channel, if there is only one.
    only: Option<Channel>,
    has_failed: bool,
}

impl<'e, 't> Progress<'e, 't> {
    fn of(end: Option<&'e End<'t>>, direction: Direction) -> Self {
        Self { end, direction, may_be_output: false, only: None, has_failed: false }
    }

    /// None for the target, which makes progress of its own.
    fn of_named(named: &'e Named<'t>) -> Option<Self> {
        match named {
            Named::Target => None,
            Named::Channel { end, may_be_output } => {
                Some(Self { may_be_output: *may_be_output, ..Self::of(end.as_ref(), Direction::Input) })
            }
        }
    }

    /// The channel of that number; none from the first address on that is wrong. A number beyond the last counts from the
    /// first one again.
    fn channel(&mut self, number: u128, mapper: &mut Mapper<'_, '_>) -> Option<Channel> {
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
        let (canonical, slot) = match canonical(&*usable.instance, address, self.direction) {
            Ok(canonical) => {
                let slot = builder.channel(usable.id, &canonical, self.direction);
                (canonical, slot)
            }
            Err(error) => match canonical(&*usable.instance, address, Direction::Output) {
                Ok(canonical) if self.may_be_output => {
                    let slot = builder.mention(usable.id, &canonical);
                    (canonical, slot)
                }
                Ok(_) | Err(_) => {
                    self.has_failed = true;
                    let usable = usable.clone();
                    mapper.report_address(end, &usable, self.direction, number, error);
                    return None;
                }
            },
        };
        *address_bytes += canonical.len();
        let channel = Some((usable.id, slot));
        if end.addresses.size() == 1 {
            self.only = channel;
        }
        channel
    }
}
