//! Reads one line. Never fails: a line that is wrong is understood as far as possible and carries its faults.

use std::borrow::Cow;

use crosspatch_core::address::closing_quote;

use crate::syntax::lexer;
use crate::syntax::source::Span;
use crate::syntax::tree::{Context, Fault, Item, Line, Mapping, Side};
use crate::wording::quote;

/// Reads the line at `span`, which stands in a section of the given kind.
pub(crate) fn parse_line(text: &str, span: Span, context: Context) -> Line {
    let body = lexer::trim(text, span);
    let mut faults = Vec::new();
    let item = match (body.of(text).as_bytes().first(), context) {
        (None, _) => Item::Blank,
        (Some(b';'), _) => Item::Comment(body),
        (Some(b'['), _) if is_chain_header(body.of(text)) => chain_header(text, body, &mut faults),
        (Some(b'['), Context::Start | Context::Options | Context::Chain) => header(text, body, &mut faults),
        (Some(b'['), Context::Map) if lexer::operator(text, body).is_none() => {
            header(text, body, &mut faults)
        }
        (Some(_), Context::Map) => mapping(text, body, &mut faults),
        (Some(_), Context::Chain) => Item::Stages(stages(text, body, &mut faults)),
        (Some(_), Context::Options) => option(text, body, &mut faults),
        (Some(_), Context::Start) => stray(body, &mut faults, before_first_section(text, body)),
    };
    Line { span, item, faults }
}

fn fault(span: Span, id: &'static str, message: impl Into<String>, help: Option<&str>) -> Fault {
    Fault { span, id, message: message.into(), help: help.map(str::to_owned), is_warning: false }
}

/// The same for what is clear all the same.
fn doubt(span: Span, id: &'static str, message: impl Into<String>, help: Option<&str>) -> Fault {
    Fault { is_warning: true, ..fault(span, id, message, help) }
}

fn stray(body: Span, faults: &mut Vec<Fault>, fault: Fault) -> Item {
    faults.push(fault);
    Item::Stray(body)
}

fn before_first_section(text: &str, body: Span) -> Fault {
    // MIDIMonster passes over options that belong to nothing.
    if body.of(text).contains('=') && comment_hint(text, body).is_none() {
        let message = format!("{} stands above the first section and has no effect", quote(body.of(text)));
        return doubt(body, "no-section", message, None);
    }
    let found = format!("expected a section such as `[map]` first, found {}", quote(body.of(text)));
    fault(body, "no-section", found, comment_hint(text, body))
}

/// A hint if the line looks like a comment of another language.
fn comment_hint(text: &str, body: Span) -> Option<&'static str> {
    let line = body.of(text);
    let is_foreign = ["#", "//", "--", "/*", "rem "].iter().any(|mark| line.starts_with(mark));
    is_foreign.then_some("a comment begins with `;`")
}

/// `[...]`, in whatever state.
fn header(text: &str, body: Span, faults: &mut Vec<Fault>) -> Item {
    let inner = inside_brackets(text, body, faults);
    let (first, rest) = lexer::word(text, inner);
    match first.of(text) {
        "" => {
            let message = "expected a name between the brackets, found nothing";
            stray(body, faults, fault(body, "section", message, Some(SECTIONS)))
        }
        "include" => {
            if rest.is_empty() {
                let message = "expected a file behind `include`, found nothing";
                faults.push(fault(first, "section", message, Some("write `[include FILE]`")));
            }
            Item::Include { file: rest }
        }
        "backend" => {
            if rest.is_empty() {
                let message = "expected the name of a backend behind `backend`, found nothing";
                faults.push(fault(first, "section", message, Some("write `[backend NAME]`")));
            }
            Item::Backend { name: rest }
        }
        "map" => {
            if !rest.is_empty() {
                let message = format!("expected `[map]` alone, found {} behind it", quote(rest.of(text)));
                faults.push(fault(rest, "section", message, None));
            }
            Item::Map
        }
        _ => Item::Instance { backend: first, name: rest },
    }
}

pub(crate) const SECTIONS: &str =
    "sections are `[BACKEND NAME]`, `[backend BACKEND]`, `[map]`, `[chain NAME]` and `[include FILE]`";

fn inside_brackets(text: &str, body: Span, faults: &mut Vec<Fault>) -> Span {
    let start = body.start as usize + 1;
    let (inner, behind) = match body.of(text).rfind(']') {
        Some(close) => {
            let close = body.start as usize + close;
            (Span::new(start, close), Span::new(close + 1, body.end as usize))
        }
        None => {
            faults.push(fault(body, "section", "expected `]` at the end of the line", None));
            (Span::new(start, body.end as usize), Span::new(body.end as usize, body.end as usize))
        }
    };
    let behind = lexer::trim(text, behind);
    if !behind.is_empty() {
        let message = format!("expected nothing behind the section, found {}", quote(behind.of(text)));
        let is_comment = behind.of(text).starts_with([';', '#', '/']);
        faults.push(fault(behind, "section", message, is_comment.then_some(COMMENT)));
    }
    lexer::trim(text, inner)
}

const COMMENT: &str = "a comment needs a line of its own, which begins with `;`";

fn option(text: &str, body: Span, faults: &mut Vec<Fault>) -> Item {
    let line = body.of(text);
    let quotes = closing_quote(line, 0).map_or(0, |close| close + 1);
    let Some(equals) = line[quotes..].find('=').map(|len| quotes + len) else {
        let message = format!("expected `option = value`, found {}", quote(line));
        let help = comment_hint(text, body).or_else(|| {
            let is_mapping = lexer::operator(text, body).is_some();
            is_mapping.then_some("a mapping belongs into a `[map]` section")
        });
        return stray(body, faults, fault(body, "option-syntax", message, help));
    };
    let equals = body.start as usize + equals;
    let name = lexer::trim(text, Span::new(body.start as usize, equals));
    let value = lexer::trim(text, Span::new(equals + 1, body.end as usize));
    if name.is_empty() {
        let message = "expected the name of an option in front of `=`, found nothing";
        return stray(body, faults, fault(body, "option-syntax", message, None));
    }
    Item::Option { name, value }
}

/// Whether a line that begins with a bracket is `[chain ...]`. Its stages may look like a mapping.
fn is_chain_header(line: &str) -> bool {
    let word = line[1..].trim_start().strip_prefix("chain");
    word.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', ']']))
}

/// `[chain NAME] STAGES`.
fn chain_header(text: &str, body: Span, faults: &mut Vec<Fault>) -> Item {
    let start = body.start as usize + 1;
    let (name, behind) = match body.of(text).find(']') {
        Some(len) => {
            let inner = lexer::trim(text, Span::new(start, start + len - 1));
            (lexer::word(text, inner).1, Span::new(start + len, body.end as usize))
        }
        None => {
            faults.push(fault(body, "section", "expected `]` behind the name of the chain", None));
            let (_, rest) = lexer::word(text, lexer::trim(text, Span { start: start as u32, ..body }));
            lexer::word(text, rest)
        }
    };
    if name.is_empty() {
        let message = "expected the name of a chain behind `chain`, found nothing";
        faults.push(fault(body, "section", message, Some("write `[chain NAME]`")));
    }
    Item::Chain { name, stages: stages(text, lexer::trim(text, behind), faults) }
}

/// A line of stages, or what stands behind the header of their section.
fn stages(text: &str, body: Span, faults: &mut Vec<Fault>) -> Vec<Span> {
    let line = body.of(text);
    if line.is_empty() {
        return Vec::new();
    }
    if let Some(help) = comment_hint(text, body) {
        faults.push(fault(
            body,
            "chain-syntax",
            format!("expected stages, found {}", quote(line)),
            Some(help),
        ));
        return Vec::new();
    }
    let mut within = Vec::new();
    let masked = lexer::mask_stages(line);
    let whole = without_comment(line, &masked, &mut within);
    let stages = match lexer::operator(&masked, whole) {
        Some((operator, _)) => {
            let message = format!("expected stages joined by ` | `, found {}", quote(operator.of(line)));
            let help = "a chain has no channels at its ends; a mapping belongs into a `[map]` section";
            within.push(fault(operator, "chain-syntax", message, Some(help)));
            Vec::new()
        }
        None => filled(&masked, lexer::stages(&masked, whole), &mut within),
    };
    faults.extend(within.into_iter().map(|fault| fault.behind(body.start)));
    stages.into_iter().map(|stage| stage.behind(body.start)).collect()
}

fn mapping(text: &str, body: Span, faults: &mut Vec<Fault>) -> Item {
    let mut within = Vec::new();
    let mapping = mapping_of(body.of(text), &mut within);
    faults.extend(within.into_iter().map(|fault| fault.behind(body.start)));
    mapping.map_or(Item::Stray(body), |mapping| Item::Mapping(mapping.behind(body.start)))
}

/// Reads a mapping line; places count from its start. None if it is nothing like one.
fn mapping_of(line: &str, faults: &mut Vec<Fault>) -> Option<Mapping> {
    let body = Span::new(0, line.len());
    // No name of an instance begins so.
    if line.starts_with("# ") || line.starts_with("//") {
        let message = format!("expected a mapping, found {}", quote(line));
        faults.push(fault(body, "mapping-syntax", message, comment_hint(line, body)));
        return None;
    }
    // Nearly all lines have neither stages nor quotes nor a comment, and looking for both at once, to the end, takes no time.
    let is_simple = !line.bytes().fold(false, |found, byte| found | matches!(byte, b'|' | b';' | b'"'));
    let (masked, body) = if is_simple {
        (Cow::Borrowed(line), body)
    } else {
        let masked = lexer::mask_line(line);
        let body = without_comment(line, &masked, faults);
        (masked, body)
    };
    let Some((operator_at, operator)) = lexer::operator(&masked, body) else {
        let message =
            format!("expected `>`, `<` or `<>` between two channels, found {}", quote(body.of(line)));
        let is_option = body.of(&masked).contains('=');
        let help = comment_hint(line, body)
            .or_else(|| (masked.contains(" |") && body.of(line).contains(['<', '>'])).then_some(OWN_OPERATOR))
            .or_else(|| is_option.then_some("an option belongs into the section of its instance"));
        faults.push(fault(body, "mapping-syntax", message, help));
        return None;
    };
    let mut left = Span::new(0, operator_at.start as usize);
    let mut right = Span::new(operator_at.end as usize, body.end as usize);
    if let Some((second, _)) = lexer::operator(&masked, right) {
        let message = format!("expected one mapping a line, found a second {}", quote(second.of(line)));
        let between = Span { end: second.start, ..right };
        let compares = |part| lexer::stages(&masked, part).skip(1).last().is_some_and(|at| is_when(line, at));
        let help = match compares(left) || compares(between) {
            true => COMPARISON,
            false => "a value passes through several channels by several lines",
        };
        faults.push(fault(second, "mapping-syntax", message, Some(help)));
        return None;
    }
    if let Some(arrow) = arrow(&masked, left, operator_at, right) {
        let message = format!("expected {}, found {}", quote(operator_at.of(line)), quote(arrow.of(line)));
        faults.push(fault(arrow, "mapping-syntax", message, None));
        (left.end, right.start) = (arrow.start, arrow.end);
    }
    // A line that is its own signs has no bar.
    let bars = matches!(masked, Cow::Owned(_)).then_some(&*masked);
    let left = side(line, bars, left, operator_at, "in front of", faults);
    let right = side(line, bars, right, operator_at, "behind", faults);
    Some(Mapping { left, operator, operator_at, right })
}

/// Said where a sign has been taken for one of a stage, and the line has none for itself.
const OWN_OPERATOR: &str = "a `>` or `<` in front of a number or a quoted text belongs to its transform; \
                            the mapping needs one of its own";

const COMPARISON: &str = "`when` compares with a number or with a text between quotes";

fn is_when(line: &str, stage: Span) -> bool {
    lexer::word(line, stage).0.of(line) == "when"
}

/// Cuts off what was meant as a comment.
fn without_comment(line: &str, masked: &str, faults: &mut Vec<Fault>) -> Span {
    let mark = masked
        .bytes()
        .enumerate()
        .position(|(at, byte)| byte == b';' && at > 0 && matches!(masked.as_bytes()[at - 1], b' ' | b'\t'));
    let Some(mark) = mark else { return Span::new(0, line.len()) };
    let comment = Span::new(mark, line.len());
    let message = format!("{} behind a mapping is taken for a comment", quote(comment.of(line)));
    faults.push(doubt(comment, "comment", message, Some(COMMENT)));
    lexer::trim(line, Span::new(0, mark))
}

/// The `->`, `=>`, `<-` or `<=` of other languages.
fn arrow(masked: &str, left: Span, operator: Span, right: Span) -> Option<Span> {
    let shaft_before = left.of(masked).ends_with(" -") || left.of(masked).ends_with(" =");
    let shaft_behind = right.of(masked).starts_with("- ") || right.of(masked).starts_with("= ");
    (shaft_before || shaft_behind).then(|| {
        Span::new(
            operator.start as usize - usize::from(shaft_before),
            operator.end as usize + usize::from(shaft_behind),
        )
    })
}

/// One side of a mapping; `bars` are the signs of the line if it has any bar.
fn side(
    line: &str,
    bars: Option<&str>,
    part: Span,
    operator: Span,
    location: &str,
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
        let message = format!("expected a channel {location} {}, found nothing", quote(operator.of(line)));
        faults.push(fault(operator, "mapping-syntax", message, None));
    }
    Side { channels, transforms }
}

/// Those stages that are not empty.
fn filled(masked: &str, stages: impl Iterator<Item = Span>, faults: &mut Vec<Fault>) -> Vec<Span> {
    let is_filled = |stage: &Span| {
        if stage.is_empty() {
            let at = stage.start as usize;
            // The bar in front of it, or, where a line begins with one, the one behind.
            let bar = masked[..at].rfind('|').or_else(|| masked[at..].find('|').map(|len| at + len));
            let bar = bar.map_or(*stage, |bar| Span::new(bar, bar + 1));
            faults.push(fault(
                bar,
                "empty-stage",
                "expected a transform beside this `|`, found nothing",
                None,
            ));
        }
        !stage.is_empty()
    };
    stages.filter(is_filled).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Document;

    fn line(text: &str, context: Context) -> Line {
        parse_line(text, Span::new(0, text.len()), context)
    }

    #[test]
    fn sections_are_read_with_any_blanks() {
        let text = " [ osc   desk ] \r";
        let Item::Instance { backend, name } = line(text, Context::Map).item else { panic!("no instance") };
        assert_eq!((backend.of(text), name.of(text)), ("osc", "desk"));
        let text = "[include a b.cfg]";
        let Item::Include { file } = line(text, Context::Start).item else { panic!("no include") };
        assert_eq!(file.of(text), "a b.cfg");
    }

    #[test]
    fn the_section_decides_what_a_line_is() {
        assert!(matches!(line("/a > b = f", Context::Options).item, Item::Option { .. }));
        assert!(matches!(line("a.x = y > b.y", Context::Map).item, Item::Mapping(_)));
        assert!(matches!(line("a.x > b.y", Context::Start).item, Item::Stray(_)));
    }

    /// The pieces of a mapping line: left channels and stages, the operator, right channels and stages.
    fn mapping_pieces(text: &str) -> (Vec<&str>, &str, Vec<&str>) {
        let Item::Mapping(mapping) = line(text, Context::Map).item else { panic!("no mapping: {text}") };
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
            assert_eq!(line(text, Context::Map).faults, [], "{text}");
        }
    }

    #[test]
    fn a_chain_keeps_its_stages() {
        let text = r#"[chain soft] when a.x > 0.5 | text "]""#;
        for context in [Context::Start, Context::Options, Context::Map, Context::Chain] {
            let Item::Chain { name, stages } = line(text, context).item else { panic!("no chain") };
            let stages: Vec<_> = stages.iter().map(|stage| stage.of(text)).collect();
            assert_eq!((name.of(text), stages), ("soft", vec!["when a.x > 0.5", r#"text "]""#]));
        }
        let text = "curve 2 | smooth 80ms";
        let Item::Stages(stages) = line(text, Context::Chain).item else { panic!("no stages") };
        assert_eq!(stages.iter().map(|stage| stage.of(text)).collect::<Vec<_>>(), ["curve 2", "smooth 80ms"]);
    }

    /// Every place that a line names, in the order of the text.
    fn pieces(line: &Line) -> Vec<Span> {
        match &line.item {
            Item::Blank | Item::Map => vec![],
            Item::Comment(span) | Item::Stray(span) => vec![*span],
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
        let word = prop::sample::select(vec![
            "[",
            "]",
            "map",
            "include",
            "backend",
            "osc",
            " ",
            " ",
            "\t",
            "=",
            ">",
            "<",
            "<>",
            ".",
            "{",
            "}",
            "..",
            ",",
            "1",
            "9",
            ";",
            " | ",
            " | when a.x > 0.5",
            " | range 0..1 -> 1..0",
            "|",
            "\"",
            "\\",
            "chain",
            "a",
            "ü",
            "\u{feff}",
            "\0",
            "\r",
            "/x",
            "-",
        ]);
        prop_oneof![prop::collection::vec(word, 0..20).prop_map(|words| words.concat()), "[^\n]{0,40}",]
    }

    proptest! {
        #[test]
        fn every_piece_of_every_line_lies_in_it_in_order(
            text in any_line(),
            context in prop::sample::select(vec![Context::Start, Context::Options, Context::Map, Context::Chain]),
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
        fn a_document_of_any_bytes_prints_as_it_was(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let document = Document::parse(bytes.clone());
            prop_assert!(document.lines().all(|line| document.text().get(line.span.range()).is_some()));
            prop_assert_eq!(document.print(), bytes);
        }

        #[test]
        fn what_a_stage_quotes_changes_nothing_around_it(
            quoted in "[^\n\"\\\\]{0,12}",
            name in "[a-z]{1,6}",
            operator in prop::sample::select(vec![">", "<>"]),
        ) {
            let text = format!("a.x | {name} \"{quoted}\" | invert {operator} b.y");
            let stage = format!("{name} \"{quoted}\"");
            prop_assert_eq!(mapping_pieces(&text), (vec!["a.x", &stage, "invert"], operator, vec!["b.y"]));
        }

        #[test]
        fn lines_and_their_ends_are_the_whole_text(lines in prop::collection::vec(any_line(), 0..8)) {
            let text = lines.join("\n");
            let document = Document::parse(text.clone());
            let spans: Vec<_> = document.lines().map(|line| line.span.of(&text).to_owned()).collect();
            prop_assert_eq!(spans.join("\n"), text.strip_suffix('\n').unwrap_or(&text));
        }

        #[test]
        fn replacing_a_piece_leaves_the_rest(lines in prop::collection::vec(any_line(), 1..8)) {
            let mut document = Document::parse(lines.join("\n"));
            let Some(piece) = document.lines().flat_map(|line| pieces(&line)).last() else { return Ok(()) };
            let text = document.text().to_owned();
            document.replace(piece, "new");
            let expected = [&text[..piece.start as usize], "new", &text[piece.end as usize..]].concat();
            prop_assert_eq!(document.print(), expected.into_bytes());
        }
    }
}
