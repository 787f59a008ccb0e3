//! What chains do with their stages, whatever those are.

use crosspatch_core::transform::{Chain, LinePosition, Moment, Properties, Signal, Stage, Stateful};
use crosspatch_core::{Duration, Instant, Value};

use crate::rig::{ChainRig, chain, read_stage};

/// Passes the number of its place a second after each value, and what its channel and its group say at once.
#[derive(Clone, Debug, Default)]
struct Probe {
    place: u32,
    wake: Option<Instant>,
}

impl Stateful for Probe {
    fn handle_value(&mut self, moment: &mut Moment<'_>, _: Value) -> Option<Value> {
        self.wake = Some(moment.now + Duration::from_secs(1));
        moment.announce();
        None
    }

    fn handle_signal(&mut self, _: &mut Moment<'_>, signal: Signal<'_>) -> Option<Value> {
        match signal {
            Signal::Channel(reference, value) => {
                assert_eq!(reference, 0);
                Some(value.clone())
            }
            Signal::Group { is_of_same_source } => Some(Value::edge(is_of_same_source)),
            Signal::Missed => None,
        }
    }

    fn handle_timeout(&mut self, _: &mut Moment<'_>) -> Option<Value> {
        self.wake = None;
        Some(Value::Number(f64::from(self.place)))
    }

    fn next_timeout(&self) -> Option<Instant> {
        self.wake
    }

    fn properties(&self) -> Properties<'_> {
        Properties { group: Some("probes"), ..Properties::default() }
    }

    fn is_asleep(&self) -> bool {
        self.wake.is_some()
    }

    fn place(&mut self, place: LinePosition) {
        self.place = place.number;
    }
}

fn probe_between_shapes() -> ChainRig {
    let half = read_stage("scale 0.5", &mut Vec::new()).unwrap();
    let stages = vec![half.clone(), Stage::Stateful(Box::new(Probe::default())), half];
    ChainRig::of(Chain::new("probe", stages, vec![1]), LinePosition { number: 1, ..LinePosition::ONLY })
}

#[test]
fn what_a_stage_says_by_itself_passes_only_those_behind_it() {
    let mut rig = probe_between_shapes();
    assert_eq!(rig.chain.group(), Some("probes"));
    assert_eq!((rig.number(1.0), rig.has_announced, rig.is_asleep()), (None, true, true));
    assert_eq!(rig.next_timeout(), Some(Instant::from_micros(1_000_000)));
    assert_eq!(rig.advance(Duration::from_secs(2)), [(1000, Value::Number(0.5))]);
    assert!(rig.next_timeout().is_none() && !rig.is_asleep());
    assert_eq!(rig.channel(0, 0.5), Some(Value::Number(0.25)));
    assert_eq!(rig.known, [Some(Value::Number(0.5))]);
    assert_eq!(rig.group(true), Some(Value::Number(0.5)));
    assert_eq!(rig.recall(1.0), None);
}

#[test]
fn numbers_are_clipped_behind_the_last_stage_only() {
    let mut rig = ChainRig::new("scale 4 | offset -2 | scale 0.5 | offset 1");
    assert_eq!([0.0, 0.25, 1.0].map(|number| rig.number(number)), [Some(0.0), Some(0.5), Some(1.0)]);
}

#[test]
fn a_text_ends_at_a_shape_and_is_told_of() {
    let mut rig = ChainRig::new("invert");
    assert_eq!(rig.put("cue 5"), None);
    assert!(rig.notices[0].text.contains("found the text \"cue 5\""), "{:?}", rig.notices);
}

#[test]
fn a_text_passes_the_way_back_of_a_stage_that_changes_nothing_there() {
    let mut back = ChainRig::of(chain("pickup | debounce 20ms").inverse().unwrap(), LinePosition::ONLY);
    assert_eq!((back.put("cue 5"), back.notices.len()), (Some("cue 5".into()), 0));
}

#[test]
fn the_way_back_is_the_inverses_from_behind_and_names_the_stage_that_has_none() {
    let stages = ["scale 0.5", "offset 0.25"].map(|stage| read_stage(stage, &mut Vec::new()).unwrap());
    let back = Chain::new("", stages.to_vec(), vec![0]).inverse().unwrap();
    assert_eq!(back.listener(0), 1);
    assert_eq!(ChainRig::of(back, LinePosition::ONLY).number(0.5), Some(0.5));
    assert_eq!(chain("invert | toggle | invert").inverse().unwrap_err(), 1);
}
