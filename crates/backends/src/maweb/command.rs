//! Command lines from an instance's options: `command.grand = SpecialMaster 2.1 At {value 0..100}`.
//!
//! A line without a placeholder is executed at each press. With `{value}` it contains a level, scaled to a range (by
//! default 0 to 100, otherwise as in `{value 0..225}`) and formatted with as many decimals as the range has. With
//! `{text}` it contains a text.

use std::fmt::Write as _;

use crosspatch_core::Value;

/// A command line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CommandLine {
    parts: Vec<CommandPiece>,
}

#[derive(Clone, Debug, PartialEq)]
enum CommandPiece {
    Literal(Box<str>),
    Level { from: f64, to: f64, decimals: usize },
    Text,
}

/// The trigger of a command line.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum CommandTrigger {
    /// A press.
    Press,
    /// Each change of a level.
    Level,
    /// Each text.
    Text,
}

/// The maximum length in bytes of a text in a command line.
const LONGEST_TEXT: usize = 256;

impl CommandLine {
    /// Parses a command line.
    ///
    /// # Errors
    ///
    /// Returns what was expected and what was found.
    pub(crate) fn parse(line: &str) -> Result<Self, String> {
        if line.is_empty() {
            return Err("expected a command line, found nothing".into());
        }
        let mut parts = Vec::new();
        let mut rest = line;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((placeholder, after)) = after.split_once('}') else {
                return Err("expected `}` after `{`".into());
            };
            if !before.is_empty() {
                parts.push(CommandPiece::Literal(before.into()));
            }
            parts.push(parse_placeholder(placeholder)?);
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(CommandPiece::Literal(rest.into()));
        }
        let has = |wanted: fn(&CommandPiece) -> bool| parts.iter().any(wanted);
        if has(|part| matches!(part, CommandPiece::Level { .. }))
            && has(|part| matches!(part, CommandPiece::Text))
        {
            return Err("expected either `{value}` or `{text}`, found both".into());
        }
        Ok(Self { parts })
    }

    /// The trigger of the line.
    pub(crate) fn trigger(&self) -> CommandTrigger {
        let placeholder = self.parts.iter().find_map(|part| match part {
            CommandPiece::Literal(_) => None,
            CommandPiece::Level { .. } => Some(CommandTrigger::Level),
            CommandPiece::Text => Some(CommandTrigger::Text),
        });
        placeholder.unwrap_or(CommandTrigger::Press)
    }

    /// The line for a value; `None` if the value is of the wrong kind.
    pub(crate) fn line(&self, value: &Value) -> Option<String> {
        let mut line = String::new();
        for part in &self.parts {
            match part {
                CommandPiece::Literal(text) => line.push_str(text),
                CommandPiece::Level { from, to, decimals } => {
                    let level = from + (to - from) * value.as_number()?;
                    // A small negative number would be formatted as `-0`.
                    let scale = 10_f64.powi(*decimals as i32);
                    let level = (level * scale).round() / scale + 0.0;
                    write!(line, "{level:.decimals$}").expect("writing to a string cannot fail");
                }
                CommandPiece::Text => push_text(&mut line, value),
            }
        }
        Some(line)
    }
}

/// Appends a value to a command line as text, without line breaks and without quotation marks, which would end a quoted
/// name.
fn push_text(line: &mut String, value: &Value) {
    let start = line.len();
    match value {
        Value::Number(number) => write!(line, "{number}").expect("writing to a string cannot fail"),
        Value::Text(text) => {
            for letter in text.chars().filter(|letter| !letter.is_control() && *letter != '"') {
                if line.len() - start + letter.len_utf8() > LONGEST_TEXT {
                    break;
                }
                line.push(letter);
            }
        }
    }
}

fn parse_placeholder(text: &str) -> Result<CommandPiece, String> {
    let wrong = || format!("expected `{{value}}`, `{{value 0..100}}` or `{{text}}`, found `{{{text}}}`");
    if text == "text" {
        return Ok(CommandPiece::Text);
    }
    let range = text.strip_prefix("value").ok_or_else(wrong)?;
    let range = match range.trim() {
        "" => "0..100",
        written if range.starts_with(char::is_whitespace) => written,
        _ => return Err(wrong()),
    };
    let (from, to) = range.split_once("..").ok_or_else(wrong)?;
    let (from, to) = (from.trim(), to.trim());
    let read = |text: &str| {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let is_plain = digits.len() <= 12
            && digits.starts_with(|digit: char| digit.is_ascii_digit())
            && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        if is_plain { text.parse::<f64>().map_err(|_| wrong()) } else { Err(wrong()) }
    };
    let decimals = |text: &str| text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    Ok(CommandPiece::Level { from: read(from)?, to: read(to)?, decimals: decimals(from).max(decimals(to)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(command: &str, value: impl Into<Value>) -> String {
        let command = CommandLine::parse(command).unwrap_or_else(|error| panic!("{command}: {error}"));
        command.line(&value.into()).unwrap_or_else(|| panic!("{command:?} takes no such value"))
    }

    #[test]
    fn a_level_is_scaled_to_the_range_and_written_as_the_range_is() {
        for (command, value, expected) in [
            ("SpecialMaster 2.1 At {value}", 0.504, "SpecialMaster 2.1 At 50"),
            ("SpecialMaster 3.1 At {value 0..225}", 1.0, "SpecialMaster 3.1 At 225"),
            ("SpecialMaster 3.1 At {value 0..225.0}", 0.5, "SpecialMaster 3.1 At 112.5"),
            ("At {value 100..0}", 0.25, "At 75"),
            ("At {value -5..5}", 0.5, "At 0"),
            ("At {value -5..5}", 0.46, "At 0"),
            ("At {value 0..1.00} Fade {value 0..10}", 0.333, "At 0.33 Fade 3"),
        ] {
            assert_eq!(line(command, value), expected, "{command}");
        }
    }

    #[test]
    fn a_text_cannot_break_out_of_its_quotes_or_its_line() {
        assert_eq!(line("Label Exec 1.5 \"{text}\"", "Vo\"x\r\n 1"), "Label Exec 1.5 \"Vox 1\"");
        assert_eq!(line("{text}", "ä".repeat(1000).as_str()).len(), LONGEST_TEXT);
    }

    #[test]
    fn the_placeholder_says_what_makes_the_line_run() {
        for (command, trigger) in [
            ("Off Page Thru", CommandTrigger::Press),
            ("A {value}", CommandTrigger::Level),
            ("{text}", CommandTrigger::Text),
        ] {
            assert_eq!(
                CommandLine::parse(command).map(|command| command.trigger()),
                Ok(trigger),
                "{command}"
            );
        }
        assert_eq!(CommandLine::parse("A {value}").map(|command| command.line(&Value::text("x"))), Ok(None));
    }

    #[test]
    fn mistakes_are_named() {
        for command in [
            "",
            "A {",
            "A {value",
            "A {val}",
            "A {value 0}",
            "A {value0..1}",
            "A {value 0..}",
            "A {value ..1}",
            "A {value a..b}",
            "A {value 0..1e300}",
            "A {value 0..inf}",
            "A {value 0..NaN}",
            "A {value 0..1..2}",
            "A {value} {text}",
            "A {}",
            "A {value 0..99999999999999999999}",
        ] {
            assert!(CommandLine::parse(command).is_err(), "{command}");
        }
    }
}
