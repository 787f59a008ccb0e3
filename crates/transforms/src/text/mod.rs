//! Transforms between numbers and texts: displays, names of states, colours.

mod color;
mod matching;
mod palette;
mod palettes;
mod rgb;
mod template;

use std::fmt::{self, Write};

use crosspatch_core::transform::Family;
use crosspatch_core::{Text, Value};

pub(super) const FAMILY: Family = Family {
    name: "text",
    manual: include_str!("README.md"),
    transforms: &[&template::TEXT, &matching::MATCH, &color::COLOR, &palette::PALETTE],
};

/// The last output text of a stage, shared so that a repetition allocates nothing.
#[derive(Clone, Debug)]
struct LastText {
    text: Text,
    scratch: String,
}

impl Default for LastText {
    fn default() -> Self {
        Self { text: Text::from(""), scratch: String::new() }
    }
}

impl LastText {
    fn give(&mut self, text: impl fmt::Display) -> Value {
        self.scratch.clear();
        write!(self.scratch, "{text}").expect("a string takes everything");
        if *self.text != *self.scratch {
            self.text = Text::from(&*self.scratch);
        }
        Value::Text(self.text.clone())
    }
}
