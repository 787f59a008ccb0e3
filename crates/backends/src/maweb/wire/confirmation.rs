//! Pop-ups of a console.
//!
//! No capture of one exists; the keys are those that MA's own browser page reads.

use std::borrow::Cow;

use super::DecodeError;
use super::json::{JsonReader, Writer};

/// A pop-up that needs an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Confirmation<'a> {
    /// `tt`: the title.
    pub title: Cow<'a, str>,
    /// `ques`: the question of a pop-up about presets.
    pub question: Option<Cow<'a, str>>,
    /// `msg`.
    pub message: Cow<'a, str>,
    /// The text and number of each button; the number is the answer.
    pub buttons: Vec<(Cow<'a, str>, i64)>,
    /// `dropDownItemIndex`: the selected entry in the list of a pop-up about presets.
    pub choice: Option<i64>,
}

impl Confirmation<'_> {
    pub(super) fn encode(&self, object: &mut Writer<'_>) {
        object.key("tt").text(&self.title);
        object.optional_text("ques", self.question.as_deref());
        object.key("msg").text(&self.message);
        object.key("buttons").list(|buttons| {
            for (text, id) in &self.buttons {
                buttons.item().object(|button| {
                    button.key("text").text(text);
                    button.key("id").integer(*id);
                });
            }
        });
        if let Some(choice) = self.choice {
            object.key("dropDownItemIndex").integer(choice);
        }
    }
}

/// Reads a button: its text and its number.
pub(super) fn button<'a>(reader: &mut JsonReader<'a>) -> Result<(Cow<'a, str>, i64), DecodeError> {
    let (mut text, mut id) = (Cow::default(), -1);
    reader.object(|reader, key| {
        match key {
            "text" => text = reader.text()?.unwrap_or_default(),
            "id" => id = reader.integer()?.unwrap_or(-1),
            _ => {}
        }
        Ok(())
    })?;
    Ok((text, id))
}
