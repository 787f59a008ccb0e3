//! Markdown as the literate tests use it: prose, and blocks between fences.

/// A piece of a Markdown text: a line of prose, or a block with the word after its fence.
pub(crate) enum Piece<'t> {
    Prose(&'t str),
    Block(&'t str, String),
}

/// All pieces of a text, in order.
pub(crate) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        pieces.push(match line.strip_prefix("```") {
            Some(info) => {
                let body = lines.by_ref().take_while(|line| *line != "```");
                Piece::Block(info, body.flat_map(|line| [line, "\n"]).collect())
            }
            None => Piece::Prose(line),
        });
    }
    pieces
}

/// The first line in which two texts differ.
pub(crate) fn first_difference(expected: &str, found: &str) -> String {
    let (mut expected, mut found) = (expected.lines(), found.lines());
    for number in 1.. {
        let (one, other) = (expected.next(), found.next());
        if one != other {
            return format!("line {number}: expected {one:?}\n{:>w$} {other:?}", "found", w = 17);
        }
    }
    String::new()
}
