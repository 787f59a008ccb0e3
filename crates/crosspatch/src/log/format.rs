//! The log format for operators: `12:03:01 desk       connected to 10.0.0.5:80`.
//!
//! Colour repeats the text and adds no information. Text from a peer never reaches the terminal as a control character.

use std::fmt::{self, Debug, Write};

use crosspatch_core::plain;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// The width of the column of instance names. Longer names shift the text to the right.
const COLUMN: usize = 10;

/// The format for operators.
pub(super) struct OperatorFormat;

impl<S, N> FormatEvent<S, N> for OperatorFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let time = jiff::Zoned::now().strftime("%H:%M:%S").to_string();
        let colored = writer.has_ansi_escapes();
        write_line(&mut writer, &time, *event.metadata().level(), &fields, colored)
    }
}

fn write_line(out: &mut impl Write, time: &str, level: Level, fields: &Fields, colored: bool) -> fmt::Result {
    let paint = |code: &'static str| if colored { code } else { "" };
    let (dim, bold, plain) = (paint("\x1b[2m"), paint("\x1b[1m"), paint("\x1b[0m"));
    let instance = if fields.instance.is_empty() { "crosspatch" } else { &fields.instance };
    write!(out, "{dim}{time}{plain} {bold}{instance:COLUMN$}{plain} ")?;
    match level {
        Level::ERROR => write!(out, "{}error:{plain} ", paint("\x1b[1;31m"))?,
        Level::WARN => write!(out, "{}warning:{plain} ", paint("\x1b[33m"))?,
        Level::INFO => {}
        Level::DEBUG | Level::TRACE => out.write_str(dim)?,
    }
    write!(out, "{}{}", fields.message, fields.others)?;
    if fields.held > 0 {
        write!(out, " (and {} more like it)", fields.held)?;
    }
    writeln!(out, "{plain}")
}

/// The fields of an event, by use.
#[derive(Debug, Default)]
struct Fields {
    instance: String,
    message: String,
    held: u64,
    others: String,
}

impl Visit for Fields {
    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "held" => self.held = value,
            _ => self.record_debug(field, &value),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let value = plain(format!("{value:?}"));
        match field.name() {
            "message" => self.message = value.to_string(),
            "instance" => self.instance = value.to_string(),
            // The kind of a notice is for machines; the text says the same.
            "id" => {}
            name => {
                let _ = write!(self.others, " {name}={value}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(level: Level, instance: &str, message: &str, held: u64, colored: bool) -> String {
        let mut line = String::new();
        let (instance, message) = (instance.to_owned(), message.to_owned());
        let fields = Fields { instance, message, held, others: String::new() };
        write_line(&mut line, "12:03:01", level, &fields, colored).unwrap();
        line
    }

    #[test]
    fn a_line_says_when_who_and_what() {
        assert_eq!(line(Level::INFO, "desk", "connected", 0, false), "12:03:01 desk       connected\n");
        assert_eq!(
            line(Level::WARN, "", "lost", 2, false),
            "12:03:01 crosspatch warning: lost (and 2 more like it)\n"
        );
        assert_eq!(
            line(Level::ERROR, "a-very-long-name", "no", 0, false),
            "12:03:01 a-very-long-name error: no\n"
        );
    }

    #[test]
    fn colour_adds_no_meaning() {
        let strip = |text: String| {
            let parts = text.split('\x1b').enumerate();
            parts
                .map(|(at, part)| if at == 0 { part } else { part.split_once('m').unwrap().1 })
                .collect::<String>()
        };
        for level in [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE] {
            assert_eq!(strip(line(level, "desk", "x", 1, true)), line(level, "desk", "x", 1, false));
        }
    }
}
