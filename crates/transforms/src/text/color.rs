//! `color`: turns a component of a colour into a number, and a number into a component of the target's colour.

use crosspatch_core::Value;
use crosspatch_core::transform::{ArgumentError, Arguments, Moment, Stage, Stateful, Transform};

use crate::text::LastText;
use crate::text::rgb::{Hsb, Rgb};

pub(crate) const COLOR: Transform = Transform {
    name: "color",
    usage: "color [red|green|blue|hue|saturation|brightness]",
    summary: "reads a component of a colour `#rrggbb`, or sets one in the target's colour",
    read,
};

fn read(arguments: &mut Arguments<'_>) -> Result<Stage, ArgumentError> {
    const PARTS: [(&str, ColorPart); 6] = [
        ("red", ColorPart::Component(0)),
        ("green", ColorPart::Component(1)),
        ("blue", ColorPart::Component(2)),
        ("hue", ColorPart::Hue),
        ("saturation", ColorPart::Saturation),
        ("brightness", ColorPart::Brightness),
    ];
    let (part, target) = if arguments.is_empty() {
        (ColorPart::Brightness, None)
    } else {
        (arguments.one_of("a part of a colour", &PARTS)?, Some(arguments.target()))
    };
    let saturation = if part == ColorPart::Brightness { 0.0 } else { 1.0 };
    let seen = Hsb { hue: 0.0, saturation, brightness: 1.0 };
    Ok(Stage::Stateful(Box::new(ColorStage {
        part,
        target,
        seen,
        has_seen: false,
        last: LastText::default(),
    })))
}

#[derive(Copy, Clone, Debug, PartialEq)]
enum ColorPart {
    /// Red, green or blue.
    Component(usize),
    Hue,
    Saturation,
    Brightness,
}

impl ColorPart {
    /// The component of a colour as a number. A grey has no hue, and black has no saturation.
    fn of(self, colour: Rgb) -> Option<f64> {
        let hsb = Hsb::from(colour);
        match self {
            Self::Component(at) => Some(f64::from(colour.0[at]) / 255.0),
            Self::Hue => (hsb.saturation > 0.0).then_some(hsb.hue),
            Self::Saturation => (hsb.brightness > 0.0).then_some(hsb.saturation),
            Self::Brightness => Some(hsb.brightness),
        }
    }
}

#[derive(Clone, Debug)]
struct ColorStage {
    part: ColorPart,
    /// The reference to the target. Without one, a number becomes a grey.
    target: Option<usize>,
    /// The target's colour, with the last hue and saturation that it had. A lamp that is faded out and in again keeps its colour.
    seen: Hsb,
    /// Whether hue and saturation come from the target and are not the initial ones.
    has_seen: bool,
    last: LastText,
}

impl ColorStage {
    /// The target's colour with one component replaced.
    fn replaced(&mut self, target: Option<Rgb>, number: f64) -> Rgb {
        if let Some(colour) = target {
            self.see(colour);
        }
        let level = number.clamp(0.0, 1.0);
        match self.part {
            ColorPart::Component(at) => {
                let mut colour = target.unwrap_or(Rgb::BLACK);
                colour.0[at] = (level * 255.0).round() as u8;
                return colour;
            }
            // The hue is a circle.
            ColorPart::Hue => self.seen.hue = number.rem_euclid(1.0),
            ColorPart::Saturation => self.seen.saturation = level,
            ColorPart::Brightness => self.seen.brightness = level,
        }
        self.seen.into()
    }

    /// Takes over a colour of the target. With 8 bits, the hue of a dark colour is imprecise: if the colour equals the known hue
    /// and saturation at its brightness, it changes neither.
    fn see(&mut self, colour: Rgb) {
        let hsb = Hsb::from(colour);
        self.seen.brightness = hsb.brightness;
        let tells = hsb.brightness > 0.0;
        if (self.has_seen || !tells) && colour.is_about(self.seen.into()) {
            return;
        }
        self.has_seen |= tells;
        self.seen.saturation = hsb.saturation;
        if hsb.saturation > 0.0 {
            self.seen.hue = hsb.hue;
        }
    }
}

impl Stateful for ColorStage {
    fn handle_value(&mut self, moment: &mut Moment<'_>, value: Value) -> Option<Value> {
        match value {
            Value::Text(text) => {
                let colour = Rgb::of(&text, moment, COLOR.name)?;
                self.part.of(colour).map(Value::Number)
            }
            Value::Number(number) => {
                let known = self.target.and_then(|target| moment.known(target));
                let colour = known.as_ref().and_then(Value::as_text).and_then(Rgb::parse);
                let replaced = self.replaced(colour, number);
                Some(self.last.give(replaced))
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

    /// Lines from faders to the parts of one lamp.
    struct Lamp {
        parts: Vec<ChainRig>,
        colour: Option<Value>,
    }

    impl Lamp {
        fn of<const N: usize>(parts: [&str; N]) -> Self {
            Self { parts: parts.map(|part| ChainRig::new(&format!("color {part}"))).into(), colour: None }
        }

        fn set(&mut self, part: usize, number: f64) -> String {
            self.parts[part].known = vec![self.colour.clone()];
            self.colour = self.parts[part].put(Value::Number(number));
            self.colour.clone().unwrap().as_text().unwrap().to_owned()
        }
    }

    #[test]
    fn three_faders_make_a_colour() {
        let mut lamp = Lamp::of(["red", "green", "blue"]);
        assert_eq!(lamp.set(0, 1.0), "#ff0000");
        assert_eq!(lamp.set(1, 0.5), "#ff8000");
        assert_eq!(lamp.set(2, 2.0), "#ff80ff");
        assert_eq!(lamp.set(0, -1.0), "#0080ff");
        lamp.colour = Some("#123456".into());
        assert_eq!(lamp.set(1, 0.0), "#120056");
        lamp.colour = Some("not a colour".into());
        assert_eq!(lamp.set(1, 1.0), "#00ff00");
    }

    #[test]
    fn a_colour_is_taken_apart() {
        let parts = ["red", "green", "blue", "hue", "saturation", "brightness", ""];
        let apart =
            |colour: &str| parts.map(|part| ChainRig::new(format!("color {part}").trim_end()).number(colour));
        assert_eq!(
            apart("#FF8000"),
            [
                Some(1.0),
                Some(128.0 / 255.0),
                Some(0.0),
                Some(128.0 / 255.0 / 6.0),
                Some(1.0),
                Some(1.0),
                Some(1.0)
            ]
        );
        let third = Some(51.0 / 255.0);
        assert_eq!(apart("#333"), [third, third, third, None, Some(0.0), third, third]);
        assert_eq!(apart("#000000"), [Some(0.0), Some(0.0), Some(0.0), None, None, Some(0.0), Some(0.0)]);
    }

    #[test]
    fn a_hue_is_a_circle_and_begins_full_and_saturated() {
        let mut lamp = Lamp::of(["hue"]);
        for (hue, colour) in [
            (0.0, "#ff0000"),
            (1.0 / 3.0, "#00ff00"),
            (0.5, "#00ffff"),
            (1.0, "#ff0000"),
            (-1.0 / 3.0, "#0000ff"),
        ] {
            assert_eq!(lamp.set(0, hue), colour, "{hue}");
        }
        assert_eq!(Lamp::of(["saturation"]).set(0, 0.5), "#ff8080");
        assert_eq!(Lamp::of(["brightness"]).set(0, 0.5), "#808080");
    }

    #[test]
    fn a_lamp_faded_out_and_in_comes_back_in_its_colour() {
        let mut lamp = Lamp::of(["brightness", "saturation", "hue"]);
        lamp.colour = Some("#ff8040".into());
        let steps = (0..=255).rev().chain(0..=255).map(|step| f64::from(step) / 255.0);
        let last = steps.map(|level| lamp.set(0, level)).last();
        assert_eq!(last.as_deref(), Some("#ff8040"));
        lamp.set(1, 0.0);
        assert_eq!(lamp.set(2, 0.5), "#ffffff");
        assert_eq!(lamp.set(2, 0.25), "#ffffff");
        // Each line knows what it has seen: this one has seen the orange that it made white.
        assert_eq!(lamp.set(1, 0.75), "#ff8040");
        assert_eq!(lamp.set(0, 0.0), "#000000");
        lamp.colour = Some("#0000ff".into());
        assert_eq!(lamp.set(0, 0.5), "#000080");
    }

    #[test]
    fn the_first_colour_of_a_target_is_taken_as_it_is() {
        for (part, colour) in [("brightness", "#515150"), ("hue", "#800100"), ("saturation", "#800100")] {
            let mut rig = ChainRig::new(&format!("color {part}"));
            rig.known = vec![Some(colour.into())];
            let number = rig.number(colour).unwrap();
            assert_eq!(rig.put(number), Some(colour.into()), "{part}");
        }
    }

    #[test]
    fn without_a_part_a_number_is_a_grey_whatever_the_target_shows() {
        let mut rig = ChainRig::new("color");
        assert_eq!(rig.chain.references(), 0);
        assert_eq!(rig.put(0.2), Some(Value::text("#333333")));
        assert_eq!(rig.recall(1.0), Some(Value::text("#ffffff")));
    }

    #[test]
    fn the_way_back_is_the_same_stage_with_the_same_channel() {
        let back = chain("color green").inverse().unwrap();
        assert_eq!(back.references(), 1);
        let mut back = ChainRig::of(back, LinePosition::ONLY);
        back.known = vec![Some("#100020".into())];
        assert_eq!((back.number("#00ff00"), back.put(1.0)), (Some(1.0), Some(Value::text("#10ff20"))));
    }

    #[test]
    fn an_invalid_colour_is_reported_and_an_unknown_component_is_refused() {
        let mut rig = ChainRig::new("color red");
        assert_eq!(rig.put("red"), None);
        assert!(rig.notices[0].text.contains("at `color`, found \"red\""), "{:?}", rig.notices);
        let error = read_stage("color rde", &mut Vec::new()).unwrap_err();
        assert!(error.at == (6..9) && error.words.contains(&"red"));
    }

    proptest! {
        #[test]
        fn each_part_of_any_colour_survives_the_way_there_and_back(
            number in 0..=0xff_ffffu32,
            level in 0..=255u8,
            part in prop::sample::select(vec!["red", "green", "blue", "brightness"]),
        ) {
            let mut rig = ChainRig::new(&format!("color {part}"));
            rig.known = vec![Some(Value::text(Rgb::new(number).to_string()))];
            let level = f64::from(level) / 255.0;
            let colour = rig.put(level).unwrap();
            prop_assert_eq!(rig.number(colour), Some(level));
        }

        #[test]
        fn what_a_colour_is_put_back_to_is_that_colour(
            number in 0..=0xff_ffffu32,
            part in prop::sample::select(vec!["red", "green", "blue", "hue", "saturation", "brightness"]),
        ) {
            let mut rig = ChainRig::new(&format!("color {part}"));
            let colour = Value::text(Rgb::new(number).to_string());
            rig.known = vec![Some(colour.clone())];
            if let Some(number) = rig.number(colour.clone()) {
                prop_assert_eq!(rig.put(number), Some(colour));
            }
        }
    }
}
