//! Parses one line. Parsing never fails: a line with mistakes is read as far as possible, and carries its faults.

use std::borrow::Cow;

use crosspatch_core::address::closing_quote;

use crate::syntax::lexer::{self, Operator};
use crate::syntax::source::Span;
use crate::syntax::tree::{Fault, Item, Line, MappingLine, SectionKind, Side};
use crate::wording::quote;

/// Parses the line at `span`, which belongs to a section of the given kind.
pub(crate) fn parse_line(text: &str, span: Span, context: SectionKind) -> Line {
    let body = lexer::trim(text, span);
    let mut faults = Vec::new();
    let item = match (body.of(text).as_bytes().first(), context) {
        (None, _) => Item::Blank,
        (Some(b';'), _) => Item::Comment(body),
        (Some(b'['), _) if is_chain_header(body.of(text)) => chain_header(text, body, &mut faults),
        (Some(b'['), SectionKind::Start | SectionKind::Options | SectionKind::Chain) => {
            header(text, body, &mut faults)
        }
        (Some(b'['), SectionKind::Map) if lexer::operator(text, body).is_none() => {
            header(text, body, &mut faults)
        }
        (Some(_), SectionKind::Map) => mapping(text, body, &mut faults),
        (Some(_), SectionKind::Chain) => Item::Stages(stages(text, body, &mut faults)),
        (Some(_), SectionKind::Options) => option(text, body, &mut faults),
        (Some(_), SectionKind::Start) => invalid(body, &mut faults, before_first_section(text, body)),
    };
    Line { span, item, faults }
}

fn invalid(body: Span, faults: &mut Vec<Fault>, fault: Fault) -> Item {
    faults.push(fault);
    Item::Invalid(body)
}

fn before_first_section(text: &str, body: Span) -> Fault {
    // MIDIMonster ignores options before the first section.
    if body.of(text).contains('=') && comment_hint(text, body).is_none() {
        let message = format!("{} has no effect before the first section", quote(body.of(text)));
        return Fault::warning(body, "no-section", message, None);
    }
    let found = format!("expected a section such as `[map]`, found {}", quote(body.of(text)));
    Fault::error(body, "no-section", found, comment_hint(text, body))
}

/// A hint if the line looks like a comment in another language.
fn comment_hint(text: &str, body: Span) -> Option<&'static str> {
    let line = body.of(text);
    let is_foreign = ["#", "//", "--", "/*", "rem "].iter().any(|mark| line.starts_with(mark));
    is_foreign.then_some("a comment begins with `;`")
}

/// Parses `[...]`, even if it is incomplete.
fn header(text: &str, body: Span, faults: &mut Vec<Fault>) -> Item {
    let inner = inside_brackets(text, body, faults);
    let (first, rest) = lexer::word(text, inner);
    match first.of(text) {
        "" => {
            let message = "expected a name between the brackets, found nothing";
            invalid(body, faults, Fault::error(body, "section", message, Some(SECTIONS)))
        }
        "include" => {
            expect(rest, first, "a file name after `include`", "write `[include FILE]`", faults);
            Item::Include { file: rest }
        }
        "backend" => {
            expect(rest, first, "the name of a backend after `backend`", "write `[backend NAME]`", faults);
            Item::Backend { name: rest }
        }
        "map" => {
            if !rest.is_empty() {
                let message = format!("expected nothing after `map`, found {}", quote(rest.of(text)));
                faults.push(Fault::error(rest, "section", message, None));
            }
            Item::Map
        }
        "web" if rest.is_empty() => Item::Web(first),
        _ => Item::Instance { backend: first, name: rest },
    }
}

/// Reports a part of a section header that is missing.
fn expect(part: Span, at: Span, what: &str, help: &str, faults: &mut Vec<Fault>) {
    if part.is_empty() {
        faults.push(Fault::error(at, "section", format!("expected {what}, found nothing"), Some(help)));
    }
}

pub(crate) const SECTIONS: &str = "sections are `[BACKEND NAME]`, `[backend BACKEND]`, `[map]`, `[chain NAME]`, `[web]` and `[include FILE]`";

fn inside_brackets(text: &str, body: Span, faults: &mut Vec<Fault>) -> Span {
    let start = body.start as usize + 1;
    let (inner, rest) = match body.of(text).rfind(']') {
        Some(close) => {
            let close = body.start as usize + close;
            (Span::new(start, close), Span::new(close + 1, body.end as usize))
        }
        None => {
            faults.push(Fault::error(body, "section", "expected `]` at the end of the line", None));
            (Span::new(start, body.end as usize), Span::new(body.end as usize, body.end as usize))
        }
    };
    let rest = lexer::trim(text, rest);
    if !rest.is_empty() {
        let message = format!("expected nothing after the section header, found {}", quote(rest.of(text)));
        let is_comment = rest.of(text).starts_with([';', '#', '/']);
        faults.push(Fault::error(rest, "section", message, is_comment.then_some(COMMENT)));
    }
    lexer::trim(text, inner)
}

const COMMENT: &str = "a comment must be on a line of its own that begins with `;`";

fn option(text: &str, body: Span, faults: &mut Vec<Fault>) -> Item {
    let line = body.of(text);
    let quotes = closing_quote(line, 0).map_or(0, |close| close + 1);
    let Some(equals) = line[quotes..].find('=').map(|len| quotes + len) else {
        let message = format!("expected `option = value`, found {}", quote(line));
        let is_mapping = lexer::operator(text, body).is_some();
        let help = comment_hint(text, body)
            .map(str::to_owned)
            .or_else(|| is_mapping.then(|| "a mapping belongs in a `[map]` section".to_owned()))
            .or_else(|| meant_by(line));
        return invalid(body, faults, Fault::error(body, "option-syntax", message, help.as_deref()));
    };
    let equals = body.start as usize + equals;
    let name = lexer::trim(text, Span::new(body.start as usize, equals));
    let value = lexer::trim(text, Span::new(equals + 1, body.end as usize));
    if name.is_empty() {
        let message = "expected the name of an option before `=`, found nothing";
        return invalid(body, faults, Fault::error(body, "option-syntax", message, None));
    }
    if let Some(rest) = value.of(text).strip_prefix('=') {
        let help = format!("did you mean `{} = {}`?", name.of(text), rest.trim_start_matches('=').trim());
        faults.push(Fault::warning(value, "option-syntax", "the value begins with another `=`", Some(&help)));
    }
    Item::Option { name, value }
}

/// What a line that is no option may have been meant as: a section without its brackets, or an option with another sign.
fn meant_by(line: &str) -> Option<String> {
    if line == "map" || line.ends_with(']') {
        return Some(format!("did you mean `[{}]`?", line.trim_end_matches(']')));
    }
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let (name, rest) = line.split_at(line.find(|c| !is_of_name(c))?);
    let value = rest.trim_start_matches([':', ' ', '\t']);
    let is_option = !name.is_empty() && !value.is_empty() && rest.starts_with([':', ' ', '\t']);
    is_option.then(|| format!("did you mean `{name} = {value}`?"))
}

/// Whether a line that begins with a bracket is `[chain ...]`. Its stages may look like a mapping.
fn is_chain_header(line: &str) -> bool {
    let word = line[1..].trim_start().strip_prefix("chain");
    word.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', ']']))
}

/// Parses `[chain NAME] STAGES`.
fn chain_header(text: &str, body: Span, faults: &mut Vec<Fault>) -> Item {
    let start = body.start as usize + 1;
    let (name, rest) = match body.of(text).find(']') {
        Some(len) => {
            let inner = lexer::trim(text, Span::new(start, start + len - 1));
            (lexer::word(text, inner).1, Span::new(start + len, body.end as usize))
        }
        None => {
            faults.push(Fault::error(body, "section", "expected `]` after the name of the chain", None));
            let (_, rest) = lexer::word(text, lexer::trim(text, Span { start: start as u32, ..body }));
            lexer::word(text, rest)
        }
    };
    expect(name, body, "the name of a chain after `chain`", "write `[chain NAME]`", faults);
    Item::Chain { name, stages: stages(text, lexer::trim(text, rest), faults) }
}

/// Parses a line of stages, or the stages after the header of their section.
fn stages(text: &str, body: Span, faults: &mut Vec<Fault>) -> Vec<Span> {
    let line = body.of(text);
    if line.is_empty() {
        return Vec::new();
    }
    if let Some(help) = comment_hint(text, body) {
        let message = format!("expected stages, found {}", quote(line));
        faults.push(Fault::error(body, "chain-syntax", message, Some(help)));
        return Vec::new();
    }
    let mut within = Vec::new();
    let masked = lexer::mask_stages(line);
    let whole = without_comment(line, &masked, &mut within);
    let stages = match lexer::operator(&masked, whole) {
        Some((operator, _)) => {
            let message = format!("expected stages joined by ` | `, found {}", quote(operator.of(line)));
            let help = "a chain has no channels at its ends; a mapping belongs in a `[map]` section";
            within.push(Fault::error(operator, "chain-syntax", message, Some(help)));
            Vec::new()
        }
        None => filled(&masked, lexer::stages(&masked, whole), &mut within),
    };
    faults.extend(within.into_iter().map(|fault| fault.shifted(body.start)));
    stages.into_iter().map(|stage| stage.shifted(body.start)).collect()
}

fn mapping(text: &str, body: Span, faults: &mut Vec<Fault>) -> Item {
    let mut within = Vec::new();
    let mapping = mapping_of(body.of(text), &mut within);
    faults.extend(within.into_iter().map(|fault| fault.shifted(body.start)));
    mapping.map_or(Item::Invalid(body), |mapping| Item::Mapping(mapping.shifted(body.start)))
}

/// Parses a mapping line. Spans count from its start. None if it is not a mapping.
fn mapping_of(line: &str, faults: &mut Vec<Fault>) -> Option<MappingLine> {
    let body = Span::new(0, line.len());
    // The name of an instance cannot begin like this.
    if line.starts_with("# ") || line.starts_with("//") {
        let message = format!("expected a mapping, found {}", quote(line));
        faults.push(Fault::error(body, "mapping-syntax", message, comment_hint(line, body)));
        return None;
    }
    // Most lines have no stages, quotes or comments. Searching for all of them in one pass over the whole line is fast.
    let is_simple = !line.bytes().fold(false, |found, byte| found | matches!(byte, b'|' | b';' | b'"'));
    let (masked, body) = if is_simple {
        (Cow::Borrowed(line), body)
    } else {
        let masked = lexer::mask_line(line);
        let body = without_comment(line, &masked, faults);
        (masked, body)
    };
    let Some((mut operator_at, mut operator)) = lexer::operator(&masked, body) else {
        let message =
            format!("expected `>`, `<` or `<>` between two channels, found {}", quote(body.of(line)));
        let is_option = body.of(&masked).contains('=');
        let meant = foreign_operator(line, &masked, body);
        let help = comment_hint(line, body)
            .or(meant.as_deref())
            .or_else(|| (masked.contains(" |") && body.of(line).contains(['<', '>'])).then_some(OWN_OPERATOR))
            .or_else(|| is_option.then_some("an option belongs in the section of its instance"));
        faults.push(Fault::error(body, "mapping-syntax", message, help));
        return None;
    };
    let mut left = Span::new(0, operator_at.start as usize);
    let mut right = Span::new(operator_at.end as usize, body.end as usize);
    if let Some(long) = two_way_arrow(&masked, operator_at, right) {
        right.start = long.end;
        let meant = rewritten(line, left, "<>", right);
        let message = format!("expected `<>`, found {}", quote(long.of(line)));
        faults.push(Fault::error(long, "mapping-syntax", message, Some(&meant)));
        (operator_at, operator) = (long, Operator::Both);
    }
    if let Some((second, _)) = lexer::operator(&masked, right) {
        let message = format!("expected one mapping per line, found a second {}", quote(second.of(line)));
        let between = Span { end: second.start, ..right };
        let compares = |part| lexer::stages(&masked, part).skip(1).last().is_some_and(|at| is_when(line, at));
        let help = match compares(left) || compares(between) {
            true => COMPARISON,
            false => "to pass a value on through several channels, write several lines",
        };
        faults.push(Fault::error(second, "mapping-syntax", message, Some(help)));
        return None;
    }
    if let Some(arrow) = arrow(&masked, left, operator_at, right) {
        let message = format!("expected {}, found {}", quote(operator_at.of(line)), quote(arrow.of(line)));
        (left.end, right.start) = (arrow.start, arrow.end);
        let meant = rewritten(line, left, operator_at.of(line), right);
        faults.push(Fault::error(arrow, "mapping-syntax", message, Some(&meant)));
    } else if operator == Operator::Right && left.of(&masked).ends_with(['-', '=']) {
        let shaft = Span { start: left.end - 1, ..left };
        let channel = lexer::trim(line, left);
        let message = format!("{} belongs to the channel {}", quote(shaft.of(line)), quote(channel.of(line)));
        let meant = rewritten(line, Span { end: shaft.start, ..left }, ">", right);
        faults.push(Fault::warning(shaft, "arrow-in-channel", message, Some(&meant)));
    }
    // A line without masked characters has no bar.
    let bars = matches!(masked, Cow::Owned(_)).then_some(&*masked);
    let left = side(line, bars, left, operator_at, "before", faults);
    let right = side(line, bars, right, operator_at, "after", faults);
    Some(MappingLine { left, operator, operator_at, right })
}

/// The hint if the only operator of a line was read as part of a stage.
const OWN_OPERATOR: &str = "a `>` or `<` before a number or a quoted text belongs to its transform; \
                            the mapping needs an operator of its own";

const COMPARISON: &str = "`when` compares with a number or a text in quotes";

fn is_when(line: &str, stage: Span) -> bool {
    lexer::word(line, stage).0.of(line) == "when"
}

/// Removes a trailing comment, and reports it.
fn without_comment(line: &str, masked: &str, faults: &mut Vec<Fault>) -> Span {
    let mark = masked
        .bytes()
        .enumerate()
        .position(|(at, byte)| byte == b';' && at > 0 && matches!(masked.as_bytes()[at - 1], b' ' | b'\t'));
    let Some(mark) = mark else { return Span::new(0, line.len()) };
    let comment = Span::new(mark, line.len());
    let message = format!("{} after a mapping is read as a comment", quote(comment.of(line)));
    faults.push(Fault::warning(comment, "comment", message, Some(COMMENT)));
    lexer::trim(line, Span::new(0, mark))
}

/// The span of `->`, `=>`, `<-` or `<=`, as other languages write it.
fn arrow(masked: &str, left: Span, operator: Span, right: Span) -> Option<Span> {
    let shaft_before = left.of(masked).ends_with(" -") || left.of(masked).ends_with(" =");
    let shaft_after = right.of(masked).starts_with("- ") || right.of(masked).starts_with("= ");
    (shaft_before || shaft_after).then(|| {
        Span::new(
            operator.start as usize - usize::from(shaft_before),
            operator.end as usize + usize::from(shaft_after),
        )
    })
}

/// The span of `<->` or `<=>`, of which only the `<` was read as an operator.
fn two_way_arrow(masked: &str, operator: Span, right: Span) -> Option<Span> {
    let rest = right.of(masked);
    let shaft = rest.find(|c| !matches!(c, '-' | '=')).filter(|&len| len > 0)?;
    let is_arrow = operator.of(masked) == "<" && rest[shaft..].starts_with('>');
    is_arrow.then(|| Span::new(operator.start as usize, operator.end as usize + shaft + 1))
}

/// The suggestion for a line with an operator of another language: an arrow as one character, or `=`.
fn foreign_operator(line: &str, masked: &str, body: Span) -> Option<String> {
    const RIGHT: [char; 7] = ['→', '⇒', '⟶', '➔', '➜', '›', '»'];
    const LEFT: [char; 5] = ['←', '⇐', '⟵', '‹', '«'];
    const BOTH: [char; 3] = ['↔', '⇔', '⟷'];
    let arrow = |c: char| match c {
        c if RIGHT.contains(&c) => Some(">"),
        c if LEFT.contains(&c) => Some("<"),
        c if BOTH.contains(&c) => Some("<>"),
        _ => None,
    };
    let text = body.of(masked);
    let arrows = || text.char_indices().filter_map(|(at, c)| Some((at, c.len_utf8(), arrow(c)?)));
    // Both sides of a mapping have a dot; the name of an option and a number do not.
    let is_channel = |side: &str| {
        let side = side.trim();
        side.contains('.') && !side.starts_with(|c: char| c.is_ascii_digit())
    };
    let equals = || {
        let at = text.find('=').filter(|&at| is_channel(&text[..at]) && is_channel(&text[at + 1..]))?;
        Some((at, 1, ">"))
    };
    let (at, len, operator) = arrows().next().or_else(equals)?;
    let at = body.start as usize + at;
    let (left, right) = (Span { end: at as u32, ..body }, Span { start: (at + len) as u32, ..body });
    Some(rewritten(line, left, operator, right))
}

/// A suggestion of the whole line.
fn rewritten(line: &str, left: Span, operator: &str, right: Span) -> String {
    let side = |part| lexer::trim(line, part).of(line);
    format!("did you mean {}?", quote(&format!("{} {operator} {}", side(left), side(right))))
}

/// Parses one side of a mapping. `bars` is the masked line, if it has any bar.
fn side(
    line: &str,
    bars: Option<&str>,
    part: Span,
    operator: Span,
    position: &str,
    faults: &mut Vec<Fault>,
) -> Side {
    let (channels, transforms) = match bars {
        None => (lexer::trim(line, part), Vec::new()),
        Some(masked) => {
            let mut stages = lexer::stages(masked, part);
            (stages.next().unwrap_or(part), filled(masked, stages, faults))
        }
    };
    if channels.is_empty() {
        let message = format!("expected a channel {position} {}, found nothing", quote(operator.of(line)));
        faults.push(Fault::error(operator, "mapping-syntax", message, None));
    }
    Side { channels, transforms }
}

/// The stages that are not empty. Reports the empty ones.
fn filled(masked: &str, stages: impl Iterator<Item = Span>, faults: &mut Vec<Fault>) -> Vec<Span> {
    let is_filled = |stage: &Span| {
        if stage.is_empty() {
            let at = stage.start as usize;
            // The bar before the stage, or, at the start of a line, the bar after it.
            let bar = masked[..at].rfind('|').or_else(|| masked[at..].find('|').map(|len| at + len));
            let bar = bar.map_or(*stage, |bar| Span::new(bar, bar + 1));
            let message = "expected a transform next to this `|`, found nothing";
            faults.push(Fault::error(bar, "empty-stage", message, None));
        }
        !stage.is_empty()
    };
    stages.filter(is_filled).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::syntax::document::Document;

    fn line(text: &str, context: SectionKind) -> Line {
        parse_line(text, Span::new(0, text.len()), context)
    }

    #[test]
    fn sections_may_contain_any_spaces() {
        let text = " [ osc   desk ] \r";
        let Item::Instance { backend, name } = line(text, SectionKind::Map).item else {
            panic!("no instance")
        };
        assert_eq!((backend.of(text), name.of(text)), ("osc", "desk"));
        let text = "[include a b.cfg]";
        let Item::Include { file } = line(text, SectionKind::Start).item else { panic!("no include") };
        assert_eq!(file.of(text), "a b.cfg");
    }

    #[test]
    fn the_section_decides_what_a_line_is() {
        assert!(matches!(line("/a > b = f", SectionKind::Options).item, Item::Option { .. }));
        assert!(matches!(line("a.x = y > b.y", SectionKind::Map).item, Item::Mapping(_)));
        assert!(matches!(line("a.x > b.y", SectionKind::Start).item, Item::Invalid(_)));
    }

    /// The pieces of a mapping line: left channels and stages, the operator, right channels and stages.
    fn mapping_pieces(text: &str) -> (Vec<&str>, &str, Vec<&str>) {
        let Item::Mapping(mapping) = line(text, SectionKind::Map).item else { panic!("no mapping: {text}") };
        let side = |side: &Side| {
            let stages = side.transforms.iter().map(|stage| stage.of(text));
            std::iter::once(side.channels.of(text)).chain(stages).collect()
        };
        (side(&mapping.left), mapping.operator_at.of(text), side(&mapping.right))
    }

    #[test]
    fn a_mapping_keeps_its_transforms() {
        for (text, left, operator, right) in [
            (
                "x.A | invert | curve 2.2 > out.1+2",
                &["x.A", "invert", "curve 2.2"][..],
                ">",
                &["out.1+2"][..],
            ),
            ("\tlamp.x<knob.x\t|\tinvert  |   curve 2 ", &["lamp.x"], "<", &["knob.x", "invert", "curve 2"]),
            ("a.x | invert <> b.y", &["a.x", "invert"], "<>", &["b.y"]),
            ("a.x|y | invert > b.|", &["a.x|y", "invert"], ">", &["b.|"]),
            ("a.x | range 0..1 -> 1..0 > b.y", &["a.x", "range 0..1 -> 1..0"], ">", &["b.y"]),
            ("a.x | when b.{1..3} >= 50% > c.y", &["a.x", "when b.{1..3} >= 50%"], ">", &["c.y"]),
            ("a.x | when b.y < -0.5 <> c.y", &["a.x", "when b.y < -0.5"], "<>", &["c.y"]),
            ("a.x | when b.y > \"x > y\" > c.y", &["a.x", "when b.y > \"x > y\""], ">", &["c.y"]),
            ("a.x | when b.y > c.y", &["a.x", "when b.y"], ">", &["c.y"]),
            (
                r#"a.x | text "{value} | \" <>" | invert > b."y"#,
                &["a.x", r#"text "{value} | \" <>""#, "invert"],
                ">",
                &[r#"b."y"#],
            ),
            (r#"a.x" | match "; -" = 0 > b."#, &[r#"a.x""#, r#"match "; -" = 0"#], ">", &["b."]),
            (
                r#"a."x | > {y ;":2 | invert <> b."<""#,
                &[r#"a."x | > {y ;":2"#, "invert"],
                "<>",
                &[r#"b."<""#],
            ),
            (r#"a."<>">b."{1..2} ;""#, &[r#"a."<>""#], ">", &[r#"b."{1..2} ;""#]),
            (r#"a."x > b.y"#, &[r#"a."x"#], ">", &["b.y"]),
            (r#"a.x | text "no end > b.y"#, &["a.x", r#"text "no end"#], ">", &["b.y"]),
        ] {
            assert_eq!(mapping_pieces(text), (left.to_vec(), operator, right.to_vec()), "{text}");
            assert_eq!(line(text, SectionKind::Map).faults, [], "{text}");
        }
    }

    #[test]
    fn a_chain_keeps_its_stages() {
        let text = r#"[chain soft] when a.x > 0.5 | text "]""#;
        for context in [SectionKind::Start, SectionKind::Options, SectionKind::Map, SectionKind::Chain] {
            let Item::Chain { name, stages } = line(text, context).item else { panic!("no chain") };
            let stages: Vec<_> = stages.iter().map(|stage| stage.of(text)).collect();
            assert_eq!((name.of(text), stages), ("soft", vec!["when a.x > 0.5", r#"text "]""#]));
        }
        let text = "curve 2 | smooth 80ms";
        let Item::Stages(stages) = line(text, SectionKind::Chain).item else { panic!("no stages") };
        assert_eq!(stages.iter().map(|stage| stage.of(text)).collect::<Vec<_>>(), ["curve 2", "smooth 80ms"]);
    }

    /// All spans of a line, in the order of the text.
    fn pieces(line: &Line) -> Vec<Span> {
        match &line.item {
            Item::Blank | Item::Map => vec![],
            Item::Comment(span) | Item::Invalid(span) | Item::Web(span) => vec![*span],
            Item::Include { file } => vec![*file],
            Item::Backend { name } => vec![*name],
            Item::Instance { backend, name } => vec![*backend, *name],
            Item::Option { name, value } => vec![*name, *value],
            Item::Chain { name, stages } => [&[*name], &stages[..]].concat(),
            Item::Stages(stages) => stages.clone(),
            Item::Mapping(mapping) => {
                let side = |side: &Side| [&[side.channels][..], &side.transforms].concat();
                [side(&mapping.left), vec![mapping.operator_at], side(&mapping.right)].concat()
            }
        }
    }

    fn any_line() -> impl Strategy<Value = String> {
        const WORDS: &str = "[·]·map·include·backend·osc· · ·\t·=·>·<·<>·.·{·}·..·,·1·9·;· | · | when a.x > 0.5·\
             | range 0..1 -> 1..0·|·\"·\\·chain·a·ü·\u{feff}·\0·\r·/x·-";
        let word = prop::sample::select(WORDS.split('·').collect::<Vec<_>>());
        prop_oneof![prop::collection::vec(word, 0..20).prop_map(|words| words.concat()), "[^\n]{0,40}",]
    }

    proptest! {
        #[test]
        fn every_piece_of_every_line_lies_in_it_in_order(
            text in any_line(),
            context in prop::sample::select(vec![SectionKind::Start, SectionKind::Options, SectionKind::Map, SectionKind::Chain]),
        ) {
            let line = line(&text, context);
            let mut at = 0;
            for piece in pieces(&line) {
                prop_assert!(piece.start >= at && piece.end >= piece.start, "{:?}", line);
                prop_assert!(piece.end as usize <= text.len());
                prop_assert!(text.is_char_boundary(piece.start as usize));
                prop_assert!(text.is_char_boundary(piece.end as usize));
                at = piece.end;
            }
            for fault in &line.faults {
                prop_assert!(text.get(fault.span.range()).is_some());
            }
        }

        #[test]
        fn a_document_of_any_bytes_prints_unchanged(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let document = Document::parse(bytes.clone());
            prop_assert!(document.lines().all(|line| document.text().get(line.span.range()).is_some()));
            prop_assert_eq!(document.print(), bytes);
        }

        #[test]
        fn quoted_text_in_a_stage_does_not_change_the_parts_around_it(
            quoted in "[^\n\"\\\\]{0,12}",
            name in "[a-z]{1,6}",
            operator in prop::sample::select(vec![">", "<>"]),
        ) {
            let text = format!("a.x | {name} \"{quoted}\" | invert {operator} b.y");
            let stage = format!("{name} \"{quoted}\"");
            prop_assert_eq!(mapping_pieces(&text), (vec!["a.x", &stage, "invert"], operator, vec!["b.y"]));
        }

        #[test]
        fn lines_and_their_ends_make_up_the_whole_text(lines in prop::collection::vec(any_line(), 0..8)) {
            let text = lines.join("\n");
            let document = Document::parse(text.clone());
            let spans: Vec<_> = document.lines().map(|line| line.span.of(&text).to_owned()).collect();
            prop_assert_eq!(spans.join("\n"), text.strip_suffix('\n').unwrap_or(&text));
        }

        #[test]
        fn replacing_a_piece_keeps_the_rest(lines in prop::collection::vec(any_line(), 1..8)) {
            let mut document = Document::parse(lines.join("\n"));
            let Some(piece) = document.lines().flat_map(|line| pieces(&line)).last() else { return Ok(()) };
            let text = document.text().to_owned();
            document.replace(piece, "new");
            let expected = [&text[..piece.start as usize], "new", &text[piece.end as usize..]].concat();
            prop_assert_eq!(document.print(), expected.into_bytes());
        }
    }
}
