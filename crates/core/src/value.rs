//! What travels along a route.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// A value on its way from one channel to another; 16 bytes, cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A normalised level, 0.0 to 1.0, never NaN. [`Value::number`] makes any number one. Only between the stages of a
    /// [`Chain`](crate::transform::Chain) a number may lie outside.
    Number(f64),
    /// A text: a name, a cue, or a colour written `#rrggbb`.
    Text(Text),
}

/// A text with shared ownership.
///
/// A single pointer, where `Arc<str>` is a pointer and a length, so that a [`Value`] has 16 bytes. The engine keeps one
/// or two values for each mapped channel and writes all of them while it processes universes: a third less memory means
/// a third fewer cache misses, which are the main cost of a hundred universes. Reading a text takes one more pointer,
/// but texts are rare.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Arc<Box<str>>);

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(Arc::new(text.into()))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(Arc::new(text.into()))
    }
}

/// From this level on, a value counts as a press of a button; below it as a release (as in MIDIMonster).
pub const PRESSED_ABOVE: f64 = 0.9;

impl Value {
    /// A level out of any number: clipped to 0.0..=1.0, with NaN, negative zero and denormals becoming 0.0.
    pub fn number(number: f64) -> Self {
        Self::Number(normalise(number))
    }

    /// A text.
    pub fn text(text: impl Into<Text>) -> Self {
        Self::Text(text.into())
    }

    /// A button's edge: 1.0 when pressed, 0.0 when released.
    pub fn edge(pressed: bool) -> Self {
        Self::Number(if pressed { 1.0 } else { 0.0 })
    }

    /// The level, if this is one.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(_) => None,
        }
    }

    /// The text, if this is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Number(_) => None,
            Self::Text(text) => Some(text),
        }
    }

    /// Whether this is the level of a pressed button. A text presses nothing.
    pub fn is_pressed(&self) -> bool {
        self.as_number().is_some_and(|number| number > PRESSED_ABOVE)
    }

    /// The same value with a number inside its range, whatever the variant was built from.
    pub(crate) fn normalised(self) -> Self {
        match self {
            Self::Number(number) => Self::number(number),
            Self::Text(_) => self,
        }
    }
}

/// A number brought into its range.
pub(crate) fn normalise(number: f64) -> f64 {
    if number >= 1.0 {
        1.0
    } else if number >= f64::MIN_POSITIVE {
        number
    } else {
        0.0 // negative, zero of either sign, denormal or NaN
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::number(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

/// A number with at most six decimals, or the text in quotes.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{}", (number * 1e6).round() / 1e6),
            Self::Text(text) => write!(f, "{text:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_becomes_a_level() {
        for (given, level) in [
            (f64::NAN, 0.0),
            (f64::INFINITY, 1.0),
            (f64::NEG_INFINITY, 0.0),
            (-0.0, 0.0),
            (-3.0, 0.0),
            (1.5, 1.0),
            (5e-324, 0.0),
            (0.25, 0.25),
        ] {
            let Value::Number(number) = Value::number(given) else { panic!("a number became a text") };
            assert!(number == level && number.is_sign_positive(), "{given} became {number}");
        }
    }

    #[test]
    fn is_small_and_shows_itself_briefly() {
        assert_eq!((size_of::<Value>(), size_of::<Option<Value>>()), (16, 16));
        assert_eq!(Value::number(0.1 + 0.2).to_string(), "0.3");
        assert_eq!(Value::number(1.0).to_string(), "1");
        assert_eq!(Value::text("say \"hi\"").to_string(), r#""say \"hi\"""#);
    }

    #[test]
    fn a_press_is_above_nine_tenths() {
        assert!(Value::number(0.91).is_pressed());
        assert!(!Value::number(0.9).is_pressed());
        assert!(!Value::text("1").is_pressed());
    }
}
