//! Preset types: the attributes of the fixtures, in the groups of the console's encoders.

use std::borrow::Cow;

use super::executor::list;
use super::json::{JsonReader, Writer};
use super::{Color, DecodeError};

/// A preset type, such as Position.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PresetType<'a> {
    /// `i`: its number; only in lists and full answers.
    pub number: Option<i64>,
    /// `n`: its name in capitals; only in lists and full answers.
    pub name: Option<Cow<'a, str>>,
    /// `np`: its name in mixed case; only in lists and full answers.
    pub pretty_name: Option<Cow<'a, str>>,
    /// `s`: whether it is selected.
    pub is_selected: bool,
    /// `fea`: its features; none in lists.
    pub features: Option<Vec<Feature<'a>>>,
    /// `a`: whether any of its attributes is in the programmer.
    pub active: i64,
}

/// A feature of a preset type, such as Gobo1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Feature<'a> {
    /// `np`: its name.
    pub name: Cow<'a, str>,
    /// `s`: whether it is selected.
    pub is_selected: bool,
    /// `att`: its attributes.
    pub attributes: Vec<Attribute<'a>>,
    /// `a`: whether any of its attributes is in the programmer.
    pub active: i64,
}

/// An attribute, such as Pan.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attribute<'a> {
    /// `np`: its name.
    pub name: Cow<'a, str>,
    /// `a`: whether it is in the programmer.
    pub active: i64,
    /// `s`: whether it is selected.
    pub is_selected: bool,
    /// `encoder_resolution`: 0 normal, 1 fine, 2 ultra.
    pub resolution: i64,
    /// `t`: its value as text, while fixtures with the attribute are selected.
    pub text: Option<Cow<'a, str>>,
    /// `c`: the colour of the text.
    pub color: Option<Color>,
    /// `bC`: the background colour.
    pub background: Option<Color>,
}

impl<'a> PresetType<'a> {
    pub(super) fn decode(reader: &mut JsonReader<'a>) -> Result<Self, DecodeError> {
        reader.read(|preset_type: &mut Self, reader, key| {
            match key {
                "i" => preset_type.number = reader.integer()?,
                "n" => preset_type.name = reader.text()?,
                "np" => preset_type.pretty_name = reader.text()?,
                "s" => preset_type.is_selected = reader.boolean()?.unwrap_or(false),
                "fea" => preset_type.features = Some(list(reader, 2, Feature::decode)?),
                "a" => preset_type.active = reader.integer()?.unwrap_or(0),
                _ => {}
            }
            Ok(())
        })
    }

    pub(super) fn encode(&self, writer: &mut Writer<'_>) {
        writer.object(|object| {
            if let Some(number) = self.number {
                object.key("i").integer(number);
            }
            object.optional_text("n", self.name.as_deref());
            object.optional_text("np", self.pretty_name.as_deref());
            object.key("s").boolean(self.is_selected);
            if let Some(features) = &self.features {
                object.key("fea").list(|items| {
                    features.iter().for_each(|feature| feature.encode(items.item()));
                });
            }
            object.key("a").integer(self.active);
        });
    }
}

impl<'a> Feature<'a> {
    fn decode(reader: &mut JsonReader<'a>) -> Result<Self, DecodeError> {
        reader.read(|feature: &mut Self, reader, key| {
            match key {
                "np" => feature.name = reader.text()?.unwrap_or_default(),
                "s" => feature.is_selected = reader.boolean()?.unwrap_or(false),
                "att" => feature.attributes = list(reader, 2, Attribute::decode)?,
                "a" => feature.active = reader.integer()?.unwrap_or(0),
                _ => {}
            }
            Ok(())
        })
    }

    fn encode(&self, writer: &mut Writer<'_>) {
        writer.object(|object| {
            object.key("np").text(&self.name);
            object.key("s").boolean(self.is_selected);
            object.key("att").list(|items| {
                self.attributes.iter().for_each(|attribute| attribute.encode(items.item()));
            });
            object.key("a").integer(self.active);
        });
    }
}

impl<'a> Attribute<'a> {
    fn decode(reader: &mut JsonReader<'a>) -> Result<Self, DecodeError> {
        reader.read(|attribute: &mut Self, reader, key| {
            match key {
                "np" => attribute.name = reader.text()?.unwrap_or_default(),
                "a" => attribute.active = reader.integer()?.unwrap_or(0),
                "s" => attribute.is_selected = reader.boolean()?.unwrap_or(false),
                "encoder_resolution" => attribute.resolution = reader.integer()?.unwrap_or(0),
                "t" => attribute.text = reader.text()?,
                "c" => attribute.color = reader.color()?,
                "bC" => attribute.background = reader.color()?,
                _ => {}
            }
            Ok(())
        })
    }

    fn encode(&self, writer: &mut Writer<'_>) {
        writer.object(|object| {
            object.key("np").text(&self.name);
            object.key("a").integer(self.active);
            object.key("s").boolean(self.is_selected);
            object.key("encoder_resolution").integer(self.resolution);
            object.optional_text("t", self.text.as_deref());
            object.optional_color("c", self.color);
            object.optional_color("bC", self.background);
        });
    }
}
