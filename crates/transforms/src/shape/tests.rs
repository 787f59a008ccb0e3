//! What holds for all shapes, and chains of them, whatever they are.

use crosspatch_core::transform::{LinePosition, MAX_STAGES, Shape, Stage};
use proptest::prelude::*;

use crate::rig::{ChainRig, read_stage};

/// How far rounding may lead astray, with a power of `f32` among the shapes and what others make of its last bit.
const ROUNDING: f64 = 1e-5;

/// Numbers as a person writes them.
fn number(range: std::ops::Range<f64>) -> impl Strategy<Value = f64> {
    range.prop_map(|number| (number * 1000.0).round() / 1000.0)
}

/// Two ends of a range that are far enough from each other to go back through it.
fn ends() -> impl Strategy<Value = (f64, f64)> {
    (number(-1.0..2.0), number(-1.0..2.0)).prop_filter("too near", |(from, to)| (from - to).abs() > 0.1)
}

fn table() -> impl Strategy<Value = String> {
    let steps = prop::collection::vec((number(0.05..1.0), number(0.05..1.0)), 2..6);
    (steps, any::<bool>()).prop_map(|(steps, falls)| {
        let mut point = (0.0, 0.0);
        let mut text = "table".to_owned();
        for (right, up) in steps {
            point = (point.0 + right, if falls { point.1 - up } else { point.1 + up });
            text += &format!(" {:.3}:{:.3}", point.0, point.1);
        }
        text
    })
}

/// Shapes that are one-to-one where they do not cut anything off.
fn one_to_one() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("invert".to_owned()),
        ends().prop_map(|(from, to)| format!("range {from}..{to}")),
        (ends(), ends()).prop_map(|((a, b), (c, d))| format!("range {a}..{b} -> {c}..{d}")),
        number(0.5..2.5).prop_map(|gamma| format!("curve {gamma}")),
        prop::sample::select(vec!["s", "log", "square", "dim"]).prop_map(|name| format!("curve {name}")),
        table(),
        number(0.1..4.0).prop_map(|factor| format!("scale {factor}")),
        number(-4.0..-0.1).prop_map(|factor| format!("scale {factor}")),
        number(-1.0..1.0).prop_map(|amount| format!("offset {amount}")),
    ]
}

fn without_steps() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => one_to_one(),
        1 => ends().prop_map(|(from, to)| format!("clamp {from}..{to}")),
    ]
}

fn any_shape() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => without_steps(),
        1 => (2..20).prop_map(|count| format!("steps {count}")),
        1 => number(0.01..0.5).prop_map(|step| format!("quantize {step}")),
    ]
}

fn shape(text: &str) -> Shape {
    match read_stage(text, &mut Vec::new()) {
        Ok(Stage::Shape(shape)) => shape,
        other => panic!("{text}: {other:?}"),
    }
}

fn there(shapes: &[Shape], number: f64) -> f64 {
    shapes.iter().fold(number, |number, shape| shape.apply(number))
}

fn back(shapes: &[Shape], number: f64) -> f64 {
    shapes.iter().rev().fold(number, |number, shape| shape.inverse().unwrap().apply(number))
}

/// Whether every stage of a chain keeps two numbers apart that were: it has not cut them off, and not squeezed them so hard
/// that rounding matters.
fn keeps_apart(shapes: &[Shape], number: f64) -> bool {
    (1..=shapes.len()).all(|count| {
        let near = [number - 1e-3, number, number + 1e-3].map(|number| there(&shapes[..count], number));
        near.is_sorted_by(|one, next| next - one > 1e-4) || near.is_sorted_by(|one, next| one - next > 1e-4)
    })
}

proptest! {
    #[test]
    fn there_and_back_is_the_same_number_wherever_nothing_is_cut_off(
        texts in prop::collection::vec(one_to_one(), 1..4),
        number in 0.0..1.0,
    ) {
        let shapes: Vec<_> = texts.iter().map(|text| shape(text)).collect();
        prop_assume!(keeps_apart(&shapes, number));
        let again = back(&shapes, there(&shapes, number));
        prop_assert!((again - number).abs() < ROUNDING, "{texts:?}: {number} became {again}");
    }

    #[test]
    fn there_and_back_and_there_is_there(text in any_shape(), number in -1.0..2.0) {
        let shape = [shape(&text)];
        let level = there(&shape, number);
        let again = there(&shape, back(&shape, level));
        prop_assert!((again - level).abs() < ROUNDING, "{text}: {number}, {level}, {again}");
    }

    // Not with steps: those of one stage need not be among those of another.
    #[test]
    fn there_and_back_and_there_is_there_through_chains(
        texts in prop::collection::vec(without_steps(), 1..5),
        number in -1.0..2.0,
    ) {
        let shapes: Vec<_> = texts.iter().map(|text| shape(text)).collect();
        let level = there(&shapes, number);
        let again = there(&shapes, back(&shapes, level));
        // Four stages may be steep enough to make a hundred of one in the last place.
        prop_assert!((again - level).abs() < 100.0 * ROUNDING, "{texts:?}: {number}, {level}, {again}");
    }

    #[test]
    fn no_chain_leaves_the_numbers(
        texts in prop::collection::vec(prop_oneof![
            any_shape(),
            Just("scale 1000000".to_owned()),
            Just("scale -0.000001".to_owned()),
            Just("offset -1000000".to_owned()),
            Just("quantize 0.000001".to_owned()),
            Just("range 0..0.000001 -> -1000000..1000000".to_owned()),
        ], MAX_STAGES),
        number in prop_oneof![Just(0.0), Just(1.0), Just(1e6), Just(-1e6), -1e6..1e6],
    ) {
        let shapes: Vec<_> = texts.iter().map(|text| shape(text)).collect();
        let steepest = vec![shape("scale 1000000"); MAX_STAGES];
        for shapes in [&shapes, &steepest] {
            prop_assert!(there(shapes, number).is_finite(), "{texts:?}: {number}");
            prop_assert!(back(shapes, number).is_finite(), "back {texts:?}: {number}");
        }
    }
}

#[test]
fn a_text_is_told_of_under_the_name_that_was_written() {
    for text in ["invert", "range 0..0.5", "curve s", "scale 2", "offset 0.1", "steps 3", "table 0:0 1:1"] {
        let name = text.split(' ').next().unwrap();
        let mut back = ChainRig::of(crate::rig::chain(text).inverse().unwrap(), LinePosition::ONLY);
        for rig in [&mut ChainRig::new(text), &mut back] {
            assert_eq!(rig.put("cue 5"), None);
            assert!(rig.notices[0].text.contains(&format!("at `{name}`")), "{:?}", rig.notices);
        }
    }
}

#[test]
fn mistakes_are_pointed_at() {
    for (text, at, message) in [
        ("range", 5..5, "expected a range such as `0.2..0.8`, found nothing"),
        ("range 0..0 -> 0..1", 6..10, "expected a source range with two different ends, found `0..0`"),
        ("range 0..1 ->", 13..13, "expected a target range such as `0.2..0.8`, found nothing"),
        ("range 0..1 0..2", 11..15, "expected nothing more, found `0..2`"),
        ("curve 20", 6..8, "expected a gamma from 0.1 to 10, found `20`"),
        ("curve dimm", 6..10, "expected a gamma such as 2.2, or a named curve, found `dimm`"),
        ("curve", 5..5, "expected a gamma such as 2.2, or a named curve, found nothing"),
        ("table 0:0", 9..9, "expected a point such as `0.5:0.2`, found nothing"),
        ("table 0:0 0:1", 10..13, "expected a point to the right of the last one, found `0:1`"),
        ("steps 1", 6..7, "expected a count from 2 to 65536, found `1`"),
        ("steps 2.5", 6..9, "expected a count without decimals, found `2.5`"),
        ("quantize 0", 9..10, "expected a step from 0.000001 to 1, found `0`"),
        ("clamp 0.5", 6..9, "expected a range such as `0.2..0.8`, found `0.5`"),
        ("scale 0", 6..7, "expected a factor that is at least 0.000001 away from 0, found `0`"),
        ("offset up", 7..9, "expected an amount, found `up`"),
        ("spread 0", 7..8, "expected a width from 0.001 to 100, found `0`"),
    ] {
        let error = read_stage(text, &mut Vec::new()).unwrap_err();
        assert_eq!((error.at, error.message.as_str()), (at, message), "{text}");
    }
}
