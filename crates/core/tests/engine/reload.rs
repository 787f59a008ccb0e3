//! Random sequences of reloads and values against a model.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crosspatch_core::{Direction, Engine, Instant, Outbox, Peer, Port, SessionId};
use proptest::prelude::*;

use crate::probe::Show;

/// A channel: which instance, and which of its channels.
type End = (usize, u8);

const NAMES: [&str; 4] = ["a", "b", "c", "e"];

#[derive(Clone, Debug)]
enum Move {
    /// Lines as (source, target), each an instance and a channel; a variant of the options for each instance.
    Reload(Vec<(End, End)>, [u8; 4]),
    /// A value on a channel of an instance.
    Value(usize, u8, u8),
    /// An instance comes back and asks for its state.
    Recall(usize),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let end = || (0..NAMES.len(), 0..3_u8);
    let reload = (prop::collection::vec((end(), end()), 0..8), prop::array::uniform4(0..2_u8));
    prop::collection::vec(
        prop_oneof![
            2 => reload.prop_map(|(lines, variants)| Move::Reload(lines, variants)),
            4 => (0..NAMES.len(), 0..3_u8, 0..=100_u8).prop_map(|(name, channel, value)| Move::Value(name, channel, value)),
            1 => (0..NAMES.len()).prop_map(Move::Recall),
        ],
        1..25,
    )
}

/// What the model knows of an instance that runs.
#[derive(Clone, Default)]
struct Known {
    variant: u8,
    session: Option<SessionId>,
    mapped: BTreeSet<(String, Direction)>,
    slots: BTreeMap<String, u32>,
    heard: BTreeMap<String, f64>,
    told: BTreeMap<String, f64>,
}

proptest! {
    #[test]
    fn sessions_slots_and_kept_values_follow_the_model(moves in moves()) {
        let show = Show::new();
        let (mut engine, mut out) = (Engine::new(), Outbox::new());
        let mut model: BTreeMap<&str, Known> = BTreeMap::new();
        let mut routes: BTreeSet<(End, End)> = BTreeSet::new();

        for step in moves {
            out.clear();
            show.log.take();
            match step {
                Move::Reload(lines, variants) => {
                    let written = |(name, channel): End| format!("{}#{}.c{channel}", NAMES[name], variants[name]);
                    let text: Vec<_> = lines.iter().map(|&(from, to)| format!("{} > {}", written(from), written(to))).collect();
                    let plan = show.plan(Some(engine.plan()), &text.iter().map(String::as_str).collect::<Vec<_>>());
                    engine.install(Instant::START, Arc::new(plan), &mut out);
                    routes = lines.iter().copied().collect();
                    reload(&mut model, &lines, variants);
                    check(&engine, &mut model)?;
                    learn(&engine, &mut model, lines);
                }
                Move::Value(name, channel, value) => {
                    let Some(instance) = engine.plan().find(NAMES[name]) else { continue };
                    let address = format!("c{channel}");
                    let channels = &engine.plan().instances()[instance.index()].channels;
                    let Some(slot) = channels.find(&address) else { continue };
                    let number = f64::from(value) / 100.0;
                    let message = format!("{}={number}", slot.0);
                    let session = engine.session_of(instance);
                    engine.handle_data(Instant::START, session, Port(0), Peer::Only, message.as_bytes(), &mut out);
                    if let Some(known) = model.get_mut(NAMES[name]) {
                        known.heard.insert(address, number);
                    }
                    let reached = routes.iter().filter(|(from, _)| *from == (name, channel)).map(|(_, to)| *to);
                    let mut expected = BTreeSet::new();
                    for (target, to) in reached {
                        if let Some(known) = model.get_mut(NAMES[target]) {
                            known.told.insert(format!("c{to}"), number);
                            expected.insert(target);
                        }
                    }
                    prop_assert_eq!(show.log.take().len(), expected.len());
                }
                Move::Recall(name) => {
                    let Some(instance) = engine.plan().find(NAMES[name]) else { continue };
                    let session = engine.session_of(instance);
                    engine.handle_open(Instant::START, session, Port(0), Peer::Only, &mut out);
                    let known = &model[NAMES[name]];
                    let state = known.told.iter().map(|(address, value)| (known.slots[address], *value));
                    let state: BTreeMap<_, _> = state.collect();
                    let shown: Vec<_> = state.iter().map(|(slot, value)| format!("{slot}={value}")).collect();
                    let line = format!("{}#{} recall {}", NAMES[name], known.variant, shown.join(" "));
                    prop_assert_eq!(show.log.take(), [line]);
                }
            }
        }
    }
}

fn reload(model: &mut BTreeMap<&'static str, Known>, lines: &[(End, End)], variants: [u8; 4]) {
    let mut mapped: BTreeMap<&str, BTreeSet<(String, Direction)>> = BTreeMap::new();
    let mut variant = BTreeMap::new();
    for &(from, to) in lines {
        for ((name, channel), direction) in [(from, Direction::Input), (to, Direction::Output)] {
            mapped.entry(NAMES[name]).or_default().insert((format!("c{channel}"), direction));
            variant.insert(NAMES[name], variants[name]);
        }
    }
    model.retain(|name, known| variant.get(name) == Some(&known.variant));
    for (name, mapped) in mapped {
        let known = model.entry(name).or_insert_with(|| Known { variant: variant[name], ..Known::default() });
        known.heard.retain(|address, _| {
            mapped.contains(&(address.clone(), Direction::Input))
                || !known.mapped.contains(&(address.clone(), Direction::Input))
        });
        known.told.retain(|address, _| mapped.contains(&(address.clone(), Direction::Output)));
        known.mapped = mapped;
    }
}

/// Outputs without a value receive the last value of one of their sources: of several, the first one among all
/// channels.
fn learn(engine: &Engine, model: &mut BTreeMap<&'static str, Known>, mut lines: Vec<(End, End)>) {
    let address = |(_, channel): End| format!("c{channel}");
    lines.sort_by_key(|(from, _)| {
        let name = NAMES[from.0];
        (engine.plan().find(name), model[name].slots[&address(*from)])
    });
    for (from, to) in lines {
        let heard = model[NAMES[from.0]].heard.get(&address(from)).copied();
        if let (Some(value), Some(known)) = (heard, model.get_mut(NAMES[to.0])) {
            known.told.entry(address(to)).or_insert(value);
        }
    }
}

fn check(engine: &Engine, model: &mut BTreeMap<&'static str, Known>) -> Result<(), TestCaseError> {
    prop_assert_eq!(engine.plan().instances().len(), model.len());
    for (name, known) in model {
        let instance = engine.plan().find(name).expect("the instance of the model");
        let session = engine.session_of(instance);
        prop_assert_eq!(*known.session.get_or_insert(session), session, "an unchanged session was replaced");
        let channels = &engine.plan().instances()[instance.index()].channels;
        for (address, direction) in &known.mapped {
            let slot = channels.find(address).expect("a mapped channel");
            prop_assert!(channels.is_mapped(slot, *direction));
            prop_assert_eq!(
                *known.slots.entry(address.clone()).or_insert(slot.0),
                slot.0,
                "a slot has moved"
            );
        }
        let mapped = channels.slots().map(|slot| {
            [Direction::Input, Direction::Output]
                .iter()
                .filter(|direction| channels.is_mapped(slot, **direction))
                .count()
        });
        prop_assert_eq!(mapped.sum::<usize>(), known.mapped.len());
    }
    Ok(())
}
