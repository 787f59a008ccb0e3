//! Spans on their way: handed over whole where a span route leads, and broken into values everywhere else.
//!
//! A span and its values are routed in the same order and have the same effects. What is not covered by a span route, and
//! every span in a late hop or of an interrupted turn, takes the road of single values.

use super::{Engine, Inbox, Running};
use crate::plan::SpanRoute;
use crate::{Effect, InstanceId, Instant, Outbox, Slot, SlotSpan, SlotSpans, SpannedValues, Value};

/// How many slots of a span cost as much as a single value.
const SLOTS_PER_VALUE: usize = 16;

/// Spans on their way, and memory for them.
#[derive(Default)]
pub(super) struct SpanMemory {
    /// The emitted spans that are being routed.
    emitted: SlotSpans,
    /// A span as values.
    broken: Vec<(Slot, Value)>,
    /// Empty lists. A session has a pointer to the one in its inbox, because most never need one.
    #[expect(clippy::vec_box, reason = "they move between here and the sessions")]
    spare: Vec<Box<SlotSpans>>,
}

impl Running {
    /// Whether a span can be put after what waits in the inbox.
    fn takes_spans(&self) -> bool {
        self.rest.delivered == 0 && self.events.is_empty() && self.session.takes_spans()
    }

    /// Replaces the spans in the inbox by values.
    pub(super) fn break_spans(&mut self) {
        let Some(spans) = self.spans.take() else { return };
        let mut values = Inbox::new();
        let mut events = std::mem::take(&mut self.events).into_iter().peekable();
        let mut number = 0;
        SpannedValues::new(&self.inbox, &spans).for_each(|part| match part {
            crate::Part::Values(part) => {
                for value in part {
                    if events.next_if_eq(&number).is_some() {
                        self.events.push(values.len() as u32);
                    }
                    values.push(value.clone());
                    number += 1;
                }
            }
            crate::Part::Span(span) => values.extend(span.values()),
        });
        self.inbox = values;
    }
}

impl Engine {
    /// Puts the emitted values of a session into the inbox of each mapped target and into the chains that begin there.
    pub(super) fn route(&mut self, now: Instant, instance: InstanceId, out: &mut Outbox) {
        let emitted = std::mem::take(&mut self.emitted);
        let room = if self.has_unrouted(instance) { 0 } else { super::slices::ROUTED_AT_ONCE };
        if out.spans.is_empty() {
            self.route_values(now, instance, &emitted, room, out);
        } else {
            self.route_spans(now, instance, &emitted, room, out);
        }
        self.emitted = emitted;
        self.emitted.clear();
    }

    /// Routes the spans in the outbox, and the emitted values among them.
    fn route_spans(
        &mut self,
        now: Instant,
        instance: InstanceId,
        emitted: &[(Slot, Value)],
        mut room: usize,
        out: &mut Outbox,
    ) {
        let mut spans = std::mem::replace(&mut out.spans, std::mem::take(&mut self.spans.emitted));
        let mut routed = 0;
        for (after, span) in spans.iter() {
            room = self.route_values(now, instance, &emitted[routed..after], room, out);
            routed = after;
            self.route_span(now, instance, &span, &mut room, out);
        }
        self.route_values(now, instance, &emitted[routed..], room, out);
        spans.clear();
        self.spans.emitted = spans;
    }

    fn route_span(
        &mut self,
        now: Instant,
        instance: InstanceId,
        span: &SlotSpan<'_>,
        room: &mut usize,
        out: &mut Outbox,
    ) {
        let channel = self.plan.instances()[instance.index()].channel(span.first);
        let mut at = 0;
        while at < span.levels.len() {
            let next = self.plan.spans().at_or_after(crate::ChannelId(channel.0 + at as u32));
            let start = next.map_or(usize::MAX, |next| next.from.0.saturating_sub(channel.0) as usize);
            let (end, route) = match next {
                Some(next) if start <= at => ((next.from.0 + next.len - channel.0) as usize, Some(next)),
                _ => (start, None),
            };
            let end = end.min(span.levels.len());
            let part = span.part(at..end);
            let is_handed_over = route.is_some_and(|route| self.hand_over(instance, route, &part, room, out));
            if !is_handed_over {
                let mut broken = std::mem::take(&mut self.spans.broken);
                broken.extend(part.values());
                *room = self.route_values(now, instance, &broken, *room, out);
                broken.clear();
                self.spans.broken = broken;
            }
            at = end;
        }
    }

    /// Puts a span into the inbox of the target of its route. Returns whether this was possible.
    fn hand_over(
        &mut self,
        instance: InstanceId,
        route: SpanRoute,
        span: &SlotSpan<'_>,
        room: &mut usize,
        out: &mut Outbox,
    ) -> bool {
        if self.is_late || *room == 0 {
            return false;
        }
        let Self { plan, running, queue, spans, .. } = self;
        let channel = plan.instances()[instance.index()].channel(span.first);
        let ends = [instance.index(), route.to.target.index()];
        let Ok([source, target]) = running.get_disjoint_mut(ends) else { return false };
        if !target.takes_spans() {
            return false;
        }
        if !span.has_changes() {
            return true;
        }
        if !source.known.record_input_span(span) {
            return false;
        }
        queue.admit(route.to.target, target);
        let slot = Slot(route.to.slot.0 + channel.0 - route.from.0);
        let arriving = span.at(slot).with_numbers(plan.spans().numbers(route));
        target.known.record_output_span(&arriving);
        let waiting = target.spans.get_or_insert_with(|| spans.spare.pop().unwrap_or_default());
        waiting.push(target.inbox.len(), &arriving);
        if out.watches_values() {
            span.values().for_each(|(slot, value)| out.push(Effect::Value(source.id, slot, value)));
        }
        *room = room.saturating_sub(span.levels.len().div_ceil(SLOTS_PER_VALUE));
        true
    }

    /// Passes a session an inbox with spans.
    pub(super) fn deliver_spans(&mut self, now: Instant, instance: InstanceId, out: &mut Outbox) {
        let running = &mut self.running[instance.index()];
        let Some(mut spans) = running.spans.take() else { return };
        running.is_queued = false;
        let mut inbox = std::mem::take(&mut running.inbox);
        self.slices.work += spans.len() + inbox.len() / super::slices::VALUES_PER_UNIT;
        self.call(now, instance, out, |session, out| {
            session.handle_spans(now, SpannedValues::new(&inbox, &spans), out);
        });
        inbox.clear();
        self.queue.spare.push(inbox);
        spans.clear();
        self.spans.spare.push(spans);
    }
}
