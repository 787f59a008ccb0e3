//! Reads one line. Never fails: a line that is wrong is understood as far as possible and carries its faults.

use crate::ast::{Context, Fault, Item, Line, Mapping, Side};
use crate::diagnostic::quote;
use crate::lexer;
use crate::source::Span;

/// Reads the line at `span`, which stands in a section of the given kind.
pub(crate) fn parse_line(text: &str, span: Span, context: Context) -> Line {
    let body = lexer::trim(text, span);
    let mut faults = Vec::new();
    let item = match (body.of(text).as_bytes().first(), context) {
        (None, _) => Item::Blank,
        (Some(b';'), _) => Item::Comment(body),
        (Some(b'['), Context::Start | Context::Options) => header(text, body, &mut faults),
        (Some(b'['), Context::Map) if lexer::operator(text, body).is_none() => {
            header(text, body, &mut faults)
        }
        (Some(_), Context::Map) => mapping(text, body, &mut faults),
        (Some(_), Context::Options) => option(text, body, &mut faults),
        (Some(_), Context::Start) => stray(body, &mut faults, before_first_section(text, body)),
    };
    Line { span, item, faults }
}

fn fault(span: Span, id: &'static str, message: impl Into<String>, help: Option<&str>) -> Fault {
    Fault { span, id, message: message.into(), help: help.map(str::to_owned) }
}

fn stray(body: Span, faults: &mut Vec<Fault>, fault: Fault) -> Item {
    faults.push(fault);
    Item::Stray(body)
}

fn before_first_section(text: &str, body: Span) -> Fault {
    let found = format!("expected a section such as `[map]` first, found {}", quote(body.of(text)));
    fault(body, "no-section", found, foreign_comment(text, body))
}

/// A hint if the line looks like a comment of another language.
fn foreign_comment(text: &str, body: Span) -> Option<&'static str> {
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
    "sections are `[BACKEND NAME]`, `[backend BACKEND]`, `[map]` and `[include FILE]`";

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
    let Some(equals) = line.find('=') else {
        let message = format!("expected `option = value`, found {}", quote(line));
        let help = foreign_comment(text, body).or_else(|| {
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

fn mapping(text: &str, body: Span, faults: &mut Vec<Fault>) -> Item {
    let whole = body;
    // No name of an instance begins so.
    if body.of(text).starts_with("# ") || body.of(text).starts_with("//") {
        let message = format!("expected a mapping, found {}", quote(body.of(text)));
        return stray(whole, faults, fault(body, "mapping-syntax", message, foreign_comment(text, body)));
    }
    let body = without_comment(text, body, faults);
    let Some((operator_at, operator)) = lexer::operator(text, body) else {
        let message =
            format!("expected `>`, `<` or `<>` between two channels, found {}", quote(body.of(text)));
        let is_option = body.of(text).contains('=');
        let help = foreign_comment(text, body)
            .or_else(|| is_option.then_some("an option belongs into the section of its instance"));
        return stray(whole, faults, fault(body, "mapping-syntax", message, help));
    };
    let mut left = Span::new(body.start as usize, operator_at.start as usize);
    let mut right = Span::new(operator_at.end as usize, body.end as usize);
    if let Some((second, _)) = lexer::operator(text, right) {
        let message = format!("expected one mapping a line, found a second {}", quote(second.of(text)));
        let help = "a value passes through several channels by several lines";
        return stray(whole, faults, fault(second, "mapping-syntax", message, Some(help)));
    }
    if let Some(arrow) = arrow(text, left, operator_at, right) {
        let message = format!("expected {}, found {}", quote(operator_at.of(text)), quote(arrow.of(text)));
        faults.push(fault(arrow, "mapping-syntax", message, None));
        (left.end, right.start) = (arrow.start, arrow.end);
    }
    let left = side(text, left, operator_at, "in front of", faults);
    let right = side(text, right, operator_at, "behind", faults);
    Item::Mapping(Mapping { left, operator, operator_at, right })
}

/// Cuts off what was meant as a comment.
fn without_comment(text: &str, body: Span, faults: &mut Vec<Fault>) -> Span {
    let line = body.of(text);
    let mark = line
        .bytes()
        .enumerate()
        .position(|(at, byte)| byte == b';' && at > 0 && matches!(line.as_bytes()[at - 1], b' ' | b'\t'));
    let Some(mark) = mark else { return body };
    let mark = body.start as usize + mark;
    let comment = Span::new(mark, body.end as usize);
    let message = format!("expected the end of the mapping, found {}", quote(comment.of(text)));
    faults.push(fault(comment, "mapping-syntax", message, Some(COMMENT)));
    lexer::trim(text, Span::new(body.start as usize, mark))
}

/// The `->`, `=>`, `<-` or `<=` of other languages.
fn arrow(text: &str, left: Span, operator: Span, right: Span) -> Option<Span> {
    let shaft_before = left.of(text).ends_with(" -") || left.of(text).ends_with(" =");
    let shaft_behind = right.of(text).starts_with("- ") || right.of(text).starts_with("= ");
    (shaft_before || shaft_behind).then(|| {
        Span::new(
            operator.start as usize - usize::from(shaft_before),
            operator.end as usize + usize::from(shaft_behind),
        )
    })
}

fn side(text: &str, part: Span, operator: Span, place: &str, faults: &mut Vec<Fault>) -> Side {
    let mut stages = lexer::stages(text, part);
    let channels = stages.next().unwrap_or(part);
    if channels.is_empty() {
        let message = format!("expected a channel {place} {}, found nothing", quote(operator.of(text)));
        faults.push(fault(operator, "mapping-syntax", message, None));
    }
    Side { channels, transforms: stages.collect() }
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

    #[test]
    fn a_mapping_keeps_its_transforms() {
        let text = "x.EV_ABS.ABS_X | invert | curve 2.2 > out.1+2";
        let Item::Mapping(mapping) = line(text, Context::Map).item else { panic!("no mapping") };
        assert_eq!(mapping.left.channels.of(text), "x.EV_ABS.ABS_X");
        let transforms: Vec<_> = mapping.left.transforms.iter().map(|stage| stage.of(text)).collect();
        assert_eq!(transforms, ["invert", "curve 2.2"]);
        assert_eq!(mapping.right.channels.of(text), "out.1+2");
        assert!(mapping.right.transforms.is_empty());
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
            Item::Mapping(mapping) => {
                let side = |side: &Side| [&[side.channels][..], &side.transforms].concat();
                [side(&mapping.left), vec![mapping.operator_at], side(&mapping.right)].concat()
            }
        }
    }

    fn any_line() -> impl Strategy<Value = String> {
        let word = prop::sample::select(vec![
            "[", "]", "map", "include", "backend", "osc", " ", " ", "\t", "=", ">", "<", "<>", ".", "{", "}",
            "..", ",", "1", "9", ";", " | ", "a", "ü", "\u{feff}", "\0", "\r", "/x", "-",
        ]);
        prop_oneof![prop::collection::vec(word, 0..20).prop_map(|words| words.concat()), "[^\n]{0,40}",]
    }

    proptest! {
        #[test]
        fn every_piece_of_every_line_lies_in_it_in_order(
            text in any_line(),
            context in prop::sample::select(vec![Context::Start, Context::Options, Context::Map]),
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
