//! `palette`: turns a colour into the number of a controller's nearest colour, and back.
//!
//! A controller's colour 0 means "off". If a dark blue were shown as off, it would look as if nothing were assigned. Therefore
//! only colours that look black become 0. A colour that is darker than the controller's dimmest white is looked up with the
//! brightness of that white, so that only its hue and saturation count.

use std::sync::Arc;

use crosspatch_core::transform::{ArgumentError, Arguments, Moment, Stage, Stateful, Transform};
use crosspatch_core::{Notice, Text, Value};

use crate::text::palettes::PALETTES;
use crate::text::rgb::{Oklab, Rgb};

pub(crate) const PALETTE: Transform = Transform {
    name: "palette",
    usage: "palette <name>",
    summary: "converts between a colour `#rrggbb` and the number of the nearest colour of a controller",
    read,
};

/// A colour is black if all its components are below this.
const LIGHT: u8 = 16;

/// The number of black in every palette.
const OFF: u8 = 0;

/// The number that a level of 1 stands for, as in MIDI.
const FULL: f64 = 127.0;

fn read(arguments: &mut Arguments<'_>) -> Result<Stage, ArgumentError> {
    let entries = arguments.one_of("a palette", PALETTES)?;
    Ok(Stage::Stateful(Box::new(Palette { table: Arc::new(PaletteTable::new(entries)), last: None })))
}

/// A palette, prepared for look-ups.
#[derive(Debug)]
struct PaletteTable {
    /// All but black.
    lights: Vec<Light>,
    /// The brightness of its dimmest white.
    dimmest: u8,
    /// The text of each colour.
    texts: Vec<Text>,
}

#[derive(Debug)]
struct Light {
    number: u8,
    colour: Rgb,
    look: Oklab,
}

impl PaletteTable {
    fn new(entries: &[u32]) -> Self {
        let colours = || entries.iter().copied().map(Rgb::new);
        let light = |(number, colour): (u8, Rgb)| Light { number, colour, look: colour.into() };
        let lights: Vec<_> =
            (0..).zip(colours()).filter(|(_, colour)| *colour != Rgb::BLACK).map(light).collect();
        let brightness = |light: &Light| light.colour.brightest();
        let whites = lights.iter().filter(|light| light.colour == Rgb([brightness(light); 3]));
        Self {
            dimmest: whites.map(brightness).min().unwrap_or(u8::MAX),
            texts: colours().map(|colour| colour.to_string().into()).collect(),
            lights,
        }
    }

    /// The number of the most similar colour. Among equals, the lowest one.
    fn nearest(&self, colour: Rgb) -> u8 {
        if colour.brightest() < LIGHT {
            return OFF;
        }
        let look = Oklab::from(colour.lit(colour.brightest().max(self.dimmest)));
        // An equal colour is nearest, even if it is darker than the brightness for look-ups.
        let distance = |light: &Light| if light.colour == colour { -1.0 } else { look.distance(light.look) };
        let distances = self.lights.iter().map(|light| (distance(light), light.number));
        let nearest = distances.reduce(|best, next| if next.0 < best.0 { next } else { best });
        nearest.map_or(OFF, |(_, number)| number)
    }
}

#[derive(Clone, Debug)]
struct Palette {
    table: Arc<PaletteTable>,
    /// The last colour that was looked up, and its number.
    last: Option<(Rgb, u8)>,
}

impl Palette {
    fn nearest(&mut self, colour: Rgb) -> u8 {
        match self.last {
            Some((last, number)) if last == colour => number,
            _ => self.last.insert((colour, self.table.nearest(colour))).1,
        }
    }
}

impl Stateful for Palette {
    fn handle_value(&mut self, moment: &mut Moment<'_>, value: Value) -> Option<Value> {
        match value {
            Value::Text(text) => {
                let colour = Rgb::of(&text, moment, PALETTE.name)?;
                Some(Value::Number(f64::from(self.nearest(colour)) / FULL))
            }
            Value::Number(number) => {
                let number = (number.clamp(0.0, 1.0) * FULL).round() as usize;
                let text = self.table.texts.get(number);
                if text.is_none() {
                    let count = self.table.texts.len();
                    let text = format!(
                        "expected one of {count} colours, found the number {number}; the value was dropped"
                    );
                    moment.notice(Notice::warning("no-such-colour", text));
                }
                text.cloned().map(Value::Text)
            }
        }
    }

    fn handle_recall(&mut self, moment: &mut Moment<'_>, value: Value) -> Option<Value> {
        self.handle_value(moment, value)
    }

    fn inverse(&self) -> Option<Stage> {
        Some(Stage::Stateful(Box::new(self.clone())))
    }
}

#[cfg(test)]
mod tests {
    use crosspatch_core::transform::LinePosition;
    use proptest::prelude::*;

    use super::*;
    use crate::rig::{ChainRig, chain, read_stage};
    use crate::text::rgb::Hsb;

    fn number(palette: &str, colour: &str) -> Option<usize> {
        let number = ChainRig::new(&format!("palette {palette}")).number(colour)? * FULL;
        assert!((number - number.round()).abs() < 1e-9);
        Some(number.round() as usize)
    }

    #[test]
    fn an_exact_colour_has_its_lowest_number() {
        for (palette, entries) in PALETTES {
            assert_eq!(Rgb::new(entries[usize::from(OFF)]), Rgb::BLACK, "{palette}");
            for entry in entries.iter() {
                let first = entries.iter().position(|other| other == entry);
                assert!(*entry == 0 || Rgb::new(*entry).brightest() >= LIGHT);
                assert_eq!(number(palette, &Rgb::new(*entry).to_string()), first, "{palette} {entry:06x}");
            }
        }
    }

    #[test]
    fn the_colours_of_a_desk_are_found() {
        for (palette, colour, expected) in [
            ("apc-mini-mk2", "#ff0000", 5),
            ("apc-mini-mk2", "#FFFFFF", 3),
            ("apc-mini-mk2", "#00f", 45),
            ("apc40-mk2", "#ff7f00", 96),
            ("launchpad", "#ff0000", 5),
            ("launchpad-x", "#00ff00", 21),
            ("launchpad-mk2", "#00ff00", 21),
            ("x-touch", "#ff8080", 1),
            ("x-touch", "#ff8000", 1),
            ("x-touch", "#ffbf00", 3),
            ("x-touch", "#4080ff", 4),
            ("x-touch", "#808080", 7),
        ] {
            assert_eq!(number(palette, colour), Some(expected), "{palette} {colour}");
        }
    }

    #[test]
    fn a_dim_colour_keeps_its_hue_and_only_black_is_off() {
        for (palette, entries) in PALETTES {
            for (sixth, full) in
                [0xff0000, 0xffff00, 0x00ff00, 0x00ffff, 0x0000ff, 0xff00ff].into_iter().enumerate()
            {
                for level in 0..=255 {
                    let colour = Rgb::new(full).lit(level);
                    let entry = Rgb::new(entries[number(palette, &colour.to_string()).unwrap()]);
                    let hsb = Hsb::from(entry);
                    let away = (hsb.hue - sixth as f64 / 6.0 + 0.5).rem_euclid(1.0) - 0.5;
                    if level < LIGHT {
                        assert_eq!(entry, Rgb::BLACK, "{palette} {colour}");
                    } else {
                        assert!(
                            hsb.saturation > 0.5 && away.abs() < 1.0 / 12.0,
                            "{palette} shows {colour} as {entry}"
                        );
                    }
                }
            }
            for level in LIGHT..=255 {
                let grey = Rgb([level; 3]);
                let entry = Rgb::new(entries[number(palette, &grey.to_string()).unwrap()]);
                assert!(
                    entry != Rgb::BLACK && Hsb::from(entry).saturation < 0.5,
                    "{palette} shows {grey} as {entry}"
                );
            }
        }
    }

    #[test]
    fn a_number_is_the_colour_of_its_entry() {
        let mut rig = ChainRig::new("palette x-touch");
        assert_eq!(rig.put(3.0 / 127.0), Some(Value::text("#ffff00")));
        assert_eq!(
            (rig.put(Value::Number(-1.0)), rig.recall(7.0 / 127.0)),
            (Some("#000000".into()), Some("#ffffff".into()))
        );
        assert_eq!((rig.put(8.0 / 127.0), rig.notices.len()), (None, 1));
        assert_eq!(ChainRig::new("palette launchpad").put(Value::Number(2.0)), Some(Value::text("#9d2200")));
    }

    #[test]
    fn the_way_back_is_the_same_stage() {
        let mut back = ChainRig::of(chain("palette apc-mini-mk2").inverse().unwrap(), LinePosition::ONLY);
        assert_eq!(
            (back.number("#ff0000"), back.put(5.0 / 127.0)),
            (Some(5.0 / 127.0), Some("#ff0000".into()))
        );
    }

    #[test]
    fn invalid_colours_and_palettes_are_reported() {
        let mut rig = ChainRig::new("palette x-touch");
        assert_eq!((rig.put("red"), rig.notices.len()), (None, 1));
        let error = read_stage("palette x-tuch", &mut Vec::new()).unwrap_err();
        assert!(error.at == (8..14) && error.words.contains(&"x-touch"));
    }

    proptest! {
        #[test]
        fn the_nearest_entry_really_is_the_nearest(
            colour in 0..=0xff_ffffu32,
            (name, entries) in prop::sample::select(PALETTES),
        ) {
            let colour = Rgb::new(colour);
            let found = number(name, &colour.to_string()).unwrap();
            let whites = entries.iter().map(|entry| Rgb::new(*entry).0).filter(|[r, g, b]| r == g && g == b);
            let dimmest = whites.map(|[level, ..]| level).filter(|level| *level > 0).min().unwrap();
            let wanted = colour.lit(colour.brightest().max(dimmest));
            let distance = |at: usize| Oklab::from(wanted).distance(Rgb::new(entries[at]).into());
            let is_black = colour.brightest() < LIGHT;
            prop_assert_eq!(is_black, found == 0);
            for at in 1..entries.len() {
                let is_nearer = distance(found) < distance(at) || distance(found) == distance(at) && found <= at;
                prop_assert!(is_black || is_nearer || Rgb::new(entries[found]) == colour, "{}", at);
            }
        }

        #[test]
        fn looking_up_again_and_in_any_order_changes_nothing(colours in prop::collection::vec(0..=0xff_ffffu32, 1..8)) {
            let mut rig = ChainRig::new("palette apc-mini-mk2");
            for colour in colours {
                let text = Rgb::new(colour).to_string();
                let once = rig.number(&*text);
                prop_assert_eq!(rig.number(&*text), once);
                prop_assert_eq!(ChainRig::new("palette apc-mini-mk2").number(&*text), once);
            }
        }
    }
}
