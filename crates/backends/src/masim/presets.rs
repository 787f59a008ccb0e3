//! The preset types of the simulated console: the attributes that encoders turn, with their values in the programmer.

use super::desk::{Desk, Programmer};
use crate::maweb::wire::{Attribute, Color, Feature, PresetType};

/// A feature and its attributes: the name used by encoders, and the displayed one.
type FeatureNames = (&'static str, &'static [(&'static str, &'static str)]);

const TYPES: &[(&str, &str, &[FeatureNames])] = &[
    ("DIMMER", "Dimmer", &[("Dimmer", &[("DIM", "Dim")])]),
    ("POSITION", "Position", &[("Position", &[("PAN", "Pan"), ("TILT", "Tilt")])]),
    ("GOBO", "Gobo", &[("Gobo1", &[("GOBO1", "G1")]), ("Gobo2", &[("GOBO2", "G2")])]),
    ("COLOR", "Color", &[("ColorRGB", &[("COLORRGB1", "R"), ("COLORRGB2", "G"), ("COLORRGB3", "B")])]),
    ("BEAM", "Beam", &[("Shutter", &[("SHUTTER", "Shutter")]), ("Beam", &[("IRIS", "Iris")])]),
    ("FOCUS", "Focus", &[("Focus", &[("FOCUS", "Focus"), ("ZOOM", "Zoom")])]),
    ("CONTROL", "Control", &[("Control", &[("LAMPCONTROL", "LampControl")])]),
];

impl Desk {
    /// The names of the preset types.
    pub(super) fn preset_type_list(&self) -> Vec<PresetType<'static>> {
        self.preset_types().into_iter().map(|one| PresetType { features: None, ..one }).collect()
    }

    /// All preset types with their attributes.
    pub(super) fn preset_types(&self) -> Vec<PresetType<'static>> {
        let is_selected = |at: i64| at == 1;
        let preset_type =
            |(number, (name, pretty, features)): (i64, &(&'static str, &'static str, &[FeatureNames]))| {
                let features: Vec<_> = features.iter().map(|feature| self.feature(*feature)).collect();
                PresetType {
                    number: Some(number),
                    name: Some((*name).into()),
                    pretty_name: Some((*pretty).into()),
                    is_selected: is_selected(number),
                    active: features.iter().map(|feature| feature.active).max().unwrap_or(0),
                    features: Some(features),
                }
            };
        (1..).zip(TYPES).map(preset_type).collect()
    }

    fn feature(&self, (name, attributes): FeatureNames) -> Feature<'static> {
        let attributes: Vec<_> =
            attributes.iter().map(|(encoder, shown)| self.attribute(encoder, shown)).collect();
        let active = attributes.iter().map(|attribute| attribute.active).max().unwrap_or(0);
        Feature { name: name.into(), is_selected: false, attributes, active }
    }

    fn attribute(&self, encoder: &str, shown: &'static str) -> Attribute<'static> {
        let value = self.attributes.get(encoder);
        // Values are shown while fixtures are selected; values that are not in the programmer in a darker grey.
        let is_shown = self.programmer != Programmer::Empty;
        Attribute {
            name: shown.into(),
            active: value.is_some().into(),
            text: is_shown.then(|| format!("{:.1}", value.copied().unwrap_or(0.0)).into()),
            color: is_shown.then_some(if value.is_some() { Color([0xC0; 3]) } else { Color([0x60; 3]) }),
            background: is_shown.then_some(Color([0, 0, 0x30])),
            ..Attribute::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::masim::content;
    use crate::masim::desk::Desk;
    use crate::maweb::wire::ConsoleFamily;

    #[test]
    fn a_turned_attribute_is_shown_with_its_value_and_marks_its_type() {
        let mut desk = Desk::new(content::show(ConsoleFamily::Gma2));
        assert!(desk.preset_types().iter().all(|one| one.active == 0));
        desk.turn("Pan", 25.0);
        let types = desk.preset_types();
        let position = types.iter().find(|one| one.active == 1).expect("one type is active");
        assert_eq!(position.name.as_deref(), Some("POSITION"));
        let attributes = &position.features.as_ref().expect("features")[0].attributes;
        let shown: Vec<_> =
            attributes.iter().map(|one| (&*one.name, one.text.as_deref(), one.active)).collect();
        assert_eq!(shown, [("Pan", Some("25.0"), 1), ("Tilt", Some("0.0"), 0)]);
        assert!(desk.preset_type_list().iter().all(|one| one.features.is_none()));
    }
}
