//! Colours as texts.

/// Reads `#rrggbb` or `#rgb`, which are opaque, or `#rrggbbaa`, in capitals or not, and returns the four bytes as a number, red
/// first.
pub fn parse_color(text: &str) -> Option<u32> {
    // Rust would take a plus sign for the first digit.
    let digits =
        text.strip_prefix('#').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    let number = u32::from_str_radix(digits, 16).ok()?;
    match digits.len() {
        3 => Some(u32::from_be_bytes([8, 4, 0, 4].map(|shift| (number >> shift & 0xf) as u8 * 0x11)) | 0xff),
        6 => Some(number << 8 | 0xff),
        8 => Some(number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_have_three_six_or_eight_digits_and_nothing_else() {
        assert_eq!(
            (parse_color("#ff8000"), parse_color("#FF800040")),
            (Some(0xff80_00ff), Some(0xff80_0040))
        );
        assert_eq!((parse_color("#f80"), parse_color("#012")), (Some(0xff88_00ff), Some(0x0011_22ff)));
        for text in ["", "#", "ff8000", "#ff800", "#ff80000", "#+f8000", "#gg0000", "#ff8000ff0"] {
            assert_eq!(parse_color(text), None, "{text}");
        }
    }
}
