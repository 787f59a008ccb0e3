//! The arguments after the name of a transform: numbers with units, ranges, words, texts, channels.
//!
//! | what | written |
//! | --- | --- |
//! | number | `0.5`, `-3`, `50%` |
//! | duration | `100ms`, `1.5s`, `2min` |
//! | rate | `25/s`, `25Hz` |
//! | range | `0..1`, `100%..20%` |
//! | text | `"..."`, with `\"` and `\\` inside |
//! | pattern | a text in which `*` matches anything and `\*` a star |
//! | name | letters, digits, `-` and `_` |
//! | channel | `instance.address` up to the next blank, `instance."address"`, or quoted as a whole |
//!
//! Reading ends at the first mistake of a stage. Positions are bytes in the text of the stage.

use std::fmt::Display;
use std::ops::{Range, RangeInclusive};

use crate::Duration;
use crate::address::quotes_of_channel;

/// Why a stage makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArgumentError {
    /// Which bytes of the stage.
    pub at: Range<usize>,
    /// What was expected and what was found, in lower case without a full stop.
    pub message: String,
    /// The words that are possible, for "did you mean".
    pub words: Vec<&'static str>,
    /// A suggestion how to fix it.
    pub help: Option<String>,
}

impl ArgumentError {
    /// The same with a hint.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// A channel whose values a stage needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// One that is written there; which bytes of the stage.
    Channel(Range<usize>),
    /// The same, but values sent to the channel count as well: it need not be an input.
    Known(Range<usize>),
    /// The target of the mapping.
    Target,
}

/// The arguments after the name of a transform.
#[derive(Debug)]
pub struct Arguments<'a> {
    stage: &'a str,
    /// The position up to which it has been read.
    at: usize,
    references: &'a mut Vec<Reference>,
}

impl<'a> Arguments<'a> {
    /// The arguments of a stage, whose name ends at `name_end`. Channels that it names are added to those of its chain.
    pub fn new(stage: &'a str, name_end: usize, references: &'a mut Vec<Reference>) -> Self {
        Self { stage, at: name_end, references }
    }

    /// Whether nothing more is there.
    pub fn is_empty(&self) -> bool {
        self.rest().is_empty()
    }

    /// A number within `range`, both ends included.
    ///
    /// # Errors
    ///
    /// `what` completes "expected ...".
    pub fn number(&mut self, what: &str, range: RangeInclusive<f64>) -> Result<f64, ArgumentError> {
        let (word, at) = self.word(what)?;
        let number = read_number(word).ok_or_else(|| expected(what, word, &at))?;
        check_range(what, number, &range, &at)?;
        Ok(number)
    }

    /// A whole number within `range`, both ends included.
    ///
    /// # Errors
    ///
    /// `what` completes "expected ...".
    pub fn whole(&mut self, what: &str, range: RangeInclusive<u32>) -> Result<u32, ArgumentError> {
        let if_broken = self.unexpected(&format!("{what} without decimals"));
        let number = self.number(what, f64::from(*range.start())..=f64::from(*range.end()))?;
        if number.fract() == 0.0 { Ok(number as u32) } else { Err(if_broken) }
    }

    /// Whether a number comes next.
    pub fn is_number_next(&self) -> bool {
        let word = self.rest();
        read_number(&word[..word_len(word)]).is_some()
    }

    /// A time, up to a day.
    ///
    /// # Errors
    ///
    /// `what` completes "expected ...".
    pub fn duration(&mut self, what: &str) -> Result<Duration, ArgumentError> {
        const UNITS: [(&str, f64); 3] = [("ms", 1e-3), ("min", 60.0), ("s", 1.0)];
        const LONGEST: f64 = 86_400.0;
        let (word, at) = self.word(&format!("{what} such as `100ms`"))?;
        let Some((number, factor)) = with_unit(word, &UNITS) else {
            let error = expected(&format!("{what} such as `100ms`"), word, &at);
            let is_bare = word.parse::<f64>().is_ok();
            return Err(if is_bare { error.help(format!("did you mean `{word}ms`?")) } else { error });
        };
        check_range(what, number * factor, &(0.0..=LONGEST), &at)
            .map_err(|error| error.help("a time is at most a day, and not negative"))?;
        Ok(Duration::from_secs_f64(number * factor))
    }

    /// A rate in times a second, from one in a hundred seconds to a thousand.
    ///
    /// # Errors
    ///
    /// `what` completes "expected ...".
    pub fn rate(&mut self, what: &str) -> Result<f64, ArgumentError> {
        const UNITS: [(&str, f64); 3] = [("/s", 1.0), ("Hz", 1.0), ("hz", 1.0)];
        let (word, at) = self.word(&format!("{what} such as `25/s`"))?;
        let Some((number, factor)) = with_unit(word, &UNITS) else {
            let error = expected(&format!("{what} such as `25/s`"), word, &at);
            let is_bare = word.parse::<f64>().is_ok();
            return Err(if is_bare { error.help(format!("did you mean `{word}/s`?")) } else { error });
        };
        check_range(what, number * factor, &(0.01..=1000.0), &at)?;
        Ok(number * factor)
    }

    /// A range `a..b`, both ends within `bounds`, in either order.
    ///
    /// # Errors
    ///
    /// `what` completes "expected ...".
    pub fn range(&mut self, what: &str, bounds: RangeInclusive<f64>) -> Result<(f64, f64), ArgumentError> {
        let (word, at) = self.word(&format!("{what} such as `0.2..0.8`"))?;
        let ends = word.split_once("..").and_then(|(from, to)| Some((read_number(from)?, read_number(to)?)));
        let (from, to) = ends.ok_or_else(|| expected(&format!("{what} such as `0.2..0.8`"), word, &at))?;
        check_range(what, from, &bounds, &at)?;
        check_range(what, to, &bounds, &at)?;
        Ok((from, to))
    }

    /// Two numbers joined by a colon, `0.5:0.2`, both within `bounds`.
    ///
    /// # Errors
    ///
    /// `what` completes "expected ...".
    pub fn pair(&mut self, what: &str, bounds: RangeInclusive<f64>) -> Result<(f64, f64), ArgumentError> {
        let (word, at) = self.word(&format!("{what} such as `0.5:0.2`"))?;
        let pair = word.split_once(':').and_then(|(from, to)| Some((read_number(from)?, read_number(to)?)));
        let (from, to) = pair.ok_or_else(|| expected(&format!("{what} such as `0.5:0.2`"), word, &at))?;
        check_range(what, from, &bounds, &at)?;
        check_range(what, to, &bounds, &at)?;
        Ok((from, to))
    }

    /// Takes a word or sign (`hysteresis`, `->`) if it comes next.
    pub fn keyword(&mut self, word: &str) -> bool {
        let found = self.rest();
        let is_next = &found[..word_len(found)] == word;
        if is_next {
            self.at = self.stage.len() - found.len() + word.len();
        }
        is_next
    }

    /// Takes a word or sign that has to come next.
    ///
    /// # Errors
    ///
    /// If it does not.
    pub fn expect_keyword(&mut self, word: &'static str) -> Result<(), ArgumentError> {
        if self.keyword(word) {
            return Ok(());
        }
        let (found, at) = self.next();
        Err(ArgumentError { words: vec![word], ..expected(&format!("`{word}`"), found, &at) })
    }

    /// One of several words, with what each means.
    ///
    /// # Errors
    ///
    /// `what` completes "expected ...".
    pub fn one_of<T: Copy>(&mut self, what: &str, words: &[(&'static str, T)]) -> Result<T, ArgumentError> {
        let (found, at) = self.next();
        if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == found) {
            self.at = at.end;
            return Ok(*meaning);
        }
        let names: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        let listed: Vec<_> = names.iter().map(|word| format!("`{word}`")).collect();
        let help = format!("it is one of {}", listed.join(", "));
        Err(ArgumentError { words: names, ..expected(what, found, &at) }.help(help))
    }

    /// A text between quotes.
    ///
    /// # Errors
    ///
    /// `what` completes "expected ...".
    pub fn text(&mut self, what: &str) -> Result<String, ArgumentError> {
        Ok(letters(self.required_quoted(what)?).map(|(letter, _)| letter).collect())
    }

    /// Reads a quoted text as a pattern: the pieces before, between and after its stars.
    ///
    /// # Errors
    ///
    /// `what` completes "expected ...".
    pub fn pattern(&mut self, what: &str) -> Result<Vec<String>, ArgumentError> {
        let letters: Vec<_> = letters(self.required_quoted(what)?).collect();
        let pieces = letters.split(|letter| *letter == ('*', false));
        Ok(pieces.map(|piece| piece.iter().map(|(letter, _)| letter).collect()).collect())
    }

    /// Whether a quote comes next.
    pub fn is_text_next(&self) -> bool {
        self.rest().starts_with('"')
    }

    /// A name of letters, digits, `-` and `_`.
    ///
    /// # Errors
    ///
    /// `what` completes "expected ...".
    pub fn name(&mut self, what: &str) -> Result<&'a str, ArgumentError> {
        let (word, at) = self.word(what)?;
        let is_letter = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_');
        if word.chars().all(is_letter) { Ok(word) } else { Err(expected(what, word, &at)) }
    }

    /// A channel whose values the chain receives: its number for [`Moment::known`](super::Moment::known) and
    /// [`Stateful::handle_signal`](super::Stateful::handle_signal).
    ///
    /// # Errors
    ///
    /// If there is none. Its existence is checked later.
    pub fn channel(&mut self) -> Result<usize, ArgumentError> {
        let at = self.written_channel()?;
        Ok(self.refer_to(Reference::Channel(at)))
    }

    /// A channel whose last value counts whichever way it went, as [`channel`](Self::channel).
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn known_channel(&mut self) -> Result<usize, ArgumentError> {
        let at = self.written_channel()?;
        Ok(self.refer_to(Reference::Known(at)))
    }

    fn refer_to(&mut self, reference: Reference) -> usize {
        self.references.push(reference);
        self.references.len() - 1
    }

    fn written_channel(&mut self) -> Result<Range<usize>, ArgumentError> {
        let rest = self.rest();
        let start = self.stage.len() - rest.len();
        let inner = match self.quoted("a channel")? {
            Some(_) => start + 1..self.at - 1,
            None => {
                let quoted = quotes_of_channel(rest).map_or(0, |quotes| quotes.end);
                let end = rest[quoted..].find(char::is_whitespace).map_or(rest.len(), |len| quoted + len);
                self.at = start + end;
                start..self.at
            }
        };
        if inner.is_empty() {
            return Err(expected("a channel", "", &inner));
        }
        Ok(inner)
    }

    /// The target of the mapping, as a channel whose values the chain receives.
    pub fn target(&mut self) -> usize {
        self.refer_to(Reference::Target)
    }

    /// Nothing more may come.
    ///
    /// # Errors
    ///
    /// If something does.
    pub fn end(&mut self) -> Result<(), ArgumentError> {
        let (_, at) = self.next();
        let found = &self.stage[at.start..].trim_end();
        if found.is_empty() {
            Ok(())
        } else {
            Err(expected("nothing more", found, &(at.start..at.start + found.len())))
        }
    }

    /// An error at the next argument; `what` completes "expected ...".
    pub fn unexpected(&self, what: &str) -> ArgumentError {
        let (found, at) = self.next();
        expected(what, found, &at)
    }

    fn rest(&self) -> &'a str {
        self.stage[self.at..].trim_start()
    }

    /// The next argument, up to a blank or the end of a quoted text, and its position. Empty at the end.
    fn next(&self) -> (&'a str, Range<usize>) {
        let rest = self.rest();
        let start = self.stage.len() - rest.len();
        let word = &rest[..word_len(rest)];
        (word, start..start + word.len())
    }

    fn word(&mut self, what: &str) -> Result<(&'a str, Range<usize>), ArgumentError> {
        let (word, at) = self.next();
        if word.is_empty() {
            return Err(expected(what, word, &at));
        }
        self.at = at.end;
        Ok((word, at))
    }

    fn required_quoted(&mut self, what: &str) -> Result<&'a str, ArgumentError> {
        self.quoted(what)?.ok_or_else(|| self.unexpected(&format!("{what} in quotes")))
    }

    /// The text between quotes, as written, if a quote comes next.
    fn quoted(&mut self, what: &str) -> Result<Option<&'a str>, ArgumentError> {
        let (written, at) = self.next();
        let Some(inner) = written.strip_prefix('"') else { return Ok(None) };
        let mut is_escaped = false;
        let is_end = |letter: char| {
            let ends = letter == '"' && !is_escaped;
            is_escaped = letter == '\\' && !is_escaped;
            ends
        };
        let end = inner
            .find(is_end)
            .ok_or_else(|| expected(&format!("{what} that ends with a quote"), written, &at))?;
        self.at = at.start + 1 + end + 1;
        Ok(Some(&inner[..end]))
    }
}

/// The letters of a quoted text, and whether each follows a backslash.
fn letters(quoted: &str) -> impl Iterator<Item = (char, bool)> {
    let mut letters = quoted.chars();
    std::iter::from_fn(move || match letters.next()? {
        '\\' => Some((letters.next()?, true)),
        letter => Some((letter, false)),
    })
}

/// The length of the first word, which ends at a blank, or at `=` outside of quotes; quotes belong to their word, and `=`
/// is one by itself.
fn word_len(text: &str) -> usize {
    if text.starts_with('=') {
        return 1;
    }
    let mut in_quotes = false;
    let mut is_escaped = false;
    let is_end = |(at, letter): (usize, char)| {
        let ends = !in_quotes && (letter.is_whitespace() || letter == '=');
        in_quotes ^= letter == '"' && !is_escaped;
        is_escaped = letter == '\\' && !is_escaped;
        ends.then_some(at)
    };
    text.char_indices().find_map(is_end).unwrap_or(text.len())
}

/// A number, or one with a percent sign.
pub fn read_number(word: &str) -> Option<f64> {
    let (digits, factor) = match word.strip_suffix('%') {
        Some(digits) => (digits, 0.01),
        None => (word, 1.0),
    };
    // Rust also parses `inf`, `nan` and `1e9`, which are never intended here.
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+'));
    let number = digits.parse::<f64>().ok().filter(|_| is_plain)?;
    Some(if factor == 1.0 { number } else { number / 100.0 })
}

fn with_unit(word: &str, units: &[(&str, f64)]) -> Option<(f64, f64)> {
    units.iter().find_map(|(unit, factor)| Some((read_number(word.strip_suffix(unit)?)?, *factor)))
}

fn check_range(
    what: &str,
    number: f64,
    range: &RangeInclusive<f64>,
    at: &Range<usize>,
) -> Result<(), ArgumentError> {
    if range.contains(&number) {
        return Ok(());
    }
    Err(expected(&format!("{what} from {} to {}", range.start(), range.end()), number, at))
}

fn expected(what: &str, found: impl Display, at: &Range<usize>) -> ArgumentError {
    let found = found.to_string();
    let found = if found.is_empty() { "nothing".to_owned() } else { format!("`{found}`") };
    ArgumentError {
        at: at.clone(),
        message: format!("expected {what}, found {found}"),
        words: Vec::new(),
        help: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads the arguments of `stage`, which is a name and its arguments.
    fn read<T>(
        stage: &str,
        reader: impl FnOnce(&mut Arguments<'_>) -> Result<T, ArgumentError>,
    ) -> Result<T, (Range<usize>, String)> {
        let mut references = Vec::new();
        let name_end = stage.find(' ').unwrap_or(stage.len());
        let mut arguments = Arguments::new(stage, name_end, &mut references);
        let read = reader(&mut arguments).and_then(|read| arguments.end().map(|()| read));
        read.map_err(|error| (error.at, error.message))
    }

    #[test]
    fn numbers_have_a_range_and_may_be_percent() {
        let number = |stage| read(stage, |arguments| arguments.number("a level", 0.0..=1.0));
        assert_eq!(number("x 0.25"), Ok(0.25));
        assert_eq!(number("x  50% "), Ok(0.5));
        assert_eq!(number("x -0"), Ok(0.0));
        for (stage, at, found) in [
            ("x 5", 2..3, "a level from 0 to 1, found `5`"),
            ("x", 1..1, "a level, found nothing"),
            ("x nan", 2..5, "a level, found `nan`"),
            ("x 1e0", 2..5, "a level, found `1e0`"),
            ("x 0.5 up", 6..8, "nothing more, found `up`"),
        ] {
            assert_eq!(number(stage), Err((at, format!("expected {found}"))), "{stage}");
        }
    }

    #[test]
    fn whole_numbers_have_no_decimals() {
        let whole = |stage| read(stage, |arguments| arguments.whole("a count", 2..=8));
        assert_eq!((whole("x 2"), whole("x 8.0")), (Ok(2), Ok(8)));
        assert_eq!(whole("x 2.5"), Err((2..5, "expected a count without decimals, found `2.5`".to_owned())));
        assert_eq!(whole("x 9"), Err((2..3, "expected a count from 2 to 8, found `9`".to_owned())));
    }

    #[test]
    fn times_and_rates_want_a_unit() {
        let duration = |stage| read(stage, |arguments| arguments.duration("a time"));
        assert_eq!(duration("x 100ms"), Ok(Duration::from_millis(100)));
        assert_eq!(duration("x 1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("x 2min"), Ok(Duration::from_secs(120)));
        assert!(
            duration("x 100").is_err_and(|(_, message)| message.ends_with("such as `100ms`, found `100`"))
        );
        assert!(duration("x -1s").is_err() && duration("x 25h").is_err() && duration("x 1441min").is_err());
        let rate = |stage| read(stage, |arguments| arguments.rate("a rate"));
        assert_eq!((rate("x 25/s"), rate("x 44Hz")), (Ok(25.0), Ok(44.0)));
        assert!(rate("x 0/s").is_err() && rate("x 25").is_err());
    }

    #[test]
    fn ranges_and_pairs_go_both_ways() {
        let range = |stage| read(stage, |arguments| arguments.range("a range", -1.0..=1.0));
        assert_eq!(range("x 0..1"), Ok((0.0, 1.0)));
        assert_eq!(range("x 100%..-0.5"), Ok((1.0, -0.5)));
        assert!(range("x 0..2").is_err() && range("x 0").is_err() && range("x 0..").is_err());
        let pair = |stage| read(stage, |arguments| arguments.pair("a point", 0.0..=1.0));
        assert_eq!(pair("x 0.5:20%"), Ok((0.5, 0.2)));
    }

    #[test]
    fn texts_are_quoted_and_joined_by_signs() {
        let entry = |stage| {
            read(stage, |arguments| {
                let text = arguments.text("a text")?;
                arguments.expect_keyword("=")?;
                Ok((text, arguments.number("a number", 0.0..=1.0)?))
            })
        };
        assert_eq!(entry(r#"match "off"=0"#), Ok(("off".to_owned(), 0.0)));
        assert_eq!(entry(r#"match "a = \"b\" | >" = 1"#), Ok((r#"a = "b" | >"#.to_owned(), 1.0)));
        assert!(entry(r#"match "off=0"#).is_err_and(|(at, _)| at == (6..12)));
        assert!(entry("match off=0").is_err_and(|(_, message)| message.contains("in quotes, found `off`")));
    }

    #[test]
    fn patterns_are_cut_at_their_stars() {
        let pattern = |stage| read(stage, |arguments| arguments.pattern("a pattern"));
        for (written, pieces) in [
            (r#"x """#, vec![""]),
            (r#"x "cue""#, vec!["cue"]),
            (r#"x "a*b*""#, vec!["a", "b", ""]),
            (r#"x "\*\"\\*""#, vec![r#"*"\"#, ""]),
        ] {
            assert_eq!(pattern(written), Ok(pieces.into_iter().map(str::to_owned).collect()), "{written}");
        }
        assert!(pattern("x off").is_err() && pattern(r#"x "off\""#).is_err());
    }

    #[test]
    fn channels_reach_to_the_next_blank_or_are_quoted() {
        for (stage, channel) in
            [("when a.x=1 > 0.5", "a.x=1"), (r#"when "a./with blank" > 0.5"#, "a./with blank")]
        {
            let mut references = Vec::new();
            let mut arguments = Arguments::new(stage, 4, &mut references);
            assert_eq!(arguments.channel(), Ok(0));
            assert!(arguments.keyword(">") && arguments.number("a level", 0.0..=1.0) == Ok(0.5));
            assert_eq!((arguments.end(), arguments.target()), (Ok(()), 1));
            let Reference::Channel(at) = &references[0] else { panic!("no channel in {stage}") };
            assert_eq!(&stage[at.clone()], channel);
            assert_eq!(references[1], Reference::Target);
        }
        assert!(read("when", |arguments| arguments.channel()).is_err());
    }

    #[test]
    fn a_word_that_is_none_names_those_that_are() {
        let mut references = Vec::new();
        let mut arguments = Arguments::new("merge hpt", 5, &mut references);
        let error = arguments.one_of("a rule", &[("htp", 1), ("ltp", 2)]).unwrap_err();
        assert_eq!((error.at, error.words), (6..9, vec!["htp", "ltp"]));
        assert_eq!(error.help.as_deref(), Some("it is one of `htp`, `ltp`"));
    }
}
