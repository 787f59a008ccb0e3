//! `text`: turns a number into a text for a display, and back.

use std::fmt::{self, Display};
use std::iter::Peekable;
use std::str::Chars;
use std::sync::Arc;

use crosspatch_core::Value;
use crosspatch_core::transform::{ArgumentError, Arguments, Moment, Stage, Stateful, Transform, read_number};

use crate::text::LastText;

pub(crate) const TEXT: Transform = Transform {
    name: "text",
    usage: "text \"<template>\"",
    summary: "formats a text for a display: `{value}`, `{value:.2}`, `{value:.0}%`",
    read,
};

/// The most letters of an incoming text. Without a limit, a loop of mappings would double it with every hop.
const MAX_LETTERS: usize = 1000;
/// As wide as a line of most displays.
const MAX_WIDTH: usize = 40;
/// As many as values are shown with everywhere.
const MAX_DECIMALS: usize = 6;

fn read(arguments: &mut Arguments<'_>) -> Result<Stage, ArgumentError> {
    let place = arguments.unexpected("");
    let template = arguments.text("a text such as \"{value:.0}%\"")?;
    let pieces = pieces(&template).map_err(|message| ArgumentError { message, ..place })?;
    Ok(Template::stage(pieces.into()))
}

#[derive(Clone, Debug, PartialEq)]
enum TemplatePiece {
    Literal(String),
    Place(NumberFormat),
}

/// The format of a number.
#[derive(Copy, Clone, Debug, PartialEq)]
struct NumberFormat {
    /// The minimum number of letters, padded with blanks on the left.
    width: usize,
    /// The number of decimals. `None` for as many as needed, at most six.
    decimals: Option<usize>,
    is_percent: bool,
}

/// Parses a template.
fn pieces(template: &str) -> Result<Vec<TemplatePiece>, String> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut letters = template.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '{' | '}' if letters.next_if_eq(&letter).is_some() => literal.push(letter),
            '{' => {
                if !literal.is_empty() {
                    pieces.push(TemplatePiece::Literal(std::mem::take(&mut literal)));
                }
                pieces.push(TemplatePiece::Place(placeholder(&mut letters)?));
            }
            '}' => return Err("expected `}}` for a brace, found `}` alone".to_owned()),
            letter => literal.push(letter),
        }
    }
    if !literal.is_empty() {
        pieces.push(TemplatePiece::Literal(literal));
    }
    Ok(pieces)
}

/// Reads a placeholder after its opening brace.
fn placeholder(letters: &mut Peekable<Chars<'_>>) -> Result<NumberFormat, String> {
    let mut content = String::new();
    loop {
        match letters.next() {
            Some('}') => break,
            Some(letter) => content.push(letter),
            None => return Err(format!("expected `}}` after `{{{content}`, found the end of the text")),
        }
    }
    let is_percent = letters.peek() == Some(&'%');
    let (name, measures) = match content.split_once(':') {
        Some((name, written)) => (name, read_measures(written)),
        None => (&*content, Some((0, None))),
    };
    if name != "value" {
        return Err(format!("expected `{{value}}`, or `{{{{` for a brace, found `{{{content}}}`"));
    }
    let (width, decimals) = measures.ok_or_else(|| {
        format!(
            "expected a width up to {MAX_WIDTH} as in `{{value:3}}` or up to {MAX_DECIMALS} decimals as in \
             `{{value:.2}}`, found `{{{content}}}`"
        )
    })?;
    Ok(NumberFormat { width, decimals, is_percent })
}

/// A width, decimals after a point, or both.
fn read_measures(written: &str) -> Option<(usize, Option<usize>)> {
    let count = |digits: &str| digits.parse::<usize>().ok().filter(|count| count.to_string() == digits);
    let width = |digits: &str| count(digits).filter(|width| (1..=MAX_WIDTH).contains(width));
    let Some((before, behind)) = written.split_once('.') else { return Some((width(written)?, None)) };
    let decimals = count(behind).filter(|decimals| *decimals <= MAX_DECIMALS)?;
    Some((if before.is_empty() { 0 } else { width(before)? }, Some(decimals)))
}

/// Fills values in.
#[derive(Clone, Debug)]
struct Template {
    pieces: Arc<[TemplatePiece]>,
    last: LastText,
    /// The number that it shows, if any.
    shown: Option<f64>,
}

impl Template {
    fn stage(pieces: Arc<[TemplatePiece]>) -> Stage {
        Stage::Stateful(Box::new(Self { pieces, last: LastText::default(), shown: None }))
    }

    fn has_place(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, TemplatePiece::Place(_)))
    }
}

impl Stateful for Template {
    // A change that is not visible in the text is dropped. A repetition passes.
    fn handle_value(&mut self, _: &mut Moment<'_>, value: Value) -> Option<Value> {
        let number = value.as_number().filter(|_| self.has_place());
        let has_moved = self.shown.is_some() && number.is_some() && self.shown != number;
        self.shown = number;
        let before = self.last.text.clone();
        let text = self.last.give(Filled { pieces: &self.pieces, value: &value });
        Some(text).filter(|_| !has_moved || self.last.text != before)
    }

    fn handle_recall(&mut self, _: &mut Moment<'_>, value: Value) -> Option<Value> {
        Some(self.last.give(Filled { pieces: &self.pieces, value: &value }))
    }

    fn inverse(&self) -> Option<Stage> {
        let places = self.pieces.iter().filter(|piece| matches!(piece, TemplatePiece::Place(_)));
        let back = NumberReader { pieces: self.pieces.clone() };
        (places.count() == 1).then(|| Stage::Stateful(Box::new(back)))
    }
}

struct Filled<'a> {
    pieces: &'a [TemplatePiece],
    value: &'a Value,
}

impl Display for Filled<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in self.pieces {
            match (piece, self.value) {
                (TemplatePiece::Literal(literal), _) => f.write_str(literal)?,
                (TemplatePiece::Place(_), Value::Text(text)) => f.write_str(beginning(text))?,
                (TemplatePiece::Place(format), Value::Number(number)) => format.write(*number, f)?,
            }
        }
        Ok(())
    }
}

/// As much of a text as fits into a width.
fn beginning(text: &str) -> &str {
    let end = text.char_indices().nth(MAX_LETTERS);
    end.map_or(text, |(end, _)| &text[..end])
}

impl NumberFormat {
    fn write(self, number: f64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { width, decimals, is_percent } = self;
        let number = if is_percent { number * 100.0 } else { number };
        let digits = 10f64.powi(decimals.unwrap_or(MAX_DECIMALS) as i32);
        // Adding zero takes the sign from a zero that has one.
        let number = (number * digits).round() / digits + 0.0;
        match decimals {
            Some(decimals) => write!(f, "{number:width$.decimals$}"),
            None => write!(f, "{number:width$}"),
        }
    }
}

/// Reads the number out of a text, for the way back of a template with one number.
#[derive(Clone, Debug)]
struct NumberReader {
    pieces: Arc<[TemplatePiece]>,
}

impl NumberReader {
    /// The number in a text. The template's text around it may be missing, because people leave it out.
    fn number(&self, text: &str) -> Option<f64> {
        let mut rest = text.trim();
        let mut is_percent = false;
        let mut is_before = true;
        for piece in self.pieces.iter() {
            match piece {
                TemplatePiece::Place(format) => (is_percent, is_before) = (format.is_percent, false),
                TemplatePiece::Literal(before) if is_before => {
                    rest = rest.strip_prefix(before.trim()).unwrap_or(rest);
                }
                TemplatePiece::Literal(after) => rest = rest.strip_suffix(after.trim()).unwrap_or(rest),
            }
        }
        let number = rest.trim();
        if !is_percent {
            return read_number(number);
        }
        let number = number.strip_suffix('%').unwrap_or(number).trim_end();
        Some(read_number(number)? / 100.0)
    }
}

impl Stateful for NumberReader {
    fn handle_value(&mut self, moment: &mut Moment<'_>, value: Value) -> Option<Value> {
        let read = value.as_text().and_then(|text| self.number(text));
        read.or_else(|| moment.number(&value, TEXT.name)).map(Value::Number)
    }

    fn handle_recall(&mut self, moment: &mut Moment<'_>, value: Value) -> Option<Value> {
        self.handle_value(moment, value)
    }

    fn inverse(&self) -> Option<Stage> {
        Some(Template::stage(self.pieces.clone()))
    }
}

#[cfg(test)]
mod tests {
    use crosspatch_core::transform::{Chain, LinePosition};
    use proptest::prelude::*;

    use super::*;
    use crate::rig::{ChainRig, chain, read_stage};

    fn shown(template: &str, number: f64) -> String {
        ChainRig::new(&format!("text \"{template}\""))
            .put(Value::Number(number))
            .unwrap()
            .as_text()
            .unwrap()
            .to_owned()
    }

    fn back(template: &str) -> ChainRig {
        ChainRig::of(chain(&format!("text \"{template}\"")).inverse().unwrap(), LinePosition::ONLY)
    }

    #[test]
    fn an_invisible_change_is_dropped_and_a_repetition_passes() {
        let mut rig = ChainRig::new("text \"{value:.0}%\"");
        let told = [0.5, 0.501, 0.501, 0.51].map(|level| rig.put(level).is_some());
        assert_eq!(told, [true, false, true, true]);
        let mut rig = ChainRig::new("text \"Go\"");
        assert!(
            [1.0, 0.0, 0.5].iter().all(|level| rig.put(*level) == Some("Go".into())),
            "it shows no number"
        );
    }

    #[test]
    fn a_number_is_shown_as_the_template_says() {
        for (template, number, text) in [
            ("{value}", 0.5, "0.5"),
            ("{value}", 1.0 / 3.0, "0.333333"),
            ("{value:.2}", 0.0, "0.00"),
            ("{value:.2}", 0.125, "0.13"),
            ("{value:.0}%", 0.5, "50%"),
            ("{value:.0}%", 1.0, "100%"),
            ("{value}%", 0.29, "29%"),
            ("{value:3}|", 1.0, "  1|"),
            ("{value:5.1}%", 0.5, " 50.0%"),
            ("{value:.0} %", 0.5, "1 %"),
            ("{value:.1}", -0.04, "0.0"),
            ("{value:.1} or {value:.0}%", 0.25, "0.3 or 25%"),
            ("{{{value}}}", 1.0, "{1}"),
            ("Go", 1.0, "Go"),
            ("", 1.0, ""),
        ] {
            assert_eq!(shown(template, number), text, "{template} with {number}");
        }
    }

    #[test]
    fn a_text_fills_the_place_of_the_number_as_it_is() {
        let mut rig = ChainRig::new(r#"text "Cue {value:.0}""#);
        assert_eq!(rig.put("12.5 \"Storm\""), Some(Value::text("Cue 12.5 \"Storm\"")));
        assert_eq!(rig.recall(1.0), Some(Value::text("Cue 1")));
    }

    #[test]
    fn a_text_in_a_circle_grows_to_an_end() {
        let mut rig = ChainRig::new(r#"text "{value}ä{value}""#);
        let mut text = Value::text("x");
        for _ in 0..100 {
            text = rig.put(text).unwrap();
        }
        assert_eq!(text.as_text().unwrap().chars().count(), 2 * MAX_LETTERS + 1);
    }

    #[test]
    fn the_same_text_is_the_same_memory() {
        let mut rig = ChainRig::new(r#"text "{value:.0}%""#);
        let [first, same, other] = [0.501, 0.501, 0.6].map(|number| match rig.put(number) {
            Some(Value::Text(text)) => text,
            value => panic!("{value:?} is no text"),
        });
        assert!(std::ptr::eq(&*first, &*same) && *other == *"60%");
    }

    #[test]
    fn a_number_is_read_back_with_or_without_what_stands_around_it() {
        for (template, text, number) in [
            ("{value:.0}%", "50%", Some(0.5)),
            ("{value:.0}%", " 50 % ", Some(0.5)),
            ("{value:.0}%", "50", Some(0.5)),
            ("{value:.0}%", "-5.5%", Some(-0.055)),
            ("Fader {value:5.2} of 1", "Fader  0.25 of 1", Some(0.25)),
            ("Fader {value:5.2} of 1", "0.25", Some(0.25)),
            ("{value}", "50%", Some(0.5)),
            ("{{{value}}}", "{1}", Some(1.0)),
            ("{value}", "half", None),
            ("{value}", "inf", None),
            ("{value}", "", None),
        ] {
            let mut rig = back(template);
            assert_eq!(rig.put(text), number.map(Value::number), "{template} from {text}");
            assert_eq!(rig.notices.len(), usize::from(number.is_none()));
        }
        assert_eq!(back("{value}").recall("0.75"), Some(Value::Number(0.75)));
        assert_eq!(back("{value}%").number(0.75), Some(0.75));
    }

    #[test]
    fn only_a_template_with_one_number_can_be_read_back() {
        for template in ["Go", "{{value}}", "{value} or {value:.0}%"] {
            assert_eq!(chain(&format!("text \"{template}\"")).inverse().unwrap_err(), 0, "{template}");
        }
    }

    #[test]
    fn a_template_that_makes_no_sense_says_where() {
        for (stage, found) in [
            (r#"text "{value""#, "expected `}` after `{value`, found the end of the text"),
            (r#"text "a } b""#, "expected `}}` for a brace, found `}` alone"),
            (r#"text "{level}""#, "expected `{value}`, or `{{` for a brace, found `{level}`"),
            (r#"text "{}""#, "expected `{value}`, or `{{` for a brace, found `{}`"),
        ] {
            let error = read_stage(stage, &mut Vec::new()).unwrap_err();
            assert_eq!((error.at, error.message), (5..stage.len(), found.to_owned()), "{stage}");
        }
        for measures in ["", ".", ".7", ".x", "0", "03", "41", "3.", "+3", " 3", "3:2"] {
            let stage = format!("text \"{{value:{measures}}}\"");
            let error = read_stage(&stage, &mut Vec::new()).unwrap_err();
            assert!(error.message.starts_with("expected a width"), "{stage}: {error:?}");
        }
        let unquoted = read_stage("text {value}", &mut Vec::new()).unwrap_err();
        assert_eq!(unquoted.at, 5..12);
        assert!(read_stage("text", &mut Vec::new()).is_err());
    }

    proptest! {
        #[test]
        fn there_and_back_is_as_exact_as_its_decimals(
            number in 0.0..=1.0f64,
            decimals in 0..=6i32,
            is_percent: bool,
            before in "[a-zA-Z :{}]{0,8}",
            after in "[a-zA-Z :{}]{0,8}",
        ) {
            let double = |literal: &str| literal.replace('{', "{{").replace('}', "}}");
            let percent = if is_percent { "%" } else { "" };
            let template = format!("{}{{value:.{decimals}}}{percent}{}", double(&before), double(&after));
            let text = shown(&template, number);
            let read = back(&template).put(&*text).and_then(|value| value.as_number()).unwrap();
            let unit = 10f64.powi(-decimals) / if is_percent { 100.0 } else { 1.0 };
            prop_assert!((read - number).abs() <= unit * 0.500_001, "{} {} {}", template, text, read);
            prop_assert_eq!(shown(&template, read), text);
        }

        #[test]
        fn no_template_panics(template in ".{0,12}", text in ".{0,12}") {
            let stage = format!("text {template:?}");
            if let Ok(stage) = read_stage(&stage, &mut Vec::new()) {
                let inverse = stage.inverse();
                for stage in [Some(stage), inverse].into_iter().flatten() {
                    let mut rig = ChainRig::of(Chain::new("", vec![stage], Vec::new()), LinePosition::ONLY);
                    rig.put(&*text);
                    rig.put(0.5);
                }
            }
        }
    }
}
