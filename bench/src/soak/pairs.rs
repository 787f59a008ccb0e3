//! The paths on which messages are counted: from each family that sends messages, and from the control link, to each
//! other one, and through mapping lines that convert messages.

use super::count::{CountSpec, Stroke};
use super::families::Families;
use super::speakers::{Exchange, MessageContent, SPEAKERS, TestedMessage, Way};

/// Adds the lines of all ways to both shows.
pub(super) fn pair_all(families: &mut Families) -> Vec<CountSpec> {
    let mut pairs =
        Pairs { specs: Vec::new(), exchange: Exchange::default(), turns: vec![0; SPEAKERS.len()] };
    let is_there = |at: &usize| families.number(SPEAKERS[*at].family).is_some();
    let speakers: Vec<_> = (0..SPEAKERS.len()).filter(is_there).collect();
    for message in [TestedMessage::Float, TestedMessage::Text] {
        for to in &speakers {
            pairs.add(families, None, message, Some(*to));
        }
    }
    for from in &speakers {
        for message in SPEAKERS[*from].says {
            pairs.add(families, Some(*from), *message, None);
            for to in speakers.iter().filter(|to| *to != from) {
                pairs.add(families, Some(*from), *message, Some(*to));
            }
        }
    }
    pairs.within(families);
    pairs.specs
}

#[derive(Debug)]
struct Pairs {
    specs: Vec<CountSpec>,
    exchange: Exchange,
    /// The kind of the next message to each speaker.
    turns: Vec<usize>,
}

const PRESS: &str = " | press";
const GO: &str = " | match \"Go+ *\"=1";

/// The stages between a received and a sent message.
struct Between {
    stages: &'static str,
    stroke: Stroke,
    comes: u64,
    has_level: bool,
}

/// `None` if one cannot be converted to the other without a minimum duration of a press.
fn between(from: MessageContent, to: MessageContent) -> Option<Between> {
    let (stages, stroke, comes, has_level) = match (from, to) {
        (MessageContent::Number, MessageContent::Number) => ("", Stroke::Level, 1, true),
        (MessageContent::Number, MessageContent::Text) => (" | text \"Go+ {value}\"", Stroke::Level, 1, true),
        (MessageContent::Number, MessageContent::Key) => ("", Stroke::Click, 2, false),
        (MessageContent::Number, MessageContent::Trigger) => (PRESS, Stroke::Press, 2, false),
        (MessageContent::Number, MessageContent::Command) => (PRESS, Stroke::Press, 1, false),
        (MessageContent::Text, MessageContent::Text) => ("", Stroke::Text, 1, true),
        (MessageContent::Text, MessageContent::Number | MessageContent::Command) => {
            (GO, Stroke::Text, 1, false)
        }
        (MessageContent::Text, MessageContent::Trigger) => (GO, Stroke::Text, 2, false),
        (MessageContent::Trigger, MessageContent::Number | MessageContent::Key | MessageContent::Trigger) => {
            ("", Stroke::Press, 2, false)
        }
        (MessageContent::Trigger, MessageContent::Text) => {
            (" | press | text \"Go+ 1\"", Stroke::Press, 1, false)
        }
        (MessageContent::Trigger, MessageContent::Command) => ("", Stroke::Press, 1, false),
        (MessageContent::Text, MessageContent::Key) | (MessageContent::Key | MessageContent::Command, _) => {
            return None;
        }
    };
    Some(Between { stages, stroke, comes, has_level })
}

impl Pairs {
    /// A path from one speaker to another; `None` is the control link of the subject.
    fn add(
        &mut self,
        families: &mut Families,
        from: Option<usize>,
        message: TestedMessage,
        to: Option<usize>,
    ) {
        let hears = to.map_or(&[TestedMessage::Float, TestedMessage::Text][..], |to| SPEAKERS[to].receives);
        let turn = to.map_or(self.specs.len(), |to| self.turns[to]);
        for at in 0..hears.len() {
            let heard = hears[(turn + at) % hears.len()];
            let Some(between) = between(message.form(), heard.form()) else { continue };
            let ends = [(from, message, Way::In), (to, heard, Way::Out)];
            if ends.iter().all(|(end, message, way)| {
                end.is_none_or(|end| self.exchange.has(&SPEAKERS[end], *way, *message))
            }) {
                if let Some(to) = to {
                    self.turns[to] += at + 1;
                }
                self.lay(families, ends, between);
                return;
            }
        }
    }

    /// Adds the lines of a way to both shows.
    fn lay(
        &mut self,
        families: &mut Families,
        ends: [(Option<usize>, TestedMessage, Way); 2],
        between: Between,
    ) {
        let [(from, message, _), (to, heard, _)] = ends;
        let called = |end: Option<usize>| end.map_or("hand", |end| SPEAKERS[end].family);
        let name = format!("{}-{}/{}-{}", called(from), message.name(), called(to), heard.name());
        let [mut source, mut target] = ["set", "is"].map(|end| format!("hand./count/{name}/{end}"));
        let of = ends.map(|(end, ..)| families.number(SPEAKERS[end?].family));
        for ((end, message, way), family) in ends.into_iter().zip(of) {
            let (Some(end), Some(family)) = (end, family) else { continue };
            let family = &mut families.list[family];
            let [subject, peer] =
                self.exchange.next(&SPEAKERS[end], way, message, &mut family.subject.instances);
            let peer_map = &mut family.peer.get_or_insert_default().map;
            match way {
                Way::In => *peer_map += &format!("{} > {peer}\n", std::mem::replace(&mut source, subject)),
                Way::Out => *peer_map += &format!("{peer} > {}\n", std::mem::replace(&mut target, subject)),
            }
        }
        if let Some(family) = of.into_iter().flatten().next() {
            families.list[family].subject.map += &format!("{source}{} > {target}\n", between.stages);
        }
        // Nothing is sent again to or by the subject.
        let has_journal = to.is_some_and(|to| SPEAKERS[to].has_journal);
        let is_said_once = from.is_none() || message.is_event() || message == TestedMessage::Text;
        let is_passed_once = heard.is_event()
            || heard == TestedMessage::Text
            || (!has_journal && (message.is_event() || between.stages == PRESS));
        let Between { stroke, comes, has_level, .. } = between;
        let is_event = is_said_once && is_passed_once;
        let may_miss = [from, to].into_iter().flatten().any(|end| SPEAKERS[end].may_miss);
        self.specs.push(CountSpec { name, ends: of, stroke, comes, has_level, is_event, may_miss });
    }

    /// Ways through the subject alone.
    fn within(&mut self, families: &mut Families) {
        const WAYS: &[(&str, &str, Stroke, u64, bool)] = &[
            ("level", "", Stroke::Level, 1, true),
            ("said-text", "", Stroke::Text, 1, true),
            ("click", "", Stroke::Click, 2, false),
            ("press", "press", Stroke::Press, 1, false),
            ("press-of-click", "press", Stroke::Click, 1, false),
            ("release", "release", Stroke::Click, 1, false),
            ("toggle", "toggle", Stroke::Press, 1, false),
            ("cycle", "cycle 0.25 0.25 0.5", Stroke::Press, 1, false),
            ("text", "text \"Go+ {value}\"", Stroke::Level, 1, true),
            ("same-text", "press | text \"Go+ 1\"", Stroke::Press, 1, false),
            ("match", "match \"Go+ *\"=1", Stroke::Text, 1, false),
            ("shape", "invert | invert", Stroke::Level, 1, true),
            ("steps", "steps 2", Stroke::Press, 1, false),
            ("delay", "delay 50ms", Stroke::Click, 2, false),
            ("merge", "merge ltp", Stroke::Level, 1, true),
        ];
        let Some(family) = families.list.iter_mut().find(|family| family.name == "loopback") else { return };
        for (name, stages, stroke, comes, has_level) in WAYS {
            let [set, is] = ["set", "is"].map(|end| format!("hand./count/mapping/{name}/{end}"));
            let stages = if stages.is_empty() { String::new() } else { format!(" | {stages}") };
            // The merge has to be the last stage of its line.
            family.subject.map += &if *name == "merge" {
                format!("{set}{stages} > {is}\n")
            } else {
                format!("{set} > chain.{name}\nchain.{name}{stages} > {is}\n")
            };
            self.specs.push(CountSpec {
                name: format!("mapping/{name}"),
                ends: [None; 2],
                stroke: *stroke,
                comes: *comes,
                has_level: *has_level,
                // No show at the ends of these paths is disturbed.
                is_event: true,
                may_miss: false,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::soak::ports::PortAllocator;
    use crate::soak::speakers::Speaker;

    #[test]
    fn every_family_that_speaks_in_messages_is_heard_by_every_other_one_and_each_way_has_its_own_name() {
        let mut families = Families::new(&mut PortAllocator::new(), Some("server")).unwrap();
        let specs = pair_all(&mut families);
        let names: BTreeSet<_> = specs.iter().map(|spec| &spec.name).collect();
        assert_eq!(names.len(), specs.len());
        let number = |speaker: &Speaker| families.number(speaker.family);
        let there = || SPEAKERS.iter().filter(|speaker| number(speaker).is_some());
        for from in there().filter(|speaker| !speaker.says.is_empty()) {
            let ways = specs.iter().filter(|spec| spec.ends[0] == number(from)).count();
            assert!(ways >= from.says.len() * there().count() - 1, "{}: {ways} ways", from.family);
            for to in there().filter(|to| to.family != from.family) {
                let ends = [from, to].map(number);
                assert!(specs.iter().any(|spec| spec.ends == ends), "{} to {}", from.family, to.family);
            }
        }
        // Everything that can be received is received.
        for to in there() {
            for heard in to.receives {
                let end = format!("/{}-{}", to.family, heard.name());
                assert!(names.iter().any(|name| name.ends_with(&end)), "{end}");
            }
        }
    }
}
