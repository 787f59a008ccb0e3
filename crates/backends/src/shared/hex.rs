//! Bytes as hexadecimal digits, for what no protocol can make a text of.

use std::fmt::Write;

/// How many bytes are shown.
const MAX_SHOWN: usize = 256;

/// Appends `0x` and the bytes; of many only the first, with a word about how many there are.
pub(crate) fn show(bytes: &[u8], line: &mut String) {
    line.push_str("0x");
    for byte in bytes.iter().take(MAX_SHOWN) {
        // Writing to a `String` cannot fail.
        let _ = write!(line, "{byte:02x}");
    }
    if bytes.len() > MAX_SHOWN {
        let _ = write!(line, "... ({} bytes)", bytes.len());
    }
}

/// Appends what `show` writes about the bytes, if `compose` makes the same bytes of it again. Otherwise, and if `show` returns
/// false, appends them as digits.
pub(crate) fn show_unless_read_again(
    bytes: &[u8],
    line: &mut String,
    compose: impl FnOnce(&str) -> Option<Vec<u8>>,
    show: impl FnOnce(&mut String) -> bool,
) {
    let start = line.len();
    if !show(line) || compose(&line[start..]).as_deref() != Some(bytes) {
        line.truncate(start);
        self::show(bytes, line);
    }
}

/// Bytes written as pairs of hexadecimal digits, without the `0x`.
pub(crate) fn parse(digits: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    pairs.iter().map(|&[high, low]| Some((digit(high)? << 4 | digit(low)?) as u8)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_and_read_again_and_many_are_counted() {
        let mut line = "before ".to_owned();
        show(&[0, 0x0f, 0xff], &mut line);
        assert_eq!(line, "before 0x000fff");
        assert_eq!(parse(&line[9..]), Some(vec![0, 0x0f, 0xff]));
        line.clear();
        show(&[0xab; 300], &mut line);
        assert!(line.ends_with("abab... (300 bytes)") && line.len() < 540, "{line}");
        assert_eq!((parse(""), parse("0"), parse("0g"), parse("\u{e9}")), (Some(vec![]), None, None, None));
    }
}
