//! Bytes as hexadecimal digits, for data that no protocol can format as text.

use std::fmt::Write;

/// The maximum number of bytes to show.
const MAX_SHOWN: usize = 256;

/// Appends `0x` and the bytes. If there are too many, appends only the first ones and the total number.
pub(crate) fn show(bytes: &[u8], line: &mut String) {
    line.push_str("0x");
    push(&bytes[..bytes.len().min(MAX_SHOWN)], line);
    if bytes.len() > MAX_SHOWN {
        let _ = write!(line, "... ({} bytes)", bytes.len());
    }
}

/// Appends the text that `show` writes for the bytes, if `compose` turns that text into the same bytes. Otherwise, or
/// if `show` returns false, appends the bytes as digits.
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

/// The bytes as pairs of digits, without the `0x`.
pub(crate) fn digits(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(2 * bytes.len());
    push(bytes, &mut digits);
    digits
}

fn push(bytes: &[u8], line: &mut String) {
    for byte in bytes {
        // Writing to a `String` cannot fail.
        let _ = write!(line, "{byte:02x}");
    }
}

/// Parses pairs of hexadecimal digits, without the `0x`.
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
